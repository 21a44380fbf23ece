//! `COPY (query) TO 'file'` and `COPY table TO 'file'`, with how the file is to be.

use datafusion::{
    error::{DataFusionError, Result},
    sql::{
        parser::Statement,
        sqlparser::{
            ast::{Expr, ObjectName, Query, Statement as Sql, Value},
            dialect::GenericDialect,
            keywords::Keyword,
            parser::{Parser, ParserError},
            tokenizer::Token,
        },
    },
};

use crate::{
    files::{FileCompression, FileFormat, WriteOptions, delimiter},
    text::first_words,
};

/// The file that a `COPY` makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CopyTarget {
    /// As the statement has it.
    pub(crate) file: String,
    pub(crate) options: WriteOptions,
}

/// Reads a `COPY`: what it asks, and where that goes. `None` for any other statement.
///
/// # Errors
/// A `COPY` that cannot be.
pub(crate) fn copy_of(sql: &str) -> Result<Option<(Statement, CopyTarget)>> {
    // The parser cuts the whole text into tokens first.
    if first_words(sql, 1) != ["COPY"] {
        return Ok(None);
    }
    let dialect = GenericDialect {};
    let Ok(mut parser) = Parser::new(&dialect).try_with_sql(sql) else { return Ok(None) };
    if !parser.parse_keyword(Keyword::COPY) {
        return Ok(None);
    }
    let question = question(&mut parser)?;
    if parser.parse_keyword(Keyword::FROM) {
        return Err(DataFusionError::Plan(
            "COPY ... FROM is not supported: write INSERT INTO table SELECT ... FROM 'file'"
                .to_owned(),
        ));
    }
    parser.expect_keyword_is(Keyword::TO)?;
    if parser.parse_keyword(Keyword::STDOUT) {
        return Err(DataFusionError::Plan(
            "COPY ... TO STDOUT is of PostgreSQL's protocol; elsewhere, ask the query itself"
                .to_owned(),
        ));
    }
    // The parser takes a word for a text, too.
    if matches!(parser.peek_token().token, Token::Word(_)) {
        return Ok(parser.expected("the file's name in single quotes", parser.peek_token())?);
    }
    let file = parser.parse_literal_string()?;
    let options = options(&mut parser, &file)?;
    while parser.consume_token(&Token::SemiColon) {}
    parser.expect_token(&Token::EOF)?;
    let question = Statement::Statement(Box::new(Sql::Query(Box::new(question))));
    Ok(Some((question, CopyTarget { file, options })))
}

/// A query in parentheses, or the rows of a table.
fn question(parser: &mut Parser<'_>) -> Result<Query> {
    if parser.consume_token(&Token::LParen) {
        let query = parser.parse_query()?;
        parser.expect_token(&Token::RParen)?;
        return Ok(*query);
    }
    let table = parser.parse_object_name(false)?;
    let columns = if parser.consume_token(&Token::LParen) {
        let columns = parser.parse_comma_separated(Parser::parse_identifier)?;
        parser.expect_token(&Token::RParen)?;
        columns.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    } else {
        "*".to_owned()
    };
    rows_of(&columns, &table)
}

fn rows_of(columns: &str, table: &ObjectName) -> Result<Query> {
    let text = format!("SELECT {columns} FROM {table}");
    let query = Parser::new(&GenericDialect {}).try_with_sql(&text)?.parse_query()?;
    Ok(*query)
}

