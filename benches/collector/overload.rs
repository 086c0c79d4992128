//! Ten times what the collector carries, for a minute: how much memory it
//! takes, how much of its best it still does, and whether all that it
//! acknowledged is there.
//!
//! So many exporters, each with one request open, that ten times as many
//! requests a second come as are taken, if each that is turned away comes back
//! when it was told to. The load generator shares the cores with the server.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    net::TcpStream,
    task::JoinSet,
    time::{sleep, sleep_until},
};
use tonic::{Code, transport::Channel};
use tonic_types::StatusExt as _;
use uuid::Uuid;

use super::{
    Plan,
    bed::{Bed, BenchDatabase},
    exports::{self, SPANS_PER_REQUEST, Template},
    load, processes,
    report::{Goal, Measure},
    server::Server,
    spans::Ids,
};

const SECONDS: u64 = 60;
const MAXIMUM_SECONDS: u64 = 10;
/// How many times more than it carries.
const TIMES: f64 = 10.0;
/// As many as keep the lanes busy.
const ENOUGH_EXPORTERS: usize = 48;
const MOST_EXPORTERS: usize = 4_000;
/// Of the 128 that a connection may have open.
const EXPORTERS_PER_CONNECTION: usize = 100;
/// Parts of the time under load, to see whether it gets worse.
const WINDOWS: u32 = 6;
/// What a span takes on disk with its log, roughly.
const BYTES_PER_SPAN: u64 = 2_000;
/// Where nobody says when to come back.
const PAUSE: Duration = Duration::from_secs(1);

const MEMORY_GOAL_MIB: f64 = 256.0;
const GOODPUT_GOAL: f64 = 0.90;

#[derive(Debug, Clone, Copy)]
enum Way {
    Grpc,
    Http,
}

#[allow(clippy::cast_precision_loss)] // far below 2^52
pub(crate) async fn measure(bed: &Bed, plan: Plan) -> Vec<Measure> {
    let database = bed.database("overload").await;
    let templates = Arc::new(exports::templates());
    let mut measures = Vec::new();
    for (way, name) in [(Way::Grpc, "gRPC"), (Way::Http, "HTTP")] {
        // Each by a server whose memory is its own.
        let server = database.serve();
        database.empty().await;
        let short = plan.lasting(MAXIMUM_SECONDS);
        let best = attack(way, &server, &templates, ENOUGH_EXPORTERS, short).await;
        let mut maximum = best.requests_per_second();
        let seconds = affordable(bed, maximum, plan.lasting(SECONDS));
        let exporters = exporters(maximum);
        println!("{name}: carries {maximum:.0} requests/s; {exporters} exporters attack");

        database.empty().await;
        server.forget_peak();
        let attacked = attack(way, &server, &templates, exporters, seconds).await;
        let peak = processes::peak_bytes(server.pid()) as f64 / f64::from(1 << 20);
        let lost = lost(&database, &attacked.acked).await;
        database.empty().await;
        let again = attack(way, &server, &templates, ENOUGH_EXPORTERS, short).await;
        maximum = f64::midpoint(maximum, again.requests_per_second());
        server.stop();

        let attempts = attacked.requests.iter().sum::<usize>() + attacked.refused;
        let attempted = attempts as f64 / attacked.elapsed.as_secs_f64();
        println!(
            "{name}: {attempted:.0} attempts/s, {} taken, {} turned away, {} broken off, {lost} lost; \
             peak {peak:.0} MiB",
            attacked.requests.iter().sum::<usize>(),
            attacked.refused,
            attacked.broken,
        );
        let window = attacked.elapsed.as_secs_f64() / f64::from(WINDOWS);
        let goodput = attacked.requests.iter().map(|taken| *taken as f64 / window / maximum);
        measures.extend([
            Measure::new(format!("{name}: peak memory"), "MiB", Goal::AtMost(MEMORY_GOAL_MIB))
                .of([peak]),
            Measure::new(format!("{name}: goodput / maximum"), "", Goal::AtLeast(GOODPUT_GOAL))
                .of(goodput),
            Measure::new(format!("{name}: acknowledged and lost"), "spans", Goal::AtMost(0.0))
                .of([lost as f64]),
            Measure::new(format!("{name}: attempts / maximum"), "", Goal::Context)
                .of([attempted / maximum]),
            Measure::new(format!("{name}: connections broken off"), "", Goal::Context)
                .of([attacked.broken as f64]),
            Measure::new(format!("{name}: maximum"), "spans/s", Goal::Context)
                .of([maximum * SPANS_PER_REQUEST as f64]),
        ]);
    }
    database.drop().await;
    measures
}

