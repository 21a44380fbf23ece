//! A changed, cut or foreign byte gives a named error or the right data.

use std::sync::Arc;

use timberline_block::{Block, BlockError, BlockOutline};
use timberline_codec::crc::crc32c;
use timberline_io::{Disk, SimDisk};
use timberline_model::{ErrorKind, SeriesColumns, TimeRange};

use crate::{
    forged::{FOOTER_BYTES, seal},
    queries::{ask, assert_right_or_error, read_pages, text},
    support::{Model, Samples, block_dir, example, labels, new_disk, ulid, write},
};

const FILES: [&str; 3] = ["meta.json", "pages", "index"];

fn example_block() -> (SimDisk, Arc<dyn Disk>) {
    let (sim, disk) = new_disk(1);
    write(&disk, ulid(1), &example()).unwrap();
    (sim, disk)
}

#[test]
fn every_flipped_byte_gives_an_error_or_the_right_data() {
    let (sim, disk) = example_block();
    let dir = block_dir(ulid(1));
    let right = ask(disk.as_ref(), &dir).unwrap();
    assert!(right.iter().all(Result::is_ok));
    for file in FILES {
        let path = dir.join(file);
        let len = disk.read(&path).unwrap().len();
        for index in 0..len {
            let (byte, bit) = (index as u64, (index % 8) as u8);
            sim.flip_bit(&path, byte, bit).unwrap();
            let what = format!("{file}, byte {index}, bit {bit}");
            let damaged = ask(disk.as_ref(), &dir);
            assert_right_or_error(&damaged, &right, &what);
            let verified = Block::open(disk.as_ref(), &dir).and_then(|block| block.verify());
            let error = verified.expect_err(&what);
            let known = matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported);
            assert!(known, "{what}: {error}");
            sim.flip_bit(&path, byte, bit).unwrap();
        }
    }
}

#[test]
fn every_cut_or_lengthened_file_is_refused() {
    let (_, disk) = example_block();
    let dir = block_dir(ulid(1));
    for file in FILES {
        let path = dir.join(file);
        let bytes = disk.read(&path).unwrap();
        let opened = disk.open(&path).unwrap();
        for len in (0..bytes.len()).chain([bytes.len() + 1, bytes.len() + 4_096]) {
            opened.set_len(0).unwrap();
            opened.write_all_at(&bytes[..len.min(bytes.len())], 0).unwrap();
            opened.set_len(len as u64).unwrap();
            let error = Block::open(disk.as_ref(), &dir).expect_err("a file of another length");
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{file} of {len} bytes: {error}");
        }
        opened.set_len(0).unwrap();
        opened.write_all_at(&bytes, 0).unwrap();
    }
    Block::open(disk.as_ref(), &dir).unwrap().verify().unwrap();
}

#[test]
fn a_missing_file_is_damage_and_named() {
    for file in FILES {
        let (_, disk) = example_block();
        let dir = block_dir(ulid(1));
        disk.remove_file(&dir.join(file)).unwrap();
        let error = Block::open(disk.as_ref(), &dir).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains(file), "{error}");
    }
}

#[test]
fn a_file_of_another_block_is_named() {
    for file in ["pages", "index"] {
        let (_, disk) = example_block();
        write(&disk, ulid(2), &example()).unwrap();
        let (mine, other) = (block_dir(ulid(1)).join(file), block_dir(ulid(2)).join(file));
        disk.remove_file(&mine).unwrap();
        disk.rename(&other, &mine).unwrap();
        let error = Block::open(disk.as_ref(), &block_dir(ulid(1))).unwrap_err();
        assert!(matches!(error, BlockError::Foreign { found, .. } if found == ulid(2)), "{error}");
    }
}

/// Makes the checksums of `pages`, which lie in the index, right for what it holds now.
fn seal_pages(disk: &dyn Disk) {
    let dir = block_dir(ulid(1));
    let pages = disk.read(&dir.join("pages")).unwrap();
    let sums: Vec<u8> = pages.chunks(16 << 10).flat_map(|g| crc32c(g).to_le_bytes()).collect();
    let mut index = disk.read(&dir.join("index")).unwrap();
    let footer = index.len() - FOOTER_BYTES;
    let start = u64::from_le_bytes(index[footer + 96..footer + 104].try_into().unwrap()) as usize;
    index[start..start + sums.len()].copy_from_slice(&sums);
    seal(&mut index);
    disk.open(&dir.join("index")).unwrap().write_all_at(&index, 0).unwrap();
}

