//! Parameters of the API: times, steps, durations, limits.
//!
//! Times are RFC 3339, or numbers: seconds with decimals, or milliseconds from 1e11 on. Durations are
//! seconds with decimals or such as `5m`.

use timberline_model::{ErrorKind, parse_duration};

use crate::{
    TimeForm,
    time_text::{Number, parse_rfc3339},
};

/// The most points that one series of a range query's answer may have.
pub const RANGE_POINTS_MAX: i64 = 11_000;

/// Why a parameter is no good. Always the request's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParamError {
    /// Not a time.
    #[error("invalid parameter {name:?}: cannot parse {given:?} to a valid timestamp")]
    Time {
        /// The parameter.
        name: &'static str,
        /// As given.
        given: String,
    },
    /// Not a duration.
    #[error("invalid parameter {name:?}: cannot parse {given:?} to a valid duration")]
    Duration {
        /// The parameter.
        name: &'static str,
        /// As given.
        given: String,
    },
    /// A duration that 64 bits of nanoseconds cannot hold.
    #[error(
        "invalid parameter {name:?}: cannot parse {given:?} to a valid duration. It overflows int64"
    )]
    DurationOverflow {
        /// The parameter.
        name: &'static str,
        /// As given.
        given: String,
    },
    /// A step of zero or less.
    #[error(
        "invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer"
    )]
    StepNotPositive,
    /// A range that ends before it starts.
    #[error("invalid parameter \"end\": end timestamp must not be before start time")]
    EndBeforeStart,
    /// Too many steps.
    #[error(
        "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"
    )]
    TooManyPoints,
    /// Not a count.
    #[error("invalid parameter {name:?}: cannot parse {given:?} to a non-negative integer")]
    Count {
        /// The parameter.
        name: &'static str,
        /// As given.
        given: String,
    },
}

impl ParamError {
    /// What the caller should do.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::TooManyPoints => ErrorKind::Limit,
            _ => ErrorKind::Invalid,
        }
    }
}

/// A time, and how it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParsedTime {
    /// Nanoseconds; at the end of what 64 bits hold where the time given lies beyond.
    pub ts: i64,
    /// Milliseconds if the time was a number of at least 1e11, else seconds: the form to answer in.
    pub form: TimeForm,
}

/// Reads a time. Times that 64 bits of nanoseconds cannot hold become the last that they can, so that
/// "until the far future" works.
///
/// # Errors
/// Neither a finite number nor RFC 3339.
pub fn parse_time(name: &'static str, text: &str) -> Result<ParsedTime, ParamError> {
    if let Some(number) = Number::parse(text) {
        let form = number.form();
        return Ok(ParsedTime { ts: number.nanos_saturating(form), form });
    }
    match parse_rfc3339(text) {
        Some(ts) => Ok(ParsedTime { ts, form: TimeForm::Seconds }),
        None => Err(ParamError::Time { name, given: text.to_owned() }),
    }
}

/// Reads a duration: a number of seconds, or such as `1h30m`. Nanoseconds; may be negative.
///
/// # Errors
/// Neither of the two, or more than 64 bits of nanoseconds hold.
pub fn parse_duration_param(name: &'static str, text: &str) -> Result<i64, ParamError> {
    duration(name, text, TimeForm::Seconds)
}

/// Reads a step: a duration above zero. A bare number counts the unit that the request's times are in.
///
/// # Errors
/// Not a duration, or not above zero.
pub fn parse_step(name: &'static str, text: &str, form: TimeForm) -> Result<i64, ParamError> {
    let step = duration(name, text, form)?;
    if step <= 0 {
        return Err(ParamError::StepNotPositive);
    }
    Ok(step)
}

fn duration(name: &'static str, text: &str, form: TimeForm) -> Result<i64, ParamError> {
    if let Some(number) = Number::parse(text) {
        let overflow = || ParamError::DurationOverflow { name, given: text.to_owned() };
        return number.nanos(form).ok_or_else(overflow);
    }
    let (negative, magnitude) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let nanos = parse_duration(magnitude)
        .map_err(|_| ParamError::Duration { name, given: text.to_owned() })?;
    Ok(if negative { -nanos } else { nanos })
}

/// Reads a limit; 0 means none.
///
/// # Errors
/// Not a whole number of zero or more.
pub fn parse_limit(name: &'static str, text: &str) -> Result<Option<usize>, ParamError> {
    let limit: usize =
        text.parse().map_err(|_| ParamError::Count { name, given: text.to_owned() })?;
    Ok((limit > 0).then_some(limit))
}

/// The times of a range query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeParams {
    /// First instant, nanoseconds.
    pub start: i64,
    /// Last instant, nanoseconds; not before the first.
    pub end: i64,
    /// Nanoseconds between two points, above zero; `None` where none was given.
    pub step: Option<i64>,
    /// The form to answer in.
    pub form: TimeForm,
}

/// Reads the times of a range query. If either time is a number in milliseconds, all bare numbers of the
/// three count milliseconds: `start=0&end=1640000000000&step=60000` steps by minutes.
///
/// # Errors
/// A time that is missing or not one, an end before the start, a step that is none or not above zero, or
/// more than [`RANGE_POINTS_MAX`] points.
pub fn parse_range(
    start: Option<&str>,
    end: Option<&str>,
    step: Option<&str>,
) -> Result<RangeParams, ParamError> {
    let (start_text, end_text) = (start.unwrap_or(""), end.unwrap_or(""));
    let (start, end) = (parse_time("start", start_text)?, parse_time("end", end_text)?);
    let millis = start.form == TimeForm::Millis || end.form == TimeForm::Millis;
    let form = if millis { TimeForm::Millis } else { TimeForm::Seconds };
    let in_form = |text: &str, parsed: ParsedTime| {
        Number::parse(text).map_or(parsed.ts, |number| number.nanos_saturating(form))
    };
    let (start, end) = (in_form(start_text, start), in_form(end_text, end));
    if end < start {
        return Err(ParamError::EndBeforeStart);
    }
    let step = step.filter(|text| !text.is_empty());
    let step = step.map(|text| parse_step("step", text, form)).transpose()?;
    if step.is_some_and(|step| too_many_points(start, end, step)) {
        return Err(ParamError::TooManyPoints);
    }
    Ok(RangeParams { start, end, step, form })
}

fn too_many_points(start: i64, end: i64, step: i64) -> bool {
    (i128::from(end) - i128::from(start)) / i128::from(step) > i128::from(RANGE_POINTS_MAX)
}

#[cfg(test)]
mod tests;
