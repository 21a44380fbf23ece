//! Our parser beside the crate `promql-parser`, for what both know.
//!
//! The crate lacks computed durations, `anchored`, `smoothed`, trims and some functions.

mod outline;

use outline::{outline_ours, outline_theirs};
use proptest::{prelude::*, test_runner::Config};
use timberline_promql::parse;

/// What both parsers make of a text.
fn both(text: &str) -> (Result<String, String>, Result<String, String>) {
    let ours = parse(text).map(|expr| outline_ours(&expr)).map_err(|error| error.to_string());
    let theirs = promql_parser::parser::parse(text).map(|expr| outline_theirs(&expr));
    (ours, theirs)
}

#[test]
fn well_known_queries_mean_the_same_to_both() {
    for text in [
        "up",
        "1 + 2 * 3 ^ 2 ^ -1 % 4",
        "-a ^ b * -c",
        "rate(http_requests_total{job=\"api\",code=~\"5..\"}[5m] offset 1h)",
        "sum by (job, instance) (rate(a[5m])) / ignoring (code) group_left (x) sum without (y) (b)",
        "histogram_quantile(0.9, sum by (le) (rate(b[10m])))",
        "topk(5, a) or bottomk by (x) (3, b) unless on (y) c",
        "max_over_time(rate(a[5m])[1h:1m] offset 5m)",
        "a @ 1609746000 + b @ start() - c @ end()",
        "label_replace(up, \"x\", \"$1\", \"y\", \"(.*)\")",
        "count_values(\"v\", a == bool 1)",
        "a and b or c unless d",
        "sum(a) by (sum)",
        "{\"my.metric\",\"x.y\"=\"z\"}",
        "absent(a{b!=\"c\"}) == 1",
        "time() - timestamp(a) > bool 5m",
    ] {
        let (ours, theirs) = both(text);
        assert!(ours.is_ok(), "{text:?}: {ours:?}");
        assert_eq!(ours, theirs, "{text:?}");
    }
}

#[test]
fn both_refuse_the_same() {
    for text in [
        "",
        "1 +",
        "a b",
        "sum(",
        "sum()",
        "rate(a)",
        "a[5m",
        "a offset",
        "1 == 1",
        "1 and 1",
        "{}",
        "a{b}",
        "foo(a)",
        "topk(a)",
        "a + on(x) group_left(x) b",
        "a[5m][5m]",
        "-'a'",
        "a{b=~'('}",
    ] {
        let (ours, theirs) = both(text);
        assert!(ours.is_err() && theirs.is_err(), "{text:?}: {ours:?} {theirs:?}");
    }
}

/// Expressions of the language that both know, most of them well typed.
fn expressions() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[a-d]{1,2}".prop_map(|name| format!("m_{name}")),
        "[a-d]".prop_map(|value| format!("m{{l=\"{value}\",k=~\"{value}.*\"}}")),
        (1..400_u32).prop_map(|number| number.to_string()),
        (1..99_u32).prop_map(|minutes| format!("rate(m[{minutes}m])")),
        (1..99_u32).prop_map(|seconds| format!("m offset {seconds}s")),
        (1..9_999_u32).prop_map(|seconds| format!("m @ {seconds}")),
        Just("time()".to_owned()),
    ];
    let operator = prop::sample::select(vec![
        "+",
        "-",
        "*",
        "/",
        "%",
        "^",
        "atan2",
        "==",
        "!=",
        "<",
        ">",
        "<=",
        ">=",
        "and",
        "or",
        "unless",
        "+ on(l)",
        "* ignoring(k, l)",
        "/ on(l) group_left",
        "== bool",
        "> on(l) group_right(x)",
    ]);
    leaf.prop_recursive(4, 24, 3, move |inner| {
        prop_oneof![
            4 => (inner.clone(), operator.clone(), inner.clone())
                .prop_map(|(left, op, right)| format!("{left} {op} {right}")),
            1 => inner.clone().prop_map(|e| format!("({e})")),
            1 => inner.clone().prop_map(|e| format!("-{e}")),
            1 => inner.clone().prop_map(|e| format!("sum by (l) ({e})")),
            1 => inner.clone().prop_map(|e| format!("topk(3, {e})")),
            1 => inner.clone().prop_map(|e| format!("abs({e})")),
            1 => inner.prop_map(|e| format!("max_over_time(({e})[5m:1m])")),
        ]
    })
}

proptest! {
    #![proptest_config(Config { cases: 400, failure_persistence: None, ..Config::default() })]

    #[test]
    fn generated_expressions_mean_the_same_to_both(text in expressions()) {
        let (ours, theirs) = both(&text);
        prop_assert!(
            ours == theirs || (ours.is_err() && theirs.is_err()),
            "{text:?}\n  ours   {ours:?}\n  theirs {theirs:?}"
        );
    }
}
