//! Incremental states against naive computing.

use proptest::prelude::*;

use crate::subscribe::stats::{Aggregate, Stats};

fn naive(samples: &[(i64, f64)], aggregate: Aggregate) -> Option<f64> {
    let values = samples.iter().map(|sample| sample.1);
    let count = samples.len() as f64;
    let sum: f64 = values.clone().sum();
    let squares = values.clone().map(|value| (value - sum / count).powi(2)).sum::<f64>();
    let some = !samples.is_empty();
    match aggregate {
        Aggregate::Count => Some(count),
        Aggregate::Sum => some.then_some(sum),
        Aggregate::Avg => some.then(|| sum / count),
        Aggregate::Min => values.reduce(f64::min),
        Aggregate::Max => values.reduce(f64::max),
        Aggregate::First => samples.iter().min_by_key(|sample| sample.0).map(|sample| sample.1),
        Aggregate::Last => samples.iter().max_by_key(|sample| sample.0).map(|sample| sample.1),
        Aggregate::StddevPop => some.then(|| (squares / count).sqrt()),
        Aggregate::Stddev => (samples.len() > 1).then(|| (squares / (count - 1.0)).sqrt()),
    }
}

const ALL: [Aggregate; 9] = [
    Aggregate::Count,
    Aggregate::Sum,
    Aggregate::Avg,
    Aggregate::Min,
    Aggregate::Max,
    Aggregate::First,
    Aggregate::Last,
    Aggregate::StddevPop,
    Aggregate::Stddev,
];

proptest! {
    #[test]
    fn states_that_grew_and_merged_in_any_order_say_what_all_samples_say(
        values in prop::collection::vec((-1e6..1e6_f64, 0..4_usize), 0..60),
    ) {
        // Instants differ, and the parts take them in no order.
        let samples: Vec<(i64, f64)> = values.iter().enumerate()
            .map(|(index, (value, _))| ((index as i64 * 37) % 61, *value))
            .collect();
        let mut parts = [Stats::default(); 4];
        for ((ts, value), (_, part)) in samples.iter().zip(&values) {
            parts[*part].push(*ts, *value);
        }
        let mut merged = Stats::default();
        parts.iter().rev().for_each(|part| merged.merge(part));
        for aggregate in ALL {
            let (found, wanted) = (merged.get(aggregate), naive(&samples, aggregate));
            let near = match (found, wanted) {
                (Some(found), Some(wanted)) => (found - wanted).abs() <= 1e-6 * (1.0 + wanted.abs()),
                (found, wanted) => found == wanted,
            };
            prop_assert!(near, "{:?}: {:?} instead of {:?}", aggregate, found, wanted);
        }
    }
}

#[test]
fn a_sum_keeps_what_cancels_out() {
    let mut stats = Stats::default();
    for (ts, value) in [1.0, 1e100, 1.0, -1e100].into_iter().enumerate() {
        stats.push(ts as i64, value);
    }
    assert_eq!(stats.get(Aggregate::Sum), Some(2.0));
    stats.push(9, f64::INFINITY);
    assert_eq!(stats.get(Aggregate::Sum), Some(f64::INFINITY));
}
