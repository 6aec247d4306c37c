//! AssumeRoleWithWebIdentity: credentials of a role, for whoever an identity provider of the account vouches for.

use std::collections::BTreeMap;

use jsonwebtoken::{Header, Validation};
use millpond_core::{AccountId, Timestamp};
use millpond_gateway::Call;
use millpond_policy::{Principal, Value};
use serde::Deserialize;

use crate::Sts;
use crate::api::{AssumeRoleWithWebIdentityInput, AssumeRoleWithWebIdentityOutput};
use crate::error::{StsError, percent};
use crate::issuers::key_for;
use crate::ops::assume_role::{assumed, duration};
use crate::ops::request::{TrustQuestion, Wanted, credentials, pairs, role_arn};
use crate::session::{Named, Session, Who};

const ACTION: &str = "sts:AssumeRoleWithWebIdentity";
/// How far an issuer's clock may be ahead of the pond's.
const LEEWAY_SECS: i64 = 60;

/// Credentials of a role for the bearer of a token that a configured issuer signed, if the account has the issuer as an
/// identity provider and the role's trust policy lets it in.
///
/// Errors: InvalidIdentityToken, ExpiredTokenException, IDPRejectedClaim, AccessDenied (also when there is no such role),
/// MalformedPolicyDocument, PackedPolicyTooLarge, ValidationError.
/// Source: AWS STS API reference, AssumeRoleWithWebIdentity; OpenID Connect Core, ID Token.
/// Differs from AWS: an issuer's keys come from a file (setting `sts.issuers`) and not from the issuer's address.
pub async fn assume_role_with_web_identity(
    call: Call<Sts>,
    input: AssumeRoleWithWebIdentityInput,
) -> Result<AssumeRoleWithWebIdentityOutput, StsError> {
    let AssumeRoleWithWebIdentityInput { role_arn: arn, role_session_name: session, .. } = input;
    let (arn, account, path, name) = role_arn(&arn)?;
    let wanted = Wanted::checked(input.policy, input.policy_arns, None, None)?;
    let identity = identity(&call, &account, &input.web_identity_token)?;
    let Identity { provider, url, claims, audience } = identity;
    let Claims { iss, sub, amr, tags, source_identity, .. } = claims;
    let marks = tags.unwrap_or_default().wanted()?;
    let wanted = Wanted { tags: marks.tags, transitive: marks.transitive, ..wanted };
    let denied = || StsError::AccessDenied(format!("Not authorized to perform {ACTION}"));
    let mut caller = call.caller.clone();
    caller.principal = Principal::Federated(provider.as_str().into());
    let role = call.iam.role(&account, &name)?.filter(|role| role.path == path).ok_or_else(denied)?;
    let methods: Vec<&str> = amr.iter().map(String::as_str).collect();
    let [aud, subject, methods_key] = ["aud", "sub", "amr"].map(|claim| format!("{url}:{claim}"));
    let keys = [
        Some(("sts:RoleSessionName", Value::from(session.as_str()))),
        Some((aud.as_str(), Value::from(audience.as_str()))),
        Some((subject.as_str(), Value::from(sub.as_str()))),
        (!methods.is_empty()).then(|| (methods_key.as_str(), Value::from(methods.as_slice()))),
        source_identity.as_deref().map(|identity| ("sts:SourceIdentity", Value::from(identity))),
    ];
    let keys: Vec<_> = keys.into_iter().flatten().collect();
    let tags = pairs(&wanted.tags);
    let question = TrustQuestion { caller: &caller, role: &role, arn: &arn, keys: &keys, tags: &tags };
    let needed = [
        Some(ACTION),
        (!tags.is_empty()).then_some("sts:TagSession"),
        source_identity.is_some().then_some("sts:SetSourceIdentity"),
    ];
    for action in needed.into_iter().flatten() {
        question.permits(action).map_err(|error| match error {
            StsError::AccessDenied(_) => denied(),
            other => other,
        })?;
    }
    call.check_managed(&account, &wanted.policy_arns)?;
    let duration = duration(input.duration_seconds, &role, false)?;
    let now = call.clock().now();
    let extras = wanted.into_extras();
    let size = extras.packed_size()?;
    let user = assumed(&role, &session);
    let role = Named { name: role.name, id: role.id };
    let issued = call.sessions.issue(Session {
        account,
        who: Who::Role { role, session, provider: Some(provider) },
        issued: now,
        expires: now.plus(duration),
        source_identity: source_identity.clone(),
        extras,
    })?;
    Ok(AssumeRoleWithWebIdentityOutput {
        credentials: Some(credentials(issued)),
        subject_from_web_identity_token: Some(sub),
        assumed_role_user: Some(user),
        packed_policy_size: (size > 0).then(|| percent(size)),
        provider: Some(iss),
        audience: Some(audience),
        source_identity,
    })
}

