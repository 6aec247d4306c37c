"""Who may do what in S3: every operation denied to strangers, bucket policies, access control lists, ownership, other accounts."""

import json
import socket
from datetime import datetime, timedelta, timezone

import pytest
from botocore import UNSIGNED
from botocore.config import Config

from conftest import _pond
from operations import listed
from test_s3 import fails

OTHER = "111122223333"
THIRD = "444455556666"
NOTHING_BLOCKED = {
    "BlockPublicAcls": False, "IgnorePublicAcls": False, "BlockPublicPolicy": False, "RestrictPublicBuckets": False,
}


@pytest.fixture
def s3(pond):
    return pond.client("s3")


@pytest.fixture
def anonymous(pond):
    return pond.client("s3", config=Config(signature_version=UNSIGNED))


@pytest.fixture(scope="module")
def open_pond():
    """Takes any credentials: a key that looks like an account number is that account's root."""
    yield from _pond("--open")


def account(pond, number):
    return pond.client("s3", keys={"aws_access_key_id": number, "aws_secret_access_key": "x"})


@pytest.fixture
def accounts(open_pond, name):
    """The owner of a bucket, the bucket, and another account."""
    owner, other = account(open_pond, "000000000000"), account(open_pond, OTHER)
    owner.create_bucket(Bucket=name)
    return owner, name, other


def policy(*statements):
    filled = [{"Effect": "Allow", "Principal": "*", **statement} for statement in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": filled})


def put_policy(s3, bucket, *statements, public=False):
    if public:
        s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=NOTHING_BLOCKED)
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(*statements))


def on(bucket, *keys):
    return [f"arn:aws:s3:::{bucket}", *(f"arn:aws:s3:::{bucket}/{key}" for key in keys)]


# Every operation is denied to whoever has no permission.

def minimal(shape, name=""):
    """A value of the shape: its required members, and no more."""
    if name == "Tagging":
        return {"TagSet": [{"Key": "a", "Value": "b"}]}
    if shape.type_name == "structure":
        return {member: minimal(shape.members[member], member) for member in shape.required_members}
    if shape.type_name == "list":
        return [minimal(shape.member)]
    if shape.type_name == "map":
        return {}
    if shape.type_name == "string":
        return shape.enum[0] if shape.enum else "x"
    values = {"integer": 1, "long": 1, "boolean": True, "blob": b"x", "timestamp": datetime(2030, 1, 1, tzinfo=timezone.utc)}
    return values[shape.type_name]


# What is decided by the body needs one.
LOCKS = {
    "PutObjectLegalHold": {"LegalHold": {"Status": "ON"}},
    "PutObjectRetention": {"Retention": {"Mode": "GOVERNANCE", "RetainUntilDate": datetime(2099, 1, 1, tzinfo=timezone.utc)}},
}


def state(s3, bucket):
    """All that a stranger might have changed."""
    answers = [
        s3.list_object_versions(Bucket=bucket), s3.list_multipart_uploads(Bucket=bucket), s3.get_bucket_acl(Bucket=bucket),
        s3.get_bucket_versioning(Bucket=bucket), s3.get_public_access_block(Bucket=bucket), s3.get_bucket_tagging(Bucket=bucket),
        s3.get_bucket_ownership_controls(Bucket=bucket), s3.get_object_tagging(Bucket=bucket, Key="k"), s3.list_buckets(),
    ]
    return [{k: v for k, v in answer.items() if k != "ResponseMetadata"} for answer in answers]


