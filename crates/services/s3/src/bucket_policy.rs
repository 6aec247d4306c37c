//! The policy of a bucket: as it was written, and ready to be asked. What can be wrong with one beyond the language itself is
//! here: it speaks of this bucket, and of what S3 knows.

use millpond_policy::document::Kind as PolicyKind;
use millpond_policy::{Policy, PolicyError, ResourcePattern, Statement, is_public};
use serde::{Deserialize, Serialize};

use crate::error::S3Error;
use crate::express;
use crate::keys;
use crate::store::{Document, Kind};

/// In bytes.
const LONGEST: usize = 20 << 10;

/// A policy is read when its bucket's record first leads to it, and not again until it changes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct BucketPolicy {
    pub text: String,
    pub policy: Policy,
    pub is_public: bool,
    /// It asks for tags of the object that a request is about, which cost a look at the object.
    pub asks_for_tags: bool,
    /// It asks for condition keys of S3's, of whatever kind.
    pub asks_for_keys: bool,
}

impl Document for BucketPolicy {
    const KIND: Kind = Kind::Policy;
}

/// What is kept.
#[derive(Serialize, Deserialize)]
struct Written {
    text: String,
}

impl From<BucketPolicy> for Written {
    fn from(policy: BucketPolicy) -> Self {
        Self { text: policy.text }
    }
}

impl TryFrom<Written> for BucketPolicy {
    type Error = PolicyError;

    fn try_from(Written { text }: Written) -> Result<Self, PolicyError> {
        let policy = Policy::parse(&text, PolicyKind::Resource)?;
        let (is_public, asks_for_tags) = (is_public(&policy), asks_for_tags(&policy));
        let asks_for_keys = asks_for_keys(&policy);
        Ok(Self { text, policy, is_public, asks_for_tags, asks_for_keys })
    }
}

pub fn asks_for_tags(policy: &Policy) -> bool {
    policy.condition_keys().any(keys::is_existing_tag)
}

pub fn asks_for_keys(policy: &Policy) -> bool {
    policy.condition_keys().any(|key| key.starts_with("s3:"))
}

impl BucketPolicy {
    /// Reads the policy of this bucket.
    ///
    /// Errors: MalformedPolicy.
    pub fn parse(text: String, bucket: &str) -> Result<Self, S3Error> {
        let check = if express::is_directory(bucket) { check_of_directory } else { check };
        let read = |text: String| {
            if text.len() > LONGEST {
                return Err(PolicyError::TooLarge { limit: LONGEST });
            }
            let read = Self::try_from(Written { text })?;
            read.policy.statements().iter().try_for_each(|statement| check(statement, bucket))?;
            Ok(read)
        };
        read(text).map_err(|error| S3Error::MalformedPolicy { message: error.in_s3s_words() })
    }
}

fn check(statement: &Statement, bucket: &str) -> Result<(), PolicyError> {
    let mut meant = Vec::new();
    for action in statement.actions() {
        let before = meant.len();
        meant.extend(ACTIONS.iter().filter(|(name, _)| action.matches(&format!("s3:{name}"))));
        // `*` means S3's actions and all others.
        if before == meant.len() {
            return Err(PolicyError::UnknownAction { action: action.text().to_owned() });
        }
    }
    let (mut buckets, mut objects) = (false, false);
    for resource in statement.resources() {
        let (of_bucket, of_objects) = reach(resource, bucket)
            .ok_or_else(|| PolicyError::ForeignResource { resource: resource.text().to_owned() })?;
        buckets |= of_bucket;
        objects |= of_objects;
    }
    for condition in statement.conditions() {
        let key = condition.key();
        if key.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("s3:")) && !keys::is_known(key) {
            return Err(PolicyError::UnknownConditionKey { key: key.to_owned() });
        }
    }
    let applies = |level: Level| match level {
        Level::Bucket => buckets,
        Level::Object => objects,
    };
    let plain = !statement.is_not_action() && !statement.is_not_resource();
    if plain && !meant.iter().any(|(_, level)| applies(*level)) {
        return Err(PolicyError::ActionsWithoutResource);
    }
    Ok(())
}

