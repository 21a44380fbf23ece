//! Decimal numbers in PostgreSQL's binary format: digits to the base of 10,000.

use bytes::{Buf as _, BufMut as _};

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
/// Digits to the base of 10,000; PostgreSQL's own limit is above what any of ours needs.
const DIGITS_MAX: usize = 1_000;

/// Writes a number that is given as decimal text without an exponent.
pub(crate) fn write(out: &mut Vec<u8>, text: &str) {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (NEGATIVE, rest),
        None => (0, text),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let pad = (4 - whole.len() % 4) % 4;
    let mut digits: Vec<u8> = vec![0; pad];
    digits.extend(whole.bytes().chain(fraction.bytes()).map(|byte| byte.wrapping_sub(b'0')));
    while !digits.len().is_multiple_of(4) {
        digits.push(0);
    }
    let mut groups: Vec<u16> = digits
        .chunks_exact(4)
        .map(|four| four.iter().fold(0, |sum, digit| sum * 10 + u16::from(*digit)))
        .collect();
    let whole_groups = (whole.len() + pad) / 4;
    let leading = groups.iter().take_while(|group| **group == 0).count();
    groups.drain(..leading);
    while groups.last() == Some(&0) {
        groups.pop();
    }
    let weight = if groups.is_empty() { 0 } else { whole_groups as i64 - leading as i64 - 1 };
    out.put_u16(u16::try_from(groups.len()).unwrap_or(u16::MAX));
    out.put_i16(i16::try_from(weight).unwrap_or(i16::MAX));
    out.put_u16(if groups.is_empty() { 0 } else { sign });
    out.put_u16(u16::try_from(fraction.len()).unwrap_or(u16::MAX));
    groups.iter().for_each(|group| out.put_u16(*group));
}

/// Reads a number as decimal text; `None` for bytes that are none.
pub(crate) fn read(mut bytes: &[u8]) -> Option<String> {
    if bytes.len() < 8 {
        return None;
    }
    let count = usize::from(bytes.get_u16());
    let weight = i32::from(bytes.get_i16());
    let sign = bytes.get_u16();
    let scale = usize::from(bytes.get_u16());
    if sign == NAN {
        return Some("NaN".to_owned());
    }
    if count > DIGITS_MAX || bytes.len() != count * 2 || !(-500..=500).contains(&weight) {
        return None;
    }
    let groups: Vec<u16> = (0..count).map(|_| bytes.get_u16()).collect();
    if groups.iter().any(|group| *group > 9_999) {
        return None;
    }
    let group = |place: i32| -> u16 {
        usize::try_from(weight - place).ok().and_then(|at| groups.get(at)).copied().unwrap_or(0)
    };
    let mut text = String::new();
    for place in (0..=weight.max(0)).rev() {
        text.push_str(&format!("{:04}", group(place)));
    }
    let whole = text.trim_start_matches('0');
    let mut text = if whole.is_empty() { "0".to_owned() } else { whole.to_owned() };
    if sign == NEGATIVE {
        text.insert(0, '-');
    }
    if scale > 0 {
        let mut fraction = String::new();
        for place in 1..=i32::try_from(scale.div_ceil(4)).ok()? {
            fraction.push_str(&format!("{:04}", group(-place)));
        }
        text.push('.');
        text.push_str(fraction.get(..scale)?);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn groups_of_four_digits() {
        let mut out = Vec::new();
        write(&mut out, "12345.678");
        assert_eq!(out, [0, 3, 0, 1, 0, 0, 0, 3, 0, 1, 9, 41, 26, 124]);
        assert_eq!(read(&out).unwrap(), "12345.678");
        assert_eq!(read(&[0, 0]), None);
        assert_eq!(read(&[0xff; 8]), None);
    }

    proptest! {
        #[test]
        fn numbers_come_back(negative: bool, whole in 0_u64.., fraction in "[0-9]{0,9}") {
            let point = if fraction.is_empty() { "" } else { "." };
            let zero = whole == 0 && fraction.bytes().all(|b| b == b'0');
            let sign = if negative && !zero { "-" } else { "" };
            let text = format!("{sign}{whole}{point}{fraction}");
            let mut out = Vec::new();
            write(&mut out, &text);
            prop_assert_eq!(read(&out).unwrap(), text);
        }

        #[test]
        fn any_bytes_are_a_number_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            read(&bytes);
        }
    }
}
