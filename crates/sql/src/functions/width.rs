//! Spans of time in a statement's text: `'5m'`, `'1h30m'`, `'5 minutes'`, `'1 month'`.

use arrow::{
    compute::kernels::cast_utils::parse_interval_month_day_nano, datatypes::IntervalMonthDayNano,
};

/// Reads a span of time: as Prometheus writes durations, or as SQL writes the text of an INTERVAL. A minus
/// in front of the former is allowed.
///
/// # Errors
/// What is wrong with the text, for a message that names who asked.
pub(crate) fn parse_width(text: &str) -> Result<IntervalMonthDayNano, String> {
    let trimmed = text.trim();
    let (sign, digits) = match trimmed.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, trimmed),
    };
    let is_compact = !digits.contains(char::is_whitespace);
    if is_compact && digits.ends_with('y') && timberline_model::parse_duration(digits).is_ok() {
        return Err(format!(
            "{text:?} is ambiguous, as years differ in length: write '365d' or INTERVAL '1 year'"
        ));
    }
    match timberline_model::parse_duration(digits) {
        Ok(nanos) => Ok(IntervalMonthDayNano::new(0, 0, sign * nanos)),
        Err(_) if digits.contains(|c: char| c.is_ascii_alphabetic()) => {
            parse_interval_month_day_nano(trimmed).map_err(|_| not_a_span(text))
        }
        Err(_) => Err(not_a_span(text)),
    }
}

fn not_a_span(text: &str) -> String {
    format!("{text:?} is not a span of time such as '5m', '1h30m' or '1 day'")
}
