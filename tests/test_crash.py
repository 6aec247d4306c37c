"""Kill the server under load again and again: everything acknowledged is there and intact, nothing is torn.

Writers on S3 (small and large puts, overwrites, deletes, multipart), on Kinesis and on Firehose run while the server is
killed with SIGKILL at a random moment; some starts are killed as well. After each restart the ledger of what was acknowledged
is held against what is there. `--crashes` says how often (20), `--crash-seed` repeats a run's moments and bodies.
"""

import random
import subprocess
import threading
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from crash_ledger import Body, Objects, identify, record
from pond import Pond, binary, wait_for

STREAM = "crash-stream"
DIRECT = "crash-direct"
FOLLOWER = "crash-follower"
BUCKET = "crash-objects"
LAKE = "crash-lake"
ROLE = "arn:aws:iam::000000000000:role/firehose"
MIB = 1 << 20
# What a shard or a service answers under load: not acknowledged, and to be tried again.
BUSY = {"ProvisionedThroughputExceededException", "LimitExceededException", "ServiceUnavailableException", "SlowDown"}


class Interrupted(Exception):
    """The connection broke: the request may have happened or not."""


def call(operation, **arguments):
    """Calls, and tells a broken connection from an answer. An error answer that is not "busy" fails the test."""
    try:
        return operation(**arguments)
    except ClientError:
        raise
    except BotoCoreError as error:
        raise Interrupted from error


def patiently(operation, **arguments):
    """For the checks: tries again while the service is busy."""
    def answer():
        try:
            return operation(**arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] not in BUSY:
                raise
            return None

    return wait_for("a service that is not busy", answer, every=0.2)


