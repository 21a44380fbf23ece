//! What a write request holds, once decoded.

use timberline_model::{Labels, RejectReason, Rejection, WriteBatch, limits};

use crate::DecodeLimits;

/// A decoded write request: what to write, and what cannot be written.
///
/// Invariant: every sample, histogram and exemplar of the request is either in the batch or counted as
/// rejected.
#[derive(Clone, Debug, Default)]
pub struct Decoded<'a> {
    /// What could be read. Series without anything are left out.
    pub batch: WriteBatch<'a>,
    /// The first [`limits::REJECTIONS_NAMED_MAX`] rejections. Their `series_index` counts the series
    /// of the request, not of the batch.
    pub rejections: Vec<Rejection>,
    /// Samples, floats and histograms, that are not in the batch.
    pub samples_rejected: u64,
    /// Exemplars that are not in the batch.
    pub exemplars_rejected: u64,
    /// Items that were rejected: samples, exemplars, or whole series, also such without either.
    pub items_rejected: u64,
}

impl<'a> Decoded<'a> {
    /// Counts `samples` as rejected for one reason, and names it if there is still room for names.
    pub(crate) fn reject(&mut self, series_index: usize, samples: u64, reason: RejectReason) {
        self.reject_items(series_index, (samples, 0), || None, reason);
    }

    /// Counts samples and exemplars as rejected for one reason, and names it and the series if there is
    /// still room for names.
    pub(crate) fn reject_items(
        &mut self,
        series_index: usize,
        (samples, exemplars): (u64, u64),
        labels: impl FnOnce() -> Option<Labels>,
        reason: RejectReason,
    ) {
        self.samples_rejected += samples;
        self.exemplars_rejected += exemplars;
        self.items_rejected += 1;
        if self.rejections.len() < limits::REJECTIONS_NAMED_MAX {
            self.rejections.push(Rejection { series_index, labels: labels(), reason });
        }
    }

    /// How many more samples the request may hold than those in the batch and those rejected.
    pub(crate) fn sample_room(&self, limits: &DecodeLimits) -> usize {
        let rejected = usize::try_from(self.samples_rejected).unwrap_or(usize::MAX);
        let count = self.batch.sample_count().saturating_add(rejected);
        limits.samples_max.saturating_sub(count)
    }
}
