//! All scripts, with the samples in memory and with the samples in blocks.

use std::path::Path;

use crate::script;

#[tokio::test(flavor = "multi_thread")]
async fn scripts_answer_what_they_say() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/sql");
    let only = std::env::var("TIMBERLINE_SQL_SCRIPT").unwrap_or_default();
    let mut paths: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "slt"))
        .filter(|path| path.to_string_lossy().contains(&only))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "no scripts");
    let mut failures = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        for flushing in [false, true] {
            if let Err(error) = script::run(&text, flushing).await {
                let where_ = if flushing { "in blocks" } else { "in memory" };
                failures.push(format!("{}, {where_}, {error}", path.display()));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
