//! Finding and creating series.

use std::sync::atomic::{AtomicUsize, Ordering};

use timberline_model::{
    Labels, LabelsBuilder, LabelsError, Matcher, RejectReason, SeriesKey, SeriesRef, WriteBatch,
};

use super::{
    super::{Head, HeadOptions, SeriesPlace},
    support::{MILLI, batch_of, head, labels, raw},
};

fn resolved(head: &Head, batch: &WriteBatch<'_>) -> Vec<Result<SeriesRef, RejectReason>> {
    head.resolve(batch).series
}

#[test]
fn every_kind_of_key_leads_to_one_series() {
    let head = head(Default::default());
    let sets: Vec<Labels> = (0..500).map(labels).collect();
    let first = resolved(&head, &batch_of(sets.iter().map(raw)));
    assert_eq!(resolved(&head, &batch_of(sets.iter().map(raw))), first);
    assert_eq!(resolved(&head, &batch_of(sets.iter().cloned().map(SeriesKey::Labels))), first);
    let refs = first.iter().map(|series| SeriesKey::Ref(series.clone().expect("resolved")));
    assert_eq!(resolved(&head, &batch_of(refs)), first);
    assert_eq!(head.series_count(), 500);
    for (series, set) in first.iter().zip(&sets) {
        let series = series.clone().expect("resolved");
        assert_eq!(head.labels(series).as_ref(), Some(set));
        assert_eq!(head.label_hash(series), Some(set.hash()));
        assert_eq!(head.find(set), Some(series));
        assert_eq!(
            head.select(&[Matcher::equal("host", set.get("host").expect("has it"))]),
            [series]
        );
    }
    assert_eq!(head.select(&[]).len(), 500);
    assert_eq!(head.stats().fingerprints, 500);
}

#[test]
fn new_series_get_ascending_slots_in_the_order_of_the_batch() {
    let head = head(Default::default());
    let sets: Vec<Labels> = (0..2_000).map(labels).collect();
    let mut slots = [const { Vec::new() }; 16];
    for series in resolved(&head, &batch_of(sets.iter().map(raw))) {
        let place = SeriesPlace::of(series.expect("resolved"));
        slots[place.shard().get()].push(place.slot());
    }
    for slots in slots {
        assert_eq!(slots, (0..slots.len() as u32).collect::<Vec<_>>());
    }
}

#[test]
fn one_series_named_twice_in_a_batch_is_one_series() {
    let head = head(Default::default());
    let set = labels(1);
    let batch = batch_of([raw(&set), SeriesKey::Labels(set.clone()), raw(&set)]);
    let resolution = head.resolve(&batch);
    assert!(resolution.series.iter().all(|series| *series == resolution.series[0]));
    assert_eq!(resolution.undefined.len(), 1);
    assert_eq!(head.series_count(), 1);
}

#[test]
fn a_series_without_samples_is_not_created() {
    let head = head(Default::default());
    let set = labels(1);
    let mut batch = WriteBatch::default();
    batch.push_series(raw(&set));
    batch.push_labels(labels(2));
    batch.push_ref(SeriesRef(u64::MAX));
    let resolution = head.resolve(&batch);
    assert!(resolution.series.iter().all(Result::is_ok));
    assert!(resolution.undefined.is_empty());
    assert_eq!(head.series_count(), 0);
}

#[test]
fn a_series_is_undefined_until_its_definition_is_logged() {
    let head = head(Default::default());
    let sets: Vec<Labels> = (0..40).map(labels).collect();
    let batch = batch_of(sets.iter().map(raw));
    let first = head.resolve(&batch);
    assert_eq!(first.undefined.len(), 40);
    assert!(first.undefined.is_sorted_by_key(|(series, _)| *series));
    assert!(first.undefined.iter().all(|(series, set)| head.labels(*series).as_ref() == Some(set)));
    // The log was full: nothing was marked, so the next batch defines them too.
    let second = head.resolve(&batch);
    assert_eq!(second.undefined, first.undefined);
    let (marked, rest) = second.undefined.split_at(15);
    head.mark_defined(&marked.iter().map(|(series, _)| *series).collect::<Vec<_>>());
    assert_eq!(head.resolve(&batch).undefined, rest);
    let refs: Vec<SeriesRef> = rest.iter().map(|(series, _)| *series).collect();
    let by_ref = batch_of(refs.iter().copied().map(SeriesKey::Ref));
    assert_eq!(head.resolve(&by_ref).undefined, rest);
    head.mark_defined(&refs);
    assert!(head.resolve(&batch).undefined.is_empty());
}

