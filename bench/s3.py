"""S3's part of the benchmarks: small objects at 1, 16 and 64 clients, large ones, what encryption and checksums cost apart, listings
at two sizes, and the time to ready with many objects.

Each is held against the machine in the same run: small requests against nginx's answer to an empty file, small writes against bare
synced writes, large bodies against dd and nginx.
"""

import base64
import hashlib
import http.client
import json
import os
import statistics
import threading
import time
import urllib.request
import zlib

from botocore.config import Config
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import load
from pond import wait_for

KIB, MIB = 1 << 10, 1 << 20
CLIENTS = (1, 16, 64)
BUCKET = "bench"


class S3:
    def __init__(self, bench):
        self.bench = bench
        self.seconds = bench.seconds
        self.small_keys = 10_000 if bench.quick else 1_000_000
        self.few_keys = 3_000 if bench.quick else 10_000

    def wrk(self, pond, requests, clients):
        return load.wrk(pond.endpoint, requests, clients, self.seconds, self.bench.folder)

    def run(self):
        self.small()
        self.large()
        self.many_keys()

    def small(self):
        """PUT, GET, HEAD, LIST and DELETE of 4 KiB objects."""
        root = self.bench.fresh("empty")
        root.chmod(0o755)
        (root / "empty").write_bytes(b"")
        body = os.urandom(4 * KIB)
        bare = load.bare_syncs(self.bench.folder, self.seconds / 2)
        nginx = load.Nginx(self.bench.folder, root, self.bench.free_port())
        try:
            limit = {c: self.wrk(nginx, [load.render("GET", "/empty", {"Host": "x"})], c)["rate"] for c in CLIENTS}
        finally:
            nginx.close()
        with self.bench.pond("s3-small") as pond:
            pond.client("s3").create_bucket(Bucket=BUCKET)
            signer = load.Signer(pond)

            def rendered(method, paths, body=b""):
                headers = {"Host": signer.host}
                return [load.render(method, signer.presigned_path(method, path), headers, body) for path in paths]

            there = [f"/{BUCKET}/there/{n:05}" for n in range(1_000)]
            send(pond, [("PUT", signer.presigned_path("PUT", path), body) for path in there])
            keys = {clients: self.seconds * (1_500 if clients == 1 else 12_000) for clients in CLIENTS}
            for clients in CLIENTS:
                paths = [f"/{BUCKET}/{clients}/{n:07}" for n in range(keys[clients])]
                found = self.wrk(pond, rendered("PUT", paths, body), clients)
                self.told("PUT", clients, found, f"write+fdatasync {bare:,.0f}/s", found["rate"] / bare, clients == 64 and 5)
                found = self.wrk(pond, rendered("GET", there), clients)
                self.told("GET", clients, found, f"nginx, empty {limit[clients]:,.0f}/s", found["rate"] / limit[clients])
                heads = [("HEAD", signer.presigned_path("HEAD", path), b"") for path in there]
                self.told_head(clients, timed(pond, heads, clients, self.seconds))
                found = self.wrk(pond, self.listings(signer), clients)
                self.told("LIST of 1,000", clients, found, f"nginx, empty {limit[clients]:,.0f}/s", found["rate"] / limit[clients])
                found = self.wrk(pond, rendered("DELETE", paths), clients)
                self.told("DELETE", clients, found, f"write+fdatasync {bare:,.0f}/s", found["rate"] / bare)

    def listings(self, signer):
        url = signer.presigned_query(f"/{BUCKET}", {"list-type": "2", "prefix": "there/"})
        return [load.render("GET", url, {"Host": signer.host})]

    def told(self, what, clients, found, beside, ratio, aim=False):
        many = "1 client" if clients == 1 else f"{clients} clients"
        self.bench.row(
            f"S3 {what} of 4 KiB, {many}" if "LIST" not in what else f"S3 {what}, {many}",
            f"{found['rate']:,.0f}/s, median {found['p50_ms']:.2f} ms, p99 {found['p99_ms']:.2f} ms",
            f"{beside}: {ratio:.2f}",
            f"{aim} times" if aim else "none",
            ratio >= aim if aim else True,
        )

    def told_head(self, clients, rate):
        # wrk waits for the body that a HEAD's answer announces; Python's client costs more than the server does.
        self.bench.row(f"S3 HEAD of 4 KiB, {clients} clients", f"{rate:,.0f}/s", "by Python's client", "none", True)

    def large(self):
        """PUT and GET of a large object; the same with other encryption, and with other checksums."""
        size = (64 if self.bench.quick else 1024) * MIB
        source = self.bench.folder / "s3-source"
        with open(source, "wb") as out:
            for _ in range(size // (16 * MIB)):
                out.write(os.urandom(16 * MIB))
        os.sync()
        key = os.urandom(32)
        with self.bench.pond("s3-large") as pond:
            s3 = pond.client("s3", config=Config(request_checksum_calculation="when_required"))
            s3.create_bucket(Bucket=BUCKET)
            kms = pond.client("kms").create_key()["KeyMetadata"]["KeyId"]

            def put(**more):
                with open(source, "rb") as body:
                    start = time.perf_counter()
                    s3.put_object(Bucket=BUCKET, Key="large", Body=body, **more)
                    return size / (time.perf_counter() - start) / 1e6

            def get(**more):
                start = time.perf_counter()
                body, read = s3.get_object(Bucket=BUCKET, Key="large", **more)["Body"], 0
                while piece := body.read(4 * MIB):
                    read += len(piece)
                assert read == size
                return size / (time.perf_counter() - start) / 1e6

            customer = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": key}
            ways = {
                "SSE-S3": ({}, {}),
                "SSE-KMS": ({"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms}, {}),
                "DSSE-KMS": ({"ServerSideEncryption": "aws:kms:dsse", "SSEKMSKeyId": kms}, {}),
                "SSE-C": (customer, customer),
            }
            plain = None
            for way, (writing, reading) in ways.items():
                puts = statistics.median(put(**writing) for _ in range(self.bench.rounds))
                gets = statistics.median(get(**reading) for _ in range(self.bench.rounds))
                plain = plain or (puts, gets)
                beside = f"SSE-S3: PUT {puts / plain[0]:.2f}, GET {gets / plain[1]:.2f}"
                self.bench.row(f"S3, {size // MIB:,} MiB, {way}", f"PUT {puts:,.0f}, GET {gets:,.0f} MB/s", beside, "none", True)
            # The values are known beforehand: it is the server's cost that differs. Without one it makes a CRC64NVME.
            for algorithm, value in digests(source).items():
                rate = statistics.median(put(**{f"Checksum{algorithm}": value}) for _ in range(self.bench.rounds))
                beside = f"without {plain[0]:,.0f} MB/s: {rate / plain[0]:.2f}"
                self.bench.row(f"S3 PUT with {algorithm}", f"{rate:,.0f} MB/s", beside, "none", True)
            self.cost_of_encryption(pond, s3)
        source.unlink()

    def cost_of_encryption(self, pond, s3):
        """What opening the frames takes of GETs of 1 MiB that keep all cores busy: AES-256-GCM alone, by OpenSSL on one core.

        Not the `openssl` of the system, which may be too old to use what the processor has for it, as the program does.
        """
        names = [f"/{BUCKET}/{n:03}" for n in range(64)]
        for name in names:
            s3.put_object(Bucket=BUCKET, Key=name.rsplit("/", 1)[1], Body=os.urandom(MIB))
        signer = load.Signer(pond)
        requests = [load.render("GET", signer.presigned_path("GET", name), {"Host": signer.host}) for name in names]
        rate = self.wrk(pond, requests, 16)["rate"] * MIB / 1e6
        alone = opened_per_second(64 * KIB) / 1e6
        share = rate / alone / os.cpu_count()
        beside = f"{rate:,.0f} MB/s; AES-256-GCM alone, a core, {alone:,.0f} MB/s"
        self.bench.row("Encryption's part of GETs of 1 MiB", f"{share:.0%} of the cores", beside, "under 15 %", share < 0.15)

    def many_keys(self):
        """Listings at two sizes, the time to ready with the larger one, and rules that move all of it."""
        with self.bench.pond("s3-keys", "--open", "--lab") as pond:
            s3 = pond.client("s3")
            sizes = {"few": self.few_keys, "many": self.small_keys}
            for bucket, count in sizes.items():
                s3.create_bucket(Bucket=bucket)
                fill(pond, bucket, count)

            def listings(bucket):
                request = f"/{bucket}?list-type=2&start-after=folder-50/{sizes[bucket] // 2:08}"
                return self.wrk(pond, [load.render("GET", request, {"Host": "localhost"})], 1)["rate"]

            many, few = self.bench.turns(lambda: listings("many"), lambda: listings("few"))
            ratio = few / many
            self.bench.row(
                f"LIST of 1,000 at {self.small_keys:,} keys",
                f"{1e3 / many:.2f} ms",
                f"at {self.few_keys:,} keys {1e3 / few:.2f} ms: {ratio:.2f}",
                "1.5 times",
                ratio <= 1.5,
            )
            pond.stop()
            stopped = seconds(pond.start)
            pond.kill()
            killed = seconds(pond.start)
            self.bench.row(
                f"Time to ready with {self.small_keys:,} objects",
                f"{stopped * 1e3:.0f} ms",
                f"after a kill {killed * 1e3:.0f} ms",
                "150 ms",
                max(stopped, killed) <= 0.15,
            )
            self.rules(pond, "many", self.small_keys)

    def rules(self, pond, bucket, count):
        """A rule moves every object, while one client reads."""
        s3 = pond.client("s3")
        rule = {
            "ID": "all",
            "Status": "Enabled",
            "Filter": {"ObjectSizeGreaterThan": 1},
            "Transitions": [{"Days": 1, "StorageClass": "GLACIER_IR"}],
        }
        s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
        reads = [load.render("GET", f"/{bucket}/folder-50/{50:08}", {"Host": "localhost"})]
        before = self.wrk(pond, reads, 1)
        last = f"folder-99/{count - 1:08}"
        body = json.dumps({"by": "3d"}).encode()
        start = time.perf_counter()
        urllib.request.urlopen(urllib.request.Request(f"{pond.endpoint}/_millpond/clock/advance", body, method="POST")).close()
        during = self.wrk(pond, reads, 1)
        moved = lambda: s3.head_object(Bucket=bucket, Key=last).get("StorageClass") == "GLACIER_IR"
        wait_for("the rule to have moved everything", moved, timeout=3_600, every=0.5)
        took = time.perf_counter() - start
        self.bench.row(
            f"A rule over {count:,} objects",
            f"{took:.0f} s, {count / took:,.0f}/s",
            f"GETs meanwhile: p99 {during['p99_ms']:.1f} ms, before {before['p99_ms']:.1f} ms",
            "none",
            True,
        )


def digests(source):
    """Checksums of a file, as S3's headers carry them."""
    crc, sha1, sha256 = 0, hashlib.sha1(), hashlib.sha256()
    with open(source, "rb") as body:
        while piece := body.read(4 * MIB):
            crc = zlib.crc32(piece, crc)
            sha1.update(piece)
            sha256.update(piece)
    values = {"CRC32": crc.to_bytes(4, "big"), "SHA1": sha1.digest(), "SHA256": sha256.digest()}
    return {algorithm: base64.b64encode(value).decode() for algorithm, value in values.items()}


def opened_per_second(frame):
    """Bytes of AES-256-GCM that one core opens in a second, a frame at a time."""
    cipher, nonce, opened = AESGCM(os.urandom(32)), os.urandom(12), bytearray(frame)
    sealed = cipher.encrypt(nonce, bytes(frame), None)
    start, count = time.process_time(), 0
    while time.process_time() - start < 1:
        cipher.decrypt_into(nonce, sealed, None, opened)
        count += 1
    return count * frame / (time.process_time() - start)


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def fill(pond, bucket, count):
    """Puts `count` small objects; an open pond asks for no signature."""
    names = ((n, hashlib.sha256(str(n).encode()).hexdigest()[:8]) for n in range(count))
    send(pond, (("PUT", f"/{bucket}/folder-{n % 100:02}/{n:08}", name.encode()) for n, name in names))


def timed(pond, requests, clients, seconds):
    """Sends the requests again and again for a while; how many a second."""
    until, count = time.perf_counter() + seconds, 0

    def more():
        nonlocal count
        while time.perf_counter() < until:
            count += 1
            yield requests[count % len(requests)]

    start = time.perf_counter()
    send(pond, more(), clients)
    return count / (time.perf_counter() - start)


def send(pond, requests, clients=64):
    """Sends (method, path, body) over kept connections, each once."""
    requests, lock, failed = iter(requests), threading.Lock(), []

    def client():
        connection = http.client.HTTPConnection("127.0.0.1", pond.port, timeout=600)
        while not failed:
            with lock:
                request = next(requests, None)
            if request is None:
                return
            method, path, body = request
            try:
                connection.request(method, path, body=body)
                answer = connection.getresponse()
                answer.read()
            except OSError as error:
                failed.append((request[:2], error))
                return
            if answer.status != 200:
                failed.append((request[:2], answer.status))

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed
