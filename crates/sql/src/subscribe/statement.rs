//! The words around the `SELECT`: `SUBSCRIBE TO SELECT ... [WITH (name = 'value', ...)] [EMIT CHANGES]`.

use datafusion::sql::sqlparser::{
    ast::{Query, SetExpr},
    dialect::GenericDialect,
    parser::Parser,
    tokenizer::{Location, Token, TokenWithSpan, Tokenizer, Word},
};
use timberline_model::parse_duration;

use super::{plan::Plan, select, token::fingerprint};
use crate::{SqlError, text::first_words};

/// Expressions may be nested so deep.
const DEPTH_MAX: usize = 50;
const LATENESS: i64 = 5_000_000_000;
const IDLE: i64 = 30_000_000_000;

/// What may be said behind the `SELECT`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// Nanoseconds.
    pub(super) lateness: i64,
    /// Nanoseconds; `None` for never.
    pub(super) idle: Option<i64>,
    pub(super) changes: bool,
}

/// Whether a statement begins as a subscription does.
#[must_use]
pub fn is_subscribe(sql: &str) -> bool {
    first_words(sql, 1) == ["SUBSCRIBE"]
}

/// Understands a statement.
pub(super) fn parse(sql: &str) -> Result<Plan, SqlError> {
    let tokens = Tokenizer::new(&GenericDialect, sql)
        .tokenize_with_location()
        .map_err(|error| wrong(error.message, error.location))?;
    let mut tokens: Vec<TokenWithSpan> = tokens
        .into_iter()
        .filter(|token| !matches!(token.token, Token::Whitespace(_) | Token::EOF))
        .collect();
    while tokens.last().is_some_and(|token| token.token == Token::SemiColon) {
        tokens.pop();
    }
    let head = ["SUBSCRIBE", "TO"];
    for (index, word) in head.into_iter().enumerate() {
        if !tokens.get(index).is_some_and(|token| is_word(token, word)) {
            let place = tokens.get(index).map_or(Location::new(1, 1), |token| token.span.start);
            return Err(wrong("expected SUBSCRIBE TO SELECT ...", place));
        }
    }
    tokens.drain(..head.len());
    let changes = take_emit(&mut tokens)?;
    let settings = take_settings(&mut tokens, changes)?;
    let text: Vec<String> = tokens.iter().map(|token| token.token.to_string()).collect();
    let print = fingerprint(text.join(" ").as_bytes());
    let query = query(tokens)?;
    match *query.body {
        SetExpr::Select(ref chosen) => select::understand(&query, chosen, settings, print),
        _ => Err(select::refuse(query.body.as_ref(), "what is subscribed to")),
    }
}

fn query(tokens: Vec<TokenWithSpan>) -> Result<Box<Query>, SqlError> {
    let end = tokens.last().map_or(Location::new(1, 1), |token| token.span.end);
    let mut parser = Parser::new(&GenericDialect)
        .with_recursion_limit(DEPTH_MAX)
        .with_tokens_with_locations(tokens);
    let query = parser.parse_query().map_err(|error| {
        let place = parser.peek_token().span.start;
        let place = if place.line == 0 { end } else { place };
        wrong(error.to_string().trim_start_matches("sql parser error: ").to_owned(), place)
    })?;
    let rest = parser.peek_token();
    if rest.token != Token::EOF {
        return Err(wrong(format!("{} is not understood here", rest.token), rest.span.start));
    }
    Ok(query)
}

/// Takes `EMIT CHANGES` from the end.
fn take_emit(tokens: &mut Vec<TokenWithSpan>) -> Result<bool, SqlError> {
    let Some(index) = tokens.len().checked_sub(2) else { return Ok(false) };
    if !is_word(&tokens[index], "EMIT") {
        return Ok(false);
    }
    if !is_word(&tokens[index + 1], "CHANGES") {
        return Err(wrong("expected EMIT CHANGES", tokens[index + 1].span.start));
    }
    tokens.truncate(index);
    Ok(true)
}

/// Takes `WITH (name = 'value', ...)` from the end.
fn take_settings(tokens: &mut Vec<TokenWithSpan>, changes: bool) -> Result<Settings, SqlError> {
    let mut settings = Settings { lateness: LATENESS, idle: Some(IDLE), changes };
    let is_with =
        |pair: &[TokenWithSpan]| is_word(&pair[0], "WITH") && pair[1].token == Token::LParen;
    let ends = tokens.last().is_some_and(|token| token.token == Token::RParen);
    let Some(at) = tokens.windows(2).rposition(is_with).filter(|at| ends && *at > 0) else {
        return Ok(settings);
    };
    let inside = tokens[at + 2..tokens.len() - 1].to_vec();
    for setting in inside.split(|token| token.token == Token::Comma) {
        let place = setting.first().map_or(tokens[at].span.start, |token| token.span.start);
        let [name, equals, value] = setting else {
            return Err(wrong("expected name = 'value'", place));
        };
        let (Token::Word(Word { value: name, .. }), Token::Eq) = (&name.token, &equals.token)
        else {
            return Err(wrong("expected name = 'value'", place));
        };
        let Token::SingleQuotedString(text) = &value.token else {
            return Err(wrong("expected a duration in quotes, such as '5s'", value.span.start));
        };
        let span =
            || parse_duration(text).map_err(|error| wrong(error.to_string(), value.span.start));
        match name.to_ascii_lowercase().as_str() {
            "lateness" => settings.lateness = span()?,
            "idle" if text.eq_ignore_ascii_case("off") => settings.idle = None,
            "idle" => settings.idle = Some(span()?),
            _ => {
                let what = format!("unknown setting {name:?}: expected lateness or idle");
                return Err(wrong(what, place));
            }
        }
    }
    tokens.truncate(at);
    Ok(settings)
}

fn is_word(token: &TokenWithSpan, word: &str) -> bool {
    matches!(&token.token, Token::Word(found) if found.quote_style.is_none()
        && found.value.eq_ignore_ascii_case(word))
}

/// The error of a statement that is wrong at a place.
pub(super) fn wrong(message: impl Into<String>, place: Location) -> SqlError {
    let message = message.into();
    let position = (place.line > 0).then_some((place.line, place.column));
    let message = match position {
        Some((line, column)) if !message.contains("at Line:") => {
            format!("{message} (line {line}, column {column})")
        }
        _ => message,
    };
    SqlError::Statement { message, position }
}
