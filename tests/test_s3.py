"""S3's buckets, objects and listings, by boto3."""

import hashlib
import io
import threading
from datetime import datetime, timedelta, timezone

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from raw import Request


def fails(call, status, code):
    with pytest.raises(ClientError) as caught:
        call()
    response = caught.value.response
    assert (response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]) == (status, code)
    return response["Error"]


@pytest.fixture
def s3(pond):
    return pond.client("s3")


def test_buckets(pond, s3, name):
    assert s3.create_bucket(Bucket=name)["Location"] == f"/{name}"
    assert s3.head_bucket(Bucket=name)["BucketRegion"] == "us-east-1"
    assert s3.get_bucket_location(Bucket=name).get("LocationConstraint") is None
    s3.create_bucket(Bucket=name)  # In us-east-1 the owner may make it again.
    assert name in [b["Name"] for b in s3.list_buckets()["Buckets"]]
    s3.put_object(Bucket=name, Key="k", Body=b"")
    fails(lambda: s3.delete_bucket(Bucket=name), 409, "BucketNotEmpty")
    s3.delete_object(Bucket=name, Key="k")
    s3.delete_bucket(Bucket=name)
    fails(lambda: s3.head_bucket(Bucket=name), 404, "404")
    fails(lambda: s3.list_objects_v2(Bucket=name), 404, "NoSuchBucket")
    fails(lambda: s3.delete_bucket(Bucket=name), 404, "NoSuchBucket")


def test_regions(pond, s3, name):
    europe = pond.client("s3", region="eu-central-1")
    fails(lambda: europe.create_bucket(Bucket=name), 400, "IllegalLocationConstraintException")
    where = {"LocationConstraint": "eu-central-1"}
    europe.create_bucket(Bucket=name, CreateBucketConfiguration=where)
    fails(lambda: europe.create_bucket(Bucket=name, CreateBucketConfiguration=where), 409, "BucketAlreadyOwnedByYou")
    assert europe.get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-central-1"
    europe.put_object(Bucket=name, Key="k", Body=b"x")
    request = Request("GET", f"{pond.endpoint}/{name}/k").sign(pond.credentials, "s3", region="us-east-1")
    answer = request.send(pond)
    assert (answer.status, answer.code) == (400, "AuthorizationHeaderMalformed")
    assert answer.headers["x-amz-bucket-region"] == "eu-central-1"
    bad = {"LocationConstraint": "us-east-1"}
    fails(lambda: s3.create_bucket(Bucket=name + "x", CreateBucketConfiguration=bad), 400, "InvalidLocationConstraint")


def test_bucket_pages(fresh_pond):
    s3 = fresh_pond.client("s3")
    names = sorted(f"page-{n:02}" for n in range(7))
    for bucket in names:
        s3.create_bucket(Bucket=bucket)
    pages = s3.get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": 3}, Prefix="page-")
    assert [b["Name"] for page in pages for b in page["Buckets"]] == names


@pytest.mark.parametrize("bad", ["ab", "Upper", "under_score", "a..b", "192.168.0.1", "-a-b", "xn--abc", "a" * 64])
def test_bucket_names(pond, bad):
    answer = Request("PUT", f"{pond.endpoint}/{bad}").sign(pond.credentials, "s3").send(pond)
    assert (answer.status, answer.code) == (400, "InvalidBucketName")


@pytest.mark.parametrize("size", [0, 1, 8192, 8193, 65536, 65537, 3_000_001])
def test_put_and_get(s3, bucket, size):
    body = bytes(i * 7 % 251 for i in range(min(size, 10_000))) * (size // 10_000 + 1)
    body = body[:size]
    put = s3.put_object(Bucket=bucket, Key="k", Body=body, ContentType="x/y", Metadata={"a": "b"})
    assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    assert put["ServerSideEncryption"] == "AES256"
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == body
    assert (got["ContentLength"], got["ContentType"], got["Metadata"]) == (size, "x/y", {"a": "b"})
    assert abs(got["LastModified"] - datetime.now(timezone.utc)) < timedelta(minutes=1)
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["ContentLength"], head["ETag"]) == (size, put["ETag"])


