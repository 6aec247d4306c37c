"""A full disk answers an error to the writer and leaves everything readable; with room again, writes go on."""

import os

import pytest
from botocore.exceptions import ClientError

import pond as harness

ROOM = "96m"


@pytest.fixture
def small_disk(tmp_path, monkeypatch):
    """A pond whose data folder is a small tmpfs, mounted in the server's own mount namespace."""
    real = harness.binary()
    script = tmp_path / "millpond"
    data = tmp_path / "pond" / "data"
    data.mkdir(parents=True)
    script.write_text(
        f'#!/bin/sh\nexec unshare --map-root-user --mount sh -c \'mount -t tmpfs -o size={ROOM} tmpfs "{data}" && exec "{real}" "$@"\' sh "$@"\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("MILLPOND_BIN", str(script))
    with harness.Pond(data=tmp_path / "pond") as server:
        yield server


def fill(write, limit=400):
    """Writes until the disk is full; how many went well, and the error."""
    for n in range(limit):
        try:
            write(n)
        except ClientError as error:
            return n, error
    raise AssertionError("the disk never became full")


def test_objects(small_disk):
    s3 = small_disk.client("s3")
    s3.create_bucket(Bucket="full")
    body = os.urandom(1 << 20)
    written, error = fill(lambda n: s3.put_object(Bucket="full", Key=f"{n:04}", Body=body))
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] in (500, 503, 507), error
    listed = [item["Key"] for item in s3.list_objects_v2(Bucket="full").get("Contents", [])]
    assert listed == [f"{n:04}" for n in range(written)]
    for key in (listed[0], listed[-1]):
        assert s3.get_object(Bucket="full", Key=key)["Body"].read() == body
    s3.delete_objects(Bucket="full", Delete={"Objects": [{"Key": key} for key in listed[: written // 2]]})
    harness.wait_for("room again", lambda: _put(s3, body))
    assert s3.get_object(Bucket="full", Key="again")["Body"].read() == body


def _put(s3, body):
    try:
        return s3.put_object(Bucket="full", Key="again", Body=body)
    except ClientError:
        return None


def test_records(small_disk):
    kinesis = small_disk.client("kinesis")
    kinesis.create_stream(StreamName="full", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    kinesis.get_waiter("stream_exists").wait(StreamName="full")
    data = os.urandom(900_000)

    sequence = []

    def put(n):
        sequence.append(kinesis.put_record(StreamName="full", PartitionKey="one", Data=data)["SequenceNumber"])

    written, error = fill(put)
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] in (500, 503), error
    shards = kinesis.list_shards(StreamName="full")["Shards"]
    found = []
    for shard in shards:
        at = kinesis.get_shard_iterator(StreamName="full", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
        at = at["ShardIterator"]
        while True:
            page = kinesis.get_records(ShardIterator=at)
            found += [record["SequenceNumber"] for record in page["Records"]]
            if page["MillisBehindLatest"] == 0 and not page["Records"]:
                break
            at = page["NextShardIterator"]
    assert found == sequence and len(found) == written
