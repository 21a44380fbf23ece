//! Blocks of every version, written once and readable for ever.

use std::{fs, path::Path, sync::Arc};

use timberline_block::Block;
use timberline_io::{Disk, RealDisk};

use crate::{
    queries::ask,
    support::{Model, block_dir, example, labels, new_disk, ulid, write},
};

const FILES: [&str; 3] = ["chunks", "index", "meta.json"];

fn golden_dir() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/block-v1")
}

/// Run with `TIMBERLINE_WRITE_GOLDEN=1` when the format has a new version, into a new directory.
#[test]
fn the_writer_still_writes_the_golden_block() {
    let (_, disk) = new_disk(1);
    write(&disk, ulid(1), &example()).unwrap();
    for file in FILES {
        let written = disk.read(&block_dir(ulid(1)).join(file)).unwrap();
        let golden = golden_dir().join(file);
        if std::env::var_os("TIMBERLINE_WRITE_GOLDEN").is_some() && !golden.exists() {
            fs::create_dir_all(golden_dir()).unwrap();
            fs::write(&golden, &written).unwrap();
        }
        let stored = fs::read(&golden).unwrap();
        assert!(stored == written, "{file} is no longer written as in {}", golden.display());
    }
}

#[test]
fn the_golden_block_is_read() {
    let real: Arc<dyn Disk> = Arc::new(RealDisk);
    let (_, disk) = new_disk(1);
    write(&disk, ulid(1), &example()).unwrap();
    let right: Vec<String> = ask(disk.as_ref(), &block_dir(ulid(1)))
        .unwrap()
        .into_iter()
        .map(|answer| answer.unwrap())
        .collect();
    let golden: Vec<String> = ask(real.as_ref(), &golden_dir())
        .unwrap()
        .into_iter()
        .map(|answer| answer.unwrap())
        .collect();
    assert_eq!(golden, right);
    Block::open(real.as_ref(), &golden_dir()).unwrap().verify().unwrap();
}

/// The index of the example in `docs/formats/block.md`: the text before each `|` is hexadecimal.
#[test]
fn the_documented_index_is_what_is_written() {
    let (_, disk) = new_disk(1);
    let samples = vec![(1_000_000_000, 1.0), (1_015_000_000, 1.0), (1_030_000_000, 2.0)];
    let series = vec![(labels(&[("__name__", "up")]), vec![samples])];
    write(&disk, ulid(1), &Model { series }).unwrap();
    let written = disk.read(&block_dir(ulid(1)).join("index")).unwrap();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/formats/block.md");
    let page = fs::read_to_string(page).unwrap();
    let example = page.split("```hex\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let documented: Vec<u8> = example
        .lines()
        .flat_map(|line| line.split('|').next().unwrap_or("").split_whitespace())
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect();
    assert_eq!(documented, written, "{written:02x?}");
}
