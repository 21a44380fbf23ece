//! The page on the format, and pages that earlier versions wrote.

use std::fmt::Write;

use timberline_model::{Histogram, ResetHint};

use super::{
    histograms::{as_floats, growing, histogram_page, mixed, rising},
    *,
};
use crate::histogram::{
    self,
    tests::{integer, span},
};

/// Pages of every codec as this version of the format writes them; later versions add files.
const GOLDEN: &str = include_str!("golden/1.txt");

/// Pages of histograms, with the histograms one after the other behind them.
const GOLDEN_HISTOGRAMS: &str = include_str!("golden/2.txt");

fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<char> = text.chars().filter(char::is_ascii_hexdigit).collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// The examples of the documentation, in their order.
fn documented() -> Vec<Vec<u8>> {
    let page = include_str!("../../../../../docs/formats/page.md");
    let blocks = page.split("```hex").skip(1).map(|rest| rest.split("```").next().unwrap());
    let without_comments =
        |block: &str| block.lines().map(|line| line.split('|').next().unwrap()).collect::<String>();
    blocks.map(|block| from_hex(&without_comments(block))).collect()
}

fn documented_histograms() -> Vec<Histogram> {
    let mut all = [
        integer(&[span(0, 2)], 1, &[4, 7]),
        integer(&[span(0, 2)], 1, &[6, 8]),
        integer(&[span(0, 3)], 1, &[8, 9, 1]),
    ];
    for (histogram, sum) in all.iter_mut().zip([2.5, 3.0, 4.5]) {
        histogram.sum = sum;
    }
    all[1].reset_hint = ResetHint::NotReset;
    all[2].reset_hint = ResetHint::NotReset;
    all.to_vec()
}

/// As columns, even where rows would be shorter.
fn columns_page(histograms: &[Histogram]) -> Vec<u8> {
    let mut page = vec![HistogramCodec::Columns.code(), histograms.len() as u8];
    crate::page::histograms::columns::encode(histograms, &mut page);
    let mut decoded = Vec::new();
    decode_histograms(&page, VALUES_MAX, &mut decoded).unwrap();
    assert_eq!(decoded, histograms);
    page
}

#[test]
fn the_documented_examples_are_what_is_written() {
    let values = [21.5, 21.7, 21.4, f64::from_bits(STALE_BITS), 21.6, 22.3];
    let timestamps = [1_000, 1_015, 1_031, 1_045, 1_059, 1_076];
    let mut figures = Vec::new();
    PageStats::of(&[3.0, 7.0, 2.0, 4.0]).put(&mut figures);
    let (mut histogram_figures, histograms) = (Vec::new(), documented_histograms());
    HistogramPageStats::of(&histograms).put(&mut histogram_figures);
    let written = [
        value_page(&values).1,
        timestamp_page(&timestamps).1,
        columns_page(&histograms),
        figures,
        histogram_figures,
    ];
    let hex = |pages: &[Vec<u8>]| pages.iter().map(|page| to_hex(page)).collect::<Vec<_>>();
    assert_eq!(hex(&written), hex(&documented()));
}

/// A column for each codec: values, or timestamps in the same bits.
fn columns() -> Vec<Vec<u64>> {
    let mut numbers = Numbers(33);
    let mut values = |value: &mut dyn FnMut(usize, u64) -> f64| {
        (0..150).map(|n| value(n, numbers.below(1 << 40)).to_bits()).collect::<Vec<_>>()
    };
    let mut decimals = values(&mut |n, noise| (n as u64 * 700 + noise % 64) as f64 / 100.0);
    decimals[70] = STALE_BITS;
    decimals[71] = STALE_BITS;
    decimals[100] = 1e15_f64.to_bits();
    let large = values(&mut |n, noise| (n as u64 * (1 << 32) + noise % 64) as f64 / 1e6);
    vec![
        values(&mut |_, _| -0.0),
        values(&mut |n, _| n as f64 / 4.0 - 9.0),
        values(&mut |_, noise| ((noise % 5) as f64).cos()),
        decimals,
        large,
        values(&mut |n, _| (n as f64 / 50.0).sin()),
        values(&mut |_, noise| f64::from_bits(noise.wrapping_mul(0x9e37_79b9_7f4a_7c15))),
    ]
}

