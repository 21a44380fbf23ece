//! Random questions over random data, answered by DuckDB as well.
//!
//! The rows go to DuckDB through `COPY ... TO 'x.parquet'`, so that is checked, too. DuckDB comes with
//! `scripts/setup`; where it is missing, the test says that it is skipped. `TIMBERLINE_SQL_DUCKDB` sets how
//! many questions are asked, `TIMBERLINE_SQL_SEED` which.

mod question;

use std::{fs, path::PathBuf, process::Command};

use timberline::{Labels, WriteBatch};
use timberline_io::Random;

use self::question::{Dialect, question, value};
use crate::house::House;

/// Reads the questions of a file, parted by a line of `;`, and answers each: a line for each row, values
/// parted by tabs.
const ANSWER: &str = r#"
import sys, duckdb
directory = sys.argv[1]
base = duckdb.connect()
for name in ("cpu", "mem"):
    base.execute(f"CREATE TABLE {name} AS SELECT * FROM '{directory}/{name}.parquet'")
def text(value):
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)
for sql in open(f"{directory}/questions.sql").read().split("\n;\n"):
    if not sql.strip():
        continue
    try:
        for row in base.execute(sql).fetchall():
            print("\t".join(text(value) for value in row))
    except Exception as error:
        print("error:", str(error).replace("\n", " "))
    print(";")
"#;

/// A Python that has DuckDB.
fn python() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let of = |name: &str| home.join(format!(".cache/timberline/{name}/bin/python"));
    let found = [of("clients"), of("engines"), "python3".into()].into_iter().find(|python| {
        let ran = Command::new(python).args(["-c", "import duckdb"]).output();
        ran.is_ok_and(|ran| ran.status.success())
    });
    if found.is_none() {
        eprintln!("skipped: duckdb is not installed (scripts/setup test does it)");
    }
    found
}

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Series of two metrics: hosts that are absent in some, times that some of them share.
fn fill(house: &House, chance: &mut Random) {
    for (part, metric) in ["cpu", "mem", "cpu"].into_iter().enumerate() {
        let mut batch = WriteBatch::default();
        for host in ["a", "b", "web-1", "A b", ""] {
            for dc in ["x", "y", ""] {
                if chance.below(4) == 0 {
                    continue;
                }
                let labels = [("__name__", metric), ("host", host), ("dc", dc)];
                batch.push_labels(Labels::from_pairs(labels).unwrap());
                let step = [1, 10, 7][chance.below(3) as usize] * 1_000_000_000;
                let mut ts = question::BEGIN + part as i64 * 3_600_000_000_000;
                for _ in 0..chance.below(120) {
                    ts += step * (1 + chance.below(5) as i64 / 4);
                    batch.push_sample(ts, value(chance));
                }
            }
        }
        house.database.write(&batch).unwrap();
        // The last part stays in memory.
        if part < 2 {
            house.database.flush().unwrap();
        }
    }
}

/// Rows in an order that rounding does not change.
fn sorted(mut rows: Vec<Vec<String>>) -> Vec<Vec<String>> {
    rows.sort_by_cached_key(|row| {
        let key = |value: &String| match (value.parse::<i64>(), value.parse::<f64>()) {
            (Ok(_), _) | (_, Err(_)) => value.clone(),
            (_, Ok(number)) if number.fract() == 0.0 => format!("{number:.0}"),
            (_, Ok(number)) => format!("{number:.5e}"),
        };
        row.iter().map(key).collect::<Vec<_>>()
    });
    rows
}

fn same(ours: &[Vec<String>], theirs: &[Vec<String>]) -> bool {
    let same_value = |(a, b): (&String, &String)| {
        a == b
            || match (a.parse::<f64>(), b.parse::<f64>()) {
                (Ok(a), Ok(b)) => (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0),
                _ => false,
            }
    };
    ours.len() == theirs.len()
        && ours
            .iter()
            .zip(theirs)
            .all(|(a, b)| a.len() == b.len() && a.iter().zip(b).all(same_value))
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_are_answered_as_duckdb_answers_them() {
    let Some(python) = python() else { return };
    let seed = number("TIMBERLINE_SQL_SEED", 1);
    let count = number("TIMBERLINE_SQL_DUCKDB", 60);
    let mut chance = Random::new(seed);
    let house = House::new();
    fill(&house, &mut chance);
    for metric in ["cpu", "mem"] {
        let copy = format!(
            "COPY (SELECT time::bigint AS ns, host, dc, value FROM {metric}) TO '{metric}.parquet'"
        );
        house.run(&copy).await.unwrap();
    }
    let questions: Vec<_> = (0..count).map(|_| question(&mut chance)).collect();
    let of_duckdb: Vec<_> = questions.iter().map(|of| of.text(Dialect::DuckDb)).collect();
    fs::write(house.files().join("questions.sql"), of_duckdb.join("\n;\n")).unwrap();
    let ran = Command::new(python).args(["-c", ANSWER]).arg(house.files()).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let answers = String::from_utf8(ran.stdout).unwrap();
    let mut answers = answers.split(";\n");
    let mut rows = 0;
    let mut wrong = Vec::new();
    for (number, asked) in questions.iter().enumerate() {
        let answer = answers.next().unwrap();
        assert!(!answer.starts_with("error:"), "{}\n{answer}", of_duckdb[number]);
        let row = |line: &str| line.split('\t').map(str::to_owned).collect::<Vec<_>>();
        let theirs = sorted(answer.lines().map(row).collect());
        let text = asked.text(Dialect::Timberline);
        let ours = match house.run(&text).await {
            Ok(crate::house::Told::Rows { rows, .. }) => sorted(rows),
            other => {
                wrong.push(format!("{text}\n{other:?}"));
                continue;
            }
        };
        rows += theirs.len();
        if !same(&ours, &theirs) {
            let first = |of: &[Vec<String>], other: &[Vec<String>]| {
                let odd = of
                    .iter()
                    .zip(other)
                    .find(|(a, b)| !same(std::slice::from_ref(*a), std::slice::from_ref(*b)));
                odd.map(|(row, _)| row.join(" | "))
            };
            wrong.push(format!(
                "{text}\n{} rows, first other one {:?}\nDuckDB: {} rows, {:?}",
                ours.len(),
                first(&ours, &theirs),
                theirs.len(),
                first(&theirs, &ours),
            ));
        }
    }
    assert!(wrong.is_empty(), "seed {seed}: {} wrong\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(count < 50 || rows > 500, "only {rows} rows in all answers");
}
