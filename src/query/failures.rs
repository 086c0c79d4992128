//! What fails most, by reason.

use std::time::Duration;

use super::Questions;
use crate::{
    domain::reason::ReasonKind,
    storage::{FailureGroup, FailureQuery, StorageError},
};

/// Which failures; what is `None` may be anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FailureFilter {
    /// What kind.
    pub reason_kind: Option<ReasonKind>,
    /// On which machine.
    pub executor_host: Option<String>,
    /// Of whom.
    pub agent: Option<String>,
}

impl Questions {
    /// Groups the failures of the last `window` by reason, the largest group
    /// first.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub async fn top_failures(
        &self,
        window: Duration,
        filter: FailureFilter,
        limit: u32,
    ) -> Result<Vec<FailureGroup>, StorageError> {
        let FailureFilter { reason_kind, executor_host, agent } = filter;
        let since = self.now().minus(window);
        self.database
            .top_failures(&FailureQuery { since, reason_kind, executor_host, agent, limit })
            .await
    }
}
