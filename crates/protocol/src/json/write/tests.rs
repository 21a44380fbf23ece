//! The JSON form of writes: what is taken, and what is said of what is not.

use proptest::prelude::*;

use super::*;

fn decode(body: &str) -> Result<Decoded<'static>, ProtocolError> {
    decode_write(body.as_bytes(), &DecodeLimits::default())
}

/// A request of one series `m` with these samples.
fn with_samples(samples: &str) -> String {
    let labels = r#"[{"name":"__name__","value":"m"}]"#;
    format!(r#"{{"timeseries":[{{"labels":{labels},"samples":{samples}}}]}}"#)
}

fn words(decoded: &Decoded<'_>) -> Vec<String> {
    decoded.rejections.iter().map(ToString::to_string).collect()
}

#[test]
fn the_printed_example_is_read() {
    let body = r#"{"timeseries":[{"labels":[{"name":"__name__","value":"cpu_usage"}],"samples":[{"timestamp":1640000000000,"value":0.75}]}]}"#;
    let decoded = decode(body).unwrap();
    let labels = Labels::from_pairs([("__name__", "cpu_usage")]).unwrap();
    assert!(matches!(&decoded.batch.series()[0].key,
        timberline_model::SeriesKey::Labels(found) if *found == labels));
    assert_eq!(decoded.batch.timestamps(), [1_640_000_000_000_000_000]);
    assert_eq!(decoded.batch.values(), [0.75]);
    assert!(decoded.rejections.is_empty());
}

#[test]
fn times_come_in_milliseconds_seconds_and_words() {
    let body = with_samples(
        r#"[{"timestamp":1640000000001,"value":1},{"timestamp":1640000000,"value":1},
            {"timestamp":1640000000.25,"value":1},{"timestamp":"2021-12-20T11:33:20.5Z","value":1},
            {"timestamp":-1,"value":1},{"timestamp":1.64e12,"value":1}]"#,
    );
    let decoded = decode(&body).unwrap();
    let base = 1_640_000_000_000_000_000;
    let expected =
        [base + 1_000_000, base, base + 250_000_000, base + 500_000_000, -1_000_000_000, base];
    assert_eq!(decoded.batch.timestamps(), expected);
}

#[test]
fn values_may_be_words() {
    let body = with_samples(
        r#"[{"timestamp":1,"value":"NaN"},{"timestamp":2,"value":"+Inf"},
            {"timestamp":3,"value":"-Inf"},{"timestamp":4,"value":"-0.5e3"},{"timestamp":5,"value":7}]"#,
    );
    let decoded = decode(&body).unwrap();
    let [nan, rest @ ..] = decoded.batch.values() else { panic!("five values") };
    assert!(nan.is_nan());
    assert_eq!(rest, [f64::INFINITY, f64::NEG_INFINITY, -500.0, 7.0]);
}

#[test]
fn a_bad_sample_is_rejected_and_the_rest_kept() {
    let body = with_samples(
        r#"[{"timestamp":1,"value":null},{"timestamp":2},{"value":3},{"timestamp":[],"value":4},5,
            {"timestamp":1e300,"value":6},{"timestamp":"soon","value":7},{"timestamp":8,"value":"x"},
            {"timestamp":9999999999999,"value":9},{"timestamp":10,"value":10,"extra":{"a":[1]}}]"#,
    );
    let decoded = decode(&body).unwrap();
    assert_eq!(decoded.batch.values(), [10.0]);
    assert_eq!(decoded.samples_rejected, 9);
    let words = words(&decoded);
    assert_eq!(words[0], "series 0: sample 0: value null is not a number");
    assert_eq!(words[1], "series 0: sample 1: value nothing is not a number");
    assert!(words[2].contains("sample 2: timestamp nothing is not a time"), "{words:?}");
    assert!(words[3].contains("sample 3: timestamp a list is not a time"), "{words:?}");
    assert!(words[4].contains("sample 4: not an object"), "{words:?}");
}

#[test]
fn bad_labels_reject_their_series_and_keep_the_rest() {
    let samples = r#""samples":[{"timestamp":1,"value":1},{"timestamp":2,"value":2}]"#;
    let body = format!(
        r#"{{"timeseries":[
            {{"labels":[{{"name":"job","value":"a"}}],{samples}}},
            {{"labels":[],{samples}}},
            {{{samples}}},
            {{"labels":[{{"name":"__name__","value":5}}],{samples}}},
            {{"labels":["x"],{samples}}},
            {{"labels":[{{"name":"__name__","value":"a"}},{{"name":"__name__","value":"b"}}],{samples}}},
            {{"labels":[{{"name":"__name__","value":"good"}},{{"name":"empty","value":""}}],{samples}}},
            {{"labels":[{{"name":"__name__","value":"bare"}}]}}
        ]}}"#
    );
    let decoded = decode(&body).unwrap();
    assert_eq!((decoded.batch.sample_count(), decoded.samples_rejected), (2, 12));
    let words = words(&decoded);
    assert!(words[0].contains("__name__ is missing or empty in {job=\"a\"}"), "{words:?}");
    assert!(words[1].contains("empty label set") && words[2].contains("empty label set"));
    assert!(words[3].contains("label 0 has name \"__name__\" and value 5"), "{words:?}");
    assert!(words[4].contains("label 0 is not an object"), "{words:?}");
    assert!(words[5].contains("more than once"), "{words:?}");
    assert!(words[6].contains("series 7: series has no samples"), "{words:?}");
}

#[test]
fn what_is_no_json_is_named_by_its_place() {
    let error = decode("{\n  \"timeseries\": [}").unwrap_err();
    assert!(matches!(error, ProtocolError::Json { line: 2, column: 18, .. }), "{error:?}");
    assert!(!error.to_string().contains("at line 2 column"), "{error}");
    for body in ["", "{", "[]", "5", "{}", r#"{"timeseries":{}}"#, "{\"timeseries\":[]} x", "\u{0}"]
    {
        assert!(matches!(decode(body), Err(ProtocolError::Json { .. })), "{body:?}");
    }
    let deep = "[".repeat(100_000);
    assert!(decode(&format!(r#"{{"timeseries":{deep}"#)).is_err());
}

#[test]
fn more_than_the_limits_is_refused() {
    let body = with_samples(r#"[{"timestamp":1,"value":1},{"timestamp":2,"value":2}]"#);
    let limits = DecodeLimits { samples_max: 1, ..DecodeLimits::default() };
    let refused = decode_write(body.as_bytes(), &limits).unwrap_err();
    assert_eq!(refused, ProtocolError::TooMany { what: "samples", max: 1 });
}

proptest! {
    #[test]
    fn floats_round_trip(bits: u64, ts in 100_000_000_000_i64..9_000_000_000_000) {
        let value = f64::from_bits(bits);
        prop_assume!(value.is_finite());
        let body = with_samples(&format!(r#"[{{"timestamp":{ts},"value":{value:e}}}]"#));
        let decoded = decode(&body).unwrap();
        prop_assert_eq!(decoded.batch.timestamps(), [ts * 1_000_000]);
        prop_assert_eq!(decoded.batch.values()[0].to_bits(), bits);
    }

    #[test]
    fn any_text_does_not_panic(text in r#"[\[\]{}:,"a-z0-9.eE+-]{0,60}"#) {
        let _ = decode(&text);
        let _ = decode(&with_samples(&text));
    }
}
