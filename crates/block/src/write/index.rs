//! Writing `index`: series bodies as they come, everything sorted by label at the end.

use timberline_codec::{crc::crc32c, varint::put_uvarint};
use timberline_model::Labels;
use ulid::Ulid;

use super::{
    sink::Sink,
    symbols::{SortedName, Symbols},
};
use crate::{
    BlockError, FileMeta,
    format::{Footer, Header, INDEX_FILE, INDEX_MAGIC, SERIES_PER_GROUP, VALUES_PER_BLOCK},
    posting,
};

/// Entries of posting lists that are built in one pass over the series: bounds the memory for it.
const POSTINGS_PER_PASS: usize = 4 << 20;

/// An index being written.
#[derive(Debug)]
pub(crate) struct IndexWriter {
    ulid: Ulid,
    sink: Sink,
    symbols: Symbols,
    /// Pair numbers of all series, one series after the other.
    pairs: Vec<u32>,
    /// How many of them each series has.
    pair_counts: Vec<u8>,
    /// Where each group of bodies starts.
    body_groups: Vec<u64>,
}

/// Where a label lies once all are sorted.
#[derive(Clone, Copy, Default)]
struct Place {
    name: u32,
    value: u32,
}

impl IndexWriter {
    pub(crate) fn create(ulid: Ulid, mut sink: Sink) -> Result<Self, BlockError> {
        sink.push(&Header { magic: INDEX_MAGIC, ulid }.encode())?;
        Ok(Self {
            ulid,
            sink,
            symbols: Symbols::default(),
            pairs: Vec::new(),
            pair_counts: Vec::new(),
            body_groups: Vec::new(),
        })
    }

    pub(crate) fn series_count(&self) -> usize {
        self.pair_counts.len()
    }

    /// Adds a series: its labels, and the encoded list of its chunks.
    pub(crate) fn push(&mut self, labels: &Labels, body: &[u8]) -> Result<(), BlockError> {
        let too_many =
            |what, max| BlockError::TooMany { ulid: self.ulid, what, max: u64::from(max) };
        if self.series_count() >= u32::MAX as usize {
            return Err(too_many("series", u32::MAX));
        }
        let count = u8::try_from(labels.len())
            .map_err(|_| too_many("labels of a series", u32::from(u8::MAX)))?;
        let before = self.pairs.len();
        for (name, value) in labels.iter() {
            let Some(pair) = self.symbols.pair(name, value) else {
                self.pairs.truncate(before);
                return Err(too_many("label values", u32::MAX));
            };
            self.pairs.push(pair);
        }
        if self.series_count().is_multiple_of(SERIES_PER_GROUP as usize) {
            self.body_groups.push(self.sink.position());
        }
        self.pair_counts.push(count);
        let mut length = Vec::with_capacity(10);
        put_uvarint(&mut length, body.len() as u64);
        self.sink.push(&length)?;
        self.sink.push(body)
    }

    /// Writes the sections that need all series, the checksums and the footer.
    pub(crate) fn finish(mut self) -> Result<FileMeta, BlockError> {
        let mut footer = Footer { body_groups: self.sink.position(), ..Footer::default() };
        footer.series = u32::try_from(self.series_count()).expect("push has checked the count");
        let pair_count = self.symbols.pair_count() as usize;
        let names = std::mem::take(&mut self.symbols).sort();
        footer.names = u32::try_from(names.len()).expect("there are no more names than pairs");
        push_table(&mut self.sink, &std::mem::take(&mut self.body_groups))?;

        footer.label_lists = self.sink.position();
        let groups = self.write_label_lists(&places(&names, pair_count))?;
        footer.label_groups = self.sink.position();
        push_table(&mut self.sink, &groups)?;

        footer.values = self.sink.position();
        let table = self.write_names(&names, pair_count)?;
        footer.name_table = self.sink.position();
        self.sink.push(&table)?;

        footer.granules = self.sink.position();
        let granules: Vec<u8> =
            self.sink.end_granules()?.into_iter().flat_map(u32::to_le_bytes).collect();
        footer.granules_crc = crc32c(&granules);
        self.sink.push(&granules)?;
        self.sink.push(&footer.encode())?;
        self.sink.finish(INDEX_FILE)
    }

    /// Writes every series' labels, each without those that it shares with the one before it in its
    /// group. Returns where the groups start.
    fn write_label_lists(&mut self, places: &[Place]) -> Result<Vec<u64>, BlockError> {
        let mut groups = Vec::new();
        let mut bytes = Vec::new();
        let mut previous: &[u32] = &[];
        let mut rest = self.pairs.as_slice();
        for (series, &count) in self.pair_counts.iter().enumerate() {
            let (pairs, later) = rest.split_at(usize::from(count));
            if series.is_multiple_of(SERIES_PER_GROUP as usize) {
                groups.push(self.sink.position());
                previous = &[];
            }
            let shared = previous.iter().zip(pairs).take_while(|(a, b)| a == b).count();
            bytes.clear();
            put_uvarint(&mut bytes, shared as u64);
            put_uvarint(&mut bytes, (pairs.len() - shared) as u64);
            for &pair in &pairs[shared..] {
                let place = places[pair as usize];
                put_uvarint(&mut bytes, u64::from(place.name));
                put_uvarint(&mut bytes, u64::from(place.value));
            }
            self.sink.push(&bytes)?;
            (previous, rest) = (pairs, later);
        }
        Ok(groups)
    }

