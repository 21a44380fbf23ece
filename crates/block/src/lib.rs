//! Immutable blocks: the samples of a span of time, with an index over their series.
//!
//! A block is a directory named by a ULID with three files: `meta.json`, `chunks` and `index`
//! (`docs/formats/block.md`). [`BlockWriter`] makes one, series after series; [`Block`] reads one.
//!
//! What this crate is not: it does not know which blocks a database has (the manifest does), encodes
//! no samples (`timberline-codec` does), and merges nothing (the engine does).
//!
//! Invariants: a directory with a block's final name is complete and on the disk. A block is never
//! changed. Every byte is verified by a checksum before it is believed, and no parse relies on that:
//! arbitrary bytes give a [`BlockError`], never a panic, a large allocation or other samples.
//!
//! ```
//! use std::{path::Path, sync::Arc};
//! use timberline_block::{Block, BlockWriter};
//! use timberline_codec::{chunk, xor::XorEncoder};
//! use timberline_io::{Disk, SimDisk};
//! use timberline_model::{Labels, Matcher, SeriesColumns, TimeRange};
//!
//! let disk: Arc<dyn Disk> = Arc::new(SimDisk::new(1));
//! let mut encoder = XorEncoder::new();
//! encoder.append(1_700_000_000_000, 0.5);
//! let sealed = chunk::seal(chunk::UNIT_MILLI, &encoder);
//! let ts = 1_700_000_000_000_000_000;
//!
//! let ulid = ulid::Ulid::from_parts(1_700_000_000_000, 1);
//! let mut writer = BlockWriter::create(&disk, Path::new("/blocks"), ulid, 1)?;
//! writer.start_series(&Labels::from_pairs([("__name__", "up")])?)?;
//! writer.push_chunk(&sealed, 1, ts, ts)?;
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
mod format;
mod meta;
mod posting;
mod read;
mod write;

pub use error::BlockError;
pub use format::{TEMPORARY_SUFFIX, VERSION};
pub use meta::{BlockMeta, FileMeta};
pub use read::{Block, BlockOutline, ChunkMeta, LabelCount, LabelReader, SalvagedSeries};
pub use write::BlockWriter;
