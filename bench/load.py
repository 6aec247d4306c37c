"""The clients of the benchmarks: requests signed beforehand and sent by wrk, one large upload, bare disk writes.

wrk costs little enough beside the server that it measures the server; a Python client would measure Python.
"""

import hashlib
import hmac
import http.client
import json
import os
import subprocess
import time
import urllib.parse
from pathlib import Path

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

HERE = Path(__file__).parent
THREADS = 2
REGION = "us-east-1"


class Signer:
    """Signs for one pond, as its root or with these keys. Presigning is written out here because botocore's takes longer than the requests themselves."""

    def __init__(self, pond, keys=None):
        keys = keys or pond.credentials
        self.access_key, self.secret = keys["aws_access_key_id"], keys["aws_secret_access_key"]
        self.host = pond.endpoint.split("://", 1)[1]
        self.stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        self.scope = f"{self.stamp[:8]}/{REGION}/s3/aws4_request"
        key = f"AWS4{self.secret}".encode()
        for part in self.scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        self.key = key

    def presigned_path(self, method, path):
        """A path of unreserved characters and slashes, with a signature in its query that is good for an hour."""
        return self.presigned_query(path, {}, method)

    def presigned_query(self, path, query, method="GET"):
        """As `presigned_path`, with parameters of one's own: their names sort behind X-Amz-."""
        query = urllib.parse.urlencode(
            {
                "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
                "X-Amz-Credential": f"{self.access_key}/{self.scope}",
                "X-Amz-Date": self.stamp,
                "X-Amz-Expires": "3600",
                "X-Amz-SignedHeaders": "host",
                **dict(sorted(query.items())),
            },
            quote_via=urllib.parse.quote,
            safe="",
        )
        canonical = f"{method}\n{path}\n{query}\nhost:{self.host}\n\nhost\nUNSIGNED-PAYLOAD"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{self.stamp}\n{self.scope}\n{digest}"
        return f"{path}?{query}&X-Amz-Signature={hmac.digest(self.key, text.encode(), 'sha256').hex()}"

    def json_call(self, service, target, body):
        """A POST of an awsJson1.1 service, rendered whole."""
        request = AWSRequest(
            "POST",
            f"http://{self.host}/",
            data=body,
            headers={"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target, "Host": self.host},
        )
        SigV4Auth(Credentials(self.access_key, self.secret), service, REGION).add_auth(request)
        return render("POST", "/", dict(request.headers.items()), body)


def render(method, path, headers, body=b""):
    if body:
        headers = {**headers, "Content-Length": str(len(body))}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def wrk(endpoint, requests, connections, seconds, folder, expect=None):
    """Sends the rendered requests, again and again, and gives the rates; fails when any answer failed."""
    threads = min(THREADS, connections)
    file = Path(folder) / "requests"
    with open(file, "wb") as out:
        for request in requests:
            out.write(b"%d\n%s" % (len(request), request))
    environment = {**os.environ, "BENCH_REQUESTS": str(file), "BENCH_THREADS": str(threads)}
    if expect:
        environment["BENCH_EXPECT"] = expect
    command = [
        "wrk", "--threads", str(threads), "--connections", str(connections), "--duration", f"{seconds}s",
        "--timeout", "30s", "--script", str(HERE / "replay.lua"), endpoint,
    ]  # fmt: skip
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    result = json.loads(done.stdout.rsplit("RESULT ", 1)[1])
    assert result["failed"] == 0, f"{result['failed']} of {result['requests']} requests failed\n{done.stdout}"
    result["rate"] = result["requests"] / result["seconds"]
    return result


def put_file(pond, signer, path, source):
    """One PUT of a whole file; the seconds that it took."""
    size = os.path.getsize(source)
    connection = http.client.HTTPConnection(signer.host, blocksize=1 << 20, timeout=600)
    with open(source, "rb") as body:
        start = time.perf_counter()
        connection.request("PUT", signer.presigned_path("PUT", path), body=body, headers={"Content-Length": str(size)})
        answer = connection.getresponse()
        text = answer.read()
        seconds = time.perf_counter() - start
    connection.close()
    assert answer.status == 200, text
    return seconds


def dd(source, target):
    """The same bytes by dd, durable at its end; the seconds that it took."""
    start = time.perf_counter()
    command = ["dd", f"if={source}", f"of={target}", "bs=1M", "conv=fdatasync", "status=none"]
    subprocess.run(command, check=True)
    seconds = time.perf_counter() - start
    os.unlink(target)
    return seconds


def bare_syncs(folder, seconds):
    """4 KiB writes to one file, each made durable before the next; how many a second."""
    path = Path(folder) / "bare"
    block = os.urandom(4096)
    file = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    count, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < seconds:
        os.pwrite(file, block, count * len(block))
        os.fdatasync(file)
        count += 1
    os.close(file)
    path.unlink()
    return count / spent


class Nginx:
    """nginx over a folder, as it serves files best: sendfile, keep-alive, no log."""

    CONFIG = """
worker_processes 2;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  open_file_cache max=1000;
  keepalive_requests 100000000;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""

    def __init__(self, folder, root, port):
        self.endpoint = f"http://127.0.0.1:{port}"
        config = Path(folder) / "nginx.conf"
        config.write_text(self.CONFIG.format(folder=folder, root=root, port=port))
        # Started as root, nginx drops to another user, which must be able to read the files.
        user = ["-g", "user root;"] if os.geteuid() == 0 else []
        self.process = subprocess.Popen(["nginx", "-c", str(config), "-e", f"{folder}/error.log", *user])
        for _ in range(100):
            try:
                http.client.HTTPConnection("127.0.0.1", port, timeout=1).connect()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("nginx did not start")

    def close(self):
        self.process.terminate()
        self.process.wait()
