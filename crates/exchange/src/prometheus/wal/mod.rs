//! The write-ahead log of Prometheus: what its head held when it stopped.
//!
//! `segment` cuts the files into records, `record` reads one record, `replay` makes series of them.
//! Layouts after `tsdb/docs/format/wal.md` of Prometheus.

mod record;
mod replay;
mod segment;

pub use record::{Record, RecordError, WalHistogram, WalSample, WalSeries, decode_record};
pub use segment::{Records, SegmentError};

pub(crate) use replay::{Replay, wal_files};
