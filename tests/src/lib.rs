//! What the tests of the whole house share: starting the real programs and talking to them.
//!
//! What it is not: tests. Those lie in the folders beside `src`, one for each thing that may happen
//! to a database.

mod client;
mod exporter;
mod history;
mod process;
mod prometheus;
mod remote_read;
mod server;
mod weed;

pub use client::{Client, WriteError};
pub use exporter::Exporter;
pub use history::{Expected, History, value_of};
pub use process::{Process, free_port, wait_until};
pub use prometheus::{NodeExporter, Prometheus};
pub use remote_read::{Essence, Form, ReadSeries, read};
pub use server::Server;
pub use weed::{BUCKET, Weed};

/// A number from the environment, or a default: how often to repeat what cannot be repeated too often.
///
/// # Panics
/// When the variable is set and is no number.
#[must_use]
pub fn count_from_env(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")),
        Err(_) => default,
    }
}

/// Whether the server was built with SQL (`cargo xtask test --without-sql` builds one that was not). A test
/// that needs it says that it is left out.
#[must_use]
pub fn has_sql() -> bool {
    let has = std::env::var_os("TIMBERLINE_WITHOUT_SQL").is_none();
    if !has {
        eprintln!("left out: the server was built without SQL");
    }
    has
}
