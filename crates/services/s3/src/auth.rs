//! Whose request it is: signatures in the header, in the query and along the chunks of a body, with S3's own errors; and the
//! open mode, which looks at none of them.
//!
//! The claim, its time and the canonical request are the gateway's (`millpond_gateway::sigv4`), the same for every service.
//! s3s could verify too, but 0.14 reads the machine's clock, takes Signature Version 2 and holds whole chunks in memory; it
//! is handed requests that are verified, without their signatures.

use http::request::Parts;
use millpond_core::{Region, Scope, Timestamp};
use millpond_gateway::sigv4::{AuthError, Claim, Place, Signed};
use millpond_gateway::{Access, Arrival, Caller, Credential, Credentials, LookupError, Secret};
use millpond_policy::Principal;

use crate::address::Address;
use crate::chunked::ChunkSigner;
use crate::context::Admission;
use crate::error::S3Error;
use crate::express::{self, Holder, Session, Sessions};

const SESSION_TOKEN_HEADER: &str = "x-amz-s3session-token";
/// As a presigned URL has it.
const SESSION_TOKEN: &str = "X-Amz-S3session-Token";
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
const CHUNKS_WITH_TRAILER: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
const SIGNED_CHUNKS: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
const SIGNED_CHUNKS_WITH_TRAILER: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";

/// How the body is framed, and what it must hash to.
pub enum Payload {
    /// As it is.
    Plain,
    /// The SHA-256 of the body, in lower-case hexadecimal digits.
    Hashed(String),
    Chunked(Option<Box<ChunkSigner>>),
}

/// A request that was let in.
pub struct Admitted {
    pub caller: Caller,
    pub admission: Admission,
    pub signed_at: Option<Timestamp>,
    pub payload: Payload,
    /// The credentials that it was signed with, where they are not a session's.
    pub holder: Option<Holder>,
    /// The session of a directory bucket that it was signed in.
    pub session: Option<Session>,
}

/// What requests are let in by.
pub struct Gate<'a> {
    pub access: &'a Access,
    pub sessions: &'a Sessions,
    /// Of requests that name none.
    pub region: &'a Region,
}

pub fn admit(
    parts: &Parts,
    address: &Address,
    gate: &Gate<'_>,
    arrival: &Arrival,
) -> Result<Admitted, S3Error> {
    match gate.access {
        Access::Open { .. } => Ok(admit_anyone(parts, gate, arrival)),
        Access::Verified { credentials, account } => {
            refuse_version_2(parts)?;
            let claim = Claim::read(parts).map_err(|error| refusal(&error, parts, None))?;
            match (claim, session_token(parts)) {
                (Some(claim), None) => admit_signed(parts, &claim, address, credentials.as_ref(), arrival),
                (Some(claim), Some(token)) => {
                    let signed = (&claim, token);
                    admit_session(parts, signed, address, (gate.sessions, credentials.as_ref()), arrival)
                }
                (None, _) => {
                    let scope = Scope::new(account.clone(), gate.region.clone());
                    let caller = Caller::arrived(Principal::Anonymous, scope, arrival);
                    let payload = unverified_payload(parts);
                    let admission = Admission::Unsigned;
                    Ok(Admitted { caller, admission, signed_at: None, payload, holder: None, session: None })
                }
            }
        }
    }
}

/// The token of a directory bucket's session, which stands beside the signature.
fn session_token(parts: &Parts) -> Option<&str> {
    header(parts, SESSION_TOKEN_HEADER).or_else(|| query_value(parts, SESSION_TOKEN))
}

/// What a request to this address must be signed for.
fn service_of(address: &Address, claim: &Claim) -> &'static str {
    match &address.bucket {
        Some(bucket) if express::is_directory(bucket) => express::SERVICE,
        Some(_) => "s3",
        // Of both kinds of buckets there is a list.
        None if claim.service == express::SERVICE => express::SERVICE,
        None => "s3",
    }
}

