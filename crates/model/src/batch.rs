//! Batches: what protocols hand to a database, and what they get back.

use crate::{
    Exemplar, FamilyMetadata, Histogram, HistogramError, LabelDecoder, Labels, LabelsError,
    LogOffset, SeriesRef, limits,
};

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

/// One series of a batch; its samples are the next `sample_count` of the batch's columns, and likewise
/// its histograms and exemplars.
#[derive(Clone, Debug)]
pub struct SeriesWrite<'a> {
    /// Which series.
    pub key: SeriesKey<'a>,
    /// How many floats.
    pub sample_count: u32,
    /// How many histograms.
    pub histogram_count: u32,
    /// How many exemplars.
    pub exemplar_count: u32,
}

impl SeriesWrite<'_> {
    /// Whether the batch names the series and has nothing for it.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        (self.sample_count | self.histogram_count | self.exemplar_count) == 0
    }
}

/// A native histogram at an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistogramSample {
    /// Nanoseconds since the Unix epoch.
    pub ts: i64,
    /// When what it counts began, nanoseconds; 0 if nobody said.
    pub start: i64,
    /// The value.
    pub histogram: Histogram,
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
    /// Empty until a sample has a start; then one for each sample.
    starts: Vec<i64>,
    histograms: Vec<HistogramSample>,
    exemplars: Vec<Exemplar>,
    metadata: Vec<FamilyMetadata>,
}

impl<'a> WriteBatch<'a> {
    /// A batch with room for so many series and samples.
    #[must_use]
    pub fn with_capacity(series: usize, samples: usize) -> Self {
        Self {
            series: Vec::with_capacity(series),
            timestamps: Vec::with_capacity(samples),
            values: Vec::with_capacity(samples),
            ..Self::default()
        }
    }

    /// Starts a series. Samples pushed next are its own.
    pub fn push_series(&mut self, key: SeriesKey<'a>) {
        self.series.push(SeriesWrite {
            key,
            sample_count: 0,
            histogram_count: 0,
            exemplar_count: 0,
        });
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
        if !self.starts.is_empty() {
            self.starts.push(0);
        }
    }

    /// Adds a sample whose counting began at `start`, in nanoseconds; 0 means that nobody said.
    ///
    /// # Panics
    /// As [`WriteBatch::push_sample`].
    pub fn push_sample_since(&mut self, ts: i64, start: i64, value: f64) {
        self.push_sample(ts, value);
        if start == 0 {
            return;
        }
        self.starts.resize(self.timestamps.len(), 0);
        if let Some(last) = self.starts.last_mut() {
            *last = start;
        }
    }

    /// Adds a native histogram to the series started last. It is checked when the batch is written.
    ///
    /// # Panics
    /// When no series was started, or when one gets 2^32 histograms.
    pub fn push_histogram(&mut self, sample: HistogramSample) {
        let series = self.series.last_mut().expect("a series is started before its histograms");
        series.histogram_count = series.histogram_count.checked_add(1).expect("fewer than 2^32");
        self.histograms.push(sample);
    }

    /// Adds an exemplar to the series started last. It is checked when the batch is written.
    ///
    /// # Panics
    /// When no series was started, or when one gets 2^32 exemplars.
    pub fn push_exemplar(&mut self, exemplar: Exemplar) {
        let series = self.series.last_mut().expect("a series is started before its exemplars");
        series.exemplar_count = series.exemplar_count.checked_add(1).expect("fewer than 2^32");
        self.exemplars.push(exemplar);
    }