/// Pages that are forged under checksums that are right: answers or errors, and columns as they were.
#[test]
fn every_forged_byte_of_pages_is_answered_or_refused() {
    let (sim, disk) = example_block();
    let dir = block_dir(ulid(1));
    let len = disk.read(&dir.join("pages")).unwrap().len();
    for byte in 32..len as u64 {
        sim.flip_bit(&dir.join("pages"), byte, (byte % 8) as u8).unwrap();
        seal_pages(disk.as_ref());
        let block = Block::open(disk.as_ref(), &dir).unwrap();
        let mut columns = SeriesColumns::default();
        columns.push(1, 0, 1.0);
        for series in 0..block.series_count() {
            let before = columns.mark();
            if block.read(series, TimeRange::ALL, &mut columns).is_err() {
                assert_eq!(columns.mark(), before);
            }
            columns.truncate(before);
            let _ = block.exemplars(series, TimeRange::ALL, &mut Vec::new());
            if read_pages(&block, series, TimeRange::ALL, &mut columns).is_err() {
                assert_eq!((columns.mark(), columns.pages.len()), (before, 0));
            }
            columns.truncate(before);
            columns.pages.clear();
        }
        assert!(block.verify().is_err(), "the checksum of the whole file");
        sim.flip_bit(&dir.join("pages"), byte, (byte % 8) as u8).unwrap();
    }
    seal_pages(disk.as_ref());
    Block::open(disk.as_ref(), &dir).unwrap().verify().unwrap();
}

/// Files of several granules: damage to one of them stays there.
#[test]
fn damage_to_one_granule_leaves_the_others_readable() {
    let mut model = Model::default();
    let noise = |n: u64| f64::from_bits(n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 12 | 1 << 62);
    for number in 0..3_000_u32 {
        let host = format!("host-{number:04}");
        let labels = labels(&[("__name__", "cpu_usage"), ("host", &host)]);
        let samples: Samples =
            (0..4).map(|n| (n, noise(u64::from(number) * 4 + n as u64))).collect();
        model.series.push((labels, samples.into()));
    }
    let (sim, disk) = new_disk(1);
    let dir = block_dir(ulid(1));
    let meta = write(&disk, ulid(1), &model).unwrap();
    let right = ask(disk.as_ref(), &dir).unwrap();
    for file in meta.files {
        let path = dir.join(&file.name);
        let (mut partly, mut refused) = (0, 0);
        for byte in (0..file.bytes).step_by(9_999) {
            sim.flip_bit(&path, byte, 5).unwrap();
            let damaged = ask(disk.as_ref(), &dir);
            let what = format!("{}, byte {byte}", file.name);
            assert!(assert_right_or_error(&damaged, &right, &what));
            match damaged {
                Ok(answers) => partly += usize::from(answers.iter().any(Result::is_ok)),
                Err(_) => refused += 1,
            }
            sim.flip_bit(&path, byte, 5).unwrap();
        }
        assert!(partly > refused, "{partly} in part, {refused} not at all");
    }
}

/// What is read of a damaged block is right, and what is not is counted.
#[test]
fn what_can_be_read_of_a_damaged_block_is_right_and_the_rest_is_counted() {
    let (sim, disk) = example_block();
    let (dir, model) = (block_dir(ulid(1)), example());
    let outline = BlockOutline { ulid: ulid(1), level: 0, sequence: 7 };
    let salvage = || {
        let block = Block::open_damaged(disk.as_ref(), &dir, outline)?;
        let (mut columns, mut exemplars) = (SeriesColumns::default(), Vec::new());
        let mut lost = [0, 0, 0];
        for (number, (labels, content)) in (0_u32..).zip(&model.series) {
            columns.clear();
            exemplars.clear();
            let Some(found) = block.salvage(number, &mut columns, &mut exemplars) else { continue };
            assert_eq!(&found.labels, labels);
            let counts = [columns.sample_count() as u64, exemplars.len() as u64];
            assert_eq!(counts[0] + found.samples_lost, content.columns.sample_count() as u64);
            assert_eq!(counts[1] + found.exemplars_lost, content.exemplars.len() as u64);
            if found.pages_lost == 0 {
                assert_eq!(text(&columns), text(&content.columns));
                assert_eq!(exemplars, content.exemplars);
            }
            let counts = [found.pages_lost, found.samples_lost, found.exemplars_lost];
            lost = [0, 1, 2].map(|which| lost[which] + counts[which]);
        }
        Ok::<_, BlockError>(lost)
    };
    assert_eq!(salvage().unwrap(), [0, 0, 0]);
    // One granule holds all pages: with it, only what the index holds itself is left.
    sim.flip_bit(&dir.join("pages"), 40, 1).unwrap();
    disk.remove_file(&dir.join("meta.json")).unwrap();
    let lost = salvage().unwrap();
    assert!(lost.iter().all(|lost| *lost > 0), "{lost:?}");
    disk.remove_file(&dir.join("pages")).unwrap();
    assert_eq!(salvage().unwrap(), lost);
}
