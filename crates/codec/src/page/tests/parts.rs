//! Packing and scaling by themselves.

use proptest::prelude::*;

use super::super::{
    pack,
    scale::{LIMIT, Scale, integer_of},
    *,
};

#[test]
fn entries_of_every_width_and_count_come_back() {
    let mut numbers = super::Numbers(4);
    for width in 0..=64 {
        for count in [1, 2, 9, 120, 127, 128, 129, 480, 511, 512, 513, 1_023, VALUES_MAX] {
            let entries = std::array::from_fn(|_| {
                (numbers.below(1 << 32) << 32 | numbers.below(1 << 32)) & pack::mask(width)
            });
            let mut bytes = Vec::new();
            pack::pack(&entries, count, width, &mut bytes);
            assert_eq!(bytes.len(), pack::packed_len(count, width));
            let mut unpacked = [1; VALUES_MAX];
            pack::unpack(&bytes, count, width, &mut unpacked);
            assert_eq!(unpacked[..count], entries[..count], "{count} x {width} bits");
        }
    }
}

#[test]
fn a_full_page_has_no_padding() {
    for width in 0..=64 {
        assert_eq!(pack::packed_len(VALUES_MAX, width), VALUES_MAX / 8 * width as usize);
    }
}

#[test]
fn lanes_lie_as_the_format_says() {
    for (count, lanes) in [(127, 1), (128, 8), (511, 8), (512, 16), (VALUES_MAX, 16)] {
        let (lane, row, width) = (lanes - 1, 7_usize, 10);
        let mut entries = [0; VALUES_MAX];
        // Row 7 takes the bits 70 to 79 of its lane: 6 to 15 of the second word.
        entries[row * lanes + lane] = 0b10_1100_1101;
        let mut bytes = Vec::new();
        pack::pack(&entries, count, width, &mut bytes);
        // In the last lane of the words of that number, whether they are whole or cut.
        let rows = count.div_ceil(lanes);
        let word_bytes = (rows * width as usize / 8 - 8).min(8);
        let place = lanes * 8 + lane * word_bytes;
        assert_eq!(bytes[place..place + 2], [0b0100_0000, 0b1011_0011], "{count} entries");
        assert_eq!(bytes.iter().filter(|byte| **byte > 0).count(), 2);
    }
}

fn scaled(scale: Scale, integer: i64) -> f64 {
    let mut value = [0.0];
    scale.apply(&[integer as u64], &mut value).unwrap();
    value[0]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_096))]

    /// The proof is in the documentation of the format; this looks for a hole in it.
    #[test]
    fn the_reciprocal_is_the_quotient(exponent in 1_u8..=7, integer in 0..LIMIT, shift in 0..40_u32) {
        let integer = integer >> shift;
        for integer in [integer, -integer] {
            let fast = Scale::for_magnitude(exponent, integer.unsigned_abs());
            let (fast, exact) = (scaled(fast, integer), scaled(Scale::divide(exponent), integer));
            prop_assert_eq!(fast.to_bits(), exact.to_bits(), "{} / 10^{}", integer, exponent);
        }
    }

    #[test]
    fn decimals_written_as_text_are_integers(integer in -LIMIT..LIMIT, exponent in 0_u8..=22) {
        prop_assume!(integer != 0);
        let value: f64 = format!("{integer}e-{exponent}").parse().unwrap();
        prop_assert_eq!(scaled(Scale::divide(exponent), integer).to_bits(), value.to_bits());
        // Large integers at a high exponent may be taken for their neighbours, which give the same.
        if let Some(found) = integer_of(value, exponent) {
            prop_assert_eq!(scaled(Scale::divide(exponent), found).to_bits(), value.to_bits());
        }
    }
}

#[test]
fn small_quotients_are_all_exact() {
    for exponent in 1..=7 {
        let scale = Scale::for_magnitude(exponent, 100_000);
        assert_ne!(scale, Scale::divide(exponent));
        for integer in 0..100_000 {
            let (fast, exact) = (scaled(scale, integer), scaled(Scale::divide(exponent), integer));
            assert_eq!(fast.to_bits(), exact.to_bits(), "{integer} / 10^{exponent}");
        }
    }
}

#[test]
fn scales_that_do_not_exist_are_refused() {
    assert!(Scale::from_byte(22).is_ok());
    assert!(Scale::from_byte(23).is_err());
    assert!(Scale::from_byte(0x80 | 7).is_ok());
    assert!(Scale::from_byte(0x80 | 8).is_err());
    // A reciprocal of one would be none, and is never written.
    assert!(Scale::from_byte(0x80).is_err());
}
