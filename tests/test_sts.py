"""Temporary credentials: who gets them, what they may do, when they end."""

import json
import os
import re
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from pond import Pond, binary
from raw import Request, json_request

ACCOUNT = "000000000000"
SECOND = "123456789012"
NO_CHECKS = Config(parameter_validation=False)
EXPORT = re.compile(r"export (AWS_\w+)=(\S+)")


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def trust(principal, action="sts:AssumeRole", **more):
    principal = {"AWS": principal} if isinstance(principal, (str, list)) else principal
    return policy({"Effect": "Allow", "Principal": principal, "Action": action, **more})


def keys_of(credentials):
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }


def code_of(call, **parameters):
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    return refused.value.response["Error"]["Code"]


def exports(text):
    found = dict(EXPORT.findall(text))
    return {
        "aws_access_key_id": found["AWS_ACCESS_KEY_ID"],
        "aws_secret_access_key": found["AWS_SECRET_ACCESS_KEY"],
    }


def millpond(pond, *words, check=True, env=None):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "MILLPOND_"))}
    done = subprocess.run(
        [binary(), *words], capture_output=True, text=True, timeout=60,
        env={**environment, "MILLPOND_DATA": str(pond.data), **(env or {})},
    )
    assert not check or done.returncode == 0, done.stderr
    return done


def make_user(pond, name, *statements, keys=None):
    """A user with these permissions; her keys."""
    iam = pond.client("iam", keys=keys)
    iam.create_user(UserName=name)
    if statements:
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy(*statements))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


