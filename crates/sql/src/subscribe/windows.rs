//! The open windows: states by window and series, the watermark, and what is late.
//!
//! A window has one state for each series that has come to it. While a series' samples come in order, its
//! state grows with each of them. One at or behind the series' last instant may be a duplicate: the state is
//! then *doubtful*, and is read from the storage before anyone sees it.
//!
//! Invariant: windows before `closed_to` are gone, and none of them comes back.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use timberline::TailBatch;
use timberline_model::{DuplicatePolicy, Labels, SeriesColumns, SeriesRef, is_stale};

use super::{
    condition::RowCondition,
    event::Cell,
    number_map::NumberMap,
    plan::{GroupKey, Plan, Windowed},
    stats::Stats,
};
use crate::SqlError;

/// States of one subscription: series in its open windows, a series in two windows counted twice.
pub(super) const STATES_MAX: usize = if cfg!(test) { 5_000 } else { 250_000 };
/// Series remembered beyond those in open windows before they are forgotten.
const REMEMBERED_MAX: usize = 100_000;

/// All windows that are not closed yet.
pub(super) struct Windows {
    plan: Arc<Plan>,
    spec: Windowed,
    policy: DuplicatePolicy,
    /// Where the first window begins that is not closed; the least instant before any sample was seen.
    pub(super) closed_to: i64,
    /// The newest instant of all matching samples; the least one before any.
    pub(super) newest: i64,
    /// Samples that came after their window was closed.
    pub(super) late: u64,
    /// Windows that begin earlier have samples which were never read.
    pub(super) complete_from: i64,
    open: BTreeMap<i64, Window>,
    states: usize,
    /// By their numbers in the log; `None` for those that do not match.
    by_ref: NumberMap<SeriesRef, Option<Arc<Known>>>,
    by_labels: HashMap<Labels, Arc<Known>>,
    keys: HashSet<Arc<GroupKey>>,
    next_id: u64,
}

/// A series that matches.
pub(super) struct Known {
    id: u64,
    pub(super) labels: Labels,
    condition: RowCondition,
    /// One for all series of a group, as long as they are remembered.
    key: Arc<GroupKey>,
}

/// One window.
#[derive(Default)]
pub(super) struct Window {
    /// In the order in which their series came.
    states: Vec<State>,
    /// Where each series' state is.
    places: NumberMap<u64, usize>,
    /// Where the state of the next sample is, if series come in the same order again and again, as they do.
    expected: usize,
    /// It has samples that were never read: all of it is to be read.
    unread: bool,
    /// States that are doubtful.
    doubtful: usize,
    touched: bool,
}

/// What one series has in one window.
struct State {
    known: Arc<Known>,
    last: (i64, u64),
    doubtful: bool,
    touched: bool,
    stats: Stats,
}

impl Windows {
    pub(super) fn new(plan: Arc<Plan>, spec: Windowed, policy: DuplicatePolicy) -> Self {
        Self {
            plan,
            spec,
            policy,
            closed_to: i64::MIN,
            newest: i64::MIN,
            late: 0,
            complete_from: i64::MIN,
            open: BTreeMap::new(),
            states: 0,
            by_ref: NumberMap::default(),
            by_labels: HashMap::new(),
            keys: HashSet::new(),
            next_id: 0,
        }
    }

    /// Forgets all states, and nothing that was said before.
    pub(super) fn clear(&mut self) {
        self.open.clear();
        self.states = 0;
        self.by_ref.clear();
        self.by_labels.clear();
        self.keys.clear();
    }

    /// Takes in a batch of the tail; says whether any of it matches. `labels_of` knows the labels of a
    /// series that has not left memory.
    pub(super) fn apply(
        &mut self,
        batch: &TailBatch,
        labels_of: impl Fn(SeriesRef) -> Option<Labels>,
    ) -> Result<bool, SqlError> {
        let mut matched = false;
        let mut at = 0;
        while at < batch.series.len() {
            let series = batch.series[at];
            let same = batch.series[at..].iter().take_while(|other| **other == series).count();
            let end = at + same;
            let known = match self.by_ref.get(&series) {
                Some(known) => known.clone(),
                None => {
                    let known = self.know(&labels_of(series).ok_or_else(gone)?);
                    self.by_ref.insert(series, known.clone());
                    known
                }
            };
            if let Some(known) = known {
                self.apply_series(&known, &batch.timestamps[at..end], &batch.values[at..end])?;
                matched = true;
            }
            at = end;
        }
        Ok(matched)
    }

