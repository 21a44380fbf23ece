//! x
mod config;
mod net;
mod telemetry;
fn main() {}
