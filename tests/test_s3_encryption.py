"""S3's four ways of encryption, by boto3 and by raw requests: what answers say, what is refused, what the disk shows."""

import base64
import hashlib
import json
import os
import subprocess

import boto3
import pytest
from botocore.config import Config

from pond import binary
from raw import Request
from test_s3 import fails

ALGORITHM = "x-amz-server-side-encryption-customer-algorithm"
KEY = "x-amz-server-side-encryption-customer-key"
KEY_MD5 = "x-amz-server-side-encryption-customer-key-md5"
NO_KEY = "The object was stored using a form of Server Side Encryption"
LARGE = 5 << 20


@pytest.fixture
def s3(pond):
    return pond.client("s3")


@pytest.fixture
def kms(pond):
    return pond.client("kms")


@pytest.fixture
def key(kms):
    return kms.create_key()["KeyMetadata"]["Arn"]


def turn(lab, by):
    subprocess.run([binary(), "clock", "advance", by, "--data", str(lab.data)], check=True, capture_output=True)


def used(kms, key):
    """The operation that used the key last, and when: another answer means another use."""
    return kms.get_key_last_usage(KeyId=key)["KeyLastUsage"]


def default(s3, bucket, method, key=None, bucket_key=None):
    by_default = {"SSEAlgorithm": method, **({"KMSMasterKeyID": key} if key else {})}
    rule = {"ApplyServerSideEncryptionByDefault": by_default}
    if bucket_key is not None:
        rule["BucketKeyEnabled"] = bucket_key
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


def customer(secret, source=False):
    """The headers that bring a customer's key."""
    prefix = "x-amz-copy-source-" if source else "x-amz-"
    names = [prefix + name.removeprefix("x-amz-") for name in (ALGORITHM, KEY, KEY_MD5)]
    md5 = base64.b64encode(hashlib.md5(secret).digest()).decode()
    return dict(zip(names, ("AES256", base64.b64encode(secret).decode(), md5)))


def raw(pond, method, path, headers=None, body=b""):
    """boto3 sends no customer's key over plain HTTP; this does."""
    request = Request(method, f"{pond.endpoint}{path}", dict(headers or {}), body)
    return request.sign(pond.credentials, "s3").send(pond)


def shown(answer):
    """What an answer says of encryption: method, key, bucket key."""
    return answer.get("ServerSideEncryption"), answer.get("SSEKMSKeyId"), answer.get("BucketKeyEnabled", False)


def test_a_bucket_encrypts_by_itself(s3, bucket):
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"hello")
    assert shown(put) == ("AES256", None, False)
    assert put["ETag"] == f'"{hashlib.md5(b"hello").hexdigest()}"'
    rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules == [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]
    asked = s3.put_object(Bucket=bucket, Key="k", Body=b"hello", ServerSideEncryption="AES256")
    assert shown(asked) == ("AES256", None, False)


@pytest.mark.parametrize("method", ["aws:kms", "aws:kms:dsse"])
@pytest.mark.parametrize("size", [5, 300_000])
def test_kms_seals_and_opens(s3, kms, bucket, key, method, size):
    body = os.urandom(size)
    put = s3.put_object(Bucket=bucket, Key="k", Body=body, ServerSideEncryption=method, SSEKMSKeyId=key)
    assert shown(put) == (method, key, False)
    assert put["ETag"] != f'"{hashlib.md5(body).hexdigest()}"', "the MD5 says something of the bytes"
    assert used(kms, key)["Operation"] == "GenerateDataKey"
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (got["Body"].read(), shown(got), got["ETag"]) == (body, (method, key, False), put["ETag"])
    assert used(kms, key)["Operation"] == "Decrypt"
    assert s3.get_object(Bucket=bucket, Key="k", Range="bytes=1-3")["Body"].read() == body[1:4]
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (shown(head), head["ContentLength"], head["ETag"]) == ((method, key, False), size, put["ETag"])
    # The digest is that of the bytes, whatever the ETag is.
    bad = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    fails(
        lambda: s3.put_object(Bucket=bucket, Key="k", Body=body, ServerSideEncryption=method, ContentMD5=bad),
        400, "BadDigest",
    )


