"""Services act by the roles that they were given: who may hand a role over, whom a role lets in, and what its policies let a
delivery or a crawl do."""

from datetime import datetime, timedelta, timezone

import pytest
from botocore.exceptions import ClientError

from conftest import _pond
from pond import wait_for
from test_sts import ACCOUNT, SECOND, allow, keys_of, make_role, make_user, millpond, policy, trust

FIREHOSE, GLUE = {"Service": "firehose.amazonaws.com"}, {"Service": "glue.amazonaws.com"}
UNABLE = "Firehose is unable to assume role"
UNTRUSTED = "Service is unable to assume provided role. Please verify role's TrustPolicy"
# Whatever else it takes, an attempt after a failed one comes within a few seconds.
PATIENCE = 90


def arn_of(name, account=ACCOUNT):
    return f"arn:aws:iam::{account}:role/{name}"


def grant(pond, name, *statements):
    """From now on the role may do this, and nothing else."""
    iam = pond.client("iam")
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy(*statements))
    else:
        iam.delete_role_policy(RoleName=name, PolicyName="own")


def puts(bucket):
    return allow("s3:PutObject", f"arn:aws:s3:::{bucket}/*")


def refused(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def destination(bucket, role, **more):
    hints = {"IntervalInSeconds": 0, "SizeInMBs": 1}
    return {"RoleARN": role, "BucketARN": f"arn:aws:s3:::{bucket}", "BufferingHints": hints, **more}


def deliver(pond, name, bucket, role, keys=None, **more):
    """A delivery stream, once it is ACTIVE."""
    firehose = pond.client("firehose", keys=keys)
    firehose.create_delivery_stream(DeliveryStreamName=name, ExtendedS3DestinationConfiguration=destination(bucket, role, **more))
    described = lambda: pond.client("firehose").describe_delivery_stream(DeliveryStreamName=name)  # noqa: E731
    wait_for("ACTIVE", lambda: described()["DeliveryStreamDescription"]["DeliveryStreamStatus"] == "ACTIVE")


def put(pond, name, data):
    pond.client("firehose").put_record(DeliveryStreamName=name, Record={"Data": data})


def trouble(pond, name):
    described = pond.client("firehose").describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]
    assert described["DeliveryStreamStatus"] == "ACTIVE"
    return described.get("FailureDescription", {}).get("Details")


def fails_for(pond, name, *words):
    """Waits until the last delivery failed for this reason."""
    told = lambda: trouble(pond, name) or ""  # noqa: E731
    wait_for(f"{words} in the stream's failure", lambda: all(word in told() for word in words), PATIENCE)


def arrives(pond, bucket, *bodies):
    """Waits until exactly these bodies are in the bucket."""
    s3 = pond.client("s3")

    def found():
        keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
        return sorted(s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys)

    wait_for(f"{bodies} in {bucket}", lambda: found() == sorted(bodies), PATIENCE)


def test_a_delivery_may_do_what_its_role_may_do_now(pond, bucket, name):
    role = make_role(pond, name, trust(FIREHOSE), puts(bucket))
    deliver(pond, name, bucket, role)
    put(pond, name, b"one")
    arrives(pond, bucket, b"one")
    assert trouble(pond, name) is None
    grant(pond, name)
    put(pond, name, b"two")
    session = f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{name}/AWSFirehoseToS3 is not authorized"
    fails_for(pond, name, session, "because no identity-based policy allows the s3:PutObject action")
    assert "s3:PutObject" in pond.tail(), "the log says why"
    grant(pond, name, puts(bucket))
    arrives(pond, bucket, b"one", b"two")
    wait_for("no trouble", lambda: trouble(pond, name) is None)


