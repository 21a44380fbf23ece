//! Storage engines: where batches go and scans come from.
//!
//! The columnar engine is the one that exists: [`Engine`] joins the log, the head and the blocks by
//! one equation, which is also all there is to recovery:
//!
//! ```text
//! state = blocks in the manifest + log replayed from the manifest's `flushed_to`
//! ```
//!
//! What this crate is not: it knows no query language, no protocol and no configuration file.
//!
//! Invariant: a sample that was acknowledged is in the log at the durability asked for, and in the
//! head, before the acknowledgement; it leaves the log only once a published manifest lists a block
//! that holds it.

pub mod columnar;
mod error;

pub use columnar::{
    BlockDetails, BlockSummary, BulkImport, CheckReport, CompactionOutcome, Damage, Engine,
    EngineOptions, EngineStats, Finding, FlushOutcome, HeadCardinality, ImportOptions,
    ImportOutcome, LEVELS_MAX, RESTORING_FILE, ReadPoint, RepairOptions, RepairReport, Retention,
    SETTINGS_FILE, Snapshot, Tail, TailBatch, TailFrom, check, check_levels, repair,
};
pub use error::EngineError;
pub use timberline_block::FloatCodec;
