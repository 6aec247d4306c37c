"""Kinesis in CBOR, as the Java SDK speaks it (application/x-amz-cbor-1.1): raw bytes, since no Python client does."""

import struct
import time

import pytest

from pond import wait_for
from raw import json_request

KIND = "application/x-amz-cbor-1.1"


class Time(int):
    """Tag 1, in milliseconds."""


def head(major, n):
    if n < 24:
        return bytes([major << 5 | n])
    for more, size in ((24, "B"), (25, "H"), (26, "I"), (27, "Q")):
        if n < 1 << 8 * struct.calcsize(size):
            return bytes([major << 5 | more]) + struct.pack(">" + size, n)


def encode(value):
    """As the Java SDK's generator writes: maps and lists of indefinite length."""
    match value:
        case Time():
            return head(6, 1) + encode(int(value))
        case bool():
            return b"\xf5" if value else b"\xf4"
        case int():
            return head(0, value) if value >= 0 else head(1, -1 - value)
        case bytes():
            return head(2, len(value)) + value
        case str():
            return head(3, len(value.encode())) + value.encode()
        case list():
            return b"\x9f" + b"".join(map(encode, value)) + b"\xff"
        case dict():
            return b"\xbf" + b"".join(encode(k) + encode(v) for k, v in value.items()) + b"\xff"


def decode(data):
    value, rest = item(data)
    assert rest == b"", rest
    return value


def item(data):
    major, n, data = data[0] >> 5, data[0] & 31, data[1:]
    if major == 7 and n in (20, 21, 22):
        return {20: False, 21: True, 22: None}[n], data
    if major == 7 and n == 27:
        return struct.unpack(">d", data[:8])[0], data[8:]
    if n >= 24:
        size = 1 << n - 24
        n, data = int.from_bytes(data[:size], "big"), data[size:]
    if major in (0, 1):
        return (n if major == 0 else -1 - n), data
    if major == 2:
        return data[:n], data[n:]
    if major == 3:
        return data[:n].decode(), data[n:]
    if major == 4:
        found = []
        for _ in range(n):
            value, data = item(data)
            found.append(value)
        return found, data
    if major == 5:
        found = {}
        for _ in range(n):
            key, data = item(data)
            found[key], data = item(data)
        return found, data
    assert (major, n) == (6, 1), (major, n)
    value, data = item(data)
    return Time(value), data


@pytest.fixture
def stream(pond, name):
    client = pond.client("kinesis")
    client.create_stream(StreamName=name, ShardCount=1)

    def active():
        return client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE"

    wait_for("the stream is ACTIVE", active)
    return name


def call(pond, operation, body):
    request = json_request(pond, "kinesis", operation, encode(body), content_type=KIND)
    answer = request.sign(pond.credentials, "kinesis").send(pond)
    assert answer.headers["content-type"] == KIND, answer.headers
    return answer.status, answer.headers, decode(answer.body)


def test_records_go_there_and_back(pond, stream):
    data = bytes(range(256))
    before = int(time.time() * 1000)
    records = [{"Data": data, "PartitionKey": "a"}, {"Data": b"", "PartitionKey": "ü"}]
    status, _, put = call(pond, "PutRecords", {"StreamName": stream, "Records": records})
    assert (status, put["FailedRecordCount"], len(put["Records"])) == (200, 0, 2), put
    shard = put["Records"][0]["ShardId"]
    asked = {"StreamName": stream, "ShardId": shard, "ShardIteratorType": "AT_TIMESTAMP", "Timestamp": Time(before - 1000)}
    status, _, iterator = call(pond, "GetShardIterator", asked)
    assert status == 200, iterator
    status, _, got = call(pond, "GetRecords", {"ShardIterator": iterator["ShardIterator"], "Limit": 10})
    assert status == 200, got
    assert [(r["Data"], r["PartitionKey"]) for r in got["Records"]] == [(data, "a"), (b"", "ü")]
    arrived = got["Records"][0]["ApproximateArrivalTimestamp"]
    assert isinstance(arrived, Time) and before - 1000 <= arrived <= time.time() * 1000 + 1000, arrived


def test_both_dialects_say_the_same(pond, stream):
    _, _, cbor = call(pond, "DescribeStreamSummary", {"StreamName": stream})
    json = pond.client("kinesis").describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    cbor = cbor["StreamDescriptionSummary"]
    created = cbor.pop("StreamCreationTimestamp")
    assert abs(created - json.pop("StreamCreationTimestamp").timestamp() * 1000) < 2
    assert cbor == json


def test_errors_come_in_cbor(pond):
    status, headers, error = call(pond, "DescribeStreamSummary", {"StreamName": "no-such-stream"})
    assert (status, error["__type"]) == (400, "ResourceNotFoundException"), error
    assert headers["x-amzn-errortype"] == "ResourceNotFoundException" and "no-such-stream" in error["message"]
    status, _, error = call(pond, "PutRecord", {"StreamName": "s", "Data": "text, not bytes", "PartitionKey": "a"})
    assert (status, error["__type"]) == (400, "SerializationException"), error
    status, _, error = call(pond, "ListStreams", {"Limit": 0})
    assert (status, error["__type"]) == (400, "ValidationException"), error
    assert error["message"] == (
        "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: "
        "Member must have value greater than or equal to 1"
    )
