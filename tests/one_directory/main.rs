//! One directory, opened by the library and by the server in turn, and never by both.

use timberline::{Database, ErrorKind, Labels, Options, Retention, Sample, Value, WriteBatch};
use timberline_tests::Server;

const TS: i64 = 1_700_000_000_000_000_000;

fn options() -> Options {
    Options { retention: Retention::default(), ..Options::default() }
}

#[test]
fn the_library_and_the_server_take_turns_on_a_directory() {
    let dir = tempfile::tempdir().expect("a directory can be made");
    let data = dir.path().join("data");
    let labels = Labels::from_pairs([("__name__", "m")]).expect("these are labels");

    let database = Database::open(&data, options()).expect("an empty directory opens");
    let mut batch = WriteBatch::default();
    batch.push_labels(labels.clone());
    batch.push_sample(TS, 1.0);
    database.write(&batch).expect("an open database takes writes");
    database.close().expect("an open database closes");
    drop(database);

    let server = Server::start(&data, &[]);
    assert_eq!(server.query("m", "1700000000")[0]["value"][1], "1");
    let sample = Sample { ts: TS + 1_000_000_000, value: 2.0 };
    server.write(&[(labels, vec![sample])]).expect("the server takes writes");
    let refusal = Database::open(&data, options()).expect_err("the server has it");
    assert_eq!(refusal.kind(), ErrorKind::Conflict);
    assert!(refusal.to_string().contains("already open"), "{refusal}");
    assert!(refusal.to_string().contains(&data.display().to_string()), "{refusal}");
    assert!(server.stop().success(), "the server stops in good order");

    let database = Database::open(&data, options()).expect("the server let go of it");
    let result = database.query("m", TS + 1_000_000_000).expect("m can be asked for");
    let Value::Vector(found) = result.value else { panic!("a vector, not {:?}", result.value) };
    assert_eq!(found[0].value, 2.0);
}
