//! The TOML file as a list of keys, texts and places.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::{Config, ConfigError, field::fields, spelling::nearest};

/// Lays a file's keys over the configuration.
///
/// # Errors
/// Text that is not TOML, keys that do not exist, values that their key cannot take. Every message
/// begins with `file:line:column`.
pub(super) fn apply(config: &mut Config, path: &Path, text: &str) -> Result<(), ConfigError> {
    let table = DeTable::parse(text).map_err(|error| {
        let (line, column) = place(text, error.span().map_or(0, |span| span.start));
        let reason = error.message().replace('\n', ", ");
        ConfigError::Syntax { path: path.to_owned(), line, column, reason }
    })?;
    apply_table(config, &File { path, text }, "", table.get_ref())
}

/// What error messages need to name a place.
struct File<'a> {
    path: &'a Path,
    text: &'a str,
}

/// Applies one table; depth is bounded because only known section names are entered.
fn apply_table(
    config: &mut Config,
    file: &File<'_>,
    section: &str,
    table: &DeTable<'_>,
) -> Result<(), ConfigError> {
    for (name, value) in table {
        let key = match section {
            "" => name.get_ref().to_string(),
            section => format!("{section}.{}", name.get_ref()),
        };
        let at = name.span().start;
        match value.get_ref() {
            DeValue::Table(inner) if fields().iter().any(|field| field.section == key) => {
                apply_table(config, file, &key, inner)?;
            }
            value => apply_value(config, file, &key, value, at)?,
        }
    }
    Ok(())
}

fn apply_value(
    config: &mut Config,
    file: &File<'_>,
    key: &str,
    value: &DeValue<'_>,
    at: usize,
) -> Result<(), ConfigError> {
    let (line, column) = place(file.text, at);
    let refused = |reason: String| ConfigError::Value {
        origin: format!("{}:{line}:{column}: {key}", file.path.display()),
        reason,
    };
    let text = match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        _ => None,
    };
    let outcome = match &text {
        Some(text) => config.set(key, text),
        None => config.get(key).map(|_| {
            Err(format!(
                "expected a string, a whole number or a truth value, found {}",
                value.type_str()
            ))
        }),
    };
    match outcome {
        Some(outcome) => outcome.map_err(refused),
        None => Err(ConfigError::UnknownKey {
            path: file.path.to_owned(),
            line,
            column,
            key: key.to_owned(),
            nearest: nearest(key, fields().iter().map(|field| field.key)),
        }),
    }
}

/// Line and column of a byte, both counted from 1.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}
