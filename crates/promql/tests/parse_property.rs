//! What holds for any text: no panic, errors within the text, prints that parse to the same tree.

mod shape;

use std::env;

use proptest::{prelude::*, test_runner::Config};
use shape::canonical;
use timberline_promql::{parse, parse_matchers, parse_series};

/// Pieces of queries, right and wrong, from which random texts are put together.
const PIECES: &[&str] = &[
    "a",
    "b:c",
    "up",
    "sum",
    "topk",
    "count_values",
    "rate",
    "time",
    "label_join",
    "info",
    "histogram_quantiles",
    "start",
    "end",
    "step",
    "range",
    "min_of",
    "max_of",
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "fill",
    "fill_left",
    "fill_right",
    "bool",
    "offset",
    "anchored",
    "smoothed",
    "and",
    "or",
    "unless",
    "atan2",
    "inf",
    "NaN",
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "==",
    "!=",
    "<",
    ">",
    "<=",
    ">=",
    "</",
    ">/",
    "=",
    "=~",
    "!~",
    "@",
    "(",
    ")",
    "()",
    "{",
    "}",
    "{}",
    "[",
    "]",
    "[5m]",
    "[5m:]",
    "[1h:1m]",
    ",",
    ":",
    "1",
    "0x1f",
    "1e9",
    "1.5",
    "5m",
    "1h30m",
    "0",
    "9223372036854775807ns",
    "'x'",
    "\"a.b\"",
    "`r`",
    "'\\xff'",
    "#c\n",
    " ",
    "\n",
    "é",
    "\u{0}",
    "l='v'",
    "__name__='n'",
    "'q'!='w'",
    "k=~'x|y'",
    "\\",
    "'",
    "$",
];

fn cases() -> u32 {
    env::var("PROMQL_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1_500)
}

fn holds(text: &str) {
    match parse(text) {
        Ok(_) => {
            canonical(text);
        }
        Err(error) => {
            assert!(error.span.start <= error.span.end && error.span.end <= text.len());
            assert!(!error.message.is_empty() && error.column > 0);
        }
    }
    let _ = parse_matchers(text);
    let _ = parse_series(text);
}

/// Durations as they are written, computed and not.
fn durations() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        any::<u32>().prop_map(|seconds| format!("{seconds}")),
        (0..i64::MAX).prop_map(|nanos| format!("{nanos}ns")),
        (1..9_999_u64).prop_map(|ms| format!("{ms}ms")),
        (0.0..1e9).prop_map(|seconds: f64| format!("{seconds}")),
        Just("step()".to_owned()),
        Just("range()".to_owned()),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            (
                inner.clone(),
                prop::sample::select(vec!["+", "-", "*", "/", "%", "^"]),
                inner.clone()
            )
                .prop_map(|(left, op, right)| format!("{left} {op} {right}")),
            inner.clone().prop_map(|d| format!("-{d}")),
            inner.clone().prop_map(|d| format!("({d})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("min_of({a}, {b})")),
        ]
    })
}

proptest! {
    #![proptest_config(Config { cases: cases(), failure_persistence: None, ..Config::default() })]

    #[test]
    fn any_text_is_parsed_or_refused(text in "\\PC{0,40}") {
        holds(&text);
    }

    #[test]
    fn any_row_of_pieces_is_parsed_or_refused(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..14),
        blank in any::<bool>(),
    ) {
        holds(&pieces.join(if blank { " " } else { "" }));
    }

    #[test]
    fn any_computed_duration_prints_to_itself(range in durations(), offset in durations()) {
        holds(&format!("a[{range}] offset {offset}"));
        holds(&format!("a[1m + ({range}):step() + ({offset})]"));
    }

    #[test]
    fn any_number_prints_to_itself(bits in any::<u64>(), nanos in any::<u64>()) {
        let number = f64::from_bits(bits);
        prop_assume!(number.is_finite());
        holds(&format!("{number:e}"));
        holds(&format!("a @ {number:e} + {number}"));
        holds(&format!("{nanos}ns"));
        holds(&format!("a @ {nanos}ns"));
    }

    #[test]
    fn any_names_and_values_print_to_themselves(name in "[^`]*", value in "[^`]{0,20}") {
        // Between backquotes all stands for itself.
        holds(&format!("{{`{name}`,`{value}`=`{name}`}}"));
        holds(&format!("sum by (`{name}`) (a{{`l`!=`{value}`}})"));
        holds(&format!("`{value}`"));
    }
}
