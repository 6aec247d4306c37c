"""Kill the server while versions are overwritten, uploads completed, rules acted on and zones lost: what was acknowledged is there.

A lab over three zones. Writers put versions and complete uploads in a bucket with versions; another bucket's rules are due, since
the clock is turned while the load runs; meanwhile one zone is lost, and comes back or is replaced after the restart. `--crashes`
says how often it is killed in both crash tests together (a quarter of it here), `--crash-seed` repeats a run's moments and bodies.
"""

import json
import random
import shutil
import threading
import time
import urllib.request

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from crash_ledger import Body
from pond import Pond, wait_for

VERSIONED = "crash-versions"
RULED = "crash-rules"


class Interrupted(Exception):
    """The connection broke: the request may have happened or not."""


def call(operation, **arguments):
    try:
        return operation(**arguments)
    except ClientError:
        raise
    except BotoCoreError as error:
        raise Interrupted from error


class State:
    """What was acknowledged: versions by key and id, objects under rules by key."""

    def __init__(self, pond, zones, seed):
        self.pond = pond
        self.zones = zones
        self.random = random.Random(seed)
        self.versions = {}
        self.deleted = set()
        self.ruled = {}
        self.numbers = {}
        self.counts = {}
        self.failures = []
        self.connect()

    def connect(self):
        self.s3 = self.pond.client("s3")

    def set_up(self):
        for bucket in (VERSIONED, RULED):
            self.s3.create_bucket(Bucket=bucket)
        self.s3.put_bucket_versioning(Bucket=VERSIONED, VersioningConfiguration={"Status": "Enabled"})
        rules = [
            {"ID": "gone", "Filter": {"Prefix": "gone/"}, "Expiration": {"Days": 1}},
            {"ID": "cold", "Filter": {"Prefix": "cold/"}, "Transitions": [{"Days": 1, "StorageClass": "GLACIER_IR"}]},
            {"ID": "ice", "Filter": {"Prefix": "ice/"}, "Transitions": [{"Days": 1, "StorageClass": "DEEP_ARCHIVE"}]},
        ]
        rules = [{"Status": "Enabled", **rule} for rule in rules]
        self.s3.put_bucket_lifecycle_configuration(
            Bucket=RULED,
            LifecycleConfiguration={"Rules": rules},
            TransitionDefaultMinimumObjectSize="varies_by_storage_class",
        )

    def next_number(self, writer):
        self.numbers[writer] = self.numbers.get(writer, 0) + 1
        return self.numbers[writer]

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    # Writers. Each runs until its connection breaks.

    def overwrite(self, writer, chance):
        """Versions of a few keys; one in ten is removed again."""
        while True:
            key = f"{writer}/{chance.randrange(4)}"
            body = Body(chance.getrandbits(60), chance.choice([chance.randint(0, 9_000), chance.randint(20_000, 400_000)]))
            version = call(self.s3.put_object, Bucket=VERSIONED, Key=key, Body=body.bytes())["VersionId"]
            self.versions[key, version] = body
            self.count("versions")
            if chance.random() < 0.1:
                name = chance.choice([name for name in list(self.versions) if name[0].startswith(f"{writer}/")])
                self.deleted.add(name)
                call(self.s3.delete_object, Bucket=VERSIONED, Key=name[0], VersionId=name[1])
                self.count("removed versions")

    def complete(self, writer, chance):
        """Uploads of one part each, so that most kills meet a completion."""
        while True:
            key = f"{writer}/{chance.randrange(4)}"
            body = Body(chance.getrandbits(60), chance.randint(1, 60_000))
            names = {"Bucket": VERSIONED, "Key": key}
            names["UploadId"] = call(self.s3.create_multipart_upload, **names)["UploadId"]
            etag = call(self.s3.upload_part, **names, PartNumber=1, Body=body.bytes())["ETag"]
            parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
            version = call(self.s3.complete_multipart_upload, **names, MultipartUpload=parts)["VersionId"]
            self.versions[key, version] = body
            self.count("completions")

    def put_ruled(self, writer, chance):
        while True:
            prefix = chance.choice(["gone", "cold", "ice", "kept"])
            key = f"{prefix}/{writer}-{self.next_number(writer):06}"
            body = Body(chance.getrandbits(60), chance.randint(10_000, 200_000))
            call(self.s3.put_object, Bucket=RULED, Key=key, Body=body.bytes())
            self.ruled[key] = body
            self.count("objects under rules")

    def run_writer(self, work, writer):
        chance = random.Random(f"{writer}/{self.random.random()}")
        try:
            work(writer, chance)
        except Interrupted:
            pass
        except BaseException as error:
            self.failures.append(error)

    def turn_clock(self, by):
        body = json.dumps({"by": by}).encode()
        request = urllib.request.Request(f"{self.pond.endpoint}/_millpond/clock/advance", body, method="POST")
        urllib.request.urlopen(request, timeout=30).close()

    def worker(self, name):
        with urllib.request.urlopen(f"{self.pond.endpoint}/_millpond/health", timeout=30) as answer:
            return next(worker for worker in json.load(answer)["workers"] if worker["name"] == name)

    def load_and_kill(self):
        """Loses a zone and lets rules act in the middle of the load, and kills the server; which zone."""
        jobs = [(self.overwrite, f"v{n}") for n in range(2)] + [(self.complete, f"m{n}") for n in range(2)]
        jobs += [(self.put_ruled, f"r{n}") for n in range(2)]
        threads = [threading.Thread(target=self.run_writer, args=job) for job in jobs]
        for thread in threads:
            thread.start()
        lost = self.random.randrange(3)
        # Not waits for anything: the moments at which things happen to the load are what is tried, by the seed.
        time.sleep(self.random.uniform(0.2, 1.0))
        self.turn_clock("2d")
        time.sleep(self.random.uniform(0.0, 0.3))
        self.zones[lost].rename(self.zones[lost].with_name("away"))
        time.sleep(self.random.uniform(0.0, 1.0))
        self.pond.kill()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive(), "a writer hangs on a dead connection"
        if self.failures:
            raise self.failures[0]
        return lost

    def bring_back(self, lost):
        """The disk that was away, or a new one in its place."""
        away = self.zones[lost].with_name("away")
        if self.random.random() < 0.5:
            away.rename(self.zones[lost])
        else:
            shutil.rmtree(away)
            self.zones[lost].mkdir()
            (self.zones[lost] / "adopt").touch()

        # Two passes after the zone is seen to be there, the second of them began with it.
        wait_for("the zone", lambda: not self.worker("storage.zones").get("last_error"))
        for _ in range(2):
            last = self.worker("s3.repair")["last_pass"]

            def again(last=last):
                self.turn_clock("11s")
                repair = self.worker("s3.repair")
                return repair["last_pass"] > last and not repair["running"] and "ended" in repair["progress"]

            wait_for("the repair", again, every=0.3)

    # Checks.

    def check(self):
        self.check_versions()
        self.check_ruled()

    def check_versions(self):
        listed = {}
        for page in self.s3.get_paginator("list_object_versions").paginate(Bucket=VERSIONED):
            for version in page.get("Versions", []):
                assert (version["Key"], version["VersionId"]) not in listed, "a version is listed twice"
                listed[version["Key"], version["VersionId"]] = version["Size"]
        for (key, version), body in self.versions.items():
            if (key, version) in self.deleted:
                continue
            assert listed[key, version] == body.size, f"{key} {version} is not listed as it was put"
            got = self.s3.get_object(Bucket=VERSIONED, Key=key, VersionId=version)["Body"].read()
            assert got == body.bytes(), f"{key} {version} is not what was put"
        for key, version in set(listed) - set(self.versions):
            # In doubt, and whole.
            got = self.s3.get_object(Bucket=VERSIONED, Key=key, VersionId=version)["Body"].read()
            assert len(got) == listed[key, version]

    def check_ruled(self):
        for key, body in self.ruled.items():
            try:
                got = self.s3.get_object(Bucket=RULED, Key=key)["Body"].read()
            except ClientError as error:
                code = error.response["Error"]["Code"]
                expected = {"gone": "NoSuchKey", "ice": "InvalidObjectState"}.get(key.split("/")[0])
                assert code == expected, f"{key}: {code}"
                if code == "InvalidObjectState":
                    assert self.s3.head_object(Bucket=RULED, Key=key)["ContentLength"] == body.size
            else:
                assert got == body.bytes(), f"{key} is not what was put"

    def check_end(self):
        """The rules have acted on everything, and what is archived comes back as it was."""
        self.turn_clock("3d")
        wait_for("the rules", lambda: "Contents" not in self.s3.list_objects_v2(Bucket=RULED, Prefix="gone/"), every=0.5)
        ice = [key for key in self.ruled if key.startswith("ice/")]
        archived = lambda key: self.s3.head_object(Bucket=RULED, Key=key).get("StorageClass") == "DEEP_ARCHIVE"
        wait_for("the archive", lambda: all(map(archived, ice)), every=0.5)
        for key in ice:
            self.s3.restore_object(Bucket=RULED, Key=key, RestoreRequest={"Days": 1})
        self.turn_clock("13h")
        restored = lambda key: 'false' in self.s3.head_object(Bucket=RULED, Key=key).get("Restore", "")
        wait_for("the restores", lambda: all(map(restored, ice)), every=0.5)
        for key in ice:
            assert self.s3.get_object(Bucket=RULED, Key=key)["Body"].read() == self.ruled[key].bytes(), key


