//! Everything that a client can do wrong: told in JSON, by name, and never as an
//! error of the server.

use std::time::Duration;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{
    client::{get, post, send},
    support::TestApp,
};

const RUN: &str = "00000000-0000-4000-8000-0000000000aa";
const JSON: &str = "Content-Type: application/json";

#[tokio::test]
async fn a_wrong_parameter_is_named() {
    let app = TestApp::start().await;
    let to = app.app.http_addr();
    for (query, named, said) in [
        ("runs?page_size=many", "page_size", "whole number"),
        ("runs?page_size=-1", "page_size", "whole number"),
        ("runs?page_size=1.5", "page_size", "whole number"),
        ("runs?page_size=99999999999999999999", "page_size", "whole number"),
        ("runs?page_size=", "page_size", "whole number"),
        ("runs?page_size=1001", "page_size", "at most 1000"),
        ("runs?page_size=1&page_size=2", "page_size", "2 times"),
        ("runs?page_size=1&pageSize=2", "pageSize", "duplicate"),
        ("runs?status=BROKEN", "status", "one of STATUS_UNSPECIFIED, RUNNING, SUCCESS"),
        ("runs?status=running", "status", "one of"),
        ("runs?status=99", "status", ""),
        ("runs?reason_kind=99", "reason_kind", ""),
        ("runs?started_after=yesterday", "started_after", "RFC 3339"),
        ("runs?started_after=2026-13-01T00:00:00Z", "started_after", "RFC 3339"),
        ("runs?page_token=nonsense", "page_token", ""),
        ("runs?pagesize=1", "pagesize", "the fields are task_id"),
        ("runs?limit=10", "limit", "the fields are task_id"),
        ("runs?%00=1", "\0", "not known"),
        ("runs?agent=%ff", "agent", "UTF-8"),
        ("runs?agent=a%00b", "agent", "NUL"),
        ("runs?agent=%C3%28", "agent", "UTF-8"),
        ("stuck?threshold=5m", "threshold", "such as 90s"),
        ("stuck?threshold=0s", "threshold", ""),
        ("stuck?threshold=-5s", "threshold", ""),
        ("stuck?threshold=99999999999999999999s", "threshold", ""),
        ("failures/top?window=1", "window", "such as 90s"),
        ("failures/top?reason_kind=", "reason_kind", "one of UNKNOWN"),
        ("runs/active?page_size=5000", "page_size", "at most 1000"),
    ] {
        for prefix in ["/api/v1", "/api/brain/trace"] {
            let answer = get(to, &format!("{prefix}/{query}")).await;
            assert_eq!(answer.status, 400, "{query}: {answer:?}");
            assert_eq!(answer.violations(), [named], "{query}");
            let error = answer.error();
            let told = error["error"].as_str().unwrap();
            assert!(told.starts_with(&format!("{named}: ")) && told.contains(said), "{told}");
        }
    }
}

#[tokio::test]
async fn several_wrong_parameters_are_told_at_once() {
    let app = TestApp::start().await;
    let to = app.app.http_addr();
    let answer = get(to, "/api/v1/runs?page_size=2000&status=77&page_token=x").await;
    assert_eq!(answer.status, 400);
    let mut named = answer.violations();
    named.sort();
    assert_eq!(named, ["page_size", "page_token", "status"]);
}

#[tokio::test]
async fn an_id_in_the_path_is_an_id_however_it_is_written() {
    let app = TestApp::start().await;
    let to = app.app.http_addr();
    for id in [
        "x",
        "a%2Fb",
        "..%2f..%2fetc%2fpasswd",
        "%00",
        "%0d%0aSet-Cookie:%20a=b",
        "00000000-0000-4000-8000-0000000000aa%00",
        "%27%20OR%201=1--",
        &"9".repeat(5_000),
        "%F0%9F%92%A5",
    ] {
        let answer = get(to, &format!("/api/brain/trace/runs/{id}")).await;
        assert_eq!((answer.status, answer.violations()), (400, vec!["run_id".to_owned()]), "{id}");
    }
    for broken in ["%ff", "%C3%28", "%ed%a0%80"] {
        let answer = get(to, &format!("/api/v1/runs/{broken}/summary")).await;
        assert_eq!(answer.status, 400, "{broken}");
        assert!(answer.error()["error"].as_str().unwrap().contains("UTF-8"));
    }
    // Percent signs that encode nothing stand for themselves.
    assert_eq!(get(to, "/api/v1/runs/%zz/summary").await.status, 400);
    // Without hyphens, and in capitals, it is the same id.
    let plain = RUN.replace('-', "").to_uppercase();
    let answer = get(to, &format!("/api/v1/runs/{plain}/timeline")).await;
    assert_eq!((answer.status, &answer.error()["error"]), (404, &json!("Run not found")));
}