/// A directory bucket's policy speaks of the bucket alone, and of who may begin sessions of it.
///
/// Source: Amazon S3 API reference, PutBucketPolicy.
fn check_of_directory(statement: &Statement, bucket: &str) -> Result<(), PolicyError> {
    let foreign = |resource: &&ResourcePattern| {
        let text = resource.resource_text();
        let exact = text.strip_prefix("bucket/").is_some_and(|name| name == bucket);
        let open = text.strip_suffix('*').is_some_and(|start| format!("bucket/{bucket}").starts_with(start));
        !resource.is_everything() && (resource.service() != Some(express::SERVICE) || !(exact || open))
    };
    if let Some(action) = statement.actions().iter().find(|action| !action.matches("s3express:CreateSession"))
    {
        return Err(PolicyError::UnknownAction { action: action.text().to_owned() });
    }
    if let Some(resource) = statement.resources().iter().find(foreign) {
        return Err(PolicyError::ForeignResource { resource: resource.text().to_owned() });
    }
    let mut keys = statement.conditions().iter().map(|condition| condition.key());
    let is_expresses =
        |key: &str| key.split(':').next().is_some_and(|start| start.eq_ignore_ascii_case(express::SERVICE));
    match keys.find(|key| is_expresses(key) && !keys::is_known_to_express(key)) {
        Some(key) => Err(PolicyError::UnknownConditionKey { key: key.to_owned() }),
        None => Ok(()),
    }
}

/// Whether a resource means the bucket, and whether it means objects in it; `None` when it is not this bucket's.
fn reach(resource: &ResourcePattern, bucket: &str) -> Option<(bool, bool)> {
    if resource.service() != Some("s3") {
        return None;
    }
    let rest = resource.resource_text().strip_prefix(bucket)?;
    match rest.chars().next() {
        None => Some((true, false)),
        Some('/') => Some((false, rest.len() > 1)),
        Some('*') => Some((true, true)),
        Some(_) => None,
    }
}

/// What an action is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Level {
    Bucket,
    Object,
}

use Level::{Bucket, Object};