def test_the_buckets_policy_and_a_boundary_count(pond, bucket, name):
    role = make_role(pond, name, trust(FIREHOSE), allow("s3:*"))
    deliver(pond, name, bucket, role)
    s3, iam = pond.client("s3"), pond.client("iam")
    closed = {"Effect": "Deny", "Principal": {"AWS": role}, "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(closed))
    put(pond, name, b"one")
    fails_for(pond, name, "with an explicit deny in a resource-based policy")
    iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")
    s3.delete_bucket_policy(Bucket=bucket)
    fails_for(pond, name, "no permissions boundary allows")
    iam.delete_role_permissions_boundary(RoleName=name)
    arrives(pond, bucket, b"one")


def test_the_buckets_key_counts(pond, bucket, name):
    kms = pond.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    pond.client("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    role = make_role(pond, name, trust(FIREHOSE), puts(bucket))
    deliver(pond, name, bucket, role)
    put(pond, name, b"sealed")
    fails_for(pond, name, "kms:GenerateDataKey", name)
    grant(pond, name, puts(bucket), allow("kms:GenerateDataKey", key))
    arrives(pond, bucket, b"sealed")


def test_whom_a_role_lets_in(pond, bucket, name):
    firehose = pond.client("firehose")
    stream = f"arn:aws:firehose:us-east-1:{ACCOUNT}:deliverystream/{name}"

    def attempt(role):
        return refused(
            firehose.create_delivery_stream, DeliveryStreamName=name,
            ExtendedS3DestinationConfiguration=destination(bucket, role),
        )

    def only(**keys):
        return trust(FIREHOSE, Condition={"StringEquals": keys})

    missing = ("InvalidArgumentException", f"{UNABLE} {arn_of(f'{name}-none')}. Please check the role provided.")
    assert attempt(arn_of(f"{name}-none")) == missing
    closed = {
        "glue": trust(GLUE),
        "user": trust(f"arn:aws:iam::{ACCOUNT}:root"),
        "account": only(**{"aws:SourceAccount": SECOND}),
        "stream": only(**{"aws:SourceArn": f"{stream}-2"}),
        "external": only(**{"sts:ExternalId": SECOND}),
    }
    for which, trusts in closed.items():
        role = make_role(pond, f"{name}-{which}", trusts, allow("*"))
        assert attempt(role) == ("InvalidArgumentException", f"{UNABLE} {role}. Please check the role provided."), which
    assert attempt(arn_of(name).replace("role/", "user/"))[0] in ("InvalidArgumentException", "ValidationException")
    deputy = only(**{"aws:SourceAccount": ACCOUNT, "aws:SourceArn": stream, "sts:ExternalId": ACCOUNT})
    # By its path as well as by its name.
    role = make_role(pond, name, deputy, puts(bucket), Path="/lake/")
    assert UNABLE in attempt(arn_of(name))[1]
    deliver(pond, name, bucket, role)
    put(pond, name, b"one")
    arrives(pond, bucket, b"one")
    # Trust is asked for each delivery.
    iam = pond.client("iam")
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust(GLUE))
    put(pond, name, b"two")
    fails_for(pond, name, f"firehose.amazonaws.com is not authorized to perform: sts:AssumeRole on resource: {role}")
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=deputy)
    arrives(pond, bucket, b"one", b"two")


def test_who_may_hand_a_role_to_firehose(pond, bucket, name):
    role = make_role(pond, name, trust(FIREHOSE), puts(bucket))
    keys = make_user(pond, name, allow("firehose:*"))
    firehose, iam = pond.client("firehose", keys=keys), pond.client("iam")
    create = {"DeliveryStreamName": name, "ExtendedS3DestinationConfiguration": destination(bucket, role)}
    denied = (
        "AccessDeniedException",
        f"User: arn:aws:iam::{ACCOUNT}:user/{name} is not authorized to perform: iam:PassRole on resource: {role} "
        "because no identity-based policy allows the iam:PassRole action",
    )
    assert refused(firehose.create_delivery_stream, **create) == denied

    def passing(resource, **keys):
        own = allow("iam:PassRole", resource, **({"Condition": {"StringEquals": keys}} if keys else {}))
        iam.put_user_policy(UserName=name, PolicyName="pass", PolicyDocument=policy(own))

    passing(role, **{"iam:PassedToService": "glue.amazonaws.com"})
    assert refused(firehose.create_delivery_stream, **create) == denied
    passing(arn_of("another"))
    assert refused(firehose.create_delivery_stream, **create) == denied
    passing(role, **{"iam:PassedToService": "firehose.amazonaws.com"})
    deliver(pond, name, bucket, role, keys=keys)
    # An update that names no role hands none over.
    iam.delete_user_policy(UserName=name, PolicyName="pass")
    update = {"DeliveryStreamName": name, "DestinationId": "destinationId-000000000001"}
    firehose.update_destination(
        **update, CurrentDeliveryStreamVersionId="1", ExtendedS3DestinationUpdate={"Prefix": "in/"}
    )
    again = {**update, "CurrentDeliveryStreamVersionId": "2", "ExtendedS3DestinationUpdate": {"RoleARN": role}}
    assert refused(firehose.update_destination, **again) == denied
    foreign = {"RoleARN": arn_of(name, SECOND)}
    message = refused(
        pond.client("firehose").update_destination, **{**again, "ExtendedS3DestinationUpdate": foreign}
    )
    assert message == ("AccessDeniedException", "Cross-account pass role is not allowed.")


