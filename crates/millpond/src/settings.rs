//! The settings: flags over environment (`MILLPOND_…`) over `millpond.toml` over defaults, read and checked once.
//!
//! The three sources are laid over each other as one TOML table before anything is typed, so that a setting has one
//! name, one type and one check, wherever it comes from. `section.name` is `MILLPOND_SECTION_NAME` in the environment.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use millpond_athena::AthenaSettings;
use millpond_cloudtrail::CloudTrailSettings;
use millpond_core::{AccountId, ByteSize, Region};
use millpond_kinesis::KinesisSettings;
use millpond_s3::S3Settings;
use millpond_sts::StsSettings;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use toml::{Table, Value};

use crate::cli::{LogFormat, ServeFlags};
use crate::root_key::{self, RootKeySettings};
use crate::tls::CertificateFiles;

pub const DEFAULT_DATA: &str = "./millpond-data";
const FILE: &str = "millpond.toml";
const PREFIX: &str = "MILLPOND_";

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub listen: String,
    /// Further addresses, each of which may stand for a gateway endpoint.
    pub listeners: Vec<ListenerSettings>,
    pub data: PathBuf,
    /// The account that a new data folder is made for; one that is there keeps its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The region of requests that name none.
    pub region: Region,
    pub open: bool,
    pub lab: bool,
    pub log: String,
    pub log_format: LogFormat,
    /// How long requests that run may take to finish after SIGTERM.
    pub drain_seconds: u64,
    pub athena: AthenaSettings,
    pub cloudtrail: CloudTrailSettings,
    pub kinesis: KinesisSettings,
    pub root_key: RootKeySettings,
    pub s3: S3Settings,
    pub sts: StsSettings,
    pub storage: StorageSettings,
    pub tls: TlsSettings,
}

/// The certificate that is shown; none: plain HTTP. An empty path is none.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsSettings {
    pub cert: PathBuf,
    pub key: PathBuf,
    pub self_signed: bool,
}

/// Where a certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateSource {
    Files(CertificateFiles),
    /// The data folder.
    SelfSigned,
}

impl TlsSettings {
    pub fn source(&self) -> anyhow::Result<Option<CertificateSource>> {
        let given = |path: &Path| !path.as_os_str().is_empty();
        Ok(match (given(&self.cert), given(&self.key), self.self_signed) {
            (false, false, false) => None,
            (false, false, true) => Some(CertificateSource::SelfSigned),
            (true, true, false) => Some(CertificateSource::Files(CertificateFiles {
                cert: self.cert.clone(),
                key: self.key.clone(),
            })),
            (_, _, true) => {
                bail!("`tls.self_signed` makes a certificate, and takes no `tls.cert` and `tls.key`")
            }
            (true, false, false) => bail!("`tls.cert` needs the certificate's private key, `tls.key`"),
            (false, true, false) => bail!("`tls.key` needs its certificate, `tls.cert`"),
        })
    }
}

/// Where the bytes of objects are.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorageSettings {
    /// One to three folders, ideally on a disk each; relative ones are under the data folder. None: inside the pond.
    pub zones: Vec<PathBuf>,
    /// What checks and repairs of copies read, in a second, from all disks together.
    pub check_bytes: ByteSize,
    /// Days from the beginning of one pass over all copies to the next; 0 for none.
    pub check_days: u32,
}

impl Default for StorageSettings {
    fn default() -> Self {
        Self { zones: Vec::new(), check_bytes: ByteSize::mib(64), check_days: 14 }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:4566".to_owned(),
            listeners: Vec::new(),
            data: DEFAULT_DATA.into(),
            account: None,
            region: Region::us_east_1(),
            open: false,
            lab: false,
            log: "info".to_owned(),
            log_format: LogFormat::Text,
            drain_seconds: 30,
            athena: AthenaSettings::default(),
            cloudtrail: CloudTrailSettings::default(),
            kinesis: KinesisSettings::default(),
            root_key: RootKeySettings::default(),
            s3: S3Settings::default(),
            sts: StsSettings::default(),
            storage: StorageSettings::default(),
            tls: TlsSettings::default(),
        }
    }
}

/// `[[listeners]]` with `address` and `endpoint`; in the environment, `ADDRESS=ENDPOINT` or `ADDRESS`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListenerSettings {
    pub address: String,
    /// What comes in here carries this `aws:SourceVpce`, as `vpce-1a2b3c4d`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
}

