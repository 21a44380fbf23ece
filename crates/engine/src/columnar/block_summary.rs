//! What is said of a block to those who ask which there are.

use std::collections::HashMap;

use timberline_block::BlockMeta;

use super::engine::Inner;

/// A block of the manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockSummary {
    /// Name of its directory.
    pub ulid: String,
    /// First instant in it, nanoseconds.
    pub min_ts: i64,
    /// Last instant in it, nanoseconds.
    pub max_ts: i64,
    /// Series in it.
    pub series: u64,
    /// Samples in it, floats and native histograms.
    pub samples: u64,
    /// Bytes of all its files.
    pub bytes: u64,
    /// 0 for what was flushed, then that of the window that it was merged for.
    pub level: u8,
    /// What its own files say beyond that; nothing of a block that cannot be read and is set aside.
    pub details: Option<BlockDetails>,
}

/// What only a block's own files say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlockDetails {
    /// Pages of values, or chunks.
    pub pages: u64,
    /// How many of the samples are native histograms.
    pub histograms: u64,
    /// The version of its format.
    pub version: u8,
}

impl BlockSummary {
    /// All blocks, in the order of their times.
    pub(super) fn all(inner: &Inner) -> Vec<Self> {
        let view = inner.view();
        let readable: HashMap<String, &BlockMeta> =
            view.blocks.iter().map(|b| (b.meta().ulid.to_string(), b.meta())).collect();
        let mut blocks: Vec<Self> = view
            .manifest
            .blocks
            .iter()
            .map(|entry| Self {
                ulid: entry.ulid.clone(),
                min_ts: entry.min_ts,
                max_ts: entry.max_ts,
                series: entry.series,
                samples: entry.samples,
                bytes: entry.bytes,
                level: entry.level,
                details: readable.get(&entry.ulid).map(|meta| BlockDetails {
                    pages: meta.pages,
                    histograms: meta.histograms,
                    version: meta.version,
                }),
            })
            .collect();
        blocks.sort_by(|a, b| (a.min_ts, a.max_ts, &a.ulid).cmp(&(b.min_ts, b.max_ts, &b.ulid)));
        blocks
    }
}
