//! Which blocks are kept, by the age of their samples and by bytes.

use std::time::Duration;

use super::{manifest::BlockEntry, options::nanos};

/// How much is kept. The default keeps everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// How long samples are kept after their time, if not for ever: older ones are refused, and a block
    /// goes once all of it is older. Less than a second counts as one.
    pub age: Option<Duration>,
    /// How many bytes of blocks are kept, if not all. The oldest go first.
    pub bytes: Option<u64>,
}

impl Retention {
    /// The oldest instant of which samples are kept at a time, if there is one.
    pub(super) fn oldest(&self, now: i64) -> Option<i64> {
        self.age.map(|span| now.saturating_sub(nanos(span)))
    }

    /// Names of the blocks that are to go at a time.
    pub(super) fn expired(&self, blocks: &[BlockEntry], now: i64) -> Vec<String> {
        let oldest = self.oldest(now);
        let mut by_time: Vec<&BlockEntry> = blocks.iter().collect();
        by_time.sort_by_key(|block| block.max_ts);
        let mut bytes: u64 = blocks.iter().map(|block| block.bytes).sum();
        let mut gone = Vec::new();
        for block in by_time {
            let old = oldest.is_some_and(|oldest| block.max_ts < oldest);
            let large = self.bytes.is_some_and(|max| bytes > max);
            if old || large {
                bytes -= block.bytes;
                gone.push(block.ulid.clone());
            }
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    //! What goes, and what stays to the last nanosecond and byte.

    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn block(ulid: &str, max_ts: i64, bytes: u64) -> BlockEntry {
        BlockEntry {
            ulid: ulid.to_owned(),
            sequence: 0,
            level: 0,
            clean_to: 0,
            min_ts: max_ts - SECOND,
            max_ts,
            series: 1,
            samples: 1,
            bytes,
        }
    }

    #[test]
    fn a_block_goes_when_its_last_sample_is_too_old() {
        let retention = Retention { age: Some(Duration::from_secs(10)), bytes: None };
        let blocks = [block("a", 89 * SECOND, 1), block("b", 90 * SECOND, 1)];
        assert_eq!(retention.expired(&blocks, 100 * SECOND), ["a"]);
        assert_eq!(retention.expired(&blocks, 100 * SECOND + 1), ["a", "b"]);
        assert!(Retention::default().expired(&blocks, i64::MAX).is_empty());
    }

    #[test]
    fn the_oldest_go_until_the_rest_fits_exactly() {
        let blocks = [block("new", 3, 10), block("old", 1, 10), block("middle", 2, 10)];
        let kept = |bytes| Retention { age: None, bytes: Some(bytes) }.expired(&blocks, 0);
        assert!(kept(30).is_empty());
        assert_eq!(kept(29), ["old"]);
        assert_eq!(kept(20), ["old"]);
        assert_eq!(kept(19), ["old", "middle"]);
        assert_eq!(kept(0), ["old", "middle", "new"]);
    }

    #[test]
    fn ages_beyond_what_can_be_counted_keep_everything() {
        let retention = Retention { age: Some(Duration::MAX), bytes: None };
        assert!(retention.expired(&[block("a", i64::MIN + 2 * SECOND, 1)], 0).is_empty());
    }
}
