"""Accounts: made while the server runs, and apart. Every operation of every service is called by a second account's root against
what is the first's, by name and by ARN: it is refused, or it shows and changes nothing of the first's.
"""

import functools
import json
import subprocess

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from operations import listed
from pond import binary
from test_sts import SECOND, allow, exports, make_user, millpond, policy, trust

FIRST = "000000000000"
# In everything that is the first account's, and in no request of the second's.
MARK = "only-the-first-knows"
UNCHECKED = Config(parameter_validation=False, retries={"total_max_attempts": 1})
# Refused for what they are, before anybody is asked: these need another form than an SDK's call.
NOT_CALLED = {("s3", "PostObject")}


def raw(pond, method, route, body=None, **headers):
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", pond.port, timeout=30)
    connection.request(method, f"/_millpond/{route}", body, headers)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read() or b"{}")


@pytest.fixture(scope="module")
def second(pond):
    return exports(millpond(pond, "account", "create", "--account", SECOND, "--name", "the second").stdout)


def test_an_account_is_made_while_the_server_runs(pond, second):
    me = pond.client("sts", keys=second).get_caller_identity()
    assert (me["Account"], me["Arn"]) == (SECOND, f"arn:aws:iam::{SECOND}:root")
    shown = millpond(pond, "account", "list").stdout
    assert FIRST in shown and SECOND in shown and "the second" in shown
    assert second["aws_secret_access_key"] not in shown
    again = millpond(pond, "account", "create", "--account", SECOND, check=False)
    assert again.returncode == 1 and "exists already" in again.stderr
    assert "exists already" in millpond(pond, "account", "create", "--account", FIRST, check=False).stderr
    assert "not a valid account id" in millpond(pond, "account", "create", "--account", "12", check=False).stderr
    free = exports(millpond(pond, "account", "create").stdout)
    assert len(pond.client("sts", keys=free).get_caller_identity()["Account"]) == 12


def test_accounts_outlive_a_restart_and_a_reset_takes_them(lab):
    keys = exports(millpond(lab, "account", "create", "--account", SECOND).stdout)
    lab.kill()
    lab.start()
    assert lab.client("sts", keys=keys).get_caller_identity()["Account"] == SECOND
    disk = subprocess.run(["grep", "-rlaF", keys["aws_secret_access_key"], str(lab.folder)], capture_output=True, text=True)
    assert disk.stdout == "", "the secret stands readable on the disk or in the log"
    millpond(lab, "reset")
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        lab.client("sts", keys=keys).get_caller_identity()
    exports(millpond(lab, "account", "create", "--account", SECOND).stdout)


def test_only_the_root_makes_accounts(pond, second, name):
    from raw import Request

    status, answer = raw(pond, "POST", "accounts", b"{}")
    assert status == 403, answer
    administrator = make_user(pond, name, allow("*"))
    url = f"{pond.endpoint}/_millpond/accounts"
    for keys in (second, administrator, {**pond.credentials, "aws_secret_access_key": "x" * 40}):
        answer = Request("POST", url, {}, b"{}").sign(keys, "millpond").send(pond)
        assert answer.status == 403, answer.body
    # What is signed for a service is that service's.
    assert Request("POST", url, {}, b"{}").sign(pond.credentials, "s3").send(pond).code == "InvalidBucketName"
    bent = Request("POST", url, {}, b"{}").sign(pond.credentials, "millpond")
    bent.body = b'{"name": "x"}'
    assert bent.send(pond).status == 403
    assert Request("GET", url).sign(pond.credentials, "millpond").send(pond).status == 200


