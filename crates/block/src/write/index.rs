//! Writing `index`: series bodies as they come, everything sorted by label at the end.

use timberline_codec::{crc::crc32c, varint::put_uvarint};
use timberline_model::{Labels, METRIC_NAME};
use ulid::Ulid;

use super::{
    sink::Sink,
    symbols::{SortedName, Symbols},
    tails::Tails,
    timelines::TimelineRecords,
};
use crate::{
    BlockError, FileMeta,
    format::{
        Footer, Header, INDEX_FILE, INDEX_MAGIC, SERIES_PER_GROUP, VALUES_PER_BLOCK, VERSION,
    },
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
    tails: Tails,
    /// What labels each series has.
    series: Vec<SeriesLabels>,
    /// Pair numbers of the series at hand, without the metric's name.
    tail: Vec<u32>,
    /// Where each group of bodies starts.
    body_groups: Vec<u64>,
}

/// The labels of a series.
#[derive(Clone, Copy, Debug)]
struct SeriesLabels {
    /// The pair number of the metric's name, or [`NO_METRIC`].
    metric: u32,
    tail: u32,
}

/// Of a series without a metric's name. No pair has this number.
const NO_METRIC: u32 = u32::MAX;

/// Where a label lies once all are sorted.
#[derive(Clone, Copy, Default)]
struct Place {
    name: u32,
    value: u32,
}

impl IndexWriter {
    pub(crate) fn create(ulid: Ulid, mut sink: Sink) -> Result<Self, BlockError> {
        sink.push(&Header { magic: INDEX_MAGIC, version: VERSION, ulid }.encode())?;
        Ok(Self {
            ulid,
            sink,
            symbols: Symbols::default(),
            tails: Tails::default(),
            series: Vec::new(),
            tail: Vec::new(),
            body_groups: Vec::new(),
        })
    }

    pub(crate) fn series_count(&self) -> usize {
        self.series.len()
    }

    /// Adds a series: its labels, where its run of pages starts, and its encoded body.
    pub(crate) fn push(
        &mut self,
        labels: &Labels,
        run_position: u64,
        body: &[u8],
    ) -> Result<(), BlockError> {
        let too_many =
            |what, max| BlockError::TooMany { ulid: self.ulid, what, max: u64::from(max) };
        if self.series_count() >= u32::MAX as usize {
            return Err(too_many("series", u32::MAX));
        }
        let mut metric = NO_METRIC;
        self.tail.clear();
        for (name, value) in labels.iter() {
            let pair = self.symbols.pair(name, value);
            let pair = pair.ok_or_else(|| too_many("label values", u32::MAX))?;
            if name == METRIC_NAME {
                metric = pair;
            } else {
                self.tail.push(pair);
            }
        }
        let tail = self.tails.number(&self.tail);
        let tail = tail.ok_or_else(|| too_many("sets of labels", u32::MAX))?;
        let mut prefix = Vec::with_capacity(20);
        if self.series_count().is_multiple_of(SERIES_PER_GROUP as usize) {
            self.body_groups.push(self.sink.position());
            put_uvarint(&mut prefix, run_position);
        }
        self.series.push(SeriesLabels { metric, tail });
        put_uvarint(&mut prefix, body.len() as u64);
        self.sink.push(&prefix)?;
        self.sink.push(body)
    }

