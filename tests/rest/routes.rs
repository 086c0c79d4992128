//! What is there, what is not, and by which methods.

use std::process::Command;

use serde_json::json;

use crate::{
    client::{get, post, send},
    support::TestApp,
};

const RUN: &str = "00000000-0000-4000-8000-0000000000aa";

#[tokio::test]
async fn what_is_not_there_is_told_in_json() {
    let app = TestApp::start().await;
    let to = app.app.http_addr();
    for path in [
        "/api/v1",
        "/api/v1/",
        "/api/v1/run",
        "/api/v1/runs/",
        "/api/v1/runs/active/",
        "//api/v1/runs",
        "/api/v1//runs",
        "/API/v1/runs",
        "/api/v1/runs/a/b/c",
        "/api/v1/../v1/runs",
        "/api/v1/runs%2factive",
        "/api/v2/runs",
        "/v1/traces",
    ] {
        for method in ["GET", "POST", "DELETE"] {
            let answer = send(to, &format!("{method} {path}"), &[], b"").await;
            assert_eq!(answer.status, 404, "{method} {path}: {answer:?}");
            let error = answer.error();
            assert!(error["error"].as_str().unwrap().contains(path), "{error}");
            assert_eq!(error["code"], 5);
        }
    }
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let app = TestApp::start().await;
    let to = app.app.http_addr();
    let heartbeat = format!("/api/v1/runs/{RUN}/spans/{RUN}/heartbeat");
    for (path, allowed) in [
        ("/api/v1/runs", "GET,HEAD"),
        ("/api/brain/trace/runs/active", "GET,HEAD"),
        ("/api/v1/spans", "POST"),
        (&heartbeat, "POST"),
        ("/api/openapi.json", "GET,HEAD"),
        ("/api/docs", "GET,HEAD"),
    ] {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"]
        {
            if allowed.split(',').any(|allowed| allowed == method) {
                continue;
            }
            let answer = send(to, &format!("{method} {path}"), &[], b"").await;
            assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{answer:?}");
            if method != "HEAD" {
                assert_eq!(answer.error()["code"], 12);
            }
        }
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let app = TestApp::start().await;
    let to = app.app.http_addr();
    for (path, status) in [
        ("/api/v1/runs", 200),
        ("/api/brain/trace/stuck", 200),
        ("/api/openapi.json", 200),
        ("/api/docs", 200),
        ("/api/v1/runs?page_size=x", 400),
        (&format!("/api/v1/runs/{RUN}/timeline"), 404),
        ("/api/v1/nothing", 404),
    ] {
        let got = get(to, path).await;
        let head = send(to, &format!("HEAD {path}"), &[], b"").await;
        assert_eq!((got.status, head.status), (status, status), "{path}");
        assert_eq!(head.body, b"", "{path}");
        for name in ["content-type", "cache-control", "x-content-type-options"] {
            assert_eq!(head.header(name), got.header(name), "{path}: {name}");
        }
        // But where the path stands in the error, with the method.
        if path != "/api/v1/nothing" {
            assert_eq!(head.header("content-length"), got.header("content-length"), "{path}");
        }
    }
}

#[tokio::test]
async fn a_fixed_segment_goes_before_a_run_of_that_name() {
    let app = TestApp::start().await;
    let active = get(app.app.http_addr(), "/api/brain/trace/runs/active").await;
    assert_eq!(active.document(), json!([]));
    let run = get(app.app.http_addr(), "/api/brain/trace/runs/activ%65").await;
    assert_eq!((run.status, run.violations()), (400, vec!["run_id".to_owned()]));
}

#[tokio::test]
async fn filters_and_pages_are_parameters() {
    let app = TestApp::start().await;
    let to = app.app.http_addr();
    for at in 1..=3 {
        let start = json!({
            "run_id": format!("00000000-0000-4000-8000-00000000000{at}"), "step_name": "s",
            "task_id": "täglich & mehr", "start_time": format!("2026-01-31T12:00:0{at}Z"),
            "agent": if at == 3 { "qa" } else { "nobel" },
        });
        post(to, "/api/v1/spans", &start).await.document();
    }
    let runs = async |query: &str| {
        let page = get(to, &format!("/api/v1/runs?{query}")).await.document();
        let runs = page["runs"].as_array().unwrap().iter();
        let ids: Vec<_> =
            runs.map(|run| run["run_id"].as_str().unwrap()[35..].to_owned()).collect();
        (ids.join(""), page["next_page_token"].as_str().unwrap().to_owned())
    };
    assert_eq!(runs("task_id=t%C3%A4glich+%26%20mehr").await.0, "321");
    assert_eq!(runs("agent=nobel&status=RUNNING").await.0, "21");
    assert_eq!(runs("status=FAILED").await.0, "");
    assert_eq!(runs("started_after=2026-01-31T12:00:02Z").await.0, "32");
    // An offset's plus is written as %2B; one that is none is a space.
    assert_eq!(runs("startedBefore=2026-01-31T13:00:02%2B01:00").await.0, "1");
    let (first, token) = runs("page_size=2").await;
    let (second, end) = runs(&format!("page_size=2&page_token={token}")).await;
    assert_eq!((first + &second, end), ("321".to_owned(), String::new()));
}

/// As users would, by curl: over HTTP/1.1, and HTTP/2 without TLS.
#[tokio::test]
async fn curl_is_answered_over_either_version_of_http() {
    let app = TestApp::start().await;
    let url = format!("http://{}/api/brain/trace/runs/active", app.app.http_addr());
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        let (version, url) = (version.to_owned(), url.clone());
        let output = tokio::task::spawn_blocking(move || {
            let format = "%{stderr}%{http_version} %{http_code}";
            Command::new("curl").args(["-sS", "-w", format, &version, &url]).output().unwrap()
        })
        .await
        .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "[]");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told == "1.1 200" || told == "2 200", "{told}");
    }
}
