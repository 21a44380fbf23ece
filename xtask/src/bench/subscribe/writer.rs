//! Writes steps of all series over one connection, and notes when each was acknowledged.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::listener::Arrival;
use crate::{
    bench::{
        load,
        random::Random,
        remote_write::{Request, encode_labels},
        sender::WRITE_PATH,
    },
    http::{Connection, post_head},
};

const METRICS: usize = 10;
const REGIONS: usize = 5;
/// Data begins at a whole minute that is ahead of the clock by so much or a minute more: behind the moment in which
/// the subscriptions begin, as a window that had begun before is read from the storage when it is closed.
const AHEAD_MS: i64 = 30_000;
/// After the last sample, one so much later closes all windows.
const CLOSE_AFTER_MS: i64 = 120_000;
/// A database accepts no samples that are further ahead of its clock.
const AHEAD_MAX_MS: i64 = 600_000;

/// What is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// Each has ten series.
    pub(super) hosts: usize,
    pub(super) steps_per_second: u64,
    /// Of the data's time.
    pub(super) seconds: u64,
    /// Whether it is written at the data's own pace; otherwise as fast as answers come.
    pub(super) pinned: bool,
}

impl Load {
    pub(super) const fn series(&self) -> usize {
        self.hosts * METRICS
    }

    const fn steps(&self) -> u64 {
        self.seconds * self.steps_per_second
    }

    /// All samples, but the one that closes the last windows.
    pub(super) const fn total(&self) -> u64 {
        self.steps() * self.series() as u64
    }
}

/// A step's request.
struct Step {
    ts_ms: i64,
    body: Vec<u8>,
    /// When it was sent, and when the answer had come.
    took: Option<[Instant; 2]>,
}

/// All requests, ready to be sent.
pub(super) struct Writer {
    load: Load,
    steps: Vec<Step>,
}

impl Writer {
    pub(super) fn prepare(load: &Load) -> Result<Self> {
        let seconds_max =
            (AHEAD_MAX_MS - AHEAD_MS - 60_000 - CLOSE_AFTER_MS).cast_unsigned() / 1_000;
        if load.seconds > seconds_max {
            bail!(
                "{} s of data reach too far into the future; at most {seconds_max}",
                load.seconds
            );
        }
        let start = load::now_ms()? + AHEAD_MS + 60_000;
        let start = start - start.rem_euclid(60_000);
        let labels: Vec<Vec<u8>> = (0..load.series()).map(labels).collect();
        let mut random = Random::new(1);
        let mut request = Request::default();
        let apart = 1_000 / load.steps_per_second.cast_signed();
        let mut steps = Vec::new();
        let mut last = start;
        for step in 0..load.steps() {
            last = start + step.cast_signed() * apart;
            for labels in &labels {
                request.push(labels, last, (random.unit() * 1e4).round() / 100.0);
            }
            steps.push(Step { ts_ms: last, body: request.finish()?, took: None });
        }
        let after = last + CLOSE_AFTER_MS;
        request.push(&labels[0], after, 0.0);
        steps.push(Step { ts_ms: after, body: request.finish()?, took: None });
        Ok(Self { load: *load, steps })
    }

    /// Writes all, one request after the other.
    pub(super) fn write(&mut self, port: u16) -> Result<()> {
        let mut connection = Connection::open(port)?;
        let began = Instant::now();
        let apart = Duration::from_secs(1) / u32::try_from(self.load.steps_per_second)?;
        let mut due = began;
        for step in &mut self.steps {
            if self.load.pinned {
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                due += apart;
            }
            let sent = Instant::now();
            let answer = connection.send(&post_head(WRITE_PATH, step.body.len()), &step.body)?;
            step.took = Some([sent, Instant::now()]);
            if !(200..300).contains(&answer.status) {
                bail!("answer {}: {}", answer.status, String::from_utf8_lossy(&answer.body).trim());
            }
        }
        Ok(())
    }

    /// The instant of the last sample, but of the one that closes the last windows.
    pub(super) fn last_ms(&self) -> i64 {
        self.steps.iter().rev().nth(1).map_or(0, |step| step.ts_ms)
    }

    /// For each window: how long after the acknowledgement of what closes it its event began to come, and was
    /// there; and how long after that was sent.
    pub(super) fn latencies(&self, arrivals: &[Arrival]) -> Vec<[Duration; 3]> {
        let closed_by = |arrival: &Arrival| {
            let first = self.steps.partition_point(|step| step.ts_ms < arrival.end_ms);
            self.steps.get(first)?.took
        };
        let took = |arrival: &Arrival| {
            let [sent, acknowledged] = closed_by(arrival)?;
            let spans =
                [(acknowledged, arrival.first), (acknowledged, arrival.last), (sent, arrival.last)];
            Some(spans.map(|(from, to)| to.saturating_duration_since(from)))
        };
        arrivals.iter().filter_map(took).collect()
    }
}

/// The labels of a series by its number.
fn labels(number: usize) -> Vec<u8> {
    let (host, metric) = (number / METRICS, number % METRICS);
    let name = format!("metric_{metric}");
    let region = format!("region_{}", host % REGIONS);
    let host = format!("host_{host}");
    encode_labels([
        ("__name__", name.as_str()),
        ("host", host.as_str()),
        ("region", region.as_str()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_closed_by_the_first_step_at_its_end() {
        let load = Load { hosts: 1, steps_per_second: 10, seconds: 3, pinned: false };
        let mut writer = Writer::prepare(&load).unwrap();
        assert_eq!((load.total(), writer.steps.len()), (300, 31));
        let now = Instant::now();
        for (index, step) in (0..).zip(&mut writer.steps) {
            step.took = Some([index, index + 1].map(|millis| now + Duration::from_millis(millis)));
        }
        let end_ms = writer.steps[0].ts_ms + 2_000;
        let [first, last] = [25, 32].map(|millis| now + Duration::from_millis(millis));
        let took = writer.latencies(&[Arrival { end_ms, first, last }]);
        assert_eq!(took, [[4, 11, 12].map(Duration::from_millis)]);
        assert_eq!(writer.last_ms(), writer.steps[0].ts_ms + 2_900);
    }
}
