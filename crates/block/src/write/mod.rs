//! Writing a block: series after series, in the order of their labels.
//!
//! Chunks go straight to their file, and so do the parts of the index that list them. What is held
//! until the end is a few bytes per label of each series, and every distinct value once.

mod block_writer;
mod index;
mod sink;
mod symbols;

pub use block_writer::BlockWriter;
