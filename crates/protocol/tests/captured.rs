//! Requests that other programs really sent (`testdata/`).

use timberline_model::{Labels, LabelsBuilder, SeriesKey};
use timberline_protocol::{
    DecodeLimits, ProtocolError, WriteForm, negotiate_write,
    prom_remote::{Arena, RemoteWriteVersion, decode_v1, decode_v2, decompress},
};

const SAMPLES: &[u8] = include_bytes!("../testdata/prometheus-2.42-samples.snappy");

fn body() -> Vec<u8> {
    let mut body = Vec::new();
    decompress(SAMPLES, 1 << 20, &mut body).expect("a snappy block");
    body
}

#[test]
fn a_request_of_prometheus_is_read_whole() {
    let form = negotiate_write(Some("application/x-protobuf"), Some("snappy"));
    assert_eq!(form, Ok(WriteForm::RemoteWrite(RemoteWriteVersion::V1)));
    let body = body();
    let decoded = decode_v1(&body, &DecodeLimits::default()).expect("a write request");
    assert_eq!((decoded.batch.series().len(), decoded.batch.sample_count()), (18, 18));
    let batch = &decoded.batch;
    assert_eq!((batch.histograms().len(), batch.exemplars().len()), (0, 0));
    assert_eq!(decoded.items_rejected, 0);
    assert!(decoded.batch.timestamps().iter().all(|ts| *ts == 1_795_248_325_563_000_000));
    let labels: Vec<Labels> =
        decoded.batch.series().iter().map(|series| read(&series.key)).collect();
    let up = labels.iter().position(|labels| labels.metric_name() == Some("up"));
    let up = up.expect("a series up");
    let expected = r#"up{instance="127.0.0.1:38689", job="prometheus", site="büro"}"#;
    assert_eq!((labels[up].to_string().as_str(), decoded.batch.values()[up]), (expected, 1.0));
}

fn read(key: &SeriesKey<'_>) -> Labels {
    let SeriesKey::Raw { bytes, decode } = key else {
        panic!("labels go on undecoded, not as {key:?}");
    };
    let mut builder = LabelsBuilder::default();
    decode(bytes, &mut builder).expect("labels");
    builder.build().expect("a label set")
}

#[test]
fn it_is_refused_under_the_content_type_of_the_other_version() {
    let mut arena = Arena::default();
    let refused = decode_v2(&body(), &mut arena, &DecodeLimits::default());
    assert!(matches!(refused, Err(ProtocolError::WrongMessage { .. })));
}

#[test]
fn it_is_refused_when_cut_or_not_compressed() {
    let mut out = Vec::new();
    for len in 0..SAMPLES.len() {
        assert!(decompress(&SAMPLES[..len], 1 << 20, &mut out).is_err(), "cut to {len}");
    }
    let body = body();
    assert!(decompress(&body, 1 << 20, &mut out).is_err());
    let limit = DecodeLimits::default();
    let whole = decode_v1(&body, &limit).expect("a write request").batch.sample_count();
    for len in 0..body.len() {
        let cut = decode_v1(&body[..len], &limit);
        assert!(cut.map_or(0, |decoded| decoded.batch.sample_count()) < whole, "cut to {len}");
    }
}