/// What a token says, once it is known to be true.
#[derive(Debug)]
struct Identity {
    /// The provider's ARN.
    provider: String,
    /// The issuer's URL without its scheme, as condition keys begin.
    url: String,
    claims: Claims,
    audience: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Claims {
    pub iss: String,
    pub sub: String,
    pub aud: OneOrMany,
    /// Seconds since the epoch, with or without a fraction, as those below.
    pub exp: f64,
    #[serde(default)]
    nbf: Option<f64>,
    #[serde(default)]
    iat: Option<f64>,
    #[serde(default)]
    amr: Vec<String>,
    #[serde(default, rename = "https://aws.amazon.com/tags")]
    tags: Option<TagsClaim>,
    #[serde(default, rename = "https://aws.amazon.com/source_identity")]
    source_identity: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn all(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// Session tags that the issuer gives.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
struct TagsClaim {
    #[serde(default)]
    principal_tags: BTreeMap<String, OneOrMany>,
    #[serde(default)]
    transitive_tag_keys: Vec<String>,
}

impl TagsClaim {
    fn wanted(self) -> Result<Wanted, StsError> {
        let one = |(key, values): (String, OneOrMany)| match values.all() {
            [value] => Ok(crate::api::Tag { key, value: value.clone() }),
            _ => Err(rejected("a principal tag of the token has not exactly one value")),
        };
        let tags = self.principal_tags.into_iter().map(one).collect::<Result<Vec<_>, _>>()?;
        if tags.len() > 50
            || tags.iter().any(|tag| tag.key.is_empty() || tag.key.len() > 128 || tag.value.len() > 256)
        {
            return Err(rejected("the token's principal tags are too many or too long"));
        }
        Wanted::checked(None, None, Some(tags), Some(self.transitive_tag_keys))
    }
}

fn rejected(why: &str) -> StsError {
    StsError::RejectedClaim(format!("The claim is not accepted: {why}"))
}

fn invalid(message: &str) -> StsError {
    StsError::InvalidIdentityToken(message.to_owned())
}

/// The token's header and claims, read and not verified.
pub(crate) fn read(token: &str) -> Result<(Header, Claims), StsError> {
    let malformed = || {
        invalid(
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
        )
    };
    // Also where the algorithm is none of those that exist, `none` among them.
    let header = jsonwebtoken::decode_header(token).map_err(|_| malformed())?;
    if header.crit.is_some() {
        return Err(invalid("The token asks for an extension that is not understood."));
    }
    let read = jsonwebtoken::dangerous::insecure_decode::<Claims>(token).map_err(|_| malformed())?;
    Ok((header, read.claims))
}

/// Checks a token: who signed it, for whom, and when.
fn identity(call: &Call<Sts>, account: &AccountId, token: &str) -> Result<Identity, StsError> {
    let (header, unverified) = read(token)?;
    let issuer = unverified.iss.trim_end_matches('/').to_owned();
    let none = || invalid(&format!("No OpenIDConnect provider found in your account for {}", unverified.iss));
    let url = issuer.strip_prefix("https://").ok_or_else(none)?;
    let provider = call.iam.oidc_provider(account, url)?.ok_or_else(none)?;
    let no_key = || {
        invalid(
            "Couldn't retrieve verification key from your identity provider,  please reference \
             AssumeRoleWithWebIdentity documentation for requirements",
        )
    };
    // Reads a small file when it changed, and nothing otherwise.
    let keys = tokio::task::block_in_place(|| call.issuers.keys(&issuer));
    let keys = keys.map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "an issuer's keys cannot be read");
        no_key()
    })?;
    let key = key_for(&*keys.ok_or_else(no_key)?, header.kid.as_deref(), header.alg).ok_or_else(no_key)?;
    let claims = verified(token, &header, &key)?;
    // Issuers' clocks are those of clients: a lab does not turn them.
    check_time(&claims, call.clock().unturned())?;
    let known = claims.aud.all().iter().find(|audience| provider.client_ids.contains(audience));
    let audience = known.cloned().ok_or_else(|| invalid("Incorrect token audience"))?;
    if claims.sub.is_empty() || claims.sub.len() > 255 {
        return Err(invalid("The token's subject is not between 1 and 255 characters long."));
    }
    Ok(Identity { provider: provider.arn.to_string(), url: url.to_owned(), claims, audience })
}

