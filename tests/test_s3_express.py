"""Directory buckets (S3 Express One Zone): made in a zone, worked on in sessions, by boto3 and the AWS CLI as they are."""

import base64
import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.auth import S3SigV4Auth
from botocore.config import Config
from botocore.exceptions import ClientError

from pond import Pond, binary, wait_for
from raw import Request
from test_sts import allow, code_of, exports, millpond, policy
from test_zones import advance, bodies, setting, statuses, zones  # noqa: F401

ACCOUNT = "000000000000"
SECOND = "123456789012"
# Requests are signed with the caller's own keys, without a session.
WITHOUT_SESSION = Config(s3={"disable_s3_express_session_auth": True})
BIG = bytes(range(256)) * 400


def directory(name, zone="use1-az1"):
    return f"{name}--{zone}--x-s3"


def configuration(zone="use1-az1"):
    return {
        "Location": {"Type": "AvailabilityZone", "Name": zone},
        "Bucket": {"Type": "Directory", "DataRedundancy": "SingleAvailabilityZone"},
    }


def create(s3, bucket, zone="use1-az1"):
    return s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=configuration(zone))


def arn(bucket):
    return f"arn:aws:s3express:us-east-1:{ACCOUNT}:bucket/{bucket}"


@pytest.fixture
def s3(pond):
    return pond.client("s3")


@pytest.fixture
def express(s3, name):
    create(s3, directory(name))
    return directory(name)


