"""Why a request was denied: the sealed message in its answer, and who can open it."""

import json

import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from conftest import _pond
from test_sts import ACCOUNT, SECOND, allow, assume, code_of, exports, keys_of, make_role, make_user, millpond, policy, trust

HEADER = "x-millpond-authorization-message"
INVALID = "InvalidAuthorizationMessageException"


@pytest.fixture(scope="module")
def second(pond):
    """The root user of a second account."""
    return exports(millpond(pond, "account", "create", "--account", SECOND, "--name", "second").stdout)


def message_of(call, **parameters):
    """The message in a denial."""
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    answer = refused.value.response
    assert answer["Error"]["Code"] in ("AccessDenied", "AccessDeniedException"), answer
    return answer["ResponseMetadata"]["HTTPHeaders"].get(HEADER)


def decode(pond, message, keys=None):
    return json.loads(pond.client("sts", keys=keys).decode_authorization_message(EncodedMessage=message)["DecodedMessage"])


def conditions(decoded):
    items = decoded["context"]["conditions"]["items"]
    return {item["key"]: [value["value"] for value in item["values"]["items"]] for item in items}


def test_what_no_policy_allows(pond, name):
    user = make_user(pond, name)
    iam = pond.client("iam")
    message = message_of(pond.client("kinesis", region="eu-west-1", keys=user).describe_stream, StreamName="orders")
    assert len(message) <= 10_240
    decoded = decode(pond, message)
    assert (decoded["allowed"], decoded["explicitDeny"]) == (False, False)
    assert decoded["matchedStatements"] == decoded["failures"] == {"items": []}
    arn, user_id = (iam.get_user(UserName=name)["User"][key] for key in ("Arn", "UserId"))
    assert decoded["context"]["principal"] == {"id": user_id, "name": name, "arn": arn}
    assert decoded["context"]["action"] == "kinesis:DescribeStream"
    assert decoded["context"]["resource"] == f"arn:aws:kinesis:eu-west-1:{ACCOUNT}:stream/orders"
    told = conditions(decoded)
    assert told["aws:RequestedRegion"] == ["eu-west-1"] and told["aws:username"] == [name]
    assert told["aws:SourceIp"] == ["127.0.0.1"] and told["aws:PrincipalAccount"] == [ACCOUNT]


def test_what_a_statement_denies(pond, bucket, name):
    condition = {"StringLike": {"s3:prefix": ["secret/*", "${aws:username}/*"]}}
    deny = {"Sid": "KeepOut", "Effect": "Deny", "Action": ["s3:List*", "s3:Get*"], "Resource": f"arn:aws:s3:::{bucket}", "Condition": condition}
    user = make_user(pond, name, allow("s3:*"), deny)
    s3 = pond.client("s3", keys=user)
    s3.list_objects_v2(Bucket=bucket)
    decoded = decode(pond, message_of(s3.list_objects_v2, Bucket=bucket, Prefix="secret/x"))
    assert decoded["explicitDeny"] is True and conditions(decoded)["s3:prefix"] == ["secret/x"]
    matched, = decoded["matchedStatements"]["items"]
    texts = lambda of: [item["value"] for item in of["items"]]  # noqa: E731
    assert (matched["statementId"], matched["effect"]) == ("KeepOut", "DENY")
    assert texts(matched["actions"]) == deny["Action"] and texts(matched["resources"]) == [deny["Resource"]]
    tested, = matched["conditions"]["items"]
    assert (tested["key"], texts(tested["values"])) == ("s3:prefix", condition["StringLike"]["s3:prefix"])


