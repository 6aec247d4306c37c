"""Each figure beside a peer or beside the machine's limit, in one run: bench/run [--only NAME ...] [--quick].

A measurement and its peer take turns, and the middle one of each is told, so that a busy disk or neighbour meets both.
"""

import argparse
import base64
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import load
import s3
import tpch
from pond import Pond, binary, wait_for

KIB, MIB = 1 << 10, 1 << 20


@dataclass
class Row:
    what: str
    ours: str
    beside: str
    aim: str
    met: bool | None


class Bench:
    def __init__(self, quick):
        self.quick = quick
        self.folder = Path(tempfile.mkdtemp(prefix="millpond-bench-", dir=os.environ.get("BENCH_FOLDER")))
        self.rounds = 1 if quick else 3
        self.seconds = 2 if quick else 6
        self.rows = []

    def row(self, what, ours, beside, aim, met):
        self.rows.append(Row(what, ours, beside, aim, met))
        print(f"  {what}: {ours}, beside {beside}; aim {aim}: {'met' if met else 'missed'}", flush=True)

    def pond(self, name, *arguments):
        return Pond(*arguments, data=self.fresh(name))

    def fresh(self, name):
        folder = self.folder / name
        folder.mkdir()
        return folder

    def turns(self, ours, peer):
        """Lets both take turns; the middle value of each."""
        values = [(peer(), ours()) for _ in range(self.rounds)]
        return statistics.median(v[1] for v in values), statistics.median(v[0] for v in values)

    # The measurements.

    def get(self):
        """GET of 1 MiB objects beside nginx over the same files, 16 connections each."""
        root = self.fresh("files")
        root.chmod(0o755)
        names = [f"{n:03}" for n in range(64)]
        with self.pond("get") as pond:
            s3 = pond.client("s3")
            s3.create_bucket(Bucket="bench")
            (root / "bench").mkdir()
            for name in names:
                body = os.urandom(MIB)
                (root / "bench" / name).write_bytes(body)
                s3.put_object(Bucket="bench", Key=name, Body=body)
            signer = load.Signer(pond)
            nginx = load.Nginx(self.folder, root, free_port())
            try:
                ours, theirs = self.turns(
                    lambda: self.rate(pond.endpoint, [signer.presigned_path("GET", f"/bench/{n}") for n in names]),
                    lambda: self.rate(nginx.endpoint, [f"/bench/{n}" for n in names]),
                )
            finally:
                nginx.close()
        ratio = ours / theirs
        self.row("S3 GET of 1 MiB", f"{ours:,.0f}/s", f"nginx {theirs:,.0f}/s: {ratio:.2f}", "0.8 of nginx", ratio >= 0.8)

    def rate(self, endpoint, paths):
        host = endpoint.split("://", 1)[1]
        requests = [load.render("GET", path, {"Host": host}) for path in paths]
        result = load.wrk(endpoint, requests, 16, self.seconds, self.folder)
        assert result["bytes"] >= result["requests"] * MIB, "the answers were not the whole objects"
        return result["rate"]

    def small_put(self):
        """PUT of new 4 KiB objects at 64 clients beside bare write+fdatasync, one by one."""
        with self.pond("small") as pond:
            pond.client("s3").create_bucket(Bucket="bench")
            signer = load.Signer(pond)
            body, series = os.urandom(4 * KIB), iter(range(1_000_000))
            many = self.seconds * 15_000

            def ours():
                run = next(series)
                paths = (f"/bench/{run}/{n:07}" for n in range(many))
                headers = {"Host": signer.host}
                requests = [load.render("PUT", signer.presigned_path("PUT", path), headers, body) for path in paths]
                return load.wrk(pond.endpoint, requests, 64, self.seconds, self.folder)["rate"]

            rate, bare = self.turns(ours, lambda: load.bare_syncs(self.folder, self.seconds / 2))
        ratio = rate / bare
        self.row(
            "S3 PUT of 4 KiB, 64 clients", f"{rate:,.0f}/s", f"write+fdatasync {bare:,.0f}/s: {ratio:.1f}", "5 times", ratio >= 5
        )

    def large_put(self):
        """One PUT of a large object beside dd with conv=fdatasync, both from a file in the page cache."""
        size = (256 if self.quick else 1024) * MIB
        source = self.folder / "large-source"
        with open(source, "wb") as out:
            for _ in range(size // (16 * MIB)):
                out.write(os.urandom(16 * MIB))
        os.sync()
        with self.pond("large") as pond:
            s3 = pond.client("s3")
            s3.create_bucket(Bucket="bench")
            signer = load.Signer(pond)

            def ours():
                seconds = load.put_file(pond, signer, "/bench/large", source)
                s3.delete_object(Bucket="bench", Key="large")
                os.sync()
                return size / seconds / 1e6

            def theirs():
                seconds = load.dd(source, self.folder / "dd")
                os.sync()
                return size / seconds / 1e6

            rate, bare = self.turns(ours, theirs)
        source.unlink()
        ratio = rate / bare
        self.row(f"S3 PUT of {size // MIB:,} MiB", f"{rate:,.0f} MB/s", f"dd {bare:,.0f} MB/s: {ratio:.2f}", "0.7 of dd", ratio >= 0.7)

    def s3(self):
        """S3 by itself: small objects at 1, 16 and 64 clients, large ones, encryption, checksums, many keys."""
        s3.S3(self).run()

    def free_port(self):
        return free_port()

    def put_records(self):
        """PutRecords of 500 records of 200 bytes, 16 connections, over 800 shards."""
        with self.pond("records") as pond:
            kinesis = pond.client("kinesis")
            kinesis.create_stream(StreamName="bench", ShardCount=800)

            def status():
                return kinesis.describe_stream_summary(StreamName="bench")["StreamDescriptionSummary"]["StreamStatus"]

            wait_for("the stream to be ACTIVE", lambda: status() == "ACTIVE")
            signer = load.Signer(pond)
            requests = []
            for _ in range(64):
                data = base64.b64encode(os.urandom(200)).decode()
                records = [{"Data": data, "PartitionKey": uuid.uuid4().hex} for _ in range(500)]
                body = json.dumps({"StreamName": "bench", "Records": records}).encode()
                requests.append(signer.json_call("kinesis", "Kinesis_20131202.PutRecords", body))
            expected = '"FailedRecordCount":0'
            rates = [
                500 * load.wrk(pond.endpoint, requests, 16, self.seconds, self.folder, expected)["rate"]
                for _ in range(self.rounds)
            ]
        rate = statistics.median(rates)
        self.row("Kinesis PutRecords", f"{rate:,.0f} records/s", "500 records of 200 bytes a call", "50,000/s", rate >= 50_000)

    def athena(self):
        """What a small query costs over the engine's own time, from its start to its result."""
        with self.pond("athena") as pond:
            cost, engine = tpch.query_cost(pond, 10 if self.quick else 100)
        self.row("Athena, a small query", f"{cost:.1f} ms over the engine", f"engine {engine:.1f} ms", "under 10 ms", cost < 10)

    def tpch(self):
        """TPC-H at scale factor 1 through Athena beside DuckDB on the same files, two threads each."""
        with self.pond("tpch") as pond:
            ours, theirs, count = tpch.compare(pond, self.fresh("parquet"), 0.1 if self.quick else 1, self.rounds)
        ratio = ours / theirs
        self.row(f"TPC-H, {count} queries", f"{ours:.2f} s", f"DuckDB {theirs:.2f} s: {ratio:.2f}", "at most 1.5", ratio <= 1.5)

    def authorize(self):
        """GET of 1 KiB objects by a user with 10 policies of 20 statements beside the root, who has none; 16 connections."""
        names = [f"{n:03}" for n in range(64)]
        with self.pond("authorize") as pond:
            s3, iam = pond.client("s3"), pond.client("iam")
            s3.create_bucket(Bucket="bench")
            for name in names:
                s3.put_object(Bucket="bench", Key=name, Body=os.urandom(KIB))
            signers = load.Signer(pond), load.Signer(pond, user_of_many_policies(iam))

            def rate(signer):
                paths = (signer.presigned_path("GET", f"/bench/{name}") for name in names)
                requests = [load.render("GET", path, {"Host": signer.host}) for path in paths]
                spent = processor_seconds(pond.process.pid)
                result = load.wrk(pond.endpoint, requests, 16, self.seconds, self.folder)
                assert result["bytes"] >= result["requests"] * KIB, "the answers were not the whole objects"
                cost[signer].append((processor_seconds(pond.process.pid) - spent) / result["requests"] * 1e6)
                return result["rate"]

            cost = {signer: [] for signer in signers}
            user, root = self.turns(lambda: rate(signers[1]), lambda: rate(signers[0]))
        over = root / user - 1
        root_cost, user_cost = (statistics.median(cost[signer]) for signer in signers)
        self.row(
            "Authorization of a small GET", f"{user:,.0f}/s, {user_cost:.0f} µs of processor each",
            f"the root {root:,.0f}/s, {root_cost:.0f} µs: {over:.1%} over", "under 5 %", over < 0.05,
        )

    def start(self):
        """From the start of the process to its line "ready", and the memory of an idle one."""
        def seconds(pond):
            start = time.perf_counter()
            pond.start()
            return time.perf_counter() - start

        first, again, killed = [], [], []
        for n in range(self.rounds + 2):
            start = time.perf_counter()
            with self.pond(f"start{n}") as pond:
                first.append(time.perf_counter() - start)
                pond.stop()
                again.append(seconds(pond))
                pond.kill()
                killed.append(seconds(pond))
                time.sleep(2)
                status = Path(f"/proc/{pond.process.pid}/status").read_text()
        resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / KIB
        first, again, killed = (statistics.median(values) * 1e3 for values in (first, again, killed))
        self.row("Time to ready", f"{again:.0f} ms", f"first start {first:.0f} ms, after a kill {killed:.0f} ms", "200 ms", again <= 200)
        self.row("Idle memory", f"{resident:.0f} MiB", "resident, 2 s after the start", "60 MiB", resident <= 60)


def user_of_many_policies(iam, policies=10, statements=20):
    """A user who may read the objects by the last statement of the last policy; her keys. The others are as people write them."""
    def statement(n):
        where, lake = f"arn:aws:s3:::bucket-{n}", "arn:aws:s3:::lake"
        return [
            {"Effect": "Allow", "Action": ["glue:Get*", "glue:BatchGet*"], "Resource": f"arn:aws:glue:*:*:table/db{n}/*"},
            {"Effect": "Allow", "Action": "s3:*", "Resource": [where, f"{where}/*"]},
            {"Effect": "Deny", "Action": "s3:*", "Resource": f"{lake}/*", "Condition": {
                "StringNotLike": {"s3:prefix": "home/*"}, "StringEquals": {"aws:PrincipalTag/team": f"t{n}"}}},
            {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"{lake}/*/part-{n}-*.parquet"},
        ][n % 4]

    iam.create_user(UserName="reader")
    for policy in range(policies):
        written = [statement(policy * statements + n) for n in range(statements)]
        if policy == policies - 1:
            written[-1] = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bench/*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": written}, separators=(",", ":"))
        made = iam.create_policy(PolicyName=f"policy-{policy}", PolicyDocument=document)["Policy"]["Arn"]
        iam.attach_user_policy(UserName="reader", PolicyArn=made)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


def processor_seconds(pid):
    """What a process has spent so far, in it and in the kernel for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def machine():
    text = Path("/proc/cpuinfo").read_text()
    model = next((line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("model name")), "?")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    version = subprocess.run([binary(), "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return f"{os.cpu_count()} × {model}, {memory:.0f} GiB, Linux {platform.release()}; {version}; load {os.getloadavg()[0]:.1f}"


MEASUREMENTS = ["get", "small_put", "large_put", "s3", "put_records", "athena", "tpch", "authorize", "start"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=MEASUREMENTS, default=MEASUREMENTS)
    parser.add_argument("--quick", action="store_true", help="short and rough: does it run at all?")
    arguments = parser.parse_args()
    bench = Bench(arguments.quick)
    print(machine(), flush=True)
    try:
        for name in arguments.only:
            print(f"{name}: {getattr(Bench, name).__doc__.strip()}", flush=True)
            getattr(bench, name)()
    finally:
        shutil.rmtree(bench.folder, ignore_errors=True)
    print("\n| what | Millpond | beside it | aim | |\n| --- | --- | --- | --- | --- |")
    for row in bench.rows:
        print(f"| {row.what} | {row.ours} | {row.beside} | {row.aim} | {'met' if row.met else 'missed'} |")


if __name__ == "__main__":
    main()
