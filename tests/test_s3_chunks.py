"""Bodies in signed chunks and with trailers, written by hand, since today's boto3 sends few of them."""

import base64
import hashlib
import hmac
import zlib

import pytest
import botocore.auth

from raw import Request


class ChunkedAuth(botocore.auth.S3SigV4Auth):
    """Signs a request whose payload is what its header says."""

    def payload(self, request):
        return request.headers["x-amz-content-sha256"]


def signing_key(secret, date, region="us-east-1"):
    key = ("AWS4" + secret).encode()
    for text in (date, region, "s3", "aws4_request"):
        key = hmac.new(key, text.encode(), hashlib.sha256).digest()
    return key


def begin(pond, bucket, kind, length, trailer=None):
    headers = {
        "x-amz-content-sha256": kind, "x-amz-decoded-content-length": str(length), "Content-Encoding": "aws-chunked",
    }
    if trailer:
        headers["x-amz-trailer"] = trailer
    request = Request("PUT", f"{pond.endpoint}/{bucket}/k", headers)

    class Auth(ChunkedAuth):
        def _modify_request_before_signing(self, signed):
            super()._modify_request_before_signing(signed)
            signed.headers.replace_header("X-Amz-Content-SHA256", kind) if "X-Amz-Content-SHA256" in signed.headers else None

    return request.sign(pond.credentials, "s3", signer=Auth)


class Chunks:
    def __init__(self, pond, request):
        lower = {name.lower(): value for name, value in request.headers.items()}
        self.date = lower["x-amz-date"]
        self.previous = lower["authorization"].rsplit("Signature=", 1)[1]
        self.scope = f"{self.date[:8]}/us-east-1/s3/aws4_request"
        self.key = signing_key(pond.credentials["aws_secret_access_key"], self.date[:8])

    def sign(self, algorithm, *lines):
        text = "\n".join([algorithm, self.date, self.scope, self.previous, *lines])
        self.previous = hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()
        return self.previous

    def chunk(self, data):
        empty = hashlib.sha256(b"").hexdigest()
        signature = self.sign("AWS4-HMAC-SHA256-PAYLOAD", empty, hashlib.sha256(data).hexdigest())
        head = f"{len(data):x};chunk-signature={signature}\r\n".encode()
        return head + data + (b"\r\n" if data else b"")

    def trailer(self, name, value):
        digest = hashlib.sha256(f"{name}:{value}\n".encode()).hexdigest()
        signature = self.sign("AWS4-HMAC-SHA256-TRAILER", digest)
        return f"{name}:{value}\r\nx-amz-trailer-signature:{signature}\r\n\r\n".encode()


ONE, TWO = b"1" * 65536, b"2" * 1024


def send(pond, bucket, trailer=False, bend=lambda body: body, checksum=None):
    data = ONE + TWO
    name = "x-amz-checksum-crc32"
    kind = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" + ("-TRAILER" if trailer else "")
    request = begin(pond, bucket, kind, len(data), name if trailer else None)
    chunks = Chunks(pond, request)
    body = chunks.chunk(ONE) + chunks.chunk(TWO) + chunks.chunk(b"")
    if trailer:
        value = checksum or base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()
        body += chunks.trailer(name, value)
    else:
        body += b"\r\n"
    request.body = bend(body)
    request.headers["Content-Length"] = str(len(request.body))
    return request.send(pond)


@pytest.mark.parametrize("trailer", [False, True])
def test_signed_chunks(pond, bucket, trailer):
    answer = send(pond, bucket, trailer)
    assert answer.status == 200, answer.body
    got = pond.client("s3").get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == ONE + TWO
    assert "ContentEncoding" not in got


@pytest.mark.parametrize("trailer", [False, True])
@pytest.mark.parametrize("bend, code", [
    (lambda body: body.replace(b"11", b"13", 1), "SignatureDoesNotMatch"),
    (lambda body: body.replace(b"22", b"23", 1), "SignatureDoesNotMatch"),
    (lambda body: body.replace(b"chunk-signature=", b"chunk-signature=0", 1), "SignatureDoesNotMatch"),
    (lambda body: body.replace(b";chunk-signature", b";chunk-sig", 1), "SignatureDoesNotMatch"),
    (lambda body: body[: 65536 + 100], "IncompleteBody"),
    (lambda body: b"zz" + body, "IncompleteBody"),
])
def test_bent_chunks(pond, bucket, trailer, bend, code):
    answer = send(pond, bucket, trailer, bend)
    assert (answer.status, answer.code) == (403 if code == "SignatureDoesNotMatch" else 400, code), answer.body
    gone = Request("HEAD", f"{pond.endpoint}/{bucket}/k").sign(pond.credentials, "s3").send(pond)
    assert gone.status == 404


def test_a_bent_trailer(pond, bucket):
    answer = send(pond, bucket, True, lambda body: body.replace(b"trailer-signature:", b"trailer-signature:0"))
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")
    answer = send(pond, bucket, True, checksum="AAAAAA==")
    assert (answer.status, answer.code) == (400, "BadDigest")


def test_an_unsigned_trailer(pond, bucket):
    kind, name = "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x-amz-checksum-crc32"
    value = base64.b64encode(zlib.crc32(b"hello").to_bytes(4, "big")).decode()
    for sent, status, code in [(value, 200, None), ("AAAAAA==", 400, "BadDigest")]:
        request = begin(pond, bucket, kind, 5, name)
        request.body = f"5\r\nhello\r\n0\r\n{name}:{sent}\r\n\r\n".encode()
        request.headers["Content-Length"] = str(len(request.body))
        answer = request.send(pond)
        assert (answer.status, answer.code) == (status, code), answer.body


def test_short_chunks_in_the_middle(pond, bucket):
    request = begin(pond, bucket, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", 20)
    chunks = Chunks(pond, request)
    request.body = chunks.chunk(b"a" * 10) + chunks.chunk(b"b" * 10) + chunks.chunk(b"") + b"\r\n"
    request.headers["Content-Length"] = str(len(request.body))
    answer = request.send(pond)
    assert (answer.status, answer.code) == (403, "InvalidChunkSizeError")
