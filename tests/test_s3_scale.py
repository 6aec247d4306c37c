"""Many keys, many buckets, many uploads at once: it works at that size, in bounded memory.

MILLPOND_TEST_KEYS (20,000) and MILLPOND_TEST_BUCKETS (1,000) say how many; a million and ten thousand are what S3 is to carry. How
many entries a page of a listing reads is counted in the crate's own tests, and how long it takes in `bench/`.
"""

import http.client
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conftest import _pond

KEYS = int(os.environ.get("MILLPOND_TEST_KEYS", "20000"))
BUCKETS = int(os.environ.get("MILLPOND_TEST_BUCKETS", "1000"))
MIB = 1 << 20


@pytest.fixture(scope="module")
def pond():
    """Open, so that the clients need not sign: it is the server's size that is tested."""
    yield from _pond("--open")


def send_all(pond, requests, clients=16):
    """Sends (method, path, body) over kept connections; fails at the first answer that is no success."""
    requests, lock, failed = iter(requests), threading.Lock(), []

    def client():
        connection = http.client.HTTPConnection("127.0.0.1", pond.port, timeout=120)
        while not failed:
            with lock:
                request = next(requests, None)
            if request is None:
                return
            method, path, body = request
            connection.request(method, path, body=body, headers={"Content-Length": str(len(body))})
            answer = connection.getresponse()
            text = answer.read()
            if answer.status >= 300:
                failed.append((request[:2], answer.status, text))

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed[0]


def resident(pond, what="VmRSS"):
    status = Path(f"/proc/{pond.process.pid}/status").read_text()
    return next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith(what))


def key(n):
    return f"folder-{n % 100:02}/{n:08}"


@pytest.mark.timeout(7200)
def test_a_bucket_of_many_keys(pond, name):
    s3 = pond.client("s3")
    s3.create_bucket(Bucket=name)
    before = resident(pond)
    send_all(pond, (("PUT", f"/{name}/{key(n)}", b"water") for n in range(KEYS)))
    expected = sorted(key(n) for n in range(KEYS))

    def listed():
        pages = pond.client("s3").get_paginator("list_objects_v2").paginate(Bucket=name)
        return [entry["Key"] for page in pages for entry in page["Contents"]]

    assert listed() == expected
    roots = s3.list_objects_v2(Bucket=name, Delimiter="/")
    assert len(roots["CommonPrefixes"]) == min(100, KEYS) and "Contents" not in roots
    late = s3.list_objects_v2(Bucket=name, StartAfter=expected[-11])
    assert [entry["Key"] for entry in late["Contents"]] == expected[-10:]
    assert resident(pond) - before < 1 << 30, "the keys are on the disk, not in memory"

    # Ready again at once, with all of it there.
    pond.kill()
    pond.start(timeout=20)
    assert pond.client("s3").list_objects_v2(Bucket=name, MaxKeys=3)["Contents"][2]["Key"] == expected[2]
    pond.restart()
    assert listed() == expected
    send_all(pond, (("DELETE", f"/{name}/{one}", b"") for one in expected))
    assert pond.client("s3").list_objects_v2(Bucket=name)["KeyCount"] == 0


@pytest.mark.timeout(3600)
def test_many_buckets(pond, name):
    names = [f"{name}-{n:06}" for n in range(BUCKETS)]
    send_all(pond, (("PUT", f"/{one}", b"") for one in names))
    s3 = pond.client("s3")
    found, token = [], {}
    while token is not None:
        page = s3.list_buckets(Prefix=name, MaxBuckets=997, **token)
        found += [bucket["Name"] for bucket in page["Buckets"]]
        token = {"ContinuationToken": page["ContinuationToken"]} if "ContinuationToken" in page else None
    assert found == names
    s3.put_object(Bucket=names[-1], Key="k", Body=b"x")
    assert s3.get_object(Bucket=names[-1], Key="k")["Body"].read() == b"x"
    s3.delete_object(Bucket=names[-1], Key="k")
    send_all(pond, (("DELETE", f"/{one}", b"") for one in names))
    assert s3.list_buckets(Prefix=name)["Buckets"] == []


@pytest.mark.timeout(1800)
def test_64_uploads_at_once_in_bounded_memory(pond, name):
    s3 = pond.client("s3")
    s3.create_bucket(Bucket=name)
    piece = os.urandom(MIB)
    part, parts = piece * 8, 3
    before = resident(pond)
    gate = threading.Barrier(64)

    def upload(n):
        names = {"Bucket": name, "Key": f"upload-{n}"}
        names["UploadId"] = s3.create_multipart_upload(**names)["UploadId"]
        gate.wait()
        done = []
        for number in range(1, parts + 1):
            etag = s3.upload_part(**names, PartNumber=number, Body=part)["ETag"]
            done.append({"PartNumber": number, "ETag": etag})
        s3.complete_multipart_upload(**names, MultipartUpload={"Parts": done})

    with ThreadPoolExecutor(64) as pool:
        list(pool.map(upload, range(64)))
    grown = resident(pond, "VmHWM") - before
    assert grown < 400 * MIB, f"{grown / MIB:.0f} MiB for 64 uploads of {parts * 8} MiB"
    for n in (0, 63):
        assert s3.head_object(Bucket=name, Key=f"upload-{n}")["ContentLength"] == parts * len(part)
        assert s3.get_object(Bucket=name, Key=f"upload-{n}", Range="bytes=-1048576")["Body"].read() == piece
