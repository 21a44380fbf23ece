//! The columnar engine: head, commit, flush, manifest, recovery and scan.

pub mod head;
mod merge;
