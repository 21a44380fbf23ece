//! Series bodies: the hash of a series' labels, and where its samples and exemplars lie
//! (`docs/formats/block.md`, and `docs/formats/block-v1.md` for the older ones).
//!
//! Invariant: positions ascend within a series' run of pages, which the body's length of it bounds; pages
//! of floats lie on pages of their timeline, entry for entry.

use timberline_codec::page::{PageStats, VALUES_MAX};
use timberline_model::{TimeRange, TimeUnit};

use super::{
    index::{Grouped, Index},
    timelines::{TimePage, Timeline},
};
use crate::{
    BlockError,
    cursor::Cursor,
    figure,
    format::{
        BODY_EXEMPLARS, BODY_FLOAT_STARTS, BODY_FLOATS, BODY_FLOATS_CHUNKS, BODY_FLOATS_CONSTANT,
        BODY_FLOATS_PAGES, BODY_HISTOGRAM_STARTS, BODY_HISTOGRAMS, BODY_RESERVED, BODY_RUN,
        PAGE_CONSTANT, PAGE_KIND_BITS, PAGE_PLAIN, PAGE_SHORT, PAGE_WITH_STATS, SERIES_PER_GROUP,
        VERSION_MIN,
    },
};

/// One chunk, as the index describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkMeta {
    /// Where it starts in its file.
    pub position: u64,
    /// Its size in bytes.
    pub bytes: u32,
    /// Its samples.
    pub count: u32,
    /// Its first instant, in nanoseconds.
    pub min_ts: i64,
    /// Its last instant, in nanoseconds.
    pub max_ts: i64,
}

/// Fewest bytes of a chunk's entry.
const CHUNK_ENTRY_BYTES_MIN: usize = 4;

/// The body of one series.
#[derive(Debug)]
pub(crate) struct Body<'a> {
    pub(crate) hash: u32,
    pub(crate) floats: Floats,
    pub(crate) histograms: Option<Histograms>,
    pub(crate) exemplars: Exemplars,
    /// Figures of the pages of floats that have them, in order.
    stats: Cursor<'a>,
}

/// How a series' floats lie.
#[derive(Debug)]
pub(crate) enum Floats {
    None,
    /// The unit is that of the timeline, whose number goes with it.
    Pages {
        timeline: u32,
        unit: i64,
        pages: Vec<FloatPage>,
        starts: Starts,
    },
    Chunks {
        chunks: Vec<ChunkMeta>,
        starts: Starts,
    },
}

/// A page of floats.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FloatPage {
    pub(crate) times: TimePage,
    /// Entries of the page of timestamps before the first that is the series'.
    pub(crate) skip: u32,
    /// How many entries are the series'.
    pub(crate) count: u32,
    pub(crate) values: Values,
    pub(crate) has_stats: bool,
}

impl FloatPage {
    /// A span in which all its floats lie; if it is all of the page of timestamps, from the first of them to
    /// the last.
    pub(crate) const fn span(&self, unit: i64) -> TimeRange {
        TimeRange::new(self.times.min * unit, self.times.max * unit)
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Values {
    Constant(f64),
    Page(Extent),
    Short(Extent),
}

/// Some bytes of `pages`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) position: u64,
    pub(crate) bytes: u32,
}

/// Pages of start timestamps, one for each page of values; none if nobody said.
#[derive(Debug)]
pub(crate) struct Starts {
    pub(crate) unit: i64,
    pub(crate) pages: Vec<Extent>,
}

/// How a series' histograms lie.
#[derive(Debug)]
pub(crate) struct Histograms {
    pub(crate) timeline: Timeline,
    /// The first entry of the timeline that is the series', and how many are.
    pub(crate) first: u32,
    pub(crate) count: u32,
    /// Pages with how many histograms each has.
    pub(crate) pages: Vec<(Extent, u32)>,
    pub(crate) starts: Starts,
}

/// How a series' exemplars lie.
#[derive(Debug)]
pub(crate) struct Exemplars {
    pub(crate) unit: TimeUnit,
    /// Pages with how many exemplars each has.
    pub(crate) pages: Vec<(Extent, u32)>,
}

impl Index {
    /// The body of a series.
    pub(crate) fn body(&self, series: u32) -> Result<Body<'_>, BlockError> {
        let group = Cursor::new(self.group(Grouped::Bodies, series)?);
        let malformed = || self.malformed("the body of a series");
        let place = series % SERIES_PER_GROUP;
        if self.version == VERSION_MIN {
            let bytes = nth(group, place).ok_or_else(malformed)?;
            return Body::decode_chunked(bytes).ok_or_else(malformed);
        }
        let (bytes, position) = nth_with_run(group, place).ok_or_else(malformed)?;
        Decoder { index: self, cursor: Cursor::new(bytes), position, end: position }
            .body()
            .and_then(|body| body.ok_or_else(malformed))
    }

