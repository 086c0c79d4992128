//! The asking commands, the real binary: what they ask, what they write for
//! people and for scripts, and what their exit codes say.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]

#[path = "support/canned_answers.rs"]
mod canned_answers;

use std::{
    io::Read as _,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use canned_answers::{Answers, CannedCollector};
use livespan_server::proto::{JsonValue, v1};
use serde_json::{Value, json};

const RUN: &str = "0af76519-16cd-43dd-8448-eb211c80319c";

fn livespan(server: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_livespan"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("LIVESPAN_") {
            command.env_remove(name);
        }
    }
    command.env("LIVESPAN_SERVER", server).args(args).stdin(Stdio::null());
    command
}

fn ask(collector: &CannedCollector, args: &[&str]) -> Output {
    livespan(&collector.url, args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn json_of(collector: &CannedCollector, args: &[&str]) -> Value {
    let output = ask(collector, args);
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a hostile span may be called.
const HOSTILE: &str = "step\u{1b}]0;owned\u{7}\u{1b}[2J\r\nnext\u{202e}";

fn run(number: usize) -> v1::RunSummary {
    v1::RunSummary {
        run_id: format!("0af76519-16cd-43dd-8448-{number:012}"),
        task_id: "nightly".into(),
        status: v1::Status::Failed.into(),
        started_at: Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 }),
        root_step_name: HOSTILE.into(),
        total_spans: 3,
        failed_spans: 1,
        hosts_involved: vec!["us-vps".into(), "mac-mini".into()],
        ..Default::default()
    }
}

fn span(number: usize, parent: usize) -> v1::Span {
    let id = |number: usize| format!("0af76519-16cd-43dd-0000-{number:012}");
    v1::Span {
        span_id: id(number),
        parent_span_id: if parent == 0 { String::new() } else { id(parent) },
        step_name: format!("step {number}"),
        layer: "L2_executor".into(),
        executor_host: "mac-mini".into(),
        status: v1::Status::Running.into(),
        attempt: 1,
        ..Default::default()
    }
}

fn stuck_run() -> v1::StuckRun {
    v1::StuckRun {
        run_id: RUN.into(),
        step_name: "copy accounts".into(),
        executor_host: "hk-vps".into(),
        stuck_duration_seconds: 394,
        limit_seconds: 300,
        verdict: v1::Verdict::NoHeartbeat.into(),
        evidence: "no heartbeat for 394 s, limit 300 s".into(),
        input_summary: Some(JsonValue::from(&json!({"batch": 7}))),
        ..Default::default()
    }
}

#[test]
fn without_a_collector_it_says_how_to_start_one() {
    let output = livespan("http://127.0.0.1:1", &["runs"]).output().unwrap();
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(1), ""));
    assert_eq!(
        text(&output.stderr),
        "livespan: no collector at http://127.0.0.1:1: start one with `livespan serve`, \
         or name it with --server or LIVESPAN_SERVER\n"
    );
}

#[test]
fn a_collector_that_says_nothing_is_given_up_after_the_timeout() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let start = Instant::now();
    let output = livespan(&url, &["stuck", "--timeout", "300ms"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("no answer from http://"), "{}", text(&output.stderr));
    // Not the 10 s that it would wait unasked.
    assert!(start.elapsed() < Duration::from_secs(9));
}

#[test]
fn what_speaks_another_protocol_is_no_collector() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            use std::io::Write as _;
            let _ = connection.unwrap().write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let output = livespan(&url, &["failures"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("is it a collector"), "{}", text(&output.stderr));
}

