//! Where the root key comes from, when it is not the data folder that keeps it: an environment variable, a file elsewhere, or
//! what a command prints. It is then written nowhere.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use millpond_core::RootKey;
use millpond_core::key::KEY_LEN;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Holds the key itself, and so is no setting: settings are shown.
pub const VARIABLE: &str = "MILLPOND_ROOT_KEY";

/// What is empty is not given.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RootKeySettings {
    pub file: PathBuf,
    /// For `sh -c`; the key is what it prints.
    pub command: String,
}

enum Source {
    Variable(Zeroizing<String>),
    File(PathBuf),
    Command(String),
}

impl RootKeySettings {
    /// The key from outside; `None`: the data folder keeps it.
    pub fn read(&self) -> anyhow::Result<Option<RootKey>> {
        self.source(std::env::var_os(VARIABLE))?.map(Source::read).transpose()
    }

    fn source(&self, variable: Option<OsString>) -> anyhow::Result<Option<Source>> {
        let variable = match variable.filter(|text| !text.is_empty()).map(OsString::into_string) {
            None => None,
            Some(Ok(text)) => Some(Source::Variable(Zeroizing::new(text))),
            Some(Err(_)) => bail!("the environment variable {VARIABLE} is not readable text"),
        };
        let file = Some(&self.file).filter(|path| !path.as_os_str().is_empty()).cloned().map(Source::File);
        let command = Some(&self.command).filter(|text| !text.is_empty()).cloned().map(Source::Command);
        let mut given = [variable, file, command].into_iter().flatten();
        match (given.next(), given.next()) {
            (source, None) => Ok(source),
            _ => bail!(
                "the root key comes from one place: {VARIABLE}, `root_key.file` or `root_key.command`, and two are given"
            ),
        }
    }
}

impl Source {
    fn read(self) -> anyhow::Result<RootKey> {
        match self {
            Self::Variable(text) => {
                parse(&text).with_context(|| format!("in the environment variable {VARIABLE}"))
            }
            Self::File(path) => {
                let about = || format!("reading the root key in {}", path.display());
                parse(&Zeroizing::new(fs::read_to_string(&path).with_context(about)?)).with_context(about)
            }
            Self::Command(line) => {
                // What it has to say to people goes where ours does.
                let run = Command::new("sh")
                    .arg("-c")
                    .arg(&line)
                    .stdin(Stdio::null())
                    .stderr(Stdio::inherit())
                    .output();
                let run = run.context("running the command for the root key")?;
                let printed = Zeroizing::new(run.stdout);
                if !run.status.success() {
                    bail!("the command for the root key failed: {}", run.status);
                }
                let text = std::str::from_utf8(&printed)
                    .ok()
                    .context("what the command for the root key prints is no text")?;
                parse(text).context("in what the command for the root key prints")
            }
        }
    }
}

/// The key in hexadecimal. Errors say nothing of it.
pub fn parse(text: &str) -> anyhow::Result<RootKey> {
    let mut bytes = Zeroizing::new([0; KEY_LEN]);
    match hex::decode_to_slice(text.trim(), bytes.as_mut_slice()) {
        Ok(()) => Ok(RootKey::from_bytes(*bytes)),
        Err(_) => bail!("a root key is {} hexadecimal digits", 2 * KEY_LEN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    fn read(settings: &RootKeySettings, variable: Option<&str>) -> Result<Option<String>, String> {
        let source = settings.source(variable.map(OsString::from));
        let key = source.and_then(|source| source.map(Source::read).transpose());
        key.map(|key| key.map(|key| hex::encode(key.expose()))).map_err(|error| format!("{error:#}"))
    }

    fn command(line: &str) -> RootKeySettings {
        RootKeySettings { command: line.into(), ..RootKeySettings::default() }
    }

    #[test]
    fn the_key_comes_from_one_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        fs::write(&path, format!("{KEY}\n")).unwrap();
        let (none, file) =
            (RootKeySettings::default(), RootKeySettings { file: path.clone(), ..Default::default() });
        assert_eq!(read(&none, None), Ok(None));
        assert_eq!(read(&none, Some("")), Ok(None));
        for (settings, variable) in [
            (&none, Some(KEY)),
            (&file, None),
            (&command(&format!("cat {}", path.display())), None),
            (&command(&format!("printf %s {KEY}")), Some("")),
        ] {
            assert_eq!(read(settings, variable), Ok(Some(KEY.to_owned())));
        }
        let both = RootKeySettings { file: path, ..command("true") };
        for (settings, variable) in [(&file, Some(KEY)), (&command("true"), Some(KEY)), (&both, None)] {
            assert!(read(settings, variable).unwrap_err().contains("comes from one place"));
        }
    }

    #[test]
    fn what_is_no_key_is_named_and_not_shown() {
        let file = RootKeySettings { file: "/nowhere/key".into(), ..Default::default() };
        for (settings, variable, said) in [
            (
                &RootKeySettings::default(),
                Some("5ec2e7"),
                "MILLPOND_ROOT_KEY: a root key is 64 hexadecimal digits",
            ),
            (&file, None, "/nowhere/key"),
            (&command("printf 5ec2e7"), None, "command for the root key prints: a root key is 64"),
            (&command("printf 5ec2e7; exit 3"), None, "failed: exit status: 3"),
            (&command("printf '\\377'"), None, "no text"),
        ] {
            let error = read(settings, variable).unwrap_err();
            assert!(error.contains(said) && !error.contains("5ec2e7"), "{error}");
        }
    }
}
