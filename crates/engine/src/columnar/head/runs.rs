//! Runs of numbers in one growing store: the interned labels of every series of a shard.
//!
//! Pages, not one vector: a vector that doubles would leave half of its memory unused. A run lies
//! within one page and never moves. Runs are not removed.

/// Numbers of a page.
const PAGE_LEN: usize = 1 << PAGE_BITS;
const PAGE_BITS: u32 = 14;
/// Pages whose numbers a [`Run`] can name.
const PAGES_MAX: usize = 1 << (u32::BITS - PAGE_BITS);

/// Where a run is. [`Run::NONE`] is no run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run(u32);

impl Run {
    /// Stands for a run that does not exist.
    pub(super) const NONE: Self = Self(u32::MAX);
}

/// The store. Each run is preceded by its length.
#[derive(Debug, Default)]
pub(super) struct Runs {
    pages: Vec<Vec<u32>>,
}

impl Runs {
    /// Whether a further run may not fit.
    pub(super) fn is_full(&self) -> bool {
        // The last page stays unused, so that no run is named as `Run::NONE` is.
        self.pages.len() + 1 >= PAGES_MAX
    }

    /// Stores a run of at most 255 numbers.
    ///
    /// # Panics
    /// When the store is full.
    pub(super) fn push(&mut self, numbers: &[u32]) -> Run {
        let len = u8::try_from(numbers.len()).expect("a series has at most 128 labels");
        let fits = |page: &Vec<u32>| page.len() + 1 + numbers.len() <= PAGE_LEN;
        if !self.pages.last().is_some_and(fits) {
            assert!(!self.is_full(), "whoever adds a run asks for room first");
            self.pages.push(Vec::with_capacity(PAGE_LEN));
        }
        let index = self.pages.len() - 1;
        let page = &mut self.pages[index];
        let run = Run((index as u32) << PAGE_BITS | page.len() as u32);
        page.push(u32::from(len));
        page.extend_from_slice(numbers);
        run
    }

    /// The numbers of a run.
    #[inline]
    pub(super) fn get(&self, run: Run) -> &[u32] {
        let page = &self.pages[(run.0 >> PAGE_BITS) as usize];
        let start = run.0 as usize & (PAGE_LEN - 1);
        &page[start + 1..start + 1 + page[start] as usize]
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.pages.len() * PAGE_LEN * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_found_again_across_pages() {
        let mut store = Runs::default();
        let numbers: Vec<u32> = (0..200).collect();
        let runs: Vec<Run> = (0..1_000).map(|i| store.push(&numbers[..i % 200])).collect();
        for (i, run) in runs.iter().enumerate() {
            assert_eq!(store.get(*run), &numbers[..i % 200]);
        }
        assert!(store.pages.len() > 1);
        assert!(store.pages.iter().all(|page| page.capacity() == PAGE_LEN));
    }
}
