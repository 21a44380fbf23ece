//! Random numbers that their seed alone decides (splitmix64), so that a seed means the same for ever: for the
//! simulation, and for tests.
//!
//! What it is not: a source of secrets, or of numbers that nobody can foresee.

/// A generator of repeatable numbers.
///
/// ```
/// use timberline_io::Random;
///
/// let mut random = Random::new(7);
/// let first = (random.below(6), random.pick(&["heads", "tails"]));
/// let mut again = Random::new(7);
/// assert_eq!((again.below(6), again.pick(&["heads", "tails"])), first);
/// ```
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The numbers of this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from zero up to `end`, without it.
    ///
    /// # Panics
    /// If `end` is zero.
    pub const fn below(&mut self, end: u64) -> u64 {
        self.bits() % end
    }

    /// A number from zero to `last`, both included.
    pub fn up_to(&mut self, last: usize) -> usize {
        let end = (last as u64).saturating_add(1);
        usize::try_from(self.below(end)).unwrap_or(last)
    }

    /// True in one of `count` cases.
    ///
    /// # Panics
    /// If `count` is zero.
    pub const fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    /// True in `percent` of 100 cases.
    pub const fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of the choices.
    ///
    /// # Panics
    /// If there are none.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.up_to(choices.len() - 1)]
    }
}
