"""Zones: the folders that objects have copies in, lost in turn, replaced, scrubbed, and emptied by a reset."""

import json
import shutil
import subprocess
import urllib.request

import pytest
from botocore.exceptions import ClientError

from pond import Pond, binary, wait_for

BODY = bytes(range(256)) * 4096 * 9


@pytest.fixture
def zones(tmp_path):
    return [tmp_path / f"disk{n}" / "zone" for n in range(3)]


def setting(zones):
    return {"MILLPOND_STORAGE_ZONES": ",".join(map(str, zones))}


@pytest.fixture
def zoned(zones):
    with Pond("--lab", env=setting(zones)) as pond:
        yield pond


def bodies(zone):
    return {path.name: path.read_bytes() for path in zone.glob("[0-9a-f][0-9a-f]/*")}


def read(pond, bucket):
    s3 = pond.client("s3")
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def get(pond, path):
    with urllib.request.urlopen(f"{pond.endpoint}/_millpond/{path}", timeout=30) as answer:
        return answer.read().decode()


def worker(pond, name):
    return next(worker for worker in json.loads(get(pond, "health"))["workers"] if worker["name"] == name)


def watched(pond):
    """What the worker that watches the zones last said."""
    return worker(pond, "storage.zones")


def counted(pond, name):
    return next(int(line.split()[1]) for line in get(pond, "metrics").splitlines() if line.startswith(f"millpond_{name}_total"))


def advance(pond, by):
    body = json.dumps({"by": by}).encode()
    request = urllib.request.Request(f"{pond.endpoint}/_millpond/clock/advance", body, method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


def statuses(pond, bucket, keys):
    """What a GET of each key answers."""
    found = {}
    for key in keys:
        try:
            pond.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
            found[key] = 200
        except ClientError as error:
            found[key] = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if found[key] == 405:
                assert error.response["Error"]["Code"] == "MethodNotAllowed"
    return found


def test_any_zone_may_be_lost_and_replaced(zoned, zones, name):
    s3 = zoned.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="large", Body=BODY)
    s3.put_object(Bucket=name, Key="small", Body=b"small")
    expected = {"large": BODY, "small": b"small"}
    assert len(bodies(zones[0])) == 1 and bodies(zones[0]) == bodies(zones[1]) == bodies(zones[2])

    for lost, zone in enumerate(zones):
        shutil.rmtree(zone)
        assert read(zoned, name) == expected
        s3 = zoned.client("s3")
        s3.put_object(Bucket=name, Key=f"without-{lost}", Body=BODY[: 1 << 20])
        expected[f"without-{lost}"] = BODY[: 1 << 20]
        assert not zone.exists(), "nobody makes a lost zone anew by himself"
        wait_for("the loss in the health", lambda: str(zone) in json.dumps(watched(zoned)))
        if lost == 1:
            zoned.kill()
            zoned.start()
            assert read(zoned, name) == expected
        # An empty mount point is no zone.
        zone.mkdir()
        zoned.restart()
        assert read(zoned, name) == expected and list(zone.iterdir()) == []
        (zone / "adopt").touch()
        zoned.restart()
        assert (zone / "zone").is_file() and not (zone / "adopt").exists()
        # Until it is filled up, the next one must not be lost.
        wait_for("the copies to be made", lambda: len(bodies(zone)) == len(expected) - 1)
        wait_for("the end of the repair", lambda: "ended" in worker(zoned, "s3.repair")["progress"])
    assert bodies(zones[0]) == bodies(zones[1]) == bodies(zones[2])
    assert read(zoned, name) == expected


def test_a_scrub_mends_what_nobody_reads(zoned, zones, name):
    s3 = zoned.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for _ in range(2):
        s3.put_object(Bucket=name, Key="k", Body=BODY)
    upload = s3.create_multipart_upload(Bucket=name, Key="parts")["UploadId"]
    s3.upload_part(Bucket=name, Key="parts", UploadId=upload, PartNumber=1, Body=BODY)
    good = bodies(zones[1])
    assert len(good) == 3
    for path in zones[1].glob("[0-9a-f][0-9a-f]/*"):
        body = bytearray(path.read_bytes())
        body[len(body) // 2] ^= 1
        path.write_bytes(body)
    assert all(body != good[name] for name, body in bodies(zones[1]).items())
    before = counted(zoned, "s3_scrubbed_bytes")
    advance(zoned, "15d")
    wait_for("the scrub", lambda: bodies(zones[1]) == good)
    wait_for("its words", lambda: "3 copies made" in worker(zoned, "s3.scrub")["progress"])
    assert counted(zoned, "s3_repaired_copies") == 3
    assert counted(zoned, "s3_scrubbed_bytes") - before >= 9 * len(BODY)


def test_a_read_mends_what_it_finds(zoned, zones, name):
    s3 = zoned.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=BODY)
    good = bodies(zones[0])
    # Which copy a reader begins with, the body's id says.
    begin = zones[int(next(iter(good))[:2], 16) % 3]
    for path in begin.glob("[0-9a-f][0-9a-f]/*"):
        path.write_bytes(path.read_bytes()[:-1])
    assert read(zoned, name) == {"k": BODY}
    wait_for("the repair", lambda: bodies(begin) == good)


