//! Writing a block: series after series, in the order of their labels.
//!
//! Pages go straight to their file, and so do the parts of the index that list them. What is held
//! until the end is 8 bytes for each series, a few bytes for each label of each distinct set of them,
//! every distinct value once, and a few bytes for each timeline; besides, the timelines that the next series may share, up to a limit.

mod block_writer;
mod index;
mod series;
mod sink;
mod symbols;
mod tails;
mod timelines;

pub use block_writer::{BlockWriter, FloatCodec};
