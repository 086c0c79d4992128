//! How runs go away: marked once they have expired, deleted after a grace, with
//! the files that they left behind.
//!
//! All of it is done on one connection, which holds the lock of
//! `cleanup_expired_runs`: where the connection is lost, so is the lock, and
//! nothing is done without it. Every step is a short transaction, so that a
//! crash between two leaves only what the next gc takes up.

use std::time::Duration;

use sqlx::{
    AssertSqlSafe, Connection, PgConnection, postgres::PgConnectOptions,
    postgres::types::PgInterval,
};
use uuid::Uuid;

use super::{Database, StorageError, columns::Fields, database::open};
use crate::{
    domain::{
        ids::{ArtifactId, RunId},
        time::Timestamp,
    },
    failpoint,
};

/// "livespan" in ASCII, as in `cleanup_expired_runs`.
const LOCK: &str = "SELECT pg_try_advisory_lock(7811905206751355246)";

const MARK: &str = "SELECT run_id, total_spans, run_end FROM mark_expired_runs($1, $2)";

const EXPIRED: &str = "
    SELECT e.run_id, (SELECT count(*) FROM finished_spans f WHERE f.run_id = e.run_id),
           r.last_alive_at
    FROM unnest($1::uuid[]) AS e (run_id) JOIN runs r USING (run_id)
    ORDER BY e.run_id";

const COUNT_DUE: &str = "SELECT count(*) FROM runs WHERE gc_at <= now() - $1";

/// A run that is heard of again loses its mark, and whoever writes it has its
/// row locked: what is locked here cannot live, and what lives is passed over.
const TAKE_DUE: &str = "
    SELECT r.run_id FROM runs r
    WHERE r.gc_at <= now() - $1
        AND NOT EXISTS (SELECT FROM live_spans l WHERE l.run_id = r.run_id)
    ORDER BY r.gc_at, r.run_id
    LIMIT $2
    FOR UPDATE OF r SKIP LOCKED";

const DELETE_SPANS: &str = "
    DELETE FROM finished_spans f
    USING (SELECT run_id, span_id FROM finished_spans WHERE run_id = ANY ($1) LIMIT $2) AS k
    WHERE f.run_id = k.run_id AND f.span_id = k.span_id";

/// A file that a client had put somewhere is its own: its name is kept only
/// where the operator said that such files are to go too.
const DOOM_FILES: &str = "
    WITH gone AS (
        DELETE FROM run_artifacts WHERE run_id = ANY ($1)
        RETURNING run_id, id, storage_backend, storage_key, size_bytes
    )
    INSERT INTO artifact_deletions
        (run_id, artifact_id, storage_backend, storage_key, size_bytes)
    SELECT run_id, id, storage_backend, storage_key, size_bytes
    FROM gone
    WHERE storage_backend = 'local'
        OR storage_key = run_id || '/' || id
        OR storage_backend = ANY ($2)
    ON CONFLICT DO NOTHING";

const DELETE_RUNS: &str = "DELETE FROM runs WHERE run_id = ANY ($1)";

const DOOMED: &str = "
    SELECT run_id, artifact_id, storage_backend, storage_key, size_bytes,
           EXISTS (SELECT FROM run_artifacts a
                   WHERE a.storage_backend <> 'local'
                       AND a.storage_backend = d.storage_backend
                       AND a.storage_key = d.storage_key)
    FROM artifact_deletions d
    WHERE (run_id, artifact_id) > ($1, $2)
    ORDER BY run_id, artifact_id
    LIMIT $3";

const FORGET: &str = "
    DELETE FROM artifact_deletions d USING unnest($1::uuid[], $2::uuid[]) AS k (run_id, id)
    WHERE d.run_id = k.run_id AND d.artifact_id = k.id";

const NOTE: &str = "
    INSERT INTO gc_history VALUES ($1, greatest(clock_timestamp(), $1), $2, $3, $4, $5, $6, $7)
    ON CONFLICT DO NOTHING";

const FORGET_HISTORY: &str = "
    DELETE FROM gc_history WHERE started_at <
        (SELECT started_at FROM gc_history ORDER BY started_at DESC OFFSET 99 LIMIT 1)";

/// For how long one step may wait for a row that somebody else has locked.
const LOCK_LIMIT: &str = "5s";

/// After how long Postgres gives up a step of which nothing is heard any more: a
/// gc that is frozen must not hold up the runs that it was about to delete.
const IDLE_LIMIT: &str = "15s";

/// No run is older, and Postgres' calendar has room for it.
const MOST_AGE: Duration = Duration::from_secs(100 * 366 * 86_400);

/// A run that is marked for deletion, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiredRun {
    /// Which run.
    pub run_id: RunId,
    /// How many spans it has.
    pub total_spans: i64,
    /// When its last end was received, by the server's clock.
    pub run_end: Timestamp,
}

