//! Failures by reason, by place and by time.

use super::{count, reason_kind, text, timestamp};
use crate::{
    proto::v1,
    storage::{FailureGroup, FailureSite, FailureTrend},
};

impl From<&FailureGroup> for v1::FailureGroup {
    fn from(group: &FailureGroup) -> Self {
        Self {
            reason_kind: reason_kind(Some(group.reason_kind)),
            reason_code: group.reason_code.clone(),
            failure_count: count(group.failure_count),
            affected_runs: count(group.affected_runs),
            affected_hosts: group.affected_hosts.clone(),
            steps: group.steps.clone(),
            first_seen: Some(timestamp(group.first_seen_at)),
            last_seen: Some(timestamp(group.last_seen_at)),
            sample_run_ids: group.sample_runs.iter().map(ToString::to_string).collect(),
            sample_message: text(group.sample_message.as_ref()),
        }
    }
}

impl From<&FailureSite> for v1::FailureSite {
    fn from(site: &FailureSite) -> Self {
        Self {
            fingerprint: site.fingerprint.clone(),
            step_name: site.step_name.clone(),
            executor_host: site.executor_host.clone(),
            failure_count: count(site.failure_count),
            affected_runs: count(site.affected_runs),
            first_seen: Some(timestamp(site.first_seen_at)),
            last_seen: Some(timestamp(site.last_seen_at)),
            sample_run_ids: site.sample_runs.iter().map(ToString::to_string).collect(),
            sample_span_id: site.sample_span.to_string(),
            layer: text(site.layer.as_ref()),
            agent: text(site.agent.as_ref()),
            reason_kind: reason_kind(Some(site.reason_kind)),
            reason_code: site.reason_code.clone(),
            error_type: text(site.error_type.as_ref()),
            sample_message: text(site.error_message.as_ref()),
        }
    }
}

impl From<&FailureTrend> for v1::GetFailureTrendResponse {
    fn from(trend: &FailureTrend) -> Self {
        let kinds = trend.kinds.iter().map(|kind| v1::KindTrend {
            reason_kind: reason_kind(Some(kind.reason_kind)),
            failure_count: count(kind.counts.iter().sum()),
            counts: kind.counts.iter().map(|number| count(*number)).collect(),
        });
        Self {
            since: Some(timestamp(trend.since)),
            bucket_seconds: trend.bucket_seconds,
            kinds: kinds.collect(),
        }
    }
}
