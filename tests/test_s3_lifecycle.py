"""Lifecycle rules and restores, on a lab whose clock is turned."""

import json
import urllib.request
from datetime import datetime, timedelta, timezone

import pytest
from botocore.exceptions import ClientError

from pond import wait_for as wait_until

BODY = b"water " * 40_000
PART = 5 << 20


@pytest.fixture
def s3(lab):
    return lab.client("s3")


@pytest.fixture
def bucket(s3, name):
    s3.create_bucket(Bucket=name)
    return name


def advance(lab, by):
    body = json.dumps({"by": by}).encode()
    request = urllib.request.Request(f"{lab.endpoint}/_millpond/clock/advance", body, method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


def wait_for(condition):
    wait_until("the rule to act", condition)


def code_of(call, **arguments):
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    return raised.value.response["Error"]["Code"]


def put_rules(s3, bucket, *rules):
    rules = [{"ID": f"rule-{at}", "Status": "Enabled", "Filter": {}, **rule} for at, rule in enumerate(rules)]
    return s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})


def class_of(s3, bucket, key):
    return s3.head_object(Bucket=bucket, Key=key).get("StorageClass", "STANDARD")


def is_gone(s3, bucket, key):
    return "Contents" not in s3.list_objects_v2(Bucket=bucket, Prefix=key)


def versions(s3, bucket):
    page = s3.list_object_versions(Bucket=bucket)
    return len(page.get("Versions", [])), len(page.get("DeleteMarkers", []))


def test_an_object_goes_its_way(lab, s3, bucket):
    for key in ("logs/a", "other/a"):
        s3.put_object(Bucket=bucket, Key=key, Body=BODY)
    s3.put_object(Bucket=bucket, Key="logs/small", Body=b"x")
    moves = [{"Days": 30, "StorageClass": "STANDARD_IA"}, {"Days": 60, "StorageClass": "GLACIER"}]
    put_rules(s3, bucket, {"Filter": {"Prefix": "logs/"}, "Transitions": moves, "Expiration": {"Days": 90}})
    head = s3.head_object(Bucket=bucket, Key="logs/a")
    assert 'rule-id="rule-0"' in head["Expiration"]
    assert "Expiration" not in s3.head_object(Bucket=bucket, Key="other/a")
    advance(lab, "31d")
    wait_for(lambda: class_of(s3, bucket, "logs/a") == "STANDARD_IA")
    assert s3.get_object(Bucket=bucket, Key="logs/a")["Body"].read() == BODY
    advance(lab, "30d")
    wait_for(lambda: class_of(s3, bucket, "logs/a") == "GLACIER")
    assert code_of(s3.get_object, Bucket=bucket, Key="logs/a") == "InvalidObjectState"
    after = s3.head_object(Bucket=bucket, Key="logs/a")
    assert (after["ETag"], after["LastModified"]) == (head["ETag"], head["LastModified"])
    # Small objects stay in their class.
    assert class_of(s3, bucket, "logs/small") == "STANDARD"
    advance(lab, "30d")
    wait_for(lambda: is_gone(s3, bucket, "logs/"))
    assert s3.get_object(Bucket=bucket, Key="other/a")["Body"].read() == BODY