@pytest.mark.timeout(3600)
def test_versions_rules_and_zones_survive_every_crash(request, tmp_path):
    crashes, seed = request.config.getoption("--crashes"), request.config.getoption("--crash-seed")
    crashes = max(2, crashes // 4)
    seed = random.SystemRandom().getrandbits(32) if seed is None else seed
    print(f"seed {seed}")
    zones = [tmp_path / f"disk{n}" / "zone" for n in range(3)]
    with Pond("--lab", env={"MILLPOND_STORAGE_ZONES": ",".join(map(str, zones))}) as pond:
        state = State(pond, zones, seed)
        state.set_up()
        for crash in range(1, crashes + 1):
            try:
                lost = state.load_and_kill()
                pond.start()
                state.connect()
                state.check()
                state.bring_back(lost)
                state.check()
            except BaseException as error:
                error.add_note(f"crash {crash} of {crashes}, --crash-seed {seed}\n{pond.tail()}")
                raise
        state.check_end()
        # Any one zone is enough.
        for kept in range(3):
            for other in (zone for zone in zones if zone != zones[kept]):
                other.rename(other.with_name("away"))
            state.check_versions()
            for other in (zone for zone in zones if zone != zones[kept]):
                other.with_name("away").rename(other)
        for what in ("versions", "removed versions", "completions", "objects under rules"):
            assert state.counts.get(what, 0) > 0, f"no {what} were acknowledged: the test tested nothing"
        print({"crashes": crashes, **state.counts})
        assert pond.stop() == 0
