//! Aggregations that look at all series of a group together: `topk`, `bottomk`, `limitk`,
//! `limit_ratio`, `quantile`, `count_values`.

use std::{
    cmp::Ordering,
    collections::{HashMap, hash_map::Entry},
    fmt::Write,
    sync::Arc,
};

use timberline_model::{FloatHistogram, Labels};

use super::{
    call::text,
    column::{Cell, ScalarColumn, Series, StepColumn},
    compensated,
    error::EvalError,
    evaluator::Evaluator,
    grouping::{Members, members},
    labels::with_label,
    notes::{Gravity, bad_quantile, general, go_float},
    order,
    steps::Steps,
};
use crate::ast::{Aggregate, AggregateOp, Expr};

impl Evaluator<'_> {
    /// Evaluates one of these aggregations.
    pub(super) fn select(
        &self,
        aggregate: &Aggregate,
        steps: Steps,
    ) -> Result<Vec<Series>, EvalError> {
        let param = aggregate
            .param
            .as_ref()
            .ok_or(EvalError::Malformed { reason: "an aggregation without its parameter" })?;
        if aggregate.op == AggregateOp::CountValues {
            return self.count_values(aggregate, &text(param)?, steps);
        }
        let column = self.eval_scalar(param, steps)?;
        let kept = match aggregate.op {
            AggregateOp::TopK | AggregateOp::BottomK | AggregateOp::LimitK => {
                check_counts(&column)?;
                column
            }
            AggregateOp::LimitRatio => self.check_ratios(column, param)?,
            _ => return self.quantile(aggregate, &column, param, steps),
        };
        let mut series = self.eval_vector(&aggregate.expr, steps)?;
        // A scan promises no order, and which series are kept must not depend on it.
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        let groups = members(aggregate, &series)?;
        self.budget.make(series.len().saturating_mul(steps.count()))?;
        let mut chosen = vec![StepColumn::absent(steps.count()); series.len()];
        if matches!(aggregate.op, AggregateOp::TopK | AggregateOp::BottomK)
            && kept.values().iter().any(|count| *count >= 1.0)
        {
            for one in &series {
                self.note_ignored(aggregate.op, &one.column, aggregate.expr.span);
            }
        }
        let mut ranked = Vec::new();
        for group in &groups {
            self.budget.check()?;
            choose(aggregate.op, &kept, group, &series, &mut chosen, &mut ranked);
        }
        if self.query.step == 0 && steps.count() == 1 {
            return Ok(pick(series, &ranked));
        }
        for (one, column) in series.iter_mut().zip(chosen) {
            one.column = column;
        }
        series.retain(|one| !one.column.is_empty());
        Ok(series)
    }

    fn check_ratios(&self, ratios: ScalarColumn, param: &Expr) -> Result<ScalarColumn, EvalError> {
        for ratio in ratios.values() {
            if ratio.is_nan() {
                return Err(EvalError::ParameterNan { what: "Ratio value" });
            }
            if ratio.abs() > 1.0 {
                let message = format!(
                    "ratio value should be between -1 and 1, got {}, capping to {}",
                    general(*ratio),
                    ratio.clamp(-1.0, 1.0)
                );
                self.note(Gravity::Warning, message, param.span);
            }
        }
        Ok(ratios.map(|ratio| ratio.clamp(-1.0, 1.0)))
    }

    fn quantile(
        &self,
        aggregate: &Aggregate,
        q: &ScalarColumn,
        param: &Expr,
        steps: Steps,
    ) -> Result<Vec<Series>, EvalError> {
        for value in q.values().iter().filter(|q| !(0.0..=1.0).contains(*q)) {
            self.note(Gravity::Warning, bad_quantile(*value), param.span);
        }
        let series = self.eval_vector(&aggregate.expr, steps)?;
        for one in &series {
            self.note_ignored(aggregate.op, &one.column, aggregate.expr.span);
        }
        let mut found = Vec::new();
        let mut values = Vec::new();
        for group in members(aggregate, &series)? {
            self.budget.check()?;
            self.budget.make(steps.count())?;
            let mut column = StepColumn::absent(steps.count());
            for step in 0..steps.count() {
                values.clear();
                values.extend(group.places.iter().filter_map(|at| series[*at].column.get(step)));
                if !values.is_empty() {
                    column.set(step, compensated::quantile(q.at(step), &mut values));
                }
            }
            let drop_name = group.places.iter().any(|place| series[*place].drop_name);
            found.push(Series { labels: group.labels, column, drop_name });
        }
        found.retain(|one: &Series| !one.column.is_empty());
        Ok(found)
    }

    fn count_values(
        &self,
        aggregate: &Aggregate,
        label: &str,
        steps: Steps,
    ) -> Result<Vec<Series>, EvalError> {
        if label.is_empty() {
            return Err(EvalError::BadLabelName {
                name: label.to_owned(),
                function: "count_values",
            });
        }
        let series = self.eval_vector(&aggregate.expr, steps)?;
        // What `without` takes away is not put back.
        let is_dropped = aggregate.without && aggregate.grouping.iter().any(|name| name == label);
        let mut counts: Vec<Series> = Vec::new();
        let mut by_labels: HashMap<Labels, usize> = HashMap::new();
        for group in members(aggregate, &series)? {
            let mut places: HashMap<Counted, usize> = HashMap::new();
            for one in group.places.iter().map(|place| &series[*place]) {
                self.budget.check()?;
                for step in 0..steps.count() {
                    let Some(cell) = one.column.cell(step) else { continue };
                    let place = match places.entry(Counted::of(cell)) {
                        Entry::Occupied(entry) => *entry.get(),
                        Entry::Vacant(entry) => {
                            let labels = if is_dropped {
                                group.labels.clone()
                            } else {
                                with_label(&group.labels, label, &entry.key().text())?
                            };
                            // Of several groups that the label makes the same, all are counted.
                            let place = *by_labels.entry(labels.clone()).or_insert(counts.len());
                            if place == counts.len() {
                                self.budget.make(steps.count())?;
                                let column = StepColumn::absent(steps.count());
                                counts.push(Series { labels, column, drop_name: false });
                            }
                            *entry.insert(place)
                        }
                    };
                    let column = &mut counts[place].column;
                    let count = column.get(step).unwrap_or(0.0);
                    column.set(step, count + 1.0);
                }
            }
        }
        Ok(counts)
    }
}

