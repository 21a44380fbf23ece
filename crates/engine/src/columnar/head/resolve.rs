//! Resolving: from the keys of a batch to series, known or new.
//!
//! Known series are found by their fingerprints, without decoding a label. Every lock is taken once
//! or twice for a batch, however many series it has.

use std::sync::atomic::Ordering;

use timberline_model::{
    LabelDecoder, Labels, LabelsBuilder, LabelsError, RejectReason, SeriesKey, SeriesRef,
    WriteBatch,
};

use super::{
    fingerprint::Fingerprint,
    group::Groups,
    place::{SeriesPlace, ShardIndex},
    root::Head,
    shard::Shard,
};

/// What stands in [`Resolution::series`] for a series that the batch has nothing for.
const NOT_ASKED: SeriesRef = SeriesRef(0);

/// The series of a batch.
#[derive(Clone, Debug)]
pub struct Resolution {
    /// For each series of the batch, its number or why it has none. Means nothing for a series that
    /// the batch has nothing for: such a series is neither looked up nor created.
    pub series: Vec<Result<SeriesRef, RejectReason>>,
    /// Those of them whose definition may be in no log record yet, ascending: the record of this batch
    /// must define them. [`Head::mark_defined`] ends this once the record is in the log.
    pub undefined: Vec<(SeriesRef, Labels)>,
}

/// A series to be found by its labels.
struct Wanted {
    index: u32,
    hash: u64,
    labels: Labels,
    fingerprint: Option<Fingerprint>,
}

/// A series to be found by its bytes.
struct RawKey {
    index: u32,
    fingerprint: Fingerprint,
}

impl Head {
    /// Finds the series of a batch and creates those that are new, as far as the limit allows. The
    /// answer holds for one [generation](Head::generation), which is to be asked for before.
    #[must_use]
    pub fn resolve(&self, batch: &WriteBatch<'_>) -> Resolution {
        let mut series: Vec<Result<SeriesRef, RejectReason>> =
            batch.series().iter().map(|_| Ok(NOT_ASKED)).collect();
        let mut wanted = Vec::new();
        let generation = self.generation();
        self.resolve_refs(batch, &mut series);
        self.resolve_raw(batch, &mut series, &mut wanted);
        self.want_labels(batch, &mut series, &mut wanted);
        if !wanted.is_empty() {
            self.resolve_labels(&wanted, &mut series, generation);
        }
        let undefined = self.undefined_of(batch, &series);
        Resolution { series, undefined }
    }

    /// Records that the definitions of these series are in the log.
    pub fn mark_defined(&self, series: &[SeriesRef]) {
        let shard_of = |series: &SeriesRef| SeriesPlace::of(*series).shard().get();
        for (shard, indexes) in Groups::of(series, shard_of).iter() {
            let slots = indexes.iter().map(|index| SeriesPlace::of(series[*index as usize]).slot());
            self.shard(ShardIndex::new(shard)).mark_defined(slots);
        }
    }

    /// Checks the keys that are numbers.
    fn resolve_refs(&self, batch: &WriteBatch<'_>, series: &mut [Result<SeriesRef, RejectReason>]) {
        let mut refs = Vec::new();
        for (index, write) in (0_u32..).zip(batch.series()) {
            let SeriesKey::Ref(key) = write.key else { continue };
            if write.is_empty() {
                continue;
            }
            match SeriesPlace::checked(key) {
                Some(place) => refs.push((index, place)),
                None => {
                    let reason = RejectReason::UnknownSeries { series: key };
                    series[index as usize] = Err(reason);
                }
            }
        }
        for (shard, items) in Groups::of(&refs, |(_, place)| place.shard().get()).iter() {
            let shard = ShardIndex::new(shard);
            let catalog = self.shard(shard).catalog.read();
            for item in items {
                let (index, place) = refs[*item as usize];
                let key = shard.series(place.slot());
                let known = catalog.contains(place.slot());
                let unknown = || RejectReason::UnknownSeries { series: key };
                series[index as usize] = known.then_some(key).ok_or_else(unknown);
            }
        }
    }

    /// Looks up the keys that are raw bytes, and decodes those that are not known.
    fn resolve_raw(
        &self,
        batch: &WriteBatch<'_>,
        series: &mut [Result<SeriesRef, RejectReason>],
        wanted: &mut Vec<Wanted>,
    ) {
        let mut keys = Vec::with_capacity(batch.series().len());
        let mut marked: Option<(LabelDecoder, u128)> = None;
        for (index, write) in (0_u32..).zip(batch.series()) {
            let SeriesKey::Raw { bytes, decode } = write.key else { continue };
            if write.is_empty() {
                continue;
            }
            let mark = match marked {
                Some((known, mark)) if std::ptr::fn_addr_eq(known, decode) => mark,
                _ => self.fingerprints.mark_of(decode),
            };
            marked = Some((decode, mark));
            let fingerprint = self.fingerprints.fingerprint(mark, bytes);
            keys.push(RawKey { index, fingerprint });
        }
        let mut missed = Vec::new();
        let retiring = self.is_retiring();
        self.fingerprints.find_all(
            &keys,
            |key| key.fingerprint,
            |key, found| match found {
                Some(found) if !retiring || self.is_known(found) => {
                    series[key.index as usize] = Ok(found);
                }
                _ => missed.push((key.index, key.fingerprint)),
            },
        );
        // In the order of the batch: series that come together then have ascending slots.
        missed.sort_unstable_by_key(|(index, _)| *index);
        let mut builder = LabelsBuilder::default();
        for (index, fingerprint) in missed {
            let SeriesKey::Raw { bytes, decode } = &batch.series()[index as usize].key else {
                continue;
            };
            builder.clear();
            let labels = decode(bytes, &mut builder).and_then(|()| builder.build());
            match labels.and_then(not_empty) {
                Ok(labels) => wanted.push(self.want(index, labels, Some(fingerprint))),
                Err(error) => series[index as usize] = Err(RejectReason::Labels(error)),
            }
        }
    }