def test_the_key_of_the_service_and_aliases(s3, kms, bucket, key, name):
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="aws:kms")
    assert put["SSEKMSKeyId"] == kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["Arn"]
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    kms.create_alias(AliasName=f"alias/{name}", TargetKeyId=key.rsplit("/")[-1])
    for text in (f"alias/{name}", key.rsplit("/")[-1]):
        put = s3.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=text)
        assert put["SSEKMSKeyId"] == key


def test_a_context_of_ones_own(s3, bucket, key):
    given = base64.b64encode(json.dumps({"team": "lake", "ü": "ö"}).encode()).decode()
    put = s3.put_object(
        Bucket=bucket, Key="a/k", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key, SSEKMSEncryptionContext=given
    )
    context = json.loads(base64.b64decode(put["SSEKMSEncryptionContext"]))
    assert context == {"team": "lake", "ü": "ö", "aws:s3:arn": f"arn:aws:s3:::{bucket}/a/k"}
    assert s3.get_object(Bucket=bucket, Key="a/k")["Body"].read() == b"x"


def test_the_default_of_a_bucket(s3, kms, bucket, key):
    s3.put_object(Bucket=bucket, Key="before", Body=b"x")
    default(s3, bucket, "aws:kms", key)
    rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules == [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key},
                      "BucketKeyEnabled": False}]
    assert shown(s3.head_object(Bucket=bucket, Key="before"))[0] == "AES256"
    assert shown(s3.put_object(Bucket=bucket, Key="k", Body=b"x")) == ("aws:kms", key, False)
    assert shown(s3.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="AES256"))[0] == "AES256"
    copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/before")
    assert shown(copied) == ("aws:kms", key, False)
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"x"
    begun = s3.create_multipart_upload(Bucket=bucket, Key="parts")
    assert shown(begun) == ("aws:kms", key, False)
    default(s3, bucket, "aws:kms:dsse")
    assert shown(s3.put_object(Bucket=bucket, Key="k", Body=b"x"))[0] == "aws:kms:dsse"
    s3.delete_bucket_encryption(Bucket=bucket)
    assert shown(s3.put_object(Bucket=bucket, Key="k", Body=b"x")) == ("AES256", None, False)


def test_a_default_that_cannot_be(s3, bucket, key):
    fails(lambda: default(s3, bucket, "AES256", key), 400, "InvalidArgument")
    fails(lambda: default(s3, bucket, "rot13"), 400, "MalformedXML")
    fails(lambda: default(s3, bucket, "aws:kms:dsse", bucket_key=True), 400, "InvalidArgument")
    none = {"Rules": []}
    fails(lambda: s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=none), 400, "MalformedXML")


def test_bucket_keys_ask_kms_rarely(s3, kms, bucket, key):
    default(s3, bucket, "aws:kms", key, bucket_key=True)
    assert shown(s3.put_object(Bucket=bucket, Key="0", Body=b"0")) == ("aws:kms", key, True)
    made = used(kms, key)
    for n in range(1, 5):
        assert shown(s3.put_object(Bucket=bucket, Key=str(n), Body=b"%d" % n)) == ("aws:kms", key, True)
    assert used(kms, key) == made
    assert s3.get_object(Bucket=bucket, Key="0")["Body"].read() == b"0"
    opened = used(kms, key)
    assert opened["Operation"] == "Decrypt"
    for n in range(1, 5):
        got = s3.get_object(Bucket=bucket, Key=str(n))
        assert (got["Body"].read(), shown(got)) == (b"%d" % n, ("aws:kms", key, True))
    assert used(kms, key) == opened
    own = s3.put_object(Bucket=bucket, Key="own", Body=b"x", BucketKeyEnabled=False)
    assert shown(own) == ("aws:kms", key, False)
    assert used(kms, key)["Operation"] == "GenerateDataKey"


