//! Who may do what in directory buckets. Objects are not asked for one by one: whoever may begin a session of the bucket may
//! do what its mode allows, with the session's credentials or, asked each time, with their own. What is done to the bucket
//! itself has actions of its own, whichever credentials it is signed with.
//!
//! Source: Amazon S3 user guide, "Authorizing Regional endpoint API operations with IAM" and "Authorizing Zonal endpoint API
//! operations with CreateSession"; Service Authorization Reference, Amazon S3 Express.

use millpond_core::{AccountId, Arn};
use millpond_gateway::Caller;
use millpond_policy::{Policy, Principal};

use super::session::{Mode, Session};
use super::{arn, is_directory};
use crate::bucket_policy::BucketPolicy;
use crate::context::Context;
use crate::decide::Question;
use crate::error::S3Error;
use crate::keys::Keys;
use crate::service::S3;
use crate::store::Bucket;

const SESSION: &str = "s3express:CreateSession";

/// What stands for an action of other buckets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Need {
    /// A session of that mode at least.
    Session(Mode),
    Action(&'static str),
}

const NEEDS: &[(&str, Need)] = &[
    ("s3:AbortMultipartUpload", Need::Session(Mode::ReadWrite)),
    ("s3:CreateBucket", Need::Action("s3express:CreateBucket")),
    ("s3:DeleteBucket", Need::Action("s3express:DeleteBucket")),
    ("s3:DeleteBucketPolicy", Need::Action("s3express:DeleteBucketPolicy")),
    ("s3:DeleteObject", Need::Session(Mode::ReadWrite)),
    ("s3:DeleteObjectVersion", Need::Session(Mode::ReadWrite)),
    ("s3:GetBucketPolicy", Need::Action("s3express:GetBucketPolicy")),
    ("s3:GetEncryptionConfiguration", Need::Action("s3express:GetEncryptionConfiguration")),
    ("s3:GetLifecycleConfiguration", Need::Action("s3express:GetLifecycleConfiguration")),
    ("s3:GetObject", Need::Session(Mode::ReadOnly)),
    ("s3:GetObjectAttributes", Need::Session(Mode::ReadOnly)),
    ("s3:GetObjectVersion", Need::Session(Mode::ReadOnly)),
    ("s3:GetObjectVersionAttributes", Need::Session(Mode::ReadOnly)),
    ("s3:ListBucket", Need::Session(Mode::ReadOnly)),
    ("s3:ListBucketMultipartUploads", Need::Session(Mode::ReadOnly)),
    ("s3:ListMultipartUploadParts", Need::Session(Mode::ReadOnly)),
    ("s3:PutBucketPolicy", Need::Action("s3express:PutBucketPolicy")),
    ("s3:PutEncryptionConfiguration", Need::Action("s3express:PutEncryptionConfiguration")),
    ("s3:PutLifecycleConfiguration", Need::Action("s3express:PutLifecycleConfiguration")),
    ("s3:PutObject", Need::Session(Mode::ReadWrite)),
    // Of a rename, which other buckets do not have.
    (SESSION, Need::Session(Mode::ReadWrite)),
];

/// Never taken from the root user of the bucket's account, so that no policy locks everyone out.
const OF_THE_ROOT: &[&str] =
    &["s3express:DeleteBucketPolicy", "s3express:GetBucketPolicy", "s3express:PutBucketPolicy"];

fn need(action: &str) -> Result<Need, S3Error> {
    let found = NEEDS.iter().find(|(of_others, _)| *of_others == action).map(|(_, need)| *need);
    found.ok_or_else(|| S3Error::NotOfDirectoryBuckets { what: format!("The action {action}") })
}

/// What a caller gets a session for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    pub owner: AccountId,
    pub mode: Option<Mode>,
}

/// What is asked of the policies.
struct Asked<'a> {
    caller: &'a Caller,
    context: Option<&'a Context>,
    action: &'a str,
    resource: Arn,
    owner: &'a AccountId,
    /// The bucket's.
    policy: Option<&'a Policy>,
    zone_id: Option<String>,
}

impl Asked<'_> {
    fn decide(&self, mode: Option<Mode>) -> Result<(), S3Error> {
        let mut keys = self.context.map(Keys::of_express).unwrap_or_default();
        keys.put("s3express:ResourceAccount", self.owner.to_string());
        if let Some(zone) = &self.zone_id {
            keys.put("s3express:LocationName", zone.clone());
        }
        if let Some(mode) = mode {
            keys.put("s3express:SessionMode", mode.as_str().to_owned());
        }
        let answer = keys.with(|keys| {
            let asked = self.caller.ask(self.action, &self.resource).owner(self.owner).keys(keys);
            asked.resource_policy(self.policy).decide()
        });
        let own = self.caller.principal.account() == Some(self.owner);
        answer.map_err(|error| match S3Error::from(error) {
            error @ S3Error::Internal { .. } => error,
            // AWS says why to callers of the bucket's own account alone.
            error if own => error,
            _ => S3Error::access_denied(),
        })
    }

    /// The most that a session may be for, up to `asked`; without a word of the caller everything is tried.
    fn most(&self, asked: Option<Mode>) -> Result<Mode, S3Error> {
        match asked {
            Some(mode) => self.decide(Some(mode)).map(|()| mode),
            None => match self.decide(Some(Mode::ReadWrite)) {
                Ok(()) => Ok(Mode::ReadWrite),
                Err(refused) => {
                    self.decide(Some(Mode::ReadOnly)).map(|()| Mode::ReadOnly).map_err(|_| refused)
                }
            },
        }
    }
}