#[test]
fn the_limit_is_on_creation_only() {
    let head = Head::new(HeadOptions { series_max: 3, ..HeadOptions::default() });
    let sets: Vec<Labels> = (0..5).map(labels).collect();
    let results = resolved(&head, &batch_of(sets.iter().map(raw)));
    let refused = RejectReason::SeriesLimit { max: 3 };
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 3);
    assert_eq!(results.iter().filter(|result| **result == Err(refused.clone())).count(), 2);
    assert_eq!(resolved(&head, &batch_of(sets.iter().map(raw))), results);
    let sixth = labels(6);
    let place = super::super::ShardIndex::of_hash(sixth.hash()).series(9);
    head.define(place, &sixth).expect("recovery knows no limit");
    assert_eq!(head.series_count(), 4);
}

#[test]
fn keys_that_are_none_are_refused_one_by_one() {
    let head = head(Default::default());
    let good = labels(1);
    let repeated = [1, b'a', 1, b'1', 1, b'a', 1, b'2'];
    let key = |bytes| SeriesKey::Raw { bytes, decode: Labels::decode_canonical };
    let unknown = SeriesRef(5);
    let batch = batch_of([
        key(&repeated),
        raw(&good),
        key(&[9]),
        key(&[]),
        SeriesKey::Ref(unknown),
        SeriesKey::Ref(SeriesRef(u64::MAX)),
        SeriesKey::Labels(Labels::empty()),
    ]);
    let results = resolved(&head, &batch);
    let labels_error = |index: usize| match &results[index] {
        Err(RejectReason::Labels(error)) => error.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(labels_error(0), LabelsError::RepeatedName { name: "a".into() });
    assert!(results[1].is_ok());
    assert!(matches!(labels_error(2), LabelsError::Malformed { .. }));
    assert_eq!(labels_error(3), LabelsError::Empty);
    assert_eq!(results[4], Err(RejectReason::UnknownSeries { series: unknown }));
    assert_eq!(results[5], Err(RejectReason::UnknownSeries { series: SeriesRef(u64::MAX) }));
    assert_eq!(labels_error(6), LabelsError::Empty);
    assert_eq!(head.series_count(), 1);
}

static DECODED: AtomicUsize = AtomicUsize::new(0);

fn counting_decoder(bytes: &[u8], builder: &mut LabelsBuilder) -> Result<(), LabelsError> {
    DECODED.fetch_add(1, Ordering::Relaxed);
    Labels::decode_canonical(bytes, builder)
}

#[test]
fn labels_of_known_series_are_not_decoded_again() {
    let head = head(Default::default());
    let sets: Vec<Labels> = (0..300).map(labels).collect();
    let keys = || {
        let key = |set| SeriesKey::Raw { bytes: Labels::as_bytes(set), decode: counting_decoder };
        sets.iter().map(key)
    };
    let first = resolved(&head, &batch_of(keys()));
    assert_eq!(DECODED.load(Ordering::Relaxed), 300);
    assert_eq!(resolved(&head, &batch_of(keys())), first);
    assert_eq!(DECODED.load(Ordering::Relaxed), 300);
}

#[test]
fn colliding_hashes_do_not_mix_series_up() {
    for hash in [|_: &Labels| 42, |labels: &Labels| labels.hash() & (0xf << 60)] {
        let head = Head::with_hash(HeadOptions::default(), hash);
        let sets: Vec<Labels> = (0..200).map(labels).collect();
        let mut batch = WriteBatch::default();
        for set in &sets {
            batch.push_series(raw(set));
            batch.push_sample(MILLI, 1.0);
        }
        let series = resolved(&head, &batch);
        assert_eq!(head.series_count(), 200);
        for (series, set) in series.into_iter().zip(&sets) {
            let series = series.expect("resolved");
            assert_eq!(head.labels(series).as_ref(), Some(set));
            assert_eq!(head.find(set), Some(series));
        }
        assert_eq!(head.find(&labels(999)), None);
    }
}
