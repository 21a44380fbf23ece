//! Scripts of PromQL with their expected answers, in the format of Prometheus' own (`.test`): series to
//! load, expressions to evaluate, and what must come out.
//!
//! Every statement runs over two sources: series in memory, and a database in a directory with the older
//! half of every series in blocks and the rest in the head. An instant query runs twelve times, as
//! Prometheus' runner does it: as written, pinned to its time by `@` and asked at five other times, and
//! each of these as the middle step of a range.
//!
//! ```
//! use timberline_promqltest::{Options, Script, Verdict, run};
//!
//! let script = Script::parse("load 1m\n  requests_total 0+60x10\n\n\
//!     eval instant at 10m rate(requests_total[5m])\n  {} 1\n")?;
//! let outcomes = run(&script, &Options::default())?;
//! assert!(matches!(outcomes[0].verdict, Verdict::Passed));
//! # Ok::<(), timberline_promqltest::ScriptError>(())
//! ```
//!
//! What this crate is not: no part of the server or the library; it is how they are tested.
//!
//! Invariant: a statement passes only if it passed over every source and in every repetition; one that
//! needs what is missing fails, and is left out only by name, with a reason, in a [`Skips`] list.

mod arithmetic;
mod compare;
mod custom_buckets;
mod error;
mod eval_statement;
mod expectation;
mod hints;
mod load_statement;
mod number;
mod pin;
mod repetitions;
mod run;
mod script;
mod sequence;
mod skips;
mod starts;
mod suite;
mod world;

pub use error::ScriptError;
pub use expectation::{Expectation, Text};
pub use run::{Options, Outcome, Verdict, run};
pub use script::{Command, Eval, Load, LoadedSample, LoadedSeries, Script, When};
pub use sequence::{Item, Line};
pub use skips::{Skip, Skips};
pub use suite::{Counts, run_file, run_files, scripts};

#[cfg(test)]
mod tests;