def test_every_operation_is_denied_to_strangers(pond, s3, anonymous, bucket, name):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="a=b")
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    upload = s3.create_multipart_upload(Bucket=bucket, Key="u")["UploadId"]
    before = state(s3, bucket)
    known = set(anonymous.meta.service_model.operation_names)
    asked = [operation for service, operation in listed() if service == "s3" and operation in known]
    assert len(asked) > 50
    for operation in asked:
        model = anonymous.meta.service_model.operation_model(operation)
        values = minimal(model.input_shape) if model.input_shape else {}
        values.update({k: v for k, v in {
            "Bucket": f"{name}-new" if operation == "CreateBucket" else bucket, "Key": "k", "UploadId": upload,
            "CopySource": f"{bucket}/k",
        }.items() if k in values})
        values.update(LOCKS.get(operation, {}))
        answer = anonymous._make_api_call
        if operation == "DeleteObjects":  # Each key is refused on its own.
            answer = answer(operation, {"Bucket": bucket, "Delete": {"Objects": [{"Key": "k"}, {"Key": "l"}]}})
            assert [error["Code"] for error in answer["Errors"]] == ["AccessDenied"] * 2 and "Deleted" not in answer
            continue
        try:
            answer(operation, values)
        except anonymous.exceptions.ClientError as error:
            code = "403" if model.http["method"] == "HEAD" else "AccessDenied"
            found = (error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"])
            assert found == (403, code), f"{operation}: {found}"
        else:
            raise AssertionError(f"{operation} was answered")
    assert state(s3, bucket) == before


# Policies.

def test_a_policy_opens_a_bucket_to_everyone(s3, anonymous, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"open")
    read = {"Action": "s3:GetObject", "Resource": on(bucket, "*")[1]}
    fails(lambda: put_policy(s3, bucket, read), 403, "AccessDenied")  # BlockPublicPolicy
    put_policy(s3, bucket, read, public=True)
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is True
    assert json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"]) == json.loads(policy(read))
    assert anonymous.get_object(Bucket=bucket, Key="k")["Body"].read() == b"open"
    # What is missing is told to those alone who may list.
    fails(lambda: anonymous.get_object(Bucket=bucket, Key="none"), 403, "AccessDenied")
    fails(lambda: anonymous.head_object(Bucket=bucket, Key="none"), 403, "403")
    fails(lambda: anonymous.list_objects_v2(Bucket=bucket), 403, "AccessDenied")
    fails(lambda: anonymous.put_object(Bucket=bucket, Key="k", Body=b"shut"), 403, "AccessDenied")
    put_policy(s3, bucket, {"Action": ["s3:GetObject", "s3:ListBucket"], "Resource": on(bucket, "*")})
    fails(lambda: anonymous.get_object(Bucket=bucket, Key="none"), 404, "NoSuchKey")
    fails(lambda: anonymous.head_object(Bucket=bucket, Key="none"), 404, "404")
    assert anonymous.list_objects_v2(Bucket=bucket)["KeyCount"] == 1
    s3.put_public_access_block(
        Bucket=bucket, PublicAccessBlockConfiguration={**NOTHING_BLOCKED, "RestrictPublicBuckets": True}
    )
    fails(lambda: anonymous.get_object(Bucket=bucket, Key="k"), 403, "AccessDenied")
    s3.delete_public_access_block(Bucket=bucket)
    fails(lambda: s3.get_public_access_block(Bucket=bucket), 404, "NoSuchPublicAccessBlockConfiguration")
    assert anonymous.get_object(Bucket=bucket, Key="k")["Body"].read() == b"open"
    s3.delete_bucket_policy(Bucket=bucket)
    fails(lambda: anonymous.get_object(Bucket=bucket, Key="k"), 403, "AccessDenied")
    fails(lambda: s3.get_bucket_policy(Bucket=bucket), 404, "NoSuchBucketPolicy")
    fails(lambda: s3.get_bucket_policy_status(Bucket=bucket), 404, "NoSuchBucketPolicy")


@pytest.mark.parametrize("change, message", [
    ({"Action": "s3:Everything"}, "Policy has invalid action"),
    ({"Resource": "arn:aws:s3:::another/*"}, "Policy has invalid resource"),
    ({"Action": "s3:ListBucket"}, "Action does not apply to any resource(s) in statement"),
    ({"Condition": {"StringEquals": {"s3:nothing": "x"}}}, "Policy has an invalid condition key"),
    ({"Principal": {"AWS": "nobody"}}, "Invalid principal in policy"),
    ({"Effect": "Maybe"}, "Invalid effect : Maybe"),
])
def test_policies_that_are_none(s3, bucket, change, message):
    statement = {"Principal": {"AWS": OTHER}, "Action": "s3:GetObject", "Resource": on(bucket, "*")[1], **change}
    assert fails(lambda: put_policy(s3, bucket, statement), 400, "MalformedPolicy")["Message"] == message
    fails(lambda: s3.get_bucket_policy(Bucket=bucket), 404, "NoSuchBucketPolicy")


def test_encryption_can_be_forced(s3, bucket):
    put_policy(s3, bucket, {
        "Effect": "Deny", "Action": "s3:PutObject", "Resource": on(bucket, "*")[1],
        "Condition": {"StringNotEquals": {"s3:x-amz-server-side-encryption": "AES256"}},
    })
    at = {"Bucket": bucket, "Key": "k"}
    denied = fails(lambda: s3.put_object(**at, Body=b"x"), 403, "AccessDenied")
    assert "with an explicit deny in a resource-based policy" in denied["Message"]
    fails(lambda: s3.create_multipart_upload(**at), 403, "AccessDenied")
    fails(lambda: s3.copy_object(**at, CopySource=f"{bucket}/k"), 403, "AccessDenied")
    s3.put_object(**at, Body=b"x", ServerSideEncryption="AES256")
    # Parts do not repeat what their upload was begun with.
    upload = s3.create_multipart_upload(**at, ServerSideEncryption="AES256")["UploadId"]
    part = s3.upload_part(**at, UploadId=upload, PartNumber=1, Body=b"y")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}
    s3.complete_multipart_upload(**at, UploadId=upload, MultipartUpload=parts)
    assert s3.get_object(**at)["Body"].read() == b"y"


