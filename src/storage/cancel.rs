//! Asking for a run to be cancelled.

use uuid::Uuid;

use super::{Database, StorageError, columns::Fields};
use crate::domain::{ids::RunId, time::Timestamp};

const CANCEL: &str = "SELECT cancel_requested_at, running_spans FROM cancel_run($1)";

/// How often it is asked for again where it lost against a writer.
const MAX_REPEATS: u32 = 5;

/// A run that is asked to be cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CancelRequested {
    /// Since when.
    pub at: Timestamp,
    /// How many of its spans run.
    pub running_spans: i64,
}

impl Database {
    /// Asks for a run to be cancelled; `None` where it was never heard of. One
    /// statement, so that nothing is left open where nobody waits any more.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn cancel_run(&self, run_id: RunId) -> Result<Option<CancelRequested>, StorageError> {
        let mut repeats = 0;
        loop {
            let asked = sqlx::query(CANCEL)
                .bind(Uuid::from(run_id))
                .fetch_optional(self.pool())
                .await
                .map_err(StorageError::from);
            match asked {
                Err(StorageError::Serialization(_)) if repeats < MAX_REPEATS => repeats += 1,
                asked => {
                    return asked?
                        .map(|row| {
                            let mut fields = Fields::of(&row);
                            Ok(CancelRequested {
                                at: fields.take()?,
                                running_spans: fields.take()?,
                            })
                        })
                        .transpose();
                }
            }
        }
    }
}
