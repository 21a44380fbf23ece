//! Tests of whole scripts: what passes, and above all what must not.

use super::*;

/// The verdict of a script's only question.
fn verdict(script: &str) -> Verdict {
    let script = Script::parse(script).unwrap();
    let mut outcomes = run(&script, &Options::default()).unwrap();
    assert_eq!(outcomes.len(), 1, "{outcomes:?}");
    outcomes.remove(0).verdict
}

fn failure(script: &str) -> String {
    match verdict(script) {
        Verdict::Failed(reason) => reason,
        other => panic!("{other:?} of {script}"),
    }
}

fn syntax_error(script: &str) -> String {
    Script::parse(script).unwrap_err().to_string()
}

const LOAD: &str = "load 1m\n  m{a=\"1\"} 1+1x10\n  m{a=\"2\"} 5 _ stale\n\n";

#[test]
fn right_answers_pass() {
    for question in [
        "eval instant at 5m m\n  m{a=\"1\"} 6",
        "eval instant at 5m m{a=\"1\"} * 2\n  {a=\"1\"} 12.000001",
        "eval instant at 1m sum(m)\n  {} 7",
        "eval instant at 5m scalar(m{a=\"1\"})\n  6",
        "eval instant at 5m \"a\\tb\"\n  expect string \"a\\tb\"",
        "eval instant at 9m none",
        "eval range from 0 to 2m step 1m m\n  m{a=\"1\"} 1 2 3\n  m{a=\"2\"} 5 5 _",
        "eval instant at 0s m[1m]\n  expect range vector from 0s to 1m step 1m\n  m{a=\"1\"} _ 2",
        "eval instant at 0 sort_desc(m)\n  expect ordered\n  m{a=\"2\"} 5\n  m{a=\"1\"} 1",
        "eval_ordered instant at 0 sort(m)\n  m{a=\"1\"} 1\n  m{a=\"2\"} 5",
        "eval instant at 5m topk(NaN, m)\n  expect fail msg: Parameter value is NaN",
        "eval_fail instant at 5m topk(NaN, m)\n  expected_fail_regexp ^Param.*NaN$",
        "eval_fail instant at 5m m + on(x) m +\n  expected_fail_message unexpected end of input",
        "eval instant at 5m quantile(2, m)\n  expect warn regex: between 0 and 1\n  {} Inf",
        "eval_warn instant at 5m quantile(2, m)\n  {} Inf",
        "eval instant at 5m rate(m[5m])\n  expect info\n  expect no_warn\n  {a=\"1\"} 0.016666667",
    ] {
        assert_eq!(verdict(&format!("{LOAD}{question}")), Verdict::Passed, "{question}");
    }
}

#[test]
fn wrong_answers_fail() {
    for (question, reason) in [
        ("eval instant at 5m m\n  m{a=\"1\"} 6.001", "Float(6.0) at 300000000000 ns"),
        ("eval instant at 5m m\n  m{a=\"1\"} {{}}", "instead of Histogram"),
        ("eval instant at 5m m", "m{a=\"1\"} is not expected"),
        ("eval instant at 5m m\n  m{a=\"1\"} 6\n  m{a=\"3\"} 6", "nothing at 300000000000 ns"),
        ("eval instant at 5m scalar(m{a=\"1\"})\n  7", "scalar 6 instead of Some(7.0)"),
        ("eval instant at 5m m\n  6", "series instead of a scalar"),
        ("eval instant at 5m \"b\"\n  expect string \"a\"", "string \"b\""),
        ("eval range from 0 to 2m step 1m m{a=\"1\"}\n  m{a=\"1\"} 1 2", "instead of nothing"),
        ("eval range from 0 to 2m step 1m m{a=\"1\"}\n  m{a=\"1\"} 1 _ 3", "instead of Float(3.0)"),
        (
            "eval instant at 0 sort(m)\n  expect ordered\n  m{a=\"2\"} 5\n  m{a=\"1\"} 1",
            "not in the order",
        ),
        ("eval instant at 5m topk(NaN, m)\n  expect fail msg: Parameter", "instead of Exactly"),
        ("eval instant at 5m topk(NaN, m)", "Parameter value is NaN"),
        ("eval instant at 5m m +", "unexpected end of input"),
        ("eval instant at 5m m\n  expect fail", "it was to fail"),
        ("eval instant at 5m sum(m)\n  expect warn\n  {} 6", "no warning fits Any"),
        ("eval instant at 5m quantile(2, m)\n  expect no_warn\n  {} Inf", "unexpected warnings"),
        ("eval instant at 5m quantile(2, m)\n  expect warn msg: no\n  {} Inf", "no warning fits"),
    ] {
        let found = failure(&format!("{LOAD}{question}"));
        assert!(found.contains(reason), "{question}: {found}");
    }
}