    /// The hash of a series' labels, for less than its body.
    pub(crate) fn label_hash(&self, series: u32) -> Result<u32, BlockError> {
        let group = Cursor::new(self.group(Grouped::Bodies, series)?);
        let place = series % SERIES_PER_GROUP;
        let hash = if self.version == VERSION_MIN {
            nth(group, place).and_then(|bytes| Cursor::new(bytes).u32())
        } else {
            nth_in(group, place).and_then(|bytes| {
                let mut cursor = Cursor::new(bytes);
                read_run(&mut cursor)?;
                cursor.u32()
            })
        };
        hash.ok_or_else(|| self.malformed("the body of a series"))
    }
}

/// A body by its place in its group.
fn nth<'a>(mut group: Cursor<'a>, place: u32) -> Option<&'a [u8]> {
    for _ in 0..place {
        let len = group.uvarint()?;
        group.take(len)?;
    }
    let len = group.uvarint()?;
    group.take(len)
}

/// The same in a group that begins with the position of its runs.
fn nth_in<'a>(mut group: Cursor<'a>, place: u32) -> Option<&'a [u8]> {
    group.uvarint()?;
    nth(group, place)
}

/// The same, with where its run starts.
fn nth_with_run<'a>(mut group: Cursor<'a>, place: u32) -> Option<(&'a [u8], u64)> {
    let mut position = group.uvarint()?;
    for _ in 0..place {
        let len = group.uvarint()?;
        let mut body = Cursor::new(group.take(len)?);
        position = position.checked_add(read_run(&mut body)?.1)?;
    }
    let len = group.uvarint()?;
    Some((group.take(len)?, position))
}

/// The flags of a body, and how long its run of pages is.
fn read_run(body: &mut Cursor<'_>) -> Option<(u8, u64)> {
    let flags = body.u8()?;
    let run = if flags & BODY_RUN != 0 { body.uvarint()? } else { 0 };
    Some((flags, run))
}

impl<'a> Body<'a> {
    /// Reads a body of version 1 (`docs/formats/block-v1.md`): chunks and nothing else.
    fn decode_chunked(bytes: &'a [u8]) -> Option<Self> {
        let mut cursor = Cursor::new(bytes);
        // The lower half of the hash comes first.
        let (hash, _) = (cursor.u32()?, cursor.u32()?);
        let unit = TimeUnit::from_code(cursor.u8()?)?.nanos();
        let (count, mut position) = (cursor.uvarint()?, cursor.uvarint()?);
        let chunks = read_chunks(&mut cursor, unit, count, &mut position)?;
        cursor.is_empty().then_some(Self {
            hash,
            floats: Floats::Chunks { chunks, starts: Starts::none() },
            histograms: None,
            exemplars: Exemplars { unit: TimeUnit::Milli, pages: Vec::new() },
            stats: cursor,
        })
    }

    /// The figures of each page of floats that has them. `None` within is a malformed one, and ends
    /// them.
    pub(crate) fn stats(&self) -> impl Iterator<Item = Option<PageStats>> {
        let mut rest = self.stats.rest();
        let pages: &[FloatPage] = match &self.floats {
            Floats::Pages { pages, .. } => pages,
            _ => &[],
        };
        let mut left = pages.iter().filter(|page| page.has_stats).map(|page| page.count);
        std::iter::from_fn(move || {
            let count = left.next()?;
            let read = PageStats::read(rest).ok();
            let sound = read.filter(|(stats, _)| stats.count + stats.stale == count as usize);
            rest = sound.map_or(&[], |(_, rest)| rest);
            Some(sound.map(|(stats, _)| stats))
        })
    }

    /// Whether the figures end where the body ends.
    pub(crate) fn stats_end(&self) -> bool {
        let Floats::Pages { pages, .. } = &self.floats else { return self.stats.is_empty() };
        let mut rest = self.stats.rest();
        for _ in pages.iter().filter(|page| page.has_stats) {
            match PageStats::read(rest) {
                Ok((_, later)) => rest = later,
                Err(_) => return false,
            }
        }
        rest.is_empty()
    }
}

impl Starts {
    pub(crate) const fn none() -> Self {
        Self { unit: 1, pages: Vec::new() }
    }
}

