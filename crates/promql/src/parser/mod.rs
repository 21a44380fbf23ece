//! From text to tree: a lexer that knows where it is (braces, brackets), a Pratt parser by
//! precedence, and a check of types, arities and matching afterwards.
//!
//! Grammar, precedence, wording and positions of errors follow Prometheus 3.14 with all experimental
//! syntax switched on. Departures, all of them documented in [`parse`]: limits on length and nesting, and
//! the duration units `us` and `ns`.
//!
//! What it is not: it evaluates nothing and knows nothing of stored series.
//!
//! Invariant: no input, however hostile, panics or overflows the stack. Only the first error is told.

mod check;
mod cursor;
mod duration;
mod enabled;
mod entry;
mod error;
mod expression;
mod lexer;
mod literal;
mod matching;
mod modifier;
mod primary;
mod selector;
mod token;

pub use entry::{
    EXPRESSION_BYTES_MAX, HEIGHT_MAX, NESTING_MAX, REGEX_COUNT_MAX, parse, parse_matchers,
    parse_series, parse_with,
};
pub use error::ParseError;
pub(crate) use literal::{nanos_of_seconds, seconds_of_nanos};
pub(crate) use token::is_metric_word;
