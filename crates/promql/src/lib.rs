//! PromQL: parser and columnar evaluator.
//!
//! Text goes through [`parse`] to a type-checked tree of [`ast`], which is all the evaluator sees.
//! Knows the model only: series come from a `timberline_model::SeriesSource`.
//!
//! What this crate is not: it does no I/O and starts no threads of its own accord.
//!
//! Invariant: a tree made by [`parse`] obeys every rule of types, arities and matching, so the
//! evaluator never has to report that a query makes no sense.

pub mod ast;
mod functions;
mod parser;
mod print;

pub use ast::{Expr, ExprKind, Span, ValueType};
pub use functions::{FunctionSignature, function_signature, function_signatures};
pub use parser::{ParseError, parse};
