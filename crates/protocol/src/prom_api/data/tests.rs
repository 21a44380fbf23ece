use timberline_model::{BucketCounts, BucketSpan, ResetHint};

use super::*;
use crate::prom_api::{ApiErrorType, error, success};

fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    let _: serde_json::Value = serde_json::from_slice(&out).expect("sound JSON");
    String::from_utf8(out).unwrap()
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::from_pairs(pairs.iter().copied()).unwrap()
}

#[test]
fn results_have_the_shapes_of_the_api() {
    let (a, none) = (labels(&[("__name__", "up"), ("path", "C:\\\"x\"\n")]), Labels::empty());
    assert_eq!(
        text(|out| scalar(out, 1_500_000_000, f64::NAN, TimeForm::Seconds)),
        r#"{"resultType":"scalar","result":[1.500,"NaN"]}"#
    );
    assert_eq!(
        text(|out| string(out, 2_000_000_000, "a\u{1}é", TimeForm::Seconds)),
        r#"{"resultType":"string","result":[2,"a\u0001é"]}"#
    );
    assert_eq!(
        text(|out| {
            let (one, zero) = (ValueRef::Float(1.0), ValueRef::Float(-0.0));
            vector(out, [(&a, 0, one), (&none, 1_000_000, zero)], TimeForm::Millis);
        }),
        r#"{"resultType":"vector","result":[{"metric":{"__name__":"up","path":"C:\\\"x\"\n"},"value":[0,"1"]},{"metric":{},"value":[1,"-0"]}]}"#
    );
    let (times, values) = ([1_000_000_000, 2_000_000_000], [0.5, f64::INFINITY]);
    assert_eq!(
        text(|out| {
            let row =
                MatrixRow { labels: &none, timestamps: &times, values: &values, histograms: &[] };
            matrix(out, [row], TimeForm::Seconds);
        }),
        r#"{"resultType":"matrix","result":[{"metric":{},"values":[[1,"0.5"],[2,"+Inf"]]}]}"#
    );
    assert_eq!(
        text(|out| vector(out, [], TimeForm::Seconds)),
        r#"{"resultType":"vector","result":[]}"#
    );
    assert_eq!(text(|out| strings(out, ["a", "b\""])), r#"["a","b\""]"#);
    assert_eq!(
        text(|out| label_sets(out, [&none, &a])),
        r#"[{},{"__name__":"up","path":"C:\\\"x\"\n"}]"#
    );
}

#[test]
fn histograms_have_the_shape_of_the_api() {
    let histogram = Histogram {
        reset_hint: ResetHint::Unknown,
        schema: 0,
        zero_threshold: 0.25,
        sum: 7.5,
        positive_spans: vec![BucketSpan { offset: 0, length: 2 }],
        negative_spans: vec![BucketSpan { offset: 1, length: 1 }],
        custom_values: Vec::new(),
        counts: BucketCounts::Integer {
            count: 6,
            zero_count: 1,
            positive: vec![2, 0],
            negative: vec![3],
        },
    };
    let none = Labels::empty();
    let sample = (&none, 1_000_000_000, ValueRef::Histogram(&histogram));
    let shape = r#"[1,{"count":"6","sum":"7.5","buckets":[[1,"-2","-1","3"],[3,"-0.25","0.25","1"],[0,"0.5","1","2"]]}]"#;
    assert_eq!(
        text(|out| vector(out, [sample], TimeForm::Seconds)),
        format!(r#"{{"resultType":"vector","result":[{{"metric":{{}},"histogram":{shape}}}]}}"#)
    );
    let (histograms, stale) = ([(1_000_000_000, Arc::new(histogram.clone()))], Histogram::stale());
    let row = MatrixRow { labels: &none, timestamps: &[], values: &[], histograms: &histograms };
    let both = MatrixRow { timestamps: &[5_000_000_000], values: &[0.5], ..row };
    assert_eq!(
        text(|out| matrix(out, [row, both], TimeForm::Seconds)),
        format!(
            r#"{{"resultType":"matrix","result":[{{"metric":{{}},"histograms":[{shape}]}},{{"metric":{{}},"values":[[5,"0.5"]],"histograms":[{shape}]}}]}}"#
        )
    );
    let sample = (&none, 0, ValueRef::Histogram(&stale));
    assert_eq!(
        text(|out| vector(out, [sample], TimeForm::Seconds)),
        r#"{"resultType":"vector","result":[{"metric":{},"histogram":[0,{"count":"0","sum":"NaN"}]}]}"#
    );
}

#[test]
fn envelopes_carry_warnings_infos_and_errors() {
    let empty = |out: &mut Vec<u8>| strings(out, []);
    assert_eq!(text(|out| success(out, &[], &[], empty)), r#"{"status":"success","data":[]}"#);
    let (warnings, infos) = (["a".to_owned()], ["b".to_owned(), "c".to_owned()]);
    assert_eq!(
        text(|out| success(out, &warnings, &infos, empty)),
        r#"{"status":"success","data":[],"warnings":["a"],"infos":["b","c"]}"#
    );
    assert_eq!(
        text(|out| error(out, ApiErrorType::BadData, "no \"x\"")),
        r#"{"status":"error","errorType":"bad_data","error":"no \"x\""}"#
    );
}
