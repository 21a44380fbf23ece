//! The levels of compaction as a list of durations.

use std::{fmt, str::FromStr, time::Duration};

use super::human_duration::HumanDuration;

/// Text for no levels at all.
const NONE: &str = "none";

/// Spans of time, ascending: `2h,12h,7d`; or `none`. Whether they go together is checked with the rest
/// of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CompactionLevels(Vec<HumanDuration>);

impl Default for CompactionLevels {
    fn default() -> Self {
        Self([2, 12, 7 * 24].map(|hours| HumanDuration::seconds(hours * 3_600)).to_vec())
    }
}

impl CompactionLevels {
    /// The spans as the standard library has them.
    pub(crate) fn as_std(&self) -> Vec<Duration> {
        self.0.iter().map(|span| span.as_std()).collect()
    }
}

impl FromStr for CompactionLevels {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == NONE {
            return Ok(Self(Vec::new()));
        }
        let spans = text.split(',').map(|span| span.trim().parse());
        spans.collect::<Result<_, _>>().map(Self).map_err(|error: String| {
            format!("{error}; expected durations joined by commas, or {NONE}")
        })
    }
}

impl fmt::Display for CompactionLevels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(NONE);
        }
        for (index, span) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{span}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_as_they_are_shown() {
        for text in ["2h,12h,1w", "none", "1h"] {
            assert_eq!(text.parse::<CompactionLevels>().unwrap().to_string(), text);
        }
        assert_eq!("2h, 12h".parse::<CompactionLevels>().unwrap().to_string(), "2h,12h");
        assert_eq!(CompactionLevels::default().to_string(), "2h,12h,1w");
        for text in ["", "2h,", "2", "2h;3h"] {
            let error = text.parse::<CompactionLevels>().unwrap_err();
            assert!(error.contains("joined by commas"), "{text}: {error}");
        }
    }
}
