//! What is read of a `COPY`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

fn read(sql: &str) -> (String, CopyTarget) {
    let (question, target) = copy_of(sql).unwrap().unwrap();
    (question.to_string(), target)
}

fn refusal(sql: &str) -> String {
    copy_of(sql).unwrap_err().strip_backtrace()
}

#[test]
fn other_statements_are_not_read() {
    for sql in [
        "SELECT 1",
        "",
        "copying",
        "'unclosed",
        "COPY 'unclosed",
        "(COPY t TO 'x.csv')",
        "INSERT INTO copy VALUES (1)",
    ] {
        assert_eq!(copy_of(sql).unwrap(), None, "{sql}");
    }
}

#[test]
fn comments_before_the_word_are_stepped_over() {
    for before in ["-- one\n", "/* a /* b */ c */", " \t\r\n--\r\n/**/"] {
        let (question, _) = read(&format!("{before}copy t TO 'x.csv'"));
        assert_eq!(question, "SELECT * FROM t", "{before:?}");
    }
}

#[test]
fn questions_tables_and_options_are_read() {
    let (question, target) = read("copy (SELECT ')' AS a WHERE $1) to 'x.CSV' ;");
    assert_eq!(question, "SELECT ')' AS a WHERE $1");
    assert_eq!(target.file, "x.CSV");
    assert_eq!(target.options, WriteOptions::of_format(FileFormat::Csv, "x.csv"));
    let (question, target) = read(
        "COPY \"A b\".c (d, \"E\") TO 'x' WITH (format = arrow, overwrite, compression 'zstd')",
    );
    assert_eq!(question, "SELECT d, \"E\" FROM \"A b\".c");
    assert_eq!(target.options.format, FileFormat::Arrow);
    assert!(target.options.overwrite);
    assert_eq!(target.options.compression, FileCompression::Zstd);
    let (_, target) = read("COPY t TO 'x.tsv' (HEADER off, OVERWRITE false)");
    assert_eq!(target.options.delimiter, b'\t');
    assert!(!target.options.header && !target.options.overwrite);
    let (_, target) = read("COPY t TO 'x.parquet' (ROW_GROUP_SIZE 5)");
    assert_eq!(target.options.row_group_size, 5);
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    for (sql, what) in [
        ("COPY t TO 'x'", "says no format"),
        ("COPY t TO 'x.csv' WITH", "( after WITH"),
        ("COPY t TO x.csv", "Expected"),
        ("COPY t TO 'x.csv' (nothing 1)", "no option \"nothing\""),
        ("COPY t TO 'x.csv' (header maybe)", "true or false, not maybe"),
        ("COPY t TO 'x.arrow' (compression snappy)", "zstd, none"),
        ("COPY t TO 'x.parquet' (row_group_size 99999999)", "from 1 to"),
        ("COPY (SELECT 1 TO 'x.csv'", "Expected"),
        ("COPY t TO 'x.csv' x", "Expected"),
        ("COPY t FROM STDIN", "COPY ... FROM"),
    ] {
        assert!(refusal(sql).contains(what), "{sql}: {}", refusal(sql));
    }
}
