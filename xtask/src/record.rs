//! Records what real exporters say, scrape by scrape, as data to measure storage with.
//!
//! The recording is a directory with one file for each target, `NAME.scrapes`: for each scrape a line
//! `# scrape UNIX_MILLISECONDS BYTES`, and so many bytes of the Prometheus text format as they came.
//! A recording is not part of the repository: an hour of it is a gigabyte.

mod exporters;
mod scrape;
mod text;

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail};
use clap::Args;

pub(crate) use scrape::Scrapes;
pub(crate) use text::samples;

use crate::http;

/// What to record, and for how long.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The recording's directory. One that exists is added to.
    dir: PathBuf,
    /// How long.
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// Milliseconds from scrape to scrape of a target.
    #[arg(long, default_value_t = 1000)]
    interval_ms: u64,
    /// A further target on this machine, `NAME=PORT/PATH`, for instance `redis=9121/metrics`.
    #[arg(long = "target")]
    targets: Vec<String>,
}

/// Something that answers with metrics.
#[derive(Clone, Debug)]
struct Target {
    name: String,
    port: u16,
    path: String,
}

/// Starts the exporters that this machine has, scrapes them, and stops them.
pub(crate) fn run(options: &Options) -> Result<()> {
    if options.interval_ms == 0 {
        bail!("the interval must be at least one millisecond");
    }
    fs::create_dir_all(&options.dir).with_context(|| options.dir.display().to_string())?;
    let given: Vec<Target> = options.targets.iter().map(|it| target(it)).collect::<Result<_>>()?;
    let work = tempfile::tempdir()?;
    let started = exporters::start(work.path(), &given)?;
    let targets: Vec<Target> = given.into_iter().chain(started.targets.iter().cloned()).collect();
    let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
    eprintln!("recording {} for {} minutes", names.join(", "), options.minutes);
    let end = Instant::now() + Duration::from_secs(options.minutes * 60);
    std::thread::scope(|scope| {
        let threads: Vec<_> = targets
            .iter()
            .enumerate()
            .map(|(index, target)| {
                // Scrapes are spread over the interval, as a scraper spreads them.
                let offset = options.interval_ms * index as u64 / targets.len() as u64;
                scope.spawn(move || record(&options.dir, target, options.interval_ms, offset, end))
            })
            .collect();
        for (thread, target) in threads.into_iter().zip(&targets) {
            let recorded = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            let scrapes = recorded.with_context(|| target.name.clone())?;
            eprintln!("{}: {scrapes} scrapes", target.name);
        }
        Ok(())
    })
}

/// Reads a target as it is typed.
fn target(text: &str) -> Result<Target> {
    let parts = text.split_once('=').and_then(|(name, rest)| {
        let (port, path) = rest.split_once('/')?;
        Some((name, port.parse().ok()?, path))
    });
    let (name, port, path) = parts.with_context(|| format!("{text:?} is not NAME=PORT/PATH"))?;
    if name.is_empty() || name.contains('/') {
        bail!("{text:?}: a name is a file's name");
    }
    Ok(Target { name: name.to_owned(), port, path: format!("/{path}") })
}

/// Scrapes a target until the end and returns how many scrapes it answered.
fn record(dir: &Path, target: &Target, interval_ms: u64, offset: u64, end: Instant) -> Result<u64> {
    let path = dir.join(format!("{}.scrapes", target.name));
    let mut file: File = OpenOptions::new().create(true).append(true).open(path)?;
    let mut scrapes = 0;
    while Instant::now() < end {
        let into_interval = (unix_ms()? + interval_ms - offset) % interval_ms;
        std::thread::sleep(Duration::from_millis(interval_ms - into_interval));
        let ts_ms = unix_ms()?;
        // A scrape that fails is a gap, as it is for a scraper.
        let Ok(answer) = http::get(target.port, &target.path) else { continue };
        if answer.status == 200 {
            file.write_all(format!("# scrape {ts_ms} {}\n", answer.body.len()).as_bytes())?;
            file.write_all(&answer.body)?;
            scrapes += 1;
        }
    }
    Ok(scrapes)
}

fn unix_ms() -> Result<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
    Ok(u64::try_from(now.as_millis())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_name_a_port_and_a_path() {
        let found = target("redis=9121/metrics?x=1").unwrap();
        assert_eq!((found.name.as_str(), found.port), ("redis", 9121));
        assert_eq!(found.path, "/metrics?x=1");
        for wrong in ["redis", "redis=9121", "redis=x/metrics", "=1/metrics", "a/b=1/metrics"] {
            assert!(target(wrong).is_err(), "{wrong}");
        }
    }
}
