//! Everything that a reader can ask of a block, as texts that can be compared.

use std::{path::Path, sync::LazyLock};

use timberline_block::{Block, BlockError, Reading};
use timberline_io::Disk;
use timberline_model::{MatchOp, Matcher, SeriesColumns, TimeRange};

use crate::support::bits;

/// Selectors that take every way through the index. Compiled once: the damage tests ask often.
static SELECTORS: LazyLock<Vec<Vec<Matcher>>> = LazyLock::new(|| {
    let matcher = |name: &str, op, value: &str| Matcher::new(name, op, value).unwrap();
    use MatchOp::{Equal, NotEqual, NotRegex, Regex};
    vec![
        vec![],
        vec![matcher("__name__", Equal, "cpu_usage")],
        vec![matcher("host", Regex, "host-01.*")],
        vec![matcher("host", Regex, ".*[05]")],
        vec![matcher("host", Regex, "host-001|host-039|none")],
        vec![matcher("host", NotRegex, "host-0[12].*")],
        vec![matcher("zone", Equal, "")],
        vec![matcher("zone", NotEqual, "")],
        vec![matcher("zone", Regex, "a|")],
        vec![matcher("zone", NotEqual, "a"), matcher("host", NotEqual, "")],
        vec![matcher("__name__", Regex, ".+"), matcher("absent", Equal, "")],
    ]
});

/// One answer each, or the error in its place.
pub(crate) fn ask(
    disk: &dyn Disk,
    dir: &Path,
) -> Result<Vec<Result<String, BlockError>>, BlockError> {
    let block = Block::open(disk, dir)?;
    let mut answers = vec![Ok(format!("meta {:?}", block.meta()))];
    for selector in SELECTORS.iter() {
        answers.push(block.select(selector).map(|found| format!("{found:?}")));
    }
    let few = [0, 3, block.series_count() - 1];
    for series in [None, Some(few.as_slice())] {
        answers.push(block.label_names(series).map(|names| format!("{names:?}")));
        for name in ["__name__", "host", "zone"] {
            answers.push(block.label_values(name, series).map(|values| format!("{values:?}")));
        }
    }
    answers.push(Ok(format!("{:?}", block.label_counts().collect::<Vec<_>>())));
    let mut counts = Vec::new();
    let result =
        block.value_counts("host", &mut |value, count| counts.push((value.to_owned(), count)));
    answers.push(result.map(|()| format!("{counts:?}")));
    for series in 0..block.series_count() {
        answers.push(block.labels(series).map(|labels| labels.to_string()));
        answers.push(block.label_hash(series).map(|hash| hash.to_string()));
        answers.push(block.chunk_metas(series).map(|chunks| format!("chunks {chunks:?}")));
        let mut columns = SeriesColumns::default();
        let result = block.read(series, TimeRange::ALL, &mut columns);
        answers.push(result.map(|()| text(&columns)));
        let mut exemplars = Vec::new();
        let result = block.exemplars(series, TimeRange::ALL, &mut exemplars);
        answers.push(result.map(|()| format!("{exemplars:?}")));
        let mut columns = SeriesColumns::default();
        let result = read_pages(&block, series, TimeRange::ALL, &mut columns);
        answers.push(result.map(|()| format!("figures {:?} {}", columns.pages, text(&columns))));
    }
    Ok(answers)
}

/// Reads figures wherever there are any.
pub(crate) fn read_pages(
    block: &Block,
    series: u32,
    range: TimeRange,
    columns: &mut SeriesColumns,
) -> Result<(), BlockError> {
    block.series(series)?.read_pages(range, &mut |_| true, columns, &mut Reading::default())
}

/// Every bit of a series' samples. No start timestamps are as many zeros.
pub(crate) fn text(columns: &SeriesColumns) -> String {
    let samples = bits(&columns.timestamps, &columns.values);
    let SeriesColumns { starts, histograms, .. } = columns;
    let padded = |starts: &[i64], len| match starts {
        [] => vec![0; len],
        starts => starts.to_vec(),
    };
    let starts = padded(starts, columns.len());
    let histogram_starts = padded(&histograms.starts, histograms.len());
    let sums: Vec<u64> = histograms.values.iter().map(|value| value.sum.to_bits()).collect();
    let (times, values) = (&histograms.timestamps, &histograms.values);
    format!("{samples:?} {starts:?} {times:?} {values:?} {histogram_starts:?} {sums:?}")
}

/// Asserts that each answer of a damaged block is the right one or an error. Returns whether there
/// was any error.
pub(crate) fn assert_right_or_error(
    damaged: &Result<Vec<Result<String, BlockError>>, BlockError>,
    right: &[Result<String, BlockError>],
    what: &str,
) -> bool {
    let answers = match damaged {
        Ok(answers) => answers,
        Err(error) => {
            assert!(!error.to_string().is_empty(), "{what}");
            return true;
        }
    };
    let mut any_error = false;
    for (answer, right) in answers.iter().zip(right) {
        match answer {
            Ok(answer) => assert_eq!(Some(answer), right.as_ref().ok(), "{what}"),
            Err(error) => {
                any_error = true;
                assert!(!error.to_string().is_empty(), "{what}");
            }
        }
    }
    any_error
}
