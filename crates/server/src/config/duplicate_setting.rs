//! The duplicate policy as configured: one of the policies, or what the directory has.

use std::{fmt, str::FromStr};

use timberline_model::DuplicatePolicy;

/// A policy, or `None` to keep the directory's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DuplicateSetting(pub(crate) Option<DuplicatePolicy>);

impl FromStr for DuplicateSetting {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "keep" => Ok(Self(None)),
            name => name.parse().map(|policy| Self(Some(policy))).map_err(
                |_: timberline_model::UnknownPolicy| {
                    format!(
                        "unknown duplicate policy {name:?}: \
                         expected one of keep, last, first, all, reject"
                    )
                },
            ),
        }
    }
}

impl fmt::Display for DuplicateSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(policy) => policy.fmt(f),
            None => f.write_str("keep"),
        }
    }
}
