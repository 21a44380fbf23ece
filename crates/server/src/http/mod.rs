//! HTTP: routes, and what they make of requests. `docs/http-api.md` describes them for users.
//!
//! What it is not: it decodes no wire format (that is `timberline-protocol`) and holds no data.
//!
//! Invariants: blocking work (the database) runs on blocking threads, each kind of it under a limit
//! of its own; every error leaves as the Prometheus API's error JSON.

mod admin;
mod ask;
mod body;
mod body_memory;
mod cors;
mod described;
mod explain;
mod fair_queue;
mod features;
mod federate;
mod health;
mod index;
mod labels;
mod metrics_page;
mod middleware;
mod monitoring;
mod openapi;
mod params;
mod query;
mod query_text;
mod read;
mod router;
mod runtime;
mod samples_seen;
mod selector;
mod state;
mod status;
mod stored;
mod subscribe;
mod syntax_tree;
mod write;

pub(crate) use router::router;
pub(crate) use state::{App, compaction_rate_of, retention_of};
