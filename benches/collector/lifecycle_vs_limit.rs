//! What a span's life costs: start, three heartbeats and end over StreamSpans
//! from 20 clients, beside the same statements sent by hand.
//!
//! A client sends the starts of all its spans, then a heartbeat of each, and so
//! on, and each wave when the one before is acknowledged: as with steps that
//! take a while, each event is written by itself. Where lives are so short that
//! they fit into one batch the collector writes only their end; that is the
//! measure "at once", which no goal is for.

use futures_util::{StreamExt as _, stream};
use livespan_server::{
    domain::{
        event::{End, SpanEvent, SpanEventKind, Start},
        ids::{RunId, SpanId, SpanKey},
        run::{LastEnd, RunFacts},
        span::Span,
        status::EndStatus,
        time::{Clock as _, SystemClock, Timestamp},
    },
    proto::v1::{
        EndSpanRequest, HeartbeatRequest, StartSpanRequest, Status, StreamSpansRequest,
        stream_spans_request::Event,
    },
    storage::{Database, SpanWriter},
};
use prost::Message as _;
use std::{sync::Arc, time::Duration};
use tokio::task::JoinSet;

use super::{
    Plan,
    bed::{Bed, BenchDatabase},
    processes::Cost,
    report::{Goal, Measure},
    server::Server,
    streams::{self, Wave},
};

const CLIENTS: usize = 20;
const SPANS_PER_CLIENT: usize = 5_000;
const SPANS_PER_RUN: usize = 20;
const HEARTBEATS: usize = 3;
const GOAL: f64 = 0.60;

pub(crate) async fn measure(bed: &Bed, plan: Plan) -> Vec<Measure> {
    let database = bed.database("lifecycle").await;
    let server = database.serve();
    let per_client = plan.scaled(SPANS_PER_CLIENT / SPANS_PER_RUN) * SPANS_PER_RUN;
    let count = CLIENTS * per_client;
    let shape = best_shape(bed, &database, count / 2).await;

    let mut ratio = Measure::new("rate / by hand", "", Goal::AtLeast(GOAL));
    let mut cpu_ratio = Measure::new("CPU a span / by hand", "", Goal::Context);
    let mut at_once_ratio = Measure::new("at once: rate / by hand", "", Goal::Context);
    let mut rate = Measure::new("rate", "spans/s", Goal::Context);
    let mut by_hand_rate = Measure::new("by hand: rate", "spans/s", Goal::Context);
    let mut by_hand_cpu = Measure::new("by hand: CPU", "µs/span", Goal::Context);
    for round in 1..=plan.rounds {
        let by_hand = statements_by_hand(bed, &database, count, shape).await;
        let streamed = streamed(bed, &database, &server, per_client, Order::InWaves).await;
        let at_once = self::streamed(bed, &database, &server, per_client, Order::AtOnce).await;
        let limit = by_hand.per_second(count);
        println!(
            "round {round}: by hand {limit:.0} spans/s, {:.1} µs; streamed {:.0} spans/s, {:.1} µs, \
             {:.2}; at once {:.0} spans/s",
            by_hand.cpu_micros(count),
            streamed.per_second(count),
            streamed.cpu_micros(count),
            streamed.per_second(count) / limit,
            at_once.per_second(count),
        );
        ratio.add(streamed.per_second(count) / limit);
        cpu_ratio.add(streamed.cpu_micros(count) / by_hand.cpu_micros(count));
        at_once_ratio.add(at_once.per_second(count) / limit);
        rate.add(streamed.per_second(count));
        by_hand_rate.add(limit);
        by_hand_cpu.add(by_hand.cpu_micros(count));
    }
    server.stop();
    database.drop().await;
    vec![ratio, cpu_ratio, at_once_ratio, rate, by_hand_rate, by_hand_cpu]
}

/// In which order a client tells of its spans.
#[derive(Clone, Copy)]
enum Order {
    InWaves,
    AtOnce,
}