/// The actions that a bucket's policy can speak of.
///
/// Source: Service Authorization Reference, Actions, resources, and condition keys for Amazon S3.
const ACTIONS: &[(&str, Level)] = &[
    ("AbortMultipartUpload", Object),
    ("BypassGovernanceRetention", Object),
    ("CreateBucket", Bucket),
    ("CreateBucketMetadataTableConfiguration", Bucket),
    ("DeleteBucket", Bucket),
    ("DeleteBucketMetadataTableConfiguration", Bucket),
    ("DeleteBucketPolicy", Bucket),
    ("DeleteBucketWebsite", Bucket),
    ("DeleteObject", Object),
    ("DeleteObjectTagging", Object),
    ("DeleteObjectVersion", Object),
    ("DeleteObjectVersionTagging", Object),
    ("GetAccelerateConfiguration", Bucket),
    ("GetAnalyticsConfiguration", Bucket),
    ("GetBucketAbac", Bucket),
    ("GetBucketAcl", Bucket),
    ("GetBucketCORS", Bucket),
    ("GetBucketLocation", Bucket),
    ("GetBucketLogging", Bucket),
    ("GetBucketMetadataTableConfiguration", Bucket),
    ("GetBucketNotification", Bucket),
    ("GetBucketObjectLockConfiguration", Bucket),
    ("GetBucketOwnershipControls", Bucket),
    ("GetBucketPolicy", Bucket),
    ("GetBucketPolicyStatus", Bucket),
    ("GetBucketPublicAccessBlock", Bucket),
    ("GetBucketRequestPayment", Bucket),
    ("GetBucketTagging", Bucket),
    ("GetBucketVersioning", Bucket),
    ("GetBucketWebsite", Bucket),
    ("GetEncryptionConfiguration", Bucket),
    ("GetIntelligentTieringConfiguration", Bucket),
    ("GetInventoryConfiguration", Bucket),
    ("GetLifecycleConfiguration", Bucket),
    ("GetMetricsConfiguration", Bucket),
    ("GetObject", Object),
    ("GetObjectAcl", Object),
    ("GetObjectAttributes", Object),
    ("GetObjectLegalHold", Object),
    ("GetObjectRetention", Object),
    ("GetObjectTagging", Object),
    ("GetObjectTorrent", Object),
    ("GetObjectVersion", Object),
    ("GetObjectVersionAcl", Object),
    ("GetObjectVersionAttributes", Object),
    ("GetObjectVersionForReplication", Object),
    ("GetObjectVersionTagging", Object),
    ("GetObjectVersionTorrent", Object),
    ("GetReplicationConfiguration", Bucket),
    ("InitiateReplication", Object),
    ("ListBucket", Bucket),
    ("ListBucketMultipartUploads", Bucket),
    ("ListBucketVersions", Bucket),
    ("ListMultipartUploadParts", Object),
    ("ObjectOwnerOverrideToBucketOwner", Object),
    ("PutAccelerateConfiguration", Bucket),
    ("PutAnalyticsConfiguration", Bucket),
    ("PutBucketAbac", Bucket),
    ("PutBucketAcl", Bucket),
    ("PutBucketCORS", Bucket),
    ("PutBucketLogging", Bucket),
    ("PutBucketNotification", Bucket),
    ("PutBucketObjectLockConfiguration", Bucket),
    ("PutBucketOwnershipControls", Bucket),
    ("PutBucketPolicy", Bucket),
    ("PutBucketPublicAccessBlock", Bucket),
    ("PutBucketRequestPayment", Bucket),
    ("PutBucketTagging", Bucket),
    ("PutBucketVersioning", Bucket),
    ("PutBucketWebsite", Bucket),
    ("PutEncryptionConfiguration", Bucket),
    ("PutIntelligentTieringConfiguration", Bucket),
    ("PutInventoryConfiguration", Bucket),
    ("PutLifecycleConfiguration", Bucket),
    ("PutMetricsConfiguration", Bucket),
    ("PutObject", Object),
    ("PutObjectAcl", Object),
    ("PutObjectLegalHold", Object),
    ("PutObjectRetention", Object),
    ("PutObjectTagging", Object),
    ("PutObjectVersionAcl", Object),
    ("PutObjectVersionTagging", Object),
    ("PutReplicationConfiguration", Bucket),
    ("ReplicateDelete", Object),
    ("ReplicateObject", Object),
    ("ReplicateTags", Object),
    ("RestoreObject", Object),
    ("UpdateObjectEncryption", Object),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// A statement that allows everyone to read the bucket's objects, with one member replaced.
    fn policy(replaced: &str, by: &str) -> Result<BucketPolicy, String> {
        let members = [
            ("Effect", r#""Allow""#),
            ("Principal", r#""*""#),
            ("Action", r#""s3:GetObject""#),
            ("Resource", r#""arn:aws:s3:::mine/*""#),
            ("Condition", "{}"),
        ];
        let members: Vec<String> = members
            .iter()
            .map(|(name, value)| format!("{name:?}: {}", if *name == replaced { by } else { value }))
            .collect();
        let text = format!(r#"{{"Version": "2012-10-17", "Statement": [{{{}}}]}}"#, members.join(", "));
        BucketPolicy::parse(text, "mine").map_err(|error| {
            assert_eq!(error.code(), "MalformedPolicy");
            error.to_string()
        })
    }

    #[test]
    fn what_a_bucket_takes() {
        for (replaced, by, expected) in [
            ("", "", Ok(true)),
            ("Principal", r#"{"AWS": "111122223333"}"#, Ok(false)),
            ("Action", r#""s3:*""#, Ok(true)),
            ("Action", r#""*""#, Ok(true)),
            ("Action", r#""s3:getobject*""#, Ok(true)),
            ("Action", r#""s3:GetEverything""#, Err("Policy has invalid action")),
            ("Action", r#""sqs:SendMessage""#, Err("Policy has invalid action")),
            ("Action", r#""s3:ListBucket""#, Err("Action does not apply to any resource(s) in statement")),
            ("Resource", r#""arn:aws:s3:::mine*""#, Ok(true)),
            (
                "Resource",
                r#""arn:aws:s3:::mine""#,
                Err("Action does not apply to any resource(s) in statement"),
            ),
            ("Resource", r#""arn:aws:s3:::other/*""#, Err("Policy has invalid resource")),
            ("Resource", r#""arn:aws:s3:::mine-not/*""#, Err("Policy has invalid resource")),
            ("Resource", r#""*""#, Err("Policy has invalid resource")),
            ("Resource", r#""arn:aws:sqs:::mine/*""#, Err("Policy has invalid resource")),
            ("Condition", r#"{"StringEquals": {"s3:ExistingObjectTag/a": "b"}}"#, Ok(true)),
            (
                "Condition",
                r#"{"StringEquals": {"s3:prefixes": "b"}}"#,
                Err("Policy has an invalid condition key"),
            ),
            ("Effect", r#""Perhaps""#, Err("Invalid effect : Perhaps")),
        ] {
            let found = policy(replaced, by).map(|policy| policy.is_public);
            assert_eq!(
                found.as_ref().map_err(String::as_str),
                expected.as_ref().map_err(|text| *text),
                "{by}"
            );
        }
        assert!(
            policy("Condition", r#"{"Null": {"S3:existingobjecttag/a": "true"}}"#).unwrap().asks_for_tags
        );
        let long = format!("{{\"Id\": \"{}\"}}", "x".repeat(LONGEST));
        assert!(BucketPolicy::parse(long, "mine").is_err());
    }

    #[test]
    fn what_a_directory_bucket_takes() {
        let resource = "Policy has invalid resource";
        for (action, resource_arn, condition, expected) in [
            ("s3express:CreateSession", "*", "", Ok(())),
            ("s3express:*", "arn:aws:s3express:us-east-1:000000000000:bucket/b--use1-az1--x-s3", "", Ok(())),
            ("s3express:CreateSession", "arn:aws:s3express:us-east-1:000000000000:bucket/b--*", "", Ok(())),
            ("s3express:CreateSession", "*", "s3express:SessionMode", Ok(())),
            ("s3express:CreateSession", "*", "s3express:Mode", Err("Policy has an invalid condition key")),
            ("s3express:CreateBucket", "*", "", Err("Policy has invalid action")),
            ("s3:GetObject", "*", "", Err("Policy has invalid action")),
            ("s3express:CreateSession", "arn:aws:s3:::b--use1-az1--x-s3", "", Err(resource)),
            (
                "s3express:CreateSession",
                "arn:aws:s3express:us-east-1:000000000000:bucket/c--use1-az1--x-s3",
                "",
                Err(resource),
            ),
        ] {
            let condition = match condition {
                "" => String::new(),
                key => format!(r#", "Condition": {{"StringEquals": {{"{key}": "ReadOnly"}}}}"#),
            };
            let text = format!(
                r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Principal": {{"AWS": "111122223333"}},
                    "Action": "{action}", "Resource": "{resource_arn}"{condition}}}]}}"#
            );
            let found =
                BucketPolicy::parse(text, "b--use1-az1--x-s3").map(drop).map_err(|error| error.to_string());
            assert_eq!(found, expected.map_err(str::to_owned), "{action} {resource_arn}");
        }
    }

    #[test]
    fn kept_as_it_was_written() {
        let written = policy("", "").unwrap();
        let bytes = rmp_serde::to_vec_named(&written).unwrap();
        let read: BucketPolicy = rmp_serde::from_slice(&bytes).unwrap();
        assert_eq!((read.text, read.policy), (written.text, written.policy));
    }
}
