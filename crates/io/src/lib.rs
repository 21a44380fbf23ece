//! The outside world as traits, real and simulated: clock, random numbers, disk.
//!
//! What this crate is not: it knows nothing of logs, blocks or samples. Nothing above it touches
//! `std::fs`, `SystemTime` or a random generator directly, so that a whole database runs unchanged on
//! the simulated disk, clock and randomness of the tests.
//!
//! Invariant: an operation of [`Disk`] that returned `Ok` has had its documented effect, and what is
//! documented to survive a power cut does so on the simulated disk too.

mod clock;
mod disk;

pub use clock::{Clock, SystemClock};
pub use disk::{Disk, DirEntry, DiskFile, FileLock, Mapped};
