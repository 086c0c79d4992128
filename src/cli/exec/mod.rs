//! `livespan exec`: any command as a step, seen while it runs.
//!
//! The command comes first: it is started before anything is sent, its output
//! and signals pass through, its exit code is ours. The records are made
//! beside it and are what is given up when something has to be.

mod args;
mod log_tail;
mod nesting;
mod pipes;
mod process;
mod signals;
mod telemetry;

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
    time::{Duration, Instant, SystemTime},
};

use serde_json::{Map, Value, json};

pub(super) use args::ExecArgs;

use self::{
    nesting::Identity,
    pipes::{Capture, Pipes},
    process::{End, Outcome},
    signals::Signals,
    telemetry::{Delivery, Finish, Telemetry},
};
use super::{duration, output::visible};
use crate::{
    domain::ids::RunId,
    proto::{JsonObject, v1},
};

/// For how long after the command's end a signal may be the one that ended it.
const SAME_SIGNAL: Duration = Duration::from_millis(500);

/// The longest command line that is told, in characters.
const MAX_COMMAND_LINE: usize = 4_000;

/// Runs the command. `ignored_variables` says of which variables nothing could
/// be made, in words for the user.
pub(crate) async fn run(args: ExecArgs, ignored_variables: &[String]) -> anyhow::Result<ExitCode> {
    let identity = nesting::identity(args.run, |name| env::var_os(name));
    for warning in ignored_variables.iter().chain(&identity.warning) {
        say(warning);
    }
    tell_run_id(&args, identity.key.run_id);

    let capture = match (args.no_capture, args.capture) {
        (true, _) => Capture::Never,
        (_, true) => Capture::Always,
        _ => Capture::Auto,
    };
    // A process that may open no more files runs its command without a log.
    let (mut pipes, ends) = Pipes::lay(capture).or_else(|_| Pipes::lay(Capture::Never))?;
    let mut signals = Signals::listen();
    let started_at = SystemTime::now();
    let spawned = process::spawn(&args.command, ends, variables(&args, &identity));

    let pid = spawned.as_ref().ok().and_then(tokio::process::Child::id);
    let start = start_request(&args, &identity, started_at, pid);
    let telemetry = Telemetry::begin(args.server.clone(), identity.key, start, args.heartbeat);
    let end = match spawned {
        Ok(child) => {
            let cancelled = async {
                telemetry.cancelled().await;
                if !args.quiet {
                    say("somebody wants the run cancelled: the command is told to stop");
                }
            };
            process::supervise(child, &mut signals, cancelled).await
        }
        Err(error) => {
            say(&process::start_failure(program(&args), &error));
            End { outcome: Outcome::NotStarted(error), asked_to_stop: false }
        }
    };
    let ended_at = SystemTime::now();
    tokio::select! {
        () = pipes.drain() => {}
        // The command is gone; who signals now means this process.
        () = asked_to_stop(&mut signals) => {}
    }
    // From here on, time is bounded, and no signal cuts it short: the records of
    // a command that was stopped are those that somebody will look for.

    let finish = Finish {
        end: end_request(&args, &identity, &end, ended_at, &pipes),
        log: log_request(&args, &identity, &pipes),
        within: args.flush_timeout,
    };
    report(&args, &telemetry.finish(finish).await);
    Ok(end.exit_code())
}

/// Waits for a signal that asks this process itself to stop. One that comes
/// right after the command's end was meant for both: `timeout` and some shells
/// signal the process and then its whole group.
async fn asked_to_stop(signals: &mut Signals) {
    let command_ended = Instant::now();
    while !signals::asks_to_stop(signals.next().await) || command_ended.elapsed() < SAME_SIGNAL {}
}

fn program(args: &ExecArgs) -> &OsStr {
    args.command.first().map_or(OsStr::new(""), OsString::as_os_str)
}

/// What the step is called.
fn step(args: &ExecArgs) -> String {
    args.step.clone().filter(|step| !step.is_empty()).unwrap_or_else(|| {
        let name = Path::new(program(args)).file_name().unwrap_or(program(args));
        name.to_string_lossy().chars().take(200).collect()
    })
}

/// What the command finds in its environment.
fn variables(args: &ExecArgs, identity: &Identity) -> Vec<(&'static str, String)> {
    let mut variables = vec![
        (nesting::RUN_ID, identity.key.run_id.to_string()),
        (nesting::SPAN_ID, identity.key.span_id.to_string()),
        (nesting::TRACEPARENT, identity.key.traceparent()),
    ];
    if let Some(task) = &args.task {
        variables.push((nesting::TASK_ID, task.clone()));
    }
    variables
}

