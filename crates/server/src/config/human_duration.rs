//! Durations with units, as Prometheus writes them.

use std::{fmt, str::FromStr, time::Duration};

use timberline_model::{format_duration, parse_duration};

/// A duration: `250ms`, `5m`, `1h30m`, `30d`. Never negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct HumanDuration {
    nanos: i64,
}

impl HumanDuration {
    /// So many seconds.
    pub(crate) const fn seconds(count: i64) -> Self {
        Self { nanos: count * timberline_model::NANOS_PER_SECOND }
    }

    /// The duration in nanoseconds, zero or more.
    pub(crate) const fn as_nanos(self) -> i64 {
        self.nanos
    }

    /// The duration as the standard library has it.
    pub(crate) fn as_std(self) -> Duration {
        Duration::from_nanos(self.nanos.unsigned_abs())
    }
}

impl FromStr for HumanDuration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_duration(text).map(|nanos| Self { nanos }).map_err(|error| error.to_string())
    }
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format_duration(self.nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_keep_their_unit_and_refuse_bare_numbers() {
        assert_eq!("30d".parse::<HumanDuration>().unwrap().to_string(), "30d");
        assert_eq!(HumanDuration::seconds(120).to_string(), "2m");
        assert_eq!("250ms".parse::<HumanDuration>().unwrap().as_std(), Duration::from_millis(250));
        assert!("30".parse::<HumanDuration>().unwrap_err().contains("expected such as 5m"));
    }
}