/// Whether the list of directory buckets is asked for, and not that of the others, which has the same address.
pub fn asks_for_directories(parts: &Parts) -> bool {
    Claim::read(parts).ok().flatten().is_some_and(|claim| claim.service == express::SERVICE)
}

/// `--open`: the key says the account, if it looks like one, and the scope the region; nothing is verified.
fn admit_anyone(parts: &Parts, gate: &Gate<'_>, arrival: &Arrival) -> Admitted {
    let claim = Claim::read(parts).ok().flatten();
    let shown = claim.as_ref().map(|claim| Holder {
        access_key_id: claim.access_key_id.clone(),
        token: claim.session_token.clone(),
    });
    // A session is whoever asked for it.
    let session = shown.as_ref().zip(session_token(parts));
    let session = session.and_then(|(shown, token)| gate.sessions.open(&shown.access_key_id, token));
    let holder = session.map(|(session, _)| session.holder).or(shown);
    let account = gate.access.open_account(
        holder.as_ref().map(|holder| holder.access_key_id.as_str()),
        holder.as_ref().and_then(|holder| holder.token.as_deref()),
    );
    let access_key = holder.as_ref().map(|holder| holder.access_key_id.as_str().into());
    let region = claim.map_or_else(|| gate.region.clone(), |claim| claim.region);
    let principal = Principal::Root { account: account.clone() };
    let caller = Caller::arrived(principal, Scope::new(account, region), arrival).with_access_key(access_key);
    let (admission, payload) = (Admission::Unsigned, unverified_payload(parts));
    Admitted { caller, admission, signed_at: None, payload, holder, session: None }
}

fn admit_signed(
    parts: &Parts,
    claim: &Claim,
    address: &Address,
    credentials: &dyn Credentials,
    arrival: &Arrival,
) -> Result<Admitted, S3Error> {
    let credential = known(claim, credentials)?;
    let service = service_of(address, claim);
    let payload = verify(parts, claim, service, &credential.secret, arrival)?;
    credentials.used(&claim.access_key_id, &credential.principal, service, &claim.region);
    let holder = Holder { access_key_id: claim.access_key_id.clone(), token: claim.session_token.clone() };
    Ok(Admitted { holder: Some(holder), ..admitted(claim, credential, payload, arrival) })
}

/// A request in a session: its credentials sign it, and whoever asked for them makes it.
fn admit_session(
    parts: &Parts,
    (claim, token): (&Claim, &str),
    address: &Address,
    (sessions, credentials): (&Sessions, &dyn Credentials),
    arrival: &Arrival,
) -> Result<Admitted, S3Error> {
    let (session, secret) = sessions.open(&claim.access_key_id, token).ok_or(S3Error::InvalidToken)?;
    if claim.session_token.is_some() {
        return Err(S3Error::InvalidToken);
    }
    let verified = verify(parts, claim, express::SERVICE, &Secret::new(secret.to_string()), arrival);
    let payload = verified.map_err(|error| without_token(error, token))?;
    if session.expires <= arrival.clock.now() {
        return Err(S3Error::ExpiredToken);
    }
    if address.bucket.as_deref() != Some(session.bucket.as_str()) {
        return Err(S3Error::access_denied());
    }
    let Holder { access_key_id, token } = &session.holder;
    let credential = credentials.lookup(access_key_id, token.as_deref());
    let credential = credential.map_err(|error| refused_key(error, &claim.access_key_id))?;
    credentials.used(access_key_id, &credential.principal, express::SERVICE, &claim.region);
    let admitted = admitted(claim, credential, payload, arrival);
    Ok(Admitted { session: Some(session), ..admitted })
}

