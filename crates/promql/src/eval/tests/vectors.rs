//! Aggregations, operators between vectors, and the names and labels of their results.

use super::{
    super::{EvalError, memory::MemorySource},
    ask, number, source, vector,
};

fn hosts() -> MemorySource {
    source(&[
        (r#"m{host="a", cpu="0"}"#, &[(0, 1.0)]),
        (r#"m{host="a", cpu="1"}"#, &[(0, 3.0)]),
        (r#"m{host="b", cpu="0"}"#, &[(0, 5.0)]),
        (r#"info{host="a", rack="r1"}"#, &[(0, 1.0)]),
        (r#"info{host="b", rack="r2"}"#, &[(0, 1.0)]),
    ])
}

fn pairs(found: &[(&str, f64)]) -> Vec<(String, f64)> {
    found.iter().map(|(labels, value)| ((*labels).to_owned(), *value)).collect()
}

#[test]
fn aggregations_by_and_without_labels() {
    let hosts = hosts();
    for (query, wanted) in [
        ("sum by (host) (m)", [(r#"{host="a"}"#, 4.0), (r#"{host="b"}"#, 5.0)].as_slice()),
        ("avg without (cpu) (m)", &[(r#"{host="a"}"#, 2.0), (r#"{host="b"}"#, 5.0)]),
        ("min(m)", &[("{}", 1.0)]),
        ("max(m)", &[("{}", 5.0)]),
        ("count by (cpu) (m)", &[(r#"{cpu="0"}"#, 2.0), (r#"{cpu="1"}"#, 1.0)]),
        ("group(m)", &[("{}", 1.0)]),
        ("stdvar by (host) (m)", &[(r#"{host="a"}"#, 1.0), (r#"{host="b"}"#, 0.0)]),
        ("quantile(0.5, m)", &[("{}", 3.0)]),
        ("topk(2, m)", &[(r#"m{cpu="0", host="b"}"#, 5.0), (r#"m{cpu="1", host="a"}"#, 3.0)]),
        ("bottomk(1, m)", &[(r#"m{cpu="0", host="a"}"#, 1.0)]),
        ("limitk(1, m)", &[(r#"m{cpu="0", host="a"}"#, 1.0)]),
        (r#"count_values("v", m / m)"#, &[(r#"{v="1"}"#, 3.0)]),
        ("sum(m) by (none)", &[("{}", 9.0)]),
    ] {
        assert_eq!(vector(&hosts, query, 0), pairs(wanted), "{query}");
    }
}

#[test]
fn ratios_and_their_complements_share_all_series() {
    let hosts = hosts();
    for ratio in ["0.1", "0.5", "0.9"] {
        let low = vector(&hosts, &format!("limit_ratio({ratio}, m)"), 0);
        let high = vector(&hosts, &format!("limit_ratio(-(1 - {ratio}), m)"), 0);
        assert_eq!(low.len() + high.len(), 3);
    }
}

#[test]
fn parameters_that_are_no_numbers_are_refused() {
    let message = |query| ask(&hosts(), query, 0).unwrap_err().to_string();
    assert_eq!(message("topk(NaN, m)"), "Parameter value is NaN");
    assert_eq!(message("limit_ratio(NaN, m)"), "Ratio value is NaN");
    assert_eq!(message("topk(1e30, m)"), "Scalar value 1e+30 overflows int64");
}

#[test]
fn many_match_one_with_group_left() {
    assert_eq!(
        vector(&hosts(), "m * on (host) group_left (rack) info", 0),
        pairs(&[
            (r#"{cpu="0", host="a", rack="r1"}"#, 1.0),
            (r#"{cpu="0", host="b", rack="r2"}"#, 5.0),
            (r#"{cpu="1", host="a", rack="r1"}"#, 3.0),
        ])
    );
}

#[test]
fn many_to_one_needs_to_be_said() {
    let error = ask(&hosts(), "m * on (host) info", 0).unwrap_err();
    assert!(matches!(error, EvalError::ImplicitManyToOne), "{error}");
    let error = ask(&hosts(), "info * on (host) m", 0).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"found duplicate series for the match group {host="a"} on the right hand-side of the operation: [{__name__="m", cpu="0", host="a"}, {__name__="m", cpu="1", host="a"}];many-to-many matching not allowed: matching labels must be unique on one side"#
    );
}

#[test]
fn grouping_labels_must_tell_results_apart() {
    let error =
        ask(&hosts(), "label_replace(m, \"cpu\", \"\", \"\", \"\") * on (host) group_left info", 0);
    assert!(matches!(error, Err(EvalError::DuplicateLabels)));
    let error = ask(
        &hosts(),
        r#"{__name__=~"m|info", host="a"} * on (host) group_left () max by (host) (m)"#,
        0,
    );
    assert!(error.is_ok(), "{error:?}");
    let names = source(&[
        (r#"x{host="a"}"#, &[(0, 1.0)]),
        (r#"y{host="a"}"#, &[(0, 2.0)]),
        (r#"z{host="a"}"#, &[(0, 3.0)]),
    ]);
    let error = ask(&names, r#"{__name__=~"x|y"} * on (host) group_left z"#, 0).unwrap_err();
    assert!(matches!(error, EvalError::AmbiguousMatch), "{error}");
}

#[test]
fn set_operators_keep_values_of_the_left() {
    let hosts = hosts();
    assert_eq!(number(&hosts, r#"m and on (host) info{host="b"}"#, 0), 5.0);
    assert_eq!(number(&hosts, r#"m unless on (host) info{host="a"}"#, 0), 5.0);
    assert_eq!(vector(&hosts, r#"m{host="b"} or on (host) info"#, 0).len(), 2);
}

#[test]
fn names_go_when_values_change_meaning() {
    let hosts = hosts();
    let labels = |query: &str| vector(&hosts, query, 0)[0].0.clone();
    assert_eq!(labels(r#"m{host="b"} > 1"#), r#"m{cpu="0", host="b"}"#);
    assert_eq!(labels(r#"m{host="b"} > bool 1"#), r#"{cpu="0", host="b"}"#);
    assert_eq!(labels(r#"1 < m{host="b"}"#), r#"m{cpu="0", host="b"}"#);
    assert_eq!(labels(r#"m{host="b"} * 2"#), r#"{cpu="0", host="b"}"#);
    assert_eq!(labels(r#"last_over_time(m{host="b"}[1m])"#), r#"m{cpu="0", host="b"}"#);
    assert_eq!(labels(r#"max_over_time(m{host="b"}[1m])"#), r#"{cpu="0", host="b"}"#);
}

#[test]
fn series_that_become_the_same_are_refused() {
    let twins = source(&[("x{a=\"1\"}", &[(0, 1.0)]), ("y{a=\"1\"}", &[(0, 2.0)])]);
    for query in ["-{a='1'}", "rate({a='1'}[1m] offset -1s) or abs({a='1'})", "sum(abs({a='1'}))"] {
        let error = ask(&twins, query, 0).unwrap_err();
        assert_eq!(error.to_string(), "vector cannot contain metrics with the same labelset");
    }
}

#[test]
fn missing_partners_are_filled_in() {
    let sides = source(&[
        ("l{a=\"1\"}", &[(0, 1.0)]),
        ("l{a=\"2\"}", &[(0, 2.0)]),
        ("r{a=\"2\"}", &[(0, 20.0)]),
        ("r{a=\"3\"}", &[(0, 30.0)]),
    ]);
    assert_eq!(
        vector(&sides, "l + fill_left(100) fill_right(1000) r", 0),
        pairs(&[(r#"{a="1"}"#, 1001.0), (r#"{a="2"}"#, 22.0), (r#"{a="3"}"#, 130.0)])
    );
}

#[test]
fn sums_lose_nothing_to_cancellation() {
    let extremes = source(&[
        ("m{a=\"1\"}", &[(0, 1.0)]),
        ("m{a=\"2\"}", &[(0, 1e100)]),
        ("m{a=\"3\"}", &[(0, 1.0)]),
        ("m{a=\"4\"}", &[(0, -1e100)]),
    ]);
    assert_eq!(number(&extremes, "sum(m)", 0), 2.0);
    assert_eq!(number(&extremes, "avg(m)", 0), 0.5);
}
