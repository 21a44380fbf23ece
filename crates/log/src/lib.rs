//! The commit log: one order for all writes, in checksummed frames, in segment files.
//!
//! What this crate is not: it knows nothing of the head, of blocks or of what a sample means to a
//! query. It takes payloads of bytes; [`RecordEncoder`] and [`Record`] say what a database puts into
//! them, and [`checkpoint`] keeps the dictionary of series beside the log.
//!
//! Invariants: an offset that [`Log::append`] gave out names the same frame for ever. What
//! [`Log::commit`] acknowledged as synced is there after any crash. Recovery replays a prefix of what
//! was appended, in order and without holes, but for pieces that the disk itself has damaged, and
//! those it names.
//!
//! ```
//! use std::sync::Arc;
//! use timberline_io::SimDisk;
//! use timberline_log::{Log, LogOptions};
//! use timberline_model::{Durability, LogOffset};
//!
//! let disk = Arc::new(SimDisk::new(1));
//! let dir = std::path::Path::new("/data/log");
//! let options = LogOptions { segment_bytes: 4096, reserve_bytes: 0, ..LogOptions::default() };
//! let (log, _) = Log::open(disk.clone(), dir, options.clone(), LogOffset(0), &mut |_, _| ())?;
//! let end = log.append(b"first")?;
//! log.commit(end, Durability::Synced)?;
//! drop(log);
//!
//! disk.crash();
//! let mut found = Vec::new();
//! let (log, recovery) = Log::open(disk, dir, options, LogOffset(0), &mut |_, payload| {
//!     found.push(payload.to_vec());
//! })?;
//! assert_eq!(found, [b"first"]);
//! assert_eq!(recovery.frames, 1);
//! # Ok::<(), timberline_log::LogError>(())
//! ```

mod buffer;
pub mod checkpoint;
mod commit;
mod directory;
mod error;
mod frame;
mod log;
pub mod metadata;
mod options;
mod reader;
mod record;
mod recovery;
mod scan;
mod segment;
mod spare;
mod stats;
mod window;

pub use error::LogError;
pub use frame::Payload;
pub use log::Log;
pub use options::LogOptions;
pub use reader::{Frame, LogReader};
pub use record::{Record, RecordEncoder, RecordHistogram};
pub use recovery::{Damage, Recovery};
pub use stats::LogStats;
