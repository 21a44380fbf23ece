//! Bytes per sample of recorded scrapes, by section, and how fast they are written and read.
//!
//! `TIMBERLINE_RECORDED=DIR cargo bench -p timberline-block --bench recorded`, with a directory of
//! `*.scrapes` files (see `scrapes.rs`). `TIMBERLINE_RECORDED_HOURS` lists the lengths of blocks (2,12),
//! `TIMBERLINE_RECORDED_SCRAPES` limits how many scrapes of each target are taken. Without the
//! directory it does nothing.

use std::{collections::BTreeMap, hint::black_box, path::Path, sync::Arc, time::Instant};

use timberline_block::{Block, BlockWriter, FloatCodec};
use timberline_io::{Disk, RealDisk};
use timberline_model::{Labels, SeriesColumns, TimeRange};
use ulid::Ulid;

mod scrapes;

const HOUR: i64 = 3_600_000_000_000;

fn main() {
    let Some(dir) = std::env::var_os("TIMBERLINE_RECORDED") else {
        println!("TIMBERLINE_RECORDED names no directory of recorded scrapes: nothing is measured");
        return;
    };
    let number = |text: &str| text.parse::<i64>().expect("a number");
    let most = std::env::var("TIMBERLINE_RECORDED_SCRAPES").map_or(1 << 20, |text| number(&text));
    let hours = std::env::var("TIMBERLINE_RECORDED_HOURS").unwrap_or_else(|_| "2,12".to_owned());
    let series = scrapes::load(Path::new(&dir), most as usize);
    let samples: usize = series.iter().map(|(_, columns)| columns.len()).sum();
    println!("{} series, {samples} samples", series.len());
    for hours in hours.split(',').map(number) {
        measure(&series, hours, FloatCodec::Smallest);
    }
    measure(&series, 2, FloatCodec::Gorilla);
}

fn measure(series: &[(Labels, SeriesColumns)], hours: i64, codec: FloatCodec) {
    let real: Arc<dyn Disk> = Arc::new(RealDisk);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let window = hours * HOUR;
    let number = |ts: &i64| ts.div_euclid(window);
    let windows = series.iter().flat_map(|(_, columns)| columns.timestamps.first().map(number));
    let first = windows.min().expect("there are samples");
    let ends = series.iter().flat_map(|(_, columns)| columns.timestamps.last().map(number));
    let last = ends.max().expect("there are samples");
    let (mut samples, mut bytes, mut elapsed) = (0, 0, 0.0);
    let mut sections: BTreeMap<&str, u64> = BTreeMap::new();
    let mut ulids = Vec::new();
    for window_number in first..=last {
        let ulid = Ulid::from_parts(1, window_number as u128);
        let started = Instant::now();
        let mut writer = BlockWriter::create(&real, dir.path(), ulid, 1).expect("a block");
        writer.set_codec(codec);
        let mut part = SeriesColumns::default();
        for (labels, columns) in series {
            let start = columns.timestamps.partition_point(|ts| number(ts) < window_number);
            let end = columns.timestamps.partition_point(|ts| number(ts) <= window_number);
            part.clear();
            part.timestamps.extend_from_slice(&columns.timestamps[start..end]);
            part.values.extend_from_slice(&columns.values[start..end]);
            if !part.is_empty() {
                writer.start_series(labels).expect("an order");
                writer.push(&mut part).expect("columns");
            }
        }
        let meta = writer.finish().expect("a block");
        elapsed += started.elapsed().as_secs_f64();
        (samples, bytes) = (samples + meta.samples, bytes + meta.bytes);
        let block = Block::open(real.as_ref(), &dir.path().join(ulid.to_string())).expect("opens");
        block.verify().expect("every byte is right");
        for section in block.sections().expect("sections") {
            *sections.entry(section.name).or_default() += section.bytes;
        }
        ulids.push(ulid);
    }
    println!("\n{codec:?}, blocks of {hours} h: {} blocks, {bytes} bytes", ulids.len());
    println!("{:9.4} B/sample in all", bytes as f64 / samples as f64);
    for (name, bytes) in &sections {
        println!("{:9.4} {name}", *bytes as f64 / samples as f64);
    }
    println!("written: {:.1} M samples/s", samples as f64 / elapsed / 1e6);
    let blocks: Vec<Block> = ulids
        .iter()
        .map(|ulid| Block::open(real.as_ref(), &dir.path().join(ulid.to_string())).expect("opens"))
        .collect();
    for round in ["first", "again"] {
        let started = Instant::now();
        let mut columns = SeriesColumns::default();
        let mut read = 0;
        for block in &blocks {
            for series in 0..block.series_count() {
                columns.clear();
                block.read(series, TimeRange::ALL, &mut columns).expect("reads");
                read += black_box(&columns).len();
            }
        }
        assert_eq!(read as u64, samples);
        println!(
            "read ({round}): {:.1} M samples/s",
            samples as f64 / started.elapsed().as_secs_f64() / 1e6
        );
    }
}
