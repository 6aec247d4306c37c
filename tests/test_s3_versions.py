"""S3's versions and tags, by boto3."""

import pytest

from test_s3 import fails


@pytest.fixture
def s3(pond):
    return pond.client("s3")


@pytest.fixture
def versioned(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


def versions(s3, bucket, **more):
    """Every version and delete marker of a bucket, page by page: key, version, latest, size (None: a marker)."""
    found = []
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, **more):
        rows = [(v["Key"], v["VersionId"], v["IsLatest"], v["Size"]) for v in page.get("Versions", [])]
        rows += [(m["Key"], m["VersionId"], m["IsLatest"], None) for m in page.get("DeleteMarkers", [])]
        found += rows
    return found


def test_a_bucket_says_whether_it_keeps_versions(s3, bucket):
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    assert "VersionId" not in s3.put_object(Bucket=bucket, Key="k", Body=b"0")
    for status in ("Enabled", "Suspended", "Enabled"):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == status
    fails(
        lambda: s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={}),
        400,
        "IllegalVersioningConfigurationException",
    )
    mfa = {"Status": "Enabled", "MFADelete": "Enabled"}
    fails(lambda: s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=mfa), 501, "NotImplemented")
    assert s3.get_object(Bucket=bucket, Key="k")["VersionId"] == "null"


def test_versions_are_kept_read_and_removed(s3, versioned):
    ids = [s3.put_object(Bucket=versioned, Key="k", Body=b"x" * n)["VersionId"] for n in range(1, 4)]
    assert len(set(ids)) == 3
    for n, version in enumerate(ids, start=1):
        got = s3.get_object(Bucket=versioned, Key="k", VersionId=version)
        assert (got["Body"].read(), got["VersionId"]) == (b"x" * n, version)
        assert s3.head_object(Bucket=versioned, Key="k", VersionId=version)["ContentLength"] == n
    assert s3.get_object(Bucket=versioned, Key="k")["VersionId"] == ids[2]
    assert [v[1] for v in versions(s3, versioned)] == ids[::-1]

    gone = s3.delete_object(Bucket=versioned, Key="k")
    assert gone["DeleteMarker"] is True
    error = fails(lambda: s3.get_object(Bucket=versioned, Key="k"), 404, "NoSuchKey")
    assert error["Key"] == "k"
    with pytest.raises(s3.exceptions.ClientError) as caught:
        s3.head_object(Bucket=versioned, Key="k", VersionId=gone["VersionId"])
    answer = caught.value.response["ResponseMetadata"]
    assert answer["HTTPStatusCode"] == 405 and answer["HTTPHeaders"]["x-amz-delete-marker"] == "true"
    assert "Contents" not in s3.list_objects_v2(Bucket=versioned)
    assert versions(s3, versioned)[-1] == ("k", gone["VersionId"], True, None)

    undone = s3.delete_object(Bucket=versioned, Key="k", VersionId=gone["VersionId"])
    assert (undone["DeleteMarker"], undone["VersionId"]) == (True, gone["VersionId"])
    assert s3.get_object(Bucket=versioned, Key="k")["VersionId"] == ids[2]
    s3.delete_object(Bucket=versioned, Key="k", VersionId=ids[2])
    assert s3.get_object(Bucket=versioned, Key="k")["VersionId"] == ids[1]
    fails(lambda: s3.get_object(Bucket=versioned, Key="k", VersionId=ids[2]), 404, "NoSuchVersion")
    s3.delete_object(Bucket=versioned, Key="k", VersionId=ids[2])  # It is gone already: no error.
    fails(lambda: s3.get_object(Bucket=versioned, Key="k", VersionId="x"), 400, "InvalidArgument")


def test_suspended_versioning_keeps_one_null_version(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"first")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    second = s3.put_object(Bucket=bucket, Key="k", Body=b"second")["VersionId"]
    assert s3.get_object(Bucket=bucket, Key="k", VersionId="null")["Body"].read() == b"first"
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    s3.put_object(Bucket=bucket, Key="k", Body=b"third")
    assert [(v[1], v[3]) for v in versions(s3, bucket)] == [("null", 5), (second, 6)]
    marker = s3.delete_object(Bucket=bucket, Key="k")
    assert (marker["DeleteMarker"], marker["VersionId"]) == (True, "null")
    assert [(v[1], v[3]) for v in versions(s3, bucket)] == [(second, 6), ("null", None)]


def test_pages_of_versions(s3, versioned):
    expected = []
    for key in ("a", "b/1", "b/2", "c"):
        ids = [s3.put_object(Bucket=versioned, Key=key, Body=b"x")["VersionId"] for _ in range(3)]
        expected += [(key, version) for version in ids[::-1]]
    for size in (1, 2, 3, 5, 1000):
        found = versions(s3, versioned, PaginationConfig={"PageSize": size})
        assert [(v[0], v[1]) for v in found] == expected, size
    rolled = s3.list_object_versions(Bucket=versioned, Delimiter="/")
    assert [p["Prefix"] for p in rolled["CommonPrefixes"]] == ["b/"] and len(rolled["Versions"]) == 6
    under = s3.list_object_versions(Bucket=versioned, Prefix="b/")
    assert [(v["Key"], v["VersionId"]) for v in under["Versions"]] == expected[3:9]


