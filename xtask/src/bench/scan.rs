//! Reading whole series out of a server over HTTP, all of their samples.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::{
    figures::{mib, per_second, seconds, thousands},
    load::{self, Body, LoadOptions},
    peers::{Export, Peer},
    process,
    remote_write::{LENGTH_DELIMITED, put_bytes, put_varint},
    section::{Page, Section},
    sender,
    server::Server,
    setup::Setup,
};
use crate::http::{self, Connection};

const SECTION: Section = Section { bench: "scan", title: "Reading whole series out" };
const ROUNDS: usize = 5;

/// How much is read.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Hosts, ten metrics each.
    #[arg(long, default_value_t = 100)]
    hosts: usize,
    /// Samples of each series, ten seconds apart, the last of them now.
    #[arg(long, default_value_t = 10_000)]
    samples: usize,
    /// Servers to run, separated by commas; all if none is named.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    #[command(flatten)]
    page: Page,
}

/// The fastest of some rounds.
#[derive(Debug)]
struct Measured {
    wall: Duration,
    cpu: Duration,
    bytes: u64,
}

/// Runs the benchmark and prints the report.
pub(super) fn run(root: &Path, options: &Options) -> Result<()> {
    let setup = Setup::new(root, &options.only)?;
    let load = LoadOptions {
        hosts: options.hosts.max(1),
        metrics: 10,
        samples: options.samples.max(1),
        connections: 4.min(options.hosts),
        request_samples: 10_000,
        seed: 1,
        churn: None,
        services: false,
        end_ms: load::now_ms()?,
    };
    let bodies = load::build(&load)?;
    let mut runs = Vec::new();
    for peer in &setup.peers {
        let dir = setup.dir().join(peer.name);
        let measured = measure(root, peer, &dir, &load, &bodies);
        let measured = measured.with_context(|| peer.name.to_owned())?;
        eprintln!("{}: {measured:?}", peer.name);
        runs.push(measured);
        std::fs::remove_dir_all(&dir)?;
    }
    let mut table = setup.table();
    let total = load.total();
    let mut row = |name: &str, cell: &dyn Fn(&Measured) -> String| {
        table.row(name, runs.iter().map(cell));
    };
    row("samples per second", &|it| thousands(per_second(total, it.wall)));
    row("samples per CPU-second", &|it| thousands(per_second(total, it.cpu)));
    row("wall s", &|it| seconds(it.wall));
    row("MiB sent", &|it| mib(it.bytes));
    let report = format!(
        "{} samples of {} series, flushed and merged; the fastest of {ROUNDS} rounds. Timberline and \
         Prometheus: remote read, streamed chunks. VictoriaMetrics: `/api/v1/export`.\n\n{table}\n\n{setup}",
        thousands(total),
        thousands((load.hosts * load.metrics) as u64),
    );
    options.page.publish(root, SECTION, &report)
}

fn measure(
    root: &Path,
    peer: &Peer,
    dir: &Path,
    load: &LoadOptions,
    bodies: &[Vec<Body>],
) -> Result<Measured> {
    let server = Server::start(root, peer, dir)?;
    sender::send(server.port(), sender::WRITE_PATH, bodies)?;
    if let Some(path) = peer.flush_path {
        server.post(path)?;
    }
    server.settle()?;
    let mut best: Option<Measured> = None;
    for _ in 0..ROUNDS {
        let (began, cpu) = (Instant::now(), process::cpu_time(server.pid())?);
        let body = read(server.port(), peer.export, load)?;
        let wall = began.elapsed();
        let cpu = process::cpu_time(server.pid())?.saturating_sub(cpu);
        let found = match peer.export {
            Export::RemoteRead => samples_in_frames(&body)?,
            Export::JsonLines(_) => samples_in_lines(&body),
        };
        // Whole chunks may reach beyond the range that was asked for.
        if found < load.total() {
            bail!("{found} samples instead of {}", load.total());
        }
        let measured = Measured { wall, cpu, bytes: body.len() as u64 };
        if best.as_ref().is_none_or(|best| measured.wall < best.wall) {
            best = Some(measured);
        }
    }
    server.stop()?;
    best.context("no round")
}

