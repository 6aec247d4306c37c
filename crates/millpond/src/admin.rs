//! The routes below `/_millpond/`: accounts, asked for by the pond's own root, and what a lab adds.

use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::request::Parts;
use http::{Method, StatusCode};
use millpond_gateway::sigv4::{AuthError, Claim};
use millpond_gateway::{ADMIN_SIGNING_NAME, AdminAnswer, AdminRefusal, AdminRoutes, Gateway};
use millpond_sts::{Account, NewAccount, Sts, StsError};
use serde::Serialize;

use crate::lab::Lab;
use crate::serve::House;
use crate::tools::account::{AccountCreated, AccountEntry, AccountList, AccountRequest};

pub type Outcome = Result<AdminAnswer, AdminRefusal>;

pub struct Admin {
    house: Arc<House>,
    lab: Option<Lab>,
}

impl Admin {
    pub fn new(house: Arc<House>) -> Self {
        let lab = house.is_lab().then(|| Lab(Arc::clone(&house)));
        Self { house, lab }
    }
}

impl AdminRoutes for Admin {
    fn answer<'a>(
        &'a self,
        gateway: &'a Gateway,
        parts: &'a Parts,
        path: &'a str,
        body: Bytes,
    ) -> BoxFuture<'a, Option<Outcome>> {
        async move {
            match (&parts.method, path, &self.lab) {
                (&Method::GET | &Method::POST, "accounts", _) => Some(self.accounts(parts, &body).await),
                (method, _, Some(lab)) => lab.answer(gateway, method, path, &body).await,
                (_, _, None) => None,
            }
        }
        .boxed()
    }
}

impl Admin {
    /// Also an open pond asks for the root's signature here: what is made is a key.
    async fn accounts(&self, parts: &Parts, body: &[u8]) -> Outcome {
        self.authenticate(parts, body)
            .map_err(|error| AdminRefusal { status: StatusCode::FORBIDDEN, message: error.to_string() })?;
        let gone = || AdminRefusal {
            status: StatusCode::SERVICE_UNAVAILABLE,
            message: "The pond is closed.".to_owned(),
        };
        let sts = self.house.keys.sts().ok_or_else(gone)?;
        match parts.method {
            Method::POST => self.create(&sts, body).await,
            _ => self.list(&sts),
        }
    }

    fn authenticate(&self, parts: &Parts, body: &[u8]) -> Result<(), AuthError> {
        let root = &self.house.keys.root;
        let claim = Claim::read(parts)?.ok_or(AuthError::Missing)?;
        if claim.access_key_id != root.access_key_id || claim.session_token.is_some() {
            return Err(AuthError::UnknownKey);
        }
        claim.verify(parts, body, ADMIN_SIGNING_NAME, &root.secret, self.house.clock.unturned())
    }

    async fn create(&self, sts: &Sts, body: &[u8]) -> Outcome {
        let wanted: AccountRequest =
            serde_json::from_slice(body).map_err(|error| bad_request(error.to_string()))?;
        let created = sts.accounts.create(wanted.account, wanted.name, self.house.clock.now()).await;
        let NewAccount { account, access_key_id, secret } = created.map_err(refused)?;
        let secret_access_key = secret.to_string();
        answer(&AccountCreated { account: account.id, access_key_id, secret_access_key })
    }

    fn list(&self, sts: &Sts) -> Outcome {
        let own = AccountEntry { account: self.house.keys.account.clone(), name: None, created: None };
        let others = sts.accounts.list().map_err(refused)?.into_iter();
        let others = others.map(|Account { id, name, created }| AccountEntry {
            account: id,
            name,
            created: Some(created.to_string()),
        });
        answer(&AccountList { accounts: std::iter::once(own).chain(others).collect() })
    }
}

pub fn answer(value: &impl Serialize) -> Outcome {
    serde_json::to_vec(value).map(AdminAnswer).map_err(|error| failed(error.into()))
}

pub fn bad_request(message: String) -> AdminRefusal {
    AdminRefusal { status: StatusCode::BAD_REQUEST, message }
}

pub fn failed(error: anyhow::Error) -> AdminRefusal {
    tracing::error!("{error:#}");
    AdminRefusal { status: StatusCode::INTERNAL_SERVER_ERROR, message: format!("{error:#}") }
}

fn refused(error: StsError) -> AdminRefusal {
    match error {
        StsError::AccountExists(_) => {
            AdminRefusal { status: StatusCode::CONFLICT, message: error.to_string() }
        }
        StsError::Validation(message) => bad_request(message),
        other => failed(other.into()),
    }
}
