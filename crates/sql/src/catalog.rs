//! What names in statements mean: databases as catalogs, and the schemas in each.

mod database;
mod information;
mod list;
mod public;
mod similar;

pub(crate) use list::Catalogs;
pub(crate) use similar::{missing_table, similar_names};

/// The schema of the tables of series; names without a schema are looked up in it.
pub(crate) const PUBLIC: &str = "public";
