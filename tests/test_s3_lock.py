"""S3's object lock, by boto3, with a clock that turns."""

import subprocess
from datetime import datetime, timedelta, timezone

import pytest

from pond import binary
from raw import Request
from test_s3 import fails

LOCKED = "Access Denied because object protected by object lock."


def soon(**ahead):
    return (datetime.now(timezone.utc) + timedelta(**ahead)).replace(microsecond=0)


@pytest.fixture
def s3(pond):
    return pond.client("s3")


@pytest.fixture
def locking(s3, name):
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


def default(mode="GOVERNANCE", **period):
    return {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": mode, **period}}}


def test_a_bucket_with_lock_keeps_versions_for_ever(s3, locking, name):
    assert s3.get_bucket_versioning(Bucket=locking)["Status"] == "Enabled"
    assert s3.get_object_lock_configuration(Bucket=locking)["ObjectLockConfiguration"] == {
        "ObjectLockEnabled": "Enabled"
    }
    suspended = {"Status": "Suspended"}
    fails(lambda: s3.put_bucket_versioning(Bucket=locking, VersioningConfiguration=suspended), 409, "InvalidBucketState")
    for bad, code in [
        ({}, "MalformedXML"),
        ({"ObjectLockEnabled": "Enabled", "Rule": {}}, "MalformedXML"),
        (default(Days=1, Years=1), "MalformedXML"),
        (default(mode="x", Days=1), "MalformedXML"),
        (default(Days=0), "InvalidArgument"),
        (default(Years=101), "InvalidArgument"),
    ]:
        fails(lambda: s3.put_object_lock_configuration(Bucket=locking, ObjectLockConfiguration=bad), 400, code)


def test_lock_comes_to_a_bucket_that_is_there(s3, bucket):
    fails(lambda: s3.get_object_lock_configuration(Bucket=bucket), 404, "ObjectLockConfigurationNotFoundError")
    wanted = default(Days=2)
    put = lambda: s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=wanted)
    fails(put, 409, "InvalidBucketState")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put()
    assert s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"] == wanted
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["ObjectLockMode"] == "GOVERNANCE"
    ahead = got["ObjectLockRetainUntilDate"] - datetime.now(timezone.utc)
    assert timedelta(days=1, hours=23) < ahead <= timedelta(days=2)
    assert fails(lambda: s3.delete_object(Bucket=bucket, Key="k", VersionId=version), 403, "AccessDenied")["Message"] == LOCKED


