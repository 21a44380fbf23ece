//! Faults to come: what goes wrong, and at which operation.

use std::io;

/// What goes wrong, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The operation fails with `EIO`. A write may have been done in part; a sync is treated as by
    /// [`Fault::EioOnSync`].
    Eio,
    /// The next sync of a file or directory fails with `EIO`. As on Linux, what it should have made
    /// durable stays in doubt even when a later sync succeeds, unless it is written again.
    EioOnSync,
    /// The next operation that takes space fails with `StorageFull`. A write may have been done in
    /// part.
    NoSpace,
    /// The power is cut in the middle of the operation. Everything fails until the reboot.
    Crash,
}

/// What an operation is to a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It takes space: a creation, a write, a change of length.
    Allocate,
    /// It makes something durable.
    Sync,
    /// It changes names only.
    Name,
}

impl Fault {
    fn hits(self, kind: Kind) -> bool {
        match self {
            Self::Eio | Self::Crash => true,
            Self::EioOnSync => kind == Kind::Sync,
            Self::NoSpace => kind == Kind::Allocate,
        }
    }

    pub(super) fn error(self) -> io::Error {
        match self {
            Self::Eio | Self::EioOnSync => rustix::io::Errno::IO.into(),
            Self::NoSpace => io::ErrorKind::StorageFull.into(),
            Self::Crash => io::Error::other("the power of the simulated disk was cut"),
        }
    }
}

/// Counts mutating operations and says which of them fail.
#[derive(Clone, Debug, Default)]
pub(super) struct Schedule {
    operations: u64,
    /// Each with the number of operations that must have begun before it can strike.
    faults: Vec<(u64, Fault)>,
}

impl Schedule {
    pub(super) fn operations(&self) -> u64 {
        self.operations
    }

    pub(super) fn add(&mut self, after: u64, fault: Fault) {
        self.faults.push((self.operations.saturating_add(after), fault));
    }

    pub(super) fn clear(&mut self) {
        self.faults.clear();
    }

    /// Counts an operation that begins and takes out the fault that strikes it, if any.
    pub(super) fn begin(&mut self, kind: Kind) -> Option<Fault> {
        let now = self.operations;
        self.operations += 1;
        let due = self.faults.iter().position(|&(at, fault)| at <= now && fault.hits(kind))?;
        Some(self.faults.remove(due).1)
    }
}
