//! Runs that run, each at its current step.

use std::{collections::BTreeSet, time::Duration};

use super::{Questions, life::of_live_run};
use crate::{
    domain::{liveness::Verdict, span::Span, time::Timestamp},
    storage::{LiveRun, StorageError, StoredRun},
};

/// Some of the runs with running spans.
#[derive(Debug, Clone, PartialEq)]
pub struct ActiveRunList {
    /// The runs, the latest started first.
    pub runs: Vec<ActiveRun>,
    /// How many there are in all.
    pub total_count: u64,
}

/// A run with running spans.
#[derive(Debug, Clone, PartialEq)]
pub struct ActiveRun {
    /// The run.
    pub run: StoredRun,
    /// Its current step: the span heard of last.
    pub current: Span,
    /// When anything in the run was last heard of.
    pub last_alive_at: Timestamp,
    /// How long ago that was.
    pub quiet_for: Duration,
    /// How many of its spans run.
    pub running_spans: usize,
    /// The machines that they run on, by name.
    pub hosts: Vec<String>,
    /// What is wrong with it.
    pub verdict: Option<Verdict>,
}

impl Questions {
    /// The active runs that started last.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub async fn active_runs(&self, limit: u32) -> Result<ActiveRunList, StorageError> {
        let found = self.database.active_runs(limit).await?;
        let now = self.now();
        Ok(ActiveRunList {
            runs: found.runs.into_iter().filter_map(|run| self.at_current_step(run, now)).collect(),
            total_count: u64::try_from(found.total_count).unwrap_or(0),
        })
    }

    fn at_current_step(&self, mut run: LiveRun, now: Timestamp) -> Option<ActiveRun> {
        let life = of_live_run(&run, &self.limits, now)?;
        let running_spans = run.spans.len();
        let hosts: BTreeSet<String> = run
            .spans
            .iter()
            .filter_map(|span| Some(span.start.executor_host.as_ref()?.to_string()))
            .collect();
        Some(ActiveRun {
            current: run.spans.swap_remove(life.index),
            run: run.run,
            last_alive_at: life.at,
            quiet_for: now.since(life.at),
            running_spans,
            hosts: hosts.into_iter().collect(),
            verdict: life.stuck.map(|stuck| stuck.verdict),
        })
    }
}