def test_no_policy_locks_the_owner_out(s3, bucket):
    put_policy(s3, bucket, {"Effect": "Deny", "Action": "s3:*", "Resource": on(bucket, "*")})
    fails(lambda: s3.list_objects_v2(Bucket=bucket), 403, "AccessDenied")
    fails(lambda: s3.delete_bucket(Bucket=bucket), 403, "AccessDenied")
    assert "Deny" in s3.get_bucket_policy(Bucket=bucket)["Policy"]
    s3.delete_bucket_policy(Bucket=bucket)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_where_a_request_comes_from(pond, s3, anonymous, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    for condition, allowed in [
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, True),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, False),
        ({"Bool": {"aws:SecureTransport": "true"}}, False),
        ({"Bool": {"aws:SecureTransport": "false"}}, True),
        ({"StringEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}}, False),
    ]:
        read = {"Action": "s3:GetObject", "Resource": on(bucket, "*")[1], "Condition": condition}
        put_policy(s3, bucket, read, public=True)
        if allowed:
            assert anonymous.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
        else:
            fails(lambda: anonymous.get_object(Bucket=bucket, Key="k"), 403, "AccessDenied")
    put_policy(s3, bucket, {
        "Effect": "Deny", "Action": "s3:*", "Resource": on(bucket, "*"),
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    })
    fails(lambda: s3.get_object(Bucket=bucket, Key="k"), 403, "AccessDenied")


def test_an_endpoint_of_a_network(name):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for pond in _pond(env={"MILLPOND_LISTENERS": f"127.0.0.1:{port}=vpce-1a2b3c4d"}):
        s3 = pond.client("s3")
        s3.create_bucket(Bucket=name)
        s3.put_object(Bucket=name, Key="k", Body=b"x")
        put_policy(s3, name, {
            "Effect": "Deny", "Action": "s3:GetObject", "Resource": on(name, "*")[1],
            "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}},
        })
        fails(lambda: s3.get_object(Bucket=name, Key="k"), 403, "AccessDenied")
        within = pond.session().client("s3", endpoint_url=f"http://127.0.0.1:{port}")
        assert within.get_object(Bucket=name, Key="k")["Body"].read() == b"x"


def test_tags_decide(accounts):
    owner, bucket, other = accounts
    them = {"Principal": {"AWS": OTHER}}
    put_policy(
        owner, bucket,
        {**them, "Action": ["s3:GetObject", "s3:GetObjectTagging"], "Resource": on(bucket, "*")[1],
         "Condition": {"StringEquals": {"s3:ExistingObjectTag/open": "yes"}}},
        {**them, "Action": ["s3:PutObject", "s3:PutObjectTagging"], "Resource": on(bucket, "*")[1],
         "Condition": {"StringEquals": {"s3:RequestObjectTag/by": "them"},
                       "ForAllValues:StringEquals": {"s3:RequestObjectTagKeys": ["by", "open"]}}},
    )
    for key, tags in [("a", "open=yes"), ("b", "open=no"), ("c", "")]:
        owner.put_object(Bucket=bucket, Key=key, Body=b"x", Tagging=tags)
    assert other.get_object(Bucket=bucket, Key="a")["Body"].read() == b"x"
    assert other.get_object_tagging(Bucket=bucket, Key="a")["TagSet"]
    for key in "bc":
        fails(lambda: other.get_object(Bucket=bucket, Key=key), 403, "AccessDenied")
    other.put_object(Bucket=bucket, Key="d", Body=b"x", Tagging="by=them&open=yes")
    for tags in ("by=us", "open=yes", "by=them&more=x"):
        fails(lambda: other.put_object(Bucket=bucket, Key="e", Body=b"x", Tagging=tags), 403, "AccessDenied")
    tag = lambda **tags: {"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}
    other.put_object_tagging(Bucket=bucket, Key="d", Tagging=tag(by="them"))
    fails(lambda: other.put_object_tagging(Bucket=bucket, Key="d", Tagging=tag(by="us")), 403, "AccessDenied")
    fails(lambda: other.get_object(Bucket=bucket, Key="d"), 403, "AccessDenied")


def test_conditions_on_locks(open_pond, name):
    owner, other = account(open_pond, "000000000000"), account(open_pond, OTHER)
    owner.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    at = {"Bucket": name, "Key": "k"}
    owner.put_object(**at, Body=b"x")
    them = {"Principal": {"AWS": OTHER}, "Resource": on(name, "*")[1]}
    put_policy(
        owner, name,
        {**them, "Action": "s3:PutObjectLegalHold", "Condition": {"StringEquals": {"s3:object-lock-legal-hold": "ON"}}},
        {**them, "Action": "s3:PutObjectRetention", "Condition": {
            "StringEquals": {"s3:object-lock-mode": "GOVERNANCE"},
            "NumericLessThanEquals": {"s3:object-lock-remaining-retention-days": "10"},
        }},
    )
    hold = lambda status: lambda: other.put_object_legal_hold(**at, LegalHold={"Status": status})
    hold("ON")()
    fails(hold("OFF"), 403, "AccessDenied")
    keep = lambda mode, days: lambda: other.put_object_retention(
        **at, Retention={"Mode": mode, "RetainUntilDate": datetime.now(timezone.utc) + timedelta(days=days)}
    )
    fails(keep("GOVERNANCE", 11), 403, "AccessDenied")
    fails(keep("COMPLIANCE", 5), 403, "AccessDenied")
    keep("GOVERNANCE", 9)()


def test_attributes_are_for_readers(accounts):
    owner, bucket, other = accounts
    owner.put_object(Bucket=bucket, Key="k", Body=b"x")
    them = {"Principal": {"AWS": OTHER}, "Resource": on(bucket, "*")[1]}
    get = lambda: other.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ObjectSize"])
    for allowed in ("s3:GetObjectAttributes", "s3:GetObject"):
        put_policy(owner, bucket, {**them, "Action": allowed})
        fails(get, 403, "AccessDenied")
    put_policy(owner, bucket, {**them, "Action": ["s3:GetObjectAttributes", "s3:GetObject"]})
    assert get()["ObjectSize"] == 1


# Other accounts.

def test_another_account_needs_the_buckets_policy(accounts):
    owner, bucket, other = accounts
    owner.put_object(Bucket=bucket, Key="home/k", Body=b"x")
    for call in (
        lambda: other.head_bucket(Bucket=bucket), lambda: other.list_objects_v2(Bucket=bucket),
        lambda: other.get_object(Bucket=bucket, Key="home/k"), lambda: other.put_object(Bucket=bucket, Key="k", Body=b""),
        lambda: other.delete_object(Bucket=bucket, Key="home/k"), lambda: other.delete_bucket(Bucket=bucket),
    ):
        with pytest.raises(other.exceptions.ClientError) as caught:
            call()
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert bucket not in [found["Name"] for found in other.list_buckets()["Buckets"]]
    them = {"Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"}}
    put_policy(
        owner, bucket,
        {**them, "Action": "s3:ListBucket", "Resource": on(bucket), "Condition": {"StringLike": {"s3:prefix": "home/*"}}},
        {**them, "Action": ["s3:*Object", "s3:*BucketPolicy"], "Resource": on(bucket, "home/*")},
    )
    assert owner.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is False
    assert other.list_objects_v2(Bucket=bucket, Prefix="home/")["KeyCount"] == 1
    fails(lambda: other.list_objects_v2(Bucket=bucket), 403, "AccessDenied")
    fails(lambda: other.list_objects_v2(Bucket=bucket, Prefix="work/"), 403, "AccessDenied")
    assert other.get_object(Bucket=bucket, Key="home/k")["Body"].read() == b"x"
    other.put_object(Bucket=bucket, Key="home/l", Body=b"y")
    assert owner.get_object(Bucket=bucket, Key="home/l")["Body"].read() == b"y"
    fails(lambda: other.put_object(Bucket=bucket, Key="work/l", Body=b""), 403, "AccessDenied")
    errors = other.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "home/l"}, {"Key": "work/l"}]})["Errors"]
    assert [(error["Key"], error["Code"]) for error in errors] == [("work/l", "AccessDenied")]
    # A policy is handled by the bucket's own account alone.
    fails(lambda: other.get_bucket_policy(Bucket=bucket), 405, "MethodNotAllowed")
    third = {"Principal": {"AWS": THIRD}, "Action": "s3:GetObject", "Resource": on(bucket, "*")[1]}
    fails(lambda: put_policy(other, bucket, third), 405, "MethodNotAllowed")


