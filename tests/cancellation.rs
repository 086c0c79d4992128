//! Clients that go away in the middle of a call, thousands of them: they leave
//! no open transaction, no file that nothing refers to, no lane that is stuck,
//! and no room taken.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub
)]

mod support;

#[path = "support/fleet.rs"]
mod fleet;
#[path = "support/ledger.rs"]
mod ledger;
#[path = "support/random.rs"]
mod random;
#[path = "support/requests.rs"]
mod requests;

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use fleet::Fleet;
use ledger::{Entry, Known, Ledger, assert_excusable, end_of, start_of};
use livespan::{
    ingest::{IngestOptions, LaneOptions},
    proto::v1::span_service_client::SpanServiceClient,
};
use random::Random;
use requests::{Key, end, heartbeat, numbered, start};
use support::{TestApp, TestOptions, eventually};
use tokio::{
    task::JoinSet,
    time::{error::Elapsed, timeout},
};
use tonic::{
    Code, Status,
    transport::{Channel, Endpoint},
};

const CALLS: u64 = 2_000;

/// As much as the largest call takes, so that a byte that is not given back shows.
const BUFFER_BYTES: usize = 4 << 20;

const LANES: usize = 4;

const CLIENTS: u64 = 20;

/// Calls are given up after up to 2^19 µs; as many after 2 to 4 µs as after a third
/// of a second, so that each stage of a call sees some of it.
const STAGES: u64 = 20;

/// What came of calls that were given up after a while.
#[derive(Default)]
struct Aftermath {
    ledger: Ledger,
    artifact_ids: Vec<String>,
    cancelled: u64,
    answered: u64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_given_up_leave_nothing_behind() {
    let mut random = Random::seeded("cancellation");
    let app = TestApp::start_with(TestOptions {
        ingest: IngestOptions {
            lanes: LANES,
            buffer_bytes: BUFFER_BYTES,
            lane: LaneOptions::default(),
        },
        ..TestOptions::default()
    })
    .await;
    let url = format!("http://{}", app.app.grpc_addr());
    let fleet = Fleet::start(&url, 4, &mut random);

    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        // A connection each: a server closes one that resets too many calls.
        let spans = SpanServiceClient::new(endpoint(&url).connect_lazy());
        let mut random = random.fork();
        clients.spawn(async move {
            let mut aftermath = Aftermath::default();
            for number in (1 + client * CALLS / CLIENTS)..=((client + 1) * CALLS / CLIENTS) {
                give_up(spans.clone(), number, &mut random, &mut aftermath).await;
            }
            aftermath
        });
    }
    let (mut ledgers, mut artifact_ids, mut cancelled, mut answered) = (vec![], vec![], 0, 0);
    while let Some(aftermath) = clients.join_next().await {
        let aftermath = aftermath.expect("no call is answered wrongly");
        cancelled += aftermath.cancelled;
        answered += aftermath.answered;
        ledgers.push(aftermath.ledger);
        artifact_ids.extend(aftermath.artifact_ids);
    }
    println!(
        "of {CALLS} calls {cancelled} given up, {answered} answered, {} artifacts",
        artifact_ids.len()
    );
    // Else this proves nothing.
    assert!(cancelled > CALLS / 5 && answered > CALLS / 40 && artifact_ids.len() > 5);

    // What others did meanwhile, and whatever was acknowledged, is stored.
    fleet.moves(50).await;
    fleet.settle(&app.pool, ledgers).await;

    eventually("all room is given back", || async {
        // Takes the whole of it, and is turned away where a byte is missing.
        let artifact = Key::random().artifact(vec![0_u8; BUFFER_BYTES]);
        match app.spans().store_artifact(artifact).await {
            Ok(_) => true,
            Err(status) => {
                assert_eq!(status.code(), Code::Unavailable, "{status:?}");
                false
            }
        }
    })
    .await;
    eventually("no transaction is open", || async {
        app.count(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'livespan'
             AND datname = current_database() AND state LIKE 'idle in transaction%'",
        )
        .await
            == 0
    })
    .await;
    eventually("each file has its row, and each row its file", || async {
        let files = files_beneath(&app.folder.path().join("artifacts"));
        let rows: Vec<String> = sqlx::query_scalar("SELECT storage_key FROM run_artifacts")
            .fetch_all(&app.pool)
            .await
            .unwrap();
        files == rows.into_iter().collect()
    })
    .await;
    for artifact_id in artifact_ids {
        let stored: i64 = sqlx::query_scalar("SELECT count(*) FROM run_artifacts WHERE id = $1")
            .bind(artifact_id.parse::<uuid::Uuid>().unwrap())
            .fetch_one(&app.pool)
            .await
            .unwrap();
        assert_eq!(stored, 1, "acknowledged artifact {artifact_id}");
    }
    // So many runs reach every lane.
    for _ in 0..16 * LANES {
        app.spans().start_span(Key::random().start()).await.expect("its lane writes");
    }
    assert!(app.app.stop().await, "and the server still ends in order");
}

fn endpoint(url: &str) -> Endpoint {
    Endpoint::from_shared(url.to_owned()).unwrap()
}

/// Calls, and goes away after a random time.
async fn give_up(
    mut spans: SpanServiceClient<Channel>,
    number: u64,
    random: &mut Random,
    aftermath: &mut Aftermath,
) {
    let key = Key::of(random.uuid(), random.uuid());
    let mut entry = Entry { number, ..Entry::default() };
    let stage = random.below(STAGES);
    let patience = random.micros(Duration::from_micros(1 << stage));
    match random.below(5) {
        0 => {
            let answer = timeout(patience, spans.start_span(start_of(&key, number))).await;
            entry.start = aftermath.take(&answer);
        }
        1 => {
            let answer = timeout(patience, spans.heartbeat(key.progress(2.0))).await;
            entry.progress = (aftermath.take(&answer) == Known::Acked).then_some(2.0);
        }
        2 => {
            let answer = timeout(patience, spans.end_span(end_of(&key, number))).await;
            entry.end = aftermath.take(&answer);
        }
        3 => {
            let bytes = usize::try_from(random.below(20_000)).unwrap();
            let call = spans.store_artifact(key.artifact(vec![7_u8; bytes]));
            let answer = timeout(patience, call).await;
            aftermath.take(&answer);
            if let Ok(Ok(reply)) = answer {
                aftermath.artifact_ids.push(reply.into_inner().artifact_id);
            }
        }
        _ => {
            aftermath.cancelled += 1;
            entry.start = Known::Maybe;
            entry.end = Known::Maybe;
            let mut acked_through = 0;
            let _ = timeout(patience, follow(&mut spans, &key, number, &mut acked_through)).await;
            if acked_through >= 1 {
                entry.start = Known::Acked;
            }
            if acked_through >= 2 {
                entry.progress = Some(1.0);
            }
            if acked_through >= 3 {
                entry.end = Known::Acked;
            }
        }
    }
    aftermath.ledger.insert(key, entry);
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

impl Aftermath {
    /// What is known of a call's event.
    fn take<T>(&mut self, answer: &Result<Result<T, Status>, Elapsed>) -> Known {
        match answer {
            Ok(Ok(_)) => {
                self.answered += 1;
                return Known::Acked;
            }
            // The room is small on purpose, and the connection may be closed for
            // the calls that it reset.
            Ok(Err(status)) => assert_excusable(status),
            Err(_) => self.cancelled += 1,
        }
        Known::Maybe
    }
}

/// The files of the store by their keys, unfinished ones too.
fn files_beneath(folder: &Path) -> BTreeSet<String> {
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
