//! CRC32C (Castagnoli), the checksum of every Timberline format.

/// The CRC32C of some bytes, by the processor's own instruction where it has one.
#[must_use]
pub fn crc32c(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
}

/// The CRC32C of `before` followed by `bytes`, where `crc` is that of `before`.
#[must_use]
pub fn crc32c_append(crc: u32, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_checksums() {
        assert_eq!(crc32c(b""), 0);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    }

    #[test]
    fn appending_equals_one_pass() {
        let bytes = b"a series of samples";
        for cut in 0..=bytes.len() {
            assert_eq!(crc32c_append(crc32c(&bytes[..cut]), &bytes[cut..]), crc32c(bytes));
        }
    }
}
