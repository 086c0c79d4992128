//! Where a list grows until its length is known and it can move to the arena.

use bumpalo::Bump;

use super::{Fault, Malformed};

/// How much the lists of a message may take up, in bytes of the decoded types.
///
/// An empty attribute is 2 bytes on the wire and tens in memory, so a small
/// message could ask for more memory than there is. Nothing that says something
/// comes near the limits.
#[derive(Debug)]
pub(super) struct Allowance(usize);

impl Allowance {
    /// Of a request: its spans' places, its resources and scopes. The smallest
    /// of requests that say something takes five times its own bytes.
    pub(super) fn of_request(bytes: usize) -> Self {
        Self(bytes.saturating_mul(6).max(1024 * 1024))
    }

    /// Of one span. The smallest of values takes six times its own bytes, and a
    /// real span about three times. The whole is bounded too, since a request
    /// may be one span: 32 MiB hold hundreds of thousands of attributes.
    pub(super) fn of_span(bytes: usize) -> Self {
        Self(bytes.saturating_mul(16).clamp(64 * 1024, 32 * 1024 * 1024))
    }

    /// Uses some of it up, for a part of `message`.
    #[inline]
    pub(super) fn take(&mut self, bytes: usize, message: &'static str) -> Result<(), Malformed> {
        match self.0.checked_sub(bytes) {
            Some(left) => {
                self.0 = left;
                Ok(())
            }
            None => Err(Malformed { message, fault: Fault::TooMany }),
        }
    }
}

/// Lists within lists: the innermost is at the top, and leaves when it is
/// complete. One such stack serves many spans, so that lists cost neither an
/// allocation each nor the copies of growing within the arena.
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

    /// Adds an item of a list of `message`.
    #[inline]
    pub(super) fn push(
        &mut self,
        item: T,
        allowance: &mut Allowance,
        message: &'static str,
    ) -> Result<(), Malformed> {
        allowance.take(size_of::<T>(), message)?;
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

    /// Forgets what a message that broke off has left.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
