//! Whether two servers said the same.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

/// Sums are made in another order by each server.
const TOLERANCE: f64 = 1e-9;

/// An answer: the values of each series by its labels, or texts.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Answer(BTreeMap<String, Vec<(f64, f64)>>);

impl Answer {
    /// Reads the body of an answer of the Prometheus API.
    pub(super) fn read(body: &[u8]) -> Result<Self> {
        let body: Value = serde_json::from_slice(body)?;
        let mut series = BTreeMap::new();
        let list = match &body["data"] {
            Value::Array(texts) => {
                let texts = texts.iter().map(|text| (text.to_string(), Vec::new()));
                return Ok(Self(texts.collect()));
            }
            data => data["result"].as_array().context("no result")?,
        };
        for one in list {
            let labels = one["metric"].as_object().context("no labels")?;
            let labels: BTreeMap<_, _> = labels.iter().collect();
            let points = match &one["values"] {
                Value::Array(points) => points.iter().map(point).collect::<Result<_>>()?,
                _ => vec![point(&one["value"])?],
            };
            series.insert(serde_json::to_string(&labels)?, points);
        }
        Ok(Self(series))
    }

    /// How many series or texts there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether another server said this too.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self.0.iter().zip(&other.0).all(|((labels, a), (others, b))| {
                let same = |((at, x), (other_at, y)): (&(f64, f64), &(f64, f64))| {
                    at == other_at && ((x - y).abs() <= TOLERANCE * x.abs().max(y.abs()) || x == y)
                };
                labels == others && a.len() == b.len() && a.iter().zip(b).all(same)
            })
    }
}

fn point(point: &Value) -> Result<(f64, f64)> {
    let value = point[1].as_str().context("no value")?;
    Ok((point[0].as_f64().context("no time")?, value.parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(value: &str) -> Answer {
        let body = format!(
            r#"{{"data":{{"result":[{{"metric":{{"a":"b"}},"values":[[1,"1"],[2,"{value}"]]}}]}}}}"#
        );
        Answer::read(body.as_bytes()).unwrap()
    }

    #[test]
    fn sums_of_another_order_agree_and_other_values_do_not() {
        assert!(answer("3").agrees(&answer("3.0000000001")));
        assert!(!answer("3").agrees(&answer("3.1")));
        assert!(!answer("3").agrees(&Answer::default()));
        let texts = Answer::read(br#"{"data":["x","y"]}"#).unwrap();
        assert_eq!(texts.len(), 2);
        assert!(!texts.agrees(&Answer::read(br#"{"data":["x","z"]}"#).unwrap()));
    }
}
