//! Blocks of every version, written once and readable for ever.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use timberline_block::{Block, VERSION, VERSION_MIN};
use timberline_codec::crc::crc32c;
use timberline_io::{Disk, RealDisk};
use timberline_model::{SeriesColumns, TimeRange};

use crate::{
    queries::ask,
    support::{Model, block_dir, example, example_of_floats, labels, new_disk, ulid, write},
};

const FILES: [&str; 3] = ["pages", "index", "meta.json"];

fn golden_dir(version: u8) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("testdata/block-v{version}"))
}

/// Run with `TIMBERLINE_WRITE_GOLDEN=1` when the format has a new version, into a new directory.
#[test]
fn the_writer_still_writes_the_golden_block() {
    let (_, disk) = new_disk(1);
    write(&disk, ulid(1), &example()).unwrap();
    for file in FILES {
        let written = disk.read(&block_dir(ulid(1)).join(file)).unwrap();
        let golden = golden_dir(VERSION).join(file);
        if std::env::var_os("TIMBERLINE_WRITE_GOLDEN").is_some() && !golden.exists() {
            fs::create_dir_all(golden_dir(VERSION)).unwrap();
            fs::write(&golden, &written).unwrap();
        }
        let stored = fs::read(&golden).unwrap();
        assert!(stored == written, "{file} is no longer written as in {}", golden.display());
    }
}

fn answers(disk: &dyn Disk, dir: &Path) -> Vec<String> {
    ask(disk, dir).unwrap().into_iter().map(|answer| answer.unwrap()).collect()
}

#[test]
fn the_golden_block_is_read() {
    let real: Arc<dyn Disk> = Arc::new(RealDisk);
    let (_, disk) = new_disk(1);
    write(&disk, ulid(1), &example()).unwrap();
    let golden = golden_dir(VERSION);
    assert_eq!(answers(real.as_ref(), &golden), answers(disk.as_ref(), &block_dir(ulid(1))));
    Block::open(real.as_ref(), &golden).unwrap().verify().unwrap();
}

/// A block of version 1 answers as one of the same samples written today does, in everything but what
/// it says of itself and of its chunks.
#[test]
fn the_golden_block_of_version_1_is_read() {
    let real: Arc<dyn Disk> = Arc::new(RealDisk);
    let (_, disk) = new_disk(1);
    write(&disk, ulid(1), &example_of_floats()).unwrap();
    let comparable = |answers: Vec<String>| -> Vec<String> {
        let of_form = |text: &String| {
            ["meta ", "chunks ", "figures "].iter().any(|form| text.starts_with(form))
        };
        answers.into_iter().filter(|text| !of_form(text)).collect()
    };
    let golden = comparable(answers(real.as_ref(), &golden_dir(VERSION_MIN)));
    assert_eq!(golden, comparable(answers(disk.as_ref(), &block_dir(ulid(1)))));
    Block::open(real.as_ref(), &golden_dir(VERSION_MIN)).unwrap().verify().unwrap();
}

/// The index of the example in `docs/formats/block.md`.
#[test]
fn the_documented_index_is_what_is_written() {
    let (_, disk) = new_disk(1);
    let samples = vec![(1_000_000_000, 1.0), (1_015_000_000, 1.0), (1_030_000_000, 2.0)];
    let series = vec![(labels(&[("__name__", "up")]), samples.into())];
    write(&disk, ulid(1), &Model { series }).unwrap();
    let written = disk.read(&block_dir(ulid(1)).join("index")).unwrap();
    let documented = hex_of("block.md");
    assert_eq!(documented, written, "{written:02x?}");
}

/// The first example of a page of `docs/formats/`: the text before each `|` is hexadecimal.
fn hex_of(page: &str) -> Vec<u8> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/formats").join(page);
    let page = fs::read_to_string(page).unwrap();
    let example = page.split("```hex\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    example
        .lines()
        .flat_map(|line| line.split('|').next().unwrap_or("").split_whitespace())
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect()
}

/// The index that the page of version 1 documents, and the chunk that it lists, are read.
#[test]
fn the_documented_index_of_version_1_is_read() {
    let index = hex_of("block-v1.md");
    let mut header = *b"tmbchunk\x01\0\0\0................";
    header[12..].copy_from_slice(&ulid(1).to_bytes());
    let chunks = [&header, crc32c(&header).to_le_bytes().as_slice(), &hex_of("chunk.md")].concat();
    let file = |name: &str, bytes: &[u8]| {
        let (len, crc) = (bytes.len(), crc32c(bytes));
        format!("{{\"name\": \"{name}\", \"bytes\": {len}, \"crc32c\": \"{crc:08x}\"}}")
    };
    let meta = format!(
        "{{\"format\": \"timberline block\", \"version\": 1, \"ulid\": \"{}\", \"level\": 0, \
         \"sequence\": 1, \"min_ts\": 1000000000, \"max_ts\": 1030000000, \"series\": 1, \
         \"chunks\": 1, \"samples\": 3, \"files\": [{}, {}]",
        ulid(1),
        file("chunks", &chunks),
        file("index", &index),
    );
    let meta = format!("{meta},\n  \"crc32c\": \"{:08x}\"\n}}\n", crc32c(meta.as_bytes()));
    let (_, disk) = new_disk(1);
    let dir = block_dir(ulid(1));
    disk.create_dir_all(&dir).unwrap();
    for (name, bytes) in [("meta.json", meta.as_bytes()), ("chunks", &chunks), ("index", &index)] {
        disk.create(&dir.join(name), 0).unwrap().write_all_at(bytes, 0).unwrap();
    }
    let block = Block::open(disk.as_ref(), &dir).unwrap();
    block.verify().unwrap();
    let mut columns = SeriesColumns::default();
    block.read(0, TimeRange::ALL, &mut columns).unwrap();
    assert_eq!(columns.timestamps, [1_000_000_000, 1_015_000_000, 1_030_000_000]);
}
