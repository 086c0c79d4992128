//! A lane: one task that owns one connection and writes what waits for it.
//!
//! There is no timer. A batch is whatever arrived while the one before was
//! committing: an idle lane commits a single event at once, a busy one grows
//! its batches by itself.

use std::time::Duration;

use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    IngestError,
    batch::{Group, Outcome, Placed, Rejected, Submission, fold},
    transaction::{self, Bet},
};
use crate::{
    storage::{Database, SpanWriter, StorageError},
    telemetry::Chain,
};

/// What holds for each lane.
#[derive(Debug, Clone)]
pub struct LaneOptions {
    /// How many writes a transaction takes at most. Rates were measured to rise
    /// up to some thousands of rows, and a larger batch delays its own acks.
    pub max_batch_writes: usize,
    /// After how long an unanswered transaction is given up: the clients are
    /// told to send again, and the lane takes a new connection.
    pub commit_timeout: Duration,
    /// After how long an unanswered connection attempt is given up.
    pub connect_timeout: Duration,
}

impl Default for LaneOptions {
    fn default() -> Self {
        Self {
            max_batch_writes: 8192,
            commit_timeout: Duration::from_secs(15),
            connect_timeout: Duration::from_secs(3),
        }
    }
}

/// How often a transaction that lost against another is repeated.
const MAX_REPEATS: u32 = 8;

const FIRST_BACKOFF: Duration = Duration::from_millis(50);
/// An attempt costs little, and only a lane that has something to write makes
/// one; the database is to be in use soon after it is back.
const MAX_BACKOFF: Duration = Duration::from_millis(250);

pub(super) struct Lane {
    number: usize,
    database: Database,
    options: LaneOptions,
    inbox: mpsc::UnboundedReceiver<Submission>,
    connection: Connection,
}

/// The lane's connection, or when to try for the next.
enum Connection {
    Open(SpanWriter),
    Closed { retry_at: Instant, backoff: Duration },
}

/// Why a transaction's clients get no acknowledgement.
enum Failure {
    /// One of its spans is at fault; the others may pass without it.
    One(Fault),
    /// All of it failed.
    All(IngestError),
}

/// What to tell the clients of a span that is at fault.
enum Fault {
    /// Postgres refuses it.
    Refused(Rejected),
    /// It cannot be merged with what is stored of it.
    Unmergeable,
}

impl Lane {
    pub(super) fn new(
        number: usize,
        database: Database,
        options: LaneOptions,
        inbox: mpsc::UnboundedReceiver<Submission>,
    ) -> Self {
        let connection = Connection::Closed { retry_at: Instant::now(), backoff: FIRST_BACKOFF };
        Self { number, database, options, inbox, connection }
    }

