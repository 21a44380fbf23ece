//! What a client is told when something goes wrong: PostgreSQL's codes, and the place.

use pgwire::{error::ErrorInfo, messages::response::ErrorResponse};
use timberline_sql::SqlError;

/// An error on its way to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The SQLSTATE.
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) hint: Option<&'static str>,
    /// Line and column in the statement, both from 1.
    pub(crate) place: Option<(u64, u64)>,
    /// The statement that the place is in, where the caller has it no more.
    pub(crate) sql: Option<String>,
    /// Whether the connection ends with it.
    pub(crate) fatal: bool,
}

impl Refusal {
    /// An error of one statement.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, place: None, sql: None, fatal: false }
    }

    /// An error that ends the connection.
    pub(crate) fn fatal(code: &'static str, message: impl Into<String>) -> Self {
        Self { fatal: true, ..Self::new(code, message) }
    }

    /// What PostgreSQL can do, and we cannot.
    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::new("0A000", message)
    }

    /// A client that does not keep to the protocol.
    pub(crate) fn protocol(message: impl Into<String>) -> Self {
        Self::new("08P01", message)
    }

    /// The same, with advice.
    pub(crate) const fn with_hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// The message of the protocol. Positions are counted in the text that the client sent, in which the
    /// statement begins after so many characters.
    pub(crate) fn response(&self, statement: &str, before: usize) -> ErrorResponse {
        let severity = if self.fatal { "FATAL" } else { "ERROR" };
        let mut info =
            ErrorInfo::new(severity.to_owned(), self.code.to_owned(), self.message.clone());
        info.hint = self.hint.map(str::to_owned);
        let statement = self.sql.as_deref().unwrap_or(statement);
        let position = self.place.and_then(|place| character(statement, place));
        info.position = position.map(|at| (before + at).to_string());
        info.into()
    }
}

/// The number of a character, from 1, by its line and column.
fn character(text: &str, (line, column): (u64, u64)) -> Option<usize> {
    let line = usize::try_from(line).ok()?.checked_sub(1)?;
    let column = usize::try_from(column).ok()?;
    if line > text.matches('\n').count() {
        return None;
    }
    let before: usize =
        text.split_inclusive('\n').take(line).map(|line| line.chars().count()).sum();
    (before + column <= text.chars().count() + 1).then_some(before + column)
}

impl From<&SqlError> for Refusal {
    fn from(error: &SqlError) -> Self {
        let message = error.to_string();
        let code = match error {
            SqlError::Statement { .. } => statement_code(&message),
            SqlError::Limit { .. } => "53200",
            SqlError::Busy { .. } => "53300",
            SqlError::NoDatabase { .. } => "3D000",
            SqlError::Timeout { .. } | SqlError::Canceled => "57014",
            SqlError::Storage { .. } => "58030",
            _ => "XX000",
        };
        let message = match error {
            // What clients know it by.
            SqlError::Canceled => "canceling statement due to user request".to_owned(),
            _ => message,
        };
        let place = match error {
            SqlError::Statement { position, .. } => *position,
            _ => None,
        };
        Self { place, ..Self::new(code, message) }
    }
}

impl From<SqlError> for Refusal {
    fn from(error: SqlError) -> Self {
        Self::from(&error)
    }
}

/// The code of a statement that is wrong, as far as its message tells.
fn statement_code(message: &str) -> &'static str {
    let text = message.to_ascii_lowercase();
    let has = |part: &str| text.contains(part);
    if has("unrecognized configuration parameter") {
        "42704"
    } else if has("sql error") || has("parsererror") || has("expected:") || has("syntax") {
        "42601"
    } else if has("database") && has("already exists") {
        "42P04"
    } else if has("database") && has("currently open") {
        "55006"
    } else if has("table") && (has("not found") || has("no table") || has("there is no")) {
        "42P01"
    } else if has("no field named") || has("no column") {
        "42703"
    } else if has("invalid function") || has("no function") || has("failed to coerce arguments") {
        "42883"
    } else if has("number out of range") || has("can't cast value") || has("overflow") {
        "22003"
    } else if has("divide by zero") {
        "22012"
    } else if has("cannot cast string") || has("error parsing") || has("cast error") {
        "22P02"
    } else if has("not implemented") || has("not supported") || has("unsupported") {
        "0A000"
    } else {
        "42000"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_characters_of_the_text_that_was_sent() {
        assert_eq!(character("select\n é x", (2, 4)), Some(11));
        assert_eq!(character("select", (1, 1)), Some(1));
        assert_eq!(character("select", (3, 1)), None);
    }

    #[test]
    fn errors_have_the_codes_of_postgresql() {
        let code = |message: &str| {
            Refusal::from(SqlError::Statement { message: message.to_owned(), position: None }).code
        };
        assert_eq!(code("table 'default.public.x' not found"), "42P01");
        assert_eq!(code("Schema error: No field named x."), "42703");
        assert_eq!(code("Invalid function 'f'"), "42883");
        assert_eq!(code("number out of range: 9223372036854775807 + 1"), "22003");
        assert_eq!(code("Cast error: Can't cast value 1e30 to type Int64"), "22003");
        assert_eq!(code("SQL error: ParserError(\"Expected: x\")"), "42601");
        assert_eq!(Refusal::from(SqlError::Canceled).code, "57014");
        assert_eq!(Refusal::from(SqlError::NoDatabase { name: "x".into() }).code, "3D000");
    }
}
