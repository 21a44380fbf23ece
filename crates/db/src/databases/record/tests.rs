//! The file of settings: its golden bytes, and that no damage passes.

use proptest::prelude::*;
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
    assert_eq!(DatabaseSettings::decode(GOLDEN).unwrap(), settings());
    assert_eq!(String::from_utf8(settings().encode()).unwrap(), String::from_utf8_lossy(GOLDEN));
    let page = include_str!("../../../../../docs/formats/database.md");
    assert!(page.contains(str::from_utf8(GOLDEN).unwrap()), "the page shows the golden file");
}

#[test]
fn no_changed_bit_passes() {
    for byte in 0..GOLDEN.len() {
        for bit in 0..8 {
            let mut bytes = GOLDEN.to_vec();
            bytes[byte] ^= 1 << bit;
            assert!(DatabaseSettings::decode(&bytes).is_err(), "bit {bit} of byte {byte}");
        }
    }
    for len in 0..GOLDEN.len() {
        assert!(DatabaseSettings::decode(&GOLDEN[..len]).is_err(), "{len} bytes");
    }
}

#[test]
fn what_a_later_version_writes_is_named() {
    let with_sum =
        |text: &str| format!("{text}crc32c {:08x}\n", crc32c::crc32c(text.as_bytes())).into_bytes();
    let newer = DatabaseSettings::decode(&with_sum("timberline database 2\n{}\n")).unwrap_err();
    assert!(newer.contains("timberline database 2"), "{newer}");
    let unknown = format!("{MAGIC}\n{{\"settings\":{{\"colour\":\"blue\"}}}}\n");
    let unknown = DatabaseSettings::decode(&with_sum(&unknown)).unwrap_err();
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

/// Values that are taken, in all their spellings, and some that are not.
fn setting() -> impl Strategy<Value = (&'static str, String)> {
    let word = |words: &'static [&'static str]| {
        proptest::sample::select(words).prop_map(ToOwned::to_owned).boxed()
    };
    let number = || prop_oneof![0..100_u64, any::<u64>()];
    let age = (number(), word(&["ns", "ms", "s", "m", "h", "d", "w", "y", ""]));
    let size = (number(), word(&["B", " kB", "KiB", "mb", "GiB", " TiB", "PB", ""]));
    let joined = |(number, unit): (u64, String)| format!("{number}{unit}");
    prop_oneof![
        (Just("retention"), prop_oneof![age.prop_map(joined), word(&["unlimited", "1h30m"])]),
        (Just("retention_size"), prop_oneof![size.prop_map(joined), word(&["Unlimited"])]),
        (Just("duplicates"), word(&["last", "first", "all", "reject", "none"])),
        (Just("durability"), word(&["synced", "logged", "SYNCED"])),
        (Just("series_max"), number().prop_map(|number| number.to_string())),
        (Just("colour"), any::<String>()),
    ]
}

proptest! {
    #[test]
    fn settings_are_read_as_they_were_written(chosen in prop::collection::vec(setting(), 0..8)) {
        let mut settings = DatabaseSettings::default();
        for (name, value) in &chosen {
            // What is refused changes nothing.
            let before = settings.clone();
            if settings.set(name, Some(value)).is_err() {
                prop_assert_eq!(&settings, &before);
            }
        }
        prop_assert_eq!(DatabaseSettings::decode(&settings.encode()), Ok(settings));
    }

    #[test]
    fn any_body_is_an_error_or_settings_that_stay(
        body in prop_oneof![
            any::<String>(),
            prop::collection::btree_map("[a-z_]{0,12}|retention|series_max", ".{0,9}|[0-9]{1,4}d?", 0..4)
                .prop_map(|settings| serde_json::json!({ "settings": settings }).to_string()),
        ],
    ) {
        if let Ok(settings) = DatabaseSettings::decode(&sealed_text::seal(MAGIC, &body)) {
            prop_assert_eq!(DatabaseSettings::decode(&settings.encode()), Ok(settings));
        }
    }

    #[test]
    fn any_bytes_are_an_error(bytes: Vec<u8>) {
        prop_assert!(DatabaseSettings::decode(&bytes).is_err());
    }
}
