"""Kinesis Data Streams by boto3: streams, records, iterators, limits, retention, and what survives restarts and kills."""

import hashlib
import subprocess
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import cbor2
import pytest
from botocore.exceptions import ClientError

from pond import binary, wait_for
from raw import json_request

FIRST = "shardId-000000000000"
SPACE = 2**128


@pytest.fixture
def kinesis(pond):
    return pond.client("kinesis")


def create(client, name, shards=1, **more):
    if not more:
        more = {"ShardCount": shards}
    client.create_stream(StreamName=name, **more)
    active(client, name)
    return name


def active(client, name):
    return wait_for(
        f"{name} is ACTIVE",
        lambda: client.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE",
    )


@pytest.fixture
def stream(kinesis, name):
    return create(kinesis, name)


def iterator(client, name, shard=FIRST, kind="TRIM_HORIZON", **more):
    return client.get_shard_iterator(StreamName=name, ShardId=shard, ShardIteratorType=kind, **more)["ShardIterator"]


def read_page(client, at):
    """A page, as soon as the shard's five reads a second allow it."""
    def page():
        try:
            return client.get_records(ShardIterator=at)
        except client.exceptions.ProvisionedThroughputExceededException:
            return None

    return wait_for("a shard that can be read", page)


def next_millisecond():
    """Returns when the clock shows a later millisecond than what was done before can have been stamped with."""
    now = time.time_ns() // 1_000_000
    wait_for("the next millisecond", lambda: time.time_ns() // 1_000_000 > now, every=0.001)


def read(client, name, shard=FIRST, kind="TRIM_HORIZON", **more):
    """Everything from the iterator to the tip of the shard."""
    at, records = iterator(client, name, shard, kind, **more), []
    while True:
        page = read_page(client, at)
        records += page["Records"]
        at = page["NextShardIterator"]
        if page["MillisBehindLatest"] == 0:
            return records


def fails(code, text, call, **arguments):
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    error = raised.value.response["Error"]
    assert error["Code"] == code, error
    assert text in error["Message"], error
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_stream_from_creation_to_deletion(kinesis, name):
    kinesis.create_stream(StreamName=name, ShardCount=3, Tags={"team": "lake"})
    fails("ResourceInUseException", "already exists", kinesis.create_stream, StreamName=name, ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
    described = kinesis.describe_stream(StreamName=name)["StreamDescription"]
    arn = f"arn:aws:kinesis:us-east-1:000000000000:stream/{name}"
    assert (described["StreamName"], described["StreamARN"]) == (name, arn)
    assert (described["StreamStatus"], described["RetentionPeriodHours"]) == ("ACTIVE", 24)
    assert described["StreamModeDetails"] == {"StreamMode": "PROVISIONED"}
    assert (described["EncryptionType"], described["HasMoreShards"]) == ("NONE", False)
    assert abs(described["StreamCreationTimestamp"] - datetime.now(timezone.utc)) < timedelta(minutes=1)
    ranges = [
        (int(shard["HashKeyRange"]["StartingHashKey"]), int(shard["HashKeyRange"]["EndingHashKey"]))
        for shard in described["Shards"]
    ]
    assert [shard["ShardId"] for shard in described["Shards"]] == [f"shardId-{n:012}" for n in range(3)]
    assert ranges[0][0] == 0 and ranges[-1][1] == SPACE - 1
    assert all(before[1] + 1 == after[0] for before, after in zip(ranges, ranges[1:]))
    page = kinesis.describe_stream(StreamName=name, Limit=2, ExclusiveStartShardId=FIRST)["StreamDescription"]
    assert ([shard["ShardId"][-1] for shard in page["Shards"]], page["HasMoreShards"]) == (["1", "2"], False)
    page = kinesis.describe_stream(StreamARN=arn, Limit=2)["StreamDescription"]
    assert (len(page["Shards"]), page["HasMoreShards"]) == (2, True)
    summary = kinesis.describe_stream_summary(StreamARN=arn)["StreamDescriptionSummary"]
    assert (summary["OpenShardCount"], summary["ConsumerCount"]) == (3, 0)
    kinesis.delete_stream(StreamName=name)
    kinesis.get_waiter("stream_not_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
    fails("ResourceNotFoundException", f"Stream {name} under account 000000000000 not found.", kinesis.describe_stream, StreamName=name)


def test_on_demand_streams_open_with_four_shards(kinesis, name):
    create(kinesis, name, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    described = kinesis.describe_stream(StreamName=name)["StreamDescription"]
    assert (len(described["Shards"]), described["StreamModeDetails"]["StreamMode"]) == (4, "ON_DEMAND")
    fails("ValidationException", "ShardCount", kinesis.create_stream, StreamName=f"{name}-2",
          ShardCount=2, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    fails("ValidationException", "ShardCount", kinesis.create_stream, StreamName=f"{name}-2")


def test_streams_are_listed_by_name_page_by_page(pond, name):
    client = pond.client("kinesis", region="eu-central-1")
    names = sorted(f"{name}-{n}" for n in range(5))
    for each in reversed(names):
        client.create_stream(StreamName=each, ShardCount=1)
    page = client.list_streams(Limit=2)
    assert (page["StreamNames"], page["HasMoreStreams"]) == (names[:2], True)
    assert [summary["StreamName"] for summary in page["StreamSummaries"]] == names[:2]
    rest = client.list_streams(NextToken=page["NextToken"])
    assert (rest["StreamNames"], rest["HasMoreStreams"]) == (names[2:], False)
    assert client.list_streams(ExclusiveStartStreamName=names[3])["StreamNames"] == names[4:]
    assert [each for page in client.get_paginator("list_streams").paginate(PaginationConfig={"PageSize": 1})
            for each in page["StreamNames"]] == names
    fails("InvalidArgumentException", "NextToken", client.list_streams, NextToken="nonsense")
    assert name not in pond.client("kinesis").list_streams()["StreamNames"], "regions are apart"


def test_records_go_to_the_shard_of_their_hash_and_come_back_in_order(kinesis, name):
    create(kinesis, name, shards=4)
    shards = kinesis.list_shards(StreamName=name)["Shards"]
    sent = {shard["ShardId"]: [] for shard in shards}
    for n in range(40):
        key, data = f"key {n % 7} é", f"{n}".encode()
        put = kinesis.put_record(StreamName=name, PartitionKey=key, Data=data)
        place = int.from_bytes(hashlib.md5(key.encode()).digest())
        [shard] = [
            shard["ShardId"] for shard in shards
            if int(shard["HashKeyRange"]["StartingHashKey"]) <= place <= int(shard["HashKeyRange"]["EndingHashKey"])
        ]
        assert put["ShardId"] == shard
        sent[shard].append((put["SequenceNumber"], key, data))
    for shard, expected in sent.items():
        records = read(kinesis, name, shard)
        assert [(r["SequenceNumber"], r["PartitionKey"], r["Data"]) for r in records] == expected
        numbers = [int(number) for number, _, _ in expected]
        assert numbers == sorted(set(numbers)) and all(len(number) == 56 for number, _, _ in expected)
        start = next(s for s in shards if s["ShardId"] == shard)["SequenceNumberRange"]["StartingSequenceNumber"]
        assert all(number > int(start) for number in numbers)
        assert all(abs(r["ApproximateArrivalTimestamp"] - datetime.now(timezone.utc)) < timedelta(minutes=1) for r in records)


def test_explicit_hash_keys_decide(kinesis, name):
    create(kinesis, name, shards=2)
    for key, shard in [(0, 0), (SPACE // 2 - 1, 0), (SPACE // 2, 1), (SPACE - 1, 1)]:
        put = kinesis.put_record(StreamName=name, PartitionKey="same", ExplicitHashKey=str(key), Data=b"x")
        assert put["ShardId"] == f"shardId-{shard:012}"
    fails("InvalidArgumentException", "ExplicitHashKey", kinesis.put_record,
          StreamName=name, PartitionKey="k", ExplicitHashKey=str(SPACE), Data=b"x")
    fails("ValidationException", "explicitHashKey", kinesis.put_record,
          StreamName=name, PartitionKey="k", ExplicitHashKey="-1", Data=b"x")


def test_put_records_answers_in_the_order_of_the_request(kinesis, name):
    create(kinesis, name, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    entries = [{"PartitionKey": f"{n}", "Data": f"{n}".encode()} for n in range(500)]
    answer = kinesis.put_records(StreamName=name, Records=entries)
    assert answer["FailedRecordCount"] == 0 and len(answer["Records"]) == 500
    found = {}
    for n in range(4):
        for record in read(kinesis, name, f"shardId-{n:012}"):
            found[record["SequenceNumber"]] = (f"shardId-{n:012}", record["Data"])
    assert [found[r["SequenceNumber"]] for r in answer["Records"]] == [
        (r["ShardId"], entry["Data"]) for r, entry in zip(answer["Records"], entries)
    ]


def test_the_five_kinds_of_iterators(kinesis, stream):
    puts = []
    for n in range(4):
        puts.append(kinesis.put_record(StreamName=stream, PartitionKey="k", Data=f"{n}".encode()))
        next_millisecond()
    records = read(kinesis, stream)
    data = lambda found: [record["Data"] for record in found]
    assert data(records) == [b"0", b"1", b"2", b"3"]
    number = puts[1]["SequenceNumber"]
    assert data(read(kinesis, stream, kind="AT_SEQUENCE_NUMBER", StartingSequenceNumber=number)) == [b"1", b"2", b"3"]
    assert data(read(kinesis, stream, kind="AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=number)) == [b"2", b"3"]
    at = records[2]["ApproximateArrivalTimestamp"]
    assert data(read(kinesis, stream, kind="AT_TIMESTAMP", Timestamp=at)) == [b"2", b"3"]
    latest = iterator(kinesis, stream, kind="LATEST")
    kinesis.put_record(StreamName=stream, PartitionKey="k", Data=b"new", SequenceNumberForOrdering=number)
    page = read_page(kinesis, latest)
    assert data(page["Records"]) == [b"new"]
    fails("InvalidArgumentException", "cannot be greater", iterator, client=kinesis, name=stream, kind="AT_TIMESTAMP",
          Timestamp=datetime.now(timezone.utc) + timedelta(hours=1))
    fails("InvalidArgumentException", "no StartingSequenceNumber", iterator, client=kinesis, name=stream, kind="AT_SEQUENCE_NUMBER")
    fails("InvalidArgumentException", "did not come from this stream", iterator, client=kinesis, name=stream,
          kind="AT_SEQUENCE_NUMBER", StartingSequenceNumber="12345")
    fails("ResourceNotFoundException", "shard", iterator, client=kinesis, name=stream, shard="shardId-000000000001")
    fails("ValidationException", "shardIteratorType", iterator, client=kinesis, name=stream, kind="SOMEWHERE")
    fails("InvalidArgumentException", "Invalid ShardIterator", kinesis.get_records, ShardIterator="AAAAnonsense")
    fails("InvalidArgumentException", "Invalid ShardIterator", kinesis.get_records, ShardIterator=latest[:-8])


def test_a_read_pages_and_says_how_far_behind_it_is(kinesis, stream):
    kinesis.put_records(StreamName=stream, Records=[{"PartitionKey": "k", "Data": b"%d" % n} for n in range(25)])
    next_millisecond()
    page = kinesis.get_records(ShardIterator=iterator(kinesis, stream), Limit=10)
    assert len(page["Records"]) == 10 and page["MillisBehindLatest"] > 0
    page = kinesis.get_records(ShardIterator=page["NextShardIterator"], Limit=15)
    assert len(page["Records"]) == 15 and page["MillisBehindLatest"] == 0
    page = kinesis.get_records(ShardIterator=page["NextShardIterator"])
    assert page["Records"] == [] and page["MillisBehindLatest"] == 0


def test_a_shard_takes_a_megabyte_or_a_thousand_records_a_second(kinesis, stream):
    answer = kinesis.put_records(
        StreamName=stream, Records=[{"PartitionKey": "k", "Data": b"x" * 100_000} for _ in range(20)]
    )
    failed = [record for record in answer["Records"] if "ErrorCode" in record]
    assert answer["FailedRecordCount"] == len(failed) and 9 <= len(failed) <= 10
    assert {record["ErrorCode"] for record in failed} == {"ProvisionedThroughputExceededException"}
    assert failed[0]["ErrorMessage"] == (
        f"Rate exceeded for shard {FIRST} in stream {stream} under account 000000000000."
    )
    fails("ProvisionedThroughputExceededException", "Rate exceeded", kinesis.put_record,
          StreamName=stream, PartitionKey="k", Data=b"x" * 900_000)
    assert len(read(kinesis, stream)) == 20 - len(failed)


def test_a_shard_is_read_five_times_a_second(kinesis, stream):
    at = iterator(kinesis, stream)
    with pytest.raises(kinesis.exceptions.ProvisionedThroughputExceededException):
        for _ in range(20):
            kinesis.get_records(ShardIterator=at)


def test_the_limits_of_a_request(kinesis, stream):
    fails("ValidationException", "1048576", kinesis.put_record, StreamName=stream, PartitionKey="k", Data=b"x" * (1 << 20))
    fails("ValidationException", "Member must have length less than or equal to 500", kinesis.put_records, StreamName=stream,
          Records=[{"PartitionKey": "k", "Data": b"x"}] * 501)
    fails("ValidationException", "less than or equal to 256", kinesis.put_record, StreamName=stream, PartitionKey="k" * 257, Data=b"x")
    fails("InvalidArgumentException", "10 MB", kinesis.put_records, StreamName=stream,
          Records=[{"PartitionKey": "k", "Data": b"x" * 1_000_000}] * 11)
    fails("ResourceNotFoundException", "not found", kinesis.put_record, StreamName="nowhere", PartitionKey="k", Data=b"x")
    fails("InvalidArgumentException", "StreamName or StreamARN", kinesis.put_record, PartitionKey="k", Data=b"x")
    fails("ValidationException", "dryRun", kinesis.put_record, StreamName=stream, PartitionKey="k", Data=b"x", DryRun=True)
    large = f"{stream}-large"
    create(kinesis, large, StreamModeDetails={"StreamMode": "ON_DEMAND"}, MaxRecordSizeInKiB=10240)
    data = bytes(range(256)) * 36_000
    put = kinesis.put_record(StreamName=large, PartitionKey="k", Data=data)
    [record] = read(kinesis, large, put["ShardId"])
    assert record["Data"] == data


def test_shards_are_listed_page_by_page_and_filtered(kinesis, name):
    create(kinesis, name, shards=5)
    page = kinesis.list_shards(StreamName=name, MaxResults=2)
    assert [shard["ShardId"][-1] for shard in page["Shards"]] == ["0", "1"]
    page = kinesis.list_shards(NextToken=page["NextToken"], MaxResults=3)
    assert [shard["ShardId"][-1] for shard in page["Shards"]] == ["2", "3", "4"] and "NextToken" not in page
    after = kinesis.list_shards(StreamName=name, ShardFilter={"Type": "AFTER_SHARD_ID", "ShardId": "shardId-000000000003"})
    assert [shard["ShardId"][-1] for shard in after["Shards"]] == ["4"]
    for kind in ["AT_LATEST", "AT_TRIM_HORIZON", "FROM_TRIM_HORIZON"]:
        assert len(kinesis.list_shards(StreamName=name, ShardFilter={"Type": kind})["Shards"]) == 5
    long_ago = datetime.now(timezone.utc) - timedelta(days=1)
    assert kinesis.list_shards(StreamName=name, ShardFilter={"Type": "AT_TIMESTAMP", "Timestamp": long_ago})["Shards"] == []
    fails("InvalidArgumentException", "Timestamp", kinesis.list_shards, StreamName=name, ShardFilter={"Type": "AT_TIMESTAMP"})
    token = kinesis.list_shards(StreamName=name, MaxResults=1)["NextToken"]
    fails("InvalidArgumentException", "provided together", kinesis.list_shards, StreamName=name, NextToken=token)
    fails("InvalidArgumentException", "NextToken", kinesis.list_shards, NextToken="nonsense")


def test_retention_is_between_a_day_and_a_year(kinesis, stream):
    hours = lambda: kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["RetentionPeriodHours"]
    kinesis.increase_stream_retention_period(StreamName=stream, RetentionPeriodHours=8760)
    assert hours() == 8760
    kinesis.decrease_stream_retention_period(StreamName=stream, RetentionPeriodHours=48)
    assert hours() == 48
    for call, value, text in [
        (kinesis.increase_stream_retention_period, 24, "can not be shorter"),
        (kinesis.decrease_stream_retention_period, 72, "can not be longer"),
        (kinesis.decrease_stream_retention_period, 23, "too short"),
        (kinesis.increase_stream_retention_period, 8761, "too long"),
    ]:
        fails("InvalidArgumentException", text, call, StreamName=stream, RetentionPeriodHours=value)


def test_tags(kinesis, stream):
    kinesis.add_tags_to_stream(StreamName=stream, Tags={"b": "2", "a": "1", "c": ""})
    kinesis.add_tags_to_stream(StreamName=stream, Tags={"b": "3"})
    page = kinesis.list_tags_for_stream(StreamName=stream, Limit=2)
    assert (page["Tags"], page["HasMoreTags"]) == ([{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "3"}], True)
    page = kinesis.list_tags_for_stream(StreamName=stream, ExclusiveStartTagKey="b")
    assert (page["Tags"], page["HasMoreTags"]) == ([{"Key": "c", "Value": ""}], False)
    kinesis.remove_tags_from_stream(StreamName=stream, TagKeys=["a", "nothing"])
    assert [tag["Key"] for tag in kinesis.list_tags_for_stream(StreamName=stream)["Tags"]] == ["b", "c"]
    fails("InvalidArgumentException", "at most 50", kinesis.add_tags_to_stream, StreamName=stream,
          Tags={f"{n}": "" for n in range(50)})


def test_the_shards_of_an_account_have_a_quota(pond, name):
    client = pond.client("kinesis", region="us-west-1")
    limits = client.describe_limits()
    assert (limits["ShardLimit"], limits["OpenShardCount"], limits["OnDemandStreamCount"]) == (1000, 0, 0)
    create(client, name, shards=600)
    fails("LimitExceededException", "Current shard count for the account: 600. Limit: 1000.", client.create_stream,
          StreamName=f"{name}-2", ShardCount=401)
    client.create_stream(StreamName=f"{name}-2", ShardCount=400)
    assert client.describe_limits()["OpenShardCount"] == 1000


def test_records_are_there_after_a_restart(fresh_pond, name):
    client = fresh_pond.client("kinesis")
    create(client, name)
    puts = [client.put_record(StreamName=name, PartitionKey="k", Data=b"%d" % n)["SequenceNumber"] for n in range(20)]
    fresh_pond.restart()
    client = fresh_pond.client("kinesis")
    assert [record["SequenceNumber"] for record in read(client, name)] == puts
    later = client.put_record(StreamName=name, PartitionKey="k", Data=b"later")["SequenceNumber"]
    assert int(later) > int(puts[-1])


def test_what_was_acknowledged_survives_kills(fresh_pond, name):
    client = fresh_pond.client("kinesis")
    create(client, name, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    acknowledged = {}
    for _ in range(4):
        client = fresh_pond.client("kinesis")
        stop = threading.Event()

        def write():
            while not stop.is_set():
                entries = [{"PartitionKey": uuid.uuid4().hex, "Data": uuid.uuid4().bytes} for _ in range(20)]
                try:
                    answer = client.put_records(StreamName=name, Records=entries)
                except Exception:  # the server is gone
                    return
                for entry, result in zip(entries, answer["Records"]):
                    acknowledged[result["SequenceNumber"]] = (result["ShardId"], entry["Data"])

        with ThreadPoolExecutor(4) as writers:
            for _ in range(4):
                writers.submit(write)
            before = len(acknowledged)
            wait_for("some records", lambda: len(acknowledged) > before + 500)
            fresh_pond.kill()
            stop.set()
        fresh_pond.start()
        client = fresh_pond.client("kinesis")
        found = {}
        for n in range(4):
            shard = f"shardId-{n:012}"
            records = read(client, name, shard)
            numbers = [int(record["SequenceNumber"]) for record in records]
            assert numbers == sorted(set(numbers))
            found.update({record["SequenceNumber"]: (shard, record["Data"]) for record in records})
        assert all(found.get(number) == what for number, what in acknowledged.items())


def advance(lab, by):
    subprocess.run([binary(), "clock", "advance", by, "--data", str(lab.data)], check=True, capture_output=True)


def test_time_ends_iterators_and_records(lab, name):
    client = lab.client("kinesis")
    create(client, name)
    client.put_record(StreamName=name, PartitionKey="k", Data=b"old")
    at = iterator(client, name)
    advance(lab, "6m")
    fails("ExpiredIteratorException", "Iterator expired", client.get_records, ShardIterator=at)
    advance(lab, "20h")
    client.put_record(StreamName=name, PartitionKey="k", Data=b"new")
    assert [record["Data"] for record in read(client, name)] == [b"old", b"new"]
    advance(lab, "4h")
    assert [record["Data"] for record in read(client, name)] == [b"new"]
    client.increase_stream_retention_period(StreamName=name, RetentionPeriodHours=8760)
    assert [record["Data"] for record in read(client, name)] == [b"new"], "what was out of reach stays so"
    advance(lab, "8000h")
    assert [record["Data"] for record in read(client, name)] == [b"new"]
    advance(lab, "800h")
    assert read(client, name) == []


def test_cbor_as_the_java_sdk_speaks_it(pond, kinesis, stream):
    def call(operation, **members):
        body = cbor2.dumps(members)
        request = json_request(pond, "kinesis", operation, body, content_type="application/x-amz-cbor-1.1")
        answer = request.sign(pond.credentials, "kinesis").send(pond)
        assert answer.headers["content-type"] == "application/x-amz-cbor-1.1"
        # This dialect's times are tag 1 over milliseconds, which cbor2 would take for seconds: the tag is left out.
        return answer.status, cbor2.loads(answer.body.replace(b"\xc1\x1b", b"\x1b"))

    records = [{"PartitionKey": "k", "Data": bytes([n]) * 3} for n in range(3)]
    status, put = call("PutRecords", StreamName=stream, Records=records)
    assert (status, put["FailedRecordCount"]) == (200, 0)
    status, given = call("GetShardIterator", StreamName=stream, ShardId=FIRST, ShardIteratorType="TRIM_HORIZON")
    assert status == 200
    status, got = call("GetRecords", ShardIterator=given["ShardIterator"])
    assert [record["Data"] for record in got["Records"]] == [b"\0\0\0", b"\1\1\1", b"\2\2\2"]
    assert [record["SequenceNumber"] for record in got["Records"]] == [r["SequenceNumber"] for r in put["Records"]]
    assert status == 200 and abs(got["Records"][0]["ApproximateArrivalTimestamp"] / 1000 - time.time()) < 60
    status, error = call("PutRecord", StreamName=f"{stream}-none", PartitionKey="k", Data=b"x")
    assert (status, error["__type"]) == (400, "ResourceNotFoundException")


def test_a_reset_empties_the_streams(lab, name):
    client = lab.client("kinesis")
    create(client, name)
    client.put_record(StreamName=name, PartitionKey="k", Data=b"old")
    old = iterator(client, name)
    subprocess.run([binary(), "reset", "--data", str(lab.data)], check=True, capture_output=True)
    assert client.list_streams()["StreamNames"] == []
    create(client, name)
    assert read(client, name) == []
    fails("ResourceNotFoundException", "not found", client.get_records, ShardIterator=old)
