//! The one decision: may this caller do this to that bucket or to a key of it. What the policy engine is told is gathered here:
//! the bucket's policy, what the access control lists grant, whose the object is, and S3's condition keys.
//!
//! A bucket whose owner owns all in it costs its record and nothing else, as long as no policy asks for S3's condition keys.

use millpond_core::{AccountId, Arn};
use millpond_gateway::Caller;
use millpond_policy::{AclGrant, IdentityGrants, Policy, Principal};
use millpond_store::Reads as _;

use crate::acl::{Acl, Permission, canonical_id};
use crate::bucket_policy::{BucketPolicy, asks_for_keys, asks_for_tags};
use crate::context::Context;
use crate::error::S3Error;
use crate::keys::Keys;
use crate::ownership::ObjectAccess;
use crate::service::S3;
use crate::store::{Bucket, CONTENTS, ContentRecord, ObjectRecord, UploadRecord};
use crate::uploads::parse_upload_id;
use crate::version::Wanted;

/// Actions that belong to whoever owns the object: the bucket's policy can deny them, and allow them for objects of the
/// bucket's own account.
const OF_THE_OBJECT: &[&str] = &[
    "s3:DeleteObjectTagging",
    "s3:DeleteObjectVersionTagging",
    "s3:GetObject",
    "s3:GetObjectAcl",
    "s3:GetObjectAttributes",
    "s3:GetObjectTagging",
    "s3:GetObjectVersion",
    "s3:GetObjectVersionAcl",
    "s3:GetObjectVersionAttributes",
    "s3:GetObjectVersionTagging",
    "s3:PutObjectAcl",
    "s3:PutObjectTagging",
    "s3:PutObjectVersionAcl",
    "s3:PutObjectVersionTagging",
    "s3:RestoreObject",
];

/// Never taken from the root user of the bucket's account, so that no policy locks everyone out.
const OF_THE_ROOT: &[&str] = &["s3:DeleteBucketPolicy", "s3:GetBucketPolicy", "s3:PutBucketPolicy"];

/// What is asked.
#[derive(Clone)]
pub struct Question<'a> {
    pub caller: &'a Caller,
    pub action: &'a str,
    pub bucket: &'a Bucket,
    pub key: Option<&'a str>,
    pub version: Option<Wanted>,
    /// The HTTP request; other services come without one.
    pub context: Option<&'a Context>,
    /// It is about the object that the request is to make, and not about one that is there.
    pub of_new_object: bool,
    /// Condition keys that are not in the request's head.
    pub keys: Keys,
}

impl<'a> Question<'a> {
    pub fn new(caller: &'a Caller, action: &'a str, bucket: &'a Bucket, key: Option<&'a str>) -> Self {
        let keys = Keys::default();
        Self { caller, action, bucket, key, version: None, context: None, of_new_object: false, keys }
    }

    /// As the request in `context` asks it.
    pub fn of(context: &'a Context, action: &'a str, bucket: &'a Bucket, key: Option<&'a str>) -> Self {
        let version = context.parameter("versionId").filter(|_| key.is_some());
        let version = version.and_then(|text| Wanted::parse(&text).ok());
        let keys = Keys::default();
        Self { version, context: Some(context), keys, ..Self::new(&context.caller, action, bucket, key) }
    }

    fn account(&self) -> Option<&'a AccountId> {
        self.caller.principal.account()
    }

    fn is_own(&self) -> bool {
        self.account() == Some(&self.bucket.record.account)
    }

    fn arn(&self) -> Arn {
        match self.key {
            Some(key) => arn(self.caller, format!("{}/{key}", self.bucket.name)),
            None => arn(self.caller, self.bucket.name.as_str()),
        }
    }
}

pub fn arn(caller: &Caller, resource: impl Into<String>) -> Arn {
    Arn { partition: caller.scope.region.partition().to_owned(), ..Arn::global("s3", resource) }
}

/// What is known of the object, as far as the decision needs it.
#[derive(Default)]
struct Target {
    object: Option<ObjectRecord>,
    content: Option<ContentRecord>,
    upload: Option<UploadRecord>,
}

