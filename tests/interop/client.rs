//! What is asked of a client program, and how it is run.
//!
//! A program takes its settings from OpenTelemetry's own variables:
//! `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_PROTOCOL` (`grpc`,
//! `http/protobuf`, `http/json`), `OTEL_EXPORTER_OTLP_COMPRESSION` (`gzip`;
//! absent: none), `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, and `TRACEPARENT`,
//! where set, for its root's parent. It sends the trace that `expectation.rs`
//! describes, by a batch processor as an application would, flushes, writes the
//! trace's id (32 hex digits) as the only line of its standard output and exits
//! with 0; with anything else where the export failed.
//!
//! Its folder's `prepare` makes it ready to run, says in one line what it did
//! and how long that took, and says nothing where there is nothing to do. It
//! exits with 69 where something that it needs can't be had on this machine,
//! and says what in the last line of its standard error.

use std::{
    collections::BTreeMap,
    env,
    path::Path,
    process::{Command, Output, Stdio},
    sync::{LazyLock, Mutex},
    time::Duration,
};

use uuid::Uuid;

use super::{collector::Collector, wiretap::Wiretap};

/// No program takes longer, not on the busiest machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// What `prepare` exits with where something can't be had: EX_UNAVAILABLE of
/// sysexits.h.
const UNAVAILABLE: i32 = 69;

/// The programs that are ready to run, or why they can't be.
static PREPARED: LazyLock<Mutex<BTreeMap<&str, Result<(), String>>>> =
    LazyLock::new(Mutex::default);

/// How a program is to export.
#[derive(Debug, Clone, Copy)]
pub struct Export {
    /// As `OTEL_EXPORTER_OTLP_PROTOCOL` says it.
    pub protocol: &'static str,
    /// As `OTEL_EXPORTER_OTLP_COMPRESSION` says it: `gzip` or `none`.
    pub compression: &'static str,
}

/// Whether a program of this language can be run here. Where it must be, since
/// `CI` is set or `LIVESPAN_INTEROP` says `required`, it is a failure if not.
#[allow(clippy::print_stderr, reason = "the test's own word, beside that of the set-up")]
pub fn is_ready(language: &'static str) -> bool {
    let mut prepared = PREPARED.lock().unwrap();
    let state = prepared.entry(language).or_insert_with(|| prepare(language));
    let Err(reason) = state else { return true };
    let required = env::var_os("CI").is_some()
        || env::var("LIVESPAN_INTEROP").is_ok_and(|value| value == "required");
    let reason = reason.clone();
    // A panic must not spoil the map for the others.
    drop(prepared);
    assert!(!required, "{language} is required here and cannot be had: {reason}");
    eprintln!("left out: {language}: {reason}");
    false
}

fn prepare(language: &str) -> Result<(), String> {
    let script = repository().join("tests/interop").join(language).join("prepare");
    let done = Command::new(&script).stdin(Stdio::null()).output();
    let done = done.unwrap_or_else(|error| panic!("{}: {error}", script.display()));
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    match done.status.code() {
        Some(0) => Ok(()),
        Some(UNAVAILABLE) => Err(said.lines().last().unwrap_or("no reason given").to_owned()),
        _ => panic!("{}: {}: {said}", script.display(), done.status),
    }
}

pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A program as a command, run from the repository, without what this test's
/// own environment says of telemetry.
pub fn command(line: &[&str]) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(line[0]);
    command.args(&line[1..]).current_dir(repository()).stdin(Stdio::null()).kill_on_drop(true);
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        let telling = ["OTEL_", "LIVESPAN_", "LOGFIRE_"].iter().any(|it| name.starts_with(it));
        if telling || name == "TRACEPARENT" || name == "TRACESTATE" {
            command.env_remove(name);
        }
    }
    command
}

/// Runs it to its end, which has to be a good one.
pub async fn output(command: &mut tokio::process::Command) -> Output {
    let done = tokio::time::timeout(PATIENCE, command.output()).await.expect("it ends").unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command:?}: {}: {said}", done.status);
    done
}

/// Runs a program, makes sure that it exported as it was told, and returns the
/// trace's id.
pub async fn export(
    collector: &Collector,
    language: &str,
    line: &[&str],
    export: Export,
    traceparent: Option<&str>,
) -> Uuid {
    let grpc = export.protocol == "grpc";
    let server = &collector.server;
    let wire =
        Wiretap::before(if grpc { server.grpc_addr() } else { server.otlp_http_addr() }).await;
    let mut command = command(line);
    command
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", wire.addr))
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", export.protocol)
        .env("OTEL_SERVICE_NAME", format!("interop-{language}"))
        .env("OTEL_RESOURCE_ATTRIBUTES", "host.name=interop-host");
    // Without the variable there is none; opentelemetry-python's exporter over gRPC
    // refuses to be told so.
    if export.compression != "none" {
        command.env("OTEL_EXPORTER_OTLP_COMPRESSION", export.compression);
    }
    if let Some(traceparent) = traceparent {
        command.env("TRACEPARENT", traceparent);
    }
    let done = output(&mut command).await;

    assert_eq!(wire.heard(b"PRI * HTTP/2.0"), grpc, "{export:?}");
    let content_type: &[u8] = match export.protocol {
        "grpc" => b"",
        "http/json" => b"application/json",
        _ => b"application/x-protobuf",
    };
    assert!(content_type.is_empty() || wire.heard(content_type), "{export:?}");
    assert_eq!(wire.heard(b"read receipt"), export.compression == "none", "{export:?}");

    let said = String::from_utf8(done.stdout).unwrap();
    assert_eq!(said.trim_end().len(), 32, "not one trace id: {said:?}");
    Uuid::parse_str(said.trim_end()).unwrap()
}
