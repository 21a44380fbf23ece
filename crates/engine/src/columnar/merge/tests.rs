//! Merging columns by policy, against a map.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// What a sample is, in terms that compare: start, kind, bits of the value or the histogram's sum.
type Value = (i64, bool, u64);

fn columns(samples: &[(i64, Value)]) -> SeriesColumns {
    let mut columns = SeriesColumns::default();
    for (ts, (start, is_histogram, bits)) in samples {
        if *is_histogram {
            let histogram = Histogram { sum: f64::from_bits(*bits), ..Histogram::stale() };
            columns.histograms.push(*ts, *start, histogram);
        } else {
            columns.push(*ts, *start, f64::from_bits(*bits));
        }
    }
    columns
}

/// All samples; floats before histograms of the same instant.
fn samples(columns: &SeriesColumns) -> Vec<(i64, Value)> {
    assert!(columns.timestamps.is_sorted() && columns.histograms.timestamps.is_sorted());
    let start = |starts: &[i64], index: usize| starts.get(index).copied().unwrap_or(0);
    let floats = columns.timestamps.iter().zip(&columns.values).enumerate();
    let floats = floats.map(|(n, (ts, v))| (*ts, (start(&columns.starts, n), false, v.to_bits())));
    let column = &columns.histograms;
    let histograms = column.timestamps.iter().zip(&column.values).enumerate();
    let histograms =
        histograms.map(|(n, (ts, v))| (*ts, (start(&column.starts, n), true, v.sum.to_bits())));
    let mut all: Vec<_> = floats.chain(histograms).collect();
    all.sort_by_key(|(ts, (_, is_histogram, _))| (*ts, *is_histogram));
    all
}

fn merged(inputs: &[&[(i64, Value)]], policy: DuplicatePolicy) -> Vec<(i64, Value)> {
    let mut inputs: Vec<SeriesColumns> = inputs.iter().map(|input| columns(input)).collect();
    let mut out = SeriesColumns::default();
    merge_columns(&mut inputs, policy, &mut out);
    assert!(inputs.iter().all(SeriesColumns::is_empty));
    samples(&out)
}

#[test]
fn each_policy_keeps_its_sample_whatever_the_kind() {
    let float = |value: u64| (0, false, value);
    let histogram = |value: u64| (7, true, value);
    let inputs: [&[(i64, Value)]; 2] = [
        &[(1, float(1)), (2, float(2)), (3, histogram(3))],
        &[(2, histogram(20)), (3, float(30)), (4, float(40))],
    ];
    let first = [(1, float(1)), (2, float(2)), (3, histogram(3)), (4, float(40))];
    let last = [(1, float(1)), (2, histogram(20)), (3, float(30)), (4, float(40))];
    assert_eq!(merged(&inputs, DuplicatePolicy::Last), last);
    assert_eq!(merged(&inputs, DuplicatePolicy::First), first);
    assert_eq!(merged(&inputs, DuplicatePolicy::Reject), first);
    assert_eq!(merged(&inputs, DuplicatePolicy::All).len(), 6);
}

#[test]
fn what_is_in_the_output_already_is_left_alone() {
    let mut out = columns(&[(9, (0, false, 9)), (9, (0, true, 9))]);
    let mut inputs = [columns(&[(5, (0, true, 5))]), columns(&[(4, (1, false, 4))])];
    merge_columns(&mut inputs, DuplicatePolicy::Last, &mut out);
    assert_eq!((out.timestamps, out.starts), (vec![9, 4], vec![0, 1]));
    assert_eq!(out.histograms.timestamps, [9, 5]);
}

#[test]
fn an_older_policys_duplicates_go_when_they_are_read() {
    let twice = [(1, (0, false, 1)), (1, (0, false, 2)), (1, (0, true, 3))];
    for (policy, left) in [
        (DuplicatePolicy::Last, vec![twice[2]]),
        (DuplicatePolicy::First, vec![twice[0]]),
        (DuplicatePolicy::All, twice.to_vec()),
    ] {
        let mut out = columns(&twice);
        keep_by_policy(&mut out, ColumnsMark::default(), policy);
        assert_eq!(samples(&out), left);
    }
}

#[test]
fn exemplars_are_in_order_and_each_is_there_once() {
    let exemplar = |ts, value| Exemplar { labels: timberline_model::Labels::empty(), value, ts };
    let mut exemplars: Vec<Exemplar> =
        [(2, 1.0), (3, f64::NAN), (1, 5.0), (2, 2.0), (2, 1.0), (3, f64::NAN)]
            .map(|(ts, value)| exemplar(ts, value))
            .into();
    merge_exemplars(&mut exemplars);
    let right = [(1, 5.0), (2, 1.0), (2, 2.0), (3, f64::NAN)];
    assert_eq!(exemplars, right.map(|(ts, value)| exemplar(ts, value)));
}

proptest! {
    #[test]
    fn merging_equals_a_map(
        mut inputs in prop::collection::vec(
            prop::collection::vec((0i64..20, (0i64..2, any::<bool>(), any::<u64>())), 0..20),
            0..5,
        ),
        last in any::<bool>(),
    ) {
        let mut model = BTreeMap::new();
        for input in &mut inputs {
            input.sort_by_key(|(ts, _)| *ts);
            input.dedup_by_key(|(ts, _)| *ts);
            for (ts, value) in input.iter() {
                if last {
                    model.insert(*ts, *value);
                } else {
                    model.entry(*ts).or_insert(*value);
                }
            }
        }
        let inputs: Vec<&[(i64, Value)]> = inputs.iter().map(Vec::as_slice).collect();
        let policy = if last { DuplicatePolicy::Last } else { DuplicatePolicy::First };
        prop_assert_eq!(merged(&inputs, policy), model.into_iter().collect::<Vec<_>>());
    }
}
