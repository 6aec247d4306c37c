"""Malformed requests get AWS's error form: never a 500, a hang or a dead server."""

import random
import socket

import pytest

from raw import Request, json_request

JSON_SERVICES = ["kinesis", "firehose", "glue", "athena"]
FIRST = {"kinesis": "ListStreams", "firehose": "ListDeliveryStreams", "glue": "GetDatabases", "athena": "ListWorkGroups"}


@pytest.fixture(autouse=True)
def lives_on(pond):
    yield
    assert pond.process.poll() is None, "the server died"
    assert pond.client("sts").get_caller_identity()["Account"] == "000000000000"


def check(answer, codes=None):
    assert 400 <= answer.status < 500, (answer.status, answer.body[:500])
    assert answer.code, answer.body[:500]
    if codes:
        assert answer.code in codes, answer.body[:500]


BROKEN_JSON = [
    b"", b"{", b"[]", b"null", b'"text"', b"7", b'{"Limit": }', b'{"Limit": 1} trailing', b"\xff\xfe", b"{'Limit': 1}",
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000, b"[" * 100_000, b'{"Limit": 1e999}',
]


@pytest.mark.parametrize("body", BROKEN_JSON, ids=lambda body: repr(body[:20]))
@pytest.mark.parametrize("service", JSON_SERVICES)
def test_broken_json(pond, service, body):
    answer = json_request(pond, service, FIRST[service], body).sign(pond.credentials, service).send(pond)
    if body == b"":
        return  # AWS takes an empty body for an empty document where nothing is required.
    check(answer, {"SerializationException", "ValidationException", "InvalidRequestException"})


@pytest.mark.parametrize("service", JSON_SERVICES)
def test_an_unknown_operation(pond, service):
    answer = json_request(pond, service, "MakeCoffee").sign(pond.credentials, service).send(pond)
    check(answer, {"UnknownOperationException"})


def test_mistyped_members(pond):
    for body in [{"StreamName": 7}, {"StreamName": ["x"]}, {"StreamName": {"a": 1}}, {"Limit": "ten"}]:
        answer = json_request(pond, "kinesis", "DescribeStream", body).sign(pond.credentials, "kinesis").send(pond)
        check(answer, {"SerializationException"})


def test_every_broken_constraint_is_named(pond):
    body = {"Records": [{"Data": "", "PartitionKey": ""}], "StreamName": "no spaces allowed"}
    answer = json_request(pond, "kinesis", "PutRecords", body).sign(pond.credentials, "kinesis").send(pond)
    check(answer, {"ValidationException"})
    assert answer.message.startswith("2 validation errors detected: "), answer.message
    assert "'streamName'" in answer.message and "'records.1.member.partitionKey'" in answer.message


BROKEN_CBOR = [b"\xff", b"\xa1", b"\x9f" * 10_000, b"\xbf\x61a", b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff", b"\x01", b"\xa1\x01\x02"]


@pytest.mark.parametrize("body", BROKEN_CBOR, ids=lambda body: body[:8].hex())
def test_broken_cbor(pond, body):
    request = json_request(pond, "kinesis", "ListStreams", body, content_type="application/x-amz-cbor-1.1")
    answer = request.sign(pond.credentials, "kinesis").send(pond)
    assert 400 <= answer.status < 500, (answer.status, answer.body)


BROKEN_FORMS = [b"", b"Action=", b"Action=Nothing&Version=2011-06-15", b"Action=GetCallerIdentity&Version=1999-01-01",
                b"%zz=%zz", b"Action=GetCallerIdentity&Action=GetCallerIdentity&Version=x"]


@pytest.mark.parametrize("body", BROKEN_FORMS)
def test_broken_forms(pond, body):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = Request("POST", f"{pond.endpoint}/", headers, body).sign(pond.credentials, "sts").send(pond)
    assert 400 <= answer.status < 500 and answer.body, (answer.status, answer.body)


BROKEN_XML = [
    b"", b"<", b"<Delete>", b"not xml", b"<Delete><Object></Delete>", b"\xff\xfe\x00", b"<a>" * 20_000,
    b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><Delete><Object><Key>&b;</Key></Object></Delete>',
]


@pytest.mark.parametrize("body", BROKEN_XML, ids=lambda body: repr(body[:24]))
def test_broken_xml(pond, bucket, body):
    request = Request("POST", f"{pond.endpoint}/{bucket}?delete", {"Content-MD5": md5(body)}, body)
    check(request.sign(pond.credentials, "s3").send(pond), {"MalformedXML", "InvalidRequest", "MissingRequestBodyError"})


def md5(body):
    import base64
    import hashlib

    return base64.b64encode(hashlib.md5(body).digest()).decode()


BROKEN_CHUNKS = [
    b"", b"zz\r\n", b"5;chunk-signature=00\r\nhello\r\n", b"ffffffffffffffff\r\n", b"5\r\nhel", b"-1\r\n\r\n",
    b"5\r\nhelloXX0\r\n\r\n", b"0" * 100_000, b"5;" + b"x" * 100_000 + b"\r\nhello\r\n0\r\n\r\n",
]


@pytest.mark.parametrize("body", BROKEN_CHUNKS, ids=lambda body: repr(body[:24]))
@pytest.mark.parametrize("kind", ["STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"])
def test_broken_chunked_bodies_store_nothing(pond, bucket, kind, body):
    headers = {
        "X-Amz-Content-SHA256": kind, "Content-Encoding": "aws-chunked", "X-Amz-Decoded-Content-Length": "5",
        "X-Amz-Trailer": "x-amz-checksum-crc32",
    }
    request = Request("PUT", f"{pond.endpoint}/{bucket}/chunked", headers, body)
    check(request.sign(pond.credentials, "s3").send(pond))
    listed = pond.client("s3").list_objects_v2(Bucket=bucket)
    assert listed["KeyCount"] == 0


def test_random_bytes_on_the_socket(pond):
    chance = random.Random(20261121)
    for _ in range(60):
        noise = chance.randbytes(chance.randrange(1, 3_000))
        with socket.create_connection(("127.0.0.1", pond.port), timeout=20) as raw:
            raw.sendall(chance.choice([b"", b"GET / HTTP/1.1\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]) + noise)
            try:
                raw.shutdown(socket.SHUT_WR)
                while raw.recv(65_536):
                    pass
            except TimeoutError:
                raise
            except OSError:
                continue  # the server hung up first


def test_a_huge_declared_body_is_refused_early(pond):
    request = json_request(pond, "kinesis", "ListStreams").sign(pond.credentials, "kinesis")
    lines = [f"{k}: {v}" for k, v in request.headers.items() if k.lower() != "content-length"]
    head = "\r\n".join(["POST / HTTP/1.1", f"Host: 127.0.0.1:{pond.port}", "Content-Length: 99999999999", *lines, "", ""])
    with socket.create_connection(("127.0.0.1", pond.port), timeout=20) as raw:
        raw.sendall(head.encode())
        assert raw.recv(20).split()[1] in (b"413", b"400", b"403")


def test_huge_headers_and_paths_are_refused(pond):
    for path, headers in [("/" + "a" * 100_000, ""), ("/", "X-Large: " + "b" * 1_000_000 + "\r\n")]:
        with socket.create_connection(("127.0.0.1", pond.port), timeout=20) as raw:
            raw.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
            try:
                status = raw.recv(20).split()[1]
            except ConnectionError:
                continue  # hyper closes the connection while the rest is still on its way
            assert status in (b"400", b"403", b"414", b"431"), status
