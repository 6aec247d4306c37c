//! The data folder: its lock, and the small files at its top, each written whole or not at all.
//!
//! ```text
//! lock          held by the server that runs, with its process id
//! account       the pond's account number
//! root.key      32 bytes in hexadecimal: everything at rest is encrypted under keys derived from it; missing, when the key
//!               comes from elsewhere (`root_key`)
//! root.check    what opens with that key alone
//! credentials   the root user's access key, in the form of AWS's shared credentials file
//! clock         how far a lab's clock was turned, in milliseconds
//! endpoint      where the server that runs is reached
//! certificate   the certificate that it shows, when that is by TLS
//! tls.pem, tls.key   the certificate that the pond made for itself, and its key
//! pond/         the services' data; a reset empties it
//! ```

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use millpond_core::disk::create_private_dir;
use millpond_core::{AccountId, RootKey, Sealer};

use crate::credentials::RootCredentials;
use crate::root_key;
use crate::tls::CertificateFiles;

const ACCOUNT: &str = "account";
const CERTIFICATE: &str = "certificate";
const CLOCK: &str = "clock";
const CREDENTIALS: &str = "credentials";
const ENDPOINT: &str = "endpoint";
const LOCK: &str = "lock";
const POND: &str = "pond";
/// In the pond: the objects, or what is known of the zones that they are in.
pub const OBJECTS: &str = "objects";
const ROOT_CHECK: &str = "root.check";
const ROOT_KEY: &str = "root.key";
const SELF_SIGNED: &str = "tls.pem";
const SELF_SIGNED_KEY: &str = "tls.key";

/// Where a server is reached, and how it is known.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// `http://127.0.0.1:4566`
    pub url: String,
    /// What it shows over TLS, in PEM. Whoever may read the data folder knows it by this, whatever name it is for.
    pub certificate: Option<String>,
    /// The file by which other clients know it; of a certificate that the pond signed itself.
    pub bundle: Option<PathBuf>,
}

/// A data folder that this process holds alone.
pub struct DataFolder {
    path: PathBuf,
    /// The lock goes with the file, however the process ends.
    _lock: File,
}

