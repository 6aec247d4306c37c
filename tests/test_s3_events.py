"""Notifications of a bucket: what is taken, and what is refused as AWS refuses it."""

import pytest

from test_s3 import fails

QUEUE = "arn:aws:sqs:us-east-1:000000000000:a-queue"
TOPIC = "arn:aws:sns:us-east-1:000000000000:a-topic"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"


@pytest.fixture
def s3(pond):
    return pond.client("s3")


def queue(events=("s3:ObjectCreated:*",), arn=QUEUE, **more):
    return {"QueueArn": arn, "Events": list(events), **more}


def by_key(**rules):
    return {"Filter": {"Key": {"FilterRules": [{"Name": name, "Value": value} for name, value in rules.items()]}}}


def put(s3, bucket, **configuration):
    return lambda: s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration=configuration
    )


def test_nobody_is_notified(pond, s3, bucket):
    found = s3.get_bucket_notification_configuration(Bucket=bucket)
    assert set(found) == {"ResponseMetadata"}
    put(s3, bucket)()
    assert set(s3.get_bucket_notification_configuration(Bucket=bucket)) == {"ResponseMetadata"}
    pond.cli("s3api", "put-bucket-notification-configuration", "--bucket", bucket, "--notification-configuration", "{}")
    fails(put(s3, f"{bucket}-none"), 404, "NoSuchBucket")


def test_destinations_that_are_not_there(s3, bucket):
    for configuration, name, why in [
        ({"QueueConfigurations": [queue()]}, QUEUE, "The destination queue does not exist"),
        ({"TopicConfigurations": [{"TopicArn": TOPIC, "Events": ["s3:ObjectRemoved:*"]}]}, TOPIC,
         "The destination topic does not exist"),
        ({"LambdaFunctionConfigurations": [{"LambdaFunctionArn": FUNCTION, "Events": ["s3:ObjectCreated:Put"]}]}, FUNCTION,
         "The destination Lambda does not exist"),
        ({"EventBridgeConfiguration": {}}, "EventBridgeConfiguration", "The destination event bus does not exist"),
    ]:
        error = fails(put(s3, bucket, **configuration), 400, "InvalidArgument")
        assert error["Message"] == "Unable to validate the following destination configurations"
        assert (error["ArgumentName"], error["ArgumentValue"]) == (name, why)
    skipped = lambda: s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [queue()]}, SkipDestinationValidation=True
    )
    fails(skipped, 400, "InvalidArgument")
    assert set(s3.get_bucket_notification_configuration(Bucket=bucket)) == {"ResponseMetadata"}


@pytest.mark.parametrize("wrong, message", [
    ([queue(["s3:ObjectCreated:Patch"])], "The event is not supported for notifications"),
    ([queue(["ObjectCreated:Put"])], "The event is not supported for notifications"),
    ([queue(arn="a-queue")], "The ARN is not well formed"),
    ([queue(arn=TOPIC)], "The ARN is not well formed"),
    ([queue(**by_key(infix="a"))], "filter rule name must be either prefix or suffix"),
    ([queue(), queue(["s3:ObjectCreated:Put"])],
     "Configurations overlap. Configurations on the same bucket cannot share a common event type."),
    ([queue(**by_key(prefix="a")), queue(**by_key(suffix="b"))],
     "Configurations overlap. Configurations on the same bucket cannot share a common event type."),
    ([queue(Id="a", **by_key(prefix="a")), queue(Id="a", **by_key(prefix="b"))],
     "Same ID used for multiple configurations. IDs must be unique"),
    ([queue(Id="a" * 256)], "The ID of a notification configuration is at most 255 characters long"),
    # Nothing is wrong with these but their destination.
    ([queue(**by_key(prefix="a", suffix=".jpg")), queue(**by_key(prefix="b", suffix=".jpg"))],
     "Unable to validate the following destination configurations"),
    ([queue(), queue(["s3:ObjectRemoved:*", "s3:LifecycleExpiration:*", "s3:ObjectRestore:Post", "s3:Replication:*",
                      "s3:IntelligentTiering", "s3:ObjectAcl:Put", "s3:ObjectTagging:*", "s3:LifecycleTransition",
                      "s3:ReducedRedundancyLostObject"])],
     "Unable to validate the following destination configurations"),
])
def test_what_is_wrong_with_a_configuration(s3, bucket, wrong, message):
    error = fails(put(s3, bucket, QueueConfigurations=wrong), 400, "InvalidArgument")
    assert error["Message"] == message
