//! Which timelines have no instant twice, found out once for each when first asked.
//!
//! Where duplicates are kept, a series may have several samples at an instant. A database that keeps one
//! of them can have blocks from a time when it kept all.

use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

use super::samples::Reader;
use crate::BlockError;

/// Two bits for each timeline: nothing is known, or one of these.
const STRICT: u64 = 1;
const REPEATS: u64 = 2;
/// Timelines of which a word knows.
const PER_WORD: u32 = 32;

/// What is known of a block's timelines: a quarter of a byte each, from the first question on.
#[derive(Debug, Default)]
pub(crate) struct StrictTimelines(OnceLock<Box<[AtomicU64]>>);

impl StrictTimelines {
    /// Whether the timestamps of a timeline all differ, which is one of the block and series that is read.
    pub(crate) fn check(&self, reader: Reader<'_>, timeline: u32) -> Result<bool, BlockError> {
        let block = reader.block;
        // The count is one that the index has room for.
        let words = block.index().footer.timelines.div_ceil(PER_WORD);
        let words = self.0.get_or_init(|| (0..words).map(|_| AtomicU64::new(0)).collect());
        let (word, shift) = (timeline / PER_WORD, timeline % PER_WORD * 2);
        let word = words.get(word as usize).ok_or_else(|| block.malformed_body())?;
        // Relaxed is enough: timestamps do not change, and looking twice does no harm.
        match word.load(Ordering::Relaxed) >> shift & (STRICT | REPEATS) {
            STRICT => Ok(true),
            REPEATS => Ok(false),
            _ => {
                let strict = is_strict(reader, timeline)?;
                let found = if strict { STRICT } else { REPEATS };
                word.fetch_or(found << shift, Ordering::Relaxed);
                Ok(strict)
            }
        }
    }
}

fn is_strict(reader: Reader<'_>, timeline: u32) -> Result<bool, BlockError> {
    let timeline = reader.block.index().timeline(timeline)?;
    let (mut times, mut last) = (Vec::new(), None);
    for page in &timeline.pages {
        times.clear();
        reader.times(timeline.unit, page, &mut times)?;
        if last.is_some_and(|last| Some(&last) >= times.first())
            || !times.is_sorted_by(|a, b| a < b)
        {
            return Ok(false);
        }
        last = times.last().copied();
    }
    Ok(true)
}
