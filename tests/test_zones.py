"""Zones: the folders that objects have copies in, lost in turn, replaced, and emptied by a reset."""

import json
import shutil
import subprocess
import urllib.request

import pytest

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


def watched(pond):
    """What the worker that watches the zones last said."""
    with urllib.request.urlopen(f"{pond.endpoint}/_millpond/health", timeout=30) as answer:
        return next(worker for worker in json.load(answer)["workers"] if worker["name"] == "storage.zones")


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
        # Until it is filled up, the next one must not be lost: what it lacks is copied here by hand.
        for other in (other for other in zones if other != zone):
            shutil.copytree(other, zone, dirs_exist_ok=True, ignore=lambda *_: ["zone", "zones", "tmp"])
    assert read(zoned, name) == expected


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
        assert [len(body) > 70_000 for body in bodies(zones[1]).values()] == [True]


@pytest.mark.parametrize("what", ["busy", "foreign"])
def test_a_folder_that_is_no_zone_of_this_pond_is_refused(zoned, zones, tmp_path, what):
    busy = tmp_path / "busy"
    busy.mkdir()
    (busy / "letter").write_text("dear")
    zone, why = (busy, "not empty") if what == "busy" else (zones[0], "another pond")
    words = [binary(), "serve", "--listen", "127.0.0.1:0", "--data", str(tmp_path / "data")]
    done = subprocess.run(words, env=setting([zone]), capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and why in done.stderr and str(zone) in done.stderr
