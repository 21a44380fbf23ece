//! Named steps on the simulated disk: which were reached, and at which one the process dies.

use crate::FailPoint;

/// How a process ends at a named step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// As by `kill -9`: handles and locks die, the page cache stays.
    Killed,
    /// The power goes: what was not synced survives, is lost or is torn. Everything fails until the
    /// reboot.
    PowerCut,
}

/// What was reached, and what is to come of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Points {
    reached: Vec<&'static str>,
    deadly: Option<(FailPoint, Death)>,
}

impl Points {
    pub(super) fn die_at(&mut self, place: FailPoint, death: Death) {
        self.deadly = Some((place, death));
    }

    pub(super) fn clear(&mut self) {
        self.deadly = None;
    }

    pub(super) fn take(&mut self) -> Vec<&'static str> {
        std::mem::take(&mut self.reached)
    }

    /// Notes a step, and says which death is to strike there.
    pub(super) fn reach(&mut self, point: &'static str) -> Option<Death> {
        self.reached.push(point);
        let (place, death) = self.deadly.as_mut()?;
        let death = *death;
        place.reach(point).then_some(death)
    }
}
