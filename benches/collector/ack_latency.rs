//! How long an acknowledgement takes at half of what the collector can carry,
//! beside the same transaction sent by hand at the same moments; and how long
//! an idle collector takes for one span.
//!
//! Open loop: requests are due at random moments, whether or not those before
//! are answered, and time counts from when they were due.

use std::{
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use livespan_server::proto::v1::{StartSpanRequest, span_service_client::SpanServiceClient};
use sqlx::PgConnection;
use tokio::{
    runtime::Handle,
    sync::{Semaphore, mpsc},
};

use super::{
    Plan,
    bed::{Bed, BenchDatabase},
    exports::{self, SPANS_PER_REQUEST, Template},
    load::{self, Load},
    otlp_vs_copy::written_rows,
    raw_copy::{self, Batch, Rows, Shape},
    report::{Goal, Measure, quantile},
    server::Server,
    spans::Ids,
};

/// To find out how much the collector can carry.
const MAXIMUM_REQUESTS: usize = 500;
/// How long each side is under load.
const SECONDS: u64 = 5;
const CONNECTIONS: usize = 4;
const IDLE_STARTS: usize = 100;

const P50_GOAL: f64 = 2.0;
const P99_GOAL: f64 = 4.0;
const IDLE_GOAL_MS: f64 = 1.5;

pub(crate) async fn measure(bed: &Bed, plan: Plan) -> Vec<Measure> {
    let database = bed.database("latency").await;
    let server = database.serve();
    let templates = exports::templates();
    let mut ids = Ids::new();
    let rows = written_rows(&database, &server, &templates, &mut ids).await;
    let maximum = maximum(&database, &server, &templates, plan, &mut ids).await;
    println!("the collector carries {maximum:.0} requests/s of {SPANS_PER_REQUEST} spans");

    let mut p50_ratio = Measure::new("p50 / by hand", "", Goal::AtMost(P50_GOAL));
    let mut p99_ratio = Measure::new("p99 / by hand", "", Goal::AtMost(P99_GOAL));
    let mut p50 = Measure::new("p50", "ms", Goal::Context);
    let mut p99 = Measure::new("p99", "ms", Goal::Context);
    let mut by_hand_p50 = Measure::new("by hand: p50", "ms", Goal::Context);
    let mut by_hand_p99 = Measure::new("by hand: p99", "ms", Goal::Context);
    let mut idle = Measure::new("idle: p50 of StartSpan", "ms", Goal::AtMost(IDLE_GOAL_MS));
    for round in 1..=plan.rounds {
        let schedule = schedule(maximum / 2.0, plan.lasting(SECONDS), &mut ids);
        let by_hand = by_hand(&database, &rows, &schedule, &mut ids).await;
        let served = served(&database, &server, &templates, &schedule, &mut ids).await;
        let (median, tail) = (quantile(&served, 0.5), quantile(&served, 0.99));
        let (raw_median, raw_tail) = (quantile(&by_hand, 0.5), quantile(&by_hand, 0.99));
        let alone = idle_start(&server).await;
        println!(
            "round {round}: {} requests, p50 {median:.2} ms, p99 {tail:.2} ms; by hand \
             {raw_median:.2}, {raw_tail:.2}; idle {alone:.2}",
            schedule.len()
        );
        p50_ratio.add(median / raw_median);
        p99_ratio.add(tail / raw_tail);
        p50.add(median);
        p99.add(tail);
        by_hand_p50.add(raw_median);
        by_hand_p99.add(raw_tail);
        idle.add(alone);
    }
    server.stop();
    database.drop().await;
    vec![p50_ratio, p99_ratio, idle, p50, p99, by_hand_p50, by_hand_p99]
}

#[allow(clippy::cast_precision_loss)] // far below 2^52
async fn maximum(
    database: &BenchDatabase<'_>,
    server: &Server,
    templates: &[Template],
    plan: Plan,
    ids: &mut Ids,
) -> f64 {
    let requests = exports::requests(templates, plan.scaled(MAXIMUM_REQUESTS), ids);
    let count = requests.len();
    let load = Load::over_grpc(server.grpc).await;
    database.empty().await;
    let begin = Instant::now();
    load.send(requests).await;
    count as f64 / begin.elapsed().as_secs_f64()
}

/// Moments at which independent clients would send, so many a second.
#[allow(clippy::cast_precision_loss)] // 53 bits are kept
fn schedule(per_second: f64, end: Duration, random: &mut Ids) -> Vec<Duration> {
    let mut at = Duration::ZERO;
    let mut schedule = Vec::new();
    loop {
        let uniform = ((random.next() >> 11) as f64 + 1.0) / (1_u64 << 53) as f64;
        at += Duration::from_secs_f64(-uniform.ln() / per_second);
        if at > end && !schedule.is_empty() {
            return schedule;
        }
        schedule.push(at);
    }
}

/// Hands each job over when it is due. A thread of its own: the runtime's timer
/// counts in milliseconds.
fn when_due<T: Send + 'static>(
    schedule: &[Duration],
    jobs: Vec<T>,
    run: impl Fn(T, Instant) + Send + 'static,
) -> thread::JoinHandle<()> {
    let schedule = schedule.to_vec();
    thread::spawn(move || {
        let begin = Instant::now();
        for (at, job) in schedule.into_iter().zip(jobs) {
            let due = begin + at;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            run(job, due);
        }
    })
}

