//! Many series: what they cost in memory, at a query of all of them, and at a restart after a kill.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::{
    figures::{mib, seconds, thousands},
    load::{self, Body, Churn, FIRST_METRIC, LoadOptions},
    peers::Peer,
    process::{self, Memory},
    section::{Page, Section},
    sender,
    server::Server,
    setup::Setup,
};
use crate::http;

/// How many series, and which of them are replaced.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Hosts that report.
    #[arg(long, default_value_t = 100_000)]
    hosts: usize,
    /// Metrics of each host.
    #[arg(long, default_value_t = 10)]
    metrics: usize,
    /// Samples of each series, ten seconds apart, the last of them now.
    #[arg(long, default_value_t = 3)]
    samples: usize,
    /// Replaces every so many-th host by another one; 0 replaces none.
    #[arg(long, default_value_t = 0)]
    churn_every: usize,
    /// How many steps a host stays, where hosts are replaced.
    #[arg(long, default_value_t = 1)]
    churn_lifetime: usize,
    /// Asks for the count of all series.
    #[arg(long)]
    count: bool,
    /// Kills the server and starts it again.
    #[arg(long)]
    restart: bool,
    /// Servers to run, separated by commas; all if none is named.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// The section of the report's page that is written, for instance `memory`.
    #[arg(long, default_value = "memory")]
    section: String,
    #[command(flatten)]
    page: Page,
}

const SECTIONS: [Section; 3] = [
    Section { bench: "series --section memory", title: "Many series" },
    Section { bench: "series --section churn", title: "Series that come and go" },
    Section { bench: "series --section restart", title: "Restart after a kill" },
];

/// What one server needed.
#[derive(Debug, Default)]
struct Measured {
    wall: Duration,
    cpu: Duration,
    /// At the last answer, and when at rest.
    loaded: Memory,
    rest: Memory,
    /// Wall and processor time of the count, and memory after it.
    count: Option<(Duration, Duration, Memory)>,
    /// From the start of the process to being ready and to the first answer.
    restart: Option<(Duration, Duration)>,
}

/// Runs the benchmark and prints the report.
pub(super) fn run(root: &Path, options: &Options) -> Result<()> {
    let section = SECTIONS.iter().find(|it| it.bench.ends_with(&options.section));
    let section = section.context("sections are memory, churn, restart")?;
    let setup = Setup::new(root, &options.only)?;
    let load = load_options(options)?;
    eprintln!("building {} samples", load.total());
    let bodies = load::build(&load)?;
    let mut runs = Vec::new();
    for peer in &setup.peers {
        let dir = setup.dir().join(peer.name);
        let measured = measure(root, peer, &dir, &load, options, &bodies);
        let measured = measured.with_context(|| peer.name.to_owned())?;
        eprintln!("{}: {measured:?}", peer.name);
        runs.push(measured);
        std::fs::remove_dir_all(&dir)?;
    }
    let report = report(&setup, options, &load, &runs);
    options.page.publish(root, *section, &report)
}

fn load_options(options: &Options) -> Result<LoadOptions> {
    if [options.hosts, options.metrics, options.samples, options.churn_lifetime].contains(&0) {
        bail!("hosts, metrics, samples and lifetimes must be at least one");
    }
    let churn = Churn { every: options.churn_every, lifetime: options.churn_lifetime };
    Ok(LoadOptions {
        hosts: options.hosts,
        metrics: options.metrics,
        samples: options.samples,
        connections: 4.min(options.hosts),
        request_samples: 10_000,
        seed: 1,
        churn: (churn.every > 0).then_some(churn),
        services: false,
        end_ms: load::now_ms()?,
    })
}

fn measure(
    root: &Path,
    peer: &Peer,
    dir: &Path,
    load: &LoadOptions,
    options: &Options,
    bodies: &[Vec<Body>],
) -> Result<Measured> {
    let server = Server::start(root, peer, dir)?;
    let before = process::cpu_time(server.pid())?;
    let sent = sender::send(server.port(), sender::WRITE_PATH, bodies)?;
    let mut measured = Measured {
        wall: sent.wall,
        cpu: process::cpu_time(server.pid())?.saturating_sub(before),
        loaded: process::memory(server.pid())?,
        ..Measured::default()
    };
    server.settle()?;
    measured.rest = process::memory(server.pid())?;
    if options.count {
        let (began, cpu) = (Instant::now(), process::cpu_time(server.pid())?);
        ask(server.port(), "count({__name__=~\".+\"})", load)?;
        let cpu = process::cpu_time(server.pid())?.saturating_sub(cpu);
        measured.count = Some((began.elapsed(), cpu, process::memory(server.pid())?));
    }
    if options.restart {
        server.kill()?;
        let began = Instant::now();
        let server = Server::start(root, peer, dir)?;
        let ready = began.elapsed();
        let query = format!("{FIRST_METRIC}{{hostname=\"host_0\"}}");
        ask(server.port(), &query, load)?;
        measured.restart = Some((ready, began.elapsed()));
        server.kill()?;
    }
    Ok(measured)
}

fn ask(port: u16, query: &str, load: &LoadOptions) -> Result<()> {
    let time = load.end_ms as f64 / 1000.0;
    let path = format!("/api/v1/query?query={}&time={time}", http::escaped(query));
    let answer = http::get(port, &path)?;
    let text = String::from_utf8_lossy(&answer.body);
    if answer.status != 200 || !text.contains("\"value\"") {
        // One that acknowledges before anything is on disk may have lost it.
        eprintln!("{query}: answer {}: {}", answer.status, text.trim());
    }
    Ok(())
}

fn report(setup: &Setup, options: &Options, load: &LoadOptions, runs: &[Measured]) -> String {
    let total = load.total();
    let mut table = setup.table();
    let mut row = |name: &str, cell: &dyn Fn(&Measured) -> String| {
        table.row(name, runs.iter().map(cell));
    };
    let millions = total as f64 / 1e6;
    row("CPU s per million samples", &|it| format!("{:.2}", it.cpu.as_secs_f64() / millions));
    row("wall s", &|it| seconds(it.wall));
    row("RSS MiB after the load; at rest; at its peak", &|it| {
        [it.loaded.resident, it.rest.resident, it.rest.peak].map(mib).join("; ")
    });
    if options.count {
        let of = |it: &Measured| it.count.unwrap_or_default();
        row("count of all series: wall s; CPU s", &|it| {
            [of(it).0, of(it).1].map(seconds).join("; ")
        });
        row("RSS MiB after it", &|it| mib(of(it).2.resident));
    }
    if options.restart {
        row("kill -9: s to ready; to the first answer", &|it| {
            let (ready, answer) = it.restart.unwrap_or_default();
            [ready, answer].map(seconds).join("; ")
        });
    }
    let replaced = match load.churn {
        Some(churn) => format!(
            " Every {}. host is replaced by another one after {} steps.",
            churn.every, churn.lifetime
        ),
        None => String::new(),
    };
    let series = thousands((load.hosts * load.metrics) as u64);
    format!(
        "{series} series at a time, {} samples each: {} samples.{replaced}\n\n{table}\n\n{setup}",
        load.samples,
        thousands(total)
    )
}
