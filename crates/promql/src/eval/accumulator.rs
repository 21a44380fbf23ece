//! Running aggregates of one group, one per step: they take columns as they come and can be merged.

use super::{
    column::{StepColumn, unite},
    compensated::{self, Mean, Variance},
};
use crate::ast::AggregateOp;

/// The state of one group.
#[derive(Clone, Debug)]
pub(super) enum Accumulator {
    Sum {
        sums: StepColumn,
        compensations: Vec<f64>,
    },
    Avg {
        means: Vec<Mean>,
        present: StepColumn,
    },
    Count(StepColumn),
    Min(StepColumn),
    Max(StepColumn),
    Group(StepColumn),
    /// Order matters: never merged.
    Variance {
        variances: Vec<Variance>,
        present: StepColumn,
        root: bool,
    },
}

impl Accumulator {
    /// An empty state; `None` for aggregations that need all values at once.
    pub(super) fn new(op: AggregateOp, steps: usize) -> Option<Self> {
        let column = StepColumn::absent(steps);
        Some(match op {
            AggregateOp::Sum => Self::Sum { sums: column, compensations: vec![0.0; steps] },
            AggregateOp::Avg => Self::Avg { means: vec![Mean::default(); steps], present: column },
            AggregateOp::Count => Self::Count(column),
            AggregateOp::Min => Self::Min(column),
            AggregateOp::Max => Self::Max(column),
            AggregateOp::Group => Self::Group(column),
            AggregateOp::Stddev | AggregateOp::Stdvar => Self::Variance {
                variances: vec![Variance::default(); steps],
                present: column,
                root: op == AggregateOp::Stddev,
            },
            _ => return None,
        })
    }

    /// Whether states made on several threads may be merged.
    pub(super) const fn is_mergeable(op: AggregateOp) -> bool {
        matches!(
            op,
            AggregateOp::Sum
                | AggregateOp::Avg
                | AggregateOp::Count
                | AggregateOp::Min
                | AggregateOp::Max
                | AggregateOp::Group
        )
    }

    /// Takes a series in. Of its histograms it counts how many there are, where that is asked.
    pub(super) fn add(&mut self, column: &StepColumn) {
        match self {
            Self::Sum { sums, compensations } => {
                add_values(sums, compensations, column);
            }
            Self::Avg { means, present } => {
                column.for_each(|step, value| means[step].add(value));
                present.unite_presence(column);
            }
            Self::Count(counts) => {
                column.for_each(|step, _| counts.values_mut()[step] += 1.0);
                for (step, _) in column.histograms() {
                    counts.values_mut()[*step] += 1.0;
                }
                counts.unite_filled(column);
            }
            Self::Min(lows) => extreme(lows, column, |value, low| value < low),
            Self::Max(tops) => extreme(tops, column, |value, top| value > top),
            Self::Group(present) => present.unite_filled(column),
            Self::Variance { variances, present, .. } => {
                column.for_each(|step, value| variances[step].add(value));
                present.unite_presence(column);
            }
        }
    }

    /// Takes in another state of the same kind.
    pub(super) fn merge(&mut self, other: &Self) {
        match (self, other) {
            (
                Self::Sum { sums, compensations },
                Self::Sum { sums: more, compensations: more_compensations },
            ) => {
                add_values(sums, compensations, more);
                more.for_each(|step, _| compensations[step] += more_compensations[step]);
            }
            (Self::Avg { means, present }, Self::Avg { means: more, present: more_present }) => {
                more_present.for_each(|step, _| means[step].merge(more[step]));
                present.unite_presence(more_present);
            }
            (Self::Count(counts), Self::Count(more)) => {
                more.for_each(|step, count| counts.values_mut()[step] += count);
                counts.unite_presence(more);
            }
            (Self::Min(lows), Self::Min(more)) => extreme(lows, more, |value, low| value < low),
            (Self::Max(tops), Self::Max(more)) => extreme(tops, more, |value, top| value > top),
            (Self::Group(present), Self::Group(more)) => present.unite_presence(more),
            _ => unreachable!("states of one query are of one kind, and variances are not merged"),
        }
    }

    /// The aggregate of every step.
    pub(super) fn finish(self) -> StepColumn {
        match self {
            Self::Sum { mut sums, compensations } => {
                for (sum, compensation) in sums.values_mut().iter_mut().zip(compensations) {
                    *sum = compensated::total(*sum, compensation);
                }
                sums
            }
            Self::Avg { means, mut present } => {
                present.filter_map(|step, _| Some(means[step].value()));
                present
            }
            Self::Count(column) | Self::Min(column) | Self::Max(column) => column,
            Self::Group(mut present) => {
                present.values_mut().fill(1.0);
                present
            }
            Self::Variance { variances, mut present, root } => {
                present.filter_map(|step, _| {
                    let variance = variances[step].value();
                    Some(if root { variance.sqrt() } else { variance })
                });
                present
            }
        }
    }
}

fn add_values(sums: &mut StepColumn, compensations: &mut [f64], column: &StepColumn) {
    let totals = sums.values_mut();
    column.for_each(|step, value| {
        compensated::add(value, &mut totals[step], &mut compensations[step]);
    });
    sums.unite_presence(column);
}

/// Keeps the value that `beats` the other; NaN only if there is nothing else.
fn extreme(best: &mut StepColumn, column: &StepColumn, beats: impl Fn(f64, f64) -> bool) {
    column.for_each(|step, value| {
        let replaces = match best.get(step) {
            None => true,
            Some(found) => beats(value, found) || found.is_nan(),
        };
        if replaces {
            best.set(step, value);
        }
    });
}

impl StepColumn {
    /// Marks the steps of the other column as present, whatever their values here.
    fn unite_presence(&mut self, other: &Self) {
        unite(self.present_mut(), other.present());
    }

    /// The same, steps with histograms included.
    fn unite_filled(&mut self, other: &Self) {
        unite(self.present_mut(), &other.filled());
    }
}