    /// Writes the sections that need all series, the checksums and the footer.
    pub(crate) fn finish(
        mut self,
        timelines: &TimelineRecords,
        pages_bytes: u64,
        page_granules: &[u8],
    ) -> Result<FileMeta, BlockError> {
        let mut footer = Footer { body_groups: self.sink.position(), ..Footer::default() };
        footer.series = u32::try_from(self.series_count()).expect("push has checked the count");
        let pair_count = self.symbols.pair_count() as usize;
        let names = std::mem::take(&mut self.symbols).sort();
        footer.names = u32::try_from(names.len()).expect("there are no more names than pairs");
        push_table(&mut self.sink, &std::mem::take(&mut self.body_groups))?;

        footer.timelines = timelines.count;
        footer.timeline_lists = self.sink.position();
        self.sink.push(&timelines.bytes)?;
        footer.timeline_groups = self.sink.position();
        let groups = timelines.groups.iter().map(|start| footer.timeline_lists + start);
        push_table(&mut self.sink, &groups.collect::<Vec<u64>>())?;

        self.tails.end();
        let places = places(&names, pair_count);
        footer.tails = u32::try_from(self.tails.count()).expect("push has checked the count");
        footer.tail_lists = self.sink.position();
        let groups = self.write_tails(&places)?;
        footer.tail_groups = self.sink.position();
        push_table(&mut self.sink, &groups)?;

        footer.label_lists = self.sink.position();
        let groups = self.write_label_lists(&places)?;
        footer.label_groups = self.sink.position();
        push_table(&mut self.sink, &groups)?;

        footer.values = self.sink.position();
        let table = self.write_names(&names, pair_count)?;
        footer.name_table = self.sink.position();
        self.sink.push(&table)?;

        footer.pages_bytes = pages_bytes;
        footer.page_granules = self.sink.position();
        self.sink.push(page_granules)?;

        footer.granules = self.sink.position();
        let granules = self.sink.end_granules()?;
        footer.granules_crc = crc32c(&granules);
        self.sink.push(&granules)?;
        self.sink.push(&footer.encode())?;
        self.sink.finish(INDEX_FILE)
    }

    /// Writes every tail, each without the labels that it shares with the one before it in its group.
    /// Returns where the groups start.
    fn write_tails(&mut self, places: &[Place]) -> Result<Vec<u64>, BlockError> {
        let mut groups = Vec::new();
        let mut bytes = Vec::new();
        let mut previous: &[u32] = &[];
        for number in 0..self.tails.count() as u32 {
            let pairs = self.tails.get(number);
            if number.is_multiple_of(SERIES_PER_GROUP) {
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
            previous = pairs;
        }
        Ok(groups)
    }

    /// Writes which metric and which tail every series has. Returns where the groups start.
    fn write_label_lists(&mut self, places: &[Place]) -> Result<Vec<u64>, BlockError> {
        let mut groups = Vec::new();
        let mut bytes = Vec::new();
        let (mut previous_metric, mut expected) = (NO_METRIC, 0_i64);
        for (number, labels) in self.series.iter().enumerate() {
            if number.is_multiple_of(SERIES_PER_GROUP as usize) {
                groups.push(self.sink.position());
                (previous_metric, expected) = (NO_METRIC, 0);
            }
            let distance = i64::from(labels.tail) - expected;
            let zigzag = ((distance << 1) ^ (distance >> 63)).cast_unsigned();
            let same = labels.metric == previous_metric;
            bytes.clear();
            put_uvarint(&mut bytes, zigzag << 1 | u64::from(same));
            if !same {
                // Zero stands for none.
                let metric = places.get(labels.metric as usize);
                put_uvarint(&mut bytes, metric.map_or(0, |place| u64::from(place.value) + 1));
            }
            self.sink.push(&bytes)?;
            (previous_metric, expected) = (labels.metric, i64::from(labels.tail) + 1);
        }
        Ok(groups)
    }

    /// The pair numbers of a series, in no order.
    fn pairs(&self, labels: SeriesLabels) -> impl Iterator<Item = u32> {
        let metric = (labels.metric != NO_METRIC).then_some(labels.metric);
        metric.into_iter().chain(self.tails.get(labels.tail).iter().copied())
    }

    /// Writes posting lists and values of all names, and returns the table of names.
    fn write_names(
        &mut self,
        names: &[SortedName],
        pair_count: usize,
    ) -> Result<Vec<u8>, BlockError> {
        let mut counts = vec![0_u32; pair_count];
        for pair in self.series.iter().flat_map(|labels| self.pairs(*labels)) {
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
        for (series, labels) in (0_u32..).zip(&self.series) {
            for pair in self.pairs(*labels) {
                let slot = &mut next[pair as usize];
                if *slot != usize::MAX {
                    lists[*slot] = series;
                    *slot += 1;
                }
            }
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
