"""Firehose by boto3: delivery streams, direct records and Kinesis streams to objects in S3, and what survives a kill."""

import base64
import gzip
import io
import json
import re
import subprocess

import pyarrow.parquet
import pytest
from botocore.exceptions import ClientError

from pond import binary, wait_for

ROLE = "arn:aws:iam::000000000000:role/firehose"
NOW = {"IntervalInSeconds": 0, "SizeInMBs": 1}


@pytest.fixture(scope="module", autouse=True)
def role(pond):
    """What deliveries of the module's pond work as."""
    assert pond.service_role("firehose") == ROLE


@pytest.fixture
def firehose(pond):
    return pond.client("firehose")


def code(error):
    return error.value.response["Error"]["Code"]


def message(error):
    return error.value.response["Error"]["Message"]


def destination(bucket, **more):
    hints = {"BufferingHints": NOW}
    return {"RoleARN": ROLE, "BucketARN": f"arn:aws:s3:::{bucket}", **hints, **more}


def status(client, name):
    return describe(client, name)["DeliveryStreamStatus"]


def describe(client, name):
    return client.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]


def create(client, name, bucket, source=None, **more):
    kind = {}
    if source:
        kind = {
            "DeliveryStreamType": "KinesisStreamAsSource",
            "KinesisStreamSourceConfiguration": {"KinesisStreamARN": source, "RoleARN": ROLE},
        }
    answer = client.create_delivery_stream(
        DeliveryStreamName=name, ExtendedS3DestinationConfiguration=destination(bucket, **more), **kind
    )
    wait_for(f"{name} is ACTIVE", lambda: status(client, name) == "ACTIVE")
    return answer["DeliveryStreamARN"]


def advance(lab, by):
    subprocess.run([binary(), "clock", "advance", by, "--data", str(lab.data)], check=True, capture_output=True)


def objects(pond, bucket, prefix=""):
    s3 = pond.client("s3")
    found = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for entry in page.get("Contents", []):
            found[entry["Key"]] = s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
    return found


def delivered(pond, bucket, count, prefix="", split=bytes.splitlines):
    """The records of all objects under the prefix, once there are that many."""
    def look():
        records = [record for body in objects(pond, bucket, prefix).values() for record in split(body)]
        return records if len(records) >= count else None
    return wait_for(f"{count} records under {bucket}/{prefix}", look)


def lines(*values):
    return [{"Data": (json.dumps(value) + "\n").encode()} for value in values]


def test_records_become_objects(pond, firehose, bucket, name):
    arn = create(firehose, name, bucket, Prefix="in/")
    assert arn == f"arn:aws:firehose:us-east-1:000000000000:deliverystream/{name}"
    one = firehose.put_record(DeliveryStreamName=name, Record={"Data": b"zero\n"})
    batch = firehose.put_record_batch(DeliveryStreamName=name, Records=[{"Data": b"one\n"}, {"Data": b"two\n"}])
    assert batch["FailedPutCount"] == 0
    ids = [one["RecordId"]] + [entry["RecordId"] for entry in batch["RequestResponses"]]
    assert len(set(ids)) == 3
    assert sorted(delivered(pond, bucket, 3, "in/")) == [b"one", b"two", b"zero"]
    for key in objects(pond, bucket):
        assert re.fullmatch(
            rf"in/\d{{4}}/\d\d/\d\d/\d\d/{name}-1-\d{{4}}(-\d\d){{5}}-[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}", key
        ), key


@pytest.mark.parametrize("form, extension, unpack", [
    ("GZIP", ".gz", gzip.decompress),
    ("Snappy", ".snappy", None),
    ("HADOOP_SNAPPY", ".hsnappy", None),
])
def test_objects_are_compressed(pond, firehose, bucket, name, form, extension, unpack):
    create(firehose, name, bucket, CompressionFormat=form)
    firehose.put_record(DeliveryStreamName=name, Record={"Data": b"x" * 10_000})
    (key, body), = wait_for("an object", lambda: objects(pond, bucket)).items()
    assert key.endswith(extension) and len(body) < 2_000
    assert unpack is None or unpack(body) == b"x" * 10_000


