//! Runs: active ones, and in figures.

use super::{count, id, reason_kind, seconds, status, text, timestamp, verdict};
use crate::{
    domain::{span::Span, status::Status},
    proto::v1,
    query::{ActiveRun, ActiveRunList, RunFigures, RunPage, RunReport},
};

impl From<&ActiveRunList> for v1::ListActiveRunsResponse {
    fn from(list: &ActiveRunList) -> Self {
        Self {
            runs: list.runs.iter().map(v1::ActiveRun::from).collect(),
            total_count: u32::try_from(list.total_count).unwrap_or(u32::MAX),
        }
    }
}

impl From<&ActiveRun> for v1::ActiveRun {
    fn from(active: &ActiveRun) -> Self {
        let ActiveRun { run, current, .. } = active;
        Self {
            run_id: run.run_id.to_string(),
            task_id: text(run.task_id.as_ref()),
            attempt: count(run.attempt.into()),
            span_id: current.key.span_id.to_string(),
            layer: text(current.start.layer.as_ref()),
            step_name: text(current.start.step_name.as_ref()),
            executor_host: text(current.start.executor_host.as_ref()),
            agent: text(current.start.agent.as_ref()),
            status: status(Status::Running),
            started_at: Some(timestamp(run.started_at)),
            last_alive_at: Some(timestamp(active.last_alive_at)),
            seconds_since_activity: seconds(active.quiet_for),
            running_spans: u32::try_from(active.running_spans).unwrap_or(u32::MAX),
            progress: current.progress.as_ref().map(v1::Progress::from),
            hosts: active.hosts.clone(),
            verdict: verdict(active.verdict),
        }
    }
}

impl From<&RunReport> for v1::RunSummary {
    fn from(report: &RunReport) -> Self {
        Self {
            failures: report.failures.iter().map(v1::FailedSpan::from).collect(),
            ..Self::from(&report.figures)
        }
    }
}

impl From<&RunFigures> for v1::RunSummary {
    fn from(figures: &RunFigures) -> Self {
        let run = &figures.stored;
        Self {
            run_id: run.run_id.to_string(),
            task_id: text(run.task_id.as_ref()),
            attempt: count(run.attempt.into()),
            retry_of: id(run.retry_of),
            status: status(run.status),
            started_at: Some(timestamp(run.started_at)),
            ended_at: run.ended_at.map(timestamp),
            duration_seconds: figures.duration.as_secs_f64(),
            total_spans: count(run.total_spans),
            running_spans: count(run.running_spans),
            success_spans: count(run.success_spans),
            failed_spans: count(run.failed_spans),
            cancelled_spans: count(run.cancelled_spans),
            hosts_involved: run.hosts_involved.clone(),
            agents: run.agents.clone(),
            max_attempt: count(run.max_attempt.into()),
            failures: Vec::new(),
            last_alive_at: Some(timestamp(run.last_alive_at)),
            root_step_name: text(run.root_step_name.as_ref()),
            gc_at: run.gc_at.map(timestamp),
            cancel_requested_at: run.cancel_requested_at.map(timestamp),
        }
    }
}

impl From<&Span> for v1::FailedSpan {
    fn from(span: &Span) -> Self {
        let ended = span.ended.as_ref();
        let failure = ended.and_then(|ended| ended.failure.as_ref());
        Self {
            span_id: span.key.span_id.to_string(),
            layer: text(span.start.layer.as_ref()),
            step_name: text(span.start.step_name.as_ref()),
            executor_host: text(span.start.executor_host.as_ref()),
            attempt: count(span.start.attempt.into()),
            reason_code: text(failure.and_then(|failure| failure.reason_code.as_ref())),
            reason_kind: reason_kind(failure.and_then(|failure| failure.reason_kind)),
            message: text(failure.and_then(|failure| failure.error_message.as_ref())),
            ts_end: ended.map(|ended| timestamp(ended.ts_end)),
        }
    }
}

impl From<&RunPage> for v1::ListRunsResponse {
    fn from(page: &RunPage) -> Self {
        Self {
            runs: page.runs.iter().map(v1::RunSummary::from).collect(),
            next_page_token: id(page.next),
        }
    }
}