def build_kinesis(pond):
    kinesis = pond.client("kinesis")
    kinesis.create_stream(StreamName="apart", ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName="apart", WaiterConfig={"Delay": 1})
    arn = kinesis.describe_stream_summary(StreamName="apart")["StreamDescriptionSummary"]["StreamARN"]
    kinesis.put_record(StreamName="apart", Data=MARK.encode(), PartitionKey="p")
    kinesis.add_tags_to_stream(StreamName="apart", Tags={"mark": MARK})
    iterator = kinesis.get_shard_iterator(StreamName="apart", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")
    return {
        "StreamName": "apart", "StreamARN": arn, "ResourceARN": arn, "ShardId": "shardId-000000000000",
        "ShardIterator": iterator["ShardIterator"], "ShardIteratorType": "TRIM_HORIZON",
        "ShardToSplit": "shardId-000000000000", "TargetShardCount": 2,
    }, lambda: [kinesis.describe_stream(StreamName="apart"), kinesis.list_tags_for_stream(StreamName="apart")]


def build_kms(pond):
    kms = pond.client("kms")
    key = kms.create_key(Description=MARK)["KeyMetadata"]
    kms.create_alias(AliasName="alias/apart", TargetKeyId=key["KeyId"])
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=MARK.encode())["CiphertextBlob"]
    grant = kms.create_grant(KeyId=key["KeyId"], GranteePrincipal=f"arn:aws:iam::{FIRST}:root", Operations=["Decrypt"])
    arn = key["Arn"]
    return {
        "KeyId": arn, "SourceKeyId": arn, "DestinationKeyId": arn, "TargetKeyId": arn, "CiphertextBlob": blob,
        "AliasName": f"arn:aws:kms:us-east-1:{FIRST}:alias/apart", "GrantId": grant["GrantId"],
        "GrantToken": grant["GrantToken"], "Plaintext": b"x", "PolicyName": "default",
    }, lambda: [kms.describe_key(KeyId=arn), kms.get_key_policy(KeyId=arn), kms.list_grants(KeyId=arn),
                kms.list_resource_tags(KeyId=arn), kms.get_key_rotation_status(KeyId=arn)]


def build_s3(pond):
    s3 = pond.client("s3")
    s3.create_bucket(Bucket="apart-of-the-first")
    s3.put_object(Bucket="apart-of-the-first", Key="k", Body=MARK.encode(), Metadata={"mark": MARK})
    upload = s3.create_multipart_upload(Bucket="apart-of-the-first", Key="u")["UploadId"]
    return {
        "Bucket": "apart-of-the-first", "Key": "k", "UploadId": upload, "CopySource": "apart-of-the-first/k",
        "PartNumber": 1, "Body": b"x",
    }, lambda: [s3.list_objects_v2(Bucket="apart-of-the-first"), s3.list_multipart_uploads(Bucket="apart-of-the-first"),
                s3.get_object(Bucket="apart-of-the-first", Key="k")["Body"].read().decode()]


def build_glue(pond):
    glue = pond.client("glue")
    glue.create_database(DatabaseInput={"Name": "apart", "Description": MARK})
    columns = {"Columns": [{"Name": "a", "Type": "string"}], "Location": "s3://apart-of-the-first/"}
    table = {"Name": "apart", "Description": MARK, "StorageDescriptor": columns, "PartitionKeys": [{"Name": "p", "Type": "string"}]}
    glue.create_table(DatabaseName="apart", TableInput=table)
    glue.create_partition(DatabaseName="apart", TableName="apart", PartitionInput={"Values": ["1"], "StorageDescriptor": columns})
    return {
        "DatabaseName": "apart", "TableName": "apart", "CatalogId": FIRST, "PartitionValues": ["1"],
        "ResourceArn": f"arn:aws:glue:us-east-1:{FIRST}:database/apart", "Values": ["1"],
        "DatabaseInput": {"Name": "apart"}, "TableInput": {"Name": "apart"}, "Name": "apart",
    }, lambda: [glue.get_database(Name="apart"), glue.get_table(DatabaseName="apart", Name="apart"),
                glue.get_partitions(DatabaseName="apart", TableName="apart")]


def build_firehose(pond):
    role = pond.client("iam").create_role(RoleName="firehose-apart", AssumeRolePolicyDocument=trust({"Service": "firehose.amazonaws.com"}))
    firehose = pond.client("firehose")
    destination = {"RoleARN": role["Role"]["Arn"], "BucketARN": "arn:aws:s3:::apart-of-the-first", "Prefix": MARK}
    made = firehose.create_delivery_stream(DeliveryStreamName="apart", ExtendedS3DestinationConfiguration=destination)
    return {
        "DeliveryStreamName": "apart", "DestinationId": "destinationId-000000000001", "CurrentDeliveryStreamVersionId": "1",
        "Record": {"Data": b"x"}, "Records": [{"Data": b"x"}],
    }, lambda: [_without(firehose.describe_delivery_stream(DeliveryStreamName="apart"), "DeliveryStreamStatus"), made["DeliveryStreamARN"]]