impl S3 {
    /// Errors: AccessDenied.
    pub(crate) fn decide(&self, question: &Question<'_>) -> Result<(), S3Error> {
        let record = &question.bucket.record;
        if record.is_directory() {
            return self.decide_in_directory(question);
        }
        if question.context.is_some_and(|context| context.session.is_some()) {
            // A session is for one directory bucket.
            return Err(S3Error::access_denied());
        }
        let is_root = matches!(question.caller.principal, Principal::Root { .. });
        let untouchable = is_root && question.is_own() && OF_THE_ROOT.contains(&question.action);
        let policy = match untouchable {
            true => None,
            false => self.metadata().document::<BucketPolicy>(question.bucket)?,
        };
        let policy = policy.as_deref();
        let is_stranger = !question.is_own() && !matches!(question.caller.principal, Principal::Service(_));
        if is_stranger && record.blocked().restrict_buckets && policy.is_some_and(|policy| policy.is_public) {
            return Err(refused(question, None));
        }
        let grants = &question.caller.grants;
        let asked = policy.is_some_and(|policy| policy.asks_for_keys) || any_of(grants, asks_for_keys);
        if !asked && record.ownership.is_enforced() && (question.is_own() || !of_upload(question)) {
            return ask(question, &Keys::default(), policy, None, &record.account);
        }
        let wants_tags = policy.is_some_and(|policy| policy.asks_for_tags) || any_of(grants, asks_for_tags);
        let target = self.target(question, wants_tags)?;
        let keys = if asked { keys(question, &target, wants_tags) } else { Keys::default() };
        let acl = self.granted(question, &target)?;
        let own = target.object.as_ref().filter(|_| is_of_the_object(question));
        match own.map(|object| record.owner_of(object)).filter(|owner| **owner != record.account) {
            None => {
                ask(question, &keys, policy, acl, &record.account)?;
                note_list(question, &keys, policy, acl, &record.account);
                Ok(())
            }
            Some(owner) => {
                // The bucket's side can only deny: what it does not deny is as good as granted.
                ask(question, &keys, policy, Some(AclGrant::Everyone), &record.account)?;
                ask(question, &keys, None, acl, owner)?;
                note_list(question, &keys, None, acl, owner);
                Ok(())
            }
        }
    }

    /// Reads what the decision looks at, and no more.
    fn target(&self, question: &Question<'_>, wants_tags: bool) -> Result<Target, S3Error> {
        let Question { bucket, key: Some(key), .. } = *question else { return Ok(Target::default()) };
        let record = &bucket.record;
        let mut target = Target::default();
        if of_upload(question)
            && let Some(upload) = question.context.and_then(|context| context.parameter("uploadId"))
            && let Ok(upload) = parse_upload_id(&upload)
        {
            target.upload = match self.metadata().upload(bucket, key, upload) {
                Ok(upload) => Some(upload),
                Err(S3Error::NoSuchUpload { .. }) => None,
                Err(failure) => return Err(failure),
            };
        }
        let of_object = is_of_the_object(question);
        let by_list = !record.ownership.is_enforced();
        let deletes = question.action == "s3:DeleteObject";
        if (of_object && (by_list || wants_tags)) || (deletes && by_list) {
            let snapshot = self.metadata().read()?;
            match self.metadata().object(&snapshot, record, key, question.version) {
                Ok(object) if of_object => {
                    target.content = snapshot.get(&CONTENTS, &object.content)?;
                    target.object = Some(object);
                }
                Ok(object) => target.object = Some(object),
                Err(error @ (S3Error::Internal { .. } | S3Error::InsufficientStorage)) => return Err(error),
                // There is none: the operation says so, to those who may know.
                Err(_) => {}
            }
        }
        Ok(target)
    }

    /// What lists and S3's own rules grant for the action.
    fn granted(&self, question: &Question<'_>, target: &Target) -> Result<Option<AclGrant>, S3Error> {
        use Permission::{Read, ReadAcp, Write, WriteAcp};
        let record = &question.bucket.record;
        let by_initiator = target.upload.as_ref().and_then(|upload| upload.initiator.as_ref());
        if matches!(question.action, "s3:AbortMultipartUpload" | "s3:ListMultipartUploadParts")
            && by_initiator.is_some()
            && by_initiator == question.account()
        {
            return Ok(Some(AclGrant::Account));
        }
        if record.ownership.is_enforced() {
            return Ok(None);
        }
        let owns = || {
            target.object.as_ref().is_some_and(|object| Some(record.owner_of(object)) == question.account())
        };
        let (of_object, needed) = match question.action {
            "s3:ListBucket" | "s3:ListBucketVersions" | "s3:ListBucketMultipartUploads" => (false, Read),
            "s3:PutObject" => (false, Write),
            // A writer may set the list of what it writes.
            "s3:PutObjectAcl" if question.of_new_object => (false, Write),
            "s3:DeleteObject" if owns() => (false, Write),
            "s3:GetBucketAcl" => (false, ReadAcp),
            "s3:PutBucketAcl" => (false, WriteAcp),
            "s3:GetObject" | "s3:GetObjectVersion" => (true, Read),
            "s3:GetObjectAcl" | "s3:GetObjectVersionAcl" => (true, ReadAcp),
            "s3:PutObjectAcl" | "s3:PutObjectVersionAcl" => (true, WriteAcp),
            _ => return Ok(None),
        };
        let id = question.account().map(canonical_id);
        let grants = |acl: &Acl| {
            let ignore_public = record.blocked().ignore_acls;
            acl.grants(needed, &question.caller.principal, id.as_deref(), ignore_public)
        };
        if of_object {
            return Ok(target.content.as_ref().and_then(|content| content.acl.as_ref()).and_then(grants));
        }
        Ok(self.metadata().document::<Acl>(question.bucket)?.and_then(|acl| grants(&acl)))
    }
}

