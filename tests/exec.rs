//! `livespan exec`, the real binary: a wrapped command behaves as it does
//! alone, whatever becomes of the collector, and the collector is told.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]

#[path = "support/recording_collector.rs"]
mod recording_collector;

use std::{
    io::{Read as _, Write as _},
    process::{Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use livespan_server::proto::v1::{EndSpanRequest, Status};
use recording_collector::{Manners, RecordingCollector};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{net::TcpListener, task::spawn_blocking};

/// `livespan exec FLAGS -- COMMAND` towards `server`, without whatever this
/// test's own environment says of runs.
fn exec(server: &str, flags: &[&str], command: &[&str]) -> Command {
    let mut exec = Command::new(env!("CARGO_BIN_EXE_livespan"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("LIVESPAN_") || name == "TRACEPARENT" {
            exec.env_remove(name);
        }
    }
    exec.args(["exec", "--server", server]).args(flags).arg("--").args(command);
    exec.stdin(Stdio::null());
    exec
}

/// Would wait for a minute, where there is anything to wait for.
const PATIENT: &[&str] = &["--flush-timeout", "60s"];

/// Far less than what a command that waits would take, and far more than what
/// a loaded machine adds to one that doesn't.
const SOON: Duration = Duration::from_secs(20);

/// Runs it to its end, with what it writes.
async fn output(mut command: Command) -> Output {
    spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A server that nobody is at.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// A server that takes connections and says nothing, as long as the listener
/// lives.
async fn hanging() -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let mut connections = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            connections.push(connection);
        }
    });
    (url, task)
}

fn only_end(collector: &RecordingCollector) -> EndSpanRequest {
    let ends = collector.ends();
    assert_eq!(ends.len(), 1, "{ends:?}");
    ends.into_iter().next().unwrap()
}

/// Waits for a line of a child's output, by reading it byte by byte.
fn read_line(pipe: &mut impl std::io::Read) -> String {
    let mut line = Vec::new();
    let mut byte = [0];
    while pipe.read(&mut byte).unwrap() == 1 && byte[0] != b'\n' {
        line.push(byte[0]);
    }
    text(&line)
}

fn wait_within(child: &mut std::process::Child, limit: Duration) -> ExitStatus {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(Instant::now() < deadline, "it did not end within {limit:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn signal(child: &std::process::Child, signal: Signal) {
    kill_process(Pid::from_raw(child.id().try_into().unwrap()).unwrap(), signal).unwrap();
}

#[tokio::test]
async fn a_command_that_works_is_a_span_with_a_log() {
    let collector = RecordingCollector::start().await;
    let flags = [
        "--task",
        "nightly",
        "--step",
        "say hello",
        "--layer",
        "L3_tool",
        "--agent",
        "qa",
        "--stuck-after",
        "90s",
        "--attempt",
        "2",
    ];
    let done =
        output(exec(&collector.url(), &flags, &["sh", "-c", "echo out; echo err >&2"])).await;
    assert!(done.status.success());
    assert_eq!((text(&done.stdout).as_str(), text(&done.stderr).as_str()), ("out\n", "err\n"));

    let start = collector.starts().pop().unwrap();
    assert_eq!(
        (
            start.task_id.as_str(),
            start.step_name.as_str(),
            start.layer.as_str(),
            start.agent.as_str()
        ),
        ("nightly", "say hello", "L3_tool", "qa")
    );
    assert_eq!((start.attempt, start.stuck_after.unwrap().seconds), (2, 90));
    assert!(!start.executor_host.is_empty() && start.start_time.is_some());
    let attributes = start.attributes.unwrap().to_map().unwrap();
    assert_eq!(attributes["process.command_line"], "sh -c 'echo out; echo err >&2'");
    assert!(attributes["process.pid"].as_u64().unwrap() > 1);

    let end = only_end(&collector);
    assert_eq!((end.run_id, end.span_id), (start.run_id, start.span_id));
    assert_eq!((end.status, end.exit_code), (Status::Success.into(), Some(0)));
    assert!(end.error.is_none() && end.end_time.is_some());
    let log = collector.artifacts().pop().unwrap();
    assert_eq!((log.artifact_type.as_str(), log.content_type.as_str()), ("log", "text/plain"));
    assert_eq!(log.file_name, "say_hello.log");
    let mut lines: Vec<_> = std::str::from_utf8(&log.content).unwrap().lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["err", "out"]);
}