def build_athena(pond):
    athena = pond.client("athena")
    output = {"ResultConfiguration": {"OutputLocation": "s3://apart-of-the-first/r/"}}
    athena.create_work_group(Name="apart", Description=MARK, Configuration=output)
    run = athena.start_query_execution(
        QueryString=f"SELECT '{MARK}'", WorkGroup="apart"
    )["QueryExecutionId"]
    return {
        "WorkGroup": "apart", "QueryExecutionId": run,
        "QueryExecutionIds": [run], "DatabaseName": "apart", "TableName": "apart", "CatalogName": "AwsDataCatalog",
        "ResourceARN": f"arn:aws:athena:us-east-1:{FIRST}:workgroup/apart", "Name": "apart", "QueryString": "SELECT 1",
    }, lambda: [athena.get_work_group(WorkGroup="apart"), athena.list_query_executions(WorkGroup="apart")]


def build_iam(pond):
    iam = pond.client("iam")
    tags = [{"Key": "mark", "Value": MARK}]
    iam.create_user(UserName="apart", Tags=tags)
    key = iam.create_access_key(UserName="apart")["AccessKey"]["AccessKeyId"]
    iam.create_group(GroupName="apart")
    iam.create_role(RoleName="apart", AssumeRolePolicyDocument=trust(f"arn:aws:iam::{FIRST}:root"), Tags=tags)
    arn = iam.create_policy(PolicyName="apart", PolicyDocument=policy(allow("s3:*")), Description=MARK)["Policy"]["Arn"]
    iam.put_user_policy(UserName="apart", PolicyName="apart", PolicyDocument=policy(allow(f"s3:{MARK}")))
    return {
        "UserName": "apart", "GroupName": "apart", "RoleName": "apart", "PolicyArn": arn, "PolicyName": "apart",
        "AccessKeyId": key, "VersionId": "v1", "PolicySourceArn": f"arn:aws:iam::{FIRST}:user/apart", "Arn": arn,
    }, lambda: [iam.get_user(UserName="apart"), iam.get_role(RoleName="apart"), iam.get_policy(PolicyArn=arn),
                iam.list_access_keys(UserName="apart"), iam.get_user_policy(UserName="apart", PolicyName="apart")]


def build_sts(pond):
    return {
        "RoleArn": f"arn:aws:iam::{FIRST}:role/apart", "RoleSessionName": "apart", "Name": "apart",
        "AccessKeyId": "ASIAIOSFODNN7EXAMPLE", "WebIdentityToken": "a.b.c",
    }, lambda: []


def build_cloudtrail(pond):
    s3, trail = pond.client("s3"), pond.client("cloudtrail")
    s3.create_bucket(Bucket="logs-of-the-first")
    grants = [("s3:GetBucketAcl", "arn:aws:s3:::logs-of-the-first"), ("s3:PutObject", "arn:aws:s3:::logs-of-the-first/*")]
    service = {"Service": "cloudtrail.amazonaws.com"}
    s3.put_bucket_policy(Bucket="logs-of-the-first", Policy=policy(*(
        {"Effect": "Allow", "Principal": service, "Action": action, "Resource": resource} for action, resource in grants
    )))
    arn = trail.create_trail(Name="apart", S3BucketName="logs-of-the-first", S3KeyPrefix=MARK)["TrailARN"]
    return {
        "Name": arn, "TrailName": arn, "ResourceId": arn, "ResourceIdList": [arn], "trailNameList": [arn],
        "S3BucketName": "logs-of-the-first", "TagsList": [{"Key": "k", "Value": "v"}],
    }, lambda: [trail.get_trail(Name=arn), trail.get_event_selectors(TrailName=arn), trail.list_tags(ResourceIdList=[arn])]


BUILDERS = {
    "cloudtrail": build_cloudtrail, "s3": build_s3, "kinesis": build_kinesis, "kms": build_kms, "glue": build_glue, "firehose": build_firehose,
    "athena": build_athena, "iam": build_iam, "sts": build_sts,
}


def _without(answer, *volatile):
    """An answer, without what changes by itself."""
    text = json.loads(json.dumps(answer, default=str, sort_keys=True))

    def strip(value):
        if isinstance(value, dict):
            return {k: strip(v) for k, v in value.items() if k not in (*volatile, "ResponseMetadata")}
        return [strip(inner) for inner in value] if isinstance(value, list) else value

    return strip(text)


@pytest.fixture(scope="module")
def firsts(pond):
    """What the first account has of each service: names and ARNs by the members that ask for them, and a look at all of it."""
    return {service: build(pond) for service, build in BUILDERS.items()}


