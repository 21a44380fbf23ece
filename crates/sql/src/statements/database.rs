//! `CREATE`, `ALTER`, `DROP` and `SHOW DATABASE[S]`: what they say, and carrying them out.
//!
//! ```text
//! CREATE DATABASE [IF NOT EXISTS] name [WITH (setting = value, ...)]
//! ALTER DATABASE name SET (setting = value, ...) | SET setting = value | RESET setting
//! DROP DATABASE [IF EXISTS] name
//! SHOW DATABASES
//! ```
//!
//! What it is not: it knows no setting and no rule for names; those are the crate `timberline`'s.

use std::sync::Arc;

use datafusion::sql::sqlparser::{
    dialect::GenericDialect,
    tokenizer::{Location, Token, TokenWithSpan, Tokenizer, Word},
};
use timberline::{DatabaseSettings, Databases, Error, SettingChange};

use crate::{SqlError, text::first_words};

/// What `SHOW DATABASES` asks.
pub(crate) const SHOW: &str = "SELECT name FROM system.databases ORDER BY name";

/// A statement about databases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DatabaseStatement {
    name: String,
    /// Where the name stands.
    place: Location,
    action: Action,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Action {
    Create { if_not_exists: bool, settings: Vec<Setting> },
    Alter { settings: Vec<Setting> },
    Drop { if_exists: bool },
}

/// A setting, and where its name stands.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Setting {
    change: SettingChange,
    place: Location,
}

/// What a statement is, if it is about databases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AboutDatabases {
    /// It asks which there are.
    Show,
    /// It changes what there is.
    Change(Arc<DatabaseStatement>),
}

impl AboutDatabases {
    /// Understands a statement; `None` if it is about something else.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub(crate) fn of(sql: &str) -> Result<Option<Self>, SqlError> {
        let words = first_words(sql, 2);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if !matches!(words[..], ["CREATE" | "ALTER" | "DROP", "DATABASE"] | ["SHOW", "DATABASES"]) {
            return Ok(None);
        }
        let tokens = Tokenizer::new(&GenericDialect, sql).tokenize_with_location();
        let tokens = tokens.map_err(|error| wrong(error.message, error.location))?;
        let mut words_of = Words::of(tokens);
        words_of.next_token();
        words_of.next_token();
        let understood = match words[0] {
            "SHOW" => Self::Show,
            "CREATE" => Self::Change(Arc::new(create(&mut words_of)?)),
            "ALTER" => Self::Change(Arc::new(alter(&mut words_of)?)),
            _ => Self::Change(Arc::new(drop_one(&mut words_of)?)),
        };
        words_of.end()?;
        Ok(Some(understood))
    }
}

impl DatabaseStatement {
    /// Its command tag.
    pub(crate) const fn tag(&self) -> &'static str {
        match self.action {
            Action::Create { .. } => "CREATE DATABASE",
            Action::Alter { .. } => "ALTER DATABASE",
            Action::Drop { .. } => "DROP DATABASE",
        }
    }

    /// Carries it out, from a session in the database `current`. Blocks.
    ///
    /// # Errors
    /// As the databases have them, with the place.
    pub(crate) fn run(&self, databases: &Databases, current: &str) -> Result<(), SqlError> {
        let changes = |settings: &[Setting]| -> Vec<SettingChange> {
            settings.iter().map(|setting| setting.change.clone()).collect()
        };
        let outcome = match &self.action {
            Action::Create { if_not_exists, settings } => {
                databases.create(&self.name, &changes(settings), *if_not_exists).map(drop)
            }
            Action::Alter { settings } => databases.alter(&self.name, &changes(settings)),
            Action::Drop { .. } if self.name == current => {
                let what = format!("database {:?} is the currently open one", self.name);
                return Err(wrong(what, self.place));
            }
            Action::Drop { if_exists } => databases.drop(&self.name, *if_exists).map(drop),
        };
        outcome.map_err(|error| self.explained(error))
    }

    fn explained(&self, error: Error) -> SqlError {
        match &error {
            Error::DatabaseExists { .. } | Error::DatabaseName { .. } | Error::DefaultDatabase => {
                wrong(error.to_string(), self.place)
            }
            Error::Setting { name, .. } => {
                let settings = match &self.action {
                    Action::Create { settings, .. } | Action::Alter { settings } => {
                        settings.as_slice()
                    }
                    Action::Drop { .. } => &[],
                };
                let found = settings.iter().find(|setting| setting.change.name == *name);
                wrong(error.to_string(), found.map_or(self.place, |setting| setting.place))
            }
            _ => error.into(),
        }
    }
}

fn create(words: &mut Words) -> Result<DatabaseStatement, SqlError> {
    let if_not_exists = words.skip_all(&["IF", "NOT", "EXISTS"]);
    let (name, place) = words.name("the name of a database")?;
    let settings = match words.skip("WITH") {
        true => words.settings()?,
        false => Vec::new(),
    };
    Ok(DatabaseStatement { name, place, action: Action::Create { if_not_exists, settings } })
}

fn alter(words: &mut Words) -> Result<DatabaseStatement, SqlError> {
    let (name, place) = words.name("the name of a database")?;
    let settings = if words.skip("RESET") {
        let (name, place) = words.name("the name of a setting")?;
        vec![checked(Setting { change: SettingChange::reset(name), place })?]
    } else if !words.skip("SET") {
        return Err(words.expected("SET or RESET"));
    } else if words.peek().is_some_and(|token| token.token == Token::LParen) {
        words.settings()?
    } else {
        vec![words.setting()?]
    };
    Ok(DatabaseStatement { name, place, action: Action::Alter { settings } })
}