/// What one step of deletion came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeletedBatch {
    /// Whether there was anything to delete.
    pub found: bool,
    /// How many runs are gone.
    pub runs: u64,
    /// How many spans are gone, also of runs that are not gone yet.
    pub spans: u64,
}

/// A file whose artifact is deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoomedFile {
    /// The run that it belonged to.
    pub run_id: RunId,
    /// The artifact that it was.
    pub artifact_id: ArtifactId,
    /// Which store has it.
    pub storage_backend: String,
    /// Where in that store.
    pub storage_key: String,
    /// How many bytes it has.
    pub size_bytes: i64,
    /// Whether an artifact of another run is the same file.
    pub is_shared: bool,
}

/// What a gc came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GcCounts {
    /// Runs that it marked.
    pub marked_runs: u64,
    /// Runs that it deleted.
    pub deleted_runs: u64,
    /// Their spans.
    pub deleted_spans: u64,
    /// Files of artifacts that it deleted.
    pub deleted_files: u64,
    /// Their bytes.
    pub deleted_bytes: u64,
    /// Files that it could not delete.
    pub kept_files: u64,
}

/// The connection of the one gc that is at work.
#[derive(Debug)]
pub struct GcConnection {
    conn: PgConnection,
    started_at: Timestamp,
}

impl Database {
    /// A connection with the lock of retention; `None` where another gc has it.
    ///
    /// # Errors
    ///
    /// Where the server cannot be reached.
    pub async fn gc_connection(&self) -> Result<Option<GcConnection>, StorageError> {
        let mut gc = self.gc_onlooker().await?;
        if sqlx::query_scalar::<_, bool>(LOCK).fetch_one(&mut gc.conn).await? {
            return Ok(Some(gc));
        }
        gc.close().await;
        Ok(None)
    }

    /// A connection for looking at what a gc would do.
    ///
    /// # Errors
    ///
    /// Where the server cannot be reached.
    pub async fn gc_onlooker(&self) -> Result<GcConnection, StorageError> {
        let options: PgConnectOptions = self.options().0.clone().options([
            ("lock_timeout", LOCK_LIMIT),
            ("idle_in_transaction_session_timeout", IDLE_LIMIT),
            ("jit", "off"),
            // A gc whose machine is gone must not keep the lock for hours.
            ("tcp_keepalives_idle", "15"),
            ("tcp_keepalives_interval", "5"),
            ("tcp_keepalives_count", "3"),
        ]);
        let mut conn = open(&options).await?;
        let started_at =
            sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(&mut conn).await?;
        Ok(GcConnection { conn, started_at })
    }
}