def test_prefixes_zones_and_extensions(pond, firehose, bucket, name):
    create(
        firehose, name, bucket,
        Prefix="y=!{timestamp:yyyy}/'x'/!{firehose:random-string}/",
        ErrorOutputPrefix="bad/!{firehose:error-output-type}/",
        FileExtension=".jsonl", CustomTimeZone="Asia/Tokyo",
    )
    firehose.put_record(DeliveryStreamName=name, Record={"Data": b"a"})
    key, = wait_for("an object", lambda: objects(pond, bucket))
    assert re.fullmatch(rf"y=\d{{4}}/'x'/[0-9a-f-]{{11}}/{name}-1-.*\.jsonl", key), key


def test_buffers_wait_for_their_size_or_their_age(lab, name):
    lab.service_role("firehose")
    firehose, s3 = lab.client("firehose"), lab.client("s3")
    s3.create_bucket(Bucket=name)
    create(firehose, name, name, BufferingHints={"IntervalInSeconds": 900, "SizeInMBs": 1})
    firehose.put_record(DeliveryStreamName=name, Record={"Data": b"a" * 1000 * 1024})
    firehose.put_record(DeliveryStreamName=name, Record={"Data": b"b" * 1000 * 1024})
    sizes = wait_for("an object by size", lambda: [len(body) for body in objects(lab, name).values()])
    assert sizes == [2000 * 1024]
    firehose.put_record(DeliveryStreamName=name, Record={"Data": b"small"})
    advance(lab, "5m")
    assert len(objects(lab, name)) == 1
    advance(lab, "11m")
    wait_for("an object by age", lambda: b"small" in objects(lab, name).values())


def partitioned(**more):
    query = "{kind:.kind,day:.at[0:10]}"
    parameters = [
        {"ParameterName": "MetadataExtractionQuery", "ParameterValue": query},
        {"ParameterName": "JsonParsingEngine", "ParameterValue": "JQ-1.6"},
    ]
    processors = [
        {"Type": "RecordDeAggregation", "Parameters": [{"ParameterName": "SubRecordType", "ParameterValue": "JSON"}]},
        {"Type": "MetadataExtraction", "Parameters": parameters},
        {"Type": "AppendDelimiterToRecord", "Parameters": [{"ParameterName": "Delimiter", "ParameterValue": "\\n"}]},
    ]
    return {
        "BufferingHints": {"IntervalInSeconds": 1, "SizeInMBs": 64},
        "Prefix": "data/kind=!{partitionKeyFromQuery:kind}/day=!{partitionKeyFromQuery:day}/",
        "ErrorOutputPrefix": "bad/!{firehose:error-output-type}/",
        "DynamicPartitioningConfiguration": {"Enabled": True},
        "ProcessingConfiguration": {"Enabled": True, "Processors": processors},
        **more,
    }


def test_dynamic_partitioning(pond, firehose, bucket, name):
    create(firehose, name, bucket, **partitioned())
    events = [{"kind": "ab"[n % 2], "at": f"2013-01-0{n % 3 + 1}T00:00:00Z", "n": n} for n in range(60)]
    aggregated = "".join(json.dumps(event) for event in events[:30])
    firehose.put_record(DeliveryStreamName=name, Record={"Data": aggregated})
    firehose.put_record_batch(DeliveryStreamName=name, Records=[{"Data": json.dumps(event)} for event in events[30:]])
    bad = [b"not json", b'{"kind":"a"}', b'{"kind":{},"at":"2013-01-01"}']
    firehose.put_record_batch(DeliveryStreamName=name, Records=[{"Data": data} for data in bad])
    records = delivered(pond, bucket, 60, "data/")
    assert sorted(json.loads(record)["n"] for record in records) == list(range(60))
    for key, body in objects(pond, bucket, "data/").items():
        kind, day = re.match(r"data/kind=(\w)/day=([\d-]+)/", key).groups()
        for event in map(json.loads, body.splitlines()):
            assert (event["kind"], event["at"][:10]) == (kind, day)
    errors = [json.loads(record) for record in delivered(pond, bucket, 3, "bad/processing-failed/")]
    assert {base64.b64decode(error["rawData"]) for error in errors} == set(bad)
    for error in errors:
        assert error["attemptsMade"] == 1 and error["errorMessage"] and error["arrivalTimestamp"] > 1.7e12
        assert error["errorCode"].startswith("DynamicPartitioning.")


COLUMNS = [("id", "bigint"), ("name", "string"), ("at", "timestamp"), ("tags", "array<string>"), ("price", "decimal(10,2)")]


