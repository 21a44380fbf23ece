//! Functions on examples worked out by hand.

use timberline_model::STALE_NAN;

use super::{super::memory::MemorySource, ask, number, source, vector};

/// One counter, a sample every 10 s, with a reset between 30 s and 40 s.
fn counter() -> MemorySource {
    source(&[("c_total", &[(0, 0.0), (10, 10.0), (20, 20.0), (30, 30.0), (40, 5.0), (50, 15.0)])])
}

#[test]
fn rate_extrapolates_to_the_edges_of_the_window() {
    // (0, 50]: samples at 10..50 grow by 20 + 5 + 10 = 35 in 40 s. The first lies 10 s after the
    // window's start, less than 1.1 spacings, and the counter would have been zero 11.4 s before it.
    let found = number(&counter(), "rate(c_total[50s])", 50);
    assert!((found - 35.0 * (50.0 / 40.0) / 50.0).abs() < 1e-12, "{found}");
}

#[test]
fn extrapolation_stops_where_the_counter_would_have_been_zero() {
    // From 2 by 10 in 10 s: it was zero 2 s before the first sample, so the window holds 12 s of it.
    let found =
        number(&source(&[("c_total", &[(10, 2.0), (20, 12.0)])]), "increase(c_total[20s])", 20);
    assert!((found - 12.0).abs() < 1e-12, "{found}");
}

#[test]
fn extrapolation_far_from_the_edge_is_half_a_spacing() {
    // The window reaches 90 s before the first sample, far more than 1.1 spacings of 10 s.
    let gauge = source(&[("g", &[(90, 100.0), (100, 110.0)])]);
    let found = number(&gauge, "delta(g[100s])", 100);
    assert!((found - 10.0 * (10.0 + 5.0) / 10.0).abs() < 1e-12, "{found}");
}

#[test]
fn one_sample_has_no_rate() {
    assert!(vector(&counter(), "rate(c_total[10s])", 50).is_empty());
    assert!(vector(&counter(), "irate(c_total[10s])", 50).is_empty());
}

#[test]
fn irate_and_idelta_see_the_last_two_samples() {
    assert_eq!(number(&counter(), "irate(c_total[50s])", 50), 1.0);
    // After a reset the counter began at zero.
    assert_eq!(number(&counter(), "irate(c_total[50s])", 40), 0.5);
    assert_eq!(number(&counter(), "idelta(c_total[50s])", 40), -25.0);
}

#[test]
fn windows_leave_their_start_out() {
    assert_eq!(number(&counter(), "count_over_time(c_total[10s])", 50), 1.0);
    assert_eq!(number(&counter(), "count_over_time(c_total[11s])", 50), 2.0);
}

#[test]
fn aggregates_over_time() {
    let gauge = source(&[("g", &[(0, 0.0), (10, 8.0), (20, 8.0), (30, 2.0), (40, 3.0)])]);
    for (function, wanted) in [
        ("avg", 4.2),
        ("sum", 21.0),
        ("min", 0.0),
        ("max", 8.0),
        ("count", 5.0),
        ("last", 3.0),
        ("first", 0.0),
        ("present", 1.0),
        ("stdvar", 10.56),
        ("stddev", 10.56_f64.sqrt()),
        ("mad", 3.0),
    ] {
        let found = number(&gauge, &format!("{function}_over_time(g[1m])"), 50);
        assert!((found - wanted).abs() < 1e-12, "{function}: {found}");
    }
    assert_eq!(number(&gauge, "quantile_over_time(0.25, g[1m])", 50), 2.0);
    assert_eq!(number(&gauge, "changes(g[1m])", 50), 3.0);
    assert_eq!(number(&gauge, "resets(g[1m])", 50), 1.0);
}

#[test]
fn lines_through_samples() {
    let line = source(&[("g", &[(0, 1.0), (10, 21.0), (20, 41.0), (30, 61.0)])]);
    assert!((number(&line, "deriv(g[1m])", 30) - 2.0).abs() < 1e-12);
    assert!((number(&line, "predict_linear(g[1m], 60)", 40) - 201.0).abs() < 1e-9);
    let flat = source(&[("g", &[(0, 7.0), (10, 7.0)])]);
    assert_eq!(number(&flat, "deriv(g[1m])", 10), 0.0);
    assert_eq!(number(&flat, "predict_linear(g[1m], 60)", 10), 7.0);
}