def test_every_service_says_why(pond, bucket, name):
    user = make_user(pond, name)
    calls = [
        ("s3", "put_object", {"Bucket": bucket, "Key": "k", "Body": b"x"}, "s3:PutObject"),
        ("s3", "list_buckets", {}, "s3:ListAllMyBuckets"),
        ("iam", "list_users", {}, "iam:ListUsers"),
        ("kms", "list_keys", {}, "kms:ListKeys"),
        ("glue", "get_databases", {}, "glue:GetDatabases"),
        ("athena", "list_work_groups", {}, "athena:ListWorkGroups"),
        ("firehose", "list_delivery_streams", {}, "firehose:ListDeliveryStreams"),
        ("cloudtrail", "lookup_events", {}, "cloudtrail:LookupEvents"),
        ("sts", "assume_role", {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/{name}", "RoleSessionName": "test"}, "sts:AssumeRole"),
    ]
    for service, method, parameters, action in calls:
        message = message_of(getattr(pond.client(service, keys=user), method), **parameters)
        assert decode(pond, message)["context"]["action"] == action, service


def test_who_may_open_a_message(pond, second, name):
    user = make_user(pond, name)
    message = message_of(pond.client("kinesis", keys=user).list_streams)
    # Whoever is denied may not know why, unless a policy lets him.
    sts = pond.client("sts", keys=user)
    about_that = message_of(sts.decode_authorization_message, EncodedMessage=message)
    assert decode(pond, about_that)["context"]["action"] == "sts:DecodeAuthorizationMessage"
    reader = make_user(pond, f"{name}-2", allow("sts:DecodeAuthorizationMessage"))
    assert decode(pond, message, keys=reader)["context"]["principal"]["name"] == name
    # It is the account's alone, and whole.
    for keys, text in [(second, message), (None, message[:-4]), (None, f"{message}A"), (None, "A" * 200), (None, "é"), (None, " ")]:
        assert code_of(pond.client("sts", keys=keys).decode_authorization_message, EncodedMessage=text) == INVALID, text
    theirs = make_user(pond, f"{name}-3", keys=second)
    message = message_of(pond.client("kinesis", keys=theirs).list_streams)
    assert decode(pond, message, keys=second)["context"]["principal"]["arn"] == f"arn:aws:iam::{SECOND}:user/{name}-3"
    assert code_of(pond.client("sts").decode_authorization_message, EncodedMessage=message) == INVALID


def test_what_another_accounts_policy_says_stays_its_own(pond, second, bucket, name):
    closed = {"Sid": "OurSecretReason", "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    pond.client("s3").put_bucket_policy(Bucket=bucket, Policy=policy(closed))
    own = make_user(pond, name, allow("s3:*"))
    message = message_of(pond.client("s3", keys=own).get_object, Bucket=bucket, Key="k")
    assert decode(pond, message)["matchedStatements"]["items"][0]["statementId"] == "OurSecretReason"
    message = message_of(pond.client("s3", keys=second).get_object, Bucket=bucket, Key="k")
    decoded = decode(pond, message, keys=second)
    assert decoded["explicitDeny"] is True and decoded["matchedStatements"] == {"items": []}


def test_a_message_tells_not_which_roles_there_are(pond, second, name):
    """Of one's own account as of another's."""
    stranger = {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}
    make_role(pond, f"{name}-there", policy(stranger))
    make_role(pond, f"{name}-where", trust({"Service": "glue.amazonaws.com"}))
    for keys in (None, second):
        user = make_user(pond, name, allow("sts:AssumeRole"), keys=keys)
        told = []
        for role in ("there", "where", "nowhere"):
            arn = f"arn:aws:iam::{ACCOUNT}:role/{name}-{role}"
            decoded = decode(pond, message_of(assume, pond=pond, keys=user, arn=arn), keys=keys)
            assert decoded["context"].pop("resource") == arn
            times = ("aws:CurrentTime", "aws:EpochTime")
            told.append((decoded["explicitDeny"], decoded["matchedStatements"], {k: v for k, v in conditions(decoded).items() if k not in times}))
        assert told[0] == told[1] == told[2]


def test_a_session_of_a_role(pond, name):
    user = make_user(pond, name)
    arn = make_role(pond, name, trust(f"arn:aws:iam::{ACCOUNT}:user/{name}"))
    session = keys_of(assume(pond, user, arn, "night")["Credentials"])
    decoded = decode(pond, message_of(pond.client("kms", keys=session).list_aliases))
    assert decoded["context"]["principal"]["arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/night"
    assert decoded["context"]["principal"]["id"].endswith(":night")


def test_nobody_else_is_told(pond, bucket, name):
    pond.client("s3").put_object(Bucket=bucket, Key="k", Body=b"x")
    # Not who is allowed, not who is nobody, not who asks for what is not there.
    answer = pond.client("s3").get_object(Bucket=bucket, Key="k")["ResponseMetadata"]["HTTPHeaders"]
    assert HEADER not in answer
    unsigned = pond.client("s3", config=Config(signature_version=UNSIGNED))
    assert message_of(unsigned.get_object, Bucket=bucket, Key="k") is None
    user = make_user(pond, name, allow(["s3:GetObject", "s3:ListBucket"]))
    with pytest.raises(ClientError) as missing:
        pond.client("s3", keys=user).get_object(Bucket=bucket, Key="none")
    assert HEADER not in missing.value.response["ResponseMetadata"]["HTTPHeaders"]
    for pond in _pond("--open"):
        answer = pond.client("kinesis").list_streams()["ResponseMetadata"]["HTTPHeaders"]
        assert HEADER not in answer


def test_messages_outlive_a_restart(fresh_pond, name):
    user = make_user(fresh_pond, name)
    message = message_of(fresh_pond.client("kinesis", keys=user).list_streams)
    fresh_pond.restart()
    assert decode(fresh_pond, message)["context"]["action"] == "kinesis:ListStreams"
