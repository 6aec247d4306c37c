//! What kind of event an operation leaves: the one table of data events, of reads that do not look like reads, and of answers
//! that are shown.

/// Whether an operation manages resources or works on what is in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    Management,
    Data,
}

impl Category {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Management => "Management",
            Self::Data => "Data",
        }
    }
}

/// Of one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nature {
    pub category: Category,
    pub read_only: bool,
    /// The event tells what was answered.
    pub shows_answer: bool,
}

/// Operations on what is inside a resource: recorded where a trail asks for them. All others manage.
const DATA: &[(&str, &[&str])] = &[
    ("firehose", &["PutRecord", "PutRecordBatch"]),
    ("kinesis", &["GetRecords", "GetShardIterator", "PutRecord", "PutRecords", "SubscribeToShard"]),
    (
        "s3",
        &[
            "AbortMultipartUpload",
            "CompleteMultipartUpload",
            "CopyObject",
            "CreateMultipartUpload",
            "CreateSession",
            "DeleteObject",
            "DeleteObjectTagging",
            "DeleteObjects",
            "GetObject",
            "GetObjectAcl",
            "GetObjectAttributes",
            "GetObjectLegalHold",
            "GetObjectRetention",
            "GetObjectTagging",
            "GetObjectTorrent",
            "HeadBucket",
            "HeadObject",
            "ListMultipartUploads",
            "ListObjectVersions",
            "ListObjects",
            "ListObjectsV2",
            "ListParts",
            "PutObject",
            "PutObjectAcl",
            "PutObjectLegalHold",
            "PutObjectRetention",
            "PutObjectTagging",
            "RenameObject",
            "RestoreObject",
            "SelectObjectContent",
            "UploadPart",
            "UploadPartCopy",
        ],
    ),
];

/// Operations that change nothing and are not called Get, List or the like. CloudTrail counts the use of a key, and of a role,
/// among them.
const READS: &[(&str, &[&str])] = &[
    (
        "kms",
        &[
            "Decrypt",
            "DeriveSharedSecret",
            "Encrypt",
            "GenerateDataKey",
            "GenerateDataKeyPair",
            "GenerateDataKeyPairWithoutPlaintext",
            "GenerateDataKeyWithoutPlaintext",
            "GenerateMac",
            "GenerateRandom",
            "ReEncrypt",
            "Sign",
            "Verify",
            "VerifyMac",
        ],
    ),
    ("s3", &["CreateSession"]),
    ("sts", &["AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "DecodeAuthorizationMessage"]),
    ("iam", &["SimulateCustomPolicy", "SimulatePrincipalPolicy"]),
];

/// Reads by CloudTrail's account that give something out, of which the event tells.
const SHOWN_READS: &[(&str, &[&str])] = &[(
    "sts",
    &[
        "AssumeRole",
        "AssumeRoleWithSAML",
        "AssumeRoleWithWebIdentity",
        "GetFederationToken",
        "GetSessionToken",
    ],
)];

const READ_PREFIXES: &[&str] = &["BatchGet", "Check", "Describe", "Get", "Head", "List", "Lookup", "Search"];

/// Names that begin as reads do and are none.
const WRITES: &[(&str, &[&str])] = &[("kms", &["GetParametersForImport"])];

fn has(table: &[(&str, &[&str])], service: &str, operation: &str) -> bool {
    table.iter().any(|(name, operations)| *name == service && operations.contains(&operation))
}

/// `service` as its endpoint's host names it.
pub fn nature(service: &str, operation: &str) -> Nature {
    let category = if has(DATA, service, operation) { Category::Data } else { Category::Management };
    let looks_like_a_read = READ_PREFIXES.iter().any(|prefix| operation.starts_with(prefix));
    let read_only = (looks_like_a_read && !has(WRITES, service, operation)) || has(READS, service, operation);
    let shows_answer = !read_only || has(SHOWN_READS, service, operation);
    Nature { category, read_only, shows_answer }
}

/// What ARNs call a service that the endpoint's host calls otherwise.
pub(crate) fn arn_service(service: &str) -> &str {
    match service {
        "sts" => "iam",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_told_apart() {
        use Category::{Data, Management};
        for (service, operation, category, read_only, shows_answer) in [
            ("s3", "PutObject", Data, false, true),
            ("s3", "GetObject", Data, true, false),
            ("s3", "CreateBucket", Management, false, true),
            ("s3", "GetBucketPolicy", Management, true, false),
            ("kinesis", "PutRecords", Data, false, true),
            ("kinesis", "DescribeStream", Management, true, false),
            ("firehose", "PutRecordBatch", Data, false, true),
            ("glue", "BatchGetPartition", Management, true, false),
            ("glue", "BatchCreatePartition", Management, false, true),
            ("athena", "StartQueryExecution", Management, false, true),
            ("kms", "Decrypt", Management, true, false),
            ("kms", "GetParametersForImport", Management, false, true),
            ("kms", "CreateKey", Management, false, true),
            ("sts", "AssumeRole", Management, true, true),
            ("sts", "GetCallerIdentity", Management, true, false),
            ("iam", "GenerateCredentialReport", Management, false, true),
            ("cloudtrail", "LookupEvents", Management, true, false),
        ] {
            let expected = Nature { category, read_only, shows_answer };
            assert_eq!(nature(service, operation), expected, "{service}:{operation}");
        }
    }
}
