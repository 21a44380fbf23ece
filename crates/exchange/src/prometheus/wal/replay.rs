//! From a log's records to series: what Prometheus would have in memory after a start.
//!
//! The log is read twice: series and deletions first, samples after, so that each sample knows its
//! labels and whether it is deleted when it is read. Memory is that of the series, and of a bounded
//! number of samples.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use timberline_io::{Disk, Mapped, RealDisk};
use timberline_model::{FamilyMetadata, Histogram, Labels, Metadata, MetricKind, SeriesColumns};

use super::{Record, Records, WalSample, decode_record};
use crate::{
    ExchangeError,
    intake::Intake,
    prometheus::{chunks::nanos, tombstones::Tombstones},
};

/// Bytes of samples gathered before they are handed on.
const GATHERED_BYTES_MAX: usize = 48 << 20;

/// The files of a log, in order: those of its last checkpoint, then the segments after it.
pub(crate) fn wal_files(dir: &Path) -> Result<Vec<PathBuf>, ExchangeError> {
    let names = |dir: &Path| -> Result<Vec<String>, ExchangeError> {
        let entries = RealDisk.list(dir).map_err(ExchangeError::io("list", dir))?;
        Ok(entries.into_iter().map(|entry| entry.name).collect())
    };
    let number = |name: &str| -> Option<u64> {
        name.bytes().all(|byte| byte.is_ascii_digit()).then(|| name.parse().ok())?
    };
    let all = names(dir)?;
    let checkpoint = all
        .iter()
        .filter_map(|name| Some((number(name.strip_prefix("checkpoint.")?)?, name)))
        .max();
    let mut files = Vec::new();
    if let Some((_, name)) = checkpoint {
        let dir = dir.join(name);
        let mut segments: Vec<(u64, PathBuf)> = names(&dir)?
            .into_iter()
            .filter_map(|name| Some((number(&name)?, dir.join(name))))
            .collect();
        segments.sort();
        files.extend(segments.into_iter().map(|(_, path)| path));
    }
    let after = checkpoint.map_or(0, |(last, _)| last + 1);
    let mut segments: Vec<(u64, PathBuf)> = all
        .iter()
        .filter_map(|name| Some((number(name)?, dir.join(name))))
        .filter(|(number, _)| *number >= after)
        .collect();
    segments.sort();
    files.extend(segments.into_iter().map(|(_, path)| path));
    Ok(files)
}

/// A log that is being read.
#[derive(Default)]
pub(crate) struct Replay {
    series: HashMap<u64, Labels>,
    deleted: Tombstones,
    metadata: HashMap<String, Metadata>,
    gathered: HashMap<u64, SeriesColumns>,
    gathered_bytes: usize,
    unknown: u64,
}

impl Replay {
    /// Reads series and deletions.
    pub(crate) fn define(
        &mut self,
        files: &[PathBuf],
        intake: &mut Intake<'_>,
    ) -> Result<(), ExchangeError> {
        let mut torn = Vec::new();
        each_record(files, &mut torn, |record, _| {
            match record {
                Record::Series(all) => {
                    self.series.extend(all.into_iter().map(|s| (s.reference, s.labels)));
                }
                Record::Tombstones(all) => {
                    for (series, min, max) in all {
                        self.deleted.add(series, min, max);
                    }
                }
                Record::Metadata(all) => {
                    for (series, metadata) in all {
                        let name = self.series.get(&series).and_then(Labels::metric_name);
                        if let Some(name) = name {
                            self.metadata.insert(family_of(name, metadata.kind), metadata);
                        }
                    }
                }
                _ => {}
            }
            Ok(())
        })?;
        torn.into_iter().for_each(|note| intake.note(note));
        Ok(())
    }

    /// Reads samples and exemplars, of those no earlier than `min_ms` those that are not deleted.
    pub(crate) fn replay(
        &mut self,
        files: &[PathBuf],
        min_ms: i64,
        intake: &mut Intake<'_>,
    ) -> Result<(), ExchangeError> {
        each_record(files, &mut Vec::new(), |record, place| {
            match record {
                Record::Samples(all) => {
                    for sample in all.into_iter().filter(|sample| sample.ms >= min_ms) {
                        let ts = nanos(sample.ms).map_err(|error| place.malformed(error))?;
                        self.gathered_bytes += size_of::<WalSample>();
                        self.columns(sample.reference).push(ts, 0, sample.value);
                    }
                }
                Record::Histograms(all) => {
                    for sample in all.into_iter().filter(|sample| sample.ms >= min_ms) {
                        let ts = nanos(sample.ms).map_err(|error| place.malformed(error))?;
                        self.gathered_bytes += bytes_of(&sample.histogram);
                        self.columns(sample.reference).histograms.push(ts, 0, sample.histogram);
                    }
                }
                Record::Exemplars(all) => {
                    for (series, exemplar) in all {
                        match self.series.get(&series) {
                            Some(labels) => intake.push_exemplar(labels, exemplar)?,
                            None => self.unknown += 1,
                        }
                    }
                }
                _ => {}
            }
            if self.gathered_bytes >= GATHERED_BYTES_MAX {
                self.hand_on(intake)?;
            }
            intake.advance_to(place.bytes_before + place.position as u64);
            Ok(())
        })?;
        self.hand_on(intake)?;
        if self.unknown > 0 {
            let count = std::mem::take(&mut self.unknown);
            intake
                .note(format!("{count} samples of the log are of series that it does not define"));
        }
        Ok(())
    }

