//! What waits in a lane, and how it is folded: all events of one span that are
//! in a batch become one change of one row.

use std::{cmp::Ordering, sync::Arc};

use tokio::sync::oneshot;

use super::{IngestError, Permit};
use crate::{
    domain::{
        event::{SpanEvent, SpanEventKind},
        ids::SpanKey,
        reason::ReasonKind,
        span::Contradiction,
        status::Status,
    },
    storage::{NewArtifact, Refusal},
};

/// Something to store.
#[derive(Debug)]
pub struct Write {
    /// What happened to a span.
    pub event: SpanEvent,
    /// The file that it left behind, stored already.
    pub artifact: Option<Box<NewArtifact>>,
}

/// What came of a write.
pub type Outcome = Result<Recorded, Rejected>;

/// A write that is committed, and what is known of its span since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Where the span stands.
    pub status: Status,
    /// Whether its start had been received before.
    pub known: bool,
    /// Whether this was an end and said something else than the first.
    pub conflict: bool,
    /// Whether somebody asked for its run to be cancelled.
    pub cancel_requested: bool,
    /// Why it failed.
    pub reason_code: Option<String>,
    /// What kind of failure.
    pub reason_kind: Option<ReasonKind>,
}

/// Why a write will never be stored as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejected {
    /// It contradicts what is known of its span.
    Contradiction(Contradiction),
    /// Postgres refuses it.
    Refused(Refusal),
}

/// Writes that travel together, and who waits for them.
#[derive(Debug)]
pub(super) struct Submission {
    pub(super) writes: Vec<Write>,
    pub(super) reply: oneshot::Sender<Reply>,
    /// Gives the room back when every part of the request is dealt with.
    pub(super) permit: Arc<Permit>,
}

/// What a lane replies: the outcome of each write, or why there is none.
pub(super) type Reply = Result<Vec<Outcome>, IngestError>;

/// What will have come of some writes.
#[derive(Debug)]
pub struct Receipt {
    /// A part for each lane: where in the request its writes stood, and its reply.
    /// Of a single part, they stood in order.
    parts: Vec<(Vec<usize>, oneshot::Receiver<Reply>)>,
    writes: usize,
}

impl Receipt {
    pub(super) fn for_writes(writes: usize) -> Self {
        Self { parts: Vec::with_capacity(1), writes }
    }

    pub(super) fn expect(&mut self, places: Vec<usize>, outcomes: oneshot::Receiver<Reply>) {
        self.parts.push((places, outcomes));
    }

    /// What came of each write, in order, once all are committed.
    ///
    /// # Errors
    ///
    /// Where one of them is not acknowledged; none is then.
    pub async fn outcomes(mut self) -> Result<Vec<Outcome>, IngestError> {
        // A lane that ended without a reply has panicked.
        if let [(_, only)] = &mut self.parts[..] {
            return only.await.map_err(|_| IngestError::Internal)?;
        }
        let mut all: Vec<Option<Outcome>> = Vec::new();
        all.resize_with(self.writes, || None);
        for (places, outcomes) in self.parts {
            let outcomes = outcomes.await.map_err(|_| IngestError::Internal)??;
            for (place, outcome) in places.into_iter().zip(outcomes) {
                all[place] = Some(outcome);
            }
        }
        all.into_iter().collect::<Option<Vec<_>>>().ok_or(IngestError::Internal)
    }
}

/// A write, and where its outcome goes.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) submission: usize,
    pub(super) place: usize,
    pub(super) write: Write,
}

impl Placed {
    /// By span; the writes of one as they came.
    fn order(&self, other: &Self) -> Ordering {
        let keys = self.write.event.key.cmp(&other.write.event.key);
        keys.then_with(|| (self.submission, self.place).cmp(&(other.submission, other.place)))
    }
}

/// All writes of one span in a batch, in the order in which they came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group<'b> {
    pub(super) key: SpanKey,
    pub(super) writes: &'b [Placed],
}

impl<'b> Group<'b> {
    pub(super) fn events(&self) -> impl DoubleEndedIterator<Item = &'b SpanEvent> + use<'b> {
        self.writes.iter().map(|placed| &placed.write.event)
    }

    /// Whether it only says that the span is alive.
    pub(super) fn only_beats(&self) -> bool {
        self.events().all(|event| matches!(event.kind, SpanEventKind::Heartbeat(_)))
    }

    /// Whether it tells of a span from start to end: such a span is new, but
    /// for a client's retry.
    pub(super) fn is_whole(&self) -> bool {
        let start = |event: &SpanEvent| {
            matches!(event.kind, SpanEventKind::Start(_) | SpanEventKind::Whole(..))
        };
        let end = |event: &SpanEvent| {
            matches!(event.kind, SpanEventKind::End(_) | SpanEventKind::Whole(..))
        };
        self.events().any(start) && self.events().any(end)
    }
}

/// Folds writes by span. The groups are sorted by key, so that whoever locks
/// rows locks them in one order.
pub(super) fn fold(writes: &mut [Placed]) -> Vec<Group<'_>> {
    writes.sort_unstable_by(Placed::order);
    writes
        .chunk_by(|one, next| one.write.event.key == next.write.event.key)
        .map(|writes| Group { key: writes[0].write.event.key, writes })
        .collect()
}
