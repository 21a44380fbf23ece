//! The examples of `docs/backup.md` are run as they stand, and what they print is compared.

use std::{path::Path, process::Command};

use timberline_tests::{Client, History, Server, Weed};

/// A shell block of the page, and the block after it: what it prints.
#[derive(Debug, PartialEq)]
struct Example {
    command: String,
    output: String,
}

#[test]
fn every_example_of_the_page_prints_what_the_page_says() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/backup.md");
    let page = std::fs::read_to_string(page).expect("the page is there");
    let home = tempfile::tempdir().expect("a directory can be made");
    let place = |name: &str| home.path().join(name).display().to_string();
    let server = Server::start(&home.path().join("timberline"), &[]);
    let client = Client::new(server.address());
    let mut history = History::default();
    // Enough that one damaged byte does not take a whole block along.
    (0..300).for_each(|number| super::write(&client, 0, number, &mut history));
    let weed = Weed::start();
    let bin = Server::binary();
    let bin = bin.parent().expect("a binary is in a directory");
    let search = std::env::var("PATH").unwrap_or_default();
    let examples = examples(&page);
    assert!(examples.len() >= 10, "{} examples", examples.len());
    for Example { command, output } in examples {
        if command.contains("s3://") && weed.is_none() {
            println!("skipped: there is no SeaweedFS; `scripts/setup test` installs it");
            continue;
        }
        let endpoint = weed.as_ref().map_or("", Weed::endpoint);
        let here = |text: &str| {
            text.replace("localhost:8080", server.address())
                .replace("http://127.0.0.1:8333", endpoint)
                .replace("/mnt/backups", &place("backups"))
                .replace("/var/lib/restored", &place("restored"))
        };
        let command = here(&command);
        let mut shell = Command::new("bash");
        shell.args(["-e", "-c", &command]).env("PATH", format!("{}:{search}", bin.display()));
        let ran = shell.output().expect("bash is installed");
        let printed = String::from_utf8_lossy(&ran.stdout);
        assert!(
            matches(printed.trim(), here(&output).trim()),
            "{command}\nprinted:\n{printed}\nexpected:\n{output}\n{}",
            String::from_utf8_lossy(&ran.stderr)
        );
    }
}

/// `...` in what is expected stands for anything.
fn matches(printed: &str, expected: &str) -> bool {
    let mut rest = printed;
    for (position, piece) in expected.split("...").enumerate() {
        match rest.find(piece) {
            Some(0) => rest = &rest[piece.len()..],
            Some(at) if position > 0 => rest = &rest[at + piece.len()..],
            _ => return false,
        }
    }
    rest.is_empty() || expected.ends_with("...")
}

fn examples(page: &str) -> Vec<Example> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((language, text.join("\n")));
        }
    }
    let mut found = Vec::new();
    for pair in blocks.windows(2) {
        if pair[0].0 == "sh" {
            assert_eq!(pair[1].0, "text", "no output after: {}", pair[0].1);
            found.push(Example { command: pair[0].1.clone(), output: pair[1].1.clone() });
        }
    }
    found
}
