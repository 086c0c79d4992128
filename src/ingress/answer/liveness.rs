//! Where runs were alive last, and which are stuck.

use super::{count, json_value, seconds, span::newest_by_type, status, text, timestamp, verdict};
use crate::{
    domain::ids::RunId,
    proto::v1,
    query::{LastAliveSpan, StuckRun},
};

impl From<&LastAliveSpan> for v1::LastAliveSpan {
    fn from(last: &LastAliveSpan) -> Self {
        let start = &last.span.start;
        Self {
            span_id: last.span.key.span_id.to_string(),
            layer: text(start.layer.as_ref()),
            step_name: text(start.step_name.as_ref()),
            status: status(last.span.status()),
            executor_host: text(start.executor_host.as_ref()),
            agent: text(start.agent.as_ref()),
            attempt: count(start.attempt.into()),
            seconds_since_activity: seconds(last.quiet_for),
            is_stuck: last.verdict.is_some(),
            input_summary: json_value(start.input_summary.as_ref()),
            artifacts: newest_by_type(&last.artifacts),
            verdict: verdict(last.verdict),
            evidence: last.evidence.clone(),
            last_alive_at: Some(timestamp(last.last_alive_at)),
            ts_start: start.ts_start.map(timestamp),
            progress: last.span.progress.as_ref().map(v1::Progress::from),
        }
    }
}

/// The answer of `GetLastAliveSpan`, which repeats some of the span at its top.
pub(in crate::ingress) fn last_alive(
    run_id: RunId,
    last: &LastAliveSpan,
) -> v1::GetLastAliveSpanResponse {
    let span = v1::LastAliveSpan::from(last);
    v1::GetLastAliveSpanResponse {
        run_id: run_id.to_string(),
        is_stuck: span.is_stuck,
        span_id: span.span_id.clone(),
        layer: span.layer.clone(),
        step_name: span.step_name.clone(),
        status: span.status,
        executor_host: span.executor_host.clone(),
        seconds_since_activity: span.seconds_since_activity,
        input_summary: span.input_summary.clone(),
        artifacts: span.artifacts.clone(),
        agent: span.agent.clone(),
        last_alive_span: Some(span),
    }
}

impl From<&StuckRun> for v1::StuckRun {
    fn from(run: &StuckRun) -> Self {
        let start = &run.span.start;
        Self {
            run_id: run.run.run_id.to_string(),
            task_id: text(run.run.task_id.as_ref()),
            span_id: run.span.key.span_id.to_string(),
            layer: text(start.layer.as_ref()),
            step_name: text(start.step_name.as_ref()),
            executor_host: text(start.executor_host.as_ref()),
            agent: text(start.agent.as_ref()),
            attempt: count(start.attempt.into()),
            stuck_duration_seconds: seconds(run.stuck.stuck_for),
            limit_seconds: seconds(run.stuck.limit),
            verdict: verdict(Some(run.stuck.verdict)),
            evidence: run.stuck.evidence.clone(),
            since: Some(timestamp(run.stuck.since)),
            input_summary: json_value(start.input_summary.as_ref()),
            artifacts: newest_by_type(&run.artifacts),
            started_at: Some(timestamp(run.run.started_at)),
        }
    }
}