impl ListenerSettings {
    fn checked(address: String, endpoint: Option<String>) -> Result<Self, String> {
        let well_formed = |id: &str| {
            id.strip_prefix("vpce-").is_some_and(|rest| {
                !rest.is_empty() && rest.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
            })
        };
        match endpoint.as_deref() {
            Some(id) if !well_formed(id) => {
                Err(format!("{id:?} is not an endpoint's id, which looks like vpce-1a2b3c4d"))
            }
            _ => Ok(Self { address, endpoint }),
        }
    }
}

impl<'de> Deserialize<'de> for ListenerSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Written {
            address: String,
            endpoint: Option<String>,
        }

        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = ListenerSettings;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a listener: an address and an endpoint")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ListenerSettings, E> {
                let (address, endpoint) = match text.split_once('=') {
                    Some((address, endpoint)) => (address, Some(endpoint.to_owned())),
                    None => (text, None),
                };
                ListenerSettings::checked(address.to_owned(), endpoint).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ListenerSettings, A::Error> {
                let Written { address, endpoint } = Written::deserialize(MapAccessDeserializer::new(map))?;
                ListenerSettings::checked(address, endpoint).map_err(serde::de::Error::custom)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl Settings {
    /// Reads the file, the environment and the flags.
    pub fn read(flags: &ServeFlags) -> anyhow::Result<Self> {
        let environment = std::env::vars_os()
            .filter(|(name, _)| name.to_string_lossy().starts_with(PREFIX) && name != root_key::VARIABLE);
        let (path, must_be_there) = match &flags.config {
            Some(path) => (path.as_path(), true),
            None => (Path::new(FILE), false),
        };
        let file = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_be_there => String::new(),
            Err(error) => {
                return Err(error).with_context(|| format!("reading the settings in {}", path.display()));
            }
        };
        Self::merge(&file, path, environment, flags)
    }

    /// The folders of the zones.
    pub fn zones(&self) -> Vec<PathBuf> {
        self.storage.zones.iter().map(|zone| self.data.join(zone)).collect()
    }

    fn merge(
        file: &str,
        path: &Path,
        environment: impl Iterator<Item = (OsString, OsString)>,
        flags: &ServeFlags,
    ) -> anyhow::Result<Self> {
        // Checked by itself first, so that the error shows the line.
        let from_file = || format!("in {}", path.display());
        let _: Self = toml::from_str(file).with_context(from_file)?;
        let mut table: Table = toml::from_str(file).with_context(from_file)?;
        let defaults = Table::try_from(Self::default()).context("the default settings")?;
        for (name, value) in environment {
            let (Some(name), Some(value)) = (name.to_str(), value.to_str()) else {
                bail!("the environment variable {name:?} is not readable text");
            };
            overlay(&mut table, &defaults, name, value)?;
        }
        for (name, value) in flag_values(flags) {
            match name.split_once('.') {
                None => table.insert(name.to_owned(), value),
                Some((section, name)) => {
                    let inner = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
                    let inner = inner.as_table_mut().with_context(|| format!("`{section}` is no section"))?;
                    inner.insert(name.to_owned(), value)
                }
            };
        }
        table.try_into().context("in the settings")
    }
}

/// Puts `MILLPOND_NAME` or `MILLPOND_SECTION_NAME` where it belongs, typed as the default there is.
fn overlay(table: &mut Table, defaults: &Table, variable: &str, text: &str) -> anyhow::Result<()> {
    let name = variable.strip_prefix(PREFIX).unwrap_or(variable).to_ascii_lowercase();
    let section = defaults.iter().find_map(|(section, inner)| {
        let rest = name.strip_prefix(section.as_str())?.strip_prefix('_')?;
        Some((section, inner.as_table()?, rest))
    });
    let unknown = || format!("there is no setting for the environment variable {variable}");
    let value = |default: Option<&Value>| {
        typed(default, text).with_context(|| format!("in the environment variable {variable}"))
    };
    if let Some((section, inner, rest)) = section {
        let default = inner.get(rest).with_context(unknown)?;
        let inner = table.entry(section.clone()).or_insert_with(|| Value::Table(Table::new()));
        let inner = inner.as_table_mut().with_context(unknown)?;
        inner.insert(rest.to_owned(), value(Some(default))?);
    } else {
        if !defaults.contains_key(&name) && name != "account" {
            bail!(unknown());
        }
        table.insert(name.clone(), value(defaults.get(&name))?);
    }
    Ok(())
}

