//! Clients that go away in the middle of a call, while the database is slow:
//! they leave no open transaction, no file that nothing refers to, no lane that
//! is stuck, and no room taken.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use livespan_server::proto::v1::span_service_client::SpanServiceClient;
use sqlx::PgPool;
use tokio::{
    task::JoinSet,
    time::{error::Elapsed, timeout},
};
use tonic::{Code, Status, transport::Channel};

use crate::{
    fleet::{
        assert_excusable,
        content::{end_of, file_hash, start_of},
        ledger::{Fact, Ledger},
    },
    proxy::{Mode, Proxy},
    random::Random,
    requests::{Key, end, heartbeat, numbered, start},
    stage::{Record, Stage, volume},
    support::{self, eventually},
};

/// As much as the largest call takes, so that a byte that is not given back shows.
const BUFFER: &str = "4MiB";
const BUFFER_BYTES: usize = 4 << 20;

const LANES: usize = 4;

const CALLERS: u32 = 20;

/// Calls are given up after up to 2^21 µs; as many after 2 to 4 µs as after more than
/// a second, so that each stage of a call sees some of it.
const STAGES: u64 = 22;

/// By how much each piece of what the server and its database say is late.
const SLOWNESS: Duration = Duration::from_millis(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_given_up_leave_nothing_behind() {
    let mut random = Random::seeded("cancellation");
    let mut record = Record::of("cancelled calls");
    let database_url = support::new_database().await;
    let proxy = Proxy::start(&database_url).await;
    let lanes = LANES.to_string();
    let variables = [("LIVESPAN_INGEST_BUFFER", BUFFER), ("LIVESPAN_LANES", lanes.as_str())];
    let url = proxy.url_of(&database_url);
    let mut stage = Stage::open_at(database_url, &url, &variables).await;
    let mut fleet = stage.fleet(5, &mut random);
    fleet.all_move().await;
    proxy.set(Mode::Late(SLOWNESS));

    let calls = volume(3_000, 10_000);
    let mut callers = JoinSet::new();
    for first in 0..CALLERS {
        // A connection each: a server closes one that resets too many calls.
        let spans = SpanServiceClient::new(stage.at.endpoint().connect_lazy());
        let (ledger, random) = (fleet.book.ledger(), random.fork());
        let mut caller = Caller { spans, ledger, random, cancelled: 0, answered: 0 };
        callers.spawn(async move {
            for number in (first..calls).step_by(CALLERS as usize) {
                caller.gives_up(u64::from(number)).await;
            }
            (caller.cancelled, caller.answered)
        });
    }
    let (mut cancelled, mut answered) = (0, 0);
    while let Some(caller) = callers.join_next().await {
        let (more_cancelled, more_answered) = caller.expect("no call is answered wrongly");
        cancelled += more_cancelled;
        answered += more_answered;
    }
    println!("of {calls} calls {cancelled} given up, {answered} answered");
    // Else this proves nothing.
    assert!(cancelled >= 2_000 && answered > calls / 100, "{cancelled} {answered}");
    proxy.set(Mode::Pass);
    let took = fleet.in_service(std::time::Instant::now()).await;
    (0..calls).for_each(|_| record.took(took));
    let artifacts = stage.home.path().join("artifacts");
    fleet.settle(&stage.database_url).await;

    // A call that needs all of the room.
    let mut spans = SpanServiceClient::new(stage.at.endpoint().connect_lazy());
    eventually("all room is free again", || {
        let mut spans = spans.clone();
        async move {
            let artifact = Key::random().artifact(vec![0_u8; BUFFER_BYTES]);
            match spans.store_artifact(artifact).await {
                Ok(_) => true,
                Err(status) => {
                    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
                    false
                }
            }
        }
    })
    .await;
    let pool = PgPool::connect(&stage.database_url).await.unwrap();
    eventually("no transaction is open", || async {
        let open: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'livespan'
             AND datname = current_database() AND state LIKE 'idle in transaction%'",
        )
        .fetch_one(&pool)
        .await
        .unwrap();
        open == 0
    })
    .await;
    eventually("each file has its row, and each row its file", || async {
        let files = all_files_beneath(&artifacts);
        let rows: Vec<String> = sqlx::query_scalar("SELECT storage_key FROM run_artifacts")
            .fetch_all(&pool)
            .await
            .unwrap();
        files == rows.into_iter().collect()
    })
    .await;
    pool.close().await;
    // So many runs reach every lane.
    for _ in 0..16 * LANES {
        spans.start_span(Key::random().start()).await.expect("its lane writes");
    }
    drop(spans);
    let (_, in_order) = stage.terminate();
    assert!(in_order, "and the server still ends in order");
}

