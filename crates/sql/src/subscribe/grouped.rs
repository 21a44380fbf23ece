//! A subscription to windows at work: it begins with a back-fill, then follows the tail.
//!
//! Invariant: every window is handed out once, in order, whatever interrupts it; what it was built from is the
//! storage up to an offset of the log, and the tail from there.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use timberline::{Database, LogOffset, ReadPoint, Tail, TailBatch, TailFrom};

use super::{
    event::{Cell, Event, EventKind},
    plan::{Plan, Windowed},
    reading::Reading,
    token::Token,
    windows::{Window, Windows},
};
use crate::SqlError;

/// Closed windows are read so much time at once.
const CATCH_UP_NANOS: i64 = 3_600_000_000_000;
/// Changes are handed out at most this often.
const CHANGES_EVERY: Duration = Duration::from_millis(100);
/// Points that flushes pass before a scan has begun are retried so often.
const POINTS_MAX: usize = 100;
/// How often the clock is looked at while it stands in for the samples' time.
const CLOCK_EVERY: Duration = Duration::from_millis(50);
/// Batches in one turn, after which others get theirs.
const BATCHES_PER_TURN: usize = 64;

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Take another turn.
    Turn,
    /// Read the storage, which may block.
    Read,
    /// Hand out changes, for which nothing has to be read.
    Changes,
    /// Wait for the tail, at most so long.
    Wait(Duration),
}

/// Where a run stands.
#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Nothing was read yet. Of a resume: windows before this were handed out.
    Begin {
        resumed: Option<i64>,
    },
    /// Windows that closed while nobody was looking are still to be read.
    CatchUp {
        next: i64,
        until: i64,
    },
    Live,
}

pub(super) struct Grouped {
    database: Database,
    plan: Arc<Plan>,
    spec: Windowed,
    windows: Windows,
    tail: Option<Tail>,
    phase: Phase,
    /// Where the windows begin that the storage was read for at the beginning.
    looked_from: i64,
    /// Closed windows that are still to be handed out.
    closed: VecDeque<(i64, Window)>,
    /// What the tail has handed out while it was waited for.
    waiting: Option<Arc<TailBatch>>,
    offset: u64,
    /// When the last matching sample came, by the database's clock.
    heard: i64,
    changed: Instant,
    pub(super) events: VecDeque<Event>,
}

impl Grouped {
    pub(super) fn new(
        database: Database,
        plan: Arc<Plan>,
        spec: Windowed,
        resume: Option<Token>,
    ) -> Self {
        let mut windows = Windows::new(Arc::clone(&plan), spec.clone(), database.duplicates());
        if let Some(token) = resume {
            (windows.closed_to, windows.newest) = (token.place, token.newest);
            windows.late = token.late;
        }
        Self {
            heard: database.now(),
            looked_from: i64::MIN,
            database,
            plan,
            spec,
            windows,
            tail: None,
            phase: Phase::Begin { resumed: resume.map(|token| token.place) },
            closed: VecDeque::new(),
            waiting: None,
            offset: resume.map_or(0, |token| token.offset),
            changed: Instant::now(),
            events: VecDeque::new(),
        }
    }

    pub(super) fn tail(&mut self) -> Option<(&mut Tail, &mut Option<Arc<TailBatch>>)> {
        self.tail.as_mut().map(|tail| (tail, &mut self.waiting))
    }

    /// What is to be done now.
    pub(super) fn next(&self) -> Next {
        if !matches!(self.phase, Phase::Live) || !self.closed.is_empty() {
            return Next::Read;
        }
        if self.waiting.is_some() {
            return Next::Turn;
        }
        let mut wait = Duration::from_secs(1);
        if self.spec.changes && self.windows.is_touched() {
            match CHANGES_EVERY.checked_sub(self.changed.elapsed()) {
                Some(rest) => wait = wait.min(rest),
                None if self.windows.is_doubtful() => return Next::Read,
                None => return Next::Changes,
            }
        }
        if let Some(idle) = self.spec.idle.filter(|_| self.windows.has_open()) {
            let quiet = self.heard.saturating_add(idle).saturating_sub(self.database.now());
            let quiet = Duration::from_nanos(u64::try_from(quiet).unwrap_or(0));
            // From then on the clock is looked at now and then.
            wait = wait.min(quiet.max(CLOCK_EVERY));
        }
        Next::Wait(wait)
    }

