//! `COPY (query) TO STDOUT`: rows as lines of text or CSV.

use arrow::array::RecordBatch;
use timberline_sql::{render::is_null, text::Tokens};

use crate::{command::unquoted, encode::write_plain, refusal::Refusal};

/// How rows are copied out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CopyOptions {
    pub(crate) csv: bool,
    pub(crate) header: bool,
    delimiter: u8,
    null: String,
}

impl CopyOptions {
    /// Reads what follows `STDOUT`.
    ///
    /// # Errors
    /// Options that we do not have.
    pub(crate) fn read(sql: &str, tokens: &mut Tokens<'_>) -> Result<Self, Refusal> {
        let words: Vec<String> =
            tokens.map(|token| unquoted(&sql[token.range.clone()], token.kind)).collect();
        let mut options =
            Self { csv: false, header: false, delimiter: b'\t', null: "\\N".to_owned() };
        let (mut delimiter, mut null) = (None, None);
        let mut words = words.into_iter().peekable();
        while let Some(word) = words.next() {
            match word.to_ascii_uppercase().as_str() {
                "WITH" | "(" | ")" | "," | "FORMAT" | "TEXT" => {}
                "CSV" => options.csv = true,
                "HEADER" => {
                    let off = ["false", "off", "0"];
                    let next = words.peek().map(|word| word.to_ascii_lowercase());
                    options.header = !next.is_some_and(|word| off.contains(&word.as_str()));
                    words.next_if(|word| !["(", ")", ","].contains(&word.as_str()));
                }
                "DELIMITER" => {
                    words.next_if(|word| word.eq_ignore_ascii_case("as"));
                    let given = words.next().unwrap_or_default();
                    let [byte] = given.as_bytes() else {
                        return Err(Refusal::new(
                            "22023",
                            "COPY's delimiter is one ASCII character",
                        ));
                    };
                    delimiter = Some(*byte);
                }
                "NULL" => {
                    words.next_if(|word| word.eq_ignore_ascii_case("as"));
                    null = words.next();
                }
                "ENCODING" => {
                    let wanted = words.next().unwrap_or_default();
                    if !["utf8", "utf-8"].contains(&wanted.to_ascii_lowercase().as_str()) {
                        return Err(Refusal::unsupported("COPY writes UTF-8 only"));
                    }
                }
                other => {
                    return Err(Refusal::unsupported(format!(
                        "COPY has no option {other}: only FORMAT text or csv, HEADER, DELIMITER, NULL"
                    )));
                }
            }
        }
        if options.csv {
            options.delimiter = b',';
            options.null = String::new();
        }
        options.delimiter = delimiter.unwrap_or(options.delimiter);
        options.null = null.unwrap_or(options.null);
        Ok(options)
    }

    /// The line of names.
    pub(crate) fn head(&self, names: &[&str]) -> Vec<u8> {
        let mut out = Vec::new();
        for (index, name) in names.iter().enumerate() {
            self.separate(&mut out, index);
            self.write(&mut out, name.as_bytes());
        }
        out.push(b'\n');
        out
    }

    /// The lines of a batch, each by itself: clients take a message for a row.
    pub(crate) fn lines<'a>(
        &'a self,
        batch: &'a RecordBatch,
    ) -> impl Iterator<Item = Vec<u8>> + Send + 'a {
        let mut text = Vec::new();
        (0..batch.num_rows()).map(move |row| {
            let mut out = Vec::new();
            for (index, column) in batch.columns().iter().enumerate() {
                self.separate(&mut out, index);
                if is_null(column.as_ref(), row) {
                    out.extend_from_slice(self.null.as_bytes());
                    continue;
                }
                text.clear();
                write_plain(&mut text, column.as_ref(), row);
                self.write(&mut out, &text);
            }
            out.push(b'\n');
            out
        })
    }

    fn separate(&self, out: &mut Vec<u8>, index: usize) {
        if index > 0 {
            out.push(self.delimiter);
        }
    }

    fn write(&self, out: &mut Vec<u8>, text: &[u8]) {
        if !self.csv {
            for byte in text {
                match byte {
                    b'\\' => out.extend_from_slice(b"\\\\"),
                    b'\n' => out.extend_from_slice(b"\\n"),
                    b'\r' => out.extend_from_slice(b"\\r"),
                    b'\t' => out.extend_from_slice(b"\\t"),
                    byte if *byte == self.delimiter => out.extend_from_slice(&[b'\\', *byte]),
                    byte => out.push(*byte),
                }
            }
            return;
        }
        let odd = text == self.null.as_bytes()
            || text.iter().any(|b| matches!(b, b'"' | b'\n' | b'\r') || *b == self.delimiter);
        if !odd {
            out.extend_from_slice(text);
            return;
        }
        out.push(b'"');
        for byte in text {
            if *byte == b'"' {
                out.push(b'"');
            }
            out.push(*byte);
        }
        out.push(b'"');
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    #[test]
    fn lines_of_text_and_of_csv() {
        let batch = RecordBatch::try_from_iter([
            ("n", Arc::new(Int64Array::from(vec![Some(1), None])) as ArrayRef),
            ("t", Arc::new(StringArray::from(vec![Some("a\tb,\"c"), Some("")])) as ArrayRef),
        ])
        .unwrap();
        let lines = |sql: &str| {
            let options = CopyOptions::read(sql, &mut Tokens::of(sql)).unwrap();
            String::from_utf8(options.lines(&batch).flatten().collect()).unwrap()
        };
        assert_eq!(lines(""), "1\ta\\tb,\"c\n\\N\t\n");
        assert_eq!(lines("WITH (FORMAT csv, HEADER true)"), "1,\"a\tb,\"\"c\"\n,\"\"\n");
        assert_eq!(lines("csv delimiter ';' null 'x'"), "1;\"a\tb,\"\"c\"\nx;\n");
        let refused = CopyOptions::read("(format parquet)", &mut Tokens::of("(format parquet)"));
        assert_eq!(refused.unwrap_err().code, "0A000");
    }
}
