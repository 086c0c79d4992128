//! The bounded road to disk.
//!
//! A request is admitted by its bytes, goes to the lane of its run, is folded
//! with whatever else is waiting there, and is acknowledged when the lane's
//! transaction has committed. A handler never touches a connection: it may be
//! dropped at any moment, because clients cancel, and a dropped half of a
//! transaction would poison the connection for the next.

mod admission;
mod batch;
mod lane;
mod transaction;

use std::sync::Arc;

use admission::Admission;
pub use admission::Permit;
pub use batch::{Outcome, Recorded, Rejected, Write};
use batch::{Receipt, Submission};
use lane::Lane;
pub use lane::LaneOptions;
use tokio::sync::{mpsc, oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{domain::ids::RunId, storage::Database};

/// Why nothing of a request was acknowledged. Some of it may be stored all the
/// same: it may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
    /// More is waiting than may wait.
    #[error("too much is waiting to be stored")]
    Overloaded,
    /// The database is away.
    #[error("the database is not available")]
    DatabaseAway,
    /// The server is on its way out.
    #[error("the server is shutting down")]
    ShuttingDown,
    /// A mistake of the server's, already logged.
    #[error("internal error")]
    Internal,
}

/// How the road is built.
#[derive(Debug, Clone)]
pub struct IngestOptions {
    /// How many lanes, and so connections. As many as cores is a good start:
    /// fewer leave Postgres idle between commits, more only make batches small.
    pub lanes: usize,
    /// How many bytes of requests may wait. More rides out longer pauses of the
    /// database; it is also what memory may grow by.
    pub buffer_bytes: usize,
    /// What holds for each lane.
    pub lane: LaneOptions,
}

/// The writes of a request that go to one lane.
struct Part {
    /// Where in the request each stood; none where this is all of it.
    places: Vec<usize>,
    writes: Vec<Write>,
}

/// The entrance. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ingest {
    lanes: Arc<[mpsc::UnboundedSender<Submission>]>,
    admission: Admission,
}

impl Ingest {
    /// Opens the lanes, each a task on `tasks`. When `stop` is cancelled they
    /// take nothing more, write what is waiting, and end. Should one of them end
    /// by itself, which is a mistake in it, `failed` is cancelled: its runs could
    /// not be written any more.
    #[must_use]
    pub fn open(
        database: &Database,
        options: &IngestOptions,
        tasks: &TaskTracker,
        stop: &CancellationToken,
        failed: &CancellationToken,
    ) -> Self {
        let lanes = (0..options.lanes.max(1))
            .map(|number| {
                // Bounded in bytes by admission, which is before it.
                let (sender, inbox) = mpsc::unbounded_channel();
                let lane = Lane::new(number, database.clone(), options.lane.clone(), inbox);
                let (stop, alarm) = (stop.clone(), failed.clone().drop_guard());
                tasks.spawn(async move {
                    lane.run(stop).await;
                    alarm.disarm();
                });
                sender
            })
            .collect();
        Self { lanes, admission: Admission::new(options.buffer_bytes) }
    }

    /// Room for a request of `bytes`, or none at once: a caller who can be
    /// turned away is told within no time, and memory stays as it is.
    ///
    /// # Errors
    ///
    /// [`IngestError::Overloaded`] where there is none.
    pub fn try_admit(&self, bytes: usize) -> Result<Permit, IngestError> {
        self.admission.try_admit(bytes)
    }

    /// Room for a request that turned out to be of `bytes`, where less was taken
    /// for it. Nothing is given back where it is of fewer.
    ///
    /// # Errors
    ///
    /// [`IngestError::Overloaded`] where there is none.
    pub fn try_grow(&self, permit: &mut Permit, bytes: usize) -> Result<(), IngestError> {
        self.admission.try_grow(permit, bytes)
    }

    /// Room for `bytes`, when there is some: for a stream, whose client is then
    /// held back by the transport's flow control.
    pub async fn admit(&self, bytes: usize) -> Permit {
        self.admission.admit(bytes).await
    }

    /// Sends writes on their way, which are all of what `permit` was for or a part of
    /// it. Awaiting the receipt says what came of each,
    /// in order; dropping it changes nothing.
    ///
    /// # Errors
    ///
    /// [`IngestError::ShuttingDown`] where the lanes take nothing more.
    pub fn enqueue(
        &self,
        writes: Vec<Write>,
        permit: impl Into<Arc<Permit>>,
    ) -> Result<Receipt, IngestError> {
        let mut receipt = Receipt::for_writes(writes.len());
        let permit = permit.into();
        for (lane, Part { places, writes }) in self.by_lane(writes) {
            let (reply, outcomes) = oneshot::channel();
            self.lanes[lane]
                .send(Submission { writes, reply, permit: Arc::clone(&permit) })
                .map_err(|_| IngestError::ShuttingDown)?;
            receipt.expect(places, outcomes);
        }
        Ok(receipt)
    }

    /// Stores one write.
    ///
    /// # Errors
    ///
    /// Where it is not acknowledged.
    pub async fn store(&self, write: Write, bytes: usize) -> Result<Outcome, IngestError> {
        let permit = self.try_admit(bytes)?;
        let outcomes = self.enqueue(vec![write], permit)?.outcomes().await?;
        outcomes.into_iter().next().ok_or(IngestError::Internal)
    }

    fn by_lane(&self, writes: Vec<Write>) -> Vec<(usize, Part)> {
        let lane_of = |write: &Write| self.lane_of(write.event.key.run_id);
        // A request of one run, as most are, has one lane.
        if let Some(lane) = writes.first().map(lane_of)
            && writes.iter().all(|write| lane_of(write) == lane)
        {
            return vec![(lane, Part { places: Vec::new(), writes })];
        }
        let mut parts: Vec<(usize, Part)> = Vec::with_capacity(self.lanes.len());
        for (place, write) in writes.into_iter().enumerate() {
            let lane = lane_of(&write);
            let index = parts.iter().position(|(of, _)| *of == lane).unwrap_or_else(|| {
                parts.push((lane, Part { places: Vec::new(), writes: Vec::new() }));
                parts.len() - 1
            });
            let part = &mut parts[index].1;
            part.places.push(place);
            part.writes.push(write);
        }
        parts
    }

    /// A run's lane is always the same: its events keep their order, and no two
    /// lanes wait for one row.
    fn lane_of(&self, run: RunId) -> usize {
        let lanes = self.lanes.len() as u64;
        usize::try_from(run.shard() % lanes).unwrap_or(0)
    }
}