/// Calls, and goes away after a random time.
struct Caller {
    spans: SpanServiceClient<Channel>,
    ledger: Ledger,
    random: Random,
    cancelled: u32,
    answered: u32,
}

impl Caller {
    async fn gives_up(&mut self, number: u64) {
        let key = Key::of(self.random.uuid(), self.random.uuid());
        let stage = self.random.below(STAGES);
        let patience = self.random.micros(Duration::from_micros(1 << stage));
        let mut spans = self.spans.clone();
        match self.random.below(5) {
            0 => {
                self.ledger.sends(&key, number, Fact::Start);
                let answer = timeout(patience, spans.start_span(start_of(&key, number))).await;
                self.take(&answer, &key, number, Fact::Start);
            }
            1 => {
                let fact = Fact::Progress(2.0);
                self.ledger.sends(&key, number, fact);
                let answer = timeout(patience, spans.heartbeat(key.progress(2.0))).await;
                self.take(&answer, &key, number, fact);
            }
            2 => {
                self.ledger.sends(&key, number, Fact::End);
                let answer = timeout(patience, spans.end_span(end_of(&key, number))).await;
                self.take(&answer, &key, number, Fact::End);
            }
            3 => {
                let bytes = usize::try_from(self.random.below(20_000)).unwrap();
                let content = vec![7_u8; bytes];
                let hash = file_hash(&content);
                self.ledger.sends(&key, number, Fact::Progress(0.0));
                self.ledger.sends_file(&hash);
                let answer = timeout(patience, spans.store_artifact(key.artifact(content))).await;
                if self.is_answered(&answer)
                    && let Ok(Ok(reply)) = answer
                {
                    self.ledger.enter_file(&reply.into_inner().artifact_id, &hash);
                }
            }
            _ => {
                self.cancelled += 1;
                let facts = [Fact::Start, Fact::Progress(1.0), Fact::End];
                for fact in facts {
                    self.ledger.sends(&key, number, fact);
                }
                let mut acked_through = 0;
                let _ =
                    timeout(patience, follow(&mut spans, &key, number, &mut acked_through)).await;
                let acked = facts.iter().take(usize::try_from(acked_through).unwrap());
                self.ledger.enter(acked.map(|fact| (&key, number, *fact)));
            }
        }
    }

    fn take<T>(
        &mut self,
        answer: &Result<Result<T, Status>, Elapsed>,
        key: &Key,
        number: u64,
        fact: Fact,
    ) {
        if self.is_answered(answer) {
            self.ledger.enter([(key, number, fact)]);
        }
    }

    fn is_answered<T>(&mut self, answer: &Result<Result<T, Status>, Elapsed>) -> bool {
        match answer {
            Ok(Ok(_)) => self.answered += 1,
            // The room is small on purpose, and the connection may be closed for
            // the calls that it reset.
            Ok(Err(status)) => assert_excusable(status),
            Err(_) => self.cancelled += 1,
        }
        matches!(answer, Ok(Ok(_)))
    }
}

/// Streams a span, and many heartbeats of it after its end, for as long as it
/// is let.
async fn follow(
    spans: &mut SpanServiceClient<Channel>,
    key: &Key,
    number: u64,
    acked_through: &mut u64,
) {
    let mut events = vec![
        numbered(1, start(start_of(key, number))),
        numbered(2, heartbeat(key.progress(1.0))),
        numbered(3, end(end_of(key, number))),
    ];
    events.extend((4..50).map(|seq| numbered(seq, heartbeat(key.heartbeat()))));
    let Ok(response) = spans.stream_spans(tokio_stream::iter(events)).await else { return };
    let mut replies = response.into_inner();
    while let Ok(Some(reply)) = replies.message().await {
        assert!(reply.rejected.is_empty(), "{:?}", reply.rejected);
        *acked_through = reply.acked_through;
    }
}

/// The files of the store by their keys, unfinished ones too.
fn all_files_beneath(folder: &Path) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    for run in fs::read_dir(folder).unwrap() {
        let run = run.unwrap();
        // A file may go while this looks.
        for file in fs::read_dir(run.path()).unwrap().flatten() {
            let (run, file) = (run.file_name(), file.file_name());
            files.insert(format!("{}/{}", run.display(), file.display()));
        }
    }
    files
}