impl DataFolder {
    /// Makes the folder where it is missing and takes its lock.
    pub fn hold(path: &Path) -> anyhow::Result<Self> {
        create_private_dir(path).with_context(|| format!("making the data folder {}", path.display()))?;
        let lock_path = path.join(LOCK);
        let mut lock =
            File::options().read(true).write(true).create(true).truncate(false).open(&lock_path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let known = lock.read_to_string(&mut holder).is_ok() && !holder.trim().is_empty();
                let process = if known { format!(" (process {})", holder.trim()) } else { String::new() };
                bail!("the data folder {} is in use by another Millpond{process}", path.display());
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("locking {}", lock_path.display()));
            }
        }
        lock.set_len(0)?;
        write!(lock, "{}", std::process::id())?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// Where the services keep their data.
    pub fn pond(&self) -> PathBuf {
        self.path.join(POND)
    }

    /// The folder's account; a new folder is made for `wanted`.
    pub fn account(&self, wanted: Option<&AccountId>) -> anyhow::Result<AccountId> {
        if let Some(text) = self.read(ACCOUNT)? {
            let account: AccountId = text
                .trim()
                .parse()
                .with_context(|| format!("the file {} is damaged", self.file(ACCOUNT).display()))?;
            if let Some(wanted) = wanted.filter(|wanted| **wanted != account) {
                bail!(
                    "the data folder {} belongs to account {account}, and the setting `account` is {wanted}",
                    self.path.display()
                );
            }
            return Ok(account);
        }
        let account = match wanted {
            Some(account) => account.clone(),
            None => "000000000000".parse().expect("twelve digits are an account id"),
        };
        self.write(ACCOUNT, &format!("{account}\n"))?;
        Ok(account)
    }

    /// The root key: the one `given` from elsewhere, or the folder's own, which is made with a new folder and never made again
    /// beside data that an older one encrypted.
    pub fn root_key(&self, given: Option<RootKey>) -> anyhow::Result<RootKey> {
        let (own, path) = (self.read(ROOT_KEY)?, self.file(ROOT_KEY));
        let is_given = given.is_some();
        let key = match (given, own) {
            (Some(_), Some(_)) => bail!(
                "a root key is given, and {} is there as well; remove that file once it is kept elsewhere",
                path.display()
            ),
            (Some(given), None) => given,
            (None, Some(text)) => {
                root_key::parse(&text).with_context(|| format!("the file {} is damaged", path.display()))?
            }
            (None, None) if self.pond().exists() => bail!(
                "{} is missing, and the data beside it is encrypted with it; put the file back, or say where the key is",
                path.display()
            ),
            (None, None) => {
                let key = RootKey::generate()?;
                self.write(ROOT_KEY, &format!("{}\n", hex::encode(key.expose())))?;
                key
            }
        };
        self.check(&key, is_given)?;
        Ok(key)
    }

    /// Sees that the key is the one that the folder began with.
    fn check(&self, key: &RootKey, is_given: bool) -> anyhow::Result<()> {
        let sealer = Sealer::new(&key.derive("root-key/check"));
        match self.read(ROOT_CHECK)? {
            Some(text) => {
                let sealed = hex::decode(text.trim()).unwrap_or_default();
                if sealer.open(ROOT_CHECK.as_bytes(), &sealed).is_none() {
                    bail!(
                        "the root key is not the one that the data in {} is encrypted with",
                        self.path.display()
                    );
                }
                Ok(())
            }
            None if is_given && self.pond().exists() => bail!(
                "{} is missing: start once with the folder's own {ROOT_KEY}, then the key can be kept elsewhere",
                self.file(ROOT_CHECK).display()
            ),
            None => {
                let sealed = sealer.seal(ROOT_CHECK.as_bytes(), b"")?;
                self.write(ROOT_CHECK, &format!("{}\n", hex::encode(sealed)))
            }
        }
    }

    /// The root user's access key, and whether it was made just now.
    pub fn root_credentials(&self, account: &AccountId) -> anyhow::Result<(RootCredentials, bool)> {
        if let Some(text) = self.read(CREDENTIALS)? {
            return Ok((self.parse_credentials(&text)?, false));
        }
        let credentials = RootCredentials::generate(account)?;
        self.write(CREDENTIALS, &credentials.file_text())?;
        Ok((credentials, true))
    }

    fn parse_credentials(&self, text: &str) -> anyhow::Result<RootCredentials> {
        RootCredentials::parse(text)
            .with_context(|| format!("the file {} is damaged", self.file(CREDENTIALS).display()))
    }

    /// How far the clock was turned, so that time never goes back.
    pub fn clock_offset(&self) -> anyhow::Result<Duration> {
        let Some(text) = self.read(CLOCK)? else { return Ok(Duration::ZERO) };
        let millis = text.trim().parse();
        millis
            .map(Duration::from_millis)
            .with_context(|| format!("the file {} is damaged", self.file(CLOCK).display()))
    }

    pub fn keep_clock_offset(&self, offset: Duration) -> anyhow::Result<()> {
        self.write(CLOCK, &format!("{}\n", offset.as_millis()))
    }

    /// The files of the certificate that the pond signed itself, made where one is missing.
    pub fn self_signed(
        &self,
        make: impl FnOnce() -> anyhow::Result<(String, String)>,
    ) -> anyhow::Result<CertificateFiles> {
        let files = CertificateFiles { cert: self.file(SELF_SIGNED), key: self.file(SELF_SIGNED_KEY) };
        if !files.cert.exists() || !files.key.exists() {
            let (cert, key) = make()?;
            self.write(SELF_SIGNED_KEY, &key)?;
            self.write(SELF_SIGNED, &cert)?;
        }
        Ok(files)
    }

    /// Lets tools find the server at `url`, which shows `certificate`.
    pub fn announce(&self, url: &str, certificate: Option<&str>) -> anyhow::Result<Endpoint> {
        match certificate {
            Some(certificate) => self.show_certificate(certificate)?,
            None => self.remove(CERTIFICATE)?,
        }
        self.write(ENDPOINT, &format!("{url}\n"))?;
        read_endpoint(&self.path)?.context("the endpoint file is gone")
    }

    pub fn show_certificate(&self, chain: &str) -> anyhow::Result<()> {
        self.write(CERTIFICATE, chain)
    }

    /// Nobody is found at the endpoint any more.
    pub fn withdraw(&self) -> anyhow::Result<()> {
        self.remove(ENDPOINT)?;
        self.remove(CERTIFICATE)
    }

    fn remove(&self, name: &str) -> anyhow::Result<()> {
        match std::fs::remove_file(self.file(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("removing {}", self.file(name).display()))
            }
            _ => Ok(()),
        }
    }

    /// Takes the services' data away: at once by name, then from the disk, with what the pond has in `zones` outside it.
    pub fn discard_pond(&self, zones: &[PathBuf]) -> anyhow::Result<()> {
        let gone = self.path.join(format!("discarded-{}", std::process::id()));
        std::fs::rename(self.pond(), &gone).context("setting the old data aside")?;
        File::open(&self.path)?.sync_all()?;
        remove_discarded(&gone, zones)
    }

    /// Removes what a reset that was killed left behind.
    pub fn sweep(&self, zones: &[PathBuf]) -> anyhow::Result<()> {
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with("discarded-") {
                remove_discarded(&entry.path(), zones)?;
            }
        }
        Ok(())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn read(&self, name: &str) -> anyhow::Result<Option<String>> {
        read(&self.file(name))
    }

    /// Durable when it returns, with mode 0600; a crash leaves the old file or the new one.
    fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let write = || -> io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(&self.path)?;
            file.write_all(text.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(self.file(name))?;
            File::open(&self.path)?.sync_all()
        };
        write().with_context(|| format!("writing {}", self.file(name).display()))
    }
}

