//! What a statement does, as far as its first word tells.

use timberline_sql::text::Tokens;

/// What may stand between `EXPLAIN` and its statement.
const EXPLAIN_OPTIONS: [&str; 7] =
    ["ANALYZE", "VERBOSE", "FORMAT", "TREE", "INDENT", "PGJSON", "GRAPHVIZ"];

/// The word that says that a statement changes something; `None` for those that only ask.
pub(super) fn writes(sql: &str) -> Option<String> {
    let words = Tokens::of(sql).map(|token| sql[token.range].to_ascii_uppercase());
    let mut words = words.skip_while(|word| word == "(");
    let mut first = words.next()?;
    // EXPLAIN ANALYZE carries its statement out.
    if first == "EXPLAIN" {
        first = words.find(|word| word != "(" && !EXPLAIN_OPTIONS.contains(&word.as_str()))?;
    }
    // DataFusion's WITH and parentheses only lead to questions.
    let asks = ["SELECT", "WITH", "VALUES", "TABLE", "SHOW", "DESCRIBE", "DESC", "FROM"];
    (!asks.contains(&first.as_str())).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_told_from_what_changes_something() {
        for sql in [
            "select 1",
            " -- a comment\n /* another */ (SELECT 1)",
            "WITH a AS (SELECT 1) SELECT * FROM a",
            "EXPLAIN ANALYZE VERBOSE SELECT 1",
            "show tables",
            "",
        ] {
            assert_eq!(writes(sql), None, "{sql}");
        }
        for (sql, word) in [
            ("insert into m values (1)", "INSERT"),
            ("EXPLAIN ANALYZE /* x */ delete from m", "DELETE"),
            ("EXPLAIN EXPLAIN select 1", "EXPLAIN"),
            ("drop database x", "DROP"),
            (";", ";"),
        ] {
            assert_eq!(writes(sql).as_deref(), Some(word), "{sql}");
        }
    }
}
