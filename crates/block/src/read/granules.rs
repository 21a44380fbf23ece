//! Checksums of an index's granules, verified once each, when first touched.

use std::sync::atomic::{AtomicU64, Ordering};

use timberline_codec::crc::crc32c;

use crate::format::{GRANULE_BYTES, granule_count};

/// Which granules have proved to be what was written.
#[derive(Debug)]
pub(crate) struct Granules {
    sums: Box<[u32]>,
    /// A bit for each verified granule.
    verified: Box<[AtomicU64]>,
}

/// A granule that is not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadGranule {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) stored: u32,
    pub(crate) computed: u32,
}

impl Granules {
    /// Takes the table of checksums over `covered` bytes; `None` when it has another size.
    pub(crate) fn new(table: &[u8], covered: u64) -> Option<Self> {
        let (sums, rest) = table.as_chunks::<4>();
        if !rest.is_empty() || sums.len() as u64 != granule_count(covered) {
            return None;
        }
        let sums: Box<[u32]> = sums.iter().map(|sum| u32::from_le_bytes(*sum)).collect();
        let verified = (0..sums.len().div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        Some(Self { sums, verified })
    }

    /// Verifies those granules of `file`'s covered bytes that `start..end`, within them, touches.
    #[inline]
    pub(crate) fn verify(
        &self,
        covered: &[u8],
        start: usize,
        end: usize,
    ) -> Result<(), BadGranule> {
        if start >= end {
            return Ok(());
        }
        for granule in start / GRANULE_BYTES..=(end - 1) / GRANULE_BYTES {
            let (word, bit) = (&self.verified[granule / 64], 1 << (granule % 64));
            // Relaxed is enough: the bytes do not change, and verifying twice does no harm.
            if word.load(Ordering::Relaxed) & bit == 0 {
                self.verify_one(covered, granule)?;
                word.fetch_or(bit, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    #[cold]
    fn verify_one(&self, covered: &[u8], granule: usize) -> Result<(), BadGranule> {
        let start = granule * GRANULE_BYTES;
        let end = covered.len().min(start + GRANULE_BYTES);
        let (stored, computed) = (self.sums[granule], crc32c(&covered[start..end]));
        if stored == computed {
            return Ok(());
        }
        Err(BadGranule { start: start as u64, end: end as u64, stored, computed })
    }
}
