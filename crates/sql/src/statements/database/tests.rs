//! What statements about databases say, and what is wrong with those that say nothing.

use proptest::prelude::*;

use super::*;

fn statement(sql: &str) -> DatabaseStatement {
    match AboutDatabases::of(sql) {
        Ok(Some(AboutDatabases::Change(statement))) => DatabaseStatement::clone(&statement),
        other => panic!("{sql}: {other:?}"),
    }
}

fn settings(sql: &str) -> Vec<(String, Option<String>)> {
    let settings = match statement(sql).action {
        Action::Create { settings, .. } | Action::Alter { settings } => settings,
        Action::Drop { .. } => Vec::new(),
    };
    settings.into_iter().map(|one| (one.change.name, one.change.value)).collect()
}

#[test]
fn statements_are_understood() {
    let created = statement("create database if not exists Metrics;");
    assert_eq!(created.name, "metrics");
    assert!(matches!(created.action, Action::Create { if_not_exists: true, .. }));
    assert_eq!(statement("CREATE DATABASE \"site-a\"").name, "site-a");
    let pair = |name: &str, value: Option<&str>| (name.to_owned(), value.map(str::to_owned));
    assert_eq!(
        settings("CREATE DATABASE x WITH (retention = '90d', DUPLICATES = First, series_max = 5)"),
        [
            pair("retention", Some("90d")),
            pair("duplicates", Some("first")),
            pair("series_max", Some("5"))
        ]
    );
    for (sql, value) in [
        ("ALTER DATABASE x SET retention = '1d'", Some("1d")),
        ("ALTER DATABASE x SET retention TO 'unlimited'", Some("unlimited")),
        ("ALTER DATABASE x SET (retention = default)", None),
        ("alter database x /* y */ reset Retention", None),
    ] {
        assert_eq!(settings(sql), [pair("retention", value)], "{sql}");
    }
    assert!(matches!(
        statement("DROP DATABASE IF EXISTS x").action,
        Action::Drop { if_exists: true }
    ));
    assert_eq!(AboutDatabases::of("show databases;").unwrap(), Some(AboutDatabases::Show));
    for other in ["SELECT 1", "CREATE TABLE x(a int)", "SHOW TABLES", "", "DROP", "'"] {
        assert_eq!(AboutDatabases::of(other).unwrap(), None, "{other}");
    }
}

#[test]
fn errors_say_what_and_where() {
    for (sql, column, said) in [
        ("CREATE DATABASE", 16, "expected the name of a database"),
        ("CREATE DATABASE 'x'", 17, "expected the name of a database, found 'x'"),
        ("CREATE DATABASE x y", 19, "expected the end of the statement, found y"),
        ("CREATE DATABASE x WITH retention = '1d'", 24, "expected (, found retention"),
        ("CREATE DATABASE x WITH (retention '1d')", 35, "expected = and a value"),
        ("CREATE DATABASE x WITH (retention = )", 37, "a value such as '30d'"),
        ("CREATE DATABASE x WITH (retention = '1d'", 41, "a comma or )"),
        ("CREATE DATABASE x WITH (retention = 'soon')", 25, "'unlimited'"),
        ("CREATE DATABASE x WITH (engine = 'ring')", 25, "not offered yet"),
        ("CREATE DATABASE x WITH (retention = '1d', retention = '2d')", 43, "given twice"),
        ("CREATE DATABASE x WITH (colour = 'blue')", 25, "expected one of retention"),
        ("ALTER DATABASE x RENAME TO y", 18, "expected SET or RESET"),
        ("DROP DATABASE x CASCADE", 17, "expected the end"),
        ("SHOW DATABASES LIKE 'x'", 16, "expected the end"),
    ] {
        match AboutDatabases::of(sql) {
            Err(SqlError::Statement { message, position }) => {
                assert_eq!(position, Some((1, column)), "{sql}: {message}");
                assert!(message.contains(said), "{sql}: {message}");
            }
            other => panic!("{sql}: {other:?}"),
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_understood_or_refused(
        head in "(CREATE|ALTER|DROP|SHOW) DATABASES? ",
        rest in r#"[a-z'"(),=; \n/*\-$0-9]{0,30}"#,
    ) {
        let _ = AboutDatabases::of(&format!("{head}{rest}"));
    }
}
