//! One line of a text.

use std::borrow::Cow;

use timberline_model::{Exemplar, LabelsBuilder, METRIC_NAME, MetricKind};

use crate::time_text::{Number, TimeForm};

/// Which of the two formats a text is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// OpenMetrics 1.0: times are seconds, exemplars and units exist.
    OpenMetrics,
    /// Prometheus' text format 0.0.4: times are milliseconds, other comments are allowed.
    Prometheus,
}

/// What a line says.
#[derive(Debug)]
pub enum Line<'a> {
    /// Nothing: an empty line, or a comment.
    Nothing,
    /// The type of a family.
    Type(Cow<'a, str>, MetricKind),
    /// The unit of a family.
    Unit(Cow<'a, str>, &'a str),
    /// The help of a family.
    Help(Cow<'a, str>, Cow<'a, str>),
    /// A sample, whose series is in the builder.
    Sample(SampleText<'a>),
    /// The end of the text.
    End,
}

/// A sample of a line.
#[derive(Clone, Debug)]
pub struct SampleText<'a> {
    /// Its value.
    pub value: f64,
    /// The value as it is written, for those that are times ([`parse_seconds`]): a float has not got
    /// their nanoseconds.
    pub value_text: &'a str,
    /// Its time in nanoseconds, if it has one.
    pub ts: Option<i64>,
    /// Its exemplar, if it has one.
    pub exemplar: Option<ExemplarText>,
}

/// An exemplar of a line.
#[derive(Clone, Debug)]
pub struct ExemplarText {
    /// The exemplar; its time is zero if it has none.
    pub exemplar: Exemplar,
    /// Whether it has a time.
    pub has_ts: bool,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {reason}")]
pub struct LineError {
    /// Where, in bytes from one.
    pub column: usize,
    /// What is wrong there.
    pub reason: String,
}

/// Reads a line without its end. The labels of a sample, its name among them, are left in the builder,
/// which is emptied first; building them checks the rest.
///
/// # Errors
/// A line that is none of the format, with the column.
pub fn parse_line<'a>(
    line: &'a str,
    dialect: Dialect,
    labels: &mut LabelsBuilder,
) -> Result<Line<'a>, LineError> {
    let mut cursor = Cursor { line, at: 0 };
    if dialect == Dialect::Prometheus {
        cursor.skip_blanks();
    }
    if cursor.rest().is_empty() {
        return Ok(Line::Nothing);
    }
    if cursor.rest().starts_with('#') {
        return cursor.comment(dialect);
    }
    cursor.sample(dialect, labels).map(Line::Sample)
}

