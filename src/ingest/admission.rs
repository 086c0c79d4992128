//! How much may wait: a budget in bytes, because a count says nothing about
//! memory.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::IngestError;

/// What a write costs in memory beside its bytes on the wire.
const OVERHEAD_BYTES: usize = 512;

/// The budget.
#[derive(Debug, Clone)]
pub(super) struct Admission {
    bytes: Arc<Semaphore>,
    capacity: u32,
}

/// Room for a request, given back when dropped.
#[derive(Debug)]
pub struct Permit(#[allow(dead_code)] Option<OwnedSemaphorePermit>);

impl Admission {
    pub(super) fn new(bytes: usize) -> Self {
        let capacity = u32::try_from(bytes).unwrap_or(u32::MAX).max(1);
        Self { bytes: Arc::new(Semaphore::new(capacity as usize)), capacity }
    }

    /// A request larger than the whole budget passes when it is alone.
    fn cost(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.saturating_add(OVERHEAD_BYTES)).unwrap_or(u32::MAX).min(self.capacity)
    }

    pub(super) fn try_admit(&self, bytes: usize) -> Result<Permit, IngestError> {
        Arc::clone(&self.bytes)
            .try_acquire_many_owned(self.cost(bytes))
            .map(|permit| Permit(Some(permit)))
            .map_err(|_| IngestError::Overloaded)
    }

    pub(super) async fn admit(&self, bytes: usize) -> Permit {
        // The semaphore is never closed, so this is never an error.
        Permit(Arc::clone(&self.bytes).acquire_many_owned(self.cost(bytes)).await.ok())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_full_budget_turns_away_at_once_until_something_leaves() {
        let admission = Admission::new(4096);
        let first = admission.try_admit(3000).unwrap();
        assert_eq!(admission.try_admit(3000).unwrap_err(), IngestError::Overloaded);
        drop(first);
        admission.try_admit(3000).unwrap();
    }

    #[test]
    fn what_is_larger_than_the_budget_passes_alone() {
        let admission = Admission::new(4096);
        let all = admission.try_admit(1 << 30).unwrap();
        assert!(admission.try_admit(1).is_err());
        drop(all);
    }
}
