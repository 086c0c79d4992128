//! What fails most, by reason and by place, and when.

use std::time::Duration;

use super::Questions;
use crate::{
    domain::reason::ReasonKind,
    storage::{
        FailureGroup, FailureQuery, FailureSite, FailureSiteQuery, FailureTrend, StorageError,
    },
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
        self.database.top_failures(&self.failure_query(window, filter, limit)).await
    }

    /// Groups the failures of the last `window`, of `reason_code` where one is
    /// given, by where they happened: the site with the most first.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub async fn failure_sites(
        &self,
        window: Duration,
        filter: FailureFilter,
        reason_code: Option<String>,
        limit: u32,
    ) -> Result<Vec<FailureSite>, StorageError> {
        let failures = self.failure_query(window, filter, limit);
        self.database.failure_sites(&FailureSiteQuery { failures, reason_code }).await
    }

    /// Counts the failures of the last `window` in so many equal `buckets`.
    ///
    /// # Errors
    ///
    /// Where the database fails.
    pub async fn failure_trend(
        &self,
        window: Duration,
        buckets: u32,
    ) -> Result<FailureTrend, StorageError> {
        let bucket_seconds = window.as_secs_f64() / f64::from(buckets.max(1));
        self.database.failure_trend(self.now().minus(window), bucket_seconds, buckets).await
    }

    fn failure_query(&self, window: Duration, filter: FailureFilter, limit: u32) -> FailureQuery {
        let FailureFilter { reason_kind, executor_host, agent } = filter;
        let since = self.now().minus(window);
        FailureQuery { since, reason_kind, executor_host, agent, limit }
    }
}
