//! Commands that ask a running pond, through AWS's own APIs and through the routes below `/_millpond/`.

pub mod account;
pub mod can;
pub mod keys;
pub mod whoami;

use std::time::Duration;

use anyhow::Context as _;
use millpond_core::{Clock, Region};
use tokio::runtime::Runtime;

use crate::cli::Folder;
use crate::client::Client;
use crate::data::{self, Endpoint};

/// Where the server over the folder is reached.
fn endpoint(folder: &Folder) -> anyhow::Result<Endpoint> {
    let path = folder.path();
    data::read_endpoint(&path)?
        .with_context(|| format!("no server runs over the data folder {}", path.display()))
}

/// A client with the root user's key of the folder.
fn as_root(folder: &Folder) -> anyhow::Result<Client> {
    let keys = data::read_credentials(&folder.path())?;
    Client::new(&endpoint(folder)?, Region::us_east_1().as_str(), &keys, clock())
}

/// As every client, these sign by the machine's clock, whatever a lab's shows.
fn clock() -> Clock {
    Clock::system(Duration::ZERO)
}

fn runtime() -> anyhow::Result<Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}
