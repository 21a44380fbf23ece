//! Continuous queries: `SUBSCRIBE TO SELECT ...`, from the tail of a database's log.
//!
//! A statement becomes a [`plan::Plan`]. With `GROUP BY` it is run by [`grouped::Grouped`], which keeps the open
//! [`windows::Windows`]; without, by [`rows::Rows`]. What it is not: no plan of DataFusion runs here, which has no
//! watermark and whose state dies with the process (see decision 0022).
//!
//! Invariant: each closed window is handed out once and in order, across resumes by an event's id.

mod condition;
mod event;
mod filter;
mod grouped;
mod literal;
mod number_map;
mod plan;
mod reading;
mod rows;
mod select;
mod statement;
mod stats;
mod subscription;
mod token;
mod windows;

pub use event::{Cell, Event, EventKind};
pub use statement::is_subscribe;
pub use subscription::Subscription;

#[cfg(test)]
mod tests;
