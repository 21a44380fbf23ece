//! Rows of a table, some thousands at a time.
//!
//! The crate `parquet` panics over some damaged files; [`guarded`] makes errors of that.

use std::panic::{AssertUnwindSafe, catch_unwind};

use parquet::{
    basic::{Compression, ConvertedType, LogicalType, TimeUnit as ParquetUnit, Type as Physical},
    column::reader::{ColumnReader, ColumnReaderImpl},
    data_type::{ByteArray, DataType},
    errors::ParquetError,
    file::{
        metadata::{ParquetMetaData, RowGroupMetaData},
        reader::{FileReader, SerializedFileReader},
    },
    schema::types::{ColumnDescriptor, SchemaDescriptor},
};
use timberline::LabelsBuilder;
use timberline_model::{METRIC_NAME, TimeUnit};

use crate::{
    ExchangeError,
    files::InputFile,
    histogram_json,
    intake::Intake,
    rows::{Cell, Role, Rows},
    time,
};

/// Rows that are read together.
const BATCH_ROWS: usize = 8_192;

/// Reads a file.
pub(crate) fn import(
    file: InputFile,
    unit: Option<TimeUnit>,
    intake: &mut Intake<'_>,
) -> Result<(), ExchangeError> {
    let (path, bytes) = (file.path().to_owned(), file.bytes());
    let failed = |error: ParquetError| ExchangeError::malformed(&path, "parquet", error);
    let reader = guarded(|| SerializedFileReader::new(file.into_inner())).map_err(failed)?;
    check_compression(reader.metadata())
        .map_err(|reason| ExchangeError::Unsupported { path: path.clone(), reason })?;
    let schema = reader.metadata().file_metadata().schema_descr();
    let columns = columns_of(schema, unit);
    let columns = columns.map_err(|error| ExchangeError::malformed(&path, "the schema", error))?;
    let (mut builder, mut rows) = (LabelsBuilder::default(), Rows::default());
    let (mut done, total) = (0_u64, reader.metadata().file_metadata().num_rows().max(1) as u64);
    for number in 0..reader.num_row_groups() {
        let group = guarded(|| reader.get_row_group(number)).map_err(failed)?;
        let mut batch = Vec::with_capacity(columns.len());
        for (index, column) in columns.iter().enumerate() {
            let reader = guarded(|| group.get_column_reader(index)).map_err(failed)?;
            batch.push(Leaf::new(column, reader));
        }
        loop {
            let mut count = 0;
            for leaf in &mut batch {
                count = count.max(guarded(|| leaf.read()).map_err(failed)?);
            }
            for row in 0..count {
                let bad = |reason: String| {
                    let place = format!("row {}", done + row as u64);
                    ExchangeError::malformed(&path, place, reason)
                };
                let (times, cell) = read_row(&mut batch, &mut builder).map_err(bad)?;
                rows.push(&mut builder, times, cell, intake)?.map_err(bad)?;
            }
            done += count as u64;
            intake.advance_to(bytes * done.min(total) / total);
            if count == 0 {
                break;
            }
        }
    }
    rows.end(intake)
}