    /// Takes in what the tail has, and moves the watermark. Does not block for long.
    pub(super) fn turn(&mut self) -> Result<(), SqlError> {
        let taken = self.take_batches();
        match taken {
            // What is missing in the log is in blocks: begin again with those.
            Err(SqlError::Behind { .. }) => {
                self.begin_again();
                return Ok(());
            }
            taken => taken?,
        }
        self.close_by_clock();
        Ok(())
    }

    fn take_batches(&mut self) -> Result<(), SqlError> {
        for _ in 0..BATCHES_PER_TURN {
            let batch = match (self.waiting.take(), &mut self.tail) {
                (Some(batch), _) => Some(batch),
                (None, Some(tail)) => tail.try_next()?,
                (None, None) => None,
            };
            let Some(batch) = batch else { return Ok(()) };
            self.windows.forget();
            let database = &self.database;
            if self.windows.apply(&batch, |series| database.labels_of(series))? {
                self.heard = self.database.now();
            }
            self.offset = batch.end.0;
            let closed = self.windows.close(None);
            if closed.is_empty() {
                continue;
            }
            self.closed = closed.into();
            self.hand_out_settled();
            if !self.closed.is_empty() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn begin_again(&mut self) {
        self.windows.clear();
        self.tail = None;
        self.waiting = None;
        self.closed.clear();
        self.phase = Phase::Begin { resumed: Some(self.from()) };
    }

    /// Where the first window begins that is not handed out. Before any sample was seen: where those begin that
    /// were looked for.
    const fn from(&self) -> i64 {
        match self.windows.closed_to {
            i64::MIN => self.looked_from,
            closed_to => closed_to,
        }
    }

    fn close_by_clock(&mut self) {
        let Some(idle) = self.spec.idle else { return };
        let now = self.database.now();
        if !self.closed.is_empty() || now.saturating_sub(self.heard) < idle {
            return;
        }
        self.closed = self.windows.close(Some(now)).into();
        self.hand_out_settled();
    }

    /// Hands closed windows out, up to one that has to be read first.
    fn hand_out_settled(&mut self) {
        while let Some((start, window)) = self.closed.front() {
            if window.is_doubtful() {
                return;
            }
            let rows = window.rows(*start, &self.spec);
            let start = *start;
            self.closed.pop_front();
            self.push_window(start, rows);
        }
    }

    /// Reads the storage for what comes next. May take long, and block.
    pub(super) fn read(&mut self) -> Result<(), SqlError> {
        match self.phase {
            Phase::Begin { resumed } => self.begin(resumed),
            Phase::CatchUp { next, until } => self.catch_up(next, until),
            Phase::Live if self.closed.is_empty() => self.hand_out_changes(),
            Phase::Live => self.hand_out_closed(),
        }
    }

    fn begin(&mut self, resumed: Option<i64>) -> Result<(), SqlError> {
        for _ in 0..POINTS_MAX {
            let point = self.database.read_point(LogOffset(self.offset))?;
            let tail = match self.database.tail(TailFrom::Offset(point.offset())) {
                Ok(tail) => tail,
                // A flush has passed it.
                Err(timberline::Error::Engine(timberline::EngineError::Behind { .. })) => continue,
                Err(error) => return Err(error.into()),
            };
            let filled = match resumed {
                Some(closed_to) => self.fill_resumed(point, closed_to)?,
                None => self.fill_fresh(point)?,
            };
            if let Some(phase) = filled {
                (self.tail, self.offset, self.phase) = (Some(tail), point.offset().0, phase);
                self.heard = self.database.now();
                if resumed.is_none() {
                    self.push(EventKind::Begin, None, self.from(), Vec::new());
                }
                return Ok(());
            }
            self.windows.clear();
        }
        Err(SqlError::Limit {
            message: "flushes follow each other so fast that no scan begins between them"
                .to_owned(),
        })
    }

    /// Fills the windows that are open at a point.
    fn fill_fresh(&mut self, point: ReadPoint) -> Result<Option<Phase>, SqlError> {
        let recent = self.database.now().saturating_sub(self.spec.lateness);
        let from = self.spec.start_of(recent).saturating_sub(self.spec.width);
        self.looked_from = from;
        // What the database had by the point ends here: no later window has samples that were never read.
        let newest = self.database.stats().max_ts;
        let behind = |ts| self.spec.start_of(ts).saturating_add(self.spec.width);
        self.windows.complete_from = newest.map_or(i64::MIN, behind).min(from);
        let reading = Reading { database: &self.database, plan: &self.plan, spec: &self.spec };
        if reading.fill(point, from, &mut self.windows)?.is_none() {
            return Ok(None);
        }
        // Those that were closed before anyone subscribed.
        drop(self.windows.close(None));
        Ok(Some(Phase::Live))
    }

    /// Finds the windows that have closed since, and fills those that are open at a point.
    fn fill_resumed(
        &mut self,
        point: ReadPoint,
        closed_to: i64,
    ) -> Result<Option<Phase>, SqlError> {
        let reading = Reading { database: &self.database, plan: &self.plan, spec: &self.spec };
        let Some(newest) = reading.newest(point, closed_to)? else { return Ok(None) };
        let newest = newest.max(self.windows.newest);
        let watermark = newest.saturating_sub(self.spec.lateness);
        let until = self.spec.start_of(watermark).max(closed_to);
        if reading.fill(point, until, &mut self.windows)?.is_none() {
            return Ok(None);
        }
        self.windows.newest = self.windows.newest.max(newest);
        self.windows.closed_to = until;
        (self.looked_from, self.windows.complete_from) = (until, until);
        // Where the database has nothing, there is nothing to look for, however long ago the id was given out.
        let stats = self.database.stats();
        let Some((first, last)) = stats.min_ts.zip(stats.max_ts) else {
            return Ok(Some(Phase::Live));
        };
        let next = closed_to.max(self.spec.start_of(first));
        let until = until.min(self.spec.start_of(last).saturating_add(self.spec.width));
        Ok(Some(Phase::CatchUp { next, until }))
    }

    fn catch_up(&mut self, next: i64, until: i64) -> Result<(), SqlError> {
        if next >= until {
            self.phase = Phase::Live;
            return Ok(());
        }
        let count = (CATCH_UP_NANOS / self.spec.width).max(1);
        let end = next.saturating_add(self.spec.width.saturating_mul(count)).min(until);
        let reading = Reading { database: &self.database, plan: &self.plan, spec: &self.spec };
        let closed = reading.closed(next, end)?;
        for (start, rows) in closed.into_rows(&self.spec) {
            self.push_window(start, rows);
        }
        self.phase = Phase::CatchUp { next: end, until };
        Ok(())
    }

    /// Hands closed windows out, and reads those that have to be.
    fn hand_out_closed(&mut self) -> Result<(), SqlError> {
        if let Some((start, window)) = self.closed.front_mut()
            && window.is_doubtful()
        {
            let reading = Reading { database: &self.database, plan: &self.plan, spec: &self.spec };
            reading.settle(*start, window, &mut self.windows)?;
            let (start, rows) = (*start, window.rows(*start, &self.spec));
            self.closed.pop_front();
            self.push_window(start, rows);
        }
        self.hand_out_settled();
        Ok(())
    }

    /// Hands out what has changed in open windows. Blocks where that is doubtful.
    pub(super) fn hand_out_changes(&mut self) -> Result<(), SqlError> {
        for (start, mut window) in self.windows.take_touched() {
            if window.is_doubtful() {
                let reading =
                    Reading { database: &self.database, plan: &self.plan, spec: &self.spec };
                reading.settle(start, &mut window, &mut self.windows)?;
            }
            let rows = window.changed_rows(start, &self.spec);
            self.windows.put_back(start, window)?;
            if !rows.is_empty() {
                self.push(EventKind::Change, Some(start), self.from(), rows);
            }
        }
        self.changed = Instant::now();
        Ok(())
    }

    fn push_window(&mut self, start: i64, rows: Vec<Vec<Cell>>) {
        if !rows.is_empty() {
            let end = start.saturating_add(self.spec.width);
            self.push(EventKind::Window, Some(start), end, rows);
        }
    }

    fn push(&mut self, kind: EventKind, start: Option<i64>, place: i64, rows: Vec<Vec<Cell>>) {
        let late = self.windows.late;
        let token = Token {
            fingerprint: self.plan.fingerprint,
            offset: self.offset,
            place,
            newest: self.windows.newest,
            late,
        };
        let window = start.map(|start| (start, start.saturating_add(self.spec.width)));
        self.events.push_back(Event { id: token.encode(), kind, window, rows, late });
    }
}
