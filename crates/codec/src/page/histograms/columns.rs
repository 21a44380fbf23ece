//! Histograms as columns: what they look like, reset hints, sums, and then the counts.
//!
//! Counts of integers are columns of integers, written against the histograms before; floats are pages
//! of values, each behind its length.

use timberline_model::{BucketCounts, Histogram, ResetHint};

use super::directory::{Directory, Kind};
use crate::{
    histogram::{excess, whole_count},
    page::{
        PageError, VALUES_MAX,
        cursor::Cursor,
        integers::{self, Plan},
        pack::Entries,
        values::{decode_values, encode_values},
    },
    varint::put_uvarint,
};

/// Appends the columns and returns how many layouts there are.
///
/// # Panics
/// When one of the histograms does not pass its check.
pub(in crate::page) fn encode(histograms: &[Histogram], bytes: &mut Vec<u8>) -> usize {
    let directory = Directory::write(histograms, bytes).expect("whole histograms have layouts");
    put_hints(histograms, bytes);
    let sums: Vec<u64> = histograms.iter().map(|histogram| histogram.sum.to_bits()).collect();
    put_floats(&sums, bytes);
    let fields = |is_float: bool, field: fn(&BucketCounts) -> u64| -> Vec<u64> {
        let those = histograms.iter().filter(|histogram| histogram.is_float() == is_float);
        those.map(|histogram| field(&histogram.counts)).collect()
    };
    for field in [first_count, zero_count] {
        put_integers(&fields(false, field), bytes);
    }
    for field in [first_count, zero_count] {
        put_floats(&fields(true, field), bytes);
    }
    let columns = gather(histograms, &directory);
    for (bucket, bounds) in directory.buckets.iter().zip(directory.starts.windows(2)) {
        let column = &columns[bounds[0]..bounds[1]];
        if bucket.is_float {
            put_floats(column, bytes);
        } else {
            put_integers(column, bytes);
        }
    }
    directory.kinds.len()
}

/// The count as it is stored: integers by what exceeds the buckets, floats by their bits.
fn first_count(counts: &BucketCounts) -> u64 {
    match counts {
        BucketCounts::Integer { count, zero_count, positive, negative } => {
            excess(*count, *zero_count, positive, negative)
        }
        BucketCounts::Float { count, .. } => count.to_bits(),
    }
}

const fn zero_count(counts: &BucketCounts) -> u64 {
    match counts {
        BucketCounts::Integer { zero_count, .. } => *zero_count,
        BucketCounts::Float { zero_count, .. } => zero_count.to_bits(),
    }
}

/// The counts of all buckets, column behind column.
fn gather(histograms: &[Histogram], directory: &Directory) -> Vec<u64> {
    let mut places = directory.starts.clone();
    let mut all = vec![0; places.last().copied().unwrap_or(0)];
    for (histogram, kind) in histograms.iter().zip(directory.kinds_in_order()) {
        let mut place = |(column, bits): (&usize, u64)| {
            all[places[*column]] = bits;
            places[*column] += 1;
        };
        match &histogram.counts {
            BucketCounts::Integer { positive, negative, .. } => {
                let counts = positive.iter().chain(negative).copied();
                kind.columns.iter().zip(counts).for_each(&mut place);
            }
            BucketCounts::Float { positive, negative, .. } => {
                let counts = positive.iter().chain(negative).map(|count| count.to_bits());
                kind.columns.iter().zip(counts).for_each(&mut place);
            }
        }
    }
    all
}

/// Runs of the same reset hint.
fn put_hints(histograms: &[Histogram], bytes: &mut Vec<u8>) {
    for run in histograms.chunk_by(|a, b| a.reset_hint == b.reset_hint) {
        put_uvarint(bytes, (run.len() as u64 - 1) << 2 | run[0].reset_hint as u64);
    }
}

fn read_hints(cursor: &mut Cursor<'_>, count: usize) -> Result<Vec<ResetHint>, PageError> {
    let mut hints = Vec::with_capacity(count);
    while hints.len() < count {
        let run = cursor.uvarint("reset hints")?;
        let (more, max) = (run >> 2, (count - hints.len() - 1) as u64);
        if more > max {
            return Err(PageError::Range { field: "run of reset hints", value: more, max });
        }
        let hint = ResetHint::from_code((run & 3) as u8).unwrap_or_default();
        hints.resize(hints.len() + more as usize + 1, hint);
    }
    Ok(hints)
}

/// A column of integers, if it has entries.
fn put_integers(column: &[u64], bytes: &mut Vec<u8>) {
    if column.is_empty() {
        return;
    }
    let mut integers = [0; VALUES_MAX];
    for (integer, entry) in integers.iter_mut().zip(column) {
        *integer = *entry as i64;
    }
    Plan::new(&integers[..column.len()]).put(bytes);
}

