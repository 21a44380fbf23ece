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

/// A size: `128MiB`, `1GB`, `512B`. A bare number is bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ByteSize(pub(crate) u64);

impl ByteSize {
    /// So many times 2^10 bytes.
    pub(crate) const fn kibibytes(count: u64) -> Self {
        Self(count << 10)
    }

    /// So many times 2^20 bytes.
    pub(crate) const fn mebibytes(count: u64) -> Self {
        Self(count << 20)
    }

    /// The size as a length in memory.
    pub(crate) fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let unit = unit.trim_start();
        let malformed = || {
            format!(
                "not a size: {text:?} (expected such as 64KiB, 128MiB, 1GiB, or a number of bytes)"
            )
        };
        let scale = match unit {
            "" => 1,
            _ => UNITS
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(unit))
                .map(|(_, scale)| *scale)
                .ok_or_else(malformed)?,
        };
        if digits == 0 {
            return Err(malformed());
        }
        let number: Option<u64> = number.parse().ok();
        number
            .and_then(|number| number.checked_mul(scale))
            .map(Self)
            .ok_or_else(|| format!("size out of range: {text:?}"))
    }
}

impl fmt::Display for ByteSize {
    /// In the largest unit of the 1,024 family that holds the size exactly.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let binary = UNITS.iter().filter(|(name, _)| name.ends_with("iB") || *name == "B");
        for (name, scale) in binary {
            if self.0 >= *scale && self.0.is_multiple_of(*scale) {
                return write!(f, "{}{name}", self.0 / scale);
            }
        }
        f.write_str("0B")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_round_trip_in_their_largest_unit() {
        for text in ["0B", "1B", "1023B", "64KiB", "128MiB", "3GiB", "2TiB"] {
            assert_eq!(text.parse::<ByteSize>().unwrap().to_string(), text);
        }
        assert_eq!("2048KiB".parse::<ByteSize>().unwrap().to_string(), "2MiB");
    }

    #[test]
    fn decimal_units_case_and_blanks_are_understood() {
        for (text, bytes) in [("1kB", 1_000), ("5 MB", 5_000_000), ("1gib", 1 << 30), ("7", 7)] {
            assert_eq!(text.parse::<ByteSize>().unwrap().0, bytes, "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_named() {
        for text in ["", "MiB", "1.5MiB", "-1B", "12 parsecs"] {
            assert!(text.parse::<ByteSize>().unwrap_err().contains("not a size"), "{text}");
        }
        assert!("99999999999TiB".parse::<ByteSize>().unwrap_err().contains("out of range"));
    }
}
