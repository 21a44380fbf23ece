//! The dictionary of series, written again between two flushes.
//!
//! A flush writes it. Where many series are new since then, their definitions in the log are most of the
//! work of a restart: with a newer dictionary, it skips them. Nothing else changes by it: the log is still
//! replayed from `flushed_to`.

use timberline_log::checkpoint;
use timberline_model::Durability;

use super::{engine::Inner, view::View};
use crate::EngineError;

/// New series since the last dictionary that are worth another one.
const NEW_SERIES_MIN: u64 = 50_000;
/// The same, as a part of all series: one in this many.
const NEW_SERIES_PART: u64 = 4;

impl Inner {
    /// Whether so many series are new that another dictionary is worth its cost.
    pub(super) fn is_checkpoint_due(&self) -> bool {
        self.head.new_series() >= NEW_SERIES_MIN.max(self.head.series_count() / NEW_SERIES_PART)
    }

    /// Writes a new dictionary.
    pub(super) fn checkpoint_series(&self) -> Result<(), EngineError> {
        let mut state = self.flushing.lock();
        self.check_publishable(&state)?;
        // A series is in the head before its definition is in the log, so the dictionary will have all
        // that the log defines up to here. It must not be ahead of a log that lost its end: definitions
        // that come in the place of what was lost would be skipped.
        let offset = self.log.end();
        self.log.commit(offset, Durability::Synced)?;
        let dir = self.layout.dictionaries();
        checkpoint::write(self.disk.as_ref(), &dir, offset, self.head.dictionary())?;
        self.disk.reach("checkpoint.dictionary_written");
        let current = self.view();
        let mut manifest = current.manifest.clone();
        manifest.number += 1;
        manifest.dictionary = Some(offset.0);
        let View { blocks, set_aside, flushed, .. } = &*current;
        let (blocks, set_aside, flushed) = (blocks.clone(), set_aside.clone(), *flushed);
        drop(current);
        self.publish(&mut state, View { manifest, blocks, set_aside, flushed }, flushed)?;
        self.disk.reach("checkpoint.in_force");
        if let Err(error) = checkpoint::remove_before(self.disk.as_ref(), &dir, offset) {
            tracing::warn!(%error, "an old series dictionary could not be removed");
        }
        Ok(())
    }
}