@pytest.mark.parametrize("key", ["a b", "ü/ñ/日本", "a+b%2Fc", "..", "./x", "a//b", "/lead", "x?y=z&w#h", "tab\tnew", "~!@$^*()'\"", "k" * 1024])
def test_keys(s3, bucket, key):
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    assert [o["Key"] for o in s3.list_objects(Bucket=bucket)["Contents"]] == [key]
    s3.delete_object(Bucket=bucket, Key=key)
    fails(lambda: s3.get_object(Bucket=bucket, Key=key), 404, "NoSuchKey")


def test_content_headers(s3, bucket):
    headers = {
        "CacheControl": "max-age=5", "ContentDisposition": "attachment", "ContentEncoding": "gzip",
        "ContentLanguage": "de", "Expires": datetime(2030, 1, 2, tzinfo=timezone.utc),
    }
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", **headers)
    got = s3.get_object(Bucket=bucket, Key="k")
    assert {name: got[name] for name in headers} == headers
    changed = s3.get_object(Bucket=bucket, Key="k", ResponseContentType="a/b", ResponseContentEncoding="br")
    assert (changed["ContentType"], changed["ContentEncoding"], changed["CacheControl"]) == ("a/b", "br", "max-age=5")


def test_ranges(s3, bucket):
    body = bytes(range(256)) * 1000
    s3.put_object(Bucket=bucket, Key="k", Body=body)
    for text, start, end in [("bytes=0-0", 0, 1), ("bytes=65535-65536", 65535, 65537), ("bytes=255990-", 255990, 256000),
                             ("bytes=-5", 255995, 256000), ("bytes=255999-999999", 255999, 256000)]:
        got = s3.get_object(Bucket=bucket, Key="k", Range=text)
        assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert got["Body"].read() == body[start:end]
        assert got["ContentRange"] == f"bytes {start}-{end - 1}/256000"
    fails(lambda: s3.get_object(Bucket=bucket, Key="k", Range="bytes=256000-"), 416, "InvalidRange")
    s3.put_object(Bucket=bucket, Key="empty", Body=b"")
    fails(lambda: s3.get_object(Bucket=bucket, Key="empty", Range="bytes=0-1"), 416, "InvalidRange")


def test_conditions(s3, bucket):
    tag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    past, future = datetime(2020, 1, 1), datetime(2035, 1, 1)
    for given, status in [
        ({"IfMatch": tag}, 200), ({"IfMatch": '"no"'}, 412), ({"IfNoneMatch": tag}, 304), ({"IfNoneMatch": '"no"'}, 200),
        ({"IfModifiedSince": past}, 200), ({"IfModifiedSince": future}, 304), ({"IfUnmodifiedSince": past}, 412),
        ({"IfUnmodifiedSince": future}, 200), ({"IfMatch": tag, "IfUnmodifiedSince": past}, 200),
    ]:
        for call in (s3.get_object, s3.head_object):
            try:
                answered = call(Bucket=bucket, Key="k", **given)["ResponseMetadata"]["HTTPStatusCode"]
            except ClientError as error:
                answered = error.response["ResponseMetadata"]["HTTPStatusCode"]
            assert answered == status, given


def test_conditional_writes(s3, bucket):
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    fails(lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*"), 412, "PreconditionFailed")
    second = s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch=first)["ETag"]
    fails(lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"3", IfMatch=first), 412, "PreconditionFailed")
    fails(lambda: s3.put_object(Bucket=bucket, Key="none", Body=b"3", IfMatch=second), 404, "NoSuchKey")
    won = []

    def race(n):
        try:
            s3.put_object(Bucket=bucket, Key="race", Body=str(n).encode(), IfNoneMatch="*")
            won.append(n)
        except ClientError:
            pass

    threads = [threading.Thread(target=race, args=(n,)) for n in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert len(won) == 1
    assert s3.get_object(Bucket=bucket, Key="race")["Body"].read() == str(won[0]).encode()


CHECKSUMS = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]


