//! The report: one table, and all it takes to repeat it.

use std::fmt;

use super::{
    figures::{disk, mib, ms, per_second, seconds, thousands},
    ingest::Measured,
    load::{LoadOptions, STEP_SECONDS},
    setup::Setup,
};

/// All that a benchmark found out.
#[derive(Debug)]
pub(super) struct Report<'a> {
    pub(super) setup: &'a Setup,
    pub(super) load: LoadOptions,
    /// Bytes of all request bodies.
    pub(super) wire_bytes: u64,
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

impl fmt::Display for Report<'_> {
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
        let mut table = self.setup.table();
        for (name, cell) in ROWS {
            table.row(name, self.runs.iter().map(|run| cell(run, total)));
        }
        writeln!(f, "{table}\n\n{}", self.setup)?;
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
