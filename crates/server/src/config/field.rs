//! A key of the tree as data: what help texts, files and the reference page are made from.

use std::sync::LazyLock;

use super::tree::{Config, SECTIONS};

/// One key.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    /// The key with its section: `query.timeout`.
    pub(crate) key: &'static str,
    /// The section: `query`, or empty.
    pub(crate) section: &'static str,
    /// What it is for; sentences on lines.
    pub(crate) doc: String,
    /// What stands for the value in help texts.
    pub(crate) hint: &'static str,
    /// Whether a file has the value without quotes.
    pub(crate) bare: bool,
    /// Whether a running server takes another value by a reload.
    pub(crate) live: bool,
    /// The default, as text.
    pub(crate) default: String,
    /// The flag without its dashes: `query-timeout`.
    pub(crate) flag: String,
    /// The environment variable: `TIMBERLINE_QUERY_TIMEOUT`.
    pub(crate) variable: String,
}

/// A field as the tree's macro declares it.
pub(super) struct Declared {
    pub(super) key: &'static str,
    pub(super) doc: &'static str,
    pub(super) hint: &'static str,
    pub(super) bare: bool,
    pub(super) live: bool,
}

/// A section as the tree's macro declares it.
pub(super) struct Section {
    /// Its name in the file; empty for keys outside any section.
    pub(super) name: &'static str,
    /// Its title in help texts and on the reference page.
    pub(super) title: &'static str,
    /// Its keys, in order.
    pub(super) fields: &'static [Declared],
}

/// All keys, in the order of the tree.
pub(crate) fn fields() -> &'static [Field] {
    static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
        let defaults = Config::default();
        let of_section = |section: &'static Section| {
            section.fields.iter().map(move |declared| (section, declared))
        };
        SECTIONS
            .iter()
            .flat_map(of_section)
            .map(|(section, declared)| Field {
                key: declared.key,
                section: section.name,
                doc: declared.doc.lines().map(str::trim).collect::<Vec<_>>().join("\n"),
                hint: declared.hint,
                bare: declared.bare,
                live: declared.live,
                default: defaults.get(declared.key).unwrap_or_default(),
                flag: declared.key.replace(['.', '_'], "-"),
                variable: format!(
                    "TIMBERLINE_{}",
                    declared.key.replace('.', "_").to_ascii_uppercase()
                ),
            })
            .collect()
    });
    &FIELDS
}

impl Field {
    /// The field of a key.
    #[cfg(test)]
    pub(crate) fn of(key: &str) -> Option<&'static Self> {
        fields().iter().find(|field| field.key == key)
    }

    /// A value as it stands in a TOML file.
    pub(crate) fn in_toml(&self, value: &str) -> String {
        if self.bare { value.to_owned() } else { toml::Value::from(value).to_string() }
    }
}
