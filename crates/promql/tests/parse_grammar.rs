//! Every feature of the grammar, with the canonical print of what it parses to.

mod shape;

use shape::{canonical, shape};
use timberline_model::{MatchOp, Matcher};
use timberline_promql::{
    ExprKind, Span, ValueType,
    ast::{At, BinaryOp, Cardinality, DurationKind, RangeExtension},
    parse, parse_matchers, parse_series,
};

/// Pairs of a query and its print; an empty print stands for the query itself.
fn check(table: &[(&str, &str)]) {
    for (text, print) in table {
        let expected = if print.is_empty() { text } else { print };
        assert_eq!(&canonical(text), expected, "{text:?}");
    }
}

/// That two queries mean the same tree.
fn same(left: &str, right: &str) {
    let parsed = |text: &str| parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    assert_eq!(shape(&parsed(left)), shape(&parsed(right)), "{left:?} and {right:?}");
}

#[test]
fn numbers_in_all_notations() {
    check(&[
        ("1", ""),
        ("+1", "1"),
        ("--1", "1"),
        ("-0", ""),
        (".5", "0.5"),
        ("5.", "5"),
        ("12.34e6", "12340000"),
        ("1e-9", ""),
        ("1e+25", "1e25"),
        ("1_000_000", "1000000"),
        ("0x1f", "31"),
        ("0X_dead_BEEF", "3735928559"),
        ("0755", "493"),
        ("089", "89"),
        ("1E3", "1000"),
        ("Inf", "+Inf"),
        ("-inf", "-Inf"),
        ("nAN", "NaN"),
        ("9223372036854775808", "9223372036854776000"),
    ]);
}

#[test]
fn durations_as_numbers_keep_their_looks() {
    check(&[
        ("5m", ""),
        ("-1h30m", ""),
        ("90s", "1m30s"),
        ("1d2h3m4s5ms", ""),
        ("1ms500us", ""),
        ("365d", "1y"),
        ("0s", ""),
    ]);
    let ExprKind::Number { value, is_duration } = parse("1m30s500ms").unwrap().kind else {
        panic!("a number")
    };
    assert_eq!((value, is_duration), (90.5, true));
}

