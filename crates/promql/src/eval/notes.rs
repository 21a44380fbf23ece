//! Warnings and infos gathered on the way, worded as Prometheus words them.

use std::collections::BTreeSet;

use crate::ast::Span;

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
}

impl Notes {
    pub(super) fn add(&mut self, gravity: Gravity, message: impl Into<String>, place: Span) {
        self.found.insert((gravity, message.into(), place.start));
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.found.extend(other.found);
    }

    /// The texts of one gravity, with places if the query's text is known.
    pub(super) fn texts(&self, gravity: Gravity, query: Option<&str>) -> Vec<String> {
        let prefix = match gravity {
            Gravity::Warning => "PromQL warning",
            Gravity::Info => "PromQL info",
        };
        let texts: BTreeSet<String> = self
            .found
            .iter()
            .filter(|(found, ..)| *found == gravity)
            .map(|(_, message, at)| match query.and_then(|text| text.get(..*at)) {
                Some(before) => {
                    let line = before.matches('\n').count() + 1;
                    let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1) + 1;
                    format!("{prefix}: {message} ({line}:{column})")
                }
                None => format!("{prefix}: {message}"),
            })
            .collect();
        texts.into_iter().collect()
    }
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

/// A float as Prometheus' messages print it: shortest, with an exponent if that is below -4 or above 5.
pub(super) fn general(value: f64) -> String {
    let scientific = format!("{value:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return go_float(value) };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.abs())
        }
        _ => go_float(value),
    }
}
