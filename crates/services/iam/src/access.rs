//! Who may: the permission is asked on the resource as it is stored, with its path and its tags, before anybody is told
//! whether there is one.

use millpond_core::{AccountId, Arn};
use millpond_gateway::{Call, Caller};
use millpond_policy::{Principal, Value};

use crate::error::IamError;
use crate::model::entity::{Entity, Kind, iam_arn};
use crate::model::tags::Tags;
use crate::service::Iam;
use crate::store;

/// What else a question is about, for IAM's condition keys.
#[derive(Debug, Clone, Copy, Default)]
pub struct About<'a> {
    /// `iam:PolicyARN`.
    pub policy: Option<&'a str>,
    /// `iam:PermissionsBoundary`: the one that the request would put, or else the one that the entity has.
    pub boundary: Option<&'a str>,
    /// `iam:AWSServiceName`.
    pub service: Option<&'a str>,
    /// `iam:PassedToService`: who may take the role on from now on.
    pub passed_to: Option<&'a str>,
    /// `aws:RequestTag/…` and `aws:TagKeys`.
    pub request_tags: Option<&'a Tags>,
}

/// Errors: AccessDenied.
pub fn permit(
    caller: &Caller,
    action: &str,
    arn: &Arn,
    resource_tags: &Tags,
    about: About<'_>,
) -> Result<(), IamError> {
    let tag_keys: Vec<String> = resource_tags.keys().map(|key| format!("iam:ResourceTag/{key}")).collect();
    let mut keys: Vec<(&str, Value<'_>)> = Vec::new();
    for (key, value) in tag_keys.iter().zip(resource_tags.values()) {
        keys.push((key, value.as_str().into()));
    }
    let named = [
        ("iam:PolicyARN", about.policy),
        ("iam:PermissionsBoundary", about.boundary),
        ("iam:AWSServiceName", about.service),
        ("iam:PassedToService", about.passed_to),
    ];
    keys.extend(named.into_iter().filter_map(|(key, value)| Some((key, value?.into()))));
    let resource_tags = borrowed(resource_tags);
    let request_tags = about.request_tags.map(borrowed);
    let mut ask = caller.ask(action, arn).keys(&keys).resource_tags(&resource_tags);
    if let Some(tags) = &request_tags {
        ask = ask.request_tags(tags);
    }
    Ok(ask.decide()?)
}

/// Whoever makes something with tags needs the permission to tag it besides.
pub fn permit_tags(caller: &Caller, action: &str, arn: &Arn, tags: &Tags) -> Result<(), IamError> {
    if tags.is_empty() {
        return Ok(());
    }
    permit(caller, action, arn, &Tags::default(), About { request_tags: Some(tags), ..About::default() })
}

fn borrowed(tags: &Tags) -> Vec<(&str, &str)> {
    tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

/// Asks about something that is not stored, or is the account itself.
pub fn permit_on(call: &Call<Iam>, action: &str, resource: impl Into<String>) -> Result<(), IamError> {
    let arn = iam_arn(account(call), resource.into());
    permit(&call.caller, action, &arn, &Tags::default(), About::default())
}

pub fn account(call: &Call<Iam>) -> &AccountId {
    &call.scope().account
}

/// The entity of that name, once the caller was found to be allowed to do this to it.
///
/// Errors: AccessDenied, NoSuchEntity.
pub fn find(
    call: &Call<Iam>,
    action: &str,
    kind: Kind,
    name: &str,
    about: About<'_>,
) -> Result<Entity, IamError> {
    let found = store::entity(&call.read()?, account(call), kind, name)?;
    match found {
        Some(entity) => {
            let about = About { boundary: about.boundary.or(entity.boundary.as_deref()), ..about };
            permit(&call.caller, action, &entity.arn(), &entity.tags, about)?;
            Ok(entity)
        }
        None => {
            let arn = iam_arn(account(call), format!("{kind}/{name}"));
            permit(&call.caller, action, &arn, &Tags::default(), about)?;
            Err(IamError::no_such(kind, name))
        }
    }
}

/// The user that a request names, or else the caller itself.
///
/// Errors: ValidationError, when the caller is no user.
pub fn user_name(call: &Call<Iam>, named: Option<String>) -> Result<String, IamError> {
    match (named, &call.caller.principal) {
        (Some(name), _) => Ok(name),
        (None, Principal::User(user)) => Ok(user.name.clone()),
        (None, _) => Err(IamError::Validation(
            "Must specify userName when calling with non-User credentials".to_owned(),
        )),
    }
}
