"""Static websites: what a bucket is set to, and what a browser is answered."""

import http.client

import pytest
from botocore.config import Config

from raw import Answer
from test_s3 import fails
from test_s3_access import open_pond, put_policy, on  # noqa: F401
from test_s3_form import send, signed


@pytest.fixture
def s3(pond):
    return pond.client("s3", config=Config(signature_version="s3v4"))


def visit(pond, bucket, path="/", method="GET", endpoint="s3-website", headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", pond.port, timeout=60)
    host = f"{bucket}.{endpoint}.localhost:{pond.port}"
    connection.request(method, path, headers={"Host": host, **(headers or {})})
    response = connection.getresponse()
    answer = Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    connection.close()
    return answer


def public(s3, bucket):
    put_policy(s3, bucket, {"Action": "s3:GetObject", "Resource": on(bucket, "*")[1]}, public=True)


@pytest.fixture
def site(s3, bucket):
    """A public website with a folder and a page for errors."""
    public(s3, bucket)
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={
        "IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "error.html"},
    })
    for key, body in [("index.html", b"home"), ("docs/index.html", b"docs"), ("error.html", b"sorry"), ("a b.txt", b"text")]:
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="text/html")
    return bucket


def test_configurations(pond, s3, bucket):
    get = lambda: s3.get_bucket_website(Bucket=bucket)
    fails(get, 404, "NoSuchWebsiteConfiguration")
    full = {
        "IndexDocument": {"Suffix": "i.html"}, "ErrorDocument": {"Key": "e.html"},
        "RoutingRules": [
            {"Condition": {"KeyPrefixEquals": "docs/"}, "Redirect": {"ReplaceKeyPrefixWith": "documents/"}},
            {"Condition": {"HttpErrorCodeReturnedEquals": "404"},
             "Redirect": {"HostName": "example.com", "Protocol": "https", "HttpRedirectCode": "302", "ReplaceKeyWith": "x"}},
        ],
    }
    redirected = {"RedirectAllRequestsTo": {"HostName": "example.com", "Protocol": "https"}}
    for configuration in (full, redirected):
        s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=configuration)
        found = get()
        del found["ResponseMetadata"]
        assert found == configuration
    s3.delete_bucket_website(Bucket=bucket)
    s3.delete_bucket_website(Bucket=bucket)
    fails(get, 404, "NoSuchWebsiteConfiguration")
    pond.cli("s3", "website", f"s3://{bucket}", "--index-document", "index.html", "--error-document", "error.html")
    assert get()["ErrorDocument"] == {"Key": "error.html"}


@pytest.mark.parametrize("wrong, code", [
    ({}, "InvalidArgument"),
    ({"ErrorDocument": {"Key": "e"}}, "InvalidArgument"),
    ({"IndexDocument": {"Suffix": "a/b"}}, "InvalidArgument"),
    ({"IndexDocument": {"Suffix": ""}}, "InvalidArgument"),
    ({"IndexDocument": {"Suffix": "i"}, "RedirectAllRequestsTo": {"HostName": "h"}}, "InvalidArgument"),
    ({"RedirectAllRequestsTo": {"HostName": "h", "Protocol": "ftp"}}, "InvalidRequest"),
    ({"IndexDocument": {"Suffix": "i"}, "RoutingRules": [{"Redirect": {"HttpRedirectCode": "200"}}]}, "InvalidRequest"),
    ({"IndexDocument": {"Suffix": "i"}, "RoutingRules": [{"Redirect": {"HttpRedirectCode": "x"}}]}, "InvalidRequest"),
    ({"IndexDocument": {"Suffix": "i"},
      "RoutingRules": [{"Condition": {"HttpErrorCodeReturnedEquals": "200"}, "Redirect": {"HostName": "h"}}]}, "InvalidRequest"),
    ({"IndexDocument": {"Suffix": "i"}, "RoutingRules": [{"Condition": {}, "Redirect": {"HostName": "h"}}]}, "InvalidRequest"),
    ({"IndexDocument": {"Suffix": "i"},
      "RoutingRules": [{"Redirect": {"ReplaceKeyWith": "a", "ReplaceKeyPrefixWith": "b"}}]}, "InvalidRequest"),
    ({"IndexDocument": {"Suffix": "i"}, "RoutingRules": [{"Redirect": {"HostName": "h"}}] * 51}, "InvalidRequest"),
])
def test_configurations_that_are_none(s3, bucket, wrong, code):
    fails(lambda: s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=wrong), 400, code)


