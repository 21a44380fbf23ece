//! Backups of a server that is being written to, and `kill -9` of backups, restores and repairs at every
//! named step.

mod bucket;
mod documentation;

use std::{
    collections::BTreeMap,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use timberline::{Database, Labels, Sample, WriteBatch};
use timberline_io::FAIL_POINT_VARIABLE;
use timberline_tests::{Client, History, Server, value_of};

const WRITERS: u64 = 2;
const SERIES_PER_WRITER: u64 = 50;
const MILLI: i64 = 1_000_000;

#[test]
fn a_backup_has_all_that_was_acknowledged_before_it_began() {
    let home = tempfile::tempdir().expect("a directory can be made");
    let place = home.path().join("backups");
    let data = home.path().join("data");
    let server =
        Server::start(&data, &["--storage-segment-size=1MiB", "--storage-flush-size=1MiB"]);
    let done = AtomicBool::new(false);
    let mut histories = Vec::new();
    thread::scope(|scope| {
        let (sender, receiver) = std::sync::mpsc::channel();
        for writer in 0..WRITERS {
            let (client, done, sender) = (Client::new(server.address()), &done, sender.clone());
            scope.spawn(move || write_until(&client, writer, done, &sender));
        }
        drop(sender);
        let mut history = History::default();
        for number in 1..=4 {
            while history.acknowledged_count() < 2_000 * number {
                history.extend(receiver.recv().expect("the writers go on"));
            }
            receiver.try_iter().for_each(|batch| history.extend(batch));
            // From here on: what was acknowledged is in the backup, what comes later may be.
            let acknowledged = history.clone();
            let said = succeed(&timberline(&["backup", &text(&place), "--addr", server.address()]));
            assert!(said.starts_with(&format!("backup {number} in ")), "{said}");
            histories.push(acknowledged);
        }
        done.store(true, Ordering::Release);
        for batch in receiver {
            history.extend(batch);
        }
        for (index, acknowledged) in histories.iter().enumerate() {
            // A sample that came later may be there, too.
            let mut known = history.in_doubt();
            known.extend(acknowledged.clone());
            check_restored(&place, index + 1, &known);
        }
    });
    let snapshots = std::fs::read_dir(data.join("snapshots")).expect("there were snapshots");
    assert_eq!(snapshots.count(), 0, "a backup removes its snapshot");
    assert!(server.stop().success());
    assert!(
        succeed(&timberline(&["check", "--data-dir", &text(&data)])).contains("nothing is damaged")
    );
    // The stopped directory, whose log has what came since.
    let said = succeed(&timberline(&["backup", &text(&place), "--data-dir", &text(&data)]));
    assert!(said.starts_with("backup 5 in "), "{said}");
}

#[test]
fn backups_killed_at_every_named_step_leave_the_others_whole_and_can_be_run_again() {
    let home = tempfile::tempdir().expect("a directory can be made");
    let (place, data) = (home.path().join("backups"), home.path().join("data"));
    let server = Server::start(&data, &[]);
    let client = Client::new(server.address());
    let mut history = History::default();
    let mut number = 0;
    let mut add = |history: &mut History| {
        write(&client, 0, number, history);
        number += 1;
        assert_eq!(client.post("/api/v1/admin/tsdb/flush").0, 200);
    };
    (0..3).for_each(|_| add(&mut history));
    let first = history.clone();
    let backup = ["backup", &text(&place), "--addr", server.address()];
    succeed(&timberline(&backup));
    for point in points_of("backup.") {
        add(&mut history);
        die_at(&point, &backup);
        let checked = succeed(&timberline(&["check", "--backup", &text(&place)]));
        assert!(checked.contains("nothing is damaged"), "{point}: {checked}");
        let mut known = history.in_doubt();
        known.extend(first.clone());
        check_restored(&place, 1, &known);
        let said = succeed(&timberline(&backup));
        check_newest(&place, &history, &said);
    }
    // The claims of those that died are void in a day; until then nothing that they put is removed.
    let said = succeed(&timberline(&["backup", &text(&place), "--prune", "--keep=2"]));
    assert!(said.contains("another backup"), "{said}");
    let listed = succeed(&timberline(&["backup", &text(&place), "--list"]));
    assert_eq!(listed.lines().count(), 3, "{listed}");
    drop(server);

    // A stopped database, whose snapshot is made by the command itself.
    for point in points_of("snapshot.") {
        let backup = ["backup", &text(&place), "--data-dir", &text(&data)];
        die_at(&point, &backup);
        check_newest(&place, &history, &succeed(&timberline(&backup)));
    }
}

#[test]
fn restores_killed_at_every_named_step_go_on() {
    let home = tempfile::tempdir().expect("a directory can be made");
    let (place, data) = (home.path().join("backups"), home.path().join("data"));
    let server = Server::start(&data, &[]);
    let client = Client::new(server.address());
    let mut history = History::default();
    (0..3).for_each(|number| write(&client, 0, number, &mut history));
    succeed(&timberline(&["backup", &text(&place), "--addr", server.address()]));
    for point in points_of("restore.") {
        let target = home.path().join(point.replace('.', "-"));
        let restore = ["restore", &text(&place), "--data-dir", &text(&target)];
        die_at(&point, &restore);
        if target.join("RESTORING").exists() {
            let start = ["start", "--listen=127.0.0.1:0", "--data-dir", &text(&target)];
            let refused = timberline(&start);
            assert!(!refused.status.success(), "{point}");
            let said = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert!(said.contains("timberline restore"), "{point}: {said}");
            succeed(&timberline(&restore));
        } else {
            assert_eq!(point, "restore.unmarked");
        }
        let found = read(&Server::start(&target, &[]));
        history.check(&found).unwrap_or_else(|difference| panic!("{point}: {difference}"));
    }
}

#[test]
fn repairs_killed_at_every_named_step_can_be_run_again() {
    let home = tempfile::tempdir().expect("a directory can be made");
    for point in points_of("repair.") {
        let data = home.path().join(point.replace('.', "-"));
        let server = Server::start(&data, &[]);
        let client = Client::new(server.address());
        let mut history = History::default();
        write(&client, 0, 0, &mut history);
        assert_eq!(client.post("/api/v1/admin/tsdb/flush").0, 200);
        write(&client, 0, 1, &mut history);
        assert!(server.stop().success());
        // The manifest, and a block's description.
        for dir in ["manifest", "blocks"] {
            let mut path = newest(&data.join(dir));
            if path.is_dir() {
                path = path.join("meta.json");
            }
            let mut bytes = std::fs::read(&path).expect("the file is there");
            bytes[70] ^= 1;
            std::fs::write(&path, bytes).expect("the file can be written");
        }
        let check = ["check", "--data-dir", &text(&data)];
        assert_eq!(timberline(&check).status.code(), Some(1), "{point}");
        let repair = ["repair", "--data-dir", &text(&data)];
        let planned = timberline(&repair);
        assert_eq!(planned.status.code(), Some(1), "{point}: a dry run");
        assert!(String::from_utf8_lossy(&planned.stdout).contains("act: "), "{point}");
        assert_eq!(timberline(&check).status.code(), Some(1), "{point}: it has changed nothing");
        let repair = ["repair", "--data-dir", &text(&data), "--yes"];
        die_at(&point, &repair);
        succeed(&timberline(&repair));
        succeed(&timberline(&check));
        let found = read(&Server::start(&data, &[]));
        history.check(&found).unwrap_or_else(|difference| panic!("{point}: {difference}"));
    }
}

/// The file or directory with the last name.
fn newest(dir: &Path) -> PathBuf {
    let entries = std::fs::read_dir(dir).expect("the directory is there");
    let paths = entries.map(|entry| entry.expect("it can be read").path());
    paths.max().expect("it is not empty")
}

/// The steps of a change, as `docs/fail-points.md` lists them.
fn points_of(change: &str) -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/fail-points.md");
    let page = std::fs::read_to_string(page).expect("the page is there");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let points: Vec<String> =
        rows.filter(|name| name.starts_with(change)).map(str::to_owned).collect();
    assert!(points.len() >= 3, "{points:?}");
    points
}