class Crashes:
    """One data folder that lives through all crashes, and the ledger of what it acknowledged."""

    def __init__(self, pond, seed):
        self.pond = pond
        self.random = random.Random(seed)
        self.objects = Objects()
        self.uploads = {}
        self.kinesis_acknowledged = {}
        self.kinesis_seen = {}
        self.kinesis_after = {}
        self.firehose_acknowledged = set()
        self.numbers = {}
        self.counts = {}
        self.failures = []
        self.connect()

    def connect(self):
        self.s3 = self.pond.client("s3")
        self.kinesis = self.pond.client("kinesis")
        self.firehose = self.pond.client("firehose")

    def set_up(self):
        self.pond.service_role("firehose")
        for bucket in (BUCKET, LAKE):
            self.s3.create_bucket(Bucket=bucket)
        self.kinesis.create_stream(StreamName=STREAM, ShardCount=4)
        arn = wait_for("the stream to be ACTIVE", self.active_stream)
        destination = {
            "RoleARN": ROLE,
            "BucketARN": f"arn:aws:s3:::{LAKE}",
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 1},
        }
        self.firehose.create_delivery_stream(
            DeliveryStreamName=DIRECT,
            DeliveryStreamType="DirectPut",
            ExtendedS3DestinationConfiguration={**destination, "Prefix": "direct/"},
        )
        self.firehose.create_delivery_stream(
            DeliveryStreamName=FOLLOWER,
            DeliveryStreamType="KinesisStreamAsSource",
            KinesisStreamSourceConfiguration={"KinesisStreamARN": arn, "RoleARN": ROLE},
            ExtendedS3DestinationConfiguration={**destination, "Prefix": "follower/"},
        )
        for name in (DIRECT, FOLLOWER):
            wait_for(f"{name} to be ACTIVE", lambda name=name: self.delivery_status(name) == "ACTIVE")

    def active_stream(self):
        found = self.kinesis.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]
        return found["StreamStatus"] == "ACTIVE" and found["StreamARN"]

    def delivery_status(self, name):
        described = self.firehose.describe_delivery_stream(DeliveryStreamName=name)
        return described["DeliveryStreamDescription"]["DeliveryStreamStatus"]

    # Writers. Each runs until its connection breaks; a writer's numbers go on from round to round.

    def next_number(self, writer):
        self.numbers[writer] = self.numbers.get(writer, 0) + 1
        return self.numbers[writer]

    def count(self, what, by=1):
        self.counts[what] = self.counts.get(what, 0) + by

    def put_objects(self, writer, chance, sizes):
        """Puts, overwrites and deletes keys of its own."""
        while True:
            number = self.next_number(writer)
            key = f"writer/{writer}/{chance.randrange(number) if chance.random() < 0.3 else number:06}"
            state = self.objects.key(key)
            if state.acknowledged and chance.random() < 0.2:
                state.in_doubt.append(None)
                call(self.s3.delete_object, Bucket=BUCKET, Key=key)
                state.acknowledge(None)
                self.count("deletes")
                continue
            body = Body(chance.getrandbits(60), chance.randint(*sizes))
            state.in_doubt.append(body)
            call(self.s3.put_object, Bucket=BUCKET, Key=key, Body=body.bytes())
            state.acknowledge(body)
            self.count("puts")

    def upload_parts(self, writer, chance):
        """Multipart uploads; one that a crash interrupts is gone on with after the restart."""
        while True:
            if writer not in self.uploads:
                key = f"writer/{writer}/{self.next_number(writer):06}"
                upload = call(self.s3.create_multipart_upload, Bucket=BUCKET, Key=key)["UploadId"]
                self.uploads[writer] = {"key": key, "id": upload, "parts": {}, "completing": False}
            upload = self.uploads[writer]
            names = {"Bucket": BUCKET, "Key": upload["key"], "UploadId": upload["id"]}
            if upload["completing"]:
                # In doubt: the check has just settled whether the object is there.
                if self.objects.keys[upload["key"]].acknowledged:
                    del self.uploads[writer]
                    continue
            for part in (1, 2, 3):
                if part in upload["parts"]:
                    continue
                body = Body(chance.getrandbits(60), 5 * MIB if part < 3 else chance.randint(1, 9_000))
                etag = call(self.s3.upload_part, **names, PartNumber=part, Body=body.bytes())["ETag"]
                upload["parts"][part] = (body, etag)
                self.count("parts")
            whole = Parts(tuple(body for body, _ in upload["parts"].values()))
            state = self.objects.key(upload["key"])
            upload["completing"] = True
            state.in_doubt.append(whole)
            parts = [{"PartNumber": n, "ETag": etag} for n, (_, etag) in upload["parts"].items()]
            call(self.s3.complete_multipart_upload, **names, MultipartUpload={"Parts": parts})
            state.acknowledge(whole)
            del self.uploads[writer]
            self.count("multipart uploads")

    def put_stream_records(self, writer, chance):
        while True:
            numbers = [self.next_number(writer) for _ in range(chance.randint(1, 40))]
            records = [
                {"Data": record(writer, n, chance.randint(1, 600)), "PartitionKey": f"{writer}-{n}"} for n in numbers
            ]
            answer = call(self.kinesis.put_records, StreamName=STREAM, Records=records)
            for number, told in zip(numbers, answer["Records"], strict=True):
                if "ErrorCode" in told:
                    assert told["ErrorCode"] in BUSY, told
                else:
                    self.kinesis_acknowledged[writer, number] = (told["ShardId"], told["SequenceNumber"])
                    self.count("stream records")

    def put_delivery_records(self, writer, chance):
        while True:
            numbers = [self.next_number(writer) for _ in range(chance.randint(1, 40))]
            records = [{"Data": record(writer, n, chance.randint(1, 600)) + b"\n"} for n in numbers]
            answer = call(self.firehose.put_record_batch, DeliveryStreamName=DIRECT, Records=records)
            for number, told in zip(numbers, answer["RequestResponses"], strict=True):
                if "ErrorCode" in told:
                    assert told["ErrorCode"] in BUSY, told
                else:
                    self.firehose_acknowledged.add((writer, number))
                    self.count("delivery records")

    def run_writer(self, work, writer, *arguments):
        chance = random.Random(f"{writer}/{self.random.random()}")
        try:
            while True:
                try:
                    work(writer, chance, *arguments)
                except ClientError as error:
                    if error.response["Error"]["Code"] not in BUSY:
                        raise
                    time.sleep(0.05)
        except Interrupted:
            pass
        except BaseException as error:
            self.failures.append(error)

    def writers(self):
        small, large = (0, 9_000), (60_000, 3 * MIB)
        return [
            *[(self.put_objects, f"small{n}", small) for n in range(3)],
            (self.put_objects, "large", large),
            (self.upload_parts, "multipart"),
            *[(self.put_stream_records, f"stream{n}") for n in range(2)],
            (self.put_delivery_records, "delivery"),
        ]

    def load_and_kill(self):
        """Runs all writers, and kills the server in the middle of it."""
        threads = [threading.Thread(target=self.run_writer, args=job) for job in self.writers()]
        for thread in threads:
            thread.start()
        time.sleep(self.random.uniform(0.05, 1.5))
        self.pond.kill()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive(), "a writer hangs on a dead connection"
        if self.failures:
            raise self.failures[0]

    def kill_a_start(self):
        """A crash while the server recovers from a crash."""
        command = [binary(), "serve", "--listen", "127.0.0.1:0", "--data", str(self.pond.data)]
        starting = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(self.random.uniform(0.0, 0.15))
        starting.kill()
        starting.wait()

    # Checks.

    def check_uploads(self):
        for upload in self.uploads.values():
            if upload["completing"]:
                continue
            names = {"Bucket": BUCKET, "Key": upload["key"], "UploadId": upload["id"]}
            listed = {part["PartNumber"]: part for part in self.s3.list_parts(**names).get("Parts", [])}
            for number, (body, etag) in upload["parts"].items():
                assert listed[number]["ETag"] == etag and listed[number]["Size"] == body.size, upload

    def check_stream(self, everything=False):
        if everything:
            self.kinesis_seen, self.kinesis_after = {}, {}
        for shard in self.kinesis.list_shards(StreamName=STREAM)["Shards"]:
            self.read_shard(shard["ShardId"])
        for name, place in self.kinesis_acknowledged.items():
            assert self.kinesis_seen.get(name) == place, f"{name} was acknowledged at {place}: {self.kinesis_seen.get(name)}"

    def read_shard(self, shard):
        after = self.kinesis_after.get(shard)
        start = (
            {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": after}
            if after
            else {"ShardIteratorType": "TRIM_HORIZON"}
        )
        iterator = self.kinesis.get_shard_iterator(StreamName=STREAM, ShardId=shard, **start)["ShardIterator"]
        while True:
            page = patiently(self.kinesis.get_records, ShardIterator=iterator, Limit=10_000)
            for found in page["Records"]:
                sequence = found["SequenceNumber"]
                assert after is None or int(sequence) > int(after), f"{shard} goes back at {sequence}"
                after = sequence
                name = identify(found["Data"])
                assert name not in self.kinesis_seen, f"{name} is there twice"
                self.kinesis_seen[name] = (shard, sequence)
            iterator = page["NextShardIterator"]
            if page["MillisBehindLatest"] == 0 and not page["Records"]:
                break
        self.kinesis_after[shard] = after

    def delivered(self, prefix):
        """Which records are in the lake under `prefix`, each whole."""
        found = set()
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=LAKE, Prefix=prefix):
            for entry in page.get("Contents", []):
                body = self.s3.get_object(Bucket=LAKE, Key=entry["Key"])["Body"].read()
                assert len(body) == entry["Size"], entry
                found |= {identify(line) for line in records_of(body)}
        return found

    def check_deliveries(self):
        for prefix, acknowledged in [("direct/", self.firehose_acknowledged), ("follower/", set(self.kinesis_acknowledged))]:
            assert acknowledged, "no record was acknowledged at all"
            wait_for(
                f"every acknowledged record under {prefix}",
                lambda prefix=prefix, wanted=acknowledged: wanted <= self.delivered(prefix),
                timeout=90,
                every=1.0,
            )