fn read_chunks(
    cursor: &mut Cursor<'_>,
    unit: i64,
    count: u64,
    position: &mut u64,
) -> Option<Vec<ChunkMeta>> {
    let room = cursor.rest().len() / CHUNK_ENTRY_BYTES_MIN;
    let count = usize::try_from(count).ok().filter(|count| (1..=room).contains(count))?;
    let mut chunks = Vec::with_capacity(count);
    let mut previous: Option<i64> = None;
    for _ in 0..count {
        let (bytes, count) = (cursor.uvarint32()?, cursor.uvarint32()?);
        let min = match previous {
            None => cursor.ivarint()?,
            Some(previous) => previous.checked_add_unsigned(cursor.uvarint()?)?,
        };
        let max = min.checked_add_unsigned(cursor.uvarint()?)?;
        let (min_ts, max_ts) = (min.checked_mul(unit)?, max.checked_mul(unit)?);
        chunks.push(ChunkMeta { position: *position, bytes, count, min_ts, max_ts });
        *position = position.checked_add(u64::from(bytes))?;
        previous = Some(max);
    }
    Some(chunks)
}

/// Reads a body of the newest version. `None` from a step is a malformed body; an error is one of the
/// index.
struct Decoder<'a> {
    index: &'a Index,
    cursor: Cursor<'a>,
    /// Where the next page lies.
    position: u64,
    /// Where the run ends.
    end: u64,
}

/// What [`Decoder`]'s steps return.
type Step<T> = Result<Option<T>, BlockError>;

/// Goes on with what a step read, and ends with the step that found something malformed.
macro_rules! step {
    ($step:expr) => {
        match $step {
            Some(value) => value,
            None => return Ok(None),
        }
    };
}

