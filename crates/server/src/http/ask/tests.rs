//! Admission, cancellation, and faults of ours.

use std::sync::mpsc;

use timberline::{Databases, Options};

use super::*;
use crate::{
    config::{ConfigFlags, Sources, load},
    telemetry::Metrics,
};

const HOUR: Duration = Duration::from_secs(3_600);

/// A server with one place among the queries and no patience.
fn app() -> (App, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let variables = [
        ("TIMBERLINE_QUERY_CONCURRENT_MAX".to_owned(), "1".to_owned()),
        ("TIMBERLINE_QUERY_QUEUE_TIMEOUT".to_owned(), "1ms".to_owned()),
    ];
    let loaded = load(None, variables.into_iter(), &ConfigFlags::default()).unwrap();
    let app = App::new(loaded.config, Sources::default(), Arc::new(Metrics::default()));
    app.set_databases(Databases::open(dir.path(), Options::default()).unwrap()).unwrap();
    (app, dir)
}

fn client() -> Client {
    Client([127, 0, 0, 1].into())
}

fn nothing() -> Answer {
    Answer { body: Vec::new(), series: 0, samples: 0 }
}

#[tokio::test]
async fn a_question_is_canceled_when_its_asker_goes_away_and_keeps_its_place_until_then() {
    let (app, _dir) = app();
    let (started, has_started) = mpsc::channel();
    let (ended, has_ended) = mpsc::channel();
    let asker = app.clone();
    let task = tokio::spawn(async move {
        run(&asker, client(), HOUR, move |_, limits| {
            started.send(()).unwrap();
            while !limits.canceled.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            ended.send(()).unwrap();
            Ok(nothing())
        })
        .await
    });
    tokio::task::spawn_blocking(move || has_started.recv().unwrap()).await.unwrap();
    // The only place is taken.
    let refused = run(&app, client(), HOUR, |_, _| Ok(nothing())).await.unwrap_err();
    assert_eq!(refused.status(), 503);
    assert!(refused.message().contains("query.concurrent_max"));
    task.abort();
    tokio::task::spawn_blocking(move || has_ended.recv().unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_panic_is_500_and_gives_its_place_back() {
    let (app, _dir) = app();
    for _ in 0..3 {
        let failed = run(&app, client(), HOUR, |_, _| panic!("a fault of ours")).await.unwrap_err();
        assert_eq!(failed.status(), 500);
    }
    assert!(run(&app, client(), HOUR, |_, _| Ok(nothing())).await.is_ok());
}

#[tokio::test]
async fn a_question_before_the_database_is_open_is_503() {
    let config = load(None, std::iter::empty(), &ConfigFlags::default()).unwrap().config;
    let app = App::new(config, Sources::default(), Arc::new(Metrics::default()));
    let refused = run(&app, client(), HOUR, |_, _| Ok(nothing())).await.unwrap_err();
    assert_eq!(refused.status(), 503);
    assert!(refused.message().contains("being opened"));
}
