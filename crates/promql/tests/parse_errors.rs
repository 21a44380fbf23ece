//! What is refused, in which words and where.

use std::{fmt::Write as _, thread};

use timberline_model::ErrorKind;
use timberline_promql::{EXPRESSION_BYTES_MAX, HEIGHT_MAX, NESTING_MAX, REGEX_COUNT_MAX, parse};

/// Well below what threads get by default, 2 MiB; debug builds use several times what others do.
const STACK_BYTES: usize = 3 << 19;

fn check(table: &[(&str, &str)]) {
    let mut wrong = String::new();
    for (text, expected) in table {
        let found = match parse(text) {
            Ok(expr) => format!("parses to {expr}"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Invalid);
                assert!(error.span.start <= error.span.end && error.span.end <= text.len());
                error.to_string().replacen(": parse error:", "", 1)
            }
        };
        if found != *expected {
            writeln!(wrong, "{text:?}\n   expected {expected}\n   found    {found}")
                .expect("strings can be written to");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn what_is_no_expression_at_all() {
    check(&[
        ("", "unknown position no expression found in input"),
        ("# only a comment\n\n", "1:1 no expression found in input"),
        ("1+", "1:3 unexpected end of input"),
        ("1 /", "1:4 unexpected end of input"),
        ("*1", "1:1 unexpected <op:*>"),
        ("@@", "1:1 unexpected <op:@>"),
        (".", "1:1 unexpected character: '.'"),
        ("$a", "1:1 unexpected character: '$'"),
        ("a\n+\n  §", "3:3 unexpected character: '§'"),
        ("a b", "1:3 unexpected identifier \"b\""),
        ("1 a:b", "1:3 unexpected metric identifier \"a:b\""),
        ("a 'a long string'", "1:3 unexpected string \"'a long st\"..."),
        ("a 5m", "1:3 unexpected duration \"5m\""),
        ("a,b", "1:2 unexpected \",\""),
        ("(1))", "1:5 unexpected right parenthesis ')'"),
        ("((1)", "1:5 unclosed left parenthesis"),
        ("a]", "1:2 unexpected right bracket ']'"),
        ("a}", "1:2 unexpected character: '}'"),
        ("()", "1:2 unexpected \")\""),
        ("a = b", "1:3 unexpected \"=\""),
        ("1 =~ 1", "1:3 unexpected character after '=': '~'"),
        ("1 !~ 1", "1:3 unexpected character after '!': '~'"),
        ("1 !", "1:3 unexpected character after '!': '\u{fffd}'"),
    ]);
}

#[test]
fn numbers_durations_and_strings() {
    check(&[
        ("2.5.", "1:1 bad number or duration syntax: \"2.5.\""),
        ("100..4", "1:1 bad number or duration syntax: \"100..\""),
        ("0deadbeef", "1:1 bad number or duration syntax: \"0de\""),
        ("1e", "1:1 bad number or duration syntax: \"1e\""),
        ("1__0", "1:1 bad number or duration syntax: \"1_\""),
        ("a + 5foo", "1:5 bad number or duration syntax: \"5\""),
        ("1h30", "1:1 bad number or duration syntax: \"1h30\""),
        ("1e309", "1:1 error parsing number: \"1e309\": value out of range"),
        ("0x", "1:1 error parsing number: \"0x\": invalid syntax"),
        ("1.5h", "1:1 unknown unit \".\" in duration \"1.5h\""),
        ("5m1h", "1:1 not a valid duration string: \"5m1h\""),
        ("5hs", "1:1 unknown unit \"hs\" in duration \"5hs\""),
        ("300y", "1:1 duration out of range"),
        ("a[1e300]", "1:3 duration out of range"),
        ("a offset NaN", "1:10 duration out of range"),
        ("'a", "1:1 unterminated quoted string"),
        ("\"a\nb\"", "1:1 unterminated quoted string"),
        ("`a", "1:1 unterminated raw string"),
        (r#""\q""#, "1:1 unknown escape sequence U+0071 'q'"),
        (r#""\'""#, "1:1 unknown escape sequence U+0027 '''"),
        (r#""\xZ1""#, "1:1 illegal character U+005A 'Z' in escape sequence"),
        (r#""\400""#, "1:1 escape sequence is an invalid Unicode code point"),
        (r#""\ud800""#, "1:1 escape sequence is an invalid Unicode code point"),
        (r#""\U00110000""#, "1:1 escape sequence is an invalid Unicode code point"),
        (r#""\x4"#, "1:1 escape sequence not terminated"),
        (r#""\"#, "1:1 escape sequence not terminated"),
        (r#""\xff""#, r#"1:1 error unquoting string "\"\\xff\"": not valid UTF-8"#),
    ]);
}

#[test]
fn selectors() {
    check(&[
        ("{}", "1:1 vector selector must contain at least one non-empty matcher"),
        ("rate({a=''}[5m])", "1:6 vector selector must contain at least one non-empty matcher"),
        ("{a!='b'}", "1:1 vector selector must contain at least one non-empty matcher"),
        ("{a=~'.*'}", "1:1 vector selector must contain at least one non-empty matcher"),
        ("{''}", "1:1 vector selector must contain at least one non-empty matcher"),
        ("a{", "1:3 unexpected end of input inside braces"),
        ("a{b", "1:4 unexpected end of input inside braces"),
        ("a{b}", "1:4 unexpected \"}\" in label matching, expected label matching operator"),
        ("a{b=}", "1:5 unexpected \"}\" in label matching, expected string"),
        ("a{b=c}", "1:5 unexpected identifier \"c\" in label matching, expected string"),
        ("a{b==\"c\"}", "1:5 unexpected \"=\" in label matching, expected string"),
        (
            "a{'b'='c' d='e'}",
            "1:11 unexpected identifier \"d\" in label matching, expected \",\" or \"}\"",
        ),
        ("a{,}", "1:3 unexpected \",\" in label matching, expected identifier or \"}\""),
        ("a{=~'b'}", "1:3 unexpected <op:=~> in label matching, expected identifier or \"}\""),
        (
            "a{b='c' or d='e'}",
            "1:9 unexpected identifier \"or\" in label matching, expected \",\" or \"}\"",
        ),
        ("a{1='b'}", "1:3 unexpected character inside braces: '1'"),
        ("a{b!'c'}", r"1:4 unexpected character after '!' inside braces: '\''"),
        ("a{{", "1:3 unexpected left brace '{'"),
        ("a{__name__='b'}", "1:1 metric name must not be set twice: \"a\" or \"b\""),
        ("a{'b'}", "1:1 metric name must not be set twice: \"a\" or \"b\""),
        ("on", "1:1 unexpected <on>"),
        ("a + bool", "1:9 unexpected end of input"),
    ]);
    let error = parse("x + a{b=~'('}").unwrap_err().to_string();
    assert!(error.starts_with("1:7: parse error: error parsing regexp: "), "{error}");
}

#[test]
fn ranges_and_modifiers() {
    check(&[
        ("a[5m", "1:5 unclosed left bracket"),
        ("a[(5m", "1:6 unclosed left parenthesis"),
        ("a[", "1:3 unexpected end of input in duration expression"),
        (
            "a[]",
            "1:3 unexpected \"]\" in subquery or range selector, expected number, duration, step(), or range()",
        ),
        ("a[:1m]", "1:4 unexpected colon before duration in duration expression"),
        ("a[5m:1m:1m]", "1:8 unexpected colon ':'"),
        ("a[5m[5m]]", "1:5 unexpected left bracket '['"),
        ("a[foo]", "1:3 unexpected character in duration expression: 'f'"),
        ("a[sum]", "1:3 unexpected character in duration expression: 's'"),
        ("a[5m foo]", "1:6 unexpected character: 'f', expected ':'"),
        ("a[1x]", "1:3 bad number or duration syntax: \"1\""),
        (
            "a[5m 5m]",
            "1:6 unexpected duration \"5m\" in subquery or range, expected \":\" or \"]\"",
        ),
        ("a[5m:5m 5m]", "1:9 unexpected duration \"5m\" in subquery selector, expected \"]\""),
        (
            "a[5m:*]",
            "1:6 unexpected <op:*> in subquery selector, expected number, duration, step(), range(), or \"]\"",
        ),
        (
            "a[5m+]",
            "1:6 unexpected \"]\" in subquery or range selector, expected number, duration, step(), or range()",
        ),
        ("a[0]", "1:3 duration must be greater than 0"),
        ("a[5m:-1m]", "1:6 duration must be greater than 0"),
        ("1[5m]", "1:2 ranges only allowed for vector selectors"),
        ("(a)[5m]", "1:4 ranges only allowed for vector selectors"),
        ("a[5m][5m]", "1:6 ranges only allowed for vector selectors"),
        ("a offset 1m [5m]", "1:13 no offset modifiers allowed before range"),
        ("a @ 10 [5m]", "1:8 no @ modifiers allowed before range"),
        ("a[5m][5m:]", "1:1 subquery is only allowed on instant vector, got matrix instead"),
        ("1[5m:]", "1:1 subquery is only allowed on instant vector, got scalar instead"),
        (
            "a offset",
            "1:9 unexpected end of input in offset, expected number, duration, step(), or range()",
        ),
        (
            "a offset b",
            "1:10 unexpected identifier \"b\" in offset, expected number, duration, step(), or range()",
        ),
        (
            "a offset (b)",
            "1:11 unexpected identifier \"b\" in offset, expected number, duration, step(), or range()",
        ),
        (
            "1 offset 1d",
            "1:1 offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
        ),
        ("a offset 1s offset 2s", "1:1 offset may not be set multiple times"),
        ("a @ b", "1:5 unexpected identifier \"b\" in @, expected timestamp"),
        ("a @ start", "1:10 unexpected end of input in @, expected timestamp"),
        ("a @ 1 @ 2", "1:1 @ <timestamp> may not be set multiple times"),
        ("a @ 1 @ start()", "1:1 @ <timestamp> may not be set multiple times"),
        (
            "sum(a) @ 1",
            "1:1 @ modifier must be preceded by an instant vector selector or range vector selector or a subquery",
        ),
        ("a @ Inf", "1:1 timestamp out of bounds for @ modifier: inf"),
        ("a @ 1e300", "1:1 timestamp out of bounds for @ modifier: 1e300"),
        ("a smoothed anchored", "1:1 anchored and smoothed modifiers cannot be used together"),
        ("a[5m:] smoothed", "1:1 smoothed modifier is not supported for subqueries"),
        ("sum(a) anchored", "1:1 anchored modifier not implemented"),
    ]);
}

#[test]
fn operators_and_matching() {
    check(&[
        ("1 == 1", "1:3 comparisons between scalars must use BOOL modifier"),
        ("a + bool b", "1:3 bool modifier can only be used on comparison operators"),
        ("(a) \n and  bool b", "2:2 bool modifier can only be used on comparison operators"),
        ("1 and 1", "1:1 set operator \"and\" not allowed in binary scalar expression"),
        ("a or 1", "1:1 set operator \"or\" not allowed in binary scalar expression"),
        ("1 + 'a'", "1:5 binary expression must contain only scalar and instant vector types"),
        ("a[5m] + 1", "1:1 binary expression must contain only scalar and instant vector types"),
        ("1 + on(x) a", "1:1 vector matching only allowed between instant vectors"),
        ("a + fill(0) 1", "1:1 filling in missing series only allowed between instant vectors"),
        ("a and fill(0) b", "1:1 filling in missing series not allowed for set operators"),
        ("a and on(x) group_left b", "1:1 no grouping allowed for \"and\" operation"),
        (
            "a + on(x) group_left(x) b",
            "1:3 label \"x\" must not occur in ON and GROUP clause at once",
        ),
        ("a + group_left b", "1:5 unexpected <group_left>"),
        ("a - on(b) ignoring(c) d", "1:11 unexpected <ignoring>"),
        ("a + on b", "1:8 unexpected identifier \"b\" in grouping opts, expected \"(\""),
        (
            "a + on(b c) d",
            "1:10 unexpected identifier \"c\" in grouping opts, expected \",\" or \")\"",
        ),
        ("a + on(1) d", "1:8 unexpected number \"1\" in grouping opts, expected label"),
        ("a + on('') d", "1:8 unexpected string \"''\" in grouping opts, expected label"),
        ("a + fill(b) d", "1:10 unexpected identifier \"b\" in fill modifier, expected number"),
        ("a + fill(1) fill(2) d", "1:13 unknown function with name \"fill\""),
        (
            "-'a'",
            "1:1 unary expression only allowed on expressions of type scalar or instant vector, got \"string\"",
        ),
        (
            "-a[5m]",
            "1:1 unary expression only allowed on expressions of type scalar or instant vector, got \"range vector\"",
        ),
    ]);
}

#[test]
fn aggregations() {
    check(&[
        ("sum a", "1:5 unexpected identifier \"a\""),
        ("sum()", "1:1 no arguments for aggregate expression provided"),
        ("1 + sum() by (x)", "1:5 no arguments for aggregate expression provided"),
        (
            "sum(a, b)",
            "1:1 wrong number of arguments for aggregate expression provided, expected 1, got 2",
        ),
        (
            "topk(a)",
            "1:1 wrong number of arguments for aggregate expression provided, expected 2, got 1",
        ),
        ("topk(5, )", "1:7 trailing commas not allowed in function call args"),
        ("topk(a, b)", "1:6 expected type scalar in aggregation parameter, got instant vector"),
        ("count_values(5, a)", "1:14 expected type string in aggregation parameter, got scalar"),
        (
            "sum(a[5m])",
            "1:5 expected type instant vector in aggregation expression, got range vector",
        ),
        ("sum(5)", "1:5 expected type instant vector in aggregation expression, got scalar"),
        ("sum(a) by b", "1:11 unexpected identifier \"b\" in grouping opts, expected \"(\""),
        ("sum(a) by (x) without (y)", "1:15 unexpected <without>"),
        ("sum by (x) (a) by (y)", "1:16 unexpected <by>"),
        ("sum by (==) (a)", "1:9 unexpected <op:==> in grouping opts, expected label"),
        ("sum without (x) a", "1:17 unexpected identifier \"a\" in aggregation"),
        ("sum(a b)", "1:7 unexpected identifier \"b\" in aggregation"),
        ("sum(rate(a[5m]) by)", "1:17 unexpected <by> in aggregation"),
        ("sum(a", "1:6 unclosed left parenthesis"),
        ("(sum(a) b)", "1:9 unexpected identifier \"b\""),
    ]);
}

#[test]
fn calls() {
    check(&[
        ("foo(a)", "1:1 unknown function with name \"foo\""),
        ("Rate(a[5m])", "1:1 unknown function with name \"Rate\""),
        ("a > b()", "1:5 unknown function with name \"b\""),
        ("holt_winters(a[5m], 1, 1)", "1:1 unknown function with name \"holt_winters\""),
        ("rate(a[5m],)", "1:11 trailing commas not allowed in function call args"),
        ("rate(,)", "1:6 unexpected \",\""),
        ("rate(a[5m] b)", "1:12 unexpected identifier \"b\""),
        ("rate()", "1:1 expected 1 argument(s) in call to \"rate\", got 0"),
        ("rate(a[5m], 1)", "1:1 expected 1 argument(s) in call to \"rate\", got 2"),
        ("time(1)", "1:1 expected 0 argument(s) in call to \"time\", got 1"),
        ("round()", "1:1 expected at least 1 argument(s) in call to \"round\", got 0"),
        ("round(a, 1, 2)", "1:1 expected at most 2 argument(s) in call to \"round\", got 3"),
        ("hour(a, b)", "1:1 expected at most 1 argument(s) in call to \"hour\", got 2"),
        (
            "label_join(a, 'b')",
            "1:1 expected at least 3 argument(s) in call to \"label_join\", got 2",
        ),
        (
            "rate(avg)",
            "1:6 expected type range vector in call to function \"rate\", got instant vector",
        ),
        (
            "sum(rate(a))",
            "1:10 expected type range vector in call to function \"rate\", got instant vector",
        ),
        (
            "clamp_max(a, b)",
            "1:14 expected type scalar in call to function \"clamp_max\", got instant vector",
        ),
        (
            "label_join(a, 'b', 'c', 'd', 5)",
            "1:30 expected type string in call to function \"label_join\", got scalar",
        ),
        ("vector('a')", "1:8 expected type scalar in call to function \"vector\", got string"),
        ("info(a, b)", "1:9 expected label selectors only, got vector selector instead"),
        ("info(a, -b)", "1:9 expected label selectors only"),
        ("info(a, 1)", "1:1 expected type instant vector in call to function \"info\", got scalar"),
        ("a:b(1)", "1:4 unexpected \"(\""),
    ]);
}

#[test]
fn errors_left_of_bad_tokens_go_first() {
    check(&[
        ("a b $", "1:3 unexpected identifier \"b\""),
        ("foo(a) + $", "1:1 unknown function with name \"foo\""),
        ("1 == 1 + $", "1:10 unexpected character: '$'"),
    ]);
}

#[test]
fn hostile_nesting_is_refused_and_never_overflows_the_stack() {
    let n = 50_000;
    let texts = [
        "(".repeat(n),
        "-".repeat(n) + "a",
        "+-".repeat(n) + "1",
        "1+".repeat(n) + "1",
        "a^".repeat(n) + "a",
        "sum(".repeat(n),
        "a or ".repeat(n) + "a",
        "a".to_owned() + &"[1m:]".repeat(n),
        format!("a[{}", "(".repeat(n)),
        format!("a[{}1]", "-".repeat(n)),
        format!("a[{}1]", "1+".repeat(n)),
        format!("a[{}1]", "1^".repeat(n)),
        format!("a[{}", "min_of(".repeat(n / 2)),
        format!("a offset {}", "(".repeat(n)),
        "abs(-(".repeat(n / 2),
        "sum(a == ".repeat(n / 4),
    ];
    let check = move || {
        for text in texts {
            let error = parse(&text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Limit, "{error}: {}", &text[..20]);
        }
    };
    thread::Builder::new().stack_size(STACK_BYTES).spawn(check).unwrap().join().unwrap();
}

#[test]
fn the_deepest_allowed_tree_parses_prints_and_drops_on_a_small_stack() {
    let check = || {
        let (deep, high) = (NESTING_MAX - 2, HEIGHT_MAX - 1);
        for text in [
            "(".repeat(deep) + "a" + &")".repeat(deep),
            "abs(".repeat(deep) + "a" + &")".repeat(deep),
            "sum(".repeat(deep) + "a" + &")".repeat(deep),
            "-".repeat(deep) + "a",
            "a ^ ".repeat(deep) + "a",
            "a + ".repeat(high) + "a",
            format!("a[{}1]", "step() + ".repeat(high)),
            format!("a[{}1{}]", "min_of(1, ".repeat(deep), ")".repeat(deep)),
        ] {
            let expr = parse(&text).unwrap_or_else(|error| panic!("{error}"));
            let print = expr.to_string();
            assert_eq!(parse(&print).unwrap().to_string(), print);
            drop(expr.clone());
        }
    };
    thread::Builder::new().stack_size(STACK_BYTES).spawn(check).unwrap().join().unwrap();
}

#[test]
fn a_query_that_is_too_long_is_refused() {
    let text = "a".repeat(EXPRESSION_BYTES_MAX);
    assert!(parse(&text).is_ok());
    let error = parse(&(text + "a")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert_eq!(error.message, "expression of 262145 bytes exceeds the limit of 262144");
}

#[test]
fn too_many_regular_expressions_are_refused() {
    let text = |count: usize| format!("a{{{}}}", "b=~'c+',".repeat(count));
    assert!(parse(&text(REGEX_COUNT_MAX)).is_ok());
    assert_eq!(parse(&text(REGEX_COUNT_MAX + 1)).unwrap_err().kind(), ErrorKind::Limit);
}

/// Were any of these read in time quadratic in their length, the test would run for minutes.
#[test]
fn long_flat_queries_are_read_quickly() {
    let list = |item: &str| item.repeat(EXPRESSION_BYTES_MAX / 2 / item.len() - 20);
    for text in [
        format!("sum by ({}) (a)", list("b,")),
        format!("a + on ({}) group_left ({}) b", list("cc,"), list("dd,")),
        format!("a{{{}}}", list("b='c',")),
        format!("label_join(a, 'b', 'c'{})", list(", 'd'")),
        format!("a{}", list(" # c\n")),
        format!("a + {}", list("\n\n")) + "b",
    ] {
        parse(&text).unwrap_or_else(|error| panic!("{error}: {}", &text[..20]));
    }
}