fn start_request(
    args: &ExecArgs,
    identity: &Identity,
    started_at: SystemTime,
    pid: Option<u32>,
) -> v1::StartSpanRequest {
    let command: String = command_line(&args.command).chars().take(MAX_COMMAND_LINE).collect();
    let mut attributes = Map::new();
    attributes.insert("process.command_line".to_owned(), json!(command));
    if let Ok(folder) = env::current_dir() {
        let folder = folder.to_string_lossy().into_owned();
        attributes.insert("process.working_directory".to_owned(), Value::String(folder));
    }
    if let Some(pid) = pid {
        attributes.insert("process.pid".to_owned(), json!(pid));
    }
    let input = Map::from_iter([("command".to_owned(), json!(command))]);
    let first_try = if args.retry_of.is_some() { 2 } else { 1 };
    v1::StartSpanRequest {
        run_id: identity.key.run_id.to_string(),
        span_id: identity.key.span_id.to_string(),
        parent_span_id: identity.parent.map(|id| id.to_string()).unwrap_or_default(),
        task_id: args.task.clone().unwrap_or_default(),
        retry_of: args.retry_of.map(|id| id.to_string()).unwrap_or_default(),
        layer: args.layer.clone(),
        step_name: step(args),
        executor_host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        agent: args.agent.clone().unwrap_or_else(|| {
            env::var("USER").ok().filter(|user| !user.is_empty()).unwrap_or("exec".to_owned())
        }),
        attempt: args.attempt.unwrap_or(first_try),
        start_time: Some(started_at.into()),
        input: Some(JsonObject::from(&input)),
        attributes: Some(JsonObject::from(&attributes)),
        stuck_after: args.stuck_after.map(duration::to_proto),
        progress_timeout: None,
    }
}

fn end_request(
    args: &ExecArgs,
    identity: &Identity,
    end: &End,
    ended_at: SystemTime,
    pipes: &Pipes,
) -> v1::EndSpanRequest {
    v1::EndSpanRequest {
        run_id: identity.key.run_id.to_string(),
        span_id: identity.key.span_id.to_string(),
        status: end.status().into(),
        end_time: Some(ended_at.into()),
        output: None,
        error: end.error(program(args), &pipes.last_words()),
        reason_code: String::new(),
        reason_kind: None,
        exit_code: Some(end.outcome.exit_code().into()),
    }
}

fn log_request(
    args: &ExecArgs,
    identity: &Identity,
    pipes: &Pipes,
) -> Option<v1::StoreArtifactRequest> {
    let log = pipes.has_log().then(|| pipes.log()).filter(|log| !log.is_empty())?;
    Some(v1::StoreArtifactRequest {
        run_id: identity.key.run_id.to_string(),
        span_id: identity.key.span_id.to_string(),
        artifact_type: "log".to_owned(),
        file_name: log_name(&step(args)),
        content_type: "text/plain".to_owned(),
        content: log.into(),
        ..Default::default()
    })
}

/// A file name for the step's log.
fn log_name(step: &str) -> String {
    let safe: String = step
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' })
        .take(200)
        .collect();
    let name = safe.trim_matches(|c| matches!(c, '.' | '_'));
    format!("{}.log", if name.is_empty() { "step" } else { name })
}

/// The command as it would be typed, so that the collector sees `--password x`
/// as one text and can redact it.
fn command_line(command: &[OsString]) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,@%+".contains(c) || !c.is_ascii();
    let words = command.iter().map(|word| {
        let word = word.to_string_lossy();
        if !word.is_empty() && word.chars().all(is_plain) {
            word.into_owned()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn tell_run_id(args: &ExecArgs, run_id: RunId) {
    if args.print_run_id {
        // The bare id: a script reads it.
        let _ = writeln!(io::stderr(), "{run_id}");
    }
    if let Some(path) = &args.run_id_file
        && let Err(error) = fs::write(path, format!("{run_id}\n"))
    {
        say(&format!("the run's id could not be written to {}: {error}", path.display()));
    }
    if args.verbose {
        say(&format!("run {run_id}"));
    }
}

fn report(args: &ExecArgs, delivery: &Delivery) {
    let server = &args.server;
    let text = match delivery {
        Delivery::Complete if args.verbose => format!("recorded at {server}"),
        Delivery::Complete => return,
        Delivery::LogMissing(why) => format!("the log was not stored at {server}: {why}"),
        Delivery::StepMissing(why) => {
            format!("the collector at {server} was not reached, this step is not recorded: {why}")
        }
    };
    if !args.quiet {
        say(&text);
    }
}

/// Says something on standard error, in one line.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "livespan exec: {}", visible(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_names_are_file_names() {
        assert_eq!(log_name("render scene 7"), "render_scene_7.log");
        assert_eq!(log_name("../../etc/passwd"), "etc_passwd.log");
        assert_eq!(log_name("渲染"), "step.log");
        assert_eq!(log_name(&"x".repeat(900)).len(), 204);
    }

    #[test]
    fn the_command_line_could_be_typed_again() {
        let words = ["sh", "-c", "echo \"it's\" $X", "", "--password=a b"].map(OsString::from);
        assert_eq!(command_line(&words), r#"sh -c 'echo "it'\''s" $X' '' '--password=a b'"#);
    }
}