fn golden_line(code: &str, page: &[u8], column: &[u64]) -> String {
    let column: Vec<u8> = column.iter().flat_map(|entry| entry.to_be_bytes()).collect();
    format!("{code} {} {}", to_hex(page), to_hex(&column))
}

/// Prints what belongs into the next file in `golden/`:
/// `cargo test -p timberline-codec --lib print_golden -- --ignored --nocapture`.
#[test]
#[ignore = "prints a golden file; run by hand for a new version of the format"]
fn print_golden_pages() {
    for column in columns() {
        let values: Vec<f64> = column.iter().copied().map(f64::from_bits).collect();
        println!("{}", golden_line("values", &value_page(&values).1, &column));
    }
    let values = [0.1_f64, 0.1, 0.2, -0.0];
    let mut gorilla_page = vec![ValueCodec::Xor.code(), 4];
    gorilla::encode(&values, &mut gorilla_page);
    println!("{}", golden_line("values", &gorilla_page, &bits(&values)));
    let mut numbers = Numbers(34);
    let line = |n: i64| 1_700_000_000_000 + n * 15_000;
    let even: Vec<i64> = (0..150).map(line).collect();
    let jitter: Vec<i64> = (0..150).map(|n| line(n) + numbers.below(5) as i64).collect();
    let gap: Vec<i64> =
        jitter.iter().map(|ts| if *ts > line(80) { ts + 60_000 } else { *ts }).collect();
    let growing: Vec<i64> = (0..150).map(|n| n * n * 7).collect();
    for timestamps in [even, jitter, gap, growing] {
        let column: Vec<u64> = timestamps.iter().map(|ts| *ts as u64).collect();
        println!("{}", golden_line("timestamps", &timestamp_page(&timestamps).1, &column));
    }
}

/// As [`print_golden_pages`], for pages of histograms.
#[test]
#[ignore = "prints a golden file; run by hand for a new version of the format"]
fn print_golden_histogram_pages() {
    let (floats, halves) = (as_floats(&rising(70, 4), 1.0), as_floats(&rising(70, 3), 0.3));
    for histograms in [rising(150, 6), floats, halves, growing(80), mixed(), rising(2, 3)] {
        let mut rows = Vec::new();
        for one in &histograms {
            histogram::put(one, &mut rows);
        }
        println!("{} {}", to_hex(&histogram_page(&histograms).1), to_hex(&rows));
    }
}

#[test]
fn golden_pages_of_histograms_are_read() {
    let mut codes = Vec::new();
    for line in GOLDEN_HISTOGRAMS.lines() {
        let (page, rows) = line.split_once(' ').unwrap();
        let (page, rows) = (from_hex(page), from_hex(rows));
        let (mut expected, mut rest) = (Vec::new(), rows.as_slice());
        while !rest.is_empty() {
            expected.push(histogram::take(&mut rest).unwrap());
        }
        let mut decoded = Vec::new();
        decode_histograms(&page, VALUES_MAX, &mut decoded).unwrap();
        assert_eq!(decoded, expected);
        codes.push(page[0]);
    }
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes, [0x61, 0x62]);
}

#[test]
fn golden_pages_of_every_codec_are_read() {
    let mut codes = Vec::new();
    for line in GOLDEN.lines() {
        let mut fields = line.split(' ');
        let (kind, page) = (fields.next().unwrap(), from_hex(fields.next().unwrap()));
        let column = from_hex(fields.next().unwrap());
        let column: Vec<u64> =
            column.as_chunks::<8>().0.iter().map(|entry| u64::from_be_bytes(*entry)).collect();
        if kind == "values" {
            let mut values = Vec::new();
            decode_values(&page, VALUES_MAX, &mut values).unwrap();
            assert_eq!(bits(&values), column);
        } else {
            let mut timestamps = Vec::new();
            decode_timestamps(&page, VALUES_MAX, &mut timestamps).unwrap();
            assert_eq!(timestamps.iter().map(|ts| *ts as u64).collect::<Vec<_>>(), column);
        }
        codes.push(page[0]);
    }
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes, [1, 2, 3, 4, 5, 6, 7, 0x41, 0x42]);
}
