//! Answers of two servers side by side.

use std::collections::BTreeMap;

use serde_json::Value;

/// How far numbers may lie apart, relative to their size.
const TOLERANCE: f64 = 1e-12;
/// How far sums and means of numbers around one may lie apart where those cancel out. Prometheus 2.42 added
/// up without keeping what rounding loses.
const CANCELLATION: f64 = 1e-14;

/// What came of a question.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A failure, in words.
    Failed(String),
    /// A number, or series in words with their points.
    Series(BTreeMap<String, Vec<(f64, f64)>>),
}

impl Answer {
    /// Reads the body of an answer.
    pub(crate) fn read(status: u16, body: &str) -> Self {
        let answer: Value = serde_json::from_str(body).unwrap_or_else(|error| {
            panic!("an answer with status {status} is no JSON: {error}: {body}")
        });
        if answer["status"] != "success" {
            return Self::Failed(answer["error"].as_str().unwrap_or("").to_owned());
        }
        let result = &answer["data"]["result"];
        if answer["data"]["resultType"] == "scalar" {
            return Self::Series(BTreeMap::from([("scalar".to_owned(), vec![point(result)])]));
        }
        let series = result.as_array().expect("a list of series").iter().map(|series| {
            let points = match series.get("values") {
                Some(values) => values.as_array().expect("points").iter().map(point).collect(),
                None => vec![point(&series["value"])],
            };
            (series["metric"].to_string(), points)
        });
        Self::Series(series.collect())
    }

    /// How many points it has.
    pub(crate) fn points(&self) -> usize {
        match self {
            Self::Failed(_) => 0,
            Self::Series(series) => series.values().map(Vec::len).sum(),
        }
    }

    /// What differs, if anything does. That both fail is enough.
    pub(crate) fn difference(&self, other: &Self) -> Option<String> {
        let (ours, theirs) = match (self, other) {
            (Self::Failed(_), Self::Failed(_)) => return None,
            (Self::Series(ours), Self::Series(theirs)) => (ours, theirs),
            // Partners that a comparison filters out did not count before.
            (Self::Failed(error), _) if error.starts_with("multiple matches for labels") => {
                return None;
            }
            (Self::Failed(error), _) => return Some(format!("only we fail: {error}")),
            (_, Self::Failed(error)) => return Some(format!("only they fail: {error}")),
        };
        for name in ours.keys().chain(theirs.keys()) {
            match (ours.get(name), theirs.get(name)) {
                (Some(ours), Some(theirs)) => {
                    if let Some(difference) = points_differ(ours, theirs) {
                        return Some(format!("{name}: {difference}"));
                    }
                }
                (Some(ours), None) => return Some(format!("only we have {name}: {ours:?}")),
                (_, theirs) => return Some(format!("only they have {name}: {theirs:?}")),
            }
        }
        None
    }
}

fn point(value: &Value) -> (f64, f64) {
    let text = value[1].as_str().expect("a value");
    let number = text.parse::<f64>().unwrap_or_else(|_| panic!("{text:?} is no number"));
    (value[0].as_f64().expect("a time"), number)
}

fn points_differ(ours: &[(f64, f64)], theirs: &[(f64, f64)]) -> Option<String> {
    if ours.len() != theirs.len() {
        return Some(format!(
            "{} points and {}: {ours:?} and {theirs:?}",
            ours.len(),
            theirs.len()
        ));
    }
    let mut pairs = ours.iter().zip(theirs);
    let (ours, theirs) = pairs.find(|(a, b)| a.0 != b.0 || !same(a.1, b.1))?;
    Some(format!("{ours:?} and {theirs:?}"))
}

fn same(a: f64, b: f64) -> bool {
    let size = a.abs().max(b.abs());
    a == b || a.is_nan() && b.is_nan() || (a - b).abs() <= (TOLERANCE * size).max(CANCELLATION)
}
