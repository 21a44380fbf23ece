//! Prometheus remote write into each server.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::{
    count,
    load::{self, Body, LoadOptions},
    peers::Peer,
    process::{self, Memory},
    report::{self, Report},
    section::{Page, Section},
    sender,
    server::Server,
    setup::Setup,
};

const SECTION: Section = Section { bench: "ingest", title: "Ingest, Prometheus remote write 1.0" };

/// What to write, and where to.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Hosts that report.
    #[arg(long, default_value_t = 1000)]
    hosts: usize,
    /// Metrics of each host.
    #[arg(long, default_value_t = 10)]
    metrics: usize,
    /// Samples of each series, ten seconds apart, the last of them now.
    #[arg(long, default_value_t = 360)]
    samples: usize,
    /// Samples in one request.
    #[arg(long, default_value_t = 10_000)]
    request_samples: usize,
    /// Connections that send at once. All samples of a series go through one of them.
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Decides all labels and values.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Runs of each server, in turn; the report shows each server's median run.
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// Servers to run, separated by commas; all if none is named.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    #[command(flatten)]
    page: Page,
}

/// What one run of one server measured.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    pub(super) wall: Duration,
    pub(super) latency_p50: Duration,
    pub(super) latency_p99: Duration,
    /// Processor time of the server until the last answer, until it was at rest again, and until it
    /// had written out all that it held back.
    pub(super) cpu: Duration,
    pub(super) cpu_settled: Duration,
    pub(super) cpu_flushed: Duration,
    /// Processor time of the client.
    pub(super) cpu_client: Duration,
    /// When at rest again, with the peak of the whole run.
    pub(super) memory: Memory,
    /// Bytes on disk and lengths of files: at the last answer, after the flush, after the stop.
    pub(super) disk: [(u64, u64); 3],
    pub(super) command: String,
}

/// Runs the benchmark and prints the report.
pub(super) fn run(root: &Path, options: &Options) -> Result<()> {
    let bench = Setup::new(root, &options.only)?;
    let load = load_options(options)?;
    eprintln!("building {} samples", load.total());
    let bodies = load::build(&load)?;
    let mut runs: Vec<Vec<Measured>> = bench.peers.iter().map(|_| Vec::new()).collect();
    for round in 0..options.rounds.max(1) {
        for (peer, runs) in bench.peers.iter().zip(&mut runs) {
            let own = bench.dir().join(format!("{}-{round}", peer.name));
            let measured = measure(root, peer, &own, &load, &bodies);
            let measured = measured.with_context(|| peer.name.to_owned())?;
            eprintln!("{} {round}: {}", peer.name, report::in_short(&measured, load.total()));
            runs.push(measured);
            std::fs::remove_dir_all(&own)?;
        }
    }
    let wire_bytes = bodies.iter().flatten().map(|body| body.bytes.len() as u64).sum();
    let medians = runs.into_iter().map(median).collect::<Result<Vec<_>>>()?;
    let report = Report { setup: &bench, load, wire_bytes, runs: medians };
    options.page.publish(root, SECTION, &report)
}

fn load_options(options: &Options) -> Result<LoadOptions> {
    let sizes = [options.hosts, options.metrics, options.samples, options.request_samples];
    if sizes.contains(&0) {
        bail!("hosts, metrics, samples and samples of a request must be at least one");
    }
    Ok(LoadOptions {
        hosts: options.hosts,
        metrics: options.metrics,
        samples: options.samples,
        connections: options.connections.clamp(1, options.hosts),
        request_samples: options.request_samples,
        seed: options.seed,
        churn: None,
        services: false,
        end_ms: load::now_ms()?,
    })
}

fn measure(
    root: &Path,
    peer: &Peer,
    dir: &Path,
    load: &LoadOptions,
    bodies: &[Vec<Body>],
) -> Result<Measured> {
    let server = Server::start(root, peer, dir)?;
    let command = server.command();
    server.settle()?;
    let client = std::process::id();
    let (before, client_before) = (process::cpu_time(server.pid())?, process::cpu_time(client)?);
    let sent = sender::send(server.port(), sender::WRITE_PATH, bodies)?;
    let cpu = process::cpu_time(server.pid())?.saturating_sub(before);
    let cpu_client = process::cpu_time(client)?.saturating_sub(client_before);
    let loaded = process::disk_bytes(server.dir());
    server.settle()?;
    let cpu_settled = process::cpu_time(server.pid())?.saturating_sub(before);
    let memory = process::memory(server.pid())?;
    if let Some(path) = peer.flush_path {
        server.post(path)?;
        server.settle()?;
    }
    let cpu_flushed = process::cpu_time(server.pid())?.saturating_sub(before);
    let flushed = process::disk_bytes(server.dir());
    count::check(server.port(), load)?;
    let data = server.dir().to_owned();
    server.stop()?;
    Ok(Measured {
        wall: sent.wall,
        latency_p50: sent.latency(50),
        latency_p99: sent.latency(99),
        cpu,
        cpu_settled,
        cpu_flushed,
        cpu_client,
        memory,
        disk: [loaded, flushed, process::disk_bytes(&data)],
        command,
    })
}

/// The run in the middle, by the server's processor time.
fn median(mut runs: Vec<Measured>) -> Result<Measured> {
    runs.sort_by_key(|run| run.cpu);
    let middle = runs.len() / 2;
    runs.into_iter().nth(middle).context("no run to report")
}
