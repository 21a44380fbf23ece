//! Times in text, every nanosecond of them.

use std::io::Write as _;

use chrono::{DateTime, SecondsFormat};
use timberline_model::TimeUnit;
use timberline_protocol::prom_api::parse_time;

/// Reads a decimal number of a unit of so many nanoseconds (a power of ten). `None` when it is none,
/// or beyond 64 bits of nanoseconds. Digits finer than a nanosecond are cut off.
pub(crate) fn parse_decimal(text: &str, unit_nanos: i64) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !plain(whole) || !plain(fraction) || whole.len() > 20 {
        return None;
    }
    let decimals = unit_nanos.ilog10() as usize;
    let mut nanos: i128 = 0;
    for digit in whole.bytes().chain(fraction.bytes().chain(std::iter::repeat(b'0')).take(decimals))
    {
        nanos = nanos * 10 + i128::from(digit - b'0');
    }
    i64::try_from(if negative { -nanos } else { nanos }).ok()
}

/// Appends a time as a decimal number of a unit of so many nanoseconds.
pub(crate) fn push_decimal(out: &mut Vec<u8>, ts: i64, unit_nanos: i64) {
    let unit = unit_nanos.unsigned_abs();
    let decimals = unit_nanos.ilog10() as usize;
    let (whole, fraction) = (ts.unsigned_abs() / unit, ts.unsigned_abs() % unit);
    if ts < 0 {
        out.push(b'-');
    }
    let _ = write!(out, "{whole}");
    if fraction != 0 {
        let text = format!("{fraction:0decimals$}");
        out.push(b'.');
        out.extend_from_slice(text.trim_end_matches('0').as_bytes());
    }
}

/// Reads a time: RFC 3339, or a number of a unit; without a unit, milliseconds from
/// [`MILLIS_FROM`](timberline_protocol::MILLIS_FROM) on and seconds below.
pub(crate) fn parse(text: &str, unit: Option<TimeUnit>) -> Result<i64, String> {
    let text = text.trim();
    if let Some(unit) = unit
        && let Some(ts) = parse_decimal(text, unit.nanos())
    {
        return Ok(ts);
    }
    parse_time("timestamp", text).map(|time| time.ts).map_err(|error| error.to_string())
}

/// A time as RFC 3339 in UTC, with as many decimals as it needs.
pub(crate) fn rfc3339(ts: i64) -> String {
    DateTime::from_timestamp_nanos(ts).to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn decimals_count_the_unit() {
        assert_eq!(parse_decimal("1.5", 1_000_000_000), Some(1_500_000_000));
        assert_eq!(parse_decimal("-1.5", 1_000_000), Some(-1_500_000));
        assert_eq!(parse_decimal("7", 1), Some(7));
        assert_eq!(parse_decimal("99999999999999999999", 1_000_000_000), None);
        for text in ["", "-", ".", "1e9", "a", "1.2.3"] {
            assert_eq!(parse_decimal(text, 1_000), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn times_round_trip(ts: i64, shift in 0..60_u32) {
            let ts = ts >> shift;
            for unit in [TimeUnit::Second, TimeUnit::Milli, TimeUnit::Micro, TimeUnit::Nano] {
                let mut out = Vec::new();
                push_decimal(&mut out, ts, unit.nanos());
                let text = String::from_utf8(out).unwrap();
                prop_assert_eq!(parse_decimal(&text, unit.nanos()), Some(ts), "{}", text);
                prop_assert_eq!(parse(&text, Some(unit)), Ok(ts));
            }
            prop_assert_eq!(parse(&rfc3339(ts), None), Ok(ts));
        }
    }
}
