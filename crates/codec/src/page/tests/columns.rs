//! Columns in, the same columns out, and the codec that suits them.

use proptest::prelude::*;

use super::*;

/// Values that no decimal is, and limits.
const ODD: [u64; 14] = [
    STALE_BITS,
    0x7ff8_0000_0000_0001, // the usual NaN with a payload
    0xfff4_0000_dead_beef, // a signalling one, negative
    0x7ff0_0000_0000_0000, // infinity
    0xfff0_0000_0000_0000,
    0x8000_0000_0000_0000, // -0.0
    0x0000_0000_0000_0000,
    0x0000_0000_0000_0001, // the smallest subnormal
    0x800f_ffff_ffff_ffff, // the largest, negative
    0x7fef_ffff_ffff_ffff, // the largest float
    0x4320_0000_0000_0000, // 2^51, the first integer too large
    0xc320_0000_0000_0000, // -2^51, the last that is not
    0x431f_ffff_ffff_ffff, // 2^51 - 0.25
    0x3cb0_0000_0000_0000, // the distance of floats at one
];

fn odd() -> impl Strategy<Value = f64> {
    prop::sample::select(ODD.to_vec()).prop_map(f64::from_bits)
}

fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        odd(),
        (-1_000_000_i64..1_000_000, 0..20).prop_map(|(i, e)| i as f64 / 10_f64.powi(e)),
        any::<i32>().prop_map(f64::from),
    ]
}

