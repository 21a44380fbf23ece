//! How a flush comes into force: what is written is published, reads see it, and what it replaces goes.

use std::sync::{Arc, atomic::Ordering};

use timberline_model::{Labels, LogOffset, NANOS_PER_MILLI};

use super::{
    FlushOutcome,
    commit::OlderSample,
    engine::{FlushState, Inner},
    flush::Flush,
    head::Epoch,
    sweep::sweep,
    view::View,
};
use crate::EngineError;

/// Bytes of log that hold no samples: one frame without a payload.
const WITNESS_BYTES: u64 = 32;

impl Inner {
    pub(super) fn flush(&self) -> Result<FlushOutcome, EngineError> {
        let mut state = self.flushing.lock();
        self.check_publishable(&state)?;
        let result = self.flush_locked(&mut state);
        self.counters.count_flush(&result, self.clock.now());
        result
    }

    pub(super) fn flush_locked(&self, state: &mut FlushState) -> Result<FlushOutcome, EngineError> {
        self.release_retired();
        let current = self.view();
        if self.is_flushed(&current) {
            return Ok(FlushOutcome::default());
        }
        let older = |labels: &Labels, ts: i64| self.view().value_at(labels, ts);
        self.log.prepare_segment();
        let (epoch, offset, families) = self.committer.at_rest(&older, |end| {
            // A new segment lets go of the old one as a whole. Without space for it, the old one
            // stays until a later flush.
            let offset = self.log.begin_segment().unwrap_or(end);
            (self.head.rotate(), offset, self.families.all())
        });
        let flush = Flush {
            disk: &self.disk,
            layout: &self.layout,
            head: &self.head,
            families: &families,
            log: &self.log,
            window: self.options.window_nanos(),
            codec: self.options.codec,
            now_ms: u64::try_from(self.clock.now() / NANOS_PER_MILLI).unwrap_or(0),
        };
        self.disk.reach("flush.begun");
        self.sweep(&current)?;
        let prepared = flush.prepare(&current, epoch, offset).inspect_err(|_| {
            if let Err(error) = self.sweep(&current) {
                tracing::warn!(%error, "an unfinished flush could not be removed yet");
            }
        })?;
        state.in_doubt = true;
        let (view, mut outcome) = flush.publish(prepared)?;
        state.in_doubt = false;
        drop(current);
        let metadata = view.manifest.metadata.map(LogOffset);
        self.put_in_force(view, epoch);
        self.disk.reach("flush.in_force");
        outcome.log_bytes_freed = flush.reclaim(offset, metadata);
        self.release_retired();
        self.retire_idle(&older);
        Ok(outcome)
    }

    /// Lets go of series that are written no more. Called while no flush and no dictionary is at work.
    fn retire_idle(&self, older: OlderSample<'_>) {
        let idle = self.options.series_idle_nanos();
        let retired = self.committer.retire(idle, older);
        self.counters.count_retired(retired);
        self.series_kept.store(self.head.series_count(), Ordering::Relaxed);
    }

    /// Whether a new manifest may be published.
    pub(super) fn check_publishable(&self, state: &FlushState) -> Result<(), EngineError> {
        if self.is_closed() {
            return Err(EngineError::Closed);
        }
        if state.in_doubt {
            return Err(EngineError::ManifestInDoubt { dir: self.layout.manifests() });
        }
        Ok(())
    }

    /// Lets reads that begin from now on see a published view, whose blocks hold the head's chunks
    /// of `flushed` and older epochs.
    pub(super) fn put_in_force(&self, view: View, flushed: Epoch) {
        let old = std::mem::replace(&mut *self.view.write(), Arc::new(view));
        self.head.set_flushed(flushed);
        self.retired.lock().push_back((old, flushed));
    }

    fn sweep(&self, view: &View) -> Result<(), EngineError> {
        sweep(self.disk.as_ref(), &self.layout, &view.manifest, &self.in_work.lock())
    }

    /// Whether the log holds nothing that the blocks have not, but for the frame with which the last
    /// flush began a segment.
    fn is_flushed(&self, current: &View) -> bool {
        let behind = self.log.end().0.saturating_sub(current.manifest.flushed_to);
        behind <= WITNESS_BYTES && self.head.unflushed_range().is_none()
    }

    /// Frees chunks of the head that no view which is still read expects there.
    pub(super) fn release_retired(&self) {
        let mut retired = self.retired.lock();
        while let Some((view, epoch)) = retired.front() {
            if Arc::strong_count(view) > 1 {
                return;
            }
            self.head.release(*epoch);
            retired.pop_front();
        }
    }
}
