//! The slots of one shard: which series is where.
//!
//! Slots are handed out once and never again, so most of a long-lived shard may be series that have
//! gone. Pages, made when one of their slots is filled and freed when all of them are empty: slots that
//! hold nothing cost a pointer for each page, 0.03 bytes a slot.

use super::runs::Run;

/// Slots of a page.
const PAGE_LEN: usize = 256;

/// What is known of the series of one page.
#[derive(Debug)]
struct Page {
    /// Hashes of the labels.
    hashes: [u64; PAGE_LEN],
    /// The labels as pairs, or none where the slot is empty.
    runs: [Run; PAGE_LEN],
    /// Slots that are filled.
    filled: u16,
}

/// Series by slot.
#[derive(Debug, Default)]
pub(super) struct Slots {
    pages: Vec<Option<Box<Page>>>,
    /// One more than the highest slot that was ever filled.
    end: u32,
    filled: u32,
}

impl Slots {
    /// One more than the highest slot that was ever filled, or that [`Slots::skip_to`] named.
    pub(super) const fn end(&self) -> u32 {
        self.end
    }

    /// How many slots are filled.
    pub(super) const fn filled(&self) -> u32 {
        self.filled
    }

    /// Leaves the slots before this one as they are: none of them is handed out any more.
    pub(super) fn skip_to(&mut self, end: u32) {
        self.end = self.end.max(end);
    }

    /// The pairs of a series, if the slot holds one.
    #[inline]
    pub(super) fn run(&self, slot: u32) -> Option<Run> {
        let page = self.pages.get(slot as usize / PAGE_LEN)?.as_ref()?;
        Some(page.runs[slot as usize % PAGE_LEN]).filter(|run| *run != Run::NONE)
    }

    /// The hash of a series' labels; means nothing for a slot that is empty.
    #[inline]
    pub(super) fn hash(&self, slot: u32) -> u64 {
        let page = self.pages.get(slot as usize / PAGE_LEN).and_then(Option::as_ref);
        page.map_or(0, |page| page.hashes[slot as usize % PAGE_LEN])
    }

    /// Fills an empty slot.
    pub(super) fn fill(&mut self, slot: u32, hash: u64, run: Run) {
        let (index, place) = (slot as usize / PAGE_LEN, slot as usize % PAGE_LEN);
        if index >= self.pages.len() {
            self.pages.resize_with(index + 1, || None);
        }
        let page = self.pages[index].get_or_insert_with(|| {
            Box::new(Page { hashes: [0; PAGE_LEN], runs: [Run::NONE; PAGE_LEN], filled: 0 })
        });
        debug_assert!(page.runs[place] == Run::NONE, "a slot is filled once");
        page.hashes[place] = hash;
        page.runs[place] = run;
        page.filled += 1;
        self.filled += 1;
        self.end = self.end.max(slot + 1);
    }

    /// Empties a slot, for good; says whether it held a series.
    pub(super) fn clear(&mut self, slot: u32) -> bool {
        let Some(place) = self.pages.get_mut(slot as usize / PAGE_LEN) else { return false };
        let Some(page) = place else { return false };
        let run = &mut page.runs[slot as usize % PAGE_LEN];
        if *run == Run::NONE {
            return false;
        }
        *run = Run::NONE;
        page.filled -= 1;
        self.filled -= 1;
        if page.filled == 0 {
            *place = None;
        }
        true
    }

    /// The filled slots, ascending, each with its hash and its pairs.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, u64, Run)> {
        self.iter_from(0)
    }

    /// The filled slots from one on, ascending.
    pub(super) fn iter_from(&self, first: u32) -> impl Iterator<Item = (u32, u64, Run)> {
        let pages = (0..).step_by(PAGE_LEN).zip(&self.pages);
        let pages = pages.skip(first as usize / PAGE_LEN);
        let made = pages.filter_map(|(start, page)| Some((start, page.as_ref()?)));
        made.flat_map(move |(start, page)| {
            let series = (start..).zip(page.hashes.iter().zip(&page.runs));
            series
                .filter(move |(slot, (_, run))| *slot >= first && **run != Run::NONE)
                .map(|(slot, (hash, run))| (slot, *hash, *run))
        })
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.pages.capacity() * size_of::<Option<Box<Page>>>()
            + self.pages.iter().flatten().count() * size_of::<Page>()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::runs::Runs, *};

    #[test]
    fn pages_go_when_all_of_their_slots_are_empty() {
        let mut runs = Runs::default();
        let mut slots = Slots::default();
        for slot in [3, 255, 1_000_000] {
            slots.fill(slot, u64::from(slot) * 7, runs.push(&[slot]));
        }
        assert_eq!((slots.end(), slots.filled()), (1_000_001, 3));
        assert_eq!(slots.iter().map(|(slot, ..)| slot).collect::<Vec<_>>(), [3, 255, 1_000_000]);
        assert_eq!((slots.hash(255), slots.hash(70_000)), (1_785, 0));
        let with_three = slots.bytes();
        assert!(slots.clear(3) && !slots.clear(3) && !slots.clear(4) && !slots.clear(u32::MAX));
        assert_eq!(slots.bytes(), with_three, "another slot of the page is filled");
        assert!(slots.clear(255));
        assert_eq!(with_three - slots.bytes(), size_of::<Page>());
        assert_eq!((slots.run(3), slots.end(), slots.filled()), (None, 1_000_001, 1));
        slots.skip_to(2_000_000);
        assert_eq!(slots.end(), 2_000_000);
    }
}
