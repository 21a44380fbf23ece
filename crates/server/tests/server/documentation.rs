//! The examples of `docs/http-api.md` are run as they stand, and what they print is compared.

use std::{path::Path, process::Command};

use crate::harness::Server;

const ADDRESS: &str = "localhost:8080";

/// A shell block of the page, and the block after it: what it prints.
#[derive(Debug, PartialEq)]
struct Example {
    command: String,
    output: String,
}

#[test]
fn every_example_of_the_http_page_prints_what_the_page_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/http-api.md");
    let examples = examples(&std::fs::read_to_string(path).unwrap());
    assert!(examples.len() >= 15, "{} examples", examples.len());
    let server = Server::start();
    for example in examples {
        let command = example.command.replace(ADDRESS, server.address());
        let ran = Command::new("bash").args(["-e", "-c", &command]).output();
        let ran = ran.expect("bash and curl are installed");
        let printed = String::from_utf8_lossy(&ran.stdout);
        assert!(
            matches(printed.trim(), example.output.trim()),
            "{command}\nprinted: {printed}\nexpected: {}\n{}",
            example.output,
            String::from_utf8_lossy(&ran.stderr)
        );
    }
}

#[test]
fn every_path_of_the_http_page_is_in_its_table_and_in_the_list_of_the_server() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/http-api.md");
    let page = std::fs::read_to_string(path).unwrap();
    let sections = page.lines().filter_map(|line| line.strip_prefix("## ")?.split_once(" /"));
    let paths: Vec<String> = sections.map(|(_, path)| format!("/{path}")).collect();
    assert!(paths.len() >= 20, "{paths:?}");
    let list = Server::start().get("/").body;
    for path in paths {
        let path = path.replace("&lt;", "<").replace("&gt;", ">");
        assert!(page.contains(&format!("[`{path}`]")), "{path} is not in the table");
        assert!(list.contains(&path.replace("<name>", "NAME")), "{path} is not in {list}");
    }
}

/// `...` in what is expected stands for anything.
fn matches(printed: &str, expected: &str) -> bool {
    let mut rest = printed;
    let pieces: Vec<&str> = expected.split("...").collect();
    for (position, piece) in pieces.iter().enumerate() {
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
