//! What a signed request says about itself, in its `Authorization` header or in its query.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use millpond_core::{Region, Timestamp};

use super::{ALGORITHM, AuthError, TERMINATOR};

/// How far a header signature's date may be from the clock, either way.
pub const SKEW: Duration = Duration::from_secs(15 * 60);
const LONGEST_PRESIGNED: u64 = 7 * 24 * 3_600;

/// Where the signature stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Header,
    Query,
}

/// The fields of a signed HTML form.
#[derive(Debug, Clone, Copy)]
pub struct FormFields<'a> {
    pub algorithm: &'a str,
    pub credential: &'a str,
    pub date: &'a str,
    pub signature: &'a str,
    pub session_token: Option<&'a str>,
}

/// A well-formed signature that nobody has verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub access_key_id: String,
    /// The day of the credential scope, `YYYYMMDD`.
    pub scope_date: String,
    pub region: Region,
    /// The service's signing name.
    pub service: String,
    /// When it says it was signed.
    pub signed_at: Timestamp,
    /// `signed_at` in the form that is signed.
    pub(super) date_text: String,
    pub place: Place,
    /// How long a presigned request lives.
    pub expires: Option<Duration>,
    /// Lower-case, in the order in which they were signed.
    pub signed_headers: Vec<String>,
    pub(super) signature: Vec<u8>,
    pub session_token: Option<String>,
}

impl Claim {
    /// `None` for an unsigned request.
    pub fn read(parts: &Parts) -> Result<Option<Self>, AuthError> {
        let query = parts.uri.query().unwrap_or_default();
        let presigned = query.contains("X-Amz-Algorithm=") || query.contains("X-Amz-Credential=");
        match (parts.headers.get("authorization"), presigned) {
            (None, false) => Ok(None),
            (Some(_), true) => Err(AuthError::WrongScope(
                "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."
                    .to_owned(),
            )),
            (Some(header), false) => {
                let text = header.to_str().map_err(|_| {
                    AuthError::Incomplete(
                        "Authorization header holds characters that are not ASCII.".to_owned(),
                    )
                })?;
                Self::from_header(text, parts).map(Some)
            }
            (None, true) => Self::from_query(query).map(Some),
        }
    }