/// Runs a command that kills itself at a step.
fn die_at(point: &str, arguments: &[&str]) {
    let mut command = Command::new(Server::binary());
    command.args(arguments).env(FAIL_POINT_VARIABLE, point);
    let output = command.stdin(Stdio::null()).output().expect("the binary runs");
    assert_eq!(output.status.signal(), Some(9), "{point}: {output:?}");
}

/// Restores a backup and checks what it has.
fn check_restored(place: &Path, number: usize, history: &History) {
    let home = tempfile::tempdir().expect("a directory can be made");
    let dir = home.path().join("restored");
    let backup = number.to_string();
    succeed(&timberline(&[
        "restore",
        &text(place),
        "--data-dir",
        &text(&dir),
        "--backup",
        &backup,
    ]));
    succeed(&timberline(&["check", "--data-dir", &text(&dir)]));
    let found = read(&Server::start(&dir, &[]));
    history.check(&found).unwrap_or_else(|difference| panic!("backup {number}: {difference}"));
}

/// Checks the backup that was just made.
fn check_newest(place: &Path, history: &History, said: &str) {
    let number = said.split_whitespace().nth(1).and_then(|word| word.parse().ok());
    check_restored(place, number.unwrap_or_else(|| panic!("{said}")), history);
}

fn timberline(arguments: &[&str]) -> Output {
    let output = Command::new(Server::binary()).args(arguments).stdin(Stdio::null()).output();
    output.expect("the binary runs")
}

