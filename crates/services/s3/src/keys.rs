//! S3's condition keys: what a request says for each of them. Pure.

use std::borrow::Cow;

use http::HeaderMap;
use millpond_core::Timestamp;
use millpond_policy::Value;
use s3s::dto::TimestampFormat;

use crate::context::{Admission, Context};
use crate::ops::from_timestamp;

const EXISTING_TAG: &str = "s3:ExistingObjectTag/";
const REQUEST_TAG: &str = "s3:RequestObjectTag/";

/// Keys that are a header, word for word or under another name.
const HEADERS: &[(&str, &str)] = &[
    ("if-match", "s3:if-match"),
    ("if-none-match", "s3:if-none-match"),
    ("x-amz-acl", "s3:x-amz-acl"),
    ("x-amz-content-sha256", "s3:x-amz-content-sha256"),
    ("x-amz-copy-source", "s3:x-amz-copy-source"),
    ("x-amz-grant-full-control", "s3:x-amz-grant-full-control"),
    ("x-amz-grant-read", "s3:x-amz-grant-read"),
    ("x-amz-grant-read-acp", "s3:x-amz-grant-read-acp"),
    ("x-amz-grant-write", "s3:x-amz-grant-write"),
    ("x-amz-grant-write-acp", "s3:x-amz-grant-write-acp"),
    ("x-amz-metadata-directive", "s3:x-amz-metadata-directive"),
    ("x-amz-object-lock-legal-hold", "s3:object-lock-legal-hold"),
    ("x-amz-object-lock-mode", "s3:object-lock-mode"),
    ("x-amz-object-lock-retain-until-date", "s3:object-lock-retain-until-date"),
    ("x-amz-object-ownership", "s3:x-amz-object-ownership"),
    ("x-amz-server-side-encryption", "s3:x-amz-server-side-encryption"),
    ("x-amz-server-side-encryption-aws-kms-key-id", "s3:x-amz-server-side-encryption-aws-kms-key-id"),
    ("x-amz-server-side-encryption-customer-algorithm", "s3:x-amz-server-side-encryption-customer-algorithm"),
    ("x-amz-storage-class", "s3:x-amz-storage-class"),
    ("x-amz-website-redirect-location", "s3:x-amz-website-redirect-location"),
];

/// Those of a multipart upload's beginning that each of its parts is asked for too: parts do not repeat them.
const KEPT: &[&str] = &[
    "x-amz-acl",
    "x-amz-object-lock-legal-hold",
    "x-amz-object-lock-mode",
    "x-amz-object-lock-retain-until-date",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
];

/// Those of directory buckets.
const EXPRESS_HEADERS: &[(&str, &str)] = &[
    ("x-amz-content-sha256", "s3express:x-amz-content-sha256"),
    ("x-amz-server-side-encryption", "s3express:x-amz-server-side-encryption"),
    ("x-amz-server-side-encryption-aws-kms-key-id", "s3express:x-amz-server-side-encryption-aws-kms-key-id"),
];

/// Keys of directory buckets that come from elsewhere.
const EXPRESS_OTHERS: &[&str] = &[
    "s3express:AccessPointNetworkOrigin",
    "s3express:AllAccessRestrictedToLocalZoneGroup",
    "s3express:authType",
    "s3express:DataAccessPointAccount",
    "s3express:DataAccessPointArn",
    "s3express:LocationName",
    "s3express:Permissions",
    "s3express:ResourceAccount",
    "s3express:SessionMode",
    "s3express:signatureAge",
    "s3express:signatureversion",
    "s3express:TlsVersion",
];

/// Of the listings' parameters.
const PARAMETERS: &[(&str, &str)] =
    &[("prefix", "s3:prefix"), ("delimiter", "s3:delimiter"), ("max-keys", "s3:max-keys")];

/// Keys that come from elsewhere.
const OTHERS: &[&str] = &[
    "s3:authType",
    "s3:BucketTag",
    "s3:DataAccessPointAccount",
    "s3:DataAccessPointArn",
    "s3:AccessPointNetworkOrigin",
    "s3:LocationConstraint",
    "s3:ObjectCreationOperation",
    "s3:object-lock-remaining-retention-days",
    "s3:RequestObjectTagKeys",
    "s3:ResourceAccount",
    "s3:signatureAge",
    "s3:signatureversion",
    "s3:TlsVersion",
    "s3:versionid",
    "s3:InventoryAccessibleOptionalFields",
];

