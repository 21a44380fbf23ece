//! `histogram_quantile`, `histogram_quantiles` and `histogram_fraction`: of native histograms, and of
//! classic ones whose buckets are series.

use std::collections::HashMap;

use timberline_model::{FloatHistogram, Labels, METRIC_NAME};

use super::{
    call::{argument, text},
    classic::{self, ClassicBucket, Forced},
    column::{ScalarColumn, Series, StepColumn},
    error::EvalError,
    evaluator::Evaluator,
    labels::{encode_kept, merge_same, with_label, without_reserved},
    notes::{Gravity, Notes, bad_quantile, metric_float, named},
    quantiles::{self, NanNote},
    steps::Steps,
};
use crate::ast::{Expr, Span};

/// The label that holds the bound of a classic histogram's bucket.
const BUCKET_LABEL: &str = "le";

/// What is asked of every histogram.
enum Question {
    Quantile(ScalarColumn),
    Fraction(ScalarColumn, ScalarColumn),
}

/// A classic histogram.
struct Classic {
    /// Those of its buckets, without their bounds.
    labels: Labels,
    /// Bounds, and where the series are.
    buckets: Vec<(f64, usize)>,
    /// Steps at which it is not answered, as a native histogram has its name and labels. Ascending.
    lost: Vec<usize>,
}

/// The histograms of a vector.
struct Histograms {
    series: Vec<Series>,
    classic: Vec<Classic>,
    /// Where the vector stands.
    place: Span,
}

impl Evaluator<'_> {
    /// Evaluates one of these functions; `None` for others.
    pub(super) fn histogram_call(
        &self,
        name: &str,
        args: &[Expr],
        steps: Steps,
    ) -> Result<Option<Vec<Series>>, EvalError> {
        let scalar = |index: usize| self.eval_scalar(argument(args, index)?, steps);
        let histograms = |index: usize| {
            let arg = argument(args, index)?;
            self.histograms_of(self.eval_vector(arg, steps)?, arg.span)
        };
        let found = match name {
            "histogram_quantile" => {
                let q = self.checked_quantile(scalar(0)?, argument(args, 0)?);
                self.answer_histograms(&histograms(1)?, &Question::Quantile(q), None, steps)?
            }
            "histogram_fraction" => {
                let question = Question::Fraction(scalar(0)?, scalar(1)?);
                self.answer_histograms(&histograms(2)?, &question, None, steps)?
            }
            "histogram_quantiles" => {
                let label = text(argument(args, 1)?)?;
                let mut quantiles = Vec::with_capacity(args.len());
                for (index, arg) in args.iter().enumerate().skip(2) {
                    quantiles.push(self.checked_quantile(scalar(index)?, arg));
                }
                let histograms = histograms(0)?;
                let mut found = Vec::new();
                for q in quantiles {
                    found.append(&mut self.each_quantile(&histograms, &q, &label, steps)?);
                }
                found
            }
            _ => return Ok(None),
        };
        merge_same(found).map(Some)
    }

    /// One quantile, which may differ from step to step and then makes series for each value.
    fn each_quantile(
        &self,
        histograms: &Histograms,
        q: &ScalarColumn,
        label: &str,
        steps: Steps,
    ) -> Result<Vec<Series>, EvalError> {
        let mut values = q.values().to_vec();
        values.sort_by(f64::total_cmp);
        values.dedup_by_key(|value| value.to_bits());
        let mut found = Vec::new();
        for value in values {
            let of_value = (label, value);
            let question = Question::Quantile(q.clone());
            found.append(&mut self.answer_histograms(
                histograms,
                &question,
                Some(of_value),
                steps,
            )?);
        }
        Ok(found)
    }

    /// Warns of quantiles that are none.
    fn checked_quantile(&self, q: ScalarColumn, arg: &Expr) -> ScalarColumn {
        for value in q.values().iter().filter(|q| !(0.0..=1.0).contains(*q)) {
            self.note(Gravity::Warning, bad_quantile(*value), arg.span);
        }
        q
    }

    /// Tells classic histograms from native ones.
    fn histograms_of(&self, series: Vec<Series>, place: Span) -> Result<Histograms, EvalError> {
        let mut classic: Vec<Classic> = Vec::new();
        let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
        let mut key = Vec::new();
        for (at, one) in series.iter().enumerate().filter(|(_, one)| one.column.value_count() > 0) {
            let bound = one.labels.get(BUCKET_LABEL).unwrap_or("");
            let Ok(parsed) = bound.parse::<f64>() else {
                let message =
                    format!("bucket label \"le\" is missing or has a malformed value of {bound:?}");
                self.note(Gravity::Warning, named(message, self.name_to_tell(&one.labels)), place);
                continue;
            };
            key.clear();
            encode_kept(&one.labels, &mut key, |name| name != BUCKET_LABEL);
            let group = match places.get(key.as_slice()) {
                Some(group) => *group,
                None => {
                    places.insert(key.clone(), classic.len());
                    let labels = one.labels.filter(|name| name != BUCKET_LABEL);
                    classic.push(Classic { labels, buckets: Vec::new(), lost: Vec::new() });
                    classic.len() - 1
                }
            };
            classic[group].buckets.push((parsed, at));
        }
        for one in &mut classic {
            one.buckets.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        }
        let rivals = series.iter().enumerate().map(|(at, one)| {
            let rival = places.get(one.labels.as_bytes()).copied();
            (at, rival.filter(|_| !one.column.histograms().is_empty()))
        });
        let rivals: Vec<_> = rivals.collect();
        let mut histograms = Histograms { series, classic, place };
        for (at, rival) in rivals {
            if rival.is_some_and(|rival| histograms.contest(at, rival)) {
                let message = "vector contains a mix of classic and native histograms".to_owned();
                let name = self.name_to_tell(&histograms.series[at].labels);
                self.note(Gravity::Warning, named(message, name), place);
            }
        }
        Ok(histograms)
    }

    /// The answers of all histograms; of one value of the question only, if it is given with the label
    /// that tells it.
    fn answer_histograms(
        &self,
        histograms: &Histograms,
        question: &Question,
        of_value: Option<(&str, f64)>,
        steps: Steps,
    ) -> Result<Vec<Series>, EvalError> {
        let is_asked = |step: usize| match (of_value, question) {
            (Some((_, value)), Question::Quantile(q)) => q.at(step).to_bits() == value.to_bits(),
            _ => true,
        };
        let mut found = Vec::new();
        for one in histograms.series.iter().filter(|one| !one.column.histograms().is_empty()) {
            self.budget.check()?;
            self.budget.make(steps.count())?;
            let name = self.name_to_tell(&one.labels);
            let mut column = StepColumn::absent(steps.count());
            for (step, histogram) in one.column.histograms() {
                if is_asked(*step) {
                    let place = histograms.place;
                    column.set(*step, self.answer_native(histogram, question, *step, name, place));
                }
            }
            found.push(self.answered(&one.labels, column, of_value)?);
        }
        let mut notes = Notes::default();
        let mut buckets = Vec::new();
        for one in &histograms.classic {
            self.budget.check()?;
            self.budget.make(steps.count())?;
            let name = self.name_to_tell(&one.labels);
            let mut column = StepColumn::absent(steps.count());
            for step in (0..steps.count()).filter(|step| is_asked(*step)) {
                histograms.buckets_at(one, step, &mut buckets);
                if buckets.is_empty() {
                    continue;
                }
                let (value, forced) = answer_classic(&mut buckets, question, step);
                if let Some(forced) = forced {
                    notes.add_forced(name, forced, steps.at(step), histograms.place);
                }
                column.set(step, value);
            }
            found.push(self.answered(&one.labels, column, of_value)?);
        }
        self.add_notes(notes);
        found.retain(|one| !one.column.is_empty());
        Ok(found)
    }

    fn answer_native(
        &self,
        histogram: &FloatHistogram,
        question: &Question,
        step: usize,
        name: &str,
        place: Span,
    ) -> f64 {
        let (value, message) = match question {
            Question::Quantile(q) => {
                let (value, note) = quantiles::quantile(q.at(step), histogram);
                let message = note.map(|note| match note {
                    NanNote::Result => "histogram_quantile has NaN observations, result is NaN",
                    NanNote::Skew => {
                        "histogram_quantile has NaN observations, result is skewed higher"
                    }
                });
                (value, message)
            }
            Question::Fraction(lower, upper) => {
                let (value, nan_left_out) =
                    quantiles::fraction(lower.at(step), upper.at(step), histogram);
                let message = "histogram_fraction has NaN observations, which are excluded from \
                               all fractions";
                (value, nan_left_out.then_some(message))
            }
        };
        if let Some(message) = message {
            self.note(Gravity::Info, named(format!("input to {message}"), name), place);
        }
        value
    }

    /// A series of answers.
    fn answered(
        &self,
        labels: &Labels,
        column: StepColumn,
        of_value: Option<(&str, f64)>,
    ) -> Result<Series, EvalError> {
        let delayed = self.query.delays_names();
        let mut labels = if delayed { labels.clone() } else { without_reserved(labels) };
        if let Some((label, value)) = of_value {
            labels = with_label(&labels, label, &metric_float(value))?;
        }
        Ok(Series { labels, column, drop_name: delayed })
    }

    /// The metric's name as notes about histograms tell it: not where names are dropped at once, as in
    /// Prometheus.
    fn name_to_tell<'l>(&self, labels: &'l Labels) -> &'l str {
        if self.query.delays_names() { labels.get(METRIC_NAME).unwrap_or("") } else { "" }
    }
}

