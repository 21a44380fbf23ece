//! Asks a server how much of the load it has.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::load::{FIRST_METRIC, LoadOptions, STEP_SECONDS};
use crate::http;

/// Checks that one series of the first and last host, and one metric of all hosts, have all samples.
pub(super) fn check(port: u16, load: &LoadOptions) -> Result<()> {
    let range = load.samples as u64 * STEP_SECONDS;
    for host in [0, load.hosts - 1] {
        let query =
            format!("count_over_time({FIRST_METRIC}{{hostname=\"host_{host}\"}}[{range}s])");
        expect(port, &query, load, load.samples)?;
    }
    let query = format!("sum(count_over_time({FIRST_METRIC}[{range}s]))");
    expect(port, &query, load, load.samples * load.hosts)
}

fn expect(port: u16, query: &str, load: &LoadOptions, expected: usize) -> Result<()> {
    let time = load.end_ms as f64 / 1000.0;
    let path = format!("/api/v1/query?query={}&time={time}", http::escaped(query));
    let answer = http::get(port, &path)?;
    let text = String::from_utf8_lossy(&answer.body);
    if answer.status != 200 {
        bail!("{query}: answer {}: {text}", answer.status);
    }
    let found = single(&text).with_context(|| format!("{query}: {text}"))?;
    if found != expected as f64 {
        bail!("{query} is {found} instead of {expected}");
    }
    Ok(())
}

/// The value of the only series in an answer to an instant query.
fn single(text: &str) -> Result<f64> {
    let answer: Value = serde_json::from_str(text)?;
    let result = answer["data"]["result"].as_array().context("no result")?;
    let [series] = result.as_slice() else { bail!("{} series instead of one", result.len()) };
    let value = series["value"][1].as_str().context("no value")?;
    Ok(value.parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_value_is_taken_out_of_an_answer() {
        let one = r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"42"]}]}}"#;
        assert_eq!(single(one).unwrap(), 42.0);
        assert!(single(r#"{"data":{"result":[]}}"#).is_err());
        assert!(single("<html>").is_err());
    }
}
