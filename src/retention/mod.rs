//! Retention: what `livespan gc` does.
//!
//! Runs that have expired are marked; what has been marked for longer than the
//! grace is deleted, rows first with their files' names kept, then the files,
//! then the names. A crash at any place leaves only what the next gc takes up:
//! a mark, a part of a run's spans, or the name of a file.
//!
//! It works in small pieces and rests between them, so that the executors'
//! spans have the database for most of the time.

mod pace;

use std::time::Duration;

pub use pace::Share;

use self::pace::Pace;
use crate::{
    artifacts::{ArtifactError, Artifacts},
    failpoint,
    storage::{DoomedFile, ExpiredRun, GcConnection, GcCounts, StorageError},
    telemetry::Chain,
};

/// How many runs a step of deletion takes at most, and how many the first takes.
const MOST_RUNS_A_STEP: i64 = 100;
const FIRST_RUNS: i64 = 25;

/// How many spans a step of deletion takes at most: some ten milliseconds.
const SPANS_A_STEP: i64 = 1_000;

/// How often in a row a step may lose against others.
const MAX_LOSSES: u32 = 8;

/// What is to be done.
#[derive(Debug, Clone)]
pub struct GcOptions {
    /// How long ago a run's last end has to be for it to expire.
    pub older_than: Duration,
    /// For how long a run stays marked before it is deleted.
    pub grace: Duration,
    /// How much of the time it may work.
    pub share: Share,
    /// Stores in which files that clients had put there are deleted too.
    pub client_stores: Vec<String>,
}

/// Who is told of it while it happens.
pub trait Witness {
    /// A run is marked, or would be.
    fn marked(&mut self, run: &ExpiredRun);

    /// So many runs are to be deleted.
    fn will_delete(&mut self, runs: u64);

    /// So much has happened by now.
    fn advanced(&mut self, so_far: &GcCounts);
}

/// The one gc that is at work.
pub struct Gc<'a, W> {
    connection: GcConnection,
    artifacts: &'a Artifacts,
    options: &'a GcOptions,
    witness: &'a mut W,
    pace: Pace,
    counts: GcCounts,
}

/// Says what would be done, and changes nothing.
///
/// # Errors
///
/// As the database says.
pub async fn look(
    mut connection: GcConnection,
    options: &GcOptions,
    witness: &mut impl Witness,
) -> Result<GcCounts, StorageError> {
    let mut counts = GcCounts::default();
    connection.look_for_expired(options.older_than).await?;
    loop {
        let expired = connection.next_expired().await?;
        if expired.is_empty() {
            break;
        }
        for run in connection.describe(&expired).await? {
            counts.marked_runs += 1;
            witness.marked(&run);
        }
    }
    counts.deleted_runs = connection.count_due(options.grace).await?;
    connection.close().await;
    Ok(counts)
}

/// How many runs the next step takes: not many more than whose spans fit into it,
/// since it locks every one of them.
fn next_runs(runs: i64, spans: u64) -> i64 {
    let most = SPANS_A_STEP.unsigned_abs();
    match spans {
        spans if spans >= most => (runs / 2).max(1),
        spans if spans < most / 2 => (runs * 2).min(MOST_RUNS_A_STEP),
        _ => runs,
    }
}

impl<'a, W: Witness> Gc<'a, W> {
    /// With the connection that holds the lock.
    pub fn new(
        connection: GcConnection,
        artifacts: &'a Artifacts,
        options: &'a GcOptions,
        witness: &'a mut W,
    ) -> Self {
        let pace = Pace::new(options.share);
        Self { connection, artifacts, options, witness, pace, counts: GcCounts::default() }
    }

