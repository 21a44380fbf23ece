//! Settings of a connection: `SET`, `SHOW`, and what a client is told when it connects.

use std::{collections::BTreeMap, time::Duration};

use crate::refusal::Refusal;

/// Settings by name, and whether they may be set. Reported ones are told to clients at once.
const KNOWN: [(&str, &str, bool); 33] = [
    ("application_name", "", true),
    ("backslash_quote", "safe_encoding", false),
    ("bytea_output", "hex", true),
    ("client_encoding", "UTF8", true),
    ("client_min_messages", "notice", true),
    ("datestyle", "ISO, MDY", true),
    ("default_transaction_isolation", "read committed", true),
    ("default_transaction_read_only", "off", true),
    ("extra_float_digits", "1", true),
    ("idle_in_transaction_session_timeout", "0", true),
    ("in_hot_standby", "off", false),
    ("integer_datetimes", "on", false),
    ("intervalstyle", "postgres", true),
    ("is_superuser", "off", false),
    ("jit", "off", true),
    ("lc_collate", "C", false),
    ("lc_ctype", "C", false),
    ("lc_messages", "C", false),
    ("lock_timeout", "0", true),
    ("max_identifier_length", "63", false),
    ("row_security", "off", true),
    ("search_path", "\"$user\", public", true),
    ("server_encoding", "UTF8", false),
    ("server_version", "16.6", false),
    ("server_version_num", "160006", false),
    ("session_authorization", "", false),
    ("standard_conforming_strings", "on", true),
    ("statement_timeout", "0", true),
    ("synchronize_seqscans", "on", true),
    ("timezone", "UTC", true),
    ("transaction_isolation", "read committed", true),
    ("transaction_read_only", "off", true),
    ("timberline_version", env!("CARGO_PKG_VERSION"), false),
];

/// What clients are told when they connect, under the names that they know.
const REPORTED: [(&str, &str); 13] = [
    ("application_name", "application_name"),
    ("client_encoding", "client_encoding"),
    ("DateStyle", "datestyle"),
    ("default_transaction_read_only", "default_transaction_read_only"),
    ("in_hot_standby", "in_hot_standby"),
    ("integer_datetimes", "integer_datetimes"),
    ("IntervalStyle", "intervalstyle"),
    ("is_superuser", "is_superuser"),
    ("server_encoding", "server_encoding"),
    ("server_version", "server_version"),
    ("session_authorization", "session_authorization"),
    ("standard_conforming_strings", "standard_conforming_strings"),
    ("TimeZone", "timezone"),
];

/// The settings of one connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    set: BTreeMap<String, String>,
    user: String,
}

/// What a `SET` has brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct SetOutcome {
    /// What the client is to be told of.
    pub(crate) reported: Option<(&'static str, String)>,
    /// What it should know.
    pub(crate) warning: Option<&'static str>,
}

impl Settings {
    /// The settings of a user.
    pub(crate) fn of(user: &str) -> Self {
        Self { set: BTreeMap::new(), user: user.to_owned() }
    }

