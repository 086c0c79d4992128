//! The reply is lost after the commit: what the client sends again is stored
//! already, and is acknowledged.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use livespan_server::proto::v1::span_service_client::SpanServiceClient;
use sqlx::PgPool;
use tokio::task::{JoinHandle, JoinSet};
use tonic::transport::Channel;

use crate::{
    fleet::{
        Target,
        audit::Audit,
        content::{end_of, exported, exported_key, start_of},
        export,
        ledger::{Book, Fact, Ledger},
    },
    proxy::Mode,
    random::Random,
    requests::{Key, end, heartbeat, numbered, start},
    stage::{Record, Road, Stage, volume},
    support::eventually,
};

const WORKERS: u32 = 4;

/// What is sent.
#[derive(Debug, Clone)]
enum Call {
    Start,
    Heartbeat,
    End,
    Stream,
    ExportGrpc,
    ExportHttp { json: bool },
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_again_because_its_reply_was_lost_is_stored_once_and_acknowledged() {
    let mut random = Random::seeded("lost replies");
    let stage = Stage::open(&[]).await;
    let book = Book::new();
    let pool = PgPool::connect(&stage.database_url).await.unwrap();
    let replies = volume(200, 10_000);
    let mut workers = JoinSet::new();
    for worker in 0..WORKERS {
        let mut client = Client {
            road: Road::to(&stage).await,
            pool: pool.clone(),
            ledger: book.ledger(),
            random: random.fork(),
        };
        workers.spawn(async move {
            let mut longest = Duration::ZERO;
            for number in (worker..replies).step_by(WORKERS as usize) {
                longest = longest.max(client.loses_a_reply(u64::from(number)).await);
            }
            longest
        });
    }
    let mut longest = Duration::ZERO;
    while let Some(worker) = workers.join_next().await {
        longest = longest.max(worker.expect("every call is answered in the end"));
    }
    let mut record = Record::of("replies lost");
    (0..replies).for_each(|_| record.took(longest));
    let artifacts = stage.home.path().join("artifacts");
    let spans = Audit::new(&book, Some(artifacts)).check(&stage.database_url).await;
    assert!(spans >= replies as usize, "each call is about a span of its own: {spans}");
    pool.close().await;
}

struct Client {
    road: Road,
    pool: PgPool,
    ledger: Ledger,
    random: Random,
}

impl Client {
    /// Sends, waits until it is stored, loses the reply, and sends again.
    /// Returns how long the second took.
    async fn loses_a_reply(&mut self, number: u64) -> Duration {
        let (run_id, span_id) = (self.random.uuid(), self.random.next().max(1));
        let key = exported_key(run_id, span_id);
        let call = match self.random.below(6) {
            0 => Call::Start,
            1 => Call::Heartbeat,
            2 => Call::End,
            3 => Call::Stream,
            4 => Call::ExportGrpc,
            _ => Call::ExportHttp { json: self.random.once_in(2) },
        };
        let facts: &[Fact] = match call {
            Call::Start => &[Fact::Start],
            Call::Heartbeat => &[Fact::Progress(2.0)],
            Call::End => &[Fact::End],
            Call::Stream => &[Fact::Start, Fact::Progress(2.0), Fact::End],
            Call::ExportGrpc | Call::ExportHttp { .. } => &[Fact::Start, Fact::End],
        };
        for fact in facts {
            self.ledger.sends(&key, number, *fact);
        }
        let send = |at: Target| {
            let (call, key) = (call.clone(), key.clone());
            tokio::spawn(async move { send(at, &call, &key, number, (run_id, span_id)).await })
        };

        self.road.set(Mode::Mute);
        let first: JoinHandle<bool> = send(self.road.at());
        let ended = facts.contains(&Fact::End);
        let run = run_id.to_string();
        eventually("it is stored", || async {
            let stored: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM run_events
                 WHERE run_id = $1::uuid AND (status <> 'RUNNING') = $2",
            )
            .bind(&run)
            .bind(ended)
            .fetch_one(&self.pool)
            .await
            .unwrap();
            stored == 1
        })
        .await;
        self.road.set(Mode::Reset);
        assert!(!first.await.expect("the call ends"), "{call:?}: nobody was told");

        self.road.set(Mode::Pass);
        let again = Instant::now();
        assert!(send(self.road.at()).await.expect("the call ends"), "{call:?}: acknowledged");
        let took = again.elapsed();
        self.ledger.enter(facts.iter().map(|fact| (&key, number, *fact)));
        took
    }
}

/// Whether all of it was acknowledged.
async fn send(
    at: Target,
    call: &Call,
    key: &Key,
    number: u64,
    (run_id, span_id): (uuid::Uuid, u64),
) -> bool {
    let channel = at.endpoint().connect_lazy();
    let mut spans = SpanServiceClient::new(channel.clone());
    let request = || export::request(vec![exported(run_id, span_id, number, true)]);
    match call {
        Call::Start => spans.start_span(start_of(key, number)).await.is_ok(),
        Call::Heartbeat => spans.heartbeat(key.progress(2.0)).await.is_ok(),
        Call::End => spans.end_span(end_of(key, number)).await.is_ok(),
        Call::Stream => stream(spans, key, number).await,
        Call::ExportGrpc => export::call(&channel, request()).await.is_some(),
        Call::ExportHttp { json } => export::post(at.otlp_http, &request(), *json).await.is_some(),
    }
}

async fn stream(mut spans: SpanServiceClient<Channel>, key: &Key, number: u64) -> bool {
    let events = Arc::new([
        numbered(1, start(start_of(key, number))),
        numbered(2, heartbeat(key.progress(2.0))),
        numbered(3, end(end_of(key, number))),
    ]);
    let Ok(response) = spans.stream_spans(tokio_stream::iter(events.to_vec())).await else {
        return false;
    };
    let mut replies = response.into_inner();
    let mut acked_through = 0;
    while let Ok(Some(reply)) = replies.message().await {
        assert!(reply.rejected.is_empty(), "{:?}", reply.rejected);
        acked_through = reply.acked_through;
    }
    acked_through == 3
}
