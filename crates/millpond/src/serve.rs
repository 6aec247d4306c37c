//! `millpond serve`: the house with its pond, from the first start to the drain.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use millpond_core::{AccountId, Clock, RootKey};
use millpond_gateway::{Access, AdminRoutes, Gateway, GatewayOptions, Listener};
use millpond_work::CancellationToken;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Mutex;

use crate::admin::Admin;
use crate::cli::ServeFlags;
use crate::credentials::{KeyRing, RootCredentials};
use crate::data::{DataFolder, Endpoint};
use crate::lab;
use crate::logs;
use crate::pond::Pond;
use crate::settings::Settings;
use crate::tls::{Shown, scheme, speaks_tls};

/// Everything that outlives a reset.
pub struct House {
    access: Access,
    pub keys: Arc<KeyRing>,
    folder: DataFolder,
    root_key: RootKey,
    settings: Settings,
    pub clock: Clock,
    /// `None` while a reset is under way, and after one that failed.
    pond: Mutex<Option<Pond>>,
    /// How far the clock was turned, as the data folder has it.
    turned: Mutex<Duration>,
}

impl House {
    pub fn is_lab(&self) -> bool {
        self.settings.lab
    }

    /// Turns the clock. The new offset is on disk before the clock shows it, so that no restart takes it back.
    pub async fn turn_clock(&self, by: Duration) -> anyhow::Result<()> {
        let mut turned = self.turned.lock().await;
        let offset = turned.checked_add(by).context("the clock is at its end")?;
        tokio::task::block_in_place(|| self.folder.keep_clock_offset(offset))?;
        *turned = offset;
        self.clock.advance(by);
        Ok(())
    }

    /// Empties the pond: waits for the requests that run, stops the background work, takes the data away and opens anew.
    /// Credentials, keys and the clock stay.
    pub async fn reset(&self, gateway: &Gateway) -> anyhow::Result<()> {
        let mut pond = self.pond.lock().await;
        let mut paused = gateway.pause().await;
        drop(paused.take());
        self.keys.stand_alone();
        if let Some(pond) = pond.take() {
            // Whatever still runs might write into the new pond.
            pond.close().await.context("the pond stays closed until the server is started again")?;
        }
        let (new, services) = tokio::task::block_in_place(|| {
            self.folder.discard_pond(&self.settings.zones())?;
            let folder = self.folder.pond();
            Pond::open(&self.access, &self.keys, &folder, &self.root_key, self.clock.clone(), &self.settings)
        })?;
        *pond = Some(new);
        paused.resume_with(services);
        Ok(())
    }

    async fn close(&self) -> anyhow::Result<()> {
        self.keys.stand_alone();
        match self.pond.lock().await.take() {
            Some(pond) => pond.close().await,
            None => Ok(()),
        }
    }
}

pub fn serve(flags: ServeFlags) -> anyhow::Result<()> {
    let settings = Settings::read(&flags)?;
    logs::start(&settings.log, settings.log_format)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(settings))
}

async fn run(settings: Settings) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    let server = Server::open(settings).await?;
    if server.new_credentials {
        println!(
            "{}",
            server.credentials.exports(server.house.settings.region.as_str(), Some(&server.endpoint))
        );
    }
    if let Some(line) = server.turned_clock().await {
        println!("{line}");
    }
    println!("Millpond is ready at {}", server.endpoint.url);
    let stop = CancellationToken::new();
    let serving = server.serve(stop.clone().cancelled_owned());
    tokio::pin!(serving);
    tokio::select! {
        ended = &mut serving => return ended,
        () = signals.next() => {
            tracing::info!("stopping: no new connections, requests that run are finished");
            stop.cancel();
        }
    }
    tokio::select! {
        ended = &mut serving => ended,
        () = signals.next() => bail!("stopped by a second signal, before the requests that ran were finished"),
    }
}

/// A pond that is open and listens; [`Server::serve`] answers.
pub struct Server {
    house: Arc<House>,
    gateway: Arc<Gateway>,
    listeners: Vec<Listener>,
    shown: Option<Shown>,
    /// Where clients on this machine reach it.
    pub endpoint: Endpoint,
    pub account: AccountId,
    pub credentials: RootCredentials,
    /// Whether this start made the credentials.
    pub new_credentials: bool,
}