def make_role(pond, name, trusts, *statements, keys=None, **more):
    iam = pond.client("iam", keys=keys)
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusts, **more)["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy(*statements))
    return arn


def assume(pond, keys, arn, session="test", **more):
    return pond.client("sts", keys=keys).assume_role(RoleArn=arn, RoleSessionName=session, **more)


def identity(pond, keys):
    return pond.client("sts", keys=keys).get_caller_identity()["Arn"]


@pytest.fixture(scope="module")
def second(pond):
    """The root user of a second account."""
    made = millpond(pond, "account", "create", "--account", SECOND, "--name", "second")
    return exports(made.stdout)


def test_a_users_own_session(pond, name):
    keys = make_user(pond, name, allow("s3:ListAllMyBuckets"))
    sts = pond.client("sts", keys=keys)
    credentials = sts.get_session_token(DurationSeconds=900)["Credentials"]
    assert credentials["AccessKeyId"].startswith("ASIA")
    assert timedelta(minutes=14) < credentials["Expiration"] - datetime.now(timezone.utc) <= timedelta(minutes=15)
    temporary = keys_of(credentials)
    assert identity(pond, temporary) == f"arn:aws:iam::{ACCOUNT}:user/{name}"
    pond.client("s3", keys=temporary).list_buckets()
    assert code_of(pond.client("kinesis", keys=temporary).list_streams) == "AccessDeniedException"
    assert code_of(pond.client("sts", keys=temporary).get_session_token) == "AccessDenied"
    assert code_of(pond.client("sts", keys=temporary).get_federation_token, Name="guest") == "AccessDenied"
    # What the user may do now counts, not what she could when she asked.
    pond.client("iam").delete_user_policy(UserName=name, PolicyName="own")
    assert code_of(pond.client("s3", keys=temporary).list_buckets) == "AccessDenied"


def test_a_roots_session_lasts_an_hour_at_most(pond):
    credentials = pond.client("sts").get_session_token(DurationSeconds=7_200)["Credentials"]
    assert credentials["Expiration"] - datetime.now(timezone.utc) <= timedelta(hours=1)
    assert identity(pond, keys_of(credentials)) == f"arn:aws:iam::{ACCOUNT}:root"
    pond.client("kinesis", keys=keys_of(credentials)).list_streams()


def test_sessions_end_with_their_user(pond, name):
    keys = make_user(pond, name)
    temporary = keys_of(pond.client("sts", keys=keys).get_session_token()["Credentials"])
    assert identity(pond, temporary).endswith(name)
    iam = pond.client("iam")
    iam.delete_access_key(UserName=name, AccessKeyId=keys["aws_access_key_id"])
    iam.delete_user(UserName=name)
    iam.create_user(UserName=name)
    assert code_of(pond.client("sts", keys=temporary).get_caller_identity) == "InvalidClientTokenId"
    assert code_of(pond.client("kinesis", keys=temporary).list_streams) == "UnrecognizedClientException"
    assert code_of(pond.client("s3", keys=temporary).list_buckets) == "InvalidToken"


def test_a_federated_user(pond, name):
    keys = make_user(pond, name, allow("sts:GetFederationToken"), allow("s3:*"), allow("kinesis:*"))
    sts = pond.client("sts", keys=keys)
    made = sts.get_federation_token(Name="guest", Policy=policy(allow("s3:ListAllMyBuckets"), allow("glue:*")))
    assert made["FederatedUser"] == {
        "FederatedUserId": f"{ACCOUNT}:guest", "Arn": f"arn:aws:sts::{ACCOUNT}:federated-user/guest",
    }
    assert 0 < made["PackedPolicySize"] < 100
    guest = keys_of(made["Credentials"])
    assert identity(pond, guest) == f"arn:aws:sts::{ACCOUNT}:federated-user/guest"
    pond.client("s3", keys=guest).list_buckets()
    # What the user may and the session may not, and the other way round.
    assert code_of(pond.client("kinesis", keys=guest).list_streams) == "AccessDeniedException"
    assert code_of(pond.client("glue", keys=guest).get_databases) == "AccessDeniedException"
    bare = keys_of(sts.get_federation_token(Name="bare")["Credentials"])
    assert code_of(pond.client("s3", keys=bare).list_buckets) == "AccessDenied"
    of_root = pond.client("sts").get_federation_token(Name="anybody", Policy=policy(allow("kinesis:*")))
    pond.client("kinesis", keys=keys_of(of_root["Credentials"])).list_streams()
    assert code_of(pond.client("s3", keys=keys_of(of_root["Credentials"])).list_buckets) == "AccessDenied"
    assert code_of(
        pond.client("sts", keys=keys).get_federation_token, Name="guest", Tags=[{"Key": "team", "Value": "lake"}]
    ) == "AccessDenied"
    stranger = make_user(pond, f"{name}-2")
    assert code_of(pond.client("sts", keys=stranger).get_federation_token, Name="guest") == "AccessDenied"


def test_a_role_is_assumed(pond, name):
    user = make_user(pond, name, allow("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/{name}"))
    arn = make_role(pond, name, trust(f"arn:aws:iam::{ACCOUNT}:root"), allow("s3:ListAllMyBuckets"))
    made = assume(pond, user, arn, "night")
    role_id = pond.client("iam").get_role(RoleName=name)["Role"]["RoleId"]
    assert made["AssumedRoleUser"] == {
        "AssumedRoleId": f"{role_id}:night", "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/night",
    }
    assert "PackedPolicySize" not in made
    temporary = keys_of(made["Credentials"])
    assert identity(pond, temporary) == made["AssumedRoleUser"]["Arn"]
    pond.client("s3", keys=temporary).list_buckets()
    assert code_of(pond.client("kinesis", keys=temporary).list_streams) == "AccessDeniedException"
    assert code_of(pond.client("s3", keys=user).list_buckets) == "AccessDenied"
    # The role's policies as they are now, and its end.
    iam = pond.client("iam")
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy(allow("kinesis:ListStreams")))
    pond.client("kinesis", keys=temporary).list_streams()
    iam.delete_role_policy(RoleName=name, PolicyName="own")
    iam.delete_role(RoleName=name)
    assert code_of(pond.client("kinesis", keys=temporary).list_streams) == "UnrecognizedClientException"


def test_who_may_not_assume_a_role_learns_nothing(pond, name):
    named = make_user(pond, name)
    other = make_user(pond, f"{name}-2", allow("sts:AssumeRole"))
    me = f"arn:aws:iam::{ACCOUNT}:user/{name}"
    arn = make_role(pond, name, trust(me))
    # Whom the trust policy names himself needs no policy of his own; whom it does not name is not let in by his.
    assume(pond, named, arn)
    with pytest.raises(ClientError) as there:
        assume(pond, other, arn)
    with pytest.raises(ClientError) as gone:
        assume(pond, other, f"{arn}-2")
    assert there.value.response["Error"]["Code"] == "AccessDenied"
    assert str(there.value) + "-2" == str(gone.value)
    assert there.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert code_of(assume, pond=pond, keys=None, arn=arn) == "AccessDenied", "root"
    for bad in ("arn:aws:iam::000000000000:user/somebody", "arn:aws:s3:::a-bucket-of-mine"):
        assert code_of(assume, pond=pond, keys=named, arn=bad) == "ValidationError"


