//! TLS: a certificate that can be replaced while connections live, the handshake, and what is known of a connection after it.

use std::fmt;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{CipherSuite, ProtocolVersion, ServerConfig, version};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// From a connection's first byte to the end of its handshake.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// How long, and over how many bytes, an answer to who speaks no TLS waits to be read.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: u64 = 64 * 1024;
/// The first byte of every handshake.
const HANDSHAKE_RECORD: u8 = 22;

/// A chain of certificates, the server's own first, with its private key.
#[derive(Clone)]
pub struct Certificate(Arc<CertifiedKey>);

/// Why there is no certificate in what was given. Never says anything of a key.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("the certificate is not readable: {0}")]
    Chain(String),
    #[error("the private key is not readable: {0}")]
    Key(String),
    #[error("the private key is not that of the certificate")]
    Mismatch,
}

impl Certificate {
    /// Both in PEM; the key as PKCS #8, PKCS #1 or SEC 1, not encrypted.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, CertificateError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(|error| CertificateError::Chain(error.to_string()))?;
        if chain.is_empty() {
            return Err(CertificateError::Chain("it holds no CERTIFICATE in PEM form".to_owned()));
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| {
            CertificateError::Key(match error {
                pem::Error::NoItemsFound => {
                    "it holds no PRIVATE KEY in PEM form (one under a password is not taken)".to_owned()
                }
                other => other.to_string(),
            })
        })?;
        let key = provider()
            .key_provider
            .load_private_key(key)
            .map_err(|error| CertificateError::Key(error.to_string()))?;
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            Ok(()) => Ok(Self(Arc::new(certified))),
            Err(rustls::Error::InconsistentKeys(_)) => Err(CertificateError::Mismatch),
            Err(error) => Err(CertificateError::Chain(error.to_string())),
        }
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificate(..)")
    }
}

/// The one provider of cryptography.
fn provider() -> CryptoProvider {
    aws_lc_rs::default_provider()
}

/// What a listener speaks TLS with. Shared by the listeners; each handshake takes the certificate of its moment.
pub struct Tls {
    acceptor: TlsAcceptor,
    current: Arc<Current>,
}

impl Tls {
    /// TLS 1.2 and 1.3, for HTTP/2 and HTTP/1.1.
    pub fn new(certificate: Certificate) -> Self {
        let current = Arc::new(Current(RwLock::new(certificate)));
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .expect("the provider has cipher suites of both versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Current>::clone(&current));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self { acceptor: Arc::new(config).into(), current }
    }

    /// For the handshakes from now on; connections stay as they are.
    pub fn replace(&self, certificate: Certificate) {
        *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = certificate;
    }

    /// Shakes hands with a client of which `first` is the first byte, unread. `None`: it was turned away.
    pub(crate) async fn accept(
        &self,
        first: u8,
        stream: TcpStream,
    ) -> io::Result<Option<(TlsStream<TcpStream>, TlsSession)>> {
        if first != HANDSHAKE_RECORD && first.is_ascii_uppercase() {
            turn_away(stream).await?;
            return Ok(None);
        }
        let stream = tokio::time::timeout(HANDSHAKE_WITHIN, self.acceptor.accept(stream)).await??;
        let (_, connection) = stream.get_ref();
        let session = TlsSession::of(connection.protocol_version(), connection.negotiated_cipher_suite());
        Ok(session.map(|session| (stream, session)))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls(..)")
    }
}

#[derive(Debug)]
struct Current(RwLock<Certificate>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current.0))
    }
}

/// Tells a client that speaks HTTP where TLS is spoken.
async fn turn_away(mut stream: TcpStream) -> io::Result<()> {
    const TEXT: &str = "This port takes HTTPS, and the request came in plain HTTP.\n";
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{TEXT}",
        TEXT.len()
    );
    let tell = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        // A socket that is closed over unread bytes takes the answer with it.
        tokio::io::copy(&mut stream.take(LINGER_BYTES), &mut tokio::io::sink()).await
    };
    tokio::time::timeout(LINGER, tell).await??;
    Ok(())
}

/// How a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TlsSession {
    pub version: TlsVersion,
    /// As OpenSSL and AWS's logs name it, `ECDHE-RSA-AES128-GCM-SHA256`.
    pub cipher: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsVersion {
    V1_2,
    V1_3,
}

impl TlsVersion {
    /// As logs have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::V1_2 => "TLSv1.2",
            Self::V1_3 => "TLSv1.3",
        }
    }

    /// As policies compare it.
    pub fn number(self) -> &'static str {
        match self {
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
        }
    }
}

impl TlsSession {
    fn of(version: Option<ProtocolVersion>, suite: Option<rustls::SupportedCipherSuite>) -> Option<Self> {
        let version = match version? {
            ProtocolVersion::TLSv1_2 => TlsVersion::V1_2,
            ProtocolVersion::TLSv1_3 => TlsVersion::V1_3,
            _ => return None,
        };
        Some(Self { version, cipher: cipher(suite?.suite()) })
    }
}

fn cipher(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => "ECDHE-ECDSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => "ECDHE-ECDSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => "ECDHE-ECDSA-CHACHA20-POLY1305",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => "ECDHE-RSA-AES128-GCM-SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => "ECDHE-RSA-AES256-GCM-SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => "ECDHE-RSA-CHACHA20-POLY1305",
        other => other.as_str().unwrap_or("-"),
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn made() -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    #[test]
    fn certificates_are_read_or_the_reason_is_told() {
        let ((chain, key), (_, other)) = (made(), made());
        let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
        for (chain, key, expected) in [
            ("", key.as_str(), "the certificate is not readable: it holds no CERTIFICATE"),
            (&key, &key, "the certificate is not readable: it holds no CERTIFICATE"),
            (garbage, &key, "the certificate is not readable"),
            ("-----BEGIN CERTIFICATE-----\n!", &key, "the certificate is not readable"),
            (&chain, "", "the private key is not readable: it holds no PRIVATE KEY"),
            (&chain, &chain, "the private key is not readable: it holds no PRIVATE KEY"),
            (&chain, locked, "one under a password is not taken"),
            (&chain, &other, "the private key is not that of the certificate"),
        ] {
            let error = Certificate::from_pem(chain.as_bytes(), key.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let both = format!("{key}{chain}{garbage}");
        assert!(Certificate::from_pem(both.as_bytes(), both.as_bytes()).is_ok());
    }

    #[test]
    fn every_cipher_has_its_name() {
        for suite in provider().cipher_suites {
            let name = cipher(suite.suite());
            assert!(!name.contains("_WITH_") && !name.starts_with("TLS13"), "{name}");
        }
    }
}