fn verified(token: &str, header: &Header, key: &jsonwebtoken::DecodingKey) -> Result<Claims, StsError> {
    let mut validation = Validation::new(header.alg);
    // By the library the signature, by us the claims: it reads the machine's clock.
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
    let verified = jsonwebtoken::decode::<Claims>(token, key, &validation);
    verified.map(|data| data.claims).map_err(|_| invalid("The token's signature is not valid."))
}

fn check_time(claims: &Claims, now: Timestamp) -> Result<(), StsError> {
    let seconds = now.as_secs() as f64;
    if claims.exp <= seconds {
        return Err(StsError::ExpiredIdentityToken(format!(
            "Token expired: current date/time {} must be before the expiration date/time {}",
            now.as_secs(),
            claims.exp
        )));
    }
    let ahead = |at: &f64| *at > seconds + LEEWAY_SECS as f64;
    if claims.nbf.iter().chain(&claims.iat).any(ahead) {
        return Err(rejected("the token is of a time that has not come"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_a_token_are_checked() {
        let claims = |exp: f64, nbf: Option<f64>, iat: Option<f64>| Claims {
            iss: "https://a".into(),
            sub: "s".into(),
            aud: OneOrMany::One("a".into()),
            exp,
            nbf,
            iat,
            amr: Vec::new(),
            tags: None,
            source_identity: None,
        };
        let now = Timestamp::from_secs(1_000);
        for (claims, expected) in [
            (claims(1_001.0, None, None), None),
            (
                claims(1_000.0, None, None),
                Some("Token expired: current date/time 1000 must be before the expiration date/time 1000"),
            ),
            (claims(f64::NEG_INFINITY, None, None), Some("Token expired")),
            (claims(2_000.0, Some(1_060.0), Some(1_060.0)), None),
            (claims(2_000.0, Some(1_061.0), None), Some("of a time that has not come")),
            (claims(2_000.0, None, Some(1_061.0)), Some("of a time that has not come")),
        ] {
            let error = check_time(&claims, now).err().map(|error| error.to_string());
            assert_eq!(error.is_some(), expected.is_some(), "{claims:?}");
            assert!(error.unwrap_or_default().contains(expected.unwrap_or_default()), "{claims:?}");
        }
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for token in ["", "a", "a.b", "a.b.c", "....", "eyJhbGciOiJub25lIn0.e30.", "é.é.é"] {
            assert!(matches!(read(token), Err(StsError::InvalidIdentityToken(_))), "{token}");
        }
    }

    #[test]
    fn tags_of_a_token_have_one_value() {
        let tags = |json: &str| serde_json::from_str::<TagsClaim>(json).unwrap().wanted();
        let wanted = tags(r#"{"principal_tags":{"team":["lake"]},"transitive_tag_keys":["team"]}"#).unwrap();
        assert_eq!(
            (wanted.tags, wanted.transitive),
            (vec![("team".into(), "lake".into())], vec!["team".into()])
        );
        for json in [r#"{"principal_tags":{"team":["a","b"]}}"#, r#"{"transitive_tag_keys":["team"]}"#] {
            assert!(tags(json).is_err(), "{json}");
        }
    }
}
