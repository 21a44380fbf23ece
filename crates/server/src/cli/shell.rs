//! `timberline sql`: an interactive shell for SQL.
//!
//! A statement may have many lines; a semicolon ends it. Lines that begin with a backslash are for the
//! shell itself. Without a terminal, the statements of standard input are run one after the other.

mod completion;
mod interrupts;

use std::{
    io::{IsTerminal as _, Read as _},
    path::PathBuf,
    time::Instant,
};

use clap::Args;
use rustyline::{CompletionType, Config, Editor, error::ReadlineError, history::FileHistory};
use timberline_sql::text::{is_complete, statements};

use super::{
    Failure,
    args::{Format, ServerArgs},
    client::Client,
    statement::run,
};
use completion::Completion;
use interrupts::Interrupts;

const HELP: &str = "\
Statements end with a semicolon.
  \\d            the tables
  \\d NAME       the columns of a table
  \\timing       say how long statements take, or stop saying it
  \\format NAME  show answers as table, csv or json
  \\?            this help
  \\q            leave; so does Ctrl-D
Tab completes keywords, tables and columns; arrow up and Ctrl-R find what was typed before; Ctrl-C ends
a statement that runs, or throws away what was begun.
";

/// `timberline sql`.
#[derive(Args, Debug)]
pub(in crate::cli) struct ShellArgs {
    /// Run these statements and leave.
    #[arg(short, long, value_name = "SQL")]
    command: Option<String>,
    /// How to show answers.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Where the server is.
    #[command(flatten)]
    server: ServerArgs,
}

/// Runs the shell.
pub(in crate::cli) fn shell(args: &ShellArgs) -> Result<(), Failure> {
    let client = Client::new(&args.server)?;
    if let Some(command) = &args.command {
        return run_all(&client, command, args.format);
    }
    let input = std::io::stdin();
    if input.is_terminal() {
        return Shell::new(client, args.format)?.talk();
    }
    let mut text = String::new();
    input.lock().read_to_string(&mut text).map_err(|error| {
        Failure::new(format!("cannot read statements from standard input: {error}"))
    })?;
    run_all(&client, &text, args.format)
}

fn run_all(client: &Client, text: &str, format: Format) -> Result<(), Failure> {
    for statement in statements(text) {
        print!("{}", run(client, statement, None, format)?);
    }
    Ok(())
}

/// A shell at a terminal.
struct Shell {
    client: Client,
    editor: Editor<Completion, FileHistory>,
    history: Option<PathBuf>,
    interrupts: Interrupts,
    format: Format,
    timing: bool,
}

/// What becomes of the shell after a line.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    GoOn,
    Leave,
}

impl Shell {
    fn new(client: Client, format: Format) -> Result<Self, Failure> {
        let config =
            Config::builder().completion_type(CompletionType::List).auto_add_history(false).build();
        let failed =
            |error: ReadlineError| Failure::new(format!("cannot use the terminal: {error}"));
        let mut editor: Editor<Completion, FileHistory> =
            Editor::with_config(config).map_err(failed)?;
        editor.set_helper(Some(Completion::of(&client)));
        let history = history_file();
        if let Some(path) = &history {
            // There is none before the first time.
            let _ = editor.load_history(path);
        }
        let interrupts = Interrupts::listen()
            .map_err(|error| Failure::new(format!("cannot listen for Ctrl-C: {error}")))?;
        Ok(Self { client, editor, history, interrupts, format, timing: true })
    }

    fn talk(mut self) -> Result<(), Failure> {
        println!(
            "Timberline {} at {}; \\? for help",
            env!("CARGO_PKG_VERSION"),
            self.client.base()
        );
        let mut text = String::new();
        loop {
            let prompt = if text.is_empty() { "timberline> " } else { "       ...> " };
            match self.editor.readline(prompt) {
                Ok(line) => {
                    if text.is_empty() && line.trim_start().starts_with('\\') {
                        self.remember(&line);
                        if self.command(line.trim()) == Next::Leave {
                            break;
                        }
                        continue;
                    }
                    text.push_str(&line);
                    text.push('\n');
                    if is_complete(&text) {
                        self.remember(text.trim_end());
                        self.run(&std::mem::take(&mut text));
                    }
                }
                // Ctrl-C throws away what was begun.
                Err(ReadlineError::Interrupted) => text.clear(),
                Err(ReadlineError::Eof) => break,
                Err(error) => return Err(Failure::new(format!("cannot read a line: {error}"))),
            }
        }
        if let Some(path) = &self.history
            && let Err(error) = self.editor.save_history(path)
        {
            eprintln!("cannot keep the history in {}: {error}", path.display());
        }
        Ok(())
    }

    fn remember(&mut self, text: &str) {
        // A history that is full, or has it already, takes nothing.
        let _ = self.editor.add_history_entry(text);
    }

    fn run(&mut self, text: &str) {
        for statement in statements(text) {
            let begun = Instant::now();
            let (client, format) = (self.client.another(), self.format);
            let asking = || run(&client, statement, None, format);
            // The server ends a statement whose client has gone.
            let answered = self.interrupts.during(asking, || client.shut_down());
            let canceled = answered.is_none();
            match answered {
                Some(Ok(answer)) => print!("{answer}"),
                Some(Err(failure)) => eprintln!("error: {failure}"),
                None => eprintln!("canceled"),
            }
            if self.timing {
                println!("{:.1} ms", begun.elapsed().as_secs_f64() * 1_000.0);
            }
            if canceled {
                return;
            }
        }
    }

    fn command(&mut self, line: &str) -> Next {
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim().trim_end_matches(';');
        match (name, rest) {
            ("\\q" | "\\quit", _) => return Next::Leave,
            ("\\?" | "\\h" | "\\help", _) => print!("{HELP}"),
            ("\\d" | "\\dt", "") => self.run("SHOW TABLES"),
            ("\\d", table) => self.run(&format!("DESCRIBE {}", quoted(table))),
            ("\\timing", _) => {
                self.timing = !self.timing;
                println!("timing is {}", if self.timing { "on" } else { "off" });
            }
            ("\\format", "table") => self.format = Format::Table,
            ("\\format", "csv") => self.format = Format::Csv,
            ("\\format", "json") => self.format = Format::Json,
            _ => eprintln!("no such command: {line} (\\? lists them)"),
        }
        Next::GoOn
    }
}

/// A table's name as SQL has it, if it is no plain one.
fn quoted(name: &str) -> String {
    let plain =
        name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.\"".contains(c));
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// Where lines are kept from one time to the next.
fn history_file() -> Option<PathBuf> {
    let of = |variable| std::env::var_os(variable).filter(|value| !value.is_empty());
    let dir = match of("XDG_STATE_HOME") {
        Some(dir) => PathBuf::from(dir),
        None => PathBuf::from(of("HOME")?).join(".local/state"),
    };
    let dir = dir.join("timberline");
    std::fs::create_dir_all(&dir).ok()?;
    Some(dir.join("sql_history"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_are_quoted() {
        assert_eq!(quoted("cpu_usage"), "cpu_usage");
        assert_eq!(quoted("information_schema.tables"), "information_schema.tables");
        assert_eq!(quoted("Cpu usage"), "\"Cpu usage\"");
        assert_eq!(quoted("\"as is\""), "\"\"\"as is\"\"\"");
    }
}
