//! `timberline query`.

use std::collections::BTreeSet;

use serde_json::Value;
use timberline_model::{Labels, NANOS_PER_SECOND, format_duration, parse_duration};
use timberline_protocol::prom_api::RANGE_POINTS_MAX;

use super::{
    Failure,
    args::{Format, QueryArgs},
    client::Client,
    csv, explain,
    local_time::{api_seconds, format_time, parse_time},
    statement::{self, is_sql},
    table::{counted, table},
};
use crate::clock::now_millis;

/// The step of a range query that names none: 1 minute.
const STEP_DEFAULT: i64 = 60 * NANOS_PER_SECOND;
/// The range of a query that names only its end: 1 hour.
const RANGE_DEFAULT: i64 = 3_600 * NANOS_PER_SECOND;

/// Asks, and shows the answer.
pub(super) fn query(args: &QueryArgs) -> Result<(), Failure> {
    let client = Client::new(&args.server)?;
    let ranged = args.start.is_some() || args.end.is_some() || args.step.is_some() || args.raw;
    if args.sql || (!args.promql && !ranged && !args.explain && is_sql(&args.query)) {
        print!("{}", statement::run(&client, &args.query, args.timeout.as_deref(), args.format)?);
        return Ok(());
    }
    let mut params = vec![("query", args.query.clone())];
    for (name, value) in [("timeout", &args.timeout), ("limit", &args.limit.map(|n| n.to_string()))]
    {
        params.extend(value.clone().map(|value| (name, value)));
    }
    if args.explain {
        params.push(("explain", "true".to_owned()));
    }
    let now = now_millis();
    let answer = if ranged {
        params.extend(range_params(args, now)?);
        client.post_form("/api/v1/query_range", &params)?
    } else {
        params.push(("time", api_seconds(parse_time(&args.time, now)?)));
        client.post_form("/api/v1/query", &params)?
    };
    for kind in ["warnings", "infos"] {
        for note in answer.json[kind].as_array().into_iter().flatten() {
            eprintln!("{}: {}", kind.trim_end_matches('s'), note.as_str().unwrap_or_default());
        }
    }
    match args.format {
        Format::Json => println!("{}", answer.text),
        _ if args.explain => {
            let plan = explain::tree(&answer.json["data"]["explain"]).ok_or_else(foreign)?;
            print!("{plan}");
        }
        Format::Csv => print!("{}", as_csv(&rows(&answer.json["data"])?)),
        Format::Table => print!("{}", as_table(&rows(&answer.json["data"])?)),
    }
    Ok(())
}

fn range_params(args: &QueryArgs, now: i64) -> Result<Vec<(&'static str, String)>, Failure> {
    let time = |text: &Option<String>| text.as_deref().map(|t| parse_time(t, now)).transpose();
    let end = time(&args.end)?.unwrap_or(now);
    let start = time(&args.start)?.unwrap_or(end.saturating_sub(RANGE_DEFAULT));
    let mut params = vec![("start", api_seconds(start)), ("end", api_seconds(end))];
    if args.raw {
        return Ok(params);
    }
    let step = match &args.step {
        // A bare number is seconds, as in the HTTP API.
        Some(text) => text.clone(),
        None => format_duration(default_step(end.saturating_sub(start))),
    };
    params.push(("step", step));
    Ok(params)
}

/// A minute, or the first rounder step that keeps a long range within the points the server gives.
fn default_step(range: i64) -> i64 {
    ["1m", "5m", "15m", "1h", "6h", "1d", "7d", "30d", "365d"]
        .iter()
        .filter_map(|text| parse_duration(text).ok())
        .find(|step| range / step < RANGE_POINTS_MAX)
        .unwrap_or(STEP_DEFAULT)
}

/// One value of an answer.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    labels: Labels,
    time: String,
    value: String,
}

/// The values of an answer's `data`, series after series.
fn rows(data: &Value) -> Result<Vec<Row>, Failure> {
    let result = &data["result"];
    match data["resultType"].as_str() {
        Some("scalar" | "string") => Ok(vec![row(Labels::empty(), result).ok_or_else(foreign)?]),
        Some(kind @ ("vector" | "matrix")) => {
            let mut rows = Vec::new();
            for series in result.as_array().ok_or_else(foreign)? {
                let labels = labels(&series["metric"]).ok_or_else(foreign)?;
                let first = rows.len();
                for key in [["value", "values"], ["histogram", "histograms"]] {
                    let found = match kind {
                        "vector" => series.get(key[0]).map(std::slice::from_ref),
                        _ => series.get(key[1]).and_then(Value::as_array).map(Vec::as_slice),
                    };
                    for value in found.unwrap_or_default() {
                        rows.push(row(labels.clone(), value).ok_or_else(foreign)?);
                    }
                }
                if rows.len() == first {
                    return Err(foreign());
                }
            }
            Ok(rows)
        }
        _ => Err(foreign()),
    }
}

