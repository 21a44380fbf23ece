//! Continuous queries under load: what passes through ten of them, how soon a window comes after the sample that
//! closes it, and a thousand at once.
//!
//! Invariant: every sample is in exactly one window of each subscription; a run in which the counts of the windows
//! do not add up to what was written is an error.

mod listener;
mod outcome;
mod writer;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::Args;

use self::{
    listener::{Listener, Listening},
    outcome::{Outcome, at_percent},
    writer::{Load, Writer},
};
use super::{
    figures::{mib, ms, per_second, thousands},
    process,
    section::{Page, Section},
    server::Server,
    setup::Setup,
    table::Table,
};

const SECTION: Section = Section { bench: "subscribe", title: "Continuous queries" };
/// What each of ten subscriptions asks for, once in windows of a minute and once of a second.
const QUESTIONS: [&str; 5] = [
    "count(*) AS n FROM metrics GROUP BY 1",
    "metric, min(value), max(value), count(*) AS n FROM metrics GROUP BY 1, 2",
    "tags['region'] AS region, avg(value), stddev(value), count(*) AS n FROM metrics GROUP BY 1, 2",
    "tags['host'] AS host, sum(value), last(value), count(*) AS n FROM metrics GROUP BY 1, 2",
    "tags['region'] AS region, metric, avg(value), count(*) AS n FROM metrics \
     WHERE tags['host'] LIKE 'host_%' AND value >= 0 GROUP BY 1, 2, 3",
];
/// What each of very many asks for.
const ONE_OF_MANY: &str =
    "tags['region'] AS region, avg(value), count(*) AS n FROM metrics GROUP BY 1, 2";
/// Until all windows have come, at most.
const PATIENCE: Duration = Duration::from_secs(120);

/// How much is written, and how many listen.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Seconds of data in the pinned runs, and half of the data's time in those at full speed.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Subscriptions of the last run.
    #[arg(long, default_value_t = 1_000)]
    many: usize,
    /// Only runs with this in their name.
    #[arg(long)]
    only: Option<String>,
    #[command(flatten)]
    page: Page,
}

/// One run: who listens, and what is written how fast.
struct Run {
    name: &'static str,
    statements: Vec<String>,
    load: Load,
}

/// Runs the benchmark and prints the report.
pub(super) fn run(root: &Path, options: &Options) -> Result<()> {
    let setup = Setup::new(root, &["timberline".to_owned()])?;
    let seconds = options.seconds.max(5);
    let mut outcomes = Vec::new();
    let only = options.only.as_deref().unwrap_or_default();
    for run in runs(seconds, options.many.max(1)) {
        if !run.name.contains(only) {
            continue;
        }
        let dir = setup.dir().join("run");
        let outcome = measure(root, &setup, &dir, &run).with_context(|| run.name.to_owned())?;
        eprintln!("{}: {:?}, all in after {:?}", run.name, outcome.cpu, outcome.all_in);
        outcomes.push((run, outcome));
        std::fs::remove_dir_all(&dir)?;
    }
    let report = report(&setup, &outcomes);
    options.page.publish(root, SECTION, &report)
}

fn runs(seconds: u64, many: usize) -> Vec<Run> {
    let ten = || {
        let widths = ["1m", "1s"];
        let of_width = |width| QUESTIONS.iter().map(move |question| statement(width, question));
        widths.into_iter().flat_map(of_width).collect::<Vec<_>>()
    };
    let full = Load { hosts: 1_000, steps_per_second: 10, seconds: seconds * 2, pinned: false };
    let pinned = Load { seconds, pinned: true, ..full };
    let few = Load { hosts: 10, seconds: seconds.min(30), ..pinned };
    let of_many = vec![statement("1s", ONE_OF_MANY); many];
    vec![
        Run { name: "full speed, nobody listens", statements: Vec::new(), load: full },
        Run { name: "full speed, 10 subscriptions", statements: ten(), load: full },
        Run { name: "100,000/s, nobody listens", statements: Vec::new(), load: pinned },
        Run { name: "100,000/s, 10 subscriptions", statements: ten(), load: pinned },
        Run { name: "1,000/s, very many subscriptions", statements: of_many, load: few },
    ]
}

/// No lateness: the sample that is acknowledged and the window that it closes are next to each other.
fn statement(width: &str, question: &str) -> String {
    format!(
        "SUBSCRIBE TO SELECT time_bucket('{width}', time) AS t, {question} \
         WITH (lateness = '0s', idle = 'off')"
    )
}