#[tokio::test]
async fn bytes_pass_through_as_they_are_and_the_last_64_kib_are_kept() {
    let collector = RecordingCollector::start().await;
    // No text in any encoding, and many pipes long.
    let bytes: Vec<u8> =
        (0..1_000_003_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let mut child = exec(&collector.url(), &[], &["cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let sent = bytes.clone();
    let writer = spawn_blocking(move || stdin.write_all(&sent).unwrap());
    let done = spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    writer.await.unwrap();
    assert!(done.stdout == bytes, "{} bytes came through", done.stdout.len());
    let log = collector.artifacts().pop().unwrap();
    assert_eq!(log.file_name, "cat.log");
    let tail = &bytes[bytes.len() - log.content.len()..];
    // A broken character at the cut is left out.
    assert!(log.content == tail && log.content.len() > 64 * 1024 - 4);
}

#[tokio::test]
async fn output_comes_through_as_it_is_written() {
    let collector = RecordingCollector::start().await;
    let mut child =
        exec(&collector.url(), &[], &["sh", "-c", "printf 'no newline'; read x; echo $x"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
    let done = spawn_blocking(move || {
        let mut stdout = child.stdout.take().unwrap();
        let mut prompt = [0; 10];
        stdout.read_exact(&mut prompt).unwrap();
        assert_eq!(&prompt, b"no newline");
        child.stdin.take().unwrap().write_all(b"answer\n").unwrap();
        assert_eq!(read_line(&mut stdout), "answer");
        child.wait().unwrap()
    });
    assert!(done.await.unwrap().success());
}

#[tokio::test]
async fn two_outputs_to_one_place_keep_their_order() {
    let collector = RecordingCollector::start().await;
    let (mut reader, writer) = std::io::pipe().unwrap();
    let script = "for n in 1 2 3 4 5 6 7 8 9; do echo o$n; echo e$n >&2; done";
    let mut command = exec(&collector.url(), &[], &["sh", "-c", script]);
    command.stdout(writer.try_clone().unwrap()).stderr(writer);
    let mut child = command.spawn().unwrap();
    drop(command);
    let mut all = String::new();
    reader.read_to_string(&mut all).unwrap();
    child.wait().unwrap();
    let expected: String = (1..=9).map(|n| format!("o{n}\ne{n}\n")).collect();
    assert_eq!(all, expected);
    collector.until("the log", |collector| !collector.artifacts().is_empty()).await;
    assert_eq!(collector.artifacts()[0].content, expected);
}

#[tokio::test]
async fn a_failure_keeps_its_code_and_tells_its_last_words() {
    let collector = RecordingCollector::start().await;
    let script = "echo fine; echo 'reading /etc/x' >&2; printf '\\033[31mError: disk full\\033[0m\\n\\n' >&2; exit 42";
    let done = output(exec(&collector.url(), &[], &["sh", "-c", script])).await;
    assert_eq!(done.status.code(), Some(42));
    let end = only_end(&collector);
    assert_eq!((end.status, end.exit_code), (Status::Failed.into(), Some(42)));
    let error = end.error.unwrap();
    assert_eq!(error.message, "reading /etc/x\nError: disk full");
}

#[tokio::test]
async fn a_command_that_a_signal_ends_exits_with_128_and_its_number() {
    let collector = RecordingCollector::start().await;
    let done = output(exec(&collector.url(), &[], &["sh", "-c", "kill -KILL $$"])).await;
    assert_eq!(done.status.code(), Some(137));
    let end = only_end(&collector);
    assert_eq!((end.status, end.exit_code), (Status::Failed.into(), Some(137)));
    let error = end.error.unwrap();
    assert_eq!((error.r#type.as_str(), error.message.as_str()), ("SIGKILL", "ended by SIGKILL"));
}

#[tokio::test]
async fn a_command_that_is_not_there_is_a_failed_span() {
    let collector = RecordingCollector::start().await;
    let done = output(exec(&collector.url(), &[], &["no-such-command-anywhere"])).await;
    assert_eq!(done.status.code(), Some(127));
    assert_eq!(text(&done.stderr), "livespan exec: no-such-command-anywhere: command not found\n");
    let end = only_end(&collector);
    assert_eq!((end.status, end.exit_code), (Status::Failed.into(), Some(127)));
    assert_eq!(end.error.unwrap().r#type, "ENOENT");

    let done = output(exec(&collector.url(), &[], &["/"])).await;
    assert_eq!(done.status.code(), Some(126));
    let end = collector.ends().pop().unwrap();
    assert_eq!(end.error.unwrap().r#type, "EACCES");
}

#[tokio::test]
async fn signals_reach_the_command_once_and_a_stop_is_a_cancellation() {
    let collector = RecordingCollector::start().await;
    let script = "trap 'echo usr1' USR1; trap 'echo term; exit 9' TERM; echo ready; while :; do sleep 0.05; done";
    let mut child =
        exec(&collector.url(), &[], &["sh", "-c", script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let (status, rest) = spawn_blocking(move || {
        assert_eq!(read_line(&mut stdout), "ready");
        signal(&child, Signal::USR1);
        assert_eq!(read_line(&mut stdout), "usr1");
        signal(&child, Signal::TERM);
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        (child.wait().unwrap(), rest)
    })
    .await
    .unwrap();
    assert_eq!((status.code(), rest.as_str()), (Some(9), "term\n"));
    let end = only_end(&collector);
    assert_eq!((end.status, end.exit_code), (Status::Cancelled.into(), Some(9)));
}

#[tokio::test]
async fn a_command_that_survives_a_signal_is_waited_for() {
    let collector = RecordingCollector::start().await;
    let script = "trap : INT; echo ready; read x; echo done";
    let mut child = exec(&collector.url(), &[], &["sh", "-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let status = spawn_blocking(move || {
        assert_eq!(read_line(&mut stdout), "ready");
        signal(&child, Signal::INT);
        // `read` is interrupted by the trap in some shells and not in others;
        // either way the command goes on to its end.
        let _ = child.stdin.take().unwrap().write_all(b"x\n");
        assert_eq!(read_line(&mut stdout), "done");
        child.wait().unwrap()
    })
    .await
    .unwrap();
    assert!(status.success());
    assert_eq!(only_end(&collector).status, i32::from(Status::Success));
}

#[tokio::test]
async fn what_was_to_be_ignored_stays_ignored() {
    let server = nobody().await;
    let binary = env!("CARGO_BIN_EXE_livespan");
    // As nohup does: ignored here, inherited by exec, and by its command.
    let script = format!(
        "trap '' HUP; exec {binary} exec -q --server {server} -- sh -c 'kill -HUP $$; echo alive'"
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script]);
    assert_eq!(text(&output(command).await.stdout), "alive\n");
}

#[tokio::test]
async fn without_a_collector_only_one_line_is_different() {
    let server = nobody().await;
    let start = Instant::now();
    let done = output(exec(&server, PATIENT, &["sh", "-c", "echo out; exit 3"])).await;
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    assert_eq!((done.status.code(), text(&done.stdout).as_str()), (Some(3), "out\n"));
    let stderr = text(&done.stderr);
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains(&server) && stderr.contains("was not reached"), "{stderr}");

    let done = output(exec(&server, &["--quiet"], &["true"])).await;
    assert_eq!((done.status.code(), text(&done.stderr).as_str()), (Some(0), ""));
}

#[tokio::test]
async fn a_name_that_does_not_resolve_costs_no_time_and_no_failure() {
    let start = Instant::now();
    let done = output(exec("http://no-such-host.invalid:4317", PATIENT, &["true"])).await;
    assert!(done.status.success());
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_collector_that_hangs_costs_the_flush_timeout_and_no_more() {
    let (server, _task) = hanging().await;
    let start = Instant::now();
    let done = output(exec(&server, &["--flush-timeout", "500ms"], &["sh", "-c", "exit 5"])).await;
    let took = start.elapsed();
    assert_eq!(done.status.code(), Some(5));
    assert!(took >= Duration::from_millis(450) && took < SOON, "{took:?}");
    assert!(text(&done.stderr).contains("no answer"), "{}", text(&done.stderr));
}

#[tokio::test]
async fn a_collector_that_hung_all_along_is_not_waited_for_again() {
    let (server, _task) = hanging().await;
    let start = Instant::now();
    let flags = ["--flush-timeout", "4s"];
    let done = output(exec(&server, &flags, &["sh", "-c", "sleep 4; exit 5"])).await;
    assert_eq!(done.status.code(), Some(5));
    let took = start.elapsed();
    assert!(took < Duration::from_secs(7), "{took:?}");
    assert!(text(&done.stderr).contains("was not reached"), "{}", text(&done.stderr));
}

#[tokio::test]
async fn a_collector_that_hangs_does_not_hold_up_the_output() {
    let (server, _task) = hanging().await;
    let mut child =
        exec(&server, &["-q", "--flush-timeout", "0s"], &["sh", "-c", "echo first; read x"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
    let status = spawn_blocking(move || {
        assert_eq!(read_line(child.stdout.as_mut().unwrap()), "first");
        drop(child.stdin.take());
        wait_within(&mut child, SOON)
    });
    assert_eq!(status.await.unwrap().code(), Some(1));
}

#[tokio::test]
async fn a_collector_that_resets_every_connection_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            // With no lingering, closing sends a reset.
            let _ = connection.set_zero_linger();
        }
    });
    let start = Instant::now();
    let done = output(exec(&server, &["--flush-timeout", "500ms"], &["true"])).await;
    assert!(done.status.success());
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    assert_eq!(text(&done.stderr).lines().count(), 1);
}

#[tokio::test]
async fn a_slow_collector_is_told_beside_the_command() {
    let manners = Manners { delay: Duration::from_millis(300), ..Manners::default() };
    let collector = RecordingCollector::with(manners).await;
    let done = output(exec(&collector.url(), &[], &["echo", "quick"])).await;
    assert_eq!(text(&done.stderr), "");
    assert_eq!(only_end(&collector).status, i32::from(Status::Success));
    assert_eq!(collector.artifacts().len(), 1);
}

#[tokio::test]
async fn a_busy_collector_is_asked_again() {
    let collector = RecordingCollector::with(Manners { busy: 3, ..Manners::default() }).await;
    let done = output(exec(&collector.url(), &[], &["echo", "quick"])).await;
    assert_eq!(text(&done.stderr), "");
    assert_eq!((collector.starts().len(), collector.ends().len()), (1, 1));
}

/// A command that ends when its standard input does.
fn until_told(server: &str) -> std::process::Child {
    exec(server, &["--heartbeat", "50ms", "--flush-timeout", "60s"], &["cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn a_collector_that_comes_later_is_told_all_of_it() {
    let server = nobody().await;
    let mut child = until_told(&server);
    let addr = server.trim_start_matches("http://").parse().unwrap();
    let collector = RecordingCollector::start_at(addr, Manners::default()).await;
    collector.until("a heartbeat", |collector| collector.heartbeats() > 0).await;
    drop(child.stdin.take());
    let done = spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    assert_eq!(text(&done.stderr), "");
    assert_eq!((collector.starts().len(), collector.ends().len()), (1, 1));
}

#[tokio::test]
async fn a_collector_that_dies_costs_only_the_records() {
    let collector = RecordingCollector::start().await;
    let mut child = until_told(&collector.url());
    collector.until("a heartbeat", |collector| collector.heartbeats() > 0).await;
    collector.die().await;
    drop(child.stdin.take());
    let start = Instant::now();
    let done = spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    assert!(done.status.success());
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    assert_eq!(text(&done.stderr).lines().count(), 1);
}

#[tokio::test]
async fn a_collector_that_dies_and_comes_back_empty_is_told_again() {
    let collector = RecordingCollector::start().await;
    let mut child = until_told(&collector.url());
    collector.until("a heartbeat", |collector| collector.heartbeats() > 0).await;
    let first = collector.starts();
    let addr = collector.die().await;
    let collector =
        RecordingCollector::start_at(addr, Manners { forgets: 1, ..Manners::default() }).await;
    collector.until("the start", |collector| !collector.starts().is_empty()).await;
    assert_eq!(collector.starts(), first);
    drop(child.stdin.take());
    let done = spawn_blocking(move || child.wait_with_output().unwrap()).await.unwrap();
    assert_eq!(text(&done.stderr), "");
    assert_eq!(only_end(&collector).status, i32::from(Status::Success));
}

#[tokio::test]
async fn a_background_process_that_holds_the_output_is_not_waited_for() {
    let collector = RecordingCollector::start().await;
    let script = "sleep 60 & echo $!; echo done";
    let start = Instant::now();
    let mut child =
        exec(&collector.url(), &[], &["sh", "-c", script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let (status, sleeper) = spawn_blocking(move || {
        let sleeper: i32 = read_line(&mut stdout).parse().unwrap();
        assert_eq!(read_line(&mut stdout), "done");
        (wait_within(&mut child, SOON), sleeper)
    })
    .await
    .unwrap();
    assert!(status.success() && start.elapsed() < SOON);
    assert!(text(&collector.artifacts()[0].content).ends_with("done\n"));
    kill_process(Pid::from_raw(sleeper).unwrap(), Signal::KILL).unwrap();
}

#[tokio::test]
async fn a_slow_reader_loses_nothing() {
    let server = nobody().await;
    let mut child = exec(&server, &["-q"], &["sh", "-c", "head -c 300000 /dev/zero"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let read = spawn_blocking(move || {
        let mut stdout = child.stdout.take().unwrap();
        let mut all = Vec::new();
        let mut chunk = vec![0; 20_000];
        loop {
            // Slower than any wait of exec's for what has nothing to say.
            let length = stdout.read(&mut chunk).unwrap();
            if length == 0 {
                break;
            }
            all.extend_from_slice(&chunk[..length]);
            std::thread::sleep(Duration::from_millis(150));
        }
        child.wait().unwrap();
        all.len()
    });
    assert_eq!(read.await.unwrap(), 300_000);
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_the_command_as_it_would_alone() {
    let collector = RecordingCollector::start().await;
    let mut child = exec(&collector.url(), &[], &["yes"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let status = spawn_blocking(move || {
        assert_eq!(read_line(child.stdout.as_mut().unwrap()), "y");
        drop(child.stdout.take());
        wait_within(&mut child, SOON)
    })
    .await
    .unwrap();
    assert_eq!(status.code(), Some(141));
    assert_eq!(only_end(&collector).error.unwrap().r#type, "SIGPIPE");
}

#[tokio::test]
async fn steps_nest_by_their_environment() {
    let collector = RecordingCollector::start().await;
    let binary = env!("CARGO_BIN_EXE_livespan");
    let inner = format!(
        "echo $LIVESPAN_RUN_ID $LIVESPAN_SPAN_ID $LIVESPAN_TASK_ID $TRACEPARENT; \
         {binary} exec --server {} -- true",
        collector.url()
    );
    let mut command = exec(&collector.url(), &["--task", "nightly"], &["sh", "-c", &inner]);
    command.env("LIVESPAN_STEP", "outer");
    let done = output(command).await;
    let starts = collector.starts();
    let outer = starts.iter().find(|start| start.step_name == "outer").unwrap();
    let inner = starts.iter().find(|start| start.step_name == "true").unwrap();
    assert_eq!(
        (&inner.run_id, &inner.parent_span_id, &inner.task_id),
        (&outer.run_id, &outer.span_id, &outer.task_id)
    );
    let traceparent = format!(
        "00-{}-{}-01",
        outer.run_id.replace('-', ""),
        &outer.span_id.replace('-', "")[16..]
    );
    assert_eq!(
        text(&done.stdout).trim(),
        format!("{} {} nightly {traceparent}", outer.run_id, outer.span_id)
    );
}

#[tokio::test]
async fn a_trace_context_from_outside_is_joined_and_nonsense_is_not() {
    let collector = RecordingCollector::start().await;
    let mut command = exec(&collector.url(), &[], &["true"]);
    command.env("TRACEPARENT", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    output(command).await;
    let start = collector.starts().pop().unwrap();
    assert_eq!(start.run_id, "0af76519-16cd-43dd-8448-eb211c80319c");
    assert_eq!(start.parent_span_id, "0af76519-16cd-43dd-b7ad-6b7169203331");

    let mut command = exec(&collector.url(), &[], &["sh", "-c", "exit 6"]);
    command.env("LIVESPAN_RUN_ID", "nonsense").env("TRACEPARENT", "worse");
    let done = output(command).await;
    assert_eq!(done.status.code(), Some(6));
    assert_eq!(text(&done.stderr).lines().count(), 1, "{}", text(&done.stderr));
    assert_ne!(collector.starts().pop().unwrap().run_id, start.run_id);
}

#[tokio::test]
async fn the_run_can_be_named_and_its_id_had() {
    let server = nobody().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run-id");
    let run = "0af76519-16cd-43dd-8448-eb211c80319c";
    let flags = ["-q", "--run", run, "--print-run-id", "--run-id-file", path.to_str().unwrap()];
    let done = output(exec(&server, &flags, &["cat", path.to_str().unwrap()])).await;
    assert_eq!(text(&done.stdout), format!("{run}\n"));
    assert_eq!(text(&done.stderr), format!("{run}\n"));
}

#[tokio::test]
async fn without_capture_there_is_no_log() {
    let collector = RecordingCollector::start().await;
    let done =
        output(exec(&collector.url(), &["--no-capture"], &["sh", "-c", "echo x; exit 1"])).await;
    assert_eq!(text(&done.stdout), "x\n");
    assert_eq!(only_end(&collector).error.unwrap().message, "exit status 1");
    assert!(collector.artifacts().is_empty());
}

#[tokio::test]
async fn nothing_to_run_is_a_usage_error() {
    let done = output(exec("http://127.0.0.1:1", &[], &[])).await;
    assert_eq!(done.status.code(), Some(2));
}

#[tokio::test]
async fn variables_that_cannot_be_used_are_told_of_and_the_command_runs() {
    let collector = RecordingCollector::start().await;
    for (name, value) in [
        ("LIVESPAN_RETRY_OF", "yesterday"),
        ("LIVESPAN_ATTEMPT", "0"),
        ("LIVESPAN_HEARTBEAT", "10"),
        ("LIVESPAN_FLUSH_TIMEOUT", "soon"),
        ("LIVESPAN_EXEC_STUCK_AFTER", "0s"),
        ("LIVESPAN_QUIET", "perhaps"),
        ("LIVESPAN_CAPTURE", "2"),
    ] {
        let mut command = exec(&collector.url(), &["--step", name], &["sh", "-c", "exit 7"]);
        command.env(name, value).env("LIVESPAN_TASK_ID", "nightly");
        let done = output(command).await;
        let said = text(&done.stderr);
        assert_eq!(done.status.code(), Some(7), "{name}: {said}");
        let warning = format!("livespan exec: {name}=\"{value}\" is not valid and is ignored: ");
        assert!(said.starts_with(&warning) && said.lines().count() == 1, "{said}");
        let start = collector.starts().pop().unwrap();
        assert_eq!((start.step_name.as_str(), start.attempt), (name, 1));
        assert_eq!(start.task_id, "nightly", "the others still count");
    }
}

#[tokio::test]
async fn empty_variables_count_as_absent() {
    let collector = RecordingCollector::start().await;
    let mut command = exec(&collector.url(), &[], &["true"]);
    for name in [
        "TASK_ID",
        "STEP",
        "LAYER",
        "AGENT",
        "ATTEMPT",
        "RETRY_OF",
        "EXEC_STUCK_AFTER",
        "HEARTBEAT",
        "FLUSH_TIMEOUT",
        "CAPTURE",
        "NO_CAPTURE",
        "QUIET",
        "VERBOSE",
        "RUN_ID_FILE",
        "SERVER",
    ] {
        command.env(format!("LIVESPAN_{name}"), "");
    }
    let done = output(command).await;
    assert_eq!((done.status.code(), text(&done.stderr).as_str()), (Some(0), ""));
    let start = collector.starts().pop().unwrap();
    assert_eq!((start.step_name.as_str(), start.layer.as_str()), ("true", "exec"));
}

#[tokio::test]
async fn a_collector_that_a_variable_misnames_costs_only_the_records() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_livespan"));
    command.args(["exec", "--flush-timeout", "0s", "--", "echo", "done"]);
    command.env("LIVESPAN_SERVER", "https://collector").stdin(Stdio::null());
    let done = output(command).await;
    assert_eq!((done.status.code(), text(&done.stdout).as_str()), (Some(0), "done\n"));
    let said = text(&done.stderr);
    assert!(said.starts_with("livespan exec: LIVESPAN_SERVER=\"https://collector\""), "{said}");
}

#[tokio::test]
async fn a_flag_stands_before_the_variable_that_contradicts_it() {
    let collector = RecordingCollector::start().await;
    let mut command = exec(&collector.url(), &["--verbose", "--attempt", "3"], &["true"]);
    command.env("LIVESPAN_QUIET", "1").env("LIVESPAN_NO_CAPTURE", "yes");
    command.env("LIVESPAN_ATTEMPT", "0");
    let done = output(command).await;
    let said = text(&done.stderr);
    assert!(done.status.success(), "{said}");
    assert!(said.starts_with("livespan exec: LIVESPAN_QUIET=\"1\" contradicts"), "{said}");
    assert!(said.contains("recorded at") && !said.contains("LIVESPAN_ATTEMPT"), "{said}");
    assert_eq!(collector.starts().pop().unwrap().attempt, 3);
}

#[tokio::test]
async fn flags_that_cannot_be_used_are_usage_errors() {
    for flags in [
        &["--attempt", "0"][..],
        &["--heartbeat", "10"],
        &["--retry-of", ""],
        &["--quiet", "--verbose"],
        &["--server", "https://x"],
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_livespan"));
        command.arg("exec").args(flags).args(["--", "echo", "done"]);
        // Whatever the variables say.
        command.env("LIVESPAN_CAPTURE", "maybe");
        let done = output(command).await;
        let said = text(&done.stderr);
        assert_eq!((done.status.code(), text(&done.stdout).as_str()), (Some(2), ""), "{said}");
        assert!(said.contains(flags[0]), "{said}");
    }
}

/// `livespan exec -q -- sh -c SCRIPT` with a terminal of its own, driven by
/// util-linux's `script`; what is written to its standard input is typed.
///
/// The user's shell becomes the command: one that stays (dash does, bash does
/// not) is in the terminal's foreground too, and Ctrl-C would end it.
fn in_terminal(server: &str, script: &str) -> std::process::Child {
    let line = format!(
        "exec {} exec -q --server {server} -- sh -c '{script}'",
        env!("CARGO_BIN_EXE_livespan")
    );
    // Who runs the tests in the background of a script has them ignore SIGINT.
    Command::new("env")
        .args(["--default-signal=INT", "script", "-qefc", &line, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script (of the package bsdutils) can be run")
}

#[tokio::test]
async fn in_a_terminal_the_command_sees_the_terminal() {
    let collector = RecordingCollector::start().await;
    let script = "test -t 0 && test -t 1 && test -t 2 && echo all three";
    let mut child = in_terminal(&collector.url(), script);
    let said = spawn_blocking(move || {
        let line = read_line(child.stdout.as_mut().unwrap());
        drop(child.stdin.take());
        child.wait().unwrap();
        line
    });
    assert_eq!(said.await.unwrap().trim_end(), "all three");
    collector.until("the end", |collector| !collector.ends().is_empty()).await;
    assert!(collector.artifacts().is_empty());
}

#[tokio::test]
async fn in_a_terminal_ctrl_c_reaches_the_command_once() {
    let collector = RecordingCollector::start().await;
    // Ctrl-C ends the first sleep; a second signal would come during the next. What
    // says that it is ready is the process to be ended: before the shell has
    // started it, the shell alone would be.
    let script =
        "n=0; trap \"n=\\$((n+1))\" INT; (echo ready; exec sleep 20); sleep 1; echo n=$n; exit 7";
    let mut child = in_terminal(&collector.url(), script);
    let (said, status) = spawn_blocking(move || {
        let mut stdout = child.stdout.take().unwrap();
        assert_eq!(read_line(&mut stdout).trim_end(), "ready");
        let mut keyboard = child.stdin.take().unwrap();
        keyboard.write_all(&[3]).unwrap();
        let mut rest = String::new();
        stdout.read_to_string(&mut rest).unwrap();
        drop(keyboard);
        (rest, child.wait().unwrap())
    })
    .await
    .unwrap();
    assert!(said.contains("n=1"), "{said:?}");
    assert_eq!(status.code(), Some(7));
    assert_eq!(only_end(&collector).status, i32::from(Status::Cancelled));
}

#[tokio::test]
async fn a_signal_that_comes_twice_costs_no_record() {
    let collector = RecordingCollector::start().await;
    // As `timeout` does: the process, then its group.
    let line = format!(
        "timeout 1 {} exec --server {} -- sh -c 'echo begun; sleep 20'",
        env!("CARGO_BIN_EXE_livespan"),
        collector.url()
    );
    let mut command = Command::new("sh");
    command.args(["-c", &line]);
    let done = output(command).await;
    assert_eq!(text(&done.stdout), "begun\n");
    let end = only_end(&collector);
    assert_eq!((end.status, end.exit_code), (Status::Cancelled.into(), Some(143)));
    assert_eq!(collector.artifacts().len(), 1);
}
