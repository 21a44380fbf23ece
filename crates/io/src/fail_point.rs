//! Fail points: named steps at which a test lets a process die.
//!
//! A change on disk that takes several steps says [`Disk::reach`](crate::Disk::reach) after each of
//! them, with a name of the form `CHANGE.STEP`. Nothing comes of it, unless a test asked for a death
//! there: on the simulated disk by [`SimDisk::die_at`](crate::SimDisk::die_at), in a real process by
//! the environment variable [`FAIL_POINT_VARIABLE`]. `docs/fail-points.md` lists the points.
//!
//! What it is not: a way to make operations fail; see [`Fault`](crate::Fault) for that.
//!
//! Invariant: without the variable a process never dies here, and a point costs one look at a value
//! that was read once.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
    sync::LazyLock,
    thread,
    time::Duration,
};

use parking_lot::Mutex;
use rustix::process::{Signal, getpid, kill_process};

/// The environment variable that names where a process is to die: see [`FailPoint`] for what it holds.
pub const FAIL_POINT_VARIABLE: &str = "TIMBERLINE_FAIL_POINT";

/// The environment variable that turns dying into waiting. The process makes an empty file of this
/// path when it comes to the point, and goes on once somebody has removed the file; who asks meanwhile
/// asks in the middle of the change, and who then kills the process kills it there.
pub const FAIL_POINT_FILE_VARIABLE: &str = "TIMBERLINE_FAIL_POINT_FILE";

/// How often a waiting process looks whether it may go on.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// A place in the course of a process: a chain of points, each counted from when the one before it was
/// reached.
///
/// As text: `POINT[:COUNT]`, several of them joined by commas. `compact.begun,block.renamed` is the
/// first `block.renamed` after `compact.begun`; `manifest.renamed:3` is the third of all.
///
/// ```
/// use timberline_io::FailPoint;
///
/// let mut place: FailPoint = "compact.begun,block.renamed:2".parse()?;
/// let course = ["block.renamed", "compact.begun", "block.renamed", "block.renamed"];
/// assert_eq!(course.map(|point| place.reach(point)), [false, false, false, true]);
/// # Ok::<(), timberline_io::FailPointError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailPoint {
    /// What is still to be reached, in order, each with how often.
    rest: Vec<(String, u64)>,
}

/// A text that names no place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a fail point: {text:?} (expected POINT or POINT:COUNT, several joined by commas)")]
pub struct FailPointError {
    /// The text.
    pub text: String,
}

impl FromStr for FailPoint {
    type Err = FailPointError;

    fn from_str(text: &str) -> Result<Self, FailPointError> {
        let part = |part: &str| {
            let (name, count) = part.split_once(':').unwrap_or((part, "1"));
            let count = count.parse().ok().filter(|count| *count > 0)?;
            let plain = |c: char| c.is_ascii_lowercase() || c == '_' || c == '.';
            (name.contains('.') && name.chars().all(plain)).then(|| (name.to_owned(), count))
        };
        let rest: Option<Vec<_>> = text.split(',').map(part).collect();
        rest.map(|rest| Self { rest }).ok_or_else(|| FailPointError { text: text.to_owned() })
    }
}

impl FailPoint {
    /// Notes that a point was reached; `true` when that ends the chain, and never again.
    pub fn reach(&mut self, point: &str) -> bool {
        let Some((name, count)) = self.rest.first_mut().filter(|(name, _)| name == point) else {
            return false;
        };
        debug_assert_eq!(name, point, "it was looked for");
        *count -= 1;
        if *count > 0 {
            return false;
        }
        self.rest.remove(0);
        self.rest.is_empty()
    }
}

/// Dies, or waits, if the environment says so of this point.
pub(crate) fn reach(point: &str) {
    static PLACE: LazyLock<Option<Mutex<FailPoint>>> = LazyLock::new(|| {
        let text = std::env::var(FAIL_POINT_VARIABLE).ok()?;
        text.parse().ok().map(Mutex::new)
    });
    let Some(place) = PLACE.as_ref() else { return };
    if !place.lock().reach(point) {
        return;
    }
    match std::env::var_os(FAIL_POINT_FILE_VARIABLE) {
        Some(file) => wait_at(&PathBuf::from(file)),
        None => die(),
    }
}

fn wait_at(file: &Path) {
    if std::fs::write(file, b"").is_err() {
        // Nobody could tell that it is there.
        die();
    }
    while file.exists() {
        thread::sleep(LOOK_EVERY);
    }
}

/// Ends the process as `kill -9` does: nothing is dropped, flushed or synced.
fn die() -> ! {
    // Should the kernel refuse, aborting drops nothing either.
    let _refused = kill_process(getpid(), Signal::KILL);
    std::process::abort()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_counted_from_the_one_before() {
        let mut place: FailPoint = "a.x:2,b.y".parse().unwrap();
        let course = ["b.y", "a.x", "b.y", "a.x", "a.x", "b.y", "b.y"];
        let reached: Vec<bool> = course.iter().map(|point| place.reach(point)).collect();
        assert_eq!(reached, [false, false, false, false, false, true, false]);
    }

    #[test]
    fn texts_that_name_no_place_are_refused() {
        for text in ["", "flush", "a.x:0", "a.x:-1", "a.x:many", "a.x,", "a x.y", "A.x"] {
            let error = text.parse::<FailPoint>().unwrap_err();
            assert!(error.to_string().contains("POINT:COUNT"), "{text}");
        }
    }
}
