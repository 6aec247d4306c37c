"""S3 for browsers: rules across origins, preflights, by boto3 and raw HTTP."""

import pytest

from raw import Request
from test_s3 import fails

RULES = {
    "CORSRules": [
        {
            "ID": "writes",
            "AllowedOrigins": ["http://app.example", "http://*.dev.example"],
            "AllowedMethods": ["PUT", "POST"],
            "AllowedHeaders": ["content-*", "x-amz-*"],
            "ExposeHeaders": ["ETag", "x-amz-version-id"],
            "MaxAgeSeconds": 600,
        },
        {"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]},
    ]
}


@pytest.fixture
def s3(pond):
    return pond.client("s3")


def preflight(pond, path, **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("OPTIONS", pond.endpoint + path, names).send(pond)


def test_rules_are_kept(s3, bucket):
    fails(lambda: s3.get_bucket_cors(Bucket=bucket), 404, "NoSuchCORSConfiguration")
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration=RULES)
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == RULES["CORSRules"]
    for bad, code in [
        ({"AllowedOrigins": ["*"], "AllowedMethods": ["PATCH"]}, "InvalidRequest"),
        ({"AllowedOrigins": ["http://*.*"], "AllowedMethods": ["GET"]}, "InvalidRequest"),
    ]:
        fails(lambda: s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [bad]}), 400, code)
    many = {"CORSRules": [{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}] * 101}
    fails(lambda: s3.put_bucket_cors(Bucket=bucket, CORSConfiguration=many), 400, "InvalidRequest")
    fails(lambda: s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": []}), 400, "MalformedXML")
    s3.delete_bucket_cors(Bucket=bucket)
    fails(lambda: s3.get_bucket_cors(Bucket=bucket), 404, "NoSuchCORSConfiguration")


def test_preflights(pond, s3, bucket):
    ask = {"Origin": "http://app.example", "Access_Control_Request_Method": "PUT"}
    closed = preflight(pond, f"/{bucket}/k", **ask)
    assert (closed.status, closed.code, closed.message) == (
        403, "AccessForbidden", "CORSResponse: CORS is not enabled for this bucket."
    )
    assert preflight(pond, "/there-is-none-such", **ask).message == "CORSResponse: Bucket not found"
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration=RULES)
    answer = preflight(pond, f"/{bucket}/k", **ask, Access_Control_Request_Headers="Content-Type, x-amz-date")
    assert answer.status == 200 and answer.body == b""
    told = {name[15:]: value for name, value in answer.headers.items() if name.startswith("access-control-")}
    assert told == {
        "allow-origin": "http://app.example",
        "allow-credentials": "true",
        "allow-methods": "PUT, POST",
        "allow-headers": "content-type, x-amz-date",
        "expose-headers": "ETag, x-amz-version-id",
        "max-age": "600",
    }
    assert "Origin" in answer.headers["vary"]
    anybody = preflight(pond, f"/{bucket}", Origin="http://x", Access_Control_Request_Method="GET")
    assert anybody.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in anybody.headers
    for headers, status, code in [
        ({**ask, "Access_Control_Request_Method": "DELETE"}, 403, "AccessForbidden"),
        ({**ask, "Access_Control_Request_Headers": "authorization"}, 403, "AccessForbidden"),
        ({**ask, "Origin": "http://other.example"}, 403, "AccessForbidden"),
        ({**ask, "Access_Control_Request_Method": "PATCH"}, 400, "BadRequest"),
        ({"Access_Control_Request_Method": "PUT"}, 400, "BadRequest"),
    ]:
        answer = preflight(pond, f"/{bucket}/k", **headers)
        assert (answer.status, answer.code) == (status, code), headers


def test_answers_say_who_may_see_them(pond, s3, bucket):
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration=RULES)
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")

    def ask(method, key, origin="http://app.example", sign=True):
        request = Request(method, f"{pond.endpoint}/{bucket}/{key}", {"Origin": origin})
        return (request.sign(pond.credentials, "s3") if sign else request).send(pond)

    assert ask("GET", "k").headers["access-control-allow-origin"] == "*"
    put = ask("PUT", "new", "http://a.dev.example")
    assert put.status == 200
    assert put.headers["access-control-allow-origin"] == "http://a.dev.example"
    assert put.headers["access-control-expose-headers"] == "ETag, x-amz-version-id"
    assert ask("GET", "nothing").headers["access-control-allow-origin"] == "*"
    refused = ask("GET", "k", sign=False)
    assert refused.status == 403 and refused.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in ask("PUT", "new", "http://other.example").headers
    assert "access-control-allow-origin" not in ask("HEAD", "k").headers
