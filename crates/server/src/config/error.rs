//! Why a configuration cannot be used. Every message says where the culprit stands.

use std::path::PathBuf;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{}:{line}:{column}: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in characters.
        column: usize,
        /// The parser's words.
        reason: String,
    },
    /// A key that the tree does not have.
    #[error("{}:{line}:{column}: unknown key `{key}`{}", path.display(), meant(*nearest))]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in characters.
        column: usize,
        /// The key as written, with its section.
        key: String,
        /// What was probably meant.
        nearest: Option<&'static str>,
    },
    /// A value that its key cannot take.
    #[error("{origin}: {reason}")]
    Value {
        /// Where the value stands: a place in the file, a variable or a flag.
        origin: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Values that do not go together.
    #[error("{reason}")]
    Contradiction {
        /// Which, and what to do.
        reason: String,
    },
}

fn meant(nearest: Option<&'static str>) -> String {
    match nearest {
        Some(key) => format!(" (did you mean `{key}`?)"),
        None => " (`timberline start --print-config` lists all keys)".to_owned(),
    }
}
