//! The command itself: started, waited for, and what its end means.

use std::{
    ffi::{OsStr, OsString},
    io,
    os::unix::process::ExitStatusExt as _,
    process::{ExitCode, ExitStatus},
    time::Duration,
};

use rustix::{
    io::Errno,
    process::{Pid, Signal},
};
use tokio::process::{Child, Command};

use super::{
    pipes::CommandEnds,
    signals::{self, Signals},
};
use crate::proto::v1::{SpanError, Status};

/// The shell's code for a command that is there and cannot be run.
const CANNOT_RUN: u8 = 126;
/// The shell's code for a command that is not there.
const NOT_THERE: u8 = 127;
/// What the shell adds to the number of the signal that ended a command.
const BY_SIGNAL: i32 = 128;

/// How long a signal may take to be noticed that was sent to the command and
/// to this process at once.
const OWN_SIGNAL_WAIT: Duration = Duration::from_millis(200);

/// Variables that say something of this step alone: an `exec` beneath it must
/// not take them for its own.
const THIS_STEPS_OWN: [&str; 2] = ["LIVESPAN_STEP", "LIVESPAN_RUN_ID_FILE"];

/// How the command came to its end.
#[derive(Debug)]
pub(super) enum Outcome {
    /// By itself, with this code.
    Exited(i32),
    /// By this signal.
    Killed(i32),
    /// It never began.
    NotStarted(io::Error),
}

/// The command's end, and whether somebody had asked for it.
#[derive(Debug)]
pub(super) struct End {
    /// How.
    pub(super) outcome: Outcome,
    /// Whether this process was told to stop meanwhile.
    pub(super) asked_to_stop: bool,
}

/// Starts the command.
///
/// # Errors
///
/// Where it isn't there or cannot be run.
pub(super) fn spawn(
    command: &[OsString],
    ends: CommandEnds,
    variables: Vec<(&'static str, String)>,
) -> io::Result<Child> {
    let (program, arguments) =
        command.split_first().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
    // Standard input is this process's own. Dropping the builder closes our
    // copies of the pipes' ends, so that a pipe ends with the command.
    let mut builder = Command::new(program);
    for name in THIS_STEPS_OWN {
        builder.env_remove(name);
    }
    builder.args(arguments).envs(variables).stdout(ends.stdout).stderr(ends.stderr).spawn()
}

/// Waits for the command's end and passes signals on until then. Where `cancelled`
/// comes first the command is asked to stop, once, as by `kill`.
pub(super) async fn supervise(
    mut child: Child,
    signals: &mut Signals,
    cancelled: impl Future<Output = ()>,
) -> End {
    let mut asked_to_stop = false;
    let mut is_cancelled = false;
    tokio::pin!(cancelled);
    loop {
        tokio::select! {
            // A command that has ended is not signalled: its number may be
            // another's by now.
            biased;
            status = child.wait() => {
                let outcome = match status {
                    Ok(status) => Outcome::of(status),
                    Err(error) => Outcome::NotStarted(error),
                };
                asked_to_stop = asked_to_stop || outcome.by_signal_of_group(signals).await;
                return End { outcome, asked_to_stop };
            }
            signal = signals.next() => {
                asked_to_stop |= signals::asks_to_stop(signal);
                if let Some(pid) = pid_of(&child) {
                    signals::pass_on(signal, pid);
                }
            }
            () = &mut cancelled, if !is_cancelled => {
                (is_cancelled, asked_to_stop) = (true, true);
                if let Some(pid) = pid_of(&child) {
                    signals::pass_on(Signal::TERM, pid);
                }
            }
        }
    }
}

fn pid_of(child: &Child) -> Option<Pid> {
    child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw)
}

impl Outcome {
    fn of(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exited(code),
            (None, signal) => Self::Killed(signal.unwrap_or(0)),
        }
    }

    /// Whether the signal that ended the command was for this process too.
    ///
    /// Whoever signals the whole group, as a terminal and `timeout` do, may
    /// have the command end before this process has noticed its own signal.
    async fn by_signal_of_group(&self, signals: &mut Signals) -> bool {
        let Self::Killed(number) = self else { return false };
        if !signals::asks_to_stop_by_number(*number) {
            return false;
        }
        let own = async { while !signals::asks_to_stop(signals.next().await) {} };
        tokio::time::timeout(OWN_SIGNAL_WAIT, own).await.is_ok()
    }

    /// The exit code as the shell tells it: the command's own, 128 + n for
    /// signal n, 127 for a command that isn't there, 126 for one that can't be
    /// run.
    pub(super) fn exit_code(&self) -> u8 {
        let code = match self {
            Self::Exited(code) => *code,
            Self::Killed(signal) => BY_SIGNAL + signal,
            Self::NotStarted(error) if error.kind() == io::ErrorKind::NotFound => NOT_THERE.into(),
            Self::NotStarted(_) => CANNOT_RUN.into(),
        };
        u8::try_from(code).unwrap_or(u8::MAX)
    }
}

