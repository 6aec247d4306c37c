//! One request as AWS's server access logs write it: 26 fields with a space between them. Pure.

use std::fmt::Write as _;
use std::net::IpAddr;

use millpond_core::Timestamp;
use millpond_gateway::TlsSession;
use millpond_policy::Principal;

use crate::acl::canonical_id;

/// What is known of a request when it has ended.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Canonical id.
    pub bucket_owner: String,
    pub bucket: String,
    pub time: Timestamp,
    pub remote_ip: Option<IpAddr>,
    pub requester: Option<String>,
    pub request_id: String,
    /// As `REST.GET.OBJECT`.
    pub operation: String,
    pub key: Option<String>,
    /// `GET /bucket/key HTTP/1.1`.
    pub request: Option<String>,
    pub status: u16,
    pub error: Option<String>,
    pub bytes_sent: u64,
    pub object_size: Option<u64>,
    pub total_millis: u64,
    pub turn_around_millis: Option<u64>,
    pub referer: Option<String>,
    pub user_agent: Option<String>,
    pub version: Option<String>,
    /// `AuthHeader` or `QueryString`, of a request that was signed.
    pub authentication: Option<&'static str>,
    pub host: Option<String>,
    pub tls: Option<TlsSession>,
    pub acl_required: bool,
}

impl Entry {
    /// With its line feed.
    ///
    /// Source: Amazon S3 user guide, server access log format.
    pub fn line(&self) -> String {
        let plain = |text: Option<&str>| text.map_or_else(|| "-".to_owned(), escaped);
        let quoted = |text: Option<&str>| format!("\"{}\"", plain(text));
        let number = |n: Option<u64>| n.map_or_else(|| "-".to_owned(), |n| n.to_string());
        let mut line = String::new();
        let fields = [
            self.bucket_owner.clone(),
            self.bucket.clone(),
            self.time.to_jiff().strftime("[%d/%b/%Y:%H:%M:%S +0000]").to_string(),
            plain(self.remote_ip.map(|ip| ip.to_string()).as_deref()),
            plain(self.requester.as_deref()),
            self.request_id.clone(),
            self.operation.clone(),
            plain(self.key.as_deref().map(|key| crate::ops::encode(key, true)).as_deref()),
            quoted(self.request.as_deref()),
            self.status.to_string(),
            plain(self.error.as_deref()),
            number(Some(self.bytes_sent).filter(|bytes| *bytes > 0)),
            number(self.object_size),
            self.total_millis.to_string(),
            number(self.turn_around_millis),
            quoted(self.referer.as_deref()),
            quoted(self.user_agent.as_deref()),
            plain(self.version.as_deref()),
            // The id of the host that answered: there is one.
            self.request_id.clone(),
            plain(self.authentication.map(|_| "SigV4")),
            plain(self.tls.map(|tls| tls.cipher)),
            plain(self.authentication),
            plain(self.host.as_deref()),
            plain(self.tls.map(|tls| tls.version.name())),
            // Access points are not there.
            "-".to_owned(),
            if self.acl_required { "Yes".to_owned() } else { "-".to_owned() },
        ];
        line.push_str(&fields.join(" "));
        line.push('\n');
        line
    }
}

/// What a client sends must neither end a field nor a line.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' => out.push_str("%22"),
            control if control.is_control() => {
                let mut bytes = [0; 4];
                for byte in control.encode_utf8(&mut bytes).bytes() {
                    // Writing into memory cannot fail.
                    let _written = write!(out, "%{byte:02X}");
                }
            }
            other => out.push(other),
        }
    }
    if out.is_empty() { "-".to_owned() } else { out }
}

/// How a log names who asked; nothing for who did not sign.
pub fn requester(principal: &Principal) -> Option<String> {
    match principal {
        Principal::Root { account } => Some(canonical_id(account)),
        Principal::Service(name) => Some(format!("svc:{name}")),
        other => other.arn().map(|arn| arn.to_string()),
    }
}

/// The operation as a log names it, for a method that no operation was found for too.
pub fn operation_of(operation: Option<&str>, method: &str, of_key: bool, website: bool) -> String {
    let family = if website { "WEBSITE" } else { "REST" };
    let of = match operation {
        Some(name) => resource(name),
        None if of_key || website => "OBJECT",
        None => "BUCKET",
    };
    match operation {
        Some("CopyObject") => "REST.COPY.OBJECT".to_owned(),
        Some("UploadPartCopy") => "REST.COPY.PART".to_owned(),
        _ => format!("{family}.{method}.{of}"),
    }
}