#[test]
fn both_sources_have_what_was_loaded() {
    let script = "load_with_nhcb 1m\n  h_bucket{le=\"1\"} 1 2\n  h_bucket{le=\"+Inf\"} 3 6\n\
                  \u{20} h_count 3 6\n  h_sum 9 18\n\n\
                  eval instant at 1m {__name__=~\"h.*\"}\n  h_bucket{le=\"1\"} 2\n\
                  \u{20} h_bucket{le=\"+Inf\"} 6\n  h_count 6\n  h_sum 18\n\
                  \u{20} h {{schema:-53 custom_values:[1] count:6 sum:18 buckets:[2 4]}}";
    assert_eq!(verdict(script), Verdict::Passed);
    let cleared = format!("{LOAD}clear\neval instant at 5m m\n");
    assert_eq!(verdict(&cleared), Verdict::Passed);
    let twice =
        format!("{LOAD}load 1m\n  m{{a=\"1\"}} 7x10\n\neval instant at 5m m\n  m{{a=\"1\"}} 7");
    assert_eq!(verdict(&twice), Verdict::Passed);
}

#[test]
fn a_comment_ends_a_statement() {
    let script = Script::parse("eval instant at 0 1\n  # not an answer\n\n1").unwrap_err();
    assert_eq!(script.to_string(), "line 4: unknown statement \"1\"");
    assert_eq!(verdict("eval instant at 0 none\n# nothing\nCLEAR"), Verdict::Passed);
}

#[test]
fn lines_that_follow_no_rule_are_refused() {
    for (script, error) in [
        ("load\n  m 1", "line 1: empty duration"),
        ("load_all 1m", "line 1: expected load"),
        ("load 1m\n  m one", "line 2: bad value \"one\""),
        ("load 1m\n  m@st -1m\n", "line 2: no values follow"),
        ("load 1m\n  m@st -1m\n  n 1", "line 2: the series of the starts"),
        ("load 1m\n  m@st -1m _\n  m 1", "line 2: 2 starts for 1 values"),
        ("eval instant 5m m", "line 1: expected `at`, not \"5m\""),
        ("eval sometimes at 5m m", "line 1: expected `instant` or `range`"),
        ("eval instant at 5m", "line 1: no expression"),
        ("eval range from 2m to 1m step 1m m", "line 1: the end lies before the start"),
        ("eval range from 0 to 1m step 0s m", "line 1: the step is not positive"),
        ("eval instant at 5m m\n  m 1 2", "line 2: 2 values at one instant"),
        ("eval range from 0 to 1m step 1m m\n  m 1 2 3", "line 2: 3 values where the range"),
        ("eval instant at 5m m\n  expect fail\n  expect fail", "line 3: a second expect fail"),
        ("eval instant at 5m m\n  expect warn\n  expect no_warn", "line 3: expect warn and"),
        ("eval instant at 5m m\n  expect fail because", "line 2: expected `msg: ...`"),
        ("eval instant at 5m m\n  expect fail regex: (", "line 2: regex parse error"),
        ("eval instant at 5m m\n  expect string bare", "line 2: \"bare\" is no string"),
    ] {
        let found = syntax_error(script);
        assert!(found.starts_with(error), "{script}: {found}");
    }
}

#[test]
fn series_that_a_database_refuses_stop_the_script() {
    let script = Script::parse("load 1m\n  m {{count:1 buckets:[-1]}}\n").unwrap();
    let error = run(&script, &Options::default()).unwrap_err();
    assert!(matches!(error, ScriptError::Load { line: 1, .. }), "{error}");
}

#[test]
fn what_is_listed_is_left_out() {
    let script = Script::parse("eval instant at 0 up\n  up 1\n\neval instant at 0 none\n").unwrap();
    let skips = Skips::parse("first\teval instant at 0 up\tnobody scrapes\n").unwrap();
    let options = Options { name: "first".to_owned(), skips, ..Options::default() };
    let outcomes = run(&script, &options).unwrap();
    assert_eq!(outcomes[0].verdict, Verdict::Skipped("nobody scrapes".to_owned()));
    assert_eq!(outcomes[1].verdict, Verdict::Passed);
    assert_eq!(Counts::of(&outcomes).to_string(), "1 passed, 0 failed, 1 skipped");
    let other = Options { name: "second".to_owned(), ..options };
    assert_eq!(Counts::of(&run(&script, &other).unwrap()).failed, 1);
}

#[test]
fn features_that_are_off_are_refused() {
    let script = Script::parse("eval instant at 0 mad_over_time(m[1m])\n").unwrap();
    let features = timberline_promql::Features::NONE;
    let outcomes = run(&script, &Options { features, ..Options::default() }).unwrap();
    let Verdict::Failed(reason) = &outcomes[0].verdict else { panic!("{outcomes:?}") };
    assert!(reason.contains("function \"mad_over_time\" is not enabled"), "{reason}");
}
