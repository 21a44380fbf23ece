//! Files: round trips, names that lead elsewhere, damage, and what is left when a `COPY` does not end.

use std::{fs, time::Duration};

use timberline::{Labels, WriteBatch};
use timberline_sql::{SqlError, SqlOptions};

use crate::house::{House, NAME, Told};

/// 2024-01-01T00:00:00Z
const BEGIN: i64 = 1_704_067_200_000_000_000;

/// Metric `m` with some hosts, of which some have a label more.
fn fill(house: &House, hosts: usize, samples: i64) {
    let mut batch = WriteBatch::default();
    for host in 0..hosts {
        let name = format!("host {host}, \"quoted\"");
        let mut pairs = vec![("__name__", "m"), ("host", name.as_str())];
        if host % 3 == 0 {
            pairs.push(("dc", "ä\nö"));
        }
        batch.push_labels(Labels::from_pairs(pairs).unwrap());
        for n in 0..samples {
            let value = match n % 100 {
                7 => f64::INFINITY,
                8 => -0.1,
                9 => 1e300,
                n => n as f64 / 7.0,
            };
            batch.push_sample(BEGIN + n * 1_000_000_007, value);
        }
    }
    house.database.write(&batch).unwrap();
}

async fn copied(house: &House, sql: &str) -> u64 {
    match house.run(sql).await {
        Ok(Told::Done { command: "COPY", rows: Some(rows) }) => rows,
        other => panic!("{sql}: {other:?}"),
    }
}