fn succeed(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complaint}");
    said
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Writes batch after batch, and tells of each one that was acknowledged.
fn write_until(
    client: &Client,
    writer: u64,
    done: &AtomicBool,
    acknowledged: &std::sync::mpsc::Sender<History>,
) {
    for number in 0.. {
        if done.load(Ordering::Acquire) {
            return;
        }
        let mut history = History::default();
        write(client, writer, number, &mut history);
        if acknowledged.send(history).is_err() {
            return;
        }
    }
}

/// Writes one block's worth into a database of this process, and flushes it.
fn fill(database: &Database, part: i64) {
    let mut batch = WriteBatch::default();
    for series in 0..SERIES_PER_WRITER {
        let pairs = [("__name__", "m".to_owned()), ("series", series.to_string())];
        batch.push_labels(Labels::from_pairs(pairs).expect("these are labels"));
        let ts = (1_700_000_000_000 + part * 15_000) * MILLI;
        batch.push_sample(ts, value_of(series, ts));
    }
    let outcome = database.write(&batch).expect("an open database takes writes");
    assert_eq!(outcome.samples_rejected, 0);
    database.flush().expect("an open database flushes");
}

fn write(client: &Client, writer: u64, number: i64, history: &mut History) {
    let mut batch = Vec::new();
    let first = writer * SERIES_PER_WRITER;
    for series in first..first + SERIES_PER_WRITER {
        // Every fifth batch comes late, by three hours.
        let late = if number % 5 == 4 { 10_800_000 } else { 0 };
        let ts = (1_700_000_000_000 + number * 15_000 - late) * MILLI;
        history.sent(series, ts);
        let pairs = [("__name__", "m".to_owned()), ("series", series.to_string())];
        let labels = Labels::from_pairs(pairs).expect("these are labels");
        batch.push((labels, vec![Sample { ts, value: value_of(series, ts) }]));
        history.acknowledged(series, ts);
    }
    client.write(&batch).unwrap_or_else(|error| panic!("batch {number} was refused: {error:?}"));
}

fn read(server: &Server) -> BTreeMap<(u64, i64), f64> {
    let result = server.query("m[10000d]", "1800000000");
    let mut found = BTreeMap::new();
    for series in result.as_array().expect("a matrix") {
        let number = series["metric"]["series"].as_str().and_then(|text| text.parse().ok());
        let number: u64 = number.expect("only our series are there");
        for sample in series["values"].as_array().expect("a matrix has values") {
            let seconds = sample[0].as_f64().expect("times are numbers");
            let value = sample[1].as_str().and_then(|text| text.parse().ok());
            let ts = (seconds * 1_000.0).round() as i64 * MILLI;
            found.insert((number, ts), value.expect("values are numbers"));
        }
    }
    found
}
