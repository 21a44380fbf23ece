//! Statements that the wire answers itself: transactions, settings, cursors, `COPY`.
//!
//! What it is not: a parser of SQL. What it does not know goes to the engine as it is.

use timberline_sql::text::{Token, TokenKind, Tokens};

use crate::{copy::CopyOptions, refusal::Refusal};

/// What a statement is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Command {
    Begin,
    Commit,
    Rollback,
    /// A setting and its new value; `None` for its default.
    Set {
        name: String,
        value: Option<String>,
    },
    ResetAll,
    Show(String),
    ShowAll,
    /// Cursors, prepared statements and settings are forgotten, as far as asked for.
    Discard {
        all: bool,
    },
    /// A prepared statement by its name, or all.
    Deallocate(Option<String>),
    /// A cursor over a query, which stands at a byte of the statement.
    Declare {
        name: String,
        hold: bool,
        query: usize,
    },
    Fetch(Fetch),
    /// A cursor by its name, or all.
    Close(Option<String>),
    /// A query whose rows are copied out.
    Copy {
        query: String,
        options: CopyOptions,
    },
    /// `LISTEN`'s undoing: nothing is ever heard here.
    Unlisten,
    /// Whatever the engine knows.
    Query,
}

/// Rows that are taken from a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fetch {
    pub(crate) name: String,
    /// `None` for all.
    pub(crate) count: Option<usize>,
    /// Whether they are stepped over, and not sent.
    pub(crate) step_over: bool,
}

impl Command {
    /// What a statement is.
    ///
    /// # Errors
    /// One of these, in a form that is wrong or that we do not have.
    pub(crate) fn of(sql: &str) -> Result<Self, Refusal> {
        let mut words = Words::of(sql);
        let first = words.next_upper();
        match first.as_str() {
            "BEGIN" => Ok(Self::Begin),
            "START" if words.skip_if("TRANSACTION") => Ok(Self::Begin),
            "COMMIT" | "END" => Ok(Self::Commit),
            "ROLLBACK" | "ABORT" => {
                let rest = [words.next_upper(), words.next_upper()];
                if rest.iter().any(|word| word == "TO") {
                    return Err(no_savepoints());
                }
                Ok(Self::Rollback)
            }
            "SAVEPOINT" | "RELEASE" => Err(no_savepoints()),
            "SET" => set(&mut words),
            "RESET" => match words.name() {
                Some(name) if name.eq_ignore_ascii_case("all") => Ok(Self::ResetAll),
                Some(name) => Ok(Self::Set { name: name.to_ascii_lowercase(), value: None }),
                None => Err(words.wrong("RESET needs the name of a setting")),
            },
            "SHOW" => Ok(show(words)),
            "DISCARD" => Ok(Self::Discard { all: words.next_upper() == "ALL" }),
            "DEALLOCATE" => {
                words.skip_if("PREPARE");
                match words.name() {
                    Some(name) if name.eq_ignore_ascii_case("all") => Ok(Self::Deallocate(None)),
                    Some(name) => Ok(Self::Deallocate(Some(name))),
                    None => Err(words.wrong("DEALLOCATE needs a name, or ALL")),
                }
            }
            "DECLARE" => declare(&mut words),
            "FETCH" => fetch(&mut words, false),
            "MOVE" => fetch(&mut words, true),
            "CLOSE" => match words.name() {
                Some(name) if name.eq_ignore_ascii_case("all") => Ok(Self::Close(None)),
                Some(name) => Ok(Self::Close(Some(name))),
                None => Err(words.wrong("CLOSE needs the name of a cursor, or ALL")),
            },
            "COPY" => copy(&mut words),
            "UNLISTEN" => Ok(Self::Unlisten),
            "LISTEN" | "NOTIFY" => Err(Refusal::unsupported(format!("{first} is not supported"))),
            _ => Ok(Self::Query),
        }
    }
}

fn no_savepoints() -> Refusal {
    Refusal::unsupported("there are no savepoints: every statement is committed by itself")
}