/// What the crate says, or that it has panicked: it is not asked again after an error.
fn guarded<T>(ask: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, ParquetError> {
    catch_unwind(AssertUnwindSafe(ask)).unwrap_or_else(|_| {
        Err(ParquetError::General("it contradicts itself; its reader gave up".to_owned()))
    })
}

/// Checks that all columns are compressed in a way that is read.
fn check_compression(metadata: &ParquetMetaData) -> Result<(), String> {
    for column in metadata.row_groups().iter().flat_map(RowGroupMetaData::columns) {
        let found = column.compression();
        if !matches!(found, Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::ZSTD(_))
        {
            let name = column.column_path().string();
            return Err(format!(
                "column {name} is compressed by {found}; uncompressed, snappy and zstd are read"
            ));
        }
    }
    Ok(())
}

/// What a leaf of the schema is to us.
#[derive(Clone, Debug)]
struct Column {
    kind: Kind,
    /// The level at which a value is there.
    there: i16,
    /// In the map of labels, the level at which an entry is there.
    entry: i16,
}

#[derive(Clone, Debug)]
enum Kind {
    Role(Role, Option<TimeUnit>),
    LabelKey,
    LabelValue,
}

fn columns_of(schema: &SchemaDescriptor, unit: Option<TimeUnit>) -> Result<Vec<Column>, String> {
    let mut columns = Vec::new();
    let mut roles = Vec::new();
    let mut entry = 0;
    for leaf in schema.columns() {
        let parts = leaf.path().parts();
        let role = Role::of(parts.first().map_or("", String::as_str));
        let kind = match (&role, parts.len(), leaf.max_rep_level()) {
            (Role::Labels, 3, 1) if parts[2] == "key" => {
                entry = leaf.max_def_level();
                Kind::LabelKey
            }
            (Role::Labels, 3, 1) if parts[2] == "value" => Kind::LabelValue,
            (Role::Labels, ..) | (_, 2.., _) | (_, _, 1..) => {
                let name = leaf.path().string();
                return Err(format!("column {name} is nested; only labels may be, as a map"));
            }
            _ => Kind::Role(role.clone(), unit_of(leaf).or(unit)),
        };
        check_type(leaf, &role)?;
        if !matches!(kind, Kind::LabelValue) {
            roles.push(role);
        }
        columns.push(Column { kind, there: leaf.max_def_level(), entry });
    }
    Role::check_all(&roles)?;
    Ok(columns)
}

/// Checks that a column's type fits what it is.
fn check_type(leaf: &ColumnDescriptor, role: &Role) -> Result<(), String> {
    let found = leaf.physical_type();
    let fits = match role {
        Role::Timestamp | Role::Start => matches!(found, Physical::INT64 | Physical::BYTE_ARRAY),
        Role::Value => {
            matches!(found, Physical::DOUBLE | Physical::FLOAT | Physical::INT64 | Physical::INT32)
        }
        _ => found == Physical::BYTE_ARRAY,
    };
    let name = leaf.path().string();
    if fits { Ok(()) } else { Err(format!("column {name} of type {found} cannot be its {role:?}")) }
}

/// The unit of a column of times, if its type says one.
fn unit_of(leaf: &ColumnDescriptor) -> Option<TimeUnit> {
    match (leaf.logical_type_ref(), leaf.converted_type()) {
        (Some(LogicalType::Timestamp(times)), _) => Some(match times.unit {
            ParquetUnit::MILLIS => TimeUnit::Milli,
            ParquetUnit::MICROS => TimeUnit::Micro,
            ParquetUnit::NANOS => TimeUnit::Nano,
        }),
        (_, ConvertedType::TIMESTAMP_MILLIS) => Some(TimeUnit::Milli),
        (_, ConvertedType::TIMESTAMP_MICROS) => Some(TimeUnit::Micro),
        _ => None,
    }
}

/// A leaf's values of the rows at hand.
struct Leaf {
    column: Column,
    reader: ColumnReader,
    values: std::vec::IntoIter<Value>,
    there: Vec<i16>,
    list: Vec<i16>,
    /// The next level to be taken.
    next: usize,
}

#[derive(Clone, Debug)]
enum Value {
    Integer(i64),
    Float(f64),
    Text(ByteArray),
}

impl Leaf {
    fn new(column: &Column, reader: ColumnReader) -> Self {
        let (there, list) = (Vec::new(), Vec::new());
        let values = Vec::new().into_iter();
        Self { column: column.clone(), reader, values, there, list, next: 0 }
    }

    /// Reads the next rows and returns how many there are.
    fn read(&mut self) -> Result<usize, ParquetError> {
        self.there.clear();
        self.list.clear();
        self.next = 0;
        let levels = (&mut self.there, &mut self.list);
        let (rows, values) = match &mut self.reader {
            ColumnReader::Int32ColumnReader(reader) => {
                records(reader, levels, |value: i32| Value::Integer(value.into()))
            }
            ColumnReader::Int64ColumnReader(reader) => records(reader, levels, Value::Integer),
            ColumnReader::FloatColumnReader(reader) => {
                records(reader, levels, |value: f32| Value::Float(value.into()))
            }
            ColumnReader::DoubleColumnReader(reader) => records(reader, levels, Value::Float),
            ColumnReader::ByteArrayColumnReader(reader) => records(reader, levels, Value::Text),
            _ => Err(ParquetError::General("a column of an unexpected type".to_owned())),
        }?;
        if self.column.there == 0 {
            self.there.resize(rows, 0);
        }
        self.values = values.into_iter();
        Ok(rows)
    }

    /// The value of the next row, if it has one.
    fn take(&mut self) -> Option<Value> {
        let there = self.there.get(self.next).is_some_and(|level| *level >= self.column.there);
        self.next += 1;
        if there { self.values.next() } else { None }
    }

    /// The values of the next row's list, each of which may be missing.
    fn take_list(&mut self) -> Vec<Option<Value>> {
        let mut list = Vec::new();
        loop {
            let Some(level) = self.there.get(self.next).copied() else { return list };
            if level >= self.column.entry {
                list.push(if level >= self.column.there { self.values.next() } else { None });
            }
            self.next += 1;
            if self.list.get(self.next).is_none_or(|level| *level == 0) {
                return list;
            }
        }
    }
}

fn records<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    (there, list): (&mut Vec<i16>, &mut Vec<i16>),
    wrap: impl Fn(T::T) -> Value,
) -> Result<(usize, Vec<Value>), ParquetError> {
    let mut values = Vec::new();
    let (rows, _, _) = reader.read_records(BATCH_ROWS, Some(there), Some(list), &mut values)?;
    Ok((rows, values.into_iter().map(wrap).collect()))
}