    /// Collects the keys that are labels.
    fn want_labels(
        &self,
        batch: &WriteBatch<'_>,
        series: &mut [Result<SeriesRef, RejectReason>],
        wanted: &mut Vec<Wanted>,
    ) {
        for (index, write) in (0_u32..).zip(batch.series()) {
            let SeriesKey::Labels(labels) = &write.key else { continue };
            if write.is_empty() {
                continue;
            }
            match not_empty(labels.clone()) {
                Ok(labels) => wanted.push(self.want(index, labels, None)),
                Err(error) => series[index as usize] = Err(RejectReason::Labels(error)),
            }
        }
    }

    fn want(&self, index: u32, labels: Labels, fingerprint: Option<Fingerprint>) -> Wanted {
        Wanted { index, hash: self.hash_of(&labels), labels, fingerprint }
    }

    /// Finds or creates series by their labels.
    fn resolve_labels(
        &self,
        wanted: &[Wanted],
        series: &mut [Result<SeriesRef, RejectReason>],
        generation: u64,
    ) {
        for (shard, items) in Groups::of(wanted, |w| ShardIndex::of_hash(w.hash).get()).iter() {
            let index = ShardIndex::new(shard);
            let shard = self.shard(index);
            let mut missing = Vec::new();
            let catalog = shard.catalog.read();
            for item in items {
                let want = &wanted[*item as usize];
                match catalog.find(want.hash, &want.labels) {
                    Some(slot) => series[want.index as usize] = Ok(index.series(slot)),
                    None => missing.push(want),
                }
            }
            drop(catalog);
            if !missing.is_empty() {
                self.create(index, shard, &missing, series);
            }
        }
        let mut found = Vec::with_capacity(wanted.len());
        for want in wanted {
            if let (Some(print), Ok(found_series)) =
                (want.fingerprint, &series[want.index as usize])
            {
                found.push((print, *found_series));
            }
        }
        let is_current = || self.generation() == generation;
        self.fingerprints.remember(&found, self.series_count(), is_current);
    }

    fn create(
        &self,
        index: ShardIndex,
        shard: &Shard,
        missing: &[&Wanted],
        series: &mut [Result<SeriesRef, RejectReason>],
    ) {
        let mut catalog = shard.catalog.write();
        for want in missing {
            // Another batch may have been faster, or this one names the series twice.
            let known = catalog.find(want.hash, &want.labels);
            let slot = known.or_else(|| {
                self.count_series()?;
                let slot = catalog.push(want.hash, &want.labels);
                match slot {
                    Some(slot) => {
                        self.new_series.fetch_add(1, Ordering::Relaxed);
                        shard.mark_undefined(slot);
                        shard.slot_end.store(catalog.slot_end(), Ordering::Release);
                    }
                    None => self.uncount_series(),
                }
                slot
            });
            let max = self.options().series_max;
            series[want.index as usize] = match slot {
                Some(slot) => Ok(index.series(slot)),
                None => Err(RejectReason::SeriesLimit { max }),
            };
        }
    }

    /// Counts one more series, unless the limit is reached.
    fn count_series(&self) -> Option<u64> {
        let max = self.options().series_max;
        let more = |count: u64| (count < max).then_some(count + 1);
        self.series_count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()
    }

    fn uncount_series(&self) {
        self.series_count.fetch_sub(1, Ordering::Relaxed);
    }

    /// The series of the batch that are not known to be defined in the log.
    fn undefined_of(
        &self,
        batch: &WriteBatch<'_>,
        series: &[Result<SeriesRef, RejectReason>],
    ) -> Vec<(SeriesRef, Labels)> {
        let some = |shard: &Shard| shard.undefined_count.load(Ordering::Acquire) > 0;
        if !self.shards().any(|(_, shard)| some(shard)) {
            return Vec::new();
        }
        let mut refs: Vec<SeriesRef> = batch
            .series()
            .iter()
            .zip(series)
            .filter(|(write, _)| !write.is_empty())
            .filter_map(|(_, series)| series.as_ref().ok().copied())
            .filter(|series| some(self.shard(SeriesPlace::of(*series).shard())))
            .collect();
        refs.sort_unstable();
        refs.dedup();
        let mut found = Vec::new();
        let shard_of = |series: &SeriesRef| SeriesPlace::of(*series).shard();
        for refs in refs.chunk_by(|a, b| shard_of(a) == shard_of(b)) {
            let index = shard_of(&refs[0]);
            let shard = self.shard(index);
            let mut slots: Vec<u32> =
                refs.iter().map(|series| SeriesPlace::of(*series).slot()).collect();
            let undefined = shard.undefined.lock();
            slots.retain(|slot| undefined.contains(slot));
            drop(undefined);
            let catalog = shard.catalog.read();
            // One that has gone meanwhile moved the generation: this resolution will not be used.
            found.extend(slots.into_iter().filter_map(|slot| {
                let labels = catalog.labels(slot)?;
                Some((index.series(slot), labels))
            }));
        }
        found
    }
}

fn not_empty(labels: Labels) -> Result<Labels, LabelsError> {
    if labels.is_empty() { Err(LabelsError::Empty) } else { Ok(labels) }
}
