//! What a database may have settings of its own for.
//!
//! Each setting has one name and one way to write its values, in statements and in the database's file.

use std::{str::FromStr, time::Duration};

use timberline_engine::Retention;
use timberline_model::{
    ByteSize, DuplicatePolicy, Durability, UnknownPolicy, format_duration, limits, parse_duration,
};

use super::NAMED_SEGMENT_BYTES_MAX;
use crate::{Database, Error, Options};

/// The word for what has no bound.
const UNLIMITED: &str = "unlimited";

/// Settings with a value that can be chosen.
const NAMES: [&str; 5] = ["retention", "retention_size", "duplicates", "durability", "series_max"];

/// Settings with a single value so far: its name, and others that are known and not offered.
const FIXED: [(&str, &str); 3] = [("engine", "columnar"), ("store", "local"), ("format", "native")];

/// A bound, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound<T> {
    /// So much.
    AtMost(T),
    /// Whatever there is.
    Unlimited,
}

impl<T> Bound<T> {
    fn value(self) -> Option<T> {
        match self {
            Self::AtMost(value) => Some(value),
            Self::Unlimited => None,
        }
    }
}

/// A setting that is to have a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingChange {
    /// Its name.
    pub name: String,
    /// The value; `None` for what all databases have that say nothing.
    pub value: Option<String>,
}

impl SettingChange {
    /// A setting and its value.
    #[must_use]
    pub fn to(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: Some(value.into()) }
    }

    /// A setting that is to follow the others.
    #[must_use]
    pub fn reset(name: impl Into<String>) -> Self {
        Self { name: name.into(), value: None }
    }
}

/// The settings that one database has of its own. What is `None` follows the options that all databases of
/// the directory were opened with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatabaseSettings {
    /// How long samples are kept after their time: `'30d'`, `'unlimited'`.
    pub retention: Option<Bound<Duration>>,
    /// How many bytes of blocks are kept: `'10GiB'`, `'unlimited'`.
    pub retention_size: Option<Bound<u64>>,
    /// What becomes of a second sample at one instant: `'last'`, `'first'`, `'all'`, `'reject'`. Decided when
    /// the database is created.
    pub duplicates: Option<DuplicatePolicy>,
    /// When a write returns: `'synced'`, `'logged'`. Decided when the database is created.
    pub durability: Option<Durability>,
    /// Series that it may hold. Decided when the database is created.
    pub series_max: Option<u64>,
}

impl DatabaseSettings {
    /// Sets one setting by its name; to `None`, it follows what all databases have.
    ///
    /// # Errors
    /// No such setting, or no such value.
    pub fn set(&mut self, name: &str, value: Option<&str>) -> Result<(), Error> {
        let refuse = |reason: String| Error::Setting { name: name.to_owned(), reason };
        match name {
            "retention" => self.retention = value.map(age).transpose().map_err(refuse)?,
            "retention_size" => {
                self.retention_size = value.map(size).transpose().map_err(refuse)?;
            }
            "duplicates" => self.duplicates = value.map(policy).transpose().map_err(refuse)?,
            "durability" => self.durability = value.map(policy).transpose().map_err(refuse)?,
            "series_max" => self.series_max = value.map(series).transpose().map_err(refuse)?,
            _ => match (FIXED.iter().find(|(fixed, _)| *fixed == name), value) {
                (Some((_, only)), Some(value)) if value != *only => {
                    return Err(refuse(format!(
                        "{value:?} is not offered yet: the only {name} so far is '{only}'"
                    )));
                }
                (Some(_), _) => {}
                (None, _) => {
                    let names: Vec<&str> =
                        NAMES.into_iter().chain(FIXED.map(|(name, _)| name)).collect();
                    return Err(refuse(format!("expected one of {}", names.join(", "))));
                }
            },
        }
        Ok(())
    }

    /// As [`set`](Self::set), for a database that exists.
    ///
    /// # Errors
    /// As there; also a setting that is decided once and for all.
    pub fn alter(&mut self, name: &str, value: Option<&str>) -> Result<(), Error> {
        let mut after = self.clone();
        after.set(name, value)?;
        let live = Self { retention: None, retention_size: None, ..after.clone() };
        if live != (Self { retention: None, retention_size: None, ..self.clone() }) {
            let reason = "it is decided when the database is created".to_owned();
            return Err(Error::Setting { name: name.to_owned(), reason });
        }
        *self = after;
        Ok(())
    }

