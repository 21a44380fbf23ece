//! Trees compared by what they say, not by where it stood.

use timberline_promql::{Expr, parse};

/// The tree as text without its spans. Numbers that are NaN compare equal this way too.
pub(crate) fn shape(expr: &Expr) -> String {
    let debug = format!("{expr:?}");
    let mut shape = String::with_capacity(debug.len());
    let mut rest = debug.as_str();
    while let Some(at) = rest.find("span: Span {") {
        shape.push_str(&rest[..at]);
        let end = rest[at..].find('}').expect("a span ends in a brace");
        rest = &rest[at + end + 1..];
    }
    shape + rest
}

/// Parses, prints, and checks that the print parses to the same tree and prints the same again.
pub(crate) fn canonical(text: &str) -> String {
    let expr = parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    let print = expr.to_string();
    let again = parse(&print).unwrap_or_else(|error| panic!("{text:?} as {print:?}: {error}"));
    assert_eq!(shape(&again), shape(&expr), "{text:?} as {print:?}");
    assert_eq!(again.to_string(), print);
    print
}
