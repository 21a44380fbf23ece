//! Doing one thing for many files with a few threads.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::BackupError;

/// Files on their way at once.
const THREADS: usize = 4;

/// Does `work` for each item, and ends early with the first error. Items are begun in their order.
pub(crate) fn each<T: Sync>(
    items: &[T],
    work: impl Fn(&T) -> Result<(), BackupError> + Sync,
) -> Result<(), BackupError> {
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
    let run = || {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(error) = work(item) {
                // Nobody takes another item from here on.
                next.store(items.len(), Ordering::Relaxed);
                failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..THREADS.min(items.len()) {
            scope.spawn(run);
        }
    });
    failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    #[test]
    fn each_item_is_done_once() {
        let sum = AtomicU64::new(0);
        let items: Vec<u64> = (1..=1_000).collect();
        each(&items, |item| {
            sum.fetch_add(*item, Ordering::Relaxed);
            Ok(())
        })
        .unwrap();
        assert_eq!(sum.into_inner(), 500_500);
    }

    #[test]
    fn the_first_error_ends_the_work() {
        let done = AtomicUsize::new(0);
        let items: Vec<u64> = (0..100_000).collect();
        let result = each(&items, |item| {
            done.fetch_add(1, Ordering::Relaxed);
            let gone = BackupError::Gone { object: item.to_string() };
            if *item == 10 { Err(gone) } else { Ok(()) }
        });
        assert!(matches!(result, Err(BackupError::Gone { .. })));
        assert!(done.into_inner() < 100_000);
    }
}
