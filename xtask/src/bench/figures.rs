//! How figures are written in reports.

use std::time::Duration;

/// Samples per second.
pub(super) fn per_second(samples: u64, time: Duration) -> u64 {
    (samples as f64 / time.as_secs_f64().max(1e-3)) as u64
}

/// A number with its digits in groups of three.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Seconds with two decimals.
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.2}", time.as_secs_f64())
}

/// Milliseconds with one decimal.
pub(super) fn ms(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1e3)
}

/// Mebibytes with one decimal.
pub(super) fn mib(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / f64::from(1 << 20))
}

/// What a directory takes on its disk, and the lengths of its files.
pub(super) fn disk((taken, lengths): (u64, u64)) -> String {
    format!("{} ({})", mib(taken), mib(lengths))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_come_in_groups_of_three() {
        let shown = [0, 999, 1000, 1_234_567].map(thousands);
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
    }
}
