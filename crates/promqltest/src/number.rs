//! Numbers as Go reads them, which is what the scripts are written in.

/// A whole number in the base that its prefix names, or a float.
pub(crate) fn any_base(text: &str) -> Option<f64> {
    whole(text).or_else(|| float(text))
}

/// A number in a sequence of values, where `x` repeats and so makes no hexadecimal number.
pub(crate) fn in_sequence(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()) {
        return whole(text).or_else(|| float(text));
    }
    float(text)
}

/// A float. Underscores and words other than those for infinity and NaN are no numbers.
fn float(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// A whole number: decimal, or behind `0x`, `0o`, `0b` or `0` of base 16, 8, 2 or 8.
fn whole(text: &str) -> Option<f64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let prefixes = [("0x", 16), ("0o", 8), ("0b", 2)];
    let prefixed = prefixes.iter().find_map(|(prefix, base)| {
        lower.strip_prefix(prefix).map(|digits| (digits.trim_start_matches('_'), *base))
    });
    let (digits, base) = match prefixed {
        Some(found) => found,
        None if lower.len() > 1 && lower.starts_with('0') => (&lower[1..], 8),
        None => (lower.as_str(), 10),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let digits: String = if base == 10 { digits.to_owned() } else { digits.replace('_', "") };
    let number = i64::from_str_radix(&digits, base).ok()?;
    Some(if negative { -(number as f64) } else { number as f64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_in_the_base_of_their_prefix() {
        for (text, number) in
            [("0x1F", 31.0), ("-0b101", -5.0), ("0o17", 15.0), ("017", 15.0), ("0", 0.0)]
        {
            assert_eq!(any_base(text), Some(number), "{text}");
        }
        assert_eq!(any_base("1e3"), Some(1_000.0));
        assert_eq!(any_base("+Inf"), Some(f64::INFINITY));
        assert!(any_base("NaN").is_some_and(f64::is_nan));
        assert_eq!(any_base("metric"), None);
        assert_eq!(any_base(""), None);
    }

    #[test]
    fn sequences_have_no_hexadecimal_numbers() {
        assert_eq!(in_sequence("0x5"), None);
        assert_eq!(in_sequence("010"), Some(8.0));
        assert_eq!(in_sequence("09"), Some(9.0));
        assert_eq!(in_sequence("-0.5"), Some(-0.5));
    }
}
