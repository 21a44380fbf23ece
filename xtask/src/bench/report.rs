//! The report: one table, and all it takes to repeat it.

use std::{fmt, fs, path::Path, time::Duration};

use anyhow::{Context, Result};

use super::{
    ingest::Measured,
    load::{LoadOptions, STEP_SECONDS},
    machine::Machine,
    peers::Peer,
    run::typed,
};

const BEGIN: &str = "<!-- ingest: written by `cargo xtask bench ingest --write` -->";
const END: &str = "<!-- end of ingest -->";

/// All that a benchmark found out.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) machine: Machine,
    pub(super) load: LoadOptions,
    /// Bytes of all request bodies.
    pub(super) wire_bytes: u64,
    pub(super) peers: Vec<Peer>,
    pub(super) versions: Vec<String>,
    pub(super) runs: Vec<Measured>,
}

type Row = (&'static str, fn(&Measured, u64) -> String);

/// What is said of each run, given its number of samples.
const ROWS: [Row; 14] = [
    ("samples per CPU-second", |run, n| thousands(per_second(n, run.cpu))),
    ("samples per CPU-second, until at rest", |run, n| thousands(per_second(n, run.cpu_settled))),
    ("samples per CPU-second, with the flush", |run, n| thousands(per_second(n, run.cpu_flushed))),
    ("samples per second", |run, n| thousands(per_second(n, run.wall))),
    ("wall s", |run, _| seconds(run.wall)),
    ("CPU s; until at rest; with the flush", |run, _| {
        [run.cpu, run.cpu_settled, run.cpu_flushed].map(seconds).join("; ")
    }),
    ("CPU s of the client", |run, _| seconds(run.cpu_client)),
    ("answer p50 ms", |run, _| ms(run.latency_p50)),
    ("answer p99 ms", |run, _| ms(run.latency_p99)),
    ("RSS MiB at rest", |run, _| mib(run.memory.resident)),
    ("RSS MiB at its peak", |run, _| mib(run.memory.peak)),
    ("disk MiB after the load (file lengths)", |run, _| disk(run.disk[0])),
    ("disk MiB after the flush", |run, _| disk(run.disk[1])),
    ("disk MiB after the stop", |run, _| disk(run.disk[2])),
];

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let load = &self.load;
        let total = load.total();
        writeln!(
            f,
            "{} hosts x {} metrics, {} samples each at {STEP_SECONDS} s: {} samples, one to a \
             `TimeSeries`, {} to a request, {} connections, {:.1} bytes a sample on the wire.\n",
            load.hosts,
            load.metrics,
            load.samples,
            thousands(total),
            thousands(load.request_samples as u64),
            load.connections,
            self.wire_bytes as f64 / total as f64,
        )?;
        write!(f, "| |")?;
        self.peers.iter().try_for_each(|peer| write!(f, " {} |", peer.name))?;
        writeln!(f, "\n| --- |{}", " ---: |".repeat(self.peers.len()))?;
        write!(f, "| version |")?;
        self.versions.iter().try_for_each(|version| write!(f, " {version} |"))?;
        write!(f, "\n| acknowledged means |")?;
        self.peers.iter().try_for_each(|peer| write!(f, " {} |", peer.durability))?;
        for (name, cell) in ROWS {
            write!(f, "\n| {name} |")?;
            self.runs.iter().try_for_each(|run| write!(f, " {} |", cell(run, total)))?;
        }
        writeln!(f, "\n\n- Command: `{}`", typed())?;
        writeln!(f, "- Machine: {}", self.machine)?;
        for run in &self.runs {
            writeln!(f, "- `{}`", run.command)?;
        }
        write!(
            f,
            "- Every server was asked afterwards for the count of samples of single series and of a \
             whole metric, and had them all."
        )
    }
}

/// One line while the benchmark runs.
pub(super) fn in_short(run: &Measured, total: u64) -> String {
    let cells: Vec<String> =
        ROWS.iter().map(|(name, cell)| format!("{name} {}", cell(run, total))).collect();
    cells.join("; ")
}

/// Puts the report into a page, in the place of the one before or at the end.
pub(super) fn write(path: &Path, report: &Report) -> Result<()> {
    let page = match fs::read_to_string(path) {
        Ok(page) => page,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "# Benchmarks\n".to_owned(),
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    let page = replaced(&page, &report.to_string());
    fs::write(path, page).with_context(|| path.display().to_string())
}

fn replaced(page: &str, report: &str) -> String {
    let section = format!("{BEGIN}\n\n{report}\n\n{END}");
    let found = page.split_once(BEGIN).and_then(|(before, rest)| {
        rest.split_once(END).map(|(_, after)| format!("{before}{section}{after}"))
    });
    found.unwrap_or_else(|| {
        format!("{}\n\n## Ingest, Prometheus remote write 1.0\n\n{section}\n", page.trim_end())
    })
}

fn per_second(samples: u64, time: Duration) -> u64 {
    (samples as f64 / time.as_secs_f64().max(1e-3)) as u64
}

/// A number with its digits in groups of three.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn seconds(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64())
}

fn ms(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1e3)
}

fn mib(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / f64::from(1 << 20))
}

fn disk((taken, lengths): (u64, u64)) -> String {
    format!("{} ({})", mib(taken), mib(lengths))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_come_in_groups_of_three() {
        let shown = [0, 999, 1000, 1_234_567].map(thousands);
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn a_report_takes_the_place_of_the_one_before() {
        let first = replaced("# Benchmarks\n", "one");
        assert!(first.starts_with("# Benchmarks\n\n## Ingest"));
        let second = replaced(&format!("{first}\n## More\n"), "two");
        assert!(second.contains("two") && !second.contains("one"));
        assert!(second.ends_with("\n## More\n"));
    }
}
