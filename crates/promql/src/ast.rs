//! The syntax tree: what the parser makes and the evaluator walks.

use timberline_model::Matcher;

/// Where a piece of a query stands: byte offsets into its text, end excluded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// An expression and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of expressions.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A number; a duration such as `5m` where a number stands is its seconds.
    Number {
        /// The value.
        value: f64,
        /// Whether it was written as a duration (only printing cares).
        is_duration: bool,
    },
    /// A string literal, unescaped.
    String(String),
    /// An instant vector selector.
    Selector(Box<Selector>),
    /// A range vector selector: `selector[range]`. The modifiers are the selector's own.
    Matrix {
        /// The selector.
        selector: Box<Selector>,
        /// How far back.
        range: DurationExpr,
    },
    /// `expr[range:step]`.
    Subquery(Box<Subquery>),
    /// `-expr` or `+expr`.
    Unary {
        /// Whether it is a minus.
        negate: bool,
        /// The operand.
        expr: Box<Expr>,
    },
    /// `left op right`.
    Binary(Box<Binary>),
    /// `sum by (a) (expr)` and the like.
    Aggregate(Box<Aggregate>),
    /// A function call; name and argument types are checked by the parser.
    Call {
        /// The function's name.
        function: &'static str,
        /// Where the name stands.
        name_span: Span,
        /// The arguments.
        args: Vec<Expr>,
    },
    /// `(expr)`.
    Paren(Box<Expr>),
}

/// The type of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// One number per step.
    Scalar,
    /// A string.
    String,
    /// Series with one value per step.
    Vector,
    /// Series with a range of samples per step.
    Matrix,
}

/// `metric{matchers} anchored|smoothed offset o @ t`.
#[derive(Clone, Debug, PartialEq)]
pub struct Selector {
    /// The metric name if it was written as such or as a quoted name in braces; it is among the
    /// matchers too.
    pub name: Option<String>,
    /// All matchers, that of the metric name included. `{a="b" or c="d"}` is not in the language of
    /// Prometheus and is refused.
    pub matchers: Vec<Matcher>,
    /// `anchored`, `smoothed`, or neither.
    pub extension: RangeExtension,
    /// `offset` and `@`.
    pub modifiers: Modifiers,
}

/// How the samples at the edges of a range are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RangeExtension {
    /// Those in the range only.
    #[default]
    None,
    /// The last sample before the range stands for its start.
    Anchored,
    /// Values at the edges are interpolated.
    Smoothed,
}

/// `offset` and `@`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Modifiers {
    /// The offset; may evaluate to a negative one.
    pub offset: Option<DurationExpr>,
    /// The fixed time.
    pub at: Option<At>,
}

/// The time that `@` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// Nanoseconds since the Unix epoch.
    Timestamp(i64),
    /// The query's first step.
    Start,
    /// The query's last step.
    End,
}

/// A duration that may be computed. Values are seconds until evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct DurationExpr {
    /// What it is.
    pub kind: DurationKind,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of duration expressions.
#[derive(Clone, Debug, PartialEq)]
pub enum DurationKind {
    /// A literal, in nanoseconds: `5m`, or `300` (seconds).
    Literal(i64),
    /// `step()`: the query's step.
    Step,
    /// `range()`: the query's end minus its start.
    Range,
    /// `-d`.
    Negate(Box<DurationExpr>),
    /// `left op right`. Numbers on either side are seconds.
    Binary {
        /// One of `+ - * / % ^`.
        op: DurationOp,
        /// Left operand.
        left: Box<DurationExpr>,
        /// Right operand.
        right: Box<DurationExpr>,
    },
    /// `min_of(a, b)`.
    MinOf(Box<DurationExpr>, Box<DurationExpr>),
    /// `max_of(a, b)`.
    MaxOf(Box<DurationExpr>, Box<DurationExpr>),
    /// `(d)`.
    Paren(Box<DurationExpr>),
}

/// Operators between durations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DurationOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Mod,
    /// `^`
    Pow,
}

/// `expr[range:step] offset o @ t`.
#[derive(Clone, Debug, PartialEq)]
pub struct Subquery {
    /// What is evaluated at every step of the range.
    pub expr: Expr,
    /// How far back.
    pub range: DurationExpr,
    /// The inner step; the engine's default if absent.
    pub step: Option<DurationExpr>,
    /// `offset` and `@`.
    pub modifiers: Modifiers,
}

/// `left op right`.
#[derive(Clone, Debug, PartialEq)]
pub struct Binary {
    /// The operator.
    pub op: BinaryOp,
    /// Left operand.
    pub left: Expr,
    /// Right operand.
    pub right: Expr,
    /// `bool`: a comparison that answers 0 or 1 instead of filtering.
    pub return_bool: bool,
    /// How two vectors are matched; `None` unless both sides are vectors.
    pub matching: Option<Matching>,
}

/// Binary operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Mod,
    /// `^`
    Pow,
    /// `atan2`
    Atan2,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `>`
    Gt,
    /// `<=`
    Le,
    /// `>=`
    Ge,
    /// `</`: keeps a histogram's lower part.
    TrimUpper,
    /// `>/`: keeps a histogram's upper part.
    TrimLower,
    /// `and`
    And,
    /// `or`
    Or,
    /// `unless`
    Unless,
}

/// How the series of two vectors are paired.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matching {
    /// `on` (true) or `ignoring` (false, also when neither is written).
    pub on: bool,
    /// The labels of `on` or `ignoring`.
    pub labels: Vec<String>,
    /// Which side may have several series per match.
    pub cardinality: Cardinality,
    /// Labels that `group_left` or `group_right` copies from the "one" side.
    pub include: Vec<String>,
    /// Value for series missing on the left.
    pub fill_left: Option<f64>,
    /// Value for series missing on the right.
    pub fill_right: Option<f64>,
}

/// Which side of a match is the "many" side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cardinality {
    /// One series on each side.
    #[default]
    OneToOne,
    /// `group_left`: many on the left.
    ManyToOne,
    /// `group_right`: many on the right.
    OneToMany,
    /// Set operators.
    ManyToMany,
}

/// `op by (labels) (param, expr)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// The aggregation.
    pub op: AggregateOp,
    /// The parameter of `topk`, `quantile`, `count_values` and their like.
    pub param: Option<Expr>,
    /// What is aggregated.
    pub expr: Expr,
    /// `without` (true) or `by` (false, also when neither is written).
    pub without: bool,
    /// The labels of `by` or `without`.
    pub grouping: Vec<String>,
}

/// Aggregations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AggregateOp {
    /// `sum`
    Sum,
    /// `avg`
    Avg,
    /// `count`
    Count,
    /// `min`
    Min,
    /// `max`
    Max,
    /// `group`
    Group,
    /// `stddev`
    Stddev,
    /// `stdvar`
    Stdvar,
    /// `topk`
    TopK,
    /// `bottomk`
    BottomK,
    /// `count_values`
    CountValues,
    /// `quantile`
    Quantile,
    /// `limitk`
    LimitK,
    /// `limit_ratio`
    LimitRatio,
}
