//! A file as a table: DataFusion reads it, column by column and piece by piece.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::{
    catalog::{Session, TableProvider},
    datasource::{
        TableType,
        file_format::{
            FileFormat as Reader, arrow::ArrowFormat, csv::CsvFormat, parquet::ParquetFormat,
        },
        listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl},
    },
    error::Result,
    logical_expr::{Expr, TableProviderFilterPushDown},
    physical_plan::ExecutionPlan,
};

use super::{
    FileFormat, Files, ReadOptions,
    damage::{Named, named},
    directory::Found,
    format::whole_compression,
    schema::schema_of,
};

/// A file that is read. It cannot be written: `COPY` makes files.
#[derive(Debug)]
pub(crate) struct FileTable {
    name: String,
    table: ListingTable,
}

/// The table of a file.
///
/// # Errors
/// There is no such file, it may not be read, or it is not of this format.
pub(crate) fn file_table(
    files: &Files,
    name: &str,
    format: FileFormat,
    options: &ReadOptions,
) -> Result<FileTable> {
    let found = files.find(name)?;
    let schema = schema_of(&found, format, options)?;
    let reader: Arc<dyn Reader> = match format {
        FileFormat::Parquet => Arc::new(ParquetFormat::default()),
        FileFormat::Arrow => Arc::new(ArrowFormat),
        FileFormat::Csv => Arc::new(
            CsvFormat::default()
                .with_has_header(options.header)
                .with_delimiter(options.delimiter)
                .with_newlines_in_values(true)
                .with_file_compression_type(whole_compression(name)),
        ),
    };
    let options = ListingOptions::new(reader).with_file_extension("");
    let config = ListingTableConfig::new(ListingTableUrl::parse(url_of(&found))?)
        .with_listing_options(options)
        .with_schema(schema);
    Ok(FileTable { name: found.name, table: ListingTable::try_new(config)? })
}

/// The URL of a file. As a path, characters such as `*` in it would mean other files.
fn url_of(found: &Found) -> String {
    let mut url = String::from("file://");
    for byte in found.path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' => url.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => url.push(char::from(*byte)),
            byte => url.push_str(&format!("%{byte:02X}")),
        }
    }
    url
}

#[async_trait]
impl TableProvider for FileTable {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        self.table.supports_filters_pushdown(filters)
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        // It looks at the file's own figures already.
        let plan = named(&self.name, self.table.scan(state, projection, filters, limit)).await?;
        Ok(Arc::new(Named::new(&self.name, plan)))
    }
}
