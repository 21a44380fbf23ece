//! Where backups are kept, as people write it.

use std::{fmt, path::PathBuf, sync::Arc};

use timberline_io::RealDisk;

use crate::{
    BackupError, Depot,
    depot::{LocalDepot, open_bucket},
};

const S3_SCHEME: &str = "s3://";

/// A place for backups: a directory, or a bucket of an S3 server and a prefix in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A directory of this machine.
    Directory(PathBuf),
    /// `s3://bucket/prefix`.
    S3 {
        /// The bucket, which exists.
        bucket: String,
        /// What the names of all objects begin with, without slashes at its ends; may be empty.
        prefix: String,
    },
}

impl Location {
    /// Reads a directory's path or `s3://bucket/prefix`.
    ///
    /// # Errors
    /// Another scheme, or no bucket.
    pub fn parse(text: &str) -> Result<Self, BackupError> {
        let refused = |reason: &str| BackupError::Location {
            text: text.to_owned(),
            reason: reason.to_owned(),
        };
        if let Some(rest) = text.strip_prefix(S3_SCHEME) {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            if bucket.is_empty() {
                return Err(refused("a bucket is missing (expected such as s3://bucket/prefix)"));
            }
            let prefix = prefix.trim_matches('/').to_owned();
            return Ok(Self::S3 { bucket: bucket.to_owned(), prefix });
        }
        if text.contains("://") {
            return Err(refused("expected a directory or s3://bucket/prefix"));
        }
        if text.is_empty() {
            return Err(refused("it is empty"));
        }
        Ok(Self::Directory(PathBuf::from(text)))
    }

    /// Opens the place. Nothing is read or written yet.
    ///
    /// # Errors
    /// Settings in the environment that contradict each other, or no threads for the network.
    pub fn open(&self) -> Result<Box<dyn Depot>, BackupError> {
        Ok(match self {
            Self::Directory(dir) => Box::new(LocalDepot::new(Arc::new(RealDisk), dir)),
            Self::S3 { bucket, prefix } => open_bucket(bucket, prefix)?,
        })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(dir) => write!(f, "{}", dir.display()),
            Self::S3 { bucket, prefix } if prefix.is_empty() => write!(f, "{S3_SCHEME}{bucket}"),
            Self::S3 { bucket, prefix } => write!(f, "{S3_SCHEME}{bucket}/{prefix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_and_written() {
        for text in ["backups", "/var/backups/tl", "s3://bucket", "s3://bucket/a/b"] {
            assert_eq!(Location::parse(text).unwrap().to_string(), text);
        }
        let slashes = Location::parse("s3://bucket//a/").unwrap();
        assert_eq!(slashes, Location::S3 { bucket: "bucket".to_owned(), prefix: "a".to_owned() });
        for text in ["", "s3://", "s3:///prefix", "gs://bucket", "http://host/x"] {
            assert!(Location::parse(text).is_err(), "{text}");
        }
    }
}
