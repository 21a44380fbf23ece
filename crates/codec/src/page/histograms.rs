//! Pages of native histograms: the frame, the choice between columns and rows, and what limits them.

pub(super) mod columns;
mod directory;

use timberline_model::Histogram;

use super::{PageError, VALUES_MAX, cursor::Cursor};
use crate::{histogram, varint::put_uvarint};

/// The most that the histograms of a page hold together: counts of buckets, spans and bounds, 8 bytes
/// each once they are decoded. A single histogram always fits.
pub const HISTOGRAM_CELLS_MAX: usize = 1 << 20;

const _: () = assert!(HISTOGRAM_CELLS_MAX >= 5 * timberline_model::limits::HISTOGRAM_BUCKETS_MAX);

/// Columns have a dozen bytes each to begin with; up to so many histograms rows may be shorter.
const ROWS_UP_TO: usize = 64;

/// So may they be when there are more different layouts than one in so many histograms.
const ROWS_FROM_LAYOUT_IN: usize = 8;

/// How a page of histograms is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HistogramCodec {
    /// A column for each field and each bucket.
    Columns,
    /// One after the other, as [`crate::histogram`] has them.
    Rows,
}

impl HistogramCodec {
    /// The byte that a page of this codec begins with.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Columns => 0x61,
            Self::Rows => 0x62,
        }
    }

    const fn from_code(code: u8) -> Option<Self> {
        match code {
            0x61 => Some(Self::Columns),
            0x62 => Some(Self::Rows),
            _ => None,
        }
    }
}

/// What [`encode_histograms`] wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistogramPageInfo {
    /// How.
    pub codec: HistogramCodec,
    /// Histograms, 1 to [`VALUES_MAX`].
    pub count: usize,
    /// Bytes of the page.
    pub bytes: usize,
}

/// How many of the first histograms fit into a page: at most [`VALUES_MAX`], and as long as they hold
/// no more than [`HISTOGRAM_CELLS_MAX`]. At least one, if there is one.
#[must_use]
pub fn histograms_that_fit(histograms: &[Histogram]) -> usize {
    let mut cells = 0;
    let fits = |histogram: &&Histogram| {
        cells += cells_of(histogram);
        cells <= HISTOGRAM_CELLS_MAX
    };
    histograms.iter().take(VALUES_MAX).take_while(fits).count()
}

fn cells_of(histogram: &Histogram) -> usize {
    let (positive, negative) = histogram.counts.bucket_counts();
    let spans = histogram.positive_spans.len() + histogram.negative_spans.len();
    positive + negative + spans + histogram.custom_values.len()
}

/// Appends a page of histograms of one series, sorted by time. Whatever comes after each other is
/// fine; it costs least where counts rise evenly and where the buckets lie changes seldom.
///
/// # Panics
/// When there are none, or more than [`histograms_that_fit`] says, or one does not pass
/// [`Histogram::check`].
pub fn encode_histograms(histograms: &[Histogram], bytes: &mut Vec<u8>) -> HistogramPageInfo {
    let count = histograms.len();
    assert!(count > 0, "a page of no histograms");
    let fitting = histograms_that_fit(histograms);
    assert!(count == fitting, "a page of {count} histograms, of which {fitting} fit");
    let mut page = Vec::new();
    begin(HistogramCodec::Columns, count, &mut page);
    let layouts = columns::encode(histograms, &mut page);
    let mut codec = HistogramCodec::Columns;
    if count <= ROWS_UP_TO || layouts * ROWS_FROM_LAYOUT_IN > count {
        let mut rows = Vec::new();
        begin(HistogramCodec::Rows, count, &mut rows);
        for one in histograms {
            histogram::put(one, &mut rows);
        }
        if rows.len() < page.len() {
            (codec, page) = (HistogramCodec::Rows, rows);
        }
    }
    let mut decoded = Vec::with_capacity(count);
    let result = decode_histograms(&page, count, &mut decoded);
    assert!(result.is_ok() && decoded == histograms, "a page of histograms decodes to them");
    bytes.extend_from_slice(&page);
    HistogramPageInfo { codec, count, bytes: page.len() }
}

fn begin(codec: HistogramCodec, count: usize, page: &mut Vec<u8>) {
    page.push(codec.code());
    put_uvarint(page, count as u64);
}

/// Decodes a page of at most `count_max` histograms and appends them; each passes
/// [`Histogram::check`]. After an error `histograms` is as it was.
///
/// # Errors
/// Bytes that are not such a page, or that go on behind it.
pub fn decode_histograms(
    bytes: &[u8],
    count_max: usize,
    histograms: &mut Vec<Histogram>,
) -> Result<(), PageError> {
    let known = histograms.len();
    let result = decode_onto(bytes, count_max, histograms);
    if result.is_err() {
        histograms.truncate(known);
    }
    result
}

fn decode_onto(
    bytes: &[u8],
    count_max: usize,
    histograms: &mut Vec<Histogram>,
) -> Result<(), PageError> {
    let mut cursor = Cursor::new(bytes);
    let code = cursor.byte("codec")?;
    let codec = HistogramCodec::from_code(code)
        .ok_or(PageError::UnknownCodec { column: "histograms", code })?;
    let count = cursor.count(1, count_max)?;
    match codec {
        HistogramCodec::Columns => columns::decode(&mut cursor, count, histograms)?,
        HistogramCodec::Rows => {
            let mut rows = cursor.remaining();
            for _ in 0..count {
                histograms.push(histogram::take(&mut rows).map_err(PageError::Histogram)?);
            }
            cursor = Cursor::new(rows);
        }
    }
    cursor.end()
}

/// Figures of a page of histograms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistogramPageStats {
    /// Histograms that are not stale.
    pub count: usize,
    /// Stale ones.
    pub stale: usize,
}

impl HistogramPageStats {
    /// The figures of up to [`VALUES_MAX`] histograms.
    ///
    /// # Panics
    /// When there are more than a page holds.
    #[must_use]
    pub fn of(histograms: &[Histogram]) -> Self {
        assert!(histograms.len() <= VALUES_MAX, "a page of {} histograms", histograms.len());
        let stale = histograms.iter().filter(|histogram| histogram.is_stale()).count();
        Self { count: histograms.len() - stale, stale }
    }

    /// Appends the figures in their stored form, 2 to 4 bytes.
    pub fn put(&self, bytes: &mut Vec<u8>) {
        put_uvarint(bytes, self.count as u64);
        put_uvarint(bytes, self.stale as u64);
    }

    /// Reads figures in their stored form and returns them with the bytes behind them.
    ///
    /// # Errors
    /// Bytes that end too early or that no figures are stored as.
    pub fn read(bytes: &[u8]) -> Result<(Self, &[u8]), PageError> {
        let mut cursor = Cursor::new(bytes);
        let count = cursor.count(0, VALUES_MAX)?;
        let stale = cursor.count(0, VALUES_MAX - count)?;
        Ok((Self { count, stale }, cursor.remaining()))
    }
}
