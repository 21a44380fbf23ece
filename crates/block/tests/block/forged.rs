//! Indexes that no writer wrote, with checksums that are right: parsing must not rely on them.

use std::sync::Arc;

use proptest::prelude::*;
use timberline_codec::crc::crc32c;
use timberline_io::Disk;

use crate::{
    queries::ask,
    support::{block_dir, example, new_disk, ulid, write},
};

pub(crate) const FOOTER_BYTES: usize = 128;
const GRANULE_BYTES: usize = 16 << 10;

/// Makes all checksums of an index true for what it holds now.
pub(crate) fn seal(index: &mut [u8]) {
    let header = crc32c(&index[..28]);
    index[28..32].copy_from_slice(&header.to_le_bytes());
    let footer = index.len() - FOOTER_BYTES;
    let covered = u64::from_le_bytes(index[footer + 104..footer + 112].try_into().unwrap());
    let Some(covered) = usize::try_from(covered).ok().filter(|covered| *covered <= footer) else {
        return;
    };
    let sums: Vec<u8> =
        index[..covered].chunks(GRANULE_BYTES).flat_map(|g| crc32c(g).to_le_bytes()).collect();
    if sums.len() == footer - covered {
        let crc = crc32c(&sums);
        index[covered..footer].copy_from_slice(&sums);
        index[footer + 112..footer + 116].copy_from_slice(&crc.to_le_bytes());
    }
    let crc = crc32c(&index[footer..footer + 116]);
    index[footer + 116..footer + 120].copy_from_slice(&crc.to_le_bytes());
}

fn example_block() -> (Arc<dyn Disk>, Vec<u8>) {
    let (_, disk) = new_disk(1);
    write(&disk, ulid(1), &example()).unwrap();
    let index = disk.read(&block_dir(ulid(1)).join("index")).unwrap();
    (disk, index)
}

fn replace(disk: &dyn Disk, index: &[u8]) {
    let file = disk.open(&block_dir(ulid(1)).join("index")).unwrap();
    file.write_all_at(index, 0).unwrap();
}

#[test]
fn sealing_an_untouched_index_changes_nothing() {
    let (_, index) = example_block();
    let mut sealed = index.clone();
    seal(&mut sealed);
    assert!(sealed == index);
}

/// Every byte: a wrong length, count, number or position at every place that has one. All of the
/// forgeries at every byte with `TIMBERLINE_BLOCK_EXHAUSTIVE` set, one of them in turn without.
#[test]
fn one_forged_byte_never_panics() {
    let (disk, index) = example_block();
    let exhaustive = std::env::var_os("TIMBERLINE_BLOCK_EXHAUSTIVE").is_some();
    for position in 0..index.len() {
        let old = index[position];
        let forgeries = [0xff, old ^ 1, 0x7f, old.wrapping_add(1), 0];
        for (number, forged) in forgeries.into_iter().enumerate() {
            if exhaustive || number == position % forgeries.len() {
                let mut index = index.clone();
                index[position] = forged;
                seal(&mut index);
                replace(disk.as_ref(), &index);
                let _answers = ask(disk.as_ref(), &block_dir(ulid(1)));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn forged_runs_of_bytes_never_panic(
        runs in prop::collection::vec(
            (any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 1..12)),
            1..6,
        ),
    ) {
        let (disk, mut index) = example_block();
        for (at, bytes) in runs {
            let start = at.index(index.len());
            let end = (start + bytes.len()).min(index.len());
            index[start..end].copy_from_slice(&bytes[..end - start]);
        }
        seal(&mut index);
        replace(disk.as_ref(), &index);
        let _answers = ask(disk.as_ref(), &block_dir(ulid(1)));
    }
}
