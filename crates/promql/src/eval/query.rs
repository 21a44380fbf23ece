//! What goes into an evaluation and what comes out of it.

use std::{
    fmt,
    num::NonZeroUsize,
    sync::{Arc, atomic::AtomicBool},
    time::Instant,
};

use timberline_model::{BucketCounts, Histogram, Labels, NANOS_PER_SECOND, PageCounts, Sample};

use super::explain::PlanNode;
use crate::{Feature, Features, ast::Expr};

/// The look-back of a query that names none: 5 minutes, in nanoseconds.
pub const LOOKBACK_DEFAULT: i64 = 300 * NANOS_PER_SECOND;
/// The step of a subquery that names none: 1 minute, in nanoseconds.
pub const SUBQUERY_STEP_DEFAULT: i64 = 60 * NANOS_PER_SECOND;

/// A question: an expression and the times at which it is evaluated. Times are nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// The expression, as the parser made it.
    pub expr: &'a Expr,
    /// The text it was parsed from. With it, warnings name their place as `(line:column)`.
    pub text: Option<&'a str>,
    /// First step.
    pub start: i64,
    /// No step lies after it. Not before `start`.
    pub end: i64,
    /// Distance between steps; 0 makes an instant query at `start`.
    pub step: i64,
    /// How old a sample may be and still stand for its series; one exactly so old may not.
    pub lookback: i64,
    /// The step of subqueries that name none.
    pub subquery_step: i64,
    /// What is switched on. Of the parts that are syntax alone, whoever parses decides.
    pub features: Features,
    /// Whether the answer tells what each part did.
    pub explain: bool,
}

impl<'a> Query<'a> {
    /// A query at one instant, with the default look-back.
    #[must_use]
    pub const fn instant(expr: &'a Expr, at: i64) -> Self {
        Self::range(expr, at, at, 0)
    }

    /// A query over a range, with the default look-back.
    #[must_use]
    pub const fn range(expr: &'a Expr, start: i64, end: i64, step: i64) -> Self {
        Self {
            expr,
            text: None,
            start,
            end,
            step,
            lookback: LOOKBACK_DEFAULT,
            subquery_step: SUBQUERY_STEP_DEFAULT,
            features: Features::DEFAULT,
            explain: false,
        }
    }

    /// The same query knowing its text.
    #[must_use]
    pub const fn with_text(self, text: &'a str) -> Self {
        Self { text: Some(text), ..self }
    }

    /// Whether names are dropped at the very end.
    pub(super) const fn delays_names(&self) -> bool {
        self.features.has(Feature::DelayedNameRemoval)
    }
}

/// What one query may cost.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Samples read from storage plus samples of intermediate and final results.
    pub samples_max: u64,
    /// Steps of the query. Those of subqueries count as samples.
    pub steps_max: u64,
    /// Series read from storage, over all selectors.
    pub series_max: u64,
    /// When to give up.
    pub deadline: Option<Instant>,
    /// Set by whoever no longer wants the answer.
    pub canceled: Arc<AtomicBool>,
    /// How many threads may scan at once. The answer depends on it no more than the order of
    /// additions lets sums differ in their last digits.
    pub partitions: NonZeroUsize,
}

impl Default for Limits {
    /// 1,000 M samples, 11,000 steps, 10 M series, no deadline, one thread.
    fn default() -> Self {
        Self {
            samples_max: 1_000_000_000,
            steps_max: 11_000,
            series_max: 10_000_000,
            deadline: None,
            canceled: Arc::default(),
            partitions: NonZeroUsize::MIN,
        }
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct QueryResult {
    /// The values.
    pub value: Value,
    /// What the asker should worry about, worded as Prometheus words it. Sorted, no repeats.
    pub warnings: Vec<String>,
    /// What the asker may want to know. Sorted, no repeats.
    pub infos: Vec<String>,
    /// What it cost.
    pub stats: QueryStats,
    /// What each part did, if the query asked for it.
    pub plan: Option<PlanNode>,
}

/// What a query read from storage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueryStats {
    /// Series, over all selectors.
    pub series: u64,
    /// Samples, over all selectors. A page of which storage only gave figures counts as one.
    pub samples: u64,
    /// Pages that storage has decoded, and those that it could leave alone.
    pub pages: PageCounts,
}

/// The values of an answer. Range queries always give a matrix.
#[derive(Clone, Debug)]
pub enum Value {
    /// One number.
    Scalar(Sample),
    /// A string.
    String {
        /// The query's time, in nanoseconds.
        ts: i64,
        /// The string.
        text: String,
    },
    /// One value per series, ordered by labels unless the query sorts.
    Vector(Vec<InstantSample>),
    /// Many values per series, ordered by labels.
    Matrix(Vec<RangeSeries>),
}

/// A series' value at one time.
#[derive(Clone, Debug)]
pub struct InstantSample {
    /// The series.
    pub labels: Labels,
    /// The query's time, in nanoseconds.
    pub ts: i64,
    /// The value.
    pub value: SampleValue,
}

/// A value: a number, or a native histogram as it was stored.
#[derive(Clone, Debug, PartialEq)]
pub enum SampleValue {
    /// A number.
    Float(f64),
    /// A native histogram.
    Histogram(Arc<Histogram>),
}

impl SampleValue {
    /// The number, if it is one.
    #[must_use]
    pub const fn float(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            Self::Histogram(_) => None,
        }
    }
}

impl PartialEq<f64> for SampleValue {
    /// As floats compare: NaN differs from itself.
    fn eq(&self, other: &f64) -> bool {
        self.float() == Some(*other)
    }
}

impl fmt::Display for SampleValue {
    /// A number as it is; of a histogram the count and the sum, which say what it is about.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let histogram = match self {
            Self::Float(value) => return write!(f, "{value}"),
            Self::Histogram(histogram) => histogram,
        };
        match &histogram.counts {
            BucketCounts::Integer { count, .. } => write!(f, "{{count:{count}")?,
            BucketCounts::Float { count, .. } => write!(f, "{{count:{count}")?,
        }
        write!(f, ", sum:{}}}", histogram.sum)
    }
}

/// A series' values over time.
#[derive(Clone, Debug)]
pub struct RangeSeries {
    /// The series.
    pub labels: Labels,
    /// Of the numbers: nanoseconds, ascending.
    pub timestamps: Vec<i64>,
    /// As many values as timestamps.
    pub values: Vec<f64>,
    /// Native histograms with their times, ascending; no time has both a histogram and a number.
    pub histograms: Vec<(i64, Arc<Histogram>)>,
}
