//! Blocks as their users see them: written, read back, damaged, and cut off by a crash.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod crash;
mod damage;
mod forged;
mod golden;
mod pages;
mod queries;
mod round_trip;
mod support;
mod writer;
