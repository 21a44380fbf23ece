//! Which websites may read answers in a browser.

use std::{fmt, str::FromStr};

use regex::Regex;

/// A regular expression that the whole of a page's origin must match.
#[derive(Clone, Debug)]
pub(crate) struct CorsOrigin {
    text: String,
    regex: Regex,
}

impl CorsOrigin {
    /// Every origin.
    const ANY: &'static str = ".*";

    /// Whether it is every origin, as the default is.
    pub(crate) fn is_any(&self) -> bool {
        self.text == Self::ANY
    }

    /// Whether a page of an origin may read answers.
    pub(crate) fn allows(&self, origin: &str) -> bool {
        self.regex.is_match(origin)
    }
}

impl Default for CorsOrigin {
    fn default() -> Self {
        Self::ANY.parse().expect("the default is a regular expression")
    }
}

impl PartialEq for CorsOrigin {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl FromStr for CorsOrigin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match Regex::new(&format!("^(?:{text})$")) {
            Ok(regex) => Ok(Self { text: text.to_owned(), regex }),
            Err(error) => Err(format!("not a regular expression: {text:?}: {error}")),
        }
    }
}

impl fmt::Display for CorsOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_origin_must_match() {
        let origin: CorsOrigin = r"https?://(grafana|wiki)\.example".parse().unwrap();
        assert!(origin.allows("https://grafana.example") && !origin.is_any());
        assert!(!origin.allows("https://grafana.example.evil.org"));
        assert!(CorsOrigin::default().allows("null") && CorsOrigin::default().is_any());
        assert!("(".parse::<CorsOrigin>().unwrap_err().contains("not a regular expression"));
    }
}
