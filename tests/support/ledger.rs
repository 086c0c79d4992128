//! A client that streams spans, keeps a ledger of what was acknowledged, and
//! sends the rest again after every break. In the end the ledger is compared
//! with what is stored.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use livespan::proto::v1::{
    EndSpanRequest, SpanError, StartSpanRequest, Status, span_service_client::SpanServiceClient,
    stream_spans_request::Event,
};
use serde_json::json;
use sqlx::PgPool;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, transport::Endpoint};

use super::{
    random::Random,
    requests::{self, Key, numbered, object},
};

/// How many events a client has under way.
const WINDOW: usize = 32;

/// How certain it is that something was stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Known {
    /// It was never sent.
    #[default]
    Unsent,
    /// It was sent, and nobody said what became of it.
    Maybe,
    /// It was acknowledged.
    Acked,
}

/// What a client knows of a span that it told about.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entry {
    pub(crate) number: u64,
    pub(crate) start: Known,
    pub(crate) end: Known,
    /// The highest progress that was acknowledged.
    pub(crate) progress: Option<f64>,
}

/// Spans by key.
pub(crate) type Ledger = BTreeMap<Key, Entry>;

#[derive(Debug, Clone, Copy)]
enum Fact {
    Start,
    Progress(f64),
    End,
}

struct Unacked {
    seq: u64,
    event: Event,
    key: Key,
    fact: Fact,
}

/// The client. Its numbers make its spans' content, so that what is stored can
/// be told from its key alone.
pub(crate) struct Client {
    pub(crate) url: String,
    pub(crate) random: Random,
    /// Whether it forgets what was under way when its stream breaks, as one
    /// does that is killed itself.
    pub(crate) forgetful: bool,
    /// Counts what is acknowledged to all clients.
    pub(crate) acked: Arc<AtomicU64>,
    /// Becomes true when nothing new is to be sent.
    pub(crate) stop: watch::Receiver<bool>,
    ledger: Ledger,
    unacked: VecDeque<Unacked>,
    planned: VecDeque<(Event, Key, Fact)>,
    next_seq: u64,
    next_number: u64,
    run_id: uuid::Uuid,
}

impl Client {
    pub(crate) fn new(
        url: String,
        mut random: Random,
        forgetful: bool,
        acked: Arc<AtomicU64>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let run_id = random.uuid();
        Self {
            url,
            random,
            forgetful,
            acked,
            stop,
            ledger: Ledger::new(),
            unacked: VecDeque::new(),
            planned: VecDeque::new(),
            next_seq: 1,
            next_number: 1,
            run_id,
        }
    }

    /// Streams until told to stop and everything is acknowledged. Panics where
    /// the server rejects what is right, or breaks a stream for no reason.
    pub(crate) async fn run(mut self) -> Ledger {
        while !(*self.stop.borrow() && self.unacked.is_empty() && self.planned.is_empty()) {
            if self.session().await.is_none() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            if self.forgetful {
                self.unacked.clear();
                self.planned.clear();
            }
        }
        self.ledger
    }

    /// One connection, to its end. None where there was none.
    async fn session(&mut self) -> Option<()> {
        let channel = Endpoint::from_shared(self.url.clone())
            .expect("url")
            .connect_timeout(Duration::from_secs(5))
            .connect()
            .await
            .ok()?;
        let (events, outgoing) = mpsc::channel(1);
        let mut events = Some(events);
        let mut spans = SpanServiceClient::new(channel);
        let opened = spans.stream_spans(ReceiverStream::new(outgoing)).await;
        let mut replies = match opened {
            Ok(response) => response.into_inner(),
            Err(status) => {
                assert_excusable(&status);
                return None;
            }
        };
        let mut sent = 0;
        let mut stop = self.stop.clone();
        loop {
            self.plan(*stop.borrow());
            let more = sent < self.unacked.len();
            if !more && *stop.borrow() && self.planned.is_empty() {
                // Says that nothing more comes.
                events = None;
            }
            tokio::select! {
                permit = async { events.as_ref().expect("open").reserve().await }, if more => {
                    let Ok(permit) = permit else { return Some(()) };
                    let unacked = &self.unacked[sent];
                    permit.send(numbered(unacked.seq, unacked.event.clone()));
                    sent += 1;
                }
                reply = replies.message() => match reply {
                    Ok(Some(reply)) => {
                        assert!(reply.rejected.is_empty(), "{:?}", reply.rejected);
                        sent -= self.settle(reply.acked_through);
                    }
                    Ok(None) => return Some(()),
                    Err(status) => {
                        assert_excusable(&status);
                        return Some(());
                    }
                },
                _ = stop.changed(), if !*self.stop.borrow() => {}
            }
        }
    }

