//! PromQL: parser and columnar evaluator.
//!
//! Text goes through [`parse`] to a type-checked tree of [`ast`], which is all the evaluator sees.
//! Knows the model only: series come from a `timberline_model::SeriesSource`.
//!
//! What this crate is not: it does no I/O and starts no threads of its own accord.
//!
//! Invariant: a tree made by [`parse`] obeys every rule of types, arities and matching, so the
//! evaluator never has to report that a query makes no sense; and its height is bounded by
//! [`HEIGHT_MAX`], so that walking it by recursion is safe.
//!
//! ```
//! use timberline_promql::{ValueType, parse};
//!
//! let query = parse("sum by(job)(rate(http_requests_total{code=~'5..'}[5m]))")?;
//! assert_eq!(query.value_type(), ValueType::Vector);
//! assert_eq!(query.to_string(), r#"sum by (job) (rate(http_requests_total{code=~"5.."}[5m]))"#);
//!
//! let error = parse("rate(up)").unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     r#"1:6: parse error: expected type range vector in call to function "rate", got instant vector"#,
//! );
//! # Ok::<(), timberline_promql::ParseError>(())
//! ```

pub mod ast;
pub mod eval;
mod features;
mod functions;
mod operator;
mod parser;
mod print;
mod quote;
mod value_type;

pub use ast::{Expr, ExprKind, Span, ValueType};
pub use features::{Feature, Features, UnknownFeature};
pub use functions::{FunctionSignature, function_signature, function_signatures};
pub use parser::{
    EXPRESSION_BYTES_MAX, HEIGHT_MAX, NESTING_MAX, ParseError, REGEX_COUNT_MAX, parse,
    parse_matchers, parse_series, parse_with,
};
