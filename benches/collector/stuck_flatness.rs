//! Whether questions cost the same however long the history is: 10,000 running
//! spans beside 100,000 finished ones and beside 5,000,000, each in a database
//! and behind a collector of its own, asked in turns.
//!
//! The shorter history is of one day, and the longer reaches back as many days
//! more as it is longer.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use livespan_server::{
    domain::ids::{RunId, SpanId},
    proto::v1::{
        GetLastAliveSpanRequest, GetTimelineRequest, ListActiveRunsRequest, ListRunsRequest,
        ListStuckRunsRequest, ListTopFailuresRequest, StreamSpansRequest,
        trace_query_client::TraceQueryClient,
    },
};
use prost::Message as _;
use tokio::{task::JoinSet, time::sleep};
use tonic::transport::Channel;

use super::{
    Plan,
    bed::{Bed, BenchDatabase},
    exports,
    lifecycle_vs_limit::start,
    load,
    otlp_vs_copy::written_rows,
    raw_copy::{self, Rows, Shape},
    report::{Goal, Measure, quantile},
    server::Server,
    spans::Ids,
    streams,
};

const SHORT: usize = 100_000;
const LONG: usize = 5_000_000;
const RUNNING_SPANS: usize = 10_000;
const SPANS_PER_RUN: usize = 20;
const STUCK_RUNS: usize = 20;
/// How often each question is asked in a round.
const REPEATS: usize = 40;
/// What a finished span takes on disk with its log, roughly.
const BYTES_PER_SPAN: u64 = 2_000;
const WINDOW: Duration = Duration::from_secs(24 * 3600);

const CONNECTIONS: usize = 2;
const BATCH_ROWS: usize = 8_192;
/// Rows that are made ready at once.
const CHUNK_ROWS: usize = 200_000;

/// Questions, and by how much they may grow.
const QUESTIONS: [(Question, &str, f64); 6] = [
    (Question::Stuck, "ListStuckRuns", 1.2),
    (Question::Active, "ListActiveRuns", 1.2),
    (Question::Timeline, "GetTimeline", 1.2),
    (Question::LastAlive, "GetLastAliveSpan", 1.2),
    (Question::Failures, "ListTopFailures, 24 h", 2.0),
    (Question::Runs, "ListRuns, first page", 2.0),
];

#[derive(Debug, Clone, Copy)]
enum Question {
    Stuck,
    Active,
    Timeline,
    LastAlive,
    Failures,
    Runs,
}

pub(crate) async fn measure(bed: &Bed, plan: Plan) -> Vec<Measure> {
    let long = longest(bed, plan.scaled(LONG));
    let (databases, lengths) = (
        [bed.database("short").await, bed.database("long").await],
        [plan.scaled(SHORT).min(long), long],
    );
    let mut histories = Vec::new();
    for (database, spans) in databases.iter().zip(lengths) {
        histories.push(History::make(database, spans, lengths[0], plan).await);
    }
    let [short, long_history] = &mut histories[..] else { unreachable!("there are two") };

    let mut measures = Vec::new();
    let times = |spans: usize| format!("{:.0e}", spans as f64);
    for (question, name, limit) in QUESTIONS {
        let mut ratio = Measure::new(
            format!("{name}: {} / {}", times(lengths[1]), times(lengths[0])),
            "",
            Goal::AtMost(limit),
        );
        let mut took = Measure::new(format!("{name}: {}", times(lengths[1])), "ms", Goal::Context);
        for _ in 0..plan.rounds {
            let (mut before, mut after) = (Vec::new(), Vec::new());
            for _ in 0..REPEATS {
                before.push(short.ask(question).await);
                after.push(long_history.ask(question).await);
            }
            let (before, after) = (quantile(&before, 0.5), quantile(&after, 0.5));
            ratio.add(after / before);
            took.add(after);
        }
        println!("{name}: {:.2}, {:.2} ms", ratio.median(), took.median());
        measures.extend([ratio, took]);
    }
    for history in histories {
        history.server.stop();
    }
    for database in databases {
        database.drop().await;
    }
    measures
}

/// As many spans as there is room for.
fn longest(bed: &Bed, wanted: usize) -> usize {
    let room = usize::try_from(bed.free_bytes() / 2 / BYTES_PER_SPAN).unwrap();
    if room < wanted {
        println!("there is room for {room} spans, not for {wanted}");
    }
    wanted.min(room)
}

struct History {
    server: Server,
    questions: TraceQueryClient<Channel>,
    finished: std::iter::Cycle<std::vec::IntoIter<String>>,
    running: std::iter::Cycle<std::vec::IntoIter<String>>,
}

