//! The command line: one binary that is the server and its client.
//!
//! What it is not: the client's commands hold no logic of the database. They ask a running server
//! over HTTP and show what it answers; `backup`, `restore`, `check` and `repair` also work on files, by the
//! crates that know them.
//!
//! Exit codes: 0 done, 1 failed (the message says what to do), 2 wrong use.

mod args;
mod backup;
mod care;
mod client;
mod csv;
mod exchange;
mod explain;
mod failure;
mod flush;
mod inspect;
mod local_time;
mod others;
mod progress;
mod query;
#[cfg(feature = "sql")]
mod shell;
mod start;
mod statement;
mod subscribe;
mod table;
mod write;

pub(crate) use args::Cli;
pub(crate) use failure::Failure;

use args::Command;

/// Runs the command that was given.
///
/// # Errors
/// Whatever kept it from being done, with the exit code that goes with it.
pub(crate) fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        Command::Start(args) => start::start(&args),
        Command::Write(args) => write::write(&args),
        Command::Query(args) => query::query(&args),
        #[cfg(feature = "sql")]
        Command::Sql(args) => shell::shell(&args),
        Command::Subscribe(args) => subscribe::subscribe(&args),
        Command::Inspect(args) => inspect::inspect(&args),
        Command::Status(args) => inspect::status(&args),
        Command::Flush(args) => flush::flush(&args),
        Command::Import(args) => exchange::import(&args),
        Command::Export(args) => exchange::export(&args),
        Command::Backup(args) => backup::backup(&args),
        Command::Restore(args) => backup::restore(&args),
        Command::Check(args) => care::check(&args),
        Command::Repair(args) => care::repair(&args),
    }
}
