//! Dictionaries series by series: for those who have time, and want labels.

use std::{collections::HashMap, path::Path};

use timberline_codec::varint::uvarint;
use timberline_io::Disk;
use timberline_model::{Labels, LogOffset, SeriesRef};

use super::{Checkpoint, HEADER_BYTES, Part, PartEncoder, VERSION, find_parts, version1};
use crate::{LogError, window::Window};

/// Reads a dictionary, calls `each` with every series, ascending, and returns the offset at which it was
/// written.
///
/// # Errors
/// [`LogError::Damaged`] or [`LogError::Version`], or a failing disk; `each` may have been called
/// with series that are sound.
pub fn read(
    disk: &dyn Disk,
    path: &Path,
    each: &mut dyn FnMut(SeriesRef, Labels),
) -> Result<LogOffset, LogError> {
    let checkpoint = Checkpoint::open(disk, path)?;
    checkpoint.read_whole(disk, each)?;
    let mut buffer = Vec::new();
    for index in 0..checkpoint.part_count() {
        let part = checkpoint.part(disk, index, &mut buffer)?;
        each_series(&part, each).map_err(|error| checkpoint.damaged_part(index, &error))?;
    }
    Ok(checkpoint.offset())
}

/// Reads what can be read of a damaged dictionary: calls `each` with every series of the parts that have
/// their checksum, and returns how many damaged places there are. What stood in them is lost, and so is
/// what stands behind a part's damaged header.
///
/// # Errors
/// A failing disk, or a file of another version.
pub fn salvage(
    disk: &dyn Disk,
    path: &Path,
    each: &mut dyn FnMut(SeriesRef, Labels),
) -> Result<u64, LogError> {
    let mut window = Window::open(disk, path)?;
    let len = window.file_len()?;
    let (mut damaged, version) = match Checkpoint::open(disk, path) {
        Ok(checkpoint) => (0, checkpoint.version),
        Err(LogError::Damaged { .. }) => {
            // Where the header is damaged itself, its version is as likely sound as any other byte.
            let header = window.at(0, HEADER_BYTES, len)?;
            (1, header.map_or(VERSION, |header| header[8]))
        }
        Err(error) => return Err(error),
    };
    if version == 1 {
        return Ok(damaged + version1::salvage(disk, path, each)?);
    }
    let mut parts = Vec::new();
    let found = find_parts(&mut window, path, len, &mut parts);
    if damaged == 0 && found.is_err() {
        damaged += 1;
    }
    let offset = LogOffset(0);
    let checkpoint = Checkpoint { path: path.to_owned(), version, offset, parts };
    let mut buffer = Vec::new();
    for index in 0..checkpoint.part_count() {
        let sound = match checkpoint.part(disk, index, &mut buffer) {
            Ok(part) => each_series(&part, each).is_ok(),
            Err(LogError::Damaged { .. }) => false,
            Err(error) => return Err(error),
        };
        damaged += u64::from(!sound);
    }
    Ok(damaged)
}

/// Calls `each` with the series of a part.
fn each_series(part: &Part<'_>, each: &mut dyn FnMut(SeriesRef, Labels)) -> Result<(), LogError> {
    let texts: Vec<&[u8]> = part.pairs().collect();
    let (mut series, mut pairs, mut bytes) = (part.series(), Vec::new(), Vec::new());
    while let Some((slot, _)) = series.next(&mut pairs)? {
        bytes.clear();
        pairs.iter().for_each(|pair| bytes.extend_from_slice(texts[*pair as usize]));
        let reason = "labels of a series are not in order";
        let labels = Labels::from_bytes(&bytes).map_err(|_| LogError::MalformedPart { reason })?;
        each(SeriesRef(u64::from(part.number()) << u32::BITS | u64::from(slot)), labels);
    }
    Ok(())
}

/// The parts that hold some series, of which each has another number.
///
/// # Panics
/// When two have the same number.
#[must_use]
pub fn parts_of(mut series: Vec<(SeriesRef, Labels)>) -> Vec<PartEncoder> {
    series.sort_unstable_by_key(|(series, _)| *series);
    let part_of = |series: &SeriesRef| (series.0 >> u32::BITS) as u32;
    let slot_of = |series: &SeriesRef| series.0 as u32;
    let in_parts = series.chunk_by(|a, b| part_of(&a.0) == part_of(&b.0));
    in_parts
        .map(|series| {
            let last = slot_of(&series[series.len() - 1].0);
            let mut part = PartEncoder::new(part_of(&series[0].0), last.saturating_add(1));
            let mut known: HashMap<&[u8], u32> = HashMap::new();
            for (number, labels) in series {
                let pairs: Vec<u32> = pairs(labels.as_bytes())
                    .map(|text| *known.entry(text).or_insert_with(|| part.pair(text)))
                    .collect();
                part.series(slot_of(number), labels.hash(), pairs.into_iter());
            }
            part
        })
        .collect()
}

/// The pairs of canonical label bytes.
fn pairs(labels: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = labels;
    std::iter::from_fn(move || {
        let tail = behind_text(rest).and_then(behind_text)?;
        let (pair, _) = rest.split_at(rest.len() - tail.len());
        rest = tail;
        Some(pair)
    })
}

fn behind_text(bytes: &[u8]) -> Option<&[u8]> {
    let (len, rest) = uvarint(bytes)?;
    rest.get(usize::try_from(len).ok()?..)
}
