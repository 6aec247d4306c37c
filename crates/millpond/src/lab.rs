//! What `--lab` adds: the clock that can be turned and the pond that can be emptied, from this machine alone; and the
//! commands that ask for it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use jiff::{Span, SpanRelativeTo, Unit};
use millpond_core::Timestamp;
use millpond_gateway::Gateway;
use serde::{Deserialize, Serialize};

use crate::admin::{Outcome, answer, bad_request, failed};
use crate::cli::{ClockCommand, Folder};
use crate::client::http;
use crate::data;
use crate::serve::House;

/// A lab's clock, as the routes show it.
#[derive(Debug, Serialize, Deserialize)]
struct ClockState {
    /// ISO 8601, UTC.
    now: String,
    /// How far it is ahead of the machine's clock.
    ahead_millis: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    /// A span such as `60d`.
    by: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Emptied {
    emptied: bool,
}

/// The routes below `/_millpond/` that a lab has.
pub struct Lab(pub Arc<House>);

impl Lab {
    /// `None`: a lab has no such route either.
    pub async fn answer(
        &self,
        gateway: &Gateway,
        method: &Method,
        path: &str,
        body: &[u8],
    ) -> Option<Outcome> {
        match (method, path) {
            (&Method::GET, "clock") => Some(answer(&self.clock())),
            (&Method::POST, "clock/advance") => Some(self.advance(body).await),
            (&Method::POST, "reset") => Some(self.reset(gateway).await),
            _ => None,
        }
    }

    fn clock(&self) -> ClockState {
        let clock = &self.0.clock;
        let now = clock.now();
        let ahead = now.since(clock.unturned());
        ClockState {
            now: now.to_string(),
            ahead_millis: u64::try_from(ahead.as_millis()).unwrap_or(u64::MAX),
        }
    }

    async fn advance(&self, body: &[u8]) -> Outcome {
        let wanted: Advance = serde_json::from_slice(body).map_err(|error| bad_request(error.to_string()))?;
        let by = span(&wanted.by).map_err(|error| bad_request(format!("{error:#}")))?;
        self.0.turn_clock(by).await.map_err(failed)?;
        answer(&self.clock())
    }

    async fn reset(&self, gateway: &Gateway) -> Outcome {
        self.0.reset(gateway).await.map_err(failed)?;
        answer(&Emptied { emptied: true })
    }
}

/// `60d`, `12h`, `1d 6h`: forward only, days of 24 hours, at most a hundred years.
fn span(text: &str) -> anyhow::Result<Duration> {
    const LONGEST: Duration = Duration::from_secs(100 * 366 * 86_400);
    let span: Span =
        text.parse().with_context(|| format!("{text:?} is not a span such as 90s, 12h or 60d"))?;
    if span.get_months() != 0 || span.get_years() != 0 {
        bail!("{text:?}: months and years have no fixed length; write days");
    }
    let millis = span.total((Unit::Millisecond, SpanRelativeTo::days_are_24_hours()))?;
    if !(0.0..=LONGEST.as_millis() as f64).contains(&millis) {
        bail!("{text:?}: the clock only goes forward, by at most a hundred years at a time");
    }
    Ok(Duration::from_millis(millis as u64))
}

/// `millpond clock`.
pub fn clock(command: ClockCommand, folder: &Folder) -> anyhow::Result<()> {
    let state: ClockState = match command {
        ClockCommand::Show => ask(folder, Method::GET, "clock", Vec::new())?,
        ClockCommand::Advance { span: by } => {
            span(&by)?;
            ask(folder, Method::POST, "clock/advance", serde_json::to_vec(&Advance { by })?)?
        }
    };
    let ahead = Duration::from_millis(state.ahead_millis);
    let at: jiff::Timestamp = state.now.parse()?;
    match ahead {
        Duration::ZERO => println!("{at}"),
        ahead => println!("{at} ({:?} ahead)", jiff::SignedDuration::try_from(ahead)?),
    }
    Ok(())
}

/// `millpond reset`.
pub fn reset(folder: &Folder) -> anyhow::Result<()> {
    let Emptied { .. } = ask(folder, Method::POST, "reset", Vec::new())?;
    println!("The pond is empty; its credentials are as before.");
    Ok(())
}

/// Asks the server that runs over the folder.
fn ask<T: serde::de::DeserializeOwned>(
    folder: &Folder,
    method: Method,
    route: &str,
    body: Vec<u8>,
) -> anyhow::Result<T> {
    let path = folder.path();
    let endpoint = data::read_endpoint(&path)?
        .with_context(|| format!("no server runs over the data folder {}", path.display()))?;
    let request = Request::builder()
        .method(method)
        .uri(format!("{}/_millpond/{route}", endpoint.url))
        .body(Full::new(Bytes::from(body)))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (status, bytes) = runtime.block_on(async {
        let answer = http(&endpoint)?.request(request).await;
        let answer = answer.with_context(|| format!("no server answers at {}", endpoint.url))?;
        let status = answer.status();
        anyhow::Ok((status, answer.into_body().collect().await?.to_bytes()))
    })?;
    if !status.is_success() {
        #[derive(Deserialize)]
        struct Refused {
            message: String,
        }
        let said: Refused =
            serde_json::from_slice(&bytes).with_context(|| format!("the server answered {status}"))?;
        bail!("{}", said.message);
    }
    serde_json::from_slice(&bytes).context("reading the server's answer")
}

/// For the ready line of a lab whose clock was turned before.
pub fn shown(now: Timestamp, ahead: Duration) -> Option<String> {
    (!ahead.is_zero()).then(|| format!("The clock shows {now}, since it was turned."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_go_forward() {
        for (text, secs) in [
            ("90s", Some(90)),
            ("60d", Some(5_184_000)),
            ("1d 6h", Some(108_000)),
            ("PT1H", Some(3_600)),
            ("0s", Some(0)),
        ] {
            assert_eq!(span(text).ok().map(|span| span.as_secs()), secs, "{text}");
        }
        for text in ["", "60", "-1d", "1month", "2y", "1d ago", "999999d", "soon"] {
            assert!(span(text).is_err(), "{text}");
        }
    }
}
