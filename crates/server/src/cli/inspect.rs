//! `timberline inspect` and `timberline status`.

use serde_json::Value;
use timberline_model::{Labels, NANOS_PER_MILLI};

use super::{
    Failure,
    args::{Format, Inspect, InspectArgs, LabelsArgs, StatusArgs},
    client::Client,
    csv,
    local_time::format_time,
    table::{count, counted, size, table},
};

/// Looks at one thing.
pub(super) fn inspect(args: &InspectArgs) -> Result<(), Failure> {
    match &args.what {
        Inspect::Status(args) => status(args),
        Inspect::Health(args) => health(args),
        Inspect::Labels(args) => strings(args, "/api/v1/labels", "labels"),
        Inspect::LabelValues(args) => {
            let label: String = args.label.bytes().map(path_byte).collect();
            strings(&args.labels, &format!("/api/v1/label/{label}/values"), "values")
        }
        Inspect::Series(args) => series(&args.selectors, &args.common),
    }
}

/// A byte of a path's segment, percent-encoded unless it is plain.
fn path_byte(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

fn strings(args: &LabelsArgs, path: &str, what: &str) -> Result<(), Failure> {
    let client = Client::new(&args.common.server)?;
    let params: Vec<_> = args.matches.iter().map(|text| ("match[]", text.clone())).collect();
    let answer = client.get(path, &params)?;
    let found = answer.json["data"].as_array().cloned().unwrap_or_default();
    let texts = found.iter().filter_map(Value::as_str);
    match args.common.format {
        Format::Json => println!("{}", answer.text),
        Format::Csv => texts.for_each(|text| print!("{}", csv::line([text]))),
        Format::Table => {
            texts.for_each(|text| println!("{text}"));
            println!("\n{}", counted(found.len() as u64, what));
        }
    }
    Ok(())
}

fn series(selectors: &[String], args: &StatusArgs) -> Result<(), Failure> {
    let client = Client::new(&args.server)?;
    let params: Vec<_> = selectors.iter().map(|text| ("match[]", text.clone())).collect();
    let answer = client.post_form("/api/v1/series", &params)?;
    if args.format == Format::Json {
        println!("{}", answer.text);
        return Ok(());
    }
    let found = answer.json["data"].as_array().cloned().unwrap_or_default();
    for set in &found {
        let pairs = set.as_object().into_iter().flatten();
        let pairs = pairs.map(|(name, value)| (name.as_str(), value.as_str().unwrap_or("")));
        let labels = Labels::from_pairs(pairs).map_err(Failure::new)?.to_string();
        match args.format {
            Format::Csv => print!("{}", csv::line([labels.as_str()])),
            _ => println!("{labels}"),
        }
    }
    if args.format == Format::Table {
        println!("\n{}", counted(found.len() as u64, "series"));
    }
    Ok(())
}

/// Shows whether the server is well.
fn health(args: &StatusArgs) -> Result<(), Failure> {
    let client = Client::new(&args.server)?;
    let (status, answer) = client.get_any_status("/-/healthy")?;
    if args.format == Format::Json {
        println!("{}", answer.text);
    } else {
        println!("{}", health_line(&answer.json));
        for problem in answer.json["problems"].as_array().into_iter().flatten() {
            println!("  {}", problem.as_str().unwrap_or_default());
        }
    }
    if status == 200 {
        Ok(())
    } else {
        Err(Failure::new(format!("the server at {} is not healthy", client.base())))
    }
}

fn health_line(health: &Value) -> String {
    let text = |name: &str| health[name].as_str().unwrap_or("unknown").to_owned();
    format!("{}: {}", text("status"), text("message"))
}

/// Shows how the server is and how much it holds.
pub(super) fn status(args: &StatusArgs) -> Result<(), Failure> {
    let client = Client::new(&args.server)?;
    let answer = client.get("/api/v1/status/tsdb", &[])?;
    if args.format == Format::Json {
        println!("{}", answer.text);
        return Ok(());
    }
    let (_, health) = client.get_any_status("/-/healthy")?;
    let build = client.get("/api/v1/status/buildinfo", &[])?;
    let version = build.json["data"]["version"].as_str().unwrap_or("unknown").to_owned();
    let mut rows = vec![
        ("Server", format!("{} (Timberline {version})", client.base())),
        ("Health", health_line(&health.json)),
    ];
    rows.extend(status_rows(&answer.json["data"]));
    let cells: Vec<Vec<String>> =
        rows.into_iter().map(|(name, text)| vec![name.to_owned(), text]).collect();
    match args.format {
        Format::Csv => {
            for row in cells {
                print!("{}", csv::line(row.iter().map(String::as_str)));
            }
        }
        _ => print!("{}", table(&["", ""], &[], &cells)),
    }
    Ok(())
}

fn status_rows(data: &Value) -> Vec<(&'static str, String)> {
    let number = |name: &str| data[name].as_u64().unwrap_or(0);
    let time = |millis: &Value| {
        millis.as_i64().map(|millis| format_time(millis.saturating_mul(NANOS_PER_MILLI)))
    };
    let (samples, blocks) = (number("blockSamples"), number("blockBytes"));
    let per_sample = match samples {
        0 => String::new(),
        samples => format!(", {:.2} bytes per sample", blocks as f64 / samples as f64),
    };
    let head = &data["headStats"];
    let range = match (time(&head["minTime"]), time(&head["maxTime"])) {
        (Some(first), Some(last)) => format!("{first} to {last}"),
        _ => "nothing stored yet".to_owned(),
    };
    let top: Vec<String> = data["seriesCountByMetricName"]
        .as_array()
        .into_iter()
        .flatten()
        .take(5)
        .map(|entry| {
            let name = entry["name"].as_str().unwrap_or_default();
            format!("{name} ({})", count(entry["value"].as_u64().unwrap_or(0)))
        })
        .collect();
    let mut rows = vec![
        ("Series", count(number("totalSeries"))),
        (
            "Samples",
            format!(
                "{} ({} in memory, {} in blocks)",
                count(number("totalSamples")),
                count(number("headSamples")),
                count(samples)
            ),
        ),
        ("Time range", range),
        ("Memory", format!("{} of samples and labels", size(number("activeMemTableSize")))),
        ("Log", size(number("walSize"))),
        ("Blocks", format!("{} ({}{per_sample})", count(number("blockCount")), size(blocks))),
        ("Last flush", time(&data["lastFlushTime"]).unwrap_or_else(|| "none yet".to_owned())),
    ];
    if !top.is_empty() {
        rows.push(("Most series", top.join(", ")));
    }
    rows
}