    /// A setting's value.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        if name == "session_authorization" {
            return Some(&self.user);
        }
        match self.set.get(name) {
            Some(value) => Some(value),
            None => KNOWN.iter().find(|(known, ..)| *known == name).map(|(_, value, _)| *value),
        }
    }

    /// All settings and their values.
    pub(crate) fn all(&self) -> Vec<(String, String)> {
        KNOWN
            .iter()
            .map(|(name, ..)| ((*name).to_owned(), self.get(name).unwrap_or("").to_owned()))
            .collect()
    }

    /// What a client is told when it connects.
    pub(crate) fn reported(&self) -> impl Iterator<Item = (&'static str, &str)> {
        REPORTED.iter().map(|(shown, name)| (*shown, self.get(name).unwrap_or("")))
    }

    /// Forgets what was set.
    pub(crate) fn reset(&mut self) {
        self.set.clear();
    }

    /// Sets a value, or the default.
    ///
    /// # Errors
    /// A setting that there is not, or that has one value only, or that cannot have this one.
    pub(crate) fn set(&mut self, name: &str, value: Option<&str>) -> Result<SetOutcome, Refusal> {
        let known = KNOWN.iter().find(|(known, ..)| *known == name);
        // Names with a point belong to applications.
        if known.is_none() && !name.contains('.') {
            return Err(Refusal::new(
                "42704",
                format!("unrecognized configuration parameter \"{name}\""),
            ));
        }
        let Some(value) = value else {
            self.set.remove(name);
            return Ok(SetOutcome::default());
        };
        if known.is_some_and(|(.., free)| !free) {
            return Err(Refusal::new("55P02", format!("parameter \"{name}\" cannot be changed")));
        }
        // Some clients send the quotes of SQL along when they connect.
        let lower = value.trim_matches('\'').to_ascii_lowercase();
        let wrong = |expected: &str| {
            Err(Refusal::new(
                "22023",
                format!("invalid value for \"{name}\": {value:?} (expected {expected})"),
            ))
        };
        let mut outcome = SetOutcome::default();
        match name {
            "client_encoding" => {
                if !["utf8", "utf-8", "unicode"].contains(&lower.as_str()) {
                    return wrong("UTF8");
                }
                return Ok(outcome);
            }
            "datestyle" => {
                if !lower.starts_with("iso") {
                    return wrong("ISO");
                }
                return Ok(outcome);
            }
            "intervalstyle" if lower != "postgres" => return wrong("postgres"),
            "standard_conforming_strings" if lower != "on" && lower != "true" => {
                return wrong("on");
            }
            "bytea_output" if lower != "hex" => return wrong("hex"),
            "timezone" => {
                if !["utc", "etc/utc", "gmt", "z", "0", "+00:00", "universal"]
                    .contains(&lower.as_str())
                {
                    outcome.warning =
                        Some("times are shown in UTC whatever the setting \"TimeZone\"");
                }
                return Ok(outcome);
            }
            "statement_timeout" | "lock_timeout" | "idle_in_transaction_session_timeout"
                if milliseconds(&lower).is_none() =>
            {
                return wrong("milliseconds, or such as 5s or 1min");
            }
            _ => {}
        }
        self.set.insert(name.to_owned(), value.to_owned());
        let shown = REPORTED.iter().find(|(_, reported)| *reported == name);
        outcome.reported = shown.map(|(shown, _)| (*shown, value.to_owned()));
        Ok(outcome)
    }

    /// The time that a statement may take, if the client limits it.
    pub(crate) fn statement_timeout(&self) -> Option<Duration> {
        let millis = milliseconds(self.get("statement_timeout")?)?;
        (millis > 0).then(|| Duration::from_millis(millis))
    }
}

fn milliseconds(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (count, unit) = text.split_at(end);
    let factor = match unit.trim() {
        "" | "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    count.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_set_shown_and_reset() {
        let mut settings = Settings::of("ada");
        assert_eq!(settings.get("session_authorization"), Some("ada"));
        let outcome = settings.set("application_name", Some("x")).unwrap();
        assert_eq!(outcome.reported, Some(("application_name", "x".to_owned())));
        settings.set("statement_timeout", Some("2min")).unwrap();
        assert_eq!(settings.statement_timeout(), Some(Duration::from_secs(120)));
        settings.reset();
        assert_eq!(settings.statement_timeout(), None);
        assert_eq!(settings.set("nonsense", Some("1")).unwrap_err().code, "42704");
        assert_eq!(settings.set("server_version", Some("1")).unwrap_err().code, "55P02");
        assert_eq!(settings.set("client_encoding", Some("LATIN1")).unwrap_err().code, "22023");
        assert!(settings.set("timezone", Some("Europe/Berlin")).unwrap().warning.is_some());
        settings.set("myapp.user", Some("7")).unwrap();
        assert_eq!(settings.get("myapp.user"), Some("7"));
    }
}
