//! The certificate that the pond shows: from files, or signed by itself, and read again when the files change.

use std::convert::Infallible;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};
use millpond_core::Clock;
use millpond_gateway::{Certificate, CertificateError, Tls};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, date_time_ymd};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::data::DataFolder;
use crate::settings::{CertificateSource, Settings};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// A self-signed certificate is made once, and holds for years from then.
const SELF_SIGNED_YEARS: i16 = 10;
/// What it is for, beside the names that the pond listens on: this machine, and buckets as host names of it.
const LOCAL_NAMES: [&str; 6] =
    ["localhost", "*.localhost", "s3.localhost", "*.s3.localhost", "127.0.0.1", "::1"];

/// Where a certificate and its key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// By which a file is known to be the one that was read: time, length and which file.
type Stamp = Option<(SystemTime, u64, u64)>;

/// The certificate that is shown, and what keeps it current.
pub struct Shown {
    pub tls: Arc<Tls>,
    /// In PEM, the server's own first.
    pub chain: String,
    files: CertificateFiles,
    seen: [Stamp; 2],
    hangup: Signal,
}

impl Shown {
    /// `None`: the settings ask for none.
    pub fn open(settings: &Settings, folder: &DataFolder) -> anyhow::Result<Option<Self>> {
        let files = match settings.tls.source()? {
            None => return Ok(None),
            Some(CertificateSource::Files(files)) => files,
            Some(CertificateSource::SelfSigned) => {
                let listeners = settings.listeners.iter().map(|listener| listener.address.as_str());
                folder.self_signed(|| {
                    self_signed(names(std::iter::once(settings.listen.as_str()).chain(listeners)))
                })?
            }
        };
        let seen = files.stamps();
        let (certificate, chain) = files.read()?;
        let hangup = signal(SignalKind::hangup())?;
        Ok(Some(Self { tls: Arc::new(Tls::new(certificate)), chain, files, seen, hangup }))
    }

    /// Shows what the files hold whenever they change, or SIGHUP comes. What cannot be used changes nothing.
    pub async fn keep_current(mut self, folder: &DataFolder) -> Infallible {
        loop {
            let asked = tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => false,
                _ = self.hangup.recv() => true,
            };
            let Self { tls, files, seen, .. } = &mut self;
            // The files may be on a disk that hangs.
            let looked = tokio::task::block_in_place(|| {
                let now = files.stamps();
                (asked || now != *seen).then(|| {
                    *seen = now;
                    let (certificate, chain) = files.read()?;
                    folder.show_certificate(&chain)?;
                    tls.replace(certificate);
                    anyhow::Ok(())
                })
            });
            match looked {
                None => {}
                Some(Ok(())) => {
                    tracing::info!(file = %files.cert.display(), "the certificate was read again")
                }
                Some(Err(error)) => {
                    tracing::error!("CERTIFICATE NOT REPLACED, the old one is shown on: {error:#}");
                }
            }
        }
    }
}

impl CertificateFiles {
    fn read(&self) -> anyhow::Result<(Certificate, String)> {
        let read = |what: &str, path: &Path| {
            fs::read(path).with_context(|| format!("reading the {what} in {}", path.display()))
        };
        let (cert, key) = (self.cert.display(), self.key.display());
        let chain = read("certificate", &self.cert)?;
        let certificate =
            Certificate::from_pem(&chain, &read("private key", &self.key)?).map_err(|error| {
                let about = match &error {
                    CertificateError::Chain(_) => format!("in {cert}"),
                    CertificateError::Key(_) => format!("in {key}"),
                    CertificateError::Mismatch => format!("in {cert} and {key}"),
                };
                anyhow::Error::new(error).context(about)
            })?;
        // What stands beside the certificates in the file is for nobody else: it may be the key.
        let chain = String::from_utf8_lossy(&chain);
        Ok((certificate, certificates(&chain)))
    }

    fn stamps(&self) -> [Stamp; 2] {
        [&self.cert, &self.key].map(|path| {
            let found = fs::metadata(path).ok()?;
            Some((found.modified().ok()?, found.len(), found.ino()))
        })
    }
}

/// The certificates of a PEM file, and nothing else of it.
fn certificates(pem: &str) -> String {
    const END: &str = "-----END CERTIFICATE-----";
    let blocks = pem.split("-----BEGIN CERTIFICATE-----").skip(1);
    let bodies = blocks.filter_map(|block| block.split_once(END).map(|(body, _)| body));
    bodies.map(|body| format!("-----BEGIN CERTIFICATE-----{body}{END}\n")).collect()
}

/// The names and addresses that a self-signed certificate is for.
fn names<'a>(listen: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<String> = LOCAL_NAMES.map(str::to_owned).into();
    for (_, address) in listen.map(scheme) {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
        let any = host.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified());
        if !host.is_empty() && !any && !names.iter().any(|name| name == host) {
            names.push(host.to_owned());
        }
    }
    names
}

