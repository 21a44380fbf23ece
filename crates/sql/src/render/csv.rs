//! Rows as CSV: what has a delimiter, a quote or the end of a line in it is quoted. NULL is nothing, and the
//! empty text is `""`.

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::SchemaRef;

use super::{is_null, text_of, write_text};

/// Writes a line with the names of the columns.
pub fn write_csv_head(out: &mut Vec<u8>, schema: &SchemaRef, delimiter: u8) {
    for (index, field) in schema.fields().iter().enumerate() {
        if index > 0 {
            out.push(delimiter);
        }
        write_cell(out, field.name(), delimiter);
    }
    out.push(b'\n');
}

/// Writes one row and the end of its line; values as [`write_text`] has them.
pub fn write_csv_row(out: &mut Vec<u8>, batch: &RecordBatch, row: usize, delimiter: u8) {
    for (index, column) in batch.columns().iter().enumerate() {
        if index > 0 {
            out.push(delimiter);
        }
        write_value(out, column.as_ref(), row, delimiter);
    }
    out.push(b'\n');
}

fn write_value(out: &mut Vec<u8>, column: &dyn Array, row: usize, delimiter: u8) {
    if is_null(column, row) {
        return;
    }
    if let Some(text) = text_of(column, row) {
        return write_cell(out, text, delimiter);
    }
    let start = out.len();
    write_text(out, column, row);
    if out[start..].iter().any(|byte| is_special(*byte, delimiter)) {
        let text = String::from_utf8_lossy(&out[start..]).into_owned();
        out.truncate(start);
        write_cell(out, &text, delimiter);
    }
}

const fn is_special(byte: u8, delimiter: u8) -> bool {
    byte == delimiter || matches!(byte, b'"' | b'\n' | b'\r')
}

fn write_cell(out: &mut Vec<u8>, text: &str, delimiter: u8) {
    if !text.is_empty() && !text.bytes().any(|byte| is_special(byte, delimiter)) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    for byte in text.bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}