#[test]
fn wrong_command_lines_are_usage_errors() {
    let collector = CannedCollector::start(Answers::default());
    for args in [
        &["runs", "--status", "LATE"][..],
        &["runs", "--reason-kind", "SOMETIMES"],
        &["runs", "--since", "yesterday"],
        &["runs", "--limit", "0"],
        &["runs", "--active", "--task", "x"],
        &["timeline"],
        &["timeline", "0af76519"],
        &["stuck", "--threshold", "0s"],
        &["failures", "--kind", "UNKNOWN"],
        &["demo", "--speed", "0"],
        &["runs", "--server", "https://x"],
        // What only the collector can judge.
        &["stuck", "--threshold", "5ms"],
    ] {
        let output = ask(&collector, args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", text(&output.stderr));
    }
}

/// The one that is wrong may stand in a file that somebody else wrote.
#[test]
fn a_value_that_cannot_be_used_is_named_by_its_flag_and_its_variable() {
    for (command, flag, variable) in [
        ("serve", "--grpc-addr <ADDRESS>", "LIVESPAN_GRPC_ADDR"),
        ("serve", "--stuck-after <DURATION>", "LIVESPAN_STUCK_AFTER"),
        ("serve", "--log-format <FORMAT>", "LIVESPAN_LOG_FORMAT"),
        ("runs", "--limit <N>", "LIVESPAN_RUNS_LIMIT"),
        ("stuck", "--limit <N>", "LIVESPAN_STUCK_LIMIT"),
        ("failures", "--kind <KIND>", "LIVESPAN_FAILURES_KIND"),
    ] {
        let output = livespan("", &[command])
            .env_remove("LIVESPAN_SERVER")
            .env(variable, "no such thing")
            .output()
            .unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        let named = format!("invalid value 'no such thing' for '{flag} ({variable})'");
        assert!(said.contains(&named), "{said}");
    }
}

#[test]
fn exit_codes_are_in_every_help() {
    for command in ["runs", "timeline", "stuck", "failures", "exec", "demo"] {
        let output =
            livespan("", &[command, "--help"]).env_remove("LIVESPAN_SERVER").output().unwrap();
        assert!(text(&output.stdout).contains("Exit codes:"), "{command}");
    }
}

#[test]
fn an_unknown_run_exits_with_3() {
    let collector = CannedCollector::start(Answers::default());
    let output = ask(&collector, &["timeline", RUN]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(text(&output.stderr), "livespan: no such run\n");
}

#[test]
fn an_empty_list_is_an_answer() {
    let collector = CannedCollector::start(Answers::default());
    for (args, said) in [
        (&["runs"][..], "no runs\n"),
        (&["runs", "--active"], "nothing is running\n"),
        (&["stuck", "--exit-code"], "nothing is stuck\n"),
        (&["failures"], "no failures in the last 1d\n"),
    ] {
        let output = ask(&collector, args);
        assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(0), said));
    }
    assert_eq!(
        json_of(&collector, &["runs", "--json"]),
        json!({"runs": [], "next_page_token": ""})
    );
    assert_eq!(json_of(&collector, &["stuck", "--json"]), json!({"runs": []}));
    assert_eq!(json_of(&collector, &["failures", "--json"]), json!({"failures": []}));
    let active = json!({"runs": [], "total_count": 0});
    assert_eq!(json_of(&collector, &["runs", "--active", "--json"]), active);
}

#[test]
fn filters_are_passed_on() {
    let collector = CannedCollector::start(Answers::default());
    let args = [
        "runs",
        "--task",
        "t",
        "--status",
        "failed",
        "--agent",
        "a",
        "--host",
        "h",
        "--layer",
        "l",
        "--reason-kind",
        "resource",
        "--since",
        "2h",
        "--limit",
        "7",
    ];
    ask(&collector, &args);
    ask(&collector, &["stuck", "--threshold", "90s"]);
    let args = ["failures", "--window", "2h", "--host", "h", "--agent", "a", "--kind", "config"];
    ask(&collector, &args);
    let asked = collector.asked();
    for part in [
        "task_id: \"t\"",
        "status: Failed",
        "agent: \"a\"",
        "executor_host: \"h\"",
        "layer: \"l\"",
        "reason_kind: Some(Resource)",
        "page_size: 7",
        "started_after: Some",
    ] {
        assert!(asked[0].contains(part), "{part}: {}", asked[0]);
    }
    assert!(asked[1].contains("seconds: 90"), "{}", asked[1]);
    for part in ["seconds: 7200", "reason_kind: Config", "executor_host: \"h\"", "agent: \"a\""] {
        assert!(asked[2].contains(part), "{part}: {}", asked[2]);
    }
}

#[test]
fn a_limit_larger_than_a_page_asks_for_more_pages() {
    let runs = |from: usize, to: usize| (from..to).map(run).collect();
    let answers = Answers {
        runs: vec![
            v1::ListRunsResponse { runs: runs(0, 1_000), next_page_token: "1".into() },
            v1::ListRunsResponse { runs: runs(1_000, 1_500), next_page_token: "2".into() },
        ],
        ..Default::default()
    };
    let collector = CannedCollector::start(answers);
    let document = json_of(&collector, &["runs", "--limit", "1500", "--json"]);
    assert_eq!(document["runs"].as_array().unwrap().len(), 1_500);
    assert_eq!(document["next_page_token"], "2");
    assert!(collector.asked()[1].contains("page_size: 500"));
}

