//! The condition of a statement: what it says of labels is decided once for each series, the rest for each sample.
//!
//! Invariant: three-valued logic as in SQL. A label that a series does not have is null.

use timberline_model::{Labels, Matcher};

/// What has to hold for a sample.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    /// A test of a label's value.
    Label(Matcher),
    /// The label is not there.
    LabelIsNull(String),
    Value(Comparison, f64),
    Time(Comparison, i64),
}

/// How two things compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A condition in which the labels are decided.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum RowCondition {
    Known(Option<bool>),
    Value(Comparison, f64),
    Time(Comparison, i64),
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
}

impl Comparison {
    /// With the sides exchanged.
    pub(super) const fn turned(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            same => same,
        }
    }

    pub(super) fn holds<T: PartialOrd>(self, a: &T, b: &T) -> bool {
        match self {
            Self::Equal => a == b,
            Self::NotEqual => a != b,
            Self::Less => a < b,
            Self::LessOrEqual => a <= b,
            Self::Greater => a > b,
            Self::GreaterOrEqual => a >= b,
        }
    }
}

impl Condition {
    /// Decides what the labels decide.
    pub(super) fn bind(&self, labels: &Labels) -> RowCondition {
        match self {
            Self::And(parts) => {
                let parts = parts.iter().map(|part| part.bind(labels));
                join(parts, Some(false), RowCondition::And)
            }
            Self::Or(parts) => {
                let parts = parts.iter().map(|part| part.bind(labels));
                join(parts, Some(true), RowCondition::Or)
            }
            Self::Not(inner) => match inner.bind(labels) {
                RowCondition::Known(known) => RowCondition::Known(known.map(|known| !known)),
                open => RowCondition::Not(Box::new(open)),
            },
            Self::Label(matcher) => {
                let value = labels.get(matcher.name());
                RowCondition::Known(value.map(|value| matcher.matches(value)))
            }
            Self::LabelIsNull(name) => RowCondition::Known(Some(labels.get(name).is_none())),
            Self::Value(comparison, value) => RowCondition::Value(*comparison, *value),
            Self::Time(comparison, ts) => RowCondition::Time(*comparison, *ts),
        }
    }

    /// Tests that every series must pass, for the storage to look series up by.
    pub(super) fn matchers(&self, found: &mut Vec<Matcher>) {
        match self {
            Self::And(parts) => parts.iter().for_each(|part| part.matchers(found)),
            Self::Label(matcher) => found.push(matcher.clone()),
            _ => {}
        }
    }
}

/// Joins parts; one that is `decisive` decides for all, and those known otherwise fall away.
fn join(
    parts: impl Iterator<Item = RowCondition>,
    decisive: Option<bool>,
    all: impl FnOnce(Vec<RowCondition>) -> RowCondition,
) -> RowCondition {
    let mut open = Vec::new();
    let mut unknown = false;
    for part in parts {
        match part {
            RowCondition::Known(known) if known == decisive => return RowCondition::Known(known),
            RowCondition::Known(None) => unknown = true,
            RowCondition::Known(_) => {}
            part => open.push(part),
        }
    }
    if open.is_empty() {
        let rest = decisive.map(|decisive| !decisive);
        return RowCondition::Known(if unknown { None } else { rest });
    }
    if unknown {
        open.push(RowCondition::Known(None));
    }
    all(open)
}

impl RowCondition {
    /// Whether no sample can pass.
    pub(super) const fn is_never(&self) -> bool {
        matches!(self, Self::Known(None | Some(false)))
    }

    /// Whether a sample passes.
    #[inline]
    pub(super) fn passes(&self, ts: i64, value: f64) -> bool {
        match self {
            Self::Known(known) => *known == Some(true),
            open => open.decide(ts, value) == Some(true),
        }
    }

    fn decide(&self, ts: i64, value: f64) -> Option<bool> {
        match self {
            Self::Known(known) => *known,
            Self::Value(comparison, with) => Some(comparison.holds(&value, with)),
            Self::Time(comparison, with) => Some(comparison.holds(&ts, with)),
            Self::Not(inner) => inner.decide(ts, value).map(|known| !known),
            Self::And(parts) => decide_all(parts, false, ts, value),
            Self::Or(parts) => decide_all(parts, true, ts, value),
        }
    }
}

fn decide_all(parts: &[RowCondition], decisive: bool, ts: i64, value: f64) -> Option<bool> {
    let mut all = Some(!decisive);
    for part in parts {
        match part.decide(ts, value) {
            Some(known) if known == decisive => return Some(decisive),
            None => all = None,
            Some(_) => {}
        }
    }
    all
}
