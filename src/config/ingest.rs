//! How much may come in.

use std::time::Duration;

use bytesize::ByteSize;
use clap::Args;

use crate::ingest::{IngestOptions, LaneOptions};

/// How much may come in.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Ingest")]
pub struct IngestArgs {
    /// How many connections write, each with its own share of the runs; as many as there are
    /// cores where it isn't said. Too few leave Postgres idle between commits, too many make
    /// batches small and take cores from it.
    #[arg(long, env = "LIVESPAN_LANES", value_name = "NUMBER",
          value_parser = clap::value_parser!(u16).range(1..=64))]
    lanes: Option<u16>,

    /// How many bytes may wait to be stored before clients are told to come back. More rides
    /// out longer pauses of the database; it is also what memory may grow by.
    #[arg(long, env = "LIVESPAN_INGEST_BUFFER", value_name = "SIZE", default_value = "64MiB")]
    ingest_buffer: ByteSize,

    /// After how long a transaction that the database does not answer is given up: clients are
    /// told to send again, and a new connection is tried. Longer rides out a disk that stalls;
    /// it is also how long a connection that was lost without a word goes unnoticed.
    #[arg(long, env = "LIVESPAN_COMMIT_TIMEOUT", value_name = "DURATION", default_value = "15s",
          value_parser = commit_timeout)]
    commit_timeout: Duration,
}

/// Not so short that a database that works is given up.
fn commit_timeout(text: &str) -> Result<Duration, String> {
    let timeout = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let (least, most) = (Duration::from_millis(500), Duration::from_secs(600));
    if (least..=most).contains(&timeout) {
        Ok(timeout)
    } else {
        Err("is not between 500ms and 10m".to_owned())
    }
}

impl IngestArgs {
    /// As the road to disk takes it.
    #[must_use]
    pub fn options(&self) -> IngestOptions {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        IngestOptions {
            lanes: self.lanes.map_or(cores.min(64), usize::from),
            buffer_bytes: usize::try_from(self.ingest_buffer.as_u64()).unwrap_or(usize::MAX),
            lane: LaneOptions { commit_timeout: self.commit_timeout, ..LaneOptions::default() },
        }
    }
}
