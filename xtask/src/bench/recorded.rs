//! A recording as a load: what was scraped every second is replayed at longer steps, each scrape as far
//! off its step as it was.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use super::{
    load::{Body, now_ms},
    remote_write::{Request, encode_labels},
};
use crate::record::{Scrapes, samples};

/// Milliseconds from scrape to scrape in a recording.
const RECORDED_STEP_MS: i64 = 1000;
const EXTENSION: &str = "scrapes";

/// A recording, ready to be sent.
#[derive(Debug)]
pub(super) struct Recorded {
    /// The requests of each connection: one connection for each target.
    pub(super) bodies: Vec<Vec<Body>>,
    pub(super) samples: u64,
    /// How many of them are NaN, which some servers leave out.
    pub(super) not_numbers: u64,
    pub(super) series: usize,
    /// The first and the last instant, in milliseconds since the Unix epoch.
    pub(super) span_ms: (i64, i64),
}

/// Reads a recording, stretched to steps of `step_ms`, the last of them now.
pub(super) fn build(dir: &Path, step_ms: i64, request_samples: usize) -> Result<Recorded> {
    let paths = paths(dir)?;
    let (mut first, mut last) = (i64::MAX, i64::MIN);
    for path in &paths {
        let mut scrapes = Scrapes::open(path)?;
        while let Some(scrape) = scrapes.read()? {
            first = first.min(scrape.ts_ms);
            last = last.max(scrape.ts_ms);
        }
    }
    if paths.is_empty() || first > last {
        bail!("{}: no recording (see `cargo xtask record --help`)", dir.display());
    }
    let steps = (last - first) / RECORDED_STEP_MS + 1;
    let clock = Clock { first, base: now_ms()? - steps * step_ms, step_ms };
    let span_ms = (clock.base, clock.base + steps * step_ms);
    let mut recorded =
        Recorded { bodies: Vec::new(), samples: 0, not_numbers: 0, series: 0, span_ms };
    for path in &paths {
        let target = target_bodies(path, clock, request_samples, &mut recorded)
            .with_context(|| path.display().to_string())?;
        recorded.bodies.push(target);
    }
    Ok(recorded)
}

/// The files of a recording's targets.
fn paths(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir).with_context(|| dir.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == EXTENSION) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Turns recorded times into replayed ones.
#[derive(Clone, Copy, Debug)]
struct Clock {
    first: i64,
    base: i64,
    step_ms: i64,
}

impl Clock {
    /// The step of a scrape and its time: as far off the step as it was recorded.
    fn replayed(self, ts_ms: i64) -> (usize, i64) {
        let since = ts_ms - self.first;
        let step = (since + RECORDED_STEP_MS / 2) / RECORDED_STEP_MS;
        let jitter = since - step * RECORDED_STEP_MS;
        (usize::try_from(step).unwrap_or(0), self.base + step * self.step_ms + jitter)
    }
}

fn target_bodies(
    path: &Path,
    clock: Clock,
    request_samples: usize,
    totals: &mut Recorded,
) -> Result<Vec<Body>> {
    let job = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut known: HashMap<String, Vec<u8>> = HashMap::new();
    let mut scrapes = Scrapes::open(path)?;
    let mut request = Request::default();
    let mut bodies = Vec::new();
    while let Some(scrape) = scrapes.read()? {
        let (step, ts_ms) = clock.replayed(scrape.ts_ms);
        let mut count = 0;
        for sample in samples(&scrape.body) {
            let sample = sample?;
            if !known.contains_key(sample.series) {
                let mut labels = sample.labels()?;
                // What a scraper does where a target has such labels itself.
                for (name, _) in &mut labels {
                    if matches!(name.as_str(), "job" | "instance") {
                        name.insert_str(0, "exported_");
                    }
                }
                labels.push(("job".to_owned(), job.clone()));
                labels.push(("instance".to_owned(), format!("{job}:9100")));
                labels.sort();
                labels.retain(|(_, value)| !value.is_empty());
                let pairs = labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                known.insert(sample.series.to_owned(), encode_labels(pairs));
            }
            request.push(&known[sample.series], ts_ms, sample.value);
            count += 1;
            totals.samples += 1;
            totals.not_numbers += u64::from(sample.value.is_nan());
            if count == request_samples {
                bodies.push(Body { bytes: request.finish()?, step });
                count = 0;
            }
        }
        if count > 0 {
            bodies.push(Body { bytes: request.finish()?, step });
        }
    }
    totals.series += known.len();
    Ok(bodies)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scrape_keeps_its_distance_from_its_step() {
        let clock = Clock { first: 10_000, base: 0, step_ms: 15_000 };
        assert_eq!(clock.replayed(10_000), (0, 0));
        assert_eq!(clock.replayed(11_003), (1, 15_003));
        assert_eq!(clock.replayed(11_998), (2, 29_998));
    }

    #[test]
    fn a_recording_becomes_requests() {
        let dir = tempfile::tempdir().unwrap();
        let text = "# scrape 1000 14\nup 1\nx{a=\"\"} 2# scrape 2001 5\nup 0\n";
        fs::write(dir.path().join("node.scrapes"), text).unwrap();
        let recorded = build(dir.path(), 15_000, 100).unwrap();
        assert_eq!((recorded.samples, recorded.series), (3, 2));
        assert_eq!(recorded.bodies.len(), 1);
        assert_eq!(recorded.bodies[0].iter().map(|body| body.step).collect::<Vec<_>>(), [0, 1]);
        assert!(build(&dir.path().join("none"), 15_000, 100).is_err());
    }
}