fn typed(default: Option<&Value>, text: &str) -> anyhow::Result<Value> {
    Ok(match default {
        Some(Value::Boolean(_)) => Value::Boolean(match text {
            "1" | "true" | "yes" => true,
            "0" | "false" | "no" | "" => false,
            _ => bail!("{text:?} is neither true nor false"),
        }),
        Some(Value::Integer(_)) => {
            Value::Integer(text.parse().with_context(|| format!("{text:?} is not a number"))?)
        }
        Some(Value::Float(_)) => {
            Value::Float(text.parse().with_context(|| format!("{text:?} is not a number"))?)
        }
        Some(Value::Array(_)) => {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            Value::Array(parts.map(|part| Value::String(part.to_owned())).collect())
        }
        _ => Value::String(text.to_owned()),
    })
}

/// By the names that they have in the file, `section.name` in a section.
fn flag_values(flags: &ServeFlags) -> Vec<(&'static str, Value)> {
    let text = |path: &PathBuf| path.to_string_lossy().into_owned();
    let texts = [
        ("listen", flags.listen.clone()),
        ("data", flags.data.as_ref().map(text)),
        ("account", flags.account.clone()),
        ("log", flags.log.clone()),
        ("log_format", flags.log_format.map(|format| format.name().to_owned())),
        ("root_key.file", flags.root_key_file.as_ref().map(text)),
        ("root_key.command", flags.root_key_command.clone()),
        ("tls.cert", flags.tls_cert.as_ref().map(text)),
        ("tls.key", flags.tls_key.as_ref().map(text)),
    ];
    let texts = texts.into_iter().filter_map(|(name, value)| Some((name, Value::String(value?))));
    let switches = [("open", flags.open), ("lab", flags.lab), ("tls.self_signed", flags.tls_self_signed)];
    let switches = switches.into_iter().filter(|(_, on)| *on).map(|(name, _)| (name, Value::Boolean(true)));
    texts.chain(switches).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merge(file: &str, environment: &[(&str, &str)], flags: &ServeFlags) -> Result<Settings, String> {
        let environment =
            environment.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        Settings::merge(file, Path::new(FILE), environment, flags).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn flags_win_over_the_environment_over_the_file() {
        let file = "listen = \"file:1\"\nregion = \"eu-west-1\"\ndrain_seconds = 5\nlab = true";
        let environment = [("MILLPOND_LISTEN", "environment:1"), ("MILLPOND_DRAIN_SECONDS", "7")];
        let settings = merge(file, &environment, &ServeFlags::default()).unwrap();
        assert_eq!((settings.listen.as_str(), settings.drain_seconds), ("environment:1", 7));
        assert_eq!((settings.region.as_str(), settings.lab, settings.open), ("eu-west-1", true, false));
        let flags = ServeFlags { listen: Some("flag:1".to_owned()), open: true, ..ServeFlags::default() };
        let settings = merge(file, &environment, &flags).unwrap();
        assert_eq!((settings.listen.as_str(), settings.open), ("flag:1", true));
    }

    #[test]
    fn sections_are_reached_from_the_environment() {
        let environment = [("MILLPOND_KINESIS_WRITE_BYTES", "3MiB"), ("MILLPOND_KINESIS_READ_CALLS", "9")];
        let settings = merge("[kinesis]\nshard_quota = 7", &environment, &ServeFlags::default()).unwrap();
        let KinesisSettings { write_bytes, read_calls, shard_quota, .. } = settings.kinesis;
        assert_eq!((write_bytes.to_string().as_str(), read_calls, shard_quota), ("3MiB", 9, 7));
    }

    #[test]
    fn listeners_stand_for_endpoints() {
        let file = "[[listeners]]\naddress = \"127.0.0.1:1\"\nendpoint = \"vpce-1a2b\"\n\
                    [[listeners]]\naddress = \"127.0.0.1:2\"";
        let shown = |settings: Settings| -> Vec<(String, Option<String>)> {
            settings.listeners.into_iter().map(|one| (one.address, one.endpoint)).collect()
        };
        let expected =
            [("127.0.0.1:1".to_owned(), Some("vpce-1a2b".to_owned())), ("127.0.0.1:2".to_owned(), None)];
        assert_eq!(shown(merge(file, &[], &ServeFlags::default()).unwrap()), expected);
        let environment = [("MILLPOND_LISTENERS", "127.0.0.1:1=vpce-1a2b, 127.0.0.1:2")];
        assert_eq!(shown(merge("", &environment, &ServeFlags::default()).unwrap()), expected);
    }

    #[test]
    fn zones_are_under_the_data_folder_or_where_they_say() {
        let zones =
            |file: &str, environment| merge(file, environment, &ServeFlags::default()).unwrap().zones();
        assert!(zones("", &[]).is_empty());
        assert!(zones("", &[("MILLPOND_STORAGE_ZONES", "")]).is_empty());
        let expected = [PathBuf::from("./millpond-data/one"), "/two".into()];
        assert_eq!(zones("", &[("MILLPOND_STORAGE_ZONES", "one, /two")]), expected);
        assert_eq!(zones("[storage]\nzones = [\"one\", \"/two\"]", &[]), expected);
    }

    #[test]
    fn a_certificate_comes_from_one_place() {
        let source = |file: &str, environment, flags: &ServeFlags| {
            merge(file, environment, flags)?.tls.source().map_err(|error| error.to_string())
        };
        let files = |cert: &str, key: &str| {
            let files = CertificateFiles { cert: cert.into(), key: key.into() };
            Ok(Some(CertificateSource::Files(files)))
        };
        let none = ServeFlags::default();
        assert_eq!(source("", &[], &none), Ok(None));
        assert_eq!(source("[tls]\ncert = \"a\"\nkey = \"b\"", &[], &none), files("a", "b"));
        let flags = ServeFlags { tls_key: Some("c".into()), ..ServeFlags::default() };
        assert_eq!(source("[tls]\ncert = \"a\"\nkey = \"b\"", &[], &flags), files("a", "c"));
        let environment = [("MILLPOND_TLS_CERT", "d"), ("MILLPOND_TLS_KEY", "e")];
        assert_eq!(source("", &environment, &flags), files("d", "c"));
        let own = ServeFlags { tls_self_signed: true, ..ServeFlags::default() };
        assert_eq!(source("", &[], &own), Ok(Some(CertificateSource::SelfSigned)));
        for (file, flags) in [("", &flags), ("[tls]\ncert = \"a\"", &none), ("[tls]\ncert = \"a\"", &own)] {
            assert!(source(file, &[], flags).unwrap_err().contains("`tls.cert`"));
        }
    }

    #[test]
    fn an_account_of_digits_stays_text() {
        let settings = merge("", &[("MILLPOND_ACCOUNT", "123456789012")], &ServeFlags::default()).unwrap();
        assert_eq!(settings.account.unwrap().as_str(), "123456789012");
    }

    #[test]
    fn wrong_settings_are_named() {
        for (file, environment, named) in [
            ("listne = \"x\"", &[] as &[(&str, &str)], "listne"),
            ("[[listeners]]\naddress = \"x\"\nname = \"y\"", &[], "name"),
            ("[[listeners]]\nendpoint = \"vpce-1\"", &[], "address"),
            ("", &[("MILLPOND_LISTENERS", "127.0.0.1:1=here")], "\"here\" is not an endpoint"),
            ("drain_seconds = \"soon\"", &[], "drain_seconds"),
            ("account = \"12\"", &[], "\"12\" is not a valid account id"),
            ("[kinesis]\nshards = 1", &[], "shards"),
            ("", &[("MILLPOND_LISTNE", "x")], "MILLPOND_LISTNE"),
            ("", &[("MILLPOND_KINESIS_SHARDS", "1")], "MILLPOND_KINESIS_SHARDS"),
            ("", &[("MILLPOND_KINESIS_WRITE_BYTES", "many")], "\"many\" is not a size"),
            ("", &[("MILLPOND_OPEN", "perhaps")], "MILLPOND_OPEN"),
            ("", &[("MILLPOND_DRAIN_SECONDS", "x")], "MILLPOND_DRAIN_SECONDS"),
            ("", &[("MILLPOND_LOG_FORMAT", "xml")], "xml"),
        ] {
            let error = merge(file, environment, &ServeFlags::default()).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }
}
