//! A series and its values in the compact notation: `up{job="a"} 1 2 _ stale 0+10x5 {{sum:1}}x3`.

mod literal;

use timberline_model::{Histogram, Labels, STALE_NAN};
use timberline_promql::parse_series;

use crate::{arithmetic::Buckets, number};

/// Values that one line may stand for.
const ITEMS_MAX: usize = 10_000_000;

/// One place in a sequence.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// No sample.
    Gap,
    /// A float; the stale marker too.
    Float(f64),
    /// A native histogram with float counts.
    Histogram {
        /// The histogram.
        histogram: Box<Histogram>,
        /// Whether it was written with a counter reset hint; an expected one without a hint fits any.
        has_hint: bool,
    },
}

/// A series and its sequence of values.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The series; it may have no labels at all.
    pub labels: Labels,
    /// The values in order.
    pub items: Vec<Item>,
}

impl Line {
    /// Reads labels and the values behind them.
    pub(crate) fn parse(line: &str) -> Result<Self, String> {
        let (labels, items) = line.split_at(end_of_labels(line));
        Ok(Self { labels: series(labels)?, items: items_of(items)? })
    }
}

/// Reads the labels of a series; none at all are written `{}`.
pub(crate) fn series(text: &str) -> Result<Labels, String> {
    let text = text.trim();
    match text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        Some(inner) if inner.trim().is_empty() => Ok(Labels::empty()),
        _ => parse_series(text).map_err(|error| format!("{text:?} is no series: {error}")),
    }
}

/// Where the labels of a series end: behind the brace that closes them, or at the first blank.
fn end_of_labels(line: &str) -> usize {
    let (mut quote, mut escaped, mut depth) = (None, false, 0_u32);
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some('"' | '\''), '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '{') => depth += 1,
            (None, '}') if depth <= 1 => return at + 1,
            (None, '}') => depth -= 1,
            // A blank may stand between the name and the brace.
            (None, c) if c.is_whitespace() && depth == 0 && !is_before_labels(&line[at..]) => {
                return at;
            }
            _ => {}
        }
    }
    line.len()
}

/// Whether labels in braces come next, and not a histogram.
fn is_before_labels(rest: &str) -> bool {
    let rest = rest.trim_start();
    rest.starts_with('{') && !rest.starts_with("{{")
}

fn items_of(text: &str) -> Result<Vec<Item>, String> {
    let mut items = Vec::new();
    for token in tokens(text) {
        let more = token_items(token, ITEMS_MAX - items.len())
            .map_err(|reason| format!("bad value {token:?}: {reason}"))?;
        items.extend(more);
    }
    Ok(items)
}

/// Splits at blanks that are not within braces.
fn tokens(text: &str) -> Vec<&str> {
    let (mut found, mut start, mut depth) = (Vec::new(), None, 0_i64);
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        match (c.is_whitespace() && depth <= 0, start) {
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

/// What one token stands for, at most `max` values.
fn token_items(token: &str, max: usize) -> Result<Vec<Item>, String> {
    if token.starts_with("{{") {
        return histograms(token, max);
    }
    let (head, repeats) = match token.rsplit_once('x') {
        Some((head, count)) if !head.is_empty() => (head, Some(repetitions(count, max)?)),
        _ => (token, None),
    };
    if head == "_" {
        return Ok(vec![Item::Gap; repeats.unwrap_or(1)]);
    }
    let (first, step) = match repeats {
        Some(_) => first_and_step(head),
        None => value(head).map(|value| (value, None)),
    }
    .ok_or("neither a number, nor _, nor stale, nor {{a histogram}}")?;
    let mut value = first;
    let mut items = Vec::with_capacity(repeats.unwrap_or(0) + 1);
    for _ in 0..=repeats.unwrap_or(0) {
        items.push(Item::Float(value));
        if let Some(step) = step {
            value += step;
        }
    }
    Ok(items)
}

fn repetitions(text: &str, max: usize) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(count) if count < max => Ok(count),
        Ok(_) => Err(format!("more than {ITEMS_MAX} values in a line")),
        Err(_) => Err(format!("{text:?} is no count")),
    }
}

fn value(text: &str) -> Option<f64> {
    if text == "stale" { Some(STALE_NAN) } else { number::in_sequence(text) }
}

/// `a+b`, `a-b` or `a`.
fn first_and_step(text: &str) -> Option<(f64, Option<f64>)> {
    let bytes = text.as_bytes();
    let sign = (1..bytes.len())
        .find(|at| matches!(bytes[*at], b'+' | b'-') && !matches!(bytes[at - 1], b'e' | b'E'));
    match sign {
        Some(at) => {
            let step = number::in_sequence(&text[at..])?;
            Some((number::in_sequence(&text[..at])?, Some(step)))
        }
        None => Some((value(text)?, None)),
    }
}

/// `H`, `HxN`, `H+HxN` or `H-HxN`.
fn histograms(token: &str, max: usize) -> Result<Vec<Item>, String> {
    let (first, rest) = literal::split(token)?;
    let first = literal::parse(first)?;
    let (step, rest) = match rest.as_bytes() {
        [sign @ (b'+' | b'-'), ..] if rest[1..].starts_with("{{") => {
            let (step, rest) = literal::split(&rest[1..])?;
            (Some((*sign == b'-', literal::parse(step)?)), rest)
        }
        _ => (None, rest),
    };
    let repeats = match (rest.strip_prefix('x'), &step) {
        (Some(count), _) => repetitions(count, max)?,
        (None, None) if rest.is_empty() => 0,
        _ => return Err("a histogram is followed by xN, +{{..}}xN or -{{..}}xN".to_owned()),
    };
    let has_hint = first.has_hint;
    let item = |histogram: Histogram| Item::Histogram { histogram: Box::new(histogram), has_hint };
    let Some((negate, step)) = step else {
        return Ok(vec![item(first.histogram); repeats + 1]);
    };
    let (mut sum, step) = (Buckets::of(&first.histogram), Buckets::of(&step.histogram));
    let mut items = vec![item(first.histogram)];
    for _ in 0..repeats {
        sum = sum.combined(&step, negate)?;
        items.push(item(sum.histogram()));
    }
    Ok(items)
}

#[cfg(test)]
mod tests;
