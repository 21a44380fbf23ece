//! What a rule finds.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// One place that breaks a rule, or is about to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Finding {
    path: PathBuf,
    /// Counted from one; zero when the whole file is meant.
    line: usize,
    message: String,
    warning: bool,
}

impl Finding {
    pub(super) fn error(path: &Path, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into(), warning: false }
    }

    pub(super) fn warning(path: &Path, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line: 0, message: message.into(), warning: true }
    }

    /// Whether it does not fail the check.
    pub(super) fn is_warning(&self) -> bool {
        self.warning
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = if self.warning { "warning" } else { "error" };
        write!(f, "{severity}: {}", self.path.display())?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        write!(f, ": {}", self.message)
    }
}
