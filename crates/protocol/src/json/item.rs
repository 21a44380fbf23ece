//! The pieces of a request, read leniently: what has the wrong type is kept as such, so that it rejects
//! its own sample or series and not the request.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A JSON value of which only numbers and strings are kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Item<'a> {
    /// Not there.
    #[default]
    Missing,
    /// A number without a fraction that fits.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// A string.
    Text(Cow<'a, str>),
    /// Something else, in words.
    Other(&'static str),
}

impl fmt::Display for Item<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("nothing"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number:?}"),
            Self::Text(text) => {
                let short: String = text.chars().take(64).collect();
                write!(f, "{short:?}")
            }
            Self::Other(what) => f.write_str(what),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Item<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemVisitor)
    }
}

struct ItemVisitor;

impl<'de> Visitor<'de> for ItemVisitor {
    type Value = Item<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Item::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(number).map_or(Item::Float(number as f64), Item::Integer))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Item::Float(number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Item::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Item::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Item::Other("a boolean"))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Item::Other("null"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Item::Other("a list"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Item::Other("an object"))
    }
}

/// The name of an object's first field; the second is `value`.
pub(super) trait FirstField {
    /// The name.
    const NAME: &'static str;
}

/// Says that the first field is `name`: a label.
#[derive(Debug)]
pub(super) struct Name;

impl FirstField for Name {
    const NAME: &'static str = "name";
}

/// Says that the first field is `timestamp`: a sample.
#[derive(Debug)]
pub(super) struct Timestamp;

impl FirstField for Timestamp {
    const NAME: &'static str = "timestamp";
}

/// An object of two fields, or what was there in place of one.
#[derive(Debug)]
pub(super) enum Pair<'a, F> {
    /// The two fields.
    Fields {
        /// The one that `F` names.
        first: Item<'a>,
        /// The field `value`.
        value: Item<'a>,
    },
    /// No object.
    Other(PhantomData<F>),
}

impl<'de: 'a, 'a, F: FirstField> Deserialize<'de> for Pair<'a, F> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PairVisitor(PhantomData))
    }
}

struct PairVisitor<F>(PhantomData<F>);

impl<'de, F: FirstField> Visitor<'de> for PairVisitor<F> {
    type Value = Pair<'de, F>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with the fields {:?} and \"value\"", F::NAME)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let (mut first, mut value) = (Item::Missing, Item::Missing);
        while let Some(key) = entries.next_key::<Item<'de>>()? {
            match key {
                Item::Text(key) if key == F::NAME => first = entries.next_value()?,
                Item::Text(key) if key == "value" => value = entries.next_value()?,
                _ => drop(entries.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Pair::Fields { first, value })
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Pair::Other(PhantomData))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Pair::Other(PhantomData))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Pair::Other(PhantomData))
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Pair::Other(PhantomData))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Pair::Other(PhantomData))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Pair::Other(PhantomData))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Pair::Other(PhantomData))
    }
}
