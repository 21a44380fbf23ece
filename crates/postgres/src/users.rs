//! Who may connect, and by which password.
//!
//! Passwords are read from files and not kept: what stays in memory is salted, as SCRAM has it.

use std::{collections::BTreeMap, fmt, path::Path};

use pgwire::api::auth::{
    Password,
    sasl::scram::{SCRAM_ITERATIONS, gen_salted_password, random_nonce},
};

use crate::PostgresError;

/// Bytes of a password.
const PASSWORD_BYTES_MAX: usize = 1_024;

/// Users and their salted passwords.
#[derive(Clone, Default)]
pub struct Users {
    salted: BTreeMap<String, Password>,
    /// The salt that those hear who have a name that nobody has.
    decoy: Vec<u8>,
}

impl Users {
    /// Users by their names and the files of their passwords. A newline at a file's end does not count.
    ///
    /// # Errors
    /// A file that cannot be read, or holds no password.
    pub fn load<'a>(
        files: impl IntoIterator<Item = (&'a str, &'a Path)>,
    ) -> Result<Self, PostgresError> {
        let mut users = Self { salted: BTreeMap::new(), decoy: random_nonce().into_bytes() };
        for (name, path) in files {
            let wrong = |reason: &str| PostgresError::File {
                what: "the password of a user",
                path: path.to_owned(),
                reason: reason.to_owned(),
            };
            let text = std::fs::read_to_string(path).map_err(|error| wrong(&error.to_string()))?;
            let password = text.strip_suffix('\n').unwrap_or(&text);
            let password = password.strip_suffix('\r').unwrap_or(password);
            if password.is_empty() || password.len() > PASSWORD_BYTES_MAX {
                return Err(wrong("a password has 1 to 1024 bytes"));
            }
            users.add(name, password);
        }
        Ok(users)
    }

    fn add(&mut self, name: &str, password: &str) {
        let salt = random_nonce().into_bytes();
        let salted = gen_salted_password(password, &salt, SCRAM_ITERATIONS);
        self.salted.insert(name.to_owned(), Password::new(Some(salt), salted));
    }

    /// Whether nobody is named: then everybody who reaches the listener may connect.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.salted.is_empty()
    }

    /// Whether a user has this password. Takes some milliseconds of computing, whoever asks.
    #[must_use]
    pub fn verify(&self, name: &str, password: &str) -> bool {
        let known = self.salted.get(name);
        let salt = known.and_then(Password::salt).unwrap_or(&self.decoy);
        if password.len() > PASSWORD_BYTES_MAX {
            return false;
        }
        let salted = gen_salted_password(password, salt, SCRAM_ITERATIONS);
        known.is_some_and(|known| same(known.password(), &salted))
    }

    /// What SCRAM needs of a user; of nobody, something that no password fits.
    pub(crate) fn scram(&self, name: &str) -> Password {
        self.salted.get(name).cloned().unwrap_or_else(|| {
            // The salt of a name is always the same, as that of a user is.
            let salt = gen_salted_password(name, &self.decoy, 1);
            Password::new(Some(salt[..18].to_vec()), random_nonce().into_bytes())
        })
    }
}

/// A text that nobody can guess: 288 bits of it are random.
#[must_use]
pub fn random_text() -> String {
    random_nonce() + &random_nonce()
}

/// Compares without telling by the time it takes where the difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.salted.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_read_from_files_and_verified() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ada");
        std::fs::write(&path, "s3cret\n").unwrap();
        let users = Users::load([("ada", path.as_path())]).unwrap();
        assert!(users.verify("ada", "s3cret"));
        assert!(!users.verify("ada", "s3cret\n"));
        assert!(!users.verify("eve", "s3cret"));
        assert!(!format!("{users:?}").contains("s3cret"));
        std::fs::write(&path, "\n").unwrap();
        assert!(Users::load([("ada", path.as_path())]).is_err());
        assert!(
            Users::load([("ada", Path::new("/nowhere"))])
                .unwrap_err()
                .to_string()
                .contains("/nowhere")
        );
    }

    #[test]
    fn a_name_that_nobody_has_hears_the_same_salt_every_time() {
        let mut users = Users::default();
        users.add("ada", "x");
        let salt = |name| users.scram(name).salt().map(<[u8]>::to_vec);
        assert_eq!(salt("eve"), salt("eve"));
        assert_ne!(salt("eve"), salt("bob"));
    }
}