fn drop_one(words: &mut Words) -> Result<DatabaseStatement, SqlError> {
    let if_exists = words.skip_all(&["IF", "EXISTS"]);
    let (name, place) = words.name("the name of a database")?;
    Ok(DatabaseStatement { name, place, action: Action::Drop { if_exists } })
}

/// A setting that exists, with a value that it can have.
fn checked(setting: Setting) -> Result<Setting, SqlError> {
    let change = &setting.change;
    let known = DatabaseSettings::default().set(&change.name, change.value.as_deref());
    known.map_err(|error| wrong(error.to_string(), setting.place))?;
    Ok(setting)
}

fn wrong(message: impl Into<String>, place: Location) -> SqlError {
    let position = (place.line > 0).then_some((place.line, place.column));
    SqlError::Statement { message: message.into(), position }
}

/// The tokens of a statement, one after the other.
struct Words {
    tokens: Vec<TokenWithSpan>,
    at: usize,
}

impl Words {
    /// Without blanks, comments and the semicolons at the end.
    fn of(tokens: Vec<TokenWithSpan>) -> Self {
        let mut tokens: Vec<TokenWithSpan> = tokens
            .into_iter()
            .filter(|token| !matches!(token.token, Token::Whitespace(_) | Token::EOF))
            .collect();
        while tokens.last().is_some_and(|token| token.token == Token::SemiColon) {
            tokens.pop();
        }
        Self { tokens, at: 0 }
    }

    fn peek(&self) -> Option<&TokenWithSpan> {
        self.tokens.get(self.at)
    }

    fn next_token(&mut self) -> Option<TokenWithSpan> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    /// Steps over a word if it is this one.
    fn skip(&mut self, word: &str) -> bool {
        self.skip_all(&[word])
    }

    /// Steps over words if all of them are there.
    fn skip_all(&mut self, words: &[&str]) -> bool {
        let ahead = self.tokens.get(self.at..self.at + words.len()).unwrap_or(&[]);
        let found = ahead.len() == words.len()
            && ahead.iter().zip(words).all(|(token, word)| is_word(token, word));
        if found {
            self.at += words.len();
        }
        found
    }

    fn skip_token(&mut self, wanted: &Token) -> bool {
        let found = self.peek().is_some_and(|token| token.token == *wanted);
        self.at += usize::from(found);
        found
    }

    /// A name: plain ones are in small letters.
    fn name(&mut self, what: &str) -> Result<(String, Location), SqlError> {
        match self.peek() {
            Some(TokenWithSpan { token: Token::Word(Word { value, quote_style, .. }), span }) => {
                let name = match quote_style {
                    Some(_) => value.clone(),
                    None => value.to_lowercase(),
                };
                let place = span.start;
                self.at += 1;
                Ok((name, place))
            }
            _ => Err(self.expected(what)),
        }
    }

    /// `(setting = value, ...)`.
    fn settings(&mut self) -> Result<Vec<Setting>, SqlError> {
        if !self.skip_token(&Token::LParen) {
            return Err(self.expected("("));
        }
        let mut settings: Vec<Setting> = Vec::new();
        loop {
            let setting = self.setting()?;
            if settings.iter().any(|known| known.change.name == setting.change.name) {
                let what = format!("setting {:?} is given twice", setting.change.name);
                return Err(wrong(what, setting.place));
            }
            settings.push(setting);
            if self.skip_token(&Token::RParen) {
                return Ok(settings);
            }
            if !self.skip_token(&Token::Comma) {
                return Err(self.expected("a comma or )"));
            }
        }
    }

    /// `setting = value`, or `setting TO value`.
    fn setting(&mut self) -> Result<Setting, SqlError> {
        let (name, place) = self.name("the name of a setting")?;
        if !self.skip_token(&Token::Eq) && !self.skip("TO") {
            return Err(self.expected("= and a value"));
        }
        let value = match self.peek().map(|token| &token.token) {
            Some(Token::Word(Word { value, quote_style: None, .. }))
                if value.eq_ignore_ascii_case("DEFAULT") =>
            {
                None
            }
            Some(Token::Word(Word { value, quote_style: None, .. })) => Some(value.to_lowercase()),
            Some(Token::SingleQuotedString(value) | Token::Number(value, _)) => Some(value.clone()),
            _ => return Err(self.expected("a value such as '30d'")),
        };
        self.at += 1;
        checked(Setting { change: SettingChange { name, value }, place })
    }

    /// Nothing may follow.
    fn end(&self) -> Result<(), SqlError> {
        match self.peek() {
            Some(_) => Err(self.expected("the end of the statement")),
            None => Ok(()),
        }
    }

    fn expected(&self, what: &str) -> SqlError {
        let end = || self.tokens.last().map_or(Location::new(1, 1), |token| token.span.end);
        let (found, place) = match self.peek() {
            Some(token) => (token.token.to_string(), token.span.start),
            None => ("the end of the statement".to_owned(), end()),
        };
        wrong(format!("syntax error: expected {what}, found {found}"), place)
    }
}

fn is_word(token: &TokenWithSpan, word: &str) -> bool {
    matches!(&token.token, Token::Word(found) if found.quote_style.is_none()
        && found.value.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests;