def test_an_upload_in_parts_is_moved_and_restored(lab, s3, bucket):
    at = {"Bucket": bucket, "Key": "k"}
    upload = s3.create_multipart_upload(**at)["UploadId"]
    bodies = [b"a" * PART, b"b" * PART, b"the end"]
    tags = [
        s3.upload_part(**at, UploadId=upload, PartNumber=n, Body=body)["ETag"]
        for n, body in enumerate(bodies, 1)
    ]
    parts = {"Parts": [{"PartNumber": n, "ETag": tag} for n, tag in enumerate(tags, 1)]}
    s3.complete_multipart_upload(**at, UploadId=upload, MultipartUpload=parts)
    put_rules(s3, bucket, {"Transitions": [{"Days": 1, "StorageClass": "DEEP_ARCHIVE"}]})
    advance(lab, "2d")
    wait_for(lambda: class_of(s3, bucket, "k") == "DEEP_ARCHIVE")
    tier = {"Days": 2, "GlacierJobParameters": {"Tier": "Expedited"}}
    assert code_of(s3.restore_object, **at, RestoreRequest=tier) == "InvalidArgument"
    tier["GlacierJobParameters"]["Tier"] = "Bulk"
    assert s3.restore_object(**at, RestoreRequest=tier)["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert s3.head_object(**at)["Restore"] == 'ongoing-request="true"'
    advance(lab, "47h")
    assert code_of(s3.get_object, **at) == "InvalidObjectState"
    advance(lab, "1h")
    wait_for(lambda: 'ongoing-request="false"' in s3.head_object(**at)["Restore"])
    assert s3.get_object(**at)["Body"].read() == b"".join(bodies)
    assert s3.get_object(**at, PartNumber=3)["Body"].read() == b"the end"
    lab.kill()
    lab.start()
    s3 = lab.client("s3")
    assert s3.get_object(**at, Range="bytes=5242878-5242881")["Body"].read() == b"aabb"
    advance(lab, "4d")
    wait_for(lambda: "Restore" not in s3.head_object(**at))
    assert code_of(s3.get_object, **at) == "InvalidObjectState"


def test_a_restore(lab, s3, bucket):
    at = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**at, Body=BODY, StorageClass="GLACIER")
    ask = {"Days": 1, "GlacierJobParameters": {"Tier": "Standard"}}
    assert s3.restore_object(**at, RestoreRequest=ask)["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert code_of(s3.restore_object, **at, RestoreRequest=ask) == "RestoreAlreadyInProgress"
    faster = {"Days": 1, "GlacierJobParameters": {"Tier": "Expedited"}}
    assert s3.restore_object(**at, RestoreRequest=faster)["ResponseMetadata"]["HTTPStatusCode"] == 202
    listed = s3.list_objects_v2(Bucket=bucket, OptionalObjectAttributes=["RestoreStatus"])["Contents"][0]
    assert listed["RestoreStatus"]["IsRestoreInProgress"] is True
    advance(lab, "5m")
    wait_for(lambda: 'ongoing-request="false"' in s3.head_object(**at)["Restore"])
    assert s3.get_object(**at)["Body"].read() == BODY
    s3.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "k"})
    assert class_of(s3, bucket, "c") == "STANDARD"
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="k", OptionalObjectAttributes=["RestoreStatus"])
    expires = listed["Contents"][0]["RestoreStatus"]["RestoreExpiryDate"]
    assert (expires.hour, expires.minute, expires.second) == (0, 0, 0)
    longer = {"Days": 30, "GlacierJobParameters": {"Tier": "Standard"}}
    assert s3.restore_object(**at, RestoreRequest=longer)["ResponseMetadata"]["HTTPStatusCode"] == 200
    advance(lab, "10d")
    assert s3.get_object(**at)["Body"].read() == BODY
    advance(lab, "22d")
    wait_for(lambda: "Restore" not in s3.head_object(**at))
    s3.put_object(Bucket=bucket, Key="s", Body=b"x")
    assert code_of(s3.restore_object, Bucket=bucket, Key="s", RestoreRequest=ask) == "InvalidObjectState"
    select = {"Type": "SELECT", "Tier": "Standard"}
    assert code_of(s3.restore_object, **at, RestoreRequest=select) == "NotImplemented"


def test_versions_and_markers_go(lab, s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"2", b"3", b"4"):
        s3.put_object(Bucket=bucket, Key="k", Body=body)
    s3.put_object(Bucket=bucket, Key="gone", Body=b"x")
    s3.delete_object(Bucket=bucket, Key="gone")
    put_rules(
        s3,
        bucket,
        {"NoncurrentVersionExpiration": {"NoncurrentDays": 2, "NewerNoncurrentVersions": 1}},
        {"Filter": {"Prefix": "gone"}, "NoncurrentVersionExpiration": {"NoncurrentDays": 5}},
        {"Expiration": {"ExpiredObjectDeleteMarker": True}},
    )
    assert versions(s3, bucket) == (5, 1)
    advance(lab, "3d")
    # Of the three noncurrent versions of `k` one is kept.
    wait_for(lambda: versions(s3, bucket) == (3, 1))
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"4"
    advance(lab, "3d")
    wait_for(lambda: versions(s3, bucket)[0] == 2)
    advance(lab, "1d")
    wait_for(lambda: versions(s3, bucket) == (2, 0))