struct Cursor<'a> {
    line: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        &self.line[self.at..]
    }

    fn error<T>(&self, reason: impl Into<String>) -> Result<T, LineError> {
        Err(LineError { column: self.at + 1, reason: reason.into() })
    }

    fn skip_blanks(&mut self) -> bool {
        let rest = self.rest();
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        self.at += blanks;
        blanks > 0
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.rest().starts_with(wanted);
        self.at += if found { wanted.len_utf8() } else { 0 };
        found
    }

    /// Everything up to a blank.
    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let word = &rest[..rest.find([' ', '\t']).unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    fn comment(&mut self, dialect: Dialect) -> Result<Line<'a>, LineError> {
        if dialect == Dialect::OpenMetrics && self.rest() == "# EOF" {
            return Ok(Line::End);
        }
        self.at += 1;
        let spaced = self.skip_blanks();
        let keyword = self.word();
        let is_known = matches!(keyword, "TYPE" | "HELP")
            || (keyword == "UNIT" && dialect == Dialect::OpenMetrics);
        if !spaced || !is_known {
            return match dialect {
                Dialect::Prometheus => Ok(Line::Nothing),
                Dialect::OpenMetrics => {
                    self.error("a comment other than # TYPE, # UNIT, # HELP and # EOF")
                }
            };
        }
        self.skip_blanks();
        let family = self.family()?;
        self.at += usize::from(self.rest().starts_with([' ', '\t']));
        let text = self.rest();
        match keyword {
            "TYPE" => match text.trim_matches([' ', '\t']).parse() {
                Ok(kind) => Ok(Line::Type(family, kind)),
                Err(_) => self.error(format!("unknown type {text:?}")),
            },
            "UNIT" => Ok(Line::Unit(family, text.trim_matches([' ', '\t']))),
            _ => Ok(Line::Help(family, unescape(text))),
        }
    }

    /// A family's name, in quotes or not.
    fn family(&mut self) -> Result<Cow<'a, str>, LineError> {
        let at = self.at;
        let name = if self.eat('"') { self.quoted()? } else { Cow::Borrowed(self.word()) };
        if name.is_empty() {
            self.at = at;
            return self.error("a metric family's name is expected");
        }
        Ok(name)
    }

    fn sample(
        &mut self,
        dialect: Dialect,
        labels: &mut LabelsBuilder,
    ) -> Result<SampleText<'a>, LineError> {
        labels.clear();
        let rest = self.rest();
        let name = &rest[..rest.find(['{', ' ', '\t']).unwrap_or(rest.len())];
        self.at += name.len();
        if !name.is_empty() {
            if !is_name(name, true) {
                self.at -= name.len();
                return self.error(format!("not a metric name: {name:?}"));
            }
            labels.push(METRIC_NAME, name);
        }
        if dialect == Dialect::Prometheus {
            self.skip_blanks();
        }
        if self.eat('{') {
            self.labels(name.is_empty(), labels)?;
        } else if name.is_empty() {
            return self.error("a metric name is expected");
        }
        self.skip_blanks();
        let (value, value_text) = self.number()?;
        let spaced = self.skip_blanks();
        let mut sample = SampleText { value, value_text, ts: None, exemplar: None };
        if spaced && !self.rest().is_empty() && !self.rest().starts_with('#') {
            sample.ts = Some(self.time(dialect)?);
            self.skip_blanks();
        }
        if dialect == Dialect::OpenMetrics && self.eat('#') {
            sample.exemplar = Some(self.exemplar()?);
        }
        self.skip_blanks();
        if self.rest().is_empty() { Ok(sample) } else { self.error("more than a sample has") }
    }

    /// Labels after the opening brace, with the metric's name among them if it did not come before.
    fn labels(&mut self, named: bool, labels: &mut LabelsBuilder) -> Result<(), LineError> {
        let mut named = named;
        loop {
            self.skip_blanks();
            if self.eat('}') {
                return Ok(());
            }
            let name = if self.eat('"') {
                self.quoted()?
            } else {
                let rest = self.rest();
                let name = &rest[..rest.find(['=', ' ', '\t', ',', '}']).unwrap_or(rest.len())];
                if !is_name(name, false) {
                    return self.error(format!("not a label name: {name:?}"));
                }
                self.at += name.len();
                Cow::Borrowed(name)
            };
            self.skip_blanks();
            if self.eat('=') {
                self.skip_blanks();
                if !self.eat('"') {
                    return self.error("a label's value in quotes is expected");
                }
                let value = self.quoted()?;
                labels.push(&name, &value);
            } else if std::mem::take(&mut named) {
                labels.push(METRIC_NAME, &name);
            } else {
                return self.error("'=' is expected after a label's name");
            }
            self.skip_blanks();
            if !self.eat(',') && !self.rest().starts_with('}') {
                return self.error("',' or '}' is expected after a label");
            }
        }
    }

    /// A text after its opening quote.
    fn quoted(&mut self) -> Result<Cow<'a, str>, LineError> {
        let rest = self.rest();
        let mut escaped = false;
        let end = rest.bytes().position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        let Some(end) = end else { return self.error("the closing quote is missing") };
        self.at += end + 1;
        Ok(unescape(&rest[..end]))
    }

    /// A number, and how it is written.
    fn number(&mut self) -> Result<(f64, &'a str), LineError> {
        let at = self.at;
        let word = self.word();
        // Rust also reads "infinity" and "nan" in any case; so does OpenMetrics.
        word.parse().map(|number| (number, word)).or_else(|_| {
            self.at = at;
            self.error(format!("not a number: {word:?}"))
        })
    }

    fn time(&mut self, dialect: Dialect) -> Result<i64, LineError> {
        let at = self.at;
        let word = self.word();
        let form = match dialect {
            Dialect::OpenMetrics => TimeForm::Seconds,
            Dialect::Prometheus => TimeForm::Millis,
        };
        let ts = Number::parse(word).and_then(|number| number.nanos(form));
        ts.map_or_else(
            || {
                self.at = at;
                self.error(format!("not a time within the years 1677 to 2262: {word:?}"))
            },
            Ok,
        )
    }

    fn exemplar(&mut self) -> Result<ExemplarText, LineError> {
        self.skip_blanks();
        if !self.eat('{') {
            return self.error("an exemplar's labels are expected");
        }
        let mut builder = LabelsBuilder::default();
        let at = self.at;
        self.labels(false, &mut builder)?;
        let labels =
            builder.build().map_err(|error| LineError { column: at, reason: error.to_string() })?;
        self.skip_blanks();
        let (value, _) = self.number()?;
        self.skip_blanks();
        let has_ts = !self.rest().is_empty();
        let ts = if has_ts { self.time(Dialect::OpenMetrics)? } else { 0 };
        Ok(ExemplarText { exemplar: Exemplar { labels, value, ts }, has_ts })
    }
}

/// A time in seconds as nanoseconds; `None` if it is none within the years 1677 to 2262.
#[must_use]
pub fn parse_seconds(text: &str) -> Option<i64> {
    Number::parse(text)?.nanos(TimeForm::Seconds)
}

/// Whether a name needs no quotes.
pub(super) fn is_name(name: &str, colons: bool) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || (colons && byte == b':');
    name.bytes().next().is_some_and(letter)
        && name.bytes().all(|byte| letter(byte) || byte.is_ascii_digit())
}

/// A text without its escapes: `\\`, `\"` and `\n`. Any other backslash stands for itself.
fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => plain.push('\n'),
            Some(escaped @ ('\\' | '"')) => plain.push(escaped),
            Some(other) => plain.extend(['\\', other]),
            None => plain.push('\\'),
        }
    }
    Cow::Owned(plain)
}
