//! Statements of all wires take their turns with all other queries, and are counted.

use std::{net::IpAddr, time::Duration};

use timberline_sql::{Gate, Outcome, Place, SqlError};

use crate::{http::App, net::Client};

/// The server's gate.
#[derive(Clone, Debug)]
pub(crate) struct ServerGate(pub(crate) App);

#[async_trait::async_trait]
impl Gate for ServerGate {
    async fn admit(&self, client: IpAddr) -> Result<Place, SqlError> {
        let place = self.0.admit_query(Client(client.to_canonical())).await;
        match place {
            Ok(place) => Ok(Box::new(place)),
            Err(error) => Err(SqlError::Busy { message: error.text().to_owned() }),
        }
    }

    fn timeout(&self) -> Duration {
        self.0.config().query.timeout.as_std()
    }

    fn ended(&self, wire: &'static str, outcome: Outcome, rows: u64, took: Duration) {
        self.0.metrics().statement_ended(wire, outcome.as_str(), rows, took);
    }
}
