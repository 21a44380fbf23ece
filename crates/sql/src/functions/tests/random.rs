//! Aggregates over random rows against the same figures computed plainly.

use proptest::prelude::*;

use super::table::{Row, rows, with_metrics};
use crate::functions::parse_width;

/// Rows in any order: NULLs, NaN, resets, times that repeat.
fn some_rows() -> impl Strategy<Value = Vec<Row<'static>>> {
    let time = prop_oneof![9 => (0_i32..200).prop_map(|t| Some(f64::from(t))), 1 => Just(None)];
    let value = prop_oneof![
        8 => (0_i32..50).prop_map(|v| Some(f64::from(v))),
        1 => Just(None),
        1 => Just(Some(f64::NAN)),
    ];
    let host = prop_oneof![Just("a"), Just("b")];
    let row = (time, host, value).prop_map(|(time, host, value)| (time, "n", host, value));
    prop::collection::vec(row, 1..60)
}

/// Time and value of what counts, in order.
fn ordered(rows: &[Row<'_>], host: &str) -> Vec<(f64, f64)> {
    let rows = rows.iter().filter(|row| row.2 == host);
    let mut samples: Vec<_> = rows.filter_map(|row| Some((row.0?, row.3?))).collect();
    samples.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    samples
}

/// What SQL should answer for the host: increase, rate, delta, deriv.
fn plainly(samples: &[(f64, f64)]) -> [Option<f64>; 4] {
    let [first, .., last] = samples else { return [None; 4] };
    let resets: f64 =
        samples.windows(2).filter(|pair| pair[1].1 < pair[0].1).map(|pair| pair[0].1).sum();
    let increase = last.1 - first.1 + resets;
    let (seconds, count) = (last.0 - first.0, samples.len() as f64);
    let mean = |of: fn(&(f64, f64)) -> f64| samples.iter().map(of).sum::<f64>() / count;
    let (time, value) = (mean(|s| s.0), mean(|s| s.1));
    let squares: f64 = samples.iter().map(|s| (s.0 - time).powi(2)).sum();
    let products: f64 = samples.iter().map(|s| (s.0 - time) * (s.1 - value)).sum();
    let is_line = seconds > 0.0;
    let rate = is_line.then(|| increase / seconds);
    [Some(increase), rate, Some(last.1 - first.1), is_line.then(|| products / squares)]
}

fn assert_equal(found: &str, expected: Option<f64>, what: &str) {
    match expected {
        None => assert_eq!(found, "-", "{what}"),
        Some(expected) => {
            let number: f64 = found.parse().unwrap_or_else(|_| panic!("{what}: {found}"));
            let is_near = (number - expected).abs() <= 1e-9 * expected.abs().max(1.0);
            assert!(
                is_near || (number.is_nan() && expected.is_nan()),
                "{what}: {found} {expected}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn changes_are_as_computed_plainly(table in some_rows(), cut in 0.0..1.0) {
        let (left, right) = table.split_at((cut * table.len() as f64) as usize);
        let context = with_metrics(&[left, right]);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let call = |over: &str| format!(
            "increase(value, time){over}, rate(value, time){over}, delta(value, time){over}, \
             deriv(value, time){over}"
        );
        let grouped = format!(
            "SELECT tags['host'], {} FROM metrics GROUP BY 1", call("")
        );
        for row in runtime.block_on(rows(&context, &grouped)) {
            let cells: Vec<_> = row.split(' ').collect();
            let expected = plainly(&ordered(&table, cells[0]));
            for (cell, expected) in cells[1..].iter().zip(expected) {
                assert_equal(cell, expected, &row);
            }
        }
        // A frame of all rows, in an order that is not that of time.
        let over = format!(
            "SELECT DISTINCT tags['host'], {} FROM metrics",
            call(" OVER (PARTITION BY tags['host'] ORDER BY value ROWS BETWEEN UNBOUNDED PRECEDING \
                  AND UNBOUNDED FOLLOWING)")
        );
        for row in runtime.block_on(rows(&context, &over)) {
            let cells: Vec<_> = row.split(' ').collect();
            for (cell, expected) in cells[1..].iter().zip(plainly(&ordered(&table, cells[0]))) {
                assert_equal(cell, expected, &row);
            }
        }
    }

    #[test]
    fn frames_that_slide_are_as_computed_plainly(table in some_rows(), size in 1_usize..6) {
        let table: Vec<_> = table.into_iter().map(|row| (row.0, row.1, "a", row.3)).collect();
        let context = with_metrics(&[&table]);
        let sql = format!(
            "SELECT increase(value, time) OVER w, rate(value, time) OVER w, delta(value, time) OVER w, \
             deriv(value, time) OVER w FROM (SELECT * FROM metrics WHERE time IS NOT NULL) \
             WINDOW w AS (ORDER BY time, value ROWS {size} PRECEDING) ORDER BY time, value"
        );
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let found = runtime.block_on(rows(&context, &sql));
        let mut frames: Vec<_> = table.iter().filter(|row| row.0.is_some()).copied().collect();
        let of = |value: Option<f64>| value.unwrap_or(f64::INFINITY);
        frames.sort_by(|a, b| {
            let order = a.0.partial_cmp(&b.0).unwrap();
            // NaN is the greatest number, and NULL comes after it.
            order.then(a.3.is_none().cmp(&b.3.is_none())).then(of(a.3).total_cmp(&of(b.3)))
        });
        for (end, row) in found.iter().enumerate() {
            let frame = &frames[end.saturating_sub(size)..=end];
            for (cell, expected) in row.split(' ').zip(plainly(&ordered(frame, "a"))) {
                assert_equal(cell, expected, row);
            }
        }
    }

    #[test]
    fn gaps_are_filled_as_plainly(
        table in some_rows(),
        cut in 0.0..1.0,
        width in 1_i64..40,
        start in 0_i64..120,
        length in 0_i64..120,
    ) {
        let (left, right) = table.split_at((cut * table.len() as f64) as usize);
        let context = with_metrics(&[left, right]);
        let end = start + length;
        let sql = format!(
            "SELECT h, extract(epoch from b)::bigint, v, l, i FROM (SELECT tags['host'] AS h, \
             time_bucket_gapfill('{width}s', time) AS b, count(value) AS v, locf(count(value)) AS l, \
             interpolate(count(value)) AS i FROM metrics \
             WHERE time >= to_timestamp_seconds({start}) AND time < to_timestamp_seconds({end}) \
             GROUP BY 1, 2) ORDER BY 1, 2"
        );
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let found = runtime.block_on(rows(&context, &sql));
        prop_assert_eq!(found, filled_plainly(&table, width, start..end));
    }

    #[test]
    fn any_text_is_a_span_or_refused(text in "\\PC*", number in 0_u64.., unit in "[a-z]{0,8}") {
        let _ = parse_width(&text);
        let _ = parse_width(&format!("-{number}{unit} {number} {unit}"));
        let _ = parse_width(&format!("{number}{unit}"));
    }
}

/// Host, bucket, count of values, and what fills it: by going through all buckets of all hosts.
fn filled_plainly(table: &[Row<'_>], width: i64, times: std::ops::Range<i64>) -> Vec<String> {
    let mut answer = Vec::new();
    for host in ["a", "b"] {
        let seconds =
            |row: &Row<'_>| row.0.map(|time| time as i64).filter(|time| times.contains(time));
        let rows: Vec<_> = table
            .iter()
            .filter(|row| row.2 == host)
            .filter_map(|row| Some((seconds(row)?.div_euclid(width), row.3)))
            .collect();
        if rows.is_empty() {
            continue;
        }
        let buckets = times.start.div_euclid(width)..=(times.end - 1).div_euclid(width);
        let counts: Vec<_> = buckets
            .clone()
            .map(|bucket| {
                let of_bucket: Vec<_> = rows.iter().filter(|row| row.0 == bucket).collect();
                let values = of_bucket.iter().filter(|row| row.1.is_some()).count();
                (!of_bucket.is_empty()).then_some(values)
            })
            .collect();
        for (index, bucket) in buckets.enumerate() {
            let before = (0..=index).rev().find_map(|at| Some((at, counts[at]?)));
            let after = (index..counts.len()).find_map(|at| Some((at, counts[at]?)));
            let line = match (before, after) {
                (Some((at, value)), _) if at == index => Some(value as f64),
                (Some((left, from)), Some((right, to))) => {
                    let share = (index - left) as f64 / (right - left) as f64;
                    Some(from as f64 + (to as f64 - from as f64) * share)
                }
                _ => None,
            };
            let text = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
            answer.push(format!(
                "{host} {} {} {} {}",
                bucket * width,
                text(counts[index].map(|count| count.to_string())),
                text(before.map(|(_, count)| count.to_string())),
                text(line.map(|line| format!("{line:?}"))),
            ));
        }
    }
    answer
}