@pytest.fixture
def table(pond, name):
    glue = pond.client("glue")
    glue.create_database(DatabaseInput={"Name": name})
    columns = [{"Name": column, "Type": of} for column, of in COLUMNS]
    glue.create_table(DatabaseName=name, TableInput={"Name": "events", "StorageDescriptor": {"Columns": columns}})
    return name


def conversion(database, serde=None, **parquet):
    return {
        "Enabled": True,
        "SchemaConfiguration": {"RoleARN": ROLE, "DatabaseName": database, "TableName": "events"},
        "InputFormatConfiguration": {"Deserializer": serde or {"OpenXJsonSerDe": {}}},
        "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": parquet}},
    }


def parquet_rows(pond, bucket, count, prefix):
    def read(body):
        return pyarrow.parquet.read_table(io.BytesIO(body)).to_pylist()
    return delivered(pond, bucket, count, prefix, read)


@pytest.mark.parametrize("parquet", [{}, {"Compression": "GZIP", "EnableDictionaryCompression": True, "WriterVersion": "V2"}])
def test_json_becomes_parquet(pond, firehose, bucket, name, table, parquet):
    create(
        firehose, name, bucket, BufferingHints={"IntervalInSeconds": 1, "SizeInMBs": 64}, Prefix="good/",
        ErrorOutputPrefix="bad/!{firehose:error-output-type}/",
        DataFormatConversionConfiguration=conversion(table, **parquet),
    )
    events = [
        {"id": n, "Name": f"n{n}", "at": "2013-01-02T03:04:05.678Z", "tags": ["x", None], "price": 12.5, "more": 1}
        for n in range(100)
    ]
    bad = {"id": "seven"}
    firehose.put_record_batch(DeliveryStreamName=name, Records=lines(*events, bad))
    rows = parquet_rows(pond, bucket, 100, "good/")
    assert sorted(row["id"] for row in rows) == list(range(100))
    first = next(row for row in rows if row["id"] == 0)
    assert (first["name"], str(first["at"]), first["tags"], str(first["price"])) == (
        "n0", "2013-01-02 03:04:05.678000", ["x", None], "12.50"
    )
    assert all(key.endswith(".parquet") for key in objects(pond, bucket, "good/"))
    error, = [json.loads(record) for record in delivered(pond, bucket, 1, "bad/format-conversion-failed/")]
    assert json.loads(base64.b64decode(error["rawData"])) == bad
    assert error["lastErrorCode"] and "id" in error["lastErrorMessage"]
    assert error["dataCatalogTable"]["databaseName"] == table


def test_a_kinesis_stream_is_partitioned_and_converted(pond, firehose, bucket, name, table):
    kinesis = pond.client("kinesis")
    kinesis.create_stream(StreamName=name, ShardCount=3)
    kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
    source = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    settings = partitioned(DataFormatConversionConfiguration=conversion(table))
    settings["ProcessingConfiguration"]["Processors"][1]["Parameters"][0]["ParameterValue"] = (
        "{kind:.name,day:.at[0:10]}"
    )
    create(firehose, name, bucket, source=source, **settings)
    with pytest.raises(ClientError) as refused:
        firehose.put_record(DeliveryStreamName=name, Record={"Data": b"x"})
    assert code(refused) == "InvalidArgumentException"
    events = [{"id": n, "name": f"k{n % 5}", "at": f"2013-01-0{n % 4 + 1}T00:00:00Z"} for n in range(400)]
    records = [{"Data": json.dumps(event), "PartitionKey": str(event["id"])} for event in events]
    kinesis.put_records(StreamName=name, Records=records)
    rows = parquet_rows(pond, bucket, 400, "data/")
    assert sorted(row["id"] for row in rows) == list(range(400))
    keys = objects(pond, bucket, "data/")
    assert len({key.rsplit("/", 1)[0] for key in keys}) == 20
    kinesis.put_records(StreamName=name, Records=[{"Data": b'{"id":"x","name":"k","at":"2013-01-01"}', "PartitionKey": "p"}])
    error, = [json.loads(record) for record in delivered(pond, bucket, 1, "bad/format-conversion-failed/")]
    assert error["sequenceNumber"].isdigit()


