//! Time inside Timberline: `i64` nanoseconds since the Unix epoch.

/// Nanoseconds in a second.
pub const NANOS_PER_SECOND: i64 = 1_000_000_000;
/// Nanoseconds in a millisecond.
pub const NANOS_PER_MILLI: i64 = 1_000_000;

/// A span of time, both ends included, in nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    /// First instant of the range.
    pub start: i64,
    /// Last instant of the range. Before `start`, the range is empty.
    pub end: i64,
}

impl TimeRange {
    /// Everything that an `i64` can name.
    pub const ALL: Self = Self { start: i64::MIN, end: i64::MAX };

    /// A range from its first to its last instant.
    #[must_use]
    pub const fn new(start: i64, end: i64) -> Self {
        Self { start, end }
    }

    /// Whether no instant lies in the range.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.end < self.start
    }

    /// Whether an instant lies in the range.
    #[inline]
    #[must_use]
    pub const fn contains(&self, ts: i64) -> bool {
        self.start <= ts && ts <= self.end
    }

    /// Whether two ranges share an instant.
    #[must_use]
    pub const fn overlaps(&self, other: &Self) -> bool {
        self.start <= other.end && other.start <= self.end && !self.is_empty() && !other.is_empty()
    }
}

/// The unit in which a column's timestamps are stored: data that came in milliseconds costs
/// milliseconds' bytes. Its number is stored in chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum TimeUnit {
    /// Whole seconds.
    Second = 0,
    /// Whole milliseconds.
    Milli = 1,
    /// Whole microseconds.
    Micro = 2,
    /// Nanoseconds.
    Nano = 3,
}

impl TimeUnit {
    /// Nanoseconds in one unit.
    #[inline]
    #[must_use]
    pub const fn nanos(self) -> i64 {
        match self {
            Self::Second => NANOS_PER_SECOND,
            Self::Milli => NANOS_PER_MILLI,
            Self::Micro => 1_000,
            Self::Nano => 1,
        }
    }

    /// The unit whose stored number this is.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Second),
            1 => Some(Self::Milli),
            2 => Some(Self::Micro),
            3 => Some(Self::Nano),
            _ => None,
        }
    }

    /// The coarsest unit, from milliseconds down, that holds an instant exactly.
    ///
    /// Seconds are left out on purpose: most data comes in milliseconds, and a scrape that happens
    /// to fall on a whole second must not force its chunk to change units with the next one.
    #[inline]
    #[must_use]
    pub const fn of(ts: i64) -> Self {
        if ts % NANOS_PER_MILLI == 0 {
            Self::Milli
        } else if ts % 1_000 == 0 {
            Self::Micro
        } else {
            Self::Nano
        }
    }
}
