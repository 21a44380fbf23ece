//! Random databases through every format and back.

use proptest::prelude::*;
use timberline::Labels;
use timberline_exchange::Format;
use timberline_model::{BucketCounts, BucketSpan, Histogram, NANOS_PER_MILLI, STALE_NAN};

use super::support::{Contents, Sample, contents, export_all, fill, import_from, open};

/// A time whose distance from others is of every size; whole milliseconds if asked for.
fn time(whole: bool) -> impl Strategy<Value = i64> {
    let first = 1_700_000_000_000_000_000_i64;
    let at = (0..40_i64, 0..7_200_000_i64, 0..NANOS_PER_MILLI);
    at.prop_map(move |(hours, ms, nanos)| {
        let ts = first + hours * 3_600_000 * NANOS_PER_MILLI + ms * NANOS_PER_MILLI;
        if whole { ts } else { ts + nanos }
    })
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-1_000_i32..1_000).prop_map(|n| f64::from(n) / 10.0),
        1 => any::<u64>().prop_map(f64::from_bits),
        1 => Just(STALE_NAN),
        1 => prop_oneof![Just(f64::INFINITY), Just(-0.0), Just(f64::NAN)],
    ]
}

fn histogram() -> impl Strategy<Value = Histogram> {
    let buckets = prop::collection::vec(0..1_000_u64, 1..6);
    (buckets, -4..=8_i8, any::<bool>(), -5..5_i32).prop_map(|(buckets, schema, float, offset)| {
        let count = buckets.iter().sum::<u64>() + 3;
        let spans = vec![BucketSpan { offset, length: buckets.len() as u32 }];
        let counts = if float {
            BucketCounts::Float {
                count: count as f64,
                zero_count: 3.0,
                positive: buckets.iter().map(|n| *n as f64).collect(),
                negative: Vec::new(),
            }
        } else {
            BucketCounts::Integer { count, zero_count: 3, positive: buckets, negative: Vec::new() }
        };
        Histogram {
            reset_hint: timberline_model::ResetHint::Unknown,
            schema,
            zero_threshold: 0.001,
            sum: 17.5,
            positive_spans: spans,
            negative_spans: Vec::new(),
            custom_values: Vec::new(),
            counts,
        }
    })
}

fn labels() -> impl Strategy<Value = Labels> {
    let text = prop_oneof!["[a-z]{1,4}", Just("ü\"\\\n, x{}=é".to_owned())];
    (0..4_u8, text).prop_map(|(metric, text)| {
        let metric = format!("metric_{metric}");
        Labels::from_pairs([("__name__", metric.as_str()), ("text", &text)]).unwrap()
    })
}

/// Whether what a format carries contains starts and histograms.
#[derive(Clone, Copy)]
struct Carries {
    whole_millis: bool,
    starts: bool,
    histograms: bool,
}

fn database(carries: Carries) -> impl Strategy<Value = Contents> {
    let start = if carries.starts { 0..3_i64 } else { 0..1 };
    let float = (value(), start).prop_map(|(v, start)| (start * NANOS_PER_MILLI, Ok(v.to_bits())));
    let float = float.boxed();
    let sample = if carries.histograms {
        let histogram = histogram().prop_map(|h| (0_i64, Err(h)));
        prop_oneof![3 => float, 1 => histogram].boxed()
    } else {
        float
    };
    let samples = prop::collection::btree_map(time(carries.whole_millis), sample, 1..60);
    let samples = samples.prop_map(|samples| {
        samples.into_iter().map(|(ts, (start, v))| (ts, start, v)).collect::<Vec<Sample>>()
    });
    prop::collection::btree_map(labels(), samples, 1..8)
}

fn check(format: Format, contents_in: &Contents) -> Result<(), TestCaseError> {
    let dir = tempfile::tempdir().unwrap();
    let first = open(&dir.path().join("first"));
    fill(&first, contents_in);
    prop_assert_eq!(&contents(&first), contents_in);
    let path = dir.path().join("exported");
    let exported = export_all(&first, format, &path);
    let samples = contents_in.values().map(|samples| samples.len() as u64).sum::<u64>();
    prop_assert_eq!(exported.samples, samples);
    prop_assert!(exported.notes.is_empty(), "{:?}", exported.notes);
    let second = open(&dir.path().join("second"));
    let imported = import_from(&second, format, &path);
    prop_assert_eq!(imported.samples_written, samples);
    prop_assert_eq!(&contents(&second), contents_in);
    Ok(())
}

const ALL: Carries = Carries { whole_millis: false, starts: true, histograms: true };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn prometheus_blocks_keep_floats_and_histograms(
        contents in database(Carries { whole_millis: true, starts: false, histograms: true })
    ) {
        check(Format::Prometheus, &contents)?;
    }

    #[test]
    fn json_lines_keep_everything(contents in database(ALL)) {
        check(Format::NdJson, &contents)?;
    }

    #[test]
    fn csv_keeps_everything(contents in database(ALL)) {
        check(Format::Csv, &contents)?;
    }

    #[test]
    fn parquet_keeps_everything(contents in database(ALL)) {
        check(Format::Parquet, &contents)?;
    }
}
