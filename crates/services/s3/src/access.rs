//! The table of operations, and the one place where a request is authorized: which IAM action each operation needs, and
//! on what. The wire's operations are checked before their input is read; the domain API asks through the same function.

use millpond_core::Arn;
use millpond_gateway::{Action, Authorization, Caller, OperationInfo, ServiceInfo, ServiceTable};
use millpond_wire::Protocol;
use s3s::access::{S3Access, S3AccessContext};
use s3s::dto::{CopyObjectInput, CopySource, UploadPartCopyInput};
use s3s::path::S3Path;
use s3s::{S3Request, S3Result};

use crate::context::Context;
use crate::error::S3Error;
use crate::known::KNOWN;
use crate::refuse;
use crate::service::{MAX_PUT, S3};
use crate::store::Bucket;

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
    Line("DeleteBucket", Action("s3:DeleteBucket"), On::Bucket),
    Line("DeleteBucketLifecycle", Action("s3:PutLifecycleConfiguration"), On::Bucket),
    Line("DeleteBucketTagging", Action("s3:PutBucketTagging"), On::Bucket),
    Line("DeleteObject", Action("s3:DeleteObject"), On::Object),
    Line("DeleteObjectTagging", Action("s3:DeleteObjectTagging"), On::Object),
    Line("DeleteObjects", Action("s3:DeleteObject"), On::EachKey),
    Line("GetBucketAccelerateConfiguration", Action("s3:GetAccelerateConfiguration"), On::Bucket),
    Line("GetBucketAcl", Action("s3:GetBucketAcl"), On::Bucket),
    Line("GetBucketCors", Action("s3:GetBucketCORS"), On::Bucket),
    Line("GetBucketEncryption", Action("s3:GetEncryptionConfiguration"), On::Bucket),
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
    Line("GetObjectLockConfiguration", Action("s3:GetBucketObjectLockConfiguration"), On::Bucket),
    Line("GetObjectTagging", Action("s3:GetObjectTagging"), On::Object),
    Line("GetPublicAccessBlock", Action("s3:GetBucketPublicAccessBlock"), On::Bucket),
    Line("HeadBucket", Action("s3:ListBucket"), On::Bucket),
    Line("HeadObject", Action("s3:GetObject"), On::Object),
    Line("ListBuckets", Action("s3:ListAllMyBuckets"), On::Account),
    Line("ListMultipartUploads", Action("s3:ListBucketMultipartUploads"), On::Bucket),
    Line("ListObjectVersions", Action("s3:ListBucketVersions"), On::Bucket),
    Line("ListObjects", Action("s3:ListBucket"), On::Bucket),
    Line("ListObjectsV2", Action("s3:ListBucket"), On::Bucket),
    Line("ListParts", Action("s3:ListMultipartUploadParts"), On::Object),
    Line("PutBucketLifecycleConfiguration", Action("s3:PutLifecycleConfiguration"), On::Bucket),
    Line("PutBucketTagging", Action("s3:PutBucketTagging"), On::Bucket),
    Line("PutBucketVersioning", Action("s3:PutBucketVersioning"), On::Bucket),
    Line("PutObject", Action("s3:PutObject"), On::Object),
    Line("PutObjectTagging", Action("s3:PutObjectTagging"), On::Object),
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
            On::EachKey => Authorization::InHandler(*action),
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
    let found = s3.metadata().bucket(bucket);
    let owner = match &found {
        Ok(found) => &found.record.account,
        Err(_) => &caller.scope.account,
    };
    let resource = match key {
        Some(key) => format!("{bucket}/{key}"),
        None => bucket.to_owned(),
    };
    caller.authorize_owned(action, &arn(caller, resource), owner)?;
    found
}

pub fn authorize_new_bucket(caller: &Caller, bucket: &str) -> Result<(), S3Error> {
    Ok(caller.authorize_owned("s3:CreateBucket", &arn(caller, bucket), &caller.scope.account)?)
}

fn arn(caller: &Caller, resource: impl Into<String>) -> Arn {
    Arn { partition: caller.scope.region.partition().to_owned(), ..Arn::global("s3", resource) }
}

/// Where s3s asks, with the operation resolved and its input not yet read.
pub struct Gatekeeper(pub S3);

impl Gatekeeper {
    fn check_request(&self, cx: &mut S3AccessContext<'_>, context: &Context) -> Result<(), S3Error> {
        let name = cx.s3_op().name();
        let Some(Line(name, action, on)) = OPERATIONS.iter().find(|Line(known, ..)| *known == name) else {
            return Err(S3Error::NotImplemented { what: format!("The operation {name} of Amazon S3") });
        };
        context.set_operation(name);
        refuse::check(cx.headers())?;
        let caller = &context.caller;
        let (bucket, key) = match cx.s3_path() {
            S3Path::Root => (None, None),
            S3Path::Bucket { bucket } => (Some(&**bucket), None),
            S3Path::Object { bucket, key } => (Some(&**bucket), Some(&**key)),
        };
        let authorized = match (on, bucket) {
            (On::Account, _) => {
                caller.authorize_owned(action.0, &arn(caller, "*"), &caller.scope.account)?;
                return Ok(());
            }
            (_, None) => return Err(S3Error::MethodNotAllowed { method: cx.method().to_string() }),
            (On::NewBucket, Some(bucket)) => return authorize_new_bucket(caller, bucket),
            (On::EachKey, Some(bucket)) => self.0.metadata().bucket(bucket)?,
            (On::Bucket, Some(bucket)) => authorize(&self.0, caller, action.0, bucket, None)?,
            (On::Object, Some(bucket)) => {
                let names_version = has_parameter(cx.uri().query(), "versionId");
                let action = if names_version { on_version(action.0) } else { action.0 };
                authorize(&self.0, caller, action, bucket, key)?
            }
        };
        check_owner(context, "x-amz-expected-bucket-owner", &authorized)?;
        context.check_region(&authorized)
    }

    /// A copy reads its source in the caller's name.
    fn check_source(&self, context: &Context, source: &CopySource) -> Result<(), S3Error> {
        let CopySource::Bucket { bucket, key, version_id } = source else {
            return Err(S3Error::NotImplemented { what: "A copy from an access point".into() });
        };
        let action = if version_id.is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" };
        let bucket = authorize(&self.0, &context.caller, action, bucket, Some(key))?;
        check_owner(context, "x-amz-source-expected-bucket-owner", &bucket)
    }
}

fn has_parameter(query: Option<&str>, name: &str) -> bool {
    let pairs = query.unwrap_or_default().split('&');
    pairs.map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name)).any(|found| found == name)
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
