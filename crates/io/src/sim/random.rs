//! The simulation's own random numbers: splitmix64, so that a seed means the same for ever.

/// A generator of repeatable numbers.
#[derive(Clone, Debug)]
pub(super) struct Random {
    state: u64,
}

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 bits.
    pub(super) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from zero to `last`, both included.
    pub(super) fn up_to(&mut self, last: usize) -> usize {
        let choices = (last as u64).wrapping_add(1);
        if choices == 0 {
            return usize::try_from(self.next()).unwrap_or(usize::MAX);
        }
        usize::try_from(self.next() % choices).unwrap_or(last)
    }

    /// True in `percent` of 100 cases.
    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.up_to(99) < percent
    }
}