/// The zones first: what is in the pond tells which of them are its own.
fn remove_discarded(pond: &Path, zones: &[PathBuf]) -> anyhow::Result<()> {
    millpond_blob::discard(&pond.join(OBJECTS), zones).context("emptying the old data's zones")?;
    std::fs::remove_dir_all(pond).context("removing the old data")
}

fn read(path: &Path) -> anyhow::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
}

/// What a tool reads from a folder that a server holds.
pub fn read_credentials(folder: &Path) -> anyhow::Result<RootCredentials> {
    let path = folder.join(CREDENTIALS);
    let text = read(&path)?
        .with_context(|| format!("{} is no data folder: it has no credentials", folder.display()))?;
    RootCredentials::parse(&text).with_context(|| format!("the file {} is damaged", path.display()))
}

/// Where the server over `folder` is reached, if one runs.
pub fn read_endpoint(folder: &Path) -> anyhow::Result<Option<Endpoint>> {
    let Some(url) = read(&folder.join(ENDPOINT))? else { return Ok(None) };
    let certificate = read(&folder.join(CERTIFICATE))?;
    let own = folder.join(SELF_SIGNED);
    let bundle = match &certificate {
        Some(shown) if read(&own)?.is_some_and(|made| made.trim() == shown.trim()) => {
            Some(own.canonicalize().with_context(|| format!("finding {}", own.display()))?)
        }
        _ => None,
    };
    Ok(Some(Endpoint { url: url.trim().to_owned(), certificate, bundle }))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_folder_keeps_what_its_first_start_made() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data");
        let folder = DataFolder::hold(&path).unwrap();
        let account = folder.account(None).unwrap();
        let key = folder.root_key(None).unwrap();
        let (credentials, new) = folder.root_credentials(&account).unwrap();
        assert!(new);
        assert!(
            DataFolder::hold(&path)
                .err()
                .unwrap()
                .to_string()
                .contains("in use by another Millpond (process")
        );
        drop(folder);
        let folder = DataFolder::hold(&path).unwrap();
        assert_eq!(folder.account(Some(&account)).unwrap(), account);
        assert!(folder.account(Some(&"111111111111".parse().unwrap())).is_err());
        assert_eq!(folder.root_key(None).unwrap().expose(), key.expose());
        let (again, new) = folder.root_credentials(&account).unwrap();
        assert_eq!((again.file_text(), new), (credentials.file_text(), false));
        for name in [ACCOUNT, ROOT_KEY, ROOT_CHECK, CREDENTIALS] {
            let mode = std::fs::metadata(path.join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn a_lost_root_key_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let folder = DataFolder::hold(dir.path()).unwrap();
        std::fs::create_dir(folder.pond()).unwrap();
        assert!(folder.root_key(None).err().unwrap().to_string().contains("root.key is missing"));
    }

    #[test]
    fn a_key_from_elsewhere_is_the_one_that_the_folder_began_with() {
        let key = |byte| Some(RootKey::from_bytes([byte; 32]));
        let refused = |folder: &DataFolder, given| folder.root_key(given).err().unwrap().to_string();
        let dir = tempfile::tempdir().unwrap();
        let folder = DataFolder::hold(dir.path()).unwrap();
        folder.root_key(key(1)).unwrap();
        assert!(folder.read(ROOT_KEY).unwrap().is_none());
        std::fs::create_dir(folder.pond()).unwrap();
        assert_eq!(folder.root_key(key(1)).unwrap().expose(), &[1; 32]);
        assert!(refused(&folder, key(2)).contains("is not the one"));
        assert!(refused(&folder, None).contains("root.key is missing"));
        folder.write(ROOT_KEY, &hex::encode([2; 32])).unwrap();
        assert!(refused(&folder, None).contains("is not the one"));
        assert!(refused(&folder, key(1)).contains("is there as well"));
        // A folder of before keys were checked: what is given could be any.
        folder.remove(ROOT_KEY).unwrap();
        folder.remove(ROOT_CHECK).unwrap();
        assert!(refused(&folder, key(1)).contains("root.check is missing"));
        folder.write(ROOT_KEY, &hex::encode([1; 32])).unwrap();
        folder.root_key(None).unwrap();
        folder.remove(ROOT_KEY).unwrap();
        folder.root_key(key(1)).unwrap();
    }

    #[test]
    fn the_clocks_offset_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let folder = DataFolder::hold(dir.path()).unwrap();
        assert_eq!(folder.clock_offset().unwrap(), Duration::ZERO);
        folder.keep_clock_offset(Duration::from_secs(60)).unwrap();
        assert_eq!(folder.clock_offset().unwrap(), Duration::from_secs(60));
    }
}
