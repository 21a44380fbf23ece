//! Manifests of backups: an error or a manifest that is written as it was read; no path that leads upwards.

#![no_main]

use libfuzzer_sys::fuzz_target;
use timberline_backup::BackupManifest;

fuzz_target!(|data: &[u8]| {
    // A checksum that fits, or almost nothing would get past it.
    let mut sealed = b"timberline backup 1\n".to_vec();
    sealed.extend_from_slice(data);
    sealed.push(b'\n');
    let line = format!("crc32c {:08x}\n", crc32c::crc32c(&sealed));
    sealed.extend_from_slice(line.as_bytes());
    for bytes in [data, &sealed] {
        let Ok(manifest) = BackupManifest::decode(bytes) else { continue };
        assert_eq!(BackupManifest::decode(&manifest.encode()).as_ref(), Ok(&manifest));
        assert!(manifest.files.iter().all(|file| !file.path.split('/').any(|part| part == "..")));
    }
});
