//! The examples of docs/sql-functions.md: every statement runs, and answers what stands below it.

use crate::{house::House, load::load};

const PAGE: &str = include_str!("../../../../docs/sql-functions.md");

/// Language and text of the fenced blocks.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in page.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(language), None) => open = Some((language.to_owned(), String::new())),
            (None, Some((_, text))) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

#[tokio::test(flavor = "multi_thread")]
async fn examples_answer_what_the_page_says() {
    let house = House::new();
    let blocks = blocks(PAGE);
    let mut answers = 0;
    for (index, (language, text)) in blocks.iter().enumerate() {
        match language.as_str() {
            "samples" => {
                let lines: Vec<_> = text.lines().map(str::to_owned).collect();
                load(&house.database, &lines).unwrap();
            }
            "sql" => match blocks.get(index + 1) {
                Some((language, expected)) if language == "text" => {
                    answers += 1;
                    let found = house.lines(text).await.join("\n");
                    let squeezed =
                        |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
                    assert_eq!(squeezed(&found), squeezed(expected), "{text}");
                }
                Some((language, expected)) if language == "error" => {
                    answers += 1;
                    let error = house.run(text).await.expect_err(text);
                    assert_eq!(error.to_string(), expected.trim(), "{text}");
                }
                _ => panic!("no answer below {text}"),
            },
            "text" | "error" => {}
            other => panic!("unknown block {other}"),
        }
    }
    assert!(answers > 15, "{answers} examples");
}
