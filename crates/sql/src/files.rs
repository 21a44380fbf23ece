//! Files that statements read as tables and that `COPY` writes.
//!
//! All of them lie in one directory, which whoever runs the engine names; without one, every file is refused.
//! `directory` decides which path a name means, `table` reads, `partial` and `writer` write.
//!
//! Invariant: no statement opens, makes or replaces anything outside of the directory, and what has the name
//! of a file is whole.

mod copy;
mod damage;
mod directory;
mod format;
mod functions;
mod partial;
mod schema;
mod table;
mod writer;

pub(crate) use copy::copy;
pub(crate) use directory::Files;
pub(crate) use format::{FileCompression, FileFormat, ReadOptions, WriteOptions, delimiter};
pub(crate) use functions::register_files;
pub(crate) use table::file_table;

#[cfg(test)]
mod tests;
