"""Server access logs: where they go, what stands in them, and that a clean stop loses none."""

import http.client
import json
import re
import urllib.error
import urllib.request

import pytest
from botocore import UNSIGNED
from botocore.config import Config

from conftest import _pond
from pond import wait_for
from test_s3 import fails
from test_s3_form import send, signed

LINE = re.compile(
    r'(?P<owner>\S+) (?P<bucket>\S+) \[(?P<time>[^]]+)\] (?P<ip>\S+) (?P<requester>\S+) (?P<id>\S+) (?P<operation>\S+) '
    r'(?P<key>\S+) "(?P<request>[^"]*)" (?P<status>\d+) (?P<error>\S+) (?P<sent>\S+) (?P<size>\S+) (?P<total>\d+) '
    r'(?P<turn>\S+) "(?P<referer>[^"]*)" "(?P<agent>[^"]*)" (?P<version>\S+) (?P<host_id>\S+) (?P<signature>\S+) '
    r'(?P<cipher>\S+) (?P<auth>\S+) (?P<host>\S+) (?P<tls>\S+) (?P<access_point>\S+) (?P<acl>\S+)'
)


@pytest.fixture(scope="module")
def quick():
    """Delivers logs after a second."""
    yield from _pond(env={"MILLPOND_S3_LOG_DELIVERY_SECONDS": "1"})


@pytest.fixture
def s3(quick):
    return quick.client("s3")


def let_logs_in(s3, target, source):
    statement = {
        "Effect": "Allow", "Principal": {"Service": "logging.s3.amazonaws.com"}, "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{target}/*",
        "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{source}"}, "StringEquals": {"aws:SourceAccount": "000000000000"}},
    }
    s3.put_bucket_policy(Bucket=target, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


@pytest.fixture
def buckets(s3, name):
    """A bucket that logs into another."""
    source, target = f"{name}-source", f"{name}-logs"
    for bucket in (source, target):
        s3.create_bucket(Bucket=bucket)
    let_logs_in(s3, target, source)
    log(s3, source, target)
    return source, target


def log(s3, source, target, prefix="logs/", **more):
    enabled = {"TargetBucket": target, "TargetPrefix": prefix, **more}
    s3.put_bucket_logging(Bucket=source, BucketLoggingStatus={"LoggingEnabled": enabled})


def lines(s3, target, prefix="logs/"):
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket=target, Prefix=prefix).get("Contents", [])]
    text = "".join(s3.get_object(Bucket=target, Key=key)["Body"].read().decode() for key in keys)
    found = []
    for line in text.splitlines():
        parsed = LINE.fullmatch(line)
        assert parsed, line
        found.append(parsed.groupdict())
    return found


def find(s3, target, operation, count=1, prefix="logs/"):
    """The lines of an operation, once there are so many."""
    def there():
        found = [line for line in lines(s3, target, prefix) if line["operation"] == operation]
        return found if len(found) >= count else None

    return wait_for(f"{count} of {operation} in the log", there)


def test_what_a_log_says(quick, s3, buckets):
    source, target = buckets
    s3.put_object(Bucket=source, Key="a b/ü", Body=b"12345")
    s3.get_object(Bucket=source, Key="a b/ü", Range="bytes=1-3")["Body"].read()
    fails(lambda: s3.get_object(Bucket=source, Key="none"), 404, "NoSuchKey")
    s3.copy_object(Bucket=target, Key="copy", CopySource={"Bucket": source, "Key": "a b/ü"})
    s3.delete_objects(Bucket=source, Delete={"Objects": [{"Key": "a b/ü"}, {"Key": "x"}]})
    s3.get_bucket_versioning(Bucket=source)
    owner = s3.list_buckets()["Owner"]["ID"]
    put = find(s3, target, "REST.PUT.OBJECT")[0]
    assert (put["owner"], put["bucket"], put["requester"], put["ip"]) == (owner, source, owner, "127.0.0.1")
    assert (put["key"], put["status"], put["error"], put["size"]) == ("a%20b/%C3%BC", "200", "-", "5")
    assert put["request"] == f"PUT /{source}/a%20b/%C3%BC HTTP/1.1"
    assert (put["signature"], put["auth"], put["host"]) == ("SigV4", "AuthHeader", f"127.0.0.1:{quick.port}")
    assert "Boto3" in put["agent"] and re.fullmatch(r"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000", put["time"])
    got, missing = find(s3, target, "REST.GET.OBJECT", 2)
    assert (got["status"], got["sent"], got["size"]) == ("206", "3", "5")
    assert (missing["status"], missing["error"], missing["key"]) == ("404", "NoSuchKey", "none")
    assert {line["key"] for line in find(s3, target, "BATCH.DELETE.OBJECT", 2)} == {"a%20b/%C3%BC", "x"}
    # The copy is in another bucket: this one was read.
    assert find(s3, target, "REST.COPY.OBJECT_GET")[0]["key"] == "a%20b/%C3%BC"
    assert find(s3, target, "REST.POST.MULTI_OBJECT_DELETE")[0]["status"] == "200"
    assert find(s3, target, "REST.GET.VERSIONING")[0]["key"] == "-"


