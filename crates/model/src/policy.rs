//! What a database does about duplicates, and when it says "written".

use std::{fmt, str::FromStr};

/// Which sample stays when a series gets two at the same instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DuplicatePolicy {
    /// The one that came last.
    #[default]
    Last,
    /// The one that came first.
    First,
    /// Both, in order of arrival.
    All,
    /// The first; the later one is refused with an error that names it. A repeat of the very same
    /// value is not refused, so that a sender may retry.
    Reject,
}

/// How far a write has come when it is acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Durability {
    /// In the operating system's page cache: survives the death of the process, not of the machine.
    Logged,
    /// On the disk (`fdatasync` has returned): survives a power cut.
    #[default]
    Synced,
}

/// A name that is not one of those known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} {name:?}: expected one of {expected}")]
pub struct UnknownPolicy {
    /// What was to be named.
    pub what: &'static str,
    /// What was given.
    pub name: String,
    /// The names that exist.
    pub expected: &'static str,
}

impl FromStr for DuplicatePolicy {
    type Err = UnknownPolicy;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "last" => Ok(Self::Last),
            "first" => Ok(Self::First),
            "all" => Ok(Self::All),
            "reject" => Ok(Self::Reject),
            _ => Err(UnknownPolicy {
                what: "duplicate policy",
                name: name.to_owned(),
                expected: "last, first, all, reject",
            }),
        }
    }
}

impl fmt::Display for DuplicatePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Last => "last",
            Self::First => "first",
            Self::All => "all",
            Self::Reject => "reject",
        })
    }
}

impl FromStr for Durability {
    type Err = UnknownPolicy;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "logged" => Ok(Self::Logged),
            "synced" => Ok(Self::Synced),
            _ => Err(UnknownPolicy {
                what: "durability",
                name: name.to_owned(),
                expected: "logged, synced",
            }),
        }
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Logged => "logged",
            Self::Synced => "synced",
        })
    }
}
