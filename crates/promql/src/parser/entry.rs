//! The ways into the parser: a query, a selector, a series.

use timberline_model::{Labels, MatchOp, Matcher};

use crate::{
    ast::{Expr, ExprKind, Span},
    features::Features,
    parser::{
        check::check,
        cursor::{Parsed, Parser},
        enabled,
        error::ParseError,
        token::Kind,
    },
};

/// How long a query may be, in bytes.
pub const EXPRESSION_BYTES_MAX: usize = 256 * 1024;

/// How deep a query may nest: parentheses, arguments, signs and right sides of operators.
pub const NESTING_MAX: usize = 128;

/// How high the tree of a query may be. A chain of operators that associate to the left, such as
/// `a + b + c`, is as high as it has operators. Who walks a tree by recursion goes this deep.
pub const HEIGHT_MAX: usize = 256;

/// How many regular expressions a query may have: each may take megabytes and milliseconds to compile.
pub const REGEX_COUNT_MAX: usize = 64;

const _: () = assert!(NESTING_MAX <= HEIGHT_MAX);

/// Reads a query and checks its types.
///
/// The language is that of Prometheus 3.14 with all its features switched on. On top of it, durations may
/// use the units `us` and `ns`, and `@` keeps microseconds. Where Prometheus' strings can hold any
/// bytes, these are UTF-8: escapes that make other bytes are an error.
///
/// # Errors
/// The first thing that is wrong, with its position; also a query longer than
/// [`EXPRESSION_BYTES_MAX`], deeper than [`NESTING_MAX`] or higher than [`HEIGHT_MAX`], or
/// with more regular expressions than [`REGEX_COUNT_MAX`].
pub fn parse(text: &str) -> Result<Expr, ParseError> {
    let mut parser = start(text)?;
    if parser.at(Kind::End) {
        return Err(ParseError::new(text, Span::default(), "no expression found in input"));
    }
    let mut expr = parser.expression(0)?.node;
    finish(&parser)?;
    check(text, &mut expr)?;
    Ok(expr)
}

/// Reads a query and refuses what is not switched on.
///
/// # Errors
/// What [`parse`] refuses, and the first use of a feature that is off.
pub fn parse_with(text: &str, features: &Features) -> Result<Expr, ParseError> {
    let expr = parse(text)?;
    enabled::check(text, &expr, *features)?;
    Ok(expr)
}

/// Reads a selector without `offset`, `@` or range, such as the `match[]` parameter of the HTTP API:
/// `up`, `{job="a"}`, `http_requests{code=~"5.."}`.
///
/// # Errors
/// Anything else, and what [`parse`] refuses.
pub fn parse_matchers(text: &str) -> Result<Vec<Matcher>, ParseError> {
    let mut parser = start(text)?;
    let mut expr = parser.bare_selector()?;
    finish(&parser)?;
    check(text, &mut expr)?;
    match expr.kind {
        ExprKind::Selector(selector) => Ok(selector.matchers),
        _ => unreachable!("bare_selector reads selectors only"),
    }
}

/// Reads the labels of one series: `cpu_usage{host="server1"}`.
///
/// # Errors
/// A label that is not given by `=`, given twice or too long, no labels at all, and what [`parse`]
/// refuses.
pub fn parse_series(text: &str) -> Result<Labels, ParseError> {
    let mut parser = start(text)?;
    let expr = parser.bare_selector()?;
    finish(&parser)?;
    let fail = |message: String| ParseError::new(text, expr.span, message);
    let ExprKind::Selector(selector) = &expr.kind else {
        unreachable!("bare_selector reads selectors only")
    };
    if let Some(other) = selector.matchers.iter().find(|m| m.op() != MatchOp::Equal) {
        let (op, name) = (other.op(), other.name());
        return Err(fail(format!("a series is named by labels with =, not {op} ({name})")));
    }
    let pairs = selector.matchers.iter().map(|m| (m.name(), m.value()));
    let labels = Labels::from_pairs(pairs).map_err(|error| fail(error.to_string()))?;
    if labels.is_empty() {
        return Err(fail("a series has at least one label".to_owned()));
    }
    Ok(labels)
}

fn start(text: &str) -> Parsed<Parser<'_>> {
    if text.len() > EXPRESSION_BYTES_MAX {
        let message = format!(
            "expression of {} bytes exceeds the limit of {EXPRESSION_BYTES_MAX}",
            text.len()
        );
        return Err(ParseError::new(text, Span { start: 0, end: text.len() }, message).of_limit());
    }
    Ok(Parser::new(text))
}

fn finish(parser: &Parser<'_>) -> Parsed<()> {
    if parser.at(Kind::End) { Ok(()) } else { Err(parser.unexpected("", "")) }
}
