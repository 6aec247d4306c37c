"""Fixtures: `pond` is one server for a test module, `fresh_pond` one for a single test, `lab` one whose clock turns."""

import shutil
import uuid

import pytest

from pond import Pond


def pytest_addoption(parser):
    parser.addoption("--crashes", type=int, default=20, help="how often the crash test kills the server")
    parser.addoption("--crash-seed", type=int, default=None, help="repeats the moments and bodies of a crash test")


def _pond(*args, **more):
    server = Pond(*args, **more)
    try:
        yield server
    finally:
        server.close()
        shutil.rmtree(server.folder, ignore_errors=True)


@pytest.fixture(scope="module")
def pond():
    yield from _pond()


@pytest.fixture
def fresh_pond():
    yield from _pond()


@pytest.fixture
def lab():
    yield from _pond("--lab")


@pytest.fixture
def name():
    """A name that no other test uses: good for a bucket, a stream, a database."""
    return f"t-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def bucket(pond, name):
    pond.client("s3").create_bucket(Bucket=name)
    return name


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of its server's log."""
    report = yield
    if report.failed:
        for fixture in ("pond", "fresh_pond", "lab"):
            if fixture in item.funcargs:
                report.sections.append((f"log of {fixture}", item.funcargs[fixture].tail()))
    return report