def test_an_expired_version_gets_a_marker(lab, s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for key, tags in (("k", "keep=no"), ("kept", "keep=yes")):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x", Tagging=tags)
    tag = {"Tag": {"Key": "keep", "Value": "no"}}
    put_rules(s3, bucket, {"Filter": tag, "Expiration": {"Days": 1}})
    advance(lab, "2d")
    wait_for(lambda: [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["kept"])
    assert versions(s3, bucket) == (2, 1)


def test_uploads_are_aborted(lab, s3, bucket):
    put_rules(
        s3,
        bucket,
        {"Filter": {"Prefix": "in/"}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}},
    )
    begun = s3.create_multipart_upload(Bucket=bucket, Key="in/k")
    assert begun["AbortRuleId"] == "rule-0"
    assert timedelta(days=6) < begun["AbortDate"] - datetime.now(timezone.utc) < timedelta(days=9)
    other = s3.create_multipart_upload(Bucket=bucket, Key="k")
    assert "AbortDate" not in other
    s3.upload_part(Bucket=bucket, Key="in/k", UploadId=begun["UploadId"], PartNumber=1, Body=BODY)
    advance(lab, "9d")
    wait_for(lambda: len(s3.list_multipart_uploads(Bucket=bucket)["Uploads"]) == 1)
    assert s3.list_multipart_uploads(Bucket=bucket)["Uploads"][0]["Key"] == "k"


def test_rules_are_shown_as_they_were_put(s3, bucket):
    assert code_of(s3.get_bucket_lifecycle_configuration, Bucket=bucket) == "NoSuchLifecycleConfiguration"
    rules = [
        {
            "ID": "and",
            "Status": "Enabled",
            "Filter": {
                "And": {
                    "Prefix": "a/",
                    "Tags": [{"Key": "x", "Value": "y"}],
                    "ObjectSizeGreaterThan": 500,
                    "ObjectSizeLessThan": 64_000,
                }
            },
            "Transitions": [{"Date": datetime(2030, 1, 1, tzinfo=timezone.utc), "StorageClass": "GLACIER_IR"}],
            "NoncurrentVersionTransitions": [
                {"NoncurrentDays": 30, "NewerNoncurrentVersions": 2, "StorageClass": "ONEZONE_IA"}
            ],
            "NoncurrentVersionExpiration": {"NoncurrentDays": 90},
        },
        {
            "ID": "uploads",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
        },
    ]
    put = s3.put_bucket_lifecycle_configuration(
        Bucket=bucket,
        LifecycleConfiguration={"Rules": rules},
        TransitionDefaultMinimumObjectSize="varies_by_storage_class",
    )
    assert put["TransitionDefaultMinimumObjectSize"] == "varies_by_storage_class"
    got = s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    assert got["Rules"] == rules
    assert got["TransitionDefaultMinimumObjectSize"] == "varies_by_storage_class"
    s3.delete_bucket_lifecycle(Bucket=bucket)
    assert code_of(s3.get_bucket_lifecycle_configuration, Bucket=bucket) == "NoSuchLifecycleConfiguration"


def test_rules_of_the_older_form(s3, bucket):
    def older(prefix, **action):
        return {"ID": f"{prefix}-{len(action)}{next(iter(action))}", "Status": "Enabled", "Prefix": prefix, **action}

    expire, abort = {"Expiration": {"Days": 3}}, {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}}

    def put(*rules):
        s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": list(rules)})

    for rules in ([older("old/", **expire)], [older("a/", **expire), older("b/", **expire)], [older("", **abort), older("a/", **expire)]):
        put(*rules)
        assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == rules
    for rules, message in [
        ([older("a/", **expire), older("a/", **abort)], "same prefix 'a/'"),
        ([older("", **expire), older("a/", **expire)], "overlapping prefixes '' and 'a/' for same action type 'Expiration'"),
        ([older("a/", **expire), {"ID": "f", "Status": "Enabled", "Filter": {"Prefix": "b/"}, **expire}], "Lifecycle V2"),
    ]:
        with pytest.raises(ClientError) as raised:
            put(*rules)
        assert raised.value.response["Error"]["Code"] == "InvalidRequest"
        assert message in raised.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    "rule,code",
    [
        ({}, "InvalidRequest"),
        ({"Expiration": {"Days": 0}}, "InvalidArgument"),
        ({"Expiration": {"Days": -1}}, "InvalidArgument"),
        ({"Expiration": {"Date": "2030-01-01T01:00:00Z"}}, "InvalidArgument"),
        ({"Expiration": {"Days": 1, "ExpiredObjectDeleteMarker": True}}, "MalformedXML"),
        ({"Status": "On", "Expiration": {"Days": 1}}, "MalformedXML"),
        ({"Prefix": "a", "Expiration": {"Days": 1}}, "MalformedXML"),
        ({"Transitions": [{"Days": 10, "StorageClass": "STANDARD_IA"}]}, "InvalidArgument"),
        ({"Transitions": [{"Days": 10, "StorageClass": "STANDARD"}]}, "MalformedXML"),
        ({"Filter": {"And": {"Prefix": "a"}}, "Expiration": {"Days": 1}}, "MalformedXML"),
        ({"NoncurrentVersionExpiration": {"NewerNoncurrentVersions": 1}}, "MalformedXML"),
    ],
)
def test_rules_that_are_none(s3, bucket, rule, code):
    rules = {"Rules": [{"ID": "r", "Status": "Enabled", "Filter": {}, **rule}]}
    found = code_of(s3.put_bucket_lifecycle_configuration, Bucket=bucket, LifecycleConfiguration=rules)
    assert found == code