    fn apply_series(
        &mut self,
        known: &Arc<Known>,
        timestamps: &[i64],
        values: &[f64],
    ) -> Result<(), SqlError> {
        for (ts, value) in timestamps.iter().copied().zip(values.iter().copied()) {
            if is_stale(value) {
                continue;
            }
            self.newest = self.newest.max(ts);
            if ts < self.closed_to {
                self.late += 1;
                continue;
            }
            let start = self.spec.start_of(ts);
            let window = self.open.entry(start).or_insert_with(|| Window {
                unread: start < self.complete_from,
                ..Window::default()
            });
            if window.push(known, ts, value, self.policy) {
                self.states += 1;
                check_states(self.states)?;
            }
        }
        Ok(())
    }

    /// Takes in what a series had when the subscription began, ascending. Series come once each.
    pub(super) fn fill(
        &mut self,
        labels: &Labels,
        columns: &SeriesColumns,
    ) -> Result<(), SqlError> {
        let Some(known) = self.know(labels) else { return Ok(()) };
        for (ts, value) in columns.timestamps.iter().copied().zip(columns.values.iter().copied()) {
            if is_stale(value) {
                continue;
            }
            self.newest = self.newest.max(ts);
            let window = self.open.entry(self.spec.start_of(ts)).or_default();
            // Each instant comes once, or as often as the policy lets it count.
            let is_new = window.push(&known, ts, value, DuplicatePolicy::All);
            self.states += usize::from(is_new);
        }
        check_states(self.states)
    }

    /// Moves the watermark, and takes away the windows that it has passed, in order. With `clock`, nothing
    /// has come for long, and the clock stands in for the samples' time.
    pub(super) fn close(&mut self, clock: Option<i64>) -> Vec<(i64, Window)> {
        let mut closed_to = i64::MIN;
        if self.newest > i64::MIN {
            closed_to = self.spec.start_of(self.newest.saturating_sub(self.spec.lateness));
        }
        if let (Some(now), Some((last, _))) = (clock, self.open.last_key_value()) {
            let by_clock = self.spec.start_of(now.saturating_sub(self.spec.lateness));
            closed_to = closed_to.max(by_clock.min(last.saturating_add(self.spec.width)));
        }
        self.closed_to = self.closed_to.max(closed_to);
        let rest = self.open.split_off(&self.closed_to);
        let closed = std::mem::replace(&mut self.open, rest);
        for window in closed.values() {
            self.states -= window.states.len();
        }
        closed.into_iter().collect()
    }

    /// Whether a window is open.
    pub(super) fn has_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Whether some window has changed since its changes were taken.
    pub(super) fn is_touched(&self) -> bool {
        self.open.values().any(|window| window.touched)
    }

    /// Whether a window that has changed has to be read.
    pub(super) fn is_doubtful(&self) -> bool {
        self.open.values().any(|window| window.touched && window.is_doubtful())
    }

    /// Takes away the open windows that have changed, to look at and [put back](Self::put_back).
    pub(super) fn take_touched(&mut self) -> Vec<(i64, Window)> {
        let touched: Vec<(i64, Window)> =
            self.open.extract_if(.., |_, window| window.touched).collect();
        for (_, window) in &touched {
            self.states -= window.states.len();
        }
        touched
    }

    /// Puts a window back.
    pub(super) fn put_back(&mut self, start: i64, window: Window) -> Result<(), SqlError> {
        self.states += window.states.len();
        self.open.insert(start, window);
        check_states(self.states)
    }

    /// What is known of a series; `None` when it does not match.
    fn know(&mut self, labels: &Labels) -> Option<Arc<Known>> {
        if let Some(known) = self.by_labels.get(labels) {
            return Some(Arc::clone(known));
        }
        let mut known = know(&self.plan, &self.spec, labels, self.next_id)?;
        self.next_id += 1;
        match self.keys.get(&known.key) {
            Some(key) => known.key = Arc::clone(key),
            None => drop(self.keys.insert(Arc::clone(&known.key))),
        }
        let known = Arc::new(known);
        self.by_labels.insert(labels.clone(), Arc::clone(&known));
        Some(known)
    }

