//! The head: the newest samples in memory, and the dictionary of all series.
//!
//! What arrives is found at once: in order or out of order, compressed as it comes. The head is
//! divided into [`SHARD_COUNT`] shards by the hash of the labels. A shard has two halves with a lock
//! each: the *catalog* (who the series are: labels, postings), which changes only when a series is
//! new, and the *samples* (open and sealed chunks), which change with every write. So a query that
//! runs a regular expression over a dictionary does not hold up writes to known series.
//!
//! What the head is not: durable. It holds what the log holds since the last flush, and everything in
//! it can be made again from the dictionary and the log. It never touches a disk.
//!
//! Invariants: a series keeps its number until it leaves, which it does only without samples, and no
//! number is given twice; chunks of an epoch that
//! has ended never change; at one instant, an in-order sample is older than every out-of-order one.

mod append;
mod apply;
mod cardinality;
mod catalog;
mod define;
mod dictionary;
mod distinct;
mod doubt;
mod epoch;
mod exemplars;
mod extra;
mod fingerprint;
mod flush;
mod group;
mod heavy;
mod held;
mod histograms;
mod index;
mod interned;
mod label_queries;
mod late;
mod ledger;
mod place;
mod postings;
mod read;
mod resolve;
mod retire;
mod root;
mod runs;
mod sealed;
mod select;
mod series;
mod shard;
mod slots;
mod starts;
mod stats;
mod table;

#[cfg(test)]
mod tests;

pub use apply::{HeadExemplar, HeadHistogram, HeadSample, Refused, ShardBatch};
pub use cardinality::HeadCardinality;
pub use define::DefineError;
pub use epoch::Epoch;
pub use exemplars::ExemplarFate;
pub use held::SampleValue;
pub use place::{SHARD_COUNT, SeriesPlace, ShardIndex};
pub use resolve::Resolution;
pub use retire::IdleSeries;
pub use root::{Head, HeadOptions};
pub use stats::HeadStats;
