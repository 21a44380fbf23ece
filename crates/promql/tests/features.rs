//! What is not switched on is refused with Prometheus' words, where it stands.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use timberline_promql::{Feature, Features, parse_with};

fn refused(text: &str, features: Features) -> String {
    parse_with(text, &features).unwrap_err().to_string()
}

#[test]
fn each_part_of_the_language_needs_its_feature() {
    let cases = [
        (
            "sum(limitk(2, a))",
            Feature::ExperimentalFunctions,
            "1:5: parse error: limitk() is experimental and must be enabled with \
             --enable-feature=promql-experimental-functions",
        ),
        (
            "1 + info(a)",
            Feature::ExperimentalFunctions,
            "1:5: parse error: function \"info\" is not enabled",
        ),
        (
            "rate(a[1m] smoothed)",
            Feature::ExtendedRangeSelectors,
            "1:6: parse error: smoothed modifier is experimental and not enabled",
        ),
        (
            "a anchored",
            Feature::ExtendedRangeSelectors,
            "1:1: parse error: anchored modifier is experimental and not enabled",
        ),
        (
            "-(a + fill(0) b)",
            Feature::FillModifiers,
            "1:3: parse error: binop fill modifiers are experimental and not enabled",
        ),
        (
            "max_over_time(a[5m:1m * 2])",
            Feature::DurationExpressions,
            "1:20: parse error: experimental duration expression is not enabled",
        ),
        (
            "a offset (1m + 1m)",
            Feature::DurationExpressions,
            "1:10: parse error: experimental duration expression is not enabled",
        ),
    ];
    for (text, feature, message) in cases {
        assert_eq!(refused(text, Features::all().without(feature)), message, "{text}");
        assert!(parse_with(text, &Features::all()).is_ok(), "{text}");
        let alone = parse_with(text, &Features::NONE.with(feature));
        assert!(alone.is_ok(), "{text}: {alone:?}");
    }
}

#[test]
fn the_stable_language_needs_none() {
    for text in [
        "sum by (a) (rate(b[5m] offset -1m @ end())) / on (a) group_left c",
        "first_over_time(a[1h:])",
        "histogram_quantile(0.9, a)",
    ] {
        assert!(parse_with(text, &Features::NONE).is_ok(), "{text}");
    }
    assert!(parse_with("a[step() * 2]", &Features::default()).is_ok());
}