@pytest.mark.parametrize("algorithm", CHECKSUMS)
def test_checksums(s3, bucket, algorithm):
    member, body = f"Checksum{algorithm}", b"hello" * 5000
    # boto3 makes CRC32C and CRC64NVME only with an extension; known values of this body stand in for it.
    given = {"CRC32C": {member: "V4/ysA=="}, "CRC64NVME": {member: "DbjChZ6UfLA="}}.get(algorithm, {"ChecksumAlgorithm": algorithm})
    put = s3.put_object(Bucket=bucket, Key="k", Body=body, **given)
    assert put[member] and put["ChecksumType"] == "FULL_OBJECT"
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert head[member] == put[member]
    assert member not in s3.head_object(Bucket=bucket, Key="k")
    assert s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")["Body"].read() == body
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"][0]
    assert (listed["ChecksumAlgorithm"], listed["ChecksumType"]) == ([algorithm], "FULL_OBJECT")
    attributes = s3.get_object_attributes(
        Bucket=bucket, Key="k", ObjectAttributes=["ETag", "Checksum", "ObjectSize", "StorageClass", "ObjectParts"])
    assert (attributes["ObjectSize"], attributes["Checksum"][member]) == (25000, put[member])
    assert attributes["ETag"] == put["ETag"].strip('"')
    wrong = {member: {"CRC32": "AAAAAA==", "CRC32C": "AAAAAA==", "CRC64NVME": "AAAAAAAAAAA=",
                      "SHA1": "A" * 27 + "=", "SHA256": "A" * 43 + "="}[algorithm]}
    fails(lambda: s3.put_object(Bucket=bucket, Key="k2", Body=b"x", **wrong), 400, "BadDigest")
    fails(lambda: s3.head_object(Bucket=bucket, Key="k2"), 404, "404")


def test_content_md5(s3, bucket):
    fails(lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentMD5="AAAAAAAAAAAAAAAAAAAAAA=="), 400, "BadDigest")
    fails(lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentMD5="short"), 400, "InvalidDigest")


def test_a_default_checksum_is_made(pond, bucket):
    request = Request("PUT", f"{pond.endpoint}/{bucket}/k", body=b"123456789").sign(pond.credentials, "s3")
    answer = request.send(pond)
    assert answer.headers["x-amz-checksum-crc64nvme"] == "rosUhgp5mIg="


def test_copies(s3, bucket, name):
    other = name + "-other"
    s3.create_bucket(Bucket=other)
    tag = s3.put_object(Bucket=bucket, Key="a b/ü", Body=b"x" * 100_000, ContentType="t/x", Metadata={"m": "1"})["ETag"]
    copied = s3.copy_object(Bucket=other, Key="c", CopySource={"Bucket": bucket, "Key": "a b/ü"})
    assert copied["CopyObjectResult"]["ETag"] == tag
    head = s3.head_object(Bucket=other, Key="c")
    assert (head["ContentType"], head["Metadata"], head["ContentLength"]) == ("t/x", {"m": "1"}, 100_000)
    s3.copy_object(Bucket=other, Key="c", CopySource=f"{other}/c", MetadataDirective="REPLACE", Metadata={"m": "2"})
    assert s3.head_object(Bucket=other, Key="c")["Metadata"] == {"m": "2"}
    source = f"{other}/c"
    fails(lambda: s3.copy_object(Bucket=other, Key="c", CopySource=source), 400, "InvalidRequest")
    fails(lambda: s3.copy_object(Bucket=other, Key="d", CopySource=f"{other}/none"), 404, "NoSuchKey")
    fails(lambda: s3.copy_object(Bucket=other, Key="d", CopySource="no-such-bucket-here/x"), 404, "NoSuchBucket")
    fails(lambda: s3.copy_object(Bucket=other, Key="d", CopySource=source, CopySourceIfMatch="x"), 412, "PreconditionFailed")
    fails(lambda: s3.copy_object(Bucket=other, Key="d", CopySource=source, CopySourceIfNoneMatch=tag), 412, "PreconditionFailed")


