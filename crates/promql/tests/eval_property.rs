//! Random expressions over floats and native histograms: none panics, and neither the number of steps nor
//! that of threads makes a difference.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::num::NonZeroUsize;

use proptest::prelude::*;
use timberline_model::{
    BucketCounts, BucketSpan, CUSTOM_BUCKETS_SCHEMA, Histogram, Labels, ResetHint,
};
use timberline_promql::{
    eval::{Limits, Query, SampleValue, Value, evaluate, memory::MemorySource},
    function_signatures, parse,
};

const SECOND: i64 = 1_000_000_000;

/// One of several histograms that differ in everything.
fn histogram(kind: u64, at: u64) -> Histogram {
    let count = 3 + at % 7;
    let custom = kind % 3 == 2;
    let hints = [ResetHint::Unknown, ResetHint::NotReset, ResetHint::Gauge, ResetHint::Reset];
    let negative = if custom { 0 } else { 2 };
    let zero_count = if custom { 0 } else { at % 3 };
    Histogram {
        reset_hint: hints[(kind / 3 % 4) as usize],
        schema: if custom { CUSTOM_BUCKETS_SCHEMA } else { (kind % 2) as i8 },
        zero_threshold: if custom { 0.0 } else { [0.0, 0.5, 1.0][(at % 3) as usize] },
        sum: if at % 11 == 10 { f64::NAN } else { at as f64 - 4.0 },
        positive_spans: vec![BucketSpan { offset: 1, length: 2 }],
        negative_spans: if custom { Vec::new() } else { vec![BucketSpan { offset: 2, length: 2 }] },
        custom_values: if custom { vec![-1.0, 1.0 + (at % 2) as f64, 5.0] } else { Vec::new() },
        counts: BucketCounts::Integer {
            count: count + 1 + negative + zero_count,
            zero_count,
            positive: vec![count, 1],
            negative: vec![1; negative as usize],
        },
    }
}

/// Series of floats, of histograms of each kind, and of both.
fn source() -> MemorySource {
    let mut source = MemorySource::default();
    for series in 0..9_u64 {
        let (job, name) = (["a", "b", "c"][(series % 3) as usize], ["f", "h", "m"]);
        let name = name[(series / 3) as usize];
        let pairs = [("__name__", name), ("job", job), ("le", "2")];
        let labels = Labels::from_pairs(pairs).unwrap();
        for at in 0..30_u64 {
            let ts = at as i64 * 10 * SECOND;
            let is_histogram = name == "h" || name == "m" && (at / 4 + series) % 2 == 0;
            match (at + series) % 13 {
                12 => {}
                11 if is_histogram => source.push_histogram(&labels, ts, Histogram::stale()),
                _ if is_histogram => {
                    source.push_histogram(&labels, ts, histogram(series + at / 15, at));
                }
                _ => source.push(&labels, ts, (at * (series + 1) % 17) as f64 - 2.0),
            }
        }
    }
    source
}

fn scalar() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["0", "0.5", "1", "2", "-3", "Inf", "-Inf", "NaN", "time()", "1e300"])
        .prop_map(str::to_owned)
}

fn selector() -> impl Strategy<Value = String> {
    let names = vec!["f", "h", "m", "h{job='a'}", "{job=~'a|b'}", "m offset 20s", "h @ 150"];
    prop::sample::select(names).prop_map(str::to_owned)
}

fn aggregation(expr: &str, op: &str, grouping: &str) -> String {
    match op {
        "topk" | "bottomk" | "limitk" => format!("{op} {grouping} (2, {expr})"),
        "quantile" | "limit_ratio" => format!("{op} {grouping} (0.5, {expr})"),
        // Its labels are digits, and the last of them depends on the order of additions.
        "count_values" => format!("{op} {grouping} ('value', round({expr}, 0.001))"),
        _ => format!("{op} {grouping} ({expr})"),
    }
}

/// Functions of ranges, with what stands before and behind the range.
fn range_functions() -> Vec<(&'static str, &'static str, &'static str)> {
    let plain = function_signatures().iter().filter(|one| {
        one.name.ends_with("_over_time")
            || ["rate", "increase", "delta", "irate", "idelta", "deriv", "changes", "resets"]
                .contains(&one.name)
    });
    let mut found: Vec<_> = plain
        .map(|one| match one.name {
            "quantile_over_time" => (one.name, "0.5, ", ""),
            name => (name, "", ""),
        })
        .collect();
    found.extend([
        ("predict_linear", "", ", 60"),
        ("double_exponential_smoothing", "", ", 0.5, 0.5"),
    ]);
    found
}

