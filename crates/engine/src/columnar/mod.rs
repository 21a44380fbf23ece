//! The columnar engine: one log, a sharded head in memory, immutable blocks, one manifest.
//!
//! [`Engine`] is the whole surface. Writes go through `commit` into the log and the head, `flush`
//! turns the head into blocks, `recovery` rebuilds the head, and `scan` reads all of it.

mod block_summary;
mod blocks;
mod check;
mod commit;
mod compact;
mod delete;
mod engine;
mod families;
mod flush;
#[doc(hidden)] // public for its benchmark only
pub mod head;
mod import;
mod label_cache;
mod layout;
mod live_block;
mod maintenance;
mod manifest;
mod merge;
mod options;
mod point;
mod publish;
mod recovery;
mod repair;
mod retention;
mod scan;
mod series_checkpoint;
mod snapshot;
mod source;
mod stats;
mod sweep;
mod tail;
mod throttle;
mod tombstone;
mod view;

pub use block_summary::{BlockDetails, BlockSummary};
pub use check::{CheckReport, Finding, check};
pub use compact::CompactionOutcome;
pub use engine::Engine;
pub use flush::FlushOutcome;
pub use head::HeadCardinality;
pub use import::{BulkImport, ImportOptions, ImportOutcome};
pub use layout::{RESTORING_FILE, SETTINGS_FILE};
pub use options::{EngineOptions, LEVELS_MAX, check_levels};
pub use point::ReadPoint;
pub use recovery::Damage;
pub use repair::{RepairOptions, RepairReport, repair};
pub use retention::Retention;
pub use snapshot::Snapshot;
pub use stats::EngineStats;
pub use tail::{Tail, TailBatch, TailFrom};
