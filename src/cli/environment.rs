//! What the environment says to the commands: the `LIVESPAN_…` variables that
//! stand for flags.
//!
//! An empty variable counts as absent: in shells and compose files that is how
//! one is taken back. `exec` forgives more, because what is wrong with its
//! records must not keep its command from running.

use std::{
    env,
    error::Error as _,
    ffi::{OsStr, OsString},
};

use clap::{
    Arg, ArgMatches, Command, CommandFactory as _, Error, FromArgMatches as _,
    builder::Resettable,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::Cli;

/// The command whose variables are forgiven.
const EXEC: &str = "exec";

/// Reads the command line and the variables. Ends the process where they can't
/// be used. Returns also what `exec` has to say of variables that it ignores.
pub(super) fn read() -> (Cli, Vec<String>) {
    let line: Vec<OsString> = env::args_os().collect();
    let command = Cli::command().mut_subcommands(|command| command.mut_args(absent_where_empty));
    let mut ignored = Vec::new();
    let matches = command
        .clone()
        .try_get_matches_from(&line)
        .or_else(|error| forgiving(&command, &line, error, &mut ignored))
        .unwrap_or_else(|error| with_variable(&command, &line, error).exit());
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    (cli, ignored)
}

/// The error, which names a flag, with the flag's variable: what is wrong may
/// stand in either, and clap names the flag alone.
fn with_variable(command: &Command, line: &[OsString], mut error: Error) -> Error {
    let mut command = command.clone();
    // Only a command that is built knows how its flags are shown.
    command.build();
    let subcommand = line.get(1).and_then(|name| command.find_subcommand(name));
    if let (Some(ContextValue::String(flag)), Some(subcommand)) =
        (error.get(ContextKind::InvalidArg), subcommand)
        && let Some(arg) = subcommand.get_arguments().find(|arg| arg.to_string() == *flag)
        && let Some(variable) = arg.get_env()
    {
        let both = format!("{flag} ({})", variable.to_string_lossy());
        error.insert(ContextKind::InvalidArg, ContextValue::String(both));
    }
    error
}

fn absent_where_empty(arg: Arg) -> Arg {
    if value(&arg).is_some_and(|value| value.is_empty()) { unset(arg) } else { arg }
}

fn value(arg: &Arg) -> Option<OsString> {
    arg.get_env().and_then(env::var_os)
}

fn unset(arg: Arg) -> Arg {
    arg.env(Resettable::Reset)
}

/// Reads `line` with as many of `exec`'s variables as go with it. The error is
/// one of the line itself, or of another command.
fn forgiving(
    command: &Command,
    line: &[OsString],
    error: Error,
    ignored: &mut Vec<String>,
) -> Result<ArgMatches, Error> {
    // Help and version come as errors too.
    if !error.use_stderr() {
        return Err(error);
    }
    let with = |names: &[OsString]| {
        let known = |arg: &Arg| arg.get_env().is_some_and(|name| names.iter().any(|n| n == name));
        let only = |arg: Arg| if known(&arg) { arg } else { unset(arg) };
        let command = command.clone().mut_subcommand(EXEC, |exec| exec.mut_args(only));
        command.try_get_matches_from(line)
    };
    let mut matches = with(&[])?;
    let mut good = Vec::new();
    let exec = command.find_subcommand(EXEC);
    let variables = exec.into_iter().flat_map(Command::get_arguments).filter_map(|arg| {
        let value = value(arg)?;
        Some((arg.get_env()?.to_owned(), value))
    });
    for (name, value) in variables {
        good.push(name.clone());
        match with(&good) {
            Ok(more) => matches = more,
            Err(error) => {
                good.pop();
                ignored.push(warning(&name, &value, &error));
            }
        }
    }
    Ok(matches)
}

fn warning(name: &OsStr, value: &OsStr, error: &Error) -> String {
    let shown: String = value.to_string_lossy().chars().take(80).collect();
    let name = name.to_string_lossy();
    match error.source() {
        _ if error.kind() == ErrorKind::ArgumentConflict => {
            format!("{name}={shown:?} contradicts a flag or another variable and is ignored")
        }
        Some(cause) => format!("{name}={shown:?} is not valid and is ignored: {cause}"),
        None => format!("{name}={shown:?} is not valid and is ignored"),
    }
}
