//! The outside world as traits, real and simulated: clock and disk.
//!
//! What this crate is not: it knows nothing of logs, blocks or samples. Nothing above it touches
//! `std::fs` or `SystemTime` directly, so that a whole database runs unchanged on the simulated disk
//! and clock of the tests.
//!
//! Invariant: an operation of [`Disk`] that returned `Ok` has had its documented effect, and what is
//! documented to survive a power cut does so on the simulated disk too.

mod background;
mod clock;
mod disk;
mod fail_point;
mod mmap;
mod overlay;
mod random;
mod real;
mod sim;

pub use background::stand_behind;
pub use clock::{Clock, SimClock, SystemClock};
pub use disk::{DirEntry, Disk, DiskFile, FileLock, Mapped};
pub use fail_point::{FAIL_POINT_FILE_VARIABLE, FAIL_POINT_VARIABLE, FailPoint, FailPointError};
pub use overlay::OverlayDisk;
pub use random::Random;
pub use real::RealDisk;
pub use sim::{Death, Fault, SimDisk};
