//! Interned labels: each pair of name and value that a shard has seen, once.
//!
//! A pair is kept as its canonical bytes (length, name, length, value), so that a label set is put
//! together, and compared, by joining bytes. Pairs are numbered from zero and never removed.

use hashbrown::HashTable;
use timberline_codec::varint;
use timberline_model::limits;
use xxhash_rust::xxh3::xxh3_64;

/// Bytes of a page of text. A pair that does not fit gets a page of its own size.
const PAGE_BYTES: usize = 1 << 16;

/// The number of a pair.
pub(super) type PairId = u32;

/// The pairs of one shard.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    pages: Vec<Vec<u8>>,
    spans: Vec<Span>,
    by_text: HashTable<PairId>,
}

/// Where a pair's text is.
#[derive(Clone, Copy, Debug)]
struct Span {
    page: u32,
    start: u32,
    len: u32,
}

impl Pairs {
    /// The number of a pair, if it is known.
    pub(super) fn find(&self, text: &[u8]) -> Option<PairId> {
        self.by_text.find(xxh3_64(text), |id| self.text(*id) == text).copied()
    }

    /// How many pairs there are.
    pub(super) const fn len(&self) -> usize {
        self.spans.len()
    }

    /// Makes room for more pairs, as far as finding them goes.
    pub(super) fn reserve(&mut self, count: usize) {
        let Self { pages, spans, by_text } = self;
        by_text.reserve(count, |id| xxh3_64(text_of(pages, spans[*id as usize])));
    }

    /// The number after the last pair's.
    pub(super) fn end(&self) -> PairId {
        PairId::try_from(self.spans.len()).expect("whoever adds a pair asks for room first")
    }

    /// Whether the pairs of a further series may find no numbers.
    pub(super) fn is_full(&self) -> bool {
        self.spans.len() + limits::LABEL_COUNT_MAX > PairId::MAX as usize
    }

    /// Adds a pair that is not known yet.
    ///
    /// # Panics
    /// When the numbers have run out.
    pub(super) fn add(&mut self, text: &[u8]) -> PairId {
        self.add_hashed(text, xxh3_64(text))
    }

    /// The number of a pair, and whether it was added because it was not known.
    ///
    /// # Panics
    /// As [`Pairs::add`].
    pub(super) fn find_or_add(&mut self, text: &[u8]) -> (PairId, bool) {
        let hash = xxh3_64(text);
        let known = self.by_text.find(hash, |id| self.text(*id) == text).copied();
        known.map_or_else(|| (self.add_hashed(text, hash), true), |id| (id, false))
    }

    fn add_hashed(&mut self, text: &[u8], hash: u64) -> PairId {
        let id =
            PairId::try_from(self.spans.len()).expect("whoever adds a pair asks for room first");
        let span = self.store(text);
        self.spans.push(span);
        let Self { pages, spans, by_text } = self;
        by_text.insert_unique(hash, id, |id| xxh3_64(text_of(pages, spans[*id as usize])));
        id
    }

    fn store(&mut self, text: &[u8]) -> Span {
        let room = |page: &Vec<u8>| page.capacity() - page.len();
        if self.pages.last().is_none_or(|page| room(page) < text.len()) {
            self.pages.push(Vec::with_capacity(PAGE_BYTES.max(text.len())));
        }
        let index = self.pages.len() - 1;
        let page = &mut self.pages[index];
        let narrow = |n: usize| u32::try_from(n).expect("pages are few and pairs short");
        let span = Span { page: narrow(index), start: narrow(page.len()), len: narrow(text.len()) };
        page.extend_from_slice(text);
        span
    }

    /// The canonical bytes of a pair.
    #[inline]
    pub(super) fn text(&self, id: PairId) -> &[u8] {
        text_of(&self.pages, self.spans[id as usize])
    }

    /// Name and value of a pair.
    pub(super) fn name_and_value(&self, id: PairId) -> (&str, &str) {
        split(self.text(id))
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.pages.iter().map(Vec::capacity).sum::<usize>()
            + self.spans.capacity() * size_of::<Span>()
            + self.by_text.allocation_size()
    }
}

#[inline]
fn text_of(pages: &[Vec<u8>], span: Span) -> &[u8] {
    let start = span.start as usize;
    &pages[span.page as usize][start..start + span.len as usize]
}

/// Takes one pair's canonical bytes apart.
pub(super) fn split(text: &[u8]) -> (&str, &str) {
    let (name, rest) = part(text);
    let (value, rest) = part(rest);
    debug_assert!(rest.is_empty(), "a pair and nothing else");
    (name, value)
}

fn part(bytes: &[u8]) -> (&str, &[u8]) {
    let (len, rest) = varint::uvarint(bytes).expect("interned pairs are canonical");
    let (text, rest) = rest.split_at(len as usize);
    (str::from_utf8(text).expect("interned pairs are UTF-8"), rest)
}

/// Cuts canonical label bytes into their pairs' bytes.
pub(super) fn each_pair<'a>(labels: &'a [u8], mut each: impl FnMut(&'a [u8])) {
    let mut rest = labels;
    while !rest.is_empty() {
        let len = part_len(rest);
        let len = len + part_len(&rest[len..]);
        let (pair, tail) = rest.split_at(len);
        each(pair);
        rest = tail;
    }
}

/// Bytes of a length and what it is the length of.
fn part_len(bytes: &[u8]) -> usize {
    let (len, rest) = varint::uvarint(bytes).expect("canonical bytes hold whole labels");
    bytes.len() - rest.len() + len as usize
}

#[cfg(test)]
mod tests {
    use timberline_model::Labels;

    use super::*;

    fn text(name: &str, value: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        Labels::encode_pair(&mut bytes, name.as_bytes(), value.as_bytes());
        bytes
    }

    #[test]
    fn a_pair_has_one_number_and_comes_back() {
        let mut pairs = Pairs::default();
        let long = "x".repeat(60_000);
        for i in 0..5_000 {
            let text = text("host", &format!("h{i}"));
            assert_eq!(pairs.find(&text), None);
            assert_eq!(pairs.add(&text), i);
        }
        let id = pairs.add(&text("long", &long));
        assert_eq!(pairs.name_and_value(id), ("long", long.as_str()));
        assert_eq!(pairs.find(&text("host", "h4321")), Some(4_321));
        assert_eq!(pairs.name_and_value(77), ("host", "h77"));
    }

    #[test]
    fn labels_are_cut_into_pairs() {
        let long = "v".repeat(300);
        let labels = Labels::from_pairs([("a", "1"), ("b", &long), ("c", "3")]).expect("valid");
        let mut pairs = Vec::new();
        each_pair(labels.as_bytes(), |pair| pairs.push(split(pair)));
        assert_eq!(pairs, labels.iter().collect::<Vec<_>>());
    }
}