def test_acknowledged_records_survive_kills(fresh_pond, name):
    fresh_pond.service_role("firehose")
    firehose, s3 = fresh_pond.client("firehose"), fresh_pond.client("s3")
    s3.create_bucket(Bucket=name)
    create(firehose, name, name, BufferingHints={"IntervalInSeconds": 2, "SizeInMBs": 1})
    sent = 0
    for _ in range(3):
        for _ in range(20):
            firehose.put_record_batch(DeliveryStreamName=name, Records=lines(*range(sent, sent + 50)))
            sent += 50
        fresh_pond.kill()
        fresh_pond.start()
        firehose = fresh_pond.client("firehose")
    def all_there():
        found = {int(line) for body in objects(fresh_pond, name).values() for line in body.splitlines()}
        return found == set(range(sent))
    wait_for("every acknowledged record", all_there)


def test_delivery_waits_for_its_bucket(pond, firehose, name):
    create(firehose, name, f"{name}-later")
    firehose.put_record(DeliveryStreamName=name, Record={"Data": b"patience\n"})
    pond.client("s3").create_bucket(Bucket=f"{name}-later")
    assert delivered(pond, f"{name}-later", 1) == [b"patience"]


def test_describe_shows_what_was_configured(pond, firehose, bucket, name, table):
    settings = partitioned(DataFormatConversionConfiguration=conversion(table, Compression="GZIP"))
    create(firehose, name, bucket, **settings)
    described = describe(firehose, name)
    assert (described["DeliveryStreamType"], described["VersionId"]) == ("DirectPut", "1")
    shown = described["Destinations"][0]["ExtendedS3DestinationDescription"]
    assert shown["BucketARN"] == f"arn:aws:s3:::{bucket}" and shown["RoleARN"] == ROLE
    assert shown["BufferingHints"] == settings["BufferingHints"]
    assert shown["ProcessingConfiguration"] == settings["ProcessingConfiguration"]
    converted = shown["DataFormatConversionConfiguration"]
    assert converted["SchemaConfiguration"]["TableName"] == "events"
    assert converted["OutputFormatConfiguration"]["Serializer"]["ParquetSerDe"]["Compression"] == "GZIP"


def test_updates_change_where_records_go(pond, firehose, bucket, name):
    create(firehose, name, bucket, Prefix="one/")
    firehose.put_record(DeliveryStreamName=name, Record={"Data": b"1\n"})
    assert delivered(pond, bucket, 1, "one/") == [b"1"]
    update = {"DeliveryStreamName": name, "DestinationId": "destinationId-000000000001"}
    with pytest.raises(ClientError) as refused:
        firehose.update_destination(
            **update, CurrentDeliveryStreamVersionId="7", ExtendedS3DestinationUpdate={"Prefix": "two/"}
        )
    assert code(refused) == "ConcurrentModificationException"
    firehose.update_destination(
        **update, CurrentDeliveryStreamVersionId="1", ExtendedS3DestinationUpdate={"Prefix": "two/"}
    )
    assert describe(firehose, name)["VersionId"] == "2"
    firehose.put_record(DeliveryStreamName=name, Record={"Data": b"2\n"})
    assert delivered(pond, bucket, 1, "two/") == [b"2"]
    key, = objects(pond, bucket, "two/")
    assert f"/{name}-2-" in key
    with pytest.raises(ClientError) as refused:
        firehose.update_destination(
            **update, CurrentDeliveryStreamVersionId="2", ExtendedS3DestinationUpdate=partitioned()
        )
    assert code(refused) == "InvalidArgumentException"


def test_streams_are_listed_and_deleted(pond, firehose, bucket, name):
    names = [f"{name}-{n}" for n in range(3)]
    for each in names:
        create(firehose, each, bucket)
    with pytest.raises(ClientError) as taken:
        firehose.create_delivery_stream(
            DeliveryStreamName=names[0], ExtendedS3DestinationConfiguration=destination(bucket)
        )
    assert code(taken) == "ResourceInUseException"
    page = firehose.list_delivery_streams(Limit=2, ExclusiveStartDeliveryStreamName=f"{name}-")
    assert (page["DeliveryStreamNames"], page["HasMoreDeliveryStreams"]) == (names[:2], True)
    page = firehose.list_delivery_streams(Limit=2, ExclusiveStartDeliveryStreamName=names[1], DeliveryStreamType="DirectPut")
    assert names[2] in page["DeliveryStreamNames"]
    firehose.delete_delivery_stream(DeliveryStreamName=names[0])

    def gone():
        try:
            return status(firehose, names[0]) != "DELETING"
        except firehose.exceptions.ResourceNotFoundException:
            return True
    wait_for("the stream is gone", gone)
    for call in [
        lambda: firehose.put_record(DeliveryStreamName=names[0], Record={"Data": b"x"}),
        lambda: firehose.delete_delivery_stream(DeliveryStreamName=names[0]),
    ]:
        with pytest.raises(ClientError) as missing:
            call()
        assert code(missing) == "ResourceNotFoundException"
        assert message(missing) == f"Firehose {names[0]} under accountId 000000000000 not found."
    create(firehose, names[0], bucket)