def user(pond, name, *statements):
    """Keys of a user who may do what the statements say."""
    iam = pond.client("iam")
    iam.create_user(UserName=name)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    if statements:
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy(*statements))
    return {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"]}


def session_keys(credentials):
    return {"access_key_id": credentials["AccessKeyId"], "secret": credentials["SecretAccessKey"]}


def signed(pond, method, path, credentials, body=b"", headers=None, token=None):
    """A raw request in a session."""
    keys = {"aws_access_key_id": credentials["AccessKeyId"], "aws_secret_access_key": credentials["SecretAccessKey"]}
    headers = {"x-amz-s3session-token": token or credentials["SessionToken"], **(headers or {})}
    return Request(method, pond.endpoint + path, headers, body).sign(keys, "s3express", signer=S3SigV4Auth).send(pond)


# Buckets.

def test_a_bucket_from_its_making_to_its_end(pond, s3, name):
    bucket = directory(name)
    assert create(s3, bucket)["Location"] == f"/{bucket}"
    head = s3.head_bucket(Bucket=bucket)
    assert (head["BucketLocationType"], head["BucketLocationName"]) == ("AvailabilityZone", "use1-az1")
    assert head["BucketRegion"] == "us-east-1" and head["AccessPointAlias"] is False
    assert code_of(create, s3=s3, bucket=bucket) == "BucketAlreadyOwnedByYou"
    assert bucket in [found["Name"] for found in s3.list_directory_buckets()["Buckets"]]
    assert bucket not in [found["Name"] for found in s3.list_buckets()["Buckets"]]
    s3.create_bucket(Bucket=name)
    assert name in [found["Name"] for found in s3.list_buckets()["Buckets"]]
    assert name not in [found["Name"] for found in s3.list_directory_buckets()["Buckets"]]
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert code_of(s3.delete_bucket, Bucket=bucket) == "BucketNotEmpty"
    s3.delete_object(Bucket=bucket, Key="k")
    s3.delete_bucket(Bucket=bucket)
    assert bucket not in [found["Name"] for found in s3.list_directory_buckets()["Buckets"]]
    # Whoever may make it gets a session before it is there, and finds nothing in it.
    assert code_of(s3.get_object, Bucket=bucket, Key="k") == "NoSuchBucket"
    create(s3, bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"again")


def test_pages_of_buckets(s3, name):
    made = [directory(f"{name}-{n}") for n in range(3)]
    for bucket in made:
        create(s3, bucket)
    found, token = [], {}
    while True:
        page = s3.list_directory_buckets(MaxDirectoryBuckets=2, **token)
        assert len(page["Buckets"]) <= 2
        found += [bucket["Name"] for bucket in page["Buckets"]]
        if "ContinuationToken" not in page:
            break
        token = {"ContinuationToken": page["ContinuationToken"]}
    assert set(made) <= set(found) and len(found) == len(set(found))
    assert code_of(s3.list_directory_buckets, ContinuationToken="x") == "InvalidArgument"


@pytest.mark.parametrize("bucket, change, code", [
    ("{}--use1-az1--x-s3", {"Location": {"Type": "AvailabilityZone", "Name": "use1-az2"}}, "InvalidBucketName"),
    ("{}--use1-az1--x-s3", {"Location": {"Type": "LocalZone", "Name": "use1-az1"}}, "NotImplemented"),
    ("{}--use1-az1--x-s3", {"Bucket": {"Type": "Directory", "DataRedundancy": "SingleLocalZone"}}, "MalformedXML"),
    ("{}--use1-az1--x-s3", {"LocationConstraint": "us-west-2"}, "MalformedXML"),
    ("{}--use1-az9--x-s3", {}, "InvalidRequest"),
    ("{}--euw1-az1--x-s3", {}, "InvalidRequest"),
    ("{}--x-s3", {}, "InvalidBucketName"),
    ("{}", {}, "InvalidBucketName"),
])
def test_what_cannot_be_made(pond, name, bucket, change, code):
    # Asked without a session, which such a name would not get.
    s3 = pond.client("s3", config=WITHOUT_SESSION)
    asked = {**configuration(), **change}
    assert code_of(s3.create_bucket, Bucket=bucket.format(name), CreateBucketConfiguration=asked) == code


def test_a_name_alone_makes_none(pond, name):
    s3 = pond.client("s3", config=WITHOUT_SESSION)
    assert code_of(s3.create_bucket, Bucket=directory(name)) == "MalformedXML"


def test_control_operations(s3, express):
    assert code_of(s3.get_bucket_policy, Bucket=express) == "NoSuchBucketPolicy"
    document = policy({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "s3express:CreateSession", "Resource": arn(express)})
    s3.put_bucket_policy(Bucket=express, Policy=document)
    assert s3.get_bucket_policy(Bucket=express)["Policy"] == document
    s3.delete_bucket_policy(Bucket=express)
    for action, resource in [("s3:GetObject", arn(express)), ("s3express:DeleteBucket", arn(express)),
                             ("s3express:CreateSession", f"arn:aws:s3:::{express}")]:
        bad = policy({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": action, "Resource": resource})
        assert code_of(s3.put_bucket_policy, Bucket=express, Policy=bad) == "MalformedPolicy"
    public = policy({"Effect": "Allow", "Principal": "*", "Action": "s3express:CreateSession", "Resource": arn(express)})
    assert code_of(s3.put_bucket_policy, Bucket=express, Policy=public) == "AccessDenied"
    rule = s3.get_bucket_encryption(Bucket=express)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    rules = {"Rules": [{"ID": "go", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 3}}]}
    s3.put_bucket_lifecycle_configuration(Bucket=express, LifecycleConfiguration=rules)
    assert s3.get_bucket_lifecycle_configuration(Bucket=express)["Rules"] == rules["Rules"]
    moves = {"Rules": [{"ID": "go", "Status": "Enabled", "Filter": {}, "Transitions": [{"Days": 30, "StorageClass": "GLACIER"}]}]}
    assert code_of(s3.put_bucket_lifecycle_configuration, Bucket=express, LifecycleConfiguration=moves) == "NotImplemented"
    s3.delete_bucket_lifecycle(Bucket=express)
    assert code_of(s3.get_bucket_lifecycle_configuration, Bucket=express) == "NoSuchLifecycleConfiguration"


# Objects.

@pytest.mark.parametrize("config", [None, WITHOUT_SESSION], ids=["session", "own keys"])
def test_objects_come_and_go(pond, express, config):
    s3 = pond.client("s3", config=config)
    bodies = {"a/1": b"one", "a/b/2": BIG, "c": b""}
    for key, body in bodies.items():
        put = s3.put_object(Bucket=express, Key=key, Body=body, Metadata={"of": key.replace("/", "-")})
        assert put["ServerSideEncryption"] == "AES256"
        got = s3.get_object(Bucket=express, Key=key)
        assert got["Body"].read() == body and got["StorageClass"] == "EXPRESS_ONEZONE"
        assert got["ETag"] == put["ETag"] and got["Metadata"] == {"of": key.replace("/", "-")}
    head = s3.head_object(Bucket=express, Key="a/b/2")
    assert (head["ContentLength"], head["StorageClass"]) == (len(BIG), "EXPRESS_ONEZONE")
    assert s3.get_object(Bucket=express, Key="a/b/2", Range="bytes=1-3")["Body"].read() == BIG[1:4]
    attributes = s3.get_object_attributes(Bucket=express, Key="a/1", ObjectAttributes=["ETag", "StorageClass", "ObjectSize"])
    assert (attributes["StorageClass"], attributes["ObjectSize"]) == ("EXPRESS_ONEZONE", 3)
    page = s3.list_objects_v2(Bucket=express, Prefix="a/", Delimiter="/", FetchOwner=True)
    assert [(found["Key"], found["StorageClass"]) for found in page["Contents"]] == [("a/1", "EXPRESS_ONEZONE")]
    assert page["CommonPrefixes"] == [{"Prefix": "a/b/"}] and page["Contents"][0]["Owner"]["ID"]
    assert {found["Key"] for found in s3.list_objects_v2(Bucket=express)["Contents"]} == set(bodies)
    s3.delete_object(Bucket=express, Key="a/1", VersionId="null")
    answer = s3.delete_objects(Bucket=express, Delete={"Objects": [{"Key": "a/b/2"}, {"Key": "c"}]})
    assert {gone["Key"] for gone in answer["Deleted"]} == {"a/b/2", "c"} and "Errors" not in answer
    assert s3.list_objects_v2(Bucket=express)["KeyCount"] == 0


def test_etags_say_nothing_of_the_bytes(s3, express):
    tags = {s3.put_object(Bucket=express, Key=f"k{n}", Body=b"same")["ETag"] for n in range(3)}
    assert len(tags) == 3
    tag = s3.head_object(Bucket=express, Key="k0")["ETag"]
    assert s3.get_object(Bucket=express, Key="k0", IfMatch=tag)["Body"].read() == b"same"
    assert code_of(s3.put_object, Bucket=express, Key="k0", Body=b"x", IfNoneMatch="*") == "PreconditionFailed"


def test_uploads_in_parts(s3, express):
    at = {"Bucket": express, "Key": "big"}
    upload = s3.create_multipart_upload(**at)["UploadId"]
    assert [found["UploadId"] for found in s3.list_multipart_uploads(Bucket=express)["Uploads"]] == [upload]
    pieces = [os.urandom(5 << 20), b"the rest"]
    tags = [s3.upload_part(**at, UploadId=upload, PartNumber=n, Body=piece)["ETag"] for n, piece in enumerate(pieces, 1)]
    assert s3.list_parts(**at, UploadId=upload)["StorageClass"] == "EXPRESS_ONEZONE"
    parts = [{"PartNumber": n, "ETag": tag} for n, tag in enumerate(tags, 1)]
    with_gap = {"Parts": parts[1:]}
    assert code_of(s3.complete_multipart_upload, **at, UploadId=upload, MultipartUpload=with_gap) == "InvalidPartOrder"
    s3.complete_multipart_upload(**at, UploadId=upload, MultipartUpload={"Parts": parts})
    got = s3.get_object(**at)
    assert got["Body"].read() == b"".join(pieces) and got["StorageClass"] == "EXPRESS_ONEZONE"
    upload = s3.create_multipart_upload(**at)["UploadId"]
    copied = s3.upload_part_copy(**at, UploadId=upload, PartNumber=1, CopySource={"Bucket": express, "Key": "big"},
                                 CopySourceRange="bytes=0-99")["CopyPartResult"]["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": copied}]}
    s3.complete_multipart_upload(**at, UploadId=upload, MultipartUpload=parts)
    assert s3.get_object(**at)["Body"].read() == pieces[0][:100]
    upload = s3.create_multipart_upload(**at)["UploadId"]
    s3.abort_multipart_upload(**at, UploadId=upload)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=express)


