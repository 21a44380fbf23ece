//! Writing Prometheus blocks.

mod block;
mod export;
mod index;

pub(crate) use export::export;