def test_tags(firehose, bucket, name):
    create(firehose, name, bucket)
    firehose.tag_delivery_stream(DeliveryStreamName=name, Tags=[{"Key": "b", "Value": "1"}, {"Key": "a"}])
    firehose.tag_delivery_stream(DeliveryStreamName=name, Tags=[{"Key": "b", "Value": "2"}])
    answer = firehose.list_tags_for_delivery_stream(DeliveryStreamName=name, Limit=1)
    assert (answer["Tags"], answer["HasMoreTags"]) == ([{"Key": "a", "Value": ""}], True)
    answer = firehose.list_tags_for_delivery_stream(DeliveryStreamName=name, ExclusiveStartTagKey="a")
    assert (answer["Tags"], answer["HasMoreTags"]) == ([{"Key": "b", "Value": "2"}], False)
    firehose.untag_delivery_stream(DeliveryStreamName=name, TagKeys=["a", "unknown"])
    assert len(firehose.list_tags_for_delivery_stream(DeliveryStreamName=name)["Tags"]) == 1
    with pytest.raises(ClientError) as many:
        tags = [{"Key": str(n)} for n in range(50)]
        firehose.tag_delivery_stream(DeliveryStreamName=name, Tags=tags)
    assert code(many) == "LimitExceededException"


@pytest.mark.parametrize("settings, word", [
    ({"S3BackupMode": "Enabled"}, "S3BackupMode"),
    ({"CompressionFormat": "ZIP"}, "ZIP"),
    ({"CloudWatchLoggingOptions": {"Enabled": True}}, "CloudWatchLoggingOptions"),
    ({"Prefix": "!{timestamp:yyyy}/"}, "ErrorOutputPrefix"),
    ({"Prefix": "!{partitionKeyFromLambda:x}/", "ErrorOutputPrefix": "e"}, "Lambda"),
    ({"CustomTimeZone": "Mars/Olympus"}, "CustomTimeZone"),
    (partitioned(BufferingHints={"IntervalInSeconds": 60, "SizeInMBs": 1}), "SizeInMBs"),
    (partitioned(Prefix="plain/"), "partition key"),
    ({"DataFormatConversionConfiguration": {"Enabled": True}}, "SizeInMBs"),
    ({"ProcessingConfiguration": {"Enabled": True, "Processors": [{"Type": "Lambda"}]}}, "Lambda"),
])
def test_what_is_not_done_is_refused_by_name(firehose, bucket, name, settings, word):
    with pytest.raises(ClientError) as refused:
        firehose.create_delivery_stream(
            DeliveryStreamName=name, ExtendedS3DestinationConfiguration=destination(bucket, **settings)
        )
    assert code(refused) == "InvalidArgumentException" and word in message(refused), message(refused)


def test_broken_requests_are_refused(firehose, bucket, name):
    create(firehose, name, bucket)
    with pytest.raises(ClientError) as large:
        firehose.put_record_batch(DeliveryStreamName=name, Records=[{"Data": b"x" * 1_000_000}] * 5)
    assert code(large) == "InvalidArgumentException"
    for records in [[{"Data": b"x" * 1_024_001}], [{"Data": b"x"}] * 501]:
        with pytest.raises(ClientError) as invalid:
            firehose.put_record_batch(DeliveryStreamName=name, Records=records)
        assert code(invalid) == "ValidationException"
    with pytest.raises(ClientError) as missing:
        firehose.describe_delivery_stream(DeliveryStreamName=f"{name}-none")
    assert code(missing) == "ResourceNotFoundException"


def test_accounts_and_regions_are_apart(pond, firehose, bucket, name):
    create(firehose, name, bucket)
    elsewhere = pond.client("firehose", region="eu-west-1")
    with pytest.raises(ClientError) as missing:
        elsewhere.describe_delivery_stream(DeliveryStreamName=name)
    assert code(missing) == "ResourceNotFoundException"
    assert name not in elsewhere.list_delivery_streams()["DeliveryStreamNames"]
