//! A directory as it is, with changes that stay in memory.
//!
//! For looking into a database with the code that opens one, without touching a byte of it: reads
//! come from the disk below, and whatever is written, named or removed is seen here only.
//!
//! What it is not: safe against a directory that changes below it. The caller holds its lock.

use std::{
    collections::BTreeMap,
    io::{self, ErrorKind},
    ops::Bound,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;

use crate::disk::{DirEntry, Disk, DiskFile, FileLock, Mapped};

/// Bytes of a file that are copied when one of them changes.
const PAGE_BYTES: u64 = 64 << 10;
/// What [`Disk::free_bytes`] answers: memory is not counted.
const FREE_BYTES: u64 = 1 << 50;

/// A disk whose changes below one directory stay in memory. Clones are the same disk.
#[derive(Clone, Debug)]
pub struct OverlayDisk {
    base: Arc<dyn Disk>,
    names: Arc<Mutex<BTreeMap<PathBuf, Node>>>,
}

#[derive(Clone, Debug)]
enum Node {
    Dir,
    File(Arc<Mutex<Content>>),
}

impl OverlayDisk {
    /// Takes in the names of everything in `root`, which need not exist.
    ///
    /// # Errors
    /// A directory that cannot be listed.
    pub fn new(base: Arc<dyn Disk>, root: &Path) -> io::Result<Self> {
        let mut names = BTreeMap::new();
        let mut dirs = vec![root.to_owned()];
        while let Some(dir) = dirs.pop() {
            let entries = match base.list(&dir) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                entries => entries?,
            };
            for entry in entries {
                let path = dir.join(&entry.name);
                let node = if entry.is_dir {
                    dirs.push(path.clone());
                    Node::Dir
                } else {
                    let content = Content::of(Arc::clone(&base), path.clone(), entry.len);
                    Node::File(Arc::new(Mutex::new(content)))
                };
                names.insert(path, node);
            }
            names.insert(dir, Node::Dir);
        }
        Ok(Self { base, names: Arc::new(Mutex::new(names)) })
    }

    fn file(&self, path: &Path) -> io::Result<Arc<Mutex<Content>>> {
        match self.names.lock().get(path) {
            Some(Node::File(file)) => Ok(Arc::clone(file)),
            Some(Node::Dir) => Err(ErrorKind::IsADirectory.into()),
            None => Err(ErrorKind::NotFound.into()),
        }
    }

    /// Paths of a directory and all below it.
    fn below(names: &BTreeMap<PathBuf, Node>, dir: &Path) -> Vec<PathBuf> {
        let from = (Bound::Included(dir.to_owned()), Bound::Unbounded);
        let paths = names.range::<PathBuf, _>(from).map(|(path, _)| path);
        paths.take_while(|path| path.starts_with(dir)).cloned().collect()
    }

    fn add_file(&self, path: &Path, file: Arc<Mutex<Content>>) -> io::Result<()> {
        let mut names = self.names.lock();
        if names.contains_key(path) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        if !path.parent().is_some_and(|parent| names.contains_key(parent)) {
            return Err(ErrorKind::NotFound.into());
        }
        names.insert(path.to_owned(), Node::File(file));
        Ok(())
    }
}

impl Disk for OverlayDisk {
    fn create(&self, path: &Path, len: u64) -> io::Result<Box<dyn DiskFile>> {
        let file = Arc::new(Mutex::new(Content::zeros(len)));
        self.add_file(path, Arc::clone(&file))?;
        Ok(Box::new(OverlayFile(file)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(OverlayFile(self.file(path)?)))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.map(path).map(|bytes| bytes.to_vec())
    }

    fn map(&self, path: &Path) -> io::Result<Mapped> {
        let file = self.file(path)?;
        let mut content = file.lock();
        let below = content.below()?;
        if content.pages.is_empty() && content.len == below.len() as u64 {
            return Ok(below);
        }
        let len = usize::try_from(content.len).map_err(|_| ErrorKind::FileTooLarge)?;
        let mut bytes = vec![0; len];
        content.read(&mut bytes, 0)?;
        Ok(Mapped::new(bytes))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let names = self.names.lock();
        match names.get(dir) {
            Some(Node::Dir) => {}
            Some(Node::File(_)) => return Err(ErrorKind::NotADirectory.into()),
            None => {
                drop(names);
                return Err(match self.base.list(dir) {
                    // Above the root only its existence matters, and it is the disk's to say.
                    Ok(entries) => return Ok(entries),
                    Err(error) => error,
                });
            }
        }
        let children = Self::below(&names, dir).into_iter().filter(|p| p.parent() == Some(dir));
        let entry = |path: PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            match &names[&path] {
                Node::Dir => DirEntry { name, is_dir: true, len: 0 },
                Node::File(file) => DirEntry { name, is_dir: false, len: file.lock().len },
            }
        };
        let mut entries: Vec<DirEntry> = children.map(entry).collect();
        entries.sort_unstable();
        Ok(entries)
    }

    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        let mut names = self.names.lock();
        for ancestor in dir.ancestors() {
            match names.get(ancestor) {
                Some(Node::File(_)) => return Err(ErrorKind::NotADirectory.into()),
                Some(Node::Dir) => return Ok(()),
                None => names.insert(ancestor.to_owned(), Node::Dir),
            };
        }
        Ok(())
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let file = self.file(from)?;
        self.add_file(to, file)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut names = self.names.lock();
        match (names.get(from), names.get(to)) {
            (None, _) => return Err(ErrorKind::NotFound.into()),
            (Some(Node::File(_)), Some(Node::Dir)) => return Err(ErrorKind::IsADirectory.into()),
            (Some(Node::Dir), Some(Node::File(_))) => return Err(ErrorKind::NotADirectory.into()),
            (Some(Node::Dir), Some(Node::Dir)) if Self::below(&names, to).len() > 1 => {
                return Err(ErrorKind::DirectoryNotEmpty.into());
            }
            _ => {}
        }
        for path in Self::below(&names, from) {
            let Some(node) = names.remove(&path) else { continue };
            // `from` itself has an empty rest, and joining that would end in a separator.
            let rest = path.strip_prefix(from).map_err(io::Error::other)?;
            let place = if rest == Path::new("") { to.to_owned() } else { to.join(rest) };
            names.insert(place, node);
        }
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.file(path)?;
        self.names.lock().remove(path);
        Ok(())
    }

    fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        let mut names = self.names.lock();
        if !matches!(names.get(dir), Some(Node::Dir)) {
            return Err(ErrorKind::NotFound.into());
        }
        for path in Self::below(&names, dir) {
            names.remove(&path);
        }
        Ok(())
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn free_bytes(&self, _dir: &Path) -> io::Result<u64> {
        Ok(FREE_BYTES)
    }

    fn lock(&self, path: &Path) -> io::Result<FileLock> {
        Ok(FileLock::new(path, ()))
    }
}