    /// Forgets series that no open window has, when they are many. No window that was taken away may still be
    /// waiting to be read.
    pub(super) fn forget(&mut self) {
        if self.by_ref.len() > self.states + REMEMBERED_MAX {
            self.by_ref.clear();
            let states = self.open.values().flat_map(|window| &window.states);
            let live = states.map(|of| (of.known.labels.clone(), Arc::clone(&of.known)));
            self.by_labels = live.collect();
            self.keys.retain(|key| Arc::strong_count(key) > 1);
        }
    }
}

fn know(plan: &Plan, spec: &Windowed, labels: &Labels, id: u64) -> Option<Known> {
    let condition = plan.bind(labels)?;
    Some(Known { id, labels: labels.clone(), condition, key: Arc::new(spec.group_of(labels)) })
}

impl State {
    fn new(known: Arc<Known>) -> Self {
        let stats = Stats::default();
        Self { known, last: (i64::MIN, 0), doubtful: false, touched: true, stats }
    }

    #[inline]
    fn push(&mut self, ts: i64, value: f64) {
        self.last = (ts, value.to_bits());
        if self.known.condition.passes(ts, value) {
            self.stats.push(ts, value);
        }
    }

    /// Whether a sample at or behind the last one changes nothing for sure.
    fn repeats(&self, ts: i64, value: f64, policy: DuplicatePolicy) -> bool {
        ts == self.last.0 && (value.to_bits() == self.last.1 || policy != DuplicatePolicy::Last)
    }
}

impl Window {
    /// Whether parts of it have to be read.
    pub(super) const fn is_doubtful(&self) -> bool {
        self.unread || self.doubtful > 0
    }

    /// Takes in a sample; says whether it is the first of its series.
    fn push(&mut self, known: &Arc<Known>, ts: i64, value: f64, policy: DuplicatePolicy) -> bool {
        self.touched = true;
        let Some(place) = self.place(known.id) else {
            let mut state = State::new(Arc::clone(known));
            state.push(ts, value);
            self.insert(state);
            return true;
        };
        self.expected = place + 1;
        let state = &mut self.states[place];
        state.touched = true;
        if ts > state.last.0 || policy == DuplicatePolicy::All {
            state.push(ts, value);
        } else if !state.repeats(ts, value, policy) && !state.doubtful {
            state.doubtful = true;
            self.doubtful += 1;
        }
        false
    }

    fn place(&self, id: u64) -> Option<usize> {
        match self.states.get(self.expected) {
            Some(state) if state.known.id == id => Some(self.expected),
            _ => self.places.get(&id).copied(),
        }
    }

    fn insert(&mut self, state: State) {
        self.places.insert(state.known.id, self.states.len());
        self.states.push(state);
    }

    /// The series that have to be read; `None` for all.
    pub(super) fn doubtful_series(&self, singly_max: usize) -> Option<Vec<Arc<Known>>> {
        if self.unread || self.doubtful > singly_max {
            return None;
        }
        let doubtful = self.states.iter().filter(|state| state.doubtful);
        Some(doubtful.map(|state| Arc::clone(&state.known)).collect())
    }

    /// Puts what was read of a series in place of its state.
    pub(super) fn replace(&mut self, known: &Arc<Known>, columns: &SeriesColumns) {
        let mut state = State::new(Arc::clone(known));
        for (ts, value) in columns.timestamps.iter().copied().zip(columns.values.iter().copied()) {
            if !is_stale(value) {
                state.push(ts, value);
            }
        }
        match self.place(known.id) {
            Some(place) => {
                let before = std::mem::replace(&mut self.states[place], state);
                self.doubtful -= usize::from(before.doubtful);
            }
            None => self.insert(state),
        }
    }

    /// Says that all of it was read. Where samples at one instant add up, what the tail brings later may have
    /// been read already: such a window is read again each time.
    pub(super) fn all_read(&mut self, policy: DuplicatePolicy) {
        self.unread &= policy == DuplicatePolicy::All;
        self.doubtful = 0;
        self.states.iter_mut().for_each(|state| state.doubtful = false);
    }

    /// The rows of all groups, by their labels.
    pub(super) fn rows(&self, start: i64, spec: &Windowed) -> Vec<Vec<Cell>> {
        rows_of(self.groups(), start, spec)
    }