#[test]
fn what_comes_from_elsewhere_never_reaches_a_terminal_raw() {
    let answers = Answers {
        runs: vec![v1::ListRunsResponse { runs: vec![run(1)], ..Default::default() }],
        timeline: vec![v1::GetTimelineResponse {
            run_id: RUN.into(),
            task_id: HOSTILE.into(),
            spans: vec![v1::Span {
                step_name: HOSTILE.into(),
                agent: HOSTILE.into(),
                error: Some(v1::SpanError { message: HOSTILE.into(), ..Default::default() }),
                ..span(1, 0)
            }],
            ..Default::default()
        }],
        stuck: v1::ListStuckRunsResponse {
            runs: vec![v1::StuckRun { evidence: HOSTILE.into(), ..stuck_run() }],
        },
        failures: v1::ListTopFailuresResponse {
            failures: vec![v1::FailureGroup {
                sample_message: HOSTILE.into(),
                affected_hosts: vec![HOSTILE.into()],
                ..Default::default()
            }],
        },
        ..Default::default()
    };
    let collector = CannedCollector::start(answers);
    for args in [&["runs"][..], &["timeline", RUN], &["stuck"], &["failures"]] {
        let shown = text(&ask(&collector, args).stdout);
        assert!(!shown.contains(['\u{1b}', '\u{7}', '\r', '\u{202e}']), "{args:?}: {shown:?}");
        assert!(shown.contains("step\\x1b]0;owned\\x07\\x1b[2J\\r\\nnext\\u{202e}"), "{shown}");
    }
    // For a program, JSON keeps it as it is, in escapes of its own.
    let document = json_of(&collector, &["runs", "--json"]);
    assert_eq!(document["runs"][0]["root_step_name"], HOSTILE);
}

#[test]
fn a_row_is_one_line_with_whole_ids_where_nobody_looks() {
    let answers = Answers {
        runs: vec![v1::ListRunsResponse { runs: (0..3).map(run).collect(), ..Default::default() }],
        ..Default::default()
    };
    let collector = CannedCollector::start(answers);
    let shown = text(&ask(&collector, &["runs"]).stdout);
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines.len(), 4, "{shown}");
    assert!(
        lines[0].starts_with("RUN") && lines[1].starts_with("0af76519-16cd-43dd-8448-000000000000")
    );
    assert!(lines[1].contains("FAILED") && lines[1].contains("us-vps mac-mini"), "{}", lines[1]);
}

#[test]
fn a_timeline_is_a_tree() {
    let failed = v1::Span {
        status: v1::Status::Failed.into(),
        attempt: 2,
        reason_kind: Some(v1::ReasonKind::Transient.into()),
        reason_code: "timeout".into(),
        error: Some(v1::SpanError {
            r#type: "TimeoutError".into(),
            message: "30 s".into(),
            ..Default::default()
        }),
        artifact_list: vec![v1::Artifact {
            artifact_id: "0198b2f0-0000-7000-8000-000000000001".into(),
            artifact_type: "screenshot".into(),
            file_name: "page.png".into(),
            size_bytes: 36_248,
            ..Default::default()
        }],
        ..span(2, 1)
    };
    let moving = v1::Span {
        progress: Some(v1::Progress { current: 3.0, total: Some(4.0), note: "pages".into() }),
        duration_seconds: 65.0,
        ..span(4, 3)
    };
    let answers = Answers {
        timeline: vec![
            v1::GetTimelineResponse {
                run_id: RUN.into(),
                status: v1::Status::Running.into(),
                attempt: 1,
                last_alive_span_id: span(4, 3).span_id,
                spans: vec![span(1, 0), failed],
                next_page_token: "1".into(),
                ..Default::default()
            },
            v1::GetTimelineResponse {
                run_id: RUN.into(),
                status: v1::Status::Running.into(),
                attempt: 1,
                last_alive_span_id: span(4, 3).span_id,
                spans: vec![span(3, 1), moving],
                ..Default::default()
            },
        ],
        ..Default::default()
    };
    let collector = CannedCollector::start(answers);
    let shown = text(&ask(&collector, &["timeline", RUN]).stdout);
    let expected = "\
run 0af76519-16cd-43dd-8448-eb211c80319c  RUNNING  4 spans
step 1  L2_executor @ mac-mini  RUNNING  0ms
├─ step 2  L2_executor @ mac-mini  FAILED  retry #1  0ms
│      ! TRANSIENT timeout  TimeoutError: 30 s
│      + screenshot 0198b2f0-0000-7000-8000-000000000001 page.png (35.4 KiB)
└─ step 3  L2_executor @ mac-mini  RUNNING  0ms
   └─ ▶ step 4  L2_executor @ mac-mini  RUNNING  1m 05s  3/4 (75%) pages
▶ last alive   ! why it failed   + artifact (its id)   retry #n: attempt n+1
";
    assert_eq!(shown, expected, "{shown}");
    let document = json_of(&collector, &["timeline", RUN, "--json"]);
    assert_eq!(document["spans"].as_array().unwrap().len(), 4);
    assert_eq!(document["spans"][1]["artifact_list"][0]["size_bytes"], "36248");
    assert_eq!(document["next_page_token"], "");
}

