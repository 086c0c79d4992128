//! The machines, as their executors speak of them.

use std::time::Duration;

use super::Questions;
use crate::storage::{Host, StorageError};

impl Questions {
    /// The machines on which something runs, or has failed or ended within the
    /// last `window`; by name.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub async fn hosts(&self, window: Duration, limit: u32) -> Result<Vec<Host>, StorageError> {
        self.database.hosts(self.now().minus(window), limit).await
    }
}
