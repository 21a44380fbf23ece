//! The subscription as its user has it: a stream of events.

use std::{future::poll_fn, sync::Arc, task::Poll};

use futures_util::{Stream, stream};
use timberline::{Database, Tail, TailBatch};
use tokio::task::JoinHandle;

use super::{
    event::Event,
    grouped::{Grouped, Next},
    plan::Shape,
    rows::Rows,
    statement::parse,
    token::Token,
};
use crate::SqlError;

/// A continuous query at work. Dropping it ends it. Nothing happens while nobody asks for its
/// [`next`](Self::next) event: what waits is in the database's log.
pub struct Subscription {
    columns: Vec<String>,
    work: Work,
    last_id: Option<String>,
    ended: bool,
}

enum Work {
    Rows(Box<Rows>),
    Windows(Box<Grouped>),
    /// Reading the storage on a thread that may block.
    Reading(JoinHandle<(Box<Grouped>, Result<(), SqlError>)>),
    /// Its thread has panicked.
    Lost,
}

impl Subscription {
    /// Begins what a statement says in a database, or goes on behind an event.
    ///
    /// # Errors
    /// A statement that no subscription can have, with its place; an id that does not belong to it; for
    /// rows, an id whose offset the log has no longer ([`SqlError::Behind`]).
    pub fn begin(database: &Database, sql: &str, resume: Option<&str>) -> Result<Self, SqlError> {
        let plan = Arc::new(parse(sql)?);
        let token = resume.map(|id| Token::decode(id, plan.fingerprint)).transpose()?;
        let (columns, database) = (plan.columns.clone(), database.clone());
        let work = match &plan.shape {
            Shape::Rows(columns) => {
                let columns = columns.clone();
                Work::Rows(Box::new(Rows::new(database, plan, columns, token)?))
            }
            Shape::Windows(spec) => {
                let spec = spec.clone();
                Work::Windows(Box::new(Grouped::new(database, plan, spec, token)))
            }
        };
        Ok(Self { columns, work, last_id: resume.map(ToOwned::to_owned), ended: false })
    }

    /// The names of the columns that rows have.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The id of the last event that was handed out, or with which it began.
    #[must_use]
    pub fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// The next event; waits for it, on a tokio runtime with time. Ends after an error. May be given up at any moment and asked again.
    pub async fn next(&mut self) -> Option<Result<Event, SqlError>> {
        if self.ended {
            return None;
        }
        let event = self.event().await;
        match &event {
            Ok(event) => self.last_id = Some(event.id.clone()),
            Err(_) => self.ended = true,
        }
        Some(event)
    }

    /// The events as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<Event, SqlError>> + Send + Unpin {
        Box::pin(stream::unfold(self, |mut subscription| async {
            let event = subscription.next().await?;
            Some((event, subscription))
        }))
    }

    /// Up to which offset everything was taken in; `None` while something is under way.
    #[cfg(test)]
    pub(super) fn has_read(&mut self) -> Option<u64> {
        match &mut self.work {
            Work::Rows(rows) => Some(rows.tail().0.position().0),
            Work::Windows(windows) if matches!(windows.next(), Next::Wait(_)) => {
                windows.tail().map(|(tail, _)| tail.position().0)
            }
            _ => None,
        }
    }

    async fn event(&mut self) -> Result<Event, SqlError> {
        loop {
            match &mut self.work {
                Work::Rows(rows) => {
                    if let Some(event) = rows.events.pop_front() {
                        return Ok(event);
                    }
                    if !rows.turn()? {
                        wait(rows.tail()).await?;
                    }
                }
                Work::Windows(windows) => {
                    if let Some(event) = windows.events.pop_front() {
                        return Ok(event);
                    }
                    self.windows().await?;
                    continue;
                }
                Work::Reading(reading) => {
                    let Ok((windows, result)) = reading.await else {
                        self.work = Work::Lost;
                        continue;
                    };
                    self.work = Work::Windows(windows);
                    result?;
                }
                Work::Lost => {
                    return Err(SqlError::Storage {
                        message: "reading for the subscription failed by a fault of ours"
                            .to_owned(),
                    });
                }
            }
            tokio::task::consume_budget().await;
        }
    }

    async fn windows(&mut self) -> Result<(), SqlError> {
        let Work::Windows(windows) = &mut self.work else { return Ok(()) };
        match windows.next() {
            Next::Turn => windows.turn(),
            Next::Changes => windows.hand_out_changes(),
            Next::Read => {
                let Work::Windows(mut windows) = std::mem::replace(&mut self.work, Work::Lost)
                else {
                    return Ok(());
                };
                self.work = Work::Reading(tokio::task::spawn_blocking(move || {
                    let result = windows.read();
                    (windows, result)
                }));
                Ok(())
            }
            Next::Wait(longest) => {
                if let Some(tail) = windows.tail() {
                    // The tail may be behind, which the turn finds out, too.
                    let _timeout = tokio::time::timeout(longest, wait(tail)).await;
                }
                tokio::task::consume_budget().await;
                windows.turn()
            }
        }
    }
}

/// Waits until a tail has a batch, and keeps it.
async fn wait((tail, waiting): (&mut Tail, &mut Option<Arc<TailBatch>>)) -> Result<(), SqlError> {
    poll_fn(|context| match tail.poll_next(context) {
        Poll::Pending => Poll::Pending,
        Poll::Ready(Ok(batch)) => {
            *waiting = Some(batch);
            Poll::Ready(Ok(()))
        }
        Poll::Ready(Err(error)) => Poll::Ready(Err(error.into())),
    })
    .await
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription").field("columns", &self.columns).finish_non_exhaustive()
    }
}