def test_a_copy_needs_both_sides(open_pond, accounts, name):
    owner, bucket, other = accounts
    own = f"{name}-own"
    other.create_bucket(Bucket=own)
    owner.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="a=b")
    copy = lambda **more: other.copy_object(Bucket=own, Key="k", CopySource=f"{bucket}/k", **more)
    fails(copy, 403, "AccessDenied")
    them = {"Principal": {"AWS": OTHER}, "Resource": on(bucket, "*")[1]}
    put_policy(owner, bucket, {**them, "Action": "s3:GetObject"})
    fails(copy, 403, "AccessDenied")  # The tags go with it.
    copy(TaggingDirective="REPLACE")
    put_policy(owner, bucket, {**them, "Action": ["s3:GetObject", "s3:GetObjectTagging"]})
    copy()
    assert other.get_object_tagging(Bucket=own, Key="k")["TagSet"] == [{"Key": "a", "Value": "b"}]
    fails(lambda: other.copy_object(Bucket=own, Key="k", CopySource=f"{bucket}/none"), 403, "AccessDenied")
    fails(lambda: owner.get_object(Bucket=own, Key="k"), 403, "AccessDenied")


# Access control lists.

def canonical(s3):
    return s3.list_buckets()["Owner"]["ID"]


def test_lists_mean_nothing_where_the_bucket_owner_owns_all(s3, bucket):
    at = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**at, Body=b"x", ACL="bucket-owner-full-control")
    for call in (
        lambda: s3.put_object(**at, Body=b"x", ACL="public-read"), lambda: s3.put_object_acl(**at, ACL="private"),
        lambda: s3.put_bucket_acl(Bucket=bucket, ACL="private"), lambda: s3.create_multipart_upload(**at, ACL="public-read"),
        lambda: s3.copy_object(**at, CopySource=f"{bucket}/k", MetadataDirective="REPLACE", ACL="public-read"),
    ):
        fails(call, 400, "AccessControlListNotSupported")


