//! What the text of numbers, durations and strings says.

use timberline_model::{DurationError, NANOS_PER_SECOND, parse_duration};

use crate::quote::quote;

/// The value of a number as the lexer delimits it: `1e3`, `1_000`, `0x1f`, `0755` (octal), `Inf`, `NaN`.
///
/// # Errors
/// A message for the user, if the digits make no number or one too large.
pub(super) fn number(text: &str) -> Result<f64, String> {
    if text.eq_ignore_ascii_case("inf") {
        return Ok(f64::INFINITY);
    }
    if text.eq_ignore_ascii_case("nan") {
        return Ok(f64::NAN);
    }
    let syntax = || format!("error parsing number: {}: invalid syntax", quote(text));
    let out_of_range = || format!("error parsing number: {}: value out of range", quote(text));
    let digits = text.replace('_', "");
    if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        if text.ends_with('_') || text.contains("__") || hex.is_empty() {
            return Err(syntax());
        }
        return u64::from_str_radix(hex, 16).map(|n| n as f64).map_err(|_| out_of_range());
    }
    let is_octal = digits.len() > 1
        && digits.starts_with('0')
        && digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    if is_octal {
        return u64::from_str_radix(&digits, 8).map(|n| n as f64).map_err(|_| out_of_range());
    }
    let value: f64 = digits.parse().map_err(|_| syntax())?;
    if value.is_finite() { Ok(value) } else { Err(out_of_range()) }
}

/// The nanoseconds of a duration as the lexer delimits it.
///
/// # Errors
/// A message for the user.
pub(super) fn duration(text: &str) -> Result<i64, String> {
    parse_duration(text).map_err(|error| match error {
        DurationError::TooLong { .. } => "duration out of range".to_owned(),
        _ => match unknown_unit(text) {
            Some(unit) => format!("unknown unit {} in duration {}", quote(unit), quote(text)),
            None => format!("not a valid duration string: {}", quote(text)),
        },
    })
}

/// The first thing between numbers that is no unit.
fn unknown_unit(text: &str) -> Option<&str> {
    let units = text.split(|c: char| c.is_ascii_digit()).filter(|unit| !unit.is_empty());
    units.into_iter().find(|unit| parse_duration(&format!("1{unit}")).is_err())
}

/// Nanoseconds as seconds, exact to the last bit that an `f64` has.
pub(crate) fn seconds_of_nanos(nanos: i64) -> f64 {
    (nanos / NANOS_PER_SECOND) as f64 + (nanos % NANOS_PER_SECOND) as f64 / NANOS_PER_SECOND as f64
}

/// Seconds as nanoseconds, rounded; `None` if they do not fit, or are not a number.
pub(crate) fn nanos_of_seconds(seconds: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_037.0;
    // The comparison is false for NaN.
    if !(-LIMIT..=LIMIT).contains(&seconds) {
        return None;
    }
    // Whole seconds apart: then nanoseconds are right also where the sum has no bits left for them.
    let whole = seconds.trunc();
    let rest = ((seconds - whole) * NANOS_PER_SECOND as f64).round();
    (whole as i64).checked_mul(NANOS_PER_SECOND)?.checked_add(rest as i64)
}

/// The text of a string literal, quotes included.
///
/// # Errors
/// A message for the user, if the escapes make bytes that are not UTF-8.
pub(super) fn string(literal: &str) -> Result<String, String> {
    let inner = &literal[1..literal.len() - 1];
    if literal.starts_with('`') || !inner.contains('\\') {
        return Ok(inner.to_owned());
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        rest = unescape(&rest[at + 1..], &mut bytes);
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes)
        .map_err(|_| format!("error unquoting string {}: not valid UTF-8", quote(literal)))
}

/// Appends what an escape stands for and returns what follows it. The lexer has checked its form.
fn unescape<'a>(rest: &'a str, bytes: &mut Vec<u8>) -> &'a str {
    let kind = rest.as_bytes()[0];
    let simple = match kind {
        b'a' => Some(0x07),
        b'b' => Some(0x08),
        b'f' => Some(0x0c),
        b'n' => Some(b'\n'),
        b'r' => Some(b'\r'),
        b't' => Some(b'\t'),
        b'v' => Some(0x0b),
        b'0'..=b'7' | b'x' | b'u' | b'U' => None,
        other => Some(other),
    };
    if let Some(byte) = simple {
        bytes.push(byte);
        return &rest[1..];
    }
    let (digits, radix) = match kind {
        b'x' => (1..3, 16),
        b'u' => (1..5, 16),
        b'U' => (1..9, 16),
        _ => (0..3, 8),
    };
    let end = digits.end;
    let value =
        u32::from_str_radix(&rest[digits], radix).expect("the lexer has checked the digits");
    if matches!(kind, b'u' | b'U') {
        let c = char::from_u32(value).expect("the lexer has checked the code point");
        bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    } else {
        bytes.push(u8::try_from(value).expect("the lexer has checked the byte"));
    }
    &rest[end..]
}
