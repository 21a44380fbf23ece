//! Reading a block.
//!
//! Opening maps the files and reads only their ends and the table of label names. Everything else is
//! verified granule by granule, and parsed, when it is first asked for.

mod block;
mod bodies;
mod data;
mod dictionary;
mod granules;
mod index;
mod label_lists;
mod label_queries;
mod names;
mod postings;
mod reading;
mod salvage;
mod samples;
mod sections;
mod select;
mod series;
mod strict;
mod timelines;
mod verify;

pub use block::Block;
pub use bodies::ChunkMeta;
pub use label_lists::LabelReader;
pub use label_queries::LabelCount;
pub use reading::Reading;
pub use salvage::{BlockOutline, SalvagedSeries};
pub use sections::Section;
pub use series::BlockSeries;