def test_a_bucket_without_lock_takes_no_locks(s3, bucket):
    missing = "Bucket is missing Object Lock Configuration"
    for headers in ({"ObjectLockLegalHoldStatus": "ON"}, {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": soon(days=1)}):
        for call in (
            lambda: s3.put_object(Bucket=bucket, Key="k", Body=b"1", **headers),
            lambda: s3.create_multipart_upload(Bucket=bucket, Key="k", **headers),
        ):
            assert fails(call, 400, "InvalidRequest")["Message"] == missing
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    hold = {"Status": "ON"}
    fails(lambda: s3.put_object_legal_hold(Bucket=bucket, Key="k", LegalHold=hold), 400, "InvalidRequest")
    fails(lambda: s3.get_object_legal_hold(Bucket=bucket, Key="k"), 400, "InvalidRequest")
    fails(lambda: s3.get_object_retention(Bucket=bucket, Key="k"), 400, "InvalidRequest")


def test_governance(s3, locking):
    until = soon(days=10)
    lock = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": until}
    version = s3.put_object(Bucket=locking, Key="k", Body=b"1", **lock)["VersionId"]
    head = s3.head_object(Bucket=locking, Key="k")
    assert (head["ObjectLockMode"], head["ObjectLockRetainUntilDate"]) == ("GOVERNANCE", until)
    marker = s3.delete_object(Bucket=locking, Key="k")  # A delete marker takes nothing away.
    assert marker["DeleteMarker"]
    s3.delete_object(Bucket=locking, Key="k", VersionId=marker["VersionId"])
    delete = {"Objects": [{"Key": "k", "VersionId": version}]}
    assert s3.delete_objects(Bucket=locking, Delete=delete)["Errors"][0]["Code"] == "AccessDenied"

    def retain(mode, date, **more):
        kept = {"Mode": mode, "RetainUntilDate": date} if mode else {}
        return s3.put_object_retention(Bucket=locking, Key="k", VersionId=version, Retention=kept, **more)

    retain("GOVERNANCE", until + timedelta(days=1))
    assert s3.get_object_retention(Bucket=locking, Key="k")["Retention"] == {
        "Mode": "GOVERNANCE", "RetainUntilDate": until + timedelta(days=1)
    }
    assert fails(lambda: retain("GOVERNANCE", until), 403, "AccessDenied")["Message"] == LOCKED
    fails(lambda: retain("COMPLIANCE", until + timedelta(days=2)), 403, "AccessDenied")
    fails(lambda: retain("GOVERNANCE", soon(days=-1)), 400, "InvalidArgument")
    fails(lambda: retain("x", until), 400, "MalformedXML")
    retain("GOVERNANCE", until, BypassGovernanceRetention=True)
    retain(None, None, BypassGovernanceRetention=True)
    fails(lambda: s3.get_object_retention(Bucket=locking, Key="k"), 404, "NoSuchObjectLockConfiguration")
    retain("GOVERNANCE", until)
    gone = s3.delete_objects(Bucket=locking, Delete=delete, BypassGovernanceRetention=True)
    assert gone["Deleted"] == [{"Key": "k", "VersionId": version}]


def test_compliance_holds_against_everybody_until_its_time(lab, name):
    s3 = lab.client("s3")
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    s3.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=default("COMPLIANCE", Days=30))
    version = s3.put_object(Bucket=name, Key="k", Body=b"1")["VersionId"]
    remove = lambda: s3.delete_object(Bucket=name, Key="k", VersionId=version, BypassGovernanceRetention=True)
    fails(remove, 403, "AccessDenied")
    shorter = {"Mode": "COMPLIANCE", "RetainUntilDate": soon(days=5)}
    fails(
        lambda: s3.put_object_retention(Bucket=name, Key="k", Retention=shorter, BypassGovernanceRetention=True),
        403, "AccessDenied",
    )
    turn = [binary(), "clock", "advance", "29d", "--data", str(lab.data)]
    subprocess.run(turn, check=True, capture_output=True)
    fails(remove, 403, "AccessDenied")
    turn[3] = "2d"
    subprocess.run(turn, check=True, capture_output=True)
    remove()
    fails(lambda: s3.get_object(Bucket=name, Key="k"), 404, "NoSuchKey")


def test_legal_hold(s3, locking):
    version = s3.put_object(Bucket=locking, Key="k", Body=b"1", ObjectLockLegalHoldStatus="ON")["VersionId"]
    assert s3.head_object(Bucket=locking, Key="k")["ObjectLockLegalHoldStatus"] == "ON"
    remove = lambda: s3.delete_object(Bucket=locking, Key="k", VersionId=version, BypassGovernanceRetention=True)
    fails(remove, 403, "AccessDenied")
    fails(lambda: s3.put_object_legal_hold(Bucket=locking, Key="k", LegalHold={"Status": "x"}), 400, "MalformedXML")
    s3.put_object_legal_hold(Bucket=locking, Key="k", VersionId=version, LegalHold={"Status": "OFF"})
    assert s3.get_object_legal_hold(Bucket=locking, Key="k")["LegalHold"] == {"Status": "OFF"}
    remove()
    s3.put_object(Bucket=locking, Key="plain", Body=b"1")
    fails(lambda: s3.get_object_legal_hold(Bucket=locking, Key="plain"), 404, "NoSuchObjectLockConfiguration")


def test_copies_and_uploads_are_locked(s3, locking):
    s3.put_object(Bucket=locking, Key="k", Body=b"1", ObjectLockLegalHoldStatus="ON")
    s3.copy_object(Bucket=locking, Key="copy", CopySource=f"{locking}/k")
    assert "ObjectLockLegalHoldStatus" not in s3.head_object(Bucket=locking, Key="copy")
    lock = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": soon(days=1)}
    s3.copy_object(Bucket=locking, Key="copy", CopySource=f"{locking}/k", **lock)
    upload = s3.create_multipart_upload(Bucket=locking, Key="mpu", ObjectLockLegalHoldStatus="ON", **lock)["UploadId"]
    tag = s3.upload_part(Bucket=locking, Key="mpu", UploadId=upload, PartNumber=1, Body=b"part")["ETag"]
    s3.complete_multipart_upload(
        Bucket=locking, Key="mpu", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": tag}]}
    )
    assert s3.head_object(Bucket=locking, Key="mpu")["ObjectLockLegalHoldStatus"] == "ON"
    for key in ("copy", "mpu"):
        version = s3.head_object(Bucket=locking, Key=key)["VersionId"]
        fails(lambda: s3.delete_object(Bucket=locking, Key=key, VersionId=version), 403, "AccessDenied")


@pytest.mark.parametrize("headers, code", [
    ({"x-amz-object-lock-legal-hold": "ON"}, "InvalidRequest"),  # No digest.
    ({"x-amz-object-lock-legal-hold": "maybe"}, "InvalidArgument"),
    ({"x-amz-object-lock-mode": "GOVERNANCE"}, "InvalidArgument"),
    ({"x-amz-object-lock-retain-until-date": "2090-01-01T00:00:00Z"}, "InvalidArgument"),
    ({"x-amz-object-lock-mode": "x", "x-amz-object-lock-retain-until-date": "2090-01-01T00:00:00Z"}, "InvalidArgument"),
    ({"x-amz-object-lock-mode": "COMPLIANCE", "x-amz-object-lock-retain-until-date": "2001-01-01T00:00:00Z"}, "InvalidArgument"),
])
def test_bad_lock_headers(pond, s3, locking, headers, code):
    request = Request("PUT", f"{pond.endpoint}/{locking}/k", headers, b"x").sign(pond.credentials, "s3")
    answer = request.send(pond)
    assert (answer.status, answer.code) == (400, code), answer.body
    assert "Versions" not in s3.list_object_versions(Bucket=locking)
