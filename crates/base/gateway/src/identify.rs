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
    Open {
        account: AccountId,
        region: Option<Region>,
        access_key: Option<Arc<str>>,
    },
    Claimed {
        claim: Box<Claim>,
        credential: Credential,
        credentials: Arc<dyn Credentials>,
    },
    /// Nobody signed, and the service has operations that nobody signs.
    Stranger {
        account: AccountId,
    },
}

/// Somebody whose signature was verified (or who needs none).
pub(crate) struct Identity {
    pub(crate) principal: Principal,
    pub(crate) account: AccountId,
    pub(crate) region: Option<Region>,
    pub(crate) grants: Arc<IdentityGrants>,
    pub(crate) token: Option<Token>,
    pub(crate) access_key: Option<Arc<str>>,
}

impl Identity {
    fn new(claim: &Claim, credential: Credential) -> Self {
        let Credential { principal, account, grants, token, .. } = credential;
        let access_key = Some(claim.access_key_id.as_str().into());
        Self { principal, account, region: Some(claim.region.clone()), grants, token, access_key }
    }
}

/// Why nobody looks at a request's body.
pub(crate) enum NotAdmitted {
    /// With whose key it claims, if there is such a key.
    Refused(AuthError, Option<Box<Identity>>),
    /// Who it is could not be found out.
    Failed(LookupError),
}

impl NotAdmitted {
    fn known(error: AuthError, claim: &Claim, credential: Credential) -> Self {
        Self::Refused(error, Some(Box::new(Identity::new(claim, credential))))
    }

    /// Whose key the request claims, of which nothing is proven.
    pub(crate) fn claimed(&mut self) -> Option<Identity> {
        match self {
            Self::Refused(_, claimed) => claimed.take().map(|claimed| *claimed),
            Self::Failed(_) => None,
        }
    }

    pub(crate) fn into_api_error(self, protocol: &Protocol) -> ApiError {
        match self {
            Self::Refused(error, _) => error.into_api_error(protocol),
            Self::Failed(error) => ApiError::internal(error),
        }
    }
}

impl From<AuthError> for NotAdmitted {
    fn from(error: AuthError) -> Self {
        Self::Refused(error, None)
    }
}

impl From<LookupError> for NotAdmitted {
    fn from(error: LookupError) -> Self {
        match error {
            LookupError::UnknownKey | LookupError::InvalidToken => Self::Refused(AuthError::UnknownKey, None),
            LookupError::ExpiredToken => Self::Refused(AuthError::ExpiredToken, None),
            LookupError::Failed(_) => Self::Failed(error),
        }
    }
}

/// `now` is by the clock that clients sign by. A service that `takes_unsigned` is one with operations that nobody signs.
pub(crate) fn admit(
    access: &Access,
    parts: &Parts,
    service: &str,
    takes_unsigned: bool,
    now: Timestamp,
) -> Result<Visitor, NotAdmitted> {
    match access {
        Access::Open { .. } => {
            // Whatever stands there is not verified, so that it need not be well formed either.
            let claim = Claim::read(parts).ok().flatten();
            let shown = claim.as_ref();
            let account = access.open_account(
                shown.map(|claim| claim.access_key_id.as_str()),
                shown.and_then(|claim| claim.session_token.as_deref()),
            );
            let access_key = shown.map(|claim| claim.access_key_id.as_str().into());
            Ok(Visitor::Open { account, region: claim.map(|claim| claim.region), access_key })
        }
        Access::Verified { credentials, account } => {
            let Some(claim) = Claim::read(parts)?.map(Box::new) else {
                return match takes_unsigned {
                    true => Ok(Visitor::Stranger { account: account.clone() }),
                    false => Err(AuthError::Missing.into()),
                };
            };
            let credential = credentials.lookup(&claim.access_key_id, claim.session_token.as_deref())?;
            match claim.check_scope(service).and_then(|()| claim.check_time(now)) {
                Ok(()) => Ok(Visitor::Claimed { claim, credential, credentials: Arc::clone(credentials) }),
                Err(error) => Err(NotAdmitted::known(error, &claim, credential)),
            }
        }
    }
}

impl Visitor {
    pub(crate) fn identify(
        self,
        parts: &Parts,
        body: &[u8],
        service: &str,
        unsigned: bool,
        now: Timestamp,
    ) -> Result<Identity, NotAdmitted> {
        match self {
            Self::Stranger { .. } if !unsigned => Err(AuthError::Missing.into()),
            Self::Stranger { account } => Ok(Identity {
                principal: Principal::Anonymous,
                account,
                region: None,
                grants: Arc::default(),
                token: None,
                access_key: None,
            }),
            Self::Open { account, region, access_key } => {
                let principal = Principal::Root { account: account.clone() };
                Ok(Identity { principal, account, region, grants: Arc::default(), token: None, access_key })
            }
            Self::Claimed { claim, credential, credentials } => {
                match claim.verify(parts, body, service, &credential.secret, now) {
                    Ok(()) => {
                        credentials.used(&claim.access_key_id, &credential.principal, service, &claim.region);
                        Ok(Identity::new(&claim, credential))
                    }
                    Err(error) => Err(NotAdmitted::known(error, &claim, credential)),
                }
            }
        }
    }
}