#[test]
fn something_stuck_exits_with_4_where_that_is_asked_for() {
    let stuck = v1::ListStuckRunsResponse { runs: vec![stuck_run()] };
    let collector = CannedCollector::start(Answers { stuck, ..Default::default() });
    let output = ask(&collector, &["stuck"]);
    assert_eq!(output.status.code(), Some(0));
    let shown = text(&output.stdout);
    for part in [RUN, "NO_HEARTBEAT", "6m 34s", "hk-vps", "no heartbeat for 394 s, limit 300 s"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let output = ask(&collector, &["stuck", "--exit-code", "--json"]);
    assert_eq!(output.status.code(), Some(4));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["runs"][0]["verdict"], "NO_HEARTBEAT");
    assert_eq!(document["runs"][0]["input_summary"], json!({"batch": 7}));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let runs =
        vec![v1::ListRunsResponse { runs: (0..20_000).map(run).collect(), ..Default::default() }];
    let collector = CannedCollector::start(Answers { runs, ..Default::default() });
    for args in [&["runs", "--limit", "20000"][..], &["runs", "--limit", "20000", "--json"]] {
        let mut child = livespan(&collector.url, args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = [0; 3];
        child.stdout.take().unwrap().read_exact(&mut first).unwrap();
        // The pipe is closed by now.
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
    }
}

/// What a command shows on a terminal of so many columns.
fn on_terminal(collector: &CannedCollector, columns: u16, variables: &str, args: &str) -> String {
    let binary = env!("CARGO_BIN_EXE_livespan");
    let server = &collector.url;
    let line =
        format!("stty cols {columns} rows 50; {variables} {binary} {args} --server {server}");
    let output = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .stdin(Stdio::null())
        .output()
        .expect("script (of the package bsdutils) can be run");
    text(&output.stdout)
}

#[test]
fn a_terminal_gets_colours_unless_it_wants_none() {
    let stuck = v1::ListStuckRunsResponse { runs: vec![stuck_run()] };
    let runs = vec![v1::ListRunsResponse { runs: vec![run(1)], ..Default::default() }];
    let collector = CannedCollector::start(Answers { stuck, runs, ..Default::default() });
    assert!(on_terminal(&collector, 120, "", "stuck").contains("\u{1b}["));
    for variables in ["NO_COLOR=1", "TERM=dumb"] {
        let shown = on_terminal(&collector, 120, variables, "stuck");
        assert!(!shown.contains('\u{1b}') && shown.contains("NO_HEARTBEAT"), "{shown:?}");
    }
    let shown = on_terminal(&collector, 120, "", "stuck --json");
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
    // Among the colours, nothing but colours.
    let shown = on_terminal(&collector, 120, "", "runs");
    assert!(!shown.contains("\u{1b}]") && !shown.contains("\u{1b}[2J"), "{shown:?}");
}

#[test]
fn a_table_fits_its_terminal_and_keeps_ids_whole() {
    let runs = vec![v1::ListRunsResponse { runs: vec![run(1)], ..Default::default() }];
    let collector = CannedCollector::start(Answers { runs, ..Default::default() });
    for columns in [80, 100, 130] {
        let shown = on_terminal(&collector, columns, "NO_COLOR=1", "runs");
        assert!(shown.contains("0af76519-16cd-43dd-8448-000000000001"), "{shown}");
        for line in shown.lines() {
            assert!(line.trim_end().chars().count() <= columns.into(), "{line:?}");
        }
    }
}

/// The width that most terminals open with.
#[test]
fn on_eighty_columns_words_stay_whole() {
    let stuck = v1::ListStuckRunsResponse { runs: vec![stuck_run()] };
    let collector = CannedCollector::start(Answers { stuck, ..Default::default() });
    let shown = on_terminal(&collector, 80, "NO_COLOR=1", "stuck");
    let lines: Vec<&str> = shown.lines().map(str::trim_end).collect();
    assert_eq!(
        lines,
        [
            &format!("{RUN}  VERDICT NO_HEARTBEAT  FOR 6m 34s"),
            "  STEP copy accounts  HOST hk-vps  EVIDENCE no heartbeat for 394 s, limit 300 s",
        ]
    );
    assert!(on_terminal(&collector, 80, "", "stuck").contains("\u{1b}["), "in colours too");
}
