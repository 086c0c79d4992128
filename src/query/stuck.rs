//! Runs that are stuck.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    sync::Arc,
    time::Duration,
};

use super::{Questions, life::of_live_run};
use crate::{
    domain::{
        event::JsonText,
        ids::{RunId, SpanId, SpanKey},
        liveness::{Limits, Stuck},
        span::Span,
    },
    storage::{LiveRun, NewArtifact, StorageError, StoredRun},
};

/// A run that is stuck, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct StuckRun {
    /// The run.
    pub run: StoredRun,
    /// The span at which it is stuck.
    pub span: Span,
    /// What is wrong, and what says so.
    pub stuck: Stuck,
    /// The files that the span left behind, the oldest first.
    pub artifacts: Vec<NewArtifact>,
}

impl Questions {
    /// The runs that are stuck, the longest first. `threshold` stands in for
    /// the server's own limit.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub async fn stuck_runs(
        &self,
        threshold: Option<Duration>,
        limit: usize,
    ) -> Result<Vec<StuckRun>, StorageError> {
        let stuck_after = threshold.unwrap_or(self.limits.stuck_after);
        let limits = Limits { stuck_after, ..self.limits };
        let now = self.now();
        let mut worst = Worst::of(limit);
        let judge = |mut run: LiveRun| {
            let stuck = of_live_run(&run, &limits, now).and_then(|life| life.stuck);
            if let Some(stuck) = stuck {
                let span = run.spans.swap_remove(stuck.index);
                worst.take(StuckRun { run: run.run, span, stuck, artifacts: Vec::new() });
            }
        };
        self.database.visit_quiet_runs(now, stuck_after, judge).await?;
        let mut runs = worst.into_vec();
        self.complete(&mut runs).await?;
        Ok(runs)
    }

    /// Adds what only the runs of the answer need.
    async fn complete(&self, runs: &mut [StuckRun]) -> Result<(), StorageError> {
        if runs.is_empty() {
            return Ok(());
        }
        let keys: Vec<SpanKey> = runs.iter().map(|run| run.span.key).collect();
        let mut inputs: HashMap<SpanKey, JsonText> =
            self.database.live_inputs(&keys).await?.into_iter().collect();
        let mut artifacts: HashMap<SpanKey, Vec<NewArtifact>> = HashMap::new();
        for artifact in self.database.span_artifacts(&keys).await? {
            artifacts.entry(artifact.key).or_default().push(artifact);
        }
        for run in runs {
            Arc::make_mut(&mut run.span.start).input_summary = inputs.remove(&run.span.key);
            run.artifacts = artifacts.remove(&run.span.key).unwrap_or_default();
        }
        Ok(())
    }
}

/// The worst of any number of stuck runs, without keeping the rest.
struct Worst {
    limit: usize,
    /// The least bad one is on top, to be thrown out.
    runs: BinaryHeap<Reverse<Ranked>>,
}

struct Ranked(StuckRun);

impl Ranked {
    /// The longest stuck is the greatest; ids make the order total.
    fn rank(&self) -> (Duration, Reverse<RunId>, SpanId) {
        (self.0.stuck.stuck_for, Reverse(self.0.run.run_id), self.0.span.key.span_id)
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl Worst {
    fn of(limit: usize) -> Self {
        Self { limit, runs: BinaryHeap::new() }
    }

    fn take(&mut self, run: StuckRun) {
        self.runs.push(Reverse(Ranked(run)));
        if self.runs.len() > self.limit {
            self.runs.pop();
        }
    }

    fn into_vec(self) -> Vec<StuckRun> {
        // Ascending in `Reverse` is the worst first.
        self.runs.into_sorted_vec().into_iter().map(|Reverse(Ranked(run))| run).collect()
    }
}
