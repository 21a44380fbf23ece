//! Where in a statement an error lies.
//!
//! DataFusion knows the places of names and of syntax errors. Of calls it does not: their place is found by
//! the function's name, which begins every refusal of a call, or by a text that the message quotes, if there is
//! no doubt which call or text is meant.

use datafusion::{
    error::DataFusionError,
    sql::sqlparser::{
        dialect::GenericDialect,
        tokenizer::{Location, Token, TokenWithSpan, Tokenizer},
    },
};

/// Line and column, both from 1.
type Place = (u64, u64);

/// The place that the error itself knows.
pub(crate) fn known_place(error: &DataFusionError) -> Option<Place> {
    let diagnosed = error.diagnostic().and_then(|diagnostic| diagnostic.span);
    diagnosed.map(|span| (span.start.line, span.start.column)).or_else(|| {
        let message = error.strip_backtrace();
        let (_, place) = message.rsplit_once(" at Line: ")?;
        let (line, column) = place.split_once(", Column: ")?;
        let digits = column.find(|c: char| !c.is_ascii_digit()).unwrap_or(column.len());
        Some((line.parse().ok()?, column[..digits].parse().ok()?))
    })
}

/// The place in the statement that a message speaks of.
pub(crate) fn find_place(sql: &str, message: &str) -> Option<Place> {
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().ok()?;
    let tokens: Vec<_> =
        tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
    let quoted = quoted_in(message);
    let texts = texts_of(&tokens, &quoted);
    let calls = calls_of(&tokens, &names_in(message, &quoted));
    let found = match calls.as_slice() {
        [call] => Some(*call),
        // Of several calls, the one that has the text.
        [first, ..] => {
            let holding =
                calls.iter().rev().find(|call| texts.first().is_some_and(|text| text > call));
            let only = if texts.len() == 1 { holding } else { None };
            only.or_else(|| calls.iter().all(|call| call == first).then_some(first)).copied()
        }
        [] => match texts.as_slice() {
            [text] => Some(*text),
            _ => None,
        },
    };
    found.map(|at| (at.line, at.column))
}

/// What stands in quotes in a message.
fn quoted_in(message: &str) -> Vec<&str> {
    ['"', '\''].into_iter().flat_map(|quote| message.split(quote).skip(1).step_by(2)).collect()
}

/// Names of functions that a message may speak of: `name: ...`, and those in quotes.
fn names_in<'a>(message: &'a str, quoted: &[&'a str]) -> Vec<&'a str> {
    let is_name = |text: &&str| {
        !text.is_empty() && text.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
    };
    let leading = message.split_once(':').map(|(name, _)| name).filter(is_name);
    match leading {
        Some(name) => vec![name],
        None => quoted.iter().copied().filter(is_name).collect(),
    }
}

/// Where functions of these names are called.
fn calls_of(tokens: &[TokenWithSpan], names: &[&str]) -> Vec<Location> {
    let calls = tokens.windows(2).filter(|pair| pair[1].token == Token::LParen);
    calls
        .filter_map(|pair| match &pair[0].token {
            Token::Word(word) if names.iter().any(|name| word.value.eq_ignore_ascii_case(name)) => {
                Some(pair[0].span.start)
            }
            _ => None,
        })
        .collect()
}

/// Where these texts stand.
fn texts_of(tokens: &[TokenWithSpan], texts: &[&str]) -> Vec<Location> {
    let is_meant = |token: &&TokenWithSpan| match &token.token {
        Token::SingleQuotedString(text) => texts.contains(&text.as_str()),
        _ => false,
    };
    tokens.iter().filter(is_meant).map(|token| token.span.start).collect()
}
