//! Databases with known contents, and what is in a database.

use std::{collections::BTreeMap, num::NonZeroUsize, path::Path};

use timberline::{
    Database, ImportOptions, LabelQuery, Labels, Options, Retention, Selector, SeriesColumns,
    SeriesSource, TimeRange,
};
use timberline_exchange::{
    ExportReport, Format, ImportReport, ImportSettings, Selection, export, import,
};
use timberline_model::{Exemplar, Histogram};

/// A sample's bits: when, since when, and a float's bits or a histogram.
pub(crate) type Sample = (i64, i64, Result<u64, Histogram>);
/// Samples by series.
pub(crate) type Contents = BTreeMap<Labels, Vec<Sample>>;

pub(crate) const EVERYTHING: Selection = Selection { selectors: Vec::new(), range: TimeRange::ALL };

pub(crate) fn open(dir: &Path) -> Database {
    let options =
        Options { background: false, retention: Retention::default(), ..Options::default() };
    Database::open(dir, options).unwrap()
}

/// Puts series into a database.
pub(crate) fn fill(database: &Database, contents: &Contents) {
    let mut import = database.begin_import(ImportOptions::default()).unwrap();
    for (labels, samples) in contents {
        let mut columns = SeriesColumns::default();
        for (ts, start, value) in samples {
            match value {
                Ok(bits) => columns.push(*ts, *start, f64::from_bits(*bits)),
                Err(histogram) => columns.histograms.push(*ts, *start, histogram.clone()),
            }
        }
        import.push(labels, &mut columns).unwrap();
    }
    let outcome = import.finish().unwrap();
    assert_eq!(outcome.samples_rejected, 0, "{:?}", outcome.rejections);
}

/// Everything that a database holds.
pub(crate) fn contents(database: &Database) -> Contents {
    let selector = Selector { matchers: Vec::new(), range: TimeRange::ALL };
    let mut contents = Contents::new();
    let mut columns = SeriesColumns::default();
    for mut scan in database.scan(&selector, NonZeroUsize::MIN).unwrap() {
        while let Some(labels) = scan.next(&mut columns).unwrap() {
            let start = |starts: &[i64], index: usize| starts.get(index).copied().unwrap_or(0);
            let floats = columns.timestamps.iter().zip(&columns.values).enumerate();
            let floats =
                floats.map(|(n, (ts, v))| (*ts, start(&columns.starts, n), Ok(v.to_bits())));
            let column = &columns.histograms;
            let histograms = column.timestamps.iter().zip(&column.values).enumerate();
            let histograms =
                histograms.map(|(n, (ts, h))| (*ts, start(&column.starts, n), Err(h.clone())));
            let mut samples: Vec<Sample> = floats.chain(histograms).collect();
            samples.sort_by_key(|sample| sample.0);
            contents.insert(labels, samples);
        }
    }
    contents
}

pub(crate) fn exemplars(database: &Database) -> BTreeMap<Labels, Vec<Exemplar>> {
    let query = LabelQuery::default();
    let all = database.exemplars(&query).unwrap();
    all.into_iter().map(|series| (series.labels, series.exemplars)).collect()
}

pub(crate) fn export_all(database: &Database, format: Format, path: &Path) -> ExportReport {
    export(database, format, &EVERYTHING, path, &mut |_| {}).unwrap()
}

pub(crate) fn import_from(database: &Database, format: Format, path: &Path) -> ImportReport {
    let paths = [path.to_owned()];
    import(database, format, &paths, &ImportSettings::default(), &mut |_| {}).unwrap()
}
