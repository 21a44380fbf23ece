//! The compact notation of sample values: `1 2 _ stale 0+10x5 {{sum:1}}x3`.

use timberline_model::STALE_NAN;

/// One place in a line of values.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Item {
    /// No sample.
    Gap,
    /// A float, the stale marker among them.
    Float(f64),
    /// A native histogram; what it holds is of no use yet.
    Histogram,
}

/// Splits at blanks that are not within `{{ }}`.
fn tokens(text: &str) -> Vec<&str> {
    let (mut found, mut start, mut depth) = (Vec::new(), None, 0_i32);
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        match (c.is_whitespace() && depth == 0, start) {
            (true, Some(begin)) => {
                found.push(&text[begin..at]);
                start = None;
            }
            (false, None) => start = Some(at),
            _ => {}
        }
    }
    found.extend(start.map(|begin| &text[begin..]));
    found
}

pub(crate) fn parse(text: &str) -> Result<Vec<Item>, String> {
    let mut items = Vec::new();
    for token in tokens(text) {
        parse_token(token, &mut items).ok_or_else(|| format!("bad value {token:?}"))?;
    }
    Ok(items)
}

fn parse_token(token: &str, items: &mut Vec<Item>) -> Option<()> {
    if token.starts_with("{{") {
        let (_, tail) = token.rsplit_once("}}")?;
        let count = match tail.strip_prefix('x') {
            Some(count) => count.parse::<usize>().ok()? + 1,
            None if tail.is_empty() => 1,
            None => return None,
        };
        items.extend(std::iter::repeat_n(Item::Histogram, count));
        return Some(());
    }
    let (head, count) = match token.rsplit_once('x') {
        Some((head, count)) if !head.is_empty() => (head, Some(count.parse::<usize>().ok()?)),
        _ => (token, None),
    };
    if head == "_" {
        items.extend(std::iter::repeat_n(Item::Gap, count.unwrap_or(1)));
        return Some(());
    }
    let (first, step) = match count {
        Some(_) => split_step(head)?,
        None => (number(head)?, 0.0),
    };
    let mut value = first;
    for _ in 0..=count.unwrap_or(0) {
        items.push(Item::Float(value));
        value += step;
    }
    Some(())
}

/// `a+b`, `a-b` or `a`.
fn split_step(text: &str) -> Option<(f64, f64)> {
    let bytes = text.as_bytes();
    let sign = (1..bytes.len())
        .find(|at| matches!(bytes[*at], b'+' | b'-') && !matches!(bytes[at - 1], b'e' | b'E'));
    match sign {
        Some(at) => Some((number(&text[..at])?, number(&text[at..])?)),
        None => Some((number(text)?, 0.0)),
    }
}

/// A float as Go reads it.
pub(crate) fn number(text: &str) -> Option<f64> {
    if text == "stale" {
        return Some(STALE_NAN);
    }
    text.parse().ok()
}
