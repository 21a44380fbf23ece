//! What only some series have: late samples, start timestamps, histograms, exemplars. Behind one
//! pointer, so that a series of nothing but in-order floats pays for none of it.

use timberline_model::Exemplar;

use super::{
    epoch::Epoch,
    exemplars::Exemplars,
    histograms::{Histograms, OpenHistograms, SealedHistograms},
    late::{Late, LateGarbage},
    starts::Starts,
};

/// The extras of one series: 32 bytes, and those that it has.
#[derive(Debug, Default)]
pub(super) struct Extra {
    pub(super) late: Option<Box<Late>>,
    pub(super) starts: Option<Box<Starts>>,
    pub(super) histograms: Option<Box<Histograms>>,
    pub(super) exemplars: Option<Box<Exemplars>>,
}

/// What is no longer needed, to be freed where no lock is held.
#[derive(Debug, Default)]
pub(super) struct ExtraGarbage {
    late: LateGarbage,
    sealed: Vec<SealedHistograms>,
    open: Vec<OpenHistograms>,
    exemplars: Vec<Exemplar>,
    /// Bytes of the exemplars in it.
    pub(super) exemplar_bytes: u64,
}

impl Extra {
    /// Whether there is nothing that is not in blocks.
    pub(super) fn is_flushed(&self) -> bool {
        self.late.is_none()
            && self.histograms.is_none()
            && self.exemplars.as_ref().is_none_or(|exemplars| exemplars.is_empty())
    }

    /// Moves all that belongs to `upto` and older epochs into `garbage`.
    pub(super) fn release(&mut self, upto: Epoch, garbage: &mut ExtraGarbage) {
        if let Some(late) = &mut self.late {
            late.release(upto, &mut garbage.late);
            if late.is_empty() {
                self.late = None;
            }
        }
        if self.starts.as_mut().is_some_and(|starts| starts.release(upto)) {
            self.starts = None;
        }
        if let Some(histograms) = &mut self.histograms {
            let gone = histograms.sealed.partition_point(|piece| piece.epoch <= upto);
            garbage.sealed.extend(histograms.sealed.drain(..gone));
            if histograms.open.epoch <= upto && !histograms.open.is_empty() {
                garbage.open.push(std::mem::take(&mut histograms.open));
            }
            if histograms.sealed.is_empty() && histograms.open.is_empty() {
                self.histograms = None;
            }
        }
        if let Some(exemplars) = &mut self.exemplars {
            garbage.exemplar_bytes += exemplars.release(upto, &mut garbage.exemplars);
        }
    }

    /// Whether nothing is left.
    pub(super) const fn is_empty(&self) -> bool {
        self.late.is_none()
            && self.starts.is_none()
            && self.histograms.is_none()
            && self.exemplars.is_none()
    }
}
