//! Values and times as the API writes them.

use std::io::Write as _;

use timberline_model::NANOS_PER_MILLI;

use crate::TimeForm;

/// Integers up to here are floats exactly, and written without the search for the shortest decimal.
const INTEGER_MAX: f64 = 9e15;

/// Appends a value, in quotes.
pub fn push_value(out: &mut Vec<u8>, value: f64) {
    out.push(b'"');
    let size = value.abs();
    if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    } else if size != 0.0 && !(1e-6..1e21).contains(&size) {
        push_exponent(out, value);
    } else if size < INTEGER_MAX
        && value.trunc() == value
        && (size != 0.0 || value.is_sign_positive())
    {
        push_integer(out, value as i64);
    } else {
        let _ = write!(out, "{value}");
    }
    out.push(b'"');
}

/// As `1.5e+21`: the exponent has a sign and at least two digits.
fn push_exponent(out: &mut Vec<u8>, value: f64) {
    let start = out.len();
    let _ = write!(out, "{value:e}");
    let Some(at) = out[start..].iter().position(|byte| *byte == b'e') else {
        return;
    };
    let exponent = out.split_off(start + at + 1);
    let (sign, digits) = match exponent.split_first() {
        Some((b'-', digits)) => (b'-', digits),
        _ => (b'+', &exponent[..]),
    };
    out.push(sign);
    if digits.len() < 2 {
        out.push(b'0');
    }
    out.extend_from_slice(digits);
}

/// Appends a time. What is finer than a millisecond is cut off, towards the past.
pub fn push_time(out: &mut Vec<u8>, ts: i64, form: TimeForm) {
    let millis = ts.div_euclid(NANOS_PER_MILLI);
    if form == TimeForm::Millis {
        return push_integer(out, millis);
    }
    if millis < 0 {
        out.push(b'-');
    }
    // An i64 of nanoseconds has far fewer milliseconds than an i64 holds.
    let size = millis.abs();
    push_integer(out, size / 1_000);
    let fraction = size % 1_000;
    if fraction != 0 {
        let _ = write!(out, ".{fraction:03}");
    }
}

fn push_integer(out: &mut Vec<u8>, value: i64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(value: f64) -> String {
        let mut out = Vec::new();
        push_value(&mut out, value);
        let text = String::from_utf8(out).unwrap();
        text[1..text.len() - 1].to_owned()
    }

    fn time(ts: i64, form: TimeForm) -> String {
        let mut out = Vec::new();
        push_time(&mut out, ts, form);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_are_written_as_prometheus_writes_them() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-7.0, "-7"),
            (0.75, "0.75"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e15, "1000000000000000"),
            (9_007_199_254_740_993.0, "9007199254740992"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-1.5e300, "-1.5e+300"),
            (0.000_001, "0.000001"),
            (0.000_000_9, "9e-07"),
            (1.25e-10, "1.25e-10"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::NAN, "NaN"),
            (-f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(value(number), text);
        }
    }

    #[test]
    fn times_have_three_decimals_or_none() {
        let nanos = 1_000_000;
        assert_eq!(time(1_640_000_000_000 * nanos, TimeForm::Seconds), "1640000000");
        assert_eq!(time(1_640_000_000_001 * nanos, TimeForm::Seconds), "1640000000.001");
        assert_eq!(time(1_640_000_000_100 * nanos + 999, TimeForm::Seconds), "1640000000.100");
        assert_eq!(time(1_640_000_000_001 * nanos, TimeForm::Millis), "1640000000001");
        assert_eq!(time(-1_500 * nanos, TimeForm::Seconds), "-1.500");
        assert_eq!(time(-1, TimeForm::Seconds), "-0.001");
        assert_eq!(time(0, TimeForm::Seconds), "0");
        assert_eq!(time(i64::MIN, TimeForm::Millis), "-9223372036855");
        assert_eq!(time(i64::MAX, TimeForm::Seconds), "9223372036.854");
    }

    proptest! {
        #[test]
        fn values_read_back_bit_for_bit(bits: u64) {
            let number = f64::from_bits(bits);
            let read: f64 = value(number).parse().unwrap();
            prop_assert!(read.to_bits() == bits || (read.is_nan() && number.is_nan()));
        }

        #[test]
        fn whole_numbers_read_back(number in -10_000_000_000_000_000_i64..10_000_000_000_000_000) {
            prop_assert_eq!(value(number as f64), format!("{}", number as f64));
        }
    }
}
