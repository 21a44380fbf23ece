//! What a configured value must be able to do: be read from text, and be written as text.

use std::{
    num::{NonZeroU64, NonZeroUsize},
    path::PathBuf,
};

use timberline::FloatCodec;
use timberline_model::{ByteSize, Durability};

use super::{
    compaction_levels::CompactionLevels,
    cors_origin::CorsOrigin,
    duplicate_setting::DuplicateSetting,
    feature_list::FeatureList,
    human_duration::HumanDuration,
    listen_address::ListenAddress,
    log_settings::{LogFormat, LogLevel},
    optional::UserFiles,
};

/// A value of the tree. Its text is the same in the file, the environment and on the command line.
pub(crate) trait Setting: Sized {
    /// What stands for the value in help texts.
    const HINT: &'static str;
    /// Whether a TOML file has the value without quotes.
    const BARE: bool;

    /// Reads the value; the error says what was expected.
    fn read(text: &str) -> Result<Self, String>;

    /// Writes the value the way [`Setting::read`] reads it.
    fn show(&self) -> String;
}

/// Settings that are `FromStr` and `Display` already.
macro_rules! setting_by_text {
    ($($ty:ty => $hint:literal, $bare:literal;)+) => {$(
        impl Setting for $ty {
            const HINT: &'static str = $hint;
            const BARE: bool = $bare;

            fn read(text: &str) -> Result<Self, String> {
                text.parse().map_err(|error: <$ty as std::str::FromStr>::Err| error.to_string())
            }

            fn show(&self) -> String {
                self.to_string()
            }
        }
    )+};
}

setting_by_text! {
    ByteSize => "SIZE", false;
    HumanDuration => "DURATION", false;
    ListenAddress => "ADDRESS", false;
    LogLevel => "LEVEL", false;
    LogFormat => "FORMAT", false;
    Durability => "LEVEL", false;
    FloatCodec => "CODEC", false;
    DuplicateSetting => "POLICY", false;
    CompactionLevels => "DURATIONS", false;
    CorsOrigin => "REGEX", false;
    FeatureList => "NAMES", false;
    UserFiles => "USERS", false;
}

impl Setting for bool {
    const HINT: &'static str = "true|false";
    const BARE: bool = true;

    fn read(text: &str) -> Result<Self, String> {
        text.parse().map_err(|_| format!("not a truth value: {text:?} (expected true or false)"))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// A count, one or more.
impl Setting for NonZeroU64 {
    const HINT: &'static str = "COUNT";
    const BARE: bool = true;

    fn read(text: &str) -> Result<Self, String> {
        let digits: String = text.chars().filter(|c| *c != '_').collect();
        digits
            .parse()
            .map_err(|_| format!("not a count: {text:?} (expected a whole number, 1 or more)"))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

/// A count of things in memory, one or more.
impl Setting for NonZeroUsize {
    const HINT: &'static str = "COUNT";
    const BARE: bool = true;

    fn read(text: &str) -> Result<Self, String> {
        let count = NonZeroU64::read(text)?;
        Self::try_from(count).map_err(|_| format!("count out of range: {text:?}"))
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Setting for PathBuf {
    const HINT: &'static str = "PATH";
    const BARE: bool = false;

    fn read(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the path is empty".to_owned());
        }
        Ok(Self::from(text))
    }

    fn show(&self) -> String {
        self.display().to_string()
    }
}
