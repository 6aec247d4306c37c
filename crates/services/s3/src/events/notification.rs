//! A bucket's notifications: which events go where. Pure.

use millpond_core::Arn;

use super::{EventName, ObjectEvent};
use crate::error::S3Error;

/// The names of events that only other parts of S3 raise, and that a configuration may all the same name.
const NOT_RAISED: &[&str] = &[
    "Replication:OperationFailedReplication",
    "Replication:OperationMissedThreshold",
    "Replication:OperationNotTracked",
    "Replication:OperationReplicatedAfterThreshold",
];

/// What kind of thing is notified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    Queue,
    Topic,
    Function,
}

impl Destination {
    fn service(self) -> &'static str {
        match self {
            Self::Queue => "sqs",
            Self::Topic => "sns",
            Self::Function => "lambda",
        }
    }

    fn argument(self) -> &'static str {
        match self {
            Self::Queue => "QueueArn",
            Self::Topic => "TopicArn",
            Self::Function => "LambdaFunctionArn",
        }
    }

    /// What AWS says of one that is not there.
    pub fn missing(self) -> &'static str {
        match self {
            Self::Queue => "The destination queue does not exist",
            Self::Topic => "The destination topic does not exist",
            Self::Function => "The destination Lambda does not exist",
        }
    }
}

/// One of a bucket's notifications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    pub id: String,
    pub to: Destination,
    pub arn: String,
    /// As `s3:ObjectCreated:*`.
    pub events: Vec<String>,
    pub prefix: Option<String>,
    pub suffix: Option<String>,
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notifications {
    /// Every event goes to EventBridge too.
    pub event_bridge: bool,
    pub all: Vec<Notification>,
}

/// Whether what a configuration names is an event, or a `*` over some.
fn is_known(pattern: &str) -> bool {
    let Some(name) = pattern.strip_prefix("s3:") else { return false };
    let mut names = EventName::TEXTS.iter().chain(NOT_RAISED);
    match name.strip_suffix(":*") {
        // One event alone is no family.
        Some(family) => {
            names.filter(|name| name.split_once(':').is_some_and(|(of, _)| of == family)).count() > 1
        }
        None => names.any(|known| *known == name),
    }
}

/// Whether some event fits both.
fn share_an_event(a: &str, b: &str) -> bool {
    let family = |text: &str| text.strip_suffix('*').map(str::to_owned);
    match (family(a), family(b)) {
        (Some(a), Some(b)) => a == b,
        (Some(a), None) => b.starts_with(&a),
        (None, Some(b)) => a.starts_with(&b),
        (None, None) => a == b,
    }
}

impl Notification {
    /// Sets the prefix or the suffix; each at most once.
    ///
    /// Errors: InvalidArgument.
    pub fn filter(&mut self, name: &str, value: &str) -> Result<(), S3Error> {
        let place = match name.to_ascii_lowercase().as_str() {
            "prefix" => &mut self.prefix,
            "suffix" => &mut self.suffix,
            _ => {
                return Err(S3Error::invalid_argument(
                    "filter rule name must be either prefix or suffix",
                    "FilterRule.Name",
                    name,
                ));
            }
        };
        if value.chars().count() > 1_024 {
            return Err(S3Error::invalid_argument(
                "The filter rule value is longer than 1024 characters",
                "FilterRule.Value",
                value,
            ));
        }
        if place.is_some() {
            return Err(S3Error::invalid_argument(
                "Cannot specify more than one prefix or suffix rule in a filter.",
                "FilterRule",
                name,
            ));
        }
        *place = Some(value.to_owned());
        Ok(())
    }

