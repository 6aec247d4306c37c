"""The program around the services: settings, the data folder and its lock, the lab, the drain."""

import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import threading
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone

import boto3
import pytest
from botocore.exceptions import ClientError

from pond import EXPORT, Pond, binary, wait_for


def run(*words, **environment):
    return subprocess.run([binary(), *words], capture_output=True, text=True, timeout=30, env={**clean(), **environment})


def clean():
    return {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "MILLPOND_"))}


def admin(pond, method, route, body=None, **headers):
    request = urllib.request.Request(f"{pond.endpoint}/_millpond/{route}", body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_the_first_start_prints_the_keys_and_later_ones_do_not(fresh_pond):
    printed = dict(EXPORT.findall("\n".join(fresh_pond.output)))
    assert printed["AWS_ENDPOINT_URL"] == fresh_pond.endpoint and printed["AWS_DEFAULT_REGION"] == "us-east-1"
    assert printed["AWS_ACCESS_KEY_ID"].startswith("AKIA") and len(printed["AWS_SECRET_ACCESS_KEY"]) == 40
    for name in ("account", "credentials", "endpoint", "root.key"):
        assert stat.S_IMODE((fresh_pond.data / name).stat().st_mode) == 0o600, name
    assert stat.S_IMODE(fresh_pond.data.stat().st_mode) == 0o700
    fresh_pond.restart()
    assert not EXPORT.findall("\n".join(fresh_pond.output))
    again = dict(EXPORT.findall(run("credentials", "--data", str(fresh_pond.data)).stdout))
    assert again == {**printed, "AWS_ENDPOINT_URL": fresh_pond.endpoint}
    # The file is also one that AWS's own tools read.
    session = boto3.Session(region_name="us-east-1")
    session._session.set_config_variable("credentials_file", str(fresh_pond.data / "credentials"))
    assert session.get_credentials().secret_key == printed["AWS_SECRET_ACCESS_KEY"]


def test_two_servers_are_never_on_one_folder(pond):
    second = run("serve", "--listen", "127.0.0.1:0", "--data", str(pond.data))
    assert second.returncode == 1
    assert f"is in use by another Millpond (process {pond.process.pid})" in second.stderr
    assert pond.client("sts").get_caller_identity()["Account"] == "000000000000"


def test_a_folder_keeps_its_account(tmp_path):
    with Pond("--account", "123456789012", data=tmp_path) as server:
        identity = server.client("sts").get_caller_identity()
        assert identity["Arn"] == "arn:aws:iam::123456789012:root"
        assert server.stop() == 0
        other = run("serve", "--listen", "127.0.0.1:0", "--data", str(server.data), "--account", "210987654321")
        assert other.returncode == 1 and "belongs to account 123456789012" in other.stderr
        server.args = []
        assert server.start().client("sts").get_caller_identity()["Account"] == "123456789012"


def test_killed_at_its_first_start_it_starts_again(tmp_path):
    for delay in (0.0, 0.002, 0.005, 0.01, 0.02, 0.05):
        folder = tmp_path / str(delay)
        folder.mkdir()
        command = [binary(), "serve", "--listen", "127.0.0.1:0", "--data", str(folder / "data")]
        first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=clean())
        threading.Event().wait(delay)
        first.kill()
        first.wait()
        with Pond(data=folder) as server:
            assert server.client("sts").get_caller_identity()["Account"] == "000000000000"


def test_a_lost_root_key_is_not_replaced(fresh_pond):
    fresh_pond.stop()
    (fresh_pond.data / "root.key").unlink()
    again = run("serve", "--listen", "127.0.0.1:0", "--data", str(fresh_pond.data))
    assert again.returncode == 1 and "root.key is missing" in again.stderr


def test_the_root_key_may_be_kept_elsewhere(tmp_path):
    key = secrets.token_hex(32)
    (tmp_path / "elsewhere").write_text(key + "\n")
    with Pond(data=tmp_path, env={"MILLPOND_ROOT_KEY": key}) as server:
        server.client("s3").create_bucket(Bucket="kept")
        server.client("s3").put_object(Bucket="kept", Key="k", Body=b"x" * 100_000)
        for args, env in (
            (["--root-key-file", str(tmp_path / "elsewhere")], {}),
            (["--root-key-command", f"cat '{tmp_path / 'elsewhere'}'"], {}),
            ([], {"MILLPOND_ROOT_KEY_FILE": str(tmp_path / "elsewhere")}),
        ):
            assert server.stop() == 0
            server.args, server.env = args, env
            server.start()
            assert server.client("s3").get_object(Bucket="kept", Key="k")["Body"].read() == b"x" * 100_000
        server.stop()
        serve = ["serve", "--listen", "127.0.0.1:0", "--data", str(server.data)]
        for environment, said in (
            ({"MILLPOND_ROOT_KEY": secrets.token_hex(32)}, "the root key is not the one that the data in"),
            ({"MILLPOND_ROOT_KEY": key[:-1]}, "a root key is 64 hexadecimal digits"),
            ({"MILLPOND_ROOT_KEY": key, "MILLPOND_ROOT_KEY_COMMAND": "true"}, "comes from one place"),
            ({"MILLPOND_ROOT_KEY_COMMAND": "exit 3"}, "failed: exit status: 3"),
            ({}, "root.key is missing"),
        ):
            done = run(*serve, **environment)
            assert done.returncode == 1 and said in done.stderr and key[:-1] not in done.stderr, done.stderr
        kept = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "elsewhere"]
        assert not [path for path in kept if key.encode() in path.read_bytes() or bytes.fromhex(key) in path.read_bytes()]


