//! What `livespan gc` costs the executors beside it: the rate at which exported
//! spans are stored while it deletes, over the rate without it, in turns and on
//! one database with a long history.

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use super::{
    Plan,
    bed::{Bed, BenchDatabase},
    exports::{self, SPANS_PER_REQUEST, Template},
    load::Load,
    otlp_vs_copy::written_rows,
    report::{Goal, Measure},
    server::Server,
    spans::Ids,
};

const REQUESTS: usize = 500;
/// What is there to delete, in spans: more than gc gets through.
const HISTORY: usize = 1_000_000;
const RATE_GOAL: f64 = 0.90;

pub(crate) async fn measure(bed: &Bed, plan: Plan) -> Vec<Measure> {
    let database = bed.database("gc").await;
    let server = database.serve();
    let templates = exports::templates();
    let mut ids = Ids::new();
    written_rows(&database, &server, &templates, &mut ids).await;
    let history = plan.scaled(HISTORY);
    expire(&database, history).await;

    let mut rate = Measure::new("rate beside gc / alone", "", Goal::AtLeast(RATE_GOAL));
    let mut alone_rate = Measure::new("alone: rate", "spans/s", Goal::Context);
    let mut deleted = Measure::new("gc: deleted", "spans/s", Goal::Context);
    let requests = plan.scaled(REQUESTS);
    for round in 1..=plan.rounds {
        let mut rates = [0.0; 2];
        let mut gone = 0.0;
        // In turns, so that neither is always the first on what the other left.
        for beside_gc in [round % 2 == 0, round % 2 == 1] {
            let before = database.count("finished_spans").await;
            let gc = beside_gc.then(|| Gc::start(bed, &database));
            let seconds = export(&database, &server, &templates, requests, &mut ids).await;
            let spans = requests * SPANS_PER_REQUEST;
            rates[usize::from(beside_gc)] = spans as f64 / seconds;
            if let Some(gc) = gc {
                gc.interrupt();
                let after = database.count("finished_spans").await;
                assert!(after < before + spans, "gc deletes");
                gone = (before + spans - after) as f64 / seconds;
            }
        }
        let [alone, beside] = rates;
        println!(
            "round {round}: {alone:.0} spans/s alone, {beside:.0} beside gc, {gone:.0} deleted"
        );
        rate.add(beside / alone);
        alone_rate.add(alone);
        deleted.add(gone);
    }
    server.stop();
    database.drop().await;
    vec![rate, alone_rate, deleted]
}

/// Fills the database with spans like those that are there, of runs that were
/// marked long ago.
async fn expire(database: &BenchDatabase<'_>, spans: usize) {
    let columns = database
        .texts(
            "string_agg(quote_ident(attname), ', ') FROM pg_attribute
             WHERE attrelid = 'finished_spans'::regclass AND attnum > 0 AND NOT attisdropped
                 AND attname NOT IN ('run_id', 'span_id')",
        )
        .await
        .remove(0);
    let there = database.count("finished_spans").await;
    database.execute("CREATE UNLOGGED TABLE seed AS SELECT * FROM finished_spans").await;
    for copy in 0..spans.div_ceil(there) {
        database
            .execute(&format!(
                "INSERT INTO finished_spans (run_id, span_id, {columns})
                 SELECT md5(run_id || '{copy}')::uuid, md5(span_id || '{copy}')::uuid, {columns}
                 FROM seed"
            ))
            .await;
    }
    database
        .execute(
            "INSERT INTO runs (run_id, started_at, last_alive_at, gc_at)
             SELECT run_id, now(), now() - interval '30 days', now() - interval '10 days'
             FROM finished_spans
             WHERE run_id NOT IN (SELECT run_id FROM runs) GROUP BY run_id;
             DROP TABLE seed;
             ANALYZE finished_spans; ANALYZE runs",
        )
        .await;
    database.checkpoint().await;
}

/// Sends new spans, and says how many seconds that took.
async fn export(
    database: &BenchDatabase<'_>,
    server: &Server,
    templates: &[Template],
    requests: usize,
    ids: &mut Ids,
) -> f64 {
    let requests = exports::requests(templates, requests, ids);
    let load = Load::over_grpc(server.grpc).await;
    database.checkpoint().await;
    let began = std::time::Instant::now();
    load.send(requests).await;
    began.elapsed().as_secs_f64()
}

/// A gc that has more to do than there is time for.
struct Gc(Child);

impl Gc {
    fn start(bed: &Bed, database: &BenchDatabase<'_>) -> Self {
        let data_dir: PathBuf = bed.data_dir(database);
        let gc = Command::new(bed.server())
            .args(["gc", "--older-than", "7d", "--database-url", &database.url(), "--data-dir"])
            .arg(data_dir)
            .env("LIVESPAN_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("the binary runs");
        Self(gc)
    }

    /// Ends it as it may be ended at any time.
    fn interrupt(mut self) {
        assert!(self.0.try_wait().unwrap().is_none(), "it was at work to the end");
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}
