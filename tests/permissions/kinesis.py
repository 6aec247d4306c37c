"""Kinesis."""

from permissions.world import Ask, arn, named

_kinesis = named("kinesis", "stream", "StreamName")
RECORD = {"Data": b"x", "PartitionKey": "p"}
SHARD = {"ShardId": "shardId-000000000000"}


def _iterator(w):
    given = w.root("kinesis").get_shard_iterator(StreamName=w.stream, **SHARD, ShardIteratorType="TRIM_HORIZON")
    return Ask({"ShardIterator": given["ShardIterator"]}, [("kinesis:GetRecords", arn("kinesis", f"stream/{w.stream}"))])


def _tagged_stream(w):
    name = w.name()
    tagging = ("kinesis:AddTagsToStream", arn("kinesis", f"stream/{name}"))
    return _kinesis(name, "CreateStream", [tagging], ShardCount=1, Tags={"a": "b"})


def _longer(w):
    name = w.new_stream()
    w.root("kinesis").increase_stream_retention_period(StreamName=name, RetentionPeriodHours=48)
    return name


KINESIS = {
    "AddTagsToStream": lambda w: _kinesis(w.stream, "AddTagsToStream", Tags={"a": "b"}),
    "CreateStream": lambda w: _kinesis(w.name(), "CreateStream", ShardCount=1),
    "CreateStream with tags": _tagged_stream,
    "DecreaseStreamRetentionPeriod": lambda w: _kinesis(
        _longer(w), "DecreaseStreamRetentionPeriod", RetentionPeriodHours=24),
    "DeleteStream": lambda w: _kinesis(w.new_stream(), "DeleteStream"),
    "DescribeLimits": lambda w: Ask({}, [("kinesis:DescribeLimits", "*")]),
    "DescribeStream": lambda w: _kinesis(w.stream, "DescribeStream"),
    "DescribeStreamSummary": lambda w: _kinesis(w.stream, "DescribeStreamSummary"),
    "GetRecords": _iterator,
    "GetShardIterator": lambda w: _kinesis(w.stream, "GetShardIterator", **SHARD, ShardIteratorType="LATEST"),
    "IncreaseStreamRetentionPeriod": lambda w: _kinesis(
        w.new_stream(), "IncreaseStreamRetentionPeriod", RetentionPeriodHours=48),
    "ListShards": lambda w: _kinesis(w.stream, "ListShards"),
    "ListStreams": lambda w: Ask({}, [("kinesis:ListStreams", "*")]),
    "ListTagsForStream": lambda w: _kinesis(w.stream, "ListTagsForStream"),
    "PutRecord": lambda w: _kinesis(w.stream, "PutRecord", **RECORD),
    "PutRecords": lambda w: _kinesis(w.stream, "PutRecords", Records=[RECORD]),
    "RemoveTagsFromStream": lambda w: _kinesis(w.stream, "RemoveTagsFromStream", TagKeys=["a"]),
}
