"""`millpond demo`, as a newcomer runs it; its numbers against the CSV files, counted by pandas."""

import io
import json
import os
import subprocess
from pathlib import Path

import pandas
import pyarrow
import pytest

from pond import binary

DATA = Path(__file__).parent.parent / "crates" / "millpond" / "data" / "nycflights13"


def csv(name):
    """A file of the data set, with NA for missing values."""
    with pyarrow.input_stream(str(DATA / f"{name}.csv.zst"), compression="zstd") as stream:
        return pandas.read_csv(io.BytesIO(stream.read()), na_values="NA", keep_default_na=False)


@pytest.fixture(scope="module")
def flights():
    return csv("flights")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """One run, away from any terminal: what it printed and what it wrote."""
    folder = tmp_path_factory.mktemp("demo")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "MILLPOND_"))}
    done = subprocess.run(
        [binary(), "demo", "--json", "answers.json"],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=600,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads((folder / "answers.json").read_text())
    report["answers"] = {answer["name"]: answer for answer in report["answers"]}
    return done.stdout, report


def rows(demo, name, *types):
    """The rows of an answer, typed."""
    answer = demo[1]["answers"][name]
    assert len(types) == len(answer["columns"]), answer["columns"]
    return [tuple(of(cell) for of, cell in zip(types, row)) for row in answer["rows"]]


def near(got, expected):
    """Rows alike, numbers as rounded in SQL and in pandas (ties may fall to either side)."""
    assert len(got) == len(expected)
    for left, right in zip(got, expected):
        for a, b in zip(left, right):
            assert a == (pytest.approx(b, abs=0.051) if isinstance(b, float) else b), (left, right)


def test_every_flight_is_in_the_lake(demo, flights):
    report = demo[1]
    assert report["flights_sent"] == report["flights_delivered"] == len(flights) == 336_776
    # A file a day, but for the few days that a flush fell into.
    assert 365 <= report["objects"] < 1_000


def test_what_is_printed_is_plain_text(demo):
    output, report = demo
    assert not [c for c in output if ord(c) < 32 and c != "\n"]
    for answer in report["answers"].values():
        assert answer["title"] in output
        assert all(line in output for line in answer["sql"].splitlines())
    assert "millpond demo --keep" in output


def test_fog(demo, flights):
    weather = csv("weather").drop_duplicates(["origin", "month", "day", "hour"])
    keys = ["origin", "month", "day", "hour"]
    seen = flights[flights.dep_delay.notna()].merge(weather[keys + ["visib"]], on=keys)
    seen = seen.merge(csv("airlines"), on="carrier")
    fog, clear = seen[seen.visib < 1].groupby("name").dep_delay, seen[seen.visib >= 1].groupby("name").dep_delay
    table = pandas.DataFrame({"n": fog.count(), "fog": fog.mean(), "clear": clear.mean()})
    table = table[table.n >= 30].assign(lost=lambda t: t.fog - t.clear).sort_values("lost", ascending=False).head(6)
    expected = [(name, int(r.n), float(r.fog), float(r.clear), float(r.lost)) for name, r in table.iterrows()]
    near(rows(demo, "fog", str, int, float, float, float), expected)


def test_delay_over_the_day(demo, flights):
    by_hour = flights[flights.dep_delay.notna()].groupby("hour").dep_delay
    expected = [(int(h), int(n), float(m)) for h, n, m in zip(by_hour.count().index, by_hour.count(), by_hour.mean())]
    near(rows(demo, "day", int, int, float), expected)


def test_most_miles(demo, flights):
    flown = flights[flights.air_time.notna() & flights.tailnum.notna()].merge(
        csv("planes")[["tailnum", "manufacturer", "model"]], on="tailnum"
    )
    miles = flown.groupby(["tailnum", "manufacturer", "model"]).distance.agg(["count", "sum"])
    miles = miles.sort_values("sum", ascending=False).head(5)
    expected = [(*plane, int(r["count"]), int(r["sum"])) for plane, r in miles.iterrows()]
    near(rows(demo, "miles", str, str, str, int, int), expected)


def test_blizzard(demo, flights):
    days = flights[(flights.month == 2) & flights.day.between(7, 10)].groupby("day")
    expected = [
        (f"{day:02}", len(day_), int(day_.dep_time.isna().sum()), float(100 * day_.dep_time.isna().mean()))
        for day, day_ in days
    ]
    near(rows(demo, "blizzard", str, int, int, float), expected)
    # Four of 365 partitions, and of those not all columns.
    answer, whole = demo[1]["answers"]["blizzard"], demo[1]["lake_bytes"]
    assert 0 < answer["scanned_bytes"] < whole * 4 / 365 * 2
    assert demo[1]["answers"]["day"]["scanned_bytes"] > answer["scanned_bytes"] * 10


def test_latest_destinations(demo, flights):
    names = csv("airports").set_index("faa").name
    late = flights[flights.arr_delay.notna()].groupby(["origin", "dest"]).arr_delay.agg(["count", "mean"])
    late = late[late["count"] >= 100].reset_index().sort_values(["origin", "mean"], ascending=[True, False])
    top = late.groupby("origin").head(3)
    expected = [
        (r.origin, place % 3 + 1, names.get(r.dest), int(r["count"]), float(r["mean"]))
        for place, (_, r) in enumerate(top.iterrows())
    ]
    near(rows(demo, "destinations", str, int, str, int, float), expected)
