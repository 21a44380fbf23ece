//! What to compact next: a pure function of the list of blocks.
//!
//! Time is divided into windows of each level's span. All blocks that touch a window become one when
//! none of them reaches out of it, so that no block which stays has samples between theirs in age.
//!
//! Invariant: the age order of samples is the same before and after. The merged block takes the
//! sequence of its newest input, and no other block overlaps it in time.

use timberline_model::TimeRange;

use crate::columnar::manifest::BlockEntry;

/// A late block this much smaller than what it would be merged with waits for others: rewriting a
/// week for a handful of samples helps nobody.
const LATE_SHARE_MIN: u64 = 16;
/// So many blocks in one window are merged whatever their sizes.
const BLOCKS_PER_WINDOW_MAX: usize = 4;

/// Blocks that are to become one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    /// Indexes into the list of blocks, ascending and so oldest first.
    pub(crate) inputs: Vec<usize>,
    /// The level of the result.
    pub(crate) level: u8,
}

/// The next compaction, or `None` when there is nothing to do.
///
/// `spans` are the windows' lengths by level in nanoseconds, ascending. Only windows that end at or
/// before `closed` are touched: later ones still fill. Blocks in `untouchable` ranges stay as they are.
pub(crate) fn plan(
    blocks: &[BlockEntry],
    spans: &[i64],
    closed: i64,
    untouchable: &[TimeRange],
) -> Option<Job> {
    for (level, span) in spans.iter().enumerate() {
        let mut windows: Vec<i64> = blocks.iter().map(|b| b.min_ts.div_euclid(*span)).collect();
        windows.sort_unstable();
        windows.dedup();
        for number in windows {
            let Some(window) = window(number, *span) else { continue };
            let kept = untouchable.iter().any(|range| range.overlaps(&window));
            if window.end >= closed || kept {
                continue;
            }
            if let Some(inputs) = inputs_of(blocks, window) {
                return Some(Job { inputs, level: u8::try_from(level).unwrap_or(u8::MAX) });
            }
        }
    }
    None
}

/// The next block to write anew because part of it is deleted.
pub(crate) fn plan_cleaning(
    blocks: &[BlockEntry],
    is_dirty: impl Fn(&BlockEntry) -> bool,
    untouchable: &[TimeRange],
) -> Option<Job> {
    let touchable = |block: &BlockEntry| {
        let range = TimeRange::new(block.min_ts, block.max_ts);
        !untouchable.iter().any(|other| other.overlaps(&range))
    };
    let index = blocks.iter().position(|block| touchable(block) && is_dirty(block))?;
    Some(Job { inputs: vec![index], level: blocks[index].level })
}

/// The window with a number, unless it reaches beyond what can be named.
fn window(number: i64, span: i64) -> Option<TimeRange> {
    let start = number.checked_mul(span)?;
    Some(TimeRange::new(start, start.checked_add(span - 1)?))
}

/// All blocks that touch the window, if it is possible and worth while to merge them.
fn inputs_of(blocks: &[BlockEntry], window: TimeRange) -> Option<Vec<usize>> {
    let range = |block: &BlockEntry| TimeRange::new(block.min_ts, block.max_ts);
    let inputs: Vec<usize> =
        (0..blocks.len()).filter(|index| range(&blocks[*index]).overlaps(&window)).collect();
    let inside = |index: &usize| {
        window.contains(blocks[*index].min_ts) && window.contains(blocks[*index].max_ts)
    };
    if inputs.len() < 2 || !inputs.iter().all(inside) {
        return None;
    }
    let total: u64 = inputs.iter().map(|index| blocks[*index].bytes).sum();
    let largest = inputs.iter().map(|index| blocks[*index].bytes).max().unwrap_or(0);
    let worth = inputs.len() >= BLOCKS_PER_WINDOW_MAX
        || (total - largest).saturating_mul(LATE_SHARE_MIN) >= largest;
    worth.then_some(inputs)
}

#[cfg(test)]
mod tests {
    //! Which blocks are merged, and which are left alone.

    use super::*;

    const HOUR: i64 = 3_600_000_000_000;
    const SPANS: [i64; 3] = [2 * HOUR, 12 * HOUR, 168 * HOUR];

    fn block(start_hour: f64, end_hour: f64, bytes: u64) -> BlockEntry {
        let at = |hour: f64| (hour * HOUR as f64) as i64;
        BlockEntry {
            ulid: String::new(),
            sequence: 0,
            level: 0,
            clean_to: 0,
            min_ts: at(start_hour),
            max_ts: at(end_hour),
            series: 1,
            samples: 1,
            bytes,
        }
    }

    fn inputs(blocks: &[BlockEntry], closed_hour: i64) -> Option<(Vec<usize>, u8)> {
        plan(blocks, &SPANS, closed_hour * HOUR, &[]).map(|job| (job.inputs, job.level))
    }

    #[test]
    fn parts_of_one_window_are_merged_first() {
        let blocks = [block(0.0, 1.9, 100), block(2.0, 2.1, 10), block(2.1, 3.9, 90)];
        assert_eq!(inputs(&blocks, 3), None, "the window at 2 h is not closed yet");
        assert_eq!(inputs(&blocks, 4), Some((vec![1, 2], 0)));
    }

    #[test]
    fn windows_of_a_level_are_merged_when_the_larger_one_has_ended() {
        let blocks: Vec<BlockEntry> =
            (0..6).map(|n| block(f64::from(n) * 2.0, f64::from(n) * 2.0 + 1.9, 100)).collect();
        assert_eq!(inputs(&blocks, 11), None);
        assert_eq!(inputs(&blocks, 12), Some(((0..6).collect(), 1)));
    }

    #[test]
    fn a_small_late_block_waits_for_others() {
        let mut blocks = vec![block(0.0, 11.0, 1_000_000), block(1.0, 2.5, 10)];
        assert_eq!(inputs(&blocks, 24), None);
        blocks.push(block(3.0, 4.5, 10));
        blocks.push(block(3.1, 4.6, 10));
        assert_eq!(inputs(&blocks, 24), Some((vec![0, 1, 2, 3], 1)));
    }

    #[test]
    fn blocks_that_reach_out_of_a_window_are_left_to_a_longer_one() {
        let blocks = [block(0.0, 1.0, 100), block(1.0, 13.0, 100)];
        assert_eq!(inputs(&blocks, 100), None);
        assert_eq!(inputs(&blocks, 200), Some((vec![0, 1], 2)));
    }

    #[test]
    fn what_cannot_be_read_is_not_touched() {
        let blocks = [block(0.0, 0.5, 100), block(0.6, 1.0, 100)];
        let damaged = TimeRange::new(HOUR, HOUR + 1);
        assert_eq!(plan(&blocks, &SPANS, 1_000 * HOUR, &[damaged]), None);
    }

    #[test]
    fn the_ends_of_time_do_not_overflow() {
        let mut first = block(0.0, 0.0, 1);
        first.min_ts = i64::MIN;
        let mut last = block(0.0, 0.0, 1);
        last.max_ts = i64::MAX;
        assert_eq!(plan(&[first, last], &SPANS, i64::MAX, &[]), None);
    }
}
