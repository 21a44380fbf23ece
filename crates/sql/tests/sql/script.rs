//! Scripts of statements and what they answer, in the manner of sqllogictest.
//!
//! Records are parted by empty lines; `#` begins a comment. There are:
//!
//! ```text
//! load                        samples, one series a line (see load.rs)
//! flush                       what is in memory goes into blocks
//! statement ok                a statement without looking at its answer
//! statement count N           one that writes or deletes N rows
//! statement error REGEX       one that fails with such a message
//! query TIRPB? [rowsort]      one that answers rows: after `----`, a line for each
//! ```
//!
//! The letters of a query are the types of its columns: text, integer, real, point in time, boolean, any.
//! Values are parted by one space; `NULL` is NULL and `(empty)` the empty text.

use arrow::datatypes::DataType;
use regex::Regex;

use crate::{
    house::{House, Told},
    load::load,
};

/// One record and the line on which it begins.
struct Record {
    line: usize,
    head: String,
    body: Vec<String>,
}

/// Runs a script. With `flushing`, everything loaded goes into blocks at once.
pub(crate) async fn run(text: &str, flushing: bool) -> Result<(), String> {
    let house = House::new();
    for record in records(text) {
        let outcome = run_record(&house, &record, flushing).await;
        outcome.map_err(|error| {
            format!("line {}: {}\n{}\n{error}", record.line, record.head, record.body.join("\n"))
        })?;
    }
    Ok(())
}

fn records(text: &str) -> Vec<Record> {
    let mut records = Vec::new();
    let mut open: Option<Record> = None;
    for (index, line) in text.lines().enumerate() {
        if line.starts_with('#') {
            continue;
        }
        if line.trim().is_empty() {
            records.extend(open.take());
            continue;
        }
        match &mut open {
            Some(record) => record.body.push(line.to_owned()),
            None => {
                let head = line.trim().to_owned();
                open = Some(Record { line: index + 1, head, body: Vec::new() });
            }
        }
    }
    records.extend(open);
    records
}

async fn run_record(house: &House, record: &Record, flushing: bool) -> Result<(), String> {
    let (kind, rest) = record.head.split_once(' ').unwrap_or((&record.head, ""));
    match (kind, rest) {
        ("load", "") => {
            load(&house.database, &record.body)?;
            if flushing {
                house.database.flush().map_err(|error| error.to_string())?;
            }
            Ok(())
        }
        ("flush", "") => house.database.flush().map(drop).map_err(|error| error.to_string()),
        ("statement", expected) => statement(house, &record.body.join("\n"), expected).await,
        ("query", expected) => query(house, &record.body, expected).await,
        _ => Err("unknown record".to_owned()),
    }
}

async fn statement(house: &House, sql: &str, expected: &str) -> Result<(), String> {
    let told = house.run(sql).await;
    if let Some(pattern) = expected.strip_prefix("error") {
        let pattern = Regex::new(pattern.trim()).map_err(|error| error.to_string())?;
        return match told {
            Err(error) if pattern.is_match(&error.to_string()) => Ok(()),
            Err(error) => Err(format!("another error: {error}")),
            Ok(told) => Err(format!("no error: {told:?}")),
        };
    }
    let told = told.map_err(|error| error.to_string())?;
    if let Some(count) = expected.strip_prefix("count ") {
        let count: u64 = count.parse().map_err(|_| "count N".to_owned())?;
        return match told {
            Told::Done { rows: Some(rows), .. } if rows == count => Ok(()),
            other => Err(format!("{other:?}")),
        };
    }
    if expected == "ok" { Ok(()) } else { Err(format!("unknown expectation {expected}")) }
}

async fn query(house: &House, body: &[String], expected: &str) -> Result<(), String> {
    let divider = body.iter().position(|line| line == "----").ok_or("no ----")?;
    let sql = body[..divider].join("\n");
    let mut wanted: Vec<String> = body[divider + 1..].iter().map(|line| squeezed(line)).collect();
    let (letters, sort) = expected.split_once(' ').unwrap_or((expected, ""));
    let told = house.run(&sql).await.map_err(|error| error.to_string())?;
    let Told::Rows { types, rows } = told else { return Err(format!("{told:?}")) };
    let found: String = types.iter().map(letter).collect();
    let fits = letters.len() == found.len()
        && letters.chars().zip(found.chars()).all(|(a, b)| a == '?' || a == b);
    if !fits {
        return Err(format!("the types are {found}: {types:?}"));
    }
    let text = |value: &String| if value.is_empty() { "(empty)".to_owned() } else { value.clone() };
    let mut lines: Vec<String> = rows
        .iter()
        .map(|row| squeezed(&row.iter().map(text).collect::<Vec<_>>().join(" ")))
        .collect();
    if sort == "rowsort" {
        lines.sort_unstable();
        wanted.sort_unstable();
    } else if !sort.is_empty() && sort != "nosort" {
        return Err(format!("unknown order {sort}"));
    }
    if lines == wanted { Ok(()) } else { Err(format!("it answers:\n{}", lines.join("\n"))) }
}

fn squeezed(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn letter(of: &DataType) -> char {
    match of {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => 'T',
        DataType::Dictionary(_, values) => letter(values),
        DataType::Float64 | DataType::Float32 | DataType::Float16 => 'R',
        DataType::Decimal128(..) => 'R',
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => 'P',
        DataType::Boolean => 'B',
        of if of.is_integer() => 'I',
        _ => '?',
    }
}
