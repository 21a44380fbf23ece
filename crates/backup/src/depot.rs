//! Where objects are kept: a directory or a bucket, seen in the same way.
//!
//! Keys are paths of plain names with slashes. What is put is durable, and there as a whole, when the
//! call returns.

mod local;
mod s3;

use std::fmt;

pub use local::LocalDepot;
pub(crate) use s3::open as open_bucket;

use crate::BackupError;

/// An object as a listing has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// Its size.
    pub bytes: u64,
}

/// Keeps objects. All methods block and may be called from any thread.
pub trait Depot: Send + Sync + fmt::Debug {
    /// Puts an object in the place of any other with that key. `sent` is told of bytes as they go.
    ///
    /// # Errors
    /// A place that fails or is full. The key then has the old object, none or the new one as a whole.
    fn put(&self, key: &str, bytes: &[u8], sent: &dyn Fn(u64)) -> Result<(), BackupError>;

    /// Puts an object if there is none with that key, and says whether it did. Of several who try at
    /// once one does.
    ///
    /// # Errors
    /// A place that fails, is full, or cannot do this.
    fn put_new(&self, key: &str, bytes: &[u8]) -> Result<bool, BackupError>;

    /// Hands an object's bytes to `sink`, piece by piece; `false` if there is no such object.
    ///
    /// # Errors
    /// A place that fails, or the error of `sink`, which ends the reading.
    fn read(
        &self,
        key: &str,
        sink: &mut dyn FnMut(&[u8]) -> Result<(), BackupError>,
    ) -> Result<bool, BackupError>;

    /// All objects whose keys begin with `prefix` and a slash, sorted.
    ///
    /// # Errors
    /// A place that fails.
    fn list(&self, prefix: &str) -> Result<Vec<Object>, BackupError>;

    /// Removes an object; one that is not there is fine.
    ///
    /// # Errors
    /// A place that fails.
    fn delete(&self, key: &str) -> Result<(), BackupError>;

    /// Removes what interrupted puts have left. Nobody else may be putting.
    ///
    /// # Errors
    /// A place that fails.
    fn sweep(&self) -> Result<(), BackupError>;

    /// The place, as people write it.
    fn name(&self) -> String;

    /// An object, as people write it.
    fn name_of(&self, key: &str) -> String {
        format!("{}/{key}", self.name())
    }
}

/// The whole of a small object; `None` if there is no such. Of one that has more than `bytes_max` bytes, one
/// more than these.
pub(crate) fn read_whole(
    depot: &dyn Depot,
    key: &str,
    bytes_max: usize,
) -> Result<Option<Vec<u8>>, BackupError> {
    let mut whole = Vec::new();
    let found = depot.read(key, &mut |bytes| {
        let room = bytes_max.saturating_add(1) - whole.len();
        whole.extend_from_slice(&bytes[..bytes.len().min(room)]);
        Ok(())
    })?;
    Ok(found.then_some(whole))
}