fn admitted(claim: &Claim, credential: Credential, payload: Payload, arrival: &Arrival) -> Admitted {
    let scope = Scope::new(credential.account, claim.region.clone());
    let caller = Caller::arrived(credential.principal, scope, arrival)
        .with_grants(credential.grants, credential.token)
        .with_access_key(Some(claim.access_key_id.as_str().into()));
    let admission = match claim.place {
        Place::Header => Admission::Header,
        Place::Query => Admission::Presigned,
    };
    let signed_at = Some(claim.signed_at);
    Admitted { caller, admission, signed_at, payload, holder: None, session: None }
}

/// Checks that whoever holds the secret made this request, to this service, and that it is of now.
fn verify(
    parts: &Parts,
    claim: &Claim,
    service: &str,
    secret: &Secret,
    arrival: &Arrival,
) -> Result<Payload, S3Error> {
    claim.check_scope(service).map_err(|error| refusal(&error, parts, Some(claim)))?;
    check_time(claim, arrival)?;
    check_signed_headers(parts, claim)?;
    let declared = declared_payload(parts, claim)?;
    let signed = claim.verify_payload(parts, &declared, secret).map_err(|mismatch| {
        S3Error::SignatureDoesNotMatch {
            access_key: claim.access_key_id.clone(),
            string_to_sign: mismatch.string_to_sign,
            provided: mismatch.provided,
            canonical_request: mismatch.canonical_request,
        }
    })?;
    payload(&declared, signed)
}

/// A session's token is its holder's secret, also where it is his own mistake that is told.
fn without_token(error: S3Error, token: &str) -> S3Error {
    match error {
        S3Error::SignatureDoesNotMatch { access_key, string_to_sign, provided, canonical_request } => {
            let canonical_request = canonical_request.replace(token, "...");
            S3Error::SignatureDoesNotMatch { access_key, string_to_sign, provided, canonical_request }
        }
        error => error,
    }
}

/// Whose key it is, with S3's errors.
pub fn known(claim: &Claim, credentials: &dyn Credentials) -> Result<Credential, S3Error> {
    let found = credentials.lookup(&claim.access_key_id, claim.session_token.as_deref());
    found.map_err(|error| refused_key(error, &claim.access_key_id))
}

fn refused_key(error: LookupError, access_key: &str) -> S3Error {
    match error {
        LookupError::UnknownKey => S3Error::InvalidAccessKeyId { access_key: access_key.to_owned() },
        LookupError::InvalidToken => S3Error::InvalidToken,
        LookupError::ExpiredToken => S3Error::ExpiredToken,
        LookupError::Failed(_) => S3Error::internal("finding out whose key it is", error),
    }
}

/// AWS takes Signature Version 2 in no region that is newer than 2014, and so does Millpond nowhere.
fn refuse_version_2(parts: &Parts) -> Result<(), S3Error> {
    let in_header = header(parts, "authorization").is_some_and(|text| text.starts_with("AWS "));
    let query = parts.uri.query().unwrap_or_default();
    let in_query = query.split('&').any(|pair| pair.starts_with("AWSAccessKeyId="));
    if in_header || in_query {
        return Err(S3Error::invalid_request(
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
        ));
    }
    Ok(())
}

fn check_time(claim: &Claim, arrival: &Arrival) -> Result<(), S3Error> {
    // By the clock that clients sign by, which a lab instance does not turn.
    let now = arrival.clock.unturned();
    let skewed = || S3Error::RequestTimeTooSkewed { request: claim.signed_at.to_string(), now };
    match claim.check_time(now) {
        Ok(()) => Ok(()),
        Err(AuthError::Expired { allowed, .. }) if claim.place == Place::Query => {
            Err(S3Error::RequestExpired {
                expires_in: allowed.as_secs(),
                expires: claim.signed_at.plus(allowed),
                now,
            })
        }
        Err(_) if claim.place == Place::Query => {
            Err(S3Error::AccessDenied { message: "Request is not valid yet".into() })
        }
        Err(_) => Err(skewed()),
    }
}

