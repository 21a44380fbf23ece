//! Pages of exemplars: instants, values, and the labels of each.
//!
//! Invariant: what is read is bit for bit what was put, in order of time.

use timberline_codec::{page, varint::put_uvarint};
use timberline_model::{Exemplar, Labels, TimeUnit, limits};

use crate::cursor::Cursor;

/// Appends a page of 1 to [`page::VALUES_MAX`] exemplars, ascending by time, in a unit that holds their
/// times exactly.
pub(crate) fn encode(exemplars: &[Exemplar], unit: TimeUnit, bytes: &mut Vec<u8>) {
    let times: Vec<i64> = exemplars.iter().map(|exemplar| exemplar.ts / unit.nanos()).collect();
    let values: Vec<f64> = exemplars.iter().map(|exemplar| exemplar.value).collect();
    let mut page = Vec::new();
    page::encode_timestamps(&times, &mut page);
    put_uvarint(bytes, page.len() as u64);
    bytes.append(&mut page);
    page::encode_values(&values, &mut page);
    put_uvarint(bytes, page.len() as u64);
    bytes.append(&mut page);
    let mut names: Vec<&str> = Vec::new();
    for exemplar in exemplars {
        put_uvarint(bytes, exemplar.labels.len() as u64);
        for (name, value) in exemplar.labels.iter() {
            match names.iter().position(|known| *known == name) {
                Some(index) => put_uvarint(bytes, index as u64 + 1),
                None => {
                    put_uvarint(bytes, 0);
                    put_text(name, bytes);
                    names.push(name);
                }
            }
            put_text(value, bytes);
        }
    }
}

fn put_text(text: &str, bytes: &mut Vec<u8>) {
    put_uvarint(bytes, text.len() as u64);
    bytes.extend_from_slice(text.as_bytes());
}

/// Reads a page of `count` exemplars and appends them; `None` when it is not one, and then the list is
/// as it was.
pub(crate) fn decode(
    bytes: &[u8],
    count: usize,
    unit: TimeUnit,
    exemplars: &mut Vec<Exemplar>,
) -> Option<()> {
    let known = exemplars.len();
    let read = decode_all(bytes, count, unit, exemplars);
    if read.is_none() {
        exemplars.truncate(known);
    }
    read
}

fn decode_all(
    bytes: &[u8],
    count: usize,
    unit: TimeUnit,
    exemplars: &mut Vec<Exemplar>,
) -> Option<()> {
    let mut cursor = Cursor::new(bytes);
    let (mut times, mut values) = (Vec::new(), Vec::new());
    let len = cursor.uvarint()?;
    page::decode_timestamps(cursor.take(len)?, page::VALUES_MAX, &mut times).ok()?;
    let len = cursor.uvarint()?;
    page::decode_values(cursor.take(len)?, page::VALUES_MAX, &mut values).ok()?;
    if times.len() != count || values.len() != count || !times.is_sorted() {
        return None;
    }
    let mut names: Vec<&str> = Vec::new();
    for (ts, value) in times.into_iter().zip(values) {
        let labels = read_labels(&mut cursor, &mut names)?;
        let exemplar = Exemplar { labels, value, ts: ts.checked_mul(unit.nanos())? };
        // What is written fits; names that are referred to again and again must not add up.
        if !exemplar.labels_fit() {
            return None;
        }
        exemplars.push(exemplar);
    }
    cursor.is_empty().then_some(())
}

fn read_labels<'a>(cursor: &mut Cursor<'a>, names: &mut Vec<&'a str>) -> Option<Labels> {
    let count = cursor.uvarint()?;
    if count > limits::LABEL_COUNT_MAX as u64 {
        return None;
    }
    let mut bytes = Vec::new();
    for _ in 0..count {
        let name = match cursor.uvarint()? {
            0 => {
                names.push(read_text(cursor)?);
                *names.last()?
            }
            known => *names.get(usize::try_from(known - 1).ok()?)?,
        };
        let value = read_text(cursor)?;
        Labels::encode_pair(&mut bytes, name.as_bytes(), value.as_bytes());
    }
    Labels::from_bytes(&bytes).ok()
}

fn read_text<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    let len = cursor.uvarint()?;
    str::from_utf8(cursor.take(len)?).ok()
}

#[cfg(test)]
mod tests {
    //! Exemplars come back whole, and other bytes are refused.

    use proptest::prelude::*;

    use super::*;

    fn exemplars() -> Vec<Exemplar> {
        let sets: [&[(&str, &str)]; 4] = [
            &[("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736")],
            &[],
            &[("span_id", "00f067aa0ba902b7"), ("trace_id", "a")],
            &[("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736")],
        ];
        let exemplar = |(n, set): (i64, &&[(&str, &str)])| Exemplar {
            labels: Labels::from_pairs(set.iter().copied()).expect("labels"),
            value: [0.5, f64::NAN, -0.0, f64::INFINITY][n as usize],
            ts: n / 2 * 1_000_000,
        };
        (0..).zip(&sets).map(exemplar).collect()
    }

    #[test]
    fn exemplars_come_back_and_cut_pages_are_refused() {
        let (written, mut bytes) = (exemplars(), Vec::new());
        encode(&written, TimeUnit::Milli, &mut bytes);
        let mut read = Vec::new();
        decode(&bytes, 4, TimeUnit::Milli, &mut read).expect("what was encoded");
        assert_eq!(read, written);
        for len in 0..bytes.len() {
            assert_eq!(decode(&bytes[..len], 4, TimeUnit::Milli, &mut read), None);
        }
        bytes.push(0);
        assert_eq!(decode(&bytes, 4, TimeUnit::Milli, &mut read), None);
        assert_eq!(read.len(), 4);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            bytes in prop::collection::vec(any::<u8>(), 0..40),
            at in any::<prop::sample::Index>(),
            forged in any::<u8>(),
        ) {
            let mut read = Vec::new();
            let _ = decode(&bytes, 1, TimeUnit::Nano, &mut read);
            let mut page = Vec::new();
            encode(&exemplars(), TimeUnit::Milli, &mut page);
            let index = at.index(page.len());
            page[index] = forged;
            let _ = decode(&page, 4, TimeUnit::Nano, &mut read);
        }
    }
}
