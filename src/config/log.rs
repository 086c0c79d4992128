//! What livespan says about itself.

use clap::Args;

use crate::telemetry::{self, InvalidFilter, LogFormat};

/// What livespan says about itself.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Log")]
pub struct LogArgs {
    /// What is logged: error, warn, info, debug or trace, also by module, such as
    /// info,livespan_server::ingest=debug. sqlx passes on what Postgres remarks at every
    /// start, hence only its warnings unless it is named.
    #[arg(long, env = "LIVESPAN_LOG", value_name = "FILTER", default_value = "info,sqlx=warn")]
    log: String,

    /// How it is logged: text for people, json for machines.
    #[arg(long, env = "LIVESPAN_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
}

impl LogArgs {
    /// What is logged.
    #[must_use]
    pub fn filter(&self) -> &str {
        &self.log
    }

    /// Starts logging.
    ///
    /// # Errors
    ///
    /// Where the filter is none.
    pub fn start(&self) -> Result<(), InvalidFilter> {
        telemetry::start(&self.log, self.log_format)
    }
}
