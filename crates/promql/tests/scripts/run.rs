//! Runs scripts against the evaluator.

use std::num::NonZeroUsize;

use timberline_model::{ErrorKind, Labels, Matcher};
use timberline_promql::{
    Expr,
    eval::{
        EvalError, Limits, Query, QueryResult, RangeSeries, Value, evaluate, memory::MemorySource,
    },
    parse,
};

use super::{
    format::{self, Command, Expected, Line, Text, When},
    pin::{calls, each_selector, pin},
    values::Item,
};

const MINUTE: i64 = 60_000_000_000;

/// How a statement went.
#[derive(Debug)]
pub(crate) enum Outcome {
    Passed,
    /// It needs what is not evaluated yet.
    Skipped(String),
    Failed(String),
}

/// Runs a script and tells, for every `eval`, its line and how it went.
pub(crate) fn run_script(script: &str) -> Vec<(usize, Outcome)> {
    let commands = format::parse(script).expect("a well-formed script");
    let mut world = World::default();
    let mut results = Vec::new();
    for command in &commands {
        match command {
            Command::Clear => world = World::default(),
            Command::Load { step, custom_buckets, series } => {
                world.load(*step, series, *custom_buckets);
            }
            Command::Eval { line, when, query, expected } => {
                results.push((*line, world.eval(*when, query, expected)));
            }
        }
    }
    results
}

/// What is loaded.
#[derive(Default)]
struct World {
    source: MemorySource,
    /// Series that have native histograms, which are not loaded.
    histograms: Vec<Labels>,
}

impl World {
    fn load(&mut self, step: i64, series: &[Line], custom_buckets: bool) {
        for Line { labels, items } in series {
            for (index, item) in items.iter().enumerate() {
                if let Item::Float(value) = item {
                    self.source.push(labels, step * index as i64, *value);
                }
            }
            if items.iter().any(|item| matches!(item, Item::Histogram)) {
                self.histograms.push(labels.clone());
            }
            let name = labels.metric_name().unwrap_or("");
            if custom_buckets && let Some(base) = name.strip_suffix("_bucket") {
                let pairs = labels.iter().filter(|(name, _)| *name != "le" && *name != "__name__");
                let pairs = pairs.chain([("__name__", base)]);
                self.histograms.push(Labels::from_pairs(pairs).expect("labels without one"));
            }
        }
    }

    fn eval(&self, when: When, text: &str, expected: &Expected) -> Outcome {
        let expr = match parse(text) {
            Ok(expr) => expr,
            Err(error) if expected.fail.is_some() => {
                let message = error.to_string();
                let bare = message.split_once("parse error: ").map_or("", |(_, bare)| bare);
                return outcome(check_fail(expected, bare));
            }
            Err(error) => return Outcome::Failed(error.to_string()),
        };
        match self.checks(when, text, &expr, expected) {
            Ok(()) => Outcome::Passed,
            Err(Trouble::Unsupported(what)) => Outcome::Skipped(what),
            Err(Trouble::Wrong(_)) if needs_histograms(expected) => {
                Outcome::Skipped("native histograms in the result".to_owned())
            }
            Err(Trouble::Wrong(_)) if self.selects_histograms(&expr) => {
                Outcome::Skipped("native histograms in the data".to_owned())
            }
            Err(Trouble::Wrong(reason)) => Outcome::Failed(reason),
        }
    }

    fn checks(
        &self,
        when: When,
        text: &str,
        expr: &Expr,
        expected: &Expected,
    ) -> Result<(), Trouble> {
        self.check(&query(expr, text, when), when, expected)?;
        let When::Instant(at) = when else { return Ok(()) };
        self.check_as_range(expr, text, at, expected)?;
        let others = if at == 0 {
            [-MINUTE / 60, 0, MINUTE / 60, 0, 0]
        } else {
            [at.saturating_mul(-10), 0, at / 5, at, at.saturating_mul(10)]
        };
        let Some(pinned) = pin(expr, at) else { return Ok(()) };
        for other in others {
            let with_time = |trouble| match trouble {
                Trouble::Wrong(reason) => {
                    Trouble::Wrong(format!("pinned, asked at {other} ns: {reason}"))
                }
                other => other,
            };
            let when = When::Instant(other);
            self.check(&query(&pinned, text, when), when, expected).map_err(with_time)?;
            self.check_as_range(&pinned, text, other, expected).map_err(with_time)?;
        }
        Ok(())
    }