    /// Writes until `stop` is cancelled and nothing waits any more.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        loop {
            let first = tokio::select! {
                biased;
                // Whoever sends from now on is told so; what is in here is written.
                () = stop.cancelled(), if !self.inbox.is_closed() => {
                    self.inbox.close();
                    continue;
                }
                first = self.inbox.recv() => first,
            };
            let Some(first) = first else { break };
            let batch = self.collect(first);
            self.write(batch).await;
        }
        if let Connection::Open(writer) = self.connection {
            writer.close().await;
        }
        tracing::debug!(lane = self.number, "lane has drained");
    }

    /// Everything that waits, up to a batch.
    fn collect(&mut self, first: Submission) -> Vec<Submission> {
        let mut writes = first.writes.len();
        let mut batch = vec![first];
        while writes < self.options.max_batch_writes {
            let Ok(next) = self.inbox.try_recv() else { break };
            writes += next.writes.len();
            batch.push(next);
        }
        batch
    }

    async fn write(&mut self, batch: Vec<Submission>) {
        let mut replies = Vec::with_capacity(batch.len());
        let mut placed = Vec::with_capacity(batch.iter().map(|part| part.writes.len()).sum());
        for (submission, Submission { writes, reply, permit }) in batch.into_iter().enumerate() {
            let mut outcomes: Vec<Option<Outcome>> = Vec::new();
            outcomes.resize_with(writes.len(), || None);
            replies.push((reply, permit, Ok(outcomes)));
            placed.extend(writes.into_iter().enumerate().map(|(place, write)| Placed {
                submission,
                place,
                write,
            }));
        }
        let mut settle = |placed: &Placed, outcome: Result<Outcome, IngestError>| {
            let reply = &mut replies[placed.submission].2;
            match (outcome, reply) {
                (Ok(outcome), Ok(slots)) => slots[placed.place] = Some(outcome),
                (Err(error), reply) => *reply = Err(error),
                (Ok(_), Err(_)) => {}
            }
        };

        // A batch that Postgres refuses is halved until the row is alone: one
        // bad span never costs its neighbours.
        let groups = fold(&mut placed);
        let mut parts: Vec<&[Group<'_>]> = vec![&groups];
        while let Some(part) = parts.pop() {
            let committed = self.commit(part).await;
            let writes = part.iter().flat_map(|group| group.writes);
            match committed {
                Ok(outcomes) => {
                    writes.zip(outcomes).for_each(|(placed, outcome)| settle(placed, Ok(outcome)));
                }
                Err(Failure::One(_)) if part.len() > 1 => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
                Err(Failure::One(Fault::Refused(rejected))) => {
                    writes.for_each(|placed| settle(placed, Ok(Err(rejected.clone()))));
                }
                Err(Failure::One(Fault::Unmergeable)) => {
                    writes.for_each(|placed| settle(placed, Err(IngestError::Internal)));
                }
                Err(Failure::All(error)) => {
                    writes.for_each(|placed| settle(placed, Err(error)));
                }
            }
        }
        for (reply, _permit, outcomes) in replies {
            let outcomes = outcomes.and_then(|slots| {
                slots.into_iter().collect::<Option<_>>().ok_or(IngestError::Internal)
            });
            // Nobody waits where the client has cancelled.
            let _ = reply.send(outcomes);
        }
    }

    /// Writes groups in one transaction, again where it lost against another. Returns
    /// the outcomes of their writes, in order.
    async fn commit(&mut self, groups: &[Group<'_>]) -> Result<Vec<Outcome>, Failure> {
        let mut bet = Bet::New;
        for repeat in 0..MAX_REPEATS {
            let commit_timeout = self.options.commit_timeout;
            let writer = self.connection().await.map_err(Failure::All)?;
            let written = timeout(commit_timeout, transaction::write(writer, groups, bet)).await;
            let error = match written {
                Ok(Ok(outcomes)) => return Ok(outcomes),
                Ok(Err(error)) => error,
                Err(_elapsed) => {
                    tracing::warn!(
                        lane = self.number,
                        ?commit_timeout,
                        "transaction went unanswered"
                    );
                    self.disconnect();
                    return Err(Failure::All(IngestError::DatabaseAway));
                }
            };
            if !matches!(error, StorageError::Unavailable(_) | StorageError::TooSlow(_)) {
                self.rollback().await;
            }
            match error {
                StorageError::Duplicate(_) if bet == Bet::New => bet = Bet::Look,
                // Another collector may have been first: look again, but not for ever.
                StorageError::Duplicate(_) if repeat < 3 => {}
                error @ (StorageError::Duplicate(_) | StorageError::Inconsistent { .. }) => {
                    if groups.len() == 1 {
                        tracing::error!(
                            lane = self.number, key = ?groups[0].key, cause = %Chain(&error),
                            "a span cannot be merged with what is stored of it"
                        );
                    }
                    return Err(Failure::One(Fault::Unmergeable));
                }
                StorageError::Serialization(_) => tokio::time::sleep(jitter(repeat)).await,
                StorageError::Unavailable(cause) | StorageError::TooSlow(cause) => {
                    tracing::warn!(lane = self.number, cause = %Chain(&cause), "database is not available");
                    self.disconnect();
                    return Err(Failure::All(IngestError::DatabaseAway));
                }
                StorageError::Refused(refusal, cause) => {
                    if groups.len() == 1 {
                        tracing::warn!(
                            lane = self.number, key = ?groups[0].key, cause = %Chain(&cause),
                            "database refuses a span"
                        );
                    }
                    return Err(Failure::One(Fault::Refused(Rejected::Refused(*refusal))));
                }
                error @ StorageError::Internal(_) => {
                    tracing::error!(lane = self.number, cause = %Chain(&error), "batch failed");
                    // Should it be the connection's state that is wrong, it goes with it.
                    self.disconnect();
                    return Err(Failure::All(IngestError::Internal));
                }
            }
        }
        tracing::warn!(lane = self.number, "transaction lost against others too often");
        Err(Failure::All(IngestError::DatabaseAway))
    }

    /// The open connection, or a new one unless the last attempt was just now.
    async fn connection(&mut self) -> Result<&mut SpanWriter, IngestError> {
        if let Connection::Closed { retry_at, backoff } = self.connection {
            if Instant::now() < retry_at {
                return Err(IngestError::DatabaseAway);
            }
            let opened = timeout(
                self.options.connect_timeout,
                self.database.writer(self.options.commit_timeout),
            )
            .await;
            match opened {
                Ok(Ok(writer)) => self.connection = Connection::Open(writer),
                Ok(Err(error)) => {
                    tracing::warn!(lane = self.number, cause = %Chain(&error), "cannot connect to the database");
                    self.back_off(backoff);
                }
                Err(_elapsed) => {
                    tracing::warn!(
                        lane = self.number,
                        "database does not answer a connection attempt"
                    );
                    self.back_off(backoff);
                }
            }
        }
        match &mut self.connection {
            Connection::Open(writer) => Ok(writer),
            Connection::Closed { .. } => Err(IngestError::DatabaseAway),
        }
    }

    fn back_off(&mut self, backoff: Duration) {
        self.connection = Connection::Closed {
            retry_at: Instant::now() + backoff,
            backoff: (backoff * 2).min(MAX_BACKOFF),
        };
    }

    /// Lets the connection go, whatever state it is in.
    fn disconnect(&mut self) {
        self.connection = Connection::Closed { retry_at: Instant::now(), backoff: FIRST_BACKOFF };
    }

    async fn rollback(&mut self) {
        let Connection::Open(writer) = &mut self.connection else { return };
        let rolled_back = timeout(self.options.commit_timeout, writer.rollback()).await;
        if !matches!(rolled_back, Ok(Ok(()))) {
            self.disconnect();
        }
    }
}

/// A growing pause with a random part, so that two that collided part.
fn jitter(repeat: u32) -> Duration {
    let ceiling_micros = 1_000_u64 << repeat.min(8);
    let (random, _) = uuid::Uuid::new_v4().as_u64_pair();
    Duration::from_micros(random % ceiling_micros)
}
