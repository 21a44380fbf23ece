//! Questions that drivers and tools ask of PostgreSQL's catalog in words that the engine does not understand, and
//! whose answer is known: Timberline has no keys, no indexes and a fixed list of types.
//!
//! Each is known by parts of its text that no other statement has. What it is not: a way to see more of
//! `pg_catalog` than there is.

use timberline_sql::text::{TokenKind, Tokens};

use crate::type_question::names_of_types;

/// A question that is answered with no rows: parts of its text, and the columns of its answer.
struct Empty {
    signs: &'static [&'static str],
    columns: &'static [(&'static str, &'static str)],
}

const TEXT: &str = "VARCHAR";
const SMALL: &str = "SMALLINT";
const WHOLE: &str = "INT";
const LARGE: &str = "BIGINT";
const TRUTH: &str = "BOOLEAN";
const NUMBER: &str = "REAL";

/// JDBC's `getPrimaryKeys` and what updatable rows need, `getBestRowIdentifier`, `getIndexInfo`,
/// `getImportedKeys`, `getExportedKeys`, `getCrossReference`, `getUDTs`.
const EMPTY: [Empty; 6] = [
    Empty {
        signs: &["information_schema._pg_expandarray(i.indkey)", "result.is_not_null"],
        columns: &[
            ("table_cat", TEXT),
            ("table_schem", TEXT),
            ("table_name", TEXT),
            ("column_name", TEXT),
            ("key_seq", WHOLE),
            ("pk_name", TEXT),
            ("is_not_null", TRUTH),
        ],
    },
    Empty {
        signs: &["information_schema._pg_expandarray(i.indkey)", "result.pk_name"],
        columns: &[
            ("table_cat", TEXT),
            ("table_schem", TEXT),
            ("table_name", TEXT),
            ("column_name", TEXT),
            ("key_seq", WHOLE),
            ("pk_name", TEXT),
        ],
    },
    Empty {
        signs: &["information_schema._pg_expandarray(i.indkey) as keys", "(i.keys).x"],
        columns: &[("attname", TEXT), ("atttypid", LARGE), ("atttypmod", WHOLE)],
    },
    Empty {
        signs: &["information_schema._pg_expandarray(i.indkey)", "tmp.ci_oid"],
        columns: &[
            ("table_cat", TEXT),
            ("table_schem", TEXT),
            ("table_name", TEXT),
            ("non_unique", TRUTH),
            ("index_qualifier", TEXT),
            ("index_name", TEXT),
            ("type", SMALL),
            ("ordinal_position", SMALL),
            ("column_name", TEXT),
            ("asc_or_desc", TEXT),
            ("cardinality", NUMBER),
            ("pages", WHOLE),
            ("filter_condition", TEXT),
        ],
    },
    Empty {
        signs: &["as pktable_cat", "con.confkey[pos.n]"],
        columns: &[
            ("pktable_cat", TEXT),
            ("pktable_schem", TEXT),
            ("pktable_name", TEXT),
            ("pkcolumn_name", TEXT),
            ("fktable_cat", TEXT),
            ("fktable_schem", TEXT),
            ("fktable_name", TEXT),
            ("fkcolumn_name", TEXT),
            ("key_seq", SMALL),
            ("update_rule", SMALL),
            ("delete_rule", SMALL),
            ("fk_name", TEXT),
            ("pk_name", TEXT),
            ("deferrability", SMALL),
        ],
    },
    Empty {
        signs: &["null as type_cat", "base_type.oid=t.typbasetype"],
        columns: &[
            ("type_cat", TEXT),
            ("type_schem", TEXT),
            ("type_name", TEXT),
            ("class_name", TEXT),
            ("data_type", WHOLE),
            ("remarks", TEXT),
            ("base_type", SMALL),
        ],
    },
];