fn foreign() -> Failure {
    Failure::new("the server's answer has a form that this version cannot show")
}

fn row(labels: Labels, pair: &Value) -> Option<Row> {
    let seconds = pair.get(0)?.as_f64()?;
    // The server writes milliseconds; a float holds them exactly enough to be rounded back.
    let millis = (seconds * 1_000.0).round() as i64;
    let time = format_time(millis.saturating_mul(1_000_000));
    let value = match pair.get(1)? {
        Value::String(text) => text.clone(),
        histogram => format!(
            "count {}, sum {}",
            histogram.get("count")?.as_str()?,
            histogram.get("sum")?.as_str()?
        ),
    };
    Some(Row { labels, time, value })
}

fn labels(metric: &Value) -> Option<Labels> {
    let pairs = metric.as_object()?.iter();
    let pairs: Option<Vec<(&str, &str)>> =
        pairs.map(|(name, value)| Some((name.as_str(), value.as_str()?))).collect();
    Labels::from_pairs(pairs?).ok()
}

fn as_table(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "no results\n".to_owned();
    }
    let mut series = 0;
    let mut previous = None;
    let cells = rows.iter().map(|row| {
        let first = previous != Some(&row.labels);
        series += u64::from(first);
        previous = Some(&row.labels);
        let name = if first { row.labels.to_string() } else { String::new() };
        vec![name, row.time.clone(), row.value.clone()]
    });
    let cells: Vec<Vec<String>> = cells.collect();
    let text = table(&["SERIES", "TIME (UTC)", "VALUE"], &[2], &cells);
    format!("{text}\n{}, {}\n", counted(series, "series"), counted(rows.len() as u64, "samples"))
}

fn as_csv(rows: &[Row]) -> String {
    let names: BTreeSet<&str> =
        rows.iter().flat_map(|row| row.labels.iter().map(|(name, _)| name)).collect();
    let mut text = csv::line(["time", "value"].into_iter().chain(names.iter().copied()));
    for row in rows {
        let labels = names.iter().map(|name| row.labels.get(name).unwrap_or(""));
        text.push_str(&csv::line(
            [row.time.as_str(), row.value.as_str()].into_iter().chain(labels),
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn matrix() -> Vec<Row> {
        rows(&json!({"resultType": "matrix", "result": [
            {"metric": {"__name__": "up", "job": "a,b"}, "values": [[1.5, "1"], [2.5, "NaN"]]},
            {"metric": {"__name__": "up"}, "values": [[1.5, "0.25"]]},
        ]}))
        .unwrap()
    }

    #[test]
    fn a_table_names_each_series_once() {
        assert_eq!(
            as_table(&matrix()),
            "SERIES         TIME (UTC)                VALUE\n\
             up{job=\"a,b\"}  1970-01-01T00:00:01.500Z      1\n\
             \u{20}              1970-01-01T00:00:02.500Z    NaN\n\
             up             1970-01-01T00:00:01.500Z   0.25\n\
             \n2 series, 3 samples\n"
        );
    }

    #[test]
    fn csv_has_a_column_per_label() {
        assert_eq!(
            as_csv(&matrix()),
            "time,value,__name__,job\n\
             1970-01-01T00:00:01.500Z,1,up,\"a,b\"\n\
             1970-01-01T00:00:02.500Z,NaN,up,\"a,b\"\n\
             1970-01-01T00:00:01.500Z,0.25,up,\n"
        );
    }

    #[test]
    fn scalars_strings_and_nothing_are_shown() {
        let one = rows(&json!({"resultType": "scalar", "result": [1, "2"]})).unwrap();
        assert_eq!(one.len(), 1);
        let none = rows(&json!({"resultType": "vector", "result": []})).unwrap();
        assert_eq!(as_table(&none), "no results\n");
        assert!(rows(&json!({"resultType": "sculpture"})).is_err());
    }

    #[test]
    fn long_ranges_get_longer_steps() {
        assert_eq!(default_step(RANGE_DEFAULT), STEP_DEFAULT);
        assert_eq!(default_step(30 * 24 * RANGE_DEFAULT), 5 * STEP_DEFAULT);
        assert!(i64::MAX / default_step(i64::MAX) < RANGE_POINTS_MAX);
    }
}
