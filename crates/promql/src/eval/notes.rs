//! Warnings and infos gathered on the way, worded as Prometheus words them.

use std::collections::{BTreeMap, BTreeSet};

use timberline_model::NANOS_PER_SECOND;

use super::{calendar, classic::Forced};
use crate::{ast::Span, quote::quote};

/// How grave a note is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Gravity {
    Warning,
    Info,
}

/// The notes of a query, without repeats.
#[derive(Debug, Default)]
pub(super) struct Notes {
    found: BTreeSet<(Gravity, String, usize)>,
    /// Infos about counts that were made to rise, by their message and place.
    forced: BTreeMap<(String, usize), AllForced>,
}

/// What was forced on the counts of classic histograms, over all of them.
#[derive(Clone, Copy, Debug)]
struct AllForced {
    first: i64,
    last: i64,
    count: u64,
    forced: Forced,
}

impl Notes {
    pub(super) fn add(&mut self, gravity: Gravity, message: impl Into<String>, place: Span) {
        self.found.insert((gravity, message.into(), place.start));
    }

    /// Notes that the counts of a classic histogram had to be made to rise at a time.
    pub(super) fn add_forced(&mut self, name: &str, forced: Forced, at: i64, place: Span) {
        let message = "input to histogram_quantile needed to be fixed for monotonicity (see \
                       https://prometheus.io/docs/prometheus/latest/querying/functions/\
                       #histogram_quantile)";
        let one = AllForced { first: at, last: at, count: 1, forced };
        self.merge_forced((named(message.to_owned(), name), place.start), one);
    }

    fn merge_forced(&mut self, key: (String, usize), one: AllForced) {
        let all = self.forced.entry(key).or_insert(AllForced { count: 0, ..one });
        all.first = all.first.min(one.first);
        all.last = all.last.max(one.last);
        all.count += one.count;
        all.forced.lowest = all.forced.lowest.min(one.forced.lowest);
        all.forced.highest = all.forced.highest.max(one.forced.highest);
        all.forced.change = all.forced.change.max(one.forced.change);
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.found.extend(other.found);
        for (key, one) in other.forced {
            self.merge_forced(key, one);
        }
    }

    /// The texts of one gravity, with places if the query's text is known.
    pub(super) fn texts(&self, gravity: Gravity, query: Option<&str>) -> Vec<String> {
        let prefix = match gravity {
            Gravity::Warning => "PromQL warning",
            Gravity::Info => "PromQL info",
        };
        let placed = |message: &str, details: &str, at: usize| {
            let Some(before) = query.and_then(|text| text.get(..at)) else {
                return format!("{prefix}: {message}");
            };
            let line = before.matches('\n').count() + 1;
            let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1) + 1;
            format!("{prefix}: {message}{details} ({line}:{column})")
        };
        let found = self.found.iter().filter(|(found, ..)| *found == gravity);
        let mut texts: BTreeSet<String> =
            found.map(|(_, message, at)| placed(message, "", *at)).collect();
        if gravity == Gravity::Info {
            let forced = self.forced.iter();
            texts.extend(forced.map(|((message, at), all)| placed(message, &all.details(), *at)));
        }
        texts.into_iter().collect()
    }
}

impl AllForced {
    fn details(&self) -> String {
        let Self { first, last, count, forced } = self;
        let date = |nanos: &i64| calendar::date_time(nanos / NANOS_PER_SECOND);
        format!(
            ", from buckets {} to {}, with a max diff of {}, over {count} samples from {} to {}",
            general(forced.lowest),
            general(forced.highest),
            two_digits(forced.change),
            date(first),
            date(last)
        )
    }
}

/// A message with the metric's name behind it, if that is known.
pub(super) fn named(message: String, name: &str) -> String {
    if name.is_empty() { message } else { format!("{message} for metric name {}", quote(name)) }
}

/// `quantile value should be between 0 and 1, got 2`.
pub(super) fn bad_quantile(value: f64) -> String {
    format!("quantile value should be between 0 and 1, got {}", general(value))
}

/// A float as `count_values` prints it: shortest, without exponent.
pub(super) fn go_float(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    format!("{value}")
}

/// A float as labels of quantiles print it: like [`general`], with a decimal point.
pub(super) fn metric_float(value: f64) -> String {
    let text = general(value);
    let is_whole = value.is_finite() && !text.contains(['e', '.']);
    if is_whole { format!("{text}.0") } else { text }
}

/// A float as Prometheus' messages print it: shortest, with an exponent if that is below -4 or above 5.
pub(super) fn general(value: f64) -> String {
    scientific(value, &format!("{value:e}"), 6)
}

/// A float rounded to two digits.
fn two_digits(value: f64) -> String {
    let rounded = format!("{value:.1e}");
    let shortest = rounded.parse::<f64>().unwrap_or(value);
    scientific(shortest, &format!("{shortest:e}"), 2)
}

/// A float, with its exponent if that is below -4 or not below `limit`.
fn scientific(value: f64, text: &str, limit: i32) -> String {
    let Some((mantissa, exponent)) = text.split_once('e') else { return go_float(value) };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..limit).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.abs())
        }
        _ => go_float(value),
    }
}
