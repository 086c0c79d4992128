//! What livespan says about itself: structured logs on standard error.

use std::{error::Error, fmt, io::IsTerminal};

use tracing_subscriber::{EnvFilter, fmt::format::FmtSpan};

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line, for machines.
    Json,
}

/// A log filter that is not one.
#[derive(Debug, thiserror::Error)]
#[error(
    "--log ({variable}): {problem}; write for example info or info,livespan=debug",
    variable = "LIVESPAN_LOG"
)]
pub struct InvalidFilter {
    problem: String,
}

/// Starts logging to standard error. Standard output is for answers.
///
/// # Errors
///
/// Where `filter` is no list of directives.
pub fn start(filter: &str, format: LogFormat) -> Result<(), InvalidFilter> {
    let filter = EnvFilter::builder()
        .parse(filter)
        .map_err(|error| InvalidFilter { problem: error.to_string() })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_span_events(FmtSpan::NONE)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none());
    // A second start, as tests do, keeps the first.
    let _ = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    Ok(())
}

/// An error with all its causes in one line.
pub struct Chain<'e>(pub &'e (dyn Error + 'e));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}