#[tokio::test]
async fn a_wrong_body_is_told_with_its_field() {
    let app = TestApp::start().await;
    let to = app.app.http_addr();
    for (body, named, said) in [
        (json!({"step_name": 1}), "step_name", "a string"),
        (json!({"step_name": "a", "attempt": -1}), "attempt", "whole number"),
        (json!({"step_name": "a", "start_time": 5}), "start_time", "a string"),
        (json!({"step_name": "a", "start_time": "now"}), "start_time", "RFC 3339"),
        (json!({"step_name": "a", "stuck_after": "1h"}), "stuck_after", "such as 90s"),
        (json!({"step_name": "a", "input": []}), "input", "a JSON object"),
        (json!({"step_name": "a", "run_id": "x"}), "run_id", "uuid"),
        (json!({"step_name": "a", "step": "b"}), "step", "the fields are run_id"),
        (json!({"step_name": "a", "attributes": {"k": "a\0b"}}), "attributes.k", "NUL"),
        (json!({}), "step_name", ""),
    ] {
        let answer = post(to, "/api/v1/spans", &body).await;
        assert_eq!((answer.status, answer.violations()), (400, vec![named.to_owned()]), "{body}");
        let error = answer.error();
        assert!(error["error"].as_str().unwrap().contains(said), "{body}: {error}");
    }
    let beat = format!("/api/v1/runs/{RUN}/spans/{RUN}/heartbeat");
    let answer = post(to, &beat, &json!({"progress": {"current": "x"}})).await;
    assert_eq!((answer.status, answer.violations()), (400, vec!["progress.current".to_owned()]));
    let answer = post(to, &beat, &json!({"run_id": "00000000-0000-4000-8000-0000000000bb"})).await;
    assert_eq!((answer.status, answer.violations()), (400, vec!["run_id".to_owned()]));
    assert_eq!(post(to, &beat, &json!({"run_id": RUN})).await.status, 200);
    let end = format!("/api/v1/runs/{RUN}/spans/{RUN}/end");
    let answer = post(to, &end, &json!({"status": "RUNNING"})).await;
    assert_eq!((answer.status, answer.violations()), (400, vec!["status".to_owned()]));
}

#[tokio::test]
async fn a_body_that_is_no_json_is_told_where_it_stops_to_be() {
    let app = TestApp::start().await;
    let to = app.app.http_addr();
    let deep = format!("{{\"input\":{}1{}}}", "{\"a\":".repeat(500), "}".repeat(500));
    let lists = format!("{{\"input\":{{\"a\":{}{}}}}}", "[".repeat(100_000), "]".repeat(100_000));
    for body in [
        "{",
        "{\"step_name\":\"a\"",
        "{\"step_name\":\"a\"} x",
        "{'step_name':'a'}",
        "nonsense",
        "\u{feff}{}",
        "{\"step_name\":\"\\ud800\"}",
        "{\"attempt\":1e999}",
        "{\"attempt\":01}",
        &deep,
        &lists,
    ] {
        let answer = send(to, "POST /api/v1/spans", &[JSON], body.as_bytes()).await;
        assert_eq!(answer.status, 400, "{body:.60}: {answer:?}");
        let error = answer.error();
        assert!(error["error"].as_str().unwrap().contains("line 1"), "{body:.60}: {error}");
    }
    for body in ["[]", "1", "null", "\"text\""] {
        let answer = send(to, "POST /api/v1/spans", &[JSON], body.as_bytes()).await;
        assert_eq!(answer.status, 400, "{body}: {answer:?}");
        answer.error();
    }
    for body in [&b"\xff\xfe{}"[..], b"{\"step_name\":\"\xff\"}", b"\x1f\x8b\x08\x00"] {
        let answer = send(to, "POST /api/v1/spans", &[JSON], body).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        answer.error();
    }
    assert_eq!(app.count("SELECT count(*) FROM live_spans").await, 0);
}

