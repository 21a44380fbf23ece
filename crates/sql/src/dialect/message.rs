//! DataFusion's errors in words for whoever wrote the statement.

use datafusion::error::DataFusionError;

/// What DataFusion puts before messages to say which of its parts found the error.
const PREFIXES: [&str; 9] = [
    "Error during planning: ",
    "Execution error: ",
    "SQL error: ",
    "Schema error: ",
    "External error: ",
    "Resources exhausted: ",
    "IO error: ",
    "Arrow error: ",
    "This feature is not implemented: ",
];

/// What Arrow says before a sum or product that does not fit into its type.
const OVERFLOW: &str = "Arithmetic overflow: Overflow happened on: ";

/// Comes before the message of a function that refuses its arguments' types, and after it.
const COERCION: [&str; 2] = [
    "user-defined coercion failed with: ",
    ". No function matches the given name and argument types",
];

/// The message without DataFusion's inner life.
pub(crate) fn plain(error: &DataFusionError) -> String {
    let message = error.strip_backtrace();
    let mut rest = message.as_str();
    // Of errors that wrap each other, the innermost says what is wrong.
    if let Some((_, cause)) = rest.rsplit_once("\ncaused by\n") {
        rest = cause;
    }
    if let Some((_, refusal)) = rest.split_once(COERCION[0]) {
        rest = refusal.split_once(COERCION[1]).map_or(refusal, |(refusal, _)| refusal);
    }
    while let Some(shorter) = PREFIXES.iter().find_map(|prefix| rest.strip_prefix(prefix)) {
        rest = shorter;
    }
    if let Some(what) = rest.strip_prefix(OVERFLOW) {
        return format!("number out of range: {what}");
    }
    match syntax(rest) {
        Some(what) => format!("syntax error: {what}"),
        None => rest.to_owned(),
    }
}

/// What the parser says, without the place, which is told apart.
fn syntax(message: &str) -> Option<String> {
    let quoted = ["ParserError(\"", "TokenizerError(\""]
        .iter()
        .find_map(|kind| message.strip_prefix(kind)?.strip_suffix("\")"))?;
    let what = quoted.rsplit_once(" at Line: ").map_or(quoted, |(what, _)| what);
    Some(what.replace("\\\"", "\"").replace("\\'", "'"))
}