    /// The middle step of a range query must give what the instant query gives.
    fn check_as_range(
        &self,
        expr: &Expr,
        text: &str,
        at: i64,
        expected: &Expected,
    ) -> Result<(), Trouble> {
        if expected.ordered
            || expected.string.is_some()
            || expected.range_vector.is_some()
            || expected.fail.is_some()
            || calls(expr, &["start", "end", "step", "range", "sort", "sort_desc"])
            || text.contains("step()")
            || text.contains("range()")
            || text.contains("start()")
            || text.contains("end()")
        {
            return Ok(());
        }
        let when = When::Range { start: at - MINUTE, end: at + MINUTE, step: MINUTE };
        let result = match evaluate(&self.source, &query(expr, text, when), &limits()) {
            Ok(result) => result,
            // Another step than the middle one may well have no answer.
            Err(EvalError::DuplicateLabels | EvalError::ManyToMany { .. }) => return Ok(()),
            Err(error) => return Err(Trouble::of(&error)),
        };
        let Value::Matrix(series) = result.value else {
            return Err(Trouble::Wrong("a range query gave no matrix".to_owned()));
        };
        let middle = series.into_iter().filter_map(|one| {
            let place = one.timestamps.iter().position(|ts| *ts == at)?;
            Some((one.labels, vec![(at, one.values[place])]))
        });
        let wanted = match expected.scalar {
            Some(value) => vec![(Labels::empty(), vec![(at, value)])],
            None => placed(&expected.series, at, 0),
        };
        compare(middle.collect(), wanted)
            .map_err(|reason| Trouble::Wrong(format!("as a range query: {reason}")))
    }

    fn check(&self, query: &Query<'_>, when: When, expected: &Expected) -> Result<(), Trouble> {
        let result = evaluate(&self.source, query, &limits());
        match result {
            Err(error) if error.kind() == ErrorKind::Unsupported => Err(Trouble::of(&error)),
            Err(error) if expected.fail.is_some() => {
                check_fail(expected, &error.to_string()).map_err(Trouble::Wrong)
            }
            Err(error) => Err(Trouble::of(&error)),
            Ok(_) if expected.fail.is_some() => {
                Err(Trouble::Wrong("it was to fail and did not".to_owned()))
            }
            Ok(result) => {
                check_notes(&result, expected).map_err(Trouble::Wrong)?;
                check_value(result.value, when, expected).map_err(Trouble::Wrong)
            }
        }
    }

    fn selects_histograms(&self, expr: &Expr) -> bool {
        let mut found = false;
        each_selector(expr, &mut |matchers: &[Matcher]| {
            found |= self.histograms.iter().any(|labels| {
                matchers.iter().all(|m| m.matches(labels.get(m.name()).unwrap_or("")))
            });
        });
        found
    }
}

enum Trouble {
    Unsupported(String),
    Wrong(String),
}

impl Trouble {
    fn of(error: &EvalError) -> Self {
        match error.kind() {
            ErrorKind::Unsupported => Self::Unsupported(error.to_string()),
            _ => Self::Wrong(error.to_string()),
        }
    }
}

/// Three threads, so that results are put together from parts.
fn limits() -> Limits {
    Limits { partitions: NonZeroUsize::new(3).expect("three is not zero"), ..Limits::default() }
}

fn outcome(result: Result<(), String>) -> Outcome {
    match result {
        Ok(()) => Outcome::Passed,
        Err(reason) => Outcome::Failed(reason),
    }
}

fn query<'a>(expr: &'a Expr, text: &'a str, when: When) -> Query<'a> {
    let query = match when {
        When::Instant(at) => Query::instant(expr, at),
        When::Range { start, end, step } => Query::range(expr, start, end, step),
    };
    Query { delayed_name_removal: true, ..query.with_text(text) }
}

fn needs_histograms(expected: &Expected) -> bool {
    expected.series.iter().flat_map(|line| &line.items).any(|item| matches!(item, Item::Histogram))
}

fn check_fail(expected: &Expected, message: &str) -> Result<(), String> {
    match &expected.fail {
        Some(wanted) if !fits(wanted, message) => Err(format!("{wanted:?} but {message}")),
        _ => Ok(()),
    }
}

