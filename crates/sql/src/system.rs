//! Tables about the database rather than in it: schema `system`, and names that no metric has.

mod queries;
mod schema;
mod tables;

pub(crate) use queries::{Queries, Running};
pub(crate) use schema::{SYSTEM, SystemSchema};
