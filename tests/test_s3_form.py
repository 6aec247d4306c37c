"""Uploads to S3 by HTML forms, signed by boto3's generate_presigned_post."""

import base64
import http.client
import json
import os
import uuid

import pytest
from botocore.config import Config

from raw import Answer


@pytest.fixture
def s3(pond):
    return pond.client("s3", config=Config(signature_version="s3v4"))


def send(pond, bucket, fields, body=b"the body", filename="a.txt", cut=0, host=None):
    boundary = uuid.uuid4().hex
    form = b""
    for name, value in fields.items():
        form += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
    if body is not None:
        form += f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n\r\n'.encode()
        form += body + b"\r\n"
    form += b"--" + boundary.encode() + b"--\r\n"
    form = form[: len(form) - cut]
    connection = http.client.HTTPConnection("127.0.0.1", pond.port, timeout=60)
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", **({"Host": host} if host else {})}
    connection.request("POST", "/" if host else f"/{bucket}", form, headers)
    response = connection.getresponse()
    answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    connection.close()
    return answer


def signed(s3, bucket, key="k", fields=None, conditions=None, expires=300):
    return s3.generate_presigned_post(bucket, key, Fields=fields, Conditions=conditions, ExpiresIn=expires)["fields"]


def nothing_there(s3, bucket):
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_form_becomes_an_object(pond, s3, bucket):
    extra = {"Content-Type": "text/plain", "x-amz-meta-by": "a form of ${filename}", "tagging":
             "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>"}
    fields = signed(s3, bucket, "up/${filename}", extra, [{name: value} for name, value in extra.items() if "$" not in value]
                    + [["starts-with", "$key", "up/"], ["starts-with", "$x-amz-meta-by", "a form of "]])
    answer = send(pond, bucket, {**fields, "x-ignore-this": "1"})
    assert (answer.status, answer.body) == (204, b""), answer.body
    assert answer.headers["location"] == f"http://127.0.0.1:{pond.port}/{bucket}/up/a.txt"
    got = s3.get_object(Bucket=bucket, Key="up/a.txt")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (b"the body", "text/plain", {"by": "a form of a.txt"})
    assert answer.headers["etag"] == got["ETag"] and got["TagCount"] == 1


def test_a_form_by_host(pond, s3, bucket):
    host = f"{bucket}.localhost:{pond.port}"
    answer = send(pond, bucket, signed(s3, bucket), host=host)
    assert answer.status == 204 and answer.headers["location"] == f"http://{host}/k"


def test_answers_as_the_form_asks(pond, s3, bucket):
    def ask(name, value):
        return send(pond, bucket, signed(s3, bucket, fields={name: value}, conditions=[{name: value}]))

    assert ask("success_action_status", "200").status == 200
    created = ask("success_action_status", "201")
    assert created.status == 201
    for part in (f"<Bucket>{bucket}</Bucket>", "<Key>k</Key>", "<PostResponse>"):
        assert part.encode() in created.body
    away = ask("success_action_redirect", "http://app.example/done?n=1")
    assert away.status == 303
    assert away.headers["location"].startswith(f"http://app.example/done?n=1&bucket={bucket}&key=k&etag=%22")


def test_a_large_file_goes_through(pond, s3, bucket):
    body = os.urandom(24 << 20)
    assert send(pond, bucket, signed(s3, bucket, conditions=[["content-length-range", 0, 1 << 30]]), body).status == 204
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body


def test_what_the_policy_forbids(pond, s3, bucket):
    prefix = "Invalid according to Policy: "
    key = signed(s3, bucket)
    for fields, message in [
        ({**key, "key": "other"}, prefix + 'Policy Condition failed: ["eq", "$key", "k"]'),
        ({**key, "acl": "private"}, prefix + "Extra input fields: acl"),
        (signed(s3, bucket, conditions=[["starts-with", "$Content-Type", "image/"]]),
         prefix + 'Policy Condition failed: ["starts-with", "$content-type", "image/"]'),
        (signed(s3, bucket, expires=-1), prefix + "Policy expired."),
        (signed(s3, "another-bucket"), prefix + 'Policy Condition failed: ["eq", "$bucket", "another-bucket"]'),
    ]:
        answer = send(pond, bucket, fields)
        assert (answer.status, answer.code, answer.message) == (403, "AccessDenied", message)
    sized = [["content-length-range", 3, 5]]
    for body, code in [(b"12", "EntityTooSmall"), (b"123456", "EntityTooLarge")]:
        answer = send(pond, bucket, signed(s3, bucket, conditions=sized), body)
        assert (answer.status, answer.code) == (400, code)
    nothing_there(s3, bucket)
    assert send(pond, bucket, signed(s3, bucket, conditions=sized), b"1234").status == 204


def test_who_did_not_sign_it(pond, s3, bucket):
    fields = signed(s3, bucket)
    policy = json.loads(base64.b64decode(fields["policy"]))
    policy["conditions"] = [["starts-with", "$key", ""]]
    forged = base64.b64encode(json.dumps(policy).encode()).decode()
    for changed, status, code in [
        ({"policy": forged}, 403, "SignatureDoesNotMatch"),
        ({"x-amz-signature": "00" * 32}, 403, "SignatureDoesNotMatch"),
        ({"x-amz-credential": fields["x-amz-credential"].replace("/s3/", "/sts/")}, 400, "InvalidArgument"),
        ({"x-amz-credential": "nobody/" + fields["x-amz-credential"].split("/", 1)[1]}, 403, "InvalidAccessKeyId"),
        ({"x-amz-algorithm": "AWS4-ECDSA-P256-SHA256"}, 400, "InvalidArgument"),
        ({"x-amz-date": "yesterday"}, 400, "InvalidArgument"),
        ({"x-amz-security-token": "t"}, 400, "InvalidToken"),
    ]:
        answer = send(pond, bucket, {**fields, **changed})
        assert (answer.status, answer.code) == (status, code), (changed, answer.body)
    for missing in ("policy", "x-amz-signature", "x-amz-date", "key"):
        answer = send(pond, bucket, {name: value for name, value in fields.items() if name != missing})
        assert (answer.status, answer.code) == (400, "InvalidArgument"), missing
    old = {"key": "k", "AWSAccessKeyId": "a", "policy": fields["policy"], "signature": "b"}
    assert send(pond, bucket, old).code == "InvalidRequest"
    nobody = send(pond, bucket, {"key": "k"})
    assert (nobody.status, nobody.code) == (403, "AccessDenied")
    nothing_there(s3, bucket)


def test_bad_forms(pond, s3, bucket):
    fields = signed(s3, bucket)
    assert send(pond, bucket, fields, body=None).code == "InvalidArgument"
    assert send(pond, bucket, {**fields, "x-ignore-a": "a" * 30_000}).code == "MaxPostPreDataLengthExceeded"
    assert send(pond, bucket, fields, cut=20).code == "IncompleteBody"
    bad = signed(s3, bucket, fields={"x-amz-storage-class": "NONE"}, conditions=[{"x-amz-storage-class": "NONE"}])
    assert send(pond, bucket, bad).status in (400, 501)
    assert send(pond, "there-is-none-such", signed(s3, "there-is-none-such")).code == "NoSuchBucket"
    nothing_there(s3, bucket)
