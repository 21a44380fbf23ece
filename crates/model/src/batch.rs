//! Batches: what protocols hand to a database, and what they get back.

use crate::{LabelDecoder, Labels, LabelsError, LogOffset, SeriesRef, limits};

/// How a write names a series.
#[derive(Clone, Debug)]
pub enum SeriesKey<'a> {
    /// By the number that this database gave it.
    Ref(SeriesRef),
    /// By the labels' bytes as they came on the wire. A database remembers the bytes of series it
    /// knows, and decodes only those it does not.
    Raw {
        /// The encoded labels, and nothing else.
        bytes: &'a [u8],
        /// What reads them. Equal bytes under different decoders are different keys.
        decode: LabelDecoder,
    },
    /// By its labels.
    Labels(Labels),
}

/// One series of a batch; its samples are the next `sample_count` of the batch's columns.
#[derive(Clone, Debug)]
pub struct SeriesWrite<'a> {
    /// Which series.
    pub key: SeriesKey<'a>,
    /// How many samples.
    pub sample_count: u32,
}

/// Samples to be written together: all of them are in the log, or none.
///
/// Columns: the samples of the first series, then those of the second, and so on. A series may
/// appear more than once.
///
/// ```
/// use timberline_model::{Labels, WriteBatch};
///
/// let mut batch = WriteBatch::default();
/// batch.push_labels(Labels::from_pairs([("__name__", "up")])?);
/// batch.push_sample(1_700_000_000_000_000_000, 1.0);
/// assert_eq!(batch.sample_count(), 1);
/// # Ok::<(), timberline_model::LabelsError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct WriteBatch<'a> {
    series: Vec<SeriesWrite<'a>>,
    timestamps: Vec<i64>,
    values: Vec<f64>,
}

impl<'a> WriteBatch<'a> {
    /// A batch with room for so many series and samples.
    #[must_use]
    pub fn with_capacity(series: usize, samples: usize) -> Self {
        Self {
            series: Vec::with_capacity(series),
            timestamps: Vec::with_capacity(samples),
            values: Vec::with_capacity(samples),
        }
    }

    /// Starts a series. Samples pushed next are its own.
    pub fn push_series(&mut self, key: SeriesKey<'a>) {
        self.series.push(SeriesWrite { key, sample_count: 0 });
    }

    /// Starts a series named by its labels.
    pub fn push_labels(&mut self, labels: Labels) {
        self.push_series(SeriesKey::Labels(labels));
    }

    /// Starts a series named by its number.
    pub fn push_ref(&mut self, series: SeriesRef) {
        self.push_series(SeriesKey::Ref(series));
    }

    /// Adds a sample to the series started last.
    ///
    /// # Panics
    /// When no series was started, or when one gets 2^32 samples.
    #[inline]
    pub fn push_sample(&mut self, ts: i64, value: f64) {
        let series = self.series.last_mut().expect("a series is started before its samples");
        series.sample_count = series.sample_count.checked_add(1).expect("fewer than 2^32 samples");
        self.timestamps.push(ts);
        self.values.push(value);
    }

    /// The series, in order.
    #[must_use]
    pub fn series(&self) -> &[SeriesWrite<'a>] {
        &self.series
    }

    /// All timestamps, nanoseconds, series after series.
    #[must_use]
    pub fn timestamps(&self) -> &[i64] {
        &self.timestamps
    }

    /// All values, series after series.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// How many samples the batch has.
    #[must_use]
    pub fn sample_count(&self) -> usize {
        self.timestamps.len()
    }

    /// Whether the batch has no samples.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.timestamps.is_empty()
    }

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.series.clear();
        self.timestamps.clear();
        self.values.clear();
    }
}

/// Why a sample, or a whole series of a batch, was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RejectReason {
    /// The labels are not a label set.
    #[error("invalid labels: {0}")]
    Labels(#[from] LabelsError),
    /// A series number that this database never gave out.
    #[error("unknown series reference {series}")]
    UnknownSeries {
        /// The number.
        series: SeriesRef,
    },
    /// The database holds as many series as it may.
    #[error("the database's limit of {max} series is reached; new series are refused")]
    SeriesLimit {
        /// The limit.
        max: u64,
    },
    /// Too far ahead of the clock.
    #[error("timestamp {ts_ms} ms is more than 10 minutes ahead of the server's clock")]
    TooFarAhead {
        /// The sample's time in milliseconds.
        ts_ms: i64,
    },
    /// Older than what the database keeps.
    #[error("timestamp {ts_ms} ms is older than the database's retention")]
    TooOld {
        /// The sample's time in milliseconds.
        ts_ms: i64,
    },
    /// A second value for an instant, where the policy is to refuse it.
    #[error("duplicate sample for timestamp {ts_ms} ms with another value")]
    Duplicate {
        /// The sample's time in milliseconds.
        ts_ms: i64,
    },
    /// What a protocol found wrong before the database saw it.
    #[error("{0}")]
    Protocol(String),
}

/// One rejection, with what it concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Index of the series in the batch.
    pub series_index: usize,
    /// The series in words, where they are known.
    pub labels: Option<Labels>,
    /// Why.
    pub reason: RejectReason,
}

impl std::fmt::Display for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.labels {
            Some(labels) => write!(f, "series {labels}: {}", self.reason),
            None => write!(f, "series {}: {}", self.series_index, self.reason),
        }
    }
}

/// What became of a batch. The samples not rejected are written, at the durability asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteOutcome {
    /// Samples written.
    pub samples_written: u64,
    /// Samples not written.
    pub samples_rejected: u64,
    /// The first [`limits::REJECTIONS_NAMED_MAX`] rejections.
    pub rejections: Vec<Rejection>,
    /// The end of the batch's frame in the log. Readers that have come this far have seen it.
    pub offset: LogOffset,
}

impl WriteOutcome {
    /// Counts `samples` as rejected and names the reason, if there is still room for names.
    pub fn reject(&mut self, samples: u64, rejection: impl FnOnce() -> Rejection) {
        self.samples_rejected += samples;
        if self.rejections.len() < limits::REJECTIONS_NAMED_MAX {
            self.rejections.push(rejection());
        }
    }
}
