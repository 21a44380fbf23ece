//! The simulated disk keeps what `Disk` promises and no more.

mod faults;
mod names;
mod points;
mod power;

use std::path::Path;

use super::*;
use crate::disk::{Disk, DiskFile};

/// How many seeds the tests of chance try.
const SEEDS: u64 = 300;

fn path(name: &str) -> &Path {
    Path::new(name)
}

/// A file whose name and bytes are durable.
fn durable_file(disk: &SimDisk, name: &str, bytes: &[u8]) -> Box<dyn DiskFile> {
    let file = disk.create(path(name), 0).unwrap();
    file.write_all_at(bytes, 0).unwrap();
    file.sync_data().unwrap();
    disk.sync_dir(path("")).unwrap();
    file
}