fn vector() -> impl Strategy<Value = String> {
    let range = (prop::sample::select(range_functions()), selector());
    let leaf = prop_oneof![
        2 => selector(),
        3 => range.prop_map(|((name, before, behind), selector)| {
            // The range comes before `offset` and `@`.
            let (selector, modifier) = match selector.split_once(' ') {
                Some((selector, modifier)) => (selector.to_owned(), format!(" {modifier}")),
                None => (selector, String::new()),
            };
            format!("{name}({before}{selector}[75s]{modifier}{behind})")
        }),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        let functions = vec![
            "abs",
            "histogram_count",
            "histogram_sum",
            "histogram_avg",
            "histogram_stddev",
            "histogram_stdvar",
            "absent",
            "timestamp",
            "-",
            "sgn",
        ];
        let operators = vec![
            "+", "-", "*", "/", "%", "^", "==", "!=", "<", ">= bool", "== bool", "</", ">/",
            "atan2",
        ];
        let sets = vec!["and", "or", "unless"];
        let aggregations = vec![
            "sum",
            "avg",
            "count",
            "group",
            "min",
            "max",
            "stddev",
            "stdvar",
            "topk",
            "bottomk",
            "limitk",
            "limit_ratio",
            "quantile",
            "count_values",
        ];
        let groupings = vec!["", "by (job)", "without (job)"];
        let range = prop::sample::select(range_functions());
        prop_oneof![
            (prop::sample::select(functions), inner.clone())
                .prop_map(|(name, expr)| format!("{name}({expr})")),
            (prop::sample::select(aggregations), prop::sample::select(groupings), inner.clone())
                .prop_map(|(op, grouping, expr)| aggregation(&expr, op, grouping)),
            (prop::sample::select(operators.clone()), inner.clone(), scalar())
                .prop_map(|(op, expr, scalar)| format!("({expr} {op} {scalar})")),
            (prop::sample::select(operators.clone()), inner.clone(), scalar())
                .prop_map(|(op, expr, scalar)| format!("({scalar} {op} {expr})")),
            (prop::sample::select(operators), inner.clone(), inner.clone())
                .prop_map(|(op, a, b)| format!("({a} {op} on(job) {b})")),
            (prop::sample::select(sets), inner.clone(), inner.clone())
                .prop_map(|(op, a, b)| format!("({a} {op} on(job) {b})")),
            (scalar(), inner.clone()).prop_map(|(q, e)| format!("histogram_quantile({q}, {e})")),
            (scalar(), scalar(), inner.clone())
                .prop_map(|(a, b, expr)| format!("histogram_fraction({a}, {b}, {expr})")),
            (scalar(), inner.clone())
                .prop_map(|(q, expr)| format!("histogram_quantiles({expr}, 'q', {q})")),
            (range, inner).prop_map(|((name, before, behind), expr)| {
                format!("{name}({before}({expr})[60s:15s]{behind})")
            }),
        ]
    })
}

/// A value as text, floats rounded so that the order of additions does not show.
fn rounded(value: &SampleValue) -> String {
    let float = |value: &f64| if *value == 0.0 { "0".to_owned() } else { format!("{value:.6e}") };
    match value {
        SampleValue::Float(value) => float(value),
        SampleValue::Histogram(histogram) => {
            let buckets: Vec<_> = histogram
                .buckets()
                .iter()
                .map(|b| [b.lower, b.upper, b.count].iter().map(float).collect::<Vec<_>>())
                .collect();
            let BucketCounts::Float { count, .. } = &histogram.counts else {
                panic!("whole counts in an answer: {histogram:?}");
            };
            format!("{} {} {buckets:?}", float(count), float(&histogram.sum))
        }
    }
}

/// Answers by series, each a value or none for every step; or the error.
type Answer = Result<Vec<(String, Vec<Option<String>>)>, String>;

fn ask(source: &MemorySource, text: &str, times: (i64, i64, i64), threads: usize) -> Answer {
    let expr = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let (start, end, step) = times;
    let query = Query::range(&expr, start * SECOND, end * SECOND, step * SECOND);
    let limits = Limits { partitions: NonZeroUsize::new(threads).unwrap(), ..Limits::default() };
    let result = evaluate(source, &query, &limits).map_err(|error| error.to_string())?;
    let mut found = match result.value {
        Value::Vector(found) => found
            .iter()
            .map(|one| (one.labels.to_string(), vec![Some(rounded(&one.value))]))
            .collect::<Vec<_>>(),
        Value::Matrix(found) => {
            let series = found.into_iter().map(|one| {
                let mut steps = vec![None; ((end - start) / step) as usize + 1];
                let place = |ts: i64| ((ts / SECOND - start) / step) as usize;
                for (ts, value) in one.timestamps.iter().zip(one.values) {
                    steps[place(*ts)] = Some(rounded(&SampleValue::Float(value)));
                }
                for (ts, histogram) in one.histograms {
                    let before =
                        steps[place(ts)].replace(rounded(&SampleValue::Histogram(histogram)));
                    assert!(before.is_none(), "two values of one time: {text}");
                }
                (one.labels.to_string(), steps)
            });
            series.collect()
        }
        other => panic!("{text}: {other:?}"),
    };
    found.sort();
    Ok(found)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_range_is_its_instants_whatever_the_threads(text in vector()) {
        let source = source();
        let (start, end, step) = (100, 220, 40);
        let range = ask(&source, &text, (start, end, step), 1);
        let parallel = ask(&source, &text, (start, end, step), 3);
        // Of several reasons to fail, threads may meet another one first.
        prop_assert_eq!(range.is_ok(), parallel.is_ok(), "{}", &text);
        let (Ok(range), Ok(parallel)) = (range, parallel) else { return Ok(()) };
        prop_assert_eq!(&range, &parallel, "{}", &text);
        for (index, at) in (start..=end).step_by(step as usize).enumerate() {
            let Ok(instant) = ask(&source, &text, (at, at, 0), 1) else { continue };
            let expected: Vec<_> = range
                .iter()
                .filter_map(|(labels, steps)| Some((labels, steps[index].as_ref()?)))
                .collect();
            let instant: Vec<_> = instant
                .iter()
                .map(|(labels, steps)| (labels, steps[0].as_ref().unwrap()))
                .collect();
            prop_assert_eq!(instant, expected, "{} at {}", &text, at);
        }
    }
}
