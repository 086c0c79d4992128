//! Which collector a command talks to: the flags that all askers share.

use std::time::Duration;

use super::duration;
use crate::client::{Collector, CollectorUrl, DEFAULT_URL};

/// Which collector to ask.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Collector")]
pub(super) struct ConnectionArgs {
    /// The collector's gRPC address.
    #[arg(long, env = "LIVESPAN_SERVER", value_name = "URL", default_value = DEFAULT_URL)]
    pub(super) server: CollectorUrl,

    /// How long to wait for an answer.
    #[arg(long, env = "LIVESPAN_TIMEOUT", value_name = "DURATION", default_value = "10s",
          value_parser = duration::parse_some)]
    pub(super) timeout: Duration,
}

impl ConnectionArgs {
    /// The collector, not connected yet.
    #[must_use]
    pub(super) fn collector(&self) -> Collector {
        Collector::lazy(self.server.clone(), self.timeout)
    }
}
