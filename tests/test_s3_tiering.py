"""Intelligent tiering: its configurations, and objects that go down and come back, on a lab whose clock is turned."""

import json
import urllib.request

import pytest
from botocore.exceptions import ClientError

from pond import wait_for

BODY = b"water " * 40_000
ARCHIVE = {"AccessTier": "ARCHIVE_ACCESS", "Days": 90}
DEEP = {"AccessTier": "DEEP_ARCHIVE_ACCESS", "Days": 180}


def advance(lab, by):
    body = json.dumps({"by": by}).encode()
    request = urllib.request.Request(f"{lab.endpoint}/_millpond/clock/advance", body, method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


def error_of(call, **arguments):
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    return raised.value.response


def code_of(call, **arguments):
    return error_of(call, **arguments)["Error"]["Code"]


def put(s3, bucket, name, *tiers, status="Enabled", **more):
    configuration = {"Id": name, "Status": status, "Tierings": list(tiers), **more}
    s3.put_bucket_intelligent_tiering_configuration(Bucket=bucket, Id=name, IntelligentTieringConfiguration=configuration)
    return configuration


def test_configurations_are_kept_and_shown(pond, bucket):
    s3 = pond.client("s3")
    assert s3.list_bucket_intelligent_tiering_configurations(Bucket=bucket)["IsTruncated"] is False
    assert code_of(s3.get_bucket_intelligent_tiering_configuration, Bucket=bucket, Id="a") == "NoSuchConfiguration"
    tag = {"Key": "cold", "Value": "yes"}
    expected = [
        put(s3, bucket, "a", ARCHIVE, DEEP, Filter={"Prefix": "logs/"}),
        put(s3, bucket, "b", DEEP, Filter={"Tag": tag}, status="Disabled"),
        put(s3, bucket, "c", ARCHIVE, Filter={"And": {"Prefix": "x/", "Tags": [tag]}}),
        put(s3, bucket, "d", ARCHIVE),
    ]
    for configuration in expected:
        got = s3.get_bucket_intelligent_tiering_configuration(Bucket=bucket, Id=configuration["Id"])
        assert got["IntelligentTieringConfiguration"] == configuration
    listed = s3.list_bucket_intelligent_tiering_configurations(Bucket=bucket)
    assert listed["IntelligentTieringConfigurationList"] == expected
    s3.delete_bucket_intelligent_tiering_configuration(Bucket=bucket, Id="a")
    assert code_of(s3.delete_bucket_intelligent_tiering_configuration, Bucket=bucket, Id="a") == "NoSuchConfiguration"
    expected[3] = put(s3, bucket, "d", DEEP)
    listed = s3.list_bucket_intelligent_tiering_configurations(Bucket=bucket)
    assert listed["IntelligentTieringConfigurationList"] == expected[1:]


def test_configurations_are_paged(pond, bucket):
    s3 = pond.client("s3")
    for n in range(102):
        put(s3, bucket, f"c{n:03}", ARCHIVE)
    page = s3.list_bucket_intelligent_tiering_configurations(Bucket=bucket)
    assert (page["IsTruncated"], len(page["IntelligentTieringConfigurationList"])) == (True, 100)
    token = page["NextContinuationToken"]
    rest = s3.list_bucket_intelligent_tiering_configurations(Bucket=bucket, ContinuationToken=token)
    assert [one["Id"] for one in rest["IntelligentTieringConfigurationList"]] == ["c100", "c101"]
    assert rest["IsTruncated"] is False
    call = s3.list_bucket_intelligent_tiering_configurations
    assert code_of(call, Bucket=bucket, ContinuationToken="x" + token) == "InvalidArgument"


@pytest.mark.parametrize(
    "label, tiers, more, code",
    [
        ("a", [{**ARCHIVE, "Days": 89}], {}, "InvalidArgument"),
        ("a", [{**DEEP, "Days": 179}], {}, "InvalidArgument"),
        ("a", [{**ARCHIVE, "Days": 731}], {}, "InvalidArgument"),
        ("a", [ARCHIVE, ARCHIVE], {}, "InvalidArgument"),
        ("a b", [ARCHIVE], {}, "InvalidArgument"),
        ("a", [{"AccessTier": "FREQUENT_ACCESS", "Days": 90}], {}, "MalformedXML"),
        ("a", [ARCHIVE], {"Filter": {"And": {"Prefix": "x"}}}, "MalformedXML"),
        ("a", [ARCHIVE], {"status": "On"}, "MalformedXML"),
    ],
)
def test_configurations_that_are_refused(pond, bucket, label, tiers, more, code):
    s3 = pond.client("s3")
    assert code_of(lambda **_: put(s3, bucket, label, *tiers, **more)) == code
    assert "IntelligentTieringConfigurationList" not in s3.list_bucket_intelligent_tiering_configurations(Bucket=bucket)


def test_an_archived_object_is_restored_and_stays(lab, name):
    s3 = lab.client("s3")
    s3.create_bucket(Bucket=name)
    for key in ("logs/a", "logs/read", "other"):
        s3.put_object(Bucket=name, Key=key, Body=BODY, StorageClass="INTELLIGENT_TIERING")
    s3.put_object(Bucket=name, Key="logs/small", Body=b"x", StorageClass="INTELLIGENT_TIERING")
    put(s3, name, "c", ARCHIVE, Filter={"Prefix": "logs/"})
    status = lambda key: s3.head_object(Bucket=name, Key=key).get("ArchiveStatus")
    advance(lab, "60d")
    assert s3.get_object(Bucket=name, Key="logs/read")["Body"].read() == BODY
    advance(lab, "2m")
    advance(lab, "31d")
    wait_for("the object to be archived", lambda: status("logs/a") == "ARCHIVE_ACCESS")
    assert [status(key) for key in ("logs/read", "logs/small", "other")] == [None] * 3
    answer = error_of(s3.get_object, Bucket=name, Key="logs/a")
    assert (answer["Error"]["Code"], answer["Error"]["AccessTier"]) == ("InvalidObjectState", "ARCHIVE_ACCESS")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert s3.head_object(Bucket=name, Key="logs/a")["StorageClass"] == "INTELLIGENT_TIERING"
    restore = {"GlacierJobParameters": {"Tier": "Standard"}}
    refused = {"Bucket": name, "Key": "logs/a", "RestoreRequest": {"Days": 2, **restore}}
    assert code_of(s3.restore_object, **refused) == "InvalidArgument"
    answer = s3.restore_object(Bucket=name, Key="logs/a", RestoreRequest=restore)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert code_of(s3.restore_object, Bucket=name, Key="logs/a", RestoreRequest=restore) == "RestoreAlreadyInProgress"
    lab.kill()
    lab.start()
    s3 = lab.client("s3")
    advance(lab, "5h")
    wait_for("the restore", lambda: status("logs/a") is None)
    assert s3.get_object(Bucket=name, Key="logs/a")["Body"].read() == BODY
    advance(lab, "20d")
    assert s3.get_object(Bucket=name, Key="logs/a")["Body"].read() == BODY, "it is no copy that goes again"


def test_the_command_line(pond, bucket):
    configuration = {"Id": "cli", "Status": "Enabled", "Tierings": [ARCHIVE]}
    words = ["--bucket", bucket, "--id", "cli"]
    pond.cli(
        "s3api",
        "put-bucket-intelligent-tiering-configuration",
        *words,
        "--intelligent-tiering-configuration",
        json.dumps(configuration),
    )
    got = json.loads(pond.cli("s3api", "get-bucket-intelligent-tiering-configuration", *words).stdout)
    assert got["IntelligentTieringConfiguration"] == configuration
    pond.cli("s3api", "delete-bucket-intelligent-tiering-configuration", *words)
