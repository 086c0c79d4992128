//! What exit codes say.

use std::process::ExitCode;

use crate::{client::AskError, config::DatabaseConfigError};

/// The codes, as every help text ends.
pub(crate) const HELP: &str = "\
Exit codes:
  0  done; an empty list is an answer too
  1  could not ask: no collector there, or no answer that can be used
  2  the command line is wrong
  3  what was asked for is not there, such as an unknown run
  4  stuck --exit-code: something is stuck
exec exits with the code of its command (128+n where signal n ended it, 126 and
127 where it could not be started).";

/// Could not ask.
const CANNOT_ASK: u8 = 1;
/// The command line is wrong.
const USAGE: u8 = 2;
/// What was asked for is not there.
const NOT_FOUND: u8 = 3;
/// Something is stuck.
pub(crate) const STUCK: u8 = 4;

/// The code that an error ends the command with.
pub(crate) fn code_of(error: &anyhow::Error) -> ExitCode {
    if error.is::<DatabaseConfigError>() {
        return ExitCode::from(USAGE);
    }
    ExitCode::from(match error.downcast_ref::<AskError>() {
        Some(AskError::NotFound(_)) => NOT_FOUND,
        Some(AskError::Invalid(_)) => USAGE,
        _ => CANNOT_ASK,
    })
}
