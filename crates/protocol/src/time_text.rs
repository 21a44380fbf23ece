//! Times as people and programs write them: numbers, RFC 3339.
//!
//! One rule for numbers, wherever a surface takes both seconds and milliseconds: a number of at least
//! [`MILLIS_FROM`] in size counts milliseconds, a smaller one seconds. As seconds that would be the year
//! 5138, as milliseconds it is March 1973.

use chrono::DateTime;
use timberline_model::{NANOS_PER_MILLI, NANOS_PER_SECOND};

/// The size from which on a bare number counts milliseconds: 1e11.
pub const MILLIS_FROM: i64 = 100_000_000_000;

/// The earliest and the latest time that Prometheus' API writes, as it writes them.
const PROMETHEUS_MIN: &str = "-292273086-05-16T16:47:06Z";
const PROMETHEUS_MAX: &str = "292277025-08-18T07:12:54.999999999Z";

/// The unit that times are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeForm {
    /// Seconds since the Unix epoch, with up to three decimals: as Prometheus.
    #[default]
    Seconds,
    /// Whole milliseconds since the Unix epoch: for those who ask in milliseconds.
    Millis,
}

impl TimeForm {
    /// Nanoseconds of the unit.
    #[must_use]
    pub const fn nanos(self) -> i64 {
        match self {
            Self::Seconds => NANOS_PER_SECOND,
            Self::Millis => NANOS_PER_MILLI,
        }
    }
}

/// A number as it was written: its integer part and nine decimals, so that no digit is lost to a float.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number {
    /// Billionths.
    billionths: i128,
}

impl Number {
    /// Reads a decimal number, with or without an exponent. `None` when it is none, or not finite.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.len() + fraction.len() == 0 {
            return None;
        }
        if !plain(whole) || !plain(fraction) || whole.len() > 20 {
            return Self::from_float(text.parse().ok()?);
        }
        let mut billionths: i128 = 0;
        let decimals = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
        for digit in whole.bytes().chain(decimals) {
            billionths = billionths * 10 + i128::from(digit - b'0');
        }
        Some(Self { billionths: if negative { -billionths } else { billionths } })
    }

    /// A float's number. `None` when it is not finite.
    ///
    /// It is taken as the shortest decimal that means the float, which is what was written once:
    /// 1640000000.781 is no float, and the nearest one is 137 ns off.
    pub(crate) fn from_float(value: f64) -> Option<Self> {
        if value.abs() < 1e19 {
            return Self::parse(&value.to_string());
        }
        // So far out nothing is a time.
        value
            .is_finite()
            .then(|| Self { billionths: value.clamp(-1e20, 1e20) as i128 * 1_000_000_000 })
    }

    /// An integer's number.
    pub(crate) const fn from_integer(value: i64) -> Self {
        Self { billionths: value as i128 * 1_000_000_000 }
    }

    /// Nanoseconds when the number counts a unit, if 64 bits hold them.
    pub(crate) fn nanos(self, form: TimeForm) -> Option<i64> {
        i64::try_from(self.nanos_wide(form)).ok()
    }

    /// As [`Number::nanos`], at the end of what 64 bits hold if the number lies beyond.
    pub(crate) fn nanos_saturating(self, form: TimeForm) -> i64 {
        let nanos = self.nanos_wide(form);
        nanos.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
    }

    fn nanos_wide(self, form: TimeForm) -> i128 {
        self.billionths.div_euclid(i128::from(NANOS_PER_SECOND / form.nanos()))
    }

    /// The unit that the number counts, by its size.
    pub(crate) const fn form(self) -> TimeForm {
        if self.billionths.unsigned_abs() >= MILLIS_FROM as u128 * 1_000_000_000 {
            TimeForm::Millis
        } else {
            TimeForm::Seconds
        }
    }
}

/// Reads RFC 3339 and returns nanoseconds, at the end of what 64 bits hold if the time lies beyond.
pub(crate) fn parse_rfc3339(text: &str) -> Option<i64> {
    match text {
        PROMETHEUS_MIN => return Some(i64::MIN),
        PROMETHEUS_MAX => return Some(i64::MAX),
        _ => {}
    }
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    let beyond = if time.timestamp() < 0 { i64::MIN } else { i64::MAX };
    Some(time.timestamp_nanos_opt().unwrap_or(beyond))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nanos(text: &str) -> Option<i64> {
        Number::parse(text).and_then(|number| number.nanos(number.form()))
    }

    #[test]
    fn no_digit_is_lost() {
        assert_eq!(nanos("1435781430.781234567"), Some(1_435_781_430_781_234_567));
        assert_eq!(nanos("1640000000000"), Some(1_640_000_000_000_000_000));
        assert_eq!(nanos("1640000000000.25"), Some(1_640_000_000_000_250_000));
        assert_eq!(nanos("-1.5"), Some(-1_500_000_000));
        assert_eq!(nanos("1.4e9"), Some(1_400_000_000_000_000_000));
        assert_eq!(nanos(".5"), Some(500_000_000));
        assert_eq!(nanos("+7"), Some(7_000_000_000));
        let float = Number::from_float(1_640_000_000.781).unwrap();
        assert_eq!(float.nanos(TimeForm::Seconds), Some(1_640_000_000_781_000_000));
        assert_eq!(Number::from_float(5e-324), Some(Number::from_integer(0)));
    }

    #[test]
    fn the_size_of_a_number_tells_its_unit() {
        assert_eq!(nanos("99999999999"), None);
        assert_eq!(Number::parse("99999999999").map(Number::form), Some(TimeForm::Seconds));
        assert_eq!(nanos("100000000000"), Some(100_000_000_000_000_000));
        assert_eq!(nanos("-100000000000"), Some(-100_000_000_000_000_000));
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in
            ["", "-", ".", "abc", "NaN", "inf", "-Inf", "1.2.3", "0x10", "1_000", " 1", "-+1"]
        {
            assert_eq!(Number::parse(text), None, "{text:?}");
        }
        let far = Number::parse("9999999999999").unwrap();
        assert_eq!(far.nanos(far.form()), None);
        assert_eq!(far.nanos_saturating(far.form()), i64::MAX);
        let far = Number::parse("-1e300").unwrap();
        assert_eq!(far.nanos_saturating(far.form()), i64::MIN);
    }

    #[test]
    fn dates_are_read() {
        assert_eq!(parse_rfc3339("2015-07-01T20:10:51.781+02:00"), Some(1_435_774_251_781_000_000));
        assert_eq!(parse_rfc3339("9999-01-01T00:00:00Z"), Some(i64::MAX));
        assert_eq!(parse_rfc3339("0001-01-01T00:00:00Z"), Some(i64::MIN));
        assert_eq!(parse_rfc3339(PROMETHEUS_MIN), Some(i64::MIN));
        assert_eq!(parse_rfc3339("2015-07-01"), None);
    }
}
