//! An event as AWS writes it: the document that queues, topics and functions are sent.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::{Detail, EventName, ObjectEvent};
use crate::class::StorageClass;

/// What stays as it is in a form's encoding, and the `/` that AWS leaves.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'/').remove(b'_');
/// The MD5 of no bytes, which AWS shows for a delete marker.
const EMPTY: &str = "d41d8cd98f00b204e9800998ecf8427e";

/// One of a message's `Records`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    event_version: &'static str,
    event_source: &'static str,
    aws_region: String,
    event_time: String,
    event_name: &'static str,
    user_identity: Identity,
    request_parameters: Parameters,
    response_elements: Elements,
    s3: About,
    #[serde(skip_serializing_if = "Option::is_none")]
    glacier_event_data: Option<GlacierData>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lifecycle_event_data: Option<LifecycleData>,
    #[serde(skip_serializing_if = "Option::is_none")]
    intelligent_tiering_event_data: Option<TieringData>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    principal_id: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Parameters {
    #[serde(rename = "sourceIPAddress")]
    source: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Elements {
    #[serde(rename = "x-amz-request-id")]
    request: String,
    #[serde(rename = "x-amz-id-2")]
    host: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct About {
    #[serde(rename = "s3SchemaVersion")]
    schema_version: &'static str,
    configuration_id: String,
    bucket: Bucket,
    object: Object,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Bucket {
    name: String,
    owner_identity: Identity,
    arn: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e_tag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequencer: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct GlacierData {
    restore_event_data: RestoreData,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct RestoreData {
    lifecycle_restoration_expiry_time: String,
    lifecycle_restore_storage_class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct LifecycleData {
    transition_event_data: TransitionData,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct TransitionData {
    destination_storage_class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct TieringData {
    destination_access_tier: String,
}

impl EventName {
    /// The version of the document: what came after version 2.1 has one of its own.
    fn version(self) -> &'static str {
        match self {
            Self::CreatedPut
            | Self::CreatedPost
            | Self::CreatedCopy
            | Self::CreatedUpload
            | Self::Removed
            | Self::RemovedByMarker
            | Self::RestoreBegun
            | Self::RestoreCompleted
            | Self::Lost => "2.1",
            Self::RestoreExpired
            | Self::TaggingPut
            | Self::TaggingDeleted
            | Self::AclPut
            | Self::Expired
            | Self::ExpiredByMarker
            | Self::Transitioned
            | Self::Tiered => "2.3",
        }
    }
}

impl ObjectEvent {
    /// Source: Amazon S3 user guide, event message structure.
    pub fn record(&self, configuration: &str) -> Record {
        let marker = matches!(self.name, EventName::RemovedByMarker | EventName::ExpiredByMarker);
        let (mut restored, mut transitioned, mut tiered) = (None, None, None);
        match &self.detail {
            Detail::None => {}
            Detail::Restored { until, class } => {
                let class: StorageClass = *class;
                let restore_event_data = RestoreData {
                    lifecycle_restoration_expiry_time: until.to_string(),
                    lifecycle_restore_storage_class: class.as_str(),
                };
                restored = Some(GlacierData { restore_event_data });
            }
            Detail::Transitioned { class } => {
                let transition_event_data = TransitionData { destination_storage_class: class.as_str() };
                transitioned = Some(LifecycleData { transition_event_data });
            }
            Detail::Tiered { tier } => tiered = Some(TieringData { destination_access_tier: tier.clone() }),
        }
        Record {
            event_version: self.name.version(),
            event_source: "aws:s3",
            aws_region: self.region.to_string(),
            event_time: self.time.to_string(),
            event_name: self.name.as_str(),
            user_identity: Identity { principal_id: self.by.principal.clone() },
            request_parameters: Parameters { source: self.by.source.clone() },
            response_elements: Elements { request: self.by.request.clone(), host: self.by.request.clone() },
            s3: About {
                schema_version: "1.0",
                configuration_id: configuration.to_owned(),
                bucket: Bucket {
                    name: self.bucket.clone(),
                    owner_identity: Identity { principal_id: self.account.to_string() },
                    arn: format!("arn:{}:s3:::{}", self.region.partition(), self.bucket),
                },
                object: Object {
                    key: utf8_percent_encode(&self.key, KEPT).to_string().replace("%20", "+"),
                    size: self.size,
                    e_tag: self.etag.clone().or_else(|| marker.then(|| EMPTY.to_owned())),
                    version_id: self.version.clone(),
                    sequencer: self.name.has_sequencer().then(|| format!("00{:016X}", self.sequence)),
                },
            },
            glacier_event_data: restored,
            lifecycle_event_data: transitioned,
            intelligent_tiering_event_data: tiered,
        }
    }
}

#[cfg(test)]
mod tests {
    use millpond_core::{Region, Timestamp};

    use super::super::By;
    use super::*;

    fn event(name: EventName) -> ObjectEvent {
        ObjectEvent {
            name,
            time: Timestamp::from_millis(1_000),
            bucket: "b".into(),
            account: "111122223333".parse().unwrap(),
            region: Region::us_east_1(),
            key: "a b/ü+(1).txt".into(),
            size: None,
            etag: None,
            version: None,
            sequence: 0x55AE_D6DC_D902_81E5,
            by: By { principal: "AWS:AIDABOB".into(), source: "127.0.0.1".into(), request: "R".into() },
            detail: Detail::None,
        }
    }

    fn text(event: &ObjectEvent) -> String {
        serde_json::to_string(&event.record("mine")).unwrap()
    }

    #[test]
    fn records_are_as_documented() {
        let put = ObjectEvent {
            size: Some(3),
            etag: Some("abc".into()),
            version: Some("v1".into()),
            ..event(EventName::CreatedPut)
        };
        assert_eq!(
            text(&put),
            r#"{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"us-east-1","eventTime":"1970-01-01T00:00:01.000Z","eventName":"ObjectCreated:Put","userIdentity":{"principalId":"AWS:AIDABOB"},"requestParameters":{"sourceIPAddress":"127.0.0.1"},"responseElements":{"x-amz-request-id":"R","x-amz-id-2":"R"},"s3":{"s3SchemaVersion":"1.0","configurationId":"mine","bucket":{"name":"b","ownerIdentity":{"principalId":"111122223333"},"arn":"arn:aws:s3:::b"},"object":{"key":"a+b/%C3%BC%2B%281%29.txt","size":3,"eTag":"abc","versionId":"v1","sequencer":"0055AED6DCD90281E5"}}}"#
        );
        let marker = text(&event(EventName::RemovedByMarker));
        assert!(marker.contains(&format!(r#""eTag":"{EMPTY}""#)), "{marker}");
        assert!(!text(&event(EventName::TaggingPut)).contains("sequencer"));
    }

    #[test]
    fn records_say_what_only_they_can() {
        for (name, detail, expected) in [
            (
                EventName::RestoreCompleted,
                Detail::Restored { until: Timestamp::EPOCH, class: StorageClass::Glacier },
                r#""glacierEventData":{"restoreEventData":{"lifecycleRestorationExpiryTime":"1970-01-01T00:00:00.000Z","lifecycleRestoreStorageClass":"GLACIER"}}"#,
            ),
            (
                EventName::Transitioned,
                Detail::Transitioned { class: StorageClass::StandardIa },
                r#""lifecycleEventData":{"transitionEventData":{"destinationStorageClass":"STANDARD_IA"}}"#,
            ),
            (
                EventName::Tiered,
                Detail::Tiered { tier: "ARCHIVE_ACCESS".into() },
                r#""intelligentTieringEventData":{"destinationAccessTier":"ARCHIVE_ACCESS"}"#,
            ),
        ] {
            let text = text(&ObjectEvent { detail, ..event(name) });
            assert!(text.contains(expected), "{text}");
        }
    }

    #[test]
    fn older_events_still_decode() {
        // What the first events had, without what has a default.
        let bytes = b"\x86\xa4name\xb1ObjectCreated:Put\xa4time\xcd\x03\xe8\xa6bucket\xa1b\xa7account\xac111122223333\
                      \xa6region\xa9us-east-1\xa3key\xa1k";
        let event: ObjectEvent = rmp_serde::from_slice(bytes).unwrap();
        assert_eq!((event.key.as_str(), event.sequence, event.detail), ("k", 0, Detail::None));
    }
}
