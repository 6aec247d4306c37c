"""HTTP itself: keep-alive, HTTP/2, Expect, and a body larger than what the server may keep in memory."""

import hashlib
import http.client
import subprocess

from raw import Request, json_request

MIB = 1 << 20


def test_a_connection_is_kept_alive(pond):
    connection = http.client.HTTPConnection("127.0.0.1", pond.port, timeout=20)
    connection.connect()
    socket = connection.sock
    for _ in range(5):
        request = json_request(pond, "kinesis", "ListStreams").sign(pond.credentials, "kinesis")
        connection.request("POST", "/", request.body, request.headers)
        response = connection.getresponse()
        assert response.status == 200 and response.read()
        assert connection.sock is socket


def test_http2(pond, bucket):
    pond.client("s3").put_object(Bucket=bucket, Key="two", Body=b"over two")
    url = Request("GET", f"{pond.endpoint}/{bucket}/two").sign(pond.credentials, "s3", presign=True).url
    done = subprocess.run(
        ["curl", "--silent", "--http2-prior-knowledge", "--write-out", " %{http_version} %{http_code}", url],
        capture_output=True, text=True, check=True,
    )
    assert done.stdout == "over two 2 200"


def test_expect_100_continue(pond, bucket, tmp_path):
    body = tmp_path / "body"
    body.write_bytes(b"x" * MIB)
    url = Request("PUT", f"{pond.endpoint}/{bucket}/expected").sign(pond.credentials, "s3", presign=True).url
    done = subprocess.run(
        ["curl", "--verbose", "--header", "Expect: 100-continue", "--upload-file", str(body), url],
        capture_output=True, text=True, check=True,
    )
    assert "HTTP/1.1 100 Continue" in done.stderr and "HTTP/1.1 200" in done.stderr


def resident(pond):
    for line in open(f"/proc/{pond.process.pid}/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


class Pattern:
    """A file of `size` bytes that exists nowhere whole."""

    def __init__(self, size):
        self.size, self.at, self.seen = size, 0, hashlib.sha256()
        self.block = bytes(range(256)) * 4096

    def __len__(self):
        return self.size

    def read(self, n=-1):
        n = min(self.size - self.at if n < 0 else n, self.size - self.at, MIB)
        piece = self.block[:n]
        self.seen.update(piece)
        self.at += n
        return piece


def test_a_body_larger_than_the_memory_it_may_take(pond, bucket):
    size, allowed = 768 * MIB, 256 * MIB
    before = resident(pond)
    body = Pattern(size)
    path = f"/{bucket}/large"
    request = Request("PUT", f"{pond.endpoint}{path}", {"Content-Length": str(size)}).sign(pond.credentials, "s3", presign=True)
    connection = http.client.HTTPConnection("127.0.0.1", pond.port, timeout=120)
    connection.request("PUT", request.url.split(str(pond.port), 1)[1], body, {"Content-Length": str(size)})
    assert connection.getresponse().status == 200
    assert resident(pond) - before < allowed
    got, count = hashlib.sha256(), 0
    for piece in pond.client("s3").get_object(Bucket=bucket, Key="large")["Body"].iter_chunks(MIB):
        got.update(piece)
        count += len(piece)
    assert (count, got.hexdigest()) == (size, body.seen.hexdigest())
    assert resident(pond) - before < allowed
