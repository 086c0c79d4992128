//! How many spans failed when.

use crate::{
    domain::{reason::ReasonKind, time::Timestamp},
    storage::{Database, StorageError, columns::Fields},
};

/// Failures over a window of time that was cut into equal buckets.
#[derive(Debug, Clone, PartialEq)]
pub struct FailureTrend {
    /// When the first bucket begins.
    pub since: Timestamp,
    /// How long a bucket is, in seconds.
    pub bucket_seconds: f64,
    /// Each kind of which there are failures, by name.
    pub kinds: Vec<KindTrend>,
}

/// The failures of a kind over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindTrend {
    /// The kind.
    pub reason_kind: ReasonKind,
    /// How many in each bucket, the oldest first.
    pub counts: Vec<i64>,
}

/// Reads the partial index over failures. An end that is received while this is
/// asked is of the last bucket.
const TREND: &str = "
    SELECT coalesce(reason_kind, 'UNKNOWN') AS kind,
           greatest(least(floor(extract(epoch FROM last_alive_at - $1)::float8 / $2)::bigint,
                          $3 - 1), 0) AS bucket,
           count(*) AS failures
    FROM finished_spans
    WHERE status = 'FAILED' AND last_alive_at >= $1
    GROUP BY kind, bucket
    ORDER BY kind, bucket";

impl Database {
    /// Counts the failures since `since` in so many buckets of so many seconds.
    ///
    /// # Errors
    ///
    /// As any statement.
    pub async fn failure_trend(
        &self,
        since: Timestamp,
        bucket_seconds: f64,
        buckets: u32,
    ) -> Result<FailureTrend, StorageError> {
        let rows = sqlx::query(TREND)
            .bind(since)
            .bind(bucket_seconds)
            .bind(i64::from(buckets))
            .fetch_all(self.pool())
            .await?;
        let mut trend = FailureTrend { since, bucket_seconds, kinds: Vec::new() };
        for row in &rows {
            let mut fields = Fields::of(row);
            let reason_kind = fields.reason_kind()?;
            let bucket = usize::try_from(fields.take::<i64>()?).unwrap_or(0);
            let failures = fields.take()?;
            if trend.kinds.last().is_none_or(|last| last.reason_kind != reason_kind) {
                let counts = vec![0; usize::try_from(buckets).unwrap_or(0)];
                trend.kinds.push(KindTrend { reason_kind, counts });
            }
            let counts = trend.kinds.last_mut().map(|kind| &mut kind.counts);
            if let Some(count) = counts.and_then(|counts| counts.get_mut(bucket)) {
                *count = failures;
            }
        }
        Ok(trend)
    }
}