/// `WITH (name value, ...)`; DuckDB leaves out `WITH`, others write `=`.
fn options(parser: &mut Parser<'_>, file: &str) -> Result<WriteOptions> {
    let has_word = parser.parse_keyword(Keyword::WITH);
    let mut given = Vec::new();
    if has_word && parser.peek_token().token != Token::LParen {
        return Ok(parser.expected("( after WITH", parser.peek_token())?);
    }
    if parser.consume_token(&Token::LParen) {
        given = parser.parse_comma_separated(option)?;
        parser.expect_token(&Token::RParen)?;
    }
    let named = given.iter().find(|(name, _)| name == "format").map(|(_, value)| value);
    let format = match named {
        Some(value) => value
            .as_deref()
            .and_then(FileFormat::of_word)
            .ok_or_else(|| wrong("format", value.as_deref(), "parquet, arrow or csv"))?,
        None => FileFormat::of_name(file).ok_or_else(|| {
            DataFusionError::Plan(format!(
                "the name '{file}' says no format: it ends in .parquet, .arrow or .csv, or the \
                 statement has WITH (FORMAT parquet)"
            ))
        })?,
    };
    let mut options = WriteOptions::of_format(format, file);
    for (name, value) in &given {
        set(&mut options, name, value.as_deref())?;
    }
    if [".gz", ".zst"].iter().any(|end| file.to_ascii_lowercase().ends_with(end)) {
        return Err(DataFusionError::Plan(format!(
            "'{file}': COPY does not compress whole files; Parquet and Arrow have COMPRESSION zstd"
        )));
    }
    Ok(options)
}

/// A name in small letters and its value, if it has one.
fn option(parser: &mut Parser<'_>) -> Result<(String, Option<String>), ParserError> {
    let name = parser.parse_identifier()?.value.to_ascii_lowercase();
    let has_sign = parser.consume_token(&Token::Eq);
    if !has_sign && matches!(parser.peek_token().token, Token::Comma | Token::RParen) {
        return Ok((name, None));
    }
    let value = match parser.parse_expr()? {
        Expr::Identifier(word) => word.value,
        Expr::Value(value) => match value.value {
            Value::SingleQuotedString(text) | Value::Number(text, _) => text,
            Value::Boolean(truth) => truth.to_string(),
            other => other.to_string(),
        },
        other => other.to_string(),
    };
    Ok((name, Some(value)))
}

fn set(options: &mut WriteOptions, name: &str, value: Option<&str>) -> Result<()> {
    let format = options.format;
    match (name, format) {
        ("format", _) => {}
        ("overwrite" | "overwrite_or_ignore", _) => options.overwrite = truth(name, value)?,
        ("compression", FileFormat::Parquet | FileFormat::Arrow) => {
            options.compression = value
                .and_then(FileCompression::of_word)
                .filter(|of| format == FileFormat::Parquet || *of != FileCompression::Snappy)
                .ok_or_else(|| wrong(name, value, "zstd, none, or snappy (Parquet alone)"))?;
        }
        ("row_group_size", FileFormat::Parquet) => {
            let rows = value.and_then(|value| value.parse().ok());
            options.row_group_size = rows
                .filter(|rows| (1..=ROW_GROUP_SIZE_MAX).contains(rows))
                .ok_or_else(|| wrong(name, value, "a number of rows, from 1 to 1048576"))?;
        }
        ("header", FileFormat::Csv) => options.header = truth(name, value)?,
        ("delimiter" | "delim" | "sep", FileFormat::Csv) => {
            options.delimiter = delimiter(value.unwrap_or(""))?;
        }
        _ => {
            return Err(DataFusionError::Plan(format!(
                "COPY has no option \"{name}\" for this format: there are FORMAT and OVERWRITE; \
                 COMPRESSION for Parquet and Arrow; ROW_GROUP_SIZE for Parquet; HEADER and DELIMITER \
                 for CSV"
            )));
        }
    }
    Ok(())
}

/// Rows of a group of Parquet at most: what is written is in memory until its group is complete.
const ROW_GROUP_SIZE_MAX: usize = 1 << 20;

/// A truth value; an option without a value is on.
fn truth(name: &str, value: Option<&str>) -> Result<bool> {
    match value.map(str::to_ascii_lowercase).as_deref() {
        None | Some("true" | "on" | "1") => Ok(true),
        Some("false" | "off" | "0") => Ok(false),
        Some(_) => Err(wrong(name, value, "true or false")),
    }
}

fn wrong(name: &str, value: Option<&str>, expected: &str) -> DataFusionError {
    let value = value.unwrap_or("nothing");
    DataFusionError::Plan(format!("COPY's option \"{name}\" is {expected}, not {value}"))
}

#[cfg(test)]
mod tests;
