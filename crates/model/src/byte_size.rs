//! Sizes in bytes, as people write them.

use std::{fmt, str::FromStr};

/// Unit names and their bytes, largest first.
const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

/// A size in bytes: `128MiB`, `1GB`, `512B`. A bare number is bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// Why a text is not a size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ByteSizeError {
    /// Not a whole number and a unit.
    #[error("not a size: {text:?} (expected such as 64KiB, 128MiB, 1GB, or a number of bytes)")]
    Malformed {
        /// What was given.
        text: String,
    },
    /// More than fits in 64 bits.
    #[error("size out of range: {text:?}")]
    TooLarge {
        /// What was given.
        text: String,
    },
}

impl ByteSize {
    /// So many times 2^10 bytes.
    #[must_use]
    pub const fn kibibytes(count: u64) -> Self {
        Self(count << 10)
    }

    /// So many times 2^20 bytes.
    #[must_use]
    pub const fn mebibytes(count: u64) -> Self {
        Self(count << 20)
    }

    /// The size as a length in memory; `usize::MAX` where that is smaller.
    #[must_use]
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || ByteSizeError::Malformed { text: text.to_owned() };
        let too_large = || ByteSizeError::TooLarge { text: text.to_owned() };
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let unit = Some(unit.trim()).filter(|unit| !unit.is_empty()).unwrap_or("B");
        let known = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit));
        let (_, scale) = known.filter(|_| digits > 0).ok_or_else(malformed)?;
        let number: u64 = number.parse().map_err(|_| too_large())?;
        number.checked_mul(*scale).map(Self).ok_or_else(too_large)
    }
}

impl fmt::Display for ByteSize {
    /// In the unit of which there are the fewest, none of them broken.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS.iter().rev().filter(|(_, scale)| self.0.is_multiple_of(*scale));
        let (name, scale) = whole.min_by_key(|(_, scale)| self.0 / scale).unwrap_or(&("B", 1));
        write!(f, "{}{name}", self.0 / scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_round_trip_in_the_unit_that_needs_the_smallest_number() {
        for text in ["0B", "1B", "1023B", "1500B", "64KiB", "128MiB", "3GiB", "2GB", "2TiB"] {
            assert_eq!(text.parse::<ByteSize>().unwrap().to_string(), text);
        }
        assert_eq!("2048KiB".parse::<ByteSize>().unwrap().to_string(), "2MiB");
    }

    #[test]
    fn decimal_units_case_and_blanks_are_understood() {
        for (text, bytes) in [("1kB", 1_000), ("5 MB ", 5_000_000), ("1gib", 1 << 30), ("7 ", 7)] {
            assert_eq!(text.parse::<ByteSize>().unwrap().0, bytes, "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_named() {
        for text in ["", "MiB", "1.5MiB", "-1B", "12 parsecs"] {
            let error = text.parse::<ByteSize>().unwrap_err();
            assert_eq!(error, ByteSizeError::Malformed { text: text.to_owned() });
        }
        for text in ["99999999999TiB", "99999999999999999999"] {
            let error = text.parse::<ByteSize>().unwrap_err();
            assert_eq!(error, ByteSizeError::TooLarge { text: text.to_owned() });
        }
    }
}
