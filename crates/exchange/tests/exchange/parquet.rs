//! Parquet files that others wrote (pyarrow 26), and files that are damaged.

use std::path::{Path, PathBuf};

use timberline::{ErrorKind, Labels};
use timberline_exchange::{ExchangeError, Format, ImportSettings, import};
use timberline_model::NANOS_PER_MILLI;

use super::support::{Contents, contents, import_from, open};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}

fn refused(name: &str) -> ExchangeError {
    let dir = tempfile::tempdir().unwrap();
    let database = open(&dir.path().join("db"));
    let settings = ImportSettings::default();
    let result = import(&database, Format::Parquet, &[file(name)], &settings, &mut |_| {});
    assert!(contents(&database).is_empty());
    result.unwrap_err()
}

#[test]
fn a_file_of_another_writer_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let database = open(&dir.path().join("db"));
    import_from(&database, Format::Parquet, &file("pyarrow-snappy.parquet"));
    let labels = |pairs: &[(&str, &str)]| Labels::from_pairs(pairs.iter().copied()).unwrap();
    let sample = |ms: i64, value: f64| vec![(ms * NANOS_PER_MILLI, 0, Ok(value.to_bits()))];
    let expected = Contents::from([
        (
            labels(&[("__name__", "cpu"), ("host", "a"), ("rack", "r1")]),
            sample(1_700_000_000_123, 0.5),
        ),
        (
            labels(&[("__name__", "cpu"), ("host", "b"), ("zone", "é")]),
            sample(1_700_000_000_123, -2.0),
        ),
        (labels(&[("__name__", "mem"), ("rack", "r2")]), sample(1_700_000_015_000, f64::INFINITY)),
    ]);
    assert_eq!(contents(&database), expected);
}

#[test]
fn a_compression_that_is_not_read_is_named() {
    let error = refused("pyarrow-gzip.parquet");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("compressed by GZIP"), "{error}");
}

#[test]
fn damaged_files_are_errors_whatever_their_reader_does_over_them() {
    for name in ["damaged-page.parquet", "damaged-footer.parquet"] {
        let error = refused(name);
        assert!(matches!(error, ExchangeError::Malformed { .. }), "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
}
