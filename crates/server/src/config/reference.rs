//! The tree written out: as a TOML file, and as the reference page `docs/configuration.md`.

use std::fmt::Write as _;

use super::{Config, field::fields};
#[cfg(test)]
use super::{field::Field, tree::SECTIONS};

/// The whole configuration as a TOML file, with every key explained.
pub(crate) fn to_toml(config: &Config) -> String {
    let mut text = String::from("# Timberline configuration. Keys left out have their default.\n");
    let mut section = "";
    for field in fields() {
        if field.section != section {
            section = field.section;
            let _ = write!(text, "\n[{section}]");
        }
        text.push('\n');
        for line in field.doc.lines() {
            let _ = writeln!(text, "# {line}");
        }
        if field.live {
            let _ = writeln!(text, "# Live: a reload changes it.");
        }
        let name = field.key.rsplit('.').next().unwrap_or(field.key);
        let value = config.get(field.key).unwrap_or_default();
        let _ = writeln!(text, "{name} = {}", field.in_toml(&value));
    }
    text
}

/// The reference page.
#[cfg(test)]
pub(super) fn reference_page() -> String {
    let mut text = String::from(INTRODUCTION);
    for section in SECTIONS {
        let name = match section.name {
            "" => "keys outside any section".to_owned(),
            name => format!("`[{name}]`"),
        };
        let _ = write!(text, "\n## {}: {name}\n\n", section.title);
        text.push_str("| key | default | live | flag | environment | meaning |\n");
        text.push_str("| --- | --- | --- | --- | --- | --- |\n");
        for declared in section.fields {
            if let Some(field) = Field::of(declared.key) {
                let _ = writeln!(
                    text,
                    "| `{}` | `{}` | {} | `--{}` | `{}` | {} |",
                    field.key,
                    field.in_toml(&field.default),
                    if field.live { "yes" } else { "" },
                    field.flag,
                    field.variable,
                    field.doc.replace('\n', " ").replace('|', "\\|"),
                );
            }
        }
    }
    text.push_str("\n## The whole file with its defaults\n\n```toml\n");
    text.push_str(&to_toml(&Config::default()));
    text.push_str("```\n");
    text
}

#[cfg(test)]
const INTRODUCTION: &str = "\
# Configuration

Generated from `crates/server/src/config/tree.rs`; a test fails when it is out of date
(`TIMBERLINE_REWRITE_DOCS=1 cargo test -p timberline-server configuration_page` rewrites it).

Every key can be set in a TOML file (`timberline start --config timberline.toml`, or
`TIMBERLINE_CONFIG`), in the environment, and by a flag of `timberline start`. A flag wins over the
environment, the environment over the file, the file over the default.
`timberline start --print-config` prints what results, as a file, and starts nothing.

- Unknown keys in the file are refused with their place and the key that was probably meant.
- An unknown variable beginning with `TIMBERLINE_` is named in a warning.
- Sizes are `64KiB`, `128MiB`, `1GiB` (powers of 1,024), `1MB` (powers of 1,000) or a number of bytes.
- Durations are `250ms`, `30s`, `5m`, `1h30m`, `30d`.
- Counts are whole numbers, 1 or more.

A running server reads the file again on SIGHUP or `POST /-/reload`. Keys that are live change then; the
answer, and the log, name those that did, and those that are different now and need a restart. A file
that is refused changes nothing. `GET /api/v1/status/flags` shows what the server runs with.
";