def test_a_stream_is_read_and_a_table_is_seen_as_the_role(pond, bucket, name):
    kinesis, glue, firehose = pond.client("kinesis"), pond.client("glue"), pond.client("firehose")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    arn = f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/{name}"
    kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
    glue.create_database(DatabaseInput={"Name": name})
    columns = {"Columns": [{"Name": "a", "Type": "bigint"}], "Location": f"s3://{bucket}/"}
    glue.create_table(DatabaseName=name, TableInput={"Name": "t", "StorageDescriptor": columns})
    role = make_role(pond, name, trust(FIREHOSE), puts(bucket))
    conversion = {
        "SchemaConfiguration": {"RoleARN": role, "DatabaseName": name, "TableName": "t"},
        "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {}}},
        "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {}}},
    }
    create = {
        "DeliveryStreamName": name, "DeliveryStreamType": "KinesisStreamAsSource",
        "KinesisStreamSourceConfiguration": {"KinesisStreamARN": arn, "RoleARN": role},
        "ExtendedS3DestinationConfiguration": destination(
            bucket, role, DataFormatConversionConfiguration=conversion, BufferingHints={"IntervalInSeconds": 0, "SizeInMBs": 64}
        ),
    }
    code, message = refused(firehose.create_delivery_stream, **create)
    assert code == "InvalidArgumentException" and "is not authorized to perform: kinesis:DescribeStream" in message, message
    reads = allow(["kinesis:DescribeStream", "kinesis:ListShards", "kinesis:GetShardIterator", "kinesis:GetRecords"], arn)
    grant(pond, name, puts(bucket), reads)
    code, message = refused(firehose.create_delivery_stream, **create)
    assert code == "InvalidArgumentException" and message.startswith("Access was denied when calling Glue."), message
    sees = allow("glue:GetTable", [
        f"arn:aws:glue:us-east-1:{ACCOUNT}:{rest}" for rest in ("catalog", f"database/{name}", f"table/{name}/t")
    ])
    grant(pond, name, puts(bucket), reads, sees)
    firehose.create_delivery_stream(**create)
    kinesis.put_record(StreamName=name, PartitionKey="k", Data=b'{"a": 1}')
    s3 = pond.client("s3")
    wait_for("an object", lambda: s3.list_objects_v2(Bucket=bucket).get("Contents"))
    # The source's role no longer: nothing more is read, and the stream says so.
    grant(pond, name, puts(bucket), sees)
    kinesis.put_record(StreamName=name, PartitionKey="k", Data=b'{"a": 2}')
    fails_for(pond, name, "kinesis:")
    grant(pond, name, puts(bucket), reads, sees)
    wait_for("both objects", lambda: len(s3.list_objects_v2(Bucket=bucket)["Contents"]) == 2, PATIENCE)


def crawl(pond, name):
    """Runs the crawler; how it ended, and why."""
    glue = pond.client("glue")
    glue.start_crawler(Name=name)
    wait_for("the crawl ended", lambda: glue.get_crawler(Name=name)["Crawler"]["State"] == "READY")
    last = glue.get_crawler(Name=name)["Crawler"]["LastCrawl"]
    return last["Status"], last.get("ErrorMessage", "")


