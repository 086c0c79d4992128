//! `GetRunGraph`.

use std::sync::Arc;

use livespan_server::{
    domain::{
        event::{SpanEventKind, Start},
        reason::ReasonKind,
    },
    proto::v1::{self, trace_query_server::TraceQuery as _},
};
use sqlx::PgPool;
use tonic::{Code, Request};

use crate::fleet::*;

async fn graph(fleet: &Fleet) -> v1::GetRunGraphResponse {
    let request = v1::GetRunGraphRequest { run_id: run(1).to_string() };
    fleet.service.get_run_graph(Request::new(request)).await.unwrap().into_inner()
}

/// Whether no node covers another, and all are within the drawing.
fn assert_is_readable(graph: &v1::GetRunGraphResponse) {
    let within = |low: f64, size: f64, whole: f64| low >= -0.01 && low + size <= whole + 0.01;
    for (index, a) in graph.nodes.iter().enumerate() {
        assert!(within(a.x, a.width, graph.width) && within(a.y, a.height, graph.height), "{a:?}");
        for b in &graph.nodes[index + 1..] {
            let beside = a.x + a.width <= b.x + 0.01 || b.x + b.width <= a.x + 0.01;
            let above = a.y + a.height <= b.y + 0.01 || b.y + b.height <= a.y + 0.01;
            assert!(beside || above, "{a:?} {b:?}");
        }
    }
}

#[sqlx::test]
async fn a_run_that_was_never_heard_of_is_not_found(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let request = v1::GetRunGraphRequest { run_id: run(1).to_string() };
    let status = fleet.service.get_run_graph(Request::new(request)).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
}

#[sqlx::test]
async fn parents_stand_above_their_steps_and_edges_join_them(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let (root, a, b) = (span(run(1), 1), span(run(1), 2), span(run(1), 3));
    fleet.start(root, step("root")).await;
    fleet.wait(1);
    fleet.start(a, step_of(root, "a")).await;
    fleet.wait(1);
    fleet.start(b, step_of(root, "b")).await;
    let answer = graph(&fleet).await;
    assert_eq!(answer.run_id, run(1).to_string());
    let labels: Vec<_> = answer.nodes.iter().map(|node| node.label.as_str()).collect();
    assert_eq!(labels, ["root", "a", "b"]);
    assert!(answer.nodes[0].y + answer.nodes[0].height <= answer.nodes[1].y);
    assert_eq!(answer.nodes[1].y, answer.nodes[2].y);
    let edge = |child: &str| v1::GraphEdge {
        id: format!("{}-{child}", root.span_id),
        source: root.span_id.to_string(),
        target: child.to_owned(),
    };
    assert_eq!(answer.edges, [edge(&a.span_id.to_string()), edge(&b.span_id.to_string())]);
    assert_is_readable(&answer);
}

#[sqlx::test]
async fn a_node_tells_where_its_span_stands(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let key = span(run(1), 1);
    let start =
        Start { layer: Some("tool".into()), attempt: 2, ..on("us-vps", "qa", step("fetch")) };
    fleet.start(key, start).await;
    fleet.fail(key, ReasonKind::Transient, "timeout", "").await;
    let answer = graph(&fleet).await;
    let node = &answer.nodes[0];
    assert_eq!((&*node.id, &*node.layer), (&*key.span_id.to_string(), "tool"));
    assert_eq!((&*node.executor_host, &*node.agent, node.attempt), ("us-vps", "qa", 2));
    assert_eq!(
        (node.status(), node.reason_kind()),
        (v1::Status::Failed, v1::ReasonKind::Transient)
    );
    assert_eq!((node.x, node.y, node.is_last_alive), (0.0, 0.0, true));
    assert_eq!((answer.width, answer.height), (node.width, node.height));
    assert_eq!(answer.edges, []);
}

#[sqlx::test]
async fn a_span_without_a_name_is_labelled_all_the_same(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    fleet.beat(span(run(1), 0xabc)).await;
    assert_eq!(graph(&fleet).await.nodes[0].label, "0000000000000abc");
}

#[sqlx::test]
async fn the_span_heard_of_last_is_marked(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let (root, child) = (span(run(1), 1), span(run(1), 2));
    fleet.start(root, step("root")).await;
    fleet.start(child, step_of(root, "child")).await;
    let answer = graph(&fleet).await;
    assert_eq!(answer.nodes.iter().map(|n| n.is_last_alive).collect::<Vec<_>>(), [false, true]);
}

#[sqlx::test]
async fn spans_in_a_circle_stand_side_by_side(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let (a, b) = (span(run(1), 1), span(run(1), 2));
    fleet.start(a, step_of(b, "a")).await;
    fleet.start(b, step_of(a, "b")).await;
    let answer = graph(&fleet).await;
    assert_eq!(answer.edges, []);
    assert_is_readable(&answer);
}

#[sqlx::test]
async fn a_run_of_two_thousand_spans_is_readable(pool: PgPool) {
    let fleet = Fleet::new(&pool).await;
    let writes = (1..=2_000_u64)
        .map(|number| {
            let start = match number {
                1 => step("1"),
                _ => step_of(span(run(1), number / 3 + 1), &number.to_string()),
            };
            fleet.event(span(run(1), number), SpanEventKind::Start(Arc::new(start)))
        })
        .collect();
    fleet.write(writes).await;
    let answer = graph(&fleet).await;
    assert_eq!(answer.nodes.len(), 2_000);
    assert_is_readable(&answer);
}
