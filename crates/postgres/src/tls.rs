//! Certificates and keys of files.

use std::{path::Path, sync::Arc};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio_rustls::TlsAcceptor;

use crate::PostgresError;

/// What encrypts connections, by a certificate (with its chain) and a key in PEM.
///
/// # Errors
/// Files that cannot be read, or that hold nothing that TLS can use. There is never a way on without TLS.
pub fn load_tls(certificate: &Path, key: &Path) -> Result<TlsAcceptor, PostgresError> {
    let file = |what, path: &Path, reason: String| PostgresError::File {
        what,
        path: path.to_owned(),
        reason,
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| file("a certificate", certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(file("a certificate", certificate, "it holds none in PEM".to_owned()));
    }
    let private = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| file("a private key", key, error.to_string()))?;
    let wrong = |error: rustls::Error| PostgresError::Tls {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        reason: error.to_string(),
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(wrong)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(wrong)?;
    // Clients that begin with TLS at once name the protocol.
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