def test_pages(pond, s3, site):
    for path, body in [("/", b"home"), ("/index.html", b"home"), ("/docs/", b"docs"), ("/a%20b.txt", b"text"), ("/?x=1", b"home")]:
        for endpoint in ("s3-website", "s3-website-us-east-1"):
            answer = visit(pond, site, path, endpoint=endpoint)
            assert (answer.status, answer.body, answer.headers["content-type"]) == (200, body, "text/html"), path
    head = visit(pond, site, "/", "HEAD")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", "4")
    etag = head.headers["etag"]
    same = visit(pond, site, "/", headers={"If-None-Match": etag})
    assert (same.status, same.body) == (304, b"")
    piece = visit(pond, site, "/", headers={"Range": "bytes=1-2"})
    assert (piece.status, piece.body) == (206, b"om")
    folder = visit(pond, site, "/docs")
    assert (folder.status, folder.headers["location"]) == (302, "/docs/")
    assert b"<li>Code: Found</li>" in folder.body
    # A signature and other methods have no meaning to a website.
    signed = visit(pond, site, "/", headers={"Authorization": "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/s3/aws4_request"})
    assert signed.status == 200
    for method in ("PUT", "POST", "DELETE"):
        answer = visit(pond, site, "/", method)
        assert answer.status == 405 and b"<li>Code: MethodNotAllowed</li>" in answer.body


def test_errors(pond, s3, site, name):
    missing = visit(pond, site, "/none")
    # Who may not list is not told that there is none.
    assert (missing.status, missing.body, missing.headers["content-type"]) == (403, b"sorry", "text/html")
    put_policy(s3, site, {"Action": ["s3:GetObject", "s3:ListBucket"], "Resource": on(site, "*")})
    missing = visit(pond, site, "/none")
    assert (missing.status, missing.body) == (404, b"sorry")
    s3.delete_object(Bucket=site, Key="error.html")
    page = visit(pond, site, "/no%3Cne").body.decode()
    for part in ("<h1>404 Not Found</h1>", "<li>Code: NoSuchKey</li>", "<li>Key: no&lt;ne</li>", "<li>RequestId: ",
                 "An Error Occurred While Attempting to Retrieve a Custom Error Document", "<li>Key: error.html</li>"):
        assert part in page, page
    assert visit(pond, site, "/none", "HEAD").body == b""
    nowhere = visit(pond, f"{name}-none")
    assert nowhere.status == 404 and b"<li>Code: NoSuchBucket</li>" in nowhere.body
    s3.delete_bucket_website(Bucket=site)
    none = visit(pond, site)
    assert none.status == 404 and b"<li>Code: NoSuchWebsiteConfiguration</li>" in none.body
    assert f"<li>BucketName: {site}</li>".encode() in none.body


def test_what_is_not_public_is_not_shown(pond, s3, bucket):
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    s3.put_object(Bucket=bucket, Key="index.html", Body=b"secret")
    answer = visit(pond, bucket)
    assert answer.status == 403 and b"<li>Code: AccessDenied</li>" in answer.body and b"secret" not in answer.body
    public(s3, bucket)
    assert visit(pond, bucket).body == b"secret"