fn set(words: &mut Words<'_>) -> Result<Command, Refusal> {
    if !words.skip_if("SESSION") {
        words.skip_if("LOCAL");
    }
    if words.skip_if("CHARACTERISTICS") || words.skip_if("TRANSACTION") {
        // Isolation levels: of statements that each see one state, all are alike.
        return Ok(Command::Set {
            name: "transaction_isolation".to_owned(),
            value: Some("read committed".to_owned()),
        });
    }
    if words.skip_if("TIME") {
        words.skip_if("ZONE");
        return value_of(words, "timezone".to_owned());
    }
    if words.skip_if("NAMES") {
        return value_of(words, "client_encoding".to_owned());
    }
    let mut name = words.name().ok_or_else(|| words.wrong("SET needs the name of a setting"))?;
    while words.skip_if(".") {
        name.push('.');
        name.push_str(&words.name().unwrap_or_default());
    }
    if !words.skip_if("=") && !words.skip_if("TO") {
        return Err(words.wrong("SET needs a value: SET name = value"));
    }
    value_of(words, name.to_ascii_lowercase())
}

fn value_of(words: &mut Words<'_>, name: String) -> Result<Command, Refusal> {
    let mut value = String::new();
    while let Some(token) = words.tokens.next() {
        let piece = words.text(&token);
        if piece == "," {
            value.push_str(", ");
            continue;
        }
        value.push_str(&unquoted(piece, token.kind));
    }
    if value.is_empty() && !words.ended_with_empty_text() {
        return Err(words.wrong("SET needs a value: SET name = value"));
    }
    let default = value.eq_ignore_ascii_case("default");
    Ok(Command::Set { name, value: (!default).then_some(value) })
}

fn show(mut words: Words<'_>) -> Command {
    let Some(mut name) = words.name() else { return Command::Query };
    if name.eq_ignore_ascii_case("time") && words.skip_if("ZONE") {
        return Command::Show("timezone".to_owned());
    }
    if name.eq_ignore_ascii_case("transaction") && words.skip_if("ISOLATION") {
        return Command::Show("transaction_isolation".to_owned());
    }
    while words.skip_if(".") {
        name.push('.');
        name.push_str(&words.name().unwrap_or_default());
    }
    let name = name.to_ascii_lowercase();
    let ours = ["tables", "databases", "columns", "functions", "create", "schemas", "metrics"];
    if words.tokens.next().is_some() || ours.contains(&name.as_str()) {
        return Command::Query;
    }
    if name == "all" { Command::ShowAll } else { Command::Show(name) }
}

fn declare(words: &mut Words<'_>) -> Result<Command, Refusal> {
    let name = words.name().ok_or_else(|| words.wrong("DECLARE needs the name of a cursor"))?;
    let mut hold = false;
    loop {
        match words.next_upper().as_str() {
            "BINARY" => return Err(Refusal::unsupported("there are no binary cursors")),
            "INSENSITIVE" | "ASENSITIVE" | "NO" | "CURSOR" | "WITHOUT" => {}
            "SCROLL" => {
                if !words.before("NO") {
                    return Err(Refusal::unsupported("cursors only go forward (NO SCROLL)"));
                }
            }
            "WITH" => hold = true,
            "HOLD" => {}
            "FOR" => break,
            _ => return Err(words.wrong("expected DECLARE name CURSOR FOR query")),
        }
        if words.before("WITHOUT") {
            hold = false;
        }
    }
    let query = words.at();
    Ok(Command::Declare { name, hold, query })
}

fn fetch(words: &mut Words<'_>, step_over: bool) -> Result<Command, Refusal> {
    let backward = || Refusal::unsupported("cursors only go forward");
    let mut count = Some(1);
    let mut name = None;
    while let Some(token) = words.tokens.next() {
        let text = words.text(&token);
        match text.to_ascii_uppercase().as_str() {
            _ if token.kind == TokenKind::QuotedName => name = Some(unquoted(text, token.kind)),
            "NEXT" | "FORWARD" | "FROM" | "IN" => {}
            "ALL" => count = None,
            "PRIOR" | "BACKWARD" | "LAST" | "FIRST" | "ABSOLUTE" | "RELATIVE" | "-" => {
                return Err(backward());
            }
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                let number = digits.parse();
                count = Some(number.map_err(|_| words.wrong("that is too many rows"))?);
            }
            _ if token.kind == TokenKind::Word => name = Some(text.to_ascii_lowercase()),
            _ => return Err(words.wrong("expected FETCH count FROM cursor")),
        }
    }
    let name = name.ok_or_else(|| words.wrong("FETCH needs the name of a cursor"))?;
    Ok(Command::Fetch(Fetch { name, count, step_over }))
}