fn fits(wanted: &Text, text: &str) -> bool {
    match wanted {
        Text::Any => true,
        Text::Exactly(wanted) => wanted == text,
        Text::Matching(pattern) => {
            regex::Regex::new(pattern).expect("a regular expression").is_match(text)
        }
    }
}

fn check_notes(result: &QueryResult, expected: &Expected) -> Result<(), String> {
    for (found, wanted, none) in [
        (&result.warnings, &expected.warnings, expected.no_warnings),
        (&result.infos, &expected.infos, expected.no_infos),
    ] {
        if none && !found.is_empty() {
            return Err(format!("unexpected {found:?}"));
        }
        if wanted.is_empty() {
            continue;
        }
        let lacking = wanted.iter().find(|wanted| !found.iter().any(|text| fits(wanted, text)));
        let surplus = found.iter().find(|text| !wanted.iter().any(|wanted| fits(wanted, text)));
        if lacking.is_some() || surplus.is_some() {
            return Err(format!("notes {found:?} instead of {wanted:?}"));
        }
    }
    Ok(())
}

/// A series and its samples.
type Placed = (Labels, Vec<(i64, f64)>);

/// The expected samples at their times.
fn placed(series: &[Line], start: i64, step: i64) -> Vec<Placed> {
    let all = series.iter().map(|line| {
        let samples = line.items.iter().enumerate().filter_map(|(index, item)| match item {
            Item::Float(value) => Some((start + step * index as i64, *value)),
            _ => None,
        });
        (line.labels.clone(), samples.collect())
    });
    all.filter(|(_, samples): &Placed| !samples.is_empty()).collect()
}

fn check_value(value: Value, when: When, expected: &Expected) -> Result<(), String> {
    let (start, step) = match (when, expected.range_vector) {
        (_, Some((start, _, step))) => (start, step),
        (When::Instant(at), None) => (at, 0),
        (When::Range { start, step, .. }, None) => (start, step),
    };
    match (value, &expected.string, expected.scalar) {
        (Value::String { text, .. }, Some(wanted), _) if text == *wanted => Ok(()),
        (Value::Scalar(sample), None, Some(wanted)) if same(sample.value, wanted) => Ok(()),
        (Value::Vector(found), None, None) => {
            let found: Vec<Placed> = found
                .into_iter()
                .map(|one| (one.labels, vec![(one.ts, one.value.float().unwrap_or(f64::NAN))]))
                .collect();
            let wanted = placed(&expected.series, start, 0);
            if expected.ordered && !found.iter().map(|f| &f.0).eq(wanted.iter().map(|w| &w.0)) {
                return Err(format!("not in order: {found:?}"));
            }
            compare(found, wanted)
        }
        (Value::Matrix(found), None, None) => {
            if !found.is_sorted_by(|a: &RangeSeries, b| a.labels <= b.labels) {
                return Err("a matrix that is not sorted".to_owned());
            }
            let found = found
                .into_iter()
                .map(|one| (one.labels, one.timestamps.into_iter().zip(one.values).collect()));
            compare(found.collect(), placed(&expected.series, start, step))
        }
        (value, ..) => Err(format!("got {value:?}")),
    }
}

/// Compares results as sets.
fn compare(mut found: Vec<Placed>, mut wanted: Vec<Placed>) -> Result<(), String> {
    found.sort_by(|a, b| a.0.cmp(&b.0));
    wanted.sort_by(|a, b| a.0.cmp(&b.0));
    let equal = found.len() == wanted.len()
        && found.iter().zip(&wanted).all(|((labels, samples), (wanted_labels, wanted))| {
            labels == wanted_labels
                && samples.len() == wanted.len()
                && samples.iter().zip(wanted).all(|(a, b)| a.0 == b.0 && same(a.1, b.1))
        });
    if equal { Ok(()) } else { Err(format!("got {found:?} instead of {wanted:?}")) }
}

/// Whether two values differ by a millionth at most.
fn same(a: f64, b: f64) -> bool {
    if a.is_nan() || b.is_nan() {
        return a.is_nan() && b.is_nan();
    }
    if a == b {
        return true;
    }
    let (sum, distance) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return distance < 1e-6 * f64::MIN_POSITIVE;
    }
    distance / sum.min(f64::MAX) < 1e-6
}