def test_an_open_pond_is_asked_as_nobody(open_pond, name):
    s3 = open_pond.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_website(Bucket=name, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    s3.put_object(Bucket=name, Key="index.html", Body=b"secret")
    assert visit(open_pond, name).status == 403
    # And it still answers no page that a stranger points here.
    connection = http.client.HTTPConnection("127.0.0.1", open_pond.port, timeout=60)
    connection.request("GET", "/", headers={"Host": f"{name}.s3-website.evil.example"})
    assert connection.getresponse().status == 403


def test_redirections(pond, s3, site):
    own = f"http://{site}.s3-website.localhost:{pond.port}"

    def leads(path, status, location, **more):
        answer = visit(pond, site, path, **more)
        assert (answer.status, answer.headers.get("location")) == (status, location), path

    put = lambda *rules: s3.put_bucket_website(
        Bucket=site, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}, "RoutingRules": list(rules)}
    )
    put({"Condition": {"KeyPrefixEquals": "docs/"}, "Redirect": {"ReplaceKeyPrefixWith": "documents/"}},
        {"Condition": {"HttpErrorCodeReturnedEquals": "403", "KeyPrefixEquals": "old/"},
         "Redirect": {"HostName": "example.com", "Protocol": "https", "HttpRedirectCode": "307"}})
    leads("/docs/a%20b", 301, f"{own}/documents/a%20b")
    leads("/old/x", 307, "https://example.com/old/x")
    leads("/", 200, None)
    put({"Redirect": {"ReplaceKeyWith": "error.html"}})
    leads("/anything", 301, f"{own}/error.html")
    s3.put_bucket_website(Bucket=site, WebsiteConfiguration={"RedirectAllRequestsTo": {"HostName": "example.com"}})
    leads("/a/b", 301, "http://example.com/a/b")
    leads("/", 301, "http://example.com/", method="HEAD")


def test_objects_that_lead_elsewhere(pond, s3, site):
    at = {"Bucket": site, "Key": "moved"}
    s3.put_object(**at, Body=b"x", WebsiteRedirectLocation="/docs/")
    assert s3.get_object(**at)["WebsiteRedirectLocation"] == "/docs/"
    assert s3.head_object(**at)["WebsiteRedirectLocation"] == "/docs/"
    answer = visit(pond, site, "/moved")
    assert (answer.status, answer.headers["location"], answer.body) == (301, "/docs/", b"")
    # A copy leads elsewhere only when it is told to.
    s3.copy_object(Bucket=site, Key="copy", CopySource=f"{site}/moved")
    assert "WebsiteRedirectLocation" not in s3.head_object(Bucket=site, Key="copy")
    s3.copy_object(Bucket=site, Key="copy", CopySource=f"{site}/copy", WebsiteRedirectLocation="https://example.com/")
    assert visit(pond, site, "/copy").headers["location"] == "https://example.com/"
    upload = s3.create_multipart_upload(**at, WebsiteRedirectLocation="/parts")["UploadId"]
    tag = s3.upload_part(**at, UploadId=upload, PartNumber=1, Body=b"y")["ETag"]
    s3.complete_multipart_upload(**at, UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": tag}]})
    assert s3.head_object(**at)["WebsiteRedirectLocation"] == "/parts"
    form = signed(s3, site, "form", {"x-amz-website-redirect-location": "/docs/"}, [{"x-amz-website-redirect-location": "/docs/"}])
    assert send(pond, site, form).status == 204
    assert visit(pond, site, "/form").headers["location"] == "/docs/"
    for location in ("example.com", "/" + "x" * 2048):
        fails(lambda: s3.put_object(**at, Body=b"", WebsiteRedirectLocation=location), 400, "InvalidRedirectLocation")


def test_pages_of_other_sites_may_read_what_the_rules_allow(pond, s3, site):
    s3.put_bucket_cors(Bucket=site, CORSConfiguration={
        "CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["https://app.example"]}]
    })
    answer = visit(pond, site, "/", headers={"Origin": "https://app.example"})
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "https://app.example")