fn resource(operation: &str) -> &'static str {
    const ENDS: &[(&str, &str)] = &[
        ("MultipartUploads", "UPLOADS"),
        ("CreateMultipartUpload", "UPLOADS"),
        ("CompleteMultipartUpload", "UPLOAD"),
        ("AbortMultipartUpload", "UPLOAD"),
        ("ListParts", "UPLOAD"),
        ("UploadPart", "PART"),
        ("DeleteObjects", "MULTI_OBJECT_DELETE"),
        ("ListObjectVersions", "BUCKETVERSIONS"),
        ("ListObjects", "BUCKET"),
        ("ListObjectsV2", "BUCKET"),
        ("ListBuckets", "SERVICE"),
        ("RestoreObject", "OBJECT"),
        ("ObjectAttributes", "OBJECT_ATTRIBUTES"),
        ("ObjectTagging", "OBJECT_TAGGING"),
        ("ObjectLegalHold", "LEGAL_HOLD"),
        ("ObjectRetention", "RETENTION"),
        ("ObjectLockConfiguration", "OBJECT_LOCK_CONFIGURATION"),
        ("BucketTagging", "TAGGING"),
        ("BucketVersioning", "VERSIONING"),
        ("BucketLocation", "LOCATION"),
        ("BucketLogging", "LOGGING_STATUS"),
        ("BucketCors", "CORS"),
        ("BucketEncryption", "ENCRYPTION"),
        ("BucketLifecycle", "LIFECYCLE"),
        ("BucketLifecycleConfiguration", "LIFECYCLE"),
        ("BucketNotificationConfiguration", "NOTIFICATION"),
        ("BucketOwnershipControls", "OWNERSHIP_CONTROLS"),
        ("BucketPolicyStatus", "POLICY_STATUS"),
        ("BucketPolicy", "BUCKETPOLICY"),
        ("BucketReplication", "REPLICATION"),
        ("BucketRequestPayment", "REQUEST_PAYMENT"),
        ("BucketAccelerateConfiguration", "ACCELERATE"),
        ("BucketWebsite", "WEBSITE"),
        ("PublicAccessBlock", "PUBLIC_ACCESS_BLOCK"),
        ("Acl", "ACL"),
        ("Bucket", "BUCKET"),
        ("Object", "OBJECT"),
    ];
    ENDS.iter().find(|(end, _)| operation.ends_with(end)).map_or("OBJECT", |(_, resource)| resource)
}

#[cfg(test)]
mod tests {
    use millpond_gateway::TlsVersion;

    use super::*;

    fn entry() -> Entry {
        Entry {
            bucket_owner: "79a5".into(),
            bucket: "b".into(),
            time: Timestamp::from_secs(1_549_411_238),
            remote_ip: Some("192.0.2.3".parse().unwrap()),
            requester: Some("79a5".into()),
            request_id: "R".into(),
            operation: "REST.GET.OBJECT".into(),
            key: Some("a b\"/\n".into()),
            request: Some("GET /b/a%20b HTTP/1.1".into()),
            status: 200,
            error: None,
            bytes_sent: 113,
            object_size: Some(113),
            total_millis: 7,
            turn_around_millis: Some(5),
            referer: None,
            user_agent: Some("S3Console/0.4 \"x\"\r\n".into()),
            version: None,
            authentication: Some("AuthHeader"),
            host: Some("b.s3.localhost".into()),
            tls: Some(TlsSession { version: TlsVersion::V1_3, cipher: "TLS_AES_128_GCM_SHA256" }),
            acl_required: true,
        }
    }

    #[test]
    fn lines_are_as_documented() {
        assert_eq!(
            entry().line(),
            "79a5 b [06/Feb/2019:00:00:38 +0000] 192.0.2.3 79a5 R REST.GET.OBJECT a%20b%22/%0A \
             \"GET /b/a%20b HTTP/1.1\" 200 - 113 113 7 5 \"-\" \"S3Console/0.4 %22x%22%0D%0A\" - R SigV4 \
             TLS_AES_128_GCM_SHA256 AuthHeader b.s3.localhost TLSv1.3 - Yes\n"
        );
        let bare = Entry {
            remote_ip: None,
            requester: None,
            key: None,
            request: None,
            error: Some("NoSuchKey".into()),
            bytes_sent: 0,
            object_size: None,
            turn_around_millis: None,
            user_agent: Some(String::new()),
            authentication: None,
            host: None,
            tls: None,
            acl_required: false,
            ..entry()
        };
        assert_eq!(
            bare.line(),
            "79a5 b [06/Feb/2019:00:00:38 +0000] - - R REST.GET.OBJECT - \"-\" 200 NoSuchKey - - 7 - \"-\" \"-\" - R - - - \
             - - - -\n"
        );
    }

    #[test]
    fn operations_have_their_names() {
        for (operation, method, of_key, website, expected) in [
            (Some("GetObject"), "GET", true, false, "REST.GET.OBJECT"),
            (Some("HeadObject"), "HEAD", true, false, "REST.HEAD.OBJECT"),
            (Some("GetObject"), "GET", true, true, "WEBSITE.GET.OBJECT"),
            (Some("PutObject"), "POST", true, false, "REST.POST.OBJECT"),
            (Some("ListObjectsV2"), "GET", false, false, "REST.GET.BUCKET"),
            (Some("GetBucketVersioning"), "GET", false, false, "REST.GET.VERSIONING"),
            (Some("PutBucketLogging"), "PUT", false, false, "REST.PUT.LOGGING_STATUS"),
            (Some("GetObjectAcl"), "GET", true, false, "REST.GET.ACL"),
            (Some("CreateMultipartUpload"), "POST", true, false, "REST.POST.UPLOADS"),
            (Some("UploadPart"), "PUT", true, false, "REST.PUT.PART"),
            (Some("CompleteMultipartUpload"), "POST", true, false, "REST.POST.UPLOAD"),
            (Some("CopyObject"), "PUT", true, false, "REST.COPY.OBJECT"),
            (Some("DeleteObjects"), "POST", false, false, "REST.POST.MULTI_OBJECT_DELETE"),
            (None, "GET", false, false, "REST.GET.BUCKET"),
            (None, "PATCH", true, false, "REST.PATCH.OBJECT"),
            (None, "GET", false, true, "WEBSITE.GET.OBJECT"),
        ] {
            assert_eq!(operation_of(operation, method, of_key, website), expected, "{operation:?}");
        }
    }
}
