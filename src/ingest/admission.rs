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
pub struct Permit(Option<OwnedSemaphorePermit>);

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

    /// Raises what `permit` has to the room for a request of `bytes`.
    pub(super) fn try_grow(&self, permit: &mut Permit, bytes: usize) -> Result<(), IngestError> {
        let Some(held) = &mut permit.0 else { return Ok(()) };
        let has = u32::try_from(held.num_permits()).unwrap_or(u32::MAX);
        let missing = self.cost(bytes).saturating_sub(has);
        let more = Arc::clone(&self.bytes)
            .try_acquire_many_owned(missing)
            .map_err(|_| IngestError::Overloaded)?;
        held.merge(more);
        Ok(())
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
    fn a_request_that_turns_out_larger_takes_the_rest_or_is_turned_away() {
        let admission = Admission::new(4096);
        let mut first = admission.try_admit(0).unwrap();
        let second = admission.try_admit(2000).unwrap();
        assert_eq!(admission.try_grow(&mut first, 3000).unwrap_err(), IngestError::Overloaded);
        drop(second);
        admission.try_grow(&mut first, 3000).unwrap();
        admission.try_grow(&mut first, 100).unwrap();
        assert!(admission.try_admit(500).is_err(), "what was taken is kept");
        admission.try_grow(&mut first, 1 << 30).unwrap();
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