def test_a_public_list(s3, anonymous, name):
    fails(lambda: s3.create_bucket(Bucket=name, ACL="public-read"), 400, "InvalidBucketAclWithObjectOwnership")
    public = {"ACL": "public-read", "ObjectOwnership": "ObjectWriter"}
    fails(lambda: s3.create_bucket(Bucket=name, **public), 400, "InvalidBucketAclWithBlockPublicAccessError")
    s3.create_bucket(Bucket=name, ObjectOwnership="BucketOwnerPreferred")
    at = {"Bucket": name, "Key": "k"}
    fails(lambda: s3.put_object(**at, Body=b"x", ACL="public-read"), 403, "AccessDenied")
    fails(lambda: s3.put_bucket_acl(Bucket=name, ACL="public-read"), 403, "AccessDenied")
    s3.delete_public_access_block(Bucket=name)
    s3.put_object(**at, Body=b"x", ACL="public-read")
    assert anonymous.get_object(**at)["Body"].read() == b"x"
    fails(lambda: anonymous.list_objects_v2(Bucket=name), 403, "AccessDenied")
    fails(lambda: anonymous.get_object_acl(**at), 403, "AccessDenied")
    s3.put_bucket_acl(Bucket=name, ACL="public-read")
    assert anonymous.list_objects(Bucket=name)["Contents"][0]["Key"] == "k"
    uris = [grant["Grantee"].get("URI") for grant in s3.get_object_acl(**at)["Grants"]]
    assert uris == [None, "http://acs.amazonaws.com/groups/global/AllUsers"]
    fails(lambda: s3.put_bucket_ownership_controls(
        Bucket=name, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    ), 400, "InvalidBucketAclWithObjectOwnership")
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration={"IgnorePublicAcls": True})
    fails(lambda: anonymous.get_object(**at), 403, "AccessDenied")
    s3.delete_public_access_block(Bucket=name)
    s3.put_object_acl(**at, ACL="private")
    fails(lambda: anonymous.get_object(**at), 403, "AccessDenied")
    s3.put_bucket_acl(Bucket=name, ACL="private")
    s3.put_bucket_ownership_controls(
        Bucket=name, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    )
    s3.delete_bucket_ownership_controls(Bucket=name)
    fails(lambda: s3.get_bucket_ownership_controls(Bucket=name), 404, "OwnershipControlsNotFoundError")