    fn from_header(text: &str, parts: &Parts) -> Result<Self, AuthError> {
        let fields = header_fields(text)?;
        let amz_date = header(parts, "x-amz-date").map(ToOwned::to_owned);
        let signed_at = match &amz_date {
            Some(text) => parse_iso_basic(text),
            None => header(parts, "date").and_then(parse_http_date),
        };
        let mut missing = String::new();
        for name in ["Credential", "Signature", "SignedHeaders"] {
            if !fields.contains_key(name) {
                missing.push_str(&format!("Authorization header requires '{name}' parameter. "));
            }
        }
        if amz_date.is_none() && header(parts, "date").is_none() {
            missing.push_str(
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ",
            );
        }
        if !missing.is_empty() {
            let hashed =
                STANDARD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()));
            return Err(AuthError::Incomplete(format!(
                "{missing}(Hashed with SHA-256 and encoded with Base64) Authorization={hashed}"
            )));
        }
        let field = |name| fields.get(name).copied().unwrap_or_default();
        let signed_at = signed_at.ok_or_else(|| {
            AuthError::Incomplete(format!(
                "Date must be in ISO-8601 'basic format'. Got '{}'. See http://en.wikipedia.org/wiki/ISO_8601",
                amz_date.as_deref().or_else(|| header(parts, "date")).unwrap_or_default()
            ))
        })?;
        let token = header(parts, "x-amz-security-token").map(ToOwned::to_owned);
        Self::assemble(field("Credential"), field("SignedHeaders"), field("Signature"), signed_at, token)
    }

    fn from_query(query: &str) -> Result<Self, AuthError> {
        let mut fields: BTreeMap<String, String> = BTreeMap::new();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decoded = |text| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
            let name = decoded(name);
            if name.starts_with("X-Amz-") && fields.insert(name.clone(), decoded(value)).is_some() {
                return Err(AuthError::Incomplete(format!(
                    "AWS query-string parameter '{name}' is given twice."
                )));
            }
        }
        let field = |name: &str| fields.get(name).map(String::as_str).filter(|value| !value.is_empty());
        let mut missing = String::new();
        for name in
            ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"]
        {
            if field(name).is_none() {
                missing.push_str(&format!("AWS query-string parameters must include '{name}'. "));
            }
        }
        if !missing.is_empty() {
            return Err(AuthError::Incomplete(format!("{missing}Re-examine the query-string parameters.")));
        }
        let value = |name: &str| field(name).unwrap_or_default();
        if value("X-Amz-Algorithm") != ALGORITHM {
            return Err(AuthError::Incomplete(format!(
                "Unsupported AWS 'algorithm': '{}'. Supported algorithms: {ALGORITHM}.",
                value("X-Amz-Algorithm")
            )));
        }
        let signed_at = parse_iso_basic(value("X-Amz-Date")).ok_or_else(|| {
            AuthError::Incomplete(format!(
                "Date must be in ISO-8601 'basic format'. Got '{}'. See http://en.wikipedia.org/wiki/ISO_8601",
                value("X-Amz-Date")
            ))
        })?;
        let expires = match field("X-Amz-Expires") {
            None => SKEW,
            Some(text) => match text.parse::<u64>() {
                Ok(secs) if secs <= LONGEST_PRESIGNED => Duration::from_secs(secs),
                _ => {
                    return Err(AuthError::Incomplete(format!(
                        "X-Amz-Expires must be a number of seconds of at most {LONGEST_PRESIGNED}, not '{text}'."
                    )));
                }
            },
        };
        let (credential, headers) = (value("X-Amz-Credential"), value("X-Amz-SignedHeaders"));
        let token = field("X-Amz-Security-Token").map(ToOwned::to_owned);
        let claim = Self::assemble(credential, headers, value("X-Amz-Signature"), signed_at, token)?;
        Ok(Self { place: Place::Query, expires: Some(expires), ..claim })
    }

    /// What a form's fields say. Nothing but its policy is signed.
    pub fn of_form(fields: &FormFields<'_>) -> Result<Self, AuthError> {
        if fields.algorithm != ALGORITHM {
            return Err(AuthError::Incomplete(format!("X-Amz-Algorithm only supports \"{ALGORITHM}\"")));
        }
        let signed_at = parse_iso_basic(fields.date).ok_or_else(|| {
            AuthError::Incomplete(
                "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"".to_owned(),
            )
        })?;
        let token = fields.session_token.map(ToOwned::to_owned);
        Self::assemble(fields.credential, "", fields.signature, signed_at, token)
    }

    fn assemble(
        credential: &str,
        signed_headers: &str,
        signature: &str,
        signed_at: Timestamp,
        session_token: Option<String>,
    ) -> Result<Self, AuthError> {
        // An access key id of another vendor may itself hold slashes, hence from the right.
        let parts: Vec<&str> = credential.rsplitn(5, '/').collect();
        let &[terminator, service, region, scope_date, access_key_id] = parts.as_slice() else {
            return Err(AuthError::Incomplete(format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got \
                 '{credential}'"
            )));
        };
        if terminator != TERMINATOR {
            return Err(AuthError::WrongScope(format!(
                "Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{terminator}'."
            )));
        }
        let Ok(region) = region.parse() else {
            return Err(AuthError::WrongScope(format!(
                "Credential should be scoped to a valid region, not '{region}'. "
            )));
        };
        Ok(Self {
            access_key_id: access_key_id.to_owned(),
            scope_date: scope_date.to_owned(),
            region,
            service: service.to_owned(),
            signed_at,
            date_text: iso_basic(signed_at),
            place: Place::Header,
            expires: None,
            signed_headers: signed_headers.split(';').map(str::to_ascii_lowercase).collect(),
            // What is no hexadecimal matches no signature.
            signature: hex::decode(signature).unwrap_or_default(),
            session_token,
        })
    }

    /// The scope is of this service and of the day of the signature.
    pub fn check_scope(&self, service: &str) -> Result<(), AuthError> {
        if self.service != service {
            return Err(AuthError::WrongScope(format!(
                "Credential should be scoped to correct service: '{service}'. "
            )));
        }
        let day = &self.date_text[..8];
        if self.scope_date != day {
            return Err(AuthError::WrongScope(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{}' != \
                 '{day}', from '{}'.",
                self.scope_date, self.date_text
            )));
        }
        Ok(())
    }

    /// What decides where a request goes and what it does must be signed.
    pub(super) fn check_signed_headers(&self, parts: &Parts) -> Result<(), AuthError> {
        let signed = |name: &str| self.signed_headers.iter().any(|header| header == name);
        if !signed("host") {
            return Err(AuthError::WrongScope(
                "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".to_owned(),
            ));
        }
        for name in ["x-amz-target", "x-amz-security-token"] {
            if parts.headers.contains_key(name) && !signed(name) {
                return Err(AuthError::WrongScope(format!(
                    "'{name}' must be a 'SignedHeader' in the AWS Authorization."
                )));
            }
        }
        Ok(())
    }

    /// A header's signature lives 15 minutes around its date; a presigned one from its date on, as long as it says.
    pub fn check_time(&self, now: Timestamp) -> Result<(), AuthError> {
        let signed = self.signed_at;
        let allowed = self.expires.unwrap_or(SKEW);
        if signed.plus(allowed) < now {
            return Err(AuthError::Expired { signed, now, allowed });
        }
        if signed > now.plus(SKEW) {
            return Err(AuthError::NotYetCurrent { signed, now, allowed: SKEW });
        }
        Ok(())
    }
}

/// `Credential=…, SignedHeaders=…, Signature=…` after the algorithm.
fn header_fields(text: &str) -> Result<BTreeMap<&str, &str>, AuthError> {
    let (algorithm, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    if algorithm != ALGORITHM {
        return Err(AuthError::Incomplete(format!(
            "Unsupported AWS 'algorithm': '{algorithm}'. Supported algorithms: {ALGORITHM}."
        )));
    }
    let mut fields = BTreeMap::new();
    for field in rest.split(',').map(str::trim).filter(|field| !field.is_empty()) {
        let Some((name, value)) = field.split_once('=') else {
            return Err(AuthError::Incomplete(format!(
                "'{field}' not a valid key=value pair (missing equal-sign) in Authorization header."
            )));
        };
        if !value.is_empty() && fields.insert(name, value).is_some() {
            return Err(AuthError::Incomplete(format!("Authorization header has '{name}' twice.")));
        }
    }
    Ok(fields)
}

fn header<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    parts.headers.get(name)?.to_str().ok()
}

/// `20261121T095029Z`.
pub(super) fn iso_basic(at: Timestamp) -> String {
    at.to_jiff().strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn parse_iso_basic(text: &str) -> Option<Timestamp> {
    let shaped = text.len() == 16 && text.bytes().all(|b| b.is_ascii_digit() || b == b'T' || b == b'Z');
    let at = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok().filter(|_| shaped)?;
    at.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|at| Timestamp::from_jiff(at.timestamp()))
}

/// The `Date` header's form, or the basic one, which some clients put there.
fn parse_http_date(text: &str) -> Option<Timestamp> {
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok().map(Timestamp::from_jiff);
    at.or_else(|| parse_iso_basic(text))
}
