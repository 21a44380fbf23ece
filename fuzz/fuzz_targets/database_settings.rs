//! Files of a database's settings: an error or settings that are written as they were read.

#![no_main]

use libfuzzer_sys::fuzz_target;
use timberline::DatabaseSettings;

fuzz_target!(|data: &[u8]| {
    // A checksum that fits, or almost nothing would get past it.
    let mut sealed = b"timberline database 1\n".to_vec();
    sealed.extend_from_slice(data);
    sealed.push(b'\n');
    let line = format!("crc32c {:08x}\n", crc32c::crc32c(&sealed));
    sealed.extend_from_slice(line.as_bytes());
    for bytes in [data, &sealed] {
        let Ok(settings) = DatabaseSettings::decode(bytes) else { continue };
        assert_eq!(DatabaseSettings::decode(&settings.encode()), Ok(settings));
    }
});
