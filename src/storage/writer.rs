//! A lane's connection: one transaction at a time, owned by one task.
//!
//! What it can do to the tables stands beside each table: [`super::runs`],
//! [`super::live`], [`super::finished`], [`super::artifacts`].

use std::time::Duration;

use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};

use super::{DatabaseOptions, StorageError, copy::CopyBuffer};

/// A connection that writes spans.
#[derive(Debug)]
pub struct SpanWriter {
    pub(super) conn: PgConnection,
    /// Where rows are written before they are sent.
    rows: CopyBuffer,
}

/// From how many bytes on rows are sent: many rows for each flush, and still within
/// a processor's cache. Other sizes have not been measured.
const PIECE_BYTES: usize = 128 * 1024;

impl SpanWriter {
    pub(super) async fn connect(
        options: &DatabaseOptions,
        idle_limit: Duration,
    ) -> Result<Self, StorageError> {
        let idle_limit_ms = idle_limit.as_millis().to_string();
        let options: PgConnectOptions = options.0.clone().options([
            // All statements of a lane look rows up by key. Plans that read
            // whole tables are never right, whatever the statistics say, and
            // one plan serves every size of batch.
            ("plan_cache_mode", "force_generic_plan"),
            ("enable_seqscan", "off"),
            ("enable_hashjoin", "off"),
            ("enable_mergejoin", "off"),
            ("jit", "off"),
            // Acknowledged means committed, whatever the server's default is.
            ("synchronous_commit", "on"),
            // A connection that is lost without a word leaves its transaction
            // open, and its locks would keep the same runs from being written
            // by the next. By then the lane has long given it up.
            ("idle_in_transaction_session_timeout", idle_limit_ms.as_str()),
            // The same where it was lost within a COPY, which is not idle.
            ("tcp_keepalives_idle", "15"),
            ("tcp_keepalives_interval", "5"),
            ("tcp_keepalives_count", "3"),
        ]);
        Ok(Self { conn: PgConnection::connect_with(&options).await?, rows: CopyBuffer::new() })
    }

    /// Opens a transaction.
    ///
    /// # Errors
    ///
    /// Where the server is away.
    pub async fn begin(&mut self) -> Result<(), StorageError> {
        sqlx::raw_sql("BEGIN").execute(&mut self.conn).await?;
        Ok(())
    }

    /// Makes everything since [`Self::begin`] durable.
    ///
    /// # Errors
    ///
    /// Where the server is away. Whether it was committed is then unknown.
    pub async fn commit(&mut self) -> Result<(), StorageError> {
        sqlx::raw_sql("COMMIT").execute(&mut self.conn).await?;
        Ok(())
    }

    /// Undoes everything since [`Self::begin`].
    ///
    /// # Errors
    ///
    /// Where the server is away.
    pub async fn rollback(&mut self) -> Result<(), StorageError> {
        sqlx::raw_sql("ROLLBACK").execute(&mut self.conn).await?;
        Ok(())
    }

    /// Says goodbye to the server.
    pub async fn close(self) {
        // It is going away either way.
        let _ = self.conn.close().await;
    }

    /// Sends rows of `columns` fields in binary COPY format, which `write` writes of
    /// each item.
    ///
    /// In pieces: Postgres works on one while the next is written, and none is so
    /// large that its memory is new. Each piece is a flush of the driver's.
    pub(super) async fn copy_in<T>(
        &mut self,
        statement: &'static str,
        columns: i16,
        items: &[T],
        write: fn(&mut CopyBuffer, &T),
    ) -> Result<(), StorageError> {
        let mut copy = self.conn.copy_in_raw(statement).await?;
        self.rows.begin(columns);
        for item in items {
            write(&mut self.rows, item);
            if self.rows.len() >= PIECE_BYTES {
                copy.send(self.rows.as_bytes()).await?;
                self.rows.clear();
            }
        }
        self.rows.end();
        copy.send(self.rows.as_bytes()).await?;
        copy.finish().await?;
        Ok(())
    }
}
