//! What can go wrong between livespan and Postgres, sorted by what to do.
//!
//! The text of a database error names tables and values: it goes to the log
//! through `source`, never to a client.

use std::fmt;

use sqlx::postgres::PgDatabaseError;

/// A database error, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The database is away, starting, full, or out of connections: try later.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// A statement took longer than it may.
    #[error("the statement took too long")]
    TooSlow(#[source] sqlx::Error),
    /// The transaction lost against another one: repeat it.
    #[error("the transaction has to be repeated")]
    Serialization(#[source] sqlx::Error),
    /// A row is there already: merge with it.
    #[error("a row is there already")]
    Duplicate(#[source] sqlx::Error),
    /// Postgres refuses the data: find the row and leave it out.
    #[error("the database refuses the data ({0})")]
    Refused(Box<Refusal>, #[source] sqlx::Error),
    /// A stored value that livespan cannot have written.
    #[error("{table}.{column} holds a value that is not valid")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// Anything else: a mistake in livespan, or a schema that isn't its own.
    #[error("the database answered unexpectedly")]
    Internal(#[source] sqlx::Error),
}

/// Where Postgres' refusal lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The SQLSTATE.
    pub code: String,
    /// The table, where it said so.
    pub table: Option<String>,
    /// The column, where it said so.
    pub column: Option<String>,
    /// The constraint, where it said so.
    pub constraint: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SQLSTATE {}", self.code)?;
        for (what, name) in
            [("table", &self.table), ("column", &self.column), ("constraint", &self.constraint)]
        {
            if let Some(name) = name {
                write!(f, ", {what} {name}")?;
            }
        }
        Ok(())
    }
}

impl From<sqlx::Error> for StorageError {
    fn from(error: sqlx::Error) -> Self {
        let Some(database) = error.as_database_error() else {
            return match error {
                sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
                // What a connection that was cut in the middle of a message says.
                | sqlx::Error::Protocol(_) => Self::Unavailable(error),
                _ => Self::Internal(error),
            };
        };
        let code = database.code().unwrap_or_default().into_owned();
        match (code.get(..2).unwrap_or_default(), code.as_str()) {
            (_, "23505") => Self::Duplicate(error),
            (_, "40001" | "40P01" | "55P03") => Self::Serialization(error),
            (_, "57014") => Self::TooSlow(error),
            // Connection trouble, resources (disk full, out of memory, too many
            // connections), shutdown and crash, I/O errors of the server.
            ("08" | "53" | "57" | "58", _) => Self::Unavailable(error),
            // A standby, or a server set read-only because it is full.
            (_, "25006") => Self::Unavailable(error),
            // The transaction went unheard of for longer than Postgres waits.
            (_, "25P03" | "25P04") => Self::Unavailable(error),
            // Bad data, a constraint, a limit of Postgres.
            ("22" | "23" | "44" | "54", _) | (_, "P0001") => {
                let refusal = database
                    .try_downcast_ref::<PgDatabaseError>()
                    .map(|database| Refusal {
                        code: code.clone(),
                        table: database.table().map(str::to_owned),
                        column: database.column().map(str::to_owned),
                        constraint: database.constraint().map(str::to_owned),
                    })
                    .unwrap_or(Refusal { code, table: None, column: None, constraint: None });
                Self::Refused(Box::new(refusal), error)
            }
            _ => Self::Internal(error),
        }
    }
}

impl From<sqlx::migrate::MigrateError> for StorageError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        match error {
            sqlx::migrate::MigrateError::Execute(error) => error.into(),
            other => Self::Internal(sqlx::Error::Migrate(Box::new(other))),
        }
    }
}
