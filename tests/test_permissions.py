"""Every operation of every service is denied to whoever lacks any one of the actions that AWS documents for it, and does its
work with exactly those, on exactly those resources. What is needed stands in `permissions`.
"""

import functools

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from operations import ACCOUNT, listed, permissions
from permissions import TABLES
from permissions.world import PASSWORD, TESTER, World, allow, arn, columns, document, on
from pond import wait_for

# Nobody signs it: whom a role trusts is all that decides, and `test_web_identity.py` tests that.
BY_TRUST = {("sts", "AssumeRoleWithWebIdentity")}
ME = f"arn:aws:iam::{ACCOUNT}:user/{TESTER}"
# How a service says that it may not be: the code and the status.
FORMS = {"iam": ("AccessDenied", 403), "sts": ("AccessDenied", 403), "s3": ("AccessDenied", 403)}
CASES = [(service, name) for service, table in TABLES.items() for name in table]


@pytest.fixture(scope="module")
def world(pond):
    return World(pond)


@pytest.fixture(scope="module")
def tester(pond, world):
    """The clients of a user without permissions, and what gives her some instead of those that she has."""
    iam = world.root("iam")
    iam.create_user(UserName=TESTER)
    iam.create_login_profile(UserName=TESTER, Password=PASSWORD)
    key = iam.create_access_key(UserName=TESTER)["AccessKey"]
    keys = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}

    @functools.cache
    def client(service):
        return pond.client(service, keys=keys)

    def may(*statements):
        if statements:
            iam.put_user_policy(UserName=TESTER, PolicyName="own", PolicyDocument=document(*statements))
        else:
            try:
                iam.delete_user_policy(UserName=TESTER, PolicyName="own")
            except iam.exceptions.NoSuchEntityException:
                pass

    return client, may


@pytest.fixture
def cleared(world):
    yield
    while world.undo:
        world.undo.pop()()


def all_but(action, resource):
    """Whatever there is, but not this action on this resource."""
    everything = {"Effect": "Allow", "NotAction": action, "Resource": "*"}
    elsewhere = {"Effect": "Allow", "Action": action, "NotResource": resource}
    return [everything] if resource == "*" else [everything, elsewhere]


class Answer:
    """What a call was answered: a code, or none when it did its work."""

    def __init__(self, client, operation, ask):
        self.code, self.status, self.message = None, 200, ""
        try:
            answer = getattr(client, xform_name(operation))(**ask.arguments)
        except ClientError as error:
            self.status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            self.code, self.message = error.response["Error"]["Code"], error.response["Error"]["Message"]
            return
        if body := answer.get("Body"):
            body.read()
        if refused := ask.refusals(answer):
            self.status, self.code, self.message = 403, refused["Code"], refused["Message"]

    def __str__(self):
        return f"{self.status} {self.code}: {self.message}"


def is_denied(answer, service, operation, ask):
    code, status = FORMS.get(service, ("AccessDeniedException", 400))
    code = "403" if operation.startswith("Head") else code
    # Not only the needed service may say so: what S3 asks of KMS is S3's answer.
    return (answer.code, answer.status) == (code, status) and (ask.silent or answer.message.startswith(f"User: {ME} is not authorized"))


@pytest.mark.parametrize("service, name", CASES)
def test_it_takes_exactly_the_documented_permissions(world, tester, cleared, service, name):
    client, may = tester
    operation = name.split(" ")[0]
    ask = TABLES[service][name](world)
    if name == operation:
        named = permissions()[service, operation]
        assert named in {action for action, _ in ask.needs} if named else not ask.needs, "what the program says of it"
    call = functools.partial(Answer, client(service), operation, ask)
    may()
    if ask.needs:
        answer = call()
        assert is_denied(answer, service, operation, ask), f"with nothing: {answer}"
    for action, resource in ask.needs:
        may(*all_but(action, resource))
        answer = call()
        assert is_denied(answer, service, operation, ask), f"with all but {action} on {resource}: {answer}"
        assert ask.silent or f"perform: {action} on resource: " in answer.message, str(answer)
    for action, resource, code in ask.otherwise:
        may(*all_but(action, resource))
        answer = call()
        assert answer.code == code, f"with all but {action} on {resource}: {answer}"
    if ask.needs:
        may(*(allow(action, resource) for action, resource, *_ in (*ask.needs, *ask.otherwise)))
    answer = call()
    assert answer.code == ask.code, f"with exactly {ask.needs}: {answer}"


def test_every_operation_has_an_entry():
    entries = {(service, name.split(" ")[0]) for service, name in CASES}
    assert entries | BY_TRUST == set(listed())
    assert not entries & BY_TRUST


def test_a_query_needs_what_it_touches(world, tester):
    """A query reads the catalog and the objects, and writes its result, as whoever started it."""
    client, may = tester
    database, bucket = world.new_database(), world.new_bucket()
    world.root("s3").put_object(Bucket=bucket, Key="t/p=1/a.csv", Body=b"x\n")
    glue = world.root("glue")
    stored = {
        **columns(), "Location": f"s3://{bucket}/t/", "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
        "SerdeInfo": {"SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe", "Parameters": {"field.delim": ","}},
    }
    glue.create_table(DatabaseName=database, TableInput={
        "Name": "t", "TableType": "EXTERNAL_TABLE", "StorageDescriptor": stored, "PartitionKeys": [{"Name": "p", "Type": "string"}]})
    glue.create_partition(DatabaseName=database, TableName="t", PartitionInput={
        "Values": ["1"], "StorageDescriptor": {**stored, "Location": f"s3://{bucket}/t/p=1/"}})
    group, _ = world.query
    of_table = [arn("glue", "catalog"), arn("glue", f"database/{database}"), arn("glue", f"table/{database}/t")]
    needs = [
        ("athena:StartQueryExecution", arn("athena", f"workgroup/{group}")),
        ("s3:GetBucketLocation", on(world.results)), ("s3:PutObject", on(world.results, "*")),
        ("s3:ListBucket", on(bucket)), ("s3:GetObject", on(bucket, "t/*")),
        *((f"glue:{action}", resource) for action in ("GetTable", "GetPartitions") for resource in of_table),
    ]
    athena = client("athena")

    def run():
        try:
            query = athena.start_query_execution(QueryString=f"SELECT a FROM {database}.t WHERE p = '1'", WorkGroup=group)
        except ClientError as error:
            return "FAILED", str(error)
        look = lambda: world.root("athena").get_query_execution(**_id(query))["QueryExecution"]["Status"]  # noqa: E731
        ended = wait_for("the query to end", lambda: look() if look()["State"] in ("FAILED", "SUCCEEDED") else None, every=0.01)
        return ended["State"], ended.get("StateChangeReason", "")

    may(*(allow(*need) for need in needs))
    assert run() == ("SUCCEEDED", "")
    surplus = []
    for action, resource in needs:
        may(*all_but(action, resource))
        state, reason = run()
        if state == "SUCCEEDED":
            surplus.append((action, resource))
    assert surplus == []


def _id(query):
    return {"QueryExecutionId": query["QueryExecutionId"]}
