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
fn a_start_is_read_to_the_nanosecond() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("text.om");
    let text = "# TYPE a counter\na_total 1 1700000000\na_created 1600000000.123456789 1700000000\n\
                # EOF\n";
    fs::write(&path, text).unwrap();
    let database = open(&dir.path().join("db"));
    import_from(&database, Format::OpenMetrics, &path);
    let samples = contents(&database).into_values().next().unwrap();
    assert_eq!(samples[0].1, 1_600_000_000_123_456_789);
    let again = dir.path().join("again.om");
    export_all(&database, Format::OpenMetrics, &again);
    let second = open(&dir.path().join("second"));
    import_from(&second, Format::OpenMetrics, &again);
    assert_eq!(contents(&second), contents(&database));
}

#[test]
fn families_of_any_name_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(&dir.path().join("first"));
    let mut batch = WriteBatch::default();
    let names = ["plain", "with space", "a\"b\\c\nd", "ü"];
    for name in names {
        batch.push_labels(Labels::from_pairs([("__name__", name)]).unwrap());
        batch.push_sample(NANOS_PER_SECOND, 1.0);
        let help = format!("What {name} is.");
        let metadata = Metadata { kind: MetricKind::Gauge, unit: String::new(), help };
        batch.push_metadata(FamilyMetadata { family: name.to_owned(), metadata });
    }
    first.write(&batch).unwrap();
    let path = dir.path().join("out.om");
    export_all(&first, Format::OpenMetrics, &path);
    let second = open(&dir.path().join("second"));
    import_from(&second, Format::OpenMetrics, &path);
    assert_eq!(contents(&second), contents(&first));
    assert_eq!(second.metadata(None, 0), first.metadata(None, 0));
    assert_eq!(second.metadata(None, 0).len(), names.len());
}

#[test]
fn starts_that_come_too_late_for_their_samples_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("text.om");
    let mut text = "# TYPE h histogram\n".to_owned();
    (0..500_010).for_each(|n| text.push_str(&format!("h_bucket{{le=\"1\"}} 1 {n}\n")));
    text.push_str("h_count 1 500009\nh_created 7 500009\n# EOF\n");
    fs::write(&path, text).unwrap();
    let database = open(&dir.path().join("db"));
    let report = import_from(&database, Format::OpenMetrics, &path);
    assert_eq!(report.samples_written, 500_011);
    assert!(report.notes[0].starts_with("500000 samples of h have no start"), "{:?}", report.notes);
}

#[test]
fn many_exemplars_of_one_series_are_all_imported_and_what_is_refused_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("text.om");
    let mut text = "# TYPE a counter\n".to_owned();
    for n in 0..40_000 {
        text.push_str(&format!("a_total {n} {n} # {{id=\"{n}\"}} {n}\n"));
    }
    let long = "x".repeat(200);
    text.push_str(&format!("a_total 1 40000 # {{id=\"{long}\"}} 1\n"));
    text.push_str(&format!("# HELP b {}\n# TYPE b gauge\nb 1 1\n# EOF\n", "x".repeat(70_000)));
    fs::write(&path, text).unwrap();
    let database = open(&dir.path().join("db"));
    let report = import_from(&database, Format::OpenMetrics, &path);
    assert_eq!((report.exemplars_written, report.exemplars_rejected), (40_000, 1));
    let notes = report.notes.join("\n");
    assert!(notes.contains("rejected: a_total: exemplar labels of more than"), "{notes}");
    assert!(notes.contains("rejected: metadata of \"b\" with a text"), "{notes}");
    let found = exemplars(&database).into_values().next().unwrap();
    assert_eq!(found.len(), 40_000);
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
