//! Names and types of a file's columns, read before a statement is planned.

use std::{
    fs::File,
    io::{BufReader, Read as _, Seek as _},
    sync::Arc,
};

use arrow::{
    csv::reader::Format as CsvFormat,
    datatypes::{DataType, Field, Schema, SchemaRef},
    ipc::reader::{FileReader, StreamReader},
};
use datafusion::{error::Result, parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder};
use regex::Regex;

use super::{
    FileFormat, ReadOptions,
    damage::{damaged, guarded},
    directory::Found,
    format::whole_compression,
};
use crate::tables::time_type;

/// Lines of CSV from which the types of its columns follow.
const LINES_READ: usize = 20_480;

/// The columns of a file.
///
/// # Errors
/// It cannot be read, or is not of this format.
pub(super) fn schema_of(
    found: &Found,
    format: FileFormat,
    options: &ReadOptions,
) -> Result<SchemaRef> {
    let read = guarded(&found.name, || match format {
        FileFormat::Parquet => parquet(File::open(&found.path)?),
        FileFormat::Arrow => arrow(File::open(&found.path)?),
        FileFormat::Csv => csv(found, options),
    })?;
    let schema = read.map_err(|error| damaged(&found.name, &error))?;
    if schema.fields().is_empty() {
        return Err(damaged(&found.name, &"it has no columns"));
    }
    // Without what other programs keep there for themselves.
    Ok(Arc::new(Schema::new(schema.fields().clone())))
}

fn parquet(file: File) -> Result<SchemaRef> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
    Ok(Arc::clone(builder.schema()))
}

/// Arrow's files begin with their name, its streams do not.
fn arrow(mut file: File) -> Result<SchemaRef> {
    let mut begin = [0; 6];
    let is_file = file.read_exact(&mut begin).is_ok() && begin == *b"ARROW1";
    file.rewind()?;
    Ok(if is_file {
        FileReader::try_new(file, None)?.schema()
    } else {
        StreamReader::try_new(BufReader::new(file), None)?.schema()
    })
}

fn csv(found: &Found, options: &ReadOptions) -> Result<SchemaRef> {
    let format = CsvFormat::default().with_header(options.header).with_delimiter(options.delimiter);
    let infer = |format: &CsvFormat| -> Result<Schema> {
        let file = File::open(&found.path)?;
        let lines = BufReader::new(whole_compression(&found.name).convert_read(file)?);
        Ok(format.infer_schema(lines, Some(LINES_READ))?.0)
    };
    let schema = infer(&format)?;
    // Arrow takes the names of infinities for texts: without them, a column may be one of numbers.
    let is_text = |field: &Arc<Field>| field.data_type() == &DataType::Utf8;
    let numbers = match Regex::new("^([+-]?Infinity)?$") {
        Ok(infinities) if schema.fields().iter().any(is_text) => {
            Some(infer(&format.with_null_regex(infinities))?)
        }
        _ => None,
    };
    let typed = |(index, field): (usize, &Arc<Field>)| {
        let kind = match field.data_type() {
            // So it can be compared and joined with the time of samples.
            DataType::Timestamp(..) => time_type(),
            // Of a column without values, texts can be made of whatever comes.
            DataType::Null => DataType::Utf8,
            DataType::Utf8 => match numbers.as_ref().map(|of| of.field(index).data_type()) {
                Some(DataType::Int64 | DataType::Float64) => DataType::Float64,
                _ => DataType::Utf8,
            },
            other => other.clone(),
        };
        Field::new(field.name(), kind, true)
    };
    Ok(Arc::new(Schema::new(schema.fields().iter().enumerate().map(typed).collect::<Vec<_>>())))
}
