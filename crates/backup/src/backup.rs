//! Making a backup of a snapshot.
//!
//! In order: a claim; what earlier backups have; the objects that are not there yet; a look at whether all
//! are there; the manifest. A run that ends before the last step has made no backup, and what it put is
//! used by the next one or removed by a prune.

use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use timberline_block::{Block, BlockMeta};
use timberline_io::{Clock, Disk, RealDisk, SystemClock};
use ulid::Ulid;
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    BackupError, BackupFile, BackupManifest, Depot, MissingBlock, Progress,
    claim::{Claim, Work, now_ms},
    copying::each,
    manifest::{self, key_of, numbers},
    source::is_own,
};

/// Where the files of blocks are; backups share them.
pub(crate) const BLOCKS: &str = "blocks";
/// Where the other files are, apart for each backup.
pub(crate) const STATE: &str = "state";
/// What a block's own description is called.
const META_FILE: &str = "meta.json";

/// Makes backups at one place.
#[derive(Debug)]
pub struct Backup<'a> {
    depot: &'a dyn Depot,
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
}

/// A backup that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupMade {
    /// Its number.
    pub number: u64,
    /// Blocks in it.
    pub blocks: u64,
    /// Samples in them.
    pub samples: u64,
    /// Bytes of all its files.
    pub bytes: u64,
    /// Bytes that were copied; the rest was there.
    pub bytes_copied: u64,
    /// Files that were copied.
    pub files_copied: u64,
    /// Blocks that the database cannot read, and that are not in the backup.
    pub missing: Vec<MissingBlock>,
}

/// What is to be in a backup.
#[derive(Default)]
struct Contents {
    files: Vec<BackupFile>,
    blocks: Vec<BlockMeta>,
    missing: Vec<MissingBlock>,
}

/// What a place has already.
struct There {
    /// Sizes by key.
    objects: HashMap<String, u64>,
    /// Sizes and checksums by key, as backups that were completed have them.
    vouched: HashMap<String, (u64, String)>,
}

/// What was copied so far.
#[derive(Default)]
struct Copied {
    files: AtomicU64,
    bytes: AtomicU64,
    /// Blocks that turned out to be damaged.
    damaged: Mutex<Vec<MissingBlock>>,
}

impl Contents {
    /// Takes out blocks that turned out to be damaged.
    fn leave_out(&mut self, damaged: Vec<MissingBlock>) {
        for missing in damaged {
            if self.missing.iter().all(|known| known.block != missing.block) {
                self.blocks.retain(|block| block.ulid.to_string() != missing.block);
                self.files.retain(|file| block_of(&file.path) != Some(&missing.block));
                self.missing.push(missing);
            }
        }
        self.missing.sort_by(|a, b| a.block.cmp(&b.block));
    }

    fn into_manifest(self, id: String, created_ms: i64) -> BackupManifest {
        BackupManifest {
            number: 0,
            id,
            created_ms,
            blocks: self.blocks.len() as u64,
            samples: self.blocks.iter().map(|block| block.samples).sum(),
            min_ts: self.blocks.iter().map(|block| block.min_ts).min(),
            max_ts: self.blocks.iter().map(|block| block.max_ts).max(),
            files: self.files,
            missing: self.missing,
        }
    }
}

impl<'a> Backup<'a> {
    /// Backups of this machine's directories.
    #[must_use]
    pub fn new(depot: &'a dyn Depot) -> Self {
        Self::on(depot, Arc::new(RealDisk), Arc::new(SystemClock))
    }

    /// Backups of directories of a disk of the caller's.
    #[must_use]
    pub fn on(depot: &'a dyn Depot, disk: Arc<dyn Disk>, clock: Arc<dyn Clock>) -> Self {
        Self { depot, disk, clock }
    }

