//! The real server, held and then killed with `kill -9` at every named step: asked while it is held
//! there, and after it has come back.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use timberline::{Database, Labels, Options, Retention, Sample};
use timberline_tests::{Client, Server, wait_until};

use super::{
    data::{HOUR, HOURS, SECOND, fill},
    documented, every,
    queries::{Ask, queries},
    query_count,
};

const PATIENCE: Duration = Duration::from_secs(60);
const FLUSH: &[&str] = &[
    "flush.begun",
    "flush.log_synced",
    "block.written",
    "block.described",
    "block.renamed",
    "block.durable",
    "flush.blocks_written",
    "flush.dictionary_written",
    "flush.metadata_written",
    "manifest.written",
    "manifest.renamed",
    "manifest.durable",
    "flush.in_force",
    "flush.dictionaries_removed",
    "flush.log_truncated",
];
const COMPACT: &[&str] = &[
    "compact.begun",
    "block.written",
    "block.described",
    "block.renamed",
    "block.durable",
    "compact.written",
    "manifest.written",
    "manifest.renamed",
    "manifest.durable",
    "blocks.in_force",
    "blocks.one_removed",
    "blocks.one_removed:2",
];
const RETAIN: &[&str] = &[
    "retain.begun",
    "manifest.written",
    "manifest.renamed",
    "manifest.durable",
    "blocks.in_force",
    "blocks.one_removed",
    "blocks.one_removed:2",
];
const DELETE: &[&str] = &[
    "delete.begun",
    "flush.blocks_written",
    "flush.log_truncated",
    "delete.flushed",
    "manifest.written:2",
    "manifest.renamed:2",
    "manifest.durable:2",
    "delete.in_force",
];

/// A change on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Flush,
    Compact,
    Retain,
    Delete,
}

impl Change {
    fn steps(self) -> &'static [&'static str] {
        match self {
            Self::Flush => FLUSH,
            Self::Compact => COMPACT,
            Self::Retain => RETAIN,
            Self::Delete => DELETE,
        }
    }

    /// Arguments with which the server begins the change by itself, if it is one of those.
    fn arguments(self, scene: &Scene) -> Vec<String> {
        match self {
            Self::Compact => Vec::new(),
            Self::Retain => vec![
                "--storage-compaction-levels=none".to_owned(),
                format!("--storage-retention={}s", scene.age_kept() / SECOND),
            ],
            Self::Flush | Self::Delete => vec!["--storage-compaction-levels=none".to_owned()],
        }
    }

    /// Asks for the change, if it does not begin by itself. No answer may come.
    fn ask_for(self, address: &str, scene: &Scene) {
        let path = match self {
            Self::Compact | Self::Retain => return,
            Self::Flush => "/api/v1/admin/tsdb/flush".to_owned(),
            Self::Delete => scene.deletion(),
        };
        let client = Client::new(address);
        thread::spawn(move || drop(client.try_post(&path)));
    }
}

/// A directory as it is before a change, and what it answers.
struct Scene {
    dir: tempfile::TempDir,
    start: i64,
    asks: Vec<Ask>,
}

impl Scene {
    fn new(change: Change) -> Self {
        let dir = tempfile::tempdir().expect("a directory can be made");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is past 1970");
        // Half a day ago, so that the windows of two levels have ended.
        let end = (now.as_nanos() as i64 - 15 * HOUR).div_euclid(12 * HOUR) * 12 * HOUR;
        let start = end - 36 * HOUR;
        let options = Options {
            segment_bytes: 1 << 20,
            background: false,
            retention: Retention::default(),
            ..Options::default()
        };
        let database = Database::open(dir.path().join("before"), options).expect("it opens");
        fill(&database, start);
        database.close().expect("it closes");
        let from = if change == Change::Retain { start + 20 * HOUR } else { start };
        let asks = queries(change as u64, query_count(), from, start + HOURS * HOUR);
        Self { dir, start, asks }
    }

    /// The request that deletes part of one host's samples.
    fn deletion(&self) -> String {
        format!(
            "/api/v1/admin/tsdb/delete_series?match[]=%7Bhost=%22h1%22%7D&start={}&end={}",
            (self.start + 3 * HOUR) / SECOND,
            (self.start + 20 * HOUR) / SECOND
        )
    }

    /// How old a sample may be where the retention takes the first half.
    fn age_kept(&self) -> i64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is past 1970");
        now.as_nanos() as i64 - (self.start + 14 * HOUR)
    }

    fn copy(&self, name: &str) -> PathBuf {
        let to = self.dir.path().join(name);
        let copied =
            Command::new("cp").arg("-r").arg(self.dir.path().join("before")).arg(&to).status();
        assert!(copied.is_ok_and(|status| status.success()), "the directory can be copied");
        to
    }

    fn answers(&self, client: &Client) -> Vec<String> {
        let answer = |ask: &Ask| {
            let times = [ask.start, ask.end, ask.step].map(|time| (time / SECOND).to_string());
            let parameters = [
                ("query", ask.promql.as_str()),
                ("start", &times[0]),
                ("end", &times[1]),
                ("step", &times[2]),
            ];
            let (status, body) = client.get("/api/v1/query_range", &parameters);
            assert_eq!(status, 200, "{ask:?}: {body}");
            body
        };
        self.asks.iter().map(answer).collect()
    }
}

/// Many servers run at once: none needs a large log.
fn with_small_segments(arguments: &[String]) -> Vec<&str> {
    let given = arguments.iter().map(String::as_str);
    given.chain(["--storage-segment-size=1MiB"]).collect()
}

