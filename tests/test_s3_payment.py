"""Request payment: in a bucket whose requesters pay, other accounts say that they will."""

import pytest
from botocore import UNSIGNED
from botocore.config import Config

from test_s3 import fails
from test_s3_access import NOTHING_BLOCKED, OTHER, accounts, on, open_pond, policy  # noqa: F401


@pytest.fixture
def s3(pond):
    return pond.client("s3")


def test_who_pays_is_set(pond, s3, bucket):
    payer = lambda: s3.get_bucket_request_payment(Bucket=bucket)["Payer"]
    put = lambda who: s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": who})
    assert payer() == "BucketOwner"
    put("Requester")
    assert payer() == "Requester"
    fails(lambda: put("Nobody"), 400, "MalformedXML")
    pond.cli("s3api", "put-bucket-request-payment", "--bucket", bucket, "--request-payment-configuration", "Payer=BucketOwner")
    assert payer() == "BucketOwner"


def test_others_say_that_they_pay(accounts):
    owner, bucket, other = accounts
    owner.put_object(Bucket=bucket, Key="k", Body=b"x")
    them = {"Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"}, "Action": "s3:*", "Resource": on(bucket, "*")}
    owner.put_bucket_policy(Bucket=bucket, Policy=policy(them))
    assert "RequestCharged" not in other.get_object(Bucket=bucket, Key="k")
    owner.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"})
    pays = {"RequestPayer": "requester"}
    for call in (
        lambda **more: other.get_object(Bucket=bucket, Key="k", **more),
        lambda **more: other.head_object(Bucket=bucket, Key="k", **more),
        lambda **more: other.list_objects_v2(Bucket=bucket, **more),
        lambda **more: other.put_object(Bucket=bucket, Key="theirs", Body=b"y", **more),
        lambda **more: other.delete_object(Bucket=bucket, Key="theirs", **more),
        lambda **more: other.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "theirs"}]}, **more),
        lambda **more: other.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k", **more),
    ):
        with pytest.raises(other.exceptions.ClientError) as caught:
            call()
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
        answer = call(**pays)
        assert answer["ResponseMetadata"]["HTTPHeaders"]["x-amz-request-charged"] == "requester"
    # The owner pays anyway.
    assert "x-amz-request-charged" not in owner.get_object(Bucket=bucket, Key="k")["ResponseMetadata"]["HTTPHeaders"]


def test_nobody_cannot_pay(pond, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=NOTHING_BLOCKED)
    s3.put_bucket_policy(Bucket=bucket, Policy=policy({"Action": "s3:GetObject", "Resource": on(bucket, "*")[1]}))
    anonymous = pond.client("s3", config=Config(signature_version=UNSIGNED))
    assert anonymous.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"})
    for more in ({}, {"RequestPayer": "requester"}):
        fails(lambda: anonymous.get_object(Bucket=bucket, Key="k", **more), 403, "AccessDenied")
