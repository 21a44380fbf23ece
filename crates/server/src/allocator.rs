//! The allocator, and how long it keeps memory that nothing uses.
//!
//! mimalloc gives freed pages back to the system after a second, and only while something is being
//! allocated: a server that rests after a burst would keep what the burst needed. A shorter wait costs a
//! few percent of processor time under a load that creates series, and nothing that can be measured
//! under one that does not ([decision 0021](../../../docs/decisions/0021-memory-is-given-back.md)).

use std::ffi::c_long;

use libmimalloc_sys::{
    mi_option_get, mi_option_set_default, mi_option_t, mi_option_use_numa_nodes,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc's header, which the binding leaves out: milliseconds.
const PURGE_DELAY: mi_option_t = mi_option_use_numa_nodes - 1;
/// What it is unless somebody sets it: this is how the number above is known to be the right one.
const PURGE_DELAY_BEFORE: c_long = 1_000;
/// Milliseconds until freed pages are given back.
const PURGE_DELAY_MILLIS: c_long = 20;

/// Lets freed pages go back to the system early. `MIMALLOC_PURGE_DELAY` in the environment, in
/// milliseconds, wins.
pub(crate) fn give_back_early() {
    if purge_delay() == PURGE_DELAY_BEFORE {
        #[expect(unsafe_code, reason = "the allocator's options have no safe interface")]
        // SAFETY: the option exists in the library that is linked, as reading it has shown, and the
        // call stores a number that the allocator reads whenever it frees; it has no other effect.
        unsafe {
            mi_option_set_default(PURGE_DELAY, PURGE_DELAY_MILLIS);
        }
    }
}

fn purge_delay() -> c_long {
    #[expect(unsafe_code, reason = "the allocator's options have no safe interface")]
    // SAFETY: it reads a number of a table that the library bounds by itself.
    unsafe {
        mi_option_get(PURGE_DELAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_is_the_one_that_is_meant() {
        if std::env::var_os("MIMALLOC_PURGE_DELAY").is_none() {
            assert_eq!(purge_delay(), PURGE_DELAY_BEFORE, "mimalloc has numbered its options anew");
            give_back_early();
            assert_eq!(purge_delay(), PURGE_DELAY_MILLIS);
        }
    }
}
