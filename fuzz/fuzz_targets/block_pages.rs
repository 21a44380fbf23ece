//! Arbitrary bytes laid over the golden block's pages, under checksums that are right: every read is
//! answered or refused, without a panic. The first two bytes say where the others begin.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use timberline_block::{Block, Reading};
use timberline_codec::crc::crc32c;
use timberline_io::{Disk, SimDisk};
use timberline_model::{SeriesColumns, TimeRange};

const HEADER_BYTES: usize = 32;
const FOOTER_BYTES: usize = 128;
static META: &[u8] = include_bytes!("../../crates/block/testdata/block-v2/meta.json");
static INDEX: &[u8] = include_bytes!("../../crates/block/testdata/block-v2/index");
static PAGES: &[u8] = include_bytes!("../../crates/block/testdata/block-v2/pages");

fuzz_target!(|data: &[u8]| {
    let Some((place, data)) = data.split_first_chunk::<2>() else { return };
    let mut pages = PAGES.to_vec();
    let start =
        HEADER_BYTES + usize::from(u16::from_le_bytes(*place)) % (pages.len() - HEADER_BYTES);
    let len = data.len().min(pages.len() - start);
    pages[start..start + len].copy_from_slice(&data[..len]);
    let index = sealed_index(&pages);

    let dir = Path::new("/block");
    let disk = SimDisk::new(0);
    disk.create_dir_all(dir).expect("the simulated disk works");
    for (name, bytes) in [("meta.json", META), ("pages", &pages), ("index", &index)] {
        let file = disk.create(&dir.join(name), 0).expect("the simulated disk works");
        file.write_all_at(bytes, 0).expect("the simulated disk works");
    }
    let block = Block::open(&disk, dir).expect("all but the pages is as it was written");
    let (mut columns, mut reading) = (SeriesColumns::default(), Reading::default());
    for series in 0..block.series_count() {
        columns.clear();
        let mark = columns.mark();
        if block.read(series, TimeRange::ALL, &mut columns).is_err() {
            assert_eq!(columns.mark(), mark, "after an error the columns are as they were");
        }
        let _ = block.exemplars(series, TimeRange::ALL, &mut Vec::new());
        if let Ok(series) = block.series(series) {
            columns.clear();
            let _ = series.read_pages(TimeRange::ALL, &mut |_| true, &mut columns, &mut reading);
        }
    }
});

/// The golden index with the checksum of other pages. Both files are of one granule.
fn sealed_index(pages: &[u8]) -> Vec<u8> {
    let mut index = INDEX.to_vec();
    let footer = index.len() - FOOTER_BYTES;
    let position =
        |at: usize| u64::from_le_bytes(INDEX[at..at + 8].try_into().expect("eight bytes")) as usize;
    let (page_granules, granules) = (position(footer + 96), position(footer + 104));
    index[page_granules..page_granules + 4].copy_from_slice(&crc32c(pages).to_le_bytes());
    let sum = crc32c(&index[..granules]).to_le_bytes();
    index[granules..granules + 4].copy_from_slice(&sum);
    index[footer + 112..footer + 116].copy_from_slice(&crc32c(&sum).to_le_bytes());
    let crc = crc32c(&index[footer..footer + 116]);
    index[footer + 116..footer + 120].copy_from_slice(&crc.to_le_bytes());
    index
}
