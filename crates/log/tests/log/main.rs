//! The log as its users see it, on the simulated disk.

#![expect(clippy::unwrap_used, reason = "a step of a test that fails is a test that fails")]

mod damage;
mod full_disk;
mod golden;
mod readers;
mod simulation;
mod support;
mod threads;
