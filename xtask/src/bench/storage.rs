//! What a sample costs on disk when a server has done all it can: recorded data and generated data.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::Value;

use super::{
    figures::{mib, seconds, thousands},
    load::{self, Body, LoadOptions},
    peers::{Pack, Peer},
    process, recorded,
    section::{Page, Section},
    sender,
    server::Server,
    setup::Setup,
};
use crate::http;

const SECTION: Section = Section { bench: "storage", title: "Bytes on disk" };

/// Which data, and where to.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// A recording made by `cargo xtask record`; without one only generated data is measured.
    #[arg(long)]
    recorded: Option<PathBuf>,
    /// Seconds from step to step when the recording is replayed.
    #[arg(long, default_value_t = 15)]
    step_seconds: u32,
    /// Hosts of the generated data, ten metrics each; 0 leaves it out.
    #[arg(long, default_value_t = 1000)]
    hosts: usize,
    /// Samples of each generated series, ten seconds apart.
    #[arg(long, default_value_t = 2160)]
    samples: usize,
    /// Servers to run, separated by commas; all if none is named.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    #[command(flatten)]
    page: Page,
}

/// What is sent, and how it is counted afterwards.
struct Data {
    name: String,
    bodies: Vec<Vec<Body>>,
    samples: u64,
    not_numbers: u64,
    series: usize,
    span_ms: (i64, i64),
    /// A matcher that picks every series.
    selector: &'static str,
}

/// What one server made of it.
#[derive(Debug)]
struct Packed {
    bytes: u64,
    cpu: Duration,
    memory: process::Memory,
}

/// Runs the benchmark and prints the report.
pub(super) fn run(root: &Path, options: &Options) -> Result<()> {
    let setup = Setup::new(root, &options.only)?;
    let mut report = String::new();
    for which in [recorded_data, generated_data] {
        let Some(data) = which(options)? else { continue };
        let mut table = setup.table();
        let mut packed = Vec::new();
        for peer in &setup.peers {
            let dir = setup.dir().join(peer.name);
            let measured = measure(root, peer, &dir, &data);
            let measured = measured.with_context(|| peer.name.to_owned())?;
            eprintln!("{}: {}: {measured:?}", data.name, peer.name);
            packed.push(measured);
            std::fs::remove_dir_all(&dir)?;
        }
        let samples = data.samples as f64;
        let each = |cell: fn(&Packed, f64) -> String| {
            packed.iter().map(|it| cell(it, samples)).collect::<Vec<_>>()
        };
        table.row(
            "bytes per sample, all files",
            each(|it, n| format!("{:.3}", it.bytes as f64 / n)),
        );
        table.row("MiB, all files", each(|it, _| mib(it.bytes)));
        table.row("CPU s, load and packing", each(|it, _| seconds(it.cpu)));
        table.row("RSS MiB at rest; at its peak", {
            each(|it, _| format!("{}; {}", mib(it.memory.resident), mib(it.memory.peak)))
        });
        let shown = (thousands(data.samples), thousands(data.series as u64));
        let hours = (data.span_ms.1 - data.span_ms.0) as f64 / 3_600_000.0;
        report.push_str(&format!(
            "{}: {} samples of {} series over {hours:.1} h.\n\n{table}\n\n",
            data.name, shown.0, shown.1
        ));
    }
    report.push_str(&setup.to_string());
    report.push_str(
        "\n- Every server was asked afterwards for the count of all samples, and had them all \
         (VictoriaMetrics without those that are NaN). Prometheus is measured by a snapshot, which has all of its data as blocks.",
    );
    options.page.publish(root, SECTION, &report)
}

fn recorded_data(options: &Options) -> Result<Option<Data>> {
    let Some(dir) = &options.recorded else { return Ok(None) };
    let step_ms = i64::from(options.step_seconds) * 1000;
    let recorded = recorded::build(dir, step_ms, 10_000)?;
    Ok(Some(Data {
        name: format!(
            "Recorded from real exporters at 1 s, replayed at {} s",
            options.step_seconds
        ),
        bodies: recorded.bodies,
        samples: recorded.samples,
        not_numbers: recorded.not_numbers,
        series: recorded.series,
        span_ms: recorded.span_ms,
        selector: "job=~\".+\"",
    }))
}

