//! Function calls: which part of the evaluator answers which function.

use timberline_model::{Labels, METRIC_NAME, MatchOp, Matcher};

use super::{
    column::{ScalarColumn, Series, StepColumn, unite},
    duration, elementwise,
    error::EvalError,
    evaluator::{Evaluated, Evaluator, strip_parens},
    labels::{merge_same, with_label},
    leaf::{Leaf, Source},
    notes::{Gravity, bad_quantile},
    order,
    rate::Extrapolation,
    shape::matrix_argument,
    steps::{Steps, seconds},
    window::{PlainFunction, WindowFunction},
};
use crate::{
    Feature,
    ast::{Expr, ExprKind, Span},
};

/// Memory that the regular expression of `label_replace` may take.
const REGEX_BYTES_MAX: usize = 4 << 20;

/// Functions that are answered by [`Evaluator::call`] itself.
pub(super) const OTHER_FUNCTIONS: [&str; 24] = [
    "absent",
    "absent_over_time",
    "end",
    "histogram_fraction",
    "histogram_quantile",
    "histogram_quantiles",
    "info",
    "label_join",
    "label_replace",
    "max_of",
    "min_of",
    "pi",
    "range",
    "scalar",
    "sort",
    "sort_by_label",
    "sort_by_label_desc",
    "sort_desc",
    "start",
    "start_timestamp",
    "step",
    "time",
    "timestamp",
    "vector",
];

