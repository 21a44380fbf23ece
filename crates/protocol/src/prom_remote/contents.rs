//! What a series holds besides its labels, as it is read; and how much more a request may hold.

use timberline_model::{Exemplar, HistogramSample, RejectReason, limits::REJECTIONS_NAMED_MAX};

use super::sample::WireSample;
use crate::{DecodeLimits, ProtocolError};

/// Samples, histograms and exemplars: of one series in version 1.0, of one series after the other in 2.0.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) samples: Vec<WireSample>,
    pub(super) histograms: Vec<HistogramSample>,
    pub(super) exemplars: Vec<Exemplar>,
}

impl Contents {
    pub(super) fn is_empty(&self) -> bool {
        self.samples.is_empty() && self.histograms.is_empty() && self.exemplars.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.samples.clear();
        self.histograms.clear();
        self.exemplars.clear();
    }
}

/// What of one series cannot be handed on: all counted, the first named.
#[derive(Debug, Default)]
pub(super) struct Refused {
    pub(super) count: u64,
    pub(super) reasons: Vec<RejectReason>,
}

impl Refused {
    #[cold]
    pub(super) fn push(&mut self, reason: RejectReason) {
        self.count += 1;
        if self.reasons.len() < REJECTIONS_NAMED_MAX {
            self.reasons.push(reason);
        }
    }

    /// Hands every refusal to `reject`, with how many it stands for.
    pub(super) fn drain(&mut self, mut reject: impl FnMut(u64, RejectReason)) {
        let unnamed = self.count - self.reasons.len() as u64;
        let mut reasons = self.reasons.drain(..);
        if let Some(first) = reasons.next() {
            reject(1 + unnamed, first);
        }
        reasons.for_each(|reason| reject(1, reason));
        self.count = 0;
    }
}

/// How much more a request may hold. Asked before memory is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub(super) samples: Left,
    pub(super) histograms: Left,
    pub(super) buckets: Left,
    pub(super) exemplars: Left,
    pub(super) metadata: Left,
}

impl Room {
    pub(super) const fn new(limits: &DecodeLimits) -> Self {
        Self {
            samples: Left::new("samples", limits.samples_max),
            histograms: Left::new("histograms", limits.histograms_max),
            buckets: Left::new("buckets and spans of histograms", limits.buckets_max),
            exemplars: Left::new("exemplars", limits.exemplars_max),
            metadata: Left::new("metadata entries", limits.metadata_max),
        }
    }
}

/// How many more of one kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left {
    what: &'static str,
    max: usize,
    left: usize,
}

impl Left {
    const fn new(what: &'static str, max: usize) -> Self {
        Self { what, max, left: max }
    }

    /// Takes room for `count` more.
    #[inline]
    pub(super) fn take(&mut self, count: usize) -> Result<(), ProtocolError> {
        match self.left.checked_sub(count) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(self.exhausted()),
        }
    }

    #[cold]
    const fn exhausted(&self) -> ProtocolError {
        ProtocolError::TooMany { what: self.what, max: self.max }
    }
}
