//! Local names of series.

use std::fmt;

/// A number that stands for one series within one database, and never for another.
///
/// It is meaningless outside the database that gave it out. Between databases, and in blocks, a
/// series is its [`Labels`](crate::Labels).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesRef(pub u64);

impl fmt::Display for SeriesRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