/// Takes the next row from all leaves; its labels go to the builder.
fn read_row(batch: &mut [Leaf], builder: &mut LabelsBuilder) -> Result<((i64, i64), Cell), String> {
    builder.clear();
    let (mut ts, mut start, mut cells) = (None, 0, Vec::with_capacity(1));
    let mut keys = Vec::new();
    for leaf in batch {
        match leaf.column.kind.clone() {
            Kind::LabelKey => keys = leaf.take_list(),
            Kind::LabelValue => {
                for (name, value) in std::mem::take(&mut keys).into_iter().zip(leaf.take_list()) {
                    if let (Some(Value::Text(name)), Some(Value::Text(value))) = (name, value) {
                        builder.push(text(&name)?, text(&value)?);
                    }
                }
            }
            Kind::Role(role, unit) => {
                let Some(value) = leaf.take() else { continue };
                match (role, value) {
                    (Role::Timestamp, value) => ts = Some(instant(value, unit)?),
                    (Role::Start, value) => start = instant(value, unit)?,
                    (Role::Value, Value::Float(value)) => cells.push(Cell::Float(value)),
                    (Role::Value, Value::Integer(value)) => cells.push(Cell::Float(value as f64)),
                    (Role::Histogram, Value::Text(json)) => {
                        let json = serde_json::from_str(text(&json)?);
                        let json = json.map_err(|error| format!("histogram: {error}"))?;
                        cells.push(Cell::Histogram(Box::new(histogram_json::from_json(json)?)));
                    }
                    (Role::Metric, Value::Text(name)) => builder.push(METRIC_NAME, text(&name)?),
                    (Role::Label(name), Value::Text(value)) => builder.push(&name, text(&value)?),
                    (role, _) => return Err(format!("the {role:?} is of another type")),
                }
            }
        }
    }
    let ts = ts.ok_or("it has no timestamp")?;
    match (cells.pop(), cells.is_empty()) {
        (Some(cell), true) => Ok(((ts, start), cell)),
        (Some(_), false) => Err("it has both a value and a histogram".to_owned()),
        (None, _) => Err("it has neither a value nor a histogram".to_owned()),
    }
}

fn text(bytes: &ByteArray) -> Result<&str, String> {
    str::from_utf8(bytes.data()).map_err(|_| "a text that is not UTF-8".to_owned())
}

fn instant(value: Value, unit: Option<TimeUnit>) -> Result<i64, String> {
    match value {
        Value::Integer(number) => match unit {
            Some(unit) => number
                .checked_mul(unit.nanos())
                .ok_or_else(|| format!("time {number} is beyond the years 1677 to 2262")),
            None => time::parse(&number.to_string(), None),
        },
        Value::Text(bytes) => time::parse(text(&bytes)?, unit),
        Value::Float(_) => Err("a time that is a float".to_owned()),
    }
}