def test_what_was_in_a_replaced_zone_alone_is_gone_and_says_so(zoned, zones, name):
    s3 = zoned.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="everywhere", Body=BODY)
    alone = [f"{kind}-{n}" for n in range(6) for kind in ("ONEZONE_IA", "REDUCED_REDUNDANCY")]
    for key in alone:
        s3.put_object(Bucket=name, Key=key, Body=BODY[: 1 << 18], StorageClass=key.split("-")[0])
    others = {**bodies(zones[1]), **bodies(zones[2])}
    lost = len([file for file in bodies(zones[0]) if file not in others])
    assert lost > 0
    kept = zones[0].with_name("kept")
    zones[0].rename(kept)
    # Away, they may be back.
    away = statuses(zoned, name, alone)
    assert sorted(away.values()) == [200] * (len(alone) - lost) + [503] * lost
    zones[0].mkdir()
    (zones[0] / "adopt").touch()
    wait_for("the loss on record", lambda: counted(zoned, "s3_lost_bodies") == lost)
    gone = statuses(zoned, name, alone)
    assert {key for key, status in gone.items() if status == 405} == {key for key, status in away.items() if status == 503}
    assert statuses(zoned, name, ["everywhere"]) == {"everywhere": 200}
    victim = next(key for key, status in gone.items() if status == 405)
    with pytest.raises(ClientError) as refused:
        s3.head_object(Bucket=name, Key=victim)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 405
    with pytest.raises(ClientError) as refused:
        s3.copy_object(Bucket=name, Key="copy", CopySource={"Bucket": name, "Key": victim})
    assert refused.value.response["Error"]["Code"] == "MethodNotAllowed"
    zoned.kill()
    zoned.start()
    assert statuses(zoned, name, [victim]) == {victim: 405}
    # The old disk is found again, and with it what was on it alone.
    shutil.rmtree(zones[0])
    kept.rename(zones[0])
    wait_for("the objects", lambda: set(statuses(zoned, name, alone).values()) == {200}, every=0.5)
    shutil.rmtree(zones[0])
    s3 = zoned.client("s3")
    s3.put_object(Bucket=name, Key=victim, Body=b"anew" * 4096)
    assert s3.get_object(Bucket=name, Key=victim)["Body"].read() == b"anew" * 4096


def test_a_write_with_every_zone_lost_is_refused(zoned, zones, name):
    s3 = zoned.client("s3")
    s3.create_bucket(Bucket=name)
    for zone in zones:
        shutil.rmtree(zone)
    for _ in range(2):
        with pytest.raises(s3.exceptions.ClientError) as refused:
            s3.put_object(Bucket=name, Key="k", Body=BODY)
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
    assert s3.list_objects_v2(Bucket=name)["KeyCount"] == 0


def test_a_reset_empties_the_zones(zoned, zones, name):
    s3 = zoned.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="large", Body=BODY)
    subprocess.run([binary(), "reset", "--data", str(zoned.data)], check=True, capture_output=True)
    assert [bodies(zone) for zone in zones] == [{}, {}, {}]
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="large", Body=BODY)
    assert len(bodies(zones[2])) == 1
    zoned.restart()
    assert read(zoned, name) == {"large": BODY}


def test_a_pond_without_zones_grows_some(zones, name):
    with Pond() as pond:
        s3 = pond.client("s3")
        s3.create_bucket(Bucket=name)
        s3.put_object(Bucket=name, Key="older", Body=BODY)
        pond.stop()
        pond.env = {"MILLPOND_STORAGE_ZONES": f"pond/objects,{zones[1]}"}
        pond.start()
        pond.client("s3").put_object(Bucket=name, Key="newer", Body=BODY[:70_000])
        assert read(pond, name) == {"older": BODY, "newer": BODY[:70_000]}
        wait_for("the older body in the new zone", lambda: len(bodies(zones[1])) == 2)
        assert bodies(zones[1]) == bodies(pond.data / "pond" / "objects")


@pytest.mark.parametrize("what", ["busy", "foreign"])
def test_a_folder_that_is_no_zone_of_this_pond_is_refused(zoned, zones, tmp_path, what):
    busy = tmp_path / "busy"
    busy.mkdir()
    (busy / "letter").write_text("dear")
    zone, why = (busy, "not empty") if what == "busy" else (zones[0], "another pond")
    words = [binary(), "serve", "--listen", "127.0.0.1:0", "--data", str(tmp_path / "data")]
    done = subprocess.run(words, env=setting([zone]), capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and why in done.stderr and str(zone) in done.stderr