class Parts(tuple):
    """A body of several parts, with the size and bytes of a `Body`."""

    @property
    def size(self):
        return sum(part.size for part in self)

    def bytes(self):
        return b"".join(part.bytes() for part in self)


def records_of(body):
    """Splits records that stand one after the other, with a newline between them or with nothing."""
    for line in body.splitlines():
        yield from line.replace(b"}{", b"}\n{").split(b"\n")


@pytest.mark.timeout(3600)
def test_what_was_acknowledged_survives_every_crash(request):
    crashes, seed = request.config.getoption("--crashes"), request.config.getoption("--crash-seed")
    seed = random.SystemRandom().getrandbits(32) if seed is None else seed
    print(f"seed {seed}")
    with Pond() as pond:
        state = Crashes(pond, seed)
        state.set_up()
        for crash in range(1, crashes + 1):
            try:
                state.load_and_kill()
                if state.random.random() < 0.25:
                    state.kill_a_start()
                pond.start()
                state.connect()
                last = crash == crashes
                state.objects.check(state.s3, BUCKET, everything=last)
                state.check_uploads()
                state.check_stream(everything=last)
            except BaseException as error:
                error.add_note(f"crash {crash} of --crashes {crashes} --crash-seed {seed}\n{pond.tail()}")
                raise
        state.check_deliveries()
        for what in ("puts", "deletes", "parts", "multipart uploads", "stream records", "delivery records"):
            assert state.counts.get(what, 0) > 0, f"no {what} were acknowledged: the test tested nothing"
        print({"crashes": crashes, **state.counts})
        assert pond.stop() == 0