impl GcConnection {
    /// Looks once for the runs that have expired: [`Self::next_expired`] reads them.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn look_for_expired(&mut self, older_than: Duration) -> Result<(), StorageError> {
        // WITH HOLD, so that reading them is not one long transaction, whose
        // snapshot would keep vacuum from the rows that heartbeats leave behind.
        // Numbers only: a cursor takes no parameters.
        let older_than = older_than.min(MOST_AGE);
        let look = format!(
            "DECLARE expired CURSOR WITH HOLD FOR
             SELECT e FROM expired_runs(make_interval(secs => {}.{:06})) AS e",
            older_than.as_secs(),
            older_than.subsec_micros()
        );
        sqlx::raw_sql(AssertSqlSafe(look)).execute(&mut self.conn).await?;
        // From here on everything is looked up by key.
        sqlx::raw_sql("SET enable_seqscan = off").execute(&mut self.conn).await?;
        Ok(())
    }

    /// Further runs that have expired; none where there are no more.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn next_expired(&mut self) -> Result<Vec<RunId>, StorageError> {
        let rows = sqlx::query("FETCH 500 FROM expired").fetch_all(&mut self.conn).await?;
        rows.iter().map(|row| Ok(RunId::from_stored(Fields::of(row).take()?))).collect()
    }

    /// Marks those of `runs` that are still expired, and says which.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn mark(
        &mut self,
        runs: &[RunId],
        older_than: Duration,
    ) -> Result<Vec<ExpiredRun>, StorageError> {
        let rows = sqlx::query(MARK)
            .bind(uuids(runs))
            .bind(interval(older_than))
            .fetch_all(&mut self.conn)
            .await?;
        failpoint::pass("gc-marked");
        rows.iter().map(|row| read_expired(&mut Fields::of(row))).collect()
    }

    /// What [`Self::mark`] would say, without marking.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn describe(&mut self, runs: &[RunId]) -> Result<Vec<ExpiredRun>, StorageError> {
        let rows = sqlx::query(EXPIRED).bind(uuids(runs)).fetch_all(&mut self.conn).await?;
        rows.iter().map(|row| read_expired(&mut Fields::of(row))).collect()
    }

    /// How many runs have been marked for longer than `grace`.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn count_due(&mut self, grace: Duration) -> Result<u64, StorageError> {
        let count: i64 =
            sqlx::query_scalar(COUNT_DUE).bind(interval(grace)).fetch_one(&mut self.conn).await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Deletes some of what has been marked for longer than `grace`: at most
    /// `most_runs` runs and `most_spans` spans. The names of their files stay,
    /// for [`Self::doomed_files`].
    ///
    /// # Errors
    ///
    /// As any statement; nothing is deleted then.
    pub async fn delete_some(
        &mut self,
        grace: Duration,
        most_runs: i64,
        most_spans: i64,
        client_stores: &[String],
    ) -> Result<DeletedBatch, StorageError> {
        let mut tx = self.conn.begin().await?;
        let runs: Vec<Uuid> = sqlx::query_scalar(TAKE_DUE)
            .bind(interval(grace))
            .bind(most_runs)
            .fetch_all(&mut *tx)
            .await?;
        if runs.is_empty() {
            return Ok(DeletedBatch::default());
        }
        let spans = sqlx::query(DELETE_SPANS)
            .bind(&runs)
            .bind(most_spans)
            .execute(&mut *tx)
            .await?
            .rows_affected();
        let mut batch = DeletedBatch { found: true, runs: 0, spans };
        // A run of millions goes span by span; its row and its files go last.
        if spans < u64::try_from(most_spans).unwrap_or(u64::MAX) {
            sqlx::query(DOOM_FILES).bind(&runs).bind(client_stores).execute(&mut *tx).await?;
            batch.runs =
                sqlx::query(DELETE_RUNS).bind(&runs).execute(&mut *tx).await?.rows_affected();
        }
        failpoint::pass("gc-before-commit");
        tx.commit().await?;
        failpoint::pass("gc-after-commit");
        Ok(batch)
    }

    /// Files that are to be deleted, from `after` on.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn doomed_files(
        &mut self,
        after: Option<&DoomedFile>,
    ) -> Result<Vec<DoomedFile>, StorageError> {
        let (run, artifact) = after.map_or((Uuid::nil(), Uuid::nil()), |file| {
            (file.run_id.into(), file.artifact_id.into())
        });
        let rows = sqlx::query(DOOMED)
            .bind(run)
            .bind(artifact)
            .bind(100_i64)
            .fetch_all(&mut self.conn)
            .await?;
        rows.iter()
            .map(|row| {
                let mut fields = Fields::of(row);
                Ok(DoomedFile {
                    run_id: RunId::from_stored(fields.take()?),
                    artifact_id: ArtifactId::from_stored(fields.take()?),
                    storage_backend: fields.take()?,
                    storage_key: fields.take()?,
                    size_bytes: fields.take()?,
                    is_shared: fields.take()?,
                })
            })
            .collect()
    }

    /// Forgets the names of files that are gone.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn forget_files(&mut self, files: &[DoomedFile]) -> Result<(), StorageError> {
        let (runs, artifacts): (Vec<Uuid>, Vec<Uuid>) = files
            .iter()
            .map(|file| (Uuid::from(file.run_id), Uuid::from(file.artifact_id)))
            .unzip();
        sqlx::query(FORGET).bind(runs).bind(artifacts).execute(&mut self.conn).await?;
        Ok(())
    }

    /// Notes what came of it, and lets the lock go.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn finish(mut self, counts: GcCounts) -> Result<(), StorageError> {
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        sqlx::query(NOTE)
            .bind(self.started_at)
            .bind(number(counts.marked_runs))
            .bind(number(counts.deleted_runs))
            .bind(number(counts.deleted_spans))
            .bind(number(counts.deleted_files))
            .bind(number(counts.deleted_bytes))
            .bind(number(counts.kept_files))
            .execute(&mut self.conn)
            .await?;
        sqlx::query(FORGET_HISTORY).execute(&mut self.conn).await?;
        self.close().await;
        Ok(())
    }

    /// Lets the lock go.
    pub async fn close(self) {
        // It goes with the connection, which is going away either way.
        let _ = self.conn.close().await;
    }
}

fn read_expired(fields: &mut Fields<'_>) -> Result<ExpiredRun, StorageError> {
    Ok(ExpiredRun {
        run_id: RunId::from_stored(fields.take()?),
        total_spans: fields.take()?,
        run_end: fields.take()?,
    })
}

fn uuids(runs: &[RunId]) -> Vec<Uuid> {
    runs.iter().copied().map(Uuid::from).collect()
}

fn interval(length: Duration) -> PgInterval {
    let micros = length.min(MOST_AGE).as_micros();
    PgInterval { months: 0, days: 0, microseconds: i64::try_from(micros).unwrap_or(i64::MAX) }
}
