//! Events as CloudTrail writes them (record version 1.11), and what is kept of each beside its text. Pure.

use std::collections::BTreeMap;

use http::HeaderValue;
use millpond_core::{AccountId, Region, Timestamp};
use millpond_gateway::record::{Category, Event, Nature};
use millpond_kms::audit::KeyUse;
use millpond_policy::Principal;
use millpond_wire::{Value, json};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::identity::{UserIdentity, iso};
use crate::resource::{Resource, resource};

const VERSION: &str = "1.11";

/// An event as it is kept: its text, and what it is found and selected by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRecord {
    pub id: Uuid,
    pub at: Timestamp,
    /// Whose event it is: the caller's account.
    pub account: AccountId,
    pub region: Region,
    /// As `kinesis.amazonaws.com`.
    pub source: String,
    pub name: String,
    pub read_only: bool,
    /// Of what is inside a resource.
    pub data: bool,
    #[serde(default)]
    pub user: Option<String>,
    #[serde(default)]
    pub user_arn: Option<String>,
    #[serde(default)]
    pub access_key: Option<String>,
    pub request_id: String,
    #[serde(default)]
    pub resources: Vec<Resource>,
    /// The record, in JSON.
    pub text: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    event_version: &'static str,
    user_identity: &'a UserIdentity,
    event_time: String,
    event_source: &'a str,
    event_name: &'a str,
    aws_region: &'a str,
    #[serde(rename = "sourceIPAddress")]
    source_ip_address: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<&'a str>,
    request_parameters: Option<Box<RawValue>>,
    response_elements: Option<Box<RawValue>>,
    #[serde(rename = "requestID")]
    request_id: &'a str,
    #[serde(rename = "eventID")]
    event_id: Uuid,
    read_only: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<RecordResource<'a>>,
    event_type: &'static str,
    management_event: bool,
    recipient_account_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    vpc_endpoint_id: Option<&'a str>,
    event_category: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_details: Option<TlsDetails<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RecordResource<'a> {
    account_id: &'a str,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'a str>,
    #[serde(rename = "ARN")]
    arn: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TlsDetails<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_version: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cipher_suite: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_provided_host_header: Option<&'a str>,
}

/// Operations that CloudTrail calls otherwise than the API does.
const RENAMED: &[(&str, &str, &str)] = &[
    ("s3", "DeletePublicAccessBlock", "DeleteBucketPublicAccessBlock"),
    ("s3", "GetBucketLifecycleConfiguration", "GetBucketLifecycle"),
    ("s3", "GetPublicAccessBlock", "GetBucketPublicAccessBlock"),
    ("s3", "ListObjectsV2", "ListObjects"),
    ("s3", "PutBucketLifecycleConfiguration", "PutBucketLifecycle"),
    ("s3", "PutPublicAccessBlock", "PutBucketPublicAccessBlock"),
];

/// Services that are one for all regions; their events are those of the first region.
pub const GLOBAL_SOURCES: &[&str] = &["iam.amazonaws.com"];

fn name<'a>(service: &str, operation: &'a str) -> &'a str {
    let renamed = RENAMED.iter().find(|(of, from, _)| *of == service && *from == operation);
    renamed.map_or(operation, |(.., to)| to)
}

fn header(value: Option<&HeaderValue>) -> Option<&str> {
    value.and_then(|value| value.to_str().ok())
}

fn raw(value: &Value) -> Option<Box<RawValue>> {
    let text = String::from_utf8(json::write(value)).expect("JSON is UTF-8");
    RawValue::from_string(text).ok().filter(|raw| raw.get() != "null")
}

fn told<'a>(resources: &'a [Resource]) -> Vec<RecordResource<'a>> {
    let told = |resource: &'a Resource| RecordResource {
        account_id: &resource.account,
        kind: resource.kind.as_deref(),
        arn: &resource.arn,
    };
    resources.iter().map(told).collect()
}

fn text(record: &Record<'_>) -> String {
    serde_json::to_string(record).expect("every key is a text, and a String takes every write")
}

