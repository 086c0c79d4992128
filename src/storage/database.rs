//! The database as a whole: how to reach it, its schema, its pool for reading.

use std::{str::FromStr, time::Duration};

use sqlx::{
    Connection, PgConnection, PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};

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
    pub async fn connect(options: DatabaseOptions) -> Result<Self, StorageError> {
        let pool = PgPoolOptions::new()
            // Questions are short. More connections than this only queue up
            // inside Postgres, beside the lanes that must get through.
            .max_connections(8)
            .acquire_timeout(Duration::from_secs(10))
            .idle_timeout(Duration::from_secs(300))
            .connect_with(options.0.clone().options([
                // A question that takes longer is one that nobody waits for.
                ("statement_timeout", "30s"),
                // Runs differ by orders of magnitude in size: a plan for the
                // average one costs more than planning anew. Compiling it
                // costs more than running it.
                ("plan_cache_mode", "force_custom_plan"),
                ("jit", "off"),
            ]))
            .await?;
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
        let mut connection = PgConnection::connect_with(&self.options.0).await?;
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

    /// The pool for reading.
    pub(super) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Lets the pool's connections go.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
