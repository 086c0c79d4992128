//! Which Postgres.

use std::{
    convert::Infallible,
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use clap::Args;

use crate::{
    embedded_postgres::{EmbeddedPostgresConfig, default_data_dir},
    storage::{DatabaseOptions, InvalidDatabaseUrl},
};

/// Which Postgres: one by URL, or a private one in the data folder.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Database")]
pub struct DatabaseArgs {
    /// The Postgres to use, as postgres://user:password@host:5432/database. Without it livespan
    /// runs one of its own in the data folder.
    #[arg(long, env = "LIVESPAN_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    database_url: Option<UrlText>,

    /// The folder for everything that livespan keeps: its private Postgres and artifacts. By
    /// default /var/lib/livespan for root, ~/.local/share/livespan for others.
    #[arg(long, env = "LIVESPAN_DATA_DIR", value_name = "FOLDER")]
    data_dir: Option<PathBuf>,

    /// The folder with the programs postgres and initdb for the private Postgres. Searched for
    /// where it isn't named.
    #[arg(long, env = "LIVESPAN_PG_BIN", value_name = "FOLDER")]
    pg_bin: Option<PathBuf>,
}

/// What was given as the URL. clap repeats a value that it can't read, and this
/// one may hold a password: any text will do for it, and we read it ourselves.
#[derive(Clone)]
struct UrlText(String);

impl FromStr for UrlText {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for UrlText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UrlText(..)")
    }
}

/// A database that can't be meant.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("--database-url (LIVESPAN_DATABASE_URL) {0}")]
pub struct DatabaseConfigError(InvalidDatabaseUrl);

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

    /// The folder of Postgres' programs, where the operator named it.
    #[must_use]
    pub fn pg_bin(&self) -> Option<&Path> {
        self.pg_bin.as_deref()
    }

    /// Where the spans go. An empty URL counts as none.
    ///
    /// # Errors
    ///
    /// Where the URL is none. The error doesn't repeat it.
    pub fn choice(&self) -> Result<DatabaseChoice, DatabaseConfigError> {
        Ok(match self.database_url.as_ref().filter(|url| !url.0.is_empty()) {
            Some(UrlText(url)) => {
                let options = url.parse().map_err(DatabaseConfigError)?;
                DatabaseChoice::Server(Box::new(options))
            }
            None => {
                let mut config = EmbeddedPostgresConfig::new(self.data_dir());
                config.bin_dir.clone_from(&self.pg_bin);
                DatabaseChoice::Private(config)
            }
        })
    }
}
