//! Queries of PromQL over HTTP, on data that is on disk and merged, each asked of all servers in turn.

mod answer;
mod suite;

use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::Args;

use self::{
    answer::Answer,
    suite::{Ask, Question},
};
use super::{
    asking::{Asking, Times, fill},
    figures::thousands,
    load::{self, LoadOptions},
    peers::Peer,
    section::{Page, Section},
    server::Server,
    setup::Setup,
};
use crate::http::{self, Connection, Response};

const SECTIONS: [Section; 3] = [
    Section { bench: "query --section hours", title: "Queries over hours" },
    Section { bench: "query --section days", title: "Queries over days" },
    Section { bench: "query --section series", title: "Queries of a million series" },
];
/// Each question is asked at most so often of each server.
const ROUNDS: usize = 40;
/// Seconds between the newest sample and the end of all queries: no window begins or ends at a sample,
/// so that it does not matter whether that belongs to the window.
const BESIDE: u64 = 5;

/// How much is asked, and of whom.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    asking: Asking,
    /// Servers to run, separated by commas; all if none is named.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// The section of the report's page that is written: `hours`, `days` or `series`.
    #[arg(long, default_value = "hours")]
    section: String,
    #[command(flatten)]
    page: Page,
}

/// What one question took one server.
#[derive(Debug)]
struct Measured {
    times: Times,
    answer: Answer,
}

/// Runs the benchmark and prints the report.
pub(super) fn run(root: &Path, options: &Options) -> Result<()> {
    let section = SECTIONS.iter().find(|it| it.bench.ends_with(&options.section));
    let section = section.context("sections are hours, days, series")?;
    let setup = Setup::new(root, &options.only)?;
    let load = LoadOptions {
        services: true,
        ..LoadOptions::until_now(options.asking.hosts, options.asking.samples)?
    };
    let servers = fill(root, &setup, &load)?;
    let span = load.samples as u64 * load::STEP_SECONDS;
    let mut questions = suite::questions(span);
    questions.retain(|question| options.asking.wants(question.name));
    let mut table = setup.table();
    for question in &questions {
        let target = target(&question.ask, &load);
        let mut runs = Vec::new();
        for (peer, server) in setup.peers.iter().zip(&servers) {
            let run = measure(server, &target)
                .with_context(|| format!("{}, {}: {target}", peer.name, question.name))?;
            runs.push(run);
        }
        check(question, &setup.peers, &runs)?;
        let name = format!("{} ({})", question.name, runs[0].answer.len());
        let cells: Vec<String> = runs.iter().map(|run| cell(run, question, &runs[0])).collect();
        eprintln!("{name}: {}", cells.join(" | "));
        table.row(&name, cells);
    }
    for server in servers {
        server.stop()?;
    }
    let report = format!(
        "{} hosts, {} samples of each series at {} s: {} samples, on disk and merged where the server \
         merges on request. Each cell: p50 and p99 in ms of up to {ROUNDS} answers, then ms of \
         processor time for each; in brackets how many series or values the answer has. All answers of \
         Timberline and Prometheus agree; `!` marks one of another server that differs.\n\n{table}\n\n{setup}",
        thousands(load.hosts as u64),
        thousands(load.samples as u64),
        load::STEP_SECONDS,
        thousands(load.total()),
    );
    options.page.publish(root, *section, &report)
}

/// A question as the path of a request.
fn target(ask: &Ask, load: &LoadOptions) -> String {
    let end = load.end_ms as u64 / 1_000 + BESIDE;
    // VictoriaMetrics would answer the second time from what it kept of the first.
    let plain = "nocache=1";
    match ask {
        Ask::Range { promql, window, step } => {
            let start = end - window + step;
            let promql = http::escaped(promql);
            format!(
                "/api/v1/query_range?query={promql}&start={start}&end={end}&step={step}&{plain}"
            )
        }
        Ask::Instant(promql) => {
            format!("/api/v1/query?query={}&time={end}&{plain}", http::escaped(promql))
        }
        Ask::Values { label, matching } => {
            let start = end - load.samples as u64 * load::STEP_SECONDS;
            let matching = matching.map(|it| format!("&match[]={}", http::escaped(it)));
            let matching = matching.unwrap_or_default();
            format!("/api/v1/label/{label}/values?start={start}&end={end}{matching}")
        }
    }
}

fn measure(server: &Server, target: &str) -> Result<Measured> {
    let mut connection = Connection::open(server.port())?;
    let head = http::get_head(target);
    let mut ask = || -> Result<Response> {
        let answer = connection.send(&head, &[])?;
        if answer.status != 200 {
            bail!("answer {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
        }
        Ok(answer)
    };
    let answer = Answer::read(&ask()?.body)?;
    let times = Times::of(server, ROUNDS, || ask().map(drop))?;
    Ok(Measured { times, answer })
}

/// Fails where Timberline and Prometheus differ.
fn check(question: &Question, peers: &[Peer], runs: &[Measured]) -> Result<()> {
    let of = |name| peers.iter().position(|peer| peer.name == name).map(|index| &runs[index]);
    if let (Some(ours), Some(theirs)) = (of("timberline"), of("prometheus"))
        && !ours.answer.agrees(&theirs.answer)
    {
        bail!("{}: Timberline and Prometheus do not agree", question.name);
    }
    Ok(())
}

fn cell(run: &Measured, question: &Question, first: &Measured) -> String {
    let agrees = run.answer.agrees(&first.answer);
    let mark = if agrees || !question.is_common { "" } else { " !" };
    format!("{}{mark}", run.times)
}