async fn streamed(
    bed: &Bed,
    database: &BenchDatabase<'_>,
    server: &Server,
    per_client: usize,
    order: Order,
) -> Cost {
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let (waves, sent) = streams::waves();
        let replies = streams::open(server.grpc, sent).await;
        clients.push((waves, replies, events(per_client, order)));
    }
    database.empty().await;
    let meter = bed.meter(server.pid());
    let mut tasks = JoinSet::new();
    for (waves, mut replies, events) in clients {
        tasks.spawn(async move {
            let mut sent = 0;
            for wave in events {
                sent += wave.len() as u64;
                waves.send(wave).await.unwrap();
                replies.acked(sent).await;
            }
        });
    }
    tasks.join_all().await;
    let cost = meter.stop();
    assert_eq!(database.count("finished_spans").await, CLIENTS * per_client);
    assert_eq!(database.count("live_spans").await, 0);
    cost
}

/// A client's events, encoded, numbered from 1.
fn events(spans: usize, order: Order) -> Vec<Wave> {
    let keys: Vec<(String, String)> = (0..spans / SPANS_PER_RUN)
        .flat_map(|_| {
            let run = RunId::generate();
            (0..SPANS_PER_RUN).map(move |_| (run.to_string(), SpanId::generate(run).to_string()))
        })
        .collect();
    let phases = HEARTBEATS + 2;
    let mut seq = 0;
    let mut encoded = |(run_id, span_id): &(String, String), phase: usize| {
        seq += 1;
        let event = match phase {
            0 => start(run_id, span_id),
            phase if phase <= HEARTBEATS => heartbeat(run_id, span_id),
            _ => end(run_id, span_id),
        };
        StreamSpansRequest { seq, event: Some(event) }.encode_to_vec()
    };
    match order {
        Order::InWaves => {
            (0..phases).map(|phase| keys.iter().map(|key| encoded(key, phase)).collect()).collect()
        }
        Order::AtOnce => {
            let lives = keys.iter().flat_map(|key| (0..phases).map(move |phase| (key, phase)));
            vec![lives.map(|(key, phase)| encoded(key, phase)).collect()]
        }
    }
}

pub(crate) fn start(run_id: &str, span_id: &str) -> Event {
    Event::Start(StartSpanRequest {
        run_id: run_id.to_owned(),
        span_id: span_id.to_owned(),
        layer: "L2_executor".to_owned(),
        step_name: "render frame".to_owned(),
        executor_host: "us-vps".to_owned(),
        agent: "caramel".to_owned(),
        ..StartSpanRequest::default()
    })
}

pub(crate) fn heartbeat(run_id: &str, span_id: &str) -> Event {
    let (run_id, span_id) = (run_id.to_owned(), span_id.to_owned());
    Event::Heartbeat(HeartbeatRequest { run_id, span_id, progress: None })
}

fn end(run_id: &str, span_id: &str) -> Event {
    Event::End(EndSpanRequest {
        run_id: run_id.to_owned(),
        span_id: span_id.to_owned(),
        status: Status::Success.into(),
        ..EndSpanRequest::default()
    })
}

/// How the statements are sent by hand.
#[derive(Debug, Clone, Copy)]
struct Shape {
    connections: usize,
    batch_spans: usize,
}

async fn best_shape(bed: &Bed, database: &BenchDatabase<'_>, count: usize) -> Shape {
    let mut best = (0.0, Shape { connections: 1, batch_spans: 1_000 });
    for connections in [1, 2, 3] {
        let mut line = format!("by hand, {connections} connections:");
        for batch_spans in [500, 2_000, 8_000] {
            let shape = Shape { connections, batch_spans };
            let rate = statements_by_hand(bed, database, count, shape).await.per_second(count);
            line.push_str(&format!("  {rate:.0} spans/s by {batch_spans}"));
            if rate > best.0 {
                best = (rate, shape);
            }
        }
        println!("{line}");
    }
    println!("best by hand: {:?}", best.1);
    best.1
}

