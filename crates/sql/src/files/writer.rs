//! Rows in the format of a file.

use std::{
    collections::HashMap,
    io::{self, BufWriter, Write as _},
    sync::Arc,
};

use arrow::{
    array::{
        Array as _, ArrayRef, AsArray as _, DictionaryArray, Int32Array, RecordBatch, StringArray,
    },
    compute::cast,
    datatypes::{DataType, Field, Int32Type, Schema, SchemaRef},
    error::ArrowError,
    ipc::{
        CompressionType,
        writer::{DictionaryHandling, FileWriter, IpcWriteOptions},
    },
};
use datafusion::{
    error::{DataFusionError, Result},
    parquet::{arrow::ArrowWriter, errors::ParquetError, file::properties::WriterProperties},
};

use super::{
    FileFormat, WriteOptions, directory::failed, format::FileCompression, partial::Partial,
};
use crate::render::{write_csv_head, write_csv_row};

/// Bytes that go to the operating system at once.
const BUFFER_BYTES: usize = 1 << 20;
/// Bytes that a group of Parquet holds in memory at most.
const ROW_GROUP_BYTES: usize = 64 << 20;

/// Writes rows into a file.
pub(super) struct Writer {
    name: String,
    form: Form,
}

enum Form {
    Parquet(Box<ArrowWriter<Partial>>),
    Arrow(Box<FileWriter<BufWriter<Partial>>>, Dictionaries),
    Csv { out: BufWriter<Partial>, line: Vec<u8>, delimiter: u8 },
}

impl Writer {
    /// Begins a file of these columns. `name` is for errors.
    ///
    /// # Errors
    /// Columns that the format cannot have, or a file that cannot be written.
    pub(super) fn begin(
        file: Partial,
        name: &str,
        schema: &SchemaRef,
        options: &WriteOptions,
    ) -> Result<Self> {
        let refused = |error: DataFusionError| in_file(name, &error);
        let form = match options.format {
            FileFormat::Parquet => {
                let properties = WriterProperties::builder()
                    .set_compression(options.compression.of_parquet())
                    .set_max_row_group_row_count(Some(options.row_group_size))
                    .build();
                let writer = ArrowWriter::try_new(file, Arc::clone(schema), Some(properties));
                Form::Parquet(Box::new(writer.map_err(|error| refused(error.into()))?))
            }
            FileFormat::Arrow => {
                let dictionaries = Dictionaries::new(schema);
                let compression = match options.compression {
                    FileCompression::Zstd => Some(CompressionType::ZSTD),
                    FileCompression::None | FileCompression::Snappy => None,
                };
                let written = IpcWriteOptions::default()
                    .with_dictionary_handling(DictionaryHandling::Delta)
                    .try_with_compression(compression)
                    .and_then(|options| {
                        let file = BufWriter::with_capacity(BUFFER_BYTES, file);
                        FileWriter::try_new_with_options(file, &dictionaries.schema, options)
                    });
                let writer = written.map_err(|error| refused(error.into()))?;
                Form::Arrow(Box::new(writer), dictionaries)
            }
            FileFormat::Csv => {
                let mut out = BufWriter::with_capacity(BUFFER_BYTES, file);
                let mut line = Vec::new();
                if options.header {
                    write_csv_head(&mut line, schema, options.delimiter);
                    out.write_all(&line).map_err(|error| failed("write", name, &error))?;
                }
                Form::Csv { out, line, delimiter: options.delimiter }
            }
        };
        Ok(Self { name: name.to_owned(), form })
    }

    /// Writes further rows.
    ///
    /// # Errors
    /// Values that the format cannot have, or a file that cannot be written.
    pub(super) fn rows(&mut self, batch: &RecordBatch) -> Result<()> {
        let written = match &mut self.form {
            Form::Parquet(writer) => {
                writer.write(batch).map_err(DataFusionError::from).and_then(|()| {
                    if writer.in_progress_size() > ROW_GROUP_BYTES {
                        writer.flush()?;
                    }
                    Ok(())
                })
            }
            Form::Arrow(writer, dictionaries) => dictionaries
                .whole(batch)
                .and_then(|batch| writer.write(&batch))
                .map_err(DataFusionError::from),
            Form::Csv { out, line, delimiter } => (0..batch.num_rows())
                .try_for_each(|row| {
                    line.clear();
                    write_csv_row(line, batch, row, *delimiter);
                    out.write_all(line)
                })
                .map_err(DataFusionError::from),
        };
        written.map_err(|error| in_file(&self.name, &error))
    }

    /// Bytes of memory that it holds.
    pub(super) fn memory(&self) -> usize {
        match &self.form {
            Form::Parquet(writer) => writer.memory_size(),
            Form::Arrow(_, dictionaries) => BUFFER_BYTES + dictionaries.bytes(),
            Form::Csv { .. } => BUFFER_BYTES,
        }
    }

