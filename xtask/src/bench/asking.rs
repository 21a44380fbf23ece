//! Asking questions of servers that are full: how much is in them, which questions, and how long answers take.

use std::{
    fmt,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Result;
use clap::Args;

use super::{
    load::{self, LoadOptions},
    peers::{Pack, Peer},
    process, sender,
    server::Server,
    setup::Setup,
};

/// Each question is asked at most for so long.
const TIME_MAX: Duration = Duration::from_secs(4);
/// And at least so often, the first time not counted.
const ROUNDS_MIN: usize = 5;

/// How much is asked.
#[derive(Debug, Args)]
pub(crate) struct Asking {
    /// Hosts, ten metrics each; for PromQL a counter as well, and a histogram of eleven buckets for every tenth.
    #[arg(long, default_value_t = 1_000)]
    pub(super) hosts: usize,
    /// Samples of each series, ten seconds apart, the last of them now.
    #[arg(long, default_value_t = 2_160)]
    pub(super) samples: usize,
    /// Questions with one of these in their names, separated by commas; all if none is named.
    #[arg(long, value_delimiter = ',')]
    questions: Vec<String>,
}

impl Asking {
    /// Whether the question of this name is asked.
    pub(super) fn wants(&self, name: &str) -> bool {
        self.questions.is_empty() || self.questions.iter().any(|part| name.contains(part.as_str()))
    }
}

/// Starts all servers and gives each the same data, on disk and merged where the server merges on request.
pub(super) fn fill(root: &Path, setup: &Setup, load: &LoadOptions) -> Result<Vec<Server>> {
    eprintln!("building {} samples", load.total());
    let bodies = load::build(load)?;
    let fill = |peer: &Peer| -> Result<Server> {
        let server = Server::start(root, peer, &setup.dir().join(peer.name))?;
        sender::send(server.port(), sender::WRITE_PATH, &bodies)?;
        if let Some(path) = peer.flush_path {
            server.post(path)?;
        }
        if let Pack::Merge(path) = peer.pack {
            server.post(path)?;
        }
        server.settle()?;
        eprintln!("{} is filled", peer.name);
        Ok(server)
    };
    setup.peers.iter().map(fill).collect()
}

/// The times of some answers to a question.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Times {
    p50: Duration,
    p99: Duration,
    /// Processor time of one answer.
    cpu: Duration,
}

impl Times {
    /// Of answers that took so long, each with this processor time.
    pub(super) fn new(mut times: Vec<Duration>, cpu: Duration) -> Self {
        times.sort_unstable();
        let rank = |share: f64| {
            let index = (times.len() as f64 * share) as usize;
            times.get(index.min(times.len().saturating_sub(1))).copied().unwrap_or_default()
        };
        Self { p50: rank(0.5), p99: rank(0.99), cpu }
    }

    /// Asks a server up to so often.
    pub(super) fn of(
        server: &Server,
        rounds: usize,
        mut ask: impl FnMut() -> Result<()>,
    ) -> Result<Self> {
        let mut times = Vec::new();
        let (began, cpu) = (Instant::now(), process::cpu_time(server.pid())?);
        while times.len() < rounds && (times.len() < ROUNDS_MIN || began.elapsed() < TIME_MAX) {
            let sent = Instant::now();
            ask()?;
            times.push(sent.elapsed());
        }
        let cpu = process::cpu_time(server.pid())?.saturating_sub(cpu) / times.len() as u32;
        Ok(Self::new(times, cpu))
    }
}

/// Milliseconds: p50, p99, processor time.
impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        write!(f, "{:.2} / {:.2} / {:.1}", ms(self.p50), ms(self.p99), ms(self.cpu))
    }
}