pub fn is_existing_tag(key: &str) -> bool {
    begins(key, EXISTING_TAG)
}

fn begins(key: &str, prefix: &str) -> bool {
    key.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Whether S3 has a condition key of that name.
pub fn is_known(key: &str) -> bool {
    let is = |known: &str| known.eq_ignore_ascii_case(key);
    [EXISTING_TAG, REQUEST_TAG, "s3:BucketTag/"].iter().any(|prefix| begins(key, prefix))
        || HEADERS.iter().chain(PARAMETERS).any(|(_, known)| is(known))
        || OTHERS.iter().any(|known| is(known))
}

/// As [`is_known`], for directory buckets.
pub fn is_known_to_express(key: &str) -> bool {
    let mut headers = EXPRESS_HEADERS.iter().map(|(_, known)| known);
    headers.any(|known| known.eq_ignore_ascii_case(key))
        || EXPRESS_OTHERS.iter().any(|known| known.eq_ignore_ascii_case(key))
}

/// The condition keys of a request.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    named: Vec<(Cow<'static, str>, Value<'static>)>,
    tag_keys: Option<Vec<String>>,
}

impl Keys {
    pub fn put(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Value<'static>>) {
        self.named.push((name.into(), value.into()));
    }

    pub fn extend(&mut self, other: &Self) {
        self.named.extend(other.named.iter().cloned());
        if let Some(tag_keys) = &other.tag_keys {
            self.tag_keys.get_or_insert_default().extend(tag_keys.iter().cloned());
        }
    }

    /// What the request itself says: its headers, its parameters, its way and its signature.
    pub fn of(context: &Context) -> Self {
        let mut keys = Self::of_way(context);
        keys.put_headers(&context.headers, context.caller.clock.now());
        if context.operation().is_some_and(|operation| operation.starts_with("List")) {
            for (parameter, key) in PARAMETERS {
                if let Some(value) = context.parameter(parameter) {
                    keys.put(*key, value.into_owned());
                }
            }
        }
        if let Some(version) = context.parameter("versionId") {
            keys.put("s3:versionid", version.into_owned());
        }
        match context.operation() {
            Some("PutObject" | "CopyObject" | "CompleteMultipartUpload") => {
                keys.put("s3:ObjectCreationOperation", true);
            }
            Some("CreateMultipartUpload" | "UploadPart" | "UploadPartCopy") => {
                keys.put("s3:ObjectCreationOperation", false);
            }
            _ => {}
        }
        keys
    }

    fn put_headers(&mut self, headers: &HeaderMap, now: Timestamp) {
        for (header, key) in HEADERS {
            if let Some(value) = headers.get(*header).and_then(|value| value.to_str().ok()) {
                self.put(*key, value.to_owned());
            }
        }
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(until) = text("x-amz-object-lock-retain-until-date").and_then(time) {
            self.put_retention(until, now);
        }
        if let Some(tags) = text("x-amz-tagging") {
            self.put_tags(form_urlencoded::parse(tags.as_bytes()));
        }
    }

    /// How the request came, and how it was signed.
    pub fn of_way(context: &Context) -> Self {
        Self::way(context, ["s3:TlsVersion", "s3:authType", "s3:signatureversion", "s3:signatureAge"])
    }

    /// What a request to a directory bucket says: how it came and was signed, and the hash of its body.
    pub fn of_express(context: &Context) -> Self {
        let mut keys = Self::way(
            context,
            [
                "s3express:TlsVersion",
                "s3express:authType",
                "s3express:signatureversion",
                "s3express:signatureAge",
            ],
        );
        for (header, key) in EXPRESS_HEADERS {
            if let Some(value) = context.header(header) {
                keys.put(*key, value.to_owned());
            }
        }
        keys
    }

