//! How a function says that it was called wrongly.

use datafusion::error::DataFusionError;

/// A refused call: `function: what is wrong`. The session finds the call's place by the function's name, so
/// every message has this form.
pub(crate) fn refused(function: &str, what: impl std::fmt::Display) -> DataFusionError {
    DataFusionError::Plan(format!("{function}: {what}"))
}

/// The refusal of a wrong number of arguments.
pub(crate) fn wrong_count(function: &str, usage: &str, given: usize) -> DataFusionError {
    let noun = if given == 1 { "argument" } else { "arguments" };
    refused(function, format_args!("write {usage}; {given} {noun} given"))
}