#[test]
fn a_stale_marker_ends_a_series_and_is_no_sample() {
    let ended = source(&[("g", &[(0, 1.0), (10, STALE_NAN), (20, 3.0)])]);
    assert_eq!(number(&ended, "g", 5), 1.0);
    assert!(vector(&ended, "g", 10).is_empty());
    assert!(vector(&ended, "g", 19).is_empty());
    assert_eq!(number(&ended, "g", 20), 3.0);
    assert_eq!(number(&ended, "count_over_time(g[1m])", 20), 2.0);
}

#[test]
fn a_sample_stands_for_less_than_five_minutes() {
    let old = source(&[("g", &[(0, 1.0)])]);
    assert_eq!(number(&old, "g", 299), 1.0);
    assert!(vector(&old, "g", 300).is_empty());
}

#[test]
fn a_nan_that_is_no_marker_is_a_sample() {
    let nan = source(&[("g", &[(0, f64::NAN)])]);
    assert!(number(&nan, "g", 0).is_nan());
}

#[test]
fn rounding_clamping_and_signs() {
    let gauge = source(&[("g", &[(0, -2.5)])]);
    for (query, wanted) in [
        ("abs(g)", 2.5),
        ("ceil(g)", -2.0),
        ("floor(g)", -3.0),
        ("round(g)", -2.0),
        ("round(g, 2)", -2.0),
        ("sgn(g)", -1.0),
        ("clamp(g, -1, 1)", -1.0),
        ("clamp_min(g, 0)", 0.0),
        ("clamp_max(g, -3)", -3.0),
        ("-g", 2.5),
        ("exp(g - g)", 1.0),
        ("sqrt(-g * 10)", 5.0),
        ("scalar(g)", -2.5),
        ("timestamp(g)", 0.0),
        ("deg(vector(pi()))", 180.0),
    ] {
        assert_eq!(number(&gauge, query, 7), wanted, "{query}");
    }
    assert!(vector(&gauge, "clamp(g, 1, -1)", 7).is_empty());
}

#[test]
fn labels_are_replaced_and_joined() {
    let one = source(&[(r#"m{a="x-1", b="y"}"#, &[(0, 1.0)])]);
    let labels = |query: &str| vector(&one, query, 0)[0].0.clone();
    assert_eq!(
        labels(r#"label_replace(m, "c", "$2/${1}", "a", "(.*)-(.*)")"#),
        r#"m{a="x-1", b="y", c="1/x"}"#
    );
    assert_eq!(labels(r#"label_replace(m, "a", "", "a", "x.*")"#), r#"m{b="y"}"#);
    assert_eq!(labels(r#"label_replace(m, "a", "z", "a", "x")"#), r#"m{a="x-1", b="y"}"#);
    assert_eq!(
        labels(r#"label_join(m, "c", "+", "b", "none", "a")"#),
        r#"m{a="x-1", b="y", c="y++x-1"}"#
    );
}

#[test]
fn absence_knows_the_labels_that_were_asked_for() {
    let nothing = MemorySource::default();
    assert_eq!(
        vector(&nothing, r#"absent(m{a="x", b=~"y", c="1", c!="2"})"#, 0),
        [(r#"{a="x"}"#.to_owned(), 1.0)]
    );
    assert_eq!(vector(&nothing, "absent_over_time(m[5m])", 0), [("{}".to_owned(), 1.0)]);
    assert!(vector(&counter(), "absent(c_total)", 0).is_empty());
}

#[test]
fn subqueries_run_at_multiples_of_their_step() {
    // (5 s, 35 s] by 10 s: 10, 20, 30.
    assert_eq!(number(&counter(), "sum_over_time(c_total[30s:10s])", 35), 60.0);
    assert_eq!(number(&counter(), "sum_over_time(c_total[30s:10s] offset 10s)", 45), 60.0);
    assert_eq!(number(&counter(), "max_over_time(rate(c_total[20s])[30s:10s])", 30), 1.0);
}

#[test]
fn a_gauge_that_is_taken_for_a_counter_is_remarked_on() {
    let gauge = source(&[("g", &[(0, 1.0), (10, 2.0)])]);
    let result = ask(&gauge, "1 + rate(g[1m])", 10).unwrap();
    assert_eq!(
        result.infos,
        ["PromQL info: metric might not be a counter, name does not end in \
          _total/_sum/_count/_bucket: \"g\" (1:10)"]
    );
    assert!(ask(&counter(), "rate(c_total[1m])", 10).unwrap().infos.is_empty());
}

#[test]
fn a_quantile_out_of_range_is_warned_of() {
    let result = ask(&counter(), "quantile_over_time(1.5, c_total[1m])", 10).unwrap();
    assert_eq!(
        result.warnings,
        ["PromQL warning: quantile value should be between 0 and 1, got 1.5 (1:20)"]
    );
}
