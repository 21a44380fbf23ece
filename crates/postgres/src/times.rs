//! Times of PostgreSQL: counted from the year 2000, in microseconds and days.

use std::io::Write as _;

use chrono::DateTime;

/// Days from 1970 to 2000.
pub(crate) const EPOCH_DAYS: i32 = 10_957;
/// Microseconds from 1970 to 2000.
pub(crate) const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// A point in time, in microseconds since 1970: `2026-01-31 07:00:00.5+00`.
pub(crate) fn write_timestamp(out: &mut Vec<u8>, micros: i64, zoned: bool) {
    let Some(time) = DateTime::from_timestamp_micros(micros) else {
        out.extend_from_slice(if micros > 0 { b"infinity" } else { b"-infinity" });
        return;
    };
    // Writing to memory does not fail.
    let _ = write!(out, "{}", time.format("%Y-%m-%d %H:%M:%S"));
    write_fraction(out, micros.rem_euclid(1_000_000));
    if zoned {
        out.extend_from_slice(b"+00");
    }
}

/// A time of day, in microseconds.
pub(crate) fn write_time(out: &mut Vec<u8>, micros: i64) {
    let seconds = micros / 1_000_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    let _ = write!(out, "{hours:02}:{minutes:02}:{seconds:02}");
    write_fraction(out, micros % 1_000_000);
}

/// Months, days and microseconds: `1 mon 2 days 03:04:05`.
pub(crate) fn write_interval(out: &mut Vec<u8>, (months, days, micros): (i32, i32, i64)) {
    let start = out.len();
    let mut part = |count: i64, unit: &str| {
        if count != 0 {
            let space = if out.len() > start { " " } else { "" };
            let plural = if count == 1 { "" } else { "s" };
            let _ = write!(out, "{space}{count} {unit}{plural}");
        }
    };
    part(i64::from(months / 12), "year");
    part(i64::from(months % 12), "mon");
    part(i64::from(days), "day");
    if micros != 0 || out.len() == start {
        if out.len() > start {
            out.push(b' ');
        }
        if micros < 0 {
            out.push(b'-');
        }
        write_time(out, i64::try_from(micros.unsigned_abs()).unwrap_or(i64::MAX));
    }
}

fn write_fraction(out: &mut Vec<u8>, micros: i64) {
    if micros != 0 {
        let text = format!("{micros:06}");
        let _ = write!(out, ".{}", text.trim_end_matches('0'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn times_are_as_postgresql_writes_them() {
        assert_eq!(
            text(|o| write_timestamp(o, EPOCH_MICROS + 500_000, true)),
            "2000-01-01 00:00:00.5+00"
        );
        assert_eq!(text(|o| write_timestamp(o, -1, false)), "1969-12-31 23:59:59.999999");
        assert_eq!(text(|o| write_timestamp(o, i64::MAX, true)), "infinity");
        assert_eq!(text(|o| write_time(o, 3_661_000_001)), "01:01:01.000001");
        assert_eq!(
            text(|o| write_interval(o, (14, 2, 1_500_000))),
            "1 year 2 mons 2 days 00:00:01.5"
        );
        assert_eq!(text(|o| write_interval(o, (0, 0, -60_000_000))), "-00:01:00");
        assert_eq!(text(|o| write_interval(o, (0, 0, 0))), "00:00:00");
    }
}
