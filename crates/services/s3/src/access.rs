//! The table of operations, and the one place where a request is authorized: which IAM action each operation needs, and
//! on what. The wire's operations are checked before their input is read; the domain API asks through the same function.

use http::Method;
use millpond_gateway::{Action, Authorization, Caller, OperationInfo, ServiceInfo, ServiceTable};
use millpond_wire::Protocol;
use s3s::access::{S3Access, S3AccessContext};
use s3s::dto::{
    CopyObjectInput, CopySource, CreateBucketInput, PutObjectLegalHoldInput, PutObjectRetentionInput,
    PutObjectTaggingInput, UploadPartCopyInput,
};
use s3s::path::S3Path;
use s3s::{S3Request, S3Result};

use crate::acl;
use crate::context::Context;
use crate::decide::{Question, arn};
use crate::encryption;
use crate::error::S3Error;
use crate::express;
use crate::keys::Keys;
use crate::known::KNOWN;
use crate::ops::from_timestamp;
use crate::payment;
use crate::refuse;
use crate::service::{MAX_PUT, S3};
use crate::store::Bucket;
use crate::version::Wanted;

/// What an operation's permission is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum On {
    /// All buckets of the account.
    Account,
    /// A bucket that need not be there.
    NewBucket,
    Bucket,
    Object,
    /// The objects that the body names: each is checked on its own, and refused on its own.
    EachKey,
    /// A directory bucket that need not be there; what comes of it depends on what the policies allow.
    Session,
}