@pytest.mark.parametrize("words, environment, said", [
    ([], {"MILLPOND_LISTNE": "x"}, "MILLPOND_LISTNE"),
    ([], {"MILLPOND_KINESIS_SHARDS": "1"}, "MILLPOND_KINESIS_SHARDS"),
    (["--listen", "nowhere"], {}, "the setting `listen` is \"nowhere\""),
    (["--account", "12"], {}, "\"12\" is not a valid account id"),
    (["--log", "=loud="], {}, "the setting `log`"),
    (["--open", "--listen", "0.0.0.0:0"], {}, "only listens on loopback"),
    (["--open", "--listen", "[::]:0"], {}, "only listens on loopback"),
    (["--config", "/nowhere/millpond.toml"], {}, "/nowhere/millpond.toml"),
])
def test_a_wrong_setting_is_named(tmp_path, words, environment, said):
    done = run("serve", "--data", str(tmp_path / "data"), *words, **environment)
    assert done.returncode == 1 and said in done.stderr, done.stderr


def test_settings_come_from_the_file_too(tmp_path):
    config = tmp_path / "millpond.toml"
    config.write_text('account = "111122223333"\nlog_format = "json"\n[kinesis]\nshard_quota = 3\n')
    with Pond("--config", str(config), data=tmp_path) as server:
        assert server.client("sts").get_caller_identity()["Account"] == "111122223333"
        assert server.client("kinesis").describe_limits()["ShardLimit"] == 3
        line = wait_for("a log line", lambda: [x for x in server.log.read_text().splitlines() if "GetCallerIdentity" in x])
        assert json.loads(line[0])["operation"] == "GetCallerIdentity"
    config.write_text("shards = 3\n")
    done = run("serve", "--config", str(config), "--data", str(tmp_path / "other"))
    assert done.returncode == 1 and "shards" in done.stderr and "millpond.toml" in done.stderr


@pytest.fixture(scope="module")
def open_pond():
    with Pond("--open") as server:
        yield server
    shutil.rmtree(server.folder, ignore_errors=True)


def test_an_open_pond_takes_any_credentials(tmp_path):
    with Pond("--open", data=tmp_path) as server:
        for key, account in [("test", "000000000000"), ("123456789012", "123456789012")]:
            keys = {"aws_access_key_id": key, "aws_secret_access_key": "anything"}
            assert server.client("sts", keys=keys).get_caller_identity()["Account"] == account
        form = b"Action=GetCallerIdentity&Version=2011-06-15"
        with urllib.request.urlopen(urllib.request.Request(server.endpoint, form), timeout=30) as answer:
            assert b"arn:aws:iam::000000000000:root" in answer.read()


@pytest.mark.parametrize("headers, status", [
    ({"Host": "evil.example:4566"}, 403),
    ({"Origin": "https://evil.example"}, 403),
    ({"Origin": "null"}, 403),
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Host": "sts.us-east-1.amazonaws.com"}, 200),
    ({"Host": "sts.localhost:4566"}, 200),
    ({"Origin": "http://localhost:3000", "Sec-Fetch-Site": "cross-site"}, 200),
])
def test_an_open_pond_does_not_answer_to_web_pages_of_strangers(open_pond, headers, status):
    """What a browser sends for a page that uses this machine's loopback, under its own name or another's."""
    def ask(method, path, body=None, **more):
        connection = http.client.HTTPConnection("127.0.0.1", open_pond.port, timeout=30)
        connection.request(method, path, body, headers={**headers, **more})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    form = {"Content-Type": "application/x-www-form-urlencoded"}
    got, text = ask("POST", "/", "Action=GetCallerIdentity&Version=2011-06-15", **form)
    assert got == status, text
    assert ("<Code>AccessDenied</Code>" in text) == (status == 403)
    got, text = ask("POST", "/", "{}", **{"X-Amz-Target": "Kinesis_20131202.ListStreams", "Content-Type": "application/x-amz-json-1.1"})
    assert got == status, text
    assert ("AccessDeniedException" in text) == (status == 403)
    assert ask("GET", "/_millpond/health")[0] == status
    if status == 403:
        got, text = ask("GET", "/bucket/key")
        assert got == status and "<Code>AccessDenied</Code><Message>An open pond" in text


