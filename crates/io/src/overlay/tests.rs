//! An overlay behaves as a disk does, and leaves the one below as it was.

use proptest::prelude::*;

use super::*;
use crate::SimDisk;

fn base() -> (SimDisk, OverlayDisk) {
    let disk = SimDisk::new(1);
    disk.create_dir_all(Path::new("/d/sub")).unwrap();
    for (name, bytes) in [("/d/a", &b"one"[..]), ("/d/sub/b", b"two")] {
        disk.create(Path::new(name), 0).unwrap().write_all_at(bytes, 0).unwrap();
    }
    let overlay = OverlayDisk::new(Arc::new(disk.clone()), Path::new("/d")).unwrap();
    (disk, overlay)
}

#[test]
fn names_change_above_and_stay_below() {
    let (disk, overlay) = base();
    let path = Path::new;
    overlay.rename(path("/d/sub"), path("/d/moved")).unwrap();
    overlay.link(path("/d/moved/b"), path("/d/c")).unwrap();
    overlay.remove_file(path("/d/a")).unwrap();
    overlay.create(path("/d/new"), 2).unwrap();
    let names: Vec<String> =
        overlay.list(path("/d")).unwrap().into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["c", "moved", "new"]);
    assert_eq!(overlay.read(path("/d/moved/b")).unwrap(), b"two");
    assert_eq!(overlay.read(path("/d/c")).unwrap(), b"two");
    assert_eq!(overlay.read(path("/d/new")).unwrap(), [0, 0]);
    let error = overlay.create(path("/d/c"), 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    overlay.remove_dir_all(path("/d/moved")).unwrap();
    assert_eq!(overlay.list(path("/d/moved")).unwrap_err().kind(), ErrorKind::NotFound);
    let names: Vec<String> =
        disk.list(path("/d")).unwrap().into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, ["a", "sub"]);
}

proptest! {
    #[test]
    fn bytes_are_those_of_a_plain_file(
        writes in prop::collection::vec((0_u64..200_000, 1_usize..70_000, any::<u8>()), 1..6),
        cuts in prop::collection::vec(0_u64..200_000, 0..3),
    ) {
        let (disk, overlay) = base();
        let file = overlay.open(Path::new("/d/a")).unwrap();
        let mut plain = b"one".to_vec();
        for (index, (offset, len, byte)) in writes.into_iter().enumerate() {
            file.write_all_at(&vec![byte; len], offset).unwrap();
            let end = offset as usize + len;
            plain.resize(plain.len().max(end), 0);
            plain[offset as usize..end].fill(byte);
            if let Some(cut) = cuts.get(index) {
                file.set_len(*cut).unwrap();
                plain.resize(*cut as usize, 0);
            }
        }
        prop_assert_eq!(file.len().unwrap(), plain.len() as u64);
        prop_assert_eq!(overlay.read(Path::new("/d/a")).unwrap(), plain);
        prop_assert_eq!(disk.read(Path::new("/d/a")).unwrap(), b"one");
    }
}