def test_a_crawl_may_do_what_its_role_may_do_now(pond, bucket, name):
    pond.client("s3").put_object(Bucket=bucket, Key="t/a.csv", Body=b"a,b\n1,2\n3,4\n")
    glue = pond.client("glue")
    make_role(pond, name, trust(GLUE))
    targets = {"S3Targets": [{"Path": f"s3://{bucket}/t"}]}
    glue.create_crawler(Name=name, Role=name, DatabaseName=name, Targets=targets)
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/AWS-Crawler"
    status, message = crawl(pond, name)
    assert status == "FAILED" and message.startswith(f"User: {session} is not authorized to perform: s3:ListBucket"), message
    lists = allow("s3:ListBucket", f"arn:aws:s3:::{bucket}")
    grant(pond, name, lists)
    status, message = crawl(pond, name)
    assert status == "FAILED" and "s3:GetObject" in message, message
    reads = allow("s3:GetObject", f"arn:aws:s3:::{bucket}/t/*")
    for actions, missing in [
        (["glue:None"], "glue:GetDatabase"),
        (["glue:GetDatabase"], "glue:CreateDatabase"),
        (["glue:GetDatabase", "glue:CreateDatabase"], "glue:GetTables"),
        (["glue:GetDatabase", "glue:GetTables"], "glue:CreateTable"),
    ]:
        grant(pond, name, lists, reads, allow(actions))
        status, message = crawl(pond, name)
        assert status == "FAILED" and f"{session} is not authorized to perform: {missing} on" in message, message
    grant(pond, name, lists, reads, allow("glue:*"))
    assert crawl(pond, name) == ("SUCCEEDED", "")
    assert glue.get_table(DatabaseName=name, Name="t")["Table"]["CreatedBy"] == session
    # What was there of the trust is asked anew.
    pond.client("iam").update_assume_role_policy(RoleName=name, PolicyDocument=trust(FIREHOSE))
    assert crawl(pond, name) == ("FAILED", UNTRUSTED)


def test_who_may_hand_a_role_to_a_crawler(pond, bucket, name):
    role = make_role(pond, name, trust(GLUE, Condition={
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": f"arn:aws:glue:us-east-1:{ACCOUNT}:crawler/{name}"},
    }))
    other = make_role(pond, f"{name}-2", trust(FIREHOSE))
    keys = make_user(pond, name, allow("glue:*"))
    glue, root, iam = pond.client("glue", keys=keys), pond.client("glue"), pond.client("iam")
    create = {"Name": name, "DatabaseName": name, "Targets": {"S3Targets": [{"Path": f"s3://{bucket}/"}]}}
    for by in (name, role):
        code, message = refused(glue.create_crawler, Role=by, **create)
        assert code == "AccessDeniedException" and f"iam:PassRole on resource: {role} because" in message, message
    for untrusting in (other, f"{name}-none", f"path/{name}"):
        assert refused(root.create_crawler, Role=untrusting, **create) == ("InvalidInputException", UNTRUSTED)
    assert refused(root.create_crawler, **{**create, "Name": f"{name}-2", "Role": role}) == ("InvalidInputException", UNTRUSTED)
    foreign = refused(root.create_crawler, Role=arn_of(name, SECOND), **create)
    assert foreign == ("AccessDeniedException", "Cross-account pass role is not allowed.")
    passes = allow("iam:PassRole", role, Condition={"StringEquals": {
        "iam:PassedToService": "glue.amazonaws.com",
        "iam:AssociatedResourceArn": f"arn:aws:glue:us-east-1:{ACCOUNT}:crawler/{name}",
    }})
    iam.put_user_policy(UserName=name, PolicyName="pass", PolicyDocument=policy(passes))
    glue.create_crawler(Role=role, **create)
    assert glue.get_crawler(Name=name)["Crawler"]["Role"] == name
    iam.delete_user_policy(UserName=name, PolicyName="pass")
    glue.update_crawler(Name=name, Description="no role is handed over")
    assert refused(glue.update_crawler, Name=name, Role=name)[0] == "AccessDeniedException"
    assert refused(root.update_crawler, Name=name, Role=other) == ("InvalidInputException", UNTRUSTED)


