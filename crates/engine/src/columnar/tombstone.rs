//! Tombstones: what was deleted and is still in blocks.
//!
//! A deletion flushes first, so that all it is about lies in blocks, and then publishes a manifest
//! with a tombstone. It covers the blocks that are there at that moment; samples written later are not
//! touched. A compaction leaves out what is covered, and a tombstone goes once no block needs it.

use serde::{Deserialize, Serialize};
use timberline_model::{MatchOp, Matcher, MatcherError, TimeRange};

/// One deletion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tombstone {
    /// Rises by one with each deletion. A block is covered if it is not clean up to this number.
    pub(crate) number: u64,
    /// Which series: those that pass all of these.
    pub(crate) matchers: Vec<MatcherText>,
    /// First instant that is deleted, nanoseconds.
    pub(crate) start: i64,
    /// Last instant that is deleted, nanoseconds.
    pub(crate) end: i64,
}

/// A matcher as a manifest has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MatcherText {
    /// The label's name.
    pub(crate) name: String,
    /// `=`, `!=`, `=~` or `!~`.
    pub(crate) op: String,
    /// The value or regular expression.
    pub(crate) value: String,
}

impl Tombstone {
    pub(crate) fn new(number: u64, matchers: &[Matcher], range: TimeRange) -> Self {
        let text = |matcher: &Matcher| MatcherText {
            name: matcher.name().to_owned(),
            op: matcher.op().to_string(),
            value: matcher.value().to_owned(),
        };
        let matchers = matchers.iter().map(text).collect();
        Self { number, matchers, start: range.start, end: range.end }
    }

    pub(crate) fn range(&self) -> TimeRange {
        TimeRange::new(self.start, self.end)
    }

    /// The matchers, compiled.
    ///
    /// # Errors
    /// What no matcher can be: damage, as it was made from matchers.
    pub(crate) fn matchers(&self) -> Result<Vec<Matcher>, String> {
        let compile = |text: &MatcherText| {
            let op = [MatchOp::Equal, MatchOp::NotEqual, MatchOp::Regex, MatchOp::NotRegex]
                .into_iter()
                .find(|op| op.to_string() == text.op)
                .ok_or_else(|| format!("unknown comparison {:?}", text.op))?;
            Matcher::new(&text.name, op, &text.value)
                .map_err(|error: MatcherError| error.to_string())
        };
        self.matchers.iter().map(compile).collect()
    }
}
