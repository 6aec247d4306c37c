"""Storage classes as boto3 sees them."""

import pytest
from botocore.exceptions import ClientError

CLASSES = [
    "STANDARD_IA",
    "INTELLIGENT_TIERING",
    "ONEZONE_IA",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
    "REDUCED_REDUNDANCY",
]
ARCHIVES = ["GLACIER", "DEEP_ARCHIVE"]
PART = 5 << 20


def error_of(call, **arguments):
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    return raised.value.response


def code_of(call, **arguments):
    return error_of(call, **arguments)["Error"]["Code"]


@pytest.mark.parametrize("kind", CLASSES)
def test_a_class_is_kept_and_shown(pond, bucket, kind):
    s3 = pond.client("s3")
    body = b"water " * 20_000
    s3.put_object(Bucket=bucket, Key="k", Body=body, StorageClass=kind)
    assert s3.head_object(Bucket=bucket, Key="k")["StorageClass"] == kind
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"][0]
    assert (listed["StorageClass"], listed["Size"]) == (kind, len(body))
    assert s3.list_objects(Bucket=bucket)["Contents"][0]["StorageClass"] == kind
    assert s3.list_object_versions(Bucket=bucket)["Versions"][0]["StorageClass"] == kind
    attributes = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["StorageClass"])
    assert attributes["StorageClass"] == kind
    if kind in ARCHIVES:
        answer = error_of(s3.get_object, Bucket=bucket, Key="k")
        assert answer["Error"]["Code"] == "InvalidObjectState"
        assert answer["Error"]["StorageClass"] == kind
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 403
        source = {"Bucket": bucket, "Key": "k"}
        answer = error_of(s3.copy_object, Bucket=bucket, Key="c", CopySource=source)
        assert answer["Error"]["Code"] == "InvalidObjectState"
        assert "source object" in answer["Error"]["Message"]
    else:
        got = s3.get_object(Bucket=bucket, Key="k")
        assert (got["StorageClass"], got["Body"].read()) == (kind, body)


def test_standard_is_not_said(pond, bucket):
    s3 = pond.client("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass="STANDARD")
    assert "StorageClass" not in s3.head_object(Bucket=bucket, Key="k")
    assert "StorageClass" not in s3.get_object(Bucket=bucket, Key="k")
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["StorageClass"] == "STANDARD"


def test_a_copy_changes_the_class(pond, bucket):
    s3 = pond.client("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 100_000, Metadata={"color": "blue"})
    source = {"Bucket": bucket, "Key": "k"}
    assert code_of(s3.copy_object, Bucket=bucket, Key="k", CopySource=source) == "InvalidRequest"
    s3.copy_object(Bucket=bucket, Key="k", CopySource=source, StorageClass="ONEZONE_IA")
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["StorageClass"], head["Metadata"]) == ("ONEZONE_IA", {"color": "blue"})
    # A copy is STANDARD unless it says otherwise.
    s3.copy_object(Bucket=bucket, Key="c", CopySource=source)
    assert "StorageClass" not in s3.head_object(Bucket=bucket, Key="c")


def test_uploads_have_a_class(pond, bucket):
    s3 = pond.client("s3")
    at = {"Bucket": bucket, "Key": "k"}
    upload = s3.create_multipart_upload(**at, StorageClass="STANDARD_IA")["UploadId"]
    assert s3.list_multipart_uploads(Bucket=bucket)["Uploads"][0]["StorageClass"] == "STANDARD_IA"
    assert s3.list_parts(**at, UploadId=upload)["StorageClass"] == "STANDARD_IA"
    tag = s3.upload_part(**at, UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": tag}]}
    s3.complete_multipart_upload(**at, UploadId=upload, MultipartUpload=parts)
    assert s3.head_object(**at)["StorageClass"] == "STANDARD_IA"


@pytest.mark.parametrize(
    "kind,code",
    [("COLD", "InvalidStorageClass"), ("EXPRESS_ONEZONE", "InvalidStorageClass"), ("OUTPOSTS", "NotImplemented")],
)
def test_what_is_no_class_is_refused(pond, bucket, kind, code):
    s3 = pond.client("s3")
    assert code_of(s3.put_object, Bucket=bucket, Key="k", Body=b"x", StorageClass=kind) == code
    assert code_of(s3.create_multipart_upload, Bucket=bucket, Key="k", StorageClass=kind) == code
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    source = {"Bucket": bucket, "Key": "k"}
    assert code_of(s3.copy_object, Bucket=bucket, Key="c", CopySource=source, StorageClass=kind) == code
