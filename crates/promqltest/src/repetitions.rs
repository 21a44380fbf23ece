//! How often a question is asked, and when.

use timberline_model::NANOS_PER_MILLI;
use timberline_promql::{Expr, parse};

use crate::{
    pin::pin,
    script::{Eval, When},
};

/// One way to ask the question of a statement; the answer is always the same.
#[derive(Clone, Debug)]
pub(crate) struct Repetition {
    pub(crate) expr: Expr,
    /// What the expression was read from.
    pub(crate) text: String,
    pub(crate) when: When,
    /// Ask it also as the middle step of a range.
    pub(crate) in_range: bool,
}

/// All ways to ask: as written; then, for an instant, pinned to it and asked at other times.
///
/// # Errors
/// An expression that cannot be read.
pub(crate) fn repetitions(eval: &Eval) -> Result<Vec<Repetition>, timberline_promql::ParseError> {
    let expr = parse(&eval.expression)?;
    let at = match (eval.when, eval.expected.range_vector) {
        (When::Range { .. }, _) => {
            let text = eval.expression.clone();
            return Ok(vec![Repetition { expr, text, when: eval.when, in_range: false }]);
        }
        (When::Instant(_), Some((_, end, _))) => end,
        (When::Instant(at), None) => at,
    };
    let has_step = eval.expected.string.is_none() && eval.expected.range_vector.is_none();
    let repetition = |expr: Expr, text: String, at: i64| {
        let in_range = has_step && !asks_for_range(&text);
        Repetition { expr, text, when: When::Instant(at), in_range }
    };
    let pinned = pin(&expr, at).map(|pinned| pinned.to_string());
    let mut all = vec![repetition(expr, eval.expression.clone(), at)];
    if let Some(text) = pinned {
        // Printed and read again, as Prometheus' runner has it.
        let expr = parse(&text)?;
        all.extend(
            other_times(at).into_iter().map(|at| repetition(expr.clone(), text.clone(), at)),
        );
    }
    Ok(all)
}

fn other_times(at: i64) -> Vec<i64> {
    if at == 0 {
        return vec![-1_000 * NANOS_PER_MILLI, 0, 1_000 * NANOS_PER_MILLI];
    }
    let fifth = at / NANOS_PER_MILLI / 5 * NANOS_PER_MILLI;
    vec![at.saturating_mul(-10), 0, fifth, at, at.saturating_mul(10)]
}

/// Whether an expression has what means another thing in a range.
fn asks_for_range(text: &str) -> bool {
    ["start()", "end()", "range()", "step()"].iter().any(|call| text.contains(call))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Command, Script};

    fn asked(script: &str) -> Vec<(String, When, bool)> {
        let script = Script::parse(script).unwrap();
        let Command::Eval(eval) = &script.commands[0] else { panic!("{script:?}") };
        let all = repetitions(eval).unwrap().into_iter();
        all.map(|one| (one.text, one.when, one.in_range)).collect()
    }

    fn times(script: &str) -> Vec<i64> {
        let time = |(_, when, _)| match when {
            When::Instant(at) => at / 1_000_000,
            When::Range { start, .. } => start / 1_000_000,
        };
        asked(script).into_iter().map(time).collect()
    }

    #[test]
    fn an_instant_is_asked_at_five_more_times() {
        let script = "eval instant at 1m m";
        assert_eq!(times(script), [60_000, -600_000, 0, 12_000, 60_000, 600_000]);
        assert_eq!(times("eval instant at 0 m"), [0, -1_000, 0, 1_000]);
        let all = asked(script);
        assert_eq!((all[0].0.as_str(), all[1].0.as_str()), ("m", "m @ 60.000"));
        assert!(all.iter().all(|(.., in_range)| *in_range));
    }

    #[test]
    fn what_has_no_other_time_is_asked_once() {
        assert_eq!(times("eval instant at 1m time()"), [60_000]);
        assert_eq!(times("eval range from 1m to 2m step 1m m"), [60_000]);
        let in_range = |script| asked(script)[0].2;
        assert!(in_range("eval instant at 1m time()"));
        assert!(!in_range("eval instant at 1m m @ start()"));
        assert!(!in_range("eval instant at 1m \"a\"\n  expect string \"a\""));
    }

    #[test]
    fn a_range_vector_is_asked_for_at_its_end() {
        let script = "eval instant at 0 m[2m]\n  expect range vector from 1m to 2m step 1m";
        assert_eq!(times(script)[0], 120_000);
        assert!(asked(script).iter().all(|(.., in_range)| !in_range));
    }
}