/// A certificate and its key, in PEM.
fn self_signed(names: Vec<String>) -> anyhow::Result<(String, String)> {
    let key = KeyPair::generate().context("making a key")?;
    let mut params = CertificateParams::new(names).context("the names that the pond listens on")?;
    params.distinguished_name.push(DnType::CommonName, "Millpond, self-signed");
    let today = Clock::system(Duration::ZERO).now().to_jiff().to_zoned(jiff::tz::TimeZone::UTC).date();
    let from = today.yesterday().context("the clock is at its beginning")?;
    let until = jiff::civil::Date::new(from.year().saturating_add(SELF_SIGNED_YEARS), from.month(), 1)
        .context("the clock is at its end")?;
    let [not_before, not_after] = [from, until].map(|date| {
        date_time_ymd(date.year().into(), date.month().unsigned_abs(), date.day().unsigned_abs())
    });
    (params.not_before, params.not_after) = (not_before, not_after);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let certificate = params.self_signed(&key).context("signing a certificate")?;
    Ok((certificate.pem(), key.serialize_pem()))
}

/// What an address is written with before it: `https://` (true), `http://` (false), or neither.
pub fn scheme(address: &str) -> (Option<bool>, &str) {
    for (prefix, tls) in [("https://", true), ("http://", false)] {
        if let Some(rest) = address.strip_prefix(prefix) {
            return (Some(tls), rest.strip_suffix('/').unwrap_or(rest));
        }
    }
    (None, address)
}

/// Whether each listener speaks TLS: as its address says, and otherwise when there is a certificate.
///
/// Errors: one asks for TLS, and there is no certificate; there is one, and none asks.
pub fn speaks_tls<'a>(
    addresses: impl Iterator<Item = &'a str>,
    certificate: bool,
) -> anyhow::Result<Vec<bool>> {
    let mut speaks = Vec::new();
    for address in addresses {
        let tls = scheme(address).0.unwrap_or(certificate);
        if tls && !certificate {
            bail!(
                "{address} asks for TLS, and there is no certificate: give --tls-cert and --tls-key, or --tls-self-signed"
            );
        }
        speaks.push(tls);
    }
    if certificate && !speaks.contains(&true) {
        bail!("there is a certificate, and every address is http://");
    }
    Ok(speaks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_say_what_is_spoken() {
        let speaks = |addresses: &[&str], certificate| {
            speaks_tls(addresses.iter().copied(), certificate).map_err(|error| error.to_string())
        };
        assert_eq!(speaks(&["127.0.0.1:1", "http://127.0.0.1:2/"], false), Ok(vec![false, false]));
        assert_eq!(
            speaks(&["127.0.0.1:1", "http://[::1]:2", "https://x:3"], true),
            Ok(vec![true, false, true])
        );
        assert!(speaks(&["https://127.0.0.1:1"], false).unwrap_err().contains("there is no certificate"));
        assert!(speaks(&["http://127.0.0.1:1"], true).unwrap_err().contains("every address is http://"));
        assert_eq!(scheme("http://[::1]:2/"), (Some(false), "[::1]:2"));
    }

    #[test]
    fn a_self_signed_certificate_is_one_for_the_names_that_are_listened_on() {
        let found = names(["https://pond.lan:4566", "0.0.0.0:80", "[fe80::1]:1", "localhost:2"].into_iter());
        assert_eq!(found[LOCAL_NAMES.len()..], ["pond.lan", "fe80::1"]);
        let (chain, key) = self_signed(found).unwrap();
        assert!(Certificate::from_pem(chain.as_bytes(), key.as_bytes()).is_ok());
        assert_eq!(
            certificates(&format!("{key}{chain}{key}{chain}")),
            format!("{chain}{chain}").replace("\r", "")
        );
    }

    #[test]
    fn unusable_files_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let ((chain, key), (_, other)) =
            (self_signed(vec!["a".into()]).unwrap(), self_signed(vec!["b".into()]).unwrap());
        let (good, good_key) = (write("good.pem", &chain), write("good.key", &key));
        for (cert, key, expected) in [
            (good.clone(), dir.path().join("none"), "reading the private key in"),
            (dir.path().join("none"), good_key.clone(), "reading the certificate in"),
            (write("empty.pem", ""), good_key.clone(), "empty.pem: the certificate is not readable"),
            (good.clone(), write("empty.key", ""), "empty.key: the private key is not readable"),
            (
                good.clone(),
                write("other.key", &other),
                "other.key: the private key is not that of the certificate",
            ),
        ] {
            let error = CertificateFiles { cert, key }.read().err().unwrap();
            assert!(format!("{error:#}").contains(expected), "{error:#}");
        }
        assert!(CertificateFiles { cert: good, key: good_key }.read().is_ok());
    }
}
