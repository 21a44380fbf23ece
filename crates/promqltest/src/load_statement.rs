//! `load 1m` and `load_with_nhcb 1m` with series, values and start timestamps below.

use std::collections::BTreeMap;

use timberline_model::{Labels, parse_duration};

use crate::{
    custom_buckets,
    error::ScriptError,
    hints,
    script::{Block, Load, LoadedSample, LoadedSeries},
    sequence::{Item, Line},
    starts::Starts,
};

/// Reads a statement that loads.
pub(crate) fn read_load(block: Block<'_>) -> Result<Load, ScriptError> {
    let (word, step) = block.head.split_once([' ', '\t']).unwrap_or((block.head, ""));
    let custom_buckets = match word {
        "load" => false,
        "load_with_nhcb" => true,
        _ => return Err(block.error(0, "expected load or load_with_nhcb and a duration")),
    };
    let step = parse_duration(step.trim()).map_err(|error| block.error(0, error.to_string()))?;
    let mut series = Series { step, by_labels: BTreeMap::new(), default: Vec::new() };
    let mut pending: Option<(usize, Labels, Vec<Option<i64>>)> = None;
    for (index, line) in block.body.iter().enumerate() {
        let below = index + 1;
        let fail = |reason| block.error(below, reason);
        if let Some(starts) = Starts::parse(line) {
            if let Some((at, ..)) = pending {
                return Err(block.error(at, "no values follow this line of starts"));
            }
            let Starts { labels, offsets } = starts.map_err(fail)?;
            match labels {
                Some(labels) => pending = Some((below, labels, offsets)),
                None => series.default = offsets,
            }
            continue;
        }
        let values = Line::parse(line).map_err(fail)?;
        let starts = match pending.take() {
            None => None,
            Some((at, labels, _)) if labels != values.labels => {
                return Err(block.error(at, "the series of the starts is not that of the values"));
            }
            Some((at, _, offsets)) if offsets.len() != values.items.len() => {
                let (starts, values) = (offsets.len(), values.items.len());
                return Err(block.error(at, format!("{starts} starts for {values} values")));
            }
            Some((.., offsets)) => Some(offsets),
        };
        series.add(values, starts.as_deref()).map_err(fail)?;
    }
    if let Some((at, ..)) = pending {
        return Err(block.error(at, "no values follow this line of starts"));
    }
    let mut loaded = series.finish();
    if custom_buckets {
        let more = custom_buckets::derived(&loaded)
            .map_err(|reason| ScriptError::Load { line: block.line, reason })?;
        loaded.extend(more);
    }
    hints::note_resets(&mut loaded);
    Ok(Load { line: block.line, series: loaded })
}

/// Series as they are read; of two lines for the same series the later one counts.
struct Series {
    step: i64,
    by_labels: BTreeMap<Labels, Vec<LoadedSample>>,
    /// Distances of starts for series that have no line of starts, over and over.
    default: Vec<Option<i64>>,
}

impl Series {
    fn add(&mut self, line: Line, starts: Option<&[Option<i64>]>) -> Result<(), String> {
        let mut samples = Vec::with_capacity(line.items.len());
        for (index, item) in line.items.into_iter().enumerate() {
            let ts = i64::try_from(index).ok().and_then(|index| index.checked_mul(self.step));
            let ts = ts.ok_or("a time out of range")?;
            let offset = match starts {
                Some(offsets) => offsets[index],
                None if self.default.is_empty() => None,
                None => self.default[index % self.default.len()],
            };
            let start = offset.map_or(Some(0), |offset| ts.checked_add(offset));
            let start = start.ok_or("a start out of range")?;
            let (value, histogram) = match item {
                Item::Gap => continue,
                Item::Float(value) => (value, None),
                Item::Histogram { histogram, .. } => (f64::NAN, Some(histogram)),
            };
            samples.push(LoadedSample { ts, start, value, histogram });
        }
        self.by_labels.insert(line.labels, samples);
        Ok(())
    }

    fn finish(self) -> Vec<LoadedSeries> {
        let all = self.by_labels.into_iter();
        all.map(|(labels, samples)| LoadedSeries { labels, samples }).collect()
    }
}
