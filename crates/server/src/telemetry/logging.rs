//! Log lines, to standard error.

use std::io::IsTerminal as _;

use crate::config::{LogFormat, LogLevel};

/// Starts the logger. Lines written before are lost, so this comes first.
pub(crate) fn start_logging(level: &LogLevel, format: LogFormat) {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(level.filter())
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // A logger that is there already stays: nothing is lost by keeping it.
    let _ = match format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
}