impl Evaluator<'_> {
    /// A call as a leaf, if its vector is one.
    pub(super) fn call_leaf<'e>(
        &'e self,
        name: &'static str,
        args: &'e [Expr],
        steps: Steps,
    ) -> Result<Option<Leaf<'e>>, EvalError> {
        if name == "timestamp"
            && let [arg] = args
            && let Expr { kind: ExprKind::Selector(selector), span } = strip_parens(arg)
        {
            return Ok(Some(self.selector_leaf(selector, *span, Source::Time, steps)?));
        }
        if name == "start_timestamp"
            && self.query.features.has(Feature::StartTimestamps)
            && let [arg] = args
            && let Expr { kind: ExprKind::Selector(selector), span } = strip_parens(arg)
        {
            return Ok(Some(self.selector_leaf(selector, *span, Source::Start, steps)?));
        }
        if elementwise::is_elementwise(name)
            && let Some(arg) = args.first()
        {
            if !self.extends(arg) {
                return Ok(None);
            }
            let Some(mut leaf) = self.leaf(arg, steps)? else { return Ok(None) };
            let Some(stage) = self.elementwise(name, args, steps)? else { return Ok(None) };
            leaf.stages.push(stage);
            leaf.drops_name = true;
            return Ok(Some(leaf));
        }
        let Some(arg) = matrix_argument(args) else { return Ok(None) };
        let Expr { kind: ExprKind::Matrix { selector, range }, span } = arg else {
            return Ok(None);
        };
        let Some(function) = self.window_function(name, args, steps)? else { return Ok(None) };
        let range = duration::positive_nanos(range, &self.query)?;
        Ok(Some(self.selector_leaf(selector, *span, Source::Window { function, range }, steps)?))
    }

    /// Evaluates a call that is no leaf.
    pub(super) fn call(
        &self,
        name: &'static str,
        place: Span,
        args: &[Expr],
        steps: Steps,
    ) -> Result<Evaluated, EvalError> {
        if let Some(column) = self.scalar_call(name, args, steps)? {
            return Ok(Evaluated::Scalar(column));
        }
        if let Some(part) = elementwise::date_part(name).filter(|_| args.is_empty()) {
            return self.one_series(self.times(steps)?.map(part), steps);
        }
        if let Some(stage) = self.elementwise(name, args, steps)? {
            let series = self.eval_vector(argument(args, 0)?, steps)?;
            return Ok(Evaluated::Vector(self.apply_stage(series, &*stage)?));
        }
        if let Some(arg) = matrix_argument(args)
            && let ExprKind::Subquery(subquery) = &arg.kind
            && let Some(function) = self.window_function(name, args, steps)?
        {
            let inner = self.subquery(subquery, steps)?;
            return Ok(Evaluated::Vector(self.over_subquery(&function, inner, arg.span)?));
        }
        if let Some(series) = self.histogram_call(name, args, steps)? {
            return Ok(Evaluated::Vector(series));
        }
        let series = match name {
            "vector" => {
                return self.one_series(self.eval_scalar(argument(args, 0)?, steps)?, steps);
            }
            "timestamp" => {
                let times = self.times(steps)?;
                let series = self.eval_vector(argument(args, 0)?, steps)?;
                self.apply_stage(series, &|column: &mut StepColumn| {
                    for (step, _) in column.take_histograms() {
                        column.set(step, 0.0);
                    }
                    column.filter_map(|step, _| Some(times.at(step)));
                    Ok(())
                })?
            }
            // Of anything but a selector nobody knows, nor where starts are not looked at.
            "start_timestamp" => {
                self.eval_vector(argument(args, 0)?, steps)?;
                Vec::new()
            }
            "absent" => self.absent(argument(args, 0)?, steps)?,
            "absent_over_time" => self.absent_over_time(argument(args, 0)?, steps)?,
            "sort" | "sort_desc" | "sort_by_label" | "sort_by_label_desc" => {
                self.sort(name, place, args, steps)?
            }
            "info" => self.info(args, steps)?,
            "label_replace" => self.label_replace(args, steps)?,
            "label_join" => self.label_join(args, steps)?,
            _ => return Err(EvalError::unsupported(format!("function {name}"))),
        };
        Ok(Evaluated::Vector(series))
    }

    /// Calls whose value is a scalar.
    fn scalar_call(
        &self,
        name: &str,
        args: &[Expr],
        steps: Steps,
    ) -> Result<Option<ScalarColumn>, EvalError> {
        let Self { query, .. } = self;
        let constant = |value: f64| Ok(Some(ScalarColumn::Constant(value)));
        let scalar = |index: usize| self.eval_scalar(argument(args, index)?, steps);
        match name {
            "time" => Ok(Some(self.times(steps)?)),
            "pi" => constant(std::f64::consts::PI),
            "start" => constant(seconds(query.start)),
            "end" => constant(seconds(query.end)),
            "step" => constant(seconds(query.step)),
            "range" => constant(seconds(query.end.saturating_sub(query.start))),
            "min_of" => Ok(Some(scalar(0)?.zip(scalar(1)?, elementwise::smaller))),
            "max_of" => Ok(Some(scalar(0)?.zip(scalar(1)?, elementwise::larger))),
            "scalar" => {
                let series = self.eval_vector(argument(args, 0)?, steps)?;
                self.budget.make(steps.count())?;
                Ok(Some(ScalarColumn::Steps(only_values(&series, steps))))
            }
            _ => Ok(None),
        }
    }

    /// The time of every step, in seconds.
    fn times(&self, steps: Steps) -> Result<ScalarColumn, EvalError> {
        if steps.count() == 1 {
            return Ok(ScalarColumn::Constant(seconds(steps.start)));
        }
        self.budget.make(steps.count())?;
        let times = (0..steps.count()).map(|step| seconds(steps.at(step)));
        Ok(ScalarColumn::Steps(times.collect()))
    }

    /// A vector of one series without labels.
    fn one_series(&self, column: ScalarColumn, steps: Steps) -> Result<Evaluated, EvalError> {
        self.budget.make(steps.count())?;
        let column = column.into_column(steps.count());
        Ok(Evaluated::Vector(vec![Series { labels: Labels::empty(), column, drop_name: false }]))
    }

    /// The function of a window that bears this name, its other arguments evaluated.
    fn window_function(
        &self,
        name: &str,
        args: &[Expr],
        steps: Steps,
    ) -> Result<Option<WindowFunction>, EvalError> {
        let scalar = |index: usize| self.eval_scalar(argument(args, index)?, steps);
        let extrapolated = |counter, per_second| {
            WindowFunction::Extrapolated(Extrapolation { counter, per_second })
        };
        Ok(Some(match name {
            "rate" => extrapolated(true, true),
            "increase" => extrapolated(true, false),
            "delta" => extrapolated(false, false),
            "irate" => WindowFunction::Instant { rate: true },
            "idelta" => WindowFunction::Instant { rate: false },
            "deriv" => WindowFunction::Deriv,
            "predict_linear" => WindowFunction::PredictLinear(scalar(1)?),
            "double_exponential_smoothing" => {
                let (smoothing, trend) = (scalar(1)?, scalar(2)?);
                check_factor("smoothing", "sf", &smoothing)?;
                check_factor("trend", "tf", &trend)?;
                WindowFunction::Smoothed(smoothing, trend)
            }
            "quantile_over_time" => {
                let q = scalar(0)?;
                for value in q.values().iter().filter(|q| !(0.0..=1.0).contains(*q)) {
                    self.note(Gravity::Warning, bad_quantile(*value), argument(args, 0)?.span);
                }
                WindowFunction::Quantile(q)
            }
            _ => match PlainFunction::named(name) {
                Some(function) => WindowFunction::Plain(function),
                None => return Ok(None),
            },
        }))
    }

    /// 1 at the steps where the vector has no value at all.
    fn absent(&self, expr: &Expr, steps: Steps) -> Result<Vec<Series>, EvalError> {
        let matchers = match &strip_parens(expr).kind {
            ExprKind::Selector(selector) => selector.matchers.as_slice(),
            _ => &[],
        };
        self.absent_from(&self.eval_vector(expr, steps)?, matchers, steps)
    }

    fn absent_over_time(&self, expr: &Expr, steps: Steps) -> Result<Vec<Series>, EvalError> {
        let present = WindowFunction::Plain(PlainFunction::Present);
        match strip_parens(expr) {
            Expr { kind: ExprKind::Matrix { selector, range }, span } => {
                let range = duration::positive_nanos(range, &self.query)?;
                let source = Source::Window { function: present, range };
                let mut leaf = self.selector_leaf(selector, *span, source, steps)?;
                leaf.drops_name = false;
                let series = self.collect_leaf(&leaf)?;
                self.absent_from(&series, &selector.matchers, steps)
            }
            Expr { kind: ExprKind::Subquery(subquery), span } => {
                let inner = self.subquery(subquery, steps)?;
                // A kept name keeps series apart, so that none need merging.
                let last = WindowFunction::Plain(PlainFunction::Last);
                self.absent_from(&self.over_subquery(&last, inner, *span)?, &[], steps)
            }
            _ => Err(EvalError::Malformed { reason: "a matrix that is no selector" }),
        }
    }

    fn absent_from(
        &self,
        series: &[Series],
        matchers: &[Matcher],
        steps: Steps,
    ) -> Result<Vec<Series>, EvalError> {
        self.budget.make(steps.count())?;
        let mut some = StepColumn::absent(steps.count()).present().to_vec();
        for one in series {
            unite(&mut some, &one.column.filled());
        }
        let mut column = StepColumn::full(vec![1.0; steps.count()]);
        column.keep(&some, false);
        if column.is_empty() {
            return Ok(Vec::new());
        }
        Ok(vec![Series { labels: labels_of_absence(matchers)?, column, drop_name: false }])
    }

    fn sort(
        &self,
        name: &str,
        place: Span,
        args: &[Expr],
        steps: Steps,
    ) -> Result<Vec<Series>, EvalError> {
        let mut series = self.eval_vector(argument(args, 0)?, steps)?;
        if matches!(name, "sort" | "sort_desc") {
            // There is no order among histograms.
            for one in &mut series {
                one.column.take_histograms();
            }
            series.retain(|one| !one.column.is_empty());
        }
        if self.query.step != 0 {
            // Prometheus says `sort` for all of its kin.
            let message =
                "sort is ineffective for range queries since results are always ordered by labels";
            self.note(Gravity::Warning, message, place);
            return Ok(series);
        }
        match name {
            "sort" => order::by_value(&mut series, false),
            "sort_desc" => order::by_value(&mut series, true),
            _ => {
                let names = args[1..].iter().map(text).collect::<Result<Vec<_>, _>>()?;
                order::by_labels(&mut series, &names, name.ends_with("desc"));
            }
        }
        Ok(series)
    }

    fn label_replace(&self, args: &[Expr], steps: Steps) -> Result<Vec<Series>, EvalError> {
        let strings = args.iter().skip(1).map(text).collect::<Result<Vec<_>, _>>()?;
        let [target, replacement, source, pattern] = strings.as_slice() else {
            return Err(EvalError::Malformed { reason: "label_replace() takes five arguments" });
        };
        let regex = regex::RegexBuilder::new(&format!("^(?s:{pattern})$"))
            .size_limit(REGEX_BYTES_MAX)
            .build()
            .map_err(|_| EvalError::BadRegex { pattern: pattern.clone() })?;
        if target.is_empty() {
            return Err(EvalError::BadLabelName {
                name: target.clone(),
                function: "label_replace",
            });
        }
        let mut series = self.eval_vector(argument(args, 0)?, steps)?;
        let mut value = String::new();
        for one in &mut series {
            value.clear();
            match regex.captures(one.labels.get(source).unwrap_or("")) {
                Some(captures) => captures.expand(replacement, &mut value),
                None => continue,
            }
            set_label(one, target, &value)?;
        }
        merge_same(series)
    }

    fn label_join(&self, args: &[Expr], steps: Steps) -> Result<Vec<Series>, EvalError> {
        let strings = args.iter().skip(1).map(text).collect::<Result<Vec<_>, _>>()?;
        let [target, separator, sources @ ..] = strings.as_slice() else {
            return Err(EvalError::Malformed { reason: "label_join() takes three arguments" });
        };
        if let Some(name) = sources.iter().chain([target]).find(|name| name.is_empty()) {
            return Err(EvalError::BadLabelName { name: name.clone(), function: "label_join" });
        }
        let mut series = self.eval_vector(argument(args, 0)?, steps)?;
        for one in &mut series {
            let values: Vec<&str> =
                sources.iter().map(|name| one.labels.get(name).unwrap_or("")).collect();
            let value = values.join(separator);
            set_label(one, target, &value)?;
        }
        merge_same(series)
    }
}