def test_those_who_are_refused_are_logged_too(quick, s3, buckets):
    source, target = buckets
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"{quick.endpoint}/{source}/secret")
    signer = quick.client("s3", config=Config(signature_version="s3v4"))
    url = signer.generate_presigned_url("get_object", Params={"Bucket": source, "Key": "signed"})
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(url.replace("X-Amz-Signature=", "X-Amz-Signature=0"))
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(url)
    found = {(line["key"], line["error"]): line for line in find(s3, target, "REST.GET.OBJECT", 3)}
    anonymous = found["secret", "AccessDenied"]
    assert (anonymous["requester"], anonymous["status"], anonymous["auth"]) == ("-", "403", "-")
    assert ("signed", "SignatureDoesNotMatch") in found
    missing = found["signed", "NoSuchKey"]
    assert missing["auth"] == "QueryString"
    # What opens an object stands in no log.
    assert "X-Amz-Signature" not in missing["request"]


def test_forms_are_logged(quick, s3, buckets):
    source, target = buckets
    signer = quick.client("s3", config=Config(signature_version="s3v4"))
    assert send(quick, source, signed(signer, source, "up/k")).status == 204
    posted = find(s3, target, "REST.POST.OBJECT")[0]
    assert (posted["key"], posted["status"], posted["requester"]) == ("up/k", "204", posted["owner"])


def test_lists_that_were_needed(quick, s3, name):
    source, target = f"{name}-source", f"{name}-logs"
    s3.create_bucket(Bucket=source, ObjectOwnership="BucketOwnerPreferred")
    s3.create_bucket(Bucket=target, ObjectOwnership="BucketOwnerPreferred")
    put = lambda: log(s3, source, target, "")
    error = fails(put, 400, "InvalidTargetBucketForLogging")
    assert "log-delivery group" in error["Message"]
    s3.put_bucket_acl(Bucket=target, ACL="log-delivery-write")
    put()
    s3.delete_public_access_block(Bucket=source)
    s3.put_object(Bucket=source, Key="k", Body=b"x", ACL="public-read")
    quick.client("s3", config=Config(signature_version=UNSIGNED)).get_object(Bucket=source, Key="k")["Body"].read()
    s3.get_object(Bucket=source, Key="k")["Body"].read()
    found = find(s3, target, "REST.GET.OBJECT", 2, prefix="")
    assert {(line["requester"] == "-", line["acl"]) for line in found} == {(True, "Yes"), (False, "-")}


