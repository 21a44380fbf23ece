//! Metadata: entries of their own in version 1.0, a part of each series in 2.0.
//!
//! Fields of 1.0: `type = 1`, `metric_family_name = 2`, `help = 4`, `unit = 5`. Fields of 2.0:
//! `type = 1`, `help_ref = 3`, `unit_ref = 4`; the family is the series' metric name without the
//! suffixes that its type adds.

use std::collections::HashSet;

use timberline_model::{FamilyMetadata, Metadata, MetricKind, RejectReason};

use super::{contents::Room, labels::utf8, symbols::Symbols};
use crate::{
    DecodeLimits, ProtocolError,
    protobuf::{Reader, put_bytes, put_uint64},
};

/// Reads an entry of version 1.0; `None` where it names no family or has text that is none.
pub(super) fn read_v1(
    mut message: Reader<'_>,
    room: &mut Room,
) -> Result<Option<FamilyMetadata>, ProtocolError> {
    room.metadata.take(1)?;
    let mut kind = 0;
    let (mut family, mut help, mut unit): (&[u8], &[u8], &[u8]) = (b"", b"", b"");
    while let Some(field) = message.next()? {
        match field.number {
            1 => kind = field.varint()?,
            2 => family = field.bytes()?,
            4 => help = field.bytes()?,
            5 => unit = field.bytes()?,
            _ => {}
        }
    }
    Ok(family_metadata(family, kind_of(kind), help, unit).ok().flatten())
}

/// A type that is not known yet says nothing to us.
fn kind_of(code: u64) -> MetricKind {
    u8::try_from(code).ok().and_then(MetricKind::from_code).unwrap_or_default()
}

fn family_metadata(
    family: &[u8],
    kind: MetricKind,
    help: &[u8],
    unit: &[u8],
) -> Result<Option<FamilyMetadata>, RejectReason> {
    if family.is_empty() {
        return Ok(None);
    }
    let text = |what, bytes| utf8(what, bytes).map(str::to_owned);
    let family = text("metric family name", family)?;
    let metadata = Metadata { kind, unit: text("unit", unit)?, help: text("help", help)? };
    Ok(Some(FamilyMetadata { family, metadata }))
}

/// What version 2.0 says of a series' metric, as numbers of symbols.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Described {
    kind: u64,
    help: u64,
    unit: u64,
}

impl Described {
    /// Whether nothing is said: some senders write the field always.
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Reads what a series says of its metric.
pub(super) fn read_v2(mut message: Reader<'_>) -> Result<Described, ProtocolError> {
    let mut described = Described::default();
    while let Some(field) = message.next()? {
        match field.number {
            1 => described.kind = field.varint()?,
            3 => described.help = field.varint()?,
            4 => described.unit = field.varint()?,
            _ => {}
        }
    }
    Ok(described)
}

/// The metadata of one request of version 2.0: each family once for each thing that is said of it, however
/// many series say it.
#[derive(Debug, Default)]
pub(super) struct Families {
    seen: HashSet<(u64, Described)>,
    bytes: usize,
    found: Vec<FamilyMetadata>,
}

impl Families {
    /// Notes what a series says of its metric, whose name is a symbol.
    #[inline]
    pub(super) fn see(
        &mut self,
        name: u64,
        described: Described,
        symbols: &Symbols<'_>,
        room: &mut Room,
        limits: &DecodeLimits,
    ) -> Result<(), ProtocolError> {
        if described.is_empty() || !self.seen.insert((name, described)) {
            return Ok(());
        }
        self.add(name, described, symbols, room, limits)
    }

    fn add(
        &mut self,
        name: u64,
        described: Described,
        symbols: &Symbols<'_>,
        room: &mut Room,
        limits: &DecodeLimits,
    ) -> Result<(), ProtocolError> {
        room.metadata.take(1)?;
        let texts = [name, described.help, described.unit].map(|text| symbols.text(text));
        let [Ok(name), Ok(help), Ok(unit)] = texts else {
            // The series is written all the same; what describes it leads nowhere.
            return Ok(());
        };
        self.bytes += name.len() + help.len() + unit.len();
        if self.bytes > limits.metadata_bytes_max {
            let (bytes, max) = (self.bytes as u64, limits.metadata_bytes_max as u64);
            return Err(ProtocolError::TooLarge { what: "metadata", bytes, max });
        }
        let kind = kind_of(described.kind);
        if let Ok(Some(found)) = family_metadata(family_of(name, kind), kind, help, unit) {
            self.found.push(found);
        }
        Ok(())
    }

    /// What was found, families in order and each thing said of one once.
    pub(super) fn into_found(mut self) -> Vec<FamilyMetadata> {
        let key = |one: &FamilyMetadata| {
            let Metadata { kind, unit, help } = &one.metadata;
            (one.family.clone(), *kind as u8, unit.clone(), help.clone())
        };
        // Series of one histogram (`_bucket`, `_count`, `_sum`) say the same of one family.
        if self.found.len() > 1 {
            self.found.sort_by_cached_key(key);
            self.found.dedup();
        }
        self.found
    }
}

/// The family of a metric: its name without what its type adds for its parts, as Prometheus has it. A
/// counter's `_total` stays: it is a part of the family's name in the text format, and not in OpenMetrics,
/// and which of them the source spoke is not said.
fn family_of(name: &[u8], kind: MetricKind) -> &[u8] {
    let suffixes: &[&str] = match kind {
        MetricKind::Histogram => &["_bucket", "_count", "_sum"],
        MetricKind::GaugeHistogram => &["_bucket", "_gcount", "_gsum"],
        MetricKind::Summary => &["_count", "_sum"],
        _ => &[],
    };
    let base = suffixes.iter().find_map(|suffix| name.strip_suffix(suffix.as_bytes()));
    base.filter(|base| !base.is_empty()).unwrap_or(name)
}

/// Appends the fields of an entry of version 1.0.
pub(super) fn put_metadata(out: &mut Vec<u8>, metadata: &FamilyMetadata) {
    let Metadata { kind, unit, help } = &metadata.metadata;
    put_uint64(out, 1, u64::from(*kind as u8));
    put_bytes(out, 2, metadata.family.as_bytes());
    put_bytes(out, 4, help.as_bytes());
    put_bytes(out, 5, unit.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_named_without_the_parts_of_its_type() {
        for (name, kind, family) in [
            ("rpc_seconds_bucket", MetricKind::Histogram, "rpc_seconds"),
            ("rpc_seconds_count", MetricKind::Histogram, "rpc_seconds"),
            ("rpc_seconds_sum", MetricKind::Summary, "rpc_seconds"),
            ("rpc_seconds", MetricKind::Histogram, "rpc_seconds"),
            ("queue_gsum", MetricKind::GaugeHistogram, "queue"),
            ("queue_count", MetricKind::Gauge, "queue_count"),
            ("requests_total", MetricKind::Counter, "requests_total"),
            ("_sum", MetricKind::Summary, "_sum"),
        ] {
            assert_eq!(family_of(name.as_bytes(), kind), family.as_bytes(), "{name}");
        }
    }
}
