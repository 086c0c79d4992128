//! Compares what clients were promised with what is stored: everything
//! acknowledged is there as it was sent, once, and nothing that nobody sent.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use super::{
    content::{end_hash, file_hash, hash, start_hash},
    ledger::{Book, Promises},
};
use crate::requests::Key;

#[derive(sqlx::FromRow)]
struct Stored {
    run_id: Uuid,
    span_id: Uuid,
    step_name: Option<String>,
    status: Option<String>,
    text: Option<String>,
    number: Option<String>,
    output: Option<String>,
    error_message: Option<String>,
    progress_current: Option<f64>,
    conflicting_ends: i32,
}

/// Both tables at one instant. An exporter's output is a text, not an object.
const STORED: &str = "
    SELECT run_id, span_id, step_name, NULL AS status, attributes ->> 'text' AS text,
           attributes ->> 'number' AS number, NULL AS output,
           NULL AS error_message, progress_current, 0 AS conflicting_ends
    FROM live_spans
    UNION ALL
    SELECT run_id, span_id, step_name, status, attributes ->> 'text', attributes ->> 'number',
           CASE json_typeof(output_summary) WHEN 'object' THEN output_summary ->> 'number'
                ELSE output_summary #>> '{}' END,
           error_message, progress_current, conflicting_ends
    FROM finished_spans";

const WITHOUT_RUN: &str = "
    SELECT count(*) FROM (SELECT run_id FROM live_spans UNION SELECT run_id FROM finished_spans) s
    WHERE NOT EXISTS (SELECT FROM runs r WHERE r.run_id = s.run_id)";

/// The comparison, which may be made while clients go on.
pub(crate) struct Audit {
    book: Arc<Book>,
    promises: Promises,
    /// The collector's own store.
    artifacts: Option<PathBuf>,
    /// Files that were read and found right.
    read: BTreeSet<String>,
}

impl Audit {
    pub(crate) fn new(book: &Arc<Book>, artifacts: Option<PathBuf>) -> Self {
        let book = Arc::clone(book);
        Self { book, promises: Promises::default(), artifacts, read: BTreeSet::new() }
    }

    /// Panics where a promise is broken. Returns how many spans are stored.
    pub(crate) async fn check(&mut self, database_url: &str) -> usize {
        // First what was promised, then what is stored, then what was sent:
        // each includes the one before, whatever happens meanwhile.
        self.promises.read(&self.book);
        let mut connection = PgConnection::connect(database_url).await.expect("the database");
        let rows: Vec<Stored> =
            sqlx::query_as(STORED).fetch_all(&mut connection).await.expect("rows");
        let without_run: i64 =
            sqlx::query_scalar(WITHOUT_RUN).fetch_one(&mut connection).await.expect("count");
        assert_eq!(without_run, 0, "every span's run is stored with it");
        self.check_files(&mut connection).await;
        connection.close().await.expect("goodbye");

        let mut stored: BTreeMap<Key, Stored> = BTreeMap::new();
        for row in rows {
            let key = Key::of(row.run_id, row.span_id);
            self.check_row(&key, &row);
            let twice = stored.insert(key, row);
            assert!(twice.is_none(), "stored twice: {:?}", twice.map(|row| row.span_id));
        }
        for (key, acked) in &self.promises.spans {
            let Some(row) = stored.get(key) else { panic!("{key:?} is lost: {acked:?}") };
            let started = row.step_name.as_ref().map(|_| row.start_hash());
            assert!(acked.start.is_none() || acked.start == started, "the start of {key:?}");
            let ended = row.status.as_ref().map(|_| row.end_hash());
            assert!(acked.end.is_none() || acked.end == ended, "the end of {key:?}");
            assert!(row.progress_current >= acked.progress, "the progress of {key:?}");
        }
        stored.len()
    }

    /// Whatever is stored was sent, also where nobody was told that it is stored.
    fn check_row(&self, key: &Key, row: &Stored) {
        let sent = self.book.sent.lock().expect("sent").get(key).copied();
        let Some(sent) = sent else { panic!("nobody sent {key:?}") };
        if row.step_name.is_some() {
            assert_eq!(row.start_hash(), start_hash(sent.number), "{key:?}");
        }
        if row.status.is_some() {
            assert!(sent.end, "nobody ended {key:?}");
            assert_eq!(row.end_hash(), end_hash(sent.number), "{key:?}");
        }
        assert_eq!(row.conflicting_ends, 0, "a repeated end is no conflict: {key:?}");
    }

    /// Each acknowledged file is there, and no file is half there.
    async fn check_files(&mut self, connection: &mut PgConnection) {
        let Some(folder) = &self.artifacts else { return };
        let rows: Vec<(Uuid, String, i64, Vec<u8>)> =
            sqlx::query_as("SELECT id, storage_key, size_bytes, sha256 FROM run_artifacts")
                .fetch_all(connection)
                .await
                .expect("rows");
        let mut stored = BTreeMap::new();
        for (id, storage_key, size_bytes, sha256) in rows {
            let size = fs::metadata(folder.join(&storage_key)).expect("a row's file").len();
            assert_eq!(i64::try_from(size).expect("small"), size_bytes, "{storage_key} is torn");
            let sha256: String = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
            stored.insert(id.to_string(), sha256);
        }
        for (id, hash) in &self.promises.files {
            assert_eq!(stored.get(id), Some(hash), "artifact {id}");
        }
        for storage_key in files_beneath(folder) {
            if self.read.contains(&storage_key) {
                continue;
            }
            let bytes = match fs::read(folder.join(&storage_key)) {
                Ok(bytes) => bytes,
                // One whose row was refused is removed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => panic!("{storage_key}: {error}"),
            };
            let hash = file_hash(&bytes);
            let was_sent = self.book.files.lock().expect("files").contains(&hash);
            assert!(was_sent, "{storage_key} is torn: {} bytes", bytes.len());
            let id = storage_key.rsplit('/').next().unwrap_or_default();
            assert!(stored.get(id).is_none_or(|stored| *stored == hash), "{storage_key} is torn");
            self.read.insert(storage_key);
        }
    }
}

impl Stored {
    fn start_hash(&self) -> String {
        hash(&[plain(&self.step_name), plain(&self.text), plain(&self.number)])
    }

    fn end_hash(&self) -> String {
        hash(&[plain(&self.status), plain(&self.output), plain(&self.error_message)])
    }
}

fn plain(text: &Option<String>) -> &str {
    text.as_deref().unwrap_or_default()
}

/// The files that have their final names, by their keys.
pub(crate) fn files_beneath(folder: &Path) -> BTreeSet<String> {
    let mut files = BTreeSet::new();
    for run in fs::read_dir(folder).into_iter().flatten().flatten() {
        if run.file_name() == "unfinished" {
            continue;
        }
        for file in fs::read_dir(run.path()).into_iter().flatten().flatten() {
            files.insert(format!("{}/{}", run.file_name().display(), file.file_name().display()));
        }
    }
    files
}
