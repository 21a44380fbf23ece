//! The samples of all series of a shard, by slot.
//!
//! Pages, made when one of their slots is first written: growing never moves a series, and slots that
//! are never used cost a pointer for each page.

use super::series::Series;

/// Series of a page.
pub(super) const PAGE_LEN: usize = 256;

/// A page of series.
type Page = Box<[Series]>;

/// Series by slot.
#[derive(Debug, Default)]
pub(super) struct SeriesTable {
    pages: Vec<Option<Page>>,
}

impl SeriesTable {
    /// The samples of a slot, if any were ever written near it.
    #[inline]
    pub(super) fn get(&self, slot: u32) -> Option<&Series> {
        let page = self.pages.get(slot as usize / PAGE_LEN)?.as_ref()?;
        Some(&page[slot as usize % PAGE_LEN])
    }

    /// The samples of a slot, to change.
    #[inline]
    pub(super) fn get_mut(&mut self, slot: u32) -> &mut Series {
        let (index, place) = (slot as usize / PAGE_LEN, slot as usize % PAGE_LEN);
        if self.pages.get(index).is_none_or(Option::is_none) {
            self.add_page(index);
        }
        let page = self.pages[index].as_mut().expect("the page was made if it was missing");
        &mut page[place]
    }

    /// Moves the samples of one slot to another that has none.
    pub(super) fn rename(&mut self, from: u32, to: u32) {
        if self.get(from).is_some() {
            let series = std::mem::take(self.get_mut(from));
            *self.get_mut(to) = series;
        }
    }

    /// Forgets the samples of a slot that is not used again, and gives its page back when none of the
    /// page's slots is in use.
    pub(super) fn forget(&mut self, slot: u32, in_use: impl Fn(u32) -> bool) {
        let index = slot as usize / PAGE_LEN;
        let Some(Some(page)) = self.pages.get_mut(index) else { return };
        page[slot as usize % PAGE_LEN] = Series::default();
        let first = (index * PAGE_LEN) as u32;
        // The last page may get further slots.
        let is_last = index + 1 == self.pages.len();
        if !is_last && !(first..).take(PAGE_LEN).any(in_use) {
            self.pages[index] = None;
        }
    }

    #[cold]
    fn add_page(&mut self, index: usize) {
        if index >= self.pages.len() {
            self.pages.resize_with(index + 1, || None);
        }
        let page = std::iter::repeat_with(Series::default).take(PAGE_LEN).collect();
        self.pages[index] = Some(page);
    }

    /// How many pages there are, made or not.
    pub(super) fn page_count(&self) -> usize {
        self.pages.len()
    }

    /// The series of a page, by slot.
    pub(super) fn page(&self, index: usize) -> impl Iterator<Item = (u32, &Series)> {
        let first = (index * PAGE_LEN) as u32;
        let page = self.pages.get(index).and_then(Option::as_deref).unwrap_or_default();
        (first..).zip(page)
    }

    /// The series of a page, to change.
    pub(super) fn page_mut(&mut self, index: usize) -> impl Iterator<Item = &mut Series> {
        self.pages.get_mut(index).and_then(Option::as_deref_mut).unwrap_or_default().iter_mut()
    }

    /// Bytes of the pages.
    pub(super) fn bytes(&self) -> usize {
        self.pages.iter().flatten().count() * PAGE_LEN * size_of::<Series>()
    }
}
