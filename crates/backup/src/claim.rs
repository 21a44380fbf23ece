//! Claims: who is at work at a place, so that a prune removes nothing that a backup relies on.
//!
//! Whoever works puts its claim first and then looks at those of others; so of a backup and a prune that
//! begin together, at least one sees the other. A backup gives way to a prune, and a prune with a backup
//! about removes manifests only. A claim that was not renewed for a day is of a run that died.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use timberline_io::Clock;
use timberline_model::NANOS_PER_MILLI;

use crate::{BackupError, Depot, depot::read_whole};

/// Where the claims are.
const CLAIMS: &str = "claims";
/// After this time without renewal a claim is void.
const VOID_AFTER_MS: i64 = 24 * 60 * 60 * 1_000;
/// A claim that has more bytes says nothing.
const CLAIM_BYTES_MAX: usize = 4 << 10;
/// How old a claim is before it is renewed.
const RENEW_AFTER_MS: i64 = 60 * 60 * 1_000;

/// What somebody is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Work {
    /// Adding a backup.
    Backup,
    /// Removing what no backup needs.
    Prune,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Text {
    work: Work,
    renewed_ms: i64,
}

/// A claim of ours. It is taken back when this is dropped, if the place answers.
pub(crate) struct Claim<'a> {
    depot: &'a dyn Depot,
    clock: &'a Arc<dyn Clock>,
    work: Work,
    key: String,
    renewed_ms: std::sync::atomic::AtomicI64,
}

impl<'a> Claim<'a> {
    /// Claims a place for a run.
    pub(crate) fn put(
        depot: &'a dyn Depot,
        clock: &'a Arc<dyn Clock>,
        work: Work,
        id: &str,
    ) -> Result<Self, BackupError> {
        let key = format!("{CLAIMS}/{id}");
        let claim = Self { depot, clock, work, key, renewed_ms: i64::MIN.into() };
        claim.renew()?;
        Ok(claim)
    }

    /// Says that the run is alive, if it has not for a while.
    pub(crate) fn renew(&self) -> Result<(), BackupError> {
        use std::sync::atomic::Ordering;
        let now = now_ms(self.clock);
        if now.saturating_sub(self.renewed_ms.load(Ordering::Relaxed)) < RENEW_AFTER_MS {
            return Ok(());
        }
        self.renewed_ms.store(now, Ordering::Relaxed);
        let text = Text { work: self.work, renewed_ms: now };
        let text = serde_json::to_vec(&text).expect("a claim is plain data");
        self.depot.put(&self.key, &text, &|_| ())
    }

    /// What others are doing.
    pub(crate) fn others(&self) -> Result<Vec<Work>, BackupError> {
        let now = now_ms(self.clock);
        let mut found = Vec::new();
        for object in self.depot.list(CLAIMS)?.iter().filter(|object| object.key != self.key) {
            let Some(bytes) = read_whole(self.depot, &object.key, CLAIM_BYTES_MAX)? else {
                continue;
            };
            // One that says nothing is taken for a backup's: that keeps the most.
            let unknown = Text { work: Work::Backup, renewed_ms: now };
            let text: Text = serde_json::from_slice(&bytes).unwrap_or(unknown);
            if now.saturating_sub(text.renewed_ms) < VOID_AFTER_MS {
                found.push(text.work);
            } else {
                self.depot.delete(&object.key)?;
            }
        }
        Ok(found)
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        // If this fails, it is void in a day.
        let _ = self.depot.delete(&self.key);
    }
}

/// The clock in milliseconds.
pub(crate) fn now_ms(clock: &Arc<dyn Clock>) -> i64 {
    clock.now() / NANOS_PER_MILLI
}
