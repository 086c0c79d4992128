//! What a finished span takes on disk, over what it took on the wire: its row,
//! its share of the indexes, and what was moved out of the row.

use super::{
    Plan,
    bed::Bed,
    exports::{self, SPANS_PER_REQUEST},
    load::Load,
    report::{Goal, Measure},
    spans::Ids,
};

const REQUESTS_PER_ROUND: usize = 200;
const GOAL: f64 = 1.3;

#[allow(clippy::cast_precision_loss)] // far below 2^52
pub(crate) async fn measure(bed: &Bed, plan: Plan) -> Vec<Measure> {
    let database = bed.database("bytes").await;
    let server = database.serve();
    let templates = exports::templates();
    let mut ids = Ids::new();
    let mut ratio = Measure::new("on disk / on the wire", "", Goal::AtMost(GOAL));
    let mut sizes: Vec<(Measure, &str)> = [
        ("row", "pg_relation_size('finished_spans')"),
        (
            "of it attributes",
            "coalesce(sum(pg_column_size(attributes)), 0)::bigint FROM finished_spans",
        ),
        (
            "of it what only OpenTelemetry says",
            "coalesce(sum(pg_column_size(otel)), 0)::bigint FROM finished_spans",
        ),
        ("indexes", "pg_indexes_size('finished_spans')"),
        (
            "moved out of the row",
            "pg_total_relation_size(reltoastrelid) FROM pg_class WHERE oid = 'finished_spans'::regclass",
        ),
        ("its share of its run", "pg_total_relation_size('runs')"),
    ]
    .map(|(name, size)| (Measure::new(name, "bytes/span", Goal::Context), size))
    .into();
    let mut on_the_wire = Measure::new("on the wire", "bytes/span", Goal::Context);
    let mut wire_bytes = 0;
    let mut count = 0;
    for round in 1..=plan.rounds {
        let requests = exports::requests(&templates, plan.scaled(REQUESTS_PER_ROUND), &mut ids);
        count += requests.len() * SPANS_PER_REQUEST;
        wire_bytes += requests.iter().map(Vec::len).sum::<usize>();
        Load::over_grpc(server.grpc).await.send(requests).await;
        assert_eq!(database.count("finished_spans").await, count);
        let stored = database.number("pg_total_relation_size('finished_spans')").await;
        println!("round {round}: {count} spans, {wire_bytes} bytes on the wire, {stored} on disk");
        ratio.add(stored as f64 / wire_bytes as f64);
        on_the_wire.add(wire_bytes as f64 / count as f64);
        for (measure, size) in &mut sizes {
            measure.add(database.number(size).await as f64 / count as f64);
        }
    }
    server.stop();
    database.drop().await;
    let sizes = sizes.into_iter().map(|(measure, _)| measure);
    [ratio, on_the_wire].into_iter().chain(sizes).collect()
}
