//! Files that are read from their first byte to their last, or written so.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use crate::ExchangeError;

/// Bytes of the longest line that is read: a series of a few million samples as JSON.
const LINE_BYTES_MAX: usize = 256 << 20;
const BUFFER_BYTES: usize = 1 << 20;

/// A file being read.
#[derive(Debug)]
pub(crate) struct InputFile {
    path: PathBuf,
    file: BufReader<File>,
    bytes: u64,
    /// Bytes of the lines read so far, and their number.
    position: u64,
    line: u64,
}

impl InputFile {
    pub(crate) fn open(path: &Path) -> Result<Self, ExchangeError> {
        let file = File::open(path).map_err(ExchangeError::io("open", path))?;
        let metadata = file.metadata().map_err(ExchangeError::io("look at", path))?;
        if metadata.is_dir() {
            let reason = "a directory, where a file is expected";
            return Err(ExchangeError::Path { path: path.to_owned(), reason });
        }
        let file = BufReader::with_capacity(BUFFER_BYTES, file);
        Ok(Self { path: path.to_owned(), file, bytes: metadata.len(), position: 0, line: 0 })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of the file when it was opened.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Bytes of the lines read so far.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Number of the line read last, from one.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// The file itself, for formats that are not lines.
    pub(crate) fn into_inner(self) -> File {
        self.file.into_inner()
    }

    /// Reads the next line, without its end, into `line`; `false` at the end of the file.
    pub(crate) fn next_line(&mut self, line: &mut String) -> Result<bool, ExchangeError> {
        line.clear();
        self.line += 1;
        let limit = LINE_BYTES_MAX as u64 + 1;
        let read = match (&mut self.file).take(limit).read_line(line) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(self.malformed("it is not UTF-8"));
            }
            Err(error) => return Err(ExchangeError::io("read", &self.path)(error)),
        };
        if line.len() > LINE_BYTES_MAX {
            return Err(self.malformed(format!("it has more than {LINE_BYTES_MAX} bytes")));
        }
        self.position += read as u64;
        if line.ends_with('\n') {
            line.pop();
            if line.ends_with('\r') {
                line.pop();
            }
        }
        Ok(read > 0)
    }

    /// The error of the line read last.
    pub(crate) fn malformed(&self, reason: impl std::fmt::Display) -> ExchangeError {
        ExchangeError::malformed(&self.path, format!("line {}", self.line), reason)
    }
}

/// A file being written: under a temporary name until it is complete, or the standard output.
pub(crate) struct OutputFile {
    path: PathBuf,
    target: Target,
}

enum Target {
    File { file: Option<BufWriter<File>>, temporary: PathBuf },
    Stdout(BufWriter<io::Stdout>),
}

impl OutputFile {
    /// Begins a file, or the standard output if the path is `-`. A file that exists is not touched.
    pub(crate) fn create(path: &Path) -> Result<Self, ExchangeError> {
        if path == Path::new("-") {
            let target = Target::Stdout(BufWriter::with_capacity(BUFFER_BYTES, io::stdout()));
            return Ok(Self { path: path.to_owned(), target });
        }
        if path.exists() {
            let reason = "it exists already; remove it, or name another file";
            return Err(ExchangeError::Path { path: path.to_owned(), reason });
        }
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".tmp");
        let temporary = path.with_file_name(name);
        let file = File::create(&temporary).map_err(ExchangeError::io("create", &temporary))?;
        let file = Some(BufWriter::with_capacity(BUFFER_BYTES, file));
        Ok(Self { path: path.to_owned(), target: Target::File { file, temporary } })
    }

    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<(), ExchangeError> {
        let written = self.write_all(bytes);
        written.map_err(ExchangeError::io("write", &self.path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the file durable and gives it its name.
    pub(crate) fn finish(mut self) -> Result<(), ExchangeError> {
        let failed = |action| ExchangeError::io(action, &self.path);
        match &mut self.target {
            Target::Stdout(out) => out.flush().map_err(failed("write")),
            Target::File { file, temporary } => {
                let Some(mut file) = file.take() else { return Ok(()) };
                file.flush().map_err(failed("write"))?;
                file.get_ref().sync_all().map_err(failed("sync"))?;
                fs::rename(&*temporary, &self.path).map_err(failed("rename"))
            }
        }
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.target {
            Target::Stdout(out) => out.write(bytes),
            Target::File { file: Some(file), .. } => file.write(bytes),
            Target::File { file: None, .. } => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.target {
            Target::Stdout(out) => out.flush(),
            Target::File { file: Some(file), .. } => file.flush(),
            Target::File { file: None, .. } => Ok(()),
        }
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        if let Target::File { file: Some(_), temporary } = &self.target {
            let _ = fs::remove_file(temporary);
        }
    }
}