def test_many_versions_are_deleted_at_once(s3, versioned):
    old = s3.put_object(Bucket=versioned, Key="k", Body=b"1")["VersionId"]
    s3.put_object(Bucket=versioned, Key="k", Body=b"2")
    answer = s3.delete_objects(
        Bucket=versioned, Delete={"Objects": [{"Key": "k", "VersionId": old}, {"Key": "k"}, {"Key": "l"}]}
    )
    first, marked, other = answer["Deleted"]
    assert first == {"Key": "k", "VersionId": old}
    assert marked["DeleteMarker"] and other["DeleteMarker"] and marked["DeleteMarkerVersionId"]
    fails(lambda: s3.delete_bucket(Bucket=versioned), 409, "BucketNotEmpty")
    rest = [{"Key": v[0], "VersionId": v[1]} for v in versions(s3, versioned)]
    s3.delete_objects(Bucket=versioned, Delete={"Objects": rest})
    s3.delete_bucket(Bucket=versioned)


def test_copies_and_uploads_make_versions(s3, versioned):
    old = s3.put_object(Bucket=versioned, Key="k", Body=b"old", Metadata={"a": "1"})["VersionId"]
    s3.put_object(Bucket=versioned, Key="k", Body=b"new")
    copied = s3.copy_object(
        Bucket=versioned, Key="k", CopySource={"Bucket": versioned, "Key": "k", "VersionId": old}
    )
    assert copied["CopySourceVersionId"] == old and copied["VersionId"] != old
    got = s3.get_object(Bucket=versioned, Key="k")
    assert (got["Body"].read(), got["Metadata"]) == (b"old", {"a": "1"})
    upload = s3.create_multipart_upload(Bucket=versioned, Key="k")["UploadId"]
    tag = s3.upload_part(Bucket=versioned, Key="k", UploadId=upload, PartNumber=1, Body=b"part")["ETag"]
    done = s3.complete_multipart_upload(
        Bucket=versioned, Key="k", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": tag}]}
    )
    assert s3.get_object(Bucket=versioned, Key="k", VersionId=done["VersionId"])["Body"].read() == b"part"
    assert len(versions(s3, versioned)) == 4


def test_conditional_deletes(s3, bucket):
    tag = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["ETag"]
    fails(lambda: s3.delete_object(Bucket=bucket, Key="k", IfMatch='"x"'), 412, "PreconditionFailed")
    many = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", "ETag": '"x"'}]})
    assert many["Errors"][0]["Code"] == "PreconditionFailed"
    s3.delete_object(Bucket=bucket, Key="k", IfMatch=tag)
    fails(lambda: s3.delete_object(Bucket=bucket, Key="k", IfMatch="*"), 412, "PreconditionFailed")
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    s3.delete_object(Bucket=bucket, Key="k", IfMatch="*")
    fails(lambda: s3.get_object(Bucket=bucket, Key="k"), 404, "NoSuchKey")


def tags(**pairs):
    return {"TagSet": [{"Key": key, "Value": value} for key, value in pairs.items()]}


def test_bucket_tags(s3, bucket):
    fails(lambda: s3.get_bucket_tagging(Bucket=bucket), 404, "NoSuchTagSet")
    s3.put_bucket_tagging(Bucket=bucket, Tagging=tags(a="1", b=""))
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags(a="1", b="")["TagSet"]
    reserved = {"TagSet": [{"Key": "aws:x", "Value": "1"}]}
    fails(lambda: s3.put_bucket_tagging(Bucket=bucket, Tagging=reserved), 400, "InvalidTag")
    s3.delete_bucket_tagging(Bucket=bucket)
    fails(lambda: s3.get_bucket_tagging(Bucket=bucket), 404, "NoSuchTagSet")


def test_object_tags(s3, versioned):
    old = s3.put_object(Bucket=versioned, Key="k", Body=b"1", Tagging="a=1&b=%2F")["VersionId"]
    assert s3.get_object(Bucket=versioned, Key="k")["TagCount"] == 2
    new = s3.put_object(Bucket=versioned, Key="k", Body=b"2")["VersionId"]
    assert s3.get_object_tagging(Bucket=versioned, Key="k")["TagSet"] == []
    answer = s3.get_object_tagging(Bucket=versioned, Key="k", VersionId=old)
    assert (answer["TagSet"], answer["VersionId"]) == (tags(a="1", b="/")["TagSet"], old)
    assert s3.put_object_tagging(Bucket=versioned, Key="k", Tagging=tags(c="3"))["VersionId"] == new
    s3.delete_object_tagging(Bucket=versioned, Key="k", VersionId=old)
    assert s3.get_object_tagging(Bucket=versioned, Key="k", VersionId=old)["TagSet"] == []
    s3.copy_object(Bucket=versioned, Key="copy", CopySource=f"{versioned}/k")
    assert s3.get_object_tagging(Bucket=versioned, Key="copy")["TagSet"] == tags(c="3")["TagSet"]
    s3.copy_object(
        Bucket=versioned, Key="copy", CopySource=f"{versioned}/k", TaggingDirective="REPLACE", Tagging="d=4"
    )
    assert s3.get_object_tagging(Bucket=versioned, Key="copy")["TagSet"] == tags(d="4")["TagSet"]
    eleven = tags(**{f"k{n}": "v" for n in range(11)})
    fails(lambda: s3.put_object_tagging(Bucket=versioned, Key="k", Tagging=eleven), 400, "BadRequest")
    fails(lambda: s3.get_object_tagging(Bucket=versioned, Key="nothing"), 404, "NoSuchKey")
    fails(lambda: s3.put_object(Bucket=versioned, Key="k", Tagging="a=1&a=2"), 400, "InvalidArgument")