#[test]
fn strings_and_escapes() {
    let text = |query: &str| match parse(query).unwrap().kind {
        ExprKind::String(text) => text,
        other => panic!("{other:?}"),
    };
    assert_eq!(text(r#""a\n\t\"\\\x41\101\u00e9\U0001F600""#), "a\n\t\"\\AAé😀");
    assert_eq!(text(r"'it\'s'"), "it's");
    assert_eq!(text(r#"'"'"#), "\"");
    assert_eq!(text("`raw \\n\n'\"`"), "raw \\n\n'\"");
    assert_eq!(text(r#""\xc3\xa9""#), "é");
    assert_eq!(text(r#""\a\b\f\r\v\0000""#), "\u{7}\u{8}\u{c}\r\u{b}\u{0}0");
    check(&[
        ("`a\nb`", r#""a\nb""#),
        (r"'a\'b'", r#""a'b""#),
        ("\"\u{1}\u{7f}\u{85}\u{202e}\"", r#""\x01\x7f\u0085\u202e""#),
    ]);
}

#[test]
fn comments_and_blanks_mean_nothing() {
    check(&[
        ("# first\n up # then\n\t+\r\n # more\n 1 # end", "up + 1"),
        ("up{ # inside\n a = 'b' , }", r#"up{a="b"}"#),
        ("up[ 5m ]", "up[5m]"),
    ]);
}

#[test]
fn selectors_with_all_matchers() {
    check(&[
        ("up", ""),
        ("up{}", "up"),
        ("a:b:c", ""),
        (r#"{a="b"}"#, ""),
        (r#"up{a="b",c!="d",e=~"f.*",g!~"h|i"}"#, ""),
        (r#"up{a="b",}"#, r#"up{a="b"}"#),
        (r#"{__name__="up"}"#, ""),
        (r#"{__name__=~"node_.+"}"#, ""),
        (r#"up{a="x",a!="y"}"#, ""),
        (r#"up{by="a",sum="b",offset="c",bool="d",inf="e"}"#, ""),
        (r#"up{a=''}"#, r#"up{a=""}"#),
    ]);
}

#[test]
fn names_of_any_letters_stand_in_quotes_within_braces() {
    check(&[
        (r#"{"my.metric"}"#, ""),
        (r#"{"my.metric","label.name"="x"}"#, ""),
        (r#"{"up"}"#, "up"),
        (r#"{a="b","up"}"#, r#"up{a="b"}"#),
        (r#"{"a"="b",'up'}"#, r#"up{a="b"}"#),
        (r#"{"on"}"#, ""),
        (r#"{"Inf"}"#, ""),
        (r#"{"日本 \"語\""}"#, ""),
        (r#"{"up",__name__!="down"}"#, ""),
        (r#"rate({"my.metric"}[5m])"#, ""),
        (r#"sum by ("my.label", b) ({"my.metric"})"#, ""),
        (r#"a / on ("x.y") group_left ("z.z") b"#, ""),
    ]);
    let ExprKind::Selector(selector) = parse(r#"{a="b", "my.metric"}"#).unwrap().kind else {
        panic!("a selector")
    };
    assert_eq!(selector.name.as_deref(), Some("my.metric"));
    let name = Matcher::equal("__name__", "my.metric");
    assert_eq!(selector.matchers, [name, Matcher::equal("a", "b")]);
}

#[test]
fn keywords_name_metrics_and_labels_too() {
    for word in [
        "and",
        "or",
        "unless",
        "by",
        "without",
        "offset",
        "anchored",
        "smoothed",
        "sum",
        "avg",
        "count",
        "min",
        "max",
        "group",
        "stddev",
        "stdvar",
        "topk",
        "bottomk",
        "count_values",
        "quantile",
        "limitk",
        "limit_ratio",
        "start",
        "end",
        "step",
        "range",
        "min_of",
        "max_of",
        "fill",
        "fill_left",
        "fill_right",
        "info",
    ] {
        check(&[(word, ""), (&format!("{word}{{{word}=\"{word}\"}} + {word}"), "")]);
        check(&[(&format!("sum by ({word}) (rate({word}[5m] offset 1m))"), "")]);
    }
    for word in ["bool", "on", "ignoring", "group_left", "group_right", "atan2"] {
        assert!(parse(word).is_err(), "{word} is no metric without quotes");
        check(&[(&format!("sum by ({word}) (up)"), "")]);
    }
    check(&[
        ("SUM BY (a) (up)", "sum by (a) (up)"),
        ("a AND b OR c", "a and b or c"),
        ("SUM", "SUM"),
        ("fill + fill (0) other", ""),
        ("other + fill_left (0) fill_left", ""),
    ]);
}

#[test]
fn precedence_and_association() {
    for (text, meaning) in [
        ("1 + 2 * 3", "1 + (2 * 3)"),
        ("1 - 2 - 3", "(1 - 2) - 3"),
        ("2 ^ 3 ^ 2", "2 ^ (3 ^ 2)"),
        ("-2 ^ 2", "-(2 ^ 2)"),
        ("-a * b", "(-a) * b"),
        ("a ^ -b * c", "(a ^ (-b)) * c"),
        ("a ^ -b ^ c", "a ^ (-(b ^ c))"),
        ("-1 ^ -2", "-(1 ^ (-2))"),
        ("a or b and c", "a or (b and c)"),
        ("a and b unless c", "(a and b) unless c"),
        ("a == b + c", "a == (b + c)"),
        ("a == b == c", "(a == b) == c"),
        ("a and b == c", "a and (b == c)"),
        ("a atan2 b + c", "(a atan2 b) + c"),
        ("a % b * c", "(a % b) * c"),
        ("h </ 1 + 2", "h </ (1 + 2)"),
        ("a >/ 1 == 2", "(a >/ 1) == 2"),
        ("-a offset 5m", "-(a offset 5m)"),
        ("a + b offset 5m", "a + (b offset 5m)"),
    ] {
        let bare = |query: &str| {
            let shape = shape(&parse(query).unwrap());
            shape.replace("Paren(Expr { kind: ", "").replace(['(', ')', '}', ',', ' '], "")
        };
        assert_eq!(bare(text), bare(meaning), "{text:?} and {meaning:?}");
        canonical(text);
    }
}

#[test]
fn binary_operators_and_matching() {
    check(&[
        ("a+b-c*d/e%f^g", "a + b - c * d / e % f ^ g"),
        ("a==b", "a == b"),
        ("a!=bool b", "a != bool b"),
        ("1 <bool 2", "1 < bool 2"),
        ("a<b", "a < b"),
        ("a<=b>=c>d", "a <= b >= c > d"),
        ("a atan2 b", ""),
        ("h </ 1.5", ""),
        ("h >/ -Inf", ""),
        ("a + on(x) b", "a + on (x) b"),
        ("a + on() b", "a + on () b"),
        ("a + ignoring(x,y,) b", "a + ignoring (x, y) b"),
        ("a + ignoring() b", "a + b"),
        ("a / on(x) group_left b", "a / on (x) group_left () b"),
        ("a / ignoring(x) group_right(y, z) b", "a / ignoring (x) group_right (y, z) b"),
        ("a and on(x) b unless ignoring(y) c", "a and on (x) b unless ignoring (y) c"),
        ("a == bool on(x) group_left(y) b", "a == bool on (x) group_left (y) b"),
        ("a + fill(0) b", "a + fill (0) b"),
        ("a + fill_left(5) fill_right(7) b", "a + fill_left (5) fill_right (7) b"),
        ("a + fill_right(-Inf) fill_left(NaN) b", "a + fill_left (NaN) fill_right (-Inf) b"),
        ("a + on(x) group_left fill_right(1m) b", "a + on (x) group_left () fill_right (60) b"),
        ("a + on(by, sum, bool) b", "a + on (by, sum, bool) b"),
    ]);
    let ExprKind::Binary(binary) = parse("a or b").unwrap().kind else { panic!("an operator") };
    assert_eq!(binary.op, BinaryOp::Or);
    assert_eq!(binary.matching.unwrap().cardinality, Cardinality::ManyToMany);
    let ExprKind::Binary(binary) = parse("a + 1").unwrap().kind else { panic!("an operator") };
    assert_eq!(binary.matching, None);
}

#[test]
fn aggregations() {
    check(&[
        ("sum(a)", ""),
        ("sum by(x,y)(a)", "sum by (x, y) (a)"),
        ("sum(a) by (x)", "sum by (x) (a)"),
        ("sum(a) without (x)", "sum without (x) (a)"),
        ("sum without()(a)", "sum without () (a)"),
        ("sum by () (a)", "sum(a)"),
        ("topk(5, a)", ""),
        ("topk by (x) (5, a)", ""),
        ("bottomk(scalar(n), a)", ""),
        ("quantile(0.9, a)", ""),
        (r#"count_values("v", a)"#, ""),
        ("limitk(3, a)", ""),
        ("limit_ratio(-0.5, a)", ""),
        ("stddev(stdvar(group(min(max(avg(count(a)))))))", ""),
        ("sum by (sum, by, offset) (a)", ""),
    ]);
}

#[test]
fn ranges_subqueries_and_their_modifiers() {
    check(&[
        ("a[5m]", ""),
        ("a[300]", "a[5m]"),
        ("a[5m] offset 1h", ""),
        ("a[5m] offset -1h", ""),
        ("a offset +1h", "a offset 1h"),
        ("a @ 1609746000", "a @ 1609746000.000"),
        ("a @ 1609746000.123456", ""),
        ("a @ -1.5", "a @ -1.500"),
        ("a @ -0.25", "a @ -0.250"),
        ("a @ 5m", "a @ 300.000"),
        ("a @ start()", ""),
        ("a @ END ( )", "a @ end()"),
        ("a offset 5m @ 10", "a @ 10.000 offset 5m"),
        ("a[5m] @ start() offset 5m", ""),
        ("a[5m:1m]", ""),
        ("a[5m:]", ""),
        ("rate(a[5m])[30m:1m] @ end() offset 5m", ""),
        ("(a + b)[5m:30s]", ""),
        ("sum(a)[5m:]", ""),
        ("max_over_time(rate(a[1m])[5m:])[1h:1m]", ""),
        ("a smoothed", ""),
        ("a anchored @ 10 offset 5m", "a anchored @ 10.000 offset 5m"),
        ("a @ 10 smoothed", "a smoothed @ 10.000"),
        ("rate(a[5m] smoothed)", ""),
        ("rate(a[5m] offset 1m anchored)", "rate(a[5m] anchored offset 1m)"),
    ]);
    let ExprKind::Selector(selector) = parse("a smoothed @ start()").unwrap().kind else {
        panic!("a selector")
    };
    assert_eq!(selector.extension, RangeExtension::Smoothed);
    assert_eq!(selector.modifiers.at, Some(At::Start));
    let ExprKind::Selector(selector) = parse("a @ 1609746000.123").unwrap().kind else {
        panic!("a selector")
    };
    assert_eq!(selector.modifiers.at, Some(At::Timestamp(1_609_746_000_123_000_000)));
}

#[test]
fn durations_are_computed() {
    check(&[
        ("a[5m+1m]", "a[5m + 1m]"),
        ("a[2m*(10+5)]", "a[2m * (10s + 5s)]"),
        ("a[-5m+35m]", "a[-5m + 35m]"),
        ("a[1h30m % 1h]", ""),
        ("a[2^3^2]", "a[2s ^ 3s ^ 2s]"),
        ("a[step()]", ""),
        ("a[STEP()+range()]", "a[step() + range()]"),
        ("a[min_of(step()+1,1h)]", "a[min_of(step() + 1s, 1h)]"),
        ("a[max_of(3s,Min_Of(step(), 1s))/2]", "a[max_of(3s, min_of(step(), 1s)) / 2s]"),
        ("a[5m+1m:step()*2]", "a[5m + 1m:step() * 2s]"),
        ("a[-(5m - 10m)]", ""),
        ("a[-step() + 10m]", ""),
        ("a[0.5]", "a[500ms]"),
        ("a offset step()", ""),
        ("a offset -step()", ""),
        ("a offset (5m + 1m)", ""),
        ("a offset -(5m + step())", ""),
        ("a offset min_of(range(), 8s)", ""),
        ("a offset (1m) + 2m", "a offset (1m) + 2m"),
    ]);
    let kind = |text: &str| match parse(text).unwrap().kind {
        ExprKind::Matrix { range, .. } => range.kind,
        other => panic!("{other:?}"),
    };
    assert_eq!(kind("a[5m]"), DurationKind::Literal(300_000_000_000));
    assert_eq!(kind("a[step()]"), DurationKind::Step);
}

#[test]
fn an_operator_after_a_bare_offset_is_not_its_own() {
    same("a offset -2 ^ 2", "a offset -2s ^ 2");
    for text in [
        "a offset -2 ^ 2",
        "a offset 5m + 2",
        "a offset step() * 2",
        "a offset -step() * 2",
        "a offset -(min_of(step(), 1s)) + 8000",
        "a offset min_of(step(), 1s) ^ 0",
        "a offset 5m * b",
        "a offset (5m) * b",
    ] {
        assert!(matches!(parse(text).unwrap().kind, ExprKind::Binary(_)), "{text:?}");
        canonical(text);
    }
    assert!(matches!(parse("a offset (5m) + 2m").unwrap().kind, ExprKind::Selector(_)));
}

#[test]
fn calls_with_fixed_and_free_numbers_of_arguments() {
    check(&[
        ("rate(a[5m])", ""),
        ("time()", ""),
        ("round(a)", ""),
        ("round(a, 0.5)", ""),
        ("hour()", ""),
        ("hour(a)", ""),
        (r#"label_join(a, "x", ",")"#, ""),
        (r#"label_join(a, "x", ",", "y", "z", "w")"#, ""),
        (r#"label_replace(a, "x", "$1", "y", "(.*)")"#, ""),
        (r#"sort_by_label(a, "x", "y")"#, ""),
        (r#"histogram_quantiles(a, "q", 0.1, 0.5, 0.9)"#, ""),
        ("quantile_over_time(0.5, a[5m])", ""),
        ("info(a)", ""),
        (r#"info(a, {b=~".*"})"#, ""),
        (r#"info(a, {__name__="b_info",c!=""})"#, ""),
        ("min_of(3, 5) + MAX_OF(1, 2)", "min_of(3, 5) + max_of(1, 2)"),
        ("start() + end() - range() / step()", ""),
        ("vector(1) + scalar(a)", ""),
    ]);
}

#[test]
fn types_follow_from_the_tree() {
    for (text, value_type) in [
        ("1 + 2", ValueType::Scalar),
        ("'a'", ValueType::String),
        ("a", ValueType::Vector),
        ("a[5m]", ValueType::Matrix),
        ("a[5m:]", ValueType::Matrix),
        ("-a", ValueType::Vector),
        ("(a[5m])", ValueType::Matrix),
        ("1 + a", ValueType::Vector),
        ("time()", ValueType::Scalar),
        ("sum(a)", ValueType::Vector),
        ("rate(a[5m])", ValueType::Vector),
    ] {
        assert_eq!(parse(text).unwrap().value_type(), value_type, "{text:?}");
    }
}

#[test]
fn spans_cover_what_they_name() {
    let text = " sum(rate(a{x='y'}[5m] offset 1m)) + -b";
    let cut = |span: Span| &text[span.start..span.end];
    let expr = parse(text).unwrap();
    assert_eq!(cut(expr.span), text.trim());
    let ExprKind::Binary(binary) = expr.kind else { panic!("an operator") };
    assert_eq!(cut(binary.left.span), "sum(rate(a{x='y'}[5m] offset 1m))");
    assert_eq!(cut(binary.right.span), "-b");
    let ExprKind::Aggregate(aggregate) = binary.left.kind else { panic!("an aggregation") };
    let ExprKind::Call { name_span, args, .. } = aggregate.expr.kind else { panic!("a call") };
    assert_eq!(cut(name_span), "rate");
    assert_eq!(cut(args[0].span), "a{x='y'}[5m] offset 1m");
}

#[test]
fn matchers_stand_alone() {
    let matchers = parse_matchers(r#"up{a!="b"}"#).unwrap();
    let not_b = Matcher::new("a", MatchOp::NotEqual, "b").unwrap();
    assert_eq!(matchers, [Matcher::equal("__name__", "up"), not_b]);
    assert_eq!(parse_matchers(r#" {"my.metric"} "#).unwrap().len(), 1);
    for wrong in ["", "up[5m]", "up offset 5m", "sum(up)", "up + 1", "{}", "{a=''}", "1", "up @ 1"]
    {
        assert!(parse_matchers(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn series_are_named_by_equality_alone() {
    let print = |text: &str| parse_series(text).map(|labels| labels.to_string());
    assert_eq!(print(r#"cpu_usage{host="server1"}"#).unwrap(), r#"cpu_usage{host="server1"}"#);
    assert_eq!(print(r#"{"my.metric", b="2", a="1"}"#).unwrap(), r#"{"my.metric", a="1", b="2"}"#);
    assert_eq!(print("up").unwrap(), "up");
    for (wrong, message) in [
        (r#"up{a=~"b"}"#, "a series is named by labels with =, not =~ (a)"),
        (r#"up{a="b",a="c"}"#, "label name \"a\" is given more than once"),
        (r#"{a=""}"#, "a series has at least one label"),
        ("up{a='b'} 5", "unexpected number \"5\""),
    ] {
        assert_eq!(parse_series(wrong).unwrap_err().message, message);
    }
}

#[test]
fn infinity_to_a_power_has_no_sign_that_the_power_would_take() {
    for text in
        ["inf ^ 2", "Inf ^ v ^ 2", "2 ^ inf ^ v", "-inf ^ 2", "+Inf ^ 2", "2 ^ +Inf", "v * inf ^ v"]
    {
        canonical(text);
    }
    assert_eq!(canonical("2 ^ inf ^ v"), "2 ^ Inf ^ v");
    let long = format!("inf ^ {}", ["a_long_name_of_a_metric"; 8].join(" ^ "));
    let pretty = parse(&long).unwrap().to_pretty();
    assert_eq!(shape(&parse(&pretty).unwrap()), shape(&parse(&long).unwrap()), "{pretty}");
}