    /// Takes further events under way as there is room.
    fn plan(&mut self, stopping: bool) {
        while self.unacked.len() < WINDOW {
            if self.planned.is_empty() && !stopping {
                self.invent();
            }
            let Some((event, key, fact)) = self.planned.pop_front() else { return };
            let entry = self.ledger.get_mut(&key).expect("entered");
            match fact {
                Fact::Start => entry.start = Known::Maybe,
                Fact::End => entry.end = Known::Maybe,
                Fact::Progress(_) => {}
            }
            self.unacked.push_back(Unacked { seq: self.next_seq, event, key, fact });
            self.next_seq += 1;
        }
    }

    /// A span: its start, up to three heartbeats, mostly its end.
    fn invent(&mut self) {
        if self.random.once_in(8) {
            self.run_id = self.random.uuid();
        }
        let key = Key::of(self.run_id, self.random.uuid());
        let number = self.next_number;
        self.next_number += 1;
        self.ledger.insert(key.clone(), Entry { number, ..Entry::default() });
        let begin = requests::start(start_of(&key, number));
        self.planned.push_back((begin, key.clone(), Fact::Start));
        for beat in 1..=self.random.below(4) {
            #[allow(clippy::cast_precision_loss)] // at most 3
            let progress = beat as f64;
            let event = requests::heartbeat(key.progress(progress));
            self.planned.push_back((event, key.clone(), Fact::Progress(progress)));
        }
        if !self.random.once_in(10) {
            let over = requests::end(end_of(&key, number));
            self.planned.push_back((over, key, Fact::End));
        }
    }

    /// Enters what is acknowledged. Returns how many events that was.
    fn settle(&mut self, acked_through: u64) -> usize {
        let mut settled = 0;
        while self.unacked.front().is_some_and(|unacked| unacked.seq <= acked_through) {
            let unacked = self.unacked.pop_front().expect("front");
            let entry = self.ledger.get_mut(&unacked.key).expect("entered");
            match unacked.fact {
                Fact::Start => entry.start = Known::Acked,
                Fact::Progress(progress) => entry.progress = Some(progress),
                Fact::End => entry.end = Known::Acked,
            }
            settled += 1;
        }
        self.acked.fetch_add(settled as u64, Ordering::SeqCst);
        settled
    }
}

/// Breaks are part of these tests; anything but a break is a bug.
pub(crate) fn assert_excusable(status: &tonic::Status) {
    let broken = matches!(status.code(), Code::Unavailable)
        || (matches!(status.code(), Code::Unknown | Code::Cancelled | Code::Internal)
            && std::error::Error::source(status).is_some());
    assert!(broken, "{status:?}");
}

/// The start of the span with this number, as [`compare`] expects it.
pub(crate) fn start_of(key: &Key, number: u64) -> StartSpanRequest {
    StartSpanRequest {
        step_name: step_name(number),
        attributes: object(&json!({ "text": text(number), "number": number })),
        ..key.start()
    }
}

/// Its end.
pub(crate) fn end_of(key: &Key, number: u64) -> EndSpanRequest {
    let failed = status(number) == Status::Failed;
    EndSpanRequest {
        error: failed.then(|| SpanError { message: text(number), ..SpanError::default() }),
        output: object(&json!({ "number": number })),
        ..key.end(status(number))
    }
}

