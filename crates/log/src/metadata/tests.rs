//! The metadata's file: round trips, damage, and removal.

use proptest::prelude::*;
use timberline_io::SimDisk;
use timberline_model::MetricKind;

use super::*;

const DIR: &str = "/checkpoint";

fn family() -> impl Strategy<Value = (String, Metadata)> {
    (".{0,12}", 0..8_u8, ".{0,5}", ".{0,40}").prop_map(|(family, kind, unit, help)| {
        let kind = MetricKind::from_code(kind).expect("eight kinds");
        (family, Metadata { kind, unit, help })
    })
}

fn written(disk: &SimDisk, offset: u64, families: &[(String, Metadata)]) -> PathBuf {
    let entries = families.iter().map(|(family, metadata)| (family.as_str(), metadata));
    write(disk, Path::new(DIR), LogOffset(offset), entries).unwrap()
}

fn found(disk: &SimDisk, offset: u64) -> Result<Vec<(String, Metadata)>, LogError> {
    let families = read(disk, Path::new(DIR), LogOffset(offset))?;
    Ok(families.into_iter().map(|family| (family.family, family.metadata)).collect())
}

fn help(text: &str) -> Vec<(String, Metadata)> {
    vec![("m".to_owned(), Metadata { help: text.to_owned(), ..Metadata::default() })]
}

proptest! {
    #[test]
    fn what_is_written_is_read(families in prop::collection::vec(family(), 0..20), offset: u64) {
        let disk = SimDisk::new(1);
        written(&disk, offset, &families);
        prop_assert_eq!(found(&disk, offset).unwrap(), families);
    }

    #[test]
    fn a_changed_or_cut_file_is_refused(
        families in prop::collection::vec(family(), 0..5),
        at: prop::sample::Index,
        bit in 0..8_u8,
        cut: bool,
    ) {
        let disk = SimDisk::new(1);
        let path = written(&disk, 8, &families);
        let mut bytes = disk.read(&path).unwrap();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] ^= 1 << bit }
        disk.remove_file(&path).unwrap();
        disk.create(&path, 0).unwrap().write_all_at(&bytes, 0).unwrap();
        let refused = matches!(found(&disk, 8), Err(LogError::Damaged { .. }));
        prop_assert!(refused);
    }

    #[test]
    fn arbitrary_entries_give_an_error_or_families(entries: Vec<u8>, count in 0..9_u32) {
        let disk = SimDisk::new(1);
        let mut bytes = encode(LogOffset(0), std::iter::empty());
        bytes.truncate(HEADER_BYTES);
        bytes[24..28].copy_from_slice(&count.to_le_bytes());
        bytes.extend_from_slice(&entries);
        let crc = crc32c(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        let path = path(Path::new(DIR), LogOffset(0));
        disk.create_dir_all(Path::new(DIR)).unwrap();
        disk.create(&path, 0).unwrap().write_all_at(&bytes, 0).unwrap();
        if let Ok(families) = found(&disk, 0) {
            prop_assert_eq!(families.len(), count as usize);
        }
    }
}

#[test]
fn an_unknown_version_and_another_offset_are_named() {
    let disk = SimDisk::new(1);
    let path = written(&disk, 8, &help("x"));
    let mut bytes = disk.read(&path).unwrap();
    bytes[8] = 9;
    let end = bytes.len() - CRC_BYTES;
    let crc = crc32c(&bytes[..end]);
    bytes[end..].copy_from_slice(&crc.to_le_bytes());
    disk.open(&path).unwrap().write_all_at(&bytes, 0).unwrap();
    assert!(matches!(found(&disk, 8), Err(LogError::Version { found: 9, .. })));
    let moved = super::path(Path::new(DIR), LogOffset(16));
    written(&disk, 8, &help("x"));
    disk.rename(&path, &moved).unwrap();
    assert!(matches!(found(&disk, 16), Err(LogError::Damaged { position: 16, .. })));
}

#[test]
fn only_the_file_that_is_kept_stays() {
    let disk = SimDisk::new(1);
    for offset in [8, 16, 24] {
        written(&disk, offset, &help("x"));
    }
    disk.create(&Path::new(DIR).join("00000000000000000032.metadata.tmp"), 0).unwrap();
    disk.create(&Path::new(DIR).join("00000000000000000008.dict"), 0).unwrap();
    assert_eq!(remove_others(&disk, Path::new(DIR), Some(LogOffset(16))).unwrap(), 3);
    let mut names: Vec<String> =
        disk.list(Path::new(DIR)).unwrap().into_iter().map(|entry| entry.name).collect();
    names.sort();
    assert_eq!(names, ["00000000000000000008.dict", "00000000000000000016.metadata"]);
    assert_eq!(remove_others(&disk, Path::new("/nowhere"), None).unwrap(), 0);
}

#[test]
fn a_file_is_whole_after_a_power_cut_at_any_operation() {
    for at in 0..20 {
        let disk = SimDisk::new(at);
        written(&disk, 8, &help("old"));
        disk.fail_after(at, timberline_io::Fault::Crash);
        let new = help("new");
        let entries = new.iter().map(|(family, metadata)| (family.as_str(), metadata));
        let result = write(&disk, Path::new(DIR), LogOffset(8), entries);
        disk.crash();
        disk.clear_faults();
        disk.reboot();
        let found = found(&disk, 8).unwrap();
        assert!(found == new || (result.is_err() && found == help("old")), "at {at}: {found:?}");
    }
}
