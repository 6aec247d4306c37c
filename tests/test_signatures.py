"""SigV4 as AWS checks it: what is wrong with a request decides which error it gets."""

import json
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from raw import Request, json_request

KINESIS, S3 = "kinesis", "s3"


def list_streams(pond):
    return json_request(pond, KINESIS, "ListStreams")


def list_buckets(pond):
    return Request("GET", f"{pond.endpoint}/")


def test_a_good_signature_passes(pond):
    assert list_streams(pond).sign(pond.credentials, KINESIS).send(pond).status == 200
    assert list_buckets(pond).sign(pond.credentials, S3).send(pond).status == 200


def test_no_signature(pond):
    answer = list_streams(pond).send(pond)
    assert (answer.status, answer.code) == (400, "MissingAuthenticationTokenException")
    answer = list_buckets(pond).send(pond)
    assert (answer.status, answer.code) == (403, "AccessDenied")


def test_an_unknown_access_key(pond):
    keys = {**pond.credentials, "aws_access_key_id": "AKIAAAAAAAAAAAAAAAAA"}
    answer = list_streams(pond).sign(keys, KINESIS).send(pond)
    assert (answer.status, answer.code) == (400, "UnrecognizedClientException")
    assert answer.message == "The security token included in the request is invalid."
    answer = list_buckets(pond).sign(keys, S3).send(pond)
    assert (answer.status, answer.code) == (403, "InvalidAccessKeyId")


def test_a_wrong_secret(pond):
    keys = {**pond.credentials, "aws_secret_access_key": "x" * 40}
    answer = list_streams(pond).sign(keys, KINESIS).send(pond)
    assert (answer.status, answer.code) == (400, "InvalidSignatureException")
    assert "signature we calculated does not match" in answer.message
    answer = list_buckets(pond).sign(keys, S3).send(pond)
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("late", [timedelta(minutes=16), timedelta(minutes=-16)])
def test_a_date_beyond_fifteen_minutes(pond, late):
    answer = list_streams(pond).sign(pond.credentials, KINESIS, late=late).send(pond)
    assert (answer.status, answer.code) == (400, "InvalidSignatureException")
    assert ("Signature expired" in answer.message) == (late > timedelta(0))
    answer = list_buckets(pond).sign(pond.credentials, S3, late=late).send(pond)
    assert (answer.status, answer.code) == (403, "RequestTimeTooSkewed")


@pytest.mark.parametrize("late", [timedelta(minutes=14), timedelta(minutes=-14)])
def test_a_date_within_fifteen_minutes(pond, late):
    assert list_streams(pond).sign(pond.credentials, KINESIS, late=late).send(pond).status == 200
    assert list_buckets(pond).sign(pond.credentials, S3, late=late).send(pond).status == 200


def test_a_tampered_body(pond, bucket):
    request = json_request(pond, KINESIS, "ListStreams", {"Limit": 1}).sign(pond.credentials, KINESIS)
    request.body = json.dumps({"Limit": 2}).encode()
    answer = request.send(pond)
    assert (answer.status, answer.code) == (400, "InvalidSignatureException")
    request = Request("PUT", f"{pond.endpoint}/{bucket}/k", body=b"hello").sign(pond.credentials, S3)
    request.headers.setdefault("X-Amz-Content-SHA256", "")
    request.body = b"hellO"
    answer = request.send(pond)
    assert (answer.status, answer.code) == (400, "XAmzContentSHA256Mismatch")
    with pytest.raises(ClientError, match="404"):
        pond.client("s3").head_object(Bucket=bucket, Key="k")


def test_a_tampered_header(pond):
    request = list_streams(pond).sign(pond.credentials, KINESIS)
    request.headers["X-Amz-Target"] = "Kinesis_20131202.DescribeLimits"
    answer = request.send(pond)
    assert (answer.status, answer.code) == (400, "InvalidSignatureException")


def test_a_service_or_region_that_was_not_signed_for(pond):
    answer = list_streams(pond).sign(pond.credentials, "glue").send(pond)
    assert answer.status in (400, 403) and answer.code
    answer = list_buckets(pond).sign(pond.credentials, "s3", region="no region").send(pond)
    assert answer.status in (400, 403) and answer.code


@pytest.mark.parametrize(
    "authorization",
    ["", "Basic dXNlcjpwYXNz", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=, Signature=",
     "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/kinesis, SignedHeaders=host, Signature=00",
     "AWS AKIAAAAAAAAAAAAAAAAA:c2lnbmF0dXJl", "AWS4-HMAC-SHA256 " + "x" * 6000],
)
@pytest.mark.parametrize("service", [KINESIS, S3])
def test_a_broken_authorization_header(pond, service, authorization):
    request = list_streams(pond) if service == KINESIS else list_buckets(pond)
    request.headers["Authorization"] = authorization
    answer = request.send(pond)
    assert answer.status in (400, 403) and answer.code, answer


def test_presigned_urls(pond, bucket):
    url = f"{pond.endpoint}/{bucket}/k"
    put = Request("PUT", url, body=b"by url").sign(pond.credentials, S3, presign=True)
    assert put.send(pond).status == 200
    assert Request("GET", url).sign(pond.credentials, S3, presign=True).send(pond).body == b"by url"
    late = Request("GET", url).sign(pond.credentials, S3, presign=True, expires=60, late=timedelta(seconds=61))
    answer = late.send(pond)
    assert (answer.status, answer.code, answer.message) == (403, "AccessDenied", "Request has expired")
    bent = Request("GET", url).sign(pond.credentials, S3, presign=True)
    bent.url = bent.url.replace(f"/{bucket}/k?", f"/{bucket}/l?")
    assert bent.send(pond).code == "SignatureDoesNotMatch"
    long = Request("GET", url).sign(pond.credentials, S3, presign=True, expires=604_801)
    assert long.send(pond).status in (400, 403)


def test_a_presigned_query_service(pond):
    url = f"{pond.endpoint}/?Action=GetCallerIdentity&Version=2011-06-15"
    answer = Request("GET", url).sign(pond.credentials, "sts", presign=True).send(pond)
    assert answer.status == 200 and b"GetCallerIdentityResult" in answer.body


def test_secrets_are_not_logged(pond):
    list_streams(pond).sign({**pond.credentials, "aws_secret_access_key": "planted-secret"}, KINESIS).send(pond)
    log = pond.log.read_text()
    assert pond.credentials["aws_secret_access_key"] not in log and "planted-secret" not in log
    assert "Signature=" not in log
