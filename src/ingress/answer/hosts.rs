//! Machines, and what runs on them.

use super::{count, text, timestamp};
use crate::{
    proto::v1,
    storage::{Host, HostStep},
};

impl From<&Host> for v1::Host {
    fn from(host: &Host) -> Self {
        Self {
            executor_host: host.executor_host.clone(),
            running_spans: count(host.running_spans),
            running_runs: count(host.running_runs),
            agents: host.agents.clone(),
            last_alive_at: host.last_alive_at.map(timestamp),
            failure_count: count(host.failure_count),
            last_failure_at: host.last_failure_at.map(timestamp),
            steps: host.steps.iter().map(v1::HostStep::from).collect(),
        }
    }
}

impl From<&HostStep> for v1::HostStep {
    fn from(step: &HostStep) -> Self {
        Self {
            run_id: step.key.run_id.to_string(),
            span_id: step.key.span_id.to_string(),
            layer: text(step.layer.as_ref()),
            step_name: text(step.step_name.as_ref()),
            agent: text(step.agent.as_ref()),
            last_alive_at: Some(timestamp(step.last_alive_at)),
        }
    }
}