/// As long as there is room for what will be stored.
#[allow(clippy::cast_precision_loss)] // far below 2^52
fn affordable(bed: &Bed, requests_per_second: f64, wanted: Duration) -> Duration {
    let bytes_per_second = requests_per_second * (SPANS_PER_REQUEST as u64 * BYTES_PER_SPAN) as f64;
    let room = Duration::from_secs_f64(bed.free_bytes() as f64 / 2.0 / bytes_per_second);
    if room < wanted {
        println!("there is room for {} s, not for {} s", room.as_secs(), wanted.as_secs());
    }
    wanted.min(room)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped
fn exporters(requests_per_second: f64) -> usize {
    let wanted = (TIMES * requests_per_second * PAUSE.as_secs_f64()) as usize;
    if wanted > MOST_EXPORTERS {
        println!("{MOST_EXPORTERS} exporters, where {wanted} would be wanted");
    }
    wanted.clamp(ENOUGH_EXPORTERS * 10, MOST_EXPORTERS)
}

/// What exporters have seen.
#[derive(Default)]
struct Tally {
    elapsed: Duration,
    /// Requests that were acknowledged, by window.
    requests: [usize; WINDOWS as usize],
    refused: usize,
    /// Connections that ended without a reply.
    broken: usize,
    /// The traces of acknowledged requests.
    acked: Vec<Uuid>,
}

impl Tally {
    #[allow(clippy::cast_precision_loss)] // far below 2^52
    fn requests_per_second(&self) -> f64 {
        self.requests.iter().sum::<usize>() as f64 / self.elapsed.as_secs_f64()
    }

    fn add(&mut self, other: Self) {
        for (all, more) in self.requests.iter_mut().zip(other.requests) {
            *all += more;
        }
        self.refused += other.refused;
        self.broken += other.broken;
        self.acked.extend(other.acked);
    }
}

/// What came of a request.
enum Reply {
    Taken,
    Refused(Duration),
    Broken,
}

/// Has so many exporters send for so long.
async fn attack(
    way: Way,
    server: &Server,
    templates: &Arc<Vec<Template>>,
    exporters: usize,
    duration: Duration,
) -> Tally {
    let mut connections = Vec::new();
    match way {
        Way::Grpc => {
            for _ in 0..exporters.div_ceil(EXPORTERS_PER_CONNECTION).max(4) {
                connections.push(Connection::Grpc(load::channel(server.grpc).await));
            }
        }
        Way::Http => connections.push(Connection::Http(server.http, None)),
    }
    // At random moments of the first second, as exporters come.
    let mut ids = Ids::new();
    let begin = Instant::now();
    let mut running = JoinSet::new();
    for number in 0..exporters {
        let exporter = Exporter {
            connection: connections[number % connections.len()].again(),
            templates: Arc::clone(templates),
            number,
            ids: Ids::new(),
            begin,
            duration,
            tally: Tally::default(),
        };
        let pause = Duration::from_millis(ids.below(1_000).min(duration.as_millis() as u64 / 4));
        running.spawn(async move {
            sleep(pause).await;
            exporter.run().await
        });
    }
    let mut all = Tally { elapsed: duration, ..Tally::default() };
    while let Some(tally) = running.join_next().await {
        all.add(tally.unwrap());
    }
    all
}

struct Exporter {
    connection: Connection,
    templates: Arc<Vec<Template>>,
    number: usize,
    ids: Ids,
    begin: Instant,
    duration: Duration,
    tally: Tally,
}

impl Exporter {
    async fn run(mut self) -> Tally {
        let end = self.begin + self.duration;
        let mut turn = self.number;
        'requests: loop {
            turn += 1;
            let template = &self.templates[turn % self.templates.len()];
            let (request, traces) = template.fill_traced(&mut self.ids);
            let request = self.connection.dressed(request);
            loop {
                if Instant::now() >= end {
                    break 'requests;
                }
                match self.connection.send(&request).await {
                    Reply::Taken => break,
                    Reply::Refused(pause) => {
                        self.tally.refused += 1;
                        sleep_until((Instant::now() + pause).min(end).into()).await;
                    }
                    Reply::Broken => {
                        self.tally.broken += 1;
                        sleep_until((Instant::now() + PAUSE).min(end).into()).await;
                    }
                }
            }
            // Also what is acknowledged too late to count has to be there.
            self.tally.acked.extend(traces.into_iter().map(Uuid::from_bytes));
            let window = self.begin.elapsed().as_nanos() * u128::from(WINDOWS);
            let window = usize::try_from(window / self.duration.as_nanos()).unwrap();
            if let Some(requests) = self.tally.requests.get_mut(window) {
                *requests += 1;
            }
        }
        self.tally
    }
}

