"""What the writers of the crash test were told, and what must therefore be found after each crash.

A body is named by a seed and a size, so that the ledger can make it again instead of keeping it. A state that nobody
acknowledged (the connection broke while the answer was out) is in doubt: it may have happened or not, but nothing else may.
"""

import hashlib
import json
import random
import threading
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Body:
    seed: int
    size: int

    def bytes(self):
        return random.Random(self.seed).randbytes(self.size)


@dataclass
class Key:
    """One S3 key. It belongs to one writer, so its states come one after the other. `None` is "no object"."""

    acknowledged: Body | None = None
    in_doubt: list = field(default_factory=list)

    def allowed(self):
        return [self.acknowledged, *self.in_doubt]

    def acknowledge(self, state):
        self.acknowledged = state
        self.in_doubt = []


class Objects:
    """The S3 keys of all writers."""

    def __init__(self):
        self.keys = {}
        self.touched = set()
        self.lock = threading.Lock()

    def key(self, name):
        with self.lock:
            self.touched.add(name)
            return self.keys.setdefault(name, Key())

    def check_one(self, s3, bucket, name):
        """The object is one of the allowed states, whole; that state is then the known one."""
        key = self.keys[name]
        try:
            answer = s3.get_object(Bucket=bucket, Key=name)
        except s3.exceptions.NoSuchKey:
            found = None
        else:
            found = answer["Body"].read()
            assert len(found) == answer["ContentLength"], name
        for state in key.allowed():
            if (state is None) == (found is None) and (found is None or found == state.bytes()):
                key.acknowledge(state)
                return
        what = "missing" if found is None else f"{len(found)} bytes, MD5 {hashlib.md5(found).hexdigest()}"
        raise AssertionError(f"{name} is {what}; allowed were {key.allowed()}")

    def check(self, s3, bucket, everything=False):
        """Every key that was touched since the last check (or ever) holds; the listing is exactly what there is."""
        names, self.touched = self.touched, set()
        for name in sorted(self.keys if everything else names):
            self.check_one(s3, bucket, name)
        listed = {}
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="writer/", PaginationConfig={"PageSize": 300}):
            for entry in page.get("Contents", []):
                assert entry["Key"] not in listed, f"{entry['Key']} is listed twice"
                listed[entry["Key"]] = entry
        assert list(listed) == sorted(listed), "the listing is out of order"
        there = {name: key.acknowledged for name, key in self.keys.items() if key.acknowledged}
        assert set(listed) == set(there), {"only listed": set(listed) - set(there), "not listed": set(there) - set(listed)}
        for name, body in there.items():
            assert listed[name]["Size"] == body.size, name


def record(writer, number, size):
    """A record that shows whether it is whole: its id, filling, and a checksum over both."""
    filling = random.Random(f"{writer}/{number}").randbytes(size).hex()[:size]
    checksum = hashlib.sha256(f"{writer}/{number}/{filling}".encode()).hexdigest()[:16]
    return json.dumps({"writer": writer, "number": number, "filling": filling, "checksum": checksum}).encode()


def identify(data):
    """The (writer, number) of a whole record; fails on a torn one."""
    try:
        found = json.loads(data)
        text = f"{found['writer']}/{found['number']}/{found['filling']}"
    except (ValueError, KeyError, TypeError) as error:
        raise AssertionError(f"a torn record: {data[:200]!r}") from error
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == found["checksum"], f"a changed record: {data[:200]!r}"
    return found["writer"], found["number"]