    fn way(context: &Context, [tls_version, kind, version, age]: [&'static str; 4]) -> Self {
        let mut keys = Self::default();
        if let Some(tls) = context.caller.origin.tls {
            keys.put(tls_version, tls.version.number());
        }
        let how = match context.admission {
            Admission::Header => "REST-HEADER",
            Admission::Presigned => "REST-QUERY-STRING",
            Admission::Form => "POST",
            Admission::Unsigned => return keys,
        };
        keys.put(kind, how);
        keys.put(version, "AWS4-HMAC-SHA256");
        if let Some(signed) = context.signed_at {
            let since = context.caller.clock.unturned().since(signed).as_millis();
            keys.put(age, i64::try_from(since).unwrap_or(i64::MAX));
        }
        keys
    }

    /// How long an object is to be kept, in days that begin.
    pub fn put_retention(&mut self, until: Timestamp, now: Timestamp) {
        let days = until.since(now).as_secs().div_ceil(86_400);
        self.put("s3:object-lock-remaining-retention-days", i64::try_from(days).unwrap_or(i64::MAX));
    }

    /// Tags that the request would put.
    pub fn put_tags<K: AsRef<str>, V: AsRef<str>>(&mut self, tags: impl IntoIterator<Item = (K, V)>) {
        let keys = self.tag_keys.get_or_insert_default();
        for (key, value) in tags {
            keys.push(key.as_ref().to_owned());
            let name = format!("{REQUEST_TAG}{}", key.as_ref());
            self.named.push((name.into(), value.as_ref().to_owned().into()));
        }
    }

    /// Tags that the object has.
    pub fn put_existing_tags<'t>(&mut self, tags: impl IntoIterator<Item = (&'t String, &'t String)>) {
        for (key, value) in tags {
            self.put(format!("{EXISTING_TAG}{key}"), value.clone());
        }
    }

    /// What an upload was begun with, unless this request says it itself.
    pub fn put_kept<'t>(&mut self, kept: impl IntoIterator<Item = (&'t String, &'t String)>) {
        for (name, value) in kept {
            if !self.named.iter().any(|(known, _)| known == name) {
                self.put(name.clone(), value.clone());
            }
        }
    }

    /// Hands them over in the form in which they are asked.
    pub fn with<T>(&self, ask: impl FnOnce(&[(&str, Value<'_>)]) -> T) -> T {
        let tag_keys: Option<Vec<&str>> =
            self.tag_keys.as_ref().map(|keys| keys.iter().map(String::as_str).collect());
        let mut shown: Vec<(&str, Value<'_>)> = Vec::with_capacity(self.named.len() + 1);
        shown.extend(self.named.iter().map(|(name, value)| (&**name, value.clone())));
        if let Some(tag_keys) = &tag_keys {
            shown.push(("s3:RequestObjectTagKeys", Value::Texts(tag_keys)));
        }
        ask(&shown)
    }
}

fn time(text: &str) -> Option<Timestamp> {
    from_timestamp(&s3s::dto::Timestamp::parse(TimestampFormat::DateTime, text).ok()?)
}

/// The condition keys that the beginning of an upload leaves to its parts.
pub fn kept(headers: &HeaderMap) -> impl Iterator<Item = (String, String)> + '_ {
    HEADERS.iter().filter(|(header, _)| KEPT.contains(header)).filter_map(|(header, key)| {
        let value = headers.get(*header)?.to_str().ok()?;
        Some(((*key).to_owned(), value.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_keys() {
        for (key, known) in [
            ("s3:prefix", true),
            ("S3:X-AMZ-ACL", true),
            ("s3:ExistingObjectTag/a/b", true),
            ("s3:RequestObjectTagKeys", true),
            ("s3:VersionId", true),
            ("s3:x-amz-acls", false),
            ("s3:é", false),
        ] {
            assert_eq!(is_known(key), known, "{key}");
        }
    }

    #[test]
    fn headers_and_tags() {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-tagging", "a=1&b=%C3%BC".parse().unwrap());
        headers.insert("x-amz-storage-class", "GLACIER".parse().unwrap());
        headers.insert("x-amz-object-lock-retain-until-date", "1970-01-03T00:00:01Z".parse().unwrap());
        let mut keys = Keys::default();
        keys.put_headers(&headers, Timestamp::EPOCH);
        keys.put_kept([(&"s3:x-amz-storage-class".to_owned(), &"STANDARD".to_owned())]);
        let shown = keys.with(|keys| {
            keys.iter().map(|(name, value)| (name.to_string(), format!("{value:?}"))).collect::<Vec<_>>()
        });
        let find = |wanted: &str| {
            let mut found = shown.iter().filter(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
            (found.next().unwrap_or_default().to_owned(), found.count())
        };
        assert_eq!(find("s3:x-amz-storage-class"), ("Text(\"GLACIER\")".into(), 0));
        assert_eq!(find("s3:RequestObjectTag/b").0, "Text(\"ü\")");
        assert_eq!(find("s3:RequestObjectTagKeys").0, "Texts([\"a\", \"b\"])");
        assert_eq!(find("s3:object-lock-remaining-retention-days").0, "Number(3)");
        assert_eq!(kept(&headers).count(), 2);
    }
}
