//! The head itself: its shards, its settings, and the questions that one series answers.

use std::{
    fmt,
    sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
};

use parking_lot::Mutex;
use timberline_model::{DuplicatePolicy, Labels, Matcher, SeriesRef, limits};

use super::{
    distinct::Distinct,
    epoch::Epoch,
    fingerprint::FingerprintCache,
    place::{SHARD_COUNT, SeriesPlace, ShardIndex},
    select,
    shard::Shard,
};

/// Settings of a head.
#[derive(Clone, Debug)]
pub struct HeadOptions {
    /// What becomes of a second sample at one instant.
    pub duplicates: DuplicatePolicy,
    /// Series that writes may create, those in the dictionary included. At most
    /// [`limits::SERIES_COUNT_MAX`].
    pub series_max: u64,
}

impl Default for HeadOptions {
    fn default() -> Self {
        Self { duplicates: DuplicatePolicy::default(), series_max: limits::SERIES_COUNT_MAX }
    }
}

/// The newest samples, and all series, in memory.
///
/// ```
/// use timberline_engine::columnar::head::{Epoch, Head, HeadOptions, HeadSample, SeriesPlace};
/// use timberline_model::{Labels, Matcher, SeriesColumns, TimeRange, WriteBatch};
///
/// let head = Head::new(HeadOptions::default());
/// let mut batch = WriteBatch::default();
/// batch.push_labels(Labels::from_pairs([("__name__", "up"), ("host", "a")])?);
/// batch.push_sample(1_000_000, 1.0);
///
/// let series = head.resolve(&batch).series[0].clone()?;
/// let place = SeriesPlace::of(series);
/// let sample = HeadSample { slot: place.slot(), index: 0, ts: 1_000_000, value: 1.0 };
/// head.apply(place.shard(), &[sample], &|_, _| None);
///
/// assert_eq!(head.select(&[Matcher::equal("host", "a")]), [series]);
/// let mut columns = SeriesColumns::default();
/// head.read(series, TimeRange::ALL, Epoch::default(), &mut columns);
/// assert_eq!(columns.timestamps, [1_000_000]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Head {
    options: HeadOptions,
    shards: [Shard; SHARD_COUNT],
    pub(super) fingerprints: FingerprintCache,
    pub(super) distinct: Mutex<Distinct>,
    /// Series of all shards.
    pub(super) series_count: AtomicU64,
    /// Series created since the last dictionary was made.
    pub(super) new_series: AtomicU64,
    /// The epoch that goes on.
    pub(super) epoch: Mutex<Epoch>,
    /// The newest epoch whose samples are in blocks.
    pub(super) flushed: Mutex<Epoch>,
    blocks_end: AtomicI64,
    /// Bytes of all exemplars.
    pub(super) exemplar_bytes: AtomicU64,
    /// Moves when series leave.
    pub(super) generation: AtomicU64,
    /// Whether series are leaving.
    pub(super) retiring: AtomicBool,
    /// The newest instant of all samples when series without any were last looked for.
    pub(super) unseen_since: AtomicI64,
    hash: fn(&Labels) -> u64,
}

impl Head {
    /// An empty head.
    #[must_use]
    pub fn new(options: HeadOptions) -> Self {
        Self::with_hash(options, Labels::hash)
    }

    /// An empty head that finds series by another hash: tests make it collide.
    pub(super) fn with_hash(mut options: HeadOptions, hash: fn(&Labels) -> u64) -> Self {
        options.series_max = options.series_max.min(limits::SERIES_COUNT_MAX);
        Self {
            options,
            shards: std::array::from_fn(|_| Shard::default()),
            fingerprints: FingerprintCache::new(),
            distinct: Mutex::default(),
            series_count: AtomicU64::new(0),
            new_series: AtomicU64::new(0),
            epoch: Mutex::new(Epoch::FIRST),
            flushed: Mutex::new(Epoch::default()),
            blocks_end: AtomicI64::new(i64::MAX),
            exemplar_bytes: AtomicU64::new(0),
            generation: AtomicU64::new(0),
            retiring: AtomicBool::new(false),
            unseen_since: AtomicI64::new(i64::MIN),
            hash,
        }
    }

