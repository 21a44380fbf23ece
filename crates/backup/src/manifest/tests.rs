//! Manifests come back as they were, and damaged ones are refused.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn manifests_round_trip(
        (number, created_ms, samples) in any::<(u64, i64, u64)>(),
        span in proptest::option::of(any::<(i64, i64)>()),
        files in prop::collection::vec(("[a-z]{1,9}(/[a-z0-9.]{1,9}x)?", any::<(u64, u32)>()), 0..9),
        reasons in prop::collection::vec(".*", 0..3),
    ) {
        let file = |(path, (bytes, crc)): (String, (u64, u32))| BackupFile {
            key: format!("state/id/{path}"),
            path,
            bytes,
            crc32c: format!("{crc:08x}"),
        };
        let missing = |reason| MissingBlock { block: "01".to_owned(), reason };
        let manifest = BackupManifest {
            number,
            id: "id".to_owned(),
            created_ms,
            blocks: files.len() as u64,
            samples,
            min_ts: span.map(|(min, _)| min),
            max_ts: span.map(|(_, max)| max),
            files: files.into_iter().map(file).collect(),
            missing: reasons.into_iter().map(missing).collect(),
        };
        prop_assert_eq!(BackupManifest::decode(&manifest.encode()), Ok(manifest));
    }

    #[test]
    fn any_bytes_give_an_error_or_a_manifest(bytes: Vec<u8>, body in ".*") {
        let _ = BackupManifest::decode(&bytes);
        let text = format!("timberline backup 1\n{body}\n");
        let crc = crc32c::crc32c(text.as_bytes());
        let _ = BackupManifest::decode(format!("{text}crc32c {crc:08x}\n").as_bytes());
    }
}

fn manifest() -> BackupManifest {
    let file = |path: &str, key: &str, bytes, crc32c: &str| BackupFile {
        path: path.to_owned(),
        key: key.to_owned(),
        bytes,
        crc32c: crc32c.to_owned(),
    };
    let block = "blocks/01JD7Z3V8QZ0000000000000AB";
    BackupManifest {
        number: 2,
        id: "01JD8000000000000000000000".to_owned(),
        created_ms: 1_732_147_200_000,
        blocks: 1,
        samples: 1_000,
        min_ts: Some(-1),
        max_ts: Some(i64::MAX),
        files: vec![
            file(
                &format!("{block}/chunks"),
                &format!("{block}-0123456789abcdef/chunks"),
                4_096,
                "0badcafe",
            ),
            file(
                "manifest/00000000000000000007",
                "state/01JD8000000000000000000000/manifest/00000000000000000007",
                700,
                "12345678",
            ),
        ],
        missing: vec![MissingBlock {
            block: "01JD7Z3V8QZ0000000000000AC".to_owned(),
            reason: "meta.json is damaged".to_owned(),
        }],
    }
}

/// The example of `docs/formats/backup.md`.
#[test]
fn the_golden_manifest_is_read_and_written() {
    let golden = include_bytes!("../../testdata/backup-v1");
    assert_eq!(BackupManifest::decode(golden).unwrap(), manifest());
    assert_eq!(manifest().encode(), golden);
}

#[test]
fn every_flipped_bit_is_noticed() {
    let golden = manifest().encode();
    for byte in 0..golden.len() {
        let mut damaged = golden.clone();
        damaged[byte] ^= 1 << (byte % 8);
        assert!(BackupManifest::decode(&damaged).is_err(), "byte {byte}");
    }
}

#[test]
fn paths_that_lead_elsewhere_are_refused() {
    for path in ["../evil", "/etc/passwd", "a/../../b", "", "./a"] {
        let mut forged = manifest();
        forged.files[0].path = path.to_owned();
        assert!(BackupManifest::decode(&forged.encode()).is_err(), "{path:?}");
        let mut forged = manifest();
        forged.files[0].key = path.to_owned();
        assert!(BackupManifest::decode(&forged.encode()).is_err(), "{path:?}");
    }
}

#[test]
fn a_newer_version_is_named() {
    let text = String::from_utf8(manifest().encode()).unwrap().replace("backup 1", "backup 2");
    let (covered, _) = text.rsplit_once("crc32c ").unwrap();
    let text = format!("{covered}crc32c {:08x}\n", crc32c::crc32c(covered.as_bytes()));
    let reason = BackupManifest::decode(text.as_bytes()).unwrap_err();
    assert!(reason.contains("timberline backup 2"), "{reason}");
}
