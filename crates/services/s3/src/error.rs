//! The errors of S3: AWS's codes, statuses, texts and the fields beside them. One enum for the wire and for the services
//! that work on objects in process.

use std::error::Error as StdError;

use http::StatusCode;
use millpond_core::Timestamp;

use crate::class::StorageClass;
use crate::tiering::AccessTier;

/// Why an operation failed. The text is AWS's.
#[derive(Debug, thiserror::Error)]
pub enum S3Error {
    #[error("The specified bucket does not exist")]
    NoSuchBucket { bucket: String },
    #[error("The specified key does not exist.")]
    NoSuchKey { key: String },
    /// What is there is a delete marker.
    #[error("{}", if *by_version { "The specified method is not allowed against this resource." } else { "The specified key does not exist." })]
    DeleteMarker { key: String, version: String, modified: Timestamp, by_version: bool },
    #[error("The specified version does not exist.")]
    NoSuchVersion { key: String, version: String },
    #[error(
        "The specified multipart upload does not exist. The upload ID may be invalid, or the upload may have been \
         aborted or completed."
    )]
    NoSuchUpload { upload: String },
    #[error("{message}")]
    NoSuchConfiguration { code: &'static str, message: &'static str, bucket: String },
    #[error("The bucket does not allow ACLs")]
    AclNotSupported,
    #[error("{message}")]
    InvalidBucketAcl { code: &'static str, message: &'static str },
    #[error("The XML you provided was not well-formed or did not validate against our published schema")]
    MalformedAcl,
    #[error("{message}")]
    MalformedPolicy { message: String },
    #[error("Your request was missing a required header")]
    MissingSecurityHeader { header: &'static str },
    #[error("This request does not support content")]
    UnexpectedContent,
    #[error("The specified bucket is not valid.")]
    InvalidBucketName { bucket: String },
    #[error(
        "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please \
         select a different name and try again."
    )]
    BucketAlreadyExists { bucket: String },
    #[error("Your previous request to create the named bucket succeeded and you already own it.")]
    BucketAlreadyOwnedByYou { bucket: String },
    #[error("The bucket you tried to delete is not empty")]
    BucketNotEmpty { bucket: String },
    #[error(
        "You are attempting to create a new configuration but have already reached the 1,000-configuration limit."
    )]
    TooManyConfigurations,
    #[error("You have attempted to create more buckets than allowed")]
    TooManyBuckets,
    #[error(
        "The {location} location constraint is incompatible for the region specific endpoint this request was sent to."
    )]
    IllegalLocationConstraint { location: String },
    #[error("The Versioning element must be specified")]
    IllegalVersioningConfiguration,
    /// An HTML form that cannot be taken.
    #[error("{message}")]
    BadForm { code: &'static str, message: String, fields: Vec<(&'static str, String)> },
    #[error("{message}")]
    BadRequest { message: String },
    /// What a browser asks for its page is not allowed by the bucket's rules.
    #[error("{message}")]
    AccessForbidden { message: String, method: String, resource: &'static str },
    /// What a configuration asks for cannot be.
    #[error("{message}")]
    Misconfigured { code: &'static str, message: &'static str },
    #[error("{message}")]
    InvalidBucketState { message: &'static str },
    #[error("The specified location-constraint is not valid")]
    InvalidLocationConstraint { location: String },
    #[error("The storage class you specified is not valid")]
    InvalidStorageClass { class: String },
    /// No copy of the object's bytes is left.
    #[error("The specified method is not allowed against this resource: no copy of the object is left.")]
    ObjectLost { key: String },
    /// Its copies are in zones that are not there now.
    #[error("Service is unable to handle request.")]
    ServiceUnavailable,
    /// There are bytes, and they are not what was written.
    #[error("We encountered an internal error. Please try again.")]
    Damaged(#[source] millpond_blob::BlobError),
    /// An archived object that is not restored.
    #[error("{message}")]
    InvalidObjectState { class: StorageClass, tier: Option<AccessTier>, message: &'static str },
    #[error("Object restore is already in progress")]
    RestoreAlreadyInProgress,
    #[error("Your key is too long")]
    KeyTooLong { size: usize },
    #[error("Your metadata headers exceed the maximum allowed metadata size")]
    MetadataTooLarge { size: usize, most: usize },
    #[error("Your proposed upload exceeds the maximum allowed size")]
    EntityTooLarge { size: u64, most: u64 },
    #[error("Your proposed upload is smaller than the minimum allowed size")]
    EntityTooSmall { size: u64, least: u64, part: u32, etag: String },
    #[error(
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified \
         entity tag may not match the part's entity tag."
    )]
    InvalidPart { upload: String, part: u32, etag: String },
    #[error("The list of parts was not in ascending order. Parts must be ordered by part number.")]
    InvalidPartOrder { upload: String },
    #[error("The requested partnumber is not satisfiable")]
    InvalidPartNumber { part: u32, parts: u32 },
    #[error("The XML you provided was not well-formed or did not validate against our published schema")]
    MalformedXml,
    #[error("The requested range is not satisfiable")]
    InvalidRange { range: String, size: u64 },
    #[error("At least one of the pre-conditions you specified did not hold")]
    PreconditionFailed { condition: &'static str },
    #[error("Not Modified")]
    NotModified { etag: String },
    #[error("The Content-MD5 you specified did not match what we received.")]
    BadDigest { expected: String, calculated: String },
    #[error("The {algorithm} you specified did not match the calculated checksum.")]
    BadChecksum { algorithm: &'static str },
    #[error("The Content-MD5 you specified was invalid.")]
    InvalidDigest { digest: String },
    #[error("The provided 'x-amz-content-sha256' header does not match what was computed.")]
    ContentSha256Mismatch { client: String, computed: String },
    #[error("You did not provide the number of bytes specified by the Content-Length HTTP header")]
    IncompleteBody,
    #[error("Only the last chunk is allowed to have a size less than 8192 bytes")]
    InvalidChunkSize { chunk: u32, size: u64 },
    #[error("You must provide the Content-Length HTTP header.")]
    MissingContentLength,
    #[error("{message}")]
    InvalidArgument { message: String, name: String, value: String },
    #[error("{message}")]
    InvalidTag { message: &'static str, key: String },
    #[error("{message}")]
    TooManyTags { message: &'static str },
    #[error("{message}")]
    InvalidRequest { message: String },
    #[error("A header you provided implies functionality that is not implemented")]
    HeaderNotImplemented { header: String },
    #[error("{what} is not implemented by Millpond.")]
    NotImplemented { what: String },
    #[error("The write offset value that you specified does not match the current object size.")]
    InvalidWriteOffset,
    #[error(
        "You have attempted to add more parts than the maximum of 10000 that are allowed for this object."
    )]
    TooManyParts,
    #[error("The client token was used before, for a request with other parameters.")]
    IdempotentParameterMismatch,
    #[error("{what} is not supported for directory buckets.")]
    NotOfDirectoryBuckets { what: String },
    #[error("The specified method is not allowed against this resource.")]
    MethodNotAllowed { method: String },
    /// Of an encryption: what KMS refused, or what is no encryption.
    #[error("{message}")]
    Encryption { code: &'static str, message: String },
    #[error("{message}")]
    AccessDenied { message: String },
    #[error("Request has expired")]
    RequestExpired { expires_in: u64, expires: Timestamp, now: Timestamp },
    #[error("The AWS Access Key Id you provided does not exist in our records.")]
    InvalidAccessKeyId { access_key: String },
    #[error("The provided token is malformed or otherwise invalid.")]
    InvalidToken,
    #[error("The provided token has expired.")]
    ExpiredToken,
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your key and signing method."
    )]
    SignatureDoesNotMatch {
        access_key: String,
        string_to_sign: String,
        provided: String,
        canonical_request: String,
    },
    #[error("The difference between the request time and the current time is too large.")]
    RequestTimeTooSkewed { request: String, now: Timestamp },
    #[error("The authorization header is malformed; {problem}")]
    AuthorizationHeaderMalformed { problem: String, region: Option<String> },
    #[error("{problem}")]
    AuthorizationQueryParameters { problem: String },
    #[error("Please reduce your request rate.")]
    SlowDown,
    #[error("There is no room left on the disk that holds this object.")]
    InsufficientStorage,
    #[error("We encountered an internal error. Please try again.")]
    Internal {
        doing: &'static str,
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
}

impl S3Error {
    /// An inner cause, which goes to the log and never to the caller.
    pub fn internal(doing: &'static str, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Internal { doing, source: source.into() }
    }

    pub fn access_denied() -> Self {
        Self::AccessDenied { message: "Access Denied".into() }
    }

    pub fn invalid_request(message: impl Into<String>) -> Self {
        Self::InvalidRequest { message: message.into() }
    }

    pub fn invalid_argument(message: impl Into<String>, name: &str, value: impl Into<String>) -> Self {
        Self::InvalidArgument { message: message.into(), name: name.to_owned(), value: value.into() }
    }

    pub fn encryption(code: &'static str, message: impl Into<String>) -> Self {
        Self::Encryption { code, message: message.into() }
    }

    /// AWS's code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSuchBucket { .. } => "NoSuchBucket",
            Self::NoSuchKey { .. } => "NoSuchKey",
            Self::NoSuchVersion { .. } => "NoSuchVersion",
            Self::DeleteMarker { by_version: false, .. } => "NoSuchKey",
            Self::DeleteMarker { by_version: true, .. } => "MethodNotAllowed",
            Self::NoSuchUpload { .. } => "NoSuchUpload",
            Self::AclNotSupported => "AccessControlListNotSupported",
            Self::InvalidBucketAcl { code, .. } | Self::Misconfigured { code, .. } => code,
            Self::MalformedAcl => "MalformedACLError",
            Self::MalformedPolicy { .. } => "MalformedPolicy",
            Self::MissingSecurityHeader { .. } => "MissingSecurityHeader",
            Self::UnexpectedContent => "UnexpectedContent",
            Self::NoSuchConfiguration { code, .. }
            | Self::BadForm { code, .. }
            | Self::Encryption { code, .. } => code,
            Self::InvalidBucketName { .. } => "InvalidBucketName",
            Self::BucketAlreadyExists { .. } => "BucketAlreadyExists",
            Self::BucketAlreadyOwnedByYou { .. } => "BucketAlreadyOwnedByYou",
            Self::BucketNotEmpty { .. } => "BucketNotEmpty",
            Self::TooManyConfigurations => "TooManyConfigurations",
            Self::TooManyBuckets => "TooManyBuckets",
            Self::IllegalLocationConstraint { .. } => "IllegalLocationConstraintException",
            Self::InvalidLocationConstraint { .. } => "InvalidLocationConstraint",
            Self::IllegalVersioningConfiguration => "IllegalVersioningConfigurationException",
            Self::InvalidStorageClass { .. } => "InvalidStorageClass",
            Self::InvalidObjectState { .. } => "InvalidObjectState",
            Self::RestoreAlreadyInProgress => "RestoreAlreadyInProgress",
            Self::InvalidBucketState { .. } => "InvalidBucketState",
            Self::KeyTooLong { .. } => "KeyTooLongError",
            Self::MetadataTooLarge { .. } => "MetadataTooLarge",
            Self::EntityTooLarge { .. } => "EntityTooLarge",
            Self::EntityTooSmall { .. } => "EntityTooSmall",
            Self::InvalidPart { .. } => "InvalidPart",
            Self::InvalidPartOrder { .. } => "InvalidPartOrder",
            Self::InvalidPartNumber { .. } => "InvalidPartNumber",
            Self::MalformedXml => "MalformedXML",
            Self::InvalidRange { .. } => "InvalidRange",
            Self::PreconditionFailed { .. } => "PreconditionFailed",
            Self::NotModified { .. } => "NotModified",
            Self::BadDigest { .. } | Self::BadChecksum { .. } => "BadDigest",
            Self::InvalidDigest { .. } => "InvalidDigest",
            Self::ContentSha256Mismatch { .. } => "XAmzContentSHA256Mismatch",
            Self::IncompleteBody => "IncompleteBody",
            Self::InvalidChunkSize { .. } => "InvalidChunkSizeError",
            Self::MissingContentLength => "MissingContentLength",
            Self::InvalidArgument { .. } => "InvalidArgument",
            Self::InvalidTag { .. } => "InvalidTag",
            Self::TooManyTags { .. } | Self::BadRequest { .. } => "BadRequest",
            Self::AccessForbidden { .. } => "AccessForbidden",
            Self::InvalidRequest { .. } => "InvalidRequest",
            Self::HeaderNotImplemented { .. }
            | Self::NotImplemented { .. }
            | Self::NotOfDirectoryBuckets { .. } => "NotImplemented",
            Self::MethodNotAllowed { .. } | Self::ObjectLost { .. } => "MethodNotAllowed",
            Self::ServiceUnavailable => "ServiceUnavailable",
            Self::AccessDenied { .. } | Self::RequestExpired { .. } => "AccessDenied",
            Self::InvalidAccessKeyId { .. } => "InvalidAccessKeyId",
            Self::InvalidWriteOffset => "InvalidWriteOffset",
            Self::TooManyParts => "TooManyParts",
            Self::IdempotentParameterMismatch => "IdempotentParameterMismatch",
            Self::InvalidToken => "InvalidToken",
            Self::ExpiredToken => "ExpiredToken",
            Self::SignatureDoesNotMatch { .. } => "SignatureDoesNotMatch",
            Self::RequestTimeTooSkewed { .. } => "RequestTimeTooSkewed",
            Self::AuthorizationHeaderMalformed { .. } => "AuthorizationHeaderMalformed",
            Self::AuthorizationQueryParameters { .. } => "AuthorizationQueryParametersError",
            Self::SlowDown => "SlowDown",
            Self::InsufficientStorage => "InsufficientStorage",
            Self::Damaged(_) | Self::Internal { .. } => "InternalError",
        }
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Misconfigured { code: "CrossLocationLoggingProhibitted", .. } => StatusCode::FORBIDDEN,
            Self::NoSuchBucket { .. }
            | Self::NoSuchKey { .. }
            | Self::DeleteMarker { by_version: false, .. }
            | Self::NoSuchVersion { .. }
            | Self::NoSuchUpload { .. }
            | Self::NoSuchConfiguration { .. } => StatusCode::NOT_FOUND,
            Self::BucketAlreadyExists { .. }
            | Self::BucketAlreadyOwnedByYou { .. }
            | Self::BucketNotEmpty { .. }
            | Self::RestoreAlreadyInProgress
            | Self::InvalidBucketState { .. } => StatusCode::CONFLICT,
            Self::InvalidBucketName { .. }
            | Self::AclNotSupported
            | Self::InvalidBucketAcl { .. }
            | Self::MalformedAcl
            | Self::MalformedPolicy { .. }
            | Self::Misconfigured { .. }
            | Self::MissingSecurityHeader { .. }
            | Self::UnexpectedContent
            | Self::TooManyBuckets
            | Self::TooManyConfigurations
            | Self::IllegalLocationConstraint { .. }
            | Self::InvalidLocationConstraint { .. }
            | Self::IllegalVersioningConfiguration
            | Self::InvalidStorageClass { .. }
            | Self::KeyTooLong { .. }
            | Self::MetadataTooLarge { .. }
            | Self::EntityTooLarge { .. }
            | Self::EntityTooSmall { .. }
            | Self::InvalidPart { .. }
            | Self::InvalidPartOrder { .. }
            | Self::MalformedXml
            | Self::BadDigest { .. }
            | Self::BadChecksum { .. }
            | Self::InvalidDigest { .. }
            | Self::ContentSha256Mismatch { .. }
            | Self::IncompleteBody
            | Self::InvalidArgument { .. }
            | Self::InvalidRequest { .. }
            | Self::Encryption { .. }
            | Self::InvalidTag { .. }
            | Self::TooManyTags { .. }
            | Self::BadRequest { .. }
            | Self::BadForm { .. }
            | Self::InvalidWriteOffset
            | Self::TooManyParts
            | Self::IdempotentParameterMismatch
            | Self::InvalidToken
            | Self::ExpiredToken
            | Self::AuthorizationHeaderMalformed { .. }
            | Self::AuthorizationQueryParameters { .. } => StatusCode::BAD_REQUEST,
            Self::InvalidPartNumber { .. } | Self::InvalidRange { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::PreconditionFailed { .. } => StatusCode::PRECONDITION_FAILED,
            Self::NotModified { .. } => StatusCode::NOT_MODIFIED,
            Self::MissingContentLength => StatusCode::LENGTH_REQUIRED,
            Self::HeaderNotImplemented { .. }
            | Self::NotImplemented { .. }
            | Self::NotOfDirectoryBuckets { .. } => StatusCode::NOT_IMPLEMENTED,
            Self::MethodNotAllowed { .. }
            | Self::ObjectLost { .. }
            | Self::DeleteMarker { by_version: true, .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::AccessDenied { .. }
            | Self::InvalidObjectState { .. }
            | Self::AccessForbidden { .. }
            | Self::RequestExpired { .. }
            | Self::InvalidChunkSize { .. }
            | Self::InvalidAccessKeyId { .. }
            | Self::SignatureDoesNotMatch { .. }
            | Self::RequestTimeTooSkewed { .. } => StatusCode::FORBIDDEN,
            Self::SlowDown | Self::ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::InsufficientStorage => StatusCode::INSUFFICIENT_STORAGE,
            Self::Damaged(_) | Self::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What AWS puts beside code and text.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::NoSuchBucket { bucket }
            | Self::NoSuchConfiguration { bucket, .. }
            | Self::InvalidBucketName { bucket }
            | Self::BucketAlreadyExists { bucket }
            | Self::BucketAlreadyOwnedByYou { bucket }
            | Self::BucketNotEmpty { bucket } => vec![("BucketName", bucket.clone())],
            Self::MissingSecurityHeader { header } => vec![("MissingHeaderName", (*header).to_owned())],
            Self::NoSuchKey { key } | Self::DeleteMarker { key, .. } | Self::ObjectLost { key } => {
                vec![("Key", key.clone())]
            }
            Self::NoSuchVersion { key, version } => {
                vec![("Key", key.clone()), ("VersionId", version.clone())]
            }
            Self::InvalidTag { key, .. } => vec![("TagKey", key.clone())],
            Self::NoSuchUpload { upload } | Self::InvalidPartOrder { upload } => {
                vec![("UploadId", upload.clone())]
            }
            Self::InvalidLocationConstraint { location } => vec![("LocationConstraint", location.clone())],
            Self::InvalidStorageClass { class } => vec![("StorageClassRequested", class.clone())],
            Self::InvalidObjectState { class, tier, .. } => {
                let tier = tier.map(|tier| ("AccessTier", tier.to_string()));
                [("StorageClass", class.to_string())].into_iter().chain(tier).collect()
            }
            Self::KeyTooLong { size } => limits(size, crate::names::MAX_KEY_BYTES),
            Self::MetadataTooLarge { size, most } => limits(size, most),
            Self::EntityTooLarge { size, most } => {
                vec![("ProposedSize", size.to_string()), ("MaxSizeAllowed", most.to_string())]
            }
            Self::EntityTooSmall { size, least, part, etag } => vec![
                ("ProposedSize", size.to_string()),
                ("MinSizeAllowed", least.to_string()),
                ("PartNumber", part.to_string()),
                ("ETag", etag.clone()),
            ],
            Self::InvalidPart { upload, part, etag } => {
                vec![("UploadId", upload.clone()), ("PartNumber", part.to_string()), ("ETag", etag.clone())]
            }
            Self::InvalidPartNumber { part, parts } => {
                vec![("PartNumberRequested", part.to_string()), ("ActualPartCount", parts.to_string())]
            }
            Self::InvalidRange { range, size } => {
                vec![("RangeRequested", range.clone()), ("ActualObjectSize", size.to_string())]
            }
            Self::PreconditionFailed { condition } => vec![("Condition", (*condition).to_owned())],
            Self::BadDigest { expected, calculated } => {
                vec![("ExpectedDigest", expected.clone()), ("CalculatedDigest", calculated.clone())]
            }
            Self::InvalidDigest { digest } => vec![("Content-MD5", digest.clone())],
            Self::ContentSha256Mismatch { client, computed } => vec![
                ("ClientComputedContentSHA256", client.clone()),
                ("S3ComputedContentSHA256", computed.clone()),
            ],
            Self::InvalidChunkSize { chunk, size } => {
                vec![("Chunk", chunk.to_string()), ("BadChunkSize", size.to_string())]
            }
            Self::InvalidArgument { name, value, .. } => {
                vec![("ArgumentName", name.clone()), ("ArgumentValue", value.clone())]
            }
            Self::HeaderNotImplemented { header } => vec![("Header", header.clone())],
            Self::BadForm { fields, .. } => fields.clone(),
            Self::AccessForbidden { method, resource, .. } => {
                vec![("Method", method.clone()), ("ResourceType", (*resource).to_owned())]
            }
            Self::MethodNotAllowed { method } => vec![("Method", method.clone())],
            Self::RequestExpired { expires_in, expires, now } => vec![
                ("X-Amz-Expires", expires_in.to_string()),
                ("Expires", expires.to_string()),
                ("ServerTime", now.to_string()),
            ],
            Self::InvalidAccessKeyId { access_key } => vec![("AWSAccessKeyId", access_key.clone())],
            Self::SignatureDoesNotMatch { access_key, string_to_sign, provided, canonical_request } => vec![
                ("AWSAccessKeyId", access_key.clone()),
                ("StringToSign", string_to_sign.clone()),
                ("SignatureProvided", provided.clone()),
                ("CanonicalRequest", canonical_request.clone()),
            ],
            Self::RequestTimeTooSkewed { request, now } => vec![
                ("RequestTime", request.clone()),
                ("ServerTime", now.to_string()),
                ("MaxAllowedSkewMilliseconds", "900000".to_owned()),
            ],
            Self::AuthorizationHeaderMalformed { region: Some(region), .. } => {
                vec![("Region", region.clone())]
            }
            Self::AuthorizationHeaderMalformed { region: None, .. }
            | Self::AclNotSupported
            | Self::InvalidBucketAcl { .. }
            | Self::MalformedAcl
            | Self::MalformedPolicy { .. }
            | Self::NotOfDirectoryBuckets { .. }
            | Self::InvalidWriteOffset
            | Self::TooManyParts
            | Self::IdempotentParameterMismatch
            | Self::UnexpectedContent
            | Self::TooManyBuckets
            | Self::TooManyConfigurations
            | Self::IllegalLocationConstraint { .. }
            | Self::MalformedXml
            | Self::NotModified { .. }
            | Self::BadChecksum { .. }
            | Self::IncompleteBody
            | Self::MissingContentLength
            | Self::IllegalVersioningConfiguration
            | Self::TooManyTags { .. }
            | Self::BadRequest { .. }
            | Self::InvalidBucketState { .. }
            | Self::InvalidRequest { .. }
            | Self::Encryption { .. }
            | Self::NotImplemented { .. }
            | Self::AccessDenied { .. }
            | Self::InvalidToken
            | Self::ExpiredToken
            | Self::AuthorizationQueryParameters { .. }
            | Self::SlowDown
            | Self::ServiceUnavailable
            | Self::Damaged(_)
            | Self::InsufficientStorage
            | Self::RestoreAlreadyInProgress
            | Self::Misconfigured { .. }
            | Self::Internal { .. } => Vec::new(),
        }
    }
}

fn limits(size: &usize, most: impl ToString) -> Vec<(&'static str, String)> {
    vec![("Size", size.to_string()), ("MaxSizeAllowed", most.to_string())]
}

impl From<millpond_store::StoreError> for S3Error {
    fn from(error: millpond_store::StoreError) -> Self {
        if error.is_full() { Self::InsufficientStorage } else { Self::internal("the metadata store", error) }
    }
}

/// The gateway's refusals carry AWS's text; S3 has a code of its own for them.
impl From<millpond_wire::ApiError> for S3Error {
    fn from(error: millpond_wire::ApiError) -> Self {
        if error.is_server_fault() {
            return Self::internal("deciding an authorization", error);
        }
        Self::AccessDenied { message: error.message }
    }
}

/// How other services see it, when they let it through to their callers.
impl millpond_wire::ServiceError for S3Error {
    fn code(&self) -> &'static str {
        self.code()
    }

    fn status(&self) -> u16 {
        self.status().as_u16()
    }
}
