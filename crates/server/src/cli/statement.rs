//! Statements in SQL, as the command line sends and shows them.

use serde_json::{Value, json};

use super::{
    Failure,
    args::Format,
    client::Client,
    table::{counted, table},
};

/// Words that begin a statement of SQL, and are followed by another word.
const FIRST_WORDS: [&str; 20] = [
    "SELECT", "WITH", "VALUES", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "INSERT", "CREATE", "DROP",
    "ALTER", "DELETE", "COPY", "UPDATE", "SET", "USE", "TABLE", "TRUNCATE", "ANALYZE", "PREPARE",
];

/// Whether a question is in SQL, by its first word. A metric may have such a name, but no question in
/// PromQL has anything but an operator after it.
pub(super) fn is_sql(question: &str) -> bool {
    let question = question.trim_start().trim_start_matches('(').trim_start();
    if question.starts_with("--") || question.starts_with("/*") {
        return true;
    }
    let end = question.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(question.len());
    let (word, rest) = question.split_at(end);
    if !FIRST_WORDS.iter().any(|known| word.eq_ignore_ascii_case(known)) {
        return false;
    }
    let next = rest.trim_start();
    let apart = next.len() < rest.len();
    let operators = ["offset", "and", "or", "unless", "atan2"];
    let operator = next
        .split(|c: char| !c.is_ascii_alphanumeric())
        .next()
        .is_some_and(|word| operators.contains(&word.to_ascii_lowercase().as_str()));
    match next.chars().next() {
        Some('*' | '-') => word.eq_ignore_ascii_case("SELECT") && apart,
        Some('(') => !apart || !word.eq_ignore_ascii_case("with"),
        Some(c) => {
            apart && !operator && (c.is_alphanumeric() || matches!(c, '"' | '\'' | '_' | '$'))
        }
        None => false,
    }
}

/// Sends a statement and gives back its answer in a form: text, ready to be printed.
pub(super) fn run(
    client: &Client,
    sql: &str,
    timeout: Option<&str>,
    format: Format,
) -> Result<String, Failure> {
    let mut body = json!({ "sql": sql });
    if let Some(timeout) = timeout {
        body["timeout"] = Value::from(timeout);
    }
    let accept = match format {
        Format::Csv => "text/csv",
        Format::Json | Format::Table => "application/json",
    };
    let answer = client.post_json_for("/sql", &body, accept)?;
    if format == Format::Csv {
        return Ok(answer.text);
    }
    if let Some(error) = answer.json["error"].as_str() {
        return Err(Failure::new(format!("the answer broke off: {error}")));
    }
    match format {
        Format::Table => shown(&answer.json),
        _ => Ok(answer.text),
    }
}

/// An answer as a table for people, with a line that counts its rows.
fn shown(answer: &Value) -> Result<String, Failure> {
    let foreign = || Failure::new("the server's answer has a form that this version cannot show");
    let columns = answer["columns"].as_array().ok_or_else(foreign)?;
    let rows = answer["rows"].as_array().ok_or_else(foreign)?;
    let of_column = |key: &str| -> Vec<&str> {
        columns.iter().map(|column| column[key].as_str().unwrap_or_default()).collect()
    };
    let (names, types) = (of_column("name"), of_column("type"));
    if names == ["command", "affected"] && rows.len() == 1 {
        let command = rows[0][0].as_str().unwrap_or_default();
        return Ok(match rows[0][1].as_u64() {
            Some(count) => format!("{command}: {}\n", counted(count, "rows")),
            None => format!("{command}\n"),
        });
    }
    let is_number = |kind: &str| {
        ["int", "uint", "float", "decimal"].iter().any(|numbers| kind.starts_with(numbers))
    };
    let right: Vec<usize> =
        types.iter().enumerate().filter(|(_, kind)| is_number(kind)).map(|(i, _)| i).collect();
    let cells: Vec<Vec<String>> =
        rows.iter().map(|row| row.as_array().into_iter().flatten().map(cell).collect()).collect();
    let text = table(&names, &right, &cells);
    Ok(format!("{text}\n{}\n", counted(rows.len() as u64, "rows")))
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.replace('\n', "\\n"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sql_is_told_from_promql() {
        for sql in [
            "select 1",
            "SELECT * FROM metrics",
            "  (select 1)",
            "with a as (select 1) select * from a",
            "SHOW tables",
            "explain analyze select 1",
            "values (1)",
            "select -1",
            "-- why\nselect 1",
            "describe \"cpu usage\"",
        ] {
            assert!(is_sql(sql), "{sql}");
        }
        for promql in [
            "up",
            "select",
            "show{a=\"b\"}",
            "delete offset 5m",
            "show - 1",
            "show * 2",
            "sum(rate(x[5m]))",
            "table or up",
            "-up",
        ] {
            assert!(!is_sql(promql), "{promql}");
        }
    }

    #[test]
    fn rows_are_a_table_with_numbers_to_the_right() {
        let answer = json!({
            "columns": [{"name": "host", "type": "string"}, {"name": "n", "type": "float64"}],
            "rows": [["a", 1.5], [null, 12], ["b", "NaN"]],
        });
        assert_eq!(
            shown(&answer).unwrap(),
            "host    n\na     1.5\n       12\nb     NaN\n\n3 rows\n"
        );
        let done = json!({
            "columns": [{"name": "command", "type": "string"}, {"name": "affected", "type": "uint64"}],
            "rows": [["INSERT", 1]],
        });
        assert_eq!(shown(&done).unwrap(), "INSERT: 1 row\n");
        assert!(shown(&json!({})).is_err());
    }
}
