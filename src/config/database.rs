//! Which Postgres.

use std::path::PathBuf;

use clap::Args;

use crate::{
    embedded_postgres::{EmbeddedPostgresConfig, default_data_dir},
    storage::DatabaseOptions,
};

/// Which Postgres: one by URL, or a private one in the data folder.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Database")]
pub struct DatabaseArgs {
    /// The Postgres to use, as postgres://user:password@host:5432/database. Without it livespan
    /// runs one of its own in the data folder.
    #[arg(long, env = "LIVESPAN_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    database_url: Option<DatabaseOptions>,

    /// The folder for everything that livespan keeps: its private Postgres and artifacts. By
    /// default /var/lib/livespan for root, ~/.local/share/livespan for others.
    #[arg(long, env = "LIVESPAN_DATA_DIR", value_name = "FOLDER")]
    data_dir: Option<PathBuf>,

    /// The folder with the programs postgres and initdb for the private Postgres. Searched for
    /// where it isn't named.
    #[arg(long, env = "LIVESPAN_PG_BIN", value_name = "FOLDER")]
    pg_bin: Option<PathBuf>,
}

/// Where the spans go.
#[derive(Debug, Clone)]
pub enum DatabaseChoice {
    /// A server that somebody else runs.
    Server(Box<DatabaseOptions>),
    /// One of livespan's own.
    Private(EmbeddedPostgresConfig),
}

impl DatabaseArgs {
    /// The folder for everything that livespan keeps.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.data_dir.clone().unwrap_or_else(default_data_dir)
    }

    /// Where the spans go.
    #[must_use]
    pub fn choice(&self) -> DatabaseChoice {
        match &self.database_url {
            Some(options) => DatabaseChoice::Server(Box::new(options.clone())),
            None => {
                let mut config = EmbeddedPostgresConfig::new(self.data_dir());
                config.bin_dir.clone_from(&self.pg_bin);
                DatabaseChoice::Private(config)
            }
        }
    }
}