impl<'a> Decoder<'a> {
    fn body(mut self) -> Step<Body<'a>> {
        let (flags, run) = step!(read_run(&mut self.cursor));
        self.end = step!(self.position.checked_add(run));
        let hash = step!(self.cursor.u32());
        let floats = match flags & BODY_FLOATS {
            BODY_FLOATS_CONSTANT | BODY_FLOATS_PAGES => step!(self.pages(flags)?),
            BODY_FLOATS_CHUNKS => step!(self.chunks(flags)),
            _ if flags & BODY_FLOAT_STARTS != 0 => return Ok(None),
            _ => Floats::None,
        };
        let histograms =
            if flags & BODY_HISTOGRAMS != 0 { Some(step!(self.histograms(flags)?)) } else { None };
        let exemplars = step!(self.exemplars(flags));
        let misfit = flags & (BODY_HISTOGRAMS | BODY_HISTOGRAM_STARTS) == BODY_HISTOGRAM_STARTS;
        let empty = flags & (BODY_FLOATS | BODY_HISTOGRAMS | BODY_EXEMPLARS) == 0;
        if misfit || empty || flags & BODY_RESERVED != 0 || self.position != self.end {
            return Ok(None);
        }
        Ok(Some(Body { hash, floats, histograms, exemplars, stats: self.cursor }))
    }

    /// A timeline with the part of it that is the series': first entry and count. If the run begins with
    /// the timeline's pages, they are passed over.
    fn time_column(&mut self) -> Step<(Timeline, u32, u32)> {
        let number = step!(self.cursor.uvarint());
        let timeline = self.index.timeline(step!(u32::try_from(number >> 1).ok()))?;
        let (first, count) = if number & 1 == 0 {
            (0, timeline.count)
        } else {
            (step!(self.cursor.uvarint32()), step!(self.cursor.uvarint32()))
        };
        let fits = first.checked_add(count).is_some_and(|end| end <= timeline.count);
        if count == 0 || !fits {
            return Ok(None);
        }
        if timeline.position == self.position && self.position < self.end {
            step!(self.extend_by(timeline.bytes));
        }
        Ok(Some((timeline, first, count)))
    }

    fn pages(&mut self, flags: u8) -> Step<Floats> {
        let (timeline, first, count) = step!(self.time_column()?);
        let constant = flags & BODY_FLOATS == BODY_FLOATS_CONSTANT;
        let constant = if constant { Some(step!(figure::read(&mut self.cursor))) } else { None };
        let per_page = VALUES_MAX as u32;
        // In 64 bits: the last entry's number plus one may be 2^32.
        let (start, end) = (u64::from(first), u64::from(first) + u64::from(count));
        let wanted = first / per_page..=((end - 1) / u64::from(per_page)) as u32;
        let mut pages = Vec::with_capacity(wanted.clone().count());
        for number in wanted {
            let times = *step!(timeline.pages.get(number as usize));
            let page_start = u64::from(number) * u64::from(per_page);
            let skip = start.saturating_sub(page_start) as u32;
            let count = (end.min(page_start + u64::from(times.count)) - page_start) as u32 - skip;
            let mut page =
                FloatPage { times, skip, count, values: Values::Constant(0.0), has_stats: false };
            match constant {
                Some(value) => page.values = Values::Constant(value),
                None => step!(self.float_page(&mut page)),
            }
            pages.push(page);
        }
        let starts = step!(self.starts(flags & BODY_FLOAT_STARTS != 0, pages.len()));
        Ok(Some(Floats::Pages { timeline: timeline.number, unit: timeline.unit, pages, starts }))
    }

    fn float_page(&mut self, page: &mut FloatPage) -> Option<()> {
        let number = self.cursor.uvarint()?;
        let (bytes, kind) = (number >> PAGE_KIND_BITS, number & ((1 << PAGE_KIND_BITS) - 1));
        page.values = match kind {
            PAGE_PLAIN | PAGE_WITH_STATS => Values::Page(self.extent(bytes)?),
            PAGE_SHORT => Values::Short(self.extent(bytes)?),
            PAGE_CONSTANT if bytes == 0 => Values::Constant(figure::read(&mut self.cursor)?),
            _ => return None,
        };
        page.has_stats = kind == PAGE_WITH_STATS;
        Some(())
    }

    fn chunks(&mut self, flags: u8) -> Option<Floats> {
        let unit = TimeUnit::from_code(self.cursor.u8()?)?.nanos();
        let count = self.cursor.uvarint()?;
        let start = self.position;
        let chunks = read_chunks(&mut self.cursor, unit, count, &mut self.position)?;
        let samples = chunks.iter().map(|chunk| u64::from(chunk.count)).sum::<u64>();
        // The starts that the body can have are bounded by its bytes, not by what chunks say.
        let pages = usize::try_from(samples.div_ceil(VALUES_MAX as u64)).ok()?;
        let starts = self.starts(flags & BODY_FLOAT_STARTS != 0, pages)?;
        (start <= self.position && self.position <= self.end)
            .then_some(Floats::Chunks { chunks, starts })
    }

    fn histograms(&mut self, flags: u8) -> Step<Histograms> {
        let (timeline, first, count) = step!(self.time_column()?);
        let pages = step!(self.counted_pages());
        if pages.iter().map(|(_, count)| u64::from(*count)).sum::<u64>() != u64::from(count) {
            return Ok(None);
        }
        let starts = step!(self.starts(flags & BODY_HISTOGRAM_STARTS != 0, pages.len()));
        Ok(Some(Histograms { timeline, first, count, pages, starts }))
    }

    fn exemplars(&mut self, flags: u8) -> Option<Exemplars> {
        if flags & BODY_EXEMPLARS == 0 {
            return Some(Exemplars { unit: TimeUnit::Milli, pages: Vec::new() });
        }
        let unit = TimeUnit::from_code(self.cursor.u8()?)?;
        Some(Exemplars { unit, pages: self.counted_pages()? })
    }

    /// A list of pages, each with its count.
    fn counted_pages(&mut self) -> Option<Vec<(Extent, u32)>> {
        let count = usize::try_from(self.cursor.uvarint()?).ok()?;
        if count == 0 || count > self.cursor.rest().len() / 2 {
            return None;
        }
        let mut pages = Vec::with_capacity(count);
        for _ in 0..count {
            let bytes = self.cursor.uvarint()?;
            let extent = self.extent(bytes)?;
            let count = self.cursor.uvarint32()?;
            if !(1..=VALUES_MAX as u32).contains(&count) {
                return None;
            }
            pages.push((extent, count));
        }
        Some(pages)
    }

    fn starts(&mut self, present: bool, count: usize) -> Option<Starts> {
        if !present {
            return Some(Starts::none());
        }
        let unit = TimeUnit::from_code(self.cursor.u8()?)?.nanos();
        if count > self.cursor.rest().len() {
            return None;
        }
        let mut pages = Vec::with_capacity(count);
        for _ in 0..count {
            let bytes = self.cursor.uvarint()?;
            pages.push(self.extent(bytes)?);
        }
        Some(Starts { unit, pages })
    }

    /// The next bytes of the run.
    fn extent(&mut self, bytes: u64) -> Option<Extent> {
        let extent = Extent { position: self.position, bytes: u32::try_from(bytes).ok()? };
        self.extend_by(bytes)?;
        Some(extent)
    }

    fn extend_by(&mut self, bytes: u64) -> Option<()> {
        self.position = self.position.checked_add(bytes).filter(|end| *end <= self.end)?;
        Some(())
    }
}
