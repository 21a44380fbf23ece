//! Builds and runs the fuzz targets on the stable toolchain.
//!
//! The compiler's coverage pass is asked for as `cargo fuzz` asks for it. No sanitizer is used: that
//! would take a nightly toolchain, and there is no unsafe code of ours for one to watch.

use std::{
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use toml::{Table, Value};

use crate::command::{cargo, output, run as run_command};

/// What makes libFuzzer see where an input leads, and our own checks strike.
const RUSTFLAGS: &str = "--cfg fuzzing -Cdebug-assertions -Coverflow-checks -Ccodegen-units=1 \
    -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";
/// One input may take as long as this, in seconds, before it counts as a failure.
const INPUT_SECONDS_MAX: u64 = 10;
/// Memory in MiB that a target may use before it counts as a failure.
const MEMORY_MIB_MAX: u64 = 1024;

/// What to fuzz.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Seconds for each target.
    #[arg(long, default_value_t = 60, conflicts_with = "total_seconds")]
    seconds: u64,
    /// Seconds for all targets together.
    #[arg(long)]
    total_seconds: Option<u64>,
    /// Targets that run at the same time.
    #[arg(long, default_value_t = NonZeroUsize::MIN)]
    jobs: NonZeroUsize,
    /// The targets; all of them without any.
    targets: Vec<String>,
}

/// Runs the targets, and fails if any of them found something.
pub(crate) fn run(root: &Path, options: &Options) -> Result<()> {
    let fuzz = root.join("fuzz");
    let targets = chosen(targets(&fuzz)?, &options.targets)?;
    let total = options.total_seconds.map(|total| total / targets.len().max(1) as u64);
    let time = Duration::from_secs(total.unwrap_or(options.seconds).max(1));
    let programs = build(root, &fuzz)?;
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..options.jobs.get().min(targets.len()) {
            scope.spawn(|| {
                while let Some(target) = targets.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(error) = run_target(&fuzz, &programs.join(target), target, time) {
                        println!("{target}: FAILED: {error:#}");
                        failed.lock().unwrap_or_else(PoisonError::into_inner).push(target.as_str());
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    if !failed.is_empty() {
        bail!("fuzz: {} of {} targets failed: {}", failed.len(), targets.len(), failed.join(", "));
    }
    println!("fuzz: {} targets, nothing found", targets.len());
    Ok(())
}

/// The programs of the fuzz package.
fn targets(fuzz: &Path) -> Result<Vec<String>> {
    let path = fuzz.join("Cargo.toml");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let manifest = text.parse::<Table>().with_context(|| path.display().to_string())?;
    let bins =
        manifest.get("bin").and_then(Value::as_array).context("no [[bin]] in fuzz/Cargo.toml")?;
    let names = bins.iter().filter_map(|bin| bin.get("name").and_then(Value::as_str));
    Ok(names.map(str::to_owned).collect())
}

fn chosen(all: Vec<String>, wanted: &[String]) -> Result<Vec<String>> {
    if let Some(unknown) = wanted.iter().find(|wanted| !all.contains(wanted)) {
        bail!("there is no fuzz target `{unknown}`; there are: {}", all.join(", "));
    }
    Ok(if wanted.is_empty() { all } else { wanted.to_vec() })
}

/// Builds all targets and answers where they are.
fn build(root: &Path, fuzz: &Path) -> Result<PathBuf> {
    let version = output(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.context("rustc does not name its host")?;
    let target_dir =
        std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
    let target_dir = target_dir.join("fuzz");
    // Naming the target keeps the flags away from build scripts and macros.
    let mut command = cargo(fuzz, &["build", "--quiet", "--release", "--bins", "--target", host]);
    command.arg("--target-dir").arg(&target_dir);
    command.env("RUSTFLAGS", RUSTFLAGS);
    // Set by cargo for this program; it would take the place of the flags above.
    command.env_remove("CARGO_ENCODED_RUSTFLAGS");
    run_command(&mut command)?;
    Ok(target_dir.join(host).join("release"))
}

/// Runs one target and prints how far it came.
fn run_target(fuzz: &Path, program: &Path, target: &str, time: Duration) -> Result<()> {
    let corpus = fuzz.join("corpus").join(target);
    let artifacts = fuzz.join("artifacts").join(target);
    fs::create_dir_all(&corpus)?;
    fs::create_dir_all(&artifacts)?;
    let mut command = Command::new(program);
    command.current_dir(fuzz);
    command.arg(format!("-max_total_time={}", time.as_secs()));
    command.arg(format!("-timeout={INPUT_SECONDS_MAX}"));
    command.arg(format!("-rss_limit_mb={MEMORY_MIB_MAX}"));
    command.arg(format!("-artifact_prefix={}/", artifacts.display()));
    command.arg(&corpus);
    let seeds = fuzz.join("seeds").join(target);
    if seeds.exists() {
        command.arg(seeds);
    }
    let output = command.output().with_context(|| format!("starting {}", program.display()))?;
    let log = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        eprintln!("{log}");
        bail!("{}; the input is in {}", output.status, artifacts.display());
    }
    let done = log.lines().rev().find(|line| line.starts_with("Done ")).unwrap_or("Done");
    println!("{target}: {done}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_the_programs_of_the_fuzz_package() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = "[[bin]]\nname = \"xor\"\npath = \"a.rs\"\n[[bin]]\nname = \"frame\"\n";
        fs::write(dir.path().join("Cargo.toml"), manifest).unwrap();
        let all = targets(dir.path()).unwrap();
        assert_eq!(all, ["xor", "frame"]);
        assert_eq!(chosen(all.clone(), &[]).unwrap(), ["xor", "frame"]);
        assert_eq!(chosen(all.clone(), &["frame".to_owned()]).unwrap(), ["frame"]);
        assert!(chosen(all, &["nothing".to_owned()]).is_err());
    }
}
