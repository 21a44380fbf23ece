//! Merging columns by policy, against a map.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn merged(inputs: &[Columns<'_>], policy: DuplicatePolicy) -> Vec<(i64, u64)> {
    let mut out = SeriesColumns::default();
    merge_columns(inputs, policy, &mut out);
    out.timestamps.into_iter().zip(out.values.into_iter().map(f64::to_bits)).collect()
}

#[test]
fn each_policy_keeps_its_sample() {
    let inputs: [Columns<'_>; 2] = [(&[1, 2, 3], &[1.0, 2.0, 3.0]), (&[2, 4], &[20.0, 40.0])];
    let values = |policy| {
        merged(&inputs, policy)
            .into_iter()
            .map(|(_, bits)| f64::from_bits(bits))
            .collect::<Vec<_>>()
    };
    assert_eq!(values(DuplicatePolicy::Last), [1.0, 20.0, 3.0, 40.0]);
    assert_eq!(values(DuplicatePolicy::First), [1.0, 2.0, 3.0, 40.0]);
    assert_eq!(values(DuplicatePolicy::Reject), [1.0, 2.0, 3.0, 40.0]);
    assert_eq!(values(DuplicatePolicy::All), [1.0, 2.0, 20.0, 3.0, 40.0]);
}

#[test]
fn what_is_in_the_output_already_is_left_alone() {
    let mut out = SeriesColumns::default();
    merge_columns(&[(&[9], &[9.0])], DuplicatePolicy::Last, &mut out);
    merge_columns(&[(&[5], &[5.0]), (&[4], &[4.0])], DuplicatePolicy::Last, &mut out);
    assert_eq!(out.timestamps, [9, 4, 5]);
}

proptest! {
    #[test]
    fn merging_equals_a_map(
        mut inputs in prop::collection::vec(prop::collection::vec((0i64..20, any::<f64>()), 0..20), 0..5),
        last in any::<bool>(),
    ) {
        let mut model = BTreeMap::new();
        for input in &mut inputs {
            input.sort_by_key(|(ts, _)| *ts);
            input.dedup_by_key(|(ts, _)| *ts);
            for (ts, value) in input.iter() {
                if last {
                    model.insert(*ts, value.to_bits());
                } else {
                    model.entry(*ts).or_insert(value.to_bits());
                }
            }
        }
        let columns: Vec<(Vec<i64>, Vec<f64>)> =
            inputs.iter().map(|input| input.iter().copied().unzip()).collect();
        let columns: Vec<Columns<'_>> =
            columns.iter().map(|(ts, values)| (ts.as_slice(), values.as_slice())).collect();
        let policy = if last { DuplicatePolicy::Last } else { DuplicatePolicy::First };
        prop_assert_eq!(merged(&columns, policy), model.into_iter().collect::<Vec<_>>());
    }
}
