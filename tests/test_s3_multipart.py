"""Multipart uploads: parts, copies into parts, completion with its checks, checksums of wholes."""

import base64
import hashlib
import zlib

import pytest
from botocore.exceptions import ClientError

MIB = 1024 * 1024


def fails(call, status, code):
    with pytest.raises(ClientError) as caught:
        call()
    response = caught.value.response
    assert (response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]) == (status, code)
    return response["Error"]


@pytest.fixture
def s3(pond):
    return pond.client("s3")


class Upload:
    def __init__(self, s3, bucket, key="k", **more):
        self.s3, self.bucket, self.key = s3, bucket, key
        self.created = s3.create_multipart_upload(Bucket=bucket, Key=key, **more)
        self.id = self.created["UploadId"]
        self.at = {"Bucket": bucket, "Key": key, "UploadId": self.id}

    def part(self, number, body, **more):
        got = self.s3.upload_part(**self.at, PartNumber=number, Body=body, **more)
        sums = {name: value for name, value in got.items() if name.startswith("Checksum")}
        return {"PartNumber": number, "ETag": got["ETag"], **sums}

    def complete(self, parts, **more):
        return self.s3.complete_multipart_upload(**self.at, MultipartUpload={"Parts": parts}, **more)


def test_a_whole_upload(s3, bucket):
    upload = Upload(s3, bucket, Metadata={"m": "1"}, ContentType="a/b")
    one, two = b"1" * (5 * MIB), b"2" * (6 * MIB)
    upload.part(1, b"replaced")
    parts = [upload.part(1, one), upload.part(4, two), upload.part(9, b"end")]
    listed = s3.list_parts(**upload.at)
    assert [(p["PartNumber"], p["Size"]) for p in listed["Parts"]] == [(1, len(one)), (4, len(two)), (9, 3)]
    pages = s3.get_paginator("list_parts").paginate(**upload.at, PaginationConfig={"PageSize": 1})
    assert [p["PartNumber"] for page in pages for p in page["Parts"]] == [1, 4, 9]
    assert [u["UploadId"] for u in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [upload.id]
    fails(lambda: s3.head_object(Bucket=bucket, Key="k"), 404, "404")
    done = upload.complete(parts)
    digests = b"".join(hashlib.md5(body).digest() for body in (one, two, b"end"))
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-3"'
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == one + two + b"end"
    assert (got["Metadata"], got["ContentType"]) == ({"m": "1"}, "a/b")
    edge = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={5 * MIB - 2}-{5 * MIB + 1}")
    assert edge["Body"].read() == b"1122"
    second = s3.get_object(Bucket=bucket, Key="k", PartNumber=2)
    assert (second["Body"].read(), second["PartsCount"], second["ResponseMetadata"]["HTTPStatusCode"]) == (two, 3, 206)
    fails(lambda: s3.get_object(Bucket=bucket, Key="k", PartNumber=4), 416, "InvalidPartNumber")
    parts_of = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ObjectParts"])["ObjectParts"]
    assert parts_of == {"TotalPartsCount": 3}
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    assert upload.complete(parts)["ETag"] == done["ETag"]  # A retry after a lost answer.
    s3.delete_object(Bucket=bucket, Key="k")
    fails(lambda: upload.complete(parts), 404, "NoSuchUpload")


def test_completion_is_checked(s3, bucket):
    upload = Upload(s3, bucket)
    big, small, last = upload.part(1, b"1" * (5 * MIB)), upload.part(2, b"small"), upload.part(3, b"last")
    fails(lambda: upload.complete([small, last]), 400, "EntityTooSmall")
    fails(lambda: upload.complete([last, big]), 400, "InvalidPartOrder")
    fails(lambda: upload.complete([big, {**last, "ETag": '"0"'}]), 400, "InvalidPart")
    fails(lambda: upload.complete([big, {"PartNumber": 7, "ETag": last["ETag"]}]), 400, "InvalidPart")
    fails(lambda: upload.complete([]), 400, "MalformedXML")
    fails(lambda: upload.complete([big, last], MpuObjectSize=1), 400, "InvalidRequest")
    upload.complete([big, last])
    assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == 5 * MIB + 4


def test_conditional_completion(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    upload = Upload(s3, bucket)
    part = upload.part(1, b"y")
    fails(lambda: upload.complete([part], IfNoneMatch="*"), 412, "PreconditionFailed")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    upload.complete([part])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"y"


def test_abort(s3, bucket):
    upload = Upload(s3, bucket)
    upload.part(1, b"x" * MIB)
    s3.abort_multipart_upload(**upload.at)
    fails(lambda: s3.abort_multipart_upload(**upload.at), 404, "NoSuchUpload")
    fails(lambda: upload.part(1, b"x"), 404, "NoSuchUpload")
    fails(lambda: s3.list_parts(**upload.at), 404, "NoSuchUpload")


def test_part_numbers(s3, bucket):
    upload = Upload(s3, bucket)
    for number in (0, 10_001, -1):
        fails(lambda: upload.part(number, b"x"), 400, "InvalidArgument")
    upload.complete([upload.part(10_000, b"x")])


def test_part_copies(s3, bucket):
    body = bytes(range(256)) * 4096 * 11
    s3.put_object(Bucket=bucket, Key="source", Body=body)
    upload = Upload(s3, bucket)
    source = {"Bucket": bucket, "Key": "source"}
    parts = []
    for number, (start, end) in enumerate([(0, 6 * MIB - 1), (6 * MIB, 11 * MIB - 1)], 1):
        got = s3.upload_part_copy(**upload.at, PartNumber=number, CopySource=source, CopySourceRange=f"bytes={start}-{end}")
        parts.append({"PartNumber": number, "ETag": got["CopyPartResult"]["ETag"]})
    whole = s3.upload_part_copy(**upload.at, PartNumber=3, CopySource=source)["CopyPartResult"]
    parts.append({"PartNumber": 3, "ETag": whole["ETag"]})
    beyond = {"CopySource": source, "CopySourceRange": f"bytes=0-{len(body)}"}
    fails(lambda: s3.upload_part_copy(**upload.at, PartNumber=4, **beyond), 400, "InvalidArgument")
    if "ChecksumAlgorithm" in upload.created:
        listed = s3.list_parts(**upload.at)["Parts"]
        parts = [{**p, **{n: v for n, v in l.items() if n.startswith("Checksum")}} for p, l in zip(parts, listed)]
    upload.complete(parts)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body + body


def test_a_composite_checksum(s3, bucket):
    upload = Upload(s3, bucket, ChecksumAlgorithm="SHA256")
    assert (upload.created["ChecksumAlgorithm"], upload.created["ChecksumType"]) == ("SHA256", "COMPOSITE")
    one, two = b"1" * (5 * MIB), b"2"
    parts = [upload.part(n, body, ChecksumAlgorithm="SHA256") for n, body in ((1, one), (2, two))]
    without = [{name: part[name] for name in ("PartNumber", "ETag")} for part in parts]
    fails(lambda: upload.complete(without), 400, "InvalidRequest")
    wrong = [parts[0], {**parts[1], "ChecksumSHA256": "A" * 43 + "="}]
    fails(lambda: upload.complete(wrong), 400, "InvalidPart")
    done = upload.complete(parts)
    digests = hashlib.sha256(one).digest() + hashlib.sha256(two).digest()
    assert done["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(digests).digest()).decode() + "-2"
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (head["ChecksumSHA256"], head["ChecksumType"]) == (done["ChecksumSHA256"], "COMPOSITE")
    of_parts = lambda **more: s3.get_object_attributes(
        Bucket=bucket, Key="k", ObjectAttributes=["ObjectParts"], **more)["ObjectParts"]
    whole = of_parts()
    assert (whole["TotalPartsCount"], whole["IsTruncated"]) == (2, False)
    assert [(p["Size"], p["ChecksumSHA256"]) for p in whole["Parts"]] == [
        (len(body), part["ChecksumSHA256"]) for body, part in zip((one, two), parts)
    ]
    first = of_parts(MaxParts=1)
    assert (first["IsTruncated"], first["NextPartNumberMarker"], len(first["Parts"])) == (True, 1, 1)
    assert [p["PartNumber"] for p in of_parts(PartNumberMarker=1)["Parts"]] == [2]


def test_a_full_object_checksum(s3, bucket):
    upload = Upload(s3, bucket, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    one, two = b"1" * (5 * MIB), b"two"
    parts = [upload.part(n, body, ChecksumAlgorithm="CRC32") for n, body in ((1, one), (2, two))]
    whole = base64.b64encode(zlib.crc32(one + two).to_bytes(4, "big")).decode()
    fails(lambda: upload.complete(parts, ChecksumCRC32="AAAAAA=="), 400, "BadDigest")
    done = upload.complete(parts, ChecksumCRC32=whole, ChecksumType="FULL_OBJECT")
    assert (done["ChecksumCRC32"], done["ChecksumType"]) == (whole, "FULL_OBJECT")


def test_listing_uploads(s3, bucket):
    uploads = [Upload(s3, bucket, key).id for key in ("a", "a", "b/1", "b/2", "c")]
    pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, PaginationConfig={"PageSize": 2})
    assert [u["UploadId"] for page in pages for u in page["Uploads"]] == uploads
    rolled = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [u["Key"] for u in rolled["Uploads"]] == ["a", "a", "c"]
    assert [p["Prefix"] for p in rolled["CommonPrefixes"]] == ["b/"]
    s3.delete_bucket(Bucket=bucket)


def test_uploads_survive(fresh_pond):
    s3 = fresh_pond.client("s3")
    s3.create_bucket(Bucket="stays")
    upload = Upload(s3, "stays")
    part = upload.part(1, b"x" * (6 * MIB))
    fresh_pond.kill()
    fresh_pond.start()
    upload.s3 = fresh_pond.client("s3")
    upload.complete([part, upload.part(2, b"end")])
    fresh_pond.kill()
    fresh_pond.start()
    assert fresh_pond.client("s3").get_object(Bucket="stays", Key="k")["Body"].read() == b"x" * (6 * MIB) + b"end"
