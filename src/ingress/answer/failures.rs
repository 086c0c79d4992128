//! Failures by reason.

use super::{count, reason_kind, text, timestamp};
use crate::{proto::v1, storage::FailureGroup};

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