fn start(data: &Path, arguments: &[String]) -> Server {
    Server::start(data, &with_small_segments(arguments))
}

/// A server that waits at a step and makes a file there.
fn start_held(data: &Path, arguments: &[String], place: &str, held: &Path) -> Server {
    let mut command = Command::new(Server::binary());
    command.env("TIMBERLINE_FAIL_POINT", place).env("TIMBERLINE_FAIL_POINT_FILE", held);
    Server::start_as(&mut command, data, &with_small_segments(arguments))
}

#[test]
fn every_documented_step_is_killed_at() {
    let steps = [FLUSH, COMPACT, RETAIN, DELETE].concat();
    let names = steps.iter().map(|step| step.split(':').next().unwrap_or_default().to_owned());
    let mut documented = documented();
    // Nobody can ask a server for a checkpoint; the simulated disk has it.
    documented.retain(|name| !name.starts_with("checkpoint."));
    assert_eq!(names.collect::<BTreeSet<_>>(), documented);
}

#[test]
fn kill_at_every_named_step_of_a_flush_changes_no_answer() {
    die_everywhere(Change::Flush);
}

#[test]
fn kill_at_every_named_step_of_a_compaction_changes_no_answer() {
    die_everywhere(Change::Compact);
}

#[test]
fn kill_at_every_named_step_of_a_retention_changes_no_answer() {
    die_everywhere(Change::Retain);
}

#[test]
fn kill_at_every_named_step_of_a_deletion_leaves_all_or_nothing() {
    die_everywhere(Change::Delete);
}

fn die_everywhere(change: Change) {
    let scene = Scene::new(change);
    let quiet = ["--storage-compaction-levels=none".to_owned()];
    let server = start(&scene.copy("quiet"), &quiet);
    let before = scene.answers(&server);
    let after = if change == Change::Delete {
        assert_eq!(server.post(&scene.deletion()).0, 204);
        scene.answers(&server)
    } else {
        before.clone()
    };
    assert_eq!(before == after, change != Change::Delete);
    drop(server);
    let steps = change.steps();
    for step in steps.iter().skip(change as usize % every()).step_by(every().div_ceil(2)) {
        die_at(change, &scene, step, &before, &after);
    }
}

fn die_at(change: Change, scene: &Scene, step: &str, before: &[String], after: &[String]) {
    let first = change.steps()[0];
    let place = if step == first { first.to_owned() } else { format!("{first},{step}") };
    let case = format!("{change:?} at {place}");
    let name = place.replace([',', ':', '.'], "-");
    let data = scene.copy(&name);
    let held = scene.dir.path().join(format!("{name}.held"));
    let arguments = change.arguments(scene);
    let mut server = start_held(&data, &arguments, &place, &held);
    change.ask_for(server.address(), scene);
    wait_until(&case, PATIENCE, || held.exists());

    let during = scene.answers(&server);
    assert!(during == before || during == after, "{case}: an answer differs during it");
    assert!(!wrote_slowly(&server), "{case}: a write waits for it");
    server.kill();
    drop(server);

    let again = start(&data, &arguments);
    let found = scene.answers(&again);
    assert!(found == before || found == after, "{case}: an answer differs after it");
    assert_eq!(
        again.query("other", "").as_array().map(Vec::len),
        Some(1),
        "{case}: the write is there"
    );
    let status = health(&again);
    assert_eq!(status, "healthy", "{case}");
    if matches!(change, Change::Compact | Change::Retain) {
        wait_until(&format!("{case}: it is done again"), PATIENCE, || {
            blocks_on_disk(&data) == block_count(&again) && is_done(change, &again)
        });
        let found = scene.answers(&again);
        assert!(found == after, "{case}: an answer differs once it is done");
    }
    drop(again);
    fs::remove_dir_all(&data).expect("a directory of ours can be removed");
}

/// Writes while the change is held, and says whether that took longer than any write may.
fn wrote_slowly(server: &Server) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is past 1970");
    let labels = Labels::from_pairs([("__name__", "other")]).expect("these are labels");
    let begun = std::time::Instant::now();
    let sample = Sample { ts: now.as_nanos() as i64, value: 1.0 };
    server.write(&[(labels, vec![sample])]).expect("a server takes writes whatever it does beside");
    begun.elapsed() > Duration::from_secs(10)
}

fn health(server: &Server) -> String {
    let (_, body) = server.get("/-/healthy", &[]);
    let body: serde_json::Value = serde_json::from_str(&body).expect("it is JSON");
    body["status"].as_str().unwrap_or_default().to_owned()
}

fn status(server: &Server) -> serde_json::Value {
    let (_, body) = server.get("/api/v1/status/tsdb", &[]);
    let body: serde_json::Value = serde_json::from_str(&body).expect("it is JSON");
    body["data"].clone()
}

fn block_count(server: &Server) -> usize {
    status(server)["blockCount"].as_u64().unwrap_or_default() as usize
}

/// Whether the server has come to the end of what it does by itself.
fn is_done(change: Change, server: &Server) -> bool {
    match change {
        // Two windows of twelve hours, and what lies after them.
        Change::Compact => block_count(server) <= 5,
        _ => status(server)["headStats"]["minTime"].as_i64().is_some(),
    }
}

fn blocks_on_disk(data: &Path) -> usize {
    fs::read_dir(data.join("blocks")).map_or(0, Iterator::count)
}