async fn statements_by_hand(
    bed: &Bed,
    database: &BenchDatabase<'_>,
    count: usize,
    shape: Shape,
) -> Cost {
    let storage = Database::connect(database.url().parse().unwrap()).await.unwrap();
    let mut connections = Vec::new();
    for connection in 0..shape.connections {
        let writer = storage.writer(Duration::from_secs(15)).await.unwrap();
        let mut left = count / shape.connections;
        if connection == 0 {
            left += count % shape.connections;
        }
        let mut batches = Vec::new();
        while left > 0 {
            let spans = left.min(shape.batch_spans);
            batches.push(Lives::new(spans));
            left -= spans;
        }
        connections.push((writer, batches));
    }
    database.empty().await;
    let meter = bed.meter(std::process::id());
    let mut tasks = JoinSet::new();
    for (mut writer, batches) in connections {
        tasks.spawn(async move {
            for batch in batches {
                batch.live(&mut writer).await;
            }
            writer
        });
    }
    let writers = tasks.join_all().await;
    let cost = meter.stop();
    stream::iter(writers).for_each(SpanWriter::close).await;
    storage.close().await;
    assert_eq!(database.count("finished_spans").await, count);
    assert_eq!(database.count("live_spans").await, 0);
    cost
}

/// Spans that live side by side, made ready before the clock starts.
struct Lives {
    now: Timestamp,
    runs: Vec<RunFacts>,
    spans: Vec<Span>,
}

impl Lives {
    fn new(count: usize) -> Self {
        let now = SystemClock.now();
        let mut runs = Vec::new();
        let mut spans = Vec::new();
        while spans.len() < count {
            let run_id = RunId::generate();
            runs.push(RunFacts::heard_of(run_id, now));
            for _ in 0..SPANS_PER_RUN.min(count - spans.len()) {
                let key = SpanKey { run_id, span_id: SpanId::generate(run_id) };
                let mut span = Span::stub(key, now);
                let start = SpanEventKind::Start(Arc::new(Start {
                    layer: Some("L2_executor".into()),
                    step_name: Some("render frame".into()),
                    executor_host: Some("us-vps".into()),
                    agent: Some("caramel".into()),
                    ts_start: Some(now),
                    ..Start::default()
                }));
                span.apply(&SpanEvent { key, received_at: now, kind: start }).unwrap();
                spans.push(span);
            }
        }
        runs.sort_by_key(|run| run.run_id);
        spans.sort_by_key(|span| span.key);
        Self { now, runs, spans }
    }

    /// The statements that the collector would send for them.
    async fn live(mut self, writer: &mut SpanWriter) {
        let keys: Vec<SpanKey> = self.spans.iter().map(|span| span.key).collect();
        writer.begin().await.unwrap();
        writer.lock_runs(&self.runs).await.unwrap();
        writer.copy_live(&self.spans.iter().collect::<Vec<_>>()).await.unwrap();
        writer.commit().await.unwrap();

        let beats: Vec<_> = keys.iter().map(|key| (*key, self.now)).collect();
        for _ in 0..HEARTBEATS {
            writer.begin().await.unwrap();
            writer.beat(&beats).await.unwrap();
            writer.commit().await.unwrap();
        }

        writer.begin().await.unwrap();
        writer.lock_runs(&self.runs).await.unwrap();
        let mut ended = writer.load_live(&keys).await.unwrap();
        for span in &mut ended {
            let end = End {
                status: EndStatus::Success,
                ts_end: None,
                output_summary: None,
                failure: None,
            };
            let kind = SpanEventKind::End(Box::new(end));
            span.apply(&SpanEvent { key: span.key, received_at: self.now, kind }).unwrap();
        }
        writer.delete_live(&keys).await.unwrap();
        writer.copy_finished(&ended.iter().collect::<Vec<_>>()).await.unwrap();
        for run in &mut self.runs {
            run.take_end(LastEnd { at: self.now, parent: None });
        }
        writer.merge_runs(&self.runs).await.unwrap();
        writer.commit().await.unwrap();
    }
}
