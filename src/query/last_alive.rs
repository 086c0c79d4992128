//! Where a run was alive last.

use std::{sync::Arc, time::Duration};

use super::{
    Questions,
    life::{Life, of_run},
};
use crate::{
    domain::{
        ids::RunId,
        liveness::{Limits, Verdict},
        span::Span,
        time::Timestamp,
    },
    storage::{NewArtifact, StorageError},
};

/// The span of a run that was heard of last.
#[derive(Debug, Clone, PartialEq)]
pub struct LastAliveSpan {
    /// The span.
    pub span: Span,
    /// The files it left behind, the oldest first.
    pub artifacts: Vec<NewArtifact>,
    /// When it, or one of its steps, was last heard of.
    pub last_alive_at: Timestamp,
    /// How long ago that was.
    pub quiet_for: Duration,
    /// What is wrong with the run.
    pub verdict: Option<Verdict>,
    /// What that rests on, in words.
    pub evidence: String,
}

impl Questions {
    /// Where a run was alive last; `None` where it was never heard of.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub async fn last_alive_span(
        &self,
        run_id: RunId,
    ) -> Result<Option<LastAliveSpan>, StorageError> {
        // While a run runs, its history does not matter, and may be long.
        let (run, spans) = match self.database.live_run(run_id).await? {
            Some(live) => (live.run, live.spans),
            None => {
                let Some(run) = self.database.run(run_id).await? else { return Ok(None) };
                (run, self.database.run_outlines(run_id).await?)
            }
        };
        let now = self.now();
        let Some(life) = of_run(&run, &spans, &self.limits, now) else { return Ok(None) };
        let mut span = spans[life.index].clone();
        let whole = self.database.named_spans(run_id, &[span.key.span_id]).await?.pop();
        Arc::make_mut(&mut span.start).input_summary =
            whole.and_then(|whole| whole.start.input_summary.clone());
        Ok(Some(LastAliveSpan {
            artifacts: self.database.span_artifacts(&[span.key]).await?,
            evidence: evidence(&spans, &life, &self.limits, now),
            span,
            last_alive_at: life.at,
            quiet_for: now.since(life.at),
            verdict: life.stuck.map(|stuck| stuck.verdict),
        }))
    }
}

/// What the answer rests on, in words.
fn evidence(spans: &[Span], life: &Life, limits: &Limits, now: Timestamp) -> String {
    let span = &spans[life.index];
    let ago = now.since(life.at).as_secs();
    if let Some(ended) = &span.ended {
        return format!("ended {} {ago} s ago", ended.status.as_str());
    }
    match &life.stuck {
        Some(stuck) if stuck.index == life.index => stuck.evidence.clone(),
        // What is heard of last is not what stands still.
        Some(stuck) => format!("{}: {}", name_of(&spans[stuck.index]), stuck.evidence),
        None => {
            let limit = span.start.stuck_after.unwrap_or(limits.stuck_after);
            format!("heard of {ago} s ago, limit {} s", limit.as_secs())
        }
    }
}

fn name_of(span: &Span) -> String {
    span.start
        .step_name
        .as_deref()
        .map_or_else(|| format!("span {}", span.key.span_id), |name| format!("step {name}"))
}