def test_delete_many(s3, bucket):
    keys = [f"k/{n:04}" for n in range(1000)]
    for key in keys[:20]:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys]})
    assert len(deleted["Deleted"]) == 1000 and "Errors" not in deleted
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    quiet = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}], "Quiet": True})
    assert "Deleted" not in quiet
    mixed = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}, {"Key": "l", "VersionId": "v"}]})
    assert [d["Key"] for d in mixed["Deleted"]] == ["k"] and mixed["Errors"][0]["Code"] == "NoSuchVersion"
    too_many = {"Objects": [{"Key": f"{n}"} for n in range(1001)]}
    fails(lambda: s3.delete_objects(Bucket=bucket, Delete=too_many), 400, "MalformedXML")


def test_listings(s3, bucket):
    keys = sorted(["a", "b/1", "b/2", "b/c/3", "d e", "f+g", "h%i", "z/"])
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    for size in (1, 2, 3, 1000):
        for operation in ("list_objects_v2", "list_objects"):
            pages = list(s3.get_paginator(operation).paginate(Bucket=bucket, PaginationConfig={"PageSize": size}))
            assert [o["Key"] for page in pages for o in page.get("Contents", [])] == keys
            pages = list(s3.get_paginator(operation).paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": size}))
            assert [o["Key"] for page in pages for o in page.get("Contents", [])] == ["a", "d e", "f+g", "h%i"]
            assert [p["Prefix"] for page in pages for p in page.get("CommonPrefixes", [])] == ["b/", "z/"]
    under = s3.list_objects_v2(Bucket=bucket, Prefix="b/", Delimiter="/")
    assert [o["Key"] for o in under["Contents"]] == ["b/1", "b/2"]
    assert [p["Prefix"] for p in under["CommonPrefixes"]] == ["b/c/"]
    assert under["KeyCount"] == 3
    after = s3.list_objects_v2(Bucket=bucket, StartAfter="b/2", FetchOwner=True)
    assert [o["Key"] for o in after["Contents"]] == keys[3:] and after["Contents"][0]["Owner"]["ID"]
    assert s3.list_objects_v2(Bucket=bucket, MaxKeys=0)["KeyCount"] == 0
    versions = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert [(v["Key"], v["VersionId"], v["IsLatest"]) for v in versions] == [(key, "null", True) for key in keys]
    fails(lambda: s3.list_objects_v2(Bucket=bucket, ContinuationToken="bad"), 400, "InvalidArgument")


def test_limits(pond, s3, bucket):
    fails(lambda: s3.put_object(Bucket=bucket, Key="k" * 1025, Body=b""), 400, "KeyTooLongError")
    fails(lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"", Metadata={"a": "x" * 2100}), 400, "MetadataTooLarge")
    request = Request("PUT", f"{pond.endpoint}/{bucket}/k", {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    request.sign(pond.credentials, "s3")
    request.headers["Content-Length"] = str(5 * 1024**3 + 1)
    assert request.send(pond).code == "EntityTooLarge"


def test_what_is_not_acted_on_is_refused_by_name(pond, bucket):
    s3 = pond.client("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    error = fails(lambda: s3.delete_object(Bucket=bucket, Key="k", MFA="device 123456"), 501, "NotImplemented")
    assert error["Header"] == "x-amz-mfa"
    s3.head_object(Bucket=bucket, Key="k")


def test_operations_that_are_not_here(s3, bucket):
    select = {"ExpressionType": "SQL", "Expression": "SELECT 1", "InputSerialization": {"CSV": {}}, "OutputSerialization": {"CSV": {}}}
    for call in [
        lambda: s3.select_object_content(Bucket=bucket, Key="k", **select),
        lambda: s3.list_bucket_inventory_configurations(Bucket=bucket),
    ]:
        fails(call, 501, "NotImplemented")


def test_configurations_as_they_are(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    at = {"Bucket": bucket}
    assert "Status" not in s3.get_bucket_versioning(**at)
    rules = s3.get_bucket_encryption(**at)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert s3.get_bucket_acl(**at)["Grants"][0]["Permission"] == "FULL_CONTROL"
    assert s3.get_object_acl(**at, Key="k")["Grants"][0]["Permission"] == "FULL_CONTROL"
    assert s3.get_object_tagging(**at, Key="k")["TagSet"] == []
    assert all(s3.get_public_access_block(**at)["PublicAccessBlockConfiguration"].values())
    assert s3.get_bucket_ownership_controls(**at)["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert s3.get_bucket_request_payment(**at)["Payer"] == "BucketOwner"
    for call in (s3.get_bucket_accelerate_configuration, s3.get_bucket_logging, s3.get_bucket_notification_configuration):
        call(**at)
    for call, code in [
        (s3.get_bucket_cors, "NoSuchCORSConfiguration"), (s3.get_bucket_policy, "NoSuchBucketPolicy"),
        (s3.get_bucket_policy_status, "NoSuchBucketPolicy"), (s3.get_bucket_tagging, "NoSuchTagSet"),
        (s3.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration"),
        (s3.get_bucket_replication, "ReplicationConfigurationNotFoundError"),
        (s3.get_bucket_website, "NoSuchWebsiteConfiguration"),
        (s3.get_object_lock_configuration, "ObjectLockConfigurationNotFoundError"),
    ]:
        fails(lambda: call(**at), 404, code)


def test_expected_owner(s3, bucket):
    s3.head_bucket(Bucket=bucket, ExpectedBucketOwner="000000000000")
    fails(lambda: s3.list_objects_v2(Bucket=bucket, ExpectedBucketOwner="111111111111"), 403, "AccessDenied")


def test_virtual_hosts(pond, bucket):
    config = Config(s3={"addressing_style": "virtual"}, retries={"total_max_attempts": 1})
    request = Request("PUT", f"http://{bucket}.localhost:{pond.port}/by-host", body=b"x").sign(pond.credentials, "s3")
    request.headers["Host"] = f"{bucket}.localhost:{pond.port}"
    assert request.send(pond).status == 200
    assert pond.client("s3").get_object(Bucket=bucket, Key="by-host")["Body"].read() == b"x"
    assert config.s3["addressing_style"] == "virtual"


def test_unsigned_headers_of_aws_are_refused(pond, bucket):
    put = Request("PUT", f"{pond.endpoint}/{bucket}/k", body=b"x").sign(pond.credentials, "s3", presign=True)
    put.headers["x-amz-copy-source"] = f"{bucket}/other"
    answer = put.send(pond)
    assert (answer.status, answer.code) == (403, "AccessDenied")


def test_objects_survive(fresh_pond):
    s3 = fresh_pond.client("s3")
    s3.create_bucket(Bucket="stays")
    bodies = {f"k{n}": bytes([n]) * n * 5000 for n in range(6)}
    for key, body in bodies.items():
        s3.put_object(Bucket="stays", Key=key, Body=body)
    fresh_pond.kill()
    fresh_pond.start()
    s3 = fresh_pond.client("s3")
    for key, body in bodies.items():
        assert s3.get_object(Bucket="stays", Key=key)["Body"].read() == body


def test_nothing_readable_is_on_the_disk(fresh_pond):
    s3 = fresh_pond.client("s3")
    s3.create_bucket(Bucket="hidden")
    planted = b"planted-plaintext-of-an-object"
    for key, body in [("small", planted), ("large", planted * 50_000)]:
        s3.put_object(Bucket="hidden", Key=key, Body=body)
    for path in fresh_pond.data.rglob("*"):
        if path.is_file():
            assert planted not in path.read_bytes(), path


def test_large_bodies_stream(pond, bucket):
    """50 MiB up and down through boto3's transfer manager, which uploads in parts."""
    body = bytes(range(256)) * 4096 * 50
    s3 = pond.client("s3")
    s3.upload_fileobj(io.BytesIO(body), bucket, "large")
    out = io.BytesIO()
    s3.download_fileobj(bucket, "large", out)
    assert out.getvalue() == body
    assert s3.head_object(Bucket=bucket, Key="large")["ETag"].endswith('-7"')


def test_an_open_pond_takes_anyone(tmp_path):
    from pond import Pond

    with Pond("--open", data=tmp_path) as server:
        client = boto3.client("s3", region_name="us-east-1", endpoint_url=server.endpoint,
                              aws_access_key_id="test", aws_secret_access_key="anything")
        client.create_bucket(Bucket="anyones")
        client.put_object(Bucket="anyones", Key="k", Body=b"x" * 100_000)
        assert client.get_object(Bucket="anyones", Key="k")["Body"].read() == b"x" * 100_000
