//! Properties: a range query is the instant queries of its steps, however it is computed.

use std::{collections::BTreeMap, num::NonZeroUsize};

use proptest::prelude::*;
use timberline_model::{Labels, STALE_NAN};

use super::{
    super::{
        Limits, Value,
        budget::Budget,
        column::StepColumn,
        compensated,
        memory::MemorySource,
        over_time,
        rate::Samples,
        sliding::{Extreme, Sum, slide},
        steps::{Sight, Steps, Windows},
    },
    ask, ask_range, matrix,
};

/// Queries that take every path of the evaluator.
const QUERIES: [&str; 40] = [
    "m",
    "-m",
    "m offset 13s",
    "m @ 40",
    "rate(m[50s])",
    "increase(m[1m])",
    "delta(m[31s])",
    "irate(m[1m])",
    "deriv(m[1m])",
    "predict_linear(m[1m], 30)",
    "sum_over_time(m[45s])",
    "avg_over_time(m[2m])",
    "min_over_time(m[2m])",
    "max_over_time(m[2m])",
    "stddev_over_time(m[1m])",
    "quantile_over_time(0.3, m[1m])",
    "changes(m[1m])",
    "resets(m[1m])",
    "count_over_time(m[10s])",
    "last_over_time(m[20s])",
    "timestamp(m)",
    "absent(m{a='0'})",
    "absent_over_time(m[5s])",
    "sum(m)",
    "sum by (b) (rate(m[1m]) * 2)",
    "avg by (b) (m)",
    "max without (a) (m > 2)",
    "count(m)",
    "stddev(m)",
    "quantile(0.7, m)",
    "topk(2, m)",
    "count_values('v', clamp(m, 0, 3))",
    "m > bool on (a) group_left () max by (a) (m)",
    "m and on (a) (m > 3)",
    "m unless (m < 3)",
    "(m > 4) or (m < 2)",
    "m + on (a, b) m offset 20s",
    "sum_over_time(m[1m:7s])",
    "max_over_time(sum(m)[40s:10s] offset 5s)",
    "scalar(sum(m)) + time()",
];

fn samples() -> impl Strategy<Value = Vec<(i64, f64)>> {
    let value = prop_oneof![
        8 => (0..8).prop_map(f64::from),
        1 => Just(STALE_NAN),
        1 => Just(f64::NAN),
    ];
    prop::collection::vec((0..160_i64, value), 0..25)
}

fn source() -> impl Strategy<Value = MemorySource> {
    prop::collection::vec(samples(), 4).prop_map(|series| {
        let mut source = MemorySource::default();
        for (index, samples) in series.iter().enumerate() {
            let (a, b) = ((index / 2).to_string(), (index % 2).to_string());
            let labels = [("__name__", "m"), ("a", &a), ("b", &b)];
            let labels = Labels::from_pairs(labels).unwrap();
            for (ts, value) in samples {
                source.push(&labels, ts * super::SECOND, *value);
            }
        }
        source
    })
}

/// What instant queries give at every step.
fn one_by_one(
    source: &MemorySource,
    query: &str,
    steps: &[i64],
) -> BTreeMap<Labels, Vec<(i64, f64)>> {
    let mut found: BTreeMap<Labels, Vec<(i64, f64)>> = BTreeMap::new();
    for at in steps {
        match ask(source, query, *at).unwrap().value {
            Value::Vector(vector) => {
                for one in vector {
                    found.entry(one.labels).or_default().push((*at, one.value.float().unwrap()));
                }
            }
            Value::Scalar(sample) => {
                found.entry(Labels::empty()).or_default().push((*at, sample.value));
            }
            other => panic!("{other:?}"),
        }
    }
    found
}