/// One line: the operation as AWS's reference names it, the action that it needs, and on what.
struct Line(&'static str, Action, On);

const OPERATIONS: &[Line] = &[
    Line("AbortMultipartUpload", Action("s3:AbortMultipartUpload"), On::Object),
    Line("CompleteMultipartUpload", Action("s3:PutObject"), On::Object),
    // And s3:GetObject on the source.
    Line("CopyObject", Action("s3:PutObject"), On::Object),
    Line("CreateBucket", Action("s3:CreateBucket"), On::NewBucket),
    Line("CreateMultipartUpload", Action("s3:PutObject"), On::Object),
    Line("CreateSession", Action("s3express:CreateSession"), On::Session),
    Line("DeleteBucket", Action("s3:DeleteBucket"), On::Bucket),
    Line("DeleteBucketCors", Action("s3:PutBucketCORS"), On::Bucket),
    Line("DeleteBucketEncryption", Action("s3:PutEncryptionConfiguration"), On::Bucket),
    Line(
        "DeleteBucketIntelligentTieringConfiguration",
        Action("s3:PutIntelligentTieringConfiguration"),
        On::Bucket,
    ),
    Line("DeleteBucketLifecycle", Action("s3:PutLifecycleConfiguration"), On::Bucket),
    Line("DeleteBucketOwnershipControls", Action("s3:PutBucketOwnershipControls"), On::Bucket),
    Line("DeleteBucketPolicy", Action("s3:DeleteBucketPolicy"), On::Bucket),
    Line("DeleteBucketTagging", Action("s3:PutBucketTagging"), On::Bucket),
    Line("DeleteBucketWebsite", Action("s3:DeleteBucketWebsite"), On::Bucket),
    Line("DeleteObject", Action("s3:DeleteObject"), On::Object),
    Line("DeleteObjectTagging", Action("s3:DeleteObjectTagging"), On::Object),
    Line("DeleteObjects", Action("s3:DeleteObject"), On::EachKey),
    Line("DeletePublicAccessBlock", Action("s3:PutBucketPublicAccessBlock"), On::Bucket),
    Line("GetBucketAccelerateConfiguration", Action("s3:GetAccelerateConfiguration"), On::Bucket),
    Line("GetBucketAcl", Action("s3:GetBucketAcl"), On::Bucket),
    Line("GetBucketCors", Action("s3:GetBucketCORS"), On::Bucket),
    Line("GetBucketEncryption", Action("s3:GetEncryptionConfiguration"), On::Bucket),
    Line(
        "GetBucketIntelligentTieringConfiguration",
        Action("s3:GetIntelligentTieringConfiguration"),
        On::Bucket,
    ),
    Line("GetBucketLifecycleConfiguration", Action("s3:GetLifecycleConfiguration"), On::Bucket),
    Line("GetBucketLocation", Action("s3:GetBucketLocation"), On::Bucket),
    Line("GetBucketLogging", Action("s3:GetBucketLogging"), On::Bucket),
    Line("GetBucketNotificationConfiguration", Action("s3:GetBucketNotification"), On::Bucket),
    Line("GetBucketOwnershipControls", Action("s3:GetBucketOwnershipControls"), On::Bucket),
    Line("GetBucketPolicy", Action("s3:GetBucketPolicy"), On::Bucket),
    Line("GetBucketPolicyStatus", Action("s3:GetBucketPolicyStatus"), On::Bucket),
    Line("GetBucketReplication", Action("s3:GetReplicationConfiguration"), On::Bucket),
    Line("GetBucketRequestPayment", Action("s3:GetBucketRequestPayment"), On::Bucket),
    Line("GetBucketTagging", Action("s3:GetBucketTagging"), On::Bucket),
    Line("GetBucketVersioning", Action("s3:GetBucketVersioning"), On::Bucket),
    Line("GetBucketWebsite", Action("s3:GetBucketWebsite"), On::Bucket),
    Line("GetObject", Action("s3:GetObject"), On::Object),
    Line("GetObjectAcl", Action("s3:GetObjectAcl"), On::Object),
    Line("GetObjectAttributes", Action("s3:GetObjectAttributes"), On::Object),
    Line("GetObjectLegalHold", Action("s3:GetObjectLegalHold"), On::Object),
    Line("GetObjectLockConfiguration", Action("s3:GetBucketObjectLockConfiguration"), On::Bucket),
    Line("GetObjectRetention", Action("s3:GetObjectRetention"), On::Object),
    Line("GetObjectTagging", Action("s3:GetObjectTagging"), On::Object),
    Line("GetPublicAccessBlock", Action("s3:GetBucketPublicAccessBlock"), On::Bucket),
    Line("HeadBucket", Action("s3:ListBucket"), On::Bucket),
    Line("HeadObject", Action("s3:GetObject"), On::Object),
    Line(
        "ListBucketIntelligentTieringConfigurations",
        Action("s3:GetIntelligentTieringConfiguration"),
        On::Bucket,
    ),
    Line("ListBuckets", Action("s3:ListAllMyBuckets"), On::Account),
    Line("ListDirectoryBuckets", Action("s3express:ListAllMyDirectoryBuckets"), On::Account),
    Line("ListMultipartUploads", Action("s3:ListBucketMultipartUploads"), On::Bucket),
    Line("ListObjectVersions", Action("s3:ListBucketVersions"), On::Bucket),
    Line("ListObjects", Action("s3:ListBucket"), On::Bucket),
    Line("ListObjectsV2", Action("s3:ListBucket"), On::Bucket),
    Line("ListParts", Action("s3:ListMultipartUploadParts"), On::Object),
    Line("PutBucketAcl", Action("s3:PutBucketAcl"), On::Bucket),
    Line("PutBucketCors", Action("s3:PutBucketCORS"), On::Bucket),
    Line("PutBucketEncryption", Action("s3:PutEncryptionConfiguration"), On::Bucket),
    Line(
        "PutBucketIntelligentTieringConfiguration",
        Action("s3:PutIntelligentTieringConfiguration"),
        On::Bucket,
    ),
    Line("PutBucketLifecycleConfiguration", Action("s3:PutLifecycleConfiguration"), On::Bucket),
    Line("PutBucketLogging", Action("s3:PutBucketLogging"), On::Bucket),
    Line("PutBucketNotificationConfiguration", Action("s3:PutBucketNotification"), On::Bucket),
    Line("PutBucketOwnershipControls", Action("s3:PutBucketOwnershipControls"), On::Bucket),
    Line("PutBucketPolicy", Action("s3:PutBucketPolicy"), On::Bucket),
    Line("PutBucketRequestPayment", Action("s3:PutBucketRequestPayment"), On::Bucket),
    Line("PutBucketTagging", Action("s3:PutBucketTagging"), On::Bucket),
    Line("PutBucketVersioning", Action("s3:PutBucketVersioning"), On::Bucket),
    Line("PutBucketWebsite", Action("s3:PutBucketWebsite"), On::Bucket),
    Line("PutObject", Action("s3:PutObject"), On::Object),
    Line("PutObjectAcl", Action("s3:PutObjectAcl"), On::Object),
    Line("PutObjectLegalHold", Action("s3:PutObjectLegalHold"), On::Object),
    Line("PutObjectLockConfiguration", Action("s3:PutBucketObjectLockConfiguration"), On::Bucket),
    Line("PutObjectRetention", Action("s3:PutObjectRetention"), On::Object),
    Line("PutObjectTagging", Action("s3:PutObjectTagging"), On::Object),
    Line("PutPublicAccessBlock", Action("s3:PutBucketPublicAccessBlock"), On::Bucket),
    Line("RenameObject", Action("s3express:CreateSession"), On::Object),
    Line("RestoreObject", Action("s3:RestoreObject"), On::Object),
    Line("UploadPart", Action("s3:PutObject"), On::Object),
    // And s3:GetObject on the source.
    Line("UploadPartCopy", Action("s3:PutObject"), On::Object),
];

/// What an operation on an object needs instead when it names a version of it.
const ON_VERSIONS: &[(&str, &str)] = &[
    ("s3:DeleteObject", "s3:DeleteObjectVersion"),
    ("s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"),
    ("s3:GetObject", "s3:GetObjectVersion"),
    ("s3:GetObjectAcl", "s3:GetObjectVersionAcl"),
    ("s3:GetObjectAttributes", "s3:GetObjectVersionAttributes"),
    ("s3:GetObjectTagging", "s3:GetObjectVersionTagging"),
    ("s3:PutObjectAcl", "s3:PutObjectVersionAcl"),
    ("s3:PutObjectTagging", "s3:PutObjectVersionTagging"),
];

fn on_version(action: &'static str) -> &'static str {
    ON_VERSIONS.iter().find(|(plain, _)| *plain == action).map_or(action, |(_, versioned)| versioned)
}

/// The service's table, without a pond to serve from.
pub fn table() -> ServiceTable {
    ServiceTable { info: service_info(), operations: operations() }
}

/// The table's lines, for the service matrix, the metrics and the coverage tests.
pub fn operations() -> Vec<OperationInfo> {
    let line = |Line(name, action, on): &Line| OperationInfo {
        name,
        authorization: match on {
            On::EachKey | On::Session => Authorization::InHandler(*action),
            On::Account | On::NewBucket | On::Bucket | On::Object => Authorization::FromInput(*action),
        },
    };
    OPERATIONS.iter().map(line).collect()
}

/// S3 as the gateway routes to it and the matrix lists it. Its protocol is its own; the query protocol is what comes nearest
/// (XML out), and nothing is decoded by it.
pub fn service_info() -> ServiceInfo {
    ServiceInfo {
        name: "s3",
        signing_name: "s3",
        protocol: Protocol::AwsQuery {
            version: "2006-03-01",
            xmlns: "http://s3.amazonaws.com/doc/2006-03-01/",
        },
        validation_code: "InvalidArgument",
        largest_body: MAX_PUT,
        known_operations: KNOWN,
    }
}

/// Operations whose body holds condition keys: they are authorized when it is read.
const BY_BODY: &[&str] = &["CreateBucket", "PutObjectLegalHold", "PutObjectRetention", "PutObjectTagging"];

/// Who puts an object so puts more than the object.
const BY_HEADER: &[(&str, &str)] = &[
    ("x-amz-object-lock-legal-hold", "s3:PutObjectLegalHold"),
    ("x-amz-object-lock-mode", "s3:PutObjectRetention"),
    ("x-amz-tagging", "s3:PutObjectTagging"),
];

/// The bucket, if the caller may do this to it or to a key in it.
///
/// Errors: AccessDenied; NoSuchBucket, for callers who might do it if there were one.
pub fn authorize(
    s3: &S3,
    caller: &Caller,
    action: &str,
    bucket: &str,
    key: Option<&str>,
) -> Result<Bucket, S3Error> {
    let found = find(s3, caller, action, bucket, key)?;
    s3.decide(&Question::new(caller, action, &found, key))?;
    Ok(found)
}

/// The bucket, whether or not the caller may do it.
pub fn find(
    s3: &S3,
    caller: &Caller,
    action: &str,
    bucket: &str,
    key: Option<&str>,
) -> Result<Bucket, S3Error> {
    let found = s3.metadata().bucket(bucket);
    if let Err(S3Error::NoSuchBucket { .. }) = &found {
        if express::is_directory(bucket) {
            express::authorize_absent(caller, None, action, bucket)?;
            return found;
        }
        let resource = key.map_or_else(|| bucket.to_owned(), |key| format!("{bucket}/{key}"));
        caller.authorize_owned(action, &arn(caller, resource), &caller.scope.account)?;
    }
    found
}

pub fn authorize_new_bucket(caller: &Caller, action: &str, bucket: &str, keys: &Keys) -> Result<(), S3Error> {
    let arn = arn(caller, bucket);
    keys.with(|keys| caller.ask(action, &arn).owner(&caller.scope.account).keys(keys).decide())?;
    Ok(())
}

/// Whoever may not list a bucket is not told that something is missing in it.
pub fn conceal(s3: &S3, error: S3Error, question: Option<Question<'_>>) -> S3Error {
    let action = match &error {
        S3Error::NoSuchKey { .. } | S3Error::DeleteMarker { by_version: false, .. } => "s3:ListBucket",
        S3Error::NoSuchVersion { .. } => "s3:ListBucketVersions",
        _ => return error,
    };
    let Some(question) = question else { return error };
    s3.decide(&Question { action, key: None, version: None, ..question }).err().unwrap_or(error)
}

/// As [`conceal`], for what the request in `context` was answered.
pub fn conceal_from(s3: &S3, context: &Context, error: S3Error) -> S3Error {
    let bucket = match context.read_from().map(|bucket| s3.metadata().bucket(bucket)) {
        Some(Ok(bucket)) => Some(bucket),
        None | Some(Err(S3Error::NoSuchBucket { .. })) => None,
        // What cannot be decided about is not told.
        Some(Err(failure)) => return failure,
    };
    conceal(s3, error, bucket.as_ref().map(|bucket| Question::of(context, "", bucket, None)))
}

/// Where s3s asks, with the operation resolved and its input not yet read.
pub struct Gatekeeper(pub S3);

impl Gatekeeper {
    fn check_request(&self, cx: &mut S3AccessContext<'_>, context: &Context) -> Result<(), S3Error> {
        let path = match cx.s3_path() {
            S3Path::Root => (None, None),
            S3Path::Bucket { bucket } => (Some(&**bucket), None),
            S3Path::Object { bucket, key } => (Some(&**bucket), Some(&**key)),
        };
        self.check_operation(cx.s3_op().name(), path, cx.method(), context)
    }

    /// What is known of a request before its input is read: the operation, the bucket and the key that it names.
    pub fn check_operation(
        &self,
        name: &str,
        (bucket, key): (Option<&str>, Option<&str>),
        method: &Method,
        context: &Context,
    ) -> Result<(), S3Error> {
        let Some(line) = OPERATIONS.iter().find(|Line(known, ..)| *known == name) else {
            return Err(S3Error::NotImplemented { what: format!("The operation {name} of Amazon S3") });
        };
        context.set_operation(line.0);
        let in_directory = bucket.is_some_and(express::is_directory);
        if in_directory {
            express::check_request(name, context)?;
        }
        refuse::check(&context.headers, in_directory && name == "PutObject")?;
        encryption::check_headers(name, &context.headers)?;
        match (line.2, bucket) {
            (On::Account, _) => {
                let caller = &context.caller;
                let (region, account) = (&caller.scope.region, &caller.scope.account);
                let all = match name {
                    "ListDirectoryBuckets" => express::arn(region, account, "*"),
                    _ => arn(caller, "*"),
                };
                Ok(caller.authorize_owned(line.1.0, &all, account)?)
            }
            (_, None) => Err(S3Error::MethodNotAllowed { method: method.to_string() }),
            (_, Some(_)) if BY_BODY.contains(&name) => Ok(()),
            (On::Session, Some(bucket)) => self.0.grant(context, bucket).map(drop),
            (_, Some(bucket)) => self.check_line(context, line, bucket, key, Keys::default()),
        }
    }

    /// Errors: AccessDenied, NoSuchBucket, and those of a request for another region.
    fn check_line(
        &self,
        context: &Context,
        Line(name, action, on): &Line,
        bucket: &str,
        key: Option<&str>,
        keys: Keys,
    ) -> Result<(), S3Error> {
        let caller = &context.caller;
        let authorized = match on {
            On::Account | On::NewBucket | On::Session => {
                return self.check_new_bucket(context, bucket, &keys);
            }
            On::EachKey => {
                let found = find(&self.0, caller, action.0, bucket, key)?;
                context.log_for(&found);
                if found.record.is_directory() {
                    // Nobody may delete some of its objects and not others.
                    self.0.decide(&Question::of(context, action.0, &found, None))?;
                }
                found
            }
            On::Bucket | On::Object => {
                let names_version = *on == On::Object && context.has_parameter("versionId");
                let action = if names_version { on_version(action.0) } else { action.0 };
                let found = find(&self.0, caller, action, bucket, key)?;
                context.log_for(&found);
                self.0.decide(&Question { keys, ..Question::of(context, action, &found, key) })?;
                found
            }
        };
        payment::check(context, &authorized)?;
        if *name == "GetObjectAttributes" {
            // What it tells is what reading the object would.
            let reads =
                if context.has_parameter("versionId") { "s3:GetObjectVersion" } else { "s3:GetObject" };
            self.0.decide(&Question::of(context, reads, &authorized, key))?;
        }
        if matches!(*name, "CopyObject" | "CreateMultipartUpload" | "PutObject") {
            self.check_more(context, &authorized, key)?;
        }
        // Copies read another object, in a bucket that is looked up later.
        if !matches!(*name, "CopyObject" | "UploadPartCopy") {
            context.reads_from(bucket);
        }
        check_owner(context, "x-amz-expected-bucket-owner", &authorized)?;
        context.check_region(&authorized)
    }

    /// What a request that makes an object brings beside the object.
    fn check_more(&self, context: &Context, bucket: &Bucket, key: Option<&str>) -> Result<(), S3Error> {
        let by_header = BY_HEADER.iter().filter(|(header, _)| context.headers.contains_key(*header));
        let acl = acl::has_headers(&context.headers).then_some("s3:PutObjectAcl");
        for action in by_header.map(|(_, action)| *action).chain(acl) {
            self.0.decide(&Question { of_new_object: true, ..Question::of(context, action, bucket, key) })?;
        }
        Ok(())
    }

    fn check_new_bucket(&self, context: &Context, bucket: &str, keys: &Keys) -> Result<(), S3Error> {
        if express::is_directory(bucket) {
            return express::authorize_absent(&context.caller, Some(context), "s3:CreateBucket", bucket);
        }
        let mut all = Keys::of(context);
        all.extend(keys);
        let enables_lock = context
            .header("x-amz-bucket-object-lock-enabled")
            .is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let more = [
            (true, "s3:CreateBucket"),
            (acl::has_headers(&context.headers), "s3:PutBucketAcl"),
            (context.header("x-amz-object-ownership").is_some(), "s3:PutBucketOwnershipControls"),
            (enables_lock, "s3:PutBucketObjectLockConfiguration"),
            (enables_lock, "s3:PutBucketVersioning"),
        ];
        for (_, action) in more.iter().filter(|(asked, _)| *asked) {
            authorize_new_bucket(&context.caller, action, bucket, &all)?;
        }
        Ok(())
    }

    /// What [`Gatekeeper::check_request`] left until the body was read.
    fn check_by_body(
        &self,
        context: &Context,
        bucket: &str,
        key: Option<&str>,
        keys: Keys,
    ) -> Result<(), S3Error> {
        let line = OPERATIONS.iter().find(|Line(name, ..)| Some(*name) == context.operation());
        let line =
            line.ok_or_else(|| S3Error::internal("authorizing", "the operation is not in the table"))?;
        self.check_line(context, line, bucket, key, keys)
    }

    /// A copy reads its source in the caller's name, and not in a session: that is for one bucket.
    fn check_source(&self, context: &Context, source: &CopySource) -> Result<(), S3Error> {
        if context.session.is_some() {
            return Err(S3Error::access_denied());
        }
        let CopySource::Bucket { bucket, key, version_id } = source else {
            return Err(S3Error::NotImplemented { what: "A copy from an access point".into() });
        };
        context.reads_from(bucket);
        let action = if version_id.is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" };
        let found = find(&self.0, &context.caller, action, bucket, Some(key))?;
        context.log_source(&found, key, version_id.as_deref());
        self.0.decide(&source_question(context, action, &found, key, version_id.as_deref()))?;
        payment::check(context, &found)?;
        check_owner(context, "x-amz-source-expected-bucket-owner", &found)
    }
}

/// A question about the source of a copy. The head of the request is about what the copy becomes.
pub fn source_question<'a>(
    context: &'a Context,
    action: &'a str,
    bucket: &'a Bucket,
    key: &'a str,
    version: Option<&str>,
) -> Question<'a> {
    let mut keys = Keys::of_way(context);
    if let Some(version) = version {
        keys.put("s3:versionid", version.to_owned());
    }
    let version = version.and_then(|text| Wanted::parse(text).ok());
    Question { version, keys, ..Question::new(&context.caller, action, bucket, Some(key)) }
}

