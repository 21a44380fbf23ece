//! The servers that are compared, one file each: how to start them, and what to ask them.
//!
//! Invariant: each runs with its defaults, except for what lets it listen here, keep the load and
//! answer at once.

mod peer;
mod prometheus;
mod timberline;
mod victoria_metrics;

pub(super) use peer::{Export, Pack, Peer};

/// All of them, ours first.
pub(super) const ALL: [Peer; 3] = [timberline::PEER, victoria_metrics::PEER, prometheus::PEER];