    /// Hands the metadata of the log on.
    pub(crate) fn finish(self, intake: &mut Intake<'_>) -> Result<(), ExchangeError> {
        let mut entries = self.metadata.into_iter();
        entries.try_for_each(|(family, metadata)| {
            intake.push_metadata(FamilyMetadata { family, metadata })
        })
    }

    fn columns(&mut self, series: u64) -> &mut SeriesColumns {
        self.gathered.entry(series).or_default()
    }

    fn hand_on(&mut self, intake: &mut Intake<'_>) -> Result<(), ExchangeError> {
        self.gathered_bytes = 0;
        for (series, columns) in &mut self.gathered {
            match self.series.get(series) {
                Some(labels) => {
                    self.deleted.apply(*series, columns);
                    if !columns.is_empty() {
                        intake.push(labels, columns)?;
                    }
                }
                None => self.unknown += columns.sample_count() as u64,
            }
            columns.clear();
        }
        Ok(())
    }
}

/// Bytes that a histogram takes in memory, about.
fn bytes_of(histogram: &Histogram) -> usize {
    let spans = histogram.positive_spans.len() + histogram.negative_spans.len();
    let (positive, negative) = histogram.counts.bucket_counts();
    size_of::<Histogram>() + 8 * (spans + positive + negative + histogram.custom_values.len())
}

/// The family of a series: a histogram's and a summary's parts belong to one.
fn family_of(name: &str, kind: MetricKind) -> String {
    let suffixes: &[&str] = match kind {
        MetricKind::Histogram | MetricKind::GaugeHistogram => &["_bucket", "_count", "_sum"],
        MetricKind::Summary => &["_count", "_sum"],
        _ => &[],
    };
    let family = suffixes.iter().find_map(|suffix| name.strip_suffix(suffix));
    family.unwrap_or(name).to_owned()
}

/// Where a record lies.
struct Place<'a> {
    path: &'a Path,
    position: usize,
    bytes_before: u64,
}

impl Place<'_> {
    fn malformed(&self, reason: impl std::fmt::Display) -> ExchangeError {
        ExchangeError::malformed(self.path, format!("record at byte {}", self.position), reason)
    }
}

/// Reads all records. The last file may end within one, as Prometheus may have been killed while it
/// wrote; damage anywhere else is an error.
fn each_record(
    files: &[PathBuf],
    torn: &mut Vec<String>,
    mut visit: impl FnMut(Record, &Place<'_>) -> Result<(), ExchangeError>,
) -> Result<(), ExchangeError> {
    let mut bytes_before = 0;
    for (index, path) in files.iter().enumerate() {
        let bytes: Mapped = RealDisk.map(path).map_err(ExchangeError::io("read", path))?;
        let mut records = Records::new(&bytes);
        loop {
            let next = match records.next_record() {
                Ok(next) => next.map(decode_record),
                Err(error) => {
                    let position = records.record_start();
                    let place = Place { path, position, bytes_before };
                    let rest = &bytes[position..];
                    if index + 1 == files.len() && is_torn(rest) {
                        torn.push(format!(
                            "{} ends at byte {position} within a record, which is left out, as \
                             Prometheus would leave it out",
                            path.display()
                        ));
                        break;
                    }
                    return Err(place.malformed(error));
                }
            };
            let place = Place { path, position: records.record_start(), bytes_before };
            match next {
                None => break,
                Some(Ok(record)) => visit(record, &place)?,
                Some(Err(error)) => return Err(place.malformed(error)),
            }
        }
        bytes_before += bytes.len() as u64;
    }
    Ok(())
}

/// Whether what a reader stopped at can be the unfinished end of a log: less than what a process
/// has under way, a few pages.
fn is_torn(rest: &[u8]) -> bool {
    rest.len() <= 64 * 32 * 1024
}
