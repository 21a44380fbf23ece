//! What a write request holds, once decoded.

use timberline_model::{RejectReason, Rejection, WriteBatch, limits};

use crate::DecodeLimits;

/// A decoded write request: the samples to write, and what cannot be written.
///
/// Invariant: every sample of the request is either in the batch or counted in `samples_rejected`.
#[derive(Clone, Debug, Default)]
pub struct Decoded<'a> {
    /// The samples that could be read. Series without any are left out.
    pub batch: WriteBatch<'a>,
    /// The first [`limits::REJECTIONS_NAMED_MAX`] rejections. Their `series_index` counts the series
    /// of the request, not of the batch.
    pub rejections: Vec<Rejection>,
    /// Samples that are not in the batch.
    pub samples_rejected: u64,
    /// Items that were rejected: samples, or whole series, also such without samples.
    pub items_rejected: u64,
    /// Native histograms in the request. They are not in the batch: not stored yet.
    pub histograms: u64,
    /// Exemplars in the request. They are not in the batch: not stored yet.
    pub exemplars: u64,
    /// Metadata entries in the request. They are not in the batch: not stored yet.
    pub metadata: u64,
}

impl<'a> Decoded<'a> {
    /// Counts `samples` as rejected for one reason, and names it if there is still room for names.
    pub(crate) fn reject(&mut self, series_index: usize, samples: u64, reason: RejectReason) {
        self.samples_rejected += samples;
        self.items_rejected += 1;
        if self.rejections.len() < limits::REJECTIONS_NAMED_MAX {
            self.rejections.push(Rejection { series_index, labels: None, reason });
        }
    }

    /// How many more samples the request may hold than those in the batch and those rejected.
    pub(crate) fn sample_room(&self, limits: &DecodeLimits) -> usize {
        let rejected = usize::try_from(self.samples_rejected).unwrap_or(usize::MAX);
        let count = self.batch.sample_count().saturating_add(rejected);
        limits.samples_max.saturating_sub(count)
    }
}