def test_copies_within_into_and_out_of(s3, express, bucket):
    s3.put_object(Bucket=bucket, Key="plain", Body=BIG)
    s3.put_object(Bucket=bucket, Key="tagged", Body=b"x", Tagging="a=b")
    s3.copy_object(Bucket=express, Key="in", CopySource={"Bucket": bucket, "Key": "plain"})
    assert s3.head_object(Bucket=express, Key="in")["StorageClass"] == "EXPRESS_ONEZONE"
    s3.copy_object(Bucket=express, Key="within", CopySource={"Bucket": express, "Key": "in"})
    s3.copy_object(Bucket=bucket, Key="out", CopySource={"Bucket": express, "Key": "within"})
    assert s3.get_object(Bucket=bucket, Key="out")["Body"].read() == BIG
    assert "StorageClass" not in s3.head_object(Bucket=bucket, Key="out")
    tagged = {"Bucket": bucket, "Key": "tagged"}
    assert code_of(s3.copy_object, Bucket=express, Key="t", CopySource=tagged) == "NotImplemented"


@pytest.mark.parametrize("more, code", [
    ({"StorageClass": "STANDARD"}, "InvalidStorageClass"),
    ({"Tagging": "a=b"}, "NotImplemented"),
    ({"ACL": "private"}, "NotImplemented"),
    ({"ContentMD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}, "NotImplemented"),
    ({"ServerSideEncryption": "aws:kms"}, "InvalidRequest"),
    ({"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}, "NotImplemented"),
    ({"ObjectLockLegalHoldStatus": "ON"}, "NotImplemented"),
    ({"WebsiteRedirectLocation": "/x"}, "NotImplemented"),
])
def test_what_objects_do_not_have(s3, express, more, code):
    assert code_of(s3.put_object, Bucket=express, Key="k", Body=b"", **more) == code
    s3.put_object(Bucket=express, Key="k", Body=b"", ServerSideEncryption="AES256", StorageClass="EXPRESS_ONEZONE")


def test_what_such_buckets_do_not_have(s3, express):
    for call, more in [
        (s3.get_bucket_versioning, {}), (s3.get_bucket_acl, {}), (s3.get_bucket_location, {}), (s3.list_objects, {}),
        (s3.list_object_versions, {}), (s3.get_bucket_tagging, {}), (s3.get_bucket_website, {}),
        (s3.put_bucket_versioning, {"VersioningConfiguration": {"Status": "Enabled"}}),
    ]:
        assert code_of(call, Bucket=express, **more) == "NotImplemented", call
    assert code_of(s3.list_objects_v2, Bucket=express, Prefix="a") == "InvalidArgument"
    assert code_of(s3.list_objects_v2, Bucket=express, Delimiter="-") == "InvalidArgument"
    assert code_of(s3.list_objects_v2, Bucket=express, StartAfter="a") == "InvalidArgument"
    assert code_of(s3.get_object, Bucket=express, Key="k", VersionId="1") == "InvalidArgument"


def test_the_class_is_of_such_buckets_alone(s3, bucket):
    assert code_of(s3.put_object, Bucket=bucket, Key="k", Body=b"", StorageClass="EXPRESS_ONEZONE") == "InvalidStorageClass"
    assert code_of(s3.create_multipart_upload, Bucket=bucket, Key="k", StorageClass="EXPRESS_ONEZONE") == "InvalidStorageClass"
    assert code_of(s3.create_session, Bucket=bucket) == "InvalidRequest"


def test_under_a_key_of_kms(pond, s3, express):
    key = pond.client("kms").create_key()["KeyMetadata"]["Arn"]
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    s3.put_bucket_encryption(Bucket=express, ServerSideEncryptionConfiguration={"Rules": [rule]})
    shown = s3.get_bucket_encryption(Bucket=express)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert shown["BucketKeyEnabled"] and shown["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == key
    session = s3.create_session(Bucket=express)
    assert (session["ServerSideEncryption"], session["SSEKMSKeyId"]) == ("aws:kms", key)
    put = s3.put_object(Bucket=express, Key="k", Body=BIG)
    assert (put["ServerSideEncryption"], put["SSEKMSKeyId"], put["BucketKeyEnabled"]) == ("aws:kms", key, True)
    assert s3.get_object(Bucket=express, Key="k")["Body"].read() == BIG
    s3.put_object(Bucket=express, Key="l", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    other = pond.client("kms").create_key()["KeyMetadata"]["Arn"]
    assert code_of(s3.put_object, Bucket=express, Key="k", Body=b"", ServerSideEncryption="AES256") == "InvalidRequest"
    for bad in [{"SSEAlgorithm": "aws:kms"}, {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": other}, {"SSEAlgorithm": "aws:kms:dsse"}]:
        rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": bad}]}
        assert code_of(s3.put_bucket_encryption, Bucket=express, ServerSideEncryptionConfiguration=rules) == "NotImplemented"


def test_renames(s3, express, bucket):
    put = s3.put_object(Bucket=express, Key="a/old", Body=BIG, Metadata={"color": "blue"})
    before = s3.head_object(Bucket=express, Key="a/old")
    s3.rename_object(Bucket=express, Key="b/new", RenameSource="a/old")
    assert code_of(s3.get_object, Bucket=express, Key="a/old") == "NoSuchKey"
    got = s3.get_object(Bucket=express, Key="b/new")
    assert got["Body"].read() == BIG and got["ETag"] == put["ETag"] and got["Metadata"] == {"color": "blue"}
    assert got["LastModified"] == before["LastModified"]
    # What was there goes, unless a condition says otherwise.
    s3.put_object(Bucket=express, Key="c d", Body=b"in the way")
    to = {"Bucket": express, "Key": "c d"}
    assert code_of(s3.rename_object, **to, RenameSource="b/new", DestinationIfNoneMatch="*") == "PreconditionFailed"
    assert code_of(s3.rename_object, **to, RenameSource="b/new", SourceIfMatch="other") == "PreconditionFailed"
    s3.rename_object(**to, RenameSource="b/new", SourceIfMatch=put["ETag"], ClientToken="once")
    s3.rename_object(**to, RenameSource="b/new", SourceIfMatch=put["ETag"], ClientToken="once")
    assert code_of(s3.rename_object, **to, RenameSource="elsewhere", ClientToken="once") == "IdempotentParameterMismatch"
    s3.rename_object(Bucket=express, Key="e", RenameSource=f"/{express}/c%20d")
    assert s3.get_object(Bucket=express, Key="e")["Body"].read() == BIG
    assert [found["Key"] for found in s3.list_objects_v2(Bucket=express)["Contents"]] == ["e"]
    assert code_of(s3.rename_object, Bucket=express, Key="f", RenameSource="nothing") == "NoSuchKey"
    assert code_of(s3.rename_object, Bucket=express, Key="e", RenameSource="e") == "InvalidRequest"
    assert code_of(s3.rename_object, Bucket=express, Key="f/", RenameSource="e") == "InvalidRequest"
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert code_of(s3.rename_object, Bucket=bucket, Key="l", RenameSource="k") == "NotImplemented"
    assert code_of(s3.get_object, Bucket=bucket, Key="l") == "NoSuchKey"


def test_appending(pond, s3, express, bucket):
    at = {"Bucket": express, "Key": "log"}
    whole = b""
    for n, piece in enumerate([b"one ", BIG, b"three", BIG * 3]):
        put = s3.put_object(**at, Body=piece, WriteOffsetBytes=len(whole))
        whole += piece
        assert n == 0 or put["Size"] == len(whole)
    got = s3.get_object(**at, ChecksumMode="ENABLED")
    assert got["Body"].read() == whole and got["ContentLength"] == len(whole)
    assert got["ChecksumCRC32"] == base64.b64encode(zlib.crc32(whole).to_bytes(4, "big")).decode()
    assert s3.get_object(**at, Range=f"bytes=2-{len(BIG) + 6}")["Body"].read() == whole[2 : len(BIG) + 7]
    for offset, more, code in [
        (0, {}, "InvalidWriteOffset"), (len(whole) - 1, {}, "InvalidWriteOffset"), (len(whole) + 1, {}, "InvalidWriteOffset"),
        (len(whole), {"Metadata": {"a": "b"}}, "InvalidRequest"), (len(whole), {"IfMatch": "other"}, "PreconditionFailed"),
        (len(whole), {"ChecksumAlgorithm": "SHA256"}, "InvalidRequest"),
    ]:
        assert code_of(s3.put_object, **at, Body=b"x", WriteOffsetBytes=offset, **more) == code, (offset, more)
    assert code_of(s3.put_object, **at, Body=b"", WriteOffsetBytes=len(whole)) == "InvalidRequest"
    assert code_of(s3.put_object, Bucket=express, Key="none", Body=b"x", WriteOffsetBytes=3) == "InvalidWriteOffset"
    assert code_of(s3.put_object, Bucket=bucket, Key="k", Body=b"x", WriteOffsetBytes=0) == "NotImplemented"
    assert s3.get_object(**at)["Body"].read() == whole
    # A put without an offset takes its place.
    s3.put_object(**at, Body=b"new")
    assert s3.get_object(**at)["Body"].read() == b"new"


def test_appends_side_by_side_do_not_tear(pond, express):
    s3 = pond.client("s3")
    at = {"Bucket": express, "Key": "log"}
    s3.put_object(**at, Body=b"")
    pieces = [bytes([65 + n]) * 20_000 for n in range(6)]

    def add(piece):
        while True:
            try:
                return s3.put_object(**at, Body=piece, WriteOffsetBytes=s3.head_object(**at)["ContentLength"])
            except ClientError as error:
                assert error.response["Error"]["Code"] == "InvalidWriteOffset"

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(add, pieces))
    found = s3.get_object(**at)["Body"].read()
    assert sorted(found[n : n + 20_000] for n in range(0, len(found), 20_000)) == pieces


# Sessions.

def test_a_session_reads_or_writes(pond, s3, express):
    s3.put_object(Bucket=express, Key="k", Body=b"body")
    write = s3.create_session(Bucket=express)["Credentials"]
    read = s3.create_session(Bucket=express, SessionMode="ReadOnly")["Credentials"]
    assert signed(pond, "GET", f"/{express}/k", read).body == b"body"
    assert signed(pond, "PUT", f"/{express}/l", write, b"x").status == 200
    for method, path in [("PUT", "k"), ("DELETE", "k"), ("POST", "k?uploads"), ("PUT", "m?renameObject")]:
        headers = {"x-amz-rename-source": "k"} if "rename" in path else {}
        answer = signed(pond, method, f"/{express}/{path}", read, headers=headers)
        assert (answer.status, answer.code) == (403, "AccessDenied"), method
    delete = b"<Delete><Object><Key>k</Key></Object></Delete>"
    headers = {"x-amz-checksum-crc32": "AAAAAA=="}
    assert signed(pond, "POST", f"/{express}?delete", read, delete, headers).status in (400, 403)
    assert code_of(s3.create_session, Bucket=express, SessionMode="Both") == "InvalidArgument"
    assert s3.get_object(Bucket=express, Key="k")["Body"].read() == b"body"


def test_a_session_is_for_its_bucket(pond, s3, express, bucket, name):
    other = directory(f"{name}-other")
    create(s3, other)
    for owner in (express, other, bucket):
        s3.put_object(Bucket=owner, Key="k", Body=b"body")
    credentials = s3.create_session(Bucket=express)["Credentials"]
    assert signed(pond, "GET", f"/{express}/k", credentials).status == 200
    for path in (f"/{other}/k", f"/{bucket}/k", "/"):
        answer = signed(pond, "GET", path, credentials)
        assert answer.status in (400, 403) and answer.code in ("AccessDenied", "AuthorizationHeaderMalformed"), path
    # Nor does it read elsewhere for a copy, or make another session.
    answer = signed(pond, "PUT", f"/{express}/c", credentials, headers={"x-amz-copy-source": f"{bucket}/k"})
    assert answer.code == "AccessDenied"
    assert signed(pond, "GET", f"/{express}?session", credentials).code == "AccessDenied"


def test_a_token_is_whole_or_nothing(pond, s3, express):
    s3.put_object(Bucket=express, Key="k", Body=b"body")
    credentials = s3.create_session(Bucket=express)["Credentials"]
    another = s3.create_session(Bucket=express)["Credentials"]
    token = credentials["SessionToken"]
    for bad in (token[:-1], token[:40], "x", another["SessionToken"], ("A" if token[50] != "A" else "B").join([token[:50], token[51:]])):
        answer = signed(pond, "GET", f"/{express}/k", credentials, token=bad)
        assert (answer.status, answer.code) == (400, "InvalidToken")
    wrong = {**credentials, "SecretAccessKey": another["SecretAccessKey"]}
    answer = signed(pond, "GET", f"/{express}/k", wrong)
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch") and token.encode() not in answer.body
    # The key alone is none.
    keys = {"aws_access_key_id": credentials["AccessKeyId"], "aws_secret_access_key": credentials["SecretAccessKey"]}
    answer = Request("GET", f"{pond.endpoint}/{express}/k").sign(keys, "s3express", signer=S3SigV4Auth).send(pond)
    assert answer.status in (400, 403) and answer.body.find(b"body") == -1


def test_a_session_ends_after_five_minutes(lab, name):
    s3, bucket = lab.client("s3"), directory(name)
    create(s3, bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"body")
    credentials = s3.create_session(Bucket=bucket)["Credentials"]
    assert signed(lab, "GET", f"/{bucket}/k", credentials).status == 200
    advance(lab, "4m")
    assert signed(lab, "GET", f"/{bucket}/k", credentials).status == 200
    advance(lab, "2m")
    answer = signed(lab, "GET", f"/{bucket}/k", credentials)
    assert (answer.status, answer.code) == (400, "ExpiredToken")


def test_signed_for_the_wrong_service(pond, s3, express, bucket):
    for path, service in ((f"/{express}/k", "s3"), (f"/{bucket}/k", "s3express")):
        answer = Request("GET", pond.endpoint + path).sign(pond.credentials, service, signer=S3SigV4Auth).send(pond)
        assert (answer.status, answer.code) == (400, "AuthorizationHeaderMalformed")


def test_presigned(pond, s3, express):
    put = s3.generate_presigned_url("put_object", Params={"Bucket": express, "Key": "k"}, ExpiresIn=60)
    assert "X-Amz-S3session-Token" in put
    with urllib.request.urlopen(urllib.request.Request(put, b"body", method="PUT")) as answer:
        assert answer.status == 200
    get = s3.generate_presigned_url("get_object", Params={"Bucket": express, "Key": "k"}, ExpiresIn=60)
    with urllib.request.urlopen(get) as answer:
        assert answer.read() == b"body"
    # Left to itself, botocore presigns by Signature Version 2.
    own = pond.client("s3", config=WITHOUT_SESSION.merge(Config(signature_version="s3v4")))
    get = own.generate_presigned_url("get_object", Params={"Bucket": express, "Key": "k"}, ExpiresIn=60)
    with urllib.request.urlopen(get) as answer:
        assert answer.read() == b"body"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(get.replace("/k?", "/l?"))
    assert refused.value.code == 403
    form = s3.generate_presigned_post(express, "k")
    answer = subprocess.run(
        ["curl", "-s", form["url"], *[word for field in form["fields"].items() for word in ("-F", "=".join(field))], "-F", "file=x"],
        capture_output=True, text=True,
    )
    assert "NotImplemented" in answer.stdout


# Who may.

def test_exactly_the_action_lets_in(pond, s3, express, name):
    s3.put_object(Bucket=express, Key="k", Body=b"body")
    nobody = pond.client("s3", keys=user(pond, f"{name}-0", allow("s3:*")))
    for call, more in [(nobody.create_session, {}), (nobody.get_object, {"Key": "k"}), (nobody.list_objects_v2, {})]:
        assert code_of(call, Bucket=express, **more) == "AccessDenied"
    some = pond.client("s3", keys=user(pond, f"{name}-1", allow("s3express:CreateSession", arn(express))))
    assert some.get_object(Bucket=express, Key="k")["Body"].read() == b"body"
    some.put_object(Bucket=express, Key="l", Body=b"x")
    some.head_bucket(Bucket=express)
    assert code_of(some.delete_bucket, Bucket=express) == "AccessDenied"
    assert code_of(some.put_bucket_policy, Bucket=express, Policy="{}") == "AccessDenied"
    assert code_of(some.list_directory_buckets) == "AccessDenied"
    read_only = allow("s3express:CreateSession", arn(express), Condition={"StringEquals": {"s3express:SessionMode": "ReadOnly"}})
    reader = user(pond, f"{name}-2", read_only)
    for config in (None, WITHOUT_SESSION):
        reading = pond.client("s3", keys=reader, config=config)
        assert reading.get_object(Bucket=express, Key="k")["Body"].read() == b"body"
        assert code_of(reading.put_object, Bucket=express, Key="k", Body=b"") == "AccessDenied"
        assert code_of(reading.delete_objects, Bucket=express, Delete={"Objects": [{"Key": "k"}]}) == "AccessDenied"
    assert code_of(pond.client("s3", keys=reader).create_session, Bucket=express, SessionMode="ReadWrite") == "AccessDenied"


CONTROL = [
    ("s3express:CreateBucket", "create_bucket", {"CreateBucketConfiguration": configuration()}, "new"),
    ("s3express:DeleteBucket", "delete_bucket", {}, "own"),
    ("s3express:DeleteBucketPolicy", "delete_bucket_policy", {}, "own"),
    ("s3express:GetBucketPolicy", "get_bucket_policy", {}, "own"),
    ("s3express:GetEncryptionConfiguration", "get_bucket_encryption", {}, "own"),
    ("s3express:GetLifecycleConfiguration", "get_bucket_lifecycle_configuration", {}, "own"),
    ("s3express:ListAllMyDirectoryBuckets", "list_directory_buckets", None, "all"),
    ("s3express:PutEncryptionConfiguration", "delete_bucket_encryption", {}, "own"),
    ("s3express:PutLifecycleConfiguration", "delete_bucket_lifecycle", {}, "own"),
]


@pytest.mark.parametrize("action, operation, parameters, on", CONTROL, ids=lambda value: value if isinstance(value, str) else "")
def test_control_operations_need_their_own_action(pond, s3, express, name, action, operation, parameters, on):
    target = directory(f"{name}-new") if on == "new" else express
    resource = "*" if on == "all" else arn(target)
    keys = [user(pond, f"{name}-{n}", *statements) for n, statements in enumerate(
        [[allow("s3:*"), allow("s3express:CreateSession")], [allow(action, resource)]])]
    asked = {} if parameters is None else {"Bucket": target, **parameters}
    clients = [pond.client("s3", keys=keys, config=WITHOUT_SESSION) for keys in keys]
    assert code_of(getattr(clients[0], operation), **asked) == "AccessDenied"
    try:
        getattr(clients[1], operation)(**asked)
    except ClientError as error:
        assert error.response["Error"]["Code"] in ("NoSuchBucketPolicy", "NoSuchLifecycleConfiguration"), error


@pytest.fixture(scope="module")
def second(pond):
    """The root user of a second account."""
    return exports(millpond(pond, "account", "create", "--account", SECOND, "--name", "second").stdout)


def test_another_account(pond, s3, express, second):
    s3.put_object(Bucket=express, Key="k", Body=b"body")
    other = pond.client("s3", keys=second)
    assert code_of(other.get_object, Bucket=express, Key="k") == "AccessDenied"
    assert code_of(create, s3=pond.client("s3", keys=second, config=WITHOUT_SESSION), bucket=express) == "BucketAlreadyExists"
    lets_in = policy({"Effect": "Allow", "Principal": {"AWS": SECOND}, "Action": "s3express:CreateSession", "Resource": "*",
                      "Condition": {"StringEquals": {"s3express:SessionMode": "ReadOnly"}}})
    s3.put_bucket_policy(Bucket=express, Policy=lets_in)
    other = pond.client("s3", keys=second)
    assert other.get_object(Bucket=express, Key="k")["Body"].read() == b"body"
    assert code_of(other.put_object, Bucket=express, Key="k", Body=b"") == "AccessDenied"
    assert code_of(other.get_bucket_policy, Bucket=express) == "AccessDenied"
    assert express not in [found["Name"] for found in other.list_directory_buckets()["Buckets"]]


def test_a_session_before_the_bucket_does_nothing_with_another_accounts(pond, name, second):
    bucket = directory(name)
    early = pond.client("s3", keys=second).create_session(Bucket=bucket)["Credentials"]
    s3 = pond.client("s3")
    create(s3, bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"body")
    assert signed(pond, "GET", f"/{bucket}/k", early).code == "AccessDenied"


def test_a_session_ends_with_the_key_that_it_is_of(pond, s3, express, name):
    keys = user(pond, name, allow("s3express:CreateSession"))
    s3.put_object(Bucket=express, Key="k", Body=b"body")
    credentials = pond.client("s3", keys=keys).create_session(Bucket=express)["Credentials"]
    assert signed(pond, "GET", f"/{express}/k", credentials).status == 200
    pond.client("iam").delete_access_key(UserName=name, AccessKeyId=keys["aws_access_key_id"])
    assert signed(pond, "GET", f"/{express}/k", credentials).status == 403


# The command line.

def test_the_command_line(pond, name, tmp_path):
    bucket = directory(name)
    pond.cli("s3api", "create-bucket", "--bucket", bucket, "--create-bucket-configuration", json.dumps(configuration()))
    (tmp_path / "body").write_bytes(BIG)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "leaf").write_bytes(b"leaf")
    pond.cli("s3", "cp", tmp_path / "body", f"s3://{bucket}/a/body")
    pond.cli("s3", "cp", f"s3://{bucket}/a/body", tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == BIG
    assert "body" in pond.cli("s3", "ls", f"s3://{bucket}/a/").stdout
    pond.cli("s3", "cp", "--recursive", tmp_path / "tree", f"s3://{bucket}/tree/")
    pond.cli("s3", "rm", "--recursive", f"s3://{bucket}/")
    assert bucket in pond.cli("s3api", "list-directory-buckets").stdout
    pond.cli("s3api", "delete-bucket", "--bucket", bucket)


# Zones.

def test_a_bucket_is_in_its_zone_alone(zones):  # noqa: F811
    with Pond("--lab", env=setting(zones)) as pond:
        s3 = pond.client("s3")
        made = {zone: directory("lake", zone) for zone in ("use1-az1", "use1-az2", "use1-az3")}
        for zone, bucket in made.items():
            create(s3, bucket, zone)
            for n in range(4):
                s3.put_object(Bucket=bucket, Key=f"k{n}", Body=BIG)
        assert [len(bodies(zone)) for zone in zones] == [4, 4, 4]
        shutil.rmtree(zones[1])
        wait_for("the loss to be seen", lambda: 200 not in statuses(pond, made["use1-az2"], ["k0"]).values())
        assert statuses(pond, made["use1-az2"], ["k1"]) == {"k1": 503}
        assert statuses(pond, made["use1-az1"], ["k1"]) == {"k1": 200}
        # Nothing is written beside the zone that it belongs to.
        assert code_of(s3.put_object, Bucket=made["use1-az2"], Key="new", Body=BIG) == "ServiceUnavailable"
        s3.put_object(Bucket=made["use1-az3"], Key="new", Body=BIG)
        assert len(bodies(zones[0])) == 4 and len(bodies(zones[2])) == 5
    shutil.rmtree(pond.folder, ignore_errors=True)
