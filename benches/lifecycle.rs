//! What a span's life costs: start, three heartbeats and end over StreamSpans,
//! beside the same statements sent to Postgres by hand in large batches.
//!
//! Both sides run in turns against one private Postgres with fsync on, and the
//! figure to quote is the ratio: machines differ, and a machine differs from
//! itself an hour later.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::{
    os::unix::fs::PermissionsExt as _,
    sync::Arc,
    time::{Duration, Instant},
};

use livespan::{
    app::{App, AppOptions, Listeners},
    domain::{
        classify::Classifier,
        event::{End, SpanEvent, SpanEventKind, Start},
        ids::{RunId, SpanId, SpanKey},
        otel::Mapping,
        run::{LastEnd, RunFacts},
        span::Span,
        status::EndStatus,
        time::{Clock as _, SystemClock},
    },
    embedded_postgres::{EmbeddedPostgres, EmbeddedPostgresConfig},
    ingest::{IngestOptions, LaneOptions},
    ingress::ExportOptions,
    proto::v1::{
        EndSpanRequest, HeartbeatRequest, StartSpanRequest, Status, StreamSpansRequest,
        span_service_client::SpanServiceClient, stream_spans_request::Event,
    },
    storage::{Database, DatabaseOptions, SpanWriter},
};
use tokio::{net::TcpListener, sync::mpsc, task::JoinSet};
use tokio_stream::wrappers::ReceiverStream;

const ROUNDS: usize = 5;
const CLIENTS: usize = 20;
const SPANS_PER_CLIENT: usize = 1_000;
const SPANS_PER_RUN: usize = 20;
const HEARTBEATS: usize = 3;
const BY_HAND_BATCH: usize = 2_000;
const LANES: usize = 2;
const IDLE_STARTS: usize = 300;

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    // Postgres runs as another user where this runs as root.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let postgres =
        EmbeddedPostgres::start(EmbeddedPostgresConfig::new(folder.path())).await.unwrap();
    let database =
        DatabaseOptions::socket(postgres.socket_dir(), postgres.user(), postgres.database());
    let listeners = Listeners {
        grpc: TcpListener::bind("127.0.0.1:0").await.unwrap(),
        otlp_http: TcpListener::bind("127.0.0.1:0").await.unwrap(),
    };
    let app = App::start(
        AppOptions {
            database: database.clone(),
            artifact_dir: folder.path().join("artifacts"),
            artifact_roots: Vec::new(),
            ingest: IngestOptions {
                lanes: LANES,
                buffer_bytes: 64 << 20,
                lane: LaneOptions::default(),
            },
            otlp: ExportOptions::default(),
            mapping: Mapping::standard(),
            classifier: Classifier::standard(),
            stuck_after: Duration::from_secs(300),
            clock: Arc::new(SystemClock),
        },
        listeners,
    )
    .await
    .unwrap();
    let address = format!("http://{}", app.grpc_addr());
    let by_hand = Database::connect(database).await.unwrap();

    println!(
        "{CLIENTS} clients, {SPANS_PER_CLIENT} spans each: start, {HEARTBEATS} heartbeats, end"
    );
    let mut ratios = Vec::new();
    for round in 1..=ROUNDS {
        let streamed = streamed(&address).await;
        let raw = statements_by_hand(&by_hand).await;
        let ratio = streamed / raw;
        println!(
            "round {round}: {streamed:>8.0} spans/s over StreamSpans, {raw:>8.0} by hand, ratio {ratio:.2}"
        );
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "lifecycle_vs_limit: median {:.2}, from {:.2} to {:.2}",
        ratios[ROUNDS / 2],
        ratios[0],
        ratios[ROUNDS - 1]
    );
    idle_latency(&address).await;

    assert!(app.stop().await, "the collector stops in order");
    by_hand.close().await;
    postgres.stop().await.unwrap();
}

/// Spans a second that 20 clients get acknowledged.
async fn streamed(address: &str) -> f64 {
    let begin = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn(stream(address.to_owned()));
    }
    clients.join_all().await;
    spans_per_second(begin)
}

async fn stream(address: String) {
    let mut client = SpanServiceClient::connect(address).await.unwrap();
    let (events, requests) = mpsc::channel(1024);
    let mut replies =
        client.stream_spans(ReceiverStream::new(requests)).await.unwrap().into_inner();
    let sender = tokio::spawn(async move {
        let mut seq = 0;
        for (run, spans) in runs() {
            for span in spans {
                for event in life(run, span) {
                    seq += 1;
                    events.send(StreamSpansRequest { seq, event: Some(event) }).await.unwrap();
                }
            }
        }
    });
    let all = (SPANS_PER_CLIENT * (HEARTBEATS + 2)) as u64;
    let mut acked = 0;
    while acked < all {
        let reply = replies.message().await.unwrap().unwrap();
        assert!(reply.rejected.is_empty(), "{:?}", reply.rejected);
        acked = reply.acked_through;
    }
    sender.await.unwrap();
}