fn is_of_the_object(question: &Question<'_>) -> bool {
    !question.of_new_object && OF_THE_OBJECT.contains(&question.action)
}

/// Whether it may be about an upload that is under way.
fn of_upload(question: &Question<'_>) -> bool {
    const ACTIONS: [&str; 3] = ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObject"];
    ACTIONS.contains(&question.action)
        && question.context.is_some_and(|context| context.has_parameter("uploadId"))
}

/// Whether any of the caller's own policies is so.
fn any_of(grants: &IdentityGrants, is_so: fn(&Policy) -> bool) -> bool {
    let levels = grants.service_control.iter().flatten();
    let mut all =
        grants.identity.iter().chain(&grants.boundary).chain(grants.session.iter().flatten()).chain(levels);
    all.any(|attached| is_so(&attached.policy))
}

fn keys(question: &Question<'_>, target: &Target, wants_tags: bool) -> Keys {
    let mut keys = question.context.map(Keys::of).unwrap_or_default();
    keys.extend(&question.keys);
    keys.put("s3:ResourceAccount", question.bucket.record.account.to_string());
    if let Some(upload) = &target.upload {
        keys.put_kept(&upload.conditions);
    }
    if wants_tags && let Some(content) = &target.content {
        keys.put_existing_tags(&content.tags);
    }
    keys
}

fn ask(
    question: &Question<'_>,
    keys: &Keys,
    policy: Option<&BucketPolicy>,
    acl: Option<AclGrant>,
    owner: &AccountId,
) -> Result<(), S3Error> {
    let arn = question.arn();
    let id = question.account().filter(|_| policy.is_some()).map(canonical_id);
    let answer = keys.with(|keys| {
        let mut asked = question.caller.ask(question.action, &arn).owner(owner).acl(acl).keys(keys);
        asked = asked.resource_policy(policy.map(|policy| &policy.policy));
        if let Some(id) = &id {
            asked = asked.canonical_id(id);
        }
        asked.decide()
    });
    answer.map_err(|error| refused(question, Some(error.into())))
}

/// An access log says whether a request would have been refused without a list.
fn note_list(
    question: &Question<'_>,
    keys: &Keys,
    policy: Option<&BucketPolicy>,
    acl: Option<AclGrant>,
    owner: &AccountId,
) {
    if acl.is_some()
        && let Some(context) = question.context.filter(|context| context.is_logged())
        && ask(question, keys, policy, None, owner).is_err()
    {
        context.needed_list();
    }
}

/// AWS says why to callers of the bucket's own account alone.
fn refused(question: &Question<'_>, why: Option<S3Error>) -> S3Error {
    match why {
        Some(error @ S3Error::Internal { .. }) => error,
        Some(error) if question.is_own() => error,
        _ => S3Error::access_denied(),
    }
}

/// Of an upload that the caller begins.
pub fn initiator(bucket: &Bucket, caller: &Caller) -> Option<AccountId> {
    caller.principal.account().filter(|account| **account != bucket.record.account).cloned()
}

/// The list of an object as it is in force, with its owner.
pub fn acl_of(bucket: &Bucket, access: &ObjectAccess) -> (AccountId, Acl) {
    let record = &bucket.record;
    let owner = record.owner(access.owner.as_ref()).clone();
    let acl = access.acl.clone().filter(|_| !record.ownership.is_enforced());
    let acl = acl.unwrap_or_else(|| Acl::private(&canonical_id(&owner)));
    (owner, acl)
}
