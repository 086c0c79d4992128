//! The other side: the very rows that the collector wrote, read back once, given
//! new ids in place, and sent to Postgres by binary COPY as fast as it takes them.

use std::{collections::HashMap, ops::Range, time::Duration};

use futures_util::TryStreamExt as _;
use sqlx::{PgConnection, postgres::PgPoolCopyExt as _};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{
    bed::{Bed, BenchDatabase},
    processes::Cost,
    spans::Ids,
};

const COPY: &str = "COPY finished_spans FROM STDIN (FORMAT binary)";

/// Signature, flags and length of the extension, as Postgres sends them.
const HEADER_BYTES: usize = 19;
/// The number of fields, 16 bits, and each field's length, 32 bits.
const RUN_AT: usize = 2 + 4;
const SPAN_AT: usize = RUN_AT + 16 + 4;
const PARENT_AT: usize = SPAN_AT + 16 + 4;

/// The fields ts_start, ts_end, first_seen_at and last_alive_at.
const TIMES: Range<usize> = 9..13;

struct Row {
    bytes: Vec<u8>,
    times_at: Vec<usize>,
    /// The place of its parent in the run.
    parent: Option<usize>,
}

/// Rows of `finished_spans` in binary, by run.
pub(crate) struct Rows {
    header: Vec<u8>,
    runs: Vec<Vec<Row>>,
}

/// A run's rows, to be given new ids.
struct NewRun<'r> {
    id: [u8; 16],
    rows: &'r [Row],
    age: Duration,
}

/// A COPY.
pub(crate) struct Batch {
    pub(crate) bytes: Vec<u8>,
    pub(crate) runs: Vec<Uuid>,
    rows: usize,
}

/// How it is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) connections: usize,
    pub(crate) batch_rows: usize,
}

impl Rows {
    /// What is in `finished_spans` now.
    pub(crate) async fn read(database: &BenchDatabase<'_>) -> Self {
        let pool = sqlx::PgPool::connect(&database.url()).await.unwrap();
        let chunks: Vec<bytes::Bytes> = pool
            .copy_out_raw(
                "COPY (SELECT * FROM finished_spans ORDER BY run_id, span_id) \
                 TO STDOUT (FORMAT binary)",
            )
            .await
            .unwrap()
            .try_collect()
            .await
            .unwrap();
        pool.close().await;
        Self::parse(&chunks.concat())
    }

    fn parse(copied: &[u8]) -> Self {
        let mut runs: Vec<Vec<Row>> = Vec::new();
        let mut places: HashMap<[u8; 16], usize> = HashMap::new();
        let mut at = HEADER_BYTES;
        let mut run = None;
        loop {
            let begin = at;
            let fields = i16::from_be_bytes(copied[at..at + 2].try_into().unwrap());
            if fields < 0 {
                break;
            }
            at += 2;
            let mut times_at = Vec::new();
            for field in 0..usize::try_from(fields).unwrap() {
                let length = i32::from_be_bytes(copied[at..at + 4].try_into().unwrap());
                if TIMES.contains(&field) && length == 8 {
                    times_at.push(at + 4 - begin);
                }
                at += 4 + usize::try_from(length).unwrap_or(0);
            }
            let bytes = copied[begin..at].to_vec();
            let id = |at: usize| -> [u8; 16] { bytes[at..at + 16].try_into().unwrap() };
            if run.replace(id(RUN_AT)) != Some(id(RUN_AT)) {
                runs.push(Vec::new());
            }
            let rows = runs.last_mut().unwrap();
            places.insert(id(SPAN_AT), rows.len());
            rows.push(Row { bytes, times_at, parent: None });
        }
        for row in runs.iter_mut().flatten() {
            let has_parent = row.bytes[PARENT_AT - 4..PARENT_AT] == 16_i32.to_be_bytes();
            row.parent = has_parent
                .then(|| places.get(&row.bytes[PARENT_AT..PARENT_AT + 16]).copied())
                .flatten();
        }
        Self { header: copied[..HEADER_BYTES].to_vec(), runs }
    }

    pub(crate) fn mean_bytes(&self) -> usize {
        let rows = || self.runs.iter().flatten();
        rows().map(|row| row.bytes.len()).sum::<usize>() / rows().count()
    }

    /// New rows, `rows` or a few more, in batches of a connection each. Sorted
    /// within a batch as the collector sorts them, since the index likes it.
    pub(crate) fn batches(&self, rows: usize, shape: Shape, ids: &mut Ids) -> Vec<Vec<Batch>> {
        self.aged_batches(rows, shape, ids, |_| Duration::ZERO)
    }