    /// Copies a snapshot, which must not change meanwhile, and publishes it as the next backup.
    ///
    /// # Errors
    /// A disk or a place that fails, or a prune that is at work there. No backup was made then, and the
    /// earlier ones are as they were. A damaged block is no error: the backup says that it is missing.
    pub fn make(&self, dir: &Path, progress: &dyn Progress) -> Result<BackupMade, BackupError> {
        let id = Ulid::generate().to_string();
        let claim = Claim::put(self.depot, &self.clock, Work::Backup, &id)?;
        if claim.others()?.contains(&Work::Prune) {
            return Err(BackupError::InUse {
                location: self.depot.name(),
                reason: "a prune is at work; run the backup again when it is done".to_owned(),
            });
        }
        self.disk.reach("backup.claimed");
        let mut contents = self.contents(dir, &id)?;
        let there = self.there()?;
        let copied = Copied::default();
        progress.begin(contents.files.len() as u64, contents.files.iter().map(|f| f.bytes).sum());
        each(&contents.files, |file| {
            claim.renew()?;
            self.bring(dir, file, &there, &copied, progress)
        })?;
        contents.leave_out(copied.damaged.into_inner().unwrap_or_else(PoisonError::into_inner));
        self.check_there(&contents.files)?;
        self.disk.reach("backup.copied");
        let manifest = self.publish(contents.into_manifest(id, now_ms(&self.clock)))?;
        self.disk.reach("backup.published");
        Ok(BackupMade {
            number: manifest.number,
            blocks: manifest.blocks,
            samples: manifest.samples,
            bytes: manifest.bytes(),
            bytes_copied: copied.bytes.into_inner(),
            files_copied: copied.files.into_inner(),
            missing: manifest.missing,
        })
    }

    /// Everything in a snapshot.
    fn contents(&self, dir: &Path, id: &str) -> Result<Contents, BackupError> {
        let mut contents = Contents::default();
        let blocks = dir.join(BLOCKS);
        for block in self.list(&blocks)? {
            if block.is_dir {
                self.add_block(&blocks, &block.name, &mut contents)?;
            }
        }
        self.add_state(dir, "", id, &mut contents)?;
        contents.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(contents)
    }

    /// Adds the files of a block; one that cannot be read is missing.
    fn add_block(
        &self,
        blocks: &Path,
        name: &str,
        contents: &mut Contents,
    ) -> Result<(), BackupError> {
        let dir = blocks.join(name);
        let missing = |reason: String| MissingBlock { block: name.to_owned(), reason };
        let block = match Block::open(self.disk.as_ref(), &dir) {
            Ok(block) => block,
            Err(error) if error.kind() == timberline_model::ErrorKind::Corrupt => {
                contents.missing.push(missing(error.to_string()));
                return Ok(());
            }
            Err(error) => {
                let source = std::io::Error::other(error);
                return Err(BackupError::disk("open", dir)(source));
            }
        };
        let path = dir.join(META_FILE);
        let text = self.disk.read(&path).map_err(BackupError::disk("read", &path))?;
        // The text has the checksums of the other files; so blocks of one name and one key are one.
        let key = format!("{BLOCKS}/{name}-{:016x}", xxh3_64(&text));
        let meta = block.meta();
        let own = (META_FILE, text.len() as u64, crc32c::crc32c(&text));
        let files = meta.files.iter().map(|file| (file.name.as_str(), file.bytes, file.crc32c));
        let mut files: Vec<BackupFile> = files
            .chain([own])
            .map(|(file, bytes, crc)| BackupFile {
                path: format!("{BLOCKS}/{name}/{file}"),
                key: format!("{key}/{file}"),
                bytes,
                crc32c: format!("{crc:08x}"),
            })
            .collect();
        contents.files.append(&mut files);
        contents.blocks.push(meta.clone());
        Ok(())
    }

    /// Adds the files that are not of blocks, below `dir` and of the path `path` in the snapshot.
    fn add_state(
        &self,
        dir: &Path,
        path: &str,
        id: &str,
        contents: &mut Contents,
    ) -> Result<(), BackupError> {
        for entry in self.list(dir)? {
            let place = dir.join(&entry.name);
            let path = if path.is_empty() { entry.name } else { format!("{path}/{}", entry.name) };
            if entry.is_dir {
                if path != BLOCKS {
                    self.add_state(&place, &path, id, contents)?;
                }
            } else if !is_own(&path) {
                let bytes = self.disk.map(&place).map_err(BackupError::disk("map", &place))?;
                contents.files.push(BackupFile {
                    key: format!("{STATE}/{id}/{path}"),
                    path,
                    bytes: bytes.len() as u64,
                    crc32c: format!("{:08x}", crc32c::crc32c(&bytes)),
                });
            }
        }
        Ok(())
    }

    fn list(&self, dir: &Path) -> Result<Vec<timberline_io::DirEntry>, BackupError> {
        self.disk.list(dir).map_err(BackupError::disk("list", dir))
    }

