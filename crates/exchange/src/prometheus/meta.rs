//! `meta.json` of a Prometheus block (`docs/formats/prometheus-blocks.md`).

use serde::{Deserialize, Serialize};

/// The version that is read and written.
pub(crate) const VERSION: u32 = 1;
/// A hint in the meta of blocks of out-of-order samples, which say nothing about where the head
/// begins.
const OUT_OF_ORDER: &str = "from-out-of-order";

/// What a block is.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Meta {
    pub(crate) ulid: String,
    /// First instant, milliseconds.
    pub(crate) min_time: i64,
    /// Behind the last instant, milliseconds.
    pub(crate) max_time: i64,
    #[serde(default)]
    pub(crate) stats: Stats,
    #[serde(default)]
    pub(crate) compaction: Compaction,
    pub(crate) version: u32,
}

/// How much is in it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stats {
    #[serde(default)]
    pub(crate) num_samples: u64,
    #[serde(default)]
    pub(crate) num_series: u64,
    #[serde(default)]
    pub(crate) num_chunks: u64,
}

/// Where it comes from.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Compaction {
    #[serde(default)]
    pub(crate) level: u32,
    #[serde(default)]
    pub(crate) sources: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) parents: Vec<Parent>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) hints: Vec<String>,
}

/// A block that it was made of.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Parent {
    pub(crate) ulid: String,
}

impl Meta {
    pub(crate) fn is_out_of_order(&self) -> bool {
        self.compaction.hints.iter().any(|hint| hint == OUT_OF_ORDER)
    }
}