/// A value as `count_values` tells it apart from others.
#[derive(PartialEq, Eq, Hash)]
enum Counted {
    Float(u64),
    Histogram(String),
}

impl Counted {
    fn of(cell: Cell<'_>) -> Self {
        match cell {
            Cell::Float(value) if value.is_nan() => Self::Float(f64::NAN.to_bits()),
            Cell::Float(value) => Self::Float(value.to_bits()),
            Cell::Histogram(histogram) => Self::Histogram(histogram_text(histogram)),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Float(bits) => go_float(f64::from_bits(*bits)),
            Self::Histogram(text) => text.clone(),
        }
    }
}

/// A histogram as `count_values` prints it: count, sum, and the buckets that count something, from the
/// lowest up.
fn histogram_text(histogram: &FloatHistogram) -> String {
    let mut text = format!("{{count:{}, sum:{}", general(histogram.count), general(histogram.sum));
    for bucket in histogram.buckets().iter().filter(|bucket| bucket.count != 0.0) {
        let open = if bucket.lower_inclusive { '[' } else { '(' };
        let close = if bucket.upper_inclusive { ']' } else { ')' };
        let [lower, upper, count] = [bucket.lower, bucket.upper, bucket.count].map(general);
        // Writing to a string does not fail.
        let _ = write!(text, ", {open}{lower},{upper}{close}:{count}");
    }
    text.push('}');
    text
}

/// The parameter of `topk` and its like must be a number that a 64-bit integer can hold.
fn check_counts(counts: &ScalarColumn) -> Result<(), EvalError> {
    for count in counts.values() {
        if count.is_nan() {
            return Err(EvalError::ParameterNan { what: "Parameter value" });
        }
        if *count >= i64::MAX as f64 || *count <= i64::MIN as f64 {
            return Err(EvalError::ParameterOverflow { value: general(*count) });
        }
    }
    Ok(())
}

/// Marks, for each step, the series of a group that are kept. `ranked` gets those of the last step in
/// the order of their rank.
fn choose(
    op: AggregateOp,
    param: &ScalarColumn,
    group: &Members,
    series: &[Series],
    chosen: &mut [StepColumn],
    ranked: &mut Vec<usize>,
) {
    let steps = series[group.places[0]].column.steps();
    let any_kind = matches!(op, AggregateOp::LimitK | AggregateOp::LimitRatio);
    let mut found: Vec<(f64, usize)> = Vec::with_capacity(group.places.len());
    for step in 0..steps {
        found.clear();
        found.extend(group.places.iter().filter_map(|place| {
            match series[*place].column.cell(step)? {
                Cell::Float(value) => Some((value, *place)),
                // What is not ranked by value needs none.
                Cell::Histogram(_) => any_kind.then_some((0.0, *place)),
            }
        }));
        match op {
            AggregateOp::LimitRatio => {
                let ratio = param.at(step);
                found.retain(|(_, place)| is_sampled(&series[*place].labels, ratio));
            }
            AggregateOp::LimitK => found.truncate(count_of(param.at(step))),
            _ => rank(&mut found, count_of(param.at(step)), op == AggregateOp::TopK),
        }
        for (_, place) in &found {
            match series[*place].column.cell(step) {
                Some(Cell::Float(value)) => chosen[*place].set(step, value),
                Some(Cell::Histogram(histogram)) => {
                    chosen[*place].set_histogram(step, Arc::clone(histogram));
                }
                None => {}
            }
        }
    }
    ranked.extend(found.iter().map(|(_, place)| *place));
}

fn count_of(param: f64) -> usize {
    if param < 1.0 { 0 } else { param as usize }
}

/// Keeps the `count` largest or smallest, sorted; of equal ones those that come first.
fn rank(found: &mut Vec<(f64, usize)>, count: usize, largest: bool) {
    let compare = |a: &(f64, usize), b: &(f64, usize)| -> Ordering {
        order::values(a.0, b.0, largest).then(a.1.cmp(&b.1))
    };
    if count == 0 {
        found.clear();
        return;
    }
    if count < found.len() {
        found.select_nth_unstable_by(count - 1, compare);
        found.truncate(count);
    }
    found.sort_unstable_by(compare);
}

/// Whether a series belongs to the given share of all series: from the low end of their hashes for a
/// positive ratio, from the high end for a negative one, so that `r` and `r - 1` complement.
fn is_sampled(labels: &Labels, ratio: f64) -> bool {
    let place = labels.hash() as f64 / u64::MAX as f64;
    if ratio >= 0.0 { place < ratio || ratio >= 1.0 } else { place >= 1.0 + ratio }
}

/// The series at these places, in this order.
fn pick(series: Vec<Series>, places: &[usize]) -> Vec<Series> {
    let mut slots: Vec<Option<Series>> = series.into_iter().map(Some).collect();
    places.iter().filter_map(|place| slots[*place].take()).collect()
}