def test_an_upload_has_one_key_for_all_its_parts(s3, kms, bucket, key):
    begun = s3.create_multipart_upload(Bucket=bucket, Key="k", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    upload = {"Bucket": bucket, "Key": "k", "UploadId": begun["UploadId"]}
    bodies = [os.urandom(LARGE), os.urandom(100)]
    s3.put_object(Bucket=bucket, Key="source", Body=bodies[1], ServerSideEncryption="aws:kms:dsse")
    first = s3.upload_part(**upload, PartNumber=1, Body=bodies[0])
    assert shown(first) == ("aws:kms", key, False)
    assert first["ETag"] != f'"{hashlib.md5(bodies[0]).hexdigest()}"'
    second = s3.upload_part_copy(**upload, PartNumber=2, CopySource=f"{bucket}/source")
    assert shown(second) == ("aws:kms", key, False)
    tags = [first["ETag"], second["CopyPartResult"]["ETag"]]
    parts = [{"PartNumber": n, "ETag": tag} for n, tag in enumerate(tags, start=1)]
    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert shown(done) == ("aws:kms", key, False)
    assert done["ETag"].endswith('-2"')
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (got["Body"].read(), shown(got)) == (b"".join(bodies), ("aws:kms", key, False))
    piece = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={LARGE - 2}-{LARGE + 1}")
    assert piece["Body"].read() == bodies[0][-2:] + bodies[1][:2]


def test_a_copy_onto_itself_changes_the_encryption(s3, bucket, key):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Metadata={"a": "b"})
    source = f"{bucket}/k"
    fails(lambda: s3.copy_object(Bucket=bucket, Key="k", CopySource=source), 400, "InvalidRequest")
    s3.copy_object(Bucket=bucket, Key="k", CopySource=source, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (got["Body"].read(), shown(got), got["Metadata"]) == (b"x", ("aws:kms", key, False), {"a": "b"})


def test_keys_that_cannot_be_used(s3, kms, bucket, key):
    def put(named):
        return lambda: s3.put_object(
            Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=named
        )

    missing = "0c3fa5ba-9d33-4b2a-8b7e-0d8b6a8d3f10"
    assert "does not exist" in fails(put(missing), 400, "KMS.NotFoundException")["Message"]
    fails(put("alias/none"), 400, "KMS.NotFoundException")
    elsewhere = key.replace("us-east-1", "eu-west-1")
    assert "eu-west-1" in fails(put(elsewhere), 400, "KMS.NotFoundException")["Message"]
    s3.put_object(Bucket=bucket, Key="there", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    kms.disable_key(KeyId=key)
    fails(put(key), 400, "KMS.DisabledException")
    fails(lambda: s3.get_object(Bucket=bucket, Key="there"), 400, "KMS.DisabledException")
    assert s3.head_object(Bucket=bucket, Key="there")["ContentLength"] == 1
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert key in fails(put(key), 400, "KMS.KMSInvalidStateException")["Message"]
    fails(lambda: s3.get_object(Bucket=bucket, Key="there"), 400, "KMS.KMSInvalidStateException")
    s3.delete_object(Bucket=bucket, Key="there")


@pytest.mark.parametrize("bucket_key", [False, True])
def test_with_its_key_an_object_is_gone(lab, name, bucket_key):
    s3, kms = lab.client("s3"), lab.client("kms")
    s3.create_bucket(Bucket=name)
    key = kms.create_key()["KeyMetadata"]["Arn"]
    default(s3, name, "aws:kms", key, bucket_key=bucket_key)
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"x"
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    turn(lab, "8d")
    error = fails(lambda: s3.get_object(Bucket=name, Key="k"), 403, "AccessDenied")
    assert "customer master key that does not exist" in error["Message"]
    fails(lambda: s3.put_object(Bucket=name, Key="k", Body=b"x"), 400, "KMS.NotFoundException")


@pytest.mark.parametrize("size", [5, 300_000])
def test_a_customer_brings_the_key(pond, s3, bucket, size):
    secret, other, body = os.urandom(32), os.urandom(32), os.urandom(size)
    path, mine = f"/{bucket}/k", customer(secret)
    put = raw(pond, "PUT", path, mine, body)
    assert put.status == 200, put.body
    assert (put.headers[ALGORITHM], put.headers[KEY_MD5]) == ("AES256", mine[KEY_MD5])
    assert "x-amz-server-side-encryption" not in put.headers
    assert put.headers["etag"] != f'"{hashlib.md5(body).hexdigest()}"'
    for method in ("GET", "HEAD"):
        got = raw(pond, method, path, mine)
        assert (got.status, got.headers[KEY_MD5]) == (200, mine[KEY_MD5])
        assert got.headers["etag"] == put.headers["etag"]
    assert raw(pond, "GET", path, mine).body == body
    assert raw(pond, "GET", path, {**mine, "range": "bytes=1-3"}).body == body[1:4]
    without = raw(pond, "GET", path)
    assert (without.status, without.code) == (400, "InvalidRequest") and NO_KEY in without.message
    wrong = raw(pond, "GET", path, customer(other))
    assert (wrong.status, wrong.code) == (403, "AccessDenied")
    assert raw(pond, "HEAD", path).status == 400
    assert raw(pond, "HEAD", path, customer(other)).status == 403
    attributes = {"x-amz-object-attributes": "ObjectSize"}
    assert raw(pond, "GET", f"{path}?attributes", attributes).code == "InvalidRequest"
    assert raw(pond, "GET", f"{path}?attributes", {**attributes, **mine}).status == 200
    # What is beside the bytes takes no key.
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    s3.put_object(Bucket=bucket, Key="plain", Body=b"x")
    needless = raw(pond, "GET", f"/{bucket}/plain", mine)
    assert (needless.status, needless.code) == (400, "InvalidRequest")
    assert needless.message == "The encryption parameters are not applicable to this object."


def test_customers_keys_that_are_none(pond, bucket):
    secret = os.urandom(32)
    good, path = customer(secret), f"/{bucket}/k"

    def refused(headers, code, text):
        answer = raw(pond, "PUT", path, headers, b"x")
        assert (answer.status, answer.code) == (400, code), answer.body
        assert text in answer.message
        assert good[KEY].encode() not in answer.body

    refused({**good, ALGORITHM: "AES128"}, "InvalidEncryptionAlgorithmError", "AES256")
    refused({**good, KEY_MD5: customer(b"x" * 32)[KEY_MD5]}, "InvalidArgument", "did not match the hash")
    refused({**good, KEY: base64.b64encode(b"short").decode()}, "InvalidArgument", "was invalid")
    for name, text in ((ALGORITHM, "valid encryption algorithm"), (KEY, "appropriate secret key"), (KEY_MD5, "MD5")):
        refused({k: v for k, v in good.items() if k != name}, "InvalidArgument", text)
    refused({**good, "x-amz-server-side-encryption": "aws:kms"}, "InvalidArgument", "incompatible")
    assert raw(pond, "GET", f"/{bucket}?list-type=2", good).code == "InvalidArgument"
    assert raw(pond, "GET", path).code == "NoSuchKey"


def test_copies_between_keys(pond, bucket):
    old, new, body = os.urandom(32), os.urandom(32), os.urandom(200_000)
    assert raw(pond, "PUT", f"/{bucket}/a", customer(old), body).status == 200
    source = {"x-amz-copy-source": f"/{bucket}/a"}
    assert raw(pond, "PUT", f"/{bucket}/b", source).code == "InvalidRequest"
    assert raw(pond, "PUT", f"/{bucket}/b", {**source, **customer(new, source=True)}).code == "AccessDenied"
    changed = raw(pond, "PUT", f"/{bucket}/b", {**source, **customer(old, source=True), **customer(new)})
    assert changed.status == 200 and changed.headers[KEY_MD5] == customer(new)[KEY_MD5], changed.body
    assert raw(pond, "GET", f"/{bucket}/b", customer(new)).body == body
    opened = raw(pond, "PUT", f"/{bucket}/c", {**source, **customer(old, source=True)})
    assert opened.status == 200 and opened.headers["x-amz-server-side-encryption"] == "AES256"
    assert raw(pond, "GET", f"/{bucket}/c").body == body
    # A key is changed in place.
    rotated = raw(pond, "PUT", f"/{bucket}/a", {**source, **customer(old, source=True), **customer(new)})
    assert rotated.status == 200, rotated.body
    assert raw(pond, "GET", f"/{bucket}/a", customer(new)).body == body


def test_an_upload_under_a_customers_key(pond, s3, bucket):
    secret = os.urandom(32)
    mine, other = customer(secret), customer(os.urandom(32))
    begun = raw(pond, "POST", f"/{bucket}/k?uploads", mine)
    assert begun.status == 200 and begun.headers[KEY_MD5] == mine[KEY_MD5]
    upload = begun.body.split(b"<UploadId>")[1].split(b"<")[0].decode()
    path, body = f"/{bucket}/k?partNumber=1&uploadId={upload}", os.urandom(100_000)
    missing = raw(pond, "PUT", path, body=body)
    assert (missing.code, "Subsequent part requests" in missing.message) == ("InvalidRequest", True)
    wrong = raw(pond, "PUT", path, other, body)
    assert (wrong.code, "did not match the ones used originally" in wrong.message) == ("InvalidRequest", True)
    put = raw(pond, "PUT", path, mine, body)
    assert put.status == 200 and put.headers[KEY_MD5] == mine[KEY_MD5], put.body
    s3.put_object(Bucket=bucket, Key="source", Body=body)
    copied = raw(pond, "PUT", path.replace("=1", "=1", 1), {**mine, "x-amz-copy-source": f"/{bucket}/source"})
    assert copied.status == 200, copied.body
    etag = copied.body.split(b"<ETag>")[1].split(b"</ETag>")[0].decode().replace("&quot;", "").strip('"')
    whole = (f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>"
             "</CompleteMultipartUpload>").encode()
    at = f"/{bucket}/k?uploadId={upload}"
    assert raw(pond, "POST", at, other, whole).code == "AccessDenied"
    done = raw(pond, "POST", at, mine, whole)
    assert done.status == 200 and b"<ETag>" in done.body, done.body
    assert raw(pond, "GET", f"/{bucket}/k").code == "InvalidRequest"
    assert raw(pond, "GET", f"/{bucket}/k", mine).body == body
    plain = s3.create_multipart_upload(Bucket=bucket, Key="plain")["UploadId"]
    needless = raw(pond, "PUT", f"/{bucket}/plain?partNumber=1&uploadId={plain}", mine, b"x")
    assert (needless.code, "did not request encryption" in needless.message) == ("InvalidRequest", True)


@pytest.mark.parametrize("headers", [
    {"x-amz-server-side-encryption": "rot13"},
    {"x-amz-server-side-encryption": "AES256", "x-amz-server-side-encryption-aws-kms-key-id": "alias/aws/s3"},
    {"x-amz-server-side-encryption-aws-kms-key-id": "alias/aws/s3"},
    {"x-amz-server-side-encryption-context": "e30="},
    {"x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-context": "not base64"},
    {"x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-context": "W10="},
    {"x-amz-server-side-encryption": "aws:kms:dsse", "x-amz-server-side-encryption-bucket-key-enabled": "true"},
    {"x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-bucket-key-enabled": "perhaps"},
])
def test_contradictions_are_refused(pond, bucket, headers):
    answer = raw(pond, "PUT", f"/{bucket}/k", headers, b"x")
    assert (answer.status, answer.code) == (400, "InvalidArgument"), answer.body
    assert raw(pond, "GET", f"/{bucket}/k").code == "NoSuchKey"


def test_headers_that_an_operation_does_not_have(pond, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    answer = raw(pond, "GET", f"/{bucket}/k", {"x-amz-server-side-encryption": "AES256"})
    assert (answer.status, answer.code) == (400, "InvalidArgument")
    assert "not supported for this operation" in answer.message


def test_what_the_client_encrypted_stays_as_it_is(s3, bucket, key):
    body = os.urandom(100_000)
    metadata = {
        "x-amz-key-v2": base64.b64encode(os.urandom(184)).decode(),
        "x-amz-iv": base64.b64encode(os.urandom(12)).decode(),
        "x-amz-cek-alg": "AES/GCM/NoPadding",
        "x-amz-wrap-alg": "kms+context",
        "x-amz-matdesc": '{"aws:x-amz-cek-alg":"AES/GCM/NoPadding"}',
        "x-amz-tag-len": "128",
        "x-amz-unencrypted-content-length": "99984",
    }
    for more in ({}, {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}):
        s3.put_object(Bucket=bucket, Key="k", Body=body, Metadata=metadata, **more)
        got = s3.get_object(Bucket=bucket, Key="k")
        assert (got["Body"].read(), got["Metadata"]) == (body, metadata)


def test_nobody_without_a_name_uses_a_key(pond, s3, bucket, key):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    answer = Request("GET", f"{pond.endpoint}/{bucket}/k").send(pond)
    assert (answer.status, answer.code) == (403, "AccessDenied")
    for operation in ("PUT", "DELETE"):
        answer = Request(operation, f"{pond.endpoint}/{bucket}?encryption", {}, b"").send(pond)
        assert (answer.status, answer.code) == (403, "AccessDenied")


def test_keys_and_objects_outlive_a_restart(fresh_pond, name):
    s3, kms = fresh_pond.client("s3"), fresh_pond.client("kms")
    s3.create_bucket(Bucket=name)
    key = kms.create_key()["KeyMetadata"]["Arn"]
    default(s3, name, "aws:kms", key, bucket_key=True)
    s3.put_object(Bucket=name, Key="k", Body=b"sealed")
    fresh_pond.kill()
    fresh_pond.start()
    s3 = fresh_pond.client("s3")
    assert s3.get_object(Bucket=name, Key="k")["Body"].read() == b"sealed"
    assert shown(s3.put_object(Bucket=name, Key="l", Body=b"x")) == ("aws:kms", key, True)


def test_nothing_readable_is_on_the_disk_or_in_the_log(fresh_pond, name):
    """Bodies and keys: names of objects and what is kept beside the bytes are the pond's to read."""
    s3, kms = fresh_pond.client("s3"), fresh_pond.client("kms")
    s3.create_bucket(Bucket=name)
    key = kms.create_key()["KeyMetadata"]["Arn"]
    planted = b"planted-plaintext-0123456789abcdef"
    secret = os.urandom(32)
    ways = [{}, {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key},
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key, "BucketKeyEnabled": True},
            {"ServerSideEncryption": "aws:kms:dsse", "SSEKMSKeyId": key}]
    for body in (planted, planted * 20_000):
        for n, way in enumerate(ways):
            s3.put_object(Bucket=name, Key=f"{n}-{len(body)}", Body=body, **way)
            assert s3.get_object(Bucket=name, Key=f"{n}-{len(body)}")["Body"].read() == body
        at = f"/{name}/c-{len(body)}"
        assert raw(fresh_pond, "PUT", at, customer(secret), body).status == 200
        assert raw(fresh_pond, "GET", at, customer(secret)).body == body
        # Answers that are errors keep it to themselves too.
        assert raw(fresh_pond, "PUT", at, {**customer(secret), ALGORITHM: "x"}, body).status == 400
        begun = s3.create_multipart_upload(Bucket=name, Key="m", **ways[1])["UploadId"]
        s3.upload_part(Bucket=name, Key="m", UploadId=begun, PartNumber=1, Body=body)
    # Under a key of KMS not even an MD5 of the bytes is kept.
    s3.put_object(Bucket=name, Key="md5", Body=planted * 3, **ways[1])
    given = kms.generate_data_key(KeyId=key, KeySpec="AES_256")["Plaintext"]
    kms.decrypt(CiphertextBlob=kms.encrypt(KeyId=key, Plaintext=planted)["CiphertextBlob"])
    fresh_pond.stop()
    secrets = [planted, planted[:16], secret, given, hashlib.md5(planted * 3).digest()]
    files = [path for path in fresh_pond.folder.rglob("*") if path.is_file()]
    assert any(path.name == "server.log" for path in files) and len(files) > 10
    for path in files:
        held = path.read_bytes()
        for hidden in secrets:
            for form in (hidden, base64.b64encode(hidden), hidden.hex().encode()):
                assert form not in held, (path, hidden)
