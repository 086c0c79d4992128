//! OTLP, 512 spans a request and ten attributes each, beside raw COPY of the
//! same rows into the same table: durable spans a second, and CPU a span.
//!
//! The load generator runs on the same cores as the server. Its time counts
//! against the rate and is not part of the CPU.

use super::{
    Plan,
    bed::{Bed, BenchDatabase},
    exports::{self, SPANS_PER_REQUEST, Template},
    load::{Load, http_request},
    processes::Cost,
    raw_copy::{self, Rows},
    report::{Goal, Measure},
    server::Server,
    spans::Ids,
};

const REQUESTS: usize = 1_000;
const RATE_GOAL: f64 = 0.60;
const GZIP_RATE_GOAL: f64 = 0.40;
const CPU_GOAL: f64 = 1.6;

/// How the spans come.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    Grpc,
    Http,
    Gzip,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Grpc => "gRPC",
            Self::Http => "HTTP",
            Self::Gzip => "HTTP, gzip",
        }
    }
}

struct Side {
    way: Way,
    rate: Measure,
    cpu: Measure,
    spans_per_second: Measure,
    cpu_micros: Measure,
}

impl Side {
    fn new(way: Way) -> Self {
        let name = way.name();
        let (rate, cpu) = match way {
            Way::Grpc => (RATE_GOAL, Goal::AtMost(CPU_GOAL)),
            Way::Http => (RATE_GOAL, Goal::Context),
            Way::Gzip => (GZIP_RATE_GOAL, Goal::Context),
        };
        Self {
            way,
            rate: Measure::new(format!("{name}: rate / raw"), "", Goal::AtLeast(rate)),
            cpu: Measure::new(format!("{name}: CPU a span / raw"), "", cpu),
            spans_per_second: Measure::new(format!("{name}: rate"), "spans/s", Goal::Context),
            cpu_micros: Measure::new(format!("{name}: CPU"), "µs/span", Goal::Context),
        }
    }
}

pub(crate) async fn measure(bed: &Bed, plan: Plan, ways: &[Way]) -> Vec<Measure> {
    let database = bed.database("otlp").await;
    let server = database.serve();
    let templates = exports::templates();
    let mut ids = Ids::new();
    let rows = written_rows(&database, &server, &templates, &mut ids).await;
    println!("{} bytes a row in COPY, {} on the wire", rows.mean_bytes(), wire_bytes(&templates));
    let count = plan.scaled(REQUESTS) * SPANS_PER_REQUEST;
    let shape = raw_copy::best_shape(bed, &database, &rows, count / 2, &mut ids).await;

    let mut sides: Vec<Side> = ways.iter().copied().map(Side::new).collect();
    let mut raw_rate = Measure::new("raw COPY: rate", "rows/s", Goal::Context);
    let mut raw_cpu = Measure::new("raw COPY: CPU", "µs/row", Goal::Context);
    for round in 1..=plan.rounds {
        let (written, raw) = raw_copy::write(bed, &database, &rows, count, shape, &mut ids).await;
        let (rate, micros) = (raw.per_second(written), raw.cpu_micros(written));
        raw_rate.add(rate);
        raw_cpu.add(micros);
        println!("round {round}: raw {rate:.0} rows/s, {micros:.2} µs");
        for side in &mut sides {
            let cost = export(bed, &database, &server, side.way, &templates, count, &mut ids).await;
            let (side_rate, side_micros) = (cost.per_second(count), cost.cpu_micros(count));
            println!(
                "round {round}: {} {side_rate:.0} spans/s, {side_micros:.2} µs, {:.2} of raw's rate",
                side.way.name(),
                side_rate / rate
            );
            side.rate.add(side_rate / rate);
            side.cpu.add(side_micros / micros);
            side.spans_per_second.add(side_rate);
            side.cpu_micros.add(side_micros);
        }
    }
    server.stop();
    database.drop().await;
    let sides = sides.into_iter();
    sides
        .flat_map(|side| [side.rate, side.cpu, side.spans_per_second, side.cpu_micros])
        .chain([raw_rate, raw_cpu])
        .collect()
}

fn wire_bytes(templates: &[Template]) -> usize {
    let requests = exports::requests(templates, templates.len(), &mut Ids::seeded(0));
    requests.iter().map(Vec::len).sum::<usize>() / (templates.len() * SPANS_PER_REQUEST)
}

/// Has the collector write each of the templates once, and reads that back.
pub(crate) async fn written_rows(
    database: &BenchDatabase<'_>,
    server: &Server,
    templates: &[Template],
    ids: &mut Ids,
) -> Rows {
    let requests = exports::requests(templates, templates.len(), ids);
    Load::over_grpc(server.grpc).await.send(requests).await;
    let written = database.count("finished_spans").await;
    assert_eq!(written, templates.len() * SPANS_PER_REQUEST);
    Rows::read(database).await
}

/// Sends `count` new spans, and says what that took. All is made ready before
/// the clock starts.
async fn export(
    bed: &Bed,
    database: &BenchDatabase<'_>,
    server: &Server,
    way: Way,
    templates: &[Template],
    count: usize,
    ids: &mut Ids,
) -> Cost {
    let requests = exports::requests(templates, count / SPANS_PER_REQUEST, ids);
    let (load, requests) = match way {
        Way::Grpc => (Load::over_grpc(server.grpc).await, requests),
        Way::Http | Way::Gzip => {
            let whole = requests.iter().map(|body| match way {
                Way::Gzip => http_request(&exports::gzip(body), true),
                _ => http_request(body, false),
            });
            (Load::over_http(server.http).await, whole.collect())
        }
    };
    database.empty().await;
    let meter = bed.meter(server.pid());
    load.send(requests).await;
    let cost = meter.stop();
    assert_eq!(database.count("finished_spans").await, count);
    cost
}
