//! What is shared, and that memory stays bounded.

use super::*;

const MS: i64 = 1_000_000;

fn scrapes(target: i64, count: i64) -> Vec<i64> {
    (0..count).map(|n| (n * 15_000 + target * 7 + (n * 31 + target) % 5) * MS).collect()
}

fn place(timelines: &mut Timelines, timestamps: &[i64]) -> TimeColumn {
    timelines.place(timestamps, &mut Vec::new(), 0).expect("fewer than 2^32 timelines")
}

#[test]
fn equal_columns_are_stored_once() {
    let mut timelines = Timelines::new();
    let mut run = Vec::new();
    let columns: Vec<Vec<i64>> = (0..10).map(|target| scrapes(target, 2_000)).collect();
    for _ in 0..3 {
        for (number, column) in (0..).zip(&columns) {
            let placed = timelines.place(column, &mut run, 100).expect("room");
            assert_eq!(placed, TimeColumn { timeline: number, part: None, first: 0 });
        }
    }
    let once = run.len();
    assert!(once < 10 * 2_000, "{once} bytes");
    assert_eq!(timelines.finish().count, 10);
}

#[test]
fn parts_that_begin_or_end_with_another_column_are_shared() {
    let mut timelines = Timelines::new();
    let all = scrapes(0, 3_000);
    place(&mut timelines, &all);
    let part = |placed: TimeColumn| (placed.timeline, placed.part);
    assert_eq!(part(place(&mut timelines, &all[1_700..])), (0, Some((1_700, 1_300))));
    assert_eq!(part(place(&mut timelines, &all[..1])), (0, Some((0, 1))));
    assert_eq!(part(place(&mut timelines, &all[2_999..])), (0, Some((2_999, 1))));
    let mut gap = all.clone();
    gap.remove(5);
    assert_eq!(part(place(&mut timelines, &gap)), (1, None));
    let longer = scrapes(0, 3_001);
    assert_eq!(part(place(&mut timelines, &longer)), (2, None));
}

#[test]
fn repeated_instants_and_extremes_are_told_apart() {
    let mut timelines = Timelines::new();
    let columns: [&[i64]; 5] =
        [&[i64::MIN, 0, i64::MAX], &[i64::MIN, 1, i64::MAX], &[5, 5, 5], &[5, 5, 5, 5], &[5 * MS]];
    for (number, column) in (0..).zip(columns) {
        assert_eq!(place(&mut timelines, column).timeline, number);
    }
    assert_eq!(place(&mut timelines, columns[1]).timeline, 1);
    assert_eq!(place(&mut timelines, &[5, 5]).part, Some((0, 2)));
}

#[test]
fn memory_is_bounded_and_what_is_forgotten_is_stored_again() {
    let mut timelines = Timelines::with_memory(64 << 10);
    let columns: Vec<Vec<i64>> = (0..400).map(|target| scrapes(target, 480)).collect();
    for _ in 0..4 {
        for column in &columns {
            place(&mut timelines, column);
            assert!(timelines.kept_bytes <= 64 << 10);
        }
    }
    let maps = [timelines.by_hash.len(), timelines.by_first.len(), timelines.by_last.len()];
    assert!(maps.into_iter().all(|len| len <= timelines.kept.len()));
    assert_eq!(timelines.kept.len(), timelines.kept_numbers.len());
    let count = timelines.finish().count;
    assert!((400..1_600).contains(&count), "{count} timelines, some of them shared");
}
