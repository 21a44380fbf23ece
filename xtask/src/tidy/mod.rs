//! The house rules that no compiler checks, each in a module of its own.
//!
//! What it is not: a linter of Rust. What rustc and clippy can say is left to them.
//!
//! Invariant: a rule is a pure function of a [`Tree`], so that its tests show it failing on a bad one.

mod allow;
mod finding;
mod floors;
mod formats;
mod length;
mod links;
mod masked;
mod module_docs;
mod names;
mod run;
mod tree;
mod unfinished;
mod unsafe_code;

use finding::Finding;
pub(crate) use run::run;
use tree::Tree;