def test_lists_in_every_form(s3, name):
    s3.create_bucket(Bucket=name, ObjectOwnership="ObjectWriter")
    me, them = canonical(s3), "ff" * 32
    at = {"Bucket": name, "Key": "k"}
    s3.put_object(**at, Body=b"x", GrantRead=f'id="{them}"', GrantFullControl=f'id="{me}"')
    shown = lambda acl: sorted((g["Grantee"].get("ID") or g["Grantee"]["URI"], g["Permission"]) for g in acl["Grants"])
    assert shown(s3.get_object_acl(**at)) == sorted([(them, "READ"), (me, "FULL_CONTROL")])
    acl = {"Owner": {"ID": me}, "Grants": [{"Grantee": {"Type": "CanonicalUser", "ID": them}, "Permission": "WRITE_ACP"}]}
    s3.put_object_acl(**at, AccessControlPolicy=acl)
    assert shown(s3.get_object_acl(**at)) == [(them, "WRITE_ACP")]
    s3.put_bucket_acl(Bucket=name, AccessControlPolicy=acl)
    assert shown(s3.get_bucket_acl(Bucket=name)) == [(them, "WRITE_ACP")]
    put = lambda **more: lambda: s3.put_object_acl(**at, **more)
    mail = {"Type": "AmazonCustomerByEmail", "EmailAddress": "a@example.com"}
    fails(put(AccessControlPolicy={**acl, "Owner": {"ID": them}}), 403, "AccessDenied")
    fails(put(AccessControlPolicy={**acl, "Grants": [{"Grantee": mail, "Permission": "READ"}]}), 501, "NotImplemented")
    fails(put(AccessControlPolicy={**acl, "Grants": acl["Grants"] * 101}), 400, "MalformedACLError")
    fails(put(ACL="private", GrantRead=f'id="{them}"'), 400, "InvalidRequest")
    fails(put(ACL="open"), 400, "InvalidArgument")
    fails(put(GrantRead='id="x"'), 400, "InvalidArgument")
    fails(put(), 400, "MissingSecurityHeader")
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    fails(lambda: s3.put_object(**at, Body=b"y", ACL="authenticated-read"), 403, "AccessDenied")
    s3.delete_public_access_block(Bucket=name)
    version = s3.put_object(**at, Body=b"y", ACL="authenticated-read")["VersionId"]
    assert len(s3.get_object_acl(**at, VersionId=version)["Grants"]) == 2
    s3.put_object_acl(**at, VersionId=version, ACL="private")
    assert shown(s3.get_object_acl(**at)) == [(me, "FULL_CONTROL")]