/// Bit for bit, NaN and the sign of zero set aside.
fn same(a: &[(i64, f64)], b: &[(i64, f64)]) -> bool {
    let close = |a: f64, b: f64| {
        (a.is_nan() && b.is_nan()) || a == b || (a - b).abs() <= 1e-12 * a.abs().max(b.abs())
    };
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && close(a.1, b.1))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_range_query_is_the_instant_queries_of_its_steps(
        source in source(),
        start in 0..60_i64,
        step in 1..30_i64,
        count in 1..9_i64,
        partitions in 1..4_usize,
    ) {
        let end = start + step * (count - 1);
        let steps: Vec<i64> = (0..count).map(|index| start + step * index).collect();
        let partitions = NonZeroUsize::new(partitions).unwrap();
        let limits = Limits { partitions, ..Limits::default() };
        for query in QUERIES {
            let result = ask_range(&source, query, (start, end, step), &limits).unwrap();
            let found: BTreeMap<_, _> = matrix(result.value).into_iter().collect();
            let wanted = one_by_one(&source, query, &steps);
            prop_assert!(found.keys().eq(wanted.keys()), "{query}: {found:?} {wanted:?}");
            for (labels, samples) in &found {
                prop_assert!(same(samples, &wanted[labels]), "{query}: {found:?} {wanted:?}");
            }
        }
    }

    #[test]
    fn sliding_windows_agree_with_looking_at_every_sample(
        gaps in prop::collection::vec((1..40_i64, -1_000..1_000_i32), 0..300),
        range in 1..2_000_i64,
        step in 1..50_i64,
        fixed in prop::option::of(0..2_000_i64),
    ) {
        let mut ts = 0;
        let (timestamps, values): (Vec<i64>, Vec<f64>) = gaps
            .iter()
            .map(|(gap, value)| {
                ts += gap;
                (ts, if *value == 999 { f64::NAN } else { f64::from(*value) })
            })
            .unzip();
        let samples = Samples { timestamps: &timestamps, values: &values };
        let sight = Sight { steps: Steps::new(0, 3_000, step, 10_000).unwrap(), fixed, offset: 7 };
        let limits = Limits::default();
        let windows = Windows { sight: &sight, range, budget: &Budget::new(&limits) };
        let mut columns = [(); 3].map(|()| StepColumn::absent(sight.steps.count()));
        slide::<Sum>(samples, windows, &mut columns[0]);
        slide::<Extreme<false>>(samples, windows, &mut columns[1]);
        slide::<Extreme<true>>(samples, windows, &mut columns[2]);
        let mut seen = 0;
        windows.each(&timestamps, |at, low, high| {
            let window = &values[low..high];
            let wanted = [compensated::sums([window; compensated::LANES])[0], over_time::min(window), over_time::max(window)];
            // Whole numbers add up exactly in any order.
            for (column, wanted) in columns.iter().zip(wanted) {
                assert_eq!(column.get(at).unwrap().to_bits() << 1, wanted.to_bits() << 1);
            }
            seen += 1;
        });
        prop_assert_eq!(seen, columns[0].value_count());
    }

    #[test]
    fn windows_hold_what_lies_in_them(
        gaps in prop::collection::vec(0..20_i64, 0..60),
        range in 1..100_i64,
        step in 1..50_i64,
        start in -50..50_i64,
    ) {
        let mut ts = 0;
        let timestamps: Vec<i64> = gaps.iter().map(|gap| { ts += gap; ts }).collect();
        let sight = Sight { steps: Steps::new(start, 600, step, 1_000).unwrap(), fixed: None, offset: 0 };
        let limits = Limits::default();
        let windows = Windows { sight: &sight, range, budget: &Budget::new(&limits) };
        let mut found = BTreeMap::new();
        windows.each(&timestamps, |at, low, high| {
            found.insert(at, timestamps[low..high].to_vec());
        });
        for at in 0..sight.steps.count() {
            let end = sight.at(at);
            let wanted: Vec<i64> =
                timestamps.iter().copied().filter(|ts| end - range < *ts && *ts <= end).collect();
            prop_assert_eq!(found.get(&at).cloned().unwrap_or_default(), wanted);
        }
    }
}
