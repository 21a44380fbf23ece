//! Operations between two vectors: series are paired by labels, then combined step by step.

use std::collections::HashMap;

use timberline_model::{Labels, METRIC_NAME};

use super::{
    binary::{arithmetic, changes_meaning, compare, drops_name},
    column::{Cell, Series, StepColumn, is_set, set_bit, unite},
    error::EvalError,
    evaluator::Evaluator,
    histogram_operators::Combined,
    labels::{encode_kept, in_braces, is_reserved, merge_same},
    steps::Steps,
};
use crate::ast::{Binary, BinaryOp, Cardinality, Matching};

/// Makes the key by which series of two vectors match.
pub(super) struct Signature<'m> {
    matching: &'m Matching,
    bytes: Vec<u8>,
}

impl<'m> Signature<'m> {
    pub(super) const fn new(matching: &'m Matching) -> Self {
        Self { matching, bytes: Vec::new() }
    }

    /// The key of a series; valid until the next call.
    pub(super) fn of(&mut self, labels: &Labels) -> &[u8] {
        self.bytes.clear();
        encode_kept(labels, &mut self.bytes, |name| counts(self.matching, name));
        &self.bytes
    }
}

/// Whether a label counts when series are matched.
fn counts(matching: &Matching, name: &str) -> bool {
    let listed = matching.labels.iter().any(|label| label == name);
    if matching.on { listed } else { !listed && name != METRIC_NAME }
}

/// The series of both vectors that share a key, as places in their vectors.
#[derive(Default)]
struct Group {
    many: Vec<usize>,
    one: Vec<usize>,
}

/// An operation between two vectors, with the "one" side told from the "many" side.
struct Pairing<'a> {
    evaluator: &'a Evaluator<'a>,
    binary: &'a Binary,
    matching: &'a Matching,
    /// The side of which several series may match one; the left side of one-to-one matching.
    many: &'a [Series],
    one: &'a [Series],
    /// Whether the "many" side is the right one.
    swapped: bool,
    delayed: bool,
    /// Steps at which either side has any value: Prometheus looks no further elsewhere.
    active: Vec<u64>,
    found: Vec<Series>,
}

impl Evaluator<'_> {
    /// Evaluates arithmetic or a comparison between two vectors.
    pub(super) fn match_vectors(
        &self,
        binary: &Binary,
        left: &[Series],
        right: &[Series],
        steps: Steps,
    ) -> Result<Vec<Series>, EvalError> {
        let matching = binary
            .matching
            .as_ref()
            .ok_or(EvalError::Malformed { reason: "two vectors without matching" })?;
        let swapped = matching.cardinality == Cardinality::OneToMany;
        let (many, one) = if swapped { (right, left) } else { (left, right) };
        let mut pairing = Pairing {
            evaluator: self,
            binary,
            matching,
            many,
            one,
            swapped,
            delayed: self.query.delays_names(),
            active: Vec::new(),
            found: Vec::new(),
        };
        pairing.find_active(steps);
        for group in pairing.groups() {
            self.budget.check()?;
            let before = pairing.found.len();
            pairing.combine(&group, steps)?;
            self.budget.make((pairing.found.len() - before).saturating_mul(steps.count()))?;
        }
        merge_same(pairing.found)
    }
}

