//! What a question must answer.

use regex::Regex;

use crate::sequence::Line;

/// What is asked of a text.
#[derive(Clone, Debug)]
pub enum Text {
    /// Nothing.
    Any,
    /// To be this.
    Exactly(String),
    /// To hold a match.
    Matching(Regex),
}

impl Text {
    /// Whether a text is as asked.
    #[must_use]
    pub fn fits(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(wanted) => wanted == text,
            Self::Matching(pattern) => pattern.is_match(text),
        }
    }
}

/// What must come out.
#[derive(Clone, Debug, Default)]
pub struct Expectation {
    /// An error.
    pub fail: Option<Text>,
    /// Warnings; without any, they are not looked at.
    pub warnings: Vec<Text>,
    /// Infos, likewise.
    pub infos: Vec<Text>,
    /// No warnings at all.
    pub no_warnings: bool,
    /// No infos at all.
    pub no_infos: bool,
    /// The series in this order.
    pub ordered: bool,
    /// A string.
    pub string: Option<String>,
    /// A range vector whose points lie at these times: first, last, distance; nanoseconds.
    pub range_vector: Option<(i64, i64, i64)>,
    /// A number.
    pub scalar: Option<f64>,
    /// Series. Without any and without the above: nothing.
    pub series: Vec<Line>,
}

impl Expectation {
    /// Adds what a line that begins with `expect` says; `rest` is what is behind that word.
    pub(crate) fn add(&mut self, rest: &str) -> Result<(), String> {
        let (kind, rest) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
        let rest = rest.trim();
        match kind {
            "fail" if self.fail.is_some() => return Err("a second expect fail".to_owned()),
            "fail" => self.fail = Some(text(rest)?),
            "warn" => self.warnings.push(text(rest)?),
            "info" => self.infos.push(text(rest)?),
            "no_warn" => self.no_warnings = nothing(rest)?,
            "no_info" => self.no_infos = nothing(rest)?,
            "ordered" => self.ordered = nothing(rest)?,
            _ => return Err(format!("unknown expectation {kind:?}")),
        }
        if self.no_warnings && !self.warnings.is_empty() {
            return Err("expect warn and expect no_warn at once".to_owned());
        }
        if self.no_infos && !self.infos.is_empty() {
            return Err("expect info and expect no_info at once".to_owned());
        }
        Ok(())
    }
}

/// `msg: ...`, `regex: ...`, or nothing.
fn text(rest: &str) -> Result<Text, String> {
    if rest.is_empty() {
        return Ok(Text::Any);
    }
    match rest.split_once(':') {
        Some(("msg", text)) => Ok(Text::Exactly(text.trim().to_owned())),
        Some(("regex", pattern)) => pattern_of(pattern.trim()),
        _ => Err(format!("expected `msg: ...` or `regex: ...`, not {rest:?}")),
    }
}

/// A text that must match a pattern.
pub(crate) fn pattern_of(pattern: &str) -> Result<Text, String> {
    Regex::new(pattern).map(Text::Matching).map_err(|error| error.to_string())
}

fn nothing(rest: &str) -> Result<bool, String> {
    if rest.is_empty() { Ok(true) } else { Err(format!("{rest:?} is not expected here")) }
}