    /// Writes posting lists and values of all names, and returns the table of names.
    fn write_names(
        &mut self,
        names: &[SortedName],
        pair_count: usize,
    ) -> Result<Vec<u8>, BlockError> {
        let mut counts = vec![0_u32; pair_count];
        for &pair in &self.pairs {
            counts[pair as usize] += 1;
        }
        let postings_of = |name: &SortedName| -> usize {
            name.values.iter().map(|(_, pair)| counts[*pair as usize] as usize).sum()
        };
        let mut table = Vec::new();
        let mut first = 0;
        while first < names.len() {
            let mut total = postings_of(&names[first]);
            let mut end = first + 1;
            while end < names.len() && total + postings_of(&names[end]) <= POSTINGS_PER_PASS {
                total += postings_of(&names[end]);
                end += 1;
            }
            let batch = &names[first..end];
            let lists = self.gather(batch, &counts, total);
            let mut rest = lists.as_slice();
            for name in batch {
                let (mine, later) = rest.split_at(postings_of(name));
                write_name(&mut self.sink, name, &counts, mine, &mut table)?;
                rest = later;
            }
            first = end;
        }
        Ok(table)
    }

    /// The posting lists of some names' values, one behind the other.
    fn gather(&self, names: &[SortedName], counts: &[u32], total: usize) -> Vec<u32> {
        let mut next = vec![usize::MAX; counts.len()];
        let mut start = 0;
        for (_, pair) in names.iter().flat_map(|name| &name.values) {
            next[*pair as usize] = start;
            start += counts[*pair as usize] as usize;
        }
        let mut lists = vec![0; total];
        let mut rest = self.pairs.as_slice();
        for (series, &count) in (0_u32..).zip(&self.pair_counts) {
            let (pairs, later) = rest.split_at(usize::from(count));
            for &pair in pairs {
                let slot = &mut next[pair as usize];
                if *slot != usize::MAX {
                    lists[*slot] = series;
                    *slot += 1;
                }
            }
            rest = later;
        }
        lists
    }
}

/// The final numbers of all labels, by pair number.
fn places(names: &[SortedName], pair_count: usize) -> Vec<Place> {
    let mut places = vec![Place::default(); pair_count];
    for (name, sorted) in (0_u32..).zip(names) {
        for (value, (_, pair)) in (0_u32..).zip(&sorted.values) {
            places[*pair as usize] = Place { name, value };
        }
    }
    places
}

/// Writes one name's section: posting lists, values, block table. Adds the name to the table.
fn write_name(
    sink: &mut Sink,
    name: &SortedName,
    counts: &[u32],
    lists: &[u32],
    table: &mut Vec<u8>,
) -> Result<(), BlockError> {
    let start = sink.position();
    let mut bytes = Vec::new();
    let mut present = lists.to_vec();
    present.sort_unstable();
    posting::encode(&present, &mut bytes);
    let present_bytes = bytes.len() as u64;
    sink.push(&bytes)?;
    drop(present);

    let mut rest = lists;
    let mut list_bytes = Vec::with_capacity(name.values.len());
    for (_, pair) in &name.values {
        let (list, later) = rest.split_at(counts[*pair as usize] as usize);
        bytes.clear();
        posting::encode(list, &mut bytes);
        list_bytes.push(bytes.len() as u64);
        sink.push(&bytes)?;
        rest = later;
    }
    let values_start = sink.position();
    let blocks = write_values(sink, name, counts, &list_bytes, present_bytes)?;
    let values_bytes = sink.position() - values_start;
    push_table(sink, &blocks)?;

    put_uvarint(table, name.name.len() as u64);
    table.extend_from_slice(name.name.as_bytes());
    put_uvarint(table, name.values.len() as u64);
    put_uvarint(table, lists.len() as u64);
    put_uvarint(table, start);
    put_uvarint(table, present_bytes);
    put_uvarint(table, values_start - start);
    put_uvarint(table, values_bytes);
    Ok(())
}

/// Writes the values of a name, front-coded in blocks. Returns where the blocks start, counted from
/// the first one.
fn write_values(
    sink: &mut Sink,
    name: &SortedName,
    counts: &[u32],
    list_bytes: &[u64],
    mut list_start: u64,
) -> Result<Vec<u64>, BlockError> {
    let start = sink.position();
    let mut blocks = Vec::new();
    let mut bytes = Vec::new();
    let mut previous: &str = "";
    for (index, (value, pair)) in name.values.iter().enumerate() {
        bytes.clear();
        if index.is_multiple_of(VALUES_PER_BLOCK as usize) {
            blocks.push(sink.position() - start);
            put_uvarint(&mut bytes, list_start);
            previous = "";
        }
        let same = |(a, b): &(u8, u8)| a == b;
        let shared = previous.bytes().zip(value.bytes()).take_while(same).count();
        let suffix = &value.as_bytes()[shared..];
        put_uvarint(&mut bytes, shared as u64);
        put_uvarint(&mut bytes, suffix.len() as u64);
        bytes.extend_from_slice(suffix);
        put_uvarint(&mut bytes, u64::from(counts[*pair as usize]));
        put_uvarint(&mut bytes, list_bytes[index]);
        sink.push(&bytes)?;
        list_start += list_bytes[index];
        previous = value;
    }
    Ok(blocks)
}

fn push_table(sink: &mut Sink, entries: &[u64]) -> Result<(), BlockError> {
    entries.iter().try_for_each(|entry| sink.push(&entry.to_le_bytes()))
}
