//! Errors of starting the wire.

use std::{io, path::PathBuf};

use timberline_sql::SqlError;

/// Why connections cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// A file with a certificate, a key or a password cannot be read.
    #[error("cannot read {what} in {}: {reason}", path.display())]
    File {
        /// What the file should hold.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The certificate and the key do not go together, or are none that TLS can use.
    #[error("TLS cannot use the certificate in {} with the key in {}: {reason}", certificate.display(), key.display())]
    Tls {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl PostgresError {
    /// How a surface should report it.
    #[must_use]
    pub fn kind(&self) -> timberline_sql::ErrorKind {
        match self {
            Self::File { .. } | Self::Tls { .. } => timberline_sql::ErrorKind::Invalid,
        }
    }
}

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    /// The client went away, or the network did.
    #[error("the connection broke: {0}")]
    Broken(#[from] io::Error),
    /// The client does not keep to the protocol.
    #[error("the protocol was broken: {0}")]
    Protocol(#[from] pgwire::error::PgWireError),
    /// The client said goodbye, or the server stops.
    #[error("closed")]
    Closed,
}

impl From<Ended> for SqlError {
    fn from(_: Ended) -> Self {
        Self::Canceled
    }
}
