//! OpenMetrics: what its lines mean, and back.

use std::fs;

use timberline::{Exemplar, FamilyMetadata, Labels, WriteBatch};
use timberline_exchange::{ExchangeError, Format, ImportSettings, import};
use timberline_model::{Metadata, MetricKind, NANOS_PER_SECOND, STALE_NAN};

use super::support::{Contents, contents, exemplars, export_all, import_from, open};

const TEXT: &str = r#"# HELP http_requests Requests, by code.
# TYPE http_requests counter
http_requests_total{code="200"} 3 1700000000 # {trace_id="ab c"} 0.25 1699999999.5
http_requests_created{code="200"} 1600000000.125 1700000000
http_requests_total{code="200"} 5 1700000015.25
http_requests_created{code="200"} 1600000000.125 1700000015.25
# TYPE temperature_celsius gauge
# UNIT temperature_celsius celsius
temperature_celsius{room="a\\b\"\n"} -1.5e-9 1700000000
temperature_celsius{room="ü"} +Inf 1700000000.000000001
# EOF
"#;

fn series(name: &str, label: (&str, &str)) -> Labels {
    Labels::from_pairs([("__name__", name), label]).unwrap()
}

fn expected() -> Contents {
    let first = 1_700_000_000 * NANOS_PER_SECOND;
    let start = 1_600_000_000_125_000_000;
    let float = |ts, start, value: f64| (ts, start, Ok(value.to_bits()));
    Contents::from([
        (
            series("http_requests_total", ("code", "200")),
            vec![float(first, start, 3.0), float(first + 15_250_000_000, start, 5.0)],
        ),
        (series("temperature_celsius", ("room", "a\\b\"\n")), vec![float(first, 0, -1.5e-9)]),
        (series("temperature_celsius", ("room", "ü")), vec![float(first + 1, 0, f64::INFINITY)]),
    ])
}

#[test]
fn a_text_is_read_with_all_that_it_says_and_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("text.om");
    fs::write(&path, TEXT).unwrap();
    let first = open(&dir.path().join("first"));
    let report = import_from(&first, Format::OpenMetrics, &path);
    assert_eq!((report.samples_written, report.metadata_entries), (4, 2));
    assert_eq!(report.exemplars_written, 1);
    assert_eq!(contents(&first), expected());
    let again = dir.path().join("again.om");
    let report = export_all(&first, Format::OpenMetrics, &again);
    assert!(report.notes.is_empty(), "{:?}", report.notes);
    assert_eq!((report.samples, report.exemplars), (4, 1));
    let second = open(&dir.path().join("second"));
    import_from(&second, Format::OpenMetrics, &again);
    for database in [&first, &second] {
        assert_eq!(contents(database), expected());
        let labels = Labels::from_pairs([("trace_id", "ab c")]).unwrap();
        let exemplar = Exemplar { labels, value: 0.25, ts: 1_699_999_999_500_000_000 };
        assert_eq!(exemplars(database).into_values().flatten().collect::<Vec<_>>(), [exemplar]);
        let metadata = database.metadata(Some("http_requests"), 10);
        let help = "Requests, by code.".to_owned();
        let known = Metadata { kind: MetricKind::Counter, unit: String::new(), help };
        let family = "http_requests".to_owned();
        assert_eq!(metadata, [FamilyMetadata { family, metadata: known }]);
    }
}

#[test]
fn texts_that_are_cut_off_or_have_no_times_are_refused_with_the_line() {
    let dir = tempfile::tempdir().unwrap();
    let database = open(&dir.path().join("db"));
    for (text, message) in [
        ("a 1 1\n", "line 2: the text ends without # EOF"),
        ("a 1\n# EOF\n", "line 1: a sample without a timestamp"),
        ("a 1 1\n# EOF\na 1 2\n", "line 3: there is more after # EOF"),
        ("a 1 1\nb{c=} 1 1\n# EOF\n", "line 2: column 5: a label's value in quotes"),
        ("a 1 1\n\n# EOF\n", "line 2: an empty line"),
    ] {
        let path = dir.path().join("bad.om");
        fs::write(&path, text).unwrap();
        let settings = ImportSettings::default();
        let result = import(&database, Format::OpenMetrics, &[path], &settings, &mut |_| {});
        let error = result.unwrap_err();
        assert!(matches!(error, ExchangeError::Malformed { .. }));
        assert!(error.to_string().contains(message), "{error}");
        assert!(contents(&database).is_empty(), "nothing of a refused file is imported");
    }
}

#[test]
fn what_openmetrics_has_no_form_for_is_left_out_and_said() {
    let dir = tempfile::tempdir().unwrap();
    let database = open(&dir.path().join("db"));
    let mut batch = WriteBatch::default();
    batch.push_labels(series("m", ("a", "b")));
    batch.push_sample(NANOS_PER_SECOND, 1.0);
    batch.push_sample(2 * NANOS_PER_SECOND, STALE_NAN);
    database.write(&batch).unwrap();
    let path = dir.path().join("out.om");
    let report = export_all(&database, Format::OpenMetrics, &path);
    assert_eq!(fs::read_to_string(path).unwrap(), "m{a=\"b\"} 1 1\n# EOF\n");
    assert_eq!(report.samples, 1);
    assert!(report.notes[0].contains("1 stale markers"), "{:?}", report.notes);
}
