"""A Millpond server process for tests: started on a free port, driven by real clients, killed and restarted at will."""

import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import boto3
from botocore.config import Config

import conformance

READY = re.compile(r"ready at (http\S+)")
EXPORT = re.compile(r"export (AWS_\w+)=(\S+)")


def binary():
    """The program under test; `tests/run` builds it and says where it is."""
    path = os.environ.get("MILLPOND_BIN")
    assert path and os.path.exists(path), "MILLPOND_BIN names no program: start the tests by tests/run"
    return path


class Pond:
    """One data folder and the server over it. `start` and `restart` keep the folder; `close` stops the server."""

    def __init__(self, *args, data=None, env=None):
        self.args = list(args)
        self.folder = Path(data) if data else Path(tempfile.mkdtemp(prefix="millpond-test-"))
        self.data = self.folder / "data"
        self.env = env or {}
        self.process = None
        self.endpoint = None
        self.output = []
        self.log = self.folder / "server.log"
        self.start()

    def start(self, timeout=60):
        self.output = []
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "MILLPOND_"))}
        command = [binary(), "serve", "--listen", "127.0.0.1:0", "--data", str(self.data), *self.args]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, text=True, env={**environment, **self.env}
            )
        ready = threading.Event()

        def read():
            for line in self.process.stdout:
                self.output.append(line.rstrip("\n"))
                if found := READY.search(line):
                    self.endpoint = found.group(1).rstrip("/.")
                    ready.set()
            ready.set()

        threading.Thread(target=read, daemon=True).start()
        came = ready.wait(timeout)
        if not came or self.process.poll() is not None or not self.endpoint:
            raise AssertionError(f"the server did not become ready: {self.output}\n{self.tail()}")
        return self

    def tail(self, lines=40):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def kill(self):
        """What a power cut looks like to the process: SIGKILL, no goodbye."""
        self.process.kill()
        self.process.wait()

    def stop(self, timeout=60):
        """SIGTERM, and waits for the drain; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def restart(self):
        if self.process.poll() is None:
            self.stop()
        return self.start()

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def port(self):
        return int(self.endpoint.rsplit(":", 1)[1])

    @property
    def credentials(self):
        """The root user's keys, as the first start printed them and as the data folder keeps them."""
        found = dict(EXPORT.findall("\n".join(self.output)))
        if "AWS_ACCESS_KEY_ID" not in found:
            text = subprocess.run(
                [binary(), "credentials", "--data", str(self.data)], capture_output=True, text=True, check=True
            ).stdout
            found = dict(EXPORT.findall(text))
        return {
            "aws_access_key_id": found["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": found["AWS_SECRET_ACCESS_KEY"],
        }

    @property
    def environment(self):
        """The environment in which the AWS CLI and other programs find this pond."""
        keys = self.credentials
        return {
            **{k: v for k, v in os.environ.items() if not k.startswith("AWS_")},
            "AWS_ACCESS_KEY_ID": keys["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": keys["aws_secret_access_key"],
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def session(self, region="us-east-1", **keys):
        return boto3.Session(region_name=region, **(keys or self.credentials))

    def client(self, service, region="us-east-1", keys=None, config=None, **more):
        """A boto3 client with signatures on, no hidden retries, and every answer held against the model."""
        settings = Config(
            retries={"total_max_attempts": 1}, max_pool_connections=64, read_timeout=120, s3={"addressing_style": "path"}
        )
        settings = settings.merge(config) if config else settings
        session = self.session(region, **(keys or {}))
        return conformance.watch(session.client(service, endpoint_url=self.endpoint, config=settings, **more))

    def service_role(self, name, actions=("s3:*", "kinesis:*", "glue:*", "kms:*"), services=("firehose", "glue"), **more):
        """A role that these services take on, and that may do these actions to everything; its ARN."""
        iam = self.client("iam")
        names = [f"{service}.amazonaws.com" for service in services]
        trust = {"Effect": "Allow", "Principal": {"Service": names}, "Action": "sts:AssumeRole"}
        grant = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        document = lambda statement: json.dumps({"Version": "2012-10-17", "Statement": [statement]})  # noqa: E731
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust), **more)["Role"]
        if actions:
            iam.put_role_policy(RoleName=name, PolicyName="work", PolicyDocument=document(grant))
        return made["Arn"]

    def cli(self, *words, check=True, **more):
        """`aws WORDS`, the real command line."""
        aws = Path(os.environ.get("MILLPOND_VENV", "")) / "bin" / "aws"
        assert aws.exists(), "MILLPOND_VENV holds no aws: start the tests by tests/run"
        done = subprocess.run(
            [str(aws), *map(str, words)], env=self.environment, capture_output=True, text=True, timeout=120, **more
        )
        assert not check or done.returncode == 0, f"aws {' '.join(map(str, words))}: {done.stderr}"
        return done


def wait_for(what, condition, timeout=60.0, every=0.05):
    """Polls `condition` until it gives something true, and gives that; fails with `what` when the time is over."""
    until = time.monotonic() + timeout
    while True:
        got = condition()
        if got:
            return got
        assert time.monotonic() < until, f"waited {timeout} s in vain for: {what}"
        time.sleep(every)
