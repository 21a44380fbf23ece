//! What databases may be called.

use crate::Error;

/// The database that every data directory has: the directory itself.
pub const DEFAULT_DATABASE: &str = "default";

/// Bytes of a name, as in PostgreSQL.
pub const DATABASE_NAME_BYTES_MAX: usize = 63;

/// How the name of a directory ends that is to become a database.
pub(super) const CREATING: &str = ".creating";
/// How the name of a directory ends that was one.
pub(super) const DROPPING: &str = ".dropping";

/// Names that mean something else in statements, to clients or to PostgreSQL's tools.
const RESERVED: [&str; 8] = [
    "information_schema",
    "pg_catalog",
    "postgres",
    "public",
    "system",
    "template0",
    "template1",
    "timberline",
];

/// Whether a database may have a name.
///
/// # Errors
/// It may not, and why.
pub(super) fn check_name(name: &str) -> Result<(), Error> {
    let refuse = |reason: String| Err(Error::DatabaseName { name: name.to_owned(), reason });
    if name.len() > DATABASE_NAME_BYTES_MAX {
        return refuse(format!("it is longer than {DATABASE_NAME_BYTES_MAX} bytes"));
    }
    if RESERVED.contains(&name) {
        return refuse("the name is reserved".to_owned());
    }
    if !is_plain(name) {
        return refuse(
            "expected a small letter or an underscore, then small letters, digits, underscores and hyphens"
                .to_owned(),
        );
    }
    Ok(())
}

/// Whether a name has the form of one.
fn is_plain(name: &str) -> bool {
    let letter = |byte: u8| byte == b'_' || byte.is_ascii_lowercase();
    let further = |byte: u8| letter(byte) || byte == b'-' || byte.is_ascii_digit();
    name.bytes().next().is_some_and(letter) && name.bytes().all(further)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_and_short() {
        for name in ["a", "_", "metrics", "site-a_2", &"x".repeat(63)] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "1a", "-a", "Metrics", "a.b", "a/b", "..", "ä", "a b", "postgres"] {
            assert!(check_name(name).is_err(), "{name}");
        }
        let long = check_name(&"x".repeat(64)).unwrap_err();
        assert!(long.to_string().contains("63 bytes"), "{long}");
    }
}
