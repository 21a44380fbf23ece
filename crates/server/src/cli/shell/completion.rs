//! What the tab key makes of half a word: a keyword, a table, or a column.

use rustyline::{
    Context, Helper, completion::Completer, highlight::Highlighter, hint::Hinter,
    validate::Validator,
};
use serde_json::json;

use crate::cli::client::Client;

const KEYWORDS: [&str; 46] = [
    "ALTER",
    "AND",
    "ASC",
    "BETWEEN",
    "BY",
    "CASE",
    "CREATE",
    "DATABASE",
    "DELETE",
    "DESC",
    "DESCRIBE",
    "DISTINCT",
    "DROP",
    "ELSE",
    "END",
    "EXPLAIN ANALYZE",
    "FROM",
    "GROUP BY",
    "HAVING",
    "IN",
    "INNER",
    "INSERT INTO",
    "INTERVAL",
    "IS",
    "JOIN",
    "LEFT",
    "LIKE",
    "LIMIT",
    "NOT",
    "NULL",
    "OFFSET",
    "ON",
    "OR",
    "ORDER BY",
    "OVER",
    "PARTITION BY",
    "SELECT",
    "SHOW TABLES",
    "THEN",
    "UNION",
    "USING",
    "VALUES",
    "WHEN",
    "WHERE",
    "WITH",
    "avg",
];
/// Names that are fetched; a database may have a hundred thousand metrics.
const NAMES_MAX: usize = 20_000;

/// Words that can be completed.
#[derive(Debug, Default)]
pub(super) struct Completion {
    /// Sorted.
    words: Vec<String>,
}

impl Completion {
    /// Keywords, and the names that a server has now. Without an answer there are only keywords.
    pub(super) fn of(client: &Client) -> Self {
        let mut words: Vec<String> = KEYWORDS.map(str::to_owned).to_vec();
        for sql in [
            format!("SELECT DISTINCT table_name FROM information_schema.tables LIMIT {NAMES_MAX}"),
            format!(
                "SELECT DISTINCT column_name FROM information_schema.columns \
                 WHERE table_schema = 'public' LIMIT {NAMES_MAX}"
            ),
        ] {
            let body = json!({ "sql": sql, "timeout": "5s" });
            let Ok(answer) = client.post_json_for("/sql", &body, "application/json") else {
                continue;
            };
            let rows = answer.json["rows"].as_array().cloned().unwrap_or_default();
            words.extend(rows.iter().filter_map(|row| row[0].as_str()).map(str::to_owned));
        }
        words.sort_unstable();
        words.dedup();
        Self { words }
    }

    /// Where the last word begins, and what it may become.
    fn candidates(&self, before: &str) -> (usize, Vec<String>) {
        let begins = |(at, c): (usize, char)| {
            (!(c.is_alphanumeric() || c == '_' || c == ':')).then_some(at + c.len_utf8())
        };
        let start = before.char_indices().rev().find_map(begins).unwrap_or(0);
        let begun = &before[start..];
        if begun.is_empty() {
            return (start, Vec::new());
        }
        let fits = |word: &&String| {
            word.get(..begun.len()).is_some_and(|head| head.eq_ignore_ascii_case(begun))
        };
        (start, self.words.iter().filter(fits).cloned().collect())
    }
}

impl Completer for Completion {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.candidates(line.get(..position).unwrap_or(line)))
    }
}

impl Hinter for Completion {
    type Hint = String;
}

impl Highlighter for Completion {}

impl Validator for Completion {}

impl Helper for Completion {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_is_completed_whatever_its_case() {
        let words = ["SELECT", "cpu_usage", "cpu_user"].map(str::to_owned).to_vec();
        let completion = Completion { words };
        assert_eq!(completion.candidates("sel"), (0, vec!["SELECT".to_owned()]));
        assert_eq!(completion.candidates("select avg(cpu_u").1.len(), 2);
        assert_eq!(completion.candidates("select avg(cpu_u").0, 11);
        assert_eq!(
            completion.candidates("é cpu_us"),
            (3, vec!["cpu_usage".into(), "cpu_user".into()])
        );
        assert_eq!(completion.candidates("select "), (7, Vec::new()));
    }
}
