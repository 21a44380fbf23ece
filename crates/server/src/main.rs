//! The `timberline` binary: a time series database's server, and its command line client.
//!
//! Only this crate knows HTTP status codes, sockets, configuration files and signals. The data are in
//! the crate `timberline`, the wire formats in `timberline-protocol`.

mod allocator;
mod cli;
mod clock;
mod config;
mod error;
mod http;
mod net;
mod sql;
mod telemetry;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    allocator::give_back_early();
    match cli::run(cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("timberline: {failure}");
            failure.code()
        }
    }
}
