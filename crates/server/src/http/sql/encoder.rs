//! Batches of rows in the form that was asked for.

use std::time::Instant;

use arrow::{
    array::RecordBatch, datatypes::SchemaRef, error::ArrowError, ipc::writer::StreamWriter,
};
use timberline_sql::render::{type_name, write_csv_head, write_csv_row, write_json, write_string};

use super::format::Format;
use crate::error::ApiError;

/// Writes the bytes of one answer, piece by piece.
pub(super) struct Encoder {
    form: Form,
    rows: u64,
    begun: Instant,
}

enum Form {
    Json,
    /// With the names of the columns as JSON.
    Lines(Vec<Vec<u8>>),
    Csv,
    Arrow(Box<StreamWriter<Vec<u8>>>),
}

impl Encoder {
    /// An encoder, and the first bytes.
    ///
    /// # Errors
    /// Columns that Arrow's stream cannot have.
    pub(super) fn new(
        format: Format,
        schema: &SchemaRef,
        begun: Instant,
    ) -> Result<(Self, Vec<u8>), ArrowError> {
        let mut out = Vec::new();
        let form = match format {
            Format::Json => {
                out.extend_from_slice(b"{\"columns\":[");
                for (index, field) in schema.fields().iter().enumerate() {
                    separate(&mut out, index);
                    out.extend_from_slice(b"{\"name\":");
                    write_string(&mut out, field.name());
                    out.extend_from_slice(b",\"type\":\"");
                    out.extend_from_slice(type_name(field.data_type()).as_bytes());
                    out.extend_from_slice(b"\"}");
                }
                out.extend_from_slice(b"],\"rows\":[");
                Form::Json
            }
            Format::Lines => {
                let name = |field: &arrow::datatypes::FieldRef| {
                    let mut name = Vec::new();
                    write_string(&mut name, field.name());
                    name
                };
                Form::Lines(schema.fields().iter().map(name).collect())
            }
            Format::Csv => {
                write_csv_head(&mut out, schema, b',');
                Form::Csv
            }
            Format::Arrow => {
                let mut writer = StreamWriter::try_new(Vec::new(), schema)?;
                out.append(writer.get_mut());
                Form::Arrow(Box::new(writer))
            }
        };
        Ok((Self { form, rows: 0, begun }, out))
    }

    /// Rows so far.
    pub(super) const fn rows(&self) -> u64 {
        self.rows
    }

    /// The bytes of further rows.
    ///
    /// # Errors
    /// As Arrow's writer has them.
    pub(super) fn batch(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        let mut out = Vec::new();
        match &mut self.form {
            Form::Json => {
                for row in 0..batch.num_rows() {
                    separate(&mut out, usize::from(self.rows > 0) + row);
                    out.push(b'[');
                    for (index, column) in batch.columns().iter().enumerate() {
                        separate(&mut out, index);
                        write_json(&mut out, column.as_ref(), row);
                    }
                    out.push(b']');
                }
            }
            Form::Lines(names) => {
                for row in 0..batch.num_rows() {
                    out.push(b'{');
                    for (index, (name, column)) in names.iter().zip(batch.columns()).enumerate() {
                        separate(&mut out, index);
                        out.extend_from_slice(name);
                        out.push(b':');
                        write_json(&mut out, column.as_ref(), row);
                    }
                    out.extend_from_slice(b"}\n");
                }
            }
            Form::Csv => {
                for row in 0..batch.num_rows() {
                    write_csv_row(&mut out, batch, row, b',');
                }
            }
            Form::Arrow(writer) => {
                writer.write(batch)?;
                out.append(writer.get_mut());
            }
        }
        self.rows += batch.num_rows() as u64;
        Ok(out)
    }

    /// The last bytes of an answer that is whole.
    ///
    /// # Errors
    /// As Arrow's writer has them.
    pub(super) fn finish(&mut self) -> Result<Vec<u8>, ArrowError> {
        let (rows, seconds) = (self.rows, self.begun.elapsed().as_secs_f64());
        Ok(match &mut self.form {
            Form::Json => format!(
                "],\"row_count\":{rows},\"seconds\":{seconds:.6},\"status\":\"success\"}}\n"
            )
            .into_bytes(),
            Form::Lines(_) | Form::Csv => Vec::new(),
            Form::Arrow(writer) => {
                writer.finish()?;
                std::mem::take(writer.get_mut())
            }
        })
    }

    /// The last bytes of an answer that went wrong, and whether they say so by themselves. If not, the
    /// connection must break off.
    pub(super) fn fail(&self, error: &ApiError) -> (Vec<u8>, bool) {
        let mut out = Vec::new();
        match &self.form {
            Form::Json => {
                out.extend_from_slice(b"],");
                // The object of an error without its opening brace.
                out.extend_from_slice(&error.json()[1..]);
                out.push(b'\n');
                (out, true)
            }
            Form::Lines(_) => {
                out.extend_from_slice(&error.json());
                out.push(b'\n');
                (out, false)
            }
            Form::Csv | Form::Arrow(_) => (out, false),
        }
    }
}

fn separate(out: &mut Vec<u8>, index: usize) {
    if index > 0 {
        out.push(b',');
    }
}
