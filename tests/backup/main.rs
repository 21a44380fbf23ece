//! Backups of a server that is being written to, and `kill -9` of backups and restores.
//!
//! `TIMBERLINE_KILL_ROUNDS` says how often each is killed.

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use timberline::{Labels, Sample};
use timberline_tests::{Client, History, Server, count_from_env, value_of};

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
            thread::sleep(Duration::from_millis(300));
            for batch in receiver.try_iter() {
                history.extend(batch);
            }
            // From here on: what was acknowledged is in the backup, what comes later may be.
            let acknowledged = history.clone();
            let said = succeed(timberline(&["backup", &text(&place), "--addr", server.address()]));
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
            assert!(acknowledged.acknowledged_count() > 100, "the writers wrote next to nothing");
            check_restored(&place, index + 1, &known);
        }
    });
    let snapshots = std::fs::read_dir(data.join("snapshots")).expect("there were snapshots");
    assert_eq!(snapshots.count(), 0, "a backup removes its snapshot");
    assert!(server.stop().success());
    assert!(
        succeed(timberline(&["check", "--data-dir", &text(&data)])).contains("nothing is damaged")
    );
    // The stopped directory, whose log has what came since.
    let said = succeed(timberline(&["backup", &text(&place), "--data-dir", &text(&data)]));
    assert!(said.starts_with("backup 5 in "), "{said}");
}

#[test]
fn killed_backups_and_restores_leave_the_others_whole_and_can_be_run_again() {
    let rounds = count_from_env("TIMBERLINE_KILL_ROUNDS", 6);
    let home = tempfile::tempdir().expect("a directory can be made");
    let (place, data) = (home.path().join("backups"), home.path().join("data"));
    let server = Server::start(&data, &[]);
    let client = Client::new(server.address());
    let mut history = History::default();
    for number in 0..40 {
        write(&client, 0, number, &mut history);
        if number % 10 == 9 {
            assert_eq!(client.post("/api/v1/admin/tsdb/flush").0, 200);
        }
    }
    let backup = ["backup", &text(&place), "--addr", server.address()];
    let begun = Instant::now();
    succeed(timberline(&backup));
    let usual = begun.elapsed();
    for round in 0..rounds {
        write(&client, 0, 40 + round as i64, &mut history);
        assert_eq!(client.post("/api/v1/admin/tsdb/flush").0, 200);
        kill_after(&backup, usual.mul_f64((round + 1) as f64 / rounds as f64));
        let checked = succeed(timberline(&["check", "--backup", &text(&place)]));
        assert!(checked.contains("nothing is damaged"), "{checked}");
        check_restored(&place, 1, &history.in_doubt());
        let said = succeed(timberline(&backup));
        check_newest(&place, &history, &said);
    }
    assert!(server.stop().success());

    let target = home.path().join("killed");
    let restore = ["restore", &text(&place), "--data-dir", &text(&target)];
    let begun = Instant::now();
    succeed(timberline(&restore));
    let usual = begun.elapsed();
    for round in 0..rounds {
        std::fs::remove_dir_all(&target).expect("it was restored");
        kill_after(&restore, usual.mul_f64((round + 1) as f64 / rounds as f64));
        if target.join("RESTORING").exists() {
            let refused =
                timberline(&["start", "--listen=127.0.0.1:0", "--data-dir", &text(&target)]);
            assert!(!refused.status.success());
            let said = String::from_utf8_lossy(&refused.stderr).into_owned();
            assert!(said.contains("timberline restore"), "{said}");
            succeed(timberline(&restore));
        } else if !target.join("manifest").exists() {
            succeed(timberline(&restore));
        }
        let found = read(&Server::start(&target, &[]));
        history.check(&found).unwrap_or_else(|difference| panic!("round {round}: {difference}"));
    }
}

/// Restores a backup and checks what it has.
fn check_restored(place: &Path, number: usize, history: &History) {
    let home = tempfile::tempdir().expect("a directory can be made");
    let dir = home.path().join("restored");
    let backup = number.to_string();
    succeed(timberline(&["restore", &text(place), "--data-dir", &text(&dir), "--backup", &backup]));
    succeed(timberline(&["check", "--data-dir", &text(&dir)]));
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

fn succeed(output: Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complaint}");
    said
}

fn kill_after(arguments: &[&str], pause: Duration) {
    let mut command = Command::new(Server::binary());
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the binary runs");
    thread::sleep(pause);
    // It may have ended by itself.
    let _ = child.kill();
    child.wait().expect("the child is ours");
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
