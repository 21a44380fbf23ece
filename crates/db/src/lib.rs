//! Timberline as a library: a time series database in a directory, in this process.
//!
//! ```
//! use timberline::{Database, Labels, Options, WriteBatch};
//!
//! # let directory = tempfile::tempdir()?;
//! let database = Database::open(directory.path(), Options::default())?;
//!
//! # let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
//! let now: i64 = now.as_nanos().try_into()?;
//! let mut batch = WriteBatch::default();
//! batch.push_labels(Labels::from_pairs([("__name__", "cpu_usage"), ("host", "server1")])?);
//! batch.push_sample(now, 0.85);
//! let outcome = database.write(&batch)?; // on the disk when this returns
//! assert_eq!(outcome.samples_written, 1);
//!
//! let result = database.query("avg(cpu_usage)", now + 60_000_000_000)?;
//! # assert!(matches!(result.value, timberline::Value::Vector(v) if v[0].value == 0.85));
//! database.close()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! All times are `i64` nanoseconds since the Unix epoch. Samples older than [`Options::retention`], 30 days
//! unless set otherwise, are refused. The directory is the one that the server
//! takes as its `--data-dir`; one process at a time has it open.
//!
//! What this crate is not: it knows no wire protocol, no configuration file and no async runtime;
//! its calls block.
//!
//! Invariant: what a call acknowledged at [`Durability::Synced`] is there after a power cut.

mod care;
mod database;
mod databases;
mod error;
mod options;
mod tail;

pub use care::{check, check_on, repair};
pub use database::Database;
pub use databases::{
    Bound, DATABASE_NAME_BYTES_MAX, DATABASES_MAX, DEFAULT_DATABASE, DatabaseInfo,
    DatabaseSettings, Databases, NAMED_SEGMENT_BYTES_MAX, SettingChange,
};
pub use error::Error;
pub use options::{Options, QueryOptions};
pub use timberline_engine::{
    BlockDetails, BlockSummary, BulkImport, CheckReport, CompactionOutcome, Damage, EngineError,
    EngineStats, Finding, FloatCodec, FlushOutcome, HeadCardinality, ImportOptions, ImportOutcome,
    RESTORING_FILE, ReadPoint, RepairOptions, RepairReport, Retention, Snapshot, Tail, TailBatch,
    TailFrom, check_levels,
};
pub use timberline_model::{
    BucketCounts, BucketSpan, DuplicatePolicy, Durability, ErrorKind, Exemplar, FamilyMetadata,
    Histogram, HistogramColumn, HistogramError, HistogramSample, LabelQuery, Labels, LabelsBuilder,
    LabelsError, LogOffset, MatchOp, Matcher, MatcherError, Metadata, MetricKind, RejectReason,
    Rejection, ResetHint, Sample, ScanError, Selector, SeriesColumns, SeriesExemplars, SeriesKey,
    SeriesRef, SeriesScan, SeriesSource, SeriesWrite, TimeRange, WriteBatch, WriteOutcome,
};
pub use timberline_promql::{
    Feature, Features, ParseError,
    eval::{
        InstantSample, Limits, Query, QueryResult, QueryStats, RangeSeries, SampleValue, Value,
    },
};

/// The query language: parse an expression once, then evaluate it with [`Database::query_with`].
pub use timberline_promql as promql;
