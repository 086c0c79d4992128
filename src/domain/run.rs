//! The facts that hold for a whole run, gathered from its spans' events.
//!
//! Each fact merges in any order: the least start, the last end, the first
//! task that was named.

use smol_str::SmolStr;

use super::{
    event::{SpanEvent, SpanEventKind},
    ids::{RunId, SpanId},
    time::Timestamp,
};

/// What some events say of their run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFacts {
    /// Which run.
    pub run_id: RunId,
    /// The business job.
    pub task_id: Option<SmolStr>,
    /// The greatest attempt among the roots.
    pub attempt: i32,
    /// The run that it retries.
    pub retry_of: Option<RunId>,
    /// The least start, by the clients' clocks.
    pub started_at: Timestamp,
    /// When it was first heard of, by the server's clock.
    pub first_seen_at: Timestamp,
    /// The last of its spans to end.
    pub last_end: Option<LastEnd>,
}

/// The end of a run's span that was received last: a sign of life of the
/// span's parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LastEnd {
    /// When it was received, by the server's clock.
    pub at: Timestamp,
    /// The span that the ended one was a step of.
    pub parent: Option<SpanId>,
}

impl RunFacts {
    /// A run of which nothing is known but that it was heard of at `at`.
    #[must_use]
    pub fn heard_of(run_id: RunId, at: Timestamp) -> Self {
        Self {
            run_id,
            task_id: None,
            attempt: 1,
            retry_of: None,
            started_at: at,
            first_seen_at: at,
            last_end: None,
        }
    }

    /// Takes in what an event says of the run.
    pub fn take(&mut self, event: &SpanEvent) {
        self.first_seen_at = self.first_seen_at.min(event.received_at);
        let start = match &event.kind {
            SpanEventKind::Start(start) | SpanEventKind::Whole(start, _) => start,
            SpanEventKind::Heartbeat(_) | SpanEventKind::End(_) => return,
        };
        self.started_at = self.started_at.min(start.ts_start.unwrap_or(event.received_at));
        if self.task_id.is_none() {
            self.task_id.clone_from(&start.task_id);
        }
        self.retry_of = self.retry_of.or(start.retry_of);
        if start.parent_span_id.is_none() {
            self.attempt = self.attempt.max(start.attempt);
        }
    }

    /// Notes that one of its spans has ended.
    pub fn take_end(&mut self, end: LastEnd) {
        self.last_end = self.last_end.max(Some(end));
    }
}