    /// The settings that are there, with their values in the words that [`set`](Self::set) takes.
    pub fn own(&self) -> impl Iterator<Item = (&'static str, String)> + '_ {
        NAMES.into_iter().filter_map(|name| Some((name, self.text(name)?)))
    }

    fn text(&self, name: &str) -> Option<String> {
        match name {
            "retention" => self.retention.map(|age| age_text(age.value())),
            "retention_size" => self.retention_size.map(|size| size_text(size.value())),
            "duplicates" => self.duplicates.map(|policy| policy.to_string()),
            "durability" => self.durability.map(|durability| durability.to_string()),
            "series_max" => self.series_max.map(|count| count.to_string()),
            _ => None,
        }
    }

    /// How much is kept, where nothing of its own says so as much as all keep.
    pub(super) fn retention_over(&self, common: Retention) -> Retention {
        Retention {
            age: self.retention.map_or(common.age, Bound::value),
            bytes: self.retention_size.map_or(common.bytes, Bound::value),
        }
    }

    /// The options of a database with these settings.
    pub(super) fn options(&self, common: &Options, named: bool) -> Options {
        let segment_bytes = common.segment_bytes;
        let segment_bytes =
            if named { segment_bytes.min(NAMED_SEGMENT_BYTES_MAX) } else { segment_bytes };
        Options {
            retention: self.retention_over(common.retention),
            duplicates: self.duplicates.or(common.duplicates),
            durability: self.durability.unwrap_or(common.durability),
            series_max: self.series_max.unwrap_or(common.series_max),
            segment_bytes,
            ..common.clone()
        }
    }

    /// What holds for a database with these settings, once it is open or if it were.
    pub(super) fn effective(&self, common: &Options, database: Option<&Database>) -> Effective {
        let options = self.options(common, false);
        let duplicates = database.map(Database::duplicates).or(options.duplicates);
        let options = database.map_or(&options, Database::options);
        let retention = self.retention_over(common.retention);
        let values = NAMES.map(|name| match name {
            "retention" => age_text(retention.age),
            "retention_size" => size_text(retention.bytes),
            "duplicates" => duplicates.unwrap_or_default().to_string(),
            "durability" => options.durability.to_string(),
            _ => options.series_max.to_string(),
        });
        Effective(values)
    }
}

/// The values of all settings that can be chosen, in the order of their names.
#[derive(Clone, Debug)]
pub(super) struct Effective([String; NAMES.len()]);

impl Effective {
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let chosen = NAMES.iter().position(|known| *known == name).map(|at| self.0[at].clone());
        let fixed = || FIXED.iter().find(|(known, _)| *known == name);
        chosen.or_else(|| fixed().map(|(_, only)| (*only).to_owned()))
    }
}

fn policy<T: FromStr<Err = UnknownPolicy>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: UnknownPolicy| error.to_string())
}

fn age(text: &str) -> Result<Bound<Duration>, String> {
    if text.eq_ignore_ascii_case(UNLIMITED) {
        return Ok(Bound::Unlimited);
    }
    let nanos = parse_duration(text)
        .map_err(|error| format!("{error} (expected such as '30d', or 'unlimited')"))?;
    if nanos < 1_000_000_000 {
        return Err("at least a second, or 'unlimited' to keep everything".to_owned());
    }
    Ok(Bound::AtMost(Duration::from_nanos(nanos.unsigned_abs())))
}

fn age_text(age: Option<Duration>) -> String {
    match age {
        Some(age) => format_duration(i64::try_from(age.as_nanos()).unwrap_or(i64::MAX)),
        None => UNLIMITED.to_owned(),
    }
}

fn size(text: &str) -> Result<Bound<u64>, String> {
    if text.eq_ignore_ascii_case(UNLIMITED) {
        return Ok(Bound::Unlimited);
    }
    match text.parse() {
        Ok(ByteSize(0)) => Err("at least a byte, or 'unlimited' to keep everything".to_owned()),
        Ok(ByteSize(bytes)) => Ok(Bound::AtMost(bytes)),
        Err(error) => Err(format!("{error} (or 'unlimited')")),
    }
}

fn size_text(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| UNLIMITED.to_owned(), |bytes| ByteSize(bytes).to_string())
}

fn series(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(count) if (1..=limits::SERIES_COUNT_MAX).contains(&count) => Ok(count),
        _ => Err(format!("not a number from 1 to {}: {text:?}", limits::SERIES_COUNT_MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_they_are_shown() {
        for (name, given, shown) in [
            ("retention", "720h", "30d"),
            ("retention", "Unlimited", "unlimited"),
            ("retention_size", "10240 MiB", "10GiB"),
            ("retention_size", "1500", "1500B"),
            ("retention_size", "2gb", "2GB"),
            ("duplicates", "reject", "reject"),
            ("durability", "logged", "logged"),
            ("series_max", "5", "5"),
        ] {
            let mut settings = DatabaseSettings::default();
            settings.set(name, Some(given)).unwrap();
            assert_eq!(settings.own().collect::<Vec<_>>(), [(name, shown.to_owned())]);
            let mut again = DatabaseSettings::default();
            again.set(name, Some(shown)).unwrap();
            assert_eq!(again, settings, "{name} = {given}");
            again.set(name, None).unwrap();
            assert_eq!(again, DatabaseSettings::default());
        }
    }

    #[test]
    fn what_is_not_offered_is_refused_by_name() {
        let mut settings = DatabaseSettings::default();
        for (name, value, said) in [
            ("retention", "soon", "'30d'"),
            ("retention", "0s", "unlimited"),
            ("retention_size", "0B", "unlimited"),
            ("retention_size", "99999999999TiB", "out of range"),
            ("retention_size", "GiB", "not a size"),
            ("duplicates", "maybe", "last, first, all, reject"),
            ("durability", "quick", "logged, synced"),
            ("series_max", "0", "from 1 to"),
            ("engine", "ring", "not offered yet"),
            ("store", "s3://bucket", "not offered yet"),
            ("format", "arrow", "not offered yet"),
            ("colour", "blue", "retention_size"),
        ] {
            let error = settings.set(name, Some(value)).unwrap_err().to_string();
            assert!(error.contains(said) && error.contains(name), "{error}");
        }
        for (name, value) in FIXED {
            settings.set(name, Some(value)).unwrap();
        }
        assert_eq!(settings, DatabaseSettings::default());
    }

    #[test]
    fn what_is_decided_at_the_creation_stays() {
        let mut settings = DatabaseSettings::default();
        settings.set("duplicates", Some("first")).unwrap();
        settings.alter("duplicates", Some("first")).unwrap();
        settings.alter("retention", Some("1d")).unwrap();
        for (name, value) in [
            ("duplicates", Some("last")),
            ("duplicates", None),
            ("durability", Some("logged")),
            ("series_max", Some("7")),
        ] {
            let error = settings.alter(name, value).unwrap_err().to_string();
            assert!(error.contains("when the database is created"), "{error}");
        }
    }
}