fn generated_data(options: &Options) -> Result<Option<Data>> {
    if options.hosts == 0 || options.samples == 0 {
        return Ok(None);
    }
    let load = LoadOptions {
        hosts: options.hosts,
        metrics: 10,
        samples: options.samples,
        connections: 4,
        request_samples: 10_000,
        seed: 1,
        churn: None,
        services: false,
        end_ms: load::now_ms()?,
    };
    let span = load.samples as i64 * load::STEP_SECONDS as i64 * 1000;
    Ok(Some(Data {
        name: "Generated, as the devops set of TSBS: half integer walks, half of two decimals"
            .into(),
        bodies: load::build(&load)?,
        samples: load.total(),
        not_numbers: 0,
        series: load.hosts * load.metrics,
        span_ms: (load.end_ms - span, load.end_ms),
        selector: "hostname=~\".+\"",
    }))
}

fn measure(root: &Path, peer: &Peer, dir: &Path, data: &Data) -> Result<Packed> {
    let server = Server::start(root, peer, dir)?;
    sender::send(server.port(), sender::WRITE_PATH, &data.bodies)?;
    if let Some(path) = peer.flush_path {
        server.post(path)?;
    }
    server.settle()?;
    let (Pack::Merge(path) | Pack::Snapshot(path, _)) = peer.pack;
    match peer.pack {
        // It is asked for by GET, and answers when it has begun.
        Pack::Merge(path) if peer.name == "victoria-metrics" => {
            http::get(server.port(), path)?;
        }
        _ => server.post(path)?,
    }
    server.settle()?;
    let cpu = process::cpu_time(server.pid())?;
    let memory = process::memory(server.pid())?;
    let found = count(server.port(), data)?;
    // NaN is no value to VictoriaMetrics, neither when it stores nor when it counts.
    if found != data.samples && found != data.samples - data.not_numbers {
        bail!("{found} samples instead of {}", data.samples);
    }
    let own = server.dir().to_owned();
    server.stop()?;
    let bytes = match peer.pack {
        Pack::Merge(_) => process::disk_bytes(&own).1,
        Pack::Snapshot(_, snapshots) => process::disk_bytes(&own.join(snapshots)).1,
    };
    Ok(Packed { bytes, cpu, memory })
}

/// How many samples a server has, metric by metric: a count of several would mix equal label sets.
fn count(port: u16, data: &Data) -> Result<u64> {
    const MARGIN_MS: i64 = 60_000;
    let names = ask(port, "/api/v1/label/__name__/values")?;
    let names = names["data"].as_array().context("no names")?;
    let time = (data.span_ms.1 + MARGIN_MS) as f64 / 1000.0;
    let span = (data.span_ms.1 - data.span_ms.0 + 2 * MARGIN_MS) / 1000;
    let mut total = 0;
    for name in names.iter().filter_map(Value::as_str) {
        let query = format!("sum(count_over_time({name}{{{}}}[{span}s]))", data.selector);
        let path = format!("/api/v1/query?query={}&time={time}", http::escaped(&query));
        let answer = ask(port, &path).with_context(|| query.clone())?;
        let result = answer["data"]["result"].as_array().context("no result")?;
        if let Some(series) = result.first() {
            total += series["value"][1].as_str().context("no value")?.parse::<f64>()? as u64;
        }
    }
    Ok(total)
}

fn ask(port: u16, path: &str) -> Result<Value> {
    let answer = http::get(port, path)?;
    let text = String::from_utf8_lossy(&answer.body);
    if answer.status != 200 {
        bail!("answer {}: {text}", answer.status);
    }
    Ok(serde_json::from_str(&text)?)
}
