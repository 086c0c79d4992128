//! Runs, page by page.

use std::{collections::HashMap, time::Instant};

use super::{Questions, RunFigures, RunPageToken};
use crate::{
    domain::ids::RunId,
    storage::{RunPosition, RunWalk, StorageError, StoredSummary},
};

/// How many runs a statement visits at first, where some may not pass, and at
/// most. From few to many, so that a filter that lets most through reads
/// little, and one that lets little through takes few statements.
const FIRST_STEPS: u32 = 100;
const MOST_STEPS: u32 = 2_000;

/// A page of runs.
#[derive(Debug, Clone, PartialEq)]
pub struct RunPage {
    /// The runs, the latest started first. May be fewer than asked for, and
    /// none, before the last page.
    pub runs: Vec<RunFigures>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<RunPageToken>,
}

impl Questions {
    /// At most `limit` of the runs that pass `walk` and follow `after`.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub async fn runs(
        &self,
        walk: &RunWalk,
        after: Option<RunPageToken>,
        limit: u32,
    ) -> Result<RunPage, StorageError> {
        let (page, next) = self.walk(walk, after.map(|token| token.0), limit).await?;
        let ids: Vec<RunId> = page.iter().map(|position| position.run_id).collect();
        let mut summaries: HashMap<RunId, StoredSummary> = if ids.is_empty() {
            HashMap::new()
        } else {
            let found = self.database.run_summaries(&ids).await?;
            found.into_iter().map(|summary| (summary.run_id, summary)).collect()
        };
        let now = self.now();
        let runs = ids
            .iter()
            // What retention deleted in between is not there any more.
            .filter_map(|id| summaries.remove(id))
            .map(|stored| RunFigures::at(stored, now))
            .collect();
        Ok(RunPage { runs, next: next.map(RunPageToken) })
    }

    /// The runs of a page, and where the next one begins.
    async fn walk(
        &self,
        walk: &RunWalk,
        mut after: Option<RunPosition>,
        limit: u32,
    ) -> Result<(Vec<RunPosition>, Option<RunPosition>), StorageError> {
        let begun_at = Instant::now();
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        // One more than wanted tells whether there is a next page.
        let enough = limit.saturating_add(1);
        let mut steps = if walk.is_selective() { enough.max(FIRST_STEPS) } else { enough };
        let mut page = Vec::new();
        loop {
            let walked = self.database.walk_runs(walk, after, steps).await?;
            page.extend(walked.passed);
            after = walked.reached;
            if page.len() > wanted {
                page.truncate(wanted);
                let next = page.last().copied();
                return Ok((page, next));
            }
            if walked.at_end {
                return Ok((page, None));
            }
            if begun_at.elapsed() >= self.walk_time {
                return Ok((page, after));
            }
            steps = steps.saturating_mul(2).min(MOST_STEPS.max(enough));
        }
    }
}
