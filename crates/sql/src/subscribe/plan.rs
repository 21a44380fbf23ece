//! What a statement asks for, once it is understood.

use timberline_model::{Labels, Matcher};

use super::{
    condition::{Comparison, Condition, RowCondition},
    event::Cell,
    stats::{Aggregate, Stats},
};

/// The name of the label that has a metric's name.
pub(super) const METRIC: &str = "__name__";

/// A continuous query.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Of the `SELECT`, without its options.
    pub(super) fingerprint: u64,
    /// Of the table: a metric's name, or none.
    pub(super) matchers: Vec<Matcher>,
    pub(super) condition: Condition,
    pub(super) shape: Shape,
    pub(super) columns: Vec<String>,
}

/// Rows or windows.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    Rows(Vec<RowColumn>),
    Windows(Windowed),
}

/// A column of a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum RowColumn {
    Time,
    Value,
    Label(String),
    Tags,
}

/// A query of windows.
#[derive(Clone, Debug)]
pub(super) struct Windowed {
    /// Width and origin of the windows, nanoseconds.
    pub(super) width: i64,
    pub(super) origin: i64,
    /// The labels by which rows are grouped.
    pub(super) labels: Vec<String>,
    pub(super) columns: Vec<WindowColumn>,
    pub(super) having: Option<Having>,
    /// Nanoseconds.
    pub(super) lateness: i64,
    /// Nanoseconds without a sample after which the clock takes over.
    pub(super) idle: Option<i64>,
    pub(super) changes: bool,
}

/// A column of a window's rows.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum WindowColumn {
    Bucket,
    /// Index into the labels.
    Label(usize),
    Aggregate(Aggregate),
}

/// What has to hold for a group.
#[derive(Clone, Debug)]
pub(super) enum Having {
    And(Vec<Self>),
    Or(Vec<Self>),
    Compare(Aggregate, Comparison, f64),
}

/// Values of the labels by which rows are grouped.
pub(super) type GroupKey = Vec<Option<String>>;

impl Plan {
    /// The condition as it stands for a series; `None` when none of its samples can pass.
    pub(super) fn bind(&self, labels: &Labels) -> Option<RowCondition> {
        let of_table = self.matchers.iter().all(|matcher| matcher.matches_labels(labels));
        let bound = of_table.then(|| self.condition.bind(labels));
        bound.filter(|condition| !condition.is_never())
    }

    /// For looking series up in the storage.
    pub(super) fn all_matchers(&self) -> Vec<Matcher> {
        let mut all = self.matchers.clone();
        self.condition.matchers(&mut all);
        all
    }
}

impl Windowed {
    /// Where the window of an instant begins.
    #[inline]
    pub(super) fn start_of(&self, ts: i64) -> i64 {
        if let Some(into) = ts.checked_sub(self.origin) {
            return ts.saturating_sub(into.rem_euclid(self.width));
        }
        let into = i128::from(ts) - i128::from(self.origin);
        let start = i128::from(ts) - into.rem_euclid(i128::from(self.width));
        i64::try_from(start).unwrap_or(i64::MIN)
    }

    pub(super) fn group_of(&self, labels: &Labels) -> GroupKey {
        self.labels.iter().map(|name| labels.get(name).map(ToOwned::to_owned)).collect()
    }

    /// The row of a group; `None` when it is left out.
    pub(super) fn row(&self, start: i64, key: &GroupKey, stats: &Stats) -> Option<Vec<Cell>> {
        if stats.count == 0 || !self.having.as_ref().is_none_or(|having| having.holds(stats)) {
            return None;
        }
        let cell = |column: &WindowColumn| match column {
            WindowColumn::Bucket => Cell::Time(start),
            WindowColumn::Label(index) => {
                key[*index].as_ref().map_or(Cell::Null, |value| Cell::Text(value.clone()))
            }
            WindowColumn::Aggregate(Aggregate::Count) => Cell::Count(stats.count),
            WindowColumn::Aggregate(aggregate) => {
                stats.get(*aggregate).map_or(Cell::Null, Cell::Float)
            }
        };
        Some(self.columns.iter().map(cell).collect())
    }
}

impl Having {
    fn holds(&self, stats: &Stats) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.holds(stats)),
            Self::Or(parts) => parts.iter().any(|part| part.holds(stats)),
            Self::Compare(aggregate, comparison, with) => {
                stats.get(*aggregate).is_some_and(|value| comparison.holds(&value, with))
            }
        }
    }
}