fn copy(words: &mut Words<'_>) -> Result<Command, Refusal> {
    let start = words.at();
    let mut depth = 0_usize;
    let mut end = start;
    while let Some(token) = words.tokens.next() {
        let text = words.text(&token);
        match text {
            "(" => depth += 1,
            ")" => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            word if word.eq_ignore_ascii_case("from") => {
                return Err(Refusal::unsupported(
                    "COPY FROM STDIN is not supported: write with INSERT, or through HTTP",
                ));
            }
            word if word.eq_ignore_ascii_case("to") => {
                let source = words.sql[start..end].trim();
                if !words.skip_if("STDOUT") {
                    // Into a file: the engine's own.
                    return Ok(Command::Query);
                }
                let query = match source.strip_prefix('(').and_then(|s| s.strip_suffix(')')) {
                    Some(query) => query.to_owned(),
                    None => copied_table(source),
                };
                let options = CopyOptions::read(words.sql, &mut words.tokens)?;
                return Ok(Command::Copy { query, options });
            }
            _ => {}
        }
        end = token.range.end;
    }
    Err(words.wrong("expected COPY (query) TO STDOUT"))
}

/// `table` or `table (column, ...)` as a query.
fn copied_table(source: &str) -> String {
    match source.split_once('(') {
        Some((table, columns)) => {
            format!("SELECT {} FROM {table}", columns.trim_end().trim_end_matches(')'))
        }
        None => format!("SELECT * FROM {source}"),
    }
}

/// A token's text without its quotes.
pub(crate) fn unquoted(text: &str, kind: TokenKind) -> String {
    let inner = |quote: char| {
        let doubled: String = [quote, quote].into_iter().collect();
        text.strip_prefix(quote)
            .and_then(|text| text.strip_suffix(quote))
            .unwrap_or(text)
            .replace(&doubled, &quote.to_string())
    };
    match kind {
        TokenKind::Text => inner('\''),
        TokenKind::QuotedName => inner('"'),
        _ => text.to_owned(),
    }
}

/// The words of a statement, one after the other.
struct Words<'a> {
    sql: &'a str,
    tokens: Tokens<'a>,
    last: Option<Token>,
    previous: Option<Token>,
}

impl<'a> Words<'a> {
    fn of(sql: &'a str) -> Self {
        Self { sql, tokens: Tokens::of(sql), last: None, previous: None }
    }

    fn text(&self, token: &Token) -> &'a str {
        &self.sql[token.range.clone()]
    }

    fn next_upper(&mut self) -> String {
        let Some(token) = self.tokens.next() else { return String::new() };
        let text = self.text(&token).to_ascii_uppercase();
        self.previous = self.last.replace(token);
        text
    }

    /// Steps over a word if it is this one.
    fn skip_if(&mut self, word: &str) -> bool {
        let mut ahead = self.tokens.clone();
        let found = ahead.next().is_some_and(|token| self.text(&token).eq_ignore_ascii_case(word));
        if found {
            self.tokens = ahead;
        }
        found
    }

    /// Whether the word before the last one was this one.
    fn before(&self, word: &str) -> bool {
        self.previous.as_ref().is_some_and(|token| self.text(token).eq_ignore_ascii_case(word))
    }

    /// A name: plain ones are in small letters.
    fn name(&mut self) -> Option<String> {
        let token = self.tokens.next()?;
        let text = self.text(&token);
        let name = match token.kind {
            TokenKind::Word => text.to_ascii_lowercase(),
            TokenKind::QuotedName => unquoted(text, token.kind),
            _ => return None,
        };
        self.previous = self.last.replace(token);
        Some(name)
    }

    /// Where the next word stands.
    fn at(&self) -> usize {
        self.tokens.clone().next().map_or(self.sql.len(), |token| token.range.start)
    }

    fn ended_with_empty_text(&self) -> bool {
        self.sql.trim_end().ends_with("''")
    }

    fn wrong(&self, message: &str) -> Refusal {
        Refusal::new("42601", message)
    }
}

#[cfg(test)]
mod tests;