/// The names in the directory of files, hidden ones as well.
fn names(house: &House) -> Vec<String> {
    let entries = fs::read_dir(house.files()).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_copied_reads_back_the_same() {
    let house = House::new();
    // Many batches, with a dictionary of their own each.
    fill(&house, 60, 2_000);
    house.database.flush().unwrap();
    for (table, order) in [("m", "time, host"), ("metrics", "time, tags['host']")] {
        let rows = format!("SELECT * FROM {table} ORDER BY {order}");
        let Told::Rows { types, rows: expected } = house.run(&rows).await.unwrap() else {
            panic!("no rows");
        };
        assert_eq!(expected.len(), 120_000);
        for end in ["parquet", "arrow"] {
            for compression in ["none", "zstd"] {
                let file = format!("{table}-{compression}.{end}");
                let copy = format!("COPY {table} TO '{file}' (COMPRESSION {compression})");
                assert_eq!(copied(&house, &copy).await, 120_000);
                let read = format!("SELECT * FROM '{file}' ORDER BY {order}");
                let Told::Rows { types: read_types, rows } = house.run(&read).await.unwrap() else {
                    panic!("no rows");
                };
                assert_eq!(read_types, types, "{file}");
                assert!(rows == expected, "{file}");
            }
        }
        assert_eq!(copied(&house, &format!("COPY {table} TO '{table}.csv'")).await, 120_000);
    }
    let from_csv = house.lines("SELECT * FROM 'm.csv' ORDER BY time, host").await;
    let from_table = house.lines("SELECT time, dc, host, value FROM m ORDER BY time, host").await;
    assert!(from_csv == from_table);
    assert!(names(&house).iter().all(|name| !name.starts_with('.')), "{:?}", names(&house));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_needed_of_parquet_is_read() {
    let house = House::new();
    fill(&house, 20, 20_000);
    copied(&house, "COPY (SELECT * FROM m ORDER BY time) TO 'm.parquet' (ROW_GROUP_SIZE 20000)")
        .await;
    let question = "SELECT count(*) FROM 'm.parquet' WHERE time < '2024-01-01T00:10:00Z'";
    assert_eq!(house.lines(question).await, ["12000"]);
    let plan = house.lines(&format!("EXPLAIN ANALYZE {question}")).await.join("\n");
    assert!(plan.contains("row_groups_pruned_statistics=20 total → 1 matched"), "{plan}");
    assert!(plan.contains("projection=[time]"), "{plan}");
    let first = house.lines("EXPLAIN SELECT host FROM 'm.parquet' LIMIT 5").await.join("\n");
    assert!(first.contains("limit=5"), "{first}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn no_name_leads_out_of_the_directory() {
    use std::os::unix::fs::symlink;

    let house = House::new();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("secret.csv"), "a\n1\n").unwrap();
    let files = house.files();
    symlink(elsewhere.path().join("secret.csv"), files.join("link.csv")).unwrap();
    symlink(elsewhere.path(), files.join("way")).unwrap();
    symlink("missing.csv", files.join("dangling.csv")).unwrap();
    fs::create_dir(files.join("sub")).unwrap();
    fs::create_dir(files.join("dir.csv")).unwrap();
    fs::write(files.join("sub/own.csv"), "a\n1\n").unwrap();
    symlink("sub/own.csv", files.join("inside.csv")).unwrap();
    for name in ["sub/own.csv", "inside.csv"] {
        assert_eq!(house.lines(&format!("SELECT a FROM '{name}'")).await, ["1"], "{name}");
    }
    let absolute = files.join("sub/own.csv").display().to_string();
    let names = [
        "link.csv",
        "way/secret.csv",
        "sub/../sub/own.csv",
        "./sub/own.csv",
        "../files/sub/own.csv",
        &absolute,
        "file:///etc/hosts.csv",
        "s3://bucket/x.csv",
        "dangling.csv",
        "dir.csv",
        "*.csv",
        "sub/own.csv/x.csv",
    ];
    for name in names {
        for read in [format!("SELECT * FROM '{name}'"), format!("SELECT * FROM read_csv('{name}')")]
        {
            let error = house.run(&read).await.unwrap_err().to_string();
            let known = ["is no file", "there is no file", "cannot open"];
            assert!(known.iter().any(|known| error.contains(known)), "{read}: {error}");
            assert!(!error.contains("secret of"), "{error}");
        }
    }
    for name in ["way/new.csv", "../new.csv", "/tmp/new.csv", "sub/../../new.csv", "a/b.csv", ".."]
    {
        let copy = format!("COPY (SELECT 1) TO '{name}' (FORMAT csv, OVERWRITE true)");
        house.run(&copy).await.unwrap_err();
    }
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1);
    // A link that leads out is replaced, and not what it leads to.
    copied(&house, "COPY (SELECT 2 AS a) TO 'link.csv' (OVERWRITE true)").await;
    assert_eq!(fs::read_to_string(elsewhere.path().join("secret.csv")).unwrap(), "a\n1\n");
    assert_eq!(house.lines("SELECT a FROM 'link.csv'").await, ["2"]);
    house.run("COPY (SELECT 2 AS a) TO 'dangling.csv'").await.unwrap_err();
    house.run("COPY (SELECT 2 AS a) TO 'dir.csv' (OVERWRITE true)").await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_directory_there_are_no_files() {
    let house = House::with(SqlOptions::default());
    for sql in
        ["SELECT * FROM 'x.csv'", "SELECT * FROM read_csv('x')", "COPY (SELECT 1) TO 'x.csv'"]
    {
        let error = house.run(sql).await.unwrap_err().to_string();
        assert!(error.contains("set sql.files_dir"), "{sql}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_does_not_end_leaves_nothing() {
    let house = House::new();
    let broken = "SELECT 1 / (100000 - value) AS n FROM generate_series(1, 200000)";
    for end in ["parquet", "arrow", "csv"] {
        copied(&house, &format!("COPY (SELECT 1 AS n) TO 'kept.{end}'")).await;
        for copy in [
            format!("COPY ({broken}) TO 'new.{end}'"),
            format!("COPY ({broken}) TO 'kept.{end}' (OVERWRITE true)"),
        ] {
            let error = house.run(&copy).await.unwrap_err();
            assert!(error.to_string().to_lowercase().contains("zero"), "{error}");
        }
        assert_eq!(house.lines(&format!("SELECT n FROM 'kept.{end}'")).await, ["1"]);
    }
    // Whoever gives up waiting ends it.
    let endless = "COPY (SELECT value FROM generate_series(1, 100000000000)) TO 'endless.csv'";
    let given_up =
        tokio::time::timeout(Duration::from_millis(300), house.session.run(endless, Vec::new()));
    given_up.await.unwrap_err();
    let kept = ["kept.arrow", "kept.csv", "kept.parquet"];
    let wait = async {
        while names(&house) != kept {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_takes_no_longer_than_a_statement_may() {
    let house = House::new();
    let mut options = SqlOptions::default();
    options.timeout = Duration::from_millis(200);
    options.files = Some(house.files());
    let limited = House::with(options);
    let endless = "COPY (SELECT value FROM generate_series(1, 100000000000)) TO 'endless.parquet'";
    let error = limited.run(endless).await.unwrap_err();
    assert!(matches!(error, SqlError::Limit { .. }), "{error:?}");
    let wait = async {
        while !names(&house).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn leftovers_of_a_process_that_is_gone_are_removed() {
    let house = House::new();
    let leftover = house.files().join(".x.parquet.1-0.partial");
    fs::write(&leftover, "half").unwrap();
    let written = fs::File::create(house.files().join(".y.parquet.1-1.partial")).unwrap();
    std::io::Write::write_all(&mut &written, b"half").unwrap();
    written.lock().unwrap();
    copied(&house, "COPY (SELECT 1) TO 'x.parquet'").await;
    // What another process still writes stays.
    assert_eq!(names(&house), [".y.parquet.1-1.partial", "x.parquet"]);
    drop(written);
    let mut options = SqlOptions::default();
    options.files = Some(house.files());
    House::with(options);
    assert_eq!(names(&house), ["x.parquet"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_into_one_name_do_not_mix() {
    let house = House::new();
    let mut copies = Vec::new();
    for n in 0..8 {
        let session = house.engine.session(NAME).unwrap();
        copies.push(tokio::spawn(async move {
            let sql = format!("COPY (SELECT {n} AS n FROM generate_series(1, 20000)) TO 'x.csv'");
            session.run(&sql, Vec::new()).await.is_ok()
        }));
    }
    let mut done = 0;
    for copy in copies {
        done += usize::from(copy.await.unwrap());
    }
    assert_eq!(done, 1);
    let read = house.lines("SELECT count(DISTINCT n), count(*) FROM 'x.csv'").await;
    assert_eq!(read, ["1 20000"]);
}

/// Bytes of a file changed at many places, one after the other, and the file cut at many.
fn damages(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut damages: Vec<Vec<u8>> =
        (0..40).map(|part| bytes[..bytes.len() * part / 40].to_vec()).collect();
    let mut at = 7;
    while at < bytes.len() {
        for value in [0x00, 0xff, bytes[at] ^ 0x40] {
            let mut damaged = bytes.to_vec();
            damaged[at] = value;
            damages.push(damaged);
        }
        at += 1 + bytes.len() / 60;
    }
    damages
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_is_an_error_with_its_name() {
    let house = House::new();
    fill(&house, 6, 300);
    for end in ["parquet", "arrow"] {
        let file = format!("good.{end}");
        copied(&house, &format!("COPY m TO '{file}'")).await;
        let good = fs::read(house.files().join(&file)).unwrap();
        let mut refused = 0;
        for (number, bytes) in damages(&good).into_iter().enumerate() {
            let name = format!("d{number}.{end}");
            fs::write(house.files().join(&name), &bytes).unwrap();
            // Damaged values may be read as others: neither format has checksums of all.
            if let Err(error) = house.run(&format!("SELECT * FROM '{name}'")).await {
                assert!(error.to_string().contains(&name), "{error}");
                refused += 1;
            }
            fs::remove_file(house.files().join(&name)).unwrap();
        }
        assert!(refused > 60, "{end}: {refused}");
    }
    assert_eq!(house.lines("SELECT count(*) FROM 'good.parquet'").await, ["1800"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_csv_is_an_error_with_its_line() {
    let house = House::new();
    let write = |name: &str, text: &str| fs::write(house.files().join(name), text).unwrap();
    write("short.csv", "a,b\n1,2\n3\n");
    write("empty.csv", "");
    let mut long = String::from("n\n");
    for n in 0..30_000 {
        long.push_str(&format!("{n}\n"));
    }
    long.push_str("oops\n");
    write("late.csv", &long);
    fs::write(house.files().join("binary.csv"), [b'a', b'\n', 0xff, 0xfe, b'\n']).unwrap();
    for (name, place) in
        [("short.csv", "line 3"), ("late.csv", "line 30001"), ("empty.csv", "no columns")]
    {
        let error = house.run(&format!("SELECT * FROM '{name}'")).await.unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(place), "{error}");
    }
    let error = house.run("SELECT * FROM 'binary.csv'").await.unwrap_err().to_string();
    assert!(error.contains("binary.csv"), "{error}");
    write("quoted.csv", "a,b\n\"x\ny\",1\n\"say \"\"hi\"\"\",2\n");
    assert_eq!(
        house.lines("SELECT b, a FROM 'quoted.csv' ORDER BY b").await,
        ["1 x\ny", "2 say \"hi\""]
    );
}