def test_objects_of_another_account(accounts):
    owner, bucket, other = accounts
    own, them = canonical(owner), canonical(other)
    controls = lambda kind: owner.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": kind}]}
    )
    controls("ObjectWriter")
    owner.put_bucket_acl(Bucket=bucket, GrantWrite=f'id="{them}"', GrantFullControl=f'id="{own}"')
    at = {"Bucket": bucket, "Key": "k"}
    other.put_object(**at, Body=b"theirs")
    assert [found["Owner"]["ID"] for found in owner.list_objects(Bucket=bucket)["Contents"]] == [them]
    # It is the writer's, in another's bucket: the bucket's owner can remove it, and not read it.
    fails(lambda: owner.get_object(**at), 403, "AccessDenied")
    assert other.get_object(**at)["Body"].read() == b"theirs"
    fails(lambda: other.list_objects(Bucket=bucket), 403, "AccessDenied")
    other.put_object_acl(**at, ACL="bucket-owner-read")
    assert owner.get_object(**at)["Body"].read() == b"theirs"
    fails(lambda: owner.put_object_acl(**at, ACL="private"), 403, "AccessDenied")
    other.delete_object(**at)
    # A policy of the bucket lets nobody read it, and can keep everyone from it.
    other.put_object(**at, Body=b"theirs")
    third = {"Principal": {"AWS": [OTHER, THIRD]}, "Action": "s3:GetObject", "Resource": on(bucket, "*")[1]}
    put_policy(owner, bucket, third)
    assert other.get_object(**at)["Body"].read() == b"theirs"
    put_policy(owner, bucket, {**third, "Effect": "Deny"})
    fails(lambda: other.get_object(**at), 403, "AccessDenied")
    owner.delete_bucket_policy(Bucket=bucket)
    # Uploads are aborted by those who began them.
    upload = other.create_multipart_upload(**at)["UploadId"]
    assert other.list_parts(**at, UploadId=upload)["Initiator"]["ID"] == them
    other.abort_multipart_upload(**at, UploadId=upload)
    # With the bucket's owner preferred, the writer decides whose it is.
    controls("BucketOwnerPreferred")
    other.put_object(**at, Body=b"given", ACL="bucket-owner-full-control")
    assert owner.get_object(**at)["Body"].read() == b"given"
    assert owner.get_object_acl(**at)["Owner"]["ID"] == own
    other.put_object(**at, Body=b"kept")
    fails(lambda: owner.get_object(**at), 403, "AccessDenied")
    # Where the bucket's owner owns all, it owns this too.
    owner.put_bucket_acl(Bucket=bucket, ACL="private")
    controls("BucketOwnerEnforced")
    assert owner.get_object(**at)["Body"].read() == b"kept"
    fails(lambda: other.get_object(**at), 403, "AccessDenied")
    fails(lambda: other.put_object(**at, Body=b""), 403, "AccessDenied")
    owner.delete_object(**at)
