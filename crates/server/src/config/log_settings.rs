//! How much is logged, and in which form.

use std::{fmt, str::FromStr};

use tracing_subscriber::EnvFilter;

/// A filter for log lines: a level, or levels by module such as `info,timberline=debug`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogLevel(String);

impl LogLevel {
    /// Informative lines and everything graver.
    pub(crate) fn info() -> Self {
        Self("info".to_owned())
    }

    /// The filter as the logger wants it.
    pub(crate) fn filter(&self) -> EnvFilter {
        EnvFilter::new(&self.0)
    }
}

impl FromStr for LogLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // A lone word is a level; the filter's own syntax would take any word as a module's name.
        let lone = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let known = ["error", "warn", "info", "debug", "trace", "off"];
        let sound = if lone { known.contains(&text) } else { EnvFilter::try_new(text).is_ok() };
        if sound {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!(
                "not a log level: {text:?} (expected error, warn, info, debug, trace, off, \
                 or levels by module such as info,timberline=debug)"
            ))
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(format!("unknown log format {text:?}: expected one of text, json")),
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_a_word_or_a_list_by_module() {
        for text in ["info", "off", "info,timberline=debug"] {
            assert_eq!(text.parse::<LogLevel>().unwrap().to_string(), text);
        }
        for text in ["loud", "", "info,=,="] {
            assert!(text.parse::<LogLevel>().is_err(), "{text}");
        }
    }
}