/// The statement to run in the place of a question; `None` for any other statement.
pub(crate) fn answered(sql: &str) -> Option<String> {
    // Every one of them asks the catalog.
    if !sql.contains("pg_") && !sql.contains("current_setting") {
        return None;
    }
    let asked = sql.to_ascii_lowercase();
    let begins = asked.trim_start();
    if begins.starts_with("select ") {
        let known = EMPTY.iter().find(|one| one.signs.iter().all(|sign| asked.contains(sign)));
        if let Some(known) = known {
            let column = |(name, kind): &(&str, &str)| format!("CAST(NULL AS {kind}) AS {name}");
            let columns: Vec<String> = known.columns.iter().map(column).collect();
            return Some(format!("SELECT {} WHERE false", columns.join(", ")));
        }
        // How many columns a key may have, as PostgreSQL's.
        if asked.contains("select setting from pg_catalog.pg_settings where name='max_index_keys'")
        {
            return Some("SELECT '32' AS setting".to_owned());
        }
        // Which types are arrays: of all types, of one name, or of one number.
        if begins.starts_with("select typinput='pg_catalog.array_in'::regproc as is_array,") {
            let from = asked.rfind(" where ").unwrap_or(asked.len());
            let to = asked.rfind(" order by ").unwrap_or(asked.len());
            let types: Vec<String> = names_of_types()
                .map(|(oid, name)| format!("({}, 'b', '{name}', {oid})", name.starts_with('_')))
                .collect();
            return Some(format!(
                "SELECT is_array, typtype, typname, oid FROM (VALUES {}) \
                 AS pg_type(is_array, typtype, typname, oid){} ORDER BY oid",
                types.join(", "),
                sql.get(from..to).unwrap_or_default()
            ));
        }
        // `getTypeInfo`
        if begins.starts_with("select t.typname,t.oid from pg_catalog.pg_type t join") {
            let types: Vec<String> =
                names_of_types().map(|(oid, name)| format!("('{name}', {oid})")).collect();
            return Some(format!(
                "SELECT typname, oid FROM (VALUES {}) AS types(typname, oid) ORDER BY oid",
                types.join(", ")
            ));
        }
    }
    in_search_path(sql)
}

/// Grafana asks which schemas are in the search path by taking its text apart, in a question within others. There
/// is one schema for tables.
fn in_search_path(sql: &str) -> Option<String> {
    let mut changed = sql.to_owned();
    let mut found = false;
    // Each turn takes one such question out.
    while let Some(range) = search_path_question(&changed) {
        let before = changed[..range.start].trim_end_matches('(').trim_end();
        let is_any = before.to_ascii_lowercase().ends_with("any");
        changed.replace_range(range, if is_any { "ARRAY['public']" } else { "'public'" });
        found = true;
    }
    found.then_some(changed)
}

/// What stands within the parentheses of the first such question.
fn search_path_question(sql: &str) -> Option<std::ops::Range<usize>> {
    let mut open: Vec<usize> = Vec::new();
    for token in Tokens::of(sql) {
        if token.kind != TokenKind::Symbol {
            continue;
        }
        match &sql[token.range.clone()] {
            "(" => open.push(token.range.end),
            ")" => {
                let range = open.pop()?..token.range.start;
                let inside = &sql[range.clone()];
                let is_question = inside
                    .trim_start()
                    .get(..6)
                    .is_some_and(|word| word.eq_ignore_ascii_case("select"))
                    && inside.contains("trim(s[i])")
                    && inside.contains("string_to_array(current_setting('search_path'),',') s");
                if is_question {
                    return Some(range);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_about_keys_are_answered_with_no_rows_of_their_columns() {
        let asked = "SELECT result.TABLE_CAT, result.KEY_SEQ, result.PK_NAME FROM (SELECT NULL AS \
            TABLE_CAT, (information_schema._pg_expandarray(i.indkey)).n AS KEY_SEQ FROM \
            pg_catalog.pg_index i) result";
        let answer = answered(asked).unwrap();
        assert!(answer.starts_with("SELECT CAST(NULL AS VARCHAR) AS table_cat"), "{answer}");
        assert!(answer.ends_with("AS pk_name WHERE false"), "{answer}");
        assert_eq!(answered("SELECT 'pg_', 1"), None);
        let asked = "SELECT typinput='pg_catalog.array_in'::regproc as is_array, typtype \
            FROM pg_catalog.pg_type LEFT JOIN x ON y WHERE typname = $1 ORDER BY sp.r, pg_type.oid";
        let answer = answered(asked).unwrap();
        assert!(answer.contains("(true, 'b', '_int8', 1016)"), "{answer}");
        assert!(answer.ends_with("typname, oid) WHERE typname = $1 ORDER BY oid"), "{answer}");
        assert_eq!(answered("SELECT relname FROM pg_catalog.pg_class"), None);
    }

    #[test]
    fn the_search_path_is_public() {
        let path = "SELECT\n CASE WHEN trim(s[i]) = '\"$user\"' THEN user ELSE trim(s[i]) END FROM \
            generate_series(array_lower(string_to_array(current_setting('search_path'),','),1), 2) \
            as i, string_to_array(current_setting('search_path'),',') s";
        let asked = format!("SELECT x WHERE a IN ({path} ) OR b = ANY ({path})");
        let answer = "SELECT x WHERE a IN ('public') OR b = ANY (ARRAY['public'])";
        assert_eq!(answered(&asked).as_deref(), Some(answer));
        assert_eq!(answered("SELECT current_setting('search_path')"), None);
    }
}
