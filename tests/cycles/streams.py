"""Kinesis and Firehose."""

import json

from cycles.base import OTHER_TAGS, TAGS, Cycle, pairs, tags_of
from iam_world import TRUST
from iam_world import text as policy_text
from pond import wait_for


class Stream(Cycle):
    service, gone = "kinesis", "ResourceNotFoundException"
    asked = {"shards": 2, "hours": 24, "tags": TAGS}
    changed = {"hours": 48, "tags": OTHER_TAGS}
    added = {"status": "ACTIVE", "encryption": "NONE", "mode": {"StreamMode": "PROVISIONED"}, "metrics": [], "consumers": 0}

    def make(self):
        self.client.create_stream(StreamName=self.name, ShardCount=2, Tags=TAGS)
        self.client.get_waiter("stream_exists").wait(StreamName=self.name, WaiterConfig={"Delay": 0.05})

    def read(self):
        found = self.client.describe_stream_summary(StreamName=self.name)["StreamDescriptionSummary"]
        return {
            "shards": found["OpenShardCount"], "hours": found["RetentionPeriodHours"], "status": found["StreamStatus"],
            "encryption": found["EncryptionType"], "mode": found["StreamModeDetails"], "consumers": found["ConsumerCount"],
            "metrics": [metric for one in found["EnhancedMonitoring"] for metric in one["ShardLevelMetrics"]],
            "tags": tags_of(self.client.list_tags_for_stream(StreamName=self.name)["Tags"]),
        }

    def change(self):
        self.client.increase_stream_retention_period(StreamName=self.name, RetentionPeriodHours=48)
        self.client.remove_tags_from_stream(StreamName=self.name, TagKeys=list(TAGS))
        self.client.add_tags_to_stream(StreamName=self.name, Tags=OTHER_TAGS)

    def drop(self):
        self.client.delete_stream(StreamName=self.name)
        self.client.get_waiter("stream_not_exists").wait(StreamName=self.name, WaiterConfig={"Delay": 0.05})


class Delivery(Cycle):
    service, gone = "firehose", "ResourceNotFoundException"
    changed = {"Prefix": "new/", "CompressionFormat": "UNCOMPRESSED", "tags": OTHER_TAGS, "version": "2"}
    added = {
        "ErrorOutputPrefix": "bad/", "EncryptionConfiguration": {"NoEncryptionConfig": "NoEncryption"}, "S3BackupMode": "Disabled",
        "CloudWatchLoggingOptions": {"Enabled": False}, "version": "1",
    }

    def prepare(self):
        self.pond.client("s3").create_bucket(Bucket=self.name)
        trust = {**TRUST, "Statement": [{**TRUST["Statement"][0], "Principal": {"Service": "firehose.amazonaws.com"}}]}
        iam = self.pond.client("iam")
        role = iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        iam.put_role_policy(RoleName=self.name, PolicyName="own", PolicyDocument=policy_text({"Action": "s3:*"}))
        self.destination = {
            "RoleARN": role, "BucketARN": f"arn:aws:s3:::{self.name}", "Prefix": "p/", "CompressionFormat": "GZIP",
            "ErrorOutputPrefix": "bad/", "BufferingHints": {"SizeInMBs": 5, "IntervalInSeconds": 60},
        }
        self.asked = {**self.destination, "tags": TAGS}

    def look(self):
        return self.client.describe_delivery_stream(DeliveryStreamName=self.name)["DeliveryStreamDescription"]

    def make(self):
        self.client.create_delivery_stream(
            DeliveryStreamName=self.name, ExtendedS3DestinationConfiguration=self.destination, Tags=pairs(TAGS))
        wait_for("the stream to be ACTIVE", lambda: self.look()["DeliveryStreamStatus"] == "ACTIVE")

    def read(self):
        found = self.look()
        tags = tags_of(self.client.list_tags_for_delivery_stream(DeliveryStreamName=self.name)["Tags"])
        return {**found["Destinations"][0]["ExtendedS3DestinationDescription"], "tags": tags, "version": found["VersionId"]}

    def change(self):
        self.client.update_destination(
            DeliveryStreamName=self.name, CurrentDeliveryStreamVersionId="1", DestinationId="destinationId-000000000001",
            ExtendedS3DestinationUpdate={"Prefix": "new/", "CompressionFormat": "UNCOMPRESSED"})
        self.client.untag_delivery_stream(DeliveryStreamName=self.name, TagKeys=list(TAGS))
        self.client.tag_delivery_stream(DeliveryStreamName=self.name, Tags=pairs(OTHER_TAGS))

    def drop(self):
        self.client.delete_delivery_stream(DeliveryStreamName=self.name)

        def is_gone():
            try:
                return self.look() is None
            except self.client.exceptions.ResourceNotFoundException:
                return True

        wait_for("the stream to be gone", is_gone)
