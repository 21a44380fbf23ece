//! The list of statements that are left out, each with its reason.
//!
//! A line names the script without its ending, the statement's first line as it stands there, and the
//! reason, with tabs between them. So an entry stays right when lines move.

use std::collections::BTreeMap;

use crate::{error::ScriptError, script::Eval};

/// Statements that are left out.
#[derive(Clone, Debug, Default)]
pub struct Skips {
    reasons: BTreeMap<(String, String), String>,
}

/// One that is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skip<'a> {
    /// The script without its ending.
    pub script: &'a str,
    /// The statement's first line.
    pub statement: &'a str,
    /// Why.
    pub reason: &'a str,
}

impl Skips {
    /// Reads a list. Empty lines and those that begin with `#` say nothing.
    ///
    /// # Errors
    /// A line without one of its three parts.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let mut reasons = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let fail = |reason| ScriptError::Skips { line: index + 1, reason };
            let mut parts = line.splitn(3, '\t').map(str::trim);
            let mut part =
                |reason| parts.next().filter(|part| !part.is_empty()).ok_or(fail(reason));
            let script = part("no script")?.to_owned();
            let statement = part("no statement")?.to_owned();
            let reason = part("no reason")?.to_owned();
            reasons.insert((script, statement), reason);
        }
        Ok(Self { reasons })
    }

    /// Why a statement of a script is left out, if it is.
    #[must_use]
    pub fn reason(&self, script: &str, eval: &Eval) -> Option<&str> {
        self.reasons.get(&(script.to_owned(), eval.text.clone())).map(String::as_str)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Skip<'_>> {
        let all = self.reasons.iter();
        all.map(|((script, statement), reason)| Skip { script, statement, reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skip_needs_a_reason() {
        let list = "# why\n\nup\teval instant at 0 up\tnothing scrapes here\n";
        let skips = Skips::parse(list).unwrap();
        let found: Vec<_> = skips.iter().collect();
        assert_eq!(found[0].reason, "nothing scrapes here");
        let error = Skips::parse("up\teval instant at 0 up\n").unwrap_err();
        assert_eq!(error.to_string(), "skip list, line 1: no reason");
        assert!(Skips::parse("up").is_err());
    }
}
