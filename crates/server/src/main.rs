//! x
mod clock;
mod config;
mod error;
mod http;
mod net;
mod telemetry;
fn main() {}
