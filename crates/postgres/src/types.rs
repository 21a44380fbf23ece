//! Which type of PostgreSQL stands for which type of Arrow.

use arrow::datatypes::{DataType, Field};
use pgwire::{api::Type, messages::data::FieldDescription};

use crate::type_question::array_of;

/// The type that a column of a type is shown as.
pub(crate) fn type_of(kind: &DataType) -> Type {
    match kind {
        DataType::Boolean => Type::BOOL,
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => Type::INT2,
        DataType::Int32 | DataType::UInt16 => Type::INT4,
        DataType::Int64 | DataType::UInt32 => Type::INT8,
        DataType::UInt64 | DataType::Decimal128(..) => Type::NUMERIC,
        DataType::Float32 => Type::FLOAT4,
        DataType::Float64 => Type::FLOAT8,
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => Type::BYTEA,
        DataType::Timestamp(_, Some(_)) => Type::TIMESTAMPTZ,
        DataType::Timestamp(_, None) => Type::TIMESTAMP,
        DataType::Date32 => Type::DATE,
        DataType::Time64(_) => Type::TIME,
        DataType::Interval(_) | DataType::Duration(_) => Type::INTERVAL,
        DataType::Dictionary(_, values) => type_of(values),
        DataType::List(item) => array_of(&type_of(item.data_type())).unwrap_or(Type::JSON),
        DataType::LargeList(_)
        | DataType::FixedSizeList(..)
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::Map(..)
        | DataType::Struct(_)
        | DataType::Union(..) => Type::JSON,
        _ => Type::TEXT,
    }
}

/// The bytes of every value of a type, or -1.
const fn size_of(kind: &Type) -> i16 {
    match *kind {
        Type::BOOL => 1,
        Type::INT2 => 2,
        Type::INT4 | Type::FLOAT4 | Type::DATE => 4,
        Type::INT8 | Type::FLOAT8 | Type::TIMESTAMP | Type::TIMESTAMPTZ | Type::TIME => 8,
        Type::INTERVAL => 16,
        _ => -1,
    }
}

/// What a client is told of a column.
pub(crate) fn description(field: &Field, binary: bool) -> FieldDescription {
    let kind = type_of(field.data_type());
    FieldDescription::new(
        field.name().clone(),
        0,
        0,
        kind.oid(),
        size_of(&kind),
        -1,
        i16::from(binary),
    )
}
