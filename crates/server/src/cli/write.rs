//! `timberline write`.

use serde_json::json;
use timberline_promql::parse_series;

use super::{
    Failure,
    args::WriteArgs,
    client::Client,
    local_time::{format_time, parse_time},
};
use crate::clock::now_millis;

/// Stores one sample.
pub(super) fn write(args: &WriteArgs) -> Result<(), Failure> {
    let labels = parse_series(&args.series).map_err(|error| {
        Failure::usage(format!(
            "not a series: {}: {error} (expected such as cpu_usage{{host=\"server1\"}})",
            args.series
        ))
    })?;
    let value: f64 = args.value.parse().map_err(|_| {
        Failure::usage(format!("not a number: {:?} (expected such as 0.85, -3, NaN)", args.value))
    })?;
    let time = format_time(parse_time(&args.time, now_millis())?);
    let pairs: Vec<_> =
        labels.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    // Values go as text, as JSON has no NaN and no infinities.
    let body = json!({"timeseries": [{
        "labels": pairs,
        "samples": [{"timestamp": time, "value": value_text(value)}],
    }]});
    Client::new(&args.server)?.post_json("/api/v1/write", &body)?;
    println!("wrote {labels} {} at {time}", value_text(value));
    Ok(())
}

fn value_text(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() }
    } else {
        value.to_string()
    }
}
