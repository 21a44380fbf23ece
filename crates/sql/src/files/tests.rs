//! Names of files, and delimiters.

use super::*;

#[test]
fn the_end_of_a_name_says_the_format() {
    for (name, format) in [
        ("x.parquet", Some(FileFormat::Parquet)),
        ("sub/x.Arrow", Some(FileFormat::Arrow)),
        ("x.feather", Some(FileFormat::Arrow)),
        ("x.csv", Some(FileFormat::Csv)),
        ("x.csv.gz", Some(FileFormat::Csv)),
        ("x.tsv.zst", Some(FileFormat::Csv)),
        ("x.parquet.gz", None),
        ("x.json", None),
        ("csv", None),
    ] {
        assert_eq!(FileFormat::of_name(name), format, "{name}");
    }
    assert_eq!(ReadOptions::of_name("x.tsv.gz").delimiter, b'\t');
}

#[test]
fn a_delimiter_is_one_plain_character() {
    for (text, byte) in [(",", Some(b',')), ("\t", Some(b'\t')), ("\\t", Some(b'\t'))] {
        assert_eq!(delimiter(text).ok(), byte, "{text}");
    }
    for text in ["", "ab", "\"", "\n", "ä"] {
        assert!(delimiter(text).is_err(), "{text}");
    }
}
