//! The only unsafe code that has to do with data: a file's bytes mapped into memory.
//!
//! What this module is not: a general mapping. It maps whole files, read-only, and only those that
//! their owner never changes again.
//!
//! Invariant: a mapped file is immutable from its creation under its final name until its removal.
//! Blocks are written under a temporary name, synced and renamed before anyone maps them, and the
//! directory's lock keeps a second process out. A file cut from outside while mapped ends the process
//! with `SIGBUS`, as it does for every program that maps files; it does not corrupt memory.

use std::{fs::File, io};

use memmap2::Mmap;

use crate::disk::Mapped;

/// Maps the whole of `file`.
#[expect(unsafe_code, reason = "mapping a file is unsafe by nature; this module fences it in")]
pub(crate) fn map(file: &File) -> io::Result<Mapped> {
    if file.metadata()?.len() == 0 {
        // The kernel refuses to map nothing.
        return Ok(Mapped::new(Vec::new()));
    }
    // SAFETY: the mapping is private to this process and read-only, and the file is immutable while
    // it exists, by the contract of `Disk::map` and the invariant above. The bytes behind `&[u8]`
    // therefore do not change while borrowed.
    let mapping = unsafe { Mmap::map(file) }?;
    Ok(Mapped::new(mapping))
}