fn milliseconds_since(due: Instant) -> f64 {
    due.elapsed().as_secs_f64() * 1e3
}

/// Times over OTLP/gRPC, in milliseconds.
async fn served(
    database: &BenchDatabase<'_>,
    server: &Server,
    templates: &[Template],
    schedule: &[Duration],
    ids: &mut Ids,
) -> Vec<f64> {
    let requests = exports::requests(templates, schedule.len(), ids);
    let mut channels = Vec::new();
    for _ in 0..CONNECTIONS {
        channels.push(load::channel(server.grpc).await);
    }
    database.empty().await;
    let (done, mut times) = mpsc::unbounded_channel();
    let (runtime, turn) = (Handle::current(), Mutex::new(0));
    let clock = when_due(schedule, requests, move |request, due| {
        let mut turn = turn.lock().unwrap();
        *turn = (*turn + 1) % CONNECTIONS;
        let (channel, done) = (channels[*turn].clone(), done.clone());
        runtime.spawn(async move {
            let refused = load::export(&channel, request).await.unwrap();
            assert!(refused.is_empty(), "all spans are taken");
            done.send(milliseconds_since(due)).unwrap();
        });
    });
    let mut taken = Vec::new();
    while let Some(time) = times.recv().await {
        taken.push(time);
    }
    clock.join().unwrap();
    assert_eq!(taken.len(), schedule.len());
    assert_eq!(database.count("finished_spans").await, schedule.len() * SPANS_PER_REQUEST);
    taken
}

/// Times of the same transactions without the collector, in milliseconds.
async fn by_hand(
    database: &BenchDatabase<'_>,
    rows: &Rows,
    schedule: &[Duration],
    ids: &mut Ids,
) -> Vec<f64> {
    let shape = Shape { connections: 1, batch_rows: SPANS_PER_REQUEST };
    let batches: Vec<Batch> = schedule
        .iter()
        .flat_map(|_| rows.batches(SPANS_PER_REQUEST, shape, ids))
        .flatten()
        .collect();
    assert_eq!(batches.len(), schedule.len());
    let mut idle = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut connection = database.connect().await;
        // Prepares its statement.
        transaction(&mut connection, rows.batches(1, shape, ids).remove(0).remove(0)).await;
        idle.push(connection);
    }
    database.empty().await;
    let (idle, free) = (Arc::new(Mutex::new(idle)), Arc::new(Semaphore::new(CONNECTIONS)));
    let (done, mut times) = mpsc::unbounded_channel();
    let runtime = Handle::current();
    let clock = when_due(schedule, batches, move |batch, due| {
        let (idle, free, done) = (Arc::clone(&idle), Arc::clone(&free), done.clone());
        runtime.spawn(async move {
            let _free = free.acquire().await.unwrap();
            let mut connection = idle.lock().unwrap().pop().unwrap();
            transaction(&mut connection, batch).await;
            done.send(milliseconds_since(due)).unwrap();
            idle.lock().unwrap().push(connection);
        });
    });
    let mut taken = Vec::new();
    while let Some(time) = times.recv().await {
        taken.push(time);
    }
    clock.join().unwrap();
    assert_eq!(taken.len(), schedule.len());
    taken
}

/// What the collector does to store one request.
async fn transaction(connection: &mut PgConnection, batch: Batch) {
    sqlx::raw_sql("BEGIN").execute(&mut *connection).await.unwrap();
    sqlx::query(
        "INSERT INTO runs AS r (run_id, started_at, last_alive_at)
         SELECT run_id, now(), now() FROM unnest($1::uuid[]) AS run_id
         ON CONFLICT (run_id) DO UPDATE SET gc_at = NULL WHERE r.gc_at IS NOT NULL",
    )
    .bind(batch.runs)
    .execute(&mut *connection)
    .await
    .unwrap();
    raw_copy::copy(connection, batch.bytes).await;
    sqlx::raw_sql("COMMIT").execute(connection).await.unwrap();
}

/// The median of single starts, one after the other, in milliseconds.
async fn idle_start(server: &Server) -> f64 {
    let mut client = SpanServiceClient::new(load::channel(server.grpc).await);
    let mut taken = Vec::with_capacity(IDLE_STARTS);
    for _ in 0..IDLE_STARTS {
        let begin = Instant::now();
        let request = StartSpanRequest { step_name: "probe".to_owned(), ..Default::default() };
        client.start_span(request).await.unwrap();
        taken.push(milliseconds_since(begin));
    }
    quantile(&taken, 0.5)
}
