//! Floats in text, every bit of them.
//!
//! Numbers are the shortest decimals that read back the same. What is not a number is a word:
//! `Infinity`, `-Infinity`, `NaN` (the quiet one, `7ff8000000000000`), `stale` (the marker of an ended series) or
//! `NaN:` with the sixteen hexadecimal digits of any other. JSON has them as strings, but `null` for
//! the stale marker, as VictoriaMetrics exports it.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;
use timberline_model::{STALE_NAN, is_stale};

/// The bits of `NaN` without more.
const PLAIN_NAN_BITS: u64 = 0x7ff8_0000_0000_0000;

/// Appends a float as text.
pub(crate) fn push_text(out: &mut Vec<u8>, value: f64) {
    use std::io::Write as _;
    match word(value) {
        Some(word) => out.extend_from_slice(word.as_bytes()),
        None if value == value.trunc()
            && value.abs() < 1e15
            && value.to_bits() != (-0.0_f64).to_bits() =>
        {
            let _ = write!(out, "{}", value as i64);
        }
        None if value.abs() >= 1e15 || value.abs() < 1e-5 && value != 0.0 => {
            let _ = write!(out, "{value:e}");
        }
        None => {
            let _ = write!(out, "{value}");
        }
    }
}

/// Reads a float: what [`push_text`] writes, and every usual spelling beside it.
pub(crate) fn parse_text(text: &str) -> Option<f64> {
    if text == "stale" {
        return Some(STALE_NAN);
    }
    if let Some(bits) = text.strip_prefix("NaN:").filter(|bits| bits.len() == 16) {
        let value = f64::from_bits(u64::from_str_radix(bits, 16).ok()?);
        return value.is_nan().then_some(value);
    }
    if text.eq_ignore_ascii_case("nan") {
        return Some(f64::from_bits(PLAIN_NAN_BITS));
    }
    text.parse().ok()
}

/// The word for a float that no decimal means.
fn word(value: f64) -> Option<String> {
    if value.is_finite() {
        return None;
    }
    Some(if value.is_infinite() {
        if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else if is_stale(value) {
        "stale".to_owned()
    } else if value.to_bits() == PLAIN_NAN_BITS {
        "NaN".to_owned()
    } else {
        format!("NaN:{:016x}", value.to_bits())
    })
}

/// A float in JSON.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct JsonFloat(pub(crate) f64);

impl JsonFloat {
    pub(crate) fn to_value(self) -> Value {
        match word(self.0) {
            _ if is_stale(self.0) => Value::Null,
            Some(word) => Value::String(word),
            None => self.0.into(),
        }
    }
}

impl Serialize for JsonFloat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JsonFloat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = JsonFloat;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number, or a string such as \"Infinity\", or null")
            }

            fn visit_f64<E>(self, value: f64) -> Result<JsonFloat, E> {
                Ok(JsonFloat(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<JsonFloat, E> {
                Ok(JsonFloat(value as f64))
            }

            fn visit_u64<E>(self, value: u64) -> Result<JsonFloat, E> {
                Ok(JsonFloat(value as f64))
            }

            fn visit_unit<E>(self) -> Result<JsonFloat, E> {
                Ok(JsonFloat(STALE_NAN))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<JsonFloat, E> {
                let value = parse_text(text).map(JsonFloat);
                value.ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Floats in JSON.
#[derive(Clone, Debug, Default)]
pub(crate) struct JsonFloats(pub(crate) Vec<f64>);

impl Serialize for JsonFloats {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|value| JsonFloat(*value)))
    }
}

impl<'de> Deserialize<'de> for JsonFloats {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = Vec::<JsonFloat>::deserialize(deserializer)?;
        Ok(Self(values.into_iter().map(|value| value.0).collect()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(value: f64) -> String {
        let mut out = Vec::new();
        push_text(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn words_and_signs_are_kept() {
        for (value, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1e15, "1e15"),
            (0.5, "0.5"),
            (f64::INFINITY, "Infinity"),
            (STALE_NAN, "stale"),
            (f64::from_bits(PLAIN_NAN_BITS), "NaN"),
            (f64::from_bits(0x7ff8_0000_0000_0001), "NaN:7ff8000000000001"),
        ] {
            assert_eq!(text(value), expected);
        }
        assert!(parse_text("NaN:0000000000000000").is_none() && parse_text("one").is_none());
    }

    proptest! {
        #[test]
        fn every_bit_round_trips(bits: u64, whole: i32, exponent in 0_u64..2_047) {
            for value in [f64::from_bits(bits), f64::from(whole), f64::from_bits(bits >> 12 | exponent << 52),
                f64::from_bits(0x7ff0_0000_0000_0000 | bits >> 12)] {
                prop_assert_eq!(parse_text(&text(value)).map(f64::to_bits), Some(value.to_bits()));
                let json = serde_json::to_string(&JsonFloat(value)).unwrap();
                let read: JsonFloat = serde_json::from_str(&json).unwrap();
                prop_assert_eq!(read.0.to_bits(), value.to_bits());
            }
        }
    }
}