    /// Errors: InvalidArgument (an event that does not exist, an ARN of something else).
    fn check(&self) -> Result<(), S3Error> {
        if self.events.is_empty() {
            return Err(S3Error::MalformedXml);
        }
        if let Some(unknown) = self.events.iter().find(|event| !is_known(event)) {
            return Err(S3Error::invalid_argument(
                "The event is not supported for notifications",
                "Event",
                unknown.clone(),
            ));
        }
        if self.id.chars().count() > 255 {
            return Err(S3Error::invalid_argument(
                "The ID of a notification configuration is at most 255 characters long",
                "Id",
                self.id.clone(),
            ));
        }
        let arn: Option<Arn> = self.arn.parse().ok();
        match arn {
            Some(arn) if arn.service == self.to.service() && !arn.resource.is_empty() => Ok(()),
            _ => Err(S3Error::invalid_argument(
                "The ARN is not well formed",
                self.to.argument(),
                self.arn.clone(),
            )),
        }
    }

    fn overlaps(&self, other: &Self) -> bool {
        let prefix = |n: &Self| n.prefix.clone().unwrap_or_default();
        let suffix = |n: &Self| n.suffix.clone().unwrap_or_default();
        let (a, b) = (prefix(self), prefix(other));
        let prefixes = a.starts_with(&b) || b.starts_with(&a);
        let (a, b) = (suffix(self), suffix(other));
        let suffixes = a.ends_with(&b) || b.ends_with(&a);
        let events =
            || self.events.iter().any(|event| other.events.iter().any(|other| share_an_event(event, other)));
        prefixes && suffixes && events()
    }

    /// Whether the event is for it.
    pub fn wants(&self, event: &ObjectEvent) -> bool {
        let name = format!("s3:{}", event.name);
        self.events.iter().any(|wanted| share_an_event(wanted, &name))
            && self.prefix.as_ref().is_none_or(|prefix| event.key.starts_with(prefix.as_str()))
            && self.suffix.as_ref().is_none_or(|suffix| event.key.ends_with(suffix.as_str()))
    }
}

impl Notifications {
    pub fn is_empty(&self) -> bool {
        self.all.is_empty() && !self.event_bridge
    }

    /// Errors: InvalidArgument (an event or an ARN that is none, two of one id, two that an event could fit).
    pub fn check(&self) -> Result<(), S3Error> {
        for (at, notification) in self.all.iter().enumerate() {
            notification.check()?;
            for before in &self.all[..at] {
                if before.id == notification.id {
                    return Err(S3Error::invalid_argument(
                        "Same ID used for multiple configurations. IDs must be unique",
                        "Id",
                        notification.id.clone(),
                    ));
                }
                if before.overlaps(notification) {
                    return Err(S3Error::invalid_argument(
                        "Configurations overlap. Configurations on the same bucket cannot share a common event type.",
                        "Id",
                        notification.id.clone(),
                    ));
                }
            }
        }
        Ok(())
    }

    /// The notifications that an event is for: at most one, since none overlap.
    pub fn of(&self, event: &ObjectEvent) -> Option<&Notification> {
        self.all.iter().find(|notification| notification.wants(event))
    }
}

#[cfg(test)]
mod tests {
    use millpond_core::{Region, Timestamp};

    use super::super::{By, Detail};
    use super::*;

    fn notification(id: &str, events: &[&str], prefix: Option<&str>, suffix: Option<&str>) -> Notification {
        Notification {
            id: id.into(),
            to: Destination::Queue,
            arn: "arn:aws:sqs:us-east-1:000000000000:q".into(),
            events: events.iter().map(|&event| event.to_owned()).collect(),
            prefix: prefix.map(str::to_owned),
            suffix: suffix.map(str::to_owned),
        }
    }

    fn checked(all: Vec<Notification>) -> Result<(), String> {
        Notifications { event_bridge: false, all }.check().map_err(|error| error.to_string())
    }