impl Pairing<'_> {
    fn groups(&self) -> Vec<Group> {
        let mut signature = Signature::new(self.matching);
        let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut groups: Vec<Group> = Vec::new();
        let mut place_of = |labels: &Labels, groups: &mut Vec<Group>| {
            let key = signature.of(labels);
            if let Some(place) = places.get(key) {
                return *place;
            }
            places.insert(key.to_vec(), groups.len());
            groups.push(Group::default());
            groups.len() - 1
        };
        for (index, series) in self.many.iter().enumerate() {
            let place = place_of(&series.labels, &mut groups);
            groups[place].many.push(index);
        }
        for (index, series) in self.one.iter().enumerate() {
            let place = place_of(&series.labels, &mut groups);
            groups[place].one.push(index);
        }
        groups
    }

    /// Without fill values, a step at which one side is empty has no result and no error.
    fn find_active(&mut self, steps: Steps) {
        let all = StepColumn::full(vec![0.0; steps.count()]).present().to_vec();
        let union = |series: &[Series]| {
            let mut mask = StepColumn::absent(steps.count()).present().to_vec();
            for one in series {
                unite(&mut mask, &one.column.filled());
            }
            mask
        };
        if self.matching.fill_left.is_some() || self.matching.fill_right.is_some() {
            self.active = all;
            return;
        }
        let (many, one) = (union(self.many), union(self.one));
        self.active = many.iter().zip(&one).map(|(a, b)| a & b).collect();
    }

    /// Adds the results of one group.
    fn combine(&mut self, group: &Group, steps: Steps) -> Result<(), EvalError> {
        let one_there = self.check_one_side(group, steps)?;
        let mut matched = Matched::new(self.matching, steps);
        for many_place in &group.many {
            let many = &self.many[*many_place];
            for one_place in &group.one {
                let one = &self.one[*one_place];
                if many.column.overlaps(&one.column) {
                    let both = and(&many.column.filled(), &one.column.filled());
                    self.emit(many, one, &both, &mut matched)?;
                }
            }
            // Prometheus takes sides for `fill` after `group_right` has swapped them.
            if let Some(fill) = self.matching.fill_right {
                let lonely = and_not(&many.column.filled(), &one_there);
                if lonely.iter().any(|word| *word != 0) {
                    let filled = self.stand_in(many, fill, steps);
                    self.emit(many, &filled, &lonely, &mut matched)?;
                }
            }
        }
        let Some(fill) = self.matching.fill_left else { return Ok(()) };
        let many_there = matched.steps.clone();
        for one_place in &group.one {
            let one = &self.one[*one_place];
            let lonely = and_not(&one.column.filled(), &many_there);
            if lonely.iter().any(|word| *word != 0) {
                let filled = self.stand_in(one, fill, steps);
                self.emit(&filled, one, &lonely, &mut matched)?;
            }
        }
        Ok(())
    }

    /// A series that stands for the missing partner of another: it has only the labels that match.
    fn stand_in(&self, partner: &Series, fill: f64, steps: Steps) -> Series {
        Series {
            labels: partner.labels.filter(|name| counts(self.matching, name)),
            column: StepColumn::full(vec![fill; steps.count()]),
            drop_name: false,
        }
    }

    /// Where the "one" side has a value; an error if it has two at a step.
    fn check_one_side(&self, group: &Group, steps: Steps) -> Result<Vec<u64>, EvalError> {
        let mut there = StepColumn::absent(steps.count()).present().to_vec();
        for (rank, place) in group.one.iter().enumerate() {
            let series = &self.one[*place];
            let twice = and(&and(&series.column.filled(), &there), &self.active);
            if twice.iter().any(|word| *word != 0) {
                let clash = group.one[..rank].iter().find(|other| {
                    let both = and(&twice, &self.one[**other].column.filled());
                    both.iter().any(|word| *word != 0)
                });
                return Err(self.many_to_many(series, &self.one[*clash.unwrap_or(place)]));
            }
            unite(&mut there, &series.column.filled());
        }
        Ok(there)
    }

    fn many_to_many(&self, a: &Series, b: &Series) -> EvalError {
        let (first, second) =
            if a.labels <= b.labels { (&a.labels, &b.labels) } else { (&b.labels, &a.labels) };
        EvalError::ManyToMany {
            group: in_braces(&first.filter(|name| counts(self.matching, name))),
            side: if self.swapped { "left" } else { "right" },
            first: in_braces(first),
            second: in_braces(second),
        }
    }

    /// Adds the result of a pair at the given steps.
    fn emit(
        &mut self,
        many: &Series,
        one: &Series,
        steps: &[u64],
        matched: &mut Matched,
    ) -> Result<(), EvalError> {
        let labels = self.result_labels(many, one)?;
        let has_histograms =
            !many.column.histograms().is_empty() || !one.column.histograms().is_empty();
        if has_histograms || matches!(self.binary.op, BinaryOp::TrimUpper | BinaryOp::TrimLower) {
            let (column, combined) = self.combine_mixed(many, one, steps)?;
            matched.add(&labels, &combined)?;
            self.add_result(labels, column, many.drop_name);
            return Ok(());
        }
        matched.add(&labels, steps)?;
        let (op, filters) = (self.binary.op, !drops_name(self.binary));
        let mut column = many.column.clone();
        column.keep(steps, true);
        let ones = one.column.values();
        let kept = if self.swapped { one.column.values() } else { many.column.values() };
        let swapped = self.swapped;
        column.filter_map(|step, value| {
            let (a, b) = if swapped { (ones[step], value) } else { (value, ones[step]) };
            if filters { compare(op, a, b).then(|| kept[step]) } else { Some(arithmetic(op, a, b)) }
        });
        self.add_result(labels, column, many.drop_name);
        Ok(())
    }

    fn add_result(&mut self, labels: Labels, column: StepColumn, drop_name: bool) {
        if column.is_empty() {
            return;
        }
        let marked = self.delayed && (self.binary.return_bool || drop_name);
        self.found.push(Series { labels, column, drop_name: marked });
    }

    /// The result of a pair that has histograms, and the steps whose values go together.
    fn combine_mixed(
        &self,
        many: &Series,
        one: &Series,
        steps: &[u64],
    ) -> Result<(StepColumn, Vec<u64>), EvalError> {
        let mut column = StepColumn::absent(many.column.steps());
        let mut combined = vec![0; steps.len()];
        for step in (0..many.column.steps()).filter(|step| is_set(steps, *step)) {
            let (Some(many), Some(one)) = (many.column.cell(step), one.column.cell(step)) else {
                continue;
            };
            let (left, right): (Cell<'_>, Cell<'_>) =
                if self.swapped { (one, many) } else { (many, one) };
            let place = self.binary.left.span;
            match self.evaluator.combine_cells(self.binary, left, right, place)? {
                Combined::Refused => continue,
                Combined::Filtered => {}
                Combined::Float(value) => column.set(step, value),
                Combined::Histogram(histogram) => column.set_histogram(step, histogram),
            }
            set_bit(&mut combined, step);
        }
        Ok((column, combined))
    }

    /// The labels of a result: those of the "many" side, less the name where the value is another,
    /// plus those that `group_left` or `group_right` names.
    fn result_labels(&self, many: &Series, one: &Series) -> Result<Labels, EvalError> {
        let matching = self.matching;
        let drops = changes_meaning(self.binary.op) || (self.binary.return_bool && !self.delayed);
        let one_to_one = matching.cardinality == Cardinality::OneToOne;
        let kept = many.labels.filter(|name| {
            let listed = matching.labels.iter().any(|label| label == name);
            let dropped = drops && is_reserved(name)
                || one_to_one && listed != matching.on
                || matching.include.iter().any(|label| label == name);
            !dropped
        });
        if matching.include.is_empty() {
            return Ok(kept);
        }
        let added = matching.include.iter().filter_map(|name| {
            let value = one.labels.get(name)?;
            Some((name.as_str(), value))
        });
        Ok(Labels::from_pairs(kept.iter().chain(added))?)
    }
}

