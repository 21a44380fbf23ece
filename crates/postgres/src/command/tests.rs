//! Which statements the wire answers itself.

use super::*;

fn of(sql: &str) -> Command {
    Command::of(sql).unwrap()
}

#[test]
fn transactions_and_settings() {
    assert_eq!(of("begin isolation level serializable"), Command::Begin);
    assert_eq!(of("START TRANSACTION READ ONLY"), Command::Begin);
    assert_eq!(of("END"), Command::Commit);
    assert_eq!(of("rollback work"), Command::Rollback);
    assert_eq!(Command::of("rollback to savepoint a").unwrap_err().code, "0A000");
    let set = |name: &str, value: Option<&str>| Command::Set {
        name: name.to_owned(),
        value: value.map(str::to_owned),
    };
    assert_eq!(of("SET statement_timeout = '5s'"), set("statement_timeout", Some("5s")));
    assert_eq!(of("SET SESSION a.b TO 7"), set("a.b", Some("7")));
    assert_eq!(of("set search_path to public, \"X\""), set("search_path", Some("public, X")));
    assert_eq!(of("SET TIME ZONE 'UTC'"), set("timezone", Some("UTC")));
    assert_eq!(of("SET application_name = ''"), set("application_name", Some("")));
    assert_eq!(of("SET datestyle TO DEFAULT"), set("datestyle", None));
    assert_eq!(of("reset statement_timeout"), set("statement_timeout", None));
    assert_eq!(Command::of("SET x").unwrap_err().code, "42601");
    assert_eq!(of("show TimeZone"), Command::Show("timezone".into()));
    assert_eq!(
        of("SHOW transaction isolation level"),
        Command::Show("transaction_isolation".into())
    );
    assert_eq!(of("show tables"), Command::Query);
    assert_eq!(of("show columns from x"), Command::Query);
}

#[test]
fn cursors() {
    let sql = "DECLARE \"My c\" NO SCROLL CURSOR WITHOUT HOLD FOR select 1";
    let Command::Declare { name, hold, query } = of(sql) else { panic!("no cursor") };
    assert_eq!((name.as_str(), hold, &sql[query..]), ("My c", false, "select 1"));
    assert!(matches!(
        of("declare c cursor with hold for select 1"),
        Command::Declare { hold: true, .. }
    ));
    assert_eq!(Command::of("declare c scroll cursor for select 1").unwrap_err().code, "0A000");
    let fetch = |name: &str, count, step_over| {
        Command::Fetch(Fetch { name: name.to_owned(), count, step_over })
    };
    assert_eq!(of("FETCH FORWARD 100 FROM \"My c\""), fetch("My c", Some(100), false));
    assert_eq!(of("fetch all in C"), fetch("c", None, false));
    assert_eq!(of("fetch c"), fetch("c", Some(1), false));
    assert_eq!(of("MOVE 5 FROM c"), fetch("c", Some(5), true));
    assert_eq!(Command::of("fetch prior from c").unwrap_err().code, "0A000");
    assert_eq!(of("CLOSE ALL"), Command::Close(None));
    assert_eq!(of("close \"My c\""), Command::Close(Some("My c".into())));
}

#[test]
fn copies() {
    let copied = |sql: &str| match of(sql) {
        Command::Copy { query, options } => (query, options),
        other => panic!("{other:?}"),
    };
    let (query, options) = copied("COPY (SELECT ')', (1)) TO STDOUT WITH (FORMAT csv, HEADER)");
    assert_eq!(query, "SELECT ')', (1)");
    assert!(options.csv && options.header);
    assert_eq!(copied("copy \"x y\" (a, b) to stdout").0, "SELECT a, b FROM \"x y\" ");
    assert_eq!(of("COPY (select 1) TO 'file.parquet'"), Command::Query);
    assert_eq!(Command::of("copy x from stdin").unwrap_err().code, "0A000");
    assert_eq!(Command::of("copy x to stdout (format binary)").unwrap_err().code, "0A000");
}

#[test]
fn everything_else_is_the_engines() {
    for sql in [
        "select 1",
        "with a as (select 1) select * from a",
        "insert into x values (1)",
        "explain select 1",
    ] {
        assert_eq!(of(sql), Command::Query, "{sql}");
    }
}
