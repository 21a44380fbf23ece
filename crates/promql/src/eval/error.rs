//! Why a query cannot be answered.

use timberline_model::{ErrorKind, LabelsError, ScanError};

/// An evaluation that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// A part of the language that this version parses and does not evaluate.
    #[error("{name} is not evaluated by this version")]
    Unsupported {
        /// `function histogram_avg`, `modifier smoothed` and the like.
        name: String,
    },
    /// The query's times make no sense.
    #[error("invalid query times: {reason}")]
    BadTimes {
        /// What is wrong with them.
        reason: &'static str,
    },
    /// A duration computed to something no duration can be.
    #[error("{reason}")]
    BadDuration {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The query reads or makes more samples than allowed.
    #[error("query processing would load more than {max} samples")]
    TooManySamples {
        /// The limit.
        max: u64,
    },
    /// More steps than allowed.
    #[error(
        "{count} steps exceed the limit of {max} per query: use a larger step or a shorter range"
    )]
    TooManySteps {
        /// Steps asked for.
        count: u64,
        /// The limit.
        max: u64,
    },
    /// The selectors of the query pick more series than allowed.
    #[error("the query selects more than {max} series")]
    TooManySeries {
        /// The limit.
        max: u64,
    },
    /// The time allowed ran out.
    #[error("query timed out in expression evaluation")]
    Timeout,
    /// The caller went away.
    #[error("query was canceled in expression evaluation")]
    Canceled,
    /// Storage failed.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// Labels made by the query that no series can have.
    #[error(transparent)]
    Labels(#[from] LabelsError),
    /// Two result series with the same labels and a value at the same step.
    #[error("vector cannot contain metrics with the same labelset")]
    DuplicateLabels,
    /// Several series on the "one" side of a match.
    #[error(
        "found duplicate series for the match group {group} on the {side} hand-side of the \
         operation: [{first}, {second}];many-to-many matching not allowed: matching labels must be \
         unique on one side"
    )]
    ManyToMany {
        /// The labels that match.
        group: String,
        /// `left` or `right`.
        side: &'static str,
        /// One of the series.
        first: String,
        /// The other.
        second: String,
    },
    /// Several series on the left match one on the right, without `group_left`.
    #[error(
        "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
    )]
    ImplicitManyToOne,
    /// `group_left` or `group_right` makes two results with the same labels.
    #[error("multiple matches for labels: grouping labels must ensure unique matches")]
    AmbiguousMatch,
    /// The parameter of an aggregation is NaN.
    #[error("{what} is NaN")]
    ParameterNan {
        /// Which parameter.
        what: &'static str,
    },
    /// The parameter of an aggregation is no 64-bit integer.
    #[error("Scalar value {value} overflows int64")]
    ParameterOverflow {
        /// The parameter.
        value: String,
    },
    /// A label name that is none.
    #[error("invalid label name {name:?} in {function}")]
    BadLabelName {
        /// The name.
        name: String,
        /// The function.
        function: &'static str,
    },
    /// A regular expression that does not compile.
    #[error("invalid regular expression in label_replace(): {pattern}")]
    BadRegex {
        /// The expression.
        pattern: String,
    },
    /// A parameter outside its range.
    #[error(
        "invalid {what} factor. Expected: 0 {comparison} {symbol} {comparison} 1, got: {value}"
    )]
    BadFactor {
        /// `smoothing` or `trend`.
        what: &'static str,
        /// `<` or `<=`.
        comparison: &'static str,
        /// `sf` or `tf`.
        symbol: &'static str,
        /// The parameter.
        value: f64,
    },
    /// A function of a range whose modifier it does not take.
    #[error("{modifier} modifier can only be used with: {functions} - not with {function}")]
    BadExtension {
        /// `anchored` or `smoothed`.
        modifier: &'static str,
        /// The functions that take it.
        functions: String,
        /// The function.
        function: String,
    },
    /// Two series of an info metric that `info` cannot choose from.
    #[error(
        "found duplicate series for info metric: existing {first} @ {ts_ms}, new {second} @ {ts_ms}"
    )]
    DuplicateInfo {
        /// One of them.
        first: String,
        /// The other.
        second: String,
        /// The time of their samples, in milliseconds.
        ts_ms: i64,
    },
    /// Two info metrics that give a label different values.
    #[error("conflicting label: {label}")]
    ConflictingInfo {
        /// The label.
        label: String,
    },
    /// An operator of histograms between two numbers.
    #[error("operator {op:?} not allowed for Scalar operations")]
    NotForScalars {
        /// The operator.
        op: &'static str,
    },
    /// A range query of a range vector or string.
    #[error("invalid expression type {found:?} for range query, must be Scalar or instant Vector")]
    NotRangeable {
        /// The type of the expression.
        found: &'static str,
    },
    /// A tree that the parser cannot have made.
    #[error("malformed expression: {reason}")]
    Malformed {
        /// What was found where it cannot be.
        reason: &'static str,
    },
}

impl EvalError {
    /// What the caller should do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Unsupported { .. } => ErrorKind::Unsupported,
            Self::TooManySamples { .. }
            | Self::TooManySteps { .. }
            | Self::TooManySeries { .. } => ErrorKind::Limit,
            Self::Timeout => ErrorKind::Timeout,
            Self::Canceled => ErrorKind::Canceled,
            Self::Scan(error) => error.kind(),
            Self::Labels(error) => error.kind(),
            Self::Malformed { .. } => ErrorKind::Internal,
            _ => ErrorKind::Invalid,
        }
    }

    /// The error for a part of the language that is not evaluated.
    pub(super) fn unsupported(name: impl Into<String>) -> Self {
        Self::Unsupported { name: name.into() }
    }
}
