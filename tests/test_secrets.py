"""No secret stands in a log, an error, a metric, or readable on the disk."""

import subprocess
import urllib.request

from pond import Pond
from test_sts import allow, assume, code_of, exports, keys_of, make_role, make_user, millpond, policy, trust

ACCOUNT = "000000000000"


def test_planted_secrets_are_found_nowhere(tmp_path):
    with Pond("--lab", "--log", "trace,h2=info,hyper=info") as pond:
        root = pond.credentials
        user = make_user(pond, "ana", allow("sts:*"), allow("s3:*"))
        second = exports(millpond(pond, "account", "create", "--account", "123456789012").stdout)
        arn = make_role(pond, "worker", trust(f"arn:aws:iam::{ACCOUNT}:user/ana"), allow("s3:*"))
        session = keys_of(assume(pond, user, arn)["Credentials"])
        federated = keys_of(pond.client("sts", keys=user).get_federation_token(
            Name="guest", Policy=policy(allow("s3:ListAllMyBuckets")))["Credentials"])
        errors = []
        for keys in (user, second, session, federated):
            pond.client("s3", keys=keys).list_buckets()
            for wrong in ({**keys, "aws_secret_access_key": keys["aws_secret_access_key"][::-1]},
                          {**keys, "aws_session_token": "x" + keys.get("aws_session_token", "")}):
                for service, call in (("sts", "get_caller_identity"), ("s3", "list_buckets"), ("kinesis", "list_streams")):
                    errors.append(_error(pond.client(service, keys=wrong), call))
            errors.append(_error(pond.client("kinesis", keys=keys), "delete_stream", StreamName="nowhere"))
        assert code_of(pond.client("sts", keys=user).assume_role, RoleArn=f"{arn}-2", RoleSessionName="test") == "AccessDenied"
        metrics = urllib.request.urlopen(f"{pond.endpoint}/_millpond/metrics").read().decode()
        health = urllib.request.urlopen(f"{pond.endpoint}/_millpond/health").read().decode()
        secrets = {
            keys[name] for keys in (root, user, second, session, federated)
            for name in ("aws_secret_access_key", "aws_session_token") if name in keys
        }
        assert len(secrets) == 7
        pond.stop()
        log = pond.log.read_text(errors="replace")
        assert len(log) > 10_000, "the log says nearly nothing, so that this test shows nothing"
        for secret in secrets:
            for place, text in (("log", log), ("metrics", metrics), ("health", health), ("errors", "\n".join(errors))):
                assert secret not in text, f"a secret stands in the {place}"
        root_secret = root["aws_secret_access_key"]
        for secret in secrets - {root_secret}:
            (tmp_path / "pattern").write_text(secret)
            found = subprocess.run(["grep", "-rlaFf", str(tmp_path / "pattern"), str(pond.data)], capture_output=True, text=True)
            assert found.stdout == "", f"a secret stands readable in {found.stdout}"


def _error(client, call, **parameters):
    try:
        getattr(client, call)(**parameters)
    except client.exceptions.ClientError as error:
        return f"{error} {error.response}"
    return ""
