//! Hard limits of the model. A surface may set lower ones; none may set higher ones.

/// Labels of one series, the metric name included.
pub const LABEL_COUNT_MAX: usize = 128;
/// Bytes of a label name.
pub const LABEL_NAME_BYTES_MAX: usize = 1_024;
/// Bytes of a label value.
pub const LABEL_VALUE_BYTES_MAX: usize = 65_536;
/// Bytes of all names and values of one series.
pub const LABELS_BYTES_MAX: usize = 262_144;
/// Series of one database. Postings hold 32-bit numbers.
pub const SERIES_COUNT_MAX: u64 = u32::MAX as u64;
/// How far ahead of the clock a sample may lie, in nanoseconds: 10 minutes.
pub const FUTURE_NANOS_MAX: i64 = 10 * 60 * 1_000_000_000;
/// Buckets of one side of a native histogram, spans of one side, and custom bounds.
pub const HISTOGRAM_BUCKETS_MAX: usize = 65_536;
/// Characters of all names and values of an exemplar's labels, as in OpenMetrics.
pub const EXEMPLAR_LABELS_CHARS_MAX: usize = 128;
/// Bytes of a metric's help, unit or family name.
pub const METADATA_TEXT_BYTES_MAX: usize = 65_536;
/// Metric families of which a database keeps metadata.
pub const METADATA_FAMILIES_MAX: usize = 100_000;
/// Bytes of all texts of a database's metadata.
pub const METADATA_BYTES_MAX: usize = 64 << 20;
/// Exemplars of one series that are in no block yet.
pub const EXEMPLARS_PER_SERIES_MAX: usize = 16_384;
/// Bytes of all exemplars that are in no block yet.
pub const EXEMPLAR_BYTES_MAX: u64 = 128 << 20;
/// Rejections that a write outcome names; the rest is only counted.
pub const REJECTIONS_NAMED_MAX: usize = 16;

const _: () = assert!(LABEL_NAME_BYTES_MAX <= LABEL_VALUE_BYTES_MAX);
const _: () = assert!(LABEL_VALUE_BYTES_MAX < LABELS_BYTES_MAX);