    /// Adds what is known of a metric family; it belongs to no series.
    pub fn push_metadata(&mut self, metadata: FamilyMetadata) {
        self.metadata.push(metadata);
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

    /// Start timestamps: one for each sample, 0 where nobody said; none if nobody said for any.
    #[must_use]
    pub fn starts(&self) -> &[i64] {
        &self.starts
    }

    /// All histograms, series after series.
    #[must_use]
    pub fn histograms(&self) -> &[HistogramSample] {
        &self.histograms
    }

    /// All exemplars, series after series.
    #[must_use]
    pub fn exemplars(&self) -> &[Exemplar] {
        &self.exemplars
    }

    /// What the batch says of metric families.
    #[must_use]
    pub fn metadata(&self) -> &[FamilyMetadata] {
        &self.metadata
    }

    /// How many float samples the batch has.
    #[must_use]
    pub fn sample_count(&self) -> usize {
        self.timestamps.len()
    }

    /// Whether the batch has nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.timestamps.is_empty()
            && self.histograms.is_empty()
            && self.exemplars.is_empty()
            && self.metadata.is_empty()
    }

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.series.clear();
        self.timestamps.clear();
        self.values.clear();
        self.starts.clear();
        self.histograms.clear();
        self.exemplars.clear();
        self.metadata.clear();
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
    /// A histogram that is none.
    #[error("invalid histogram: {0}")]
    Histogram(#[from] HistogramError),
    /// An exemplar whose labels are too long.
    #[error("exemplar labels of more than {} characters", limits::EXEMPLAR_LABELS_CHARS_MAX)]
    ExemplarLabels,
    /// An exemplar older than the newest of its series.
    #[error("exemplar at {ts_ms} ms is older than the newest of its series")]
    ExemplarOutOfOrder {
        /// The exemplar's time in milliseconds.
        ts_ms: i64,
    },
    /// More exemplars than are kept until the next flush.
    #[error("too many exemplars since the last flush; at most {max} {of}")]
    ExemplarLimit {
        /// The limit.
        max: u64,
        /// Of what.
        of: &'static str,
    },
    /// Metadata whose texts are too long.
    #[error(
        "metadata of {family:?} with a text of more than {} bytes",
        limits::METADATA_TEXT_BYTES_MAX
    )]
    MetadataText {
        /// The family, cut short.
        family: String,
    },
    /// The database holds metadata of as many families, or as many bytes of it, as it may.
    #[error("metadata of {family:?} is refused: the limit of {max} {of} is reached")]
    MetadataLimit {
        /// The family, cut short.
        family: String,
        /// The limit.
        max: u64,
        /// Of what.
        of: &'static str,
    },
    /// What a protocol found wrong before the database saw it.
    #[error("{0}")]
    Protocol(String),
}

/// One rejection, with what it concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Index of the series in the batch. Of metadata: the number of series, and the index of the
    /// metadata on top.
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
    /// Float samples written.
    pub samples_written: u64,
    /// Histograms written.
    pub histograms_written: u64,
    /// Exemplars written.
    pub exemplars_written: u64,
    /// Samples, floats and histograms, not written.
    pub samples_rejected: u64,
    /// Exemplars not written.
    pub exemplars_rejected: u64,
    /// The first [`limits::REJECTIONS_NAMED_MAX`] rejections.
    pub rejections: Vec<Rejection>,
    /// The end of the batch's frame in the log. Readers that have come this far have seen it.
    pub offset: LogOffset,
}

impl WriteOutcome {
    /// Counts `samples` as rejected and names the reason, if there is still room for names.
    pub fn reject(&mut self, samples: u64, rejection: impl FnOnce() -> Rejection) {
        self.samples_rejected += samples;
        self.name(rejection);
    }

    /// Counts `exemplars` as rejected and names the reason, if there is still room for names.
    pub fn reject_exemplars(&mut self, exemplars: u64, rejection: impl FnOnce() -> Rejection) {
        self.exemplars_rejected += exemplars;
        self.name(rejection);
    }

    /// Names a rejection that is counted nowhere else, if there is still room for names.
    pub fn name(&mut self, rejection: impl FnOnce() -> Rejection) {
        if self.rejections.len() < limits::REJECTIONS_NAMED_MAX {
            self.rejections.push(rejection());
        }
    }
}
