//! Parameters of the API: times, steps, durations and limits.

use proptest::prelude::*;

use super::*;

const SECOND: i64 = 1_000_000_000;

fn range(start: &str, end: &str, step: &str) -> Result<RangeParams, ParamError> {
    parse_range(Some(start), Some(end), Some(step))
}

#[test]
fn times_are_told_apart() {
    let time = |text| parse_time("time", text).map(|time| (time.ts, time.form));
    assert_eq!(time("1435781430.781"), Ok((1_435_781_430_781_000_000, TimeForm::Seconds)));
    assert_eq!(time("1435781430781"), Ok((1_435_781_430_781_000_000, TimeForm::Millis)));
    assert_eq!(
        time("2015-07-01T20:10:30.781Z"),
        Ok((1_435_781_430_781_000_000, TimeForm::Seconds))
    );
    assert_eq!(time("9999999999999"), Ok((i64::MAX, TimeForm::Millis)));
    let message = time("yesterday").unwrap_err().to_string();
    assert_eq!(
        message,
        r#"invalid parameter "time": cannot parse "yesterday" to a valid timestamp"#
    );
}

#[test]
fn steps_are_seconds_or_durations_above_zero() {
    let step = |text| parse_step("step", text, TimeForm::Seconds);
    assert_eq!(step("15"), Ok(15 * SECOND));
    assert_eq!(step("0.5"), Ok(SECOND / 2));
    assert_eq!(step("1h30m"), Ok(5_400 * SECOND));
    assert_eq!(parse_step("step", "60000", TimeForm::Millis), Ok(60 * SECOND));
    for text in ["0", "-1", "-5m", "0s"] {
        assert_eq!(step(text), Err(ParamError::StepNotPositive), "{text}");
    }
    let message = step("often").unwrap_err().to_string();
    assert_eq!(message, r#"invalid parameter "step": cannot parse "often" to a valid duration"#);
    assert!(step("1e30").unwrap_err().to_string().ends_with("It overflows int64"));
    assert!(step("NaN").is_err());
    assert_eq!(parse_duration_param("timeout", "-1m"), Ok(-60 * SECOND));
}

#[test]
fn one_time_in_milliseconds_makes_all_numbers_milliseconds() {
    let parsed = range("1000", "1640000000000", "600000000").unwrap();
    assert_eq!((parsed.start, parsed.end), (SECOND, 1_640_000_000 * SECOND));
    assert_eq!((parsed.step, parsed.form), (Some(600_000 * SECOND), TimeForm::Millis));
    let parsed = range("1640000000", "1640000060", "15s").unwrap();
    assert_eq!((parsed.step, parsed.form), (Some(15 * SECOND), TimeForm::Seconds));
    let parsed = range("1970-01-01T00:00:01Z", "100000000000", "1d").unwrap();
    assert_eq!(parsed.start, SECOND);
}

#[test]
fn the_printed_range_without_a_step_is_read() {
    let parsed = parse_range(Some("0"), Some("9999999999999"), None).unwrap();
    let expected = RangeParams { start: 0, end: i64::MAX, step: None, form: TimeForm::Millis };
    assert_eq!(parsed, expected);
}

#[test]
fn bad_ranges_are_named_as_prometheus_names_them() {
    let message = |result: Result<RangeParams, ParamError>| result.unwrap_err().to_string();
    assert_eq!(
        message(range("2", "1", "1")),
        r#"invalid parameter "end": end timestamp must not be before start time"#
    );
    assert_eq!(
        message(parse_range(None, Some("1"), None)),
        r#"invalid parameter "start": cannot parse "" to a valid timestamp"#
    );
    assert!(message(range("0", "11001", "1")).starts_with("exceeded maximum resolution of 11,000"));
    assert!(range("0", "11000", "1").is_ok());
    assert!(range("-1e300", "1e300", "1").is_err());
}

#[test]
fn limits_are_counts() {
    assert_eq!(parse_limit("limit", "10"), Ok(Some(10)));
    assert_eq!(parse_limit("limit", "0"), Ok(None));
    assert!(parse_limit("limit", "-1").is_err() && parse_limit("limit", "1.5").is_err());
}

proptest! {
    #[test]
    fn any_text_does_not_panic(start: String, end in "[-+0-9.eTZ:]{0,12}", step: String) {
        let _ = range(&start, &end, &step);
        let _ = range(&end, &start, &end);
        let _ = parse_limit("limit", &step);
    }
}
