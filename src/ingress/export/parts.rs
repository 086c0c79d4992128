//! A request's spans on their way to disk, part by part: however many there are,
//! few are in memory as events at once.

use std::sync::Arc;

use tokio::{
    runtime::Handle,
    sync::{
        OwnedSemaphorePermit, Semaphore,
        mpsc::{Sender, error::TrySendError},
    },
};

use crate::ingest::{Permit, Write};

/// What an event takes in memory beside its span's bytes on the wire and what is
/// said of its resource and scope: its fields and its place in a batch. Spans of
/// 30 bytes each would otherwise take twenty times the memory that they were
/// admitted for.
pub(super) const EVENT_BYTES: usize = 512;

/// How much a part may be. A request of a few hundred spans is one part.
const PART_BYTES: usize = 8 << 20;
const PART_SPANS: usize = 4096;

/// How many parts of a request there are at once: one is being stored, one waits
/// for that, and one for its place.
const PARTS_AT_ONCE: usize = 3;

/// How much memory a request's events take at once, that come to `bytes` in all.
pub(super) fn bytes_at_once(bytes: usize) -> usize {
    bytes.min(PARTS_AT_ONCE * PART_BYTES)
}

/// Some of a request's spans.
pub(super) struct Part {
    pub(super) writes: Vec<Write>,
    /// The room that the whole request takes.
    pub(super) permit: Arc<Permit>,
}

/// Where parts go.
pub(super) trait Outlet {
    /// Takes the next one.
    fn send(&mut self, part: Part);

    /// Whether somebody still waits for what comes of them.
    fn is_wanted(&self) -> bool;
}

/// Of a small request all parts are made before the first is stored.
impl Outlet for Vec<Part> {
    fn send(&mut self, part: Part) {
        self.push(part);
    }

    fn is_wanted(&self) -> bool {
        true
    }
}

/// To the task that stores them, from a thread that may be held up.
pub(super) struct Channel {
    pub(super) parts: Sender<Part>,
    pub(super) runtime: Handle,
    pub(super) turns: Arc<Semaphore>,
    /// The right to use a core, which others have while this waits for the
    /// database.
    pub(super) turn: Option<OwnedSemaphorePermit>,
}

impl Outlet for Channel {
    fn send(&mut self, part: Part) {
        // An error is that nobody waits any more, which `is_wanted` says.
        if let Err(TrySendError::Full(part)) = self.parts.try_send(part) {
            drop(self.turn.take());
            let _ = self.parts.blocking_send(part);
            self.turn = self.runtime.block_on(Arc::clone(&self.turns).acquire_owned()).ok();
        }
    }

    fn is_wanted(&self) -> bool {
        !self.parts.is_closed()
    }
}

/// Gathers writes to parts.
pub(super) struct Parts<'o> {
    outlet: &'o mut dyn Outlet,
    permit: Arc<Permit>,
    writes: Vec<Write>,
    bytes: usize,
}

impl<'o> Parts<'o> {
    /// Of a request that takes the room of `permit`.
    pub(super) fn new(outlet: &'o mut dyn Outlet, permit: Permit) -> Self {
        Self { outlet, permit: Arc::new(permit), writes: Vec::new(), bytes: 0 }
    }

    /// Adds a write that takes up `bytes`.
    pub(super) fn push(&mut self, write: Write, bytes: usize) {
        self.writes.push(write);
        self.bytes += bytes;
        if self.writes.len() >= PART_SPANS || self.bytes >= PART_BYTES {
            self.send();
        }
    }

    /// Sends what is left.
    pub(super) fn finish(mut self) {
        if !self.writes.is_empty() {
            self.send();
        }
    }

    /// Whether somebody still waits for what comes of them.
    pub(super) fn are_wanted(&self) -> bool {
        self.outlet.is_wanted()
    }

    fn send(&mut self) {
        let writes = std::mem::take(&mut self.writes);
        self.bytes = 0;
        self.outlet.send(Part { writes, permit: Arc::clone(&self.permit) });
    }
}
