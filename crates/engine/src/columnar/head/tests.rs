//! Tests of the head as a whole.

mod concurrency;
mod dictionary;
mod epochs;
mod model;
mod policies;
mod resolving;
mod support;
