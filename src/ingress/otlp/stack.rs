//! Where a list grows until its length is known and it can move to the arena.

use bumpalo::Bump;

use super::{Fault, Malformed};

/// How much a request's lists may take up, in bytes of the decoded types.
///
/// An empty span is 2 bytes on the wire and hundreds in memory, so a small
/// request could ask for more memory than there is. Nothing that says something
/// comes near the factor: the smallest of values takes six times its own bytes,
/// and a real span about three times.
#[derive(Debug)]
pub(super) struct Allowance(usize);

impl Allowance {
    pub(super) fn new(request_bytes: usize) -> Self {
        const FACTOR: usize = 16;
        const LEAST_BYTES: usize = 1024 * 1024;
        Self(request_bytes.saturating_mul(FACTOR).max(LEAST_BYTES))
    }

    #[inline]
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), Malformed> {
        match self.0.checked_sub(bytes) {
            Some(left) => {
                self.0 = left;
                Ok(())
            }
            None => {
                Err(Malformed { message: "ExportTraceServiceRequest", fault: Fault::MostlyEmpty })
            }
        }
    }
}

/// Lists within lists: the innermost is at the top, and leaves when it is
/// complete. One such stack serves a whole request, so that lists cost neither
/// an allocation each nor the copies of growing within the arena.
#[derive(Debug)]
pub(super) struct Stack<T>(Vec<T>);

impl<T: Copy> Stack<T> {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    /// Where a list begins.
    #[inline]
    pub(super) fn mark(&self) -> usize {
        self.0.len()
    }

    #[inline]
    pub(super) fn push(&mut self, item: T, allowance: &mut Allowance) -> Result<(), Malformed> {
        allowance.take(size_of::<T>())?;
        self.0.push(item);
        Ok(())
    }

    /// Moves the list that began at `mark` to the arena.
    #[inline]
    pub(super) fn keep<'a>(&mut self, mark: usize, arena: &'a Bump) -> &'a [T] {
        let kept: &[T] = match self.0.get(mark..) {
            Some(list) if !list.is_empty() => arena.alloc_slice_copy(list),
            _ => &[],
        };
        self.0.truncate(mark);
        kept
    }

    /// Forgets the list that began at `mark`.
    pub(super) fn forget(&mut self, mark: usize) {
        self.0.truncate(mark);
    }
}
