//! Heartbeats of 100,000 running spans from 1,000 executors, each with a stream
//! of its own: how many a second are committed, and what each adds to the log.
//!
//! After a checkpoint the first change of each page logs the whole page; that
//! pass is shown apart, and the figure is that of the passes after it.

use std::{net::SocketAddr, time::Duration};

use livespan_server::{
    domain::{
        ids::{RunId, SpanId, SpanKey},
        time::{Clock as _, SystemClock},
    },
    proto::v1::{StreamSpansRequest, stream_spans_request::Event},
    storage::{Database, SpanWriter},
};
use prost::Message as _;
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    Plan,
    bed::{Bed, BenchDatabase},
    lifecycle_vs_limit::{heartbeat, start},
    processes::Cost,
    report::{Goal, Measure},
    server::Server,
    streams::{self, Replies, Wave},
};

const EXECUTORS: usize = 1_000;
const SPANS_PER_EXECUTOR: usize = 100;
const SPANS_PER_RUN: usize = 20;
const BEATS_PER_ROUND: usize = 5;

const RATE_GOAL: f64 = 100_000.0;
const WAL_GOAL: f64 = 90.0;

/// How the statements are sent by hand, which [`super::lifecycle_vs_limit`]
/// finds to be about the best.
const CONNECTIONS: usize = 2;
const BATCH_BEATS: usize = 8_000;

pub(crate) async fn measure(bed: &Bed, plan: Plan) -> Vec<Measure> {
    let database = bed.database("heartbeats").await;
    let server = database.serve();
    let executors = plan.scaled(EXECUTORS);
    let mut fleet = Fleet::start(&server, executors).await;
    let spans = executors * SPANS_PER_EXECUTOR;
    assert_eq!(database.count("live_spans").await, spans);
    database.checkpoint().await;
    let first = fleet.beat(bed, &database, &server, 1).await.wal_bytes / spans as f64;
    println!("first pass after a checkpoint: {first:.0} bytes of WAL a heartbeat");

    let mut rate = Measure::new("rate", "heartbeats/s", Goal::AtLeast(RATE_GOAL));
    let mut wal = Measure::new("WAL", "bytes/heartbeat", Goal::AtMost(WAL_GOAL));
    let mut ratio = Measure::new("rate / by hand", "", Goal::Context);
    let mut by_hand_wal = Measure::new("by hand: WAL", "bytes/heartbeat", Goal::Context);
    let mut cpu = Measure::new("CPU", "µs/heartbeat", Goal::Context);
    let count = spans * BEATS_PER_ROUND;
    for round in 1..=plan.rounds {
        let streamed = fleet.beat(bed, &database, &server, BEATS_PER_ROUND).await;
        let by_hand = fleet.beat_by_hand(bed, &database, BEATS_PER_ROUND).await;
        let limit = by_hand.cost.per_second(count);
        println!(
            "round {round}: {:.0} heartbeats/s, {:.0} bytes of WAL each; by hand {limit:.0}, {:.0}",
            streamed.cost.per_second(count),
            streamed.wal_bytes / count as f64,
            by_hand.wal_bytes / count as f64,
        );
        rate.add(streamed.cost.per_second(count));
        wal.add(streamed.wal_bytes / count as f64);
        ratio.add(streamed.cost.per_second(count) / limit);
        by_hand_wal.add(by_hand.wal_bytes / count as f64);
        cpu.add(streamed.cost.cpu_micros(count));
    }
    assert_eq!(database.count("live_spans").await, spans);
    drop(fleet);
    server.stop();
    database.drop().await;
    let first =
        Measure::new("WAL, first after a checkpoint", "bytes/heartbeat", Goal::Context).of([first]);
    vec![rate, wal, ratio, by_hand_wal, first, cpu]
}

/// What a pass took.
struct Pass {
    cost: Cost,
    wal_bytes: f64,
}

struct Fleet(Vec<Executor>);

impl Fleet {
    /// Executors whose spans have all started.
    async fn start(server: &Server, executors: usize) -> Self {
        let mut starting = JoinSet::new();
        for _ in 0..executors {
            starting.spawn(Executor::start(server.grpc));
        }
        Self(starting.join_all().await)
    }

