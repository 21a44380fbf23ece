//! A subscription to rows at work: samples as they were written, in the order of the log.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use timberline::{Database, LogOffset, SeriesRef, Tail, TailBatch, TailFrom};
use timberline_model::{Labels, is_stale};

use super::{
    condition::RowCondition,
    event::{Cell, Event, EventKind},
    plan::{METRIC, Plan, RowColumn},
    token::Token,
};
use crate::SqlError;

/// Rows of one event.
const ROWS_PER_EVENT: usize = 1_000;
/// Series that are remembered; when there are more, all are looked up anew.
const REMEMBERED_MAX: usize = 250_000;

type Known = Option<(Labels, RowCondition)>;

pub(super) struct Rows {
    database: Database,
    plan: Arc<Plan>,
    columns: Vec<RowColumn>,
    tail: Tail,
    known: HashMap<SeriesRef, Known>,
    /// Rows of the first batch that were handed out before a resume.
    skip: usize,
    waiting: Option<Arc<TailBatch>>,
    pub(super) events: VecDeque<Event>,
}

impl Rows {
    pub(super) fn new(
        database: Database,
        plan: Arc<Plan>,
        columns: Vec<RowColumn>,
        resume: Option<Token>,
    ) -> Result<Self, SqlError> {
        let from = resume.map_or(TailFrom::End, |token| TailFrom::Offset(LogOffset(token.offset)));
        let tail = database.tail(from)?;
        let mut events = VecDeque::new();
        if resume.is_none() {
            let token = token(&plan, tail.position(), 0);
            events.push_back(event(EventKind::Begin, token, Vec::new()));
        }
        Ok(Self {
            tail,
            database,
            plan,
            columns,
            known: HashMap::new(),
            skip: resume.map_or(0, |token| usize::try_from(token.place).unwrap_or(0)),
            waiting: None,
            events,
        })
    }

    pub(super) fn tail(&mut self) -> (&mut Tail, &mut Option<Arc<TailBatch>>) {
        (&mut self.tail, &mut self.waiting)
    }

    /// Takes in one batch; says whether there was one.
    pub(super) fn turn(&mut self) -> Result<bool, SqlError> {
        let batch = match self.waiting.take() {
            Some(batch) => Some(batch),
            None => self.tail.try_next()?,
        };
        let Some(batch) = batch else { return Ok(false) };
        let mut found = Vec::new();
        for (index, series) in batch.series.iter().enumerate() {
            let (ts, value) = (batch.timestamps[index], batch.values[index]);
            if let Some((labels, condition)) = self.know(*series)?
                && !is_stale(value)
                && condition.passes(ts, value)
            {
                let labels = labels.clone();
                found.push(self.row(&labels, ts, value));
            }
        }
        self.hand_out(&batch, found);
        Ok(true)
    }

    fn know(&mut self, series: SeriesRef) -> Result<&Known, SqlError> {
        if !self.known.contains_key(&series) {
            if self.known.len() >= REMEMBERED_MAX {
                self.known.clear();
            }
            let labels = self.database.labels_of(series).ok_or_else(|| SqlError::Behind {
                message: "a series whose rows are next has left memory; subscribe anew".to_owned(),
            })?;
            let known = self.plan.bind(&labels).map(|condition| (labels, condition));
            self.known.insert(series, known);
        }
        Ok(&self.known[&series])
    }

    fn row(&self, labels: &Labels, ts: i64, value: f64) -> Vec<Cell> {
        let cell = |column: &RowColumn| match column {
            RowColumn::Time => Cell::Time(ts),
            RowColumn::Value => Cell::Float(value),
            RowColumn::Label(name) => {
                labels.get(name).map_or(Cell::Null, |value| Cell::Text(value.to_owned()))
            }
            RowColumn::Tags => {
                let tags = labels.iter().filter(|(name, _)| *name != METRIC);
                Cell::Tags(tags.map(|(n, v)| (n.to_owned(), v.to_owned())).collect())
            }
        };
        self.columns.iter().map(cell).collect()
    }

    fn hand_out(&mut self, batch: &TailBatch, mut rows: Vec<Vec<Cell>>) {
        let all = rows.len();
        let mut handed = std::mem::take(&mut self.skip).min(all);
        rows.drain(..handed);
        while !rows.is_empty() {
            let rest = rows.split_off(rows.len().min(ROWS_PER_EVENT));
            handed += rows.len();
            let (offset, place) =
                if handed == all { (batch.end, 0) } else { (batch.offset, handed as i64) };
            let rows = std::mem::replace(&mut rows, rest);
            let token = token(&self.plan, offset, place);
            self.events.push_back(event(EventKind::Rows, token, rows));
        }
    }
}

fn token(plan: &Plan, offset: LogOffset, place: i64) -> Token {
    Token { fingerprint: plan.fingerprint, offset: offset.0, place, newest: 0, late: 0 }
}

fn event(kind: EventKind, token: Token, rows: Vec<Vec<Cell>>) -> Event {
    Event { id: token.encode(), kind, window: None, rows, late: 0 }
}
