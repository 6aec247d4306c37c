//! A bucket's notifications.

use s3s::dto::*;

use super::Call;
use crate::error::S3Error;
use crate::events::{Destination, Notification, Notifications};

/// Nothing can be notified yet, so that there never is a configuration.
///
/// Source: Amazon S3 API reference, GetBucketNotificationConfiguration.
pub(super) async fn get_bucket_notification_configuration(
    call: Call,
    input: GetBucketNotificationConfigurationInput,
) -> Result<GetBucketNotificationConfigurationOutput, S3Error> {
    call.bucket(&input.bucket)?;
    Ok(GetBucketNotificationConfigurationOutput::default())
}

/// Takes an empty configuration, which notifies nobody.
///
/// Errors: InvalidArgument (an event, a filter or an ARN that is none; configurations that overlap; a destination that is not
/// there), MalformedXML.
/// Source: Amazon S3 API reference, PutBucketNotificationConfiguration.
/// Differs from AWS: queues, topics, functions and EventBridge are not there yet, and each is refused as AWS refuses one that
/// it does not find, also when the request asks for no check.
pub(super) async fn put_bucket_notification_configuration(
    call: Call,
    input: PutBucketNotificationConfigurationInput,
) -> Result<PutBucketNotificationConfigurationOutput, S3Error> {
    call.bucket(&input.bucket)?;
    let wanted = read(input.notification_configuration)?;
    wanted.check()?;
    if let Some(first) = wanted.all.first() {
        return Err(unreachable(&first.arn, first.to.missing()));
    }
    if wanted.event_bridge {
        return Err(unreachable("EventBridgeConfiguration", "The destination event bus does not exist"));
    }
    Ok(PutBucketNotificationConfigurationOutput::default())
}

fn unreachable(name: &str, why: &str) -> S3Error {
    S3Error::invalid_argument("Unable to validate the following destination configurations", name, why)
}

fn read(wanted: NotificationConfiguration) -> Result<Notifications, S3Error> {
    let mut all = Vec::new();
    for queue in wanted.queue_configurations.unwrap_or_default() {
        let QueueConfiguration { events, filter, id, queue_arn } = queue;
        all.push(notification(Destination::Queue, queue_arn, events, filter, id)?);
    }
    for topic in wanted.topic_configurations.unwrap_or_default() {
        let TopicConfiguration { events, filter, id, topic_arn } = topic;
        all.push(notification(Destination::Topic, topic_arn, events, filter, id)?);
    }
    for function in wanted.lambda_function_configurations.unwrap_or_default() {
        let LambdaFunctionConfiguration { events, filter, id, lambda_function_arn } = function;
        all.push(notification(Destination::Function, lambda_function_arn, events, filter, id)?);
    }
    Ok(Notifications { event_bridge: wanted.event_bridge_configuration.is_some(), all })
}

fn notification(
    to: Destination,
    arn: String,
    events: EventList,
    filter: Option<NotificationConfigurationFilter>,
    id: Option<String>,
) -> Result<Notification, S3Error> {
    let id = id.filter(|id| !id.is_empty()).unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let events = events.into_iter().map(String::from).collect();
    let mut notification = Notification { id, to, arn, events, prefix: None, suffix: None };
    let rules = filter.and_then(|filter| filter.key).and_then(|key| key.filter_rules);
    for rule in rules.unwrap_or_default() {
        let name = rule.name.as_ref().map(FilterRuleName::as_str).unwrap_or_default();
        notification.filter(name, rule.value.as_deref().unwrap_or_default())?;
    }
    Ok(notification)
}