def test_conditions_of_a_trust_policy(pond, name):
    user = make_user(pond, name)
    me = f"arn:aws:iam::{ACCOUNT}:user/{name}"
    condition = {"StringEquals": {"sts:ExternalId": "42"}, "StringLike": {"sts:RoleSessionName": "night-*"}}
    arn = make_role(pond, name, trust(me, Condition=condition))
    assume(pond, user, arn, "night-1", ExternalId="42")
    for session, more in [("night-1", {}), ("night-1", {"ExternalId": "43"}), ("day", {"ExternalId": "42"})]:
        with pytest.raises(ClientError, match="AccessDenied"):
            assume(pond, user, arn, session, **more)


def test_a_session_policy_only_limits(pond, name):
    user = make_user(pond, name)
    arn = make_role(
        pond, name, trust(f"arn:aws:iam::{ACCOUNT}:user/{name}"), allow("s3:ListAllMyBuckets"), allow("kinesis:*")
    )
    made = assume(pond, user, arn, Policy=policy(allow("s3:*"), allow("glue:*")))
    assert made["PackedPolicySize"] > 0
    temporary = keys_of(made["Credentials"])
    pond.client("s3", keys=temporary).list_buckets()
    assert code_of(pond.client("kinesis", keys=temporary).list_streams) == "AccessDeniedException"
    assert code_of(pond.client("glue", keys=temporary).get_databases) == "AccessDeniedException"
    managed = pond.client("iam").create_policy(
        PolicyName=name, PolicyDocument=policy(allow("kinesis:ListStreams"))
    )["Policy"]["Arn"]
    temporary = keys_of(assume(pond, user, arn, PolicyArns=[{"arn": managed}])["Credentials"])
    pond.client("kinesis", keys=temporary).list_streams()
    assert code_of(pond.client("s3", keys=temporary).list_buckets) == "AccessDenied"
    # A policy that is gone allows nothing.
    pond.client("iam").delete_policy(PolicyArn=managed)
    assert code_of(pond.client("kinesis", keys=temporary).list_streams) == "AccessDeniedException"


