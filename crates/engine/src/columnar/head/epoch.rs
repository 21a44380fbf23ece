//! Epochs: which flush a chunk belongs to.

/// A stretch of the head's life between two flushes. Every chunk belongs to the one in which it was
/// begun.
///
/// The default comes before every epoch, so "after the default" means everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(u32);

impl Epoch {
    /// The epoch of a head that was never rotated.
    pub(super) const FIRST: Self = Self(1);
    /// After every epoch.
    pub(crate) const LAST: Self = Self(u32::MAX);

    /// # Panics
    /// After four thousand million flushes.
    pub(super) fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("fewer than 2^32 flushes in the life of a process"))
    }
}

/// The epochs after one and up to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct EpochSpan {
    pub(super) after: Epoch,
    pub(super) upto: Epoch,
}

impl EpochSpan {
    /// All epochs after one.
    pub(super) const fn after(after: Epoch) -> Self {
        Self { after, upto: Epoch::LAST }
    }

    #[inline]
    pub(super) fn contains(&self, epoch: Epoch) -> bool {
        self.after < epoch && epoch <= self.upto
    }
}