    pub(super) const fn options(&self) -> &HeadOptions {
        &self.options
    }

    pub(super) fn shard(&self, index: ShardIndex) -> &Shard {
        &self.shards[index.get()]
    }

    pub(super) fn shards(&self) -> impl Iterator<Item = (ShardIndex, &Shard)> {
        ShardIndex::all().zip(&self.shards)
    }

    /// The hash by which series are found.
    pub(super) fn hash_of(&self, labels: &Labels) -> u64 {
        (self.hash)(labels)
    }

    /// The latest instant at which blocks may hold samples of series known from the dictionary.
    pub(crate) fn blocks_end(&self) -> i64 {
        self.blocks_end.load(Ordering::Relaxed)
    }

    /// Says that no block has samples after an instant (nanoseconds) as the head begins its life.
    /// Under [`DuplicatePolicy::Reject`] this saves asking the blocks about samples after it; without
    /// it, the head asks about every sample of a series from the dictionary.
    pub fn set_blocks_end(&self, ts: i64) {
        self.blocks_end.store(ts, Ordering::Relaxed);
    }

    /// Bytes of all exemplars, about.
    #[must_use]
    pub fn exemplar_bytes(&self) -> u64 {
        self.exemplar_bytes.load(Ordering::Relaxed)
    }

    /// Says that blocks may have samples up to an instant of series that come back.
    pub(super) fn note_blocks_end(&self, ts: i64) {
        self.blocks_end.fetch_max(ts, Ordering::Relaxed);
    }

    /// How many series there are.
    #[must_use]
    pub fn series_count(&self) -> u64 {
        self.series_count.load(Ordering::Relaxed)
    }

    /// How many series were created since the last dictionary was made.
    #[must_use]
    pub fn new_series(&self) -> u64 {
        self.new_series.load(Ordering::Relaxed)
    }

    /// The series with these labels, if there is one.
    #[must_use]
    pub fn find(&self, labels: &Labels) -> Option<SeriesRef> {
        let hash = self.hash_of(labels);
        let shard = ShardIndex::of_hash(hash);
        let slot = self.shard(shard).catalog.read().find(hash, labels)?;
        Some(shard.series(slot))
    }

    /// Whether a number names a series. Meant for numbers from outside, or from disk.
    #[must_use]
    pub fn is_known(&self, series: SeriesRef) -> bool {
        SeriesPlace::checked(series)
            .is_some_and(|place| self.shard(place.shard()).catalog.read().contains(place.slot()))
    }

    /// The labels of a series, or `None` when it has left the head or was never there. It does not
    /// leave while it has samples in memory.
    ///
    /// # Panics
    /// When there is no such shard.
    #[must_use]
    pub fn labels(&self, series: SeriesRef) -> Option<Labels> {
        let place = SeriesPlace::of(series);
        self.shard(place.shard()).catalog.read().labels(place.slot())
    }

    /// The hash ([`Labels::hash`]) of a series' labels, as [`Head::labels`].
    ///
    /// # Panics
    /// When there is no such shard.
    #[must_use]
    pub fn label_hash(&self, series: SeriesRef) -> Option<u64> {
        let place = SeriesPlace::of(series);
        self.shard(place.shard()).catalog.read().label_hash(place.slot())
    }

    /// Puts all series into the index by which queries find them; until then, queries look at each
    /// series that is not. Recovery leaves that to whoever has the time.
    pub fn index(&self) {
        for (_, shard) in self.shards() {
            shard.index_rest();
        }
    }

    /// The series that pass all matchers, ascending; all series if there are none.
    #[must_use]
    pub fn select(&self, matchers: &[Matcher]) -> Vec<SeriesRef> {
        let mut selected = Vec::new();
        for (index, shard) in self.shards() {
            let slots = select::select(&shard.catalog.read(), matchers);
            selected.extend(slots.into_iter().map(|slot| index.series(slot)));
        }
        selected
    }
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head")
            .field("options", &self.options)
            .field("series", &self.series_count())
            .finish_non_exhaustive()
    }
}
