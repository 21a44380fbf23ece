//! Questions in SQL beside DuckDB and ClickHouse, which have the same samples in tables of their own.
//!
//! Timberline is asked over HTTP and answers in Arrow; the others run in the process that asks, which is how
//! their packages are used, and save what a wire costs.

mod engine;
mod measured;
mod suite;

use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::Value;

use self::{
    engine::{Engine, Python},
    measured::Measured,
    suite::Question,
};
use super::{
    asking::{Asking, Times, fill},
    figures::{mib, seconds, thousands},
    load::{self, LoadOptions},
    process,
    section::{Page, Section},
    server::Server,
    setup::Setup,
    table::Table,
};
use crate::http::{self, Connection};

const SECTION: Section = Section { bench: "sql", title: "Questions in SQL" };
/// Each question is asked at most so often of each engine.
const ROUNDS: usize = 30;

/// How much is asked, and of whom.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    asking: Asking,
    /// Asks Timberline alone.
    #[arg(long)]
    alone: bool,
    #[command(flatten)]
    page: Page,
}

/// Runs the benchmark and prints the report.
pub(super) fn run(root: &Path, options: &Options) -> Result<()> {
    let setup = Setup::new(root, &["timberline".to_owned()])?;
    let load = LoadOptions::until_now(options.asking.hosts, options.asking.samples)?;
    let server = fill(root, &setup, &load)?.pop().context("no server")?;
    let mut engines = if options.alone { Vec::new() } else { engines(&setup, &server)? };
    let mut table = head(&setup, &server, &engines);
    for question in suite::questions(load.end_ms as u64 / 1_000) {
        if !options.asking.wants(question.name) {
            continue;
        }
        let (rows, runs) = ask_all(&server, &mut engines, &question)?;
        let name = format!("{} ({})", question.name, thousands(rows));
        let cells: Vec<String> = runs.iter().map(Measured::cell).collect();
        eprintln!("{name}: {}", cells.join(" | "));
        table.row(&name, cells);
    }
    drop(engines);
    server.stop()?;
    let report = format!(
        "{} hosts with 10 metrics, {} samples of each series at {} s: {} samples, on disk and merged. \
         Timberline has a table for each metric and is asked over HTTP; DuckDB and ClickHouse have one table, \
         a column for each metric, ordered by host and time, and run in the process that asks. Each cell: p50 \
         and p99 in ms of up to {ROUNDS} answers, then ms of processor time for each; in brackets the rows of \
         Timberline's answer. All answers agree.\n\n{table}\n\n{setup}",
        thousands(load.hosts as u64),
        thousands(load.samples as u64),
        load::STEP_SECONDS,
        thousands(load.total()),
    );
    options.page.publish(root, SECTION, &report)
}

/// Gives the other engines what the server has.
fn engines(setup: &Setup, server: &Server) -> Result<Vec<Engine>> {
    let python = Python::find(setup.dir())?;
    let file = setup.dir().join("cpu.parquet");
    python.prepare(server.port(), &file)?;
    let start = |which: &&str| Engine::start(&python, which, &file, &setup.dir().join(which));
    ["duckdb", "clickhouse"].iter().map(start).collect()
}

fn head(setup: &Setup, server: &Server, engines: &[Engine]) -> Table {
    let names = engines.iter().map(|engine| engine.name.as_str());
    let mut table = Table::new([setup.version(0)].into_iter().chain(names));
    let bytes = process::disk_bytes(&server.dir().join("blocks")).1;
    let all = [bytes].into_iter().chain(engines.iter().map(|engine| engine.bytes));
    table.row("MiB on disk", all.map(mib));
    let loaded = engines.iter().map(|engine| seconds(engine.loaded));
    table.row("s to load the table from Parquet", ["".to_owned()].into_iter().chain(loaded));
    table
}

/// Asks all of them in turn, and holds their answers against each other.
fn ask_all(
    server: &Server,
    engines: &mut [Engine],
    question: &Question,
) -> Result<(u64, Vec<Measured>)> {
    let (rows, ours) = ask(server, &question.timberline).context(question.timberline.clone())?;
    let mut runs = vec![ours];
    for (engine, sql) in engines.iter_mut().zip([&question.duckdb, &question.clickhouse]) {
        let theirs = engine.ask(sql)?;
        if !runs[0].agrees(&theirs) {
            let (ours, theirs) = (&runs[0].numbers, &theirs.numbers);
            let differ = ours.iter().zip(theirs).find(|(a, b)| (*a - *b).abs() > 1e-9 * a.abs());
            bail!(
                "{}: Timberline has {} numbers, {} has {}; the first that differ: {differ:?}",
                question.name,
                ours.len(),
                engine.name,
                theirs.len()
            );
        }
        runs.push(theirs);
    }
    Ok((rows, runs))
}

/// Asks the server some times, in Arrow, and once in JSON for the numbers.
fn ask(server: &Server, sql: &str) -> Result<(u64, Measured)> {
    let mut connection = Connection::open(server.port())?;
    let mut send = |accept: &str| -> Result<Vec<u8>> {
        let head = http::sql_head(accept, sql.len());
        let answer = connection.send(&head, sql.as_bytes())?;
        if answer.status != 200 {
            bail!("answer {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
        }
        Ok(answer.body)
    };
    let (mut rows, mut numbers) = (0, Vec::new());
    for line in String::from_utf8(send("application/x-ndjson")?)?.lines() {
        let row: Value = serde_json::from_str(line)?;
        let columns = row.as_object().context("a row is not an object")?.values();
        numbers.extend(columns.filter_map(Value::as_f64));
        rows += 1;
    }
    let arrow = "application/vnd.apache.arrow.stream";
    send(arrow)?;
    let times = Times::of(server, ROUNDS, || send(arrow).map(drop))?;
    Ok((rows, Measured::new(times, numbers)))
}
