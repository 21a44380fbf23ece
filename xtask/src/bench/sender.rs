//! Sends requests over several connections at once and notes how long each answer takes.
//!
//! Invariant: a connection sends its requests one after the other, in order, and none runs away from
//! the others by more than [`AHEAD_STEPS_MAX`] in the time of the data: senders of the real world keep
//! pace with the clock, and some servers refuse what is too far behind.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use super::load::Body;
use crate::http::{Connection, post_head};

/// Where all servers take remote write.
pub(super) const WRITE_PATH: &str = "/api/v1/write";
/// How many steps of the data a connection may be ahead of the slowest.
const AHEAD_STEPS_MAX: usize = 30;
const PACE_POLL: Duration = Duration::from_micros(200);

/// What came of sending.
#[derive(Debug)]
pub(super) struct Sent {
    /// From the first byte sent to the last answer.
    pub(super) wall: Duration,
    /// How long each answer took, in ascending order.
    pub(super) latencies: Vec<Duration>,
}

impl Sent {
    /// The latency that `percent` of the requests did not exceed.
    pub(super) fn latency(&self, percent: usize) -> Duration {
        let rank = (self.latencies.len() * percent).div_ceil(100).max(1);
        self.latencies.get(rank - 1).copied().unwrap_or_default()
    }
}

/// Sends each connection's requests.
///
/// # Errors
/// The first answer that is not a success: a run with refused samples measures nothing.
pub(super) fn send(port: u16, path: &str, connections: &[Vec<Body>]) -> Result<Sent> {
    let steps: Vec<AtomicUsize> = connections.iter().map(|_| AtomicUsize::new(0)).collect();
    let mut open = Vec::new();
    for _ in connections {
        open.push(Connection::open(port).context("connecting")?);
    }
    let began = Instant::now();
    let results: Vec<Result<Vec<Duration>>> = std::thread::scope(|scope| {
        let threads: Vec<_> = open
            .into_iter()
            .enumerate()
            .map(|(own, connection)| {
                let steps = &steps;
                scope.spawn(move || {
                    let result = send_all(connection, path, &connections[own], own, steps);
                    // Done or failed, nobody has to wait for this one.
                    steps[own].store(usize::MAX, Ordering::Release);
                    result
                })
            })
            .collect();
        let joined = threads.into_iter().map(std::thread::ScopedJoinHandle::join);
        joined.map(|sent| sent.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    let wall = began.elapsed();
    let mut latencies = Vec::new();
    for result in results {
        latencies.extend(result?);
    }
    latencies.sort_unstable();
    Ok(Sent { wall, latencies })
}

fn send_all(
    mut connection: Connection,
    path: &str,
    bodies: &[Body],
    own: usize,
    steps: &[AtomicUsize],
) -> Result<Vec<Duration>> {
    let mut latencies = Vec::with_capacity(bodies.len());
    for body in bodies {
        steps[own].store(body.step, Ordering::Release);
        keep_pace(body.step, steps);
        let head = post_head(path, body.bytes.len());
        let began = Instant::now();
        let answer = connection.send(&head, &body.bytes)?;
        latencies.push(began.elapsed());
        if !(200..300).contains(&answer.status) {
            bail!("answer {}: {}", answer.status, String::from_utf8_lossy(&answer.body).trim());
        }
    }
    Ok(latencies)
}

fn keep_pace(step: usize, steps: &[AtomicUsize]) {
    let slowest = || steps.iter().map(|step| step.load(Ordering::Acquire)).min().unwrap_or(step);
    while step > slowest().saturating_add(AHEAD_STEPS_MAX) {
        std::thread::sleep(PACE_POLL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_sorted_latencies() {
        let latencies = (1..=200).map(Duration::from_millis).collect();
        let sent = Sent { wall: Duration::ZERO, latencies };
        assert_eq!(sent.latency(50), Duration::from_millis(100));
        assert_eq!(sent.latency(99), Duration::from_millis(198));
        let none = Sent { wall: Duration::ZERO, latencies: Vec::new() };
        assert_eq!(none.latency(99), Duration::ZERO);
    }
}