/// A client may say whose bucket it thinks this is.
fn check_owner(context: &Context, header: &str, bucket: &Bucket) -> Result<(), S3Error> {
    match context.header(header) {
        Some(expected) if expected != bucket.record.account.as_str() => Err(S3Error::access_denied()),
        _ => Ok(()),
    }
}

#[async_trait::async_trait]
impl S3Access for Gatekeeper {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        let context = Context::of(cx.extensions_mut());
        let checked = self.check_request(cx, &context);
        checked.map_err(|error| context.fail(error))
    }

    async fn copy_object(&self, req: &mut S3Request<CopyObjectInput>) -> S3Result<()> {
        let context = Context::of(&req.extensions);
        self.check_source(&context, &req.input.copy_source).map_err(|error| context.fail(error))
    }

    async fn create_bucket(&self, req: &mut S3Request<CreateBucketInput>) -> S3Result<()> {
        let context = Context::of(&req.extensions);
        let mut keys = Keys::default();
        let configuration = req.input.create_bucket_configuration.as_ref();
        if let Some(constraint) =
            configuration.and_then(|configuration| configuration.location_constraint.as_ref())
        {
            keys.put("s3:LocationConstraint", constraint.as_str().to_owned());
        }
        let checked = self.check_by_body(&context, &req.input.bucket, None, keys);
        checked.map_err(|error| context.fail(error))
    }

    async fn put_object_legal_hold(&self, req: &mut S3Request<PutObjectLegalHoldInput>) -> S3Result<()> {
        let context = Context::of(&req.extensions);
        let mut keys = Keys::default();
        if let Some(status) = req.input.legal_hold.as_ref().and_then(|hold| hold.status.as_ref()) {
            keys.put("s3:object-lock-legal-hold", status.as_str().to_owned());
        }
        let checked = self.check_by_body(&context, &req.input.bucket, Some(&req.input.key), keys);
        checked.map_err(|error| context.fail(error))
    }

    async fn put_object_retention(&self, req: &mut S3Request<PutObjectRetentionInput>) -> S3Result<()> {
        let context = Context::of(&req.extensions);
        let mut keys = Keys::default();
        let retention = req.input.retention.as_ref();
        if let Some(mode) = retention.and_then(|retention| retention.mode.as_ref()) {
            keys.put("s3:object-lock-mode", mode.as_str().to_owned());
        }
        let until = retention.and_then(|retention| retention.retain_until_date.as_ref());
        if let Some(until) = until.and_then(from_timestamp) {
            keys.put("s3:object-lock-retain-until-date", until.to_string());
            keys.put_retention(until, self.0.now());
        }
        let checked = self.check_by_body(&context, &req.input.bucket, Some(&req.input.key), keys);
        checked.map_err(|error| context.fail(error))
    }

    async fn put_object_tagging(&self, req: &mut S3Request<PutObjectTaggingInput>) -> S3Result<()> {
        let context = Context::of(&req.extensions);
        let mut keys = Keys::default();
        let tags = req.input.tagging.tag_set.iter();
        keys.put_tags(
            tags.map(|tag| {
                (tag.key.as_deref().unwrap_or_default(), tag.value.as_deref().unwrap_or_default())
            }),
        );
        let checked = self.check_by_body(&context, &req.input.bucket, Some(&req.input.key), keys);
        checked.map_err(|error| context.fail(error))
    }

    async fn upload_part_copy(&self, req: &mut S3Request<UploadPartCopyInput>) -> S3Result<()> {
        let context = Context::of(&req.extensions);
        self.check_source(&context, &req.input.copy_source).map_err(|error| context.fail(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_reference() {
        let names: Vec<_> = OPERATIONS.iter().map(|Line(name, ..)| *name).collect();
        assert!(names.is_sorted());
        assert!(names.iter().all(|name| KNOWN.contains(name)));
        assert_eq!(operations().len(), names.len());
    }
}