/// A walk of decimals with some odd values in it.
fn decimals() -> impl Strategy<Value = Vec<f64>> {
    let entry = (any::<i64>(), prop::option::weighted(0.03, odd()));
    (0..=18_i32, 1..60_u32, prop::collection::vec(entry, 1..=VALUES_MAX)).prop_map(
        |(exponent, shift, entries)| {
            let mut total = 0_i64;
            let mut value = |(step, odd): (i64, Option<f64>)| {
                total = total.wrapping_add(step >> shift) % (1 << 52);
                odd.unwrap_or(total as f64 / 10_f64.powi(exponent))
            };
            entries.into_iter().map(&mut value).collect()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_values_round_trip(values in prop::collection::vec(any_value(), 1..=VALUES_MAX)) {
        value_page(&values);
    }

    #[test]
    fn few_values_round_trip(values in prop::collection::vec(any_value(), 1..40)) {
        value_page(&values);
    }

    #[test]
    fn repeated_values_round_trip(
        distinct in prop::collection::vec(any_value(), 1..300),
        places in prop::collection::vec(any::<prop::sample::Index>(), 1..=VALUES_MAX),
    ) {
        let values: Vec<f64> = places.iter().map(|place| *place.get(&distinct)).collect();
        value_page(&values);
    }

    #[test]
    fn decimals_with_exceptions_round_trip(values in decimals()) {
        value_page(&values);
    }

    #[test]
    fn any_timestamps_round_trip(
        shift in 0..64_u32,
        timestamps in prop::collection::vec(any::<i64>(), 1..=VALUES_MAX),
    ) {
        let timestamps: Vec<i64> = timestamps.into_iter().map(|ts| ts >> shift).collect();
        timestamp_page(&timestamps);
    }

    #[test]
    fn steps_with_jitter_and_gaps_round_trip(
        start: i64,
        step in prop_oneof![Just(15_000_i64), any::<i64>()],
        moves in prop::collection::vec((-3_i64..4, 0_u8..20), 1..=VALUES_MAX),
    ) {
        let mut ts = start;
        let mut next = |(jitter, gap): (i64, u8)| {
            ts = ts.wrapping_add(step).wrapping_add(if gap == 0 { step } else { 0 });
            ts.wrapping_add(jitter)
        };
        timestamp_page(&moves.into_iter().map(&mut next).collect::<Vec<_>>());
    }
}

#[test]
fn every_odd_value_survives_among_decimals_and_alone() {
    for odd in ODD.map(f64::from_bits) {
        assert_eq!(value_page(&[odd; 300]).0.codec, ValueCodec::Constant);
        for place in [0, 1, 2, 150, 299] {
            let mut values: Vec<f64> = (0..300).map(|n| f64::from(n * n % 91) / 10.0).collect();
            values[place] = odd;
            assert_eq!(value_page(&values).0.codec, ValueCodec::Decimal, "{odd:e} at {place}");
        }
    }
}

#[test]
fn a_constant_takes_eleven_bytes_and_even_steps_few() {
    let (info, _) = value_page(&[f64::from_bits(STALE_BITS); VALUES_MAX]);
    assert_eq!((info.codec, info.bytes), (ValueCodec::Constant, 11));
    let steps: Vec<f64> = (0..1_000).map(|n| f64::from(n * 15 - 300) / 100.0).collect();
    let (info, _) = value_page(&steps);
    assert_eq!(info.codec, ValueCodec::Linear);
    assert!(info.bytes < 10, "{info:?}");
}

#[test]
fn counters_and_decimal_gauges_become_integers() {
    let mut numbers = Numbers(11);
    let mut total = 1_000_000_u64;
    let counter: Vec<f64> = (0..VALUES_MAX)
        .map(|_| {
            total += 100 + numbers.below(32);
            total as f64
        })
        .collect();
    let (info, _) = value_page(&counter);
    assert_eq!(info.codec, ValueCodec::Decimal);
    assert!(info.bytes <= VALUES_MAX * 5 / 8 + 16, "{info:?}");

    let gauge: Vec<f64> = (0..VALUES_MAX).map(|_| numbers.below(1_000) as f64 / 100.0).collect();
    let (info, _) = value_page(&gauge);
    assert_eq!(info.codec, ValueCodec::Decimal);
    assert!(info.bytes <= VALUES_MAX * 10 / 8 + 16, "{info:?}");

    let pages: Vec<f64> = gauge.iter().map(|value| (value * 100.0).round() * 4_096.0).collect();
    assert!(value_page(&pages).0.bytes <= info.bytes + 8, "the factor is taken out");
}

#[test]
fn a_counter_that_restarts_costs_a_patch_not_a_width() {
    let mut numbers = Numbers(3);
    let mut total = 9_000_000_000_u64;
    let values: Vec<f64> = (0..VALUES_MAX)
        .map(|n| {
            total = if n % 400 == 399 { 0 } else { total + 100 + numbers.below(32) };
            total as f64
        })
        .collect();
    let (info, _) = value_page(&values);
    assert!(info.bytes <= VALUES_MAX * 5 / 8 + 60, "{info:?}");
}

#[test]
fn few_values_of_full_mantissa_become_a_dictionary() {
    let mut numbers = Numbers(5);
    let distinct: Vec<f64> = (0..200).map(|_| (numbers.below(1 << 40) as f64).sqrt()).collect();
    let values: Vec<f64> = (0..VALUES_MAX).map(|_| distinct[numbers.below(200) as usize]).collect();
    let (info, _) = value_page(&values);
    assert_eq!(info.codec, ValueCodec::Dictionary);
    assert!(info.bytes <= 200 * 8 + VALUES_MAX + 16, "{info:?}");

    // One that changes now and then: a value and a place for each change.
    let values: Vec<f64> = (0..VALUES_MAX).map(|n| distinct[n / 20]).collect();
    let (info, _) = value_page(&values);
    assert_eq!(info.codec, ValueCodec::Dictionary);
    assert!(info.bytes <= 52 * 10 + 16, "{info:?}");
}

#[test]
fn full_mantissas_go_to_pco_and_noise_stays_raw() {
    let mut numbers = Numbers(5);
    let smooth: Vec<f64> = (0..VALUES_MAX).map(|n| 1e3 + (n as f64 / 50.0).sin()).collect();
    assert_eq!(value_page(&smooth).0.codec, ValueCodec::Pco);
    let noise: Vec<f64> = (0..VALUES_MAX)
        .map(|_| f64::from_bits(numbers.below(1 << 32) << 32 | numbers.below(1 << 32)))
        .collect();
    let (info, _) = value_page(&noise);
    assert_eq!((info.codec, info.bytes), (ValueCodec::Raw, 8 * VALUES_MAX + 3));
}

#[test]
fn a_page_is_never_larger_than_raw() {
    let mut numbers = Numbers(8);
    for count in [1, 2, 3, 15, 16, 17, 100, 1_023, 1_024] {
        let values: Vec<f64> =
            (0..count).map(|_| f64::from_bits(numbers.below(u64::MAX >> 11))).collect();
        let (info, _) = value_page(&values);
        assert!(info.bytes <= 8 * count + 3, "{info:?}");
    }
}

#[test]
fn even_timestamps_take_a_dozen_bytes_and_jitter_its_bits() {
    let even: Vec<i64> = (0..1_024).map(|n| 1_700_000_000_000 + n * 15_000).collect();
    let (info, _) = timestamp_page(&even);
    assert_eq!(info.codec, TimestampCodec::Even);
    assert!(info.bytes <= 13, "{info:?}");

    let mut numbers = Numbers(2);
    let mut jittered: Vec<i64> = even.iter().map(|ts| ts + numbers.below(5) as i64 - 2).collect();
    assert!(timestamp_page(&jittered).0.bytes <= 1_024 * 3 / 8 + 24);
    // One scrape missed: the rest is late by a step.
    for ts in &mut jittered[500..] {
        *ts += 15_000;
    }
    assert!(timestamp_page(&jittered).0.bytes <= 1_024 * 4 / 8 + 40);
}

#[test]
fn columns_of_one_entry_and_of_extremes_round_trip() {
    value_page(&[0.1]);
    timestamp_page(&[i64::MIN]);
    timestamp_page(&[i64::MIN, i64::MAX, 0, -1, i64::MIN, i64::MAX]);
    timestamp_page(&[0, i64::MIN, i64::MIN, 0, i64::MIN]);
}

#[test]
#[should_panic(expected = "a page of 0 values")]
fn an_empty_page_is_a_mistake_of_the_caller() {
    encode_values(&[], &mut Vec::new());
}
