//! Prometheus remote write into each server.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::{
    count, http,
    load::{self, Body, LoadOptions, STEP_SECONDS},
    machine::Machine,
    peers::{self, Peer},
    process::{self, Memory},
    report::{self, Report},
    sender,
    server::Server,
};

const WRITE_PATH: &str = "/api/v1/write";

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
    /// Servers to run, separated by commas.
    #[arg(long, value_delimiter = ',', default_values_t = peers::ALL.map(|peer| peer.name.to_owned()))]
    only: Vec<String>,
    /// Puts the report into this file, in the place of the last one.
    #[arg(long)]
    write: Option<PathBuf>,
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
    let peers = chosen(&options.only)?;
    let mut versions = Vec::new();
    for peer in &peers {
        let version = (peer.version)(root);
        versions.push(version.with_context(|| format!("{} (see scripts/setup)", peer.name))?);
    }
    // Next to the build, not in a directory for temporary files, which may be in memory.
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
    std::fs::create_dir_all(&target)?;
    let dir = tempfile::Builder::new().prefix("bench-").tempdir_in(&target)?;
    let machine = Machine::look(dir.path())?;

    let load = load_options(options)?;
    eprintln!("building {} samples", load.total());
    let bodies = load::build(&load)?;
    let mut runs: Vec<Vec<Measured>> = peers.iter().map(|_| Vec::new()).collect();
    for round in 0..options.rounds.max(1) {
        for (peer, runs) in peers.iter().zip(&mut runs) {
            let own = dir.path().join(format!("{}-{round}", peer.name));
            let measured = measure(root, peer, &own, &load, &bodies);
            let measured = measured.with_context(|| peer.name.to_owned())?;
            eprintln!("{} {round}: {}", peer.name, report::in_short(&measured, load.total()));
            runs.push(measured);
            std::fs::remove_dir_all(&own)?;
        }
    }
    let wire_bytes = bodies.iter().flatten().map(|body| body.bytes.len() as u64).sum();
    let medians = runs.into_iter().map(median).collect::<Result<Vec<_>>>()?;
    let report = Report { machine, load, wire_bytes, peers, versions, runs: medians };
    println!("{report}");
    match &options.write {
        Some(path) => report::write(&root.join(path), &report),
        None => Ok(()),
    }
}

fn chosen(names: &[String]) -> Result<Vec<Peer>> {
    let find = |name: &String| {
        let found = peers::ALL.into_iter().find(|peer| peer.name == name);
        let all = peers::ALL.map(|peer| peer.name).join(", ");
        found.with_context(|| format!("there is no server `{name}`; there are: {all}"))
    };
    names.iter().map(find).collect()
}

fn load_options(options: &Options) -> Result<LoadOptions> {
    let sizes = [options.hosts, options.metrics, options.samples, options.request_samples];
    if sizes.contains(&0) {
        bail!("hosts, metrics, samples and samples of a request must be at least one");
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
    let end_seconds = now.as_secs() / STEP_SECONDS * STEP_SECONDS;
    Ok(LoadOptions {
        hosts: options.hosts,
        metrics: options.metrics,
        samples: options.samples,
        connections: options.connections.clamp(1, options.hosts),
        request_samples: options.request_samples,
        seed: options.seed,
        end_ms: i64::try_from(end_seconds * 1000).context("the clock is too far ahead")?,
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
    let sent = sender::send(server.port(), WRITE_PATH, bodies)?;
    let cpu = process::cpu_time(server.pid())?.saturating_sub(before);
    let cpu_client = process::cpu_time(client)?.saturating_sub(client_before);
    let loaded = process::disk_bytes(server.dir());
    server.settle()?;
    let cpu_settled = process::cpu_time(server.pid())?.saturating_sub(before);
    let memory = process::memory(server.pid())?;
    if let Some(path) = peer.flush_path {
        let answer = http::post_empty(server.port(), path)?;
        if !(200..300).contains(&answer.status) {
            bail!("{path}: answer {}", answer.status);
        }
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
