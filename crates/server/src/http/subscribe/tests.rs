//! Events as clients see them.

use timberline::{Database, Labels, Options, WriteBatch};
use timberline_sql::Subscription;

use super::render::Form;

#[tokio::test]
async fn events_are_frames_with_their_ids_and_errors_say_how_to_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let database = Database::open(dir.path(), Options::default()).unwrap();
    let sql = "SUBSCRIBE TO SELECT time, host, value, tags FROM metrics WHERE metric = 'm'";
    let sql = sql.replace("host", "tags['host'] AS host");
    let mut subscription = Subscription::begin(&database, &sql, None).unwrap();
    let begin = subscription.next().await.unwrap().unwrap();
    let frame = Form::Events.event(subscription.columns(), &begin);
    let text = String::from_utf8(frame.to_vec()).unwrap();
    let id = &begin.id;
    let data = format!("{{\"event\":\"begin\",\"id\":\"{id}\",\"rows\":[]}}");
    assert_eq!(text, format!("id: {id}\nevent: begin\ndata: {data}\n\n"));

    let now = crate::clock::now_millis();
    let mut batch = WriteBatch::default();
    batch.push_labels(Labels::from_pairs([("__name__", "m"), ("host", "a\nb")]).unwrap());
    batch.push_sample(now, f64::INFINITY);
    database.write(&batch).unwrap();
    let rows = subscription.next().await.unwrap().unwrap();
    let line = Form::Lines.event(subscription.columns(), &rows);
    assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1, "one line");
    let text = std::str::from_utf8(&line).unwrap();
    assert!(text.starts_with("{\"event\":\"rows\",\"id\":\""), "{text}");
    let (_, row) = text.split_once("\"rows\":[").unwrap();
    let order = ["{\"time\":", ",\"host\":", ",\"value\":", ",\"tags\":"];
    let places: Vec<_> = order.iter().map(|name| row.find(name)).collect();
    assert!(places[0] == Some(0) && places.is_sorted() && !places.contains(&None), "{row}");
    let json: serde_json::Value = serde_json::from_slice(&line).unwrap();
    let row = &json["rows"][0];
    assert_eq!((&row["host"], &row["value"]), (&"a\nb".into(), &"Infinity".into()));
    assert_eq!(row["tags"], serde_json::json!({ "host": "a\nb" }));

    let end = Form::Lines.end("it is slow", Some(&rows.id));
    let json: serde_json::Value = serde_json::from_slice(&end).unwrap();
    assert_eq!((&json["event"], &json["resume"]), (&"error".into(), &rows.id.as_str().into()));
    let end = String::from_utf8(Form::Events.end("x", None).to_vec()).unwrap();
    assert!(end.starts_with("event: error\ndata: {") && !end.contains("id:"), "{end}");
}
