//! Postings: the slots of the series that have one label pair.
//!
//! Most pairs of a large database belong to few series, so small sets are kept as plain numbers and
//! only larger ones as roaring bitmaps.

use roaring::RoaringBitmap;

/// Slots kept as a sorted vector at most.
const FEW_MAX: usize = 64;

/// A set of slots.
#[derive(Debug)]
pub(super) enum Postings {
    None,
    One(u32),
    Few(Vec<u32>),
    Many(Box<RoaringBitmap>),
}

const _: () = assert!(size_of::<Postings>() <= 24);

impl Postings {
    /// Adds a slot. Cheapest when it is the highest so far, which it is except in recovery.
    pub(super) fn insert(&mut self, slot: u32) {
        match self {
            Self::None => *self = Self::One(slot),
            Self::One(only) if *only == slot => {}
            Self::One(only) => {
                let (low, high) = (slot.min(*only), slot.max(*only));
                *self = Self::Few(vec![low, high]);
            }
            Self::Few(slots) => {
                if slots.last().is_some_and(|last| *last < slot) {
                    slots.push(slot);
                } else if let Err(place) = slots.binary_search(&slot) {
                    slots.insert(place, slot);
                }
                if slots.len() > FEW_MAX {
                    let many = slots.iter().copied().collect();
                    *self = Self::Many(Box::new(many));
                }
            }
            Self::Many(slots) => {
                slots.insert(slot);
            }
        }
    }

    /// How many slots there are.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::None => 0,
            Self::One(_) => 1,
            Self::Few(slots) => slots.len() as u64,
            Self::Many(slots) => slots.len(),
        }
    }

    /// Adds all slots to a bitmap.
    pub(super) fn add_to(&self, set: &mut RoaringBitmap) {
        match self {
            Self::None => {}
            Self::One(slot) => {
                set.insert(*slot);
            }
            Self::Few(slots) => set.extend(slots.iter().copied()),
            Self::Many(slots) => *set |= slots.as_ref(),
        }
    }

    /// Takes all slots out of a bitmap.
    pub(super) fn remove_from(&self, set: &mut RoaringBitmap) {
        match self {
            Self::None => {}
            Self::One(slot) => {
                set.remove(*slot);
            }
            Self::Few(slots) => {
                for slot in slots {
                    set.remove(*slot);
                }
            }
            Self::Many(slots) => *set -= slots.as_ref(),
        }
    }

    /// Whether one of the slots is in a bitmap.
    pub(super) fn meets(&self, set: &RoaringBitmap) -> bool {
        match self {
            Self::None => false,
            Self::One(slot) => set.contains(*slot),
            Self::Few(slots) => slots.iter().any(|slot| set.contains(*slot)),
            Self::Many(slots) => !slots.is_disjoint(set),
        }
    }

    /// Bytes on the heap, about.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::None | Self::One(_) => 0,
            Self::Few(slots) => slots.capacity() * size_of::<u32>(),
            Self::Many(slots) => size_of::<RoaringBitmap>() + bitmap_bytes(slots),
        }
    }
}

/// Bytes that a bitmap holds on the heap, about: it knows its serialized size only.
pub(super) fn bitmap_bytes(bitmap: &RoaringBitmap) -> usize {
    bitmap.serialized_size()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_kept_in_every_form() {
        let mut postings = Postings::None;
        let mut expected = RoaringBitmap::new();
        assert!(postings.len() == 0 && !postings.meets(&RoaringBitmap::from_iter([1])));
        for i in 0..300_u32 {
            let slot = i * 7_919 % 1_000;
            postings.insert(slot);
            postings.insert(slot);
            expected.insert(slot);
            let mut set = RoaringBitmap::new();
            postings.add_to(&mut set);
            assert_eq!(set, expected);
            assert_eq!(postings.len(), expected.len());
            assert!(
                postings.meets(&expected) && !postings.meets(&RoaringBitmap::from_iter([2_000]))
            );
            postings.remove_from(&mut set);
            assert!(set.is_empty());
        }
        assert!(matches!(postings, Postings::Many(_)));
    }
}
