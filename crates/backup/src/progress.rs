//! How far a copy is, for who watches.

/// Is told of the work as it goes on; from several threads at once.
pub trait Progress: Sync {
    /// So many files with so many bytes are to be looked at in all.
    fn begin(&self, files: u64, bytes: u64);

    /// So many bytes more are done, copied or found to be there.
    fn advance(&self, bytes: u64);
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProgress;

impl Progress for NoProgress {
    fn begin(&self, _files: u64, _bytes: u64) {}

    fn advance(&self, _bytes: u64) {}
}
