//! Names that may have been meant.

use datafusion::common::utils::datafusion_strsim::levenshtein;
use timberline::Database;

use crate::tables::{WHOLE, metric_names};

/// Metrics that are looked through for a similar name.
const NAMES_MAX: usize = 100_000;
/// Names that are told.
const TOLD_MAX: usize = 3;

/// The name of a table that an error says is not there, without its schema.
pub(crate) fn missing_table(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("table '")?;
    let (name, rest) = rest.split_once('\'')?;
    rest.starts_with(" not found").then(|| name.rsplit('.').next().unwrap_or(name))
}

/// The names of tables of series that are closest to a name, in quotes; empty if none is close.
pub(crate) fn similar_names(database: &Database, name: &str) -> String {
    let mut names = metric_names(database).unwrap_or_default();
    names.truncate(NAMES_MAX);
    names.push(WHOLE.to_owned());
    let far = 1 + name.chars().count() / 4;
    let distance = |known: &String| {
        let distance = levenshtein(&known.to_lowercase(), &name.to_lowercase());
        (distance <= far).then_some(distance)
    };
    let mut near: Vec<(usize, String)> =
        names.into_iter().filter_map(|known| Some((distance(&known)?, known))).collect();
    near.sort();
    near.dedup();
    let quoted = near.into_iter().take(TOLD_MAX).map(|(_, known)| {
        let is_plain =
            known.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if is_plain { known } else { format!("\"{known}\"") }
    });
    quoted.collect::<Vec<_>>().join(", ")
}
