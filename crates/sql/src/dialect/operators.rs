//! How many operators a statement may have.
//!
//! A chain such as `1 + 1 + 1` is a tree as deep as it is long, and whoever walks it needs as much stack, and
//! the square of its length in time to name its parts. The parser limits nesting, and not chains.

use datafusion::error::{DataFusionError, Result};

use crate::text::{Token, TokenKind, Tokens};

/// Operators in one statement, `AND`, `OR` and `UNION` among them. The threads that plan statements have stacks
/// for so many.
pub(crate) const OPERATORS_MAX: usize = 2_000;

const WORDS: [&str; 13] = [
    "and",
    "or",
    "not",
    "is",
    "in",
    "like",
    "ilike",
    "between",
    "when",
    "union",
    "intersect",
    "except",
    "join",
];

/// Refuses a statement of more operators.
///
/// # Errors
/// It has more, the first of them too many named with its place.
pub(crate) fn check_operators(sql: &str) -> Result<()> {
    let mut count = 0;
    let mut before: Option<Token> = None;
    for token in Tokens::of(sql) {
        count += usize::from(is_operator(sql, before.as_ref(), &token));
        if count > OPERATORS_MAX {
            let (line, column) = place_of(sql, token.range.start);
            return Err(DataFusionError::Plan(format!(
                "a statement has at most {OPERATORS_MAX} operators (IN takes a list of any length) \
                 at Line: {line}, Column: {column}"
            )));
        }
        before = Some(token);
    }
    Ok(())
}

fn is_operator(sql: &str, before: Option<&Token>, token: &Token) -> bool {
    let text = &sql[token.range.clone()];
    match token.kind {
        TokenKind::Word => WORDS.iter().any(|word| word.eq_ignore_ascii_case(text)),
        // A sign is part of a number.
        TokenKind::Symbol if text == "-" || text == "+" => before.is_some_and(|before| {
            let text = &sql[before.range.clone()];
            match before.kind {
                TokenKind::Symbol => text == ")" || text == "]",
                // 1e-5
                TokenKind::Word => {
                    !(text.starts_with(|c: char| c.is_ascii_digit()) && text.ends_with(['e', 'E']))
                }
                _ => true,
            }
        }),
        TokenKind::Symbol => "*/%|&^=<>~:[#".contains(text),
        _ => false,
    }
}

/// Line and column, both from 1.
fn place_of(sql: &str, at: usize) -> (usize, usize) {
    let before = &sql[..at];
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_are_limited_and_lists_are_not() {
        for part in [" + 1", " - 1", " AND true", " union all select 1", " || 'a'", "::int"] {
            let sql = |count: usize| format!("SELECT 1{}", part.repeat(count));
            let weight = if part == " || 'a'" || part == "::int" { 2 } else { 1 };
            assert!(check_operators(&sql(OPERATORS_MAX / weight)).is_ok(), "{part}");
            let error = check_operators(&sql(OPERATORS_MAX / weight + 1)).unwrap_err().to_string();
            assert!(
                error.contains("at most 2000 operators") && error.contains("Line: 1"),
                "{error}"
            );
        }
        let rows = "(-1.5, 1e-5, 'a - b'), ".repeat(50_000);
        assert!(check_operators(&format!("INSERT INTO cpu VALUES {rows} (1, 2, 'x')")).is_ok());
        let names = "'a', ".repeat(50_000);
        assert!(check_operators(&format!("SELECT * FROM cpu WHERE host IN ({names} 'b')")).is_ok());
    }

    #[test]
    fn the_place_is_that_of_the_first_too_many() {
        let sql = format!("SELECT 1{}\n  + 7", " + 1".repeat(OPERATORS_MAX));
        let error = check_operators(&sql).unwrap_err().to_string();
        assert!(error.contains("Line: 2, Column: 3"), "{error}");
    }
}