fn measure(root: &Path, setup: &Setup, dir: &Path, run: &Run) -> Result<Outcome> {
    let peer = setup.peers.first().context("no server")?;
    let mut writer = Writer::prepare(&run.load)?;
    let server = Server::start(root, peer, dir)?;
    let before = process::memory(server.pid())?.resident;
    let mut listeners = Vec::new();
    for statement in &run.statements {
        let listening = Listening::begin(server.port(), statement)?;
        listeners.push(Listener::start(listening, writer.last_ms())?);
    }
    let memory = process::memory(server.pid())?.resident.saturating_sub(before);
    server.settle()?;
    let cpu = process::cpu_time(server.pid())?;
    let began = Instant::now();
    writer.write(server.port())?;
    let written = began.elapsed();
    while !listeners.iter().all(Listener::has_ended) {
        if began.elapsed() > written + PATIENCE {
            bail!("{} subscriptions do not have all windows", listeners.len());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let all_in = began.elapsed();
    let cpu = process::cpu_time(server.pid())?.saturating_sub(cpu);
    let peak = process::memory(server.pid())?.peak;
    server.stop()?;
    let mut latencies = Vec::new();
    for listener in listeners {
        latencies.extend(writer.latencies(&listener.end(run.load.total())?));
    }
    let windows = latencies.len() as u64;
    let latencies = [0, 1, 2].map(|which| {
        let mut all: Vec<Duration> = latencies.iter().map(|took| took[which]).collect();
        all.sort_unstable();
        all
    });
    Ok(Outcome { written, all_in, cpu, memory, peak, windows, latencies })
}

fn report(setup: &Setup, outcomes: &[(Run, Outcome)]) -> String {
    let mut table = Table::new(outcomes.iter().map(|(run, _)| run.name));
    let mut row = |name: &str, cell: &dyn Fn(&Run, &Outcome) -> String| {
        table.row(name, outcomes.iter().map(|(run, outcome)| cell(run, outcome)));
    };
    row("subscriptions", &|run, _| thousands(run.statements.len() as u64));
    row("series", &|run, _| thousands(run.load.series() as u64));
    row("samples", &|run, _| thousands(run.load.total()));
    row("samples per second, until all windows were in", &|run, it| {
        thousands(per_second(run.load.total(), it.all_in))
    });
    row("samples into states per second", &|run, it| {
        let times = run.statements.len().max(1) as u64;
        let into = if run.statements.is_empty() { 0 } else { run.load.total() * times };
        thousands(per_second(into, it.all_in))
    });
    row("s after the last answer until the last window", &|_, it| {
        format!("{:.2}", it.all_in.saturating_sub(it.written).as_secs_f64())
    });
    row("CPU s of the server for each second", &|_, it| format!("{:.2}", it.cpu_share()));
    row("samples for each CPU s of the server", &|run, it| {
        thousands(per_second(run.load.total(), it.cpu))
    });
    row("windows", &|_, it| thousands(it.windows));
    let percentiles = |run: &Run, durations: &[Duration]| {
        if run.statements.is_empty() || !run.load.pinned {
            return "-".to_owned();
        }
        [50, 99, 100].map(|percent| ms(at_percent(durations, percent))).join(" / ")
    };
    for (which, name) in [
        "a window's first bytes after the acknowledgement, p50 / p99 / max ms",
        "its last row after the acknowledgement",
        "its last row after the sending",
    ]
    .into_iter()
    .enumerate()
    {
        row(name, &|run, it| percentiles(run, &it.latencies[which]));
    }
    row("KiB of memory for each subscription, at its beginning", &|run, it| {
        let each = it.memory.checked_div(run.statements.len() as u64);
        each.map_or("-".to_owned(), |bytes| (bytes >> 10).to_string())
    });
    row("RSS MiB at its peak", &|_, it| mib(it.peak));
    format!(
        "Remote write 1.0 over one connection, each request one step of all series, a tenth of a second apart. Every \
         subscription takes in every sample. The ten: five statements, by nothing, metric, region, host, and region \
         and metric, each in windows of a minute and of a second. Full speed: as fast as answers come. A window's time \
         begins when the answer to the request has arrived whose samples close it (the first at or behind its end, as \
         the lateness is nothing), and ends when the client has the first bytes of its event, and the last of its \
         rows; once more it begins when that request is sent, as an answer, too, waits for a core. The counts in all windows add up to what was written. Server and client share the machine.\n\n\
         {table}\n\n{setup}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_listen_to_the_load_of_nobody() {
        let runs = runs(60, 1_000);
        let counts: Vec<usize> = runs.iter().map(|run| run.statements.len()).collect();
        assert_eq!(counts, [0, 10, 0, 10, 1_000]);
        assert_eq!(runs[3].load.total(), 100_000 * 60);
    }
}
