//! One connection: its messages, and what it remembers between them.

mod answers;
mod extended;
mod running;
mod simple;

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::{Arc, PoisonError, RwLockReadGuard, RwLockWriteGuard},
};

use datafusion::logical_expr::ScalarUDF;
use pgwire::messages::{PgWireFrontendMessage, response::TransactionStatus};
use timberline_sql::Session;
use tokio::sync::{Mutex, watch};

use crate::{
    cancel::Registered,
    catalog::Catalog,
    error::Ended,
    listener::Shared,
    refusal::Refusal,
    setting_function::{CurrentSetting, SharedSettings},
    settings::Settings,
    socket::Socket,
    statement::{Portal, Statement},
};

/// Messages that came while a statement ran; further ones wait in the network.
const PENDING_MAX: usize = 64;
/// Prepared statements of one connection.
const STATEMENTS_MAX: usize = 10_000;
/// Portals and cursors of one connection.
const PORTALS_MAX: usize = 1_000;

/// Why something was not done.
pub(crate) enum Fault {
    /// The client is told, and may go on.
    Refused(Box<Refusal>),
    /// The connection is at its end.
    Ended(Ended),
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl From<Ended> for Fault {
    fn from(ended: Ended) -> Self {
        Self::Ended(ended)
    }
}

impl From<timberline_sql::SqlError> for Fault {
    fn from(error: timberline_sql::SqlError) -> Self {
        Refusal::from(error).into()
    }
}

/// A client that was let in.
pub(crate) struct Connection {
    socket: Socket,
    shared: Arc<Shared>,
    session: Arc<Session>,
    /// Taken by whatever parses a statement, one at a time.
    catalog: Arc<Mutex<Catalog>>,
    /// Questions may ask for them, too.
    settings: SharedSettings,
    registered: Registered,
    client: IpAddr,
    pending: VecDeque<PgWireFrontendMessage>,
    statements: HashMap<String, Arc<Statement>>,
    portals: HashMap<String, Portal>,
    status: TransactionStatus,
    /// Whether something was written since `BEGIN`.
    wrote: bool,
    /// Whether the client has been told that it may ask, and has asked nothing since.
    idle: bool,
}

impl Connection {
    pub(crate) fn new(
        socket: Socket,
        shared: &Arc<Shared>,
        session: Session,
        catalog: Catalog,
        settings: Settings,
        registered: Registered,
        client: IpAddr,
    ) -> Self {
        let settings = SharedSettings::new(settings.into());
        let function = CurrentSetting::new(Arc::clone(&settings));
        session.context().register_udf(ScalarUDF::new_from_impl(function));
        Self {
            socket,
            shared: Arc::clone(shared),
            session: Arc::new(session),
            catalog: Arc::new(Mutex::new(catalog)),
            settings,
            registered,
            client,
            pending: VecDeque::new(),
            statements: HashMap::new(),
            portals: HashMap::new(),
            status: TransactionStatus::Idle,
            wrote: false,
            idle: true,
        }
    }

    /// Answers messages until the client leaves, or the server stops.
    pub(crate) async fn serve(mut self) -> Result<(), Ended> {
        let mut stopping = self.shared.stopping.clone();
        // After an error in the extended protocol nothing counts until the next Sync.
        let mut skipping = false;
        loop {
            let message = match self.pending.pop_front() {
                Some(message) => message,
                None => tokio::select! {
                    message = self.socket.next() => match message {
                        Some(Ok(message)) => message,
                        Some(Err(error)) => {
                            let refusal = Refusal::fatal("08P01", error.to_string());
                            return Err(self.socket.end(&refusal).await);
                        }
                        None => return Err(Ended::Closed),
                    },
                    () = stopped(&mut stopping) => {
                        let refusal = Refusal::fatal("57P01", "the server stops");
                        return Err(self.socket.end(&refusal).await);
                    }
                },
            };
            if std::mem::take(&mut self.idle) {
                // A request to cancel that came before the statement is not for it.
                self.registered.requests.mark_unchanged();
            }
            match message {
                PgWireFrontendMessage::Terminate(_) => return Ok(()),
                PgWireFrontendMessage::Sync(_) => {
                    skipping = false;
                    self.sync().await?;
                }
                _ if skipping => {}
                PgWireFrontendMessage::Query(query) => self.simple(&query.query).await?,
                message => {
                    if let Err(fault) = self.extended(message).await {
                        self.report(fault).await?;
                        skipping = true;
                    }
                }
            }
        }
    }

    /// Tells the client what went wrong.
    async fn report(&mut self, fault: Fault) -> Result<(), Ended> {
        match fault {
            Fault::Ended(ended) => Err(ended),
            Fault::Refused(refusal) => {
                if self.status == TransactionStatus::Transaction {
                    self.status = TransactionStatus::Error;
                }
                self.socket.refuse(&refusal, "").await?;
                self.socket.flush().await
            }
        }
    }

    fn settings(&self) -> RwLockReadGuard<'_, Settings> {
        self.settings.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn settings_mut(&self) -> RwLockWriteGuard<'_, Settings> {
        self.settings.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn in_transaction(&self) -> bool {
        self.status != TransactionStatus::Idle
    }

    /// Forgets portals that end with their transaction.
    fn end_portals(&mut self) {
        self.portals.retain(|_, portal| portal.hold);
    }

    fn keep_portal(&mut self, name: &str, portal: Portal) -> Result<(), Refusal> {
        if self.portals.len() >= PORTALS_MAX && !self.portals.contains_key(name) {
            return Err(Refusal::new("53400", format!("more than {PORTALS_MAX} cursors are open")));
        }
        self.portals.insert(name.to_owned(), portal);
        Ok(())
    }
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // The sender lives as long as the listener waits for us.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}