/// Sets a label; a name set on purpose is not dropped later.
fn set_label(series: &mut Series, name: &str, value: &str) -> Result<(), EvalError> {
    series.labels = with_label(&series.labels, name, value)?;
    if name == METRIC_NAME {
        series.drop_name = false;
    }
    Ok(())
}

/// The text of an argument that the parser has found to be a string literal.
pub(super) fn text(expr: &Expr) -> Result<String, EvalError> {
    match &strip_parens(expr).kind {
        ExprKind::String(text) => Ok(text.clone()),
        _ => Err(EvalError::Malformed { reason: "a string argument that is no literal" }),
    }
}

pub(super) fn argument(args: &[Expr], index: usize) -> Result<&Expr, EvalError> {
    args.get(index).ok_or(EvalError::Malformed { reason: "an argument is missing" })
}

/// For every step the value of the only series that has one, or NaN.
fn only_values(series: &[Series], steps: Steps) -> Vec<f64> {
    let mut values = vec![f64::NAN; steps.count()];
    let mut counts = vec![0_u8; steps.count()];
    for one in series {
        one.column.for_each(|step, value| {
            values[step] = if counts[step] == 0 { value } else { f64::NAN };
            counts[step] = 1;
        });
    }
    values
}

/// The labels that a selector says its absent series would have.
fn labels_of_absence(matchers: &[Matcher]) -> Result<Labels, EvalError> {
    let known = matchers.iter().filter(|matcher| {
        matcher.op() == MatchOp::Equal
            && matcher.name() != METRIC_NAME
            && matchers.iter().filter(|other| other.name() == matcher.name()).count() == 1
    });
    Ok(Labels::from_pairs(known.map(|matcher| (matcher.name(), matcher.value())))?)
}

fn check_factor(
    what: &'static str,
    symbol: &'static str,
    factor: &ScalarColumn,
) -> Result<(), EvalError> {
    match factor.values().iter().find(|value| **value <= 0.0 || **value >= 1.0) {
        Some(value) => Err(EvalError::BadFactor { what, comparison: "<", symbol, value: *value }),
        None => Ok(()),
    }
}
