//! Windows: when they close, what is in them, and what a resume does.

use std::time::Duration;

use timberline::{DuplicatePolicy, Labels, Matcher, Options, TimeRange, WriteBatch};

use super::{Cell, Event, EventKind, House, NOW, SECOND, error, next, settle};
use crate::{
    SqlError, Subscription,
    subscribe::{statement::parse, token::Token},
};

const SUM: &str = "SUBSCRIBE TO SELECT time_bucket('10s', time), sum(value), count(*) FROM metrics \
                   GROUP BY 1 WITH (lateness = '2s')";

fn at(seconds: i64) -> i64 {
    NOW + seconds * SECOND
}

/// Start in seconds after `NOW`, sum and count.
fn sums(event: &Event) -> (i64, f64, u64) {
    assert_eq!(event.rows.len(), 1, "{event:?}");
    match event.rows[0].as_slice() {
        [Cell::Time(start), Cell::Float(sum), Cell::Count(count)] => {
            ((start - NOW) / SECOND, *sum, *count)
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_open_window_is_filled_and_closes_when_the_watermark_passes_it() {
    let house = House::new(1, Options::default());
    house.write(&[("a", at(-1), 100.0), ("a", at(0), 1.0), ("b", at(1), 2.0)]);
    let mut subscription = house.subscribe(SUM, None);
    assert_eq!(
        settle(&mut subscription).await,
        [],
        "the window before is still open, as is this one"
    );
    // Out of order, and one in the next window which is not enough to close this one.
    house.write(&[("a", at(9), 4.0), ("a", at(5), 8.0)]);
    let closed = next(&mut subscription).await;
    assert_eq!(sums(&closed), (-10, 100.0, 1), "it was open when the subscription began");
    house.write(&[("b", at(11), 16.0)]);
    assert_eq!(settle(&mut subscription).await, []);
    house.write(&[("b", at(12), 32.0)]);
    let closed = next(&mut subscription).await;
    assert_eq!(sums(&closed), (0, 15.0, 4));
    assert_eq!((closed.kind, closed.window), (EventKind::Window, Some((at(0), at(10)))));
    // Late: counted and left out.
    house.write(&[("a", at(9), 64.0), ("a", at(13), 1.0)]);
    house.write(&[("a", at(25), 1.0)]);
    let closed = next(&mut subscription).await;
    assert_eq!((sums(&closed), closed.late), ((10, 49.0, 3), 1));
}

#[tokio::test]
async fn the_clock_closes_what_nobody_writes_to_any_more() {
    let house = House::new(2, Options::default());
    let mut subscription = house.subscribe(SUM, None);
    assert_eq!(settle(&mut subscription).await, []);
    house.write(&[("a", at(1), 1.0)]);
    assert_eq!(settle(&mut subscription).await, []);
    house.clock.advance(Duration::from_secs(11));
    assert_eq!(settle(&mut subscription).await, [], "the idle time is not over");
    house.clock.advance(Duration::from_secs(30));
    assert_eq!(sums(&next(&mut subscription).await), (0, 1.0, 1));
    house.write(&[("a", at(2), 1.0), ("a", at(41), 1.0), ("a", at(60), 1.0)]);
    let closed = next(&mut subscription).await;
    assert_eq!((sums(&closed), closed.late), ((40, 1.0, 1), 1));
}

#[tokio::test]
async fn an_instant_counts_once_however_often_it_is_written() {
    for (policy, wanted) in [
        (DuplicatePolicy::Last, (0, 7.0 + 3.0 + 5.0, 3)),
        (DuplicatePolicy::First, (0, 1.0 + 3.0 + 5.0, 3)),
        (DuplicatePolicy::All, (0, 1.0 + 1.0 + 7.0 + 3.0 + 3.0 + 5.0, 6)),
    ] {
        let house = House::new(3, Options { duplicates: Some(policy), ..Options::default() });
        house.write(&[("a", at(1), 1.0)]);
        let mut subscription = house.subscribe(SUM, None);
        assert_eq!(settle(&mut subscription).await, []);
        for (ts, value) in [(1, 1.0), (3, 3.0), (3, 3.0), (1, 7.0), (2, 5.0), (13, 0.0)] {
            house.write(&[("a", at(ts), value)]);
        }
        assert_eq!(sums(&next(&mut subscription).await), wanted, "{policy}");
    }
}

#[tokio::test]
async fn a_resume_goes_on_behind_its_event_after_a_crash() {
    let mut house = House::new(4, Options::default());
    let mut subscription = house.subscribe(SUM, None);
    assert_eq!(settle(&mut subscription).await, []);
    house.write(&[("a", at(1), 1.0), ("a", at(12), 2.0)]);
    let first = next(&mut subscription).await;
    house.write(&[("a", at(22), 4.0)]);
    let second = next(&mut subscription).await;
    drop(subscription);
    // Nobody looks: windows close, one is open, and a flush takes the log away.
    house.write(&[("a", at(31), 8.0), ("b", at(45), 16.0), ("b", at(47), 32.0)]);
    house.crash();
    house.database.flush().unwrap();
    house.write(&[("b", at(48), 64.0)]);
    house.crash();
    let mut resumed = house.subscribe(SUM, Some(&second.id));
    assert_eq!(sums(&next(&mut resumed).await), (20, 4.0, 1));
    assert_eq!(sums(&next(&mut resumed).await), (30, 8.0, 1));
    assert_eq!(settle(&mut resumed).await, []);
    house.write(&[("b", at(49), 128.0), ("b", at(55), 0.0)]);
    let closed = next(&mut resumed).await;
    assert_eq!(sums(&closed), (40, 240.0, 4));
    let mut again = house.subscribe(SUM, Some(&first.id));
    let all: Vec<_> = settle(&mut again).await.iter().map(sums).collect();
    assert_eq!(all, [(10, 2.0, 1), (20, 4.0, 1), (30, 8.0, 1), (40, 240.0, 4)]);
    assert_eq!(again.last_id(), Some(closed.id.as_str()));
}

#[tokio::test]
async fn a_slow_reader_of_windows_goes_on_from_the_blocks() {
    let options = Options { segment_bytes: 1 << 20, ..Options::default() };
    let house = House::new(5, options);
    let mut subscription = house.subscribe(SUM, None);
    assert_eq!(settle(&mut subscription).await, []);
    house.write(&[("a", at(1), 1.0)]);
    assert_eq!(settle(&mut subscription).await, []);
    for round in 2..6 {
        house.write(&[("a", at(round * 10), 1.0)]);
        house.database.flush().unwrap();
    }
    let found: Vec<_> = settle(&mut subscription).await.iter().map(sums).collect();
    assert_eq!(found, [(0, 1.0, 1), (20, 1.0, 1), (30, 1.0, 1)]);
}

#[tokio::test]
async fn changes_come_before_the_window_closes() {
    let house = House::new(6, Options::default());
    let sql = "SUBSCRIBE TO SELECT host, time_bucket('10s', time), sum(value) FROM cpu GROUP BY 1, 2 \
               EMIT CHANGES";
    let mut subscription = house.subscribe(sql, None);
    house.write(&[("a", at(1), 1.0), ("b", at(1), 2.0)]);
    let both = next(&mut subscription).await;
    assert_eq!((both.kind, both.rows.len()), (EventKind::Change, 2));
    house.write(&[("b", at(2), 4.0), ("b", at(1), 3.0)]);
    let one = next(&mut subscription).await;
    let row = vec![Cell::Text("b".to_owned()), Cell::Time(at(0)), Cell::Float(7.0)];
    assert_eq!((one.kind, one.rows), (EventKind::Change, vec![row]));
    house.write(&[("a", at(15), 0.0)]);
    let closed = next(&mut subscription).await;
    assert_eq!((closed.kind, closed.rows.len()), (EventKind::Window, 2));
}

#[tokio::test]
async fn rows_come_as_they_were_written_and_resume_in_the_middle_of_a_write() {
    let house = House::new(7, Options::default());
    let sql = "SUBSCRIBE TO SELECT time, host, value FROM cpu WHERE value > 0";
    let mut subscription = house.subscribe(sql, None);
    assert_eq!(settle(&mut subscription).await, []);
    let many: Vec<(&str, i64, f64)> =
        (0..2_500).map(|n| ("a", at(0) + n, f64::from(n as i32))).collect();
    house.write(&many);
    house.write(&[("b", at(0), -1.0), ("b", at(1), 7.0)]);
    let first = next(&mut subscription).await;
    assert_eq!((first.kind, first.rows.len()), (EventKind::Rows, 1_000));
    let mut resumed = house.subscribe(sql, Some(&first.id));
    let rest: Vec<Event> = settle(&mut resumed).await;
    let values: Vec<f64> = [first.clone()]
        .iter()
        .chain(&rest)
        .flat_map(|event| &event.rows)
        .map(|row| match row[2] {
            Cell::Float(value) => value,
            _ => f64::NAN,
        })
        .collect();
    let wanted: Vec<f64> = (1..2_500).map(f64::from).chain([7.0]).collect();
    assert_eq!(values, wanted);
    house.database.flush().unwrap();
    let behind = Subscription::begin(&house.database, sql, Some(&first.id)).unwrap_err();
    assert!(matches!(behind, SqlError::Behind { .. }), "{behind:?}");
}

#[tokio::test]
async fn ids_of_others_are_refused() {
    let house = House::new(8, Options::default());
    house.write(&[("a", at(1), 1.0)]);
    let mut subscription = house.subscribe(SUM, None);
    assert_eq!(settle(&mut subscription).await, []);
    house.write(&[("a", at(12), 1.0)]);
    let id = next(&mut subscription).await.id;
    let other = SUM.replace("sum", "max");
    for (sql, id, words) in [
        (other.as_str(), id.clone(), "another statement"),
        (
            SUM,
            format!("{}{}", &id[..id.len() - 1], if id.ends_with('0') { '1' } else { '0' }),
            "was cut or changed",
        ),
        (SUM, "x".to_owned(), "was cut or changed"),
    ] {
        let refused = Subscription::begin(&house.database, sql, Some(&id)).unwrap_err();
        assert!(refused.to_string().contains(words), "{refused}");
    }
    let empty = House::new(9, Options::default());
    let refused = error(&mut empty.subscribe(SUM, Some(&id))).await;
    assert!(refused.to_string().contains("beyond the end of this database's log"), "{refused}");
}

#[tokio::test]
async fn a_window_with_too_many_series_ends_the_subscription_with_a_reason() {
    let house = House::new(10, Options::default());
    let mut subscription = house.subscribe(SUM, None);
    assert_eq!(settle(&mut subscription).await, []);
    for part in 0..6_usize {
        let mut batch = WriteBatch::default();
        for series in 0..1_000_usize {
            let name = (part * 1_000 + series).to_string();
            batch.push_labels(Labels::from_pairs([("__name__", name.as_str())]).unwrap());
            batch.push_sample(at(1), 1.0);
        }
        house.database.write(&batch).unwrap();
    }
    let limit = error(&mut subscription).await;
    assert!(matches!(limit, SqlError::Limit { .. }), "{limit:?}");
    assert!(subscription.next().await.is_none());
}

#[tokio::test]
async fn a_deletion_is_seen_by_what_is_read_after_it() {
    let house = House::new(11, Options::default());
    house.write(&[("a", at(1), 1.0), ("b", at(2), 2.0)]);
    let selector = vec![Matcher::equal("host", "b")];
    house.database.delete(&[selector], TimeRange::ALL).unwrap();
    let mut subscription = house.subscribe(SUM, None);
    assert_eq!(settle(&mut subscription).await, []);
    house.write(&[("a", at(12), 0.0)]);
    assert_eq!(sums(&next(&mut subscription).await), (0, 1.0, 1));
}

#[tokio::test]
async fn a_stream_that_lags_is_read_from_the_storage_only_where_it_was_written_to_before() {
    let house = House::new(12, Options::default());
    house.write(&[("a", at(-1_799), 1.0)]);
    let mut subscription = house.subscribe(SUM, None);
    assert_eq!(settle(&mut subscription).await, []);
    house.write(&[("a", at(-1_798), 2.0), ("a", at(-1_785), 4.0)]);
    assert_eq!(sums(&next(&mut subscription).await), (-1_800, 3.0, 2), "one came before it began");
    // What a window has counted stays, unless it is read anew.
    house.database.delete(&[Vec::new()], TimeRange::ALL).unwrap();
    house.write(&[("a", at(-1_775), 8.0)]);
    assert_eq!(sums(&next(&mut subscription).await), (-1_790, 4.0, 1), "nothing was read");
}

#[tokio::test]
async fn a_resume_looks_for_windows_only_where_the_database_has_samples() {
    let house = House::new(13, Options::default());
    let mut subscription = house.subscribe(SUM, None);
    let begun = subscription.next().await.unwrap().unwrap();
    house.write(&[("a", at(1), 1.0), ("a", at(31), 2.0)]);
    let fingerprint = parse(SUM).unwrap().fingerprint;
    let token = Token::decode(&begun.id, fingerprint).unwrap();
    for place in [i64::MIN, 0, token.place] {
        for newest in [i64::MIN, i64::MAX] {
            let id = Token { place, newest, ..token }.encode();
            let mut resumed = house.subscribe(SUM, Some(&id));
            assert_eq!(sums(&next(&mut resumed).await), (0, 1.0, 1), "{place} {newest}");
        }
    }
}
