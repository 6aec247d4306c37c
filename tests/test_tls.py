"""TLS: real clients over it, what is refused, policies that ask for it, and certificates that change under way."""

import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, SSLError

from conftest import _pond
from pond import Pond, binary, wait_for
from raw import Request

# The first half of a handshake's first message.
HALF_A_HELLO = b"\x16\x03\x01\x02\x00\x01"


@pytest.fixture(scope="module")
def pond():
    """One that signed its own certificate, with a plain listener beside it."""
    yield from _pond("--tls-self-signed", env={"MILLPOND_LISTENERS": "http://127.0.0.1:0"})


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def bundle(pond):
    return str(pond.data / "tls.pem")


def client(pond, service, **more):
    return pond.client(service, verify=bundle(pond), **more)


def context(pond, **versions):
    context = ssl.create_default_context(cafile=bundle(pond))
    for name, value in versions.items():
        setattr(context, name, value)
    return context


def shown(port):
    """The certificate that a new handshake is given."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), 10) as raw, context.wrap_socket(raw) as tls:
        return tls.getpeercert(binary_form=True)


def made(folder, name, days="2"):
    """A certificate for localhost and its key."""
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", days, "-subj", f"/CN={name}",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)],
        check=True, capture_output=True,
    )
    return cert, key


def der(cert):
    return ssl.PEM_cert_to_DER_cert(cert.read_text())


def test_clients_over_tls(pond, name):
    assert pond.endpoint.startswith("https://127.0.0.1:")
    s3 = client(pond, "s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="small", Body=b"small")
    large = os.urandom(9 << 20)
    s3.put_object(Bucket=name, Key="large", Body=large)
    assert s3.get_object(Bucket=name, Key="large")["Body"].read() == large
    assert client(pond, "sts").get_caller_identity()["Account"] == "000000000000"
    once = Config(retries={"total_max_attempts": 1})
    unknown = boto3.client("sts", endpoint_url=pond.endpoint, region_name="us-east-1", config=once, **pond.credentials)
    with pytest.raises(SSLError, match="self.signed certificate"):
        unknown.get_caller_identity()
    listed = pond.cli("--ca-bundle", bundle(pond), "s3", "ls", f"s3://{name}/").stdout
    assert "small" in listed and "large" in listed


def test_buckets_as_host_names_over_tls(pond, name):
    client(pond, "s3").create_bucket(Bucket=name)
    port = str(pond.port)
    url = Request("PUT", f"https://{name}.s3.localhost:{port}/key").sign(pond.credentials, "s3", presign=True).url
    to = ["--connect-to", f"::127.0.0.1:{port}", "--cacert", bundle(pond)]
    subprocess.run(["curl", "--silent", "--fail", "--data-binary", "x", "--request", "PUT", "--header", "content-type:",
                    *to, url], check=True)
    assert client(pond, "s3").get_object(Bucket=name, Key="key")["Body"].read() == b"x"


def test_http2_over_alpn(pond, name):
    client(pond, "s3").create_bucket(Bucket=name)
    client(pond, "s3").put_object(Bucket=name, Key="two", Body=b"over two")
    url = Request("GET", f"{pond.endpoint}/{name}/two").sign(pond.credentials, "s3", presign=True).url
    for flag, version in (("--http2", "2"), ("--http1.1", "1.1")):
        done = subprocess.run(
            ["curl", "--silent", flag, "--cacert", bundle(pond), "--write-out", " %{http_version} %{http_code}", url],
            capture_output=True, text=True, check=True,
        )
        assert done.stdout == f"over two {version} 200"


def test_versions(pond):
    wanted = ssl.TLSVersion
    for version, name in ((wanted.TLSv1_2, "TLSv1.2"), (wanted.TLSv1_3, "TLSv1.3")):
        only = context(pond, minimum_version=version, maximum_version=version)
        with socket.create_connection(("127.0.0.1", pond.port), 10) as raw:
            with only.wrap_socket(raw, server_hostname="localhost") as tls:
                assert tls.version() == name
    old = context(pond)
    old.minimum_version, old.maximum_version = wanted.TLSv1, wanted.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with socket.create_connection(("127.0.0.1", pond.port), 10) as raw, pytest.raises(ssl.SSLError, match="ALERT"):
        old.wrap_socket(raw, server_hostname="localhost")


def test_plain_http_on_the_tls_port_is_told_so(pond):
    connection = http.client.HTTPConnection("127.0.0.1", pond.port, timeout=20)
    connection.request("PUT", "/bucket/key", b"x" * 300_000)
    answer = connection.getresponse()
    assert (answer.status, answer.headers["content-type"]) == (400, "text/plain")
    assert answer.read() == b"This port takes HTTPS, and the request came in plain HTTP.\n"


@pytest.mark.parametrize("sent", [b"\x16", HALF_A_HELLO, b"\x00" * 100, b"\x16\x03\x01\xff\xff" + b"\x00" * 70_000])
def test_what_is_no_handshake_ends(pond, sent):
    with socket.create_connection(("127.0.0.1", pond.port), 30) as raw:
        try:
            raw.sendall(sent)
            raw.shutdown(socket.SHUT_WR)
            while raw.recv(4096):
                pass
        except OSError:
            pass
    assert client(pond, "sts").get_caller_identity()


def test_slow_handshakes_hold_nobody_up_and_end(pond):
    slow = [socket.create_connection(("127.0.0.1", pond.port), 60) for _ in range(50)]
    for one in slow:
        one.sendall(HALF_A_HELLO)
    sts = client(pond, "sts", config=Config(connect_timeout=5, read_timeout=5))
    assert sts.get_caller_identity()
    # The time limit ends them, with nobody sending anything.
    for one in slow:
        assert one.recv(1) == b""
        one.close()




def listening(pond):
    """The ports that the server listens on, from the kernel's tables."""
    inodes = set()
    for entry in os.scandir(f"/proc/{pond.process.pid}/fd"):
        try:
            target = os.readlink(entry.path)
        except OSError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    ports = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and fields[9] in inodes:
            ports.add(int(fields[1].split(":")[1], 16))
    return ports


