//! What a query may not do, and how it is told.

use std::{
    num::NonZeroUsize,
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use timberline_model::ErrorKind;

use super::{
    super::{EvalError, Limits, memory::MemorySource},
    ask, ask_range, source,
};
use crate::ValueType;

fn data() -> MemorySource {
    source(&[
        ("m{a=\"1\"}", &[(0, 1.0), (10, 2.0), (20, 3.0)]),
        ("m{a=\"2\"}", &[(0, 1.0), (10, 2.0), (20, 3.0)]),
    ])
}

fn refused(limits: &Limits, query: &str) -> EvalError {
    ask_range(&data(), query, (0, 100, 10), limits).unwrap_err()
}

#[test]
fn steps_samples_and_series_are_limited() {
    let error = refused(&Limits { steps_max: 10, ..Limits::default() }, "m");
    assert_eq!((error.kind(), error.to_string().contains("11 steps")), (ErrorKind::Limit, true));
    for query in ["m", "sum(m)", "m[1m:1s]", "vector(1)[1m:1s]"] {
        let query = if query.contains('[') {
            format!("count_over_time({query})")
        } else {
            query.to_owned()
        };
        let error = refused(&Limits { samples_max: 5, ..Limits::default() }, &query);
        assert!(matches!(error, EvalError::TooManySamples { max: 5 }), "{query}: {error}");
    }
    let error = refused(&Limits { series_max: 1, ..Limits::default() }, "sum(m)");
    assert!(matches!(error, EvalError::TooManySeries { max: 1 }), "{error}");
}

#[test]
fn a_deadline_and_a_cancellation_end_a_query() {
    let late = Limits { deadline: Some(Instant::now()), ..Limits::default() };
    assert_eq!(refused(&late, "m").kind(), ErrorKind::Timeout);
    let canceled = Limits { canceled: Arc::new(AtomicBool::new(true)), ..Limits::default() };
    assert_eq!(refused(&canceled, "m").kind(), ErrorKind::Canceled);
}

#[test]
fn distinct_values_are_charged_before_there_is_room_for_them() {
    // Each of 300,000 values would take a column of as many steps: 720 GB.
    let query = "count_over_time(count_values('v', vector(time()))[300000s:1s])";
    let limits = Limits { samples_max: 10_000_000, ..Limits::default() };
    let error = ask_range(&data(), query, (0, 10, 10), &limits).unwrap_err();
    assert!(matches!(error, EvalError::TooManySamples { .. }), "{error}");
}

#[test]
fn columns_made_of_nothing_are_charged() {
    let limits = Limits { samples_max: 500, ..Limits::default() };
    for part in ["time()", "vector(time())", "hour()", "absent(nope)", "scalar(nope)"] {
        // Each level's left side is there until its right side is.
        let query = format!("{}1{}", format!("{part} + (").repeat(20), ")".repeat(20));
        let error = ask_range(&data(), &query, (0, 1_000, 10), &limits).unwrap_err();
        assert!(matches!(error, EvalError::TooManySamples { .. }), "{part}: {error}");
    }
}

#[test]
fn a_single_series_with_long_windows_ends_at_the_deadline() {
    // Hours of work, in one series: 300,000 samples in each of 3,000 windows.
    for function in ["quantile_over_time(0.5, ", "stddev_over_time(", "deriv(", "mad_over_time("] {
        let query = format!("{function}(vector(time() % 7))[300000s:1s])");
        let begun = Instant::now();
        let deadline = begun.checked_add(Duration::from_millis(100));
        let limits = Limits { deadline, ..Limits::default() };
        let error = ask_range(&data(), &query, (0, 3_000, 1), &limits).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{query}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{query}: {:?}", begun.elapsed());
    }
}

#[test]
fn the_cause_is_told_and_not_what_it_did_to_other_threads() {
    let limits =
        Limits { samples_max: 1, partitions: NonZeroUsize::new(4).unwrap(), ..Limits::default() };
    for _ in 0..50 {
        assert!(matches!(refused(&limits, "sum(m)"), EvalError::TooManySamples { .. }));
    }
}

#[test]
fn every_function_of_the_language_is_evaluated() {
    for signature in crate::function_signatures() {
        let count = signature.args_min.max(1).min(signature.args_max.unwrap_or(usize::MAX));
        let args: Vec<&str> = (0..count)
            .map(|index| match signature.arg(index).unwrap() {
                ValueType::Vector if signature.name == "info" && index == 1 => "{a='b'}",
                ValueType::Vector => "m",
                ValueType::Matrix => "m[5m]",
                ValueType::Scalar => "0.5",
                ValueType::String => "'a'",
            })
            .collect();
        let query = format!("{}({})", signature.name, args.join(", "));
        if let Err(error) = ask(&data(), &query, 0) {
            assert_ne!(error.kind(), ErrorKind::Unsupported, "{query}");
            assert_ne!(error.kind(), ErrorKind::Internal, "{query}: {error}");
        }
    }
}

#[test]
fn a_range_query_has_no_room_for_ranges_and_strings() {
    for query in ["m[1m]", "'text'"] {
        assert!(matches!(refused(&Limits::default(), query), EvalError::NotRangeable { .. }));
    }
}

#[test]
fn times_that_make_no_sense_are_refused() {
    let error = ask_range(&data(), "m", (10, 0, 10), &Limits::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let error = ask(&data(), "rate(m[step()])", 0).unwrap_err();
    assert_eq!(error.to_string(), "duration must be greater than 0");
}

#[test]
fn a_query_tells_what_it_read() {
    let stats = ask(&data(), "sum(count_over_time(m[20s])) + count(m)", 20).unwrap().stats;
    assert_eq!((stats.series, stats.samples), (4, 2 * 2 + 2 * 3));
}

#[test]
fn no_part_of_a_query_is_read_twice() {
    // Were each level read twice, 16 million series would be read.
    const LEVELS: usize = 24;
    for (open, close) in [
        ("sum(quantile_over_time(scalar(", "), {a='1'}[1m]))"),
        ("abs(quantile_over_time(scalar(", "), {a='1'}[1m]))"),
        ("-(quantile_over_time(scalar(", "), {a='1'}[1m]) > 0)"),
        ("clamp_max({a='1'}, scalar(", "))"),
    ] {
        let query = format!("{}m{{a='1'}}{}", open.repeat(LEVELS), close.repeat(LEVELS));
        assert_eq!(ask(&data(), &query, 20).unwrap().stats.series, LEVELS as u64 + 1, "{open}");
    }
}

#[test]
fn the_deepest_query_that_parses_is_evaluated() {
    for (open, close) in [("(", ")"), ("abs(", ")"), ("sum(", ")"), ("1 + (", ")"), ("-", "")] {
        let mut levels = 1_000;
        while crate::parse(&format!("{}m{}", open.repeat(levels), close.repeat(levels))).is_err() {
            levels -= 1;
        }
        let query = format!("{}m{}", open.repeat(levels), close.repeat(levels));
        assert!(ask(&data(), &query, 20).is_ok(), "{levels} times {open}");
    }
}
