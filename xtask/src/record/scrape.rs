//! Reads a recording back, scrape by scrape.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

/// A body larger than this was not recorded.
const BODY_BYTES_MAX: u64 = 64 << 20;

/// One scrape.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Scrape {
    /// Milliseconds since the Unix epoch.
    pub(crate) ts_ms: i64,
    /// Prometheus text.
    pub(crate) body: String,
}

/// The scrapes of one target, in order.
#[derive(Debug)]
pub(crate) struct Scrapes {
    path: PathBuf,
    file: BufReader<File>,
}

impl Scrapes {
    /// Opens a target's file.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).with_context(|| path.display().to_string())?;
        Ok(Self { path: path.to_owned(), file: BufReader::new(file) })
    }

    /// The next scrape; `None` at the end. A last one that is cut short, as by a recorder that was
    /// killed, is left out.
    pub(crate) fn read(&mut self) -> Result<Option<Scrape>> {
        let mut line = String::new();
        if self.file.read_line(&mut line)? == 0 || !line.ends_with('\n') {
            return Ok(None);
        }
        let (ts_ms, len) = header(&line)
            .with_context(|| format!("{}: no scrape begins at {line:?}", self.path.display()))?;
        if len > BODY_BYTES_MAX {
            bail!("{}: a scrape of {len} bytes", self.path.display());
        }
        let mut body = Vec::new();
        let read = self.file.by_ref().take(len).read_to_end(&mut body)?;
        if (read as u64) < len {
            return Ok(None);
        }
        Ok(Some(Scrape { ts_ms, body: String::from_utf8(body)? }))
    }
}

fn header(line: &str) -> Option<(i64, u64)> {
    let (ts_ms, len) = line.trim_end().strip_prefix("# scrape ")?.split_once(' ')?;
    Some((ts_ms.parse().ok()?, len.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Result<Vec<Scrape>> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("a.scrapes");
        std::fs::write(&path, text)?;
        let mut scrapes = Scrapes::open(&path)?;
        let mut found = Vec::new();
        while let Some(scrape) = scrapes.read()? {
            found.push(scrape);
        }
        Ok(found)
    }

    #[test]
    fn scrapes_come_back_and_a_torn_one_is_left_out() {
        let scrape = |ts_ms, body: &str| Scrape { ts_ms, body: body.to_owned() };
        let whole = "# scrape 1000 4\nup 1# scrape 2000 5\nup 2\n";
        let expected = [scrape(1000, "up 1"), scrape(2000, "up 2\n")];
        assert_eq!(all(whole).unwrap(), expected);
        assert_eq!(all(&whole[..whole.len() - 1]).unwrap(), expected[..1]);
        assert_eq!(all("").unwrap(), []);
    }

    #[test]
    fn what_is_no_recording_is_refused() {
        assert!(all("up 1\n").is_err());
        assert!(all("# scrape x 4\nup 1").is_err());
    }
}
