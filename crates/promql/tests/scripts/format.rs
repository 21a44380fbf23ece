//! The script format: commands and what they expect.

use timberline_model::{Labels, parse_duration};
use timberline_promql::parse_series;

use super::values::{self, Item};

/// A series and its values.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) labels: Labels,
    pub(crate) items: Vec<Item>,
}

/// What an `expect` line asks of a text.
#[derive(Clone, Debug)]
pub(crate) enum Text {
    Any,
    Exactly(String),
    Matching(String),
}

/// The times of an `eval`; all in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum When {
    Instant(i64),
    Range { start: i64, end: i64, step: i64 },
}

/// What an `eval` expects.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expected {
    pub(crate) fail: Option<Text>,
    pub(crate) warnings: Vec<Text>,
    pub(crate) infos: Vec<Text>,
    pub(crate) no_warnings: bool,
    pub(crate) no_infos: bool,
    pub(crate) ordered: bool,
    pub(crate) string: Option<String>,
    /// Start, end and step of an expected range vector.
    pub(crate) range_vector: Option<(i64, i64, i64)>,
    pub(crate) scalar: Option<f64>,
    pub(crate) series: Vec<Line>,
}

#[derive(Clone, Debug)]
pub(crate) enum Command {
    Clear,
    Load { step: i64, custom_buckets: bool, series: Vec<Line> },
    Eval { line: usize, when: When, query: String, expected: Box<Expected> },
}

/// Reads a script.
pub(crate) fn parse(script: &str) -> Result<Vec<Command>, String> {
    let lines: Vec<&str> = script
        .lines()
        .map(str::trim)
        .map(|line| if line.starts_with('#') { "" } else { line })
        .collect();
    let mut commands = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        let number = at + 1;
        at += 1;
        if line.is_empty() {
            continue;
        }
        let body_start = at;
        let word = line.split_whitespace().next().unwrap_or("").to_lowercase();
        if word != "clear" {
            while at < lines.len() && !lines[at].is_empty() {
                at += 1;
            }
        }
        let body = &lines[body_start..at];
        let fail = |reason: String| format!("line {number}: {reason}");
        let command = match word.as_str() {
            "clear" => Ok(Command::Clear),
            "load" | "load_with_nhcb" => load(line, &word, body),
            word if word.starts_with("eval") => eval(line, number, word, body, &mut at, body_start),
            _ => Err(format!("unknown command {word:?}")),
        };
        commands.push(command.map_err(fail)?);
    }
    Ok(commands)
}

fn load(line: &str, word: &str, body: &[&str]) -> Result<Command, String> {
    let step = duration(line[word.len()..].trim())?;
    let mut series = Vec::new();
    for line in body.iter().filter(|line| !line.contains("@st ")) {
        series.push(series_line(line)?);
    }
    Ok(Command::Load { step, custom_buckets: word == "load_with_nhcb", series })
}

fn eval(
    line: &str,
    number: usize,
    word: &str,
    body: &[&str],
    at: &mut usize,
    body_start: usize,
) -> Result<Command, String> {
    let (when, query) = header(line[word.len()..].trim())?;
    let mut expected = Expected::default();
    match word {
        "eval_fail" => expected.fail = Some(Text::Any),
        "eval_warn" => expected.warnings.push(Text::Any),
        "eval_info" => expected.infos.push(Text::Any),
        "eval_ordered" => expected.ordered = true,
        _ => {}
    }
    for (index, line) in body.iter().enumerate() {
        if let Some(rest) = line.strip_prefix("expect ") {
            expect(rest.trim(), &mut expected)?;
        } else if let Some(text) = line.strip_prefix("expected_fail_message ") {
            expected.fail = Some(Text::Exactly(text.trim().to_owned()));
        } else if let Some(text) = line.strip_prefix("expected_fail_regexp ") {
            expected.fail = Some(Text::Matching(text.trim().to_owned()));
        } else if let Some(value) = values::number(line) {
            expected.scalar = Some(value);
            *at = body_start + index + 1;
            break;
        } else {
            expected.series.push(series_line(line)?);
        }
    }
    Ok(Command::Eval { line: number, when, query: query.to_owned(), expected: Box::new(expected) })
}

/// `instant at T QUERY` or `range from A to B step S QUERY`.
fn header(text: &str) -> Result<(When, &str), String> {
    let mut rest = text;
    let mut word = || {
        rest = rest.trim_start();
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        rest = tail;
        word
    };
    let when = match word() {
        "instant" => {
            word();
            When::Instant(duration(word())?)
        }
        "range" => {
            word();
            let start = duration(word())?;
            word();
            let end = duration(word())?;
            word();
            When::Range { start, end, step: duration(word())? }
        }
        other => return Err(format!("unknown kind of eval {other:?}")),
    };
    Ok((when, rest.trim()))
}

fn expect(text: &str, expected: &mut Expected) -> Result<(), String> {
    let (kind, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    let wanted = || match rest.split_once(':') {
        Some(("msg", text)) => Text::Exactly(text.trim().to_owned()),
        Some(("regex", text)) => Text::Matching(text.trim().to_owned()),
        _ => Text::Any,
    };
    match kind {
        "fail" => expected.fail = Some(wanted()),
        "warn" => expected.warnings.push(wanted()),
        "info" => expected.infos.push(wanted()),
        "no_warn" => expected.no_warnings = true,
        "no_info" => expected.no_infos = true,
        "ordered" => expected.ordered = true,
        "string" => {
            expected.string = Some(rest.trim_matches('"').to_owned());
        }
        "range" => {
            let words: Vec<&str> = rest.split_whitespace().collect();
            let ["vector", "from", start, "to", end, "step", step] = words[..] else {
                return Err(format!("bad range vector {rest:?}"));
            };
            expected.range_vector = Some((duration(start)?, duration(end)?, duration(step)?));
        }
        _ => return Err(format!("unknown expectation {kind:?}")),
    }
    Ok(())
}

fn series_line(line: &str) -> Result<Line, String> {
    let end = end_of_labels(line);
    let (labels, items) = line.split_at(end);
    let labels = match labels.trim() {
        "{}" => Labels::empty(),
        labels => parse_series(labels).map_err(|error| format!("{labels:?}: {error}"))?,
    };
    Ok(Line { labels, items: values::parse(items)? })
}

/// Where the labels of a series end: after the brace that closes them, or at the first blank.
fn end_of_labels(line: &str) -> usize {
    let (mut quoted, mut escaped, mut depth) = (None, false, 0);
    for (at, c) in line.char_indices() {
        match (quoted, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(quote), c) if c == quote => quoted = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quoted = Some(c),
            (None, '{') => depth += 1,
            (None, '}') if depth == 1 => return at + 1,
            // A blank may stand between the name and the brace.
            (None, c) if c.is_whitespace() && depth == 0 && !is_braced(&line[at..]) => return at,
            _ => {}
        }
    }
    line.len()
}

/// Whether labels in braces come next, and not a histogram.
fn is_braced(rest: &str) -> bool {
    let rest = rest.trim_start();
    rest.starts_with('{') && !rest.starts_with("{{")
}

/// A duration, or a number of seconds.
fn duration(text: &str) -> Result<i64, String> {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
    let nanos = match text.parse::<f64>() {
        Ok(seconds) => (seconds * 1e9) as i64,
        Err(_) => parse_duration(text).map_err(|error| error.to_string())?,
    };
    Ok(if negative { -nanos } else { nanos })
}