/// A page of values behind its length, if it has entries.
fn put_floats(column: &[u64], bytes: &mut Vec<u8>) {
    if column.is_empty() {
        return;
    }
    let values: Vec<f64> = column.iter().copied().map(f64::from_bits).collect();
    let mut page = Vec::new();
    encode_values(&values, &mut page);
    put_uvarint(bytes, page.len() as u64);
    bytes.extend_from_slice(&page);
}

/// What columns are read through, kept from one to the next.
struct Reader<'a, 'b> {
    cursor: &'a mut Cursor<'b>,
    entries: Box<Entries>,
    values: Vec<f64>,
}

impl Reader<'_, '_> {
    fn integers(&mut self, column: &mut [u64]) -> Result<(), PageError> {
        if !column.is_empty() {
            integers::decode(self.cursor, column.len(), &mut self.entries)?;
            column.copy_from_slice(&self.entries[..column.len()]);
        }
        Ok(())
    }

    fn floats(&mut self, column: &mut [u64]) -> Result<(), PageError> {
        if column.is_empty() {
            return Ok(());
        }
        let len = usize::try_from(self.cursor.uvarint("page length")?).unwrap_or(usize::MAX);
        let page = self.cursor.take(len, "page of values")?;
        self.values.clear();
        decode_values(page, column.len(), &mut self.values)?;
        if self.values.len() != column.len() {
            let (count, max) = (self.values.len() as u64, column.len());
            return Err(PageError::Count { count, max });
        }
        for (entry, value) in column.iter_mut().zip(&self.values) {
            *entry = value.to_bits();
        }
        Ok(())
    }

    fn column(&mut self, is_float: bool, column: &mut [u64]) -> Result<(), PageError> {
        if is_float { self.floats(column) } else { self.integers(column) }
    }

    /// A column with an entry for each of `count` histograms.
    fn field(&mut self, is_float: bool, count: usize) -> Result<Vec<u64>, PageError> {
        let mut column = vec![0; count];
        self.column(is_float, &mut column)?;
        Ok(column)
    }
}

/// Reads what [`encode`] appended, and appends the histograms.
pub(super) fn decode(
    cursor: &mut Cursor<'_>,
    count: usize,
    histograms: &mut Vec<Histogram>,
) -> Result<(), PageError> {
    let directory = Directory::read(cursor, count)?;
    let hints = read_hints(cursor, count)?;
    let mut reader = Reader { cursor, entries: Box::new([0; VALUES_MAX]), values: Vec::new() };
    let sums = reader.field(true, count)?;
    let floats = directory.float_count();
    let mut fields = Vec::with_capacity(2);
    for (is_float, count) in [(false, count - floats), (true, floats)] {
        let counts = reader.field(is_float, count)?;
        let zero_counts = reader.field(is_float, count)?;
        fields.push(counts.into_iter().zip(zero_counts));
    }
    let mut places = directory.starts.clone();
    let mut all = vec![0; places.last().copied().unwrap_or(0)];
    for (bucket, bounds) in directory.buckets.iter().zip(directory.starts.windows(2)) {
        reader.column(bucket.is_float, &mut all[bounds[0]..bounds[1]])?;
    }
    histograms.reserve(count);
    for ((kind, hint), sum) in directory.kinds_in_order().zip(hints).zip(sums) {
        // There are as many entries as histograms of either kind.
        let (count, zero_count) = fields[usize::from(kind.is_float)].next().unwrap_or_default();
        let mut next = |column: &usize| {
            places[*column] += 1;
            all[places[*column] - 1]
        };
        let counts = counts_of(kind, count, zero_count, &mut next);
        let histogram = kind.layout.clone().into_histogram(hint, f64::from_bits(sum), counts);
        histogram.check().map_err(|error| PageError::Histogram(error.into()))?;
        histograms.push(histogram);
    }
    Ok(())
}

/// A histogram's counts, of which each column gives the next.
fn counts_of(
    kind: &Kind,
    count: u64,
    zero_count: u64,
    next: &mut impl FnMut(&usize) -> u64,
) -> BucketCounts {
    let (positive, negative) = kind.columns.split_at(kind.layout.positive_count);
    if kind.is_float {
        let positive = positive.iter().map(|column| f64::from_bits(next(column))).collect();
        let negative = negative.iter().map(|column| f64::from_bits(next(column))).collect();
        let (count, zero_count) = (f64::from_bits(count), f64::from_bits(zero_count));
        return BucketCounts::Float { count, zero_count, positive, negative };
    }
    let positive: Vec<u64> = positive.iter().map(&mut *next).collect();
    let negative: Vec<u64> = negative.iter().map(next).collect();
    let count = whole_count(count, zero_count, &positive, &negative);
    BucketCounts::Integer { count, zero_count, positive, negative }
}
