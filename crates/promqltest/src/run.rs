//! Runs a script.

use timberline_model::NANOS_PER_SECOND;
use timberline_promql::{
    Feature, Features,
    eval::{LOOKBACK_DEFAULT, Limits, Query, QueryResult, SUBQUERY_STEP_DEFAULT, Value, evaluate},
    parse_with,
};

use crate::{
    compare::{Times, check_failure, check_notes, check_step, check_value},
    error::ScriptError,
    expectation::Expectation,
    repetitions::{Repetition, repetitions},
    script::{Command, Eval, Script, When},
    skips::Skips,
    world::World,
};

const MINUTE: i64 = 60 * NANOS_PER_SECOND;

/// How scripts are run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Parts of the language that are switched on.
    pub features: Features,
    /// How far back a selector looks, in nanoseconds.
    pub lookback: i64,
    /// The step of subqueries that name none, in nanoseconds.
    pub subquery_step: i64,
    /// The name under which a script is found in the skip list.
    pub name: String,
    /// What is left out.
    pub skips: Skips,
}

/// As Prometheus runs its own scripts: everything on but type and unit labels, 5 minutes back, subqueries by
/// the minute.
impl Default for Options {
    fn default() -> Self {
        Self {
            features: Features::all().without(Feature::TypeAndUnitLabels),
            lookback: LOOKBACK_DEFAULT,
            subquery_step: SUBQUERY_STEP_DEFAULT,
            name: String::new(),
            skips: Skips::default(),
        }
    }
}

/// How a statement went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The answer was right everywhere and every time.
    Passed,
    /// It was left out, for this reason.
    Skipped(String),
    /// What was wrong, where, and in which repetition.
    Failed(String),
}

/// A statement and how it went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Where the statement stands, from one.
    pub line: usize,
    /// Its first line.
    pub text: String,
    /// How it went.
    pub verdict: Verdict,
}

/// Runs a script over series in memory and over a database.
///
/// # Errors
/// Series that cannot be loaded, or a database that fails. Wrong answers are in the outcomes.
pub fn run(script: &Script, options: &Options) -> Result<Vec<Outcome>, ScriptError> {
    let mut outcomes: Vec<Outcome> = Vec::new();
    for mut world in [World::in_memory(), World::stored()?] {
        let mut at = 0;
        for command in &script.commands {
            match command {
                Command::Clear => world.clear()?,
                Command::Load(load) => world.load(load)?,
                Command::Eval(eval) => {
                    if outcomes.len() == at {
                        let skipped = options.skips.reason(&options.name, eval);
                        let verdict = skipped
                            .map_or(Verdict::Passed, |reason| Verdict::Skipped(reason.to_owned()));
                        outcomes.push(Outcome {
                            line: eval.line,
                            text: eval.text.clone(),
                            verdict,
                        });
                    }
                    let outcome = &mut outcomes[at];
                    if outcome.verdict == Verdict::Passed
                        && let Err(reason) = ask(&world, eval, options)
                    {
                        outcome.verdict = Verdict::Failed(format!("{}: {reason}", world.name()));
                    }
                    at += 1;
                }
            }
        }
    }
    Ok(outcomes)
}

/// Asks a question in all its repetitions.
fn ask(world: &World, eval: &Eval, options: &Options) -> Result<(), String> {
    let expected = &eval.expected;
    let repetitions = match repetitions(eval) {
        Ok(repetitions) => repetitions,
        Err(error) => return check_parse_error(&error.to_string(), expected),
    };
    for (index, repetition) in repetitions.iter().enumerate() {
        let asked = Asked { world, options, repetition, expected };
        asked.check().map_err(|reason| match repetition.when {
            When::Instant(at) if index > 0 => {
                format!("`{}` asked at {} ms: {reason}", repetition.text, at / 1_000_000)
            }
            _ => reason,
        })?;
    }
    Ok(())
}

/// The texts of expected errors are without the place.
fn check_parse_error(error: &str, expected: &Expectation) -> Result<(), String> {
    let Some(wanted) = &expected.fail else { return Err(error.to_owned()) };
    let bare = error.split_once("parse error: ").map_or(error, |(_, bare)| bare);
    check_failure(bare, wanted)
}

/// One repetition of a question.
struct Asked<'a> {
    world: &'a World,
    options: &'a Options,
    repetition: &'a Repetition,
    expected: &'a Expectation,
}

impl Asked<'_> {
    fn check(&self) -> Result<(), String> {
        if let Err(error) = parse_with(&self.repetition.text, &self.options.features) {
            return check_parse_error(&error.to_string(), self.expected);
        }
        let when = self.repetition.when;
        let result = match (self.evaluate(when), &self.expected.fail) {
            (Ok(_), Some(_)) => return Err("it was to fail, and did not".to_owned()),
            (Err(error), Some(wanted)) => return check_failure(&error, wanted),
            (Err(error), None) => return Err(error),
            (Ok(result), None) => result,
        };
        check_notes(&result, self.expected)?;
        check_value(result.value, self.expected, self.times())?;
        match when {
            When::Instant(at) if self.repetition.in_range => {
                self.check_in_range(at).map_err(|reason| format!("in a range: {reason}"))
            }
            _ => Ok(()),
        }
    }

    fn times(&self) -> Times {
        match (self.repetition.when, self.expected.range_vector) {
            (_, Some((start, _, step))) | (When::Range { start, step, .. }, None) => {
                Times { start, step }
            }
            (When::Instant(at), None) => Times { start: at, step: 0 },
        }
    }

    /// The middle step of a range gives what the instant gave.
    fn check_in_range(&self, at: i64) -> Result<(), String> {
        let when = When::Range { start: at - MINUTE, end: at + MINUTE, step: MINUTE };
        let result = self.evaluate(when)?;
        if self.expected.ordered {
            return Ok(());
        }
        match result.value {
            Value::Matrix(series) => check_step(series, at, self.expected),
            other => Err(format!("no matrix: {other:?}")),
        }
    }

    fn evaluate(&self, when: When) -> Result<QueryResult, String> {
        let Self { options, repetition, .. } = self;
        let query = match when {
            When::Instant(at) => Query::instant(&repetition.expr, at),
            When::Range { start, end, step } => Query::range(&repetition.expr, start, end, step),
        };
        let query = Query {
            lookback: options.lookback,
            subquery_step: options.subquery_step,
            features: options.features,
            ..query.with_text(&repetition.text)
        };
        let limits = Limits { partitions: World::partitions(), ..Limits::default() };
        evaluate(self.world.source(), &query, &limits).map_err(|error| error.to_string())
    }
}