/// The steps at which the series of one group have found a partner, to catch second ones.
struct Matched {
    one_to_one: bool,
    steps: Vec<u64>,
    by_labels: HashMap<Labels, Vec<u64>>,
}

impl Matched {
    fn new(matching: &Matching, steps: Steps) -> Self {
        Self {
            one_to_one: matching.cardinality == Cardinality::OneToOne,
            steps: StepColumn::absent(steps.count()).present().to_vec(),
            by_labels: HashMap::new(),
        }
    }

    fn add(&mut self, labels: &Labels, steps: &[u64]) -> Result<(), EvalError> {
        let clash = |mask: &[u64]| mask.iter().zip(steps).any(|(a, b)| a & b != 0);
        if self.one_to_one {
            if clash(&self.steps) {
                return Err(EvalError::ImplicitManyToOne);
            }
        } else {
            let mask = self.by_labels.entry(labels.clone()).or_insert_with(|| vec![0; steps.len()]);
            if clash(mask) {
                return Err(EvalError::AmbiguousMatch);
            }
            unite(mask, steps);
        }
        unite(&mut self.steps, steps);
        Ok(())
    }
}

fn and(a: &[u64], b: &[u64]) -> Vec<u64> {
    a.iter().zip(b).map(|(a, b)| a & b).collect()
}

fn and_not(a: &[u64], b: &[u64]) -> Vec<u64> {
    a.iter().zip(b).map(|(a, b)| a & !b).collect()
}