    /// Lets go of as much memory as it can.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(super) fn release(&mut self) -> Result<()> {
        match &mut self.form {
            Form::Parquet(writer) => {
                writer.flush().map_err(|error| in_file(&self.name, &error.into()))
            }
            Form::Arrow(..) | Form::Csv { .. } => Ok(()),
        }
    }

    /// Writes the end, and gives the file back.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(super) fn finish(self) -> Result<Partial> {
        let name = self.name;
        let refused = |error: io::Error| failed("write", &name, &error);
        match self.form {
            Form::Parquet(writer) => {
                writer.into_inner().map_err(|error| in_file(&name, &error.into()))
            }
            Form::Arrow(mut writer, _) => {
                writer.finish().map_err(|error| in_file(&name, &error.into()))?;
                let out = writer.into_inner().map_err(|error| in_file(&name, &error.into()))?;
                out.into_inner().map_err(|error| refused(error.into_error()))
            }
            Form::Csv { out, .. } => out.into_inner().map_err(|error| refused(error.into_error())),
        }
    }
}

/// An error of writing a file: of the disk, or of what the format can have.
fn in_file(name: &str, error: &DataFusionError) -> DataFusionError {
    let cause = match error {
        DataFusionError::IoError(cause) => Some(cause),
        DataFusionError::ArrowError(arrow, _) => match arrow.as_ref() {
            ArrowError::IoError(_, cause) => Some(cause),
            _ => None,
        },
        DataFusionError::ParquetError(parquet) => match parquet.as_ref() {
            ParquetError::External(cause) => cause.downcast_ref::<io::Error>(),
            _ => None,
        },
        _ => None,
    };
    match cause {
        Some(cause) => failed("write", name, cause),
        None => DataFusionError::Plan(format!(
            "cannot write the file '{name}': {}",
            crate::dialect::plain(error)
        )),
    }
}

/// What a file of Arrow's has of its columns with dictionaries. Each of them may have only one dictionary,
/// to which further values are added; batches come with one each.
struct Dictionaries {
    schema: SchemaRef,
    columns: Vec<Column>,
}

enum Column {
    AsItIs,
    /// Written as another type, without a dictionary.
    Plain(DataType),
    Dictionary(Growing),
}

/// A dictionary that grows.
#[derive(Default)]
struct Growing {
    places: HashMap<Arc<str>, i32>,
    values: Vec<Arc<str>>,
    /// The same as an array, as long as nothing was added.
    written: Option<ArrayRef>,
    bytes: usize,
}

impl Dictionaries {
    fn new(schema: &SchemaRef) -> Self {
        let mut columns = Vec::new();
        let mut fields = Vec::new();
        for field in schema.fields() {
            let column = match field.data_type() {
                DataType::Dictionary(keys, values)
                    if **keys == DataType::Int32 && **values == DataType::Utf8 =>
                {
                    Column::Dictionary(Growing::default())
                }
                DataType::Dictionary(_, values) => Column::Plain(values.as_ref().clone()),
                _ => Column::AsItIs,
            };
            fields.push(match &column {
                Column::Plain(kind) => Arc::new(Field::new(field.name(), kind.clone(), true)),
                _ => Arc::clone(field),
            });
            columns.push(column);
        }
        Self { schema: Arc::new(Schema::new(fields)), columns }
    }

    /// A batch with the dictionaries of the file.
    fn whole(&mut self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let columns =
            self.columns.iter_mut().zip(batch.columns()).map(|(column, array)| match column {
                Column::AsItIs => Ok(Arc::clone(array)),
                Column::Plain(kind) => cast(array, kind),
                Column::Dictionary(growing) => growing.encode(array),
            });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
    }

    fn bytes(&self) -> usize {
        let each = self.columns.iter().map(|column| match column {
            Column::Dictionary(growing) => growing.bytes,
            Column::AsItIs | Column::Plain(_) => 0,
        });
        each.sum()
    }
}

impl Growing {
    fn encode(&mut self, array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
        let batch = array.as_dictionary::<Int32Type>();
        let texts = batch.values().as_string::<i32>();
        // Only values that a row has are added.
        let mut keys: Vec<Option<i32>> = vec![None; texts.len()];
        let mut encoded = Vec::with_capacity(batch.len());
        for key in batch.keys() {
            let key = key.and_then(|key| usize::try_from(key).ok());
            let Some(key) = key.filter(|key| texts.is_valid(*key)) else {
                encoded.push(None);
                continue;
            };
            let place = match keys[key] {
                Some(place) => place,
                None => *keys[key].insert(self.place(texts.value(key))?),
            };
            encoded.push(Some(place));
        }
        let values = match &self.written {
            Some(values) => Arc::clone(values),
            None => {
                let values: ArrayRef = Arc::new(StringArray::from_iter_values(&self.values));
                Arc::clone(self.written.insert(values))
            }
        };
        Ok(Arc::new(DictionaryArray::try_new(Int32Array::from(encoded), values)?))
    }

    /// The place of a text among the values.
    fn place(&mut self, text: &str) -> Result<i32, ArrowError> {
        if let Some(place) = self.places.get(text) {
            return Ok(*place);
        }
        let place =
            i32::try_from(self.values.len()).map_err(|_| ArrowError::DictionaryKeyOverflowError)?;
        let text: Arc<str> = Arc::from(text);
        self.bytes += 2 * text.len() + 64;
        self.values.push(Arc::clone(&text));
        self.places.insert(text, place);
        self.written = None;
        Ok(place)
    }
}