fn read(port: u16, export: Export, load: &LoadOptions) -> Result<Vec<u8>> {
    let start = load.end_ms - (load.samples as i64) * (load::STEP_SECONDS as i64) * 1000;
    let answer = match export {
        Export::JsonLines(path) => {
            let selector = http::escaped("{hostname=~\".+\"}");
            let (from, to) = (start as f64 / 1e3, load.end_ms as f64 / 1e3);
            http::get(port, &format!("{path}?match[]={selector}&start={from}&end={to}"))?
        }
        Export::RemoteRead => {
            let request = read_request(start, load.end_ms);
            let body = snap::raw::Encoder::new().compress_vec(&request)?;
            let head = http::post_head("/api/v1/read", body.len());
            Connection::open(port)?.send(&head, &body)?
        }
    };
    if answer.status != 200 {
        bail!("answer {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
    }
    Ok(answer.body)
}

/// A request of remote read for every series with a host, in streamed chunks.
fn read_request(start_ms: i64, end_ms: i64) -> Vec<u8> {
    const REGULAR_EXPRESSION: u8 = 2;
    const STREAMED_CHUNKS: u8 = 1;
    let mut matcher = vec![1 << 3, REGULAR_EXPRESSION];
    put_bytes(&mut matcher, 2 << 3 | LENGTH_DELIMITED, b"hostname");
    put_bytes(&mut matcher, 3 << 3 | LENGTH_DELIMITED, b".+");
    let mut query = vec![1 << 3];
    put_varint(&mut query, start_ms.cast_unsigned());
    query.push(2 << 3);
    put_varint(&mut query, end_ms.cast_unsigned());
    put_bytes(&mut query, 3 << 3 | LENGTH_DELIMITED, &matcher);
    let mut request = Vec::new();
    put_bytes(&mut request, 1 << 3 | LENGTH_DELIMITED, &query);
    request.extend([2 << 3, STREAMED_CHUNKS]);
    request
}

/// Samples in lines of JSON: entries of each line's last list.
fn samples_in_lines(body: &[u8]) -> u64 {
    let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let commas = |line: &[u8]| {
        let list = line.iter().rposition(|byte| *byte == b'[').map_or(&line[..0], |at| &line[at..]);
        list.iter().filter(|byte| **byte == b',').count() as u64 + 1
    };
    lines.map(commas).sum()
}

/// Samples in frames of remote read: the counts with which chunks begin.
fn samples_in_frames(mut body: &[u8]) -> Result<u64> {
    const CHECKSUM_BYTES: usize = 4;
    let mut samples = 0;
    while !body.is_empty() {
        let len = usize::try_from(take_varint(&mut body)?)?;
        let rest = body.get(CHECKSUM_BYTES..).context("a frame without a checksum")?;
        let frame = rest.get(..len).context("a frame that is cut short")?;
        body = &rest[len..];
        for series in fields(frame, 1)? {
            for chunk in fields(series, 2)? {
                for data in fields(chunk, 4)? {
                    let count = data.first_chunk::<2>().context("an empty chunk")?;
                    samples += u64::from(u16::from_be_bytes(*count));
                }
            }
        }
    }
    Ok(samples)
}

/// The contents of all length-delimited fields of this number in a message.
fn fields(mut message: &[u8], number: u64) -> Result<Vec<&[u8]>> {
    let mut found = Vec::new();
    while !message.is_empty() {
        let key = take_varint(&mut message)?;
        let len = match key & 7 {
            0 => {
                take_varint(&mut message)?;
                continue;
            }
            1 => 8,
            2 => usize::try_from(take_varint(&mut message)?)?,
            5 => 4,
            wire_type => bail!("wire type {wire_type}"),
        };
        let content = message.get(..len).context("a message that is cut short")?;
        message = &message[len..];
        if key == number << 3 | 2 {
            found.push(content);
        }
    }
    Ok(found)
}

fn take_varint(bytes: &mut &[u8]) -> Result<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().context("a number that is cut short")?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    bail!("a number that does not end")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_lines_are_the_entries_of_the_last_list() {
        let lines =
            b"{\"values\":[1,2],\"timestamps\":[3,4]}\n{\"values\":[1],\"timestamps\":[3]}\n";
        assert_eq!(samples_in_lines(lines), 3);
    }

    #[test]
    fn samples_of_frames_are_those_of_the_chunks() {
        let mut chunk = Vec::new();
        put_bytes(&mut chunk, 4 << 3 | LENGTH_DELIMITED, &[0, 120, 9, 9]);
        let mut series = Vec::new();
        put_bytes(&mut series, 1 << 3 | LENGTH_DELIMITED, b"labels");
        put_bytes(&mut series, 2 << 3 | LENGTH_DELIMITED, &chunk);
        put_bytes(&mut series, 2 << 3 | LENGTH_DELIMITED, &chunk);
        let mut message = Vec::new();
        put_bytes(&mut message, 1 << 3 | LENGTH_DELIMITED, &series);
        let mut frame = vec![message.len() as u8, 0, 0, 0, 0];
        frame.extend(message);
        assert_eq!(samples_in_frames(&frame).unwrap(), 240);
        assert!(samples_in_frames(&frame[..frame.len() - 1]).is_err());
    }
}
