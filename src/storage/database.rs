//! The database as a whole: how to reach it, its schema, its pool for reading.

use std::{io, str::FromStr, time::Duration};

use sqlx::{
    Connection, PgConnection, PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::time::{sleep, timeout};

use super::{SpanWriter, StorageError};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// How to reach a database.
#[derive(Debug, Clone)]
pub struct DatabaseOptions(pub(super) PgConnectOptions);

/// A text that is no Postgres URL. Says nothing of the text, which may hold a
/// password.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("is not a Postgres URL: write postgres://user:password@host:5432/database")]
pub struct InvalidDatabaseUrl;

impl FromStr for DatabaseOptions {
    type Err = InvalidDatabaseUrl;

    fn from_str(url: &str) -> Result<Self, InvalidDatabaseUrl> {
        if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
            return Err(InvalidDatabaseUrl);
        }
        url.parse().map(Self::from_options).map_err(|_| InvalidDatabaseUrl)
    }
}

impl DatabaseOptions {
    /// A server behind the unix socket in `folder`.
    #[must_use]
    pub fn socket(folder: &std::path::Path, user: &str, database: &str) -> Self {
        Self::from_options(
            PgConnectOptions::new_without_pgpass().socket(folder).username(user).database(database),
        )
    }

    fn from_options(options: PgConnectOptions) -> Self {
        Self(options.application_name("livespan"))
    }

    /// Host, port and database for the log, without user or password.
    #[must_use]
    pub fn shown(&self) -> String {
        let host = self.0.get_socket().map_or_else(
            || format!("{}:{}", self.0.get_host(), self.0.get_port()),
            |socket| socket.display().to_string(),
        );
        format!("{host}/{}", self.0.get_database().unwrap_or_else(|| self.0.get_username()))
    }
}

/// Why a database can't be reached, in words for the operator: what the server
/// or the system says, which is never the password.
#[derive(Debug, thiserror::Error)]
#[error("cannot reach the database {database} (--database-url, LIVESPAN_DATABASE_URL): {problem}")]
pub struct ConnectError {
    database: String,
    problem: String,
}

/// How long a connection may take to come about. A server that starts beside
/// livespan, as in a compose file, is there by then.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// How long to wait for a server that is not there yet.
const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// Opens a connection, and waits for a server that is just starting.
pub(super) async fn open(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let mut refusal = None;
    let opened = timeout(CONNECT_LIMIT, async {
        loop {
            match PgConnection::connect_with(options).await {
                Err(error) if may_be_starting(&error) => {
                    if refusal.is_none() {
                        tracing::warn!(%error, "waiting for the database");
                    }
                    refusal = Some(error);
                    sleep(RETRY_PAUSE).await;
                }
                opened => return opened,
            }
        }
    });
    match opened.await {
        Ok(opened) => opened,
        Err(_) => Err(refusal.unwrap_or_else(|| {
            let silent = format!("no answer within {} s", CONNECT_LIMIT.as_secs());
            sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, silent))
        })),
    }
}

fn may_be_starting(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() == io::ErrorKind::ConnectionRefused,
        // cannot_connect_now, and too_many_connections as after a restart.
        sqlx::Error::Database(error) => {
            matches!(error.code().as_deref(), Some("57P03" | "53300"))
        }
        _ => false,
    }
}

/// A database that has livespan's schema.
#[derive(Debug, Clone)]
pub struct Database {
    options: DatabaseOptions,
    pool: PgPool,
}

impl Database {
    /// Connects. The schema is left as it is.
    ///
    /// # Errors
    ///
    /// Where the server cannot be reached within 10 s, or turns the user away.
    pub async fn connect(options: DatabaseOptions) -> Result<Self, ConnectError> {
        let reading = options.0.clone().options([
            // A question that takes longer is one that nobody waits for.
            ("statement_timeout", "30s"),
            // Runs differ by orders of magnitude in size: a plan for the
            // average one costs more than planning anew. Compiling it
            // costs more than running it.
            ("plan_cache_mode", "force_custom_plan"),
            ("jit", "off"),
        ]);
        // Not through the pool, which only says that it waited in vain.
        let first = open(&reading).await.map_err(|error| ConnectError {
            database: options.shown(),
            problem: match error {
                sqlx::Error::Database(error) => error.message().to_owned(),
                sqlx::Error::Io(error) => error.to_string(),
                error => error.to_string(),
            },
        })?;
        // It is going away either way.
        let _ = first.close().await;
        let pool = PgPoolOptions::new()
            // Questions are short. More connections than this only queue up
            // inside Postgres, beside the lanes that must get through.
            .max_connections(8)
            .acquire_timeout(Duration::from_secs(10))
            .idle_timeout(Duration::from_secs(300))
            .connect_lazy_with(reading);
        Ok(Self { options, pool })
    }

    /// Brings the schema up to date. Several collectors may do so at once: the
    /// migrations run under an advisory lock.
    ///
    /// # Errors
    ///
    /// Where a migration fails, or the schema is of a later livespan.
    pub async fn migrate(&self) -> Result<(), StorageError> {
        // Not through the pool: an index may take longer than a question.
        let mut connection = open(&self.options.0).await?;
        let migrated = MIGRATIONS.run(&mut connection).await;
        // It is going away either way.
        let _ = connection.close().await;
        Ok(migrated?)
    }

    /// A connection for a lane. Postgres ends a transaction of which nothing is
    /// heard for `idle_limit`.
    ///
    /// # Errors
    ///
    /// Where the server cannot be reached.
    pub async fn writer(&self, idle_limit: Duration) -> Result<SpanWriter, StorageError> {
        SpanWriter::connect(&self.options, idle_limit).await
    }

    /// How it is reached, for a connection of one's own.
    pub(super) fn options(&self) -> &DatabaseOptions {
        &self.options
    }

    /// The pool for reading.
    pub(super) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Lets the pool's connections go.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
