//! Grouping the items of a batch by shard, so that each shard's lock is taken once.

use super::place::SHARD_COUNT;

/// Items by group, each group in the items' own order.
#[derive(Debug)]
pub(super) struct Groups {
    order: Vec<u32>,
    bounds: [u32; SHARD_COUNT + 1],
}

impl Groups {
    /// Groups items by a number below [`SHARD_COUNT`].
    ///
    /// # Panics
    /// When there are 2^32 items or more.
    pub(super) fn of<T>(items: &[T], group: impl Fn(&T) -> usize) -> Self {
        let count = u32::try_from(items.len()).expect("a batch has fewer than 2^32 series");
        let mut next = [0_u32; SHARD_COUNT];
        for item in items {
            next[group(item)] += 1;
        }
        let mut bounds = [0; SHARD_COUNT + 1];
        for index in 0..SHARD_COUNT {
            bounds[index + 1] = bounds[index] + next[index];
            next[index] = bounds[index];
        }
        let mut order = vec![0; items.len()];
        for (index, item) in (0..count).zip(items) {
            let place = &mut next[group(item)];
            order[*place as usize] = index;
            *place += 1;
        }
        Self { order, bounds }
    }

    /// The groups that are not empty: their number, and the indexes of their items.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &[u32])> {
        self.bounds
            .windows(2)
            .map(|ends| &self.order[ends[0] as usize..ends[1] as usize])
            .enumerate()
            .filter(|(_, items)| !items.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_keep_their_order_within_a_group() {
        let groups = Groups::of(&[3_usize, 15, 3, 0, 15, 3], |group| *group);
        let found: Vec<(usize, Vec<u32>)> =
            groups.iter().map(|(group, items)| (group, items.to_vec())).collect();
        assert_eq!(found, [(0, vec![3]), (3, vec![0, 2, 5]), (15, vec![1, 4])]);
        assert_eq!(Groups::of(&[0_usize; 0], |group| *group).iter().count(), 0);
    }
}