    /// Does all that is to be done, and says what that came to.
    ///
    /// # Errors
    ///
    /// As the database says. What was done until then stays done.
    pub async fn run(mut self) -> Result<GcCounts, StorageError> {
        // What an earlier one left when it was cut off, so that files also go where
        // every gc is cut off before its end.
        self.delete_files().await?;
        self.mark().await?;
        let due = self.connection.count_due(self.options.grace).await?;
        self.witness.will_delete(due);
        self.delete().await?;
        self.delete_files().await?;
        self.connection.finish(self.counts).await?;
        Ok(self.counts)
    }

    async fn mark(&mut self) -> Result<(), StorageError> {
        self.connection.look_for_expired(self.options.older_than).await?;
        loop {
            self.pace.begin();
            let expired = self.connection.next_expired().await?;
            if expired.is_empty() {
                return Ok(());
            }
            for run in self.connection.mark(&expired, self.options.older_than).await? {
                self.counts.marked_runs += 1;
                self.witness.marked(&run);
            }
            self.pace.rest().await;
        }
    }

    async fn delete(&mut self) -> Result<(), StorageError> {
        let mut losses = 0;
        let mut runs_a_step = FIRST_RUNS;
        loop {
            self.pace.begin();
            let deleted = self
                .connection
                .delete_some(
                    self.options.grace,
                    runs_a_step,
                    SPANS_A_STEP,
                    &self.options.client_stores,
                )
                .await;
            match deleted {
                Ok(batch) if !batch.found => return Ok(()),
                Ok(batch) => {
                    losses = 0;
                    runs_a_step = next_runs(runs_a_step, batch.spans);
                    self.counts.deleted_runs += batch.runs;
                    self.counts.deleted_spans += batch.spans;
                }
                Err(StorageError::Serialization(cause)) if losses < MAX_LOSSES => {
                    losses += 1;
                    tracing::debug!(cause = %Chain(&cause), "a step of gc lost against others");
                }
                Err(error) => return Err(error),
            }
            self.witness.advanced(&self.counts);
            self.pace.rest().await;
        }
    }

    /// A file first, then its name.
    async fn delete_files(&mut self) -> Result<(), StorageError> {
        let mut last: Option<DoomedFile> = None;
        self.counts.kept_files = 0;
        loop {
            self.pace.begin();
            let files = self.connection.doomed_files(last.as_ref()).await?;
            let mut gone = Vec::with_capacity(files.len());
            for file in &files {
                // What is another run's file too stays, and is only forgotten here.
                if file.is_shared || self.delete_file(file).await {
                    gone.push(file.clone());
                } else {
                    self.counts.kept_files += 1;
                }
            }
            self.connection.forget_files(&gone).await?;
            self.witness.advanced(&self.counts);
            let Some(file) = files.into_iter().next_back() else { return Ok(()) };
            last = Some(file);
            self.pace.rest().await;
        }
    }

    /// Whether the file is gone.
    async fn delete_file(&mut self, file: &DoomedFile) -> bool {
        let deleted = self.artifacts.delete(&file.storage_backend, &file.storage_key).await;
        failpoint::pass("gc-file-deleted");
        match deleted {
            Ok(true) => {
                self.counts.deleted_files += 1;
                self.counts.deleted_bytes += u64::try_from(file.size_bytes).unwrap_or(0);
                true
            }
            // An earlier gc was cut off between the file and its name.
            Ok(false) => true,
            Err(error) => {
                let unknown = matches!(error, ArtifactError::UnknownStore { .. });
                tracing::warn!(
                    storage_backend = file.storage_backend,
                    storage_key = file.storage_key,
                    cause = %Chain(&error),
                    "a file of a deleted artifact is still there{}",
                    if unknown { ": give gc the stores that serve has" } else { "" }
                );
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_takes_as_many_runs_as_its_spans_are_of() {
        assert_eq!(next_runs(100, 1_000), 50);
        assert_eq!(next_runs(50, 900), 50);
        assert_eq!(next_runs(50, 20), 100);
        assert_eq!((next_runs(1, 1_000), next_runs(100, 0)), (1, 100));
    }
}
