//! What the server says about itself: its name, its kinds of tables, its types.

use std::sync::OnceLock;

use arrow::array::RecordBatch;
use arrow_flight::{
    error::Result,
    sql::{
        CommandGetTableTypes, Nullable, Searchable, SqlInfo, XdbcDataType,
        metadata::{
            SqlInfoData, SqlInfoDataBuilder, XdbcTypeInfo, XdbcTypeInfoData,
            XdbcTypeInfoDataBuilder,
        },
    },
};

/// The kinds of tables.
pub(crate) fn table_types(query: CommandGetTableTypes) -> Result<RecordBatch> {
    let mut builder = query.into_builder();
    for kind in ["TABLE", "VIEW"] {
        builder.append(kind);
    }
    builder.build()
}

/// The server by Flight SQL's numbered questions.
pub(crate) fn sql_info() -> Result<&'static SqlInfoData> {
    static INFO: OnceLock<SqlInfoData> = OnceLock::new();
    if let Some(info) = INFO.get() {
        return Ok(info);
    }
    let mut builder = SqlInfoDataBuilder::new();
    builder.append(SqlInfo::FlightSqlServerName, "Timberline");
    builder.append(SqlInfo::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    builder.append(SqlInfo::FlightSqlServerArrowVersion, "1.3");
    builder.append(SqlInfo::FlightSqlServerReadOnly, false);
    builder.append(SqlInfo::FlightSqlServerSql, true);
    builder.append(SqlInfo::FlightSqlServerSubstrait, false);
    // There are none.
    builder.append(SqlInfo::FlightSqlServerTransaction, 0_i32);
    builder.append(SqlInfo::FlightSqlServerCancel, false);
    builder.append(SqlInfo::SqlIdentifierQuoteChar, "\"");
    let info = builder.build()?;
    Ok(INFO.get_or_init(|| info))
}

/// The types of columns, as ODBC and JDBC know them.
pub(crate) fn type_info() -> Result<&'static XdbcTypeInfoData> {
    static INFO: OnceLock<XdbcTypeInfoData> = OnceLock::new();
    if let Some(info) = INFO.get() {
        return Ok(info);
    }
    let mut builder = XdbcTypeInfoDataBuilder::new();
    for (name, data_type, size, quote) in [
        ("BOOLEAN", XdbcDataType::XdbcBit, Some(1), None),
        ("INTEGER", XdbcDataType::XdbcInteger, Some(32), None),
        ("BIGINT", XdbcDataType::XdbcBigint, Some(64), None),
        ("REAL", XdbcDataType::XdbcReal, Some(24), None),
        ("DOUBLE", XdbcDataType::XdbcDouble, Some(53), None),
        ("VARCHAR", XdbcDataType::XdbcVarchar, None, Some("'".to_owned())),
        ("DATE", XdbcDataType::XdbcDate, Some(10), Some("'".to_owned())),
        ("TIMESTAMP", XdbcDataType::XdbcTimestamp, Some(30), Some("'".to_owned())),
    ] {
        builder.append(XdbcTypeInfo {
            type_name: name.to_owned(),
            data_type,
            column_size: size,
            literal_prefix: quote.clone(),
            literal_suffix: quote,
            nullable: Nullable::NullabilityNullable,
            case_sensitive: name == "VARCHAR",
            searchable: Searchable::Full,
            sql_data_type: data_type,
            ..XdbcTypeInfo::default()
        });
    }
    let info = builder.build()?;
    Ok(INFO.get_or_init(|| info))
}