    #[test]
    fn configurations_are_checked() {
        let good = notification("a", &["s3:ObjectCreated:*", "s3:LifecycleTransition"], None, None);
        assert_eq!(checked(vec![good.clone()]), Ok(()));
        for event in [
            "ObjectCreated:Put",
            "s3:ObjectCreated",
            "s3:ObjectCreated:Patch",
            "s3:*",
            "s3:Object*",
            "s3:LifecycleTransition:*",
            "s3:ObjectAcl:*",
            "",
        ] {
            assert!(checked(vec![notification("a", &[event], None, None)]).is_err(), "{event}");
        }
        for event in ["s3:Replication:*", "s3:ObjectAcl:Put", "s3:IntelligentTiering"] {
            assert_eq!(checked(vec![notification("a", &[event], None, None)]), Ok(()), "{event}");
        }
        for arn in ["", "q", "arn:aws:sns:us-east-1:000000000000:q", "arn:aws:sqs:us-east-1:000000000000:"] {
            let bad = Notification { arn: arn.into(), ..good.clone() };
            assert_eq!(checked(vec![bad]), Err("The ARN is not well formed".into()), "{arn}");
        }
        assert!(checked(vec![Notification { events: Vec::new(), ..good }]).is_err());
    }

    #[test]
    fn filters_are_one_prefix_and_one_suffix() {
        let mut of = notification("a", &["s3:ObjectCreated:*"], None, None);
        assert!(of.filter("Prefix", "a/").is_ok() && of.filter("suffix", ".jpg").is_ok());
        assert!(of.filter("prefix", "b/").is_err() && of.filter("Contains", "b").is_err());
        assert_eq!((of.prefix.as_deref(), of.suffix.as_deref()), (Some("a/"), Some(".jpg")));
    }

    #[test]
    fn overlaps_are_found() {
        let created = &["s3:ObjectCreated:*"][..];
        for (a, b, overlap) in [
            ((created, None, None), (created, None, None), true),
            ((created, None, None), (&["s3:ObjectCreated:Put"][..], None, None), true),
            ((created, None, None), (&["s3:ObjectRemoved:*"][..], None, None), false),
            ((created, Some("a"), None), (created, Some("b"), None), false),
            ((created, Some("a"), None), (created, Some("ab"), None), true),
            ((created, Some("a"), None), (created, None, Some(".jpg")), true),
            ((created, Some("a"), Some(".jpg")), (created, Some("a"), Some(".png")), false),
            ((created, Some("a"), Some(".jpg")), (created, Some("a"), Some("x.jpg")), true),
            ((&["s3:ObjectAcl:Put"][..], None, None), (&["s3:ObjectTagging:Put"][..], None, None), false),
        ] {
            let found = checked(vec![notification("a", a.0, a.1, a.2), notification("b", b.0, b.1, b.2)]);
            assert_eq!(found.is_err(), overlap, "{a:?} {b:?}");
        }
        let same =
            vec![notification("a", created, Some("a"), None), notification("a", created, Some("b"), None)];
        assert!(checked(same).is_err());
    }

    #[test]
    fn events_find_their_notification() {
        let all = Notifications {
            event_bridge: false,
            all: vec![
                notification("jpg", &["s3:ObjectCreated:*"], Some("in/"), Some(".jpg")),
                notification("gone", &["s3:ObjectRemoved:Delete", "s3:LifecycleTransition"], None, None),
            ],
        };
        for (name, key, expected) in [
            (EventName::CreatedPut, "in/a.jpg", Some("jpg")),
            (EventName::CreatedUpload, "in/a.jpg", Some("jpg")),
            (EventName::CreatedPut, "in/a.png", None),
            (EventName::CreatedPut, "out/a.jpg", None),
            (EventName::Removed, "in/a.jpg", Some("gone")),
            (EventName::RemovedByMarker, "in/a.jpg", None),
            (EventName::Transitioned, "x", Some("gone")),
        ] {
            let event = ObjectEvent {
                name,
                time: Timestamp::EPOCH,
                bucket: "b".into(),
                account: "000000000000".parse().unwrap(),
                region: Region::us_east_1(),
                key: key.into(),
                size: None,
                etag: None,
                version: None,
                sequence: 0,
                by: By::default(),
                detail: Detail::None,
            };
            assert_eq!(all.of(&event).map(|found| found.id.as_str()), expected, "{name} {key}");
        }
    }
}
