//! The words Timberline is written in: labels, series, samples, batches, matchers, time, limits.
//!
//! What this crate is not: it does no I/O, holds no locks, reads no clock and is not async.
//! Everything above it (storage, languages, protocols) speaks to its neighbours in these types only.
//!
//! Invariant: a [`Labels`] value is always sorted by name, without repeats and without empty values,
//! so two series are the same series exactly when their `Labels` are equal.

mod batch;
mod byte_size;
mod columns;
mod duration;
mod error;
mod exemplar;
mod histogram;
mod labels;
pub mod limits;
mod matcher;
mod metadata;
mod offset;
mod pages;
mod policy;
mod sample;
mod scan;
mod series;
mod stop;
mod time;
mod totals;
mod value_span;

pub use batch::{
    HistogramSample, RejectReason, Rejection, SeriesKey, SeriesWrite, WriteBatch, WriteOutcome,
};
pub use byte_size::{ByteSize, ByteSizeError};
pub use columns::ColumnsMark;
pub use duration::{DurationError, format_duration, parse_duration};
pub use error::ErrorKind;
pub use exemplar::{Exemplar, SeriesExemplars};
pub use histogram::{
    Bucket, BucketCounts, BucketSide, BucketSpan, CUSTOM_BUCKETS_SCHEMA, CompensatedCount, Count,
    FloatHistogram, Histogram, HistogramError, HistogramMean, HistogramSum, Reconciled, ResetHint,
    SCHEMA_MAX, SCHEMA_MIN, Trim, exponential_bound,
};
pub use labels::{LabelDecoder, Labels, LabelsBuilder, LabelsError, METRIC_NAME};
pub use matcher::{MatchOp, Matcher, MatcherError};
pub use metadata::{FamilyMetadata, Metadata, MetricKind};
pub use offset::LogOffset;
pub use pages::{Cuts, PageCounts, PageFigures, PageUse};
pub use policy::{DuplicatePolicy, Durability, UnknownPolicy};
pub use sample::{STALE_NAN, STALE_NAN_BITS, Sample, ValueKind, is_stale};
pub use scan::{
    HistogramColumn, LabelQuery, ScanError, Selector, SeriesColumns, SeriesScan, SeriesSource,
};
pub use series::SeriesRef;
pub use stop::{Stop, Stopped};
pub use time::{NANOS_PER_MILLI, NANOS_PER_SECOND, TimeRange, TimeUnit};
pub use totals::Totals;
pub use value_span::ValueSpan;