def test_policies_ask_how_a_request_came(pond, name):
    (plain,) = listening(pond) - {pond.port}
    by_tls = client(pond, "s3")
    by_http = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{plain}", region_name="us-east-1", **pond.credentials)
    by_tls.create_bucket(Bucket=name)
    by_tls.put_object(Bucket=name, Key="key", Body=b"x")

    def forbid(condition):
        by_tls.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{name}/*",
             "Condition": condition}]}))

    def reads(s3):
        try:
            return s3.get_object(Bucket=name, Key="key")["ResponseMetadata"]["HTTPStatusCode"]
        except ClientError as error:
            assert error.response["Error"]["Code"] == "AccessDenied"
            return 403

    def over(version):
        only = context(pond, minimum_version=version, maximum_version=version)
        url = Request("GET", f"{pond.endpoint}/{name}/key").sign(pond.credentials, "s3", presign=True).url
        connection = http.client.HTTPSConnection("127.0.0.1", pond.port, timeout=20, context=only)
        connection.request("GET", url.split(str(pond.port), 1)[1])
        return connection.getresponse().status

    two, three = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
    for condition, tls12, tls13, http_ in (
        ({"Bool": {"aws:SecureTransport": "false"}}, 200, 200, 403),
        ({"Bool": {"aws:SecureTransport": "true"}}, 403, 403, 200),
        ({"NumericLessThan": {"s3:TlsVersion": "1.2"}}, 200, 200, 200),
        ({"NumericLessThan": {"s3:TlsVersion": 1.3}}, 403, 200, 200),
        ({"NumericGreaterThanEquals": {"s3:TlsVersion": "1.3"}}, 200, 403, 200),
        ({"Null": {"s3:TlsVersion": "true"}}, 200, 200, 403),
    ):
        forbid(condition)
        assert (over(two), over(three), reads(by_http)) == (tls12, tls13, http_), condition


def test_logs_and_the_trail_know_the_cipher(folder, name):
    with Pond("--tls-self-signed", data=folder, env={"MILLPOND_CLOUDTRAIL_DELIVERY_SECONDS": "1"}) as pond:
        s3 = client(pond, "s3")
        for bucket in (name, f"{name}-logs"):
            s3.create_bucket(Bucket=bucket)
        s3.put_bucket_policy(Bucket=f"{name}-logs", Policy=json.dumps({"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Principal": {"Service": "logging.s3.amazonaws.com"}, "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{name}-logs/*"}}))
        s3.put_bucket_logging(Bucket=name, BucketLoggingStatus={
            "LoggingEnabled": {"TargetBucket": f"{name}-logs", "TargetPrefix": "x/"}})
        s3.list_objects_v2(Bucket=name)
        event = wait_for("the event", lambda: client(pond, "cloudtrail").lookup_events(
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "PutBucketLogging"}])["Events"])
        details = json.loads(event[0]["CloudTrailEvent"])["tlsDetails"]
        assert details["tlsVersion"] == "TLSv1.3" and details["cipherSuite"].startswith("TLS_AES_")
        # A clean stop delivers the lines that wait.
        pond.restart()
        s3 = client(pond, "s3")
        lines = b"".join(
            s3.get_object(Bucket=f"{name}-logs", Key=found["Key"])["Body"].read()
            for found in s3.list_objects_v2(Bucket=f"{name}-logs")["Contents"]
        ).decode()
        assert " SigV4 TLS_AES_" in lines and " TLSv1.3 - " in lines


def test_a_changed_certificate_is_shown_and_a_broken_one_is_not(folder):
    (first, first_key), (second, second_key) = made(folder, "first"), made(folder, "second")
    cert, key = folder / "cert.pem", folder / "cert.key"
    shutil.copy(first, cert)
    shutil.copy(first_key, key)
    with Pond("--tls-cert", str(cert), "--tls-key", str(key), data=folder) as pond:
        assert shown(pond.port) == der(first)
        kept = http.client.HTTPSConnection("127.0.0.1", pond.port, timeout=20, context=ssl.create_default_context(cafile=first))
        health = lambda: (kept.request("GET", "/_millpond/health"), kept.getresponse().read())[1]
        assert b'"ok"' in health()
        connection = kept.sock

        def hang_up():
            pond.process.send_signal(signal.SIGHUP)

        # Half of a change, then garbage: loudly refused, and the old one is shown.
        shutil.copy(second, cert)
        hang_up()
        wait_for("the refusal", lambda: "CERTIFICATE NOT REPLACED" in pond.tail())
        assert "is not that of the certificate" in pond.tail() and shown(pond.port) == der(first)
        cert.write_text("-----BEGIN CERTIFICATE-----\ngarbage")
        hang_up()
        wait_for("the next refusal", lambda: pond.tail().count("CERTIFICATE NOT REPLACED") == 2)
        assert shown(pond.port) == der(first)
        # The whole change: found without a signal too.
        shutil.copy(second, cert)
        shutil.copy(second_key, key)
        wait_for("the new certificate", lambda: shown(pond.port) == der(second))
        assert b'"ok"' in health() and kept.sock is connection, "a connection outlives its certificate"
        environment = {**pond.environment, "MILLPOND_DATA": str(pond.data)}
        told = subprocess.run([binary(), "whoami"], env=environment, capture_output=True, text=True)
        assert "arn:aws:iam::000000000000:root" in told.stdout, told.stderr
        assert pond.stop() == 0


def test_the_commands_know_their_server(folder):
    """Also one whose certificate is for another name."""
    cert, key = folder / "other.pem", folder / "other.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=x",
         "-addext", "subjectAltName=DNS:pond.example", "-keyout", str(key), "-out", str(cert)],
        check=True, capture_output=True,
    )
    with Pond("--lab", "--tls-cert", str(cert), "--tls-key", str(key), data=folder) as pond:
        environment = {**pond.environment, "MILLPOND_DATA": str(pond.data)}

        def run(*words, **more):
            return subprocess.run([binary(), *words], capture_output=True, text=True, env={**environment, **more})

        assert "arn:aws:iam::000000000000:root" in run("whoami").stdout
        assert run("clock", "advance", "1d").returncode == 0
        assert run("account", "list").returncode == 0
        assert "NoSuchEntity" in run("keys", "create", "nobody").stderr
        assert "AWS_CA_BUNDLE" not in run("credentials").stdout
        # Another server is not believed.
        (pond.data / "certificate").write_text(made(folder, "wrong")[0].read_text())
        assert "UnknownIssuer" in run("whoami").stderr


def test_a_self_signed_certificate(pond):
    for name in ("tls.pem", "tls.key", "certificate"):
        assert (pond.data / name).stat().st_mode & 0o777 == 0o600
    assert "PRIVATE" not in (pond.data / "certificate").read_text()
    words = subprocess.run(
        [binary(), "credentials", "--data", str(pond.data)], capture_output=True, text=True, check=True
    ).stdout
    exports = dict(line.removeprefix("export ").split("=", 1) for line in words.splitlines())
    assert exports["AWS_CA_BUNDLE"] == str((pond.data / "tls.pem").resolve())
    aws = Path(os.environ["MILLPOND_VENV"]) / "bin" / "aws"
    environment = {**pond.environment, **exports}
    assert subprocess.run([str(aws), "s3", "ls"], env=environment, capture_output=True).returncode == 0
    told = subprocess.run([binary(), "whoami"], env=environment, capture_output=True, text=True)
    assert "root" in told.stdout, told.stderr


def test_a_self_signed_certificate_stays(folder):
    with Pond("--tls-self-signed", data=folder) as pond:
        before = shown(pond.port)
        pond.restart()
        assert shown(pond.port) == before
        assert pond.stop() == 0
        assert not (pond.data / "certificate").exists()


def refused(*words, env=None):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "MILLPOND_"))}
    done = subprocess.run(
        [binary(), "serve", "--listen", "127.0.0.1:0", *map(str, words)], env={**environment, **(env or {})},
        capture_output=True, text=True, timeout=60,
    )
    assert done.returncode == 1 and "PRIVATE KEY-----" not in done.stderr
    return done.stderr


def test_files_that_cannot_be_used_are_named_at_the_start(folder):
    (cert, key), (_, other) = made(folder, "one"), made(folder, "two")
    nothing = folder / "nothing.pem"
    nothing.write_text("")
    data = ("--data", folder / "data")
    for words, expected in (
        (("--tls-cert", folder / "none.pem", "--tls-key", key), "none.pem: No such file"),
        (("--tls-cert", cert, "--tls-key", folder / "none.key"), "none.key: No such file"),
        (("--tls-cert", nothing, "--tls-key", key), "nothing.pem: the certificate is not readable"),
        (("--tls-cert", cert, "--tls-key", nothing), "nothing.pem: the private key is not readable"),
        (("--tls-cert", cert, "--tls-key", other), "two.key: the private key is not that of the certificate"),
        (("--tls-cert", cert), "`tls.key`"),
        (("--tls-key", key), "`tls.cert`"),
        (("--tls-self-signed", "--tls-cert", cert), "`tls.self_signed`"),
    ):
        assert expected in refused(*data, *words), words
    assert "there is no certificate" in refused(*data, env={"MILLPOND_LISTENERS": "https://127.0.0.1:0"})


def test_the_demo_over_tls_is_not_cut_short_by_its_own_certificate(folder):
    """Its first steps are enough: they need the server to be believed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "MILLPOND_"))}
    process = subprocess.Popen(
        [binary(), "demo", "--data", str(folder / "demo")], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, env={**environment, "MILLPOND_TLS_SELF_SIGNED": "1"},
    )
    seen = []
    ready = threading.Event()

    def read():
        for line in process.stdout:
            seen.append(line)
            if "JSON in, Parquet" in line:
                ready.set()
        ready.set()

    threading.Thread(target=read, daemon=True).start()
    assert ready.wait(120)
    process.terminate()
    process.wait(60)
    assert any("JSON in, Parquet" in line for line in seen), "".join(seen)
