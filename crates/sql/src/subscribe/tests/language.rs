//! Which statements are understood, and what is said of others.

use timberline::Options;

use super::{Cell, House, NOW, SECOND, next, settle};
use crate::{SqlError, is_subscribe, subscribe::statement::parse};

#[test]
fn what_is_not_offered_is_named_with_its_place() {
    let refused = [
        ("SELECT 1", "expected SUBSCRIBE TO"),
        ("SUBSCRIBE TO SELECT value FROM metrics ORDER BY time", "ORDER BY"),
        ("SUBSCRIBE TO SELECT value FROM metrics LIMIT 3", "LIMIT"),
        ("SUBSCRIBE TO SELECT DISTINCT value FROM metrics", "DISTINCT"),
        ("SUBSCRIBE TO SELECT a.value FROM metrics a", "table's name"),
        ("SUBSCRIBE TO SELECT value FROM metrics JOIN other USING (time)", "JOIN"),
        ("SUBSCRIBE TO SELECT host FROM metrics", "the column \"host\""),
        ("SUBSCRIBE TO SELECT avg(value) FROM cpu", "without a time bucket"),
        ("SUBSCRIBE TO SELECT host, avg(value) FROM cpu GROUP BY time_bucket('1m', time)", "host"),
        ("SUBSCRIBE TO SELECT median(value) FROM cpu GROUP BY time_bucket('1m', time)", "median"),
        ("SUBSCRIBE TO SELECT avg(value) * 2 FROM cpu GROUP BY time_bucket('1m', time)", "* 2"),
        (
            "SUBSCRIBE TO SELECT sum(DISTINCT value) FROM cpu GROUP BY time_bucket('1m', time)",
            "DIST",
        ),
        ("SUBSCRIBE TO SELECT count(*) FROM cpu GROUP BY time_bucket('1 month', time)", "1 month"),
        ("SUBSCRIBE TO SELECT count(*) FROM cpu GROUP BY time_bucket('0s', time)", "width"),
        ("SUBSCRIBE TO SELECT value FROM cpu WHERE time > now()", "now()"),
        ("SUBSCRIBE TO SELECT value, time, value FROM cpu", "two columns with the name \"value\""),
        ("SUBSCRIBE TO SELECT value FROM cpu WHERE host < 'a'", "order of labels"),
        ("SUBSCRIBE TO SELECT value FROM cpu WHERE host ~ '('", "host"),
        ("SUBSCRIBE TO SELECT value FROM cpu EMIT CHANGES", "EMIT CHANGES without"),
        ("SUBSCRIBE TO SELECT value FROM cpu WITH (pace = '3s')", "unknown setting"),
        ("SUBSCRIBE TO SELECT value FROM cpu WITH (idle = 'x')", "x"),
        ("SUBSCRIBE TO SELECT value FRM cpu", "cpu is not understood here"),
        ("SUBSCRIBE TO (SELECT 1) UNION (SELECT 2)", "subscribed to"),
    ];
    for (sql, words) in refused {
        let error = parse(sql).expect_err(sql);
        let SqlError::Statement { message, position } = &error else { panic!("{sql}: {error:?}") };
        assert!(message.contains(words), "{sql}: {message}");
        assert!(position.is_some(), "{sql}: {message} has no place");
    }
    let nested = format!("SUBSCRIBE TO SELECT value FROM cpu WHERE {}1", "(".repeat(10_000));
    assert!(parse(&nested).is_err());
}

#[test]
fn a_subscription_is_known_by_its_first_word() {
    for before in ["  -- one\n ", "/* a /* b */ c */", "\t\r\n/**/--\n"] {
        assert!(is_subscribe(&format!("{before}subscribe to select 1")), "{before:?}");
    }
    assert!(!is_subscribe("SELECT 'SUBSCRIBE'") && !is_subscribe("'"));
}

#[tokio::test]
async fn conditions_and_groups_hold_as_in_sql() {
    let house = House::new(3, Options::default());
    let tests = [
        ("WHERE host = 'a'", vec!["a"]),
        ("WHERE host <> 'a'", vec!["b", "ab"]),
        ("WHERE 'a' = host OR host LIKE '%b'", vec!["a", "b", "ab"]),
        ("WHERE host LIKE '_'", vec!["a", "b"]),
        ("WHERE host IN ('b', 'ab') AND NOT (value >= 3)", vec!["b"]),
        ("WHERE host ~ '^a' AND value BETWEEN 2 AND 3", vec!["ab"]),
        ("WHERE nothing IS NULL AND host IS NOT NULL", vec!["a", "b", "ab"]),
        ("WHERE NOT (nothing = 'x')", vec![]),
        ("WHERE time >= '2023-11-14T22:20:01Z'", vec!["b", "ab"]),
        ("WHERE job = 'node' HAVING count(*) > 1 OR average < 2", vec!["a"]),
    ];
    let mut all = Vec::new();
    for (words, hosts) in tests {
        let (filter, having) = words.split_once(" HAVING").unwrap_or((words, ""));
        let having = if having.is_empty() { String::new() } else { format!(" HAVING{having}") };
        let sql = format!(
            "SUBSCRIBE TO SELECT date_bin(INTERVAL '1 minute', time) AS t, host, avg(value) AS average \
             FROM cpu {filter} GROUP BY t, 2{having}"
        );
        let mut subscription = house.subscribe(&sql, None);
        assert_eq!(subscription.columns(), ["t", "host", "average"]);
        assert_eq!(settle(&mut subscription).await, []);
        all.push((sql, subscription, hosts));
    }
    house.write(&[("a", NOW, 1.0), ("b", NOW + SECOND, 2.0), ("ab", NOW + 2 * SECOND, 3.0)]);
    let later = NOW + 70 * SECOND;
    house.write(&[("a", later, 9.0), ("b", later, 9.0), ("ab", later, 9.0)]);
    for (sql, mut subscription, mut hosts) in all {
        hosts.sort_unstable();
        // What closes a window closes it also where it does not pass the filter itself.
        let found = if hosts.is_empty() {
            settle(&mut subscription).await.pop()
        } else {
            Some(next(&mut subscription).await)
        };
        let rows = found.map(|event| event.rows).unwrap_or_default();
        let texts: Vec<&str> = rows
            .iter()
            .map(|row| match &row[1] {
                Cell::Text(text) => text.as_str(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(texts, hosts, "{sql}");
    }
}