    /// The same, of spans that ended as long ago as `age` says of the nth row.
    pub(crate) fn aged_batches(
        &self,
        rows: usize,
        shape: Shape,
        ids: &mut Ids,
        age: impl Fn(usize) -> Duration,
    ) -> Vec<Vec<Batch>> {
        let mut connections: Vec<Vec<Batch>> = Vec::new();
        connections.resize_with(shape.connections, Vec::new);
        let mut runs = self.runs.iter().cycle();
        let (mut made, mut turn) = (0, 0);
        while made < rows {
            let mut chosen = Vec::new();
            let mut batch_rows = 0;
            while batch_rows < shape.batch_rows.min(rows - made) {
                let run = runs.next().unwrap();
                chosen.push(NewRun { id: ids.trace(), rows: run, age: age(made + batch_rows) });
                batch_rows += run.len();
            }
            chosen.sort_by_key(|run| run.id);
            let bytes = self.encode(&chosen, ids);
            let runs = chosen.iter().map(|run| Uuid::from_bytes(run.id)).collect();
            connections[turn % shape.connections].push(Batch { bytes, runs, rows: batch_rows });
            made += batch_rows;
            turn += 1;
        }
        connections
    }

    fn encode(&self, runs: &[NewRun<'_>], ids: &mut Ids) -> Vec<u8> {
        let mut bytes = self.header.clone();
        for NewRun { id: run_id, rows, age } in runs {
            let mut spans: Vec<[u8; 16]> = rows
                .iter()
                .map(|_| {
                    let mut id = *run_id;
                    id[8..].copy_from_slice(&ids.span());
                    id
                })
                .collect();
            spans.sort_unstable();
            for (row, span_id) in rows.iter().zip(&spans) {
                let begin = bytes.len();
                bytes.extend_from_slice(&row.bytes);
                let fresh = &mut bytes[begin..];
                fresh[RUN_AT..][..16].copy_from_slice(run_id);
                fresh[SPAN_AT..][..16].copy_from_slice(span_id);
                for at in &row.times_at {
                    let time = i64::from_be_bytes(fresh[*at..][..8].try_into().unwrap());
                    let time = time - i64::try_from(age.as_micros()).unwrap();
                    fresh[*at..][..8].copy_from_slice(&time.to_be_bytes());
                }
                if let Some(parent) = row.parent {
                    fresh[PARENT_AT..][..16].copy_from_slice(&spans[parent]);
                }
            }
        }
        bytes.extend_from_slice(&(-1_i16).to_be_bytes());
        bytes
    }
}

/// Sends one COPY, which commits by itself.
pub(crate) async fn copy(connection: &mut PgConnection, bytes: Vec<u8>) {
    let mut copy = connection.copy_in_raw(COPY).await.unwrap();
    copy.send(bytes).await.unwrap();
    copy.finish().await.unwrap();
}

/// Writes new rows from nothing, and says what that took.
pub(crate) async fn write(
    bed: &Bed,
    database: &BenchDatabase<'_>,
    rows: &Rows,
    count: usize,
    shape: Shape,
    ids: &mut Ids,
) -> (usize, Cost) {
    let batches = rows.batches(count, shape, ids);
    let written = batches.iter().flatten().map(|batch| batch.rows).sum();
    let mut connections = Vec::new();
    for batches in batches {
        connections.push((database.connect().await, batches));
    }
    database.empty().await;
    let meter = bed.meter(std::process::id());
    let mut writers = JoinSet::new();
    for (mut connection, batches) in connections {
        writers.spawn(async move {
            for batch in batches {
                copy(&mut connection, batch.bytes).await;
            }
        });
    }
    writers.join_all().await;
    let cost = meter.stop();
    assert_eq!(database.count("finished_spans").await, written);
    (written, cost)
}

/// The shape in which Postgres takes most rows a second here.
pub(crate) async fn best_shape(
    bed: &Bed,
    database: &BenchDatabase<'_>,
    rows: &Rows,
    count: usize,
    ids: &mut Ids,
) -> Shape {
    let mut best = (0.0, Shape { connections: 1, batch_rows: 8192 });
    for connections in [1, 2, 3, 4] {
        let mut line = format!("raw COPY, {connections} connections:");
        for batch_rows in [2048, 8192, 32768] {
            let shape = Shape { connections, batch_rows };
            let (written, cost) = write(bed, database, rows, count, shape, ids).await;
            let rate = cost.per_second(written);
            line.push_str(&format!("  {rate:.0} rows/s by {batch_rows}"));
            if rate > best.0 {
                best = (rate, shape);
            }
        }
        println!("{line}");
    }
    println!("best for raw COPY: {:?}", best.1);
    best.1
}