fn step_name(number: u64) -> String {
    format!("step {number}")
}

fn text(number: u64) -> String {
    format!("the lazy dog {number} ").repeat(usize::try_from(number % 7).expect("small") + 1)
}

fn status(number: u64) -> Status {
    [Status::Success, Status::Failed, Status::Cancelled]
        [usize::try_from(number % 3).expect("small")]
}

#[derive(sqlx::FromRow)]
struct Stored {
    run_id: uuid::Uuid,
    span_id: uuid::Uuid,
    step_name: Option<String>,
    status: Option<String>,
    attributes_text: Option<String>,
    attributes_number: Option<String>,
    output_number: Option<String>,
    error_message: Option<String>,
    progress_current: Option<f64>,
    conflicting_ends: i32,
}

const STORED: &str = "
    SELECT run_id, span_id, step_name, NULL AS status, attributes ->> 'text' AS attributes_text,
           attributes ->> 'number' AS attributes_number, NULL AS output_number,
           NULL AS error_message, progress_current, 0 AS conflicting_ends
    FROM live_spans
    UNION ALL
    SELECT run_id, span_id, step_name, status, attributes ->> 'text',
           attributes ->> 'number', output_summary ->> 'number',
           error_message, progress_current, conflicting_ends
    FROM finished_spans";

/// Compares. Everything acknowledged is stored as it was sent, once; nothing is
/// stored twice, and nothing that was never sent. Returns how many spans there
/// are.
pub(crate) async fn compare(pool: &PgPool, ledgers: Vec<Ledger>) -> usize {
    let rows: Vec<Stored> = sqlx::query_as(STORED).fetch_all(pool).await.expect("rows");
    let mut stored: BTreeMap<Key, Stored> = BTreeMap::new();
    for row in rows {
        let key = Key::of(row.run_id, row.span_id);
        if let Some(twice) = stored.insert(key, row) {
            panic!("{}/{} is stored twice", twice.run_id, twice.span_id);
        }
    }
    let count = stored.len();
    for (key, entry) in ledgers.into_iter().flatten() {
        let Some(row) = stored.remove(&key) else {
            let acked = entry.start == Known::Acked
                || entry.end == Known::Acked
                || entry.progress.is_some();
            assert!(!acked, "{key:?} is lost: {entry:?}");
            continue;
        };
        let number = entry.number;
        // A start, where it is stored, is stored whole.
        if entry.start == Known::Acked || row.step_name.is_some() {
            assert_eq!(row.step_name, Some(step_name(number)), "{entry:?}");
            assert_eq!(row.attributes_text, Some(text(number)), "{entry:?}");
            assert_eq!(row.attributes_number, Some(number.to_string()), "{entry:?}");
        }
        match entry.end {
            Known::Unsent => assert_eq!(row.status, None, "{entry:?}"),
            Known::Acked => assert!(row.status.is_some(), "the end of {key:?} is lost: {entry:?}"),
            Known::Maybe => {}
        }
        if let Some(stored_status) = row.status {
            assert_eq!(stored_status, status(number).as_str_name(), "{entry:?}");
            assert_eq!(row.output_number, Some(number.to_string()), "{entry:?}");
            let message = (status(number) == Status::Failed).then(|| text(number));
            assert_eq!(row.error_message, message, "{entry:?}");
            assert_eq!(row.conflicting_ends, 0, "a repeated end is no conflict: {entry:?}");
        }
        if let Some(progress) = entry.progress {
            assert!(row.progress_current >= Some(progress), "{entry:?} {:?}", row.progress_current);
        }
    }
    assert!(stored.is_empty(), "nobody sent {:?}", stored.keys().next());
    let ghosts: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM (SELECT run_id FROM live_spans UNION SELECT run_id FROM finished_spans) s
         WHERE NOT EXISTS (SELECT FROM runs r WHERE r.run_id = s.run_id)",
    )
    .fetch_one(pool)
    .await
    .expect("count");
    assert_eq!(ghosts, 0, "every span's run is stored with it");
    count
}
