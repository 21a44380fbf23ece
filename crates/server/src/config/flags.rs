//! The tree as command line flags.

use std::collections::BTreeMap;

use clap::{Arg, ArgMatches, Command, FromArgMatches};

use super::{
    field::{Field, fields},
    tree::SECTIONS,
};

/// The keys that were given as flags, as text.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConfigFlags {
    given: BTreeMap<&'static str, String>,
}

impl ConfigFlags {
    /// Keys and texts.
    pub(crate) fn given(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.given.iter().map(|(key, value)| (*key, value.as_str()))
    }

    #[cfg(test)]
    pub(super) fn of(pairs: &[(&'static str, &str)]) -> Self {
        Self { given: pairs.iter().map(|(key, value)| (*key, (*value).to_owned())).collect() }
    }
}

impl clap::Args for ConfigFlags {
    fn augment_args(mut command: Command) -> Command {
        for field in fields() {
            command = command.arg(flag(field));
        }
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ConfigFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for field in fields() {
            if let Some(value) = matches.get_one::<String>(field.key) {
                self.given.insert(field.key, value.clone());
            }
        }
        Ok(())
    }
}

fn flag(field: &'static Field) -> Arg {
    let title = SECTIONS
        .iter()
        .find(|section| section.name == field.section)
        .map_or("Server", |section| section.title);
    let help = format!(
        "{} [default: {}] [env: {}]",
        field.doc.replace('\n', " "),
        field.default,
        field.variable
    );
    let arg = Arg::new(field.key).long(field.flag.as_str()).value_name(field.hint).help(help);
    // A truth value may be given as the bare flag.
    let arg = if field.hint == "true|false" {
        arg.num_args(0..=1).require_equals(true).default_missing_value("true")
    } else {
        arg
    };
    arg.help_heading(title)
}
