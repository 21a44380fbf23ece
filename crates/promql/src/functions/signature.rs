//! The signatures of all functions of Prometheus 3.14, experimental ones included.
//!
//! Invariant: [`SIGNATURES`] is sorted by name, so that a name is found by binary search.

use crate::ast::ValueType::{self, Matrix, Scalar, String, Vector};

/// What a function takes and gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FunctionSignature {
    /// The name, as written in queries.
    pub name: &'static str,
    /// The types of the arguments, in order; the last one also stands for all arguments after it.
    pub args: &'static [ValueType],
    /// How many arguments a call has at least.
    pub args_min: usize,
    /// How many arguments a call has at most; `None` if any number.
    pub args_max: Option<usize>,
    /// The type of the result.
    pub returns: ValueType,
    /// Whether it is on trial: [`crate::Feature::ExperimentalFunctions`] switches it on.
    pub experimental: bool,
}

impl FunctionSignature {
    /// The type that the argument at `index` (from zero) must have, if there may be one.
    #[must_use]
    pub fn arg(&self, index: usize) -> Option<ValueType> {
        if self.args_max.is_some_and(|max| index >= max) {
            return None;
        }
        self.args.get(index).or(self.args.last()).copied()
    }

    /// Whether calls may differ in their number of arguments.
    #[must_use]
    pub fn is_variadic(&self) -> bool {
        self.args_max != Some(self.args_min)
    }
}

/// The signature of the function of that name, which is told apart by case.
#[must_use]
pub fn function_signature(name: &str) -> Option<&'static FunctionSignature> {
    SIGNATURES.binary_search_by(|s| s.name.cmp(name)).ok().map(|index| &SIGNATURES[index])
}

/// All signatures, sorted by name.
#[must_use]
pub fn function_signatures() -> &'static [FunctionSignature] {
    SIGNATURES
}

/// A function that always takes the arguments listed.
const fn fixed(
    name: &'static str,
    args: &'static [ValueType],
    returns: ValueType,
) -> FunctionSignature {
    let count = args.len();
    FunctionSignature {
        name,
        args,
        args_min: count,
        args_max: Some(count),
        returns,
        experimental: false,
    }
}

/// A function from vectors to vectors.
const fn simple(name: &'static str) -> FunctionSignature {
    fixed(name, &[Vector], Vector)
}

/// A function from ranges to vectors.
const fn over_range(name: &'static str) -> FunctionSignature {
    fixed(name, &[Matrix], Vector)
}

/// A part of the date: of the given vector, or of the evaluation time.
const fn date_part(name: &'static str) -> FunctionSignature {
    fixed(name, &[Vector], Vector).variadic(0, Some(1))
}

impl FunctionSignature {
    const fn variadic(mut self, args_min: usize, args_max: Option<usize>) -> Self {
        self.args_min = args_min;
        self.args_max = args_max;
        self
    }

    const fn experimental(mut self) -> Self {
        self.experimental = true;
        self
    }
}

static SIGNATURES: &[FunctionSignature] = &[
    simple("abs"),
    simple("absent"),
    over_range("absent_over_time"),
    simple("acos"),
    simple("acosh"),
    simple("asin"),
    simple("asinh"),
    simple("atan"),
    simple("atanh"),
    over_range("avg_over_time"),
    simple("ceil"),
    over_range("changes"),
    fixed("clamp", &[Vector, Scalar, Scalar], Vector),
    fixed("clamp_max", &[Vector, Scalar], Vector),
    fixed("clamp_min", &[Vector, Scalar], Vector),
    simple("cos"),
    simple("cosh"),
    over_range("count_over_time"),
    date_part("day_of_month"),
    date_part("day_of_week"),
    date_part("day_of_year"),
    date_part("days_in_month"),
    simple("deg"),
    over_range("delta"),
    over_range("deriv"),
    fixed("double_exponential_smoothing", &[Matrix, Scalar, Scalar], Vector).experimental(),
    fixed("end", &[], Scalar).experimental(),
    simple("exp"),
    over_range("first_over_time"),
    simple("floor"),
    simple("histogram_avg"),
    simple("histogram_count"),
    fixed("histogram_fraction", &[Scalar, Scalar, Vector], Vector),
    fixed("histogram_quantile", &[Scalar, Vector], Vector),
    fixed("histogram_quantiles", &[Vector, String, Scalar, Scalar], Vector)
        .variadic(3, Some(12))
        .experimental(),
    simple("histogram_stddev"),
    simple("histogram_stdvar"),
    simple("histogram_sum"),
    date_part("hour"),
    over_range("idelta"),
    over_range("increase"),
    fixed("info", &[Vector, Vector], Vector).variadic(1, Some(2)).experimental(),
    over_range("irate"),
    fixed("label_join", &[Vector, String, String, String], Vector).variadic(3, None),
    fixed("label_replace", &[Vector, String, String, String, String], Vector),
    over_range("last_over_time"),
    simple("ln"),
    simple("log10"),
    simple("log2"),
    over_range("mad_over_time").experimental(),
    fixed("max_of", &[Scalar, Scalar], Scalar).experimental(),
    over_range("max_over_time"),
    fixed("min_of", &[Scalar, Scalar], Scalar).experimental(),
    over_range("min_over_time"),
    date_part("minute"),
    date_part("month"),
    fixed("pi", &[], Scalar),
    fixed("predict_linear", &[Matrix, Scalar], Vector),
    over_range("present_over_time"),
    fixed("quantile_over_time", &[Scalar, Matrix], Vector),
    simple("rad"),
    fixed("range", &[], Scalar).experimental(),
    over_range("rate"),
    over_range("resets"),
    fixed("round", &[Vector, Scalar], Vector).variadic(1, Some(2)),
    fixed("scalar", &[Vector], Scalar),
    simple("sgn"),
    simple("sin"),
    simple("sinh"),
    simple("sort"),
    fixed("sort_by_label", &[Vector, String], Vector).variadic(1, None).experimental(),
    fixed("sort_by_label_desc", &[Vector, String], Vector).variadic(1, None).experimental(),
    simple("sort_desc"),
    simple("sqrt"),
    fixed("start", &[], Scalar).experimental(),
    simple("start_timestamp").experimental(),
    over_range("stddev_over_time"),
    over_range("stdvar_over_time"),
    fixed("step", &[], Scalar).experimental(),
    over_range("sum_over_time"),
    simple("tan"),
    simple("tanh"),
    fixed("time", &[], Scalar),
    simple("timestamp"),
    over_range("ts_of_first_over_time").experimental(),
    over_range("ts_of_last_over_time").experimental(),
    over_range("ts_of_max_over_time").experimental(),
    over_range("ts_of_min_over_time").experimental(),
    fixed("vector", &[Scalar], Vector),
    date_part("year"),
];
