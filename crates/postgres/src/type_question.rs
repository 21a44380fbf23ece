//! The question about types that asyncpg asks before it reads an array: a recursive one, of which `pg_catalog`'s
//! tables here could not be asked. It is known by its name for the types' tree, and answered from the list of the
//! types that we write.
//!
//! What it is not: a way to see other types; their rows are left out, as if they were not there.

use pgwire::api::Type;

/// What its recursive part is called.
const SIGN: &str = "typeinfo_tree(";

/// All arrays that columns may be, and their items.
const ARRAYS: [(Type, Type); 14] = [
    (Type::BOOL_ARRAY, Type::BOOL),
    (Type::INT2_ARRAY, Type::INT2),
    (Type::INT4_ARRAY, Type::INT4),
    (Type::INT8_ARRAY, Type::INT8),
    (Type::FLOAT4_ARRAY, Type::FLOAT4),
    (Type::FLOAT8_ARRAY, Type::FLOAT8),
    (Type::NUMERIC_ARRAY, Type::NUMERIC),
    (Type::TEXT_ARRAY, Type::TEXT),
    (Type::BYTEA_ARRAY, Type::BYTEA),
    (Type::TIMESTAMPTZ_ARRAY, Type::TIMESTAMPTZ),
    (Type::TIMESTAMP_ARRAY, Type::TIMESTAMP),
    (Type::DATE_ARRAY, Type::DATE),
    (Type::TIME_ARRAY, Type::TIME),
    (Type::INTERVAL_ARRAY, Type::INTERVAL),
];

/// The array of an item's type, if there is one.
pub(crate) fn array_of(item: &Type) -> Option<Type> {
    ARRAYS.iter().find(|(_, of)| of == item).map(|(array, _)| array.clone())
}

/// The types that columns may have, each once: their numbers and names.
pub(crate) fn names_of_types() -> impl Iterator<Item = (u32, String)> {
    let both = ARRAYS.iter().flat_map(|(array, item)| [item.clone(), array.clone()]);
    both.chain([Type::JSON]).map(|kind| (kind.oid(), kind.name().to_owned()))
}

/// The statement to run in the place of the question, and the types of its parameters; `None` for any other.
pub(crate) fn answered(sql: &str) -> Option<(String, Vec<u32>)> {
    let asked = sql.trim_start();
    // It switches a compiler off for the time of its question, which is not there to be switched.
    if asked.contains("current_setting('jit')") && asked.contains("set_config('jit', 'off', false)")
    {
        return Some(("SELECT 'off' AS cur, 'off' AS new".to_owned(), Vec::new()));
    }
    let is_asked =
        asked.get(..14).is_some_and(|words| words.eq_ignore_ascii_case("WITH RECURSIVE"))
            && asked.contains(SIGN)
            && asked.contains("$1::oid[]");
    if !is_asked {
        return None;
    }
    let row = |(array, item): &(Type, Type)| {
        format!("({}, '{}', {}, '{}')", array.oid(), array.name(), item.oid(), item.name())
    };
    let rows: Vec<String> = ARRAYS.iter().map(row).collect();
    let answer = format!(
        "SELECT oid, 'pg_catalog' AS ns, name, 'b' AS kind, CAST(NULL AS BIGINT) AS basetype, elemtype, \
         ',' AS elemdelim, CAST(NULL AS BIGINT) AS range_subtype, CAST(NULL AS VARCHAR) AS attrtypoids, \
         CAST(NULL AS VARCHAR) AS attrnames, 0 AS depth, CAST(NULL AS VARCHAR) AS basetype_name, \
         elemtype_name, CAST(NULL AS VARCHAR) AS range_subtype_name \
         FROM (VALUES {}) AS types(oid, name, elemtype, elemtype_name) \
         WHERE array_has(CAST($1 AS BIGINT[]), oid)",
        rows.join(", ")
    );
    Some((answer, vec![Type::OID_ARRAY.oid()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_question_is_known_and_others_are_not() {
        let asked = "WITH RECURSIVE typeinfo_tree(\n    oid, ns) AS (SELECT 1 WHERE ti.oid = any($1::oid[]))";
        let (answer, parameters) = answered(asked).unwrap();
        assert_eq!(parameters, [1028]);
        assert!(answer.contains("(1016, '_int8', 20, 'int8')"), "{answer}");
        assert_eq!(answered("SELECT 'typeinfo_tree($1::oid[]'"), None);
        assert_eq!(answered("WITH RECURSIVE é AS (SELECT 1) SELECT 1"), None);
    }
}
