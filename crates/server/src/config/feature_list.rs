//! Parts of PromQL that are switched on, as a list of names.

use std::{fmt, str::FromStr};

use timberline::{Feature, Features};

/// Text for none beyond those that are on anyway.
const NONE: &str = "none";
/// Text for every one there is.
const ALL: &str = "all";

/// What is switched on beyond what is on anyway: names joined by commas, `all`, or `none`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FeatureList(pub(crate) Features);

impl FromStr for FeatureList {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            NONE => return Ok(Self::default()),
            ALL => return Ok(Self(Features::all())),
            _ => {}
        }
        let mut features = Features::default();
        for name in text.split(',') {
            let feature: Feature = name.trim().parse().map_err(|error| {
                let known: Vec<&str> = Feature::ALL.iter().map(|one| one.as_str()).collect();
                format!("{error}: expected {NONE}, {ALL}, or some of {}", known.join(","))
            })?;
            features = features.with(feature);
        }
        Ok(Self(features))
    }
}

impl fmt::Display for FeatureList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == Features::all() {
            return f.write_str(ALL);
        }
        let further = self.0.iter().filter(|feature| !Features::DEFAULT.has(*feature));
        let names: Vec<&str> = further.map(Feature::as_str).collect();
        f.write_str(if names.is_empty() { NONE } else { "" })?;
        f.write_str(&names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_they_are_shown() {
        for text in ["none", "all", "promql-experimental-functions,use-start-timestamps"] {
            assert_eq!(text.parse::<FeatureList>().unwrap().to_string(), text);
        }
        // It is on anyway.
        let list: FeatureList = "promql-duration-expr, type-and-unit-labels".parse().unwrap();
        assert_eq!(list.to_string(), "type-and-unit-labels");
        let refused = "promql-everything".parse::<FeatureList>().unwrap_err();
        assert!(refused.contains("\"promql-everything\"") && refused.contains("use-start"));
    }
}
