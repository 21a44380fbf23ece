//! Snappy blocks.

use crate::ProtocolError;

/// How a stream in snappy's other format, the framed one, begins.
const FRAMED_START: &[u8] = b"\xff\x06\x00\x00sNaPpY";

/// What a byte of a snappy block can stand for at most: an element of three bytes copies 64.
const EXPANSION_MAX: u64 = 22;

/// Replaces `out` with what a snappy block holds; the memory of `out` is used again.
///
/// # Errors
/// Not a snappy block, or one that says it holds more than `bytes_max` bytes. The length that a block
/// states is checked against the limit, and against what its bytes can stand for, before any memory is
/// asked for.
pub fn decompress(body: &[u8], bytes_max: usize, out: &mut Vec<u8>) -> Result<(), ProtocolError> {
    out.clear();
    if body.starts_with(FRAMED_START) {
        let reason = "it is in the framed format, which remote write does not use".to_owned();
        return Err(ProtocolError::Snappy { reason });
    }
    let len = snap::raw::decompress_len(body).map_err(|error| not_snappy(&error))?;
    if len > bytes_max {
        let (bytes, max) = (len as u64, bytes_max as u64);
        return Err(ProtocolError::TooLarge { what: "decompressed body", bytes, max });
    }
    if len as u64 > EXPANSION_MAX * body.len() as u64 {
        let reason = format!("it says it holds {len} bytes, more than {} bytes can", body.len());
        return Err(ProtocolError::Snappy { reason });
    }
    out.resize(len, 0);
    let result = snap::raw::Decoder::new().decompress(body, out);
    match result {
        Ok(written) if written == len => Ok(()),
        Ok(written) => {
            out.clear();
            let reason = format!("it holds {written} bytes and says {len}");
            Err(ProtocolError::Snappy { reason })
        }
        Err(error) => {
            out.clear();
            Err(not_snappy(&error))
        }
    }
}

/// The snappy block of some bytes.
///
/// # Errors
/// More than the 4 GiB that a block can hold.
pub fn compress(bytes: &[u8]) -> Result<Vec<u8>, ProtocolError> {
    snap::raw::Encoder::new().compress_vec(bytes).map_err(|error| not_snappy(&error))
}

fn not_snappy(error: &snap::Error) -> ProtocolError {
    ProtocolError::Snappy { reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_length_beyond_the_limit_is_refused_before_any_memory() {
        // A length of 4 GiB less one, and nothing behind it.
        let body = [0xff, 0xff, 0xff, 0xff, 0x0f];
        let mut out = Vec::new();
        let refused = decompress(&body, 1_000, &mut out);
        let expected = ProtocolError::TooLarge {
            what: "decompressed body",
            bytes: u64::from(u32::MAX),
            max: 1_000,
        };
        assert_eq!(refused, Err(expected));
        assert!(matches!(
            decompress(&body, usize::MAX, &mut out),
            Err(ProtocolError::Snappy { .. })
        ));
        assert_eq!(out.capacity(), 0);
    }

    #[test]
    fn what_is_no_block_is_named() {
        let mut out = vec![1];
        let message = |result: Result<(), ProtocolError>| result.unwrap_err().to_string();
        assert!(message(decompress(b"", 10, &mut out)).contains("snappy"));
        assert!(message(decompress(FRAMED_START, 10, &mut out)).contains("framed format"));
        assert!(message(decompress(b"\x05hello", 10, &mut out)).contains("not a snappy block"));
        assert!(out.is_empty());
    }

    #[test]
    fn the_most_expanding_block_is_taken() {
        let mut out = Vec::new();
        for len in [0, 1, 64, 65, 100_000, 1 << 20] {
            let bytes = vec![7; len];
            decompress(&compress(&bytes).unwrap(), len, &mut out).unwrap();
            assert_eq!(out, bytes);
        }
    }

    proptest! {
        #[test]
        fn blocks_round_trip(bytes in prop::collection::vec(0..4_u8, 0..2_000)) {
            let mut out = vec![9; 100];
            decompress(&compress(&bytes).unwrap(), 2_000, &mut out).unwrap();
            prop_assert_eq!(out, bytes);
        }

        #[test]
        fn any_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut out = Vec::new();
            let _ = decompress(&bytes, 10_000, &mut out);
            prop_assert!(out.len() <= 10_000);
        }
    }
}
