//! The series that a scan has picked, joined when the first of its streams is read.
//!
//! A reader that finds out that it needs no streams, as one whose question totals answer, has not paid for
//! the joining then.

use std::{num::NonZeroUsize, ops::Range, sync::Arc};

use parking_lot::Mutex;
use timberline_model::{Labels, Matcher, Selector, SeriesScan};

use super::{Found, ORDERED_SERIES_MAX, Places, stream::Stream};
use crate::{EngineError, columnar::label_cache::LabelCache};

/// So few entries are joined at once: their exact number is worth more, to a planner.
const JOINED_AT_ONCE: usize = 64;

/// Series joined from all places, shared by the streams over them.
pub(super) struct Joined {
    pub(super) places: Places,
    pub(super) found: Vec<Found>,
    /// Of each series, its entries in `found`.
    pub(super) groups: Vec<Range<u32>>,
    /// Of each group, where they were needed to join; else none.
    pub(super) labels: Vec<Labels>,
}

/// Series that were picked, shared by the streams over them.
pub(super) struct Picked {
    state: Mutex<State>,
    /// How many streams share them.
    streams: usize,
    /// So many series at most.
    series_max: usize,
}

enum State {
    Found {
        places: Places,
        matchers: Vec<Matcher>,
        /// Found again where joining them has failed.
        found: Option<Vec<Vec<Found>>>,
        labels: Arc<LabelCache>,
    },
    Joined(Arc<Joined>),
}

impl Picked {
    /// Looks for the series of a selector; `None` where there are none.
    pub(super) fn find(
        places: Places,
        selector: &Selector,
        labels: &Arc<LabelCache>,
        partitions: NonZeroUsize,
    ) -> Result<Option<Self>, EngineError> {
        let found = places.find(&selector.matchers)?;
        if found.is_empty() {
            return Ok(None);
        }
        let count = found.iter().map(Vec::len).sum();
        let (labels, matchers) = (Arc::clone(labels), selector.matchers.clone());
        let state = State::Found { places, matchers, found: Some(found), labels };
        let mut picked = Self { state: Mutex::new(state), streams: 1, series_max: count };
        if count <= JOINED_AT_ONCE {
            picked.series_max = picked.join()?.groups.len();
        }
        picked.streams = partitions.get().min(picked.series_max).max(1);
        Ok(Some(picked))
    }

    /// Series that are joined already, for one stream.
    pub(super) fn joined(joined: Joined) -> Self {
        let series_max = joined.groups.len();
        Self { state: Mutex::new(State::Joined(Arc::new(joined))), streams: 1, series_max }
    }

    /// The streams over them.
    pub(super) fn streams(self) -> Vec<Box<dyn SeriesScan>> {
        let picked = Arc::new(self);
        let stream =
            |share| -> Box<dyn SeriesScan> { Box::new(Stream::new(Arc::clone(&picked), share)) };
        (0..picked.streams).map(stream).collect()
    }

    /// All of them, joined.
    pub(super) fn join(&self) -> Result<Arc<Joined>, EngineError> {
        let mut state = self.state.lock();
        let joined = match &mut *state {
            State::Joined(joined) => return Ok(Arc::clone(joined)),
            State::Found { places, matchers, found, labels } => {
                let found = match found.take() {
                    Some(found) => found,
                    None => places.find(matchers)?,
                };
                Arc::new(places.clone().join(found, labels, ORDERED_SERIES_MAX)?)
            }
        };
        *state = State::Joined(Arc::clone(&joined));
        Ok(joined)
    }

    /// The groups of one stream, of how many there are.
    pub(super) const fn share(&self, stream: usize, groups: usize) -> Range<usize> {
        groups * stream / self.streams..groups * (stream + 1) / self.streams
    }

    /// So many series at most has each stream.
    pub(super) const fn series_max(&self) -> usize {
        self.series_max.div_ceil(self.streams)
    }
}