@pytest.fixture(scope="module")
def seen(firsts):
    """What there was of the first account's when it was last looked at."""
    return {service: _without([look()], "LastUsedDate", "PasswordLastUsed") for service, (_, look) in firsts.items()}


@pytest.fixture(scope="module")
def seconds(pond, second):
    """The second account's client of a service."""
    config = UNCHECKED.merge(Config(s3={"addressing_style": "path"}))

    @functools.cache
    def client(service):
        return pond.session(**second).client(service, endpoint_url=pond.endpoint, config=config)

    return client


def value_of(shape, name, known, depth=0):
    """A value that the model takes, with the first account's names and ARNs where they belong."""
    if name in known:
        return known[name]
    kind = shape.type_name
    if kind == "structure":
        return structure(shape, known, depth + 1)
    if kind == "list":
        return [value_of(shape.member, name, known, depth + 1)]
    if kind == "map":
        return {"k": value_of(shape.value, name, known, depth + 1)}
    if kind == "string":
        return shape.enum[0] if shape.enum else "x" * max(shape.metadata.get("min", 1), 1)
    if kind == "timestamp":
        return "2026-01-01T00:00:00Z"
    return {"boolean": False, "blob": b"x" * max(shape.metadata.get("min", 1), 1)}.get(kind, shape.metadata.get("min", 1))


def structure(shape, known, depth=0, optional=False):
    members = shape.members.items() if depth < 6 else []
    return {
        name: value_of(member, name, known, depth)
        for name, member in members
        if name in shape.required_members or (optional and name in known)
    }


@pytest.mark.parametrize("service, operation", [entry for entry in listed() if entry not in NOT_CALLED])
@pytest.mark.parametrize("with_all", [False, True], ids=["required", "all"])
def test_nothing_of_another_account_is_shown(pond, seconds, firsts, seen, service, operation, with_all):
    known, look = firsts[service]
    client = seconds(service)
    model = client.meta.service_model.operation_model(operation)
    parameters = structure(model.input_shape, known, optional=with_all) if model.input_shape else {}
    try:
        answer = client._make_api_call(operation, parameters)
    except ClientError as refused:
        status = refused.response["ResponseMetadata"]["HTTPStatusCode"]
        assert status < 500 or status == 501, refused
        shown = str(refused)
    else:
        body = answer.pop("Body", None)
        answer.pop("ResponseMetadata")
        shown = json.dumps(answer, default=str) + (str(body.read()) if hasattr(body, "read") else "")
        if operation == "LookupEvents":
            # Its own events name what it asked for.
            told = [json.loads(event["CloudTrailEvent"]) for event in answer["Events"]]
            assert {event["recipientAccountId"] for event in told} <= {SECOND}
            assert {event["userIdentity"]["accountId"] for event in told} <= {SECOND}
            return
        assert FIRST not in shown.replace("shardId-000000000000", ""), shown
        # DeleteObjects answers per key, with what was refused.
        refused = operation == "DeleteObjects" and not answer.get("Deleted") and answer.get("Errors")
        assert service != "s3" or refused or operation in ("ListBuckets", "ListDirectoryBuckets"), shown
    assert MARK not in shown
    # What a failed test changed is not held against those behind it.
    before, seen[service] = seen[service], _without([look()], "LastUsedDate", "PasswordLastUsed")
    assert seen[service] == before


def test_there_is_something_of_every_service():
    assert set(BUILDERS) == {service for service, _ in listed()}


def test_a_query_reads_no_catalog_of_another_account(pond, second, firsts):
    s3, athena = pond.client("s3", keys=second), pond.client("athena", keys=second)
    s3.create_bucket(Bucket="results-of-the-second")
    run = athena.start_query_execution(
        QueryString="SELECT * FROM apart.apart", ResultConfiguration={"OutputLocation": "s3://results-of-the-second/"}
    )["QueryExecutionId"]
    from pond import wait_for

    state = lambda: athena.get_query_execution(QueryExecutionId=run)["QueryExecution"]["Status"]  # noqa: E731
    ended = wait_for("the query's end", lambda: state() if state()["State"] in ("FAILED", "SUCCEEDED") else None)
    assert ended["State"] == "FAILED" and MARK not in json.dumps(ended, default=str)


def test_the_program_says_what_it_is():
    shown = subprocess.run([binary(), "account", "--help"], capture_output=True, text=True).stdout
    assert "create" in shown and "list" in shown
