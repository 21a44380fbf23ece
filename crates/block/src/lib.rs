//! Immutable blocks: the samples of a span of time, with an index over their series.
//!
//! A block is a directory named by a ULID with three files: `meta.json`, `pages` and `index`
//! (`docs/formats/block.md`). [`BlockWriter`] makes one, series after series; [`Block`] reads one.
//! Blocks of version 1, with `chunks` in place of `pages`, are read and no longer written.
//!
//! What this crate is not: it does not know which blocks a database has (the manifest does), encodes
//! no page itself (`timberline-codec` does), and merges nothing (the engine does).
//!
//! Invariants: a directory with a block's final name is complete and on the disk. A block is never
//! changed. Every byte is verified by a checksum before it is believed, and no parse relies on that:
//! arbitrary bytes give a [`BlockError`], never a panic, a large allocation or other samples.
//!
//! ```
//! use std::{path::Path, sync::Arc};
//! use timberline_block::{Block, BlockWriter};
//! use timberline_io::{Disk, SimDisk};
//! use timberline_model::{Labels, Matcher, SeriesColumns, TimeRange};
//!
//! let disk: Arc<dyn Disk> = Arc::new(SimDisk::new(1));
//! let ts = 1_700_000_000_000_000_000;
//! let mut columns = SeriesColumns::default();
//! columns.push(ts, 0, 0.5);
//!
//! let ulid = ulid::Ulid::from_parts(1_700_000_000_000, 1);
//! let mut writer = BlockWriter::create(&disk, Path::new("/blocks"), ulid, 1)?;
//! writer.start_series(&Labels::from_pairs([("__name__", "up")])?)?;
//! writer.push(&mut columns)?;
//! writer.finish()?;
//!
//! let block = Block::open(disk.as_ref(), &Path::new("/blocks").join(ulid.to_string()))?;
//! let mut columns = SeriesColumns::default();
//! for series in block.select(&[Matcher::equal("__name__", "up")])? {
//!     block.read(series, TimeRange::ALL, &mut columns)?;
//! }
//! assert_eq!((columns.timestamps[0], columns.values[0]), (ts, 0.5));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cursor;
mod error;
mod exemplars;
mod figure;
mod format;
mod meta;
mod posting;
mod read;
mod short;
mod write;

pub use error::BlockError;
pub use format::{TEMPORARY_SUFFIX, VERSION, VERSION_MIN};
pub use meta::{BlockMeta, FileMeta};
pub use read::{
    Block, BlockOutline, BlockSeries, ChunkMeta, LabelCount, LabelReader, Reading, SalvagedSeries,
    Section,
};
pub use write::{BlockWriter, FloatCodec};