impl History {
    async fn make(
        database: &BenchDatabase<'_>,
        spans: usize,
        spans_a_day: usize,
        plan: Plan,
    ) -> Self {
        let server = database.serve();
        let mut ids = Ids::new();
        let rows = written_rows(database, &server, &exports::templates(), &mut ids).await;
        database.empty().await;
        let begin = Instant::now();
        let per_span = WINDOW / u32::try_from(spans_a_day).unwrap();
        load_history(database, &rows, spans, per_span, &mut ids).await;
        // With the collector's own columns, and as autovacuum leaves it.
        database
            .execute(
                "INSERT INTO runs (run_id, started_at, last_alive_at)
                 SELECT run_id, min(ts_start), max(last_alive_at)
                 FROM finished_spans GROUP BY run_id",
            )
            .await;
        for statement in ["VACUUM ANALYZE finished_spans", "VACUUM ANALYZE runs"] {
            database.execute(statement).await;
        }
        let finished = database.texts("run_id::text FROM runs ORDER BY random() LIMIT 400").await;
        let running = run_some(&server, plan).await;
        database
            .execute(&format!(
                "UPDATE live_spans SET last_alive_at = now() - interval '10 minutes'
                 WHERE run_id IN (SELECT run_id FROM live_spans GROUP BY 1 ORDER BY 1 LIMIT {STUCK_RUNS})"
            ))
            .await;
        database
            .execute(
                "UPDATE runs SET last_alive_at = now() - interval '10 minutes'
                 WHERE run_id IN (SELECT run_id FROM live_spans
                                  WHERE last_alive_at < now() - interval '9 minutes')",
            )
            .await;
        database.execute("VACUUM ANALYZE live_spans").await;
        database.checkpoint().await;
        println!("{spans} finished spans in {:.0} s", begin.elapsed().as_secs_f64());
        let mut questions = TraceQueryClient::new(load::channel(server.grpc).await);
        until_stuck(&mut questions).await;
        Self {
            server,
            questions,
            finished: finished.into_iter().cycle(),
            running: running.into_iter().cycle(),
        }
    }

    /// How long an answer takes, in milliseconds.
    async fn ask(&mut self, question: Question) -> f64 {
        let (finished, running) = (self.finished.next().unwrap(), self.running.next().unwrap());
        let asked = &mut self.questions;
        match question {
            Question::Stuck => {
                let request = ListStuckRunsRequest::default();
                timed(asked.list_stuck_runs(request), |reply| reply.runs.len() == STUCK_RUNS).await
            }
            Question::Active => {
                let request = ListActiveRunsRequest::default();
                timed(asked.list_active_runs(request), |reply| !reply.runs.is_empty()).await
            }
            Question::Timeline => {
                let request = GetTimelineRequest { run_id: finished, ..Default::default() };
                timed(asked.get_timeline(request), |reply| !reply.spans.is_empty()).await
            }
            Question::LastAlive => {
                let request = GetLastAliveSpanRequest { run_id: running };
                timed(asked.get_last_alive_span(request), |reply| !reply.span_id.is_empty()).await
            }
            Question::Failures => {
                let request = ListTopFailuresRequest {
                    window: Some(WINDOW.try_into().unwrap()),
                    ..Default::default()
                };
                timed(asked.list_top_failures(request), |reply| !reply.failures.is_empty()).await
            }
            Question::Runs => {
                let request = ListRunsRequest::default();
                timed(asked.list_runs(request), |reply| !reply.runs.is_empty()).await
            }
        }
    }
}

async fn timed<T>(
    answer: impl Future<Output = Result<tonic::Response<T>, tonic::Status>>,
    is_right: impl Fn(&T) -> bool,
) -> f64 {
    let begin = Instant::now();
    let reply = answer.await.unwrap();
    let taken = begin.elapsed().as_secs_f64() * 1e3;
    assert!(is_right(reply.get_ref()), "the answer is not what was stored");
    taken
}

/// Finished spans, the oldest first, evenly over their days.
async fn load_history(
    database: &BenchDatabase<'_>,
    rows: &Rows,
    spans: usize,
    per_span: Duration,
    ids: &mut Ids,
) {
    let shape = Shape { connections: CONNECTIONS, batch_rows: BATCH_ROWS };
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(database.connect().await);
    }
    let mut left = spans;
    while left > 0 {
        let chunk = left.min(CHUNK_ROWS);
        let age = |row: usize| per_span * u32::try_from(left.saturating_sub(row)).unwrap();
        let batches = rows.aged_batches(chunk, shape, ids, age);
        let mut writers = JoinSet::new();
        for (mut connection, batches) in connections.drain(..).zip(batches) {
            writers.spawn(async move {
                for batch in batches {
                    raw_copy::copy(&mut connection, batch.bytes).await;
                }
                connection
            });
        }
        connections = writers.join_all().await;
        left -= chunk;
    }
    assert!(database.count("finished_spans").await >= spans);
}

/// A collector that has just started gives executors time to reach it before it
/// calls their runs stuck.
async fn until_stuck(questions: &mut TraceQueryClient<Channel>) {
    let begin = Instant::now();
    loop {
        let reply = questions.list_stuck_runs(ListStuckRunsRequest::default()).await.unwrap();
        if reply.get_ref().runs.len() == STUCK_RUNS {
            return;
        }
        assert!(
            begin.elapsed() < Duration::from_secs(60),
            "{} runs are stuck",
            reply.get_ref().runs.len()
        );
        sleep(Duration::from_millis(500)).await;
    }
}

/// Runs that run. Returns their ids.
async fn run_some(server: &Server, plan: Plan) -> Vec<String> {
    let spans = plan.scaled(RUNNING_SPANS);
    let (waves, events) = streams::waves();
    let mut replies = streams::open(server.grpc, events).await;
    let mut runs = Vec::new();
    let mut wave = Vec::with_capacity(spans);
    while wave.len() < spans {
        let run_id = RunId::generate();
        runs.push(run_id.to_string());
        for _ in 0..SPANS_PER_RUN {
            let event = start(&run_id.to_string(), &SpanId::generate(run_id).to_string());
            let seq = wave.len() as u64 + 1;
            wave.push(StreamSpansRequest { seq, event: Some(event) }.encode_to_vec());
        }
    }
    let last = wave.len() as u64;
    waves.send(wave).await.unwrap();
    replies.acked(last).await;
    runs
}