    /// The rows of the groups that have changed since this was asked last.
    pub(super) fn changed_rows(&mut self, start: i64, spec: &Windowed) -> Vec<Vec<Cell>> {
        let touched = self.states.iter().filter(|state| state.touched);
        let touched: HashSet<&GroupKey> = touched.map(|state| &*state.known.key).collect();
        let mut groups = self.groups();
        groups.retain(|key, _| touched.contains(*key));
        let rows = rows_of(groups, start, spec);
        self.touched = false;
        self.states.iter_mut().for_each(|state| state.touched = false);
        rows
    }

    fn groups(&self) -> BTreeMap<&GroupKey, Stats> {
        // A group's series have one key as a rule, which is then compared once for the group.
        let mut same: NumberMap<usize, (&GroupKey, Stats)> = NumberMap::default();
        for state in &self.states {
            let key = &state.known.key;
            let group = same.entry(Arc::as_ptr(key).addr());
            group.or_insert_with(|| (key, Stats::default())).1.merge(&state.stats);
        }
        let mut groups: BTreeMap<&GroupKey, Stats> = BTreeMap::new();
        for (key, stats) in same.into_values() {
            groups.entry(key).or_default().merge(&stats);
        }
        groups
    }

    /// Takes in what was read of a series, whether it was known or not.
    pub(super) fn read_series(
        &mut self,
        labels: &Labels,
        columns: &SeriesColumns,
        windows: &mut Windows,
    ) {
        if let Some(known) = windows.know(labels) {
            self.replace(&known, columns);
        }
    }
}

/// Sums of windows that are closed already, by window and group, for which no states are kept.
#[derive(Default)]
pub(super) struct ClosedWindows {
    groups: BTreeMap<i64, BTreeMap<GroupKey, Stats>>,
    count: usize,
}

impl ClosedWindows {
    pub(super) fn add(
        &mut self,
        (plan, spec): (&Plan, &Windowed),
        labels: &Labels,
        columns: &SeriesColumns,
    ) -> Result<(), SqlError> {
        let Some(known) = know(plan, spec, labels, 0) else { return Ok(()) };
        let mut at: Option<(i64, Stats)> = None;
        let samples = columns.timestamps.iter().copied().zip(columns.values.iter().copied());
        for (ts, value) in samples {
            if is_stale(value) || !known.condition.passes(ts, value) {
                continue;
            }
            let start = spec.start_of(ts);
            if at.as_ref().is_some_and(|(open, _)| *open != start) {
                self.merge(at.take(), &known.key);
            }
            at.get_or_insert_with(|| (start, Stats::default())).1.push(ts, value);
        }
        self.merge(at, &known.key);
        check_states(self.count)
    }

    fn merge(&mut self, found: Option<(i64, Stats)>, key: &GroupKey) {
        let Some((start, stats)) = found else { return };
        let groups = self.groups.entry(start).or_default();
        if let Some(group) = groups.get_mut(key) {
            return group.merge(&stats);
        }
        self.count += 1;
        groups.insert(key.clone(), stats);
    }

    /// The rows of each window, in order.
    pub(super) fn into_rows(self, spec: &Windowed) -> Vec<(i64, Vec<Vec<Cell>>)> {
        let rows = |(start, groups): (i64, BTreeMap<GroupKey, Stats>)| {
            let rows = groups.iter().filter_map(|(key, stats)| spec.row(start, key, stats));
            (start, rows.collect())
        };
        self.groups.into_iter().map(rows).collect()
    }
}

fn rows_of(groups: BTreeMap<&GroupKey, Stats>, start: i64, spec: &Windowed) -> Vec<Vec<Cell>> {
    groups.into_iter().filter_map(|(key, stats)| spec.row(start, key, &stats)).collect()
}

fn check_states(count: usize) -> Result<(), SqlError> {
    if count <= STATES_MAX {
        return Ok(());
    }
    Err(SqlError::Limit {
        message: format!(
            "the subscription's open windows have more than {STATES_MAX} series; select fewer series, \
             or take narrower windows or less lateness"
        ),
    })
}

fn gone() -> SqlError {
    SqlError::Behind {
        message:
            "the subscription is so far behind that a series it has yet to see has left memory"
                .to_owned(),
    }
}
