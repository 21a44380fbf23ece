//! Giving a new file its space before anything is written to it.

use std::{fs::File, io, os::unix::fs::FileExt};

use rustix::{
    fs::{FallocateFlags, fallocate},
    io::Errno,
};

/// Zeros are written in pieces of this many bytes where the file system cannot reserve.
const PIECE_BYTES: usize = 1 << 20;

/// Gives `file`, which is empty, `len` bytes of zeros that really take their space.
pub(super) fn allocate(file: &File, len: u64) -> io::Result<()> {
    if len == 0 {
        return Ok(());
    }
    loop {
        match fallocate(file, FallocateFlags::empty(), 0, len) {
            Ok(()) => return Ok(()),
            Err(Errno::INTR) => {}
            // The file system or the kernel does not know the call.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => return zero_fill(file, len),
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Writes `len` zeros: slower, and takes the space on every file system that does not compress.
pub(super) fn zero_fill(file: &File, len: u64) -> io::Result<()> {
    let zeros = vec![0; PIECE_BYTES];
    let mut at = 0;
    while at < len {
        let piece = usize::try_from(len - at).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
        file.write_all_at(&zeros[..piece], at)?;
        at += piece as u64;
    }
    Ok(())
}