@pytest.mark.parametrize("more, code", [
    ({"Policy": "{}"}, "MalformedPolicyDocument"),
    ({"Policy": policy(allow("s3:*", Principal="*"))}, "MalformedPolicyDocument"),
    ({"Policy": policy(allow("s3:*", Sid="a" * 2_048))}, "ValidationError"),
    ({"PolicyArns": [{"arn": f"arn:aws:iam::{ACCOUNT}:policy/nowhere"}]}, "ValidationError"),
    ({"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}] * 11}, "ValidationError"),
    ({"Tags": [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]}, "InvalidParameterValue"),
    ({"Tags": [{"Key": "a", "Value": "1"}], "TransitiveTagKeys": ["b"]}, "InvalidParameterValue"),
    ({"DurationSeconds": 899}, "ValidationError"),
    ({"DurationSeconds": 3_601}, "ValidationError"),
    ({"DurationSeconds": 43_201}, "ValidationError"),
    ({"RoleSessionName": "a b"}, "ValidationError"),
    ({"SourceIdentity": "aws:me"}, "ValidationError"),
    ({"SerialNumber": "GAHT12345678", "TokenCode": "123456"}, "ValidationError"),
    ({"ProvidedContexts": [{"ProviderArn": "arn:aws:iam::aws:contextProvider/x", "ContextAssertion": "aaaa"}]}, "ValidationError"),
])
def test_bad_wishes(pond, name, more, code):
    user = make_user(pond, name)
    trusts = trust(f"arn:aws:iam::{ACCOUNT}:user/{name}", action=["sts:AssumeRole", "sts:TagSession"])
    arn = make_role(pond, name, trusts)
    sts = pond.client("sts", keys=user, config=NO_CHECKS)
    assert code_of(sts.assume_role, **{"RoleArn": arn, "RoleSessionName": "test", **more}) == code


def test_a_policy_too_large_to_pack(pond, name):
    user = make_user(pond, name)
    trusts = trust(f"arn:aws:iam::{ACCOUNT}:user/{name}", action=["sts:AssumeRole", "sts:TagSession"])
    arn = make_role(pond, name, trusts)
    tags = [{"Key": f"k{at}", "Value": os.urandom(100).hex()} for at in range(30)]
    with pytest.raises(ClientError, match=r"PackedPolicyTooLarge.*consumes \d{3}% of allotted space"):
        assume(pond, user, arn, Tags=tags)
    made = assume(pond, user, arn, Tags=tags[:5])
    assert 10 < made["PackedPolicySize"] < 100


def test_how_long_a_role_lasts(pond, name):
    user = make_user(pond, name)
    me = f"arn:aws:iam::{ACCOUNT}:user/{name}"
    arn = make_role(pond, name, trust(me), allow("sts:AssumeRole"), MaxSessionDuration=7_200)
    now = datetime.now(timezone.utc)
    ends = assume(pond, user, arn)["Credentials"]["Expiration"]
    assert timedelta(minutes=59) < ends - now < timedelta(minutes=61)
    made = assume(pond, user, arn, DurationSeconds=7_200)["Credentials"]
    assert timedelta(minutes=119) < made["Expiration"] - now < timedelta(minutes=121)
    # From role to role it is an hour at most.
    onward = make_role(pond, f"{name}-2", trust(f"arn:aws:iam::{ACCOUNT}:root"), MaxSessionDuration=7_200)
    chained = keys_of(made)
    assume(pond, chained, onward, DurationSeconds=3_600)
    with pytest.raises(ClientError, match="1 hour session limit for roles assumed by role chaining"):
        assume(pond, chained, onward, DurationSeconds=3_601)


def test_session_tags_go_on_with_a_chain(pond, name):
    user = make_user(pond, name)
    me, root = f"arn:aws:iam::{ACCOUNT}:user/{name}", f"arn:aws:iam::{ACCOUNT}:root"
    both = ["sts:AssumeRole", "sts:TagSession"]
    reads = allow("s3:ListAllMyBuckets", Condition={"StringEquals": {"aws:PrincipalTag/team": "lake"}})
    closed = make_role(pond, f"{name}-closed", trust(me))
    arn = make_role(pond, name, trust(me, action=both), reads, allow(both), Tags=[{"Key": "Team", "Value": "mill"}])
    onward = make_role(pond, f"{name}-2", trust(root, action=both), reads)
    tags = [{"Key": "team", "Value": "lake"}, {"Key": "stage", "Value": "test"}]
    with pytest.raises(ClientError, match="sts:TagSession"):
        assume(pond, user, closed, Tags=tags)
    plain = keys_of(assume(pond, user, arn)["Credentials"])
    assert code_of(pond.client("s3", keys=plain).list_buckets) == "AccessDenied"
    tagged = keys_of(assume(pond, user, arn, Tags=tags, TransitiveTagKeys=["team"])["Credentials"])
    pond.client("s3", keys=tagged).list_buckets()
    chained = keys_of(assume(pond, tagged, onward)["Credentials"])
    pond.client("s3", keys=chained).list_buckets()
    with pytest.raises(ClientError, match="conflicts with a transitive tag key"):
        assume(pond, tagged, onward, Tags=[{"Key": "TEAM", "Value": "mill"}])
    # A tag that is not transitive stays behind.
    behind = keys_of(assume(pond, user, arn, Tags=tags)["Credentials"])
    behind = keys_of(assume(pond, behind, onward)["Credentials"])
    assert code_of(pond.client("s3", keys=behind).list_buckets) == "AccessDenied"


def test_a_source_identity_stays(pond, name):
    user = make_user(pond, name)
    me, root = f"arn:aws:iam::{ACCOUNT}:user/{name}", f"arn:aws:iam::{ACCOUNT}:root"
    both = ["sts:AssumeRole", "sts:SetSourceIdentity"]
    reads = allow("s3:ListAllMyBuckets", Condition={"StringEquals": {"aws:SourceIdentity": "ana"}})
    closed = make_role(pond, f"{name}-closed", trust(me))
    arn = make_role(pond, name, trust(me, action=both), allow(both))
    onward = make_role(pond, f"{name}-2", trust(root, action=both), reads)
    with pytest.raises(ClientError, match="sts:SetSourceIdentity"):
        assume(pond, user, closed, SourceIdentity="ana")
    made = assume(pond, user, arn, SourceIdentity="ana")
    assert made["SourceIdentity"] == "ana"
    chained = assume(pond, keys_of(made["Credentials"]), onward)
    assert chained["SourceIdentity"] == "ana"
    pond.client("s3", keys=keys_of(chained["Credentials"])).list_buckets()
    with pytest.raises(ClientError, match="AccessDenied"):
        assume(pond, keys_of(made["Credentials"]), onward, SourceIdentity="eve")


def test_across_accounts_both_sides_must_allow(pond, second, name):
    bare = make_user(pond, name, keys=second)
    ready = make_user(pond, f"{name}-2", allow("sts:AssumeRole"), keys=second)
    arn = make_role(pond, name, trust(f"arn:aws:iam::{SECOND}:root"), allow("s3:ListAllMyBuckets"))
    named = make_role(pond, f"{name}-2", trust(f"arn:aws:iam::{SECOND}:user/{name}"))
    closed = make_role(pond, f"{name}-3", trust(f"arn:aws:iam::{ACCOUNT}:root"))
    temporary = keys_of(assume(pond, ready, arn)["Credentials"])
    assert identity(pond, temporary) == f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/test"
    pond.client("s3", keys=temporary).list_buckets()
    for keys, role in [(bare, arn), (bare, named), (ready, closed), (ready, named)]:
        with pytest.raises(ClientError, match="AccessDenied"):
            assume(pond, keys, role)


def test_whose_a_key_is(pond, second, name):
    sts = pond.client("sts")
    user = make_user(pond, name, keys=second)
    temporary = pond.client("sts", keys=user).get_session_token()["Credentials"]["AccessKeyId"]
    for key, account in [
        (pond.credentials["aws_access_key_id"], ACCOUNT), (second["aws_access_key_id"], SECOND),
        (user["aws_access_key_id"], SECOND), (temporary, SECOND),
    ]:
        assert sts.get_access_key_info(AccessKeyId=key)["Account"] == account
    for nobodys in ("AKIAAAAAAAAAAAAAAAAA", "ASIAIOSFODNN7EXAMPLE", "x" * 20):
        assert code_of(sts.get_access_key_info, AccessKeyId=nobodys) == "InvalidClientTokenId"
    assert code_of(pond.client("sts", keys=user).get_access_key_info, AccessKeyId=temporary) == "AccessDenied"


def tampered(token):
    middle = len(token) // 2
    other = "A" if token[middle] != "A" else "B"
    return [token[:middle] + other + token[middle + 1:], token[:-4], token[4:], token + "AAAA", "x", "A" * 40_000]


def test_tokens_of_others_cut_and_changed(pond, name):
    sts = pond.client("sts", keys=make_user(pond, name))
    mine, other = (sts.get_session_token()["Credentials"] for _ in range(2))
    for token in [other["SessionToken"], *tampered(mine["SessionToken"])]:
        keys = {**keys_of(mine), "aws_session_token": token}
        assert code_of(pond.client("sts", keys=keys).get_caller_identity) == "InvalidClientTokenId"
        assert code_of(pond.client("kinesis", keys=keys).list_streams) == "UnrecognizedClientException"
        assert code_of(pond.client("s3", keys=keys).list_buckets) == "InvalidToken"
    alone = {k: v for k, v in keys_of(mine).items() if k != "aws_session_token"}
    assert code_of(pond.client("sts", keys=alone).get_caller_identity) == "InvalidClientTokenId"
    assert code_of(pond.client("s3", keys=alone).list_buckets) == "InvalidAccessKeyId"
    borrowed = {**pond.credentials, "aws_session_token": mine["SessionToken"]}
    assert code_of(pond.client("sts", keys=borrowed).get_caller_identity) == "InvalidClientTokenId"
    wrong = {**keys_of(mine), "aws_secret_access_key": "x" * 40}
    assert code_of(pond.client("sts", keys=wrong).get_caller_identity) == "SignatureDoesNotMatch"


def test_a_token_that_is_not_signed_with_the_request(pond, name):
    credentials = pond.client("sts", keys=make_user(pond, name)).get_session_token()["Credentials"]
    request = json_request(pond, "kinesis", "ListStreams").sign(keys_of(credentials), "kinesis")
    request.headers["X-Amz-Security-Token"] = credentials["SessionToken"]
    answer = request.send(pond)
    assert (answer.status, answer.code) == (400, "InvalidSignatureException")
    request = Request("GET", f"{pond.endpoint}/").sign(keys_of(credentials), "s3")
    request.headers["X-Amz-Security-Token"] = credentials["SessionToken"]
    assert request.send(pond).status == 403


def test_presigned_by_a_session(pond, bucket, name):
    arn = make_role(pond, name, trust(f"arn:aws:iam::{ACCOUNT}:user/{name}"), allow("s3:*"))
    temporary = keys_of(assume(pond, make_user(pond, name), arn)["Credentials"])
    s3 = pond.client("s3", keys=temporary, config=Config(signature_version="s3v4"))
    s3.put_object(Bucket=bucket, Key="k", Body=b"by a session")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    assert Request("GET", url).send(pond).body == b"by a session"
    post = s3.generate_presigned_post(bucket, "form")
    assert "x-amz-security-token" in post["fields"]


def test_sessions_outlive_a_restart(fresh_pond, name):
    pond = fresh_pond
    temporary = keys_of(pond.client("sts", keys=make_user(pond, name)).get_session_token()["Credentials"])
    pond.kill()
    pond.start()
    assert identity(pond, temporary).endswith(name)


def test_sessions_end_by_the_ponds_clock(lab, name):
    pond = lab
    user = make_user(pond, name)
    arn = make_role(pond, name, trust(f"arn:aws:iam::{ACCOUNT}:user/{name}"), allow("*"))
    short = keys_of(assume(pond, user, arn, DurationSeconds=900)["Credentials"])
    long = keys_of(assume(pond, user, arn)["Credentials"])
    millpond(pond, "clock", "advance", "16m")
    assert code_of(pond.client("sts", keys=short).get_caller_identity) == "ExpiredToken"
    assert code_of(pond.client("kinesis", keys=short).list_streams) == "ExpiredTokenException"
    assert code_of(pond.client("s3", keys=short).list_buckets) == "ExpiredToken"
    pond.client("s3", keys=long).list_buckets()
    fresh = assume(pond, user, arn)["Credentials"]
    assert fresh["Expiration"] - datetime.now(timezone.utc) > timedelta(minutes=75)
    pond.client("s3", keys=keys_of(fresh)).list_buckets()


def test_sessions_end_with_a_reset(lab, name):
    credentials = lab.client("sts").get_session_token()["Credentials"]
    user = keys_of(lab.client("sts", keys=make_user(lab, name)).get_session_token()["Credentials"])
    millpond(lab, "reset")
    assert identity(lab, keys_of(credentials)).endswith(":root")
    assert code_of(lab.client("sts", keys=user).get_caller_identity) == "InvalidClientTokenId"


def test_a_profile_of_the_command_line(pond, name, tmp_path):
    user = make_user(pond, name)
    arn = make_role(pond, name, trust(f"arn:aws:iam::{ACCOUNT}:user/{name}"), allow("s3:ListAllMyBuckets"))
    (tmp_path / "config").write_text(
        f"[profile base]\naws_access_key_id = {user['aws_access_key_id']}\n"
        f"aws_secret_access_key = {user['aws_secret_access_key']}\nregion = us-east-1\n"
        f"[profile lake]\nrole_arn = {arn}\nsource_profile = base\nregion = us-east-1\nrole_session_name = cli\n"
    )
    environment = {k: v for k, v in pond.environment.items() if not k.startswith("AWS_") or k == "AWS_ENDPOINT_URL"}
    environment["AWS_CONFIG_FILE"] = str(tmp_path / "config")
    aws = Path(os.environ["MILLPOND_VENV"]) / "bin" / "aws"
    run = lambda *words: subprocess.run(  # noqa: E731
        [str(aws), "--profile", "lake", *words], env=environment, capture_output=True, text=True, timeout=120
    )
    shown = run("sts", "get-caller-identity")
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/cli"
    assert run("s3", "ls").returncode == 0
    assert "AccessDenied" in run("kinesis", "list-streams").stderr


def test_sts_of_a_region(pond):
    for region in ("us-east-1", "eu-central-1"):
        assert pond.client("sts", region=region).get_caller_identity()["Account"] == ACCOUNT


def test_an_open_pond_gives_roles_to_anybody(name):
    with Pond("--open") as pond:
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        arn = make_role(pond, name, trust("arn:aws:iam::000000000000:root"), keys=keys)
        made = assume(pond, keys, arn)
        assert made["AssumedRoleUser"]["Arn"].endswith(f":assumed-role/{name}/test")
        with pytest.raises(ClientError, match="AccessDenied"):
            assume(pond, keys, f"{arn}-2")
        other = {"aws_access_key_id": SECOND, "aws_secret_access_key": "test"}
        arn = make_role(pond, name, trust(f"arn:aws:iam::{SECOND}:root"), keys=other)
        in_second = keys_of(assume(pond, keys, arn)["Credentials"])
        assert pond.client("sts", keys=in_second).get_caller_identity()["Account"] == SECOND