enum Connection {
    Grpc(Channel),
    Http(SocketAddr, Option<TcpStream>),
}

impl Connection {
    /// Another one; over gRPC, the same for another request.
    fn again(&self) -> Self {
        match self {
            Self::Grpc(channel) => Self::Grpc(channel.clone()),
            Self::Http(to, _) => Self::Http(*to, None),
        }
    }

    fn dressed(&self, request: Vec<u8>) -> Vec<u8> {
        match self {
            Self::Grpc(_) => request,
            Self::Http(..) => load::http_request(&request, false),
        }
    }

    async fn send(&mut self, request: &[u8]) -> Reply {
        match self {
            Self::Grpc(channel) => match load::export(channel, request.to_vec()).await {
                Ok(refused) => {
                    assert!(refused.is_empty(), "all spans are taken");
                    Reply::Taken
                }
                Err(status) if status.code() == Code::Unavailable => status
                    .get_details_retry_info()
                    .and_then(|info| info.retry_delay)
                    .map_or(Reply::Broken, Reply::Refused),
                Err(_) => Reply::Broken,
            },
            Self::Http(to, open) => {
                let connected = match open.take() {
                    Some(connection) => Ok(connection),
                    None => TcpStream::connect(*to).await,
                };
                let Ok(mut connection) = connected else { return Reply::Broken };
                let mut reply = Vec::new();
                let whole = load::post(&mut connection, request, &mut reply).await;
                let Ok((status, whole)) = whole else { return Reply::Broken };
                if whole {
                    *open = Some(connection);
                }
                if status == 200 { Reply::Taken } else { Reply::Refused(retry_after(&reply)) }
            }
        }
    }
}

fn retry_after(reply: &[u8]) -> Duration {
    let head = String::from_utf8_lossy(reply);
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("retry-after"))
        .and_then(|(_, seconds)| seconds.trim().parse().ok())
        .map_or(PAUSE, Duration::from_secs)
}

/// How many of the spans of acknowledged traces are not there.
async fn lost(database: &BenchDatabase<'_>, traces: &[Uuid]) -> usize {
    let mut connection = database.connect().await;
    let traces_per_request = SPANS_PER_REQUEST.div_ceil(exports::SPANS_PER_TRACE);
    let expected = traces.len() / traces_per_request * SPANS_PER_REQUEST;
    let mut found = 0;
    for traces in traces.chunks(10_000) {
        let stored: i64 =
            sqlx::query_scalar("SELECT count(*) FROM finished_spans WHERE run_id = ANY($1)")
                .bind(traces)
                .fetch_one(&mut connection)
                .await
                .unwrap();
        found += usize::try_from(stored).unwrap();
    }
    expected - found
}