/// Everything that changes what a request does must be under the signature: the host, and every header of AWS's.
fn check_signed_headers(parts: &Parts, claim: &Claim) -> Result<(), S3Error> {
    let signed = |name: &str| claim.signed_headers.iter().any(|header| header == name);
    let amz = parts.headers.keys().map(http::HeaderName::as_str).filter(|name| name.starts_with("x-amz-"));
    // The hash of the payload is a line of the canonical request itself.
    let unsigned = amz.filter(|name| *name != "x-amz-content-sha256" && !signed(name)).count();
    if unsigned > 0 || !signed("host") {
        return Err(S3Error::AccessDenied {
            message: "There were headers present in the request which were not signed".into(),
        });
    }
    Ok(())
}

/// What stands for the payload in the canonical request.
fn declared_payload(parts: &Parts, claim: &Claim) -> Result<String, S3Error> {
    let declared = header(parts, "x-amz-content-sha256");
    match (claim.place, declared) {
        (_, Some(declared)) => Ok(declared.to_owned()),
        (Place::Query, None) => Ok(query_value(parts, "X-Amz-Content-Sha256").unwrap_or(UNSIGNED).to_owned()),
        (Place::Header, None) => {
            Err(S3Error::invalid_request("Missing required header for this request: x-amz-content-sha256"))
        }
    }
}

fn payload(declared: &str, signed: Signed) -> Result<Payload, S3Error> {
    let Signed { key, date, scope, signature } = signed;
    let signer = || Box::new(ChunkSigner { key, date, scope, previous: signature });
    match declared {
        UNSIGNED => Ok(Payload::Plain),
        CHUNKS_WITH_TRAILER => Ok(Payload::Chunked(None)),
        SIGNED_CHUNKS | SIGNED_CHUNKS_WITH_TRAILER => Ok(Payload::Chunked(Some(signer()))),
        hash if hash.len() == 64 && hash.bytes().all(|c| c.is_ascii_hexdigit()) => {
            Ok(Payload::Hashed(hash.to_ascii_lowercase()))
        }
        other if other.starts_with("STREAMING-AWS4-ECDSA-P256-SHA256") => {
            Err(S3Error::HeaderNotImplemented { header: "x-amz-content-sha256".into() })
        }
        other => Err(S3Error::invalid_argument(
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, \
             STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
            "x-amz-content-sha256",
            other,
        )),
    }
}

/// Chunks are taken apart even where nobody looks at their signatures.
fn unverified_payload(parts: &Parts) -> Payload {
    match header(parts, "x-amz-content-sha256") {
        Some(declared) if declared.starts_with("STREAMING-") => Payload::Chunked(None),
        Some(hash) if hash.len() == 64 && hash.bytes().all(|c| c.is_ascii_hexdigit()) => {
            Payload::Hashed(hash.to_ascii_lowercase())
        }
        _ => Payload::Plain,
    }
}

/// The gateway's refusal in S3's words.
fn refusal(error: &AuthError, parts: &Parts, claim: Option<&Claim>) -> S3Error {
    let in_query = match claim {
        Some(claim) => claim.place == Place::Query,
        None => !parts.headers.contains_key("authorization"),
    };
    match (error, in_query) {
        (AuthError::Missing, _) => S3Error::access_denied(),
        (_, true) => S3Error::AuthorizationQueryParameters { problem: error.to_string() },
        (_, false) => S3Error::AuthorizationHeaderMalformed { problem: error.to_string(), region: None },
    }
}

fn header<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    parts.headers.get(name)?.to_str().ok()
}

fn query_value<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    parts.uri.query()?.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// Whether a query parameter belongs to a presigned URL and to nothing else.
pub fn is_signature(parameter: &str) -> bool {
    const NAMES: [&str; 9] = [
        "X-Amz-Algorithm",
        "X-Amz-Content-Sha256",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        SESSION_TOKEN,
        "X-Amz-Security-Token",
        "X-Amz-Signature",
        "X-Amz-SignedHeaders",
    ];
    NAMES.contains(&parameter)
}
