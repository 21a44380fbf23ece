//! Lines of both dialects, read, refused and written.

use proptest::prelude::*;
use timberline_model::{Exemplar, Labels, LabelsBuilder, MetricKind};

use super::*;

fn sample(line: &str, dialect: Dialect) -> (Labels, SampleText<'_>) {
    let mut labels = LabelsBuilder::default();
    match parse_line(line, dialect, &mut labels).unwrap() {
        Line::Sample(sample) => (labels.build().unwrap(), sample),
        other => panic!("{line}: {other:?}"),
    }
}

fn refused(line: &str, dialect: Dialect) -> String {
    parse_line(line, dialect, &mut LabelsBuilder::default()).unwrap_err().to_string()
}

#[test]
fn samples_of_both_dialects_are_read() {
    for (line, series, value, ts) in [
        ("up 1", "up", 1.0, None),
        ("a:b{c=\"d\",} 1e3 5", "a:b{c=\"d\"}", 1_000.0, Some(5_000_000_000)),
        (
            "{\"my metric\",\"a b\"=\"c\"} -0 1.5",
            "{\"my metric\", \"a b\"=\"c\"}",
            0.0,
            Some(1_500_000_000),
        ),
        (
            "m{a=\"x\\\\y\\\"z\\n\"} +Inf -1",
            "m{a=\"x\\\\y\\\"z\\n\"}",
            f64::INFINITY,
            Some(-1_000_000_000),
        ),
    ] {
        let (labels, sample) = sample(line, Dialect::OpenMetrics);
        assert_eq!((labels.to_string().as_str(), sample.value, sample.ts), (series, value, ts));
    }
    let (labels, sample) = sample("  m { a = \"b\" , } 2 1500", Dialect::Prometheus);
    assert_eq!((labels.to_string(), sample.ts), ("m{a=\"b\"}".to_owned(), Some(1_500_000_000)));
}

#[test]
fn exemplars_are_read() {
    let (_, line) = sample("a_total 1 2 # {id=\"x\"} 0.5 1.25", Dialect::OpenMetrics);
    let found = line.exemplar.unwrap();
    let labels = Labels::from_pairs([("id", "x")]).unwrap();
    assert!(found.has_ts);
    assert_eq!(found.exemplar, Exemplar { labels, value: 0.5, ts: 1_250_000_000 });
    let (_, line) = sample("a_total 1 # {} 2", Dialect::OpenMetrics);
    assert!(line.ts.is_none() && !line.exemplar.unwrap().has_ts);
}

#[test]
fn comments_are_read() {
    let mut labels = LabelsBuilder::default();
    let mut read = |line, dialect| format!("{:?}", parse_line(line, dialect, &mut labels).unwrap());
    assert_eq!(read("# EOF", Dialect::OpenMetrics), "End");
    assert_eq!(
        read("# TYPE a counter", Dialect::OpenMetrics),
        format!("Type(\"a\", {:?})", MetricKind::Counter)
    );
    assert_eq!(read("# UNIT a_s s", Dialect::OpenMetrics), "Unit(\"a_s\", \"s\")");
    assert_eq!(read("# HELP a b\\nc  d", Dialect::Prometheus), "Help(\"a\", \"b\\nc  d\")");
    assert_eq!(
        read("# TYPE a untyped", Dialect::Prometheus),
        format!("Type(\"a\", {:?})", MetricKind::Unknown)
    );
    for comment in ["# EOF", "#anything", "", "   ", "# just words"] {
        assert_eq!(read(comment, Dialect::Prometheus), "Nothing", "{comment}");
    }
}

#[test]
fn what_is_wrong_is_named_with_its_column() {
    for (line, message) in [
        ("1a 1", "column 1: not a metric name"),
        ("a", "column 2: not a number"),
        ("a{b} 1", "column 4: '=' is expected"),
        ("a{b=\"c} 1", "column 6: the closing quote is missing"),
        ("a{b=\"c\" d=\"e\"} 1", "column 9: ',' or '}' is expected"),
        ("a 1 x", "column 5: not a time"),
        ("a 1 1 x", "column 7: more than a sample has"),
        ("a 1 99999999999999999999", "column 5: not a time"),
        ("a_total 1 # 1", "column 13: an exemplar's labels"),
        ("# TYPE a thing", "unknown type \"thing\""),
        ("# words", "a comment other than"),
    ] {
        let found = refused(line, Dialect::OpenMetrics);
        assert!(found.contains(message), "{line}: {found}");
    }
    assert!(refused("a 1 1 # {} 1", Dialect::Prometheus).contains("more than a sample has"));
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        name in "[a-z_:][a-z0-9_:]{0,5}|[ -~é]{1,6}",
        pairs in prop::collection::btree_map("[a-z_][a-z0-9_]{0,5}|[ -~é]{1,6}", "[ -~\n\u{e9}]{1,8}", 0..4),
        bits: u64,
        ts: i64,
    ) {
        let pairs = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).filter(|(n, _)| *n != "__name__");
        let labels = Labels::from_pairs(pairs.chain([("__name__", name.as_str())])).unwrap();
        let value = f64::from_bits(bits);
        let exemplar = Exemplar { labels: labels.clone(), value: 1.0, ts };
        let mut out = Vec::new();
        push_series(&mut out, &labels, None);
        push_sample_start(&mut out, value, ts);
        push_exemplar(&mut out, &exemplar);
        let line = String::from_utf8(out).unwrap();
        let (found, sample) = sample(&line, Dialect::OpenMetrics);
        prop_assert_eq!(found, labels.clone(), "{}", line);
        prop_assert!(sample.value.to_bits() == bits || (sample.value.is_nan() && value.is_nan()));
        prop_assert_eq!(sample.ts, Some(ts));
        prop_assert_eq!(sample.exemplar.unwrap().exemplar, exemplar);
    }

    #[test]
    fn any_text_is_read_or_refused(line in "[ -~#{}\"\\\\=,\n]{0,40}") {
        for dialect in [Dialect::OpenMetrics, Dialect::Prometheus] {
            let _ = parse_line(&line, dialect, &mut LabelsBuilder::default());
        }
    }
}