impl Server {
    pub async fn open(settings: Settings) -> anyhow::Result<Self> {
        let places = places(&settings).await?;
        let folder = DataFolder::hold(&settings.data)?;
        folder.sweep(&settings.zones())?;
        let shown = Shown::open(&settings, &folder)?;
        let account = folder.account(settings.account.as_ref())?;
        let root_key = folder.root_key(settings.root_key.read()?)?;
        let (credentials, new_credentials) = folder.root_credentials(&account)?;
        let turned = folder.clock_offset()?;
        let clock = Clock::system(turned);
        let keys = Arc::new(KeyRing::of_root(account.clone(), credentials.clone()));
        let access = match settings.open {
            true => Access::Open { account: account.clone(), sessions: Some(Arc::<KeyRing>::clone(&keys)) },
            false => Access::Verified { account: account.clone(), credentials: Arc::<KeyRing>::clone(&keys) },
        };
        let (pond, services) =
            Pond::open(&access, &keys, &folder.pond(), &root_key, clock.clone(), &settings)?;
        let listeners = listen(places, shown.as_ref()).await?;
        let main = &listeners[0];
        let url = endpoint(main.socket.local_addr()?, main.tls.is_some());
        let certificate = shown.as_ref().filter(|_| main.tls.is_some()).map(|shown| shown.chain.as_str());
        let endpoint = folder.announce(&url, certificate)?;
        let house = Arc::new(House {
            access: access.clone(),
            keys,
            folder,
            root_key,
            clock: clock.clone(),
            pond: Mutex::new(Some(pond)),
            turned: Mutex::new(turned),
            settings,
        });
        let admin = Some(Arc::new(Admin::new(Arc::clone(&house))) as Arc<dyn AdminRoutes>);
        let region = house.settings.region.clone();
        let options = GatewayOptions { access, clock, region, version: env!("CARGO_PKG_VERSION"), admin };
        let gateway = Arc::new(Gateway::new(options, services));
        Ok(Self { house, gateway, listeners, shown, endpoint, account, credentials, new_credentials })
    }

    /// The line that tells that the clock was turned, when it was.
    async fn turned_clock(&self) -> Option<String> {
        lab::shown(self.house.clock.now(), *self.house.turned.lock().await)
    }

    /// Answers until `stop` is ready, lets the requests that run finish, and closes the pond.
    pub async fn serve(self, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        let Self { house, gateway, listeners, shown, .. } = self;
        let drain = Duration::from_secs(house.settings.drain_seconds);
        let serving = Arc::clone(&gateway).serve(listeners, stop, drain);
        let drained = match shown {
            None => serving.await,
            Some(shown) => tokio::select! {
                drained = serving => drained,
                never = shown.keep_current(&house.folder) => match never {},
            },
        };
        house.folder.withdraw()?;
        // The services hold the store; they go before it is closed.
        drop(gateway.pause().await.take());
        house.close().await?;
        drained?;
        tracing::info!("closed");
        Ok(())
    }
}

/// Where to listen, and what is spoken and stands there.
struct Place {
    /// All that the name stands for.
    addresses: Vec<SocketAddr>,
    endpoint: Option<Arc<str>>,
    tls: bool,
}

/// The one of `listen` and then those of the listeners.
async fn places(settings: &Settings) -> anyhow::Result<Vec<Place>> {
    let further = settings.listeners.iter().map(|one| ("listeners", &one.address, one.endpoint.as_deref()));
    let wanted: Vec<_> = std::iter::once(("listen", &settings.listen, None)).chain(further).collect();
    let certificate = settings.tls.source()?.is_some();
    let speaks = speaks_tls(wanted.iter().map(|(_, text, _)| text.as_str()), certificate)?;
    let mut places = Vec::new();
    for ((setting, text, endpoint), tls) in wanted.into_iter().zip(speaks) {
        let addresses: Vec<SocketAddr> = tokio::net::lookup_host(scheme(text).1)
            .await
            .with_context(|| format!("the setting `{setting}` is {text:?}"))?
            .collect();
        if settings.open && !addresses.iter().all(|address| address.ip().is_loopback()) {
            bail!("--open takes any credentials, and so it only listens on loopback, not on {text}");
        }
        places.push(Place { addresses, endpoint: endpoint.map(Into::into), tls });
    }
    Ok(places)
}

async fn listen(places: Vec<Place>, shown: Option<&Shown>) -> anyhow::Result<Vec<Listener>> {
    let mut listeners = Vec::new();
    for Place { addresses, endpoint, tls } in places {
        let socket = TcpListener::bind(addresses.as_slice())
            .await
            .with_context(|| format!("listening on {addresses:?}"))?;
        let tls = shown.filter(|_| tls).map(|shown| Arc::clone(&shown.tls));
        listeners.push(Listener { socket, endpoint, tls });
    }
    Ok(listeners)
}

/// Where clients on this machine reach the address.
fn endpoint(address: SocketAddr, tls: bool) -> String {
    let (port, scheme) = (address.port(), if tls { "https" } else { "http" });
    match address.ip() {
        ip if ip.is_unspecified() => format!("{scheme}://127.0.0.1:{port}"),
        _ => format!("{scheme}://{address}"),
    }
}

/// SIGTERM and SIGINT.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_reachable_from_here() {
        for (address, expected) in [
            ("127.0.0.1:4566", "http://127.0.0.1:4566"),
            ("0.0.0.0:80", "http://127.0.0.1:80"),
            ("[::]:80", "http://127.0.0.1:80"),
            ("[::1]:80", "http://[::1]:80"),
            ("10.0.0.7:80", "http://10.0.0.7:80"),
        ] {
            assert_eq!(endpoint(address.parse().unwrap(), false), expected);
        }
        assert_eq!(endpoint("0.0.0.0:443".parse().unwrap(), true), "https://127.0.0.1:443");
    }
}
