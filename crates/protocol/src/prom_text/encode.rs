//! Lines of the format.

use std::io::Write as _;

use timberline_model::{Labels, METRIC_NAME, NANOS_PER_MILLI};

use super::Escaping;

/// Appends the line that begins a family of series without a type.
pub fn push_family(out: &mut Vec<u8>, name: &str, escaping: Escaping) {
    out.extend_from_slice(b"# TYPE ");
    let name = escaping.metric(name);
    if Escaping::is_plain(&name, true) {
        out.extend_from_slice(name.as_bytes());
    } else {
        push_quoted(out, &name);
    }
    out.extend_from_slice(b" untyped\n");
}

/// Appends a sample: its series, further labels for it where it has none of their names, its value, and
/// its time in nanoseconds, written in milliseconds.
pub fn push_sample(
    out: &mut Vec<u8>,
    labels: &Labels,
    further: &[(&str, &str)],
    value: f64,
    ts: i64,
    escaping: Escaping,
) {
    let name = escaping.metric(labels.metric_name().unwrap_or_default());
    let plain = Escaping::is_plain(&name, true);
    let mut separator = b'{';
    let mut next = |out: &mut Vec<u8>| out.push(std::mem::replace(&mut separator, b','));
    if plain {
        out.extend_from_slice(name.as_bytes());
    } else {
        next(out);
        push_quoted(out, &name);
    }
    let own = labels.iter().filter(|(label, _)| *label != METRIC_NAME);
    let further = further.iter().copied().filter(|(label, _)| labels.get(label).is_none());
    for (label, text) in own.chain(further) {
        next(out);
        push_label(out, &escaping.label(label));
        out.push(b'=');
        push_quoted(out, text);
    }
    if separator == b',' {
        out.push(b'}');
    }
    out.push(b' ');
    push_number(out, value);
    let _ = writeln!(out, " {}", ts.div_euclid(NANOS_PER_MILLI));
}

fn push_label(out: &mut Vec<u8>, label: &str) {
    if Escaping::is_plain(label, false) {
        out.extend_from_slice(label.as_bytes());
    } else {
        push_quoted(out, label);
    }
}

fn push_quoted(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'"' => out.extend_from_slice(b"\\\""),
            b'\n' => out.extend_from_slice(b"\\n"),
            other => out.push(other),
        }
    }
    out.push(b'"');
}

/// A number as Prometheus' exposition writes it: shortest, with an exponent below 1e-4 and from 1e6 on.
fn push_number(out: &mut Vec<u8>, value: f64) {
    if value.is_nan() {
        return out.extend_from_slice(b"NaN");
    }
    if value.is_infinite() {
        return out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    }
    if value == 0.0 {
        return out.push(b'0');
    }
    let scientific = format!("{value:e}");
    let parts = scientific.split_once('e').map(|(digits, power)| (digits, power.parse::<i32>()));
    let _ = match parts {
        Some((digits, Ok(power))) if !(-4..6).contains(&power) => {
            let sign = if power < 0 { '-' } else { '+' };
            write!(out, "{digits}e{sign}{:02}", power.abs())
        }
        _ => write!(out, "{value}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_prometheus_writes_them() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (-1.0, "-1"),
            (0.1 + 0.2, "0.30000000000000004"),
            (123_456.0, "123456"),
            (1e6, "1e+06"),
            (1_234_567.5, "1.2345675e+06"),
            (0.000_1, "0.0001"),
            (0.000_012, "1.2e-05"),
            (-5e-324, "-5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            let mut out = Vec::new();
            push_number(&mut out, number);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }

    #[test]
    fn labels_are_quoted_and_further_ones_do_not_replace_them() {
        let page = |pairs: &[(&str, &str)], escaping| {
            let labels = Labels::from_pairs(pairs.iter().copied()).unwrap();
            let mut out = Vec::new();
            push_sample(&mut out, &labels, &[("instance", "")], 1.5, -1, escaping);
            String::from_utf8(out).unwrap()
        };
        let plain = page(&[("__name__", "a:b"), ("instance", "x\\\"\n")], Escaping::Underscores);
        assert_eq!(plain, "a:b{instance=\"x\\\\\\\"\\n\"} 1.5 -1\n");
        let quoted = page(&[("__name__", "a.b"), ("c d", "e")], Escaping::Quoted);
        assert_eq!(quoted, "{\"a.b\",\"c d\"=\"e\",instance=\"\"} 1.5 -1\n");
    }
}