fn answer_classic(
    buckets: &mut Vec<ClassicBucket>,
    question: &Question,
    step: usize,
) -> (f64, Option<Forced>) {
    match question {
        Question::Quantile(q) => classic::quantile(q.at(step), buckets),
        Question::Fraction(lower, upper) => {
            (classic::fraction(lower.at(step), upper.at(step), buckets), None)
        }
    }
}

impl Histograms {
    /// Takes away the steps at which a series has a native histogram and a classic one of the same name
    /// and labels has buckets, from both. Whether there are such steps.
    fn contest(&mut self, at: usize, rival: usize) -> bool {
        let rival = &mut self.classic[rival];
        let has_buckets = |step: usize| {
            rival.buckets.iter().any(|(_, bucket)| self.series[*bucket].column.has(step))
        };
        let steps = self.series[at].column.histograms().iter().map(|(step, _)| *step);
        rival.lost = steps.filter(|step| has_buckets(*step)).collect();
        let column = &mut self.series[at].column;
        for (step, histogram) in column.take_histograms() {
            if rival.lost.binary_search(&step).is_err() {
                column.set_histogram(step, histogram);
            }
        }
        !rival.lost.is_empty()
    }

    /// The buckets of a classic histogram at a step.
    fn buckets_at(&self, classic: &Classic, step: usize, buckets: &mut Vec<ClassicBucket>) {
        buckets.clear();
        if classic.lost.binary_search(&step).is_err() {
            buckets.extend(classic.buckets.iter().filter_map(|(bound, at)| {
                let count = self.series[*at].column.get(step)?;
                Some(ClassicBucket { bound: *bound, count })
            }));
        }
    }
}