/// The bytes of a file: those of the disk below, but for the pages that were written.
#[derive(Debug)]
struct Content {
    below: Below,
    /// Bytes of the file below that still show; behind them are zeros.
    below_len: u64,
    len: u64,
    pages: BTreeMap<u64, Box<[u8]>>,
}

#[derive(Debug)]
enum Below {
    Unread(Arc<dyn Disk>, PathBuf),
    Read(Mapped),
}

impl Content {
    fn of(base: Arc<dyn Disk>, path: PathBuf, len: u64) -> Self {
        let below = Below::Unread(base, path);
        Self { below, below_len: len, len, pages: BTreeMap::new() }
    }

    fn zeros(len: u64) -> Self {
        let below = Below::Read(Mapped::new(Vec::new()));
        Self { below, below_len: 0, len, pages: BTreeMap::new() }
    }

    fn below(&mut self) -> io::Result<Mapped> {
        if let Below::Unread(base, path) = &self.below {
            self.below = Below::Read(base.map(path)?);
        }
        match &self.below {
            Below::Read(mapped) => Ok(mapped.clone()),
            Below::Unread(..) => Err(ErrorKind::NotFound.into()),
        }
    }

    /// Fills `buffer` from `offset`; all of it lies within the file.
    fn read(&mut self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let below = self.below()?;
        let shown = usize::try_from(self.below_len).map_err(|_| ErrorKind::FileTooLarge)?;
        let below = &below[..shown.min(below.len())];
        buffer.fill(0);
        let start = usize::try_from(offset).map_err(|_| ErrorKind::FileTooLarge)?;
        if let Some(rest) = below.get(start..) {
            let len = rest.len().min(buffer.len());
            buffer[..len].copy_from_slice(&rest[..len]);
        }
        let end = offset + buffer.len() as u64;
        for (page, bytes) in self.pages.range(offset / PAGE_BYTES..=end / PAGE_BYTES) {
            let page_start = page * PAGE_BYTES;
            let (from, to) = (page_start.max(offset), (page_start + PAGE_BYTES).min(end));
            if from < to {
                let source = &bytes[(from - page_start) as usize..(to - page_start) as usize];
                buffer[(from - offset) as usize..(to - offset) as usize].copy_from_slice(source);
            }
        }
        Ok(())
    }

    fn write(&mut self, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
        self.len = self.len.max(offset + bytes.len() as u64);
        while !bytes.is_empty() {
            let page = offset / PAGE_BYTES;
            if !self.pages.contains_key(&page) {
                let mut copy = vec![0; PAGE_BYTES as usize].into_boxed_slice();
                self.read(&mut copy, page * PAGE_BYTES)?;
                self.pages.insert(page, copy);
            }
            let within = (offset % PAGE_BYTES) as usize;
            let len = bytes.len().min(PAGE_BYTES as usize - within);
            if let Some(copy) = self.pages.get_mut(&page) {
                copy[within..within + len].copy_from_slice(&bytes[..len]);
            }
            bytes = &bytes[len..];
            offset += len as u64;
        }
        Ok(())
    }

    fn set_len(&mut self, len: u64) {
        if len < self.len {
            self.below_len = self.below_len.min(len);
            self.pages.retain(|page, _| page * PAGE_BYTES < len);
            if let Some(bytes) = self.pages.get_mut(&(len / PAGE_BYTES)) {
                bytes[(len % PAGE_BYTES) as usize..].fill(0);
            }
        }
        self.len = len;
    }
}

/// An open file. It stays readable when its name is gone.
#[derive(Debug)]
struct OverlayFile(Arc<Mutex<Content>>);

impl DiskFile for OverlayFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().len)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let mut content = self.0.lock();
        let end = offset.checked_add(buffer.len() as u64);
        if end.is_none_or(|end| end > content.len) {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        content.read(buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.lock().write(bytes, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.lock().set_len(len);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
