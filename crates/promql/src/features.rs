//! Switches for parts of the language, under the names that Prometheus gives to `--enable-feature`.

use std::{fmt, str::FromStr};

/// A part of the language that can be switched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Feature {
    /// `promql-experimental-functions`: functions and aggregations that Prometheus has on trial.
    ExperimentalFunctions,
    /// `promql-duration-expr`: durations that are computed, as in `[step() * 2]`.
    DurationExpressions,
    /// `promql-extended-range-selectors`: `anchored` and `smoothed`.
    ExtendedRangeSelectors,
    /// `promql-binop-fill-modifiers`: `fill`, `fill_left` and `fill_right`.
    FillModifiers,
    /// `promql-delayed-name-removal`: functions that drop the metric's name do so at the very end only,
    /// so that `label_replace` and aggregations still see it.
    DelayedNameRemoval,
    /// `use-start-timestamps`: `rate` and its like look at when counting began.
    StartTimestamps,
    /// `type-and-unit-labels`: whether a metric is a counter is told by its label `__type__` instead of
    /// its name.
    TypeAndUnitLabels,
}

impl Feature {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::ExperimentalFunctions,
        Self::DurationExpressions,
        Self::ExtendedRangeSelectors,
        Self::FillModifiers,
        Self::DelayedNameRemoval,
        Self::StartTimestamps,
        Self::TypeAndUnitLabels,
    ];

    /// The name of its switch.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ExperimentalFunctions => "promql-experimental-functions",
            Self::DurationExpressions => "promql-duration-expr",
            Self::ExtendedRangeSelectors => "promql-extended-range-selectors",
            Self::FillModifiers => "promql-binop-fill-modifiers",
            Self::DelayedNameRemoval => "promql-delayed-name-removal",
            Self::StartTimestamps => "use-start-timestamps",
            Self::TypeAndUnitLabels => "type-and-unit-labels",
        }
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is no feature's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown feature {name:?}")]
pub struct UnknownFeature {
    /// What was given.
    pub name: String,
}

impl FromStr for Feature {
    type Err = UnknownFeature;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|feature| feature.as_str() == name);
        found.ok_or_else(|| UnknownFeature { name: name.to_owned() })
    }
}

/// Which features are on. By default those that Prometheus 3.14 has on without a flag: duration
/// expressions alone.
///
/// ```
/// use timberline_promql::{Feature, Features, parse_with};
///
/// let text = "mad_over_time(load[1h])";
/// assert!(parse_with(text, &Features::default()).is_err());
/// let features = Features::default().with(Feature::ExperimentalFunctions);
/// assert!(parse_with(text, &features).is_ok());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features {
    /// One bit for each, by its place in [`Feature::ALL`].
    bits: u8,
}

impl Default for Features {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Features {
    /// None of them.
    pub const NONE: Self = Self { bits: 0 };

    /// All of them.
    #[must_use]
    pub const fn all() -> Self {
        Self { bits: (1 << Feature::ALL.len()) - 1 }
    }

    /// Those that are on by default.
    pub const DEFAULT: Self = Self::NONE.with(Feature::DurationExpressions);

    /// The same with one more.
    #[must_use]
    pub const fn with(self, feature: Feature) -> Self {
        Self { bits: self.bits | 1 << feature as u8 }
    }

    /// The same less one.
    #[must_use]
    pub const fn without(self, feature: Feature) -> Self {
        Self { bits: self.bits & !(1 << feature as u8) }
    }

    /// Whether one is on.
    #[must_use]
    pub const fn has(self, feature: Feature) -> bool {
        self.bits & 1 << feature as u8 != 0
    }

    /// Those that are on.
    pub fn iter(self) -> impl Iterator<Item = Feature> {
        Feature::ALL.into_iter().filter(move |feature| self.has(*feature))
    }
}

impl FromIterator<Feature> for Features {
    fn from_iter<I: IntoIterator<Item = Feature>>(features: I) -> Self {
        features.into_iter().fold(Self::NONE, Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_switched_by_their_names() {
        for (place, feature) in Feature::ALL.into_iter().enumerate() {
            assert_eq!(feature as usize, place);
            assert_eq!(feature.as_str().parse(), Ok(feature));
            assert!(Features::NONE.with(feature).has(feature));
            assert!(!Features::all().without(feature).has(feature));
        }
        assert_eq!(Features::all().iter().collect::<Features>(), Features::all());
        assert_eq!(Features::default().iter().collect::<Vec<_>>(), [Feature::DurationExpressions]);
        assert!("promql-at-modifier".parse::<Feature>().is_err());
    }
}
