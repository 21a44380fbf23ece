//! What all clones of a simulated disk share.

use std::{collections::BTreeSet, io};

use super::{
    fault::{Fault, Kind, Schedule},
    namespace::{Namespace, NodeId},
    points::Points,
    sectors::Survival,
};
use crate::Random;

/// One disk and the machine it is in.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) names: Namespace,
    pub(super) schedule: Schedule,
    pub(super) points: Points,
    pub(super) capacity: Option<u64>,
    pub(super) locks: BTreeSet<NodeId>,
    random: Random,
    /// Counts the processes that have had the disk: what belongs to an earlier one is dead.
    process: u64,
    powered: bool,
}

impl State {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            names: Namespace::new(),
            schedule: Schedule::default(),
            points: Points::default(),
            capacity: None,
            locks: BTreeSet::new(),
            random: Random::new(seed),
            process: 0,
            powered: true,
        }
    }

    pub(super) fn reseed(&mut self, seed: u64) {
        self.random = Random::new(seed);
    }

    pub(super) fn process(&self) -> u64 {
        self.process
    }

    /// Fails when the power is cut or `process`, if any is named, is no longer the running one.
    pub(super) fn check(&self, process: Option<u64>) -> io::Result<()> {
        if !self.powered {
            return Err(Fault::Crash.error());
        }
        if process.is_some_and(|process| process != self.process) {
            return Err(io::Error::other("the process that used the simulated disk has died"));
        }
        Ok(())
    }

    /// Runs a mutating operation, or the fault that was to strike it. `spoil` is what the operation
    /// leaves behind when it fails by such a fault.
    pub(super) fn mutate<T>(
        &mut self,
        kind: Kind,
        apply: impl FnOnce(&mut Self) -> io::Result<T>,
        spoil: impl FnOnce(&mut Self),
    ) -> io::Result<T> {
        match self.schedule.begin(kind) {
            None => apply(self),
            Some(Fault::Crash) => {
                // The cut decides what is left of a pending change. A sync may have been done.
                if kind != Kind::Sync || self.random.percent(50) {
                    // Its own error, if it has one, is nobody's any more.
                    drop(apply(self));
                }
                self.cut_power();
                Err(Fault::Crash.error())
            }
            Some(fault) => {
                spoil(self);
                Err(fault.error())
            }
        }
    }

    /// Bytes that may still be allocated; `None` without a limit.
    pub(super) fn free_bytes(&self) -> Option<u64> {
        self.capacity.map(|capacity| capacity.saturating_sub(self.names.used_bytes()))
    }

    /// Fails when `bytes` more do not fit.
    pub(super) fn check_space(&self, bytes: u64) -> io::Result<()> {
        match self.free_bytes() {
            Some(free) if bytes > free => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    /// Writes, as much as fits.
    pub(super) fn write(&mut self, id: NodeId, offset: usize, bytes: &[u8]) -> io::Result<()> {
        let len = self.names.data(id).bytes().len();
        let grown = (offset + bytes.len()).saturating_sub(len);
        if self.check_space(grown as u64).is_ok() {
            self.names.data_mut(id).write(offset, bytes);
            return Ok(());
        }
        let free = usize::try_from(self.free_bytes().unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
        let fits = len.saturating_add(free).saturating_sub(offset).min(bytes.len());
        self.names.data_mut(id).write(offset, &bytes[..fits]);
        Err(io::ErrorKind::StorageFull.into())
    }

    /// Does part of a write that is going to fail.
    pub(super) fn write_in_part(&mut self, id: NodeId, offset: usize, bytes: &[u8]) {
        let part = self.random.up_to(bytes.len());
        // It fails anyway, for want of space or not.
        drop(self.write(id, offset, &bytes[..part]));
    }

    /// Cuts the power: decides what is left, and everything fails until the reboot.
    pub(super) fn cut_power(&mut self) {
        let survival = Survival::draw(&mut self.random);
        self.names.cut_power(survival, &mut self.random);
        self.end_process();
        self.schedule.clear();
        self.powered = false;
    }

    pub(super) fn reboot(&mut self) {
        self.powered = true;
    }

    /// The process dies; what it has written stays in the page cache.
    pub(super) fn end_process(&mut self) {
        self.process += 1;
        self.locks.clear();
        self.names.let_go_of_all();
    }
}