#[tokio::test]
async fn only_json_is_read() {
    let app = TestApp::start().await;
    let to = app.app.http_addr();
    let body = json!({"step_name": "a"}).to_string();
    let send_as = async |head: &[&str]| send(to, "POST /api/v1/spans", head, body.as_bytes()).await;
    for head in [
        &[][..],
        &["Content-Type: text/plain"],
        &["Content-Type: application/x-www-form-urlencoded"],
        &["Content-Type: application/jsonx"],
        &["Content-Type: application/x-protobuf"],
        &["Content-Type: "],
        &["Content-Type: \u{e4}"],
        &[JSON, "Content-Encoding: gzip"],
        &[JSON, "Content-Encoding: br, gzip"],
    ] {
        let answer = send_as(head).await;
        assert_eq!(answer.status, 415, "{head:?}: {answer:?}");
        answer.error();
    }
    for head in [
        &["Content-Type: application/json; charset=utf-8"][..],
        &["Content-Type: APPLICATION/JSON ;x=y"],
        &[JSON, "Content-Encoding: identity"],
    ] {
        assert_eq!(send_as(head).await.status, 200, "{head:?}");
    }
    let answer = send(to, "POST /api/v1/spans?step_name=a", &[JSON], b"{}").await;
    assert_eq!((answer.status, answer.violations()), (400, vec!["step_name".to_owned()]));
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_and_the_client_reads_why() {
    let app = TestApp::start().await;
    let to = app.app.http_addr();
    let large = json!({"step_name": "a", "attributes": {"text": "x".repeat(7 << 20)}}).to_string();
    // The whole of it is written before anything is read.
    let answer = send(to, "POST /api/v1/spans", &[JSON], large.as_bytes()).await;
    assert_eq!((answer.status, &answer.error()["code"]), (413, &json!(8)));
    // Without its length, so that it is found out on the way.
    let mut chunks = Vec::new();
    for piece in large.as_bytes().chunks(60_000) {
        chunks.extend(format!("{:x}\r\n", piece.len()).into_bytes());
        chunks.extend(piece);
        chunks.extend(b"\r\n");
    }
    chunks.extend(b"0\r\n\r\n");
    let mut connection = TcpStream::connect(to).await.unwrap();
    let head = format!(
        "POST /api/v1/spans HTTP/1.1\r\nHost: {to}\r\n{JSON}\r\nTransfer-Encoding: chunked\r\n\
         Connection: close\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    let _ = connection.write_all(&chunks).await;
    let mut answer = Vec::new();
    timeout(Duration::from_secs(60), connection.read_to_end(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 413 "), "{}", String::from_utf8_lossy(&answer));
    // The largest artifact that the service takes passes.
    let content = "A".repeat(4 * 1_398_100);
    let file = json!({"artifact_type": "log", "file_name": "a.bin", "content": content});
    let stored = post(to, &format!("/api/v1/runs/{RUN}/spans/{RUN}/artifacts"), &file).await;
    assert_eq!(stored.document()["size_bytes"], "4194300");
}

#[tokio::test]
async fn whoever_waits_to_be_asked_for_a_body_that_is_too_long_is_not_asked() {
    let app = TestApp::start().await;
    let to = app.app.http_addr();
    let head = [JSON, "Expect: 100-continue", "Content-Length: 99999999"];
    let answer = send(to, "POST /api/v1/spans", &head, b"").await;
    assert_eq!(answer.status, 413, "{answer:?}");
}

#[tokio::test]
async fn heads_beyond_measure_are_refused() {
    let app = TestApp::start().await;
    let to = app.app.http_addr();
    let long = get(to, &format!("/api/v1/runs?agent={}", "a".repeat(60_000))).await;
    assert_eq!((long.status, long.violations()), (400, vec!["agent".to_owned()]));
    let answer = get(to, &format!("/api/v1/{}", "a".repeat(60_000))).await;
    assert_eq!(answer.status, 404);
    assert!(answer.body.len() < 1_000, "{}", answer.body.len());
    let answer = get(to, &format!("/api/v1/runs?agent={}", "a".repeat(70_000))).await;
    assert_eq!(answer.status, 414);
    let many: Vec<_> = (0..200).map(|at| format!("X-{at}: a")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    assert_eq!(send(to, "GET /api/v1/runs", &many, b"").await.status, 431);
    let many: String = (0..5_000).map(|at| format!("&a{at}=1")).collect();
    assert_eq!(get(to, &format!("/api/v1/runs?{many}")).await.status, 400);
    // And the server is there as before.
    get(to, "/api/v1/runs").await.document();
}