    /// Each span beats so many times; each executor waits for the
    /// acknowledgement of a wave before it sends the next.
    async fn beat(
        &mut self,
        bed: &Bed,
        database: &BenchDatabase<'_>,
        server: &Server,
        times: usize,
    ) -> Pass {
        let ready: Vec<(Executor, Vec<Wave>)> = self
            .0
            .drain(..)
            .map(|mut executor| {
                let waves = (0..times).map(|_| executor.wave(heartbeat)).collect();
                (executor, waves)
            })
            .collect();
        let wal = database.wal_bytes().await;
        let meter = bed.meter(server.pid());
        let mut beating = JoinSet::new();
        for (mut executor, waves) in ready {
            beating.spawn(async move {
                for wave in waves {
                    executor.send(wave).await;
                }
                executor
            });
        }
        self.0 = beating.join_all().await;
        let cost = meter.stop();
        Pass { cost, wal_bytes: database.wal_bytes().await - wal }
    }

    /// The same, without the collector.
    async fn beat_by_hand(&self, bed: &Bed, database: &BenchDatabase<'_>, times: usize) -> Pass {
        let mut keys: Vec<SpanKey> =
            self.0.iter().flat_map(|executor| executor.keys.iter().copied()).collect();
        keys.sort_unstable();
        let storage = Database::connect(database.url().parse().unwrap()).await.unwrap();
        let mut connections = Vec::new();
        for keys in keys.chunks(keys.len().div_ceil(CONNECTIONS)) {
            let writer = storage.writer(Duration::from_secs(15)).await.unwrap();
            connections.push((writer, keys.to_vec()));
        }
        let wal = database.wal_bytes().await;
        let meter = bed.meter(std::process::id());
        let mut beating = JoinSet::new();
        for (mut writer, keys) in connections {
            beating.spawn(async move {
                for _ in 0..times {
                    for keys in keys.chunks(BATCH_BEATS) {
                        beat_by_hand(&mut writer, keys).await;
                    }
                }
                writer.close().await;
            });
        }
        beating.join_all().await;
        let cost = meter.stop();
        storage.close().await;
        Pass { cost, wal_bytes: database.wal_bytes().await - wal }
    }
}

async fn beat_by_hand(writer: &mut SpanWriter, keys: &[SpanKey]) {
    let now = SystemClock.now();
    let beats: Vec<_> = keys.iter().map(|key| (*key, now)).collect();
    writer.begin().await.unwrap();
    let beaten = writer.beat(&beats).await.unwrap();
    assert_eq!(beaten.len(), keys.len());
    writer.commit().await.unwrap();
}

/// One machine with some running spans.
struct Executor {
    keys: Vec<SpanKey>,
    waves: mpsc::Sender<Wave>,
    replies: Replies,
    seq: u64,
}

impl Executor {
    async fn start(to: SocketAddr) -> Self {
        let (waves, events) = streams::waves();
        let replies = streams::open(to, events).await;
        let keys = (0..SPANS_PER_EXECUTOR / SPANS_PER_RUN)
            .flat_map(|_| {
                let run_id = RunId::generate();
                (0..SPANS_PER_RUN)
                    .map(move |_| SpanKey { run_id, span_id: SpanId::generate(run_id) })
            })
            .collect();
        let mut executor = Self { keys, waves, replies, seq: 0 };
        let starts = executor.wave(start);
        executor.send(starts).await;
        executor
    }

    /// An event of each span.
    fn wave(&mut self, event: impl Fn(&str, &str) -> Event) -> Wave {
        self.keys
            .iter()
            .map(|key| {
                self.seq += 1;
                let event = event(&key.run_id.to_string(), &key.span_id.to_string());
                StreamSpansRequest { seq: self.seq, event: Some(event) }.encode_to_vec()
            })
            .collect()
    }

    async fn send(&mut self, wave: Wave) {
        let last = self.replies.last_acked + wave.len() as u64;
        self.waves.send(wave).await.unwrap();
        self.replies.acked(last).await;
    }
}
