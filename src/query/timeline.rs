//! All spans of a run, in order.

use std::{collections::HashMap, time::Duration};

use super::{
    Questions, SpanPageToken,
    life::{of_run, starts_at, tree_of},
};
use crate::{
    domain::{
        ids::{RunId, SpanId, SpanKey},
        span::Span,
        status::Status,
        time::Timestamp,
    },
    storage::{NewArtifact, StorageError, StoredSummary},
};

/// A run's spans, or a page of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    /// The run.
    pub run: StoredSummary,
    /// The spans by start, then by depth, so that each stands before its steps
    /// where clocks are coarse, then by id.
    pub spans: Vec<TimelineSpan>,
    /// The span of the run that was heard of last, be it on this page or not.
    pub last_alive: Option<SpanId>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<SpanPageToken>,
}

/// A span with what it is to its run.
#[derive(Debug, Clone, PartialEq)]
pub struct TimelineSpan {
    /// The span.
    pub span: Span,
    /// How many spans of the run are above it.
    pub depth: u32,
    /// From its start to its end, or to now.
    pub duration: Duration,
    /// The files it left behind, the oldest first.
    pub artifacts: Vec<NewArtifact>,
}

impl Questions {
    /// The spans of a run that follow `after`, at most `limit`, all where that
    /// is `None`; `None` where the run was never heard of.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub async fn timeline(
        &self,
        run_id: RunId,
        limit: Option<usize>,
        after: Option<SpanPageToken>,
    ) -> Result<Option<Timeline>, StorageError> {
        let Some(run) = self.database.run(run_id).await? else { return Ok(None) };
        // A page needs all spans for its depths, but only its own whole.
        let whole = limit.is_none() && after.is_none();
        let outlines = if whole {
            self.database.run_spans(run_id).await?
        } else {
            self.database.run_outlines(run_id).await?
        };
        let Some(mut figures) = self.database.run_summary(run_id).await? else { return Ok(None) };
        if outlines.iter().any(|span| span.ended.is_none()) {
            // The last one may have ended in between; the answer is of one piece.
            figures.status = Status::Running;
        }
        let now = self.now();
        let last_alive =
            of_run(&run, &outlines, &self.limits, now).map(|life| outlines[life.index].key.span_id);
        let tree = tree_of(&outlines);
        let mut ordered: Vec<(Timestamp, u32, SpanId)> = outlines
            .iter()
            .enumerate()
            .map(|(index, span)| (starts_at(span), tree.depth(index), span.key.span_id))
            .collect();
        ordered.sort_unstable();
        if let Some(SpanPageToken { starts_at, span_id }) = after {
            // Of a span that is not there any more, others may be told again.
            let depth = tree.position(span_id).map_or(0, |index| tree.depth(index));
            let begin = ordered.partition_point(|place| *place <= (starts_at, depth, span_id));
            ordered.drain(..begin);
        }
        let more = limit.is_some_and(|limit| ordered.len() > limit);
        ordered.truncate(limit.unwrap_or(usize::MAX));
        let next = ordered.last().filter(|_| more).map(|(starts_at, _, span_id)| SpanPageToken {
            starts_at: *starts_at,
            span_id: *span_id,
        });

        let ids: Vec<SpanId> = ordered.iter().map(|(_, _, id)| *id).collect();
        let (spans, artifacts) = if whole {
            (outlines, self.database.run_artifacts(run_id).await?)
        } else {
            let keys: Vec<_> =
                ids.iter().map(|span_id| SpanKey { run_id, span_id: *span_id }).collect();
            (
                self.database.named_spans(run_id, &ids).await?,
                self.database.span_artifacts(&keys).await?,
            )
        };
        let mut spans: HashMap<SpanId, Span> =
            spans.into_iter().map(|span| (span.key.span_id, span)).collect();
        let mut artifacts = by_span(artifacts);
        let spans = ordered
            .iter()
            // What retention deleted in between is not there any more.
            .filter_map(|(_, depth, id)| Some((spans.remove(id)?, *depth)))
            .map(|(span, depth)| TimelineSpan {
                depth,
                duration: duration_of(&span, now),
                artifacts: artifacts.remove(&span.key.span_id).unwrap_or_default(),
                span,
            })
            .collect();
        Ok(Some(Timeline { run: figures, spans, last_alive, next }))
    }
}

/// From a span's start to its end, or to `now` while it runs; zero where the
/// client's clocks contradict each other.
fn duration_of(span: &Span, now: Timestamp) -> Duration {
    span.ended.as_ref().map_or(now, |ended| ended.ts_end).since(starts_at(span))
}

fn by_span(artifacts: Vec<NewArtifact>) -> HashMap<SpanId, Vec<NewArtifact>> {
    let mut by_span: HashMap<SpanId, Vec<NewArtifact>> = HashMap::new();
    for artifact in artifacts {
        by_span.entry(artifact.key.span_id).or_default().push(artifact);
    }
    by_span
}
