//! What a run's spans say about its life, running or ended.

use crate::{
    domain::{
        liveness::{LifeSigns, Limits, RunLife, Stuck, judge, last_alive},
        span::Span,
        time::Timestamp,
        tree::SpanTree,
    },
    storage::{LiveRun, StoredRun},
};

/// Where some spans of a run were alive last. Indices are into these spans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Life {
    /// The span heard of last.
    pub(super) index: usize,
    /// When it, or one of its steps, was heard of.
    pub(super) at: Timestamp,
    /// What is wrong with the run.
    pub(super) stuck: Option<Stuck>,
}

/// The life of a run with running spans.
pub(super) fn of_live_run(run: &LiveRun, limits: &Limits, now: Timestamp) -> Option<Life> {
    let signs: Vec<LifeSigns> = run.spans.iter().map(signs_of).collect();
    let life = RunLife { running: &signs, last_end: Some(run.run.last_end) };
    let last = last_alive(&life)?;
    let stuck = judge(&life, limits, now).map(|stuck| {
        let progress = run.spans[stuck.index].progress.as_ref();
        stuck.with_progress(progress)
    });
    Some(Life { index: last.index, at: last.at, stuck })
}

/// The life of a run, given all of its spans. `None` where there are none.
pub(super) fn of_run(
    run: &StoredRun,
    spans: &[Span],
    limits: &Limits,
    now: Timestamp,
) -> Option<Life> {
    let running: Vec<usize> =
        (0..spans.len()).filter(|index| spans[*index].ended.is_none()).collect();
    if running.is_empty() {
        return last_heard_of(spans);
    }
    let live = LiveRun {
        run: run.clone(),
        spans: running.iter().map(|index| spans[*index].clone()).collect(),
    };
    let mut life = of_live_run(&live, limits, now)?;
    life.index = running[life.index];
    if let Some(stuck) = &mut life.stuck {
        stuck.index = running[stuck.index];
    }
    Some(life)
}

/// Of a run that has ended: the span whose end was received last, of several
/// the deepest, of these the one that started last.
fn last_heard_of(spans: &[Span]) -> Option<Life> {
    let tree = tree_of(spans);
    let index = (0..spans.len()).max_by_key(|index| {
        let span = &spans[*index];
        (span.last_alive_at, tree.depth(*index), starts_at(span), span.key.span_id)
    })?;
    Some(Life { index, at: spans[index].last_alive_at, stuck: None })
}

/// A run's spans as a tree, by their indices.
pub(super) fn tree_of(spans: &[Span]) -> SpanTree {
    SpanTree::build(spans.iter().map(|span| (span.key.span_id, span.start.parent_span_id)))
}

/// When a span started, by its client's clock; when it was first heard of,
/// where that is not known.
pub(super) fn starts_at(span: &Span) -> Timestamp {
    span.start.ts_start.unwrap_or(span.first_seen_at)
}

fn signs_of(span: &Span) -> LifeSigns {
    LifeSigns {
        span_id: span.key.span_id,
        parent_span_id: span.start.parent_span_id,
        started_at: span.start.ts_start,
        first_seen_at: span.first_seen_at,
        last_alive_at: span.last_alive_at,
        progress_moved_at: span.progress.as_ref().map(|progress| progress.moved_at),
        stuck_after: span.start.stuck_after,
        progress_timeout: span.start.progress_timeout,
    }
}
