//! Prometheus' own files: blocks (index version 2, chunks, tombstones) and the write-ahead log.
//!
//! What is read is everything a stopped Prometheus has: its blocks, and what its head held, which is
//! in `wal` (and, for samples out of order, in `wbl`). `chunks_head` is a copy of samples that the log
//! has too, and is not read. What is written are blocks.

mod bytes;
mod chunks;
mod import;
mod index;
mod meta;
mod tombstones;
mod wal;
mod write;

pub use bytes::Fault;
pub use chunks::{ChunkError, check_segment, read_chunk};
pub use index::{ChunkPlace, IndexError, IndexReader, IndexSeries};
pub use tombstones::Tombstones;
pub use wal::{
    Record, RecordError, Records, SegmentError, WalHistogram, WalSample, WalSeries, decode_record,
};

pub(crate) use import::Directory;
pub(crate) use write::export;