    fn there(&self) -> Result<There, BackupError> {
        let mut vouched = HashMap::new();
        for (_, backup) in manifest::list(self.depot)? {
            // A damaged manifest vouches for nothing.
            for file in backup.into_iter().flat_map(|backup| backup.files) {
                vouched.insert(file.key, (file.bytes, file.crc32c));
            }
        }
        let objects = self.depot.list(BLOCKS)?;
        let objects = objects.into_iter().map(|object| (object.key, object.bytes)).collect();
        Ok(There { objects, vouched })
    }

    /// Makes sure that a file is at the place.
    fn bring(
        &self,
        dir: &Path,
        file: &BackupFile,
        there: &There,
        copied: &Copied,
        progress: &dyn Progress,
    ) -> Result<(), BackupError> {
        if self.is_there(file, there)? {
            progress.advance(file.bytes);
            return Ok(());
        }
        let path = dir.join(&file.path);
        let bytes = self.disk.map(&path).map_err(BackupError::disk("map", &path))?;
        let crc = format!("{:08x}", crc32c::crc32c(&bytes));
        if bytes.len() as u64 != file.bytes || crc != file.crc32c {
            let reason = format!(
                "it has {} bytes with the checksum {crc}, and should have {} with {}",
                bytes.len(),
                file.bytes,
                file.crc32c
            );
            let Some(block) = block_of(&file.path) else {
                let object = path.display().to_string();
                return Err(BackupError::Damaged { object, reason });
            };
            let reason = format!("{}: {reason}", file.path);
            let missing = MissingBlock { block: block.to_owned(), reason };
            copied.damaged.lock().unwrap_or_else(PoisonError::into_inner).push(missing);
            progress.advance(file.bytes);
            return Ok(());
        }
        self.depot.put(&file.key, &bytes, &|sent| progress.advance(sent))?;
        self.disk.reach("backup.one_copied");
        copied.files.fetch_add(1, Ordering::Relaxed);
        copied.bytes.fetch_add(file.bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Whether an object is there and is what it should be. One that a completed backup has is believed
    /// by its size; one that an interrupted run has left is read.
    fn is_there(&self, file: &BackupFile, there: &There) -> Result<bool, BackupError> {
        if there.objects.get(&file.key) != Some(&file.bytes) {
            return Ok(false);
        }
        if let Some((bytes, crc)) = there.vouched.get(&file.key) {
            return Ok((*bytes, crc) == (file.bytes, &file.crc32c));
        }
        let mut crc = 0;
        let found = self.depot.read(&file.key, &mut |piece| {
            crc = crc32c::crc32c_append(crc, piece);
            Ok(())
        })?;
        Ok(found && format!("{crc:08x}") == file.crc32c)
    }

    /// Looks once more whether all objects are there, whatever others did meanwhile.
    fn check_there(&self, files: &[BackupFile]) -> Result<(), BackupError> {
        let mut objects = HashMap::new();
        for prefix in [BLOCKS, STATE] {
            let listed = self.depot.list(prefix)?;
            objects.extend(listed.into_iter().map(|object| (object.key, object.bytes)));
        }
        match files.iter().find(|file| objects.get(&file.key) != Some(&file.bytes)) {
            Some(gone) => Err(BackupError::Gone { object: self.depot.name_of(&gone.key) }),
            None => Ok(()),
        }
    }

    /// Gives the manifest the next number that nobody has.
    fn publish(&self, mut manifest: BackupManifest) -> Result<BackupManifest, BackupError> {
        loop {
            manifest.number = numbers(self.depot)?.last().map_or(1, |last| last.saturating_add(1));
            if self.depot.put_new(&key_of(manifest.number), &manifest.encode())? {
                return Ok(manifest);
            }
            // Somebody else was faster; or we were, and the answer to the first attempt was lost.
            let other = BackupManifest::read(self.depot, manifest.number);
            if other.is_ok_and(|other| other.is_some_and(|other| other.id == manifest.id)) {
                return Ok(manifest);
            }
        }
    }
}

/// The name of the block that a file of a database belongs to, if it belongs to one.
fn block_of(path: &str) -> Option<&str> {
    let (name, _) = path.strip_prefix(BLOCKS)?.strip_prefix('/')?.split_once('/')?;
    Some(name)
}
