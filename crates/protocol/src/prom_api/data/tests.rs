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
        text(|out| vector(out, [(&a, 0, 1.0), (&none, 1_000_000, -0.0)], TimeForm::Millis)),
        r#"{"resultType":"vector","result":[{"metric":{"__name__":"up","path":"C:\\\"x\"\n"},"value":[0,"1"]},{"metric":{},"value":[1,"-0"]}]}"#
    );
    let (times, values) = ([1_000_000_000, 2_000_000_000], [0.5, f64::INFINITY]);
    assert_eq!(
        text(|out| matrix(out, [(&none, &times[..], &values[..])], TimeForm::Seconds)),
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
