//! DuckDB and ClickHouse: each in a Python process, as their packages are, asked through a pipe.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::measured::Measured;
use crate::{bench::asking::Times, command::run};

const SCRIPT: &str = include_str!("engine.py");

/// The Python that has the engines' packages.
#[derive(Debug)]
pub(super) struct Python {
    program: PathBuf,
    script: PathBuf,
}

impl Python {
    /// Finds it where `scripts/setup bench` put it.
    ///
    /// # Errors
    /// It is not there.
    pub(super) fn find(dir: &Path) -> Result<Self> {
        let home = std::env::var_os("HOME").context("no HOME")?;
        let program = Path::new(&home).join(".cache/timberline/engines/bin/python3");
        if !program.exists() {
            bail!("{} is missing (see scripts/setup)", program.display());
        }
        let script = dir.join("engine.py");
        fs::write(&script, SCRIPT)?;
        Ok(Self { program, script })
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(&self.script).args(args);
        command
    }

    /// Reads all metrics out of a Timberline into a Parquet file.
    pub(super) fn prepare(&self, port: u16, file: &Path) -> Result<()> {
        run(&mut self.command(&["prepare", &port.to_string(), &file.display().to_string()]))
    }
}

/// An engine with the data in a table of its own.
#[derive(Debug)]
pub(super) struct Engine {
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    /// Its name and version.
    pub(super) name: String,
    /// Bytes of its table on disk.
    pub(super) bytes: u64,
    /// Loading the table from the file.
    pub(super) loaded: Duration,
}

impl Engine {
    /// Starts an engine and loads the file into a table in `dir`.
    pub(super) fn start(python: &Python, which: &str, file: &Path, dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir)?;
        let args = [which, &file.display().to_string(), &dir.display().to_string()];
        let mut command = python.command(&args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| which.to_owned())?;
        let questions = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().context("no output")?);
        let mut engine = Self {
            child,
            questions,
            answers,
            name: String::new(),
            bytes: 0,
            loaded: Duration::ZERO,
        };
        let said = engine.receive().with_context(|| which.to_owned())?;
        engine.name = said["name"].as_str().context("no name")?.to_owned();
        engine.bytes = said["bytes"].as_u64().context("no size")?;
        engine.loaded = duration(&said["loaded"])?;
        Ok(engine)
    }

    /// Asks a question some times.
    pub(super) fn ask(&mut self, sql: &str) -> Result<Measured> {
        let questions = self.questions.as_mut().context("it has ended")?;
        writeln!(questions, "{}", Value::from(sql))?;
        questions.flush()?;
        let said = self.receive().with_context(|| format!("{}: {sql}", self.name))?;
        let array = |key: &str| said[key].as_array().with_context(|| format!("no {key}"));
        let seconds = array("seconds")?.iter().map(duration).collect::<Result<Vec<_>>>()?;
        let numbers = array("numbers")?.iter().map(|it| it.as_f64().context("not a number"));
        let times = Times::new(seconds, duration(&said["cpu"])?);
        Ok(Measured::new(times, numbers.collect::<Result<_>>()?))
    }

    fn receive(&mut self) -> Result<Value> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            bail!("the engine has ended; see above");
        }
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Without questions it ends by itself, and leaves its files in order.
        drop(self.questions.take());
        drop(self.child.wait());
    }
}

fn duration(seconds: &Value) -> Result<Duration> {
    Ok(Duration::try_from_secs_f64(seconds.as_f64().context("no seconds")?)?)
}
