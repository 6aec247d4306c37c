//! Who sent a request, in two steps: what its head alone shows, so that strangers are turned away before a byte of their
//! body is kept, and then the signature over head and body.

use std::sync::Arc;

use http::request::Parts;
use millpond_core::{AccountId, Region, Timestamp};
use millpond_policy::{IdentityGrants, Principal, Token};
use millpond_wire::{ApiError, Protocol};

use crate::access::{Access, Credential, Credentials, LookupError};
use crate::sigv4::{AuthError, Claim};

/// A request whose head is in order: an open pond's, or one that claims a known key and is of now and for this service.
pub(crate) enum Visitor {
    Open { account: AccountId, region: Option<Region> },
    Claimed { claim: Box<Claim>, credential: Credential, credentials: Arc<dyn Credentials> },
}

/// Somebody whose signature was verified (or who needs none).
pub(crate) struct Identity {
    pub(crate) principal: Principal,
    pub(crate) account: AccountId,
    pub(crate) region: Option<Region>,
    pub(crate) grants: Arc<IdentityGrants>,
    pub(crate) token: Option<Token>,
}

/// Why nobody looks at a request's body.
pub(crate) enum NotAdmitted {
    Refused(AuthError),
    /// Who it is could not be found out.
    Failed(LookupError),
}

impl NotAdmitted {
    pub(crate) fn into_api_error(self, protocol: &Protocol) -> ApiError {
        match self {
            Self::Refused(error) => error.into_api_error(protocol),
            Self::Failed(error) => ApiError::internal(error),
        }
    }
}

impl From<AuthError> for NotAdmitted {
    fn from(error: AuthError) -> Self {
        Self::Refused(error)
    }
}

impl From<LookupError> for NotAdmitted {
    fn from(error: LookupError) -> Self {
        match error {
            LookupError::UnknownKey | LookupError::InvalidToken => Self::Refused(AuthError::UnknownKey),
            LookupError::ExpiredToken => Self::Refused(AuthError::ExpiredToken),
            LookupError::Failed(_) => Self::Failed(error),
        }
    }
}

/// `now` is by the clock that clients sign by.
pub(crate) fn admit(
    access: &Access,
    parts: &Parts,
    service: &str,
    now: Timestamp,
) -> Result<Visitor, NotAdmitted> {
    match access {
        Access::Open { .. } => {
            // Whatever stands there is not verified, so that it need not be well formed either.
            let claim = Claim::read(parts).ok().flatten();
            let account = access.open_account(claim.as_ref().map(|claim| claim.access_key_id.as_str()));
            Ok(Visitor::Open { account, region: claim.map(|claim| claim.region) })
        }
        Access::Verified { credentials, .. } => {
            let claim = Box::new(Claim::read(parts)?.ok_or(AuthError::Missing)?);
            let credential = credentials.lookup(&claim.access_key_id, claim.session_token.as_deref())?;
            claim.check_scope(service)?;
            claim.check_time(now)?;
            Ok(Visitor::Claimed { claim, credential, credentials: Arc::clone(credentials) })
        }
    }
}

impl Visitor {
    pub(crate) fn identify(
        self,
        parts: &Parts,
        body: &[u8],
        service: &str,
        now: Timestamp,
    ) -> Result<Identity, AuthError> {
        match self {
            Self::Open { account, region } => {
                let principal = Principal::Root { account: account.clone() };
                Ok(Identity { principal, account, region, grants: Arc::default(), token: None })
            }
            Self::Claimed { claim, credential, credentials } => {
                claim.verify(parts, body, service, &credential.secret, now)?;
                credentials.used(&claim.access_key_id, service, &claim.region);
                let Credential { principal, account, grants, token, .. } = credential;
                Ok(Identity { principal, account, region: Some(claim.region), grants, token })
            }
        }
    }
}
