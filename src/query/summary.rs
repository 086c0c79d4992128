//! A run in figures.

use std::time::Duration;

use super::Questions;
use crate::{
    domain::{ids::RunId, span::Span, time::Timestamp},
    storage::{StorageError, StoredSummary},
};

/// How many failed spans a report names.
const MOST_FAILURES: u32 = 20;

/// A run's figures, and for how long it ran.
#[derive(Debug, Clone, PartialEq)]
pub struct RunFigures {
    /// What is stored.
    pub stored: StoredSummary,
    /// From its start to its end, or to now.
    pub duration: Duration,
}

/// A run's figures and its failures.
#[derive(Debug, Clone, PartialEq)]
pub struct RunReport {
    /// The figures.
    pub figures: RunFigures,
    /// Its failed spans, the latest first; at most 20.
    pub failures: Vec<Span>,
}

impl RunFigures {
    pub(super) fn at(stored: StoredSummary, now: Timestamp) -> Self {
        let duration = stored.ended_at.unwrap_or(now).since(stored.started_at);
        Self { stored, duration }
    }
}

impl Questions {
    /// A run in figures; `None` where it was never heard of.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub async fn run_report(&self, run_id: RunId) -> Result<Option<RunReport>, StorageError> {
        let Some(stored) = self.database.run_summary(run_id).await? else { return Ok(None) };
        let failures = if stored.failed_spans > 0 {
            self.database.latest_failures(run_id, MOST_FAILURES).await?
        } else {
            Vec::new()
        };
        Ok(Some(RunReport { figures: RunFigures::at(stored, self.now()), failures }))
    }
}