def test_who_may_hand_a_role_to_an_instance(pond, name):
    iam = pond.client("iam")
    role = make_role(pond, name, trust({"Service": "ec2.amazonaws.com"}))
    iam.create_instance_profile(InstanceProfileName=name)
    keys = make_user(pond, name, allow("iam:AddRoleToInstanceProfile"))
    user = pond.client("iam", keys=keys)
    add = {"InstanceProfileName": name, "RoleName": name}
    code, message = refused(user.add_role_to_instance_profile, **add)
    assert code == "AccessDenied" and f"iam:PassRole on resource: {role}" in message
    passes = allow("iam:PassRole", role, Condition={"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}})
    iam.put_user_policy(UserName=name, PolicyName="pass", PolicyDocument=policy(passes))
    user.add_role_to_instance_profile(**add)


def test_an_open_pond_asks_no_role(name):
    """As sessions do, services work as the account's root there."""
    for pond in _pond("--open"):
        s3, glue = pond.client("s3"), pond.client("glue")
        s3.create_bucket(Bucket=name)
        deliver(pond, name, name, arn_of("nobody-made-it", SECOND))
        put(pond, name, b'{"a": 1}')
        arrives(pond, name, b'{"a": 1}')
        glue.create_crawler(Name=name, Role="r", DatabaseName=name, Targets={"S3Targets": [{"Path": f"s3://{name}/"}]})
        assert crawl(pond, name) == ("SUCCEEDED", "")


def test_deliveries_go_on_as_their_role_after_a_kill(fresh_pond, name):
    fresh_pond.client("s3").create_bucket(Bucket=name)
    role = make_role(fresh_pond, name, trust(FIREHOSE))
    deliver(fresh_pond, name, name, role)
    put(fresh_pond, name, b"kept")
    fails_for(fresh_pond, name, "s3:PutObject")
    fresh_pond.kill()
    fresh_pond.start()
    fails_for(fresh_pond, name, "s3:PutObject")
    grant(fresh_pond, name, puts(name))
    arrives(fresh_pond, name, b"kept")


def last_used(pond, name):
    return pond.client("iam").get_role(RoleName=name)["Role"]["RoleLastUsed"]


def test_a_role_knows_when_it_was_used(lab, name):
    iam = lab.client("iam")
    user = make_user(lab, name)
    arn = make_role(lab, name, trust([f"arn:aws:iam::{ACCOUNT}:user/{name}"]), allow("s3:*"))
    assert last_used(lab, name) == {}
    made = lab.client("sts", keys=user).assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    assert last_used(lab, name) == {}, "to assume it is no use of it"
    lab.client("s3", region="eu-west-1", keys=keys_of(made)).list_buckets()
    used = last_used(lab, name)
    assert used["Region"] == "eu-west-1"
    assert abs(datetime.now(timezone.utc) - used["LastUsedDate"]) < timedelta(minutes=5)
    listed = iam.list_roles()["Roles"]
    assert all("RoleLastUsed" not in role for role in listed), "listings do not tell"
    details = iam.get_account_authorization_details(Filter=["Role"])["RoleDetailList"]
    assert [role["RoleLastUsed"]["Region"] for role in details if role["RoleName"] == name] == ["eu-west-1"]
    # A service's use is one, too.
    lab.client("s3").create_bucket(Bucket=name)
    make_role(lab, f"{name}-2", trust(GLUE), allow("*"))
    targets = {"S3Targets": [{"Path": f"s3://{name}/"}]}
    lab.client("glue").create_crawler(Name=name, Role=f"{name}-2", DatabaseName="d", Targets=targets)
    assert crawl(lab, name) == ("SUCCEEDED", "")
    assert last_used(lab, f"{name}-2")["Region"] == "us-east-1"
    millpond(lab, "clock", "advance", "401d")
    assert last_used(lab, name) == {}, "400 days are told"


def test_awss_own_policy_is_enough_for_a_crawl(pond, name):
    """As the guide has it: AWSGlueServiceRole, and a bucket whose name that knows."""
    bucket = f"aws-glue-{name}"
    s3, glue = pond.client("s3"), pond.client("glue")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="t/a.csv", Body=b"a,b\n1,2\n3,4\n")
    role = make_role(pond, name, trust(GLUE), Path="/service-role/")
    pond.client("iam").attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/service-role/AWSGlueServiceRole")
    targets = {"S3Targets": [{"Path": f"s3://{bucket}/t"}]}
    glue.create_crawler(Name=name, Role=role, DatabaseName=name, Targets=targets)
    assert glue.get_crawler(Name=name)["Crawler"]["Role"] == f"service-role/{name}"
    assert crawl(pond, name) == ("SUCCEEDED", "")
