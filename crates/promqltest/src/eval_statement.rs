//! `eval instant at T EXPR` and `eval range from A to B step S EXPR`, with what must come out below.

use timberline_model::parse_duration;
use timberline_promql::{ExprKind, parse};

use crate::{
    error::ScriptError,
    expectation::{Expectation, Text, pattern_of},
    number,
    script::{Block, Eval, When},
    sequence::Line,
};

/// Reads a question; also how many lines below the first belong to it.
pub(crate) fn read_eval(block: Block<'_>) -> Result<(Eval, usize), ScriptError> {
    let (word, rest) = block.head.split_once([' ', '\t']).unwrap_or((block.head, ""));
    let mut expected = Expectation::default();
    match word {
        "eval" => {}
        "eval_fail" => expected.fail = Some(Text::Any),
        "eval_warn" => expected.warnings.push(Text::Any),
        "eval_info" => expected.infos.push(Text::Any),
        "eval_ordered" => expected.ordered = true,
        _ => return Err(block.error(0, format!("unknown statement {word:?}"))),
    }
    let (when, expression) = header(rest).map_err(|reason| block.error(0, reason))?;
    let mut reader = Reader { when, expected, old_spelling: word == "eval_fail" };
    let mut taken = block.body.len();
    for (index, line) in block.body.iter().enumerate() {
        match reader.read(line).map_err(|reason| block.error(index + 1, reason))? {
            Next::Line => {}
            Next::Statement => {
                taken = index + 1;
                break;
            }
        }
    }
    let eval = Eval {
        line: block.line,
        text: block.head.to_owned(),
        when,
        expression: expression.to_owned(),
        expected: reader.expected,
    };
    Ok((eval, taken))
}

/// The times and the expression.
fn header(text: &str) -> Result<(When, &str), String> {
    let mut rest = text;
    let when = match word(&mut rest) {
        "instant" => When::Instant(duration_after(&mut rest, "at")?),
        "range" => {
            let start = duration_after(&mut rest, "from")?;
            let end = duration_after(&mut rest, "to")?;
            let step = duration_after(&mut rest, "step")?;
            span(start, end, step)?;
            When::Range { start, end, step }
        }
        other => return Err(format!("expected `instant` or `range`, not {other:?}")),
    };
    match rest.trim() {
        "" => Err("no expression".to_owned()),
        expression => Ok((when, expression)),
    }
}

/// Takes the next word off a text.
fn word<'a>(rest: &mut &'a str) -> &'a str {
    let trimmed = rest.trim_start();
    let (word, tail) = trimmed.split_at(trimmed.find([' ', '\t']).unwrap_or(trimmed.len()));
    *rest = tail;
    word
}

fn duration_after(rest: &mut &str, before: &str) -> Result<i64, String> {
    match word(rest) {
        found if found == before => {}
        found => return Err(format!("expected `{before}`, not {found:?}")),
    }
    parse_duration(word(rest)).map_err(|error| error.to_string())
}

fn span(start: i64, end: i64, step: i64) -> Result<(), String> {
    if end < start {
        return Err("the end lies before the start".to_owned());
    }
    if step <= 0 {
        return Err("the step is not positive".to_owned());
    }
    Ok(())
}

/// What the line after this one is.
enum Next {
    Line,
    /// Another statement: nothing more belongs to this one.
    Statement,
}

/// Reads the lines below a question.
struct Reader {
    when: When,
    expected: Expectation,
    /// `expected_fail_...` is understood.
    old_spelling: bool,
}

impl Reader {
    fn read(&mut self, line: &str) -> Result<Next, String> {
        if self.old_spelling
            && let Some(text) = line.strip_prefix("expected_fail_message")
        {
            self.expected.fail = Some(Text::Exactly(text.trim().to_owned()));
            return Ok(Next::Statement);
        }
        if self.old_spelling
            && let Some(pattern) = line.strip_prefix("expected_fail_regexp")
        {
            self.expected.fail = Some(pattern_of(pattern.trim())?);
            return Ok(Next::Statement);
        }
        if let Some(rest) = line.strip_prefix("expect range vector") {
            self.expected.range_vector = Some(range_vector(rest)?);
            return Ok(Next::Line);
        }
        if let Some(literal) = line.strip_prefix("expect string") {
            self.expected.string = Some(string(literal.trim())?);
            return Ok(Next::Line);
        }
        if let Some(rest) = line.strip_prefix("expect ") {
            self.expected.add(rest.trim())?;
            return Ok(Next::Line);
        }
        if let Some(value) = number::any_base(line) {
            self.expected.scalar = Some(value);
            return Ok(Next::Statement);
        }
        let series = Line::parse(line)?;
        self.check_count(series.items.len())?;
        self.expected.series.push(series);
        Ok(Next::Line)
    }

    fn check_count(&self, count: usize) -> Result<(), String> {
        let (start, end, step) = match (self.when, self.expected.range_vector) {
            (_, Some(span)) => span,
            (When::Range { start, end, step }, None) => (start, end, step),
            (When::Instant(_), None) if count == 1 => return Ok(()),
            (When::Instant(_), None) => {
                return Err(format!("{count} values at one instant"));
            }
        };
        let most = end.abs_diff(start) / step.unsigned_abs().max(1) + 1;
        if count as u64 > most {
            return Err(format!("{count} values where the range has room for {most}"));
        }
        Ok(())
    }
}

fn range_vector(text: &str) -> Result<(i64, i64, i64), String> {
    let mut rest = text;
    let start = duration_after(&mut rest, "from")?;
    let end = duration_after(&mut rest, "to")?;
    let step = duration_after(&mut rest, "step")?;
    span(start, end, step)?;
    if rest.trim().is_empty() { Ok((start, end, step)) } else { Err(format!("{rest:?}")) }
}

/// A string literal, as PromQL has them.
fn string(literal: &str) -> Result<String, String> {
    match parse(literal).map(|expr| expr.kind) {
        Ok(ExprKind::String(text)) => Ok(text),
        _ => Err(format!("{literal:?} is no string in quotes")),
    }
}
