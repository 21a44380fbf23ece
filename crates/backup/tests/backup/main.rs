//! Backups on simulated disks: whole or not there, wherever the power is cut.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod interrupted;
mod pruning;
mod round_trip;
mod support;