impl EventRecord {
    /// What the gateway saw.
    pub fn of(event: &Event) -> Self {
        let Event { service, operation, nature, caller, parameters, answer, failure, .. } = event;
        let (id, at) = (Uuid::new_v4(), caller.clock.now());
        let source = format!("{service}.amazonaws.com");
        let scope = &caller.scope;
        let region = match GLOBAL_SOURCES.contains(&source.as_str()) {
            true => Region::us_east_1(),
            false => scope.region.clone(),
        };
        let account = scope.account.clone();
        let resources: Vec<_> =
            event.resources.iter().filter_map(|arn| resource(arn, account.as_str())).collect();
        let identity = UserIdentity::of(caller);
        // A service comes from no address of ours.
        let source_ip = match &caller.principal {
            Principal::Service(name) => name.to_string(),
            _ => caller.source_ip.to_string(),
        };
        let (user_agent, host) =
            (header(caller.origin.user_agent.as_ref()), header(caller.origin.host.as_ref()));
        let (request_id, name) = (caller.request_id.to_string(), name(service, operation));
        let Nature { category, read_only, .. } = *nature;
        let record = Record {
            event_version: VERSION,
            user_identity: &identity,
            event_time: iso(at),
            event_source: &source,
            event_name: name,
            aws_region: region.as_str(),
            source_ip_address: &source_ip,
            user_agent,
            error_code: failure.as_ref().map(|failure| in_the_trail(&failure.code)),
            error_message: failure
                .as_ref()
                .map(|failure| failure.message.as_str())
                .filter(|message| !message.is_empty()),
            request_parameters: parameters.as_ref().and_then(raw),
            response_elements: answer.as_ref().and_then(raw),
            request_id: &request_id,
            event_id: id,
            read_only,
            resources: told(&resources),
            event_type: "AwsApiCall",
            management_event: category == Category::Management,
            recipient_account_id: account.as_str(),
            vpc_endpoint_id: caller.origin.endpoint.as_deref(),
            event_category: category.as_str(),
            tls_details: caller.secure.then(|| TlsDetails {
                tls_version: caller.origin.tls.map(|tls| tls.version.name()),
                cipher_suite: caller.origin.tls.map(|tls| tls.cipher),
                client_provided_host_header: host,
            }),
        };
        let text = text(&record);
        Self {
            id,
            at,
            source,
            name: name.to_owned(),
            read_only,
            data: category == Category::Data,
            user_arn: identity.arn,
            access_key: identity.access_key_id,
            user: identity.lookup_name,
            request_id,
            resources,
            text,
            account,
            region,
        }
    }

    /// A use of a key that a service made for somebody, or one whose own event never came about. `None` when what KMS
    /// kept names no account or region.
    pub fn of_key_use(key_use: &KeyUse) -> Option<Self> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Parameters<'a> {
            key_id: String,
            #[serde(skip_serializing_if = "BTreeMap::is_empty")]
            encryption_context: &'a BTreeMap<String, String>,
        }

        let KeyUse { event, at, operation, principal, account, via, request_id, key, context, error, .. } =
            key_use;
        let service = via.as_ref().map(|service| format!("{service}.amazonaws.com"));
        let identity = match &service {
            Some(service) => UserIdentity::through(principal.as_deref(), account, service),
            None => UserIdentity {
                invoked_by: None,
                ..UserIdentity::through(principal.as_deref(), account, "kms.amazonaws.com")
            },
        };
        let (own, region) = (account.parse().ok()?, key.region.parse::<Region>().ok()?);
        let resources: Vec<_> = resource(key, account).into_iter().collect();
        let parameters = Parameters { key_id: key.to_string(), encryption_context: context };
        let parameters = serde_json::value::to_raw_value(&parameters).expect("texts become JSON");
        let read_only = millpond_gateway::record::nature("kms", operation).read_only;
        let source = "kms.amazonaws.com";
        let record = Record {
            event_version: VERSION,
            user_identity: &identity,
            event_time: iso(*at),
            event_source: source,
            event_name: operation,
            aws_region: region.as_str(),
            source_ip_address: service.as_deref().unwrap_or(&key_use.source_ip),
            user_agent: service.as_deref(),
            error_code: error.as_deref().map(in_the_trail),
            error_message: None,
            request_parameters: Some(parameters),
            response_elements: None,
            request_id,
            event_id: *event,
            read_only,
            resources: told(&resources),
            event_type: "AwsApiCall",
            management_event: true,
            recipient_account_id: account,
            vpc_endpoint_id: None,
            event_category: "Management",
            tls_details: None,
        };
        let text = text(&record);
        Some(Self {
            id: *event,
            at: *at,
            account: own,
            region,
            source: source.to_owned(),
            name: operation.clone(),
            read_only,
            data: false,
            user_arn: identity.arn,
            access_key: None,
            user: identity.lookup_name,
            request_id: request_id.clone(),
            resources,
            text,
        })
    }
}

/// CloudTrail has one word for what is denied, whatever the protocol's is.
fn in_the_trail(code: &str) -> &str {
    match code {
        "AccessDeniedException" => "AccessDenied",
        code => code,
    }
}
