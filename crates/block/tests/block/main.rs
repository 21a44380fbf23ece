//! Blocks as their users see them: written, read back, damaged, and cut off by a crash.

mod crash;
mod damage;
mod forged;
mod golden;
mod queries;
mod round_trip;
mod support;
mod writer;
