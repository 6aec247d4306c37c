//! What S3 tells the trail of a request: by a list of what may be told, so that no key of a customer's and no signature
//! is among it. Nothing of it is made unless an event is wanted.

use http::header::HOST;
use http::{HeaderMap, Request, Uri};
use millpond_core::{Arn, Scope};
use millpond_gateway::record::{Telling, Tells};
use millpond_wire::Value;
use millpond_wire::value::Key;

use crate::address::{Address, Domains};
use crate::context::Context;
use crate::decide::arn;
use crate::express;
use crate::service::S3;

/// Headers of requests that say what is to be done.
const ASKED: &[&str] = &[
    "range",
    "x-amz-acl",
    "x-amz-bucket-object-lock-enabled",
    "x-amz-bypass-governance-retention",
    "x-amz-copy-source",
    "x-amz-copy-source-range",
    "x-amz-create-session-mode",
    "x-amz-expected-bucket-owner",
    "x-amz-grant-full-control",
    "x-amz-grant-read",
    "x-amz-grant-read-acp",
    "x-amz-grant-write",
    "x-amz-grant-write-acp",
    "x-amz-metadata-directive",
    "x-amz-object-lock-legal-hold",
    "x-amz-object-lock-mode",
    "x-amz-object-lock-retain-until-date",
    "x-amz-object-ownership",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-storage-class",
    "x-amz-tagging-directive",
];

/// Headers of answers that say what was done.
const ANSWERED: &[&str] = &[
    "x-amz-copy-source-version-id",
    "x-amz-delete-marker",
    "x-amz-expiration",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-storage-class",
    "x-amz-version-id",
];

/// Longer values are of no use in a record.
const MAX_VALUE: usize = 1_024;

/// Where a request was sent.
pub struct Place {
    pub uri: Uri,
    pub s3: S3,
}

impl Tells for Context {
    fn tell(&self, answered: &HeaderMap) -> Telling {
        let address = self.place.as_ref().map(|place| address(place, &self.headers)).unwrap_or_default();
        let mut told: Vec<(Key, Value)> = Vec::new();
        let mut tell = |name: &str, value: &str| {
            let value = value.chars().take(MAX_VALUE).collect::<String>();
            told.push((Key::Owned(name.to_owned()), value.into()));
        };
        if let Some(bucket) = &address.bucket {
            tell("bucketName", bucket);
        }
        if let Some(host) = self.header(HOST.as_str()) {
            tell("Host", host);
        }
        if let Some(key) = &address.key {
            tell("key", key);
        }
        for (name, value) in
            form_urlencoded::parse(self.query.as_bytes()).filter(|(name, _)| may_be_told(name))
        {
            tell(&name, &value);
        }
        for name in ASKED {
            if let Some(value) = self.header(name) {
                tell(name, value);
            }
        }
        Telling {
            caller: self.caller.clone(),
            parameters: Value::Map(told),
            answer: answer(answered),
            resources: resources(self, address),
        }
    }
}

/// What is left of a presigned URL's own parameters is nobody's business.
fn may_be_told(parameter: &str) -> bool {
    let lower = parameter.to_ascii_lowercase();
    !lower.starts_with("x-amz-") && !lower.contains("signature") && lower != "awsaccesskeyid"
}

/// The bucket and the key that the request in its context is about.
pub fn address(place: &Place, headers: &HeaderMap) -> Address {
    let mut request = Request::new(());
    *request.uri_mut() = place.uri.clone();
    if let Some(host) = headers.get(HOST) {
        request.headers_mut().insert(HOST, host.clone());
    }
    Address::of(&Domains(place.s3.settings().domains.clone()), &request.into_parts().0)
}

/// The object, then its bucket.
fn resources(context: &Context, address: Address) -> Vec<Arn> {
    let Some(bucket) = address.bucket else { return Vec::new() };
    if express::is_directory(&bucket) {
        let Scope { region, account, .. } = &context.caller.scope;
        let of = |resource: String| express::arn(region, account, resource);
        let object = address.key.map(|key| of(format!("bucket/{bucket}/{key}")));
        return object.into_iter().chain([of(format!("bucket/{bucket}"))]).collect();
    }
    let object = address.key.map(|key| arn(&context.caller, format!("{bucket}/{key}")));
    object.into_iter().chain([arn(&context.caller, bucket)]).collect()
}

fn answer(headers: &HeaderMap) -> Option<Value> {
    let told: Vec<(Key, Value)> = ANSWERED
        .iter()
        .filter_map(|name| Some((Key::Borrowed(*name), headers.get(*name)?.to_str().ok()?.into())))
        .collect();
    (!told.is_empty()).then_some(Value::Map(told))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_and_tokens_are_not_told() {
        for (parameter, told) in [
            ("acl", true),
            ("list-type", true),
            ("versionId", true),
            ("X-Amz-Signature", false),
            ("x-amz-security-token", false),
            ("AWSAccessKeyId", false),
            ("Signature", false),
        ] {
            assert_eq!(may_be_told(parameter), told, "{parameter}");
        }
        let secrets = ASKED.iter().chain(ANSWERED).filter(|name| {
            name.ends_with("-key")
                || name.ends_with("-key-md5")
                || name.contains("token")
                || name.contains("mfa")
        });
        assert_eq!(secrets.count(), 0);
    }
}
