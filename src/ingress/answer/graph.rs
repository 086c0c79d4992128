//! A run as a graph.

use super::{count, failure_kind, status, text};
use crate::{
    domain::ids::RunId,
    proto::v1,
    query::{GraphNode, RunGraph},
};

impl From<&GraphNode> for v1::GraphNode {
    fn from(node: &GraphNode) -> Self {
        let span = &node.span;
        Self {
            id: span.key.span_id.to_string(),
            label: node.label.clone(),
            layer: text(span.start.layer.as_ref()),
            status: status(span.status()),
            executor_host: text(span.start.executor_host.as_ref()),
            agent: text(span.start.agent.as_ref()),
            attempt: count(span.start.attempt.into()),
            reason_kind: failure_kind(span),
            x: node.x,
            y: node.y,
            width: node.width,
            height: node.height,
            is_last_alive: node.is_last_alive,
        }
    }
}

/// The answer of `GetRunGraph`.
pub(in crate::ingress) fn graph(run_id: RunId, graph: &RunGraph) -> v1::GetRunGraphResponse {
    let edge = |(source, target): &(_, _)| {
        let (source, target) = (ToString::to_string(source), ToString::to_string(target));
        v1::GraphEdge { id: format!("{source}-{target}"), source, target }
    };
    v1::GetRunGraphResponse {
        run_id: run_id.to_string(),
        nodes: graph.nodes.iter().map(v1::GraphNode::from).collect(),
        edges: graph.edges.iter().map(edge).collect(),
        width: graph.width,
        height: graph.height,
    }
}
