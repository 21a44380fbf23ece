//! Small files that people may read: a line that says what the file is, text, and a last line with the CRC32C
//! of all before it. Manifests and settings are kept so.

/// What stands before the checksum in the last line.
const CHECKSUM_KEY: &str = "crc32c ";

/// Text behind the line `magic`, with its checksum.
#[must_use]
pub fn seal(magic: &str, text: &str) -> Vec<u8> {
    let mut sealed = format!("{magic}\n{text}\n");
    let checksum = crc32c::crc32c(sealed.as_bytes());
    sealed.push_str(&format!("{CHECKSUM_KEY}{checksum:08x}\n"));
    sealed.into_bytes()
}

/// The text that was sealed behind the line `magic`.
///
/// # Errors
/// What is wrong: more than `bytes_max` bytes, bytes that are not what was written, another first line.
pub fn open<'a>(magic: &str, bytes: &'a [u8], bytes_max: usize) -> Result<&'a str, String> {
    if bytes.len() > bytes_max {
        return Err(format!("{} bytes are more than it has", bytes.len()));
    }
    let sealed = str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let body = sealed.strip_suffix('\n').ok_or("it does not end with a line end")?;
    let (_, last) = body.rsplit_once('\n').ok_or("it has a single line")?;
    let covered = &sealed[..body.len() - last.len()];
    let expected = format!("{CHECKSUM_KEY}{:08x}", crc32c::crc32c(covered.as_bytes()));
    if last != expected {
        return Err(format!("its last line is {last:?}, and should be {expected:?}"));
    }
    let text = covered.strip_prefix(magic).and_then(|rest| rest.strip_prefix('\n'));
    let text = text.ok_or_else(|| {
        let found = covered.lines().next().unwrap_or("");
        format!("it begins with {found:?}; this version reads {magic:?}")
    })?;
    Ok(text.strip_suffix('\n').unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAGIC: &str = "a kind of file 1";

    proptest! {
        #[test]
        fn what_is_sealed_opens(text in ".*") {
            let sealed = seal(MAGIC, &text);
            prop_assert_eq!(open(MAGIC, &sealed, 1 << 20), Ok(text.as_str()));
        }

        #[test]
        fn any_flipped_bit_is_noticed(text in ".{0,40}", place: prop::sample::Index, bit in 0..8_u8) {
            let mut sealed = seal(MAGIC, &text);
            let place = place.index(sealed.len());
            sealed[place] ^= 1 << bit;
            prop_assert!(open(MAGIC, &sealed, 1 << 20).is_err());
        }

        #[test]
        fn any_bytes_are_an_error_or_text(bytes: Vec<u8>) {
            prop_assert!(open(MAGIC, &bytes, 1 << 20).is_err());
        }
    }

    #[test]
    fn another_kind_of_file_and_a_long_one_are_refused() {
        let sealed = seal("a kind of file 12", "{}");
        let error = open(MAGIC, &sealed, 1 << 20).unwrap_err();
        assert!(error.contains("a kind of file 12"), "{error}");
        let error = open("a kind of file 12", &sealed, 10).unwrap_err();
        assert!(error.contains("bytes are more"), "{error}");
    }
}
