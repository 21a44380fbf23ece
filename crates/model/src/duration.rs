//! Durations as Prometheus writes them: `1h30m`, `5m`, `250ms`.

use std::fmt::Write as _;

/// Unit names, longest span first, with their nanoseconds.
const UNITS: [(&str, u64); 9] = [
    ("y", 365 * 86_400_000_000_000),
    ("w", 7 * 86_400_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DurationError {
    /// Nothing there.
    #[error("empty duration")]
    Empty,
    /// Not of the form number, unit, number, unit with the units in falling order.
    #[error("not a valid duration: {text:?} (expected such as 5m, 1h30m, 250ms)")]
    Malformed {
        /// What was given.
        text: String,
    },
    /// More than fits in 64 bits of nanoseconds (about 292 years).
    #[error("duration out of range: {text:?}")]
    TooLong {
        /// What was given.
        text: String,
    },
}

/// Reads a duration such as `1h30m` and returns nanoseconds, from 0 up to `i64::MAX`.
///
/// Units are `y w d h m s ms us ns`, each at most once and in this order; a year has 365 days. A bare
/// `0` is allowed, other bare numbers are not.
///
/// # Errors
/// When the text is empty, has another form, or says more than an `i64` of nanoseconds holds.
pub fn parse_duration(text: &str) -> Result<i64, DurationError> {
    let malformed = || DurationError::Malformed { text: text.to_owned() };
    let too_long = || DurationError::TooLong { text: text.to_owned() };
    match text {
        "" => return Err(DurationError::Empty),
        "0" => return Ok(0),
        _ => {}
    }
    let mut rest = text;
    let mut total: u64 = 0;
    let mut next_unit = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, tail) = tail.split_at(letters);
        let position = UNITS.iter().position(|(name, _)| *name == unit).ok_or_else(malformed)?;
        if digits == 0 || position < next_unit {
            return Err(malformed());
        }
        let number: u64 = number.parse().map_err(|_| too_long())?;
        let nanos = number.checked_mul(UNITS[position].1).ok_or_else(too_long)?;
        total = total.checked_add(nanos).ok_or_else(too_long)?;
        next_unit = position + 1;
        rest = tail;
    }
    i64::try_from(total).map_err(|_| too_long())
}

/// Writes a duration the way [`parse_duration`] reads it, in the largest units that hold it exactly.
#[must_use]
pub fn format_duration(nanos: i64) -> String {
    if nanos == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    if nanos < 0 {
        text.push('-');
    }
    let mut rest = nanos.unsigned_abs();
    for (name, unit) in UNITS {
        // Years and weeks only when nothing is left over, as Prometheus prints them.
        let whole_only = matches!(name, "y" | "w");
        if rest < unit || (whole_only && !rest.is_multiple_of(unit)) {
            continue;
        }
        let _ = write!(text, "{}{name}", rest / unit);
        rest %= unit;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_round_trip() {
        for text in ["5m", "1h30m", "250ms", "1d2h3m4s5ms6us7ns", "2w", "1y", "0s"] {
            assert_eq!(format_duration(parse_duration(text).unwrap()), text);
        }
    }

    #[test]
    fn malformed_durations_are_named() {
        for text in ["5", "m", "5 m", "1m1h", "1m1m", "-5m", "1.5h", "5mm"] {
            assert!(
                matches!(parse_duration(text), Err(DurationError::Malformed { .. })),
                "{text:?}"
            );
        }
        assert_eq!(parse_duration(""), Err(DurationError::Empty));
        assert!(matches!(parse_duration("300y"), Err(DurationError::TooLong { .. })));
        assert!(matches!(
            parse_duration("99999999999999999999s"),
            Err(DurationError::TooLong { .. })
        ));
    }
}