def test_regions_are_apart(pond, name):
    west = pond.client("kinesis", region="eu-west-1")
    west.create_stream(StreamName=name, ShardCount=1)
    assert name in west.list_streams()["StreamNames"]
    assert name not in pond.client("kinesis").list_streams()["StreamNames"]


def test_a_lab_turns_its_clock_and_time_never_goes_back(lab):
    show = ["clock", "show", "--data", str(lab.data)]
    real = datetime.now(timezone.utc)
    assert abs(datetime.fromisoformat(run(*show).stdout.split()[0]) - real) < timedelta(minutes=1)
    assert run("clock", "advance", "60d", "--data", str(lab.data)).returncode == 0
    ahead = real + timedelta(days=60)

    def time():
        return datetime.fromisoformat(run(*show).stdout.split()[0])

    assert abs(time() - ahead) < timedelta(minutes=1)
    # Clients sign by their own clocks.
    assert lab.client("sts").get_caller_identity()["Account"] == "000000000000"
    lab.kill()
    lab.start()
    assert abs(time() - ahead) < timedelta(minutes=1)
    for wrong in ("soon", "1month", "60"):
        refused = run("clock", "advance", wrong, "--data", str(lab.data))
        assert refused.returncode == 1 and wrong in refused.stderr
    assert abs(time() - ahead) < timedelta(minutes=1)


def test_a_reset_empties_the_pond_and_serves_on(lab, name):
    keys = lab.credentials
    for _ in range(3):
        kinesis = lab.client("kinesis")
        kinesis.create_stream(StreamName=name, ShardCount=1)
        assert kinesis.list_streams()["StreamNames"] == [name]
        assert run("reset", "--data", str(lab.data)).returncode == 0
        assert kinesis.list_streams()["StreamNames"] == []
    assert lab.credentials == keys
    lab.restart()
    assert lab.client("kinesis").list_streams()["StreamNames"] == []
    assert not [entry for entry in lab.data.iterdir() if entry.name.startswith("discarded")]


def test_lab_routes_are_for_labs_and_programs(pond, lab):
    assert admin(pond, "POST", "reset")[0] == 404
    assert admin(pond, "GET", "clock")[0] == 404
    assert admin(lab, "POST", "reset", Origin="http://evil.example")[0] == 403
    assert admin(lab, "POST", "reset", Host="evil.example:4566")[0] == 403
    assert admin(lab, "POST", "clock/advance", b"{")[0] == 400
    assert admin(lab, "POST", "clock/advance", b'{"by": "-1d"}')[0] == 400
    assert admin(lab, "GET", "nothing")[0] == 404
    assert admin(lab, "GET", "clock")[0] == 200


def test_health_and_metrics(pond):
    with pytest.raises(ClientError):
        pond.client("kinesis").describe_stream(StreamName="not-there")
    status, body = admin(pond, "GET", "health")
    health = json.loads(body)
    assert status == 200 and health["status"] == "ok" and {"kinesis", "sts"} <= set(health["services"])
    assert "kinesis.provision" in {worker["name"] for worker in health["workers"]}
    status, body = admin(pond, "GET", "metrics")
    assert status == 200 and b'operation="DescribeStream",status="400"' in body
    assert body.endswith(b"# EOF\n")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains(fresh_pond, how):
    # A request whose body is still on its way when the signal comes.
    form = b"Action=GetCallerIdentity&Version=2011-06-15"
    from raw import Request

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    request = Request("POST", f"{fresh_pond.endpoint}/", headers, form).sign(fresh_pond.credentials, "sts")
    lines = [f"{k}: {v}" for k, v in request.headers.items() if k.lower() not in ("content-length", "host")]
    head = "\r\n".join(["POST / HTTP/1.1", f"Host: 127.0.0.1:{fresh_pond.port}", f"Content-Length: {len(form)}", *lines, "", ""])
    with socket.create_connection(("127.0.0.1", fresh_pond.port), timeout=20) as raw:
        raw.sendall(head.encode() + form[:10])
        wait_for("the request to arrive", lambda: b"requests_in_flight 2" in admin(fresh_pond, "GET", "metrics")[1])
        fresh_pond.process.send_signal(how)
        wait_for("the listener to close", lambda: refused(fresh_pond.port))
        raw.sendall(form[10:])
        answer = raw.recv(65536)
    assert answer.startswith(b"HTTP/1.1 200"), answer
    assert fresh_pond.process.wait(20) == 0
    assert not (fresh_pond.data / "endpoint").exists()


def refused(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        return False
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        return False  # it closed with us in its queue
