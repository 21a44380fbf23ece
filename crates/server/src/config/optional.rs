//! Settings that may have no value, which is written `none`.

use std::{fmt, path::PathBuf, str::FromStr};

use super::{listen_address::ListenAddress, setting::Setting};

const NONE: &str = "none";

/// A setting with or without a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Optional<T>(pub(crate) Option<T>);

macro_rules! optional_setting {
    ($($ty:ty),+) => {$(
        impl Setting for Optional<$ty> {
            const HINT: &'static str = <$ty as Setting>::HINT;
            const BARE: bool = false;

            fn read(text: &str) -> Result<Self, String> {
                if text == NONE { Ok(Self(None)) } else { <$ty as Setting>::read(text).map(Some).map(Self) }
            }

            fn show(&self) -> String {
                self.0.as_ref().map_or_else(|| NONE.to_owned(), Setting::show)
            }
        }
    )+};
}

optional_setting!(ListenAddress, PathBuf);

/// Users and the files of their passwords: `ada=/run/secrets/ada,bob=/run/secrets/bob`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct UserFiles(Vec<(String, PathBuf)>);

impl UserFiles {
    /// Whether there are no users.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and files.
    #[cfg(feature = "sql")]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &std::path::Path)> {
        self.0.iter().map(|(name, path)| (name.as_str(), path.as_path()))
    }
}

impl FromStr for UserFiles {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == NONE {
            return Ok(Self::default());
        }
        let mut users: Vec<(String, PathBuf)> = Vec::new();
        for pair in text.split(',') {
            let Some((name, path)) = pair.trim().split_once('=') else {
                return Err(format!("not a user and a file: {pair:?} (expected name=path)"));
            };
            if name.is_empty() || path.is_empty() {
                return Err(format!("not a user and a file: {pair:?} (expected name=path)"));
            }
            if users.iter().any(|(known, _)| known == name) {
                return Err(format!("the user {name:?} is named twice"));
            }
            users.push((name.to_owned(), PathBuf::from(path)));
        }
        Ok(Self(users))
    }
}

impl fmt::Display for UserFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(NONE);
        }
        let pairs: Vec<String> =
            self.0.iter().map(|(name, path)| format!("{name}={}", path.display())).collect();
        f.write_str(&pairs.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_none() {
        let address = Optional::<ListenAddress>::read("none").unwrap();
        assert_eq!((address.0, address.show().as_str()), (None, "none"));
        assert_eq!(Optional::<ListenAddress>::read(":1").unwrap().show(), "0.0.0.0:1");
    }

    #[test]
    fn users_have_files() {
        let users: UserFiles = "ada=/a,bob=b".parse().unwrap();
        assert_eq!(users.to_string(), "ada=/a,bob=b");
        assert!("none".parse::<UserFiles>().unwrap().is_empty());
        for text in ["", "ada", "=x", "ada=", "ada=x,ada=y"] {
            assert!(text.parse::<UserFiles>().is_err(), "{text}");
        }
    }
}
