//! Few distinct values: a list of them, and for each place which one, as a column of integers. Values
//! are listed in the order in which they first come, so a value that holds for long costs nothing.

use super::{
    PageError, VALUES_MAX,
    cursor::Cursor,
    integers::{self, Plan},
    pack::Entries,
};

/// Most distinct values.
const DISTINCT_MAX: usize = 256;

const SLOTS: usize = 4 * DISTINCT_MAX;

/// The distinct bit patterns in order of their first place, and which one each value is.
#[derive(Debug)]
pub(super) struct Dictionary {
    distinct: Vec<u64>,
    indexes: Plan,
}

impl Dictionary {
    /// `None` when there are too many distinct values.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        // Which slot holds which distinct value, plus one.
        let mut slots = [0_u16; SLOTS];
        let mut distinct: Vec<u64> = Vec::new();
        let mut indexes = [0_i64; VALUES_MAX];
        for (value, index) in values.iter().zip(&mut indexes) {
            let bits = value.to_bits();
            let mut slot = (bits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54) as usize % SLOTS;
            *index = loop {
                match slots[slot] {
                    0 => {
                        if distinct.len() == DISTINCT_MAX {
                            return None;
                        }
                        distinct.push(bits);
                        slots[slot] = distinct.len() as u16;
                        break distinct.len() as i64 - 1;
                    }
                    found if distinct[usize::from(found) - 1] == bits => {
                        break i64::from(found) - 1;
                    }
                    _ => slot = (slot + 1) % SLOTS,
                }
            };
        }
        Some(Self { distinct, indexes: Plan::new(&indexes[..values.len()]) })
    }

    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.push((self.distinct.len() - 1) as u8);
        for bits in &self.distinct {
            bytes.extend_from_slice(&bits.to_le_bytes());
        }
        self.indexes.put(bytes);
    }
}

pub(super) fn decode(cursor: &mut Cursor<'_>, values: &mut [f64]) -> Result<(), PageError> {
    let distinct = usize::from(cursor.byte("dictionary size")?) + 1;
    let mut dictionary = [0.0; DISTINCT_MAX];
    for entry in &mut dictionary[..distinct] {
        *entry = f64::from_bits(cursor.word("dictionary")?);
    }
    let mut indexes: Entries = [0; VALUES_MAX];
    integers::decode(cursor, values.len(), &mut indexes)?;
    let mut largest = 0;
    for (value, index) in values.iter_mut().zip(&indexes) {
        largest = largest.max(*index);
        // Larger ones are refused below.
        *value = dictionary[*index as usize % DISTINCT_MAX];
    }
    if largest >= distinct as u64 {
        let max = distinct as u64 - 1;
        return Err(PageError::Range { field: "dictionary index", value: largest, max });
    }
    Ok(())
}

const _: () = assert!(DISTINCT_MAX == 1 << 8 && SLOTS == 1 << 10);
