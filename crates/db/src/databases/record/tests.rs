//! The file of settings: its golden bytes, and that no damage passes.

use timberline_io::SimDisk;

use super::*;

const GOLDEN: &[u8] = include_bytes!("../../../testdata/database-v1");

fn settings() -> DatabaseSettings {
    let mut settings = DatabaseSettings::default();
    for (name, value) in
        [("retention", "90d"), ("retention_size", "10GiB"), ("duplicates", "first")]
    {
        settings.set(name, Some(value)).unwrap();
    }
    settings
}

#[test]
fn the_golden_file_is_read_and_written() {
    assert_eq!(decode(GOLDEN).unwrap(), settings());
    assert_eq!(String::from_utf8(encode(&settings())).unwrap(), String::from_utf8_lossy(GOLDEN));
    let page = include_str!("../../../../../docs/formats/database.md");
    assert!(page.contains(str::from_utf8(GOLDEN).unwrap()), "the page shows the golden file");
}

#[test]
fn no_changed_bit_passes() {
    for byte in 0..GOLDEN.len() {
        for bit in 0..8 {
            let mut bytes = GOLDEN.to_vec();
            bytes[byte] ^= 1 << bit;
            assert!(decode(&bytes).is_err(), "bit {bit} of byte {byte}");
        }
    }
    for len in 0..GOLDEN.len() {
        assert!(decode(&GOLDEN[..len]).is_err(), "{len} bytes");
    }
}

#[test]
fn what_a_later_version_writes_is_named() {
    let with_sum =
        |text: &str| format!("{text}crc32c {:08x}\n", crc32c::crc32c(text.as_bytes())).into_bytes();
    let newer = decode(&with_sum("timberline database 2\n{}\n")).unwrap_err();
    assert!(newer.contains("timberline database 2"), "{newer}");
    let unknown = format!("{MAGIC}\n{{\"settings\":{{\"colour\":\"blue\"}}}}\n");
    let unknown = decode(&with_sum(&unknown)).unwrap_err();
    assert!(unknown.contains("colour"), "{unknown}");
}

#[test]
fn a_directory_without_the_file_has_no_settings() {
    let disk = SimDisk::new(1);
    disk.create_dir_all(Path::new("d")).unwrap();
    assert_eq!(read(&disk, Path::new("d")).unwrap(), DatabaseSettings::default());
    write(&disk, Path::new("d"), &settings()).unwrap();
    assert_eq!(read(&disk, Path::new("d")).unwrap(), settings());
}