impl End {
    /// What this process ends with.
    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.outcome.exit_code())
    }

    /// How the step ended. Who asks a command to stop, and has it stop, has
    /// cancelled it.
    pub(super) fn status(&self) -> Status {
        match &self.outcome {
            Outcome::Exited(0) => Status::Success,
            Outcome::Exited(_) | Outcome::Killed(_) if self.asked_to_stop => Status::Cancelled,
            _ => Status::Failed,
        }
    }

    /// What went wrong, if something did; `last_words` is what the command
    /// said of it.
    pub(super) fn error(&self, program: &OsStr, last_words: &str) -> Option<SpanError> {
        let (kind, otherwise) = match &self.outcome {
            Outcome::Exited(0) => return None,
            Outcome::Exited(code) => ("NonZeroExit".to_owned(), format!("exit status {code}")),
            Outcome::Killed(signal) => {
                let name = signals::name(*signal);
                let message = format!("ended by {name}");
                (name, message)
            }
            Outcome::NotStarted(error) => (errno_name(error), start_failure(program, error)),
        };
        let message = if last_words.is_empty() { otherwise } else { last_words.to_owned() };
        Some(SpanError { r#type: kind, message, stack_trace: String::new() })
    }
}

/// Why the command could not be started, in words.
pub(super) fn start_failure(program: &OsStr, error: &io::Error) -> String {
    let program = program.to_string_lossy();
    match error.kind() {
        io::ErrorKind::NotFound => format!("{program}: command not found"),
        io::ErrorKind::PermissionDenied => format!("{program}: permission denied"),
        _ => format!("{program}: {error}"),
    }
}

/// The error's name as C spells it: what the collector's classifier knows.
fn errno_name(error: &io::Error) -> String {
    let name = match Errno::from_io_error(error) {
        Some(Errno::NOENT) => "ENOENT",
        Some(Errno::ACCESS) => "EACCES",
        Some(Errno::PERM) => "EPERM",
        Some(Errno::NOEXEC) => "ENOEXEC",
        Some(Errno::NOTDIR) => "ENOTDIR",
        Some(Errno::ISDIR) => "EISDIR",
        Some(Errno::LOOP) => "ELOOP",
        Some(Errno::TOOBIG) => "E2BIG",
        Some(Errno::AGAIN) => "EAGAIN",
        Some(Errno::NOMEM) => "ENOMEM",
        Some(Errno::MFILE) => "EMFILE",
        Some(Errno::NFILE) => "ENFILE",
        Some(Errno::TXTBSY) => "ETXTBSY",
        _ => "SpawnError",
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn end(outcome: Outcome, asked_to_stop: bool) -> End {
        End { outcome, asked_to_stop }
    }

    #[test]
    fn codes_are_the_shells() {
        assert_eq!(Outcome::Exited(3).exit_code(), 3);
        assert_eq!(Outcome::Killed(9).exit_code(), 137);
        let failure = |errno: Errno| Outcome::NotStarted(errno.into()).exit_code();
        assert_eq!(failure(Errno::NOENT), 127);
        assert_eq!(failure(Errno::ACCESS), 126);
        assert_eq!(failure(Errno::NOEXEC), 126);
    }

    #[test]
    fn a_stop_that_was_asked_for_is_no_failure() {
        assert_eq!(end(Outcome::Killed(15), true).status(), Status::Cancelled);
        assert_eq!(end(Outcome::Exited(130), true).status(), Status::Cancelled);
        assert_eq!(end(Outcome::Exited(0), true).status(), Status::Success);
        assert_eq!(end(Outcome::Killed(15), false).status(), Status::Failed);
    }

    #[test]
    fn the_error_is_the_commands_last_words() {
        let program = OsStr::new("render");
        assert_eq!(end(Outcome::Exited(0), false).error(program, "noise"), None);
        let error = end(Outcome::Exited(2), false).error(program, "no disk").unwrap();
        assert_eq!((error.r#type.as_str(), error.message.as_str()), ("NonZeroExit", "no disk"));
        let error = end(Outcome::Killed(9), false).error(program, "").unwrap();
        assert_eq!(
            (error.r#type.as_str(), error.message.as_str()),
            ("SIGKILL", "ended by SIGKILL")
        );
        let missing = end(Outcome::NotStarted(Errno::NOENT.into()), false);
        let error = missing.error(program, "").unwrap();
        assert_eq!(error.r#type, "ENOENT");
        assert_eq!(error.message, "render: command not found");
    }
}
