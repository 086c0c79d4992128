//! The paths under `/api/brain/trace`, in exactly the shapes that an older
//! dashboard reads.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use livespan_server::domain::time::{ManualClock, Timestamp};
use serde_json::{Value, json};

use crate::{
    client::{get, post},
    support::{TestApp, TestOptions},
};

const RUN: &str = "00000000-0000-4000-8000-0000000000aa";
const BUILD: &str = "00000000-0000-4000-8000-000000000001";
const FETCH: &str = "00000000-0000-4000-8000-000000000002";
const RENDER: &str = "00000000-0000-4000-8000-000000000003";

/// A run with a step that failed and one that got stuck.
struct Story {
    app: TestApp,
    screenshot: String,
}

impl Story {
    async fn tell() -> Self {
        // 2026-01-31T12:00:00Z
        let clock = Arc::new(ManualClock::new(Timestamp::from_micros(1_769_860_800_000_000)));
        let app = TestApp::start_with(TestOptions {
            clock: Arc::clone(&clock) as _,
            ..TestOptions::default()
        })
        .await;
        let to = app.app.http_addr();
        let step = |span: &str, layer: &str, name: &str, host: &str, agent: &str, attempt: u32| {
            json!({
                "run_id": RUN, "span_id": span, "task_id": "nightly", "layer": layer,
                "step_name": name, "executor_host": host, "agent": agent, "attempt": attempt,
            })
        };
        let tell = async |path: &str, body: &Value| post(to, path, body).await.document();
        let at = |span: &str, what: &str| format!("/api/v1/runs/{RUN}/spans/{span}/{what}");
        tell("/api/v1/spans", &step(BUILD, "L0_orchestrator", "build", "us-vps", "caramel", 1))
            .await;
        let mut fetch = step(FETCH, "L2_executor", "fetch", "hk-vps", "nobel", 2);
        fetch["parent_span_id"] = BUILD.into();
        tell("/api/v1/spans", &fetch).await;
        clock.advance(Duration::from_secs(5));
        let failed = json!({
            "status": "FAILED",
            "error": {"type": "TimeoutError", "message": "timed out after 5 s"},
        });
        tell(&at(FETCH, "end"), &failed).await;
        let mut render = step(RENDER, "L2_executor", "render", "mac-mini", "qa", 1);
        render["parent_span_id"] = BUILD.into();
        render["input"] = json!({"page": "cover", "size": [800, 600]});
        tell("/api/v1/spans", &render).await;
        let shot = json!({
            "artifact_type": "screenshot", "file_name": "shot.png", "content": "iVBORw0KGgo=",
        });
        let stored = tell(&at(RENDER, "artifacts"), &shot).await;
        clock.advance(Duration::from_secs(394));
        Self { app, screenshot: stored["artifact_id"].as_str().unwrap().to_owned() }
    }

    fn to(&self) -> SocketAddr {
        self.app.app.http_addr()
    }

    async fn get(&self, path: &str) -> Value {
        get(self.to(), &format!("/api/brain/trace{path}")).await.document()
    }
}

/// Compares what `path` answers with `tests/rest/seed/<name>.json`, where the id
/// of the artifact, which the server makes, is `<screenshot>`.
async fn check(name: &str, path: &str) {
    let story = Story::tell().await;
    let answered = serde_json::to_string_pretty(&story.get(path).await).unwrap();
    let answered = answered.replace(&story.screenshot, "<screenshot>");
    let file = format!("{}/tests/rest/seed/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    if answered != expected.trim_end() {
        let found = format!("{}/{name}.json", env!("CARGO_TARGET_TMPDIR"));
        std::fs::write(&found, answered + "\n").unwrap();
        panic!("{path} answers otherwise; see: diff {file} {found}");
    }
}

#[tokio::test]
async fn active_runs_are_a_bare_array_with_host_and_agent() {
    check("active", "/runs/active").await;
}

#[tokio::test]
async fn a_run_is_a_bare_array_of_spans() {
    check("timeline", &format!("/runs/{RUN}")).await;
}

#[tokio::test]
async fn a_summary_has_totals_and_the_hosts_involved() {
    check("summary", &format!("/runs/{RUN}/summary")).await;
}

#[tokio::test]
async fn the_last_alive_span_is_repeated_at_the_top() {
    check("last_alive", &format!("/runs/{RUN}/last-alive")).await;
}

#[tokio::test]
async fn a_graph_has_nodes_that_are_laid_out_and_edges() {
    check("graph", &format!("/runs/{RUN}/graph")).await;
}

#[tokio::test]
async fn top_failures_are_a_bare_array_with_hosts() {
    check("failures", "/failures/top").await;
}

#[tokio::test]
async fn stuck_runs_are_a_bare_array_with_the_span_and_its_artifacts() {
    check("stuck", "/stuck").await;
}

#[tokio::test]
async fn runs_are_a_bare_array() {
    check("runs", "/runs").await;
}

#[tokio::test]
async fn where_nothing_is_known_lists_are_empty_arrays() {
    let app = TestApp::start().await;
    for path in ["/runs", "/runs/active", "/failures/top", "/stuck"] {
        let answer = get(app.app.http_addr(), &format!("/api/brain/trace{path}")).await;
        assert_eq!(answer.document(), json!([]), "{path}");
    }
}

#[tokio::test]
async fn a_run_that_was_never_heard_of_is_not_found() {
    let app = TestApp::start().await;
    for path in ["", "/summary", "/last-alive", "/graph"] {
        let answer = get(app.app.http_addr(), &format!("/api/brain/trace/runs/{RUN}{path}")).await;
        assert_eq!((answer.status, &answer.error()["error"]), (404, &json!("Run not found")));
    }
}

#[tokio::test]
async fn the_own_paths_answer_the_same_within_their_messages() {
    let story = Story::tell().await;
    for (seed, own, field) in [
        ("/runs/active".to_owned(), "/runs/active".to_owned(), Some("runs")),
        (format!("/runs/{RUN}"), format!("/runs/{RUN}/timeline"), Some("spans")),
        (format!("/runs/{RUN}/summary"), format!("/runs/{RUN}/summary"), None),
        (format!("/runs/{RUN}/last-alive"), format!("/runs/{RUN}/last-alive"), None),
        (format!("/runs/{RUN}/graph"), format!("/runs/{RUN}/graph"), None),
        ("/failures/top".to_owned(), "/failures/top".to_owned(), Some("failures")),
        ("/stuck".to_owned(), "/stuck".to_owned(), Some("runs")),
        ("/runs".to_owned(), "/runs".to_owned(), Some("runs")),
    ] {
        let whole = get(story.to(), &format!("/api/v1{own}")).await.document();
        let part = field.map_or(&whole, |field| &whole[field]);
        assert_eq!(&story.get(&seed).await, part, "{own}");
    }
}
