//! Times as people type and read them.

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat};
use timberline_model::{NANOS_PER_SECOND, parse_duration};
use timberline_protocol::prom_api::parse_time as parse_api_time;

use super::Failure;

/// Reads a time relative to `now`: `now`, `now-5m`, `-1h`, RFC 3339, a date with or without a time
/// of day (UTC), or a Unix time. All in nanoseconds since the Unix epoch.
pub(super) fn parse_time(text: &str, now: i64) -> Result<i64, Failure> {
    let text = text.trim();
    if let Some(ts) = relative(text, now).or_else(|| calendar(text)) {
        return Ok(ts);
    }
    parse_api_time("time", text).map(|time| time.ts).map_err(|_| {
        Failure::usage(format!(
            "not a time: {text:?} (expected such as now, -1h, now-5m, 2026-01-31, \
             2026-01-31T07:00:00Z, or a Unix time)"
        ))
    })
}

fn relative(text: &str, now: i64) -> Option<i64> {
    let offset = text.strip_prefix("now").unwrap_or(text).trim();
    if offset.is_empty() {
        return (!text.is_empty()).then_some(now);
    }
    let (backwards, duration) = match offset.as_bytes()[0] {
        b'-' => (true, &offset[1..]),
        b'+' => (false, &offset[1..]),
        _ => return None,
    };
    let nanos = parse_duration(duration.trim()).ok()?;
    Some(if backwards { now.saturating_sub(nanos) } else { now.saturating_add(nanos) })
}

fn calendar(text: &str) -> Option<i64> {
    let of_day = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    let midnight = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
    of_day.or_else(midnight)?.and_utc().timestamp_nanos_opt()
}

/// RFC 3339 in UTC, with as many decimals as there are.
pub(super) fn format_time(ts: i64) -> String {
    DateTime::from_timestamp_nanos(ts).to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Seconds with nine decimals, as the HTTP API takes them; no digit is lost.
pub(super) fn api_seconds(ts: i64) -> String {
    let magnitude = ts.unsigned_abs();
    let unit = NANOS_PER_SECOND.unsigned_abs();
    let sign = if ts < 0 { "-" } else { "" };
    format!("{sign}{}.{:09}", magnitude / unit, magnitude % unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000 * NANOS_PER_SECOND;

    #[test]
    fn times_are_read_in_every_form() {
        let hour = 3_600 * NANOS_PER_SECOND;
        for (text, expected) in [
            ("now", NOW),
            ("-1h", NOW - hour),
            ("now-1h", NOW - hour),
            ("now + 1h", NOW + hour),
            ("1700000000", NOW),
            ("1700000000000", NOW),
            ("2023-11-14T22:13:20Z", NOW),
            ("2023-11-14 22:13:20", NOW),
            ("2023-11-14T23:13:20+01:00", NOW),
            ("1970-01-02", 24 * hour),
            ("1970-01-02 01:00", 25 * hour),
        ] {
            assert_eq!(parse_time(text, NOW).unwrap(), expected, "{text}");
        }
        for text in ["", "yesterday", "-1 parsec", "nowish", "1h"] {
            assert!(parse_time(text, NOW).is_err(), "{text}");
        }
    }

    #[test]
    fn seconds_keep_every_digit() {
        assert_eq!(api_seconds(-1), "-0.000000001");
        assert_eq!(api_seconds(NOW + 5), "1700000000.000000005");
        assert_eq!(api_seconds(i64::MIN), "-9223372036.854775808");
        assert_eq!(format_time(NOW + 250_000_000), "2023-11-14T22:13:20.250Z");
    }
}
