//! A script: its statements in order.

use timberline_model::{Histogram, Labels};

use crate::{
    error::ScriptError, eval_statement, expectation::Expectation, load_statement::read_load,
};

/// A script that has been read.
#[derive(Clone, Debug)]
pub struct Script {
    /// Its statements.
    pub commands: Vec<Command>,
}

/// A statement.
#[derive(Clone, Debug)]
pub enum Command {
    /// Forgets all series.
    Clear,
    /// Adds series to those that are there.
    Load(Load),
    /// Asks something.
    Eval(Box<Eval>),
}

/// Series to be loaded.
#[derive(Clone, Debug)]
pub struct Load {
    /// Where the statement stands, from one.
    pub line: usize,
    /// The series, each once.
    pub series: Vec<LoadedSeries>,
}

/// A series with its samples in order of time.
#[derive(Clone, Debug)]
pub struct LoadedSeries {
    /// The series.
    pub labels: Labels,
    /// Its samples.
    pub samples: Vec<LoadedSample>,
}

/// A sample: a float or a histogram.
#[derive(Clone, Debug)]
pub struct LoadedSample {
    /// Nanoseconds since the epoch.
    pub ts: i64,
    /// When what it counts began, nanoseconds; 0 where the script does not say.
    pub start: i64,
    /// The float; NaN beside a histogram.
    pub value: f64,
    /// The histogram.
    pub histogram: Option<Box<Histogram>>,
}

/// The times of a question, in nanoseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// One time.
    Instant(i64),
    /// Many.
    Range {
        /// The first.
        start: i64,
        /// None lies after it.
        end: i64,
        /// From one to the next.
        step: i64,
    },
}

/// A question and its answer.
#[derive(Clone, Debug)]
pub struct Eval {
    /// Where the statement stands, from one.
    pub line: usize,
    /// The statement's first line, blanks around it left out.
    pub text: String,
    /// When.
    pub when: When,
    /// What.
    pub expression: String,
    /// What must come out.
    pub expected: Expectation,
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// The first line that does not follow the format.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        // A line of comment is an empty line: it ends a statement as that does.
        let lines: Vec<&str> = text
            .lines()
            .map(str::trim)
            .map(|line| if line.starts_with('#') { "" } else { line })
            .collect();
        let mut commands = Vec::new();
        let mut at = 0;
        while let Some(line) = lines.get(at) {
            if line.is_empty() {
                at += 1;
                continue;
            }
            let body_len = lines[at + 1..].iter().take_while(|line| !line.is_empty()).count();
            let block = Block { line: at + 1, head: line, body: &lines[at + 1..][..body_len] };
            let (command, taken) = block.read()?;
            commands.push(command);
            at += 1 + taken;
        }
        Ok(Self { commands })
    }
}

/// A statement's first line and the lines below it up to an empty one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block<'a> {
    /// The number of the first line, from one.
    pub(crate) line: usize,
    pub(crate) head: &'a str,
    pub(crate) body: &'a [&'a str],
}

impl Block<'_> {
    /// The statement, and how many lines of the body belong to it.
    fn read(self) -> Result<(Command, usize), ScriptError> {
        let word = self.head.split([' ', '\t']).next().unwrap_or("").to_lowercase();
        if word == "clear" {
            return Ok((Command::Clear, 0));
        }
        if word.starts_with("load") {
            return Ok((Command::Load(read_load(self)?), self.body.len()));
        }
        if word.starts_with("eval") {
            let (eval, taken) = eval_statement::read_eval(self)?;
            return Ok((Command::Eval(Box::new(eval)), taken));
        }
        Err(self.error(0, format!("unknown statement {:?}", self.head)))
    }

    /// An error in the line so many lines below the first.
    pub(crate) fn error(&self, below: usize, reason: impl Into<String>) -> ScriptError {
        ScriptError::Syntax { line: self.line + below, reason: reason.into() }
    }
}
