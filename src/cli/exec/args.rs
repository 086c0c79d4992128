//! What may be said to `livespan exec`.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::builder::BoolishValueParser;

use crate::{
    cli::duration,
    client::{CollectorUrl, DEFAULT_URL},
    domain::ids::RunId,
};

/// How the command's output is treated, as the long help tells it.
const LONG_ABOUT: &str = "\
Run a command as a step: seen while it runs, its end and its log kept.

The command is started at once, and neither waits for the collector nor fails
because of it. Its output passes through byte for byte; the last 64 KiB are
stored as the step's log. An output that is a terminal is handed to the command
as it is, so that it can draw and colour, and is not part of the log: --capture
takes it too (the command then writes to a pipe), --no-capture takes none.

Signals (HUP, INT, QUIT, TERM, USR1, USR2) are passed on to the command. An
output that a background process of the command still holds open half a second
after the command's end is let go.

The command finds LIVESPAN_RUN_ID, LIVESPAN_SPAN_ID, LIVESPAN_TASK_ID and
TRACEPARENT in its environment, so that what it starts in turn, or exports over
OpenTelemetry, lands beneath this step. Which run the step itself belongs to is
said by --run, or LIVESPAN_RUN_ID (with LIVESPAN_SPAN_ID as the parent step), or
TRACEPARENT, in this order; otherwise it is a new run.

A variable that can't be used is told of and ignored; the command runs all the
same. A flag that can't be used is an error.";

/// Which step to record, and the command to run.
#[derive(Debug, clap::Args)]
#[command(long_about = LONG_ABOUT, after_help = crate::cli::exit::HELP)]
pub(crate) struct ExecArgs {
    /// The business job that the run belongs to.
    #[arg(long, env = "LIVESPAN_TASK_ID")]
    pub(super) task: Option<String>,

    /// What the step does; the command's name where absent.
    #[arg(long, env = "LIVESPAN_STEP")]
    pub(super) step: Option<String>,

    /// The level of the work.
    #[arg(long, env = "LIVESPAN_LAYER", default_value = "exec")]
    pub(super) layer: String,

    /// Who runs it; the user's name, or else "exec".
    #[arg(long, env = "LIVESPAN_AGENT")]
    pub(super) agent: Option<String>,

    /// 1 for the first try (2 with --retry-of), 2 for the first retry.
    #[arg(long, env = "LIVESPAN_ATTEMPT", value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) attempt: Option<u32>,

    /// The run that this one retries.
    #[arg(long, env = "LIVESPAN_RETRY_OF", value_name = "RUN_ID")]
    pub(super) retry_of: Option<RunId>,

    /// The run that the step belongs to; stands before LIVESPAN_RUN_ID.
    #[arg(long, value_name = "RUN_ID")]
    pub(super) run: Option<RunId>,

    /// After how long without a sign of life the step counts as stuck; the
    /// server's default where absent.
    #[arg(long, env = "LIVESPAN_EXEC_STUCK_AFTER", value_name = "DURATION", value_parser = duration::parse_some)]
    pub(super) stuck_after: Option<Duration>,

    /// How often to give a sign of life.
    #[arg(long, env = "LIVESPAN_HEARTBEAT", value_name = "DURATION", default_value = "10s",
          value_parser = duration::parse_some)]
    pub(super) heartbeat: Duration,

    /// How long the collector may take, after the command's end, to accept what
    /// it doesn't have yet.
    #[arg(long, env = "LIVESPAN_FLUSH_TIMEOUT", value_name = "DURATION", default_value = "2s",
          value_parser = duration::parse)]
    pub(super) flush_timeout: Duration,

    /// Keep the log even of an output that is a terminal.
    #[arg(long, env = "LIVESPAN_CAPTURE", conflicts_with = "no_capture", value_parser = BoolishValueParser::new())]
    pub(super) capture: bool,

    /// Keep no log: the command writes to this command's own outputs.
    #[arg(long, env = "LIVESPAN_NO_CAPTURE", value_parser = BoolishValueParser::new())]
    pub(super) no_capture: bool,

    /// Don't say that the collector was not reached.
    #[arg(long, short, env = "LIVESPAN_QUIET", conflicts_with = "verbose", value_parser = BoolishValueParser::new())]
    pub(super) quiet: bool,

    /// Say on standard error what is recorded.
    #[arg(long, short, env = "LIVESPAN_VERBOSE", value_parser = BoolishValueParser::new())]
    pub(super) verbose: bool,

    /// Write the run's id to standard error before the command starts.
    #[arg(long)]
    pub(super) print_run_id: bool,

    /// Write the run's id to this file before the command starts.
    #[arg(long, env = "LIVESPAN_RUN_ID_FILE", value_name = "PATH")]
    pub(super) run_id_file: Option<PathBuf>,

    /// The collector's gRPC address.
    #[arg(long, env = "LIVESPAN_SERVER", value_name = "URL", default_value = DEFAULT_URL)]
    pub(super) server: CollectorUrl,

    /// The command and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(super) command: Vec<OsString>,
}
