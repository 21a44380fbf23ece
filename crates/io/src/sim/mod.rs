//! A disk in memory that loses, tears and corrupts what a real one may, repeatably by seed.
//!
//! It keeps two states: what the processes see (the page cache) and what a power cut would leave.
//! `sync_data` carries a file's bytes from the first to the second, `sync_dir` carries names. What
//! was not carried over is decided by chance when the power is cut, sector by sector and, within each
//! directory, as a prefix of its pending changes.
//!
//! What it is not: a model of one file system. It promises only what [`Disk`](crate::Disk) promises,
//! so a program that survives on it does not lean on the kindness of any of them. In particular a new
//! file is lost with its directory when the parent of that directory was never synced.
//!
//! Invariant: two disks of one seed given the same operations in the same order are equal.

mod disk;
mod fault;
mod file;
mod namespace;
mod points;
mod sectors;
mod state;
#[cfg(test)]
mod tests;

pub use disk::SimDisk;
pub use fault::Fault;
pub use points::Death;