def test_configurations(quick, s3, buckets, name):
    source, target = buckets
    get = lambda: s3.get_bucket_logging(Bucket=source).get("LoggingEnabled")
    assert get() == {"TargetBucket": target, "TargetPrefix": "logs/"}
    for form in (
        {"SimplePrefix": {}}, {"PartitionedPrefix": {"PartitionDateSource": "EventTime"}},
        {"PartitionedPrefix": {"PartitionDateSource": "DeliveryTime"}},
    ):
        log(s3, source, target, TargetObjectKeyFormat=form)
        assert get()["TargetObjectKeyFormat"] == form
    quick.cli("s3api", "put-bucket-logging", "--bucket", source, "--bucket-logging-status", "{}")
    assert get() is None
    fails(lambda: log(s3, source, f"{name}-none"), 400, "InvalidTargetBucketForLogging")
    far = quick.client("s3", region="eu-central-1")
    far.create_bucket(Bucket=f"{name}-far", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    fails(lambda: log(s3, source, f"{name}-far"), 403, "CrossLocationLoggingProhibitted")


def test_logs_let_in_whom_they_are_told_to(quick, s3, buckets):
    source, target = buckets
    groups = "http://acs.amazonaws.com/groups"
    me, other = s3.list_buckets()["Owner"]["ID"], "ab" * 32
    account = {"Grantee": {"Type": "CanonicalUser", "ID": other}, "Permission": "FULL_CONTROL"}
    everyone = {"Grantee": {"Type": "Group", "URI": f"{groups}/global/AllUsers"}, "Permission": "READ"}
    own = {"Grantee": {"Type": "CanonicalUser", "ID": me}, "Permission": "FULL_CONTROL"}

    def put(*grants):
        log(s3, source, target, TargetGrants=list(grants))

    fails(lambda: put(account), 400, "AccessControlListNotSupported")
    s3.put_bucket_ownership_controls(Bucket=target, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    fails(lambda: put(everyone), 403, "AccessDenied")
    s3.delete_public_access_block(Bucket=target)
    fails(lambda: put({**account, "Permission": "READ_ACP"}), 400, "MalformedXML")
    fails(lambda: put({**account, "Grantee": {"Type": "Group", "URI": f"{groups}/none"}}), 400, "InvalidArgument")
    fails(lambda: put(*[account] * 101), 400, "MalformedACLError")
    put(account, everyone)
    assert s3.get_bucket_logging(Bucket=source)["LoggingEnabled"]["TargetGrants"] == [account, everyone]

    def list_of_next(operation):
        """The list of the log that has the line, and its key."""
        def there():
            for found in s3.list_objects_v2(Bucket=target).get("Contents", []):
                if operation in s3.get_object(Bucket=target, Key=found["Key"])["Body"].read().decode():
                    return found["Key"]

        key = wait_for(f"{operation} in a log", there)
        answer = s3.get_object_acl(Bucket=target, Key=key)
        assert answer["Owner"]["ID"] == me
        return key, answer["Grants"]

    s3.get_bucket_versioning(Bucket=source)
    key, grants = list_of_next("REST.GET.VERSIONING")
    assert sorted(grants, key=str) == sorted([own, account, everyone], key=str)
    stranger = quick.client("s3", config=Config(signature_version=UNSIGNED))
    assert "REST.GET.VERSIONING" in stranger.get_object(Bucket=target, Key=key)["Body"].read().decode()
    # What the bucket forbids by then is left out, and no line is lost.
    s3.put_public_access_block(Bucket=target, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    s3.get_bucket_acl(Bucket=source)
    assert sorted(list_of_next("REST.GET.ACL")[1], key=str) == sorted([own, account], key=str)
    s3.put_bucket_ownership_controls(Bucket=target, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]})
    s3.get_bucket_location(Bucket=source)
    assert list_of_next("REST.GET.LOCATION")[1] == [own]


def test_keys(s3, buckets):
    source, target = buckets
    stamp = r"\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d-[0-9A-F]{16}"
    by_day = rf"000000000000/us-east-1/{source}/\d{{4}}/\d\d/\d\d/"
    for prefix, form, expected in [
        ("a-", {"SimplePrefix": {}}, rf"a-{stamp}"),
        ("b/", {"PartitionedPrefix": {"PartitionDateSource": "DeliveryTime"}}, rf"b/{by_day}{stamp}"),
        ("c/", {"PartitionedPrefix": {"PartitionDateSource": "EventTime"}},
         rf"c/{by_day}\d{{4}}-\d\d-\d\d-00-00-00-[0-9A-F]{{16}}"),
    ]:
        log(s3, source, target, prefix, TargetObjectKeyFormat=form)
        s3.head_bucket(Bucket=source)
        find(s3, target, "REST.HEAD.BUCKET", prefix=prefix)
        for found in s3.list_objects_v2(Bucket=target, Prefix=prefix)["Contents"]:
            assert re.fullmatch(expected, found["Key"]), found["Key"]


def test_a_target_that_takes_none_holds_nothing_up(s3, buckets):
    source, target = buckets
    s3.delete_bucket_policy(Bucket=target)
    s3.head_bucket(Bucket=source)
    log(s3, source, source, "self/")
    let_logs_in(s3, source, source)
    s3.head_bucket(Bucket=source)
    find(s3, source, "REST.HEAD.BUCKET", prefix="self/")
    assert not s3.list_objects_v2(Bucket=target).get("Contents")


def test_a_clean_stop_loses_none(fresh_pond, name):
    s3 = fresh_pond.client("s3")
    source, target = f"{name}-source", f"{name}-logs"
    for bucket in (source, target):
        s3.create_bucket(Bucket=bucket)
    let_logs_in(s3, target, source)
    log(s3, source, target)
    for n in range(20):
        s3.put_object(Bucket=source, Key=f"{n}", Body=b"x")
    assert not s3.list_objects_v2(Bucket=target).get("Contents")
    fresh_pond.restart()
    s3 = fresh_pond.client("s3")
    keys = {line["key"] for line in lines(s3, target) if line["operation"] == "REST.PUT.OBJECT"}
    assert keys == {f"{n}" for n in range(20)}


def test_websites_are_logged(quick, s3, buckets):
    source, target = buckets
    s3.put_bucket_website(Bucket=source, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    connection = http.client.HTTPConnection("127.0.0.1", quick.port)
    connection.request("GET", "/page", headers={"Host": f"{source}.s3-website.localhost"})
    assert connection.getresponse().status == 403
    found = find(s3, target, "WEBSITE.GET.OBJECT")[0]
    assert (found["key"], found["status"], found["error"]) == ("page", "403", "AccessDenied")