impl S3 {
    /// The decision for a directory bucket; see [`S3::decide`].
    ///
    /// Errors: AccessDenied, NotImplemented (no such thing in a directory bucket).
    pub(crate) fn decide_in_directory(&self, question: &Question<'_>) -> Result<(), S3Error> {
        match need(question.action)? {
            Need::Action(action) => {
                self.asked(question.caller, question.context, action, question.bucket, |asked| {
                    asked.decide(None)
                })
            }
            Need::Session(mode) => match session(question.context) {
                Some(session) => session.check(question.bucket, mode),
                None => self.asked(question.caller, question.context, SESSION, question.bucket, |asked| {
                    // Who reads may come with any mode.
                    asked.most(Some(mode).filter(|mode| *mode == Mode::ReadWrite)).map(drop)
                }),
            },
        }
    }

    fn asked<T>(
        &self,
        caller: &Caller,
        context: Option<&Context>,
        action: &str,
        bucket: &Bucket,
        ask: impl FnOnce(&Asked<'_>) -> Result<T, S3Error>,
    ) -> Result<T, S3Error> {
        let record = &bucket.record;
        let is_root = matches!(caller.principal, Principal::Root { .. });
        let is_own = caller.principal.account() == Some(&record.account);
        let policy = match is_root && is_own && OF_THE_ROOT.contains(&action) {
            true => None,
            false => self.metadata().document::<BucketPolicy>(bucket)?,
        };
        ask(&Asked {
            caller,
            context,
            action,
            resource: bucket_arn(bucket),
            owner: &record.account,
            policy: policy.as_deref().map(|policy| &policy.policy),
            zone_id: record.directory.map(|directory| directory.zone_id(&record.region)),
        })
    }

    /// What the request in `context` gets a session of this bucket for.
    ///
    /// A client with an endpoint of its own asks for a session before whatever it does with such a name, also before it makes
    /// the bucket: whoever may make it gets a session while it is not there.
    ///
    /// Errors: AccessDenied, NoSuchBucket, InvalidArgument (the mode), InvalidRequest (another kind of bucket).
    pub(crate) fn grant(&self, context: &Context, name: &str) -> Result<Grant, S3Error> {
        let asked = context.header("x-amz-create-session-mode");
        let asked = asked.map(|text| {
            text.parse::<Mode>().map_err(|_| {
                S3Error::invalid_argument("Invalid session mode", "x-amz-create-session-mode", text)
            })
        });
        let asked = asked.transpose()?;
        if session(Some(context)).is_some() {
            return Err(S3Error::access_denied());
        }
        match self.metadata().bucket(name) {
            Ok(bucket) => {
                context.check_region(&bucket)?;
                let mode =
                    self.asked(&context.caller, Some(context), SESSION, &bucket, |ask| ask.most(asked))?;
                Ok(Grant { owner: bucket.record.account, mode: Some(mode) })
            }
            Err(error @ S3Error::NoSuchBucket { .. }) => {
                let ask = |action| of_new_bucket(&context.caller, Some(context), action, name);
                let (may_make, mode) = (ask("s3express:CreateBucket").decide(None), ask(SESSION).most(asked));
                match (may_make, mode) {
                    (Ok(()), mode) => {
                        Ok(Grant { owner: context.caller.scope.account.clone(), mode: mode.ok() })
                    }
                    (Err(_), Ok(_)) => Err(error),
                    (Err(_), Err(refused)) => Err(refused),
                }
            }
            Err(error) => Err(error),
        }
    }
}

fn session(context: Option<&Context>) -> Option<&Session> {
    context.and_then(|context| context.session.as_ref())
}

pub fn bucket_arn(bucket: &Bucket) -> Arn {
    arn(&bucket.record.region, &bucket.record.account, format!("bucket/{}", bucket.name))
}

fn of_new_bucket<'a>(
    caller: &'a Caller,
    context: Option<&'a Context>,
    action: &'a str,
    name: &str,
) -> Asked<'a> {
    let (region, owner) = (&caller.scope.region, &caller.scope.account);
    let resource = arn(region, owner, format!("bucket/{name}"));
    Asked { caller, context, action, resource, owner, policy: None, zone_id: None }
}

/// Whether the caller may do it to a bucket that is not there. `action` is one of other buckets.
///
/// Errors: AccessDenied, NotImplemented.
pub fn authorize_absent(
    caller: &Caller,
    context: Option<&Context>,
    action: &str,
    name: &str,
) -> Result<(), S3Error> {
    debug_assert!(is_directory(name), "a name says which kind of bucket it is");
    match need(action)? {
        Need::Action(action) => of_new_bucket(caller, context, action, name).decide(None),
        Need::Session(mode) => {
            let asked = Some(mode).filter(|mode| *mode == Mode::ReadWrite);
            of_new_bucket(caller, context, SESSION, name).most(asked).map(drop)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_action_has_one_line() {
        assert!(NEEDS.is_sorted_by(|(one, _), (two, _)| one < two));
        assert!(need("s3:PutBucketTagging").is_err());
    }
}
