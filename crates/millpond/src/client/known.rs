//! Which servers are believed over TLS: the one that shows the very certificate that the data folder has, and those that a
//! bundle of authorities vouches for by their name. Signatures are the library's to check, for both.

use std::sync::Arc;

use anyhow::Context as _;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::data::Endpoint;

/// How the server at the endpoint is known.
pub fn config(endpoint: &Endpoint) -> anyhow::Result<ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let shown = endpoint.certificate.as_ref().map(|pem| CertificateDer::from_pem_slice(pem.as_bytes()));
    let verifier = Verifier {
        shown: shown.transpose().context("the data folder's certificate is damaged")?,
        by_bundle: by_bundle(endpoint, &provider)?,
        algorithms: provider.signature_verification_algorithms,
    };
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

fn by_bundle(
    endpoint: &Endpoint,
    provider: &Arc<CryptoProvider>,
) -> anyhow::Result<Option<Arc<WebPkiServerVerifier>>> {
    let Some(path) = &endpoint.bundle else { return Ok(None) };
    let about = || format!("reading the certificates in {}", path.display());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).with_context(about)? {
        roots.add(certificate.with_context(about)?).with_context(about)?;
    }
    let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    builder.build().map(Some).with_context(about)
}

#[derive(Debug)]
struct Verifier {
    shown: Option<CertificateDer<'static>>,
    by_bundle: Option<Arc<WebPkiServerVerifier>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.shown.as_ref().is_some_and(|shown| shown == end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        match &self.by_bundle {
            Some(bundle) => {
                bundle.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            }
            None => Err(CertificateError::UnknownIssuer.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