fn runs() -> impl Iterator<Item = (RunId, Vec<SpanId>)> + Send {
    (0..SPANS_PER_CLIENT / SPANS_PER_RUN).map(|_| {
        let run = RunId::generate();
        (run, (0..SPANS_PER_RUN).map(|_| SpanId::generate(run)).collect())
    })
}

fn life(run: RunId, span: SpanId) -> Vec<Event> {
    let (run_id, span_id) = (run.to_string(), span.to_string());
    let mut events = vec![Event::Start(StartSpanRequest {
        run_id: run_id.clone(),
        span_id: span_id.clone(),
        layer: "L2_executor".to_owned(),
        step_name: "render frame".to_owned(),
        executor_host: "us-vps".to_owned(),
        agent: "caramel".to_owned(),
        ..StartSpanRequest::default()
    })];
    for _ in 0..HEARTBEATS {
        events.push(Event::Heartbeat(HeartbeatRequest {
            run_id: run_id.clone(),
            span_id: span_id.clone(),
            progress: None,
        }));
    }
    events.push(Event::End(EndSpanRequest {
        run_id,
        span_id,
        status: Status::Success.into(),
        ..EndSpanRequest::default()
    }));
    events
}

/// Spans a second where the statements are sent by hand, from as many
/// connections as the collector has lanes.
async fn statements_by_hand(database: &Database) -> f64 {
    let begin = Instant::now();
    let mut connections = JoinSet::new();
    for _ in 0..LANES {
        let mut writer = database.writer(Duration::from_secs(15)).await.unwrap();
        connections.spawn(async move {
            for _ in 0..CLIENTS * SPANS_PER_CLIENT / LANES / BY_HAND_BATCH {
                batch_by_hand(&mut writer).await;
            }
        });
    }
    connections.join_all().await;
    spans_per_second(begin)
}

async fn batch_by_hand(writer: &mut SpanWriter) {
    let now = SystemClock.now();
    let mut facts = Vec::new();
    let mut spans = Vec::new();
    for _ in 0..BY_HAND_BATCH / SPANS_PER_RUN {
        let run_id = RunId::generate();
        facts.push(RunFacts::heard_of(run_id, now));
        for _ in 0..SPANS_PER_RUN {
            let key = SpanKey { run_id, span_id: SpanId::generate(run_id) };
            let mut span = Span::stub(key, now);
            let start = SpanEventKind::Start(std::sync::Arc::new(Start {
                layer: Some("L2_executor".to_owned()),
                step_name: Some("render frame".to_owned()),
                executor_host: Some("us-vps".to_owned()),
                agent: Some("caramel".to_owned()),
                ..Start::default()
            }));
            span.apply(&SpanEvent { key, received_at: now, kind: start }).unwrap();
            spans.push(span);
        }
    }
    facts.sort_by_key(|run| run.run_id);
    spans.sort_by_key(|span| span.key);
    let keys: Vec<SpanKey> = spans.iter().map(|span| span.key).collect();

    writer.begin().await.unwrap();
    writer.lock_runs(&facts).await.unwrap();
    writer.copy_live(&spans.iter().collect::<Vec<_>>()).await.unwrap();
    writer.commit().await.unwrap();

    let beats: Vec<_> = keys.iter().map(|key| (*key, now)).collect();
    for _ in 0..HEARTBEATS {
        writer.begin().await.unwrap();
        writer.beat(&beats).await.unwrap();
        writer.commit().await.unwrap();
    }

    writer.begin().await.unwrap();
    writer.lock_runs(&facts).await.unwrap();
    let mut ended = writer.load_live(&keys).await.unwrap();
    for span in &mut ended {
        let end =
            End { status: EndStatus::Success, ts_end: None, output_summary: None, failure: None };
        let kind = SpanEventKind::End(Box::new(end));
        span.apply(&SpanEvent { key: span.key, received_at: now, kind }).unwrap();
    }
    writer.delete_live(&keys).await.unwrap();
    writer.copy_finished(&ended.iter().collect::<Vec<_>>()).await.unwrap();
    for run in &mut facts {
        run.take_end(LastEnd { at: now, parent: None });
    }
    writer.merge_runs(&facts).await.unwrap();
    writer.commit().await.unwrap();
}

#[allow(clippy::cast_precision_loss)] // far below 2^52
fn spans_per_second(begin: Instant) -> f64 {
    (CLIENTS * SPANS_PER_CLIENT) as f64 / begin.elapsed().as_secs_f64()
}

/// How long an idle server takes to acknowledge one start.
async fn idle_latency(address: &str) {
    let mut client = SpanServiceClient::connect(address.to_owned()).await.unwrap();
    let mut took = Vec::with_capacity(IDLE_STARTS);
    for _ in 0..IDLE_STARTS {
        let begin = Instant::now();
        let request = StartSpanRequest { step_name: "probe".to_owned(), ..Default::default() };
        client.start_span(request).await.unwrap();
        took.push(begin.elapsed());
    }
    took.sort();
    println!(
        "idle StartSpan: p50 {:?}, p99 {:?}",
        took[IDLE_STARTS / 2],
        took[IDLE_STARTS * 99 / 100]
    );
}
