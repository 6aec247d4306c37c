"""CloudTrail by boto3: who did what is found, told without secrets, delivered to S3, and nobody else's business."""

import base64
import gzip
import json
import re
from datetime import datetime, timedelta, timezone
from urllib.request import Request, urlopen

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from pond import Pond, wait_for

ACCOUNT = "000000000000"
OTHER = "111122223333"


@pytest.fixture
def trail(pond):
    return pond.client("cloudtrail")


@pytest.fixture(scope="module")
def quick():
    """A pond that delivers every second."""
    with Pond(env={"MILLPOND_CLOUDTRAIL_DELIVERY_SECONDS": "1"}) as server:
        yield server


def lookup(client, attribute=None, value=None, **more):
    if attribute:
        more["LookupAttributes"] = [{"AttributeKey": attribute, "AttributeValue": value}]
    found, token = [], {}
    while True:
        page = client.lookup_events(**more, **token)
        found += page["Events"]
        if "NextToken" not in page:
            return found
        token = {"NextToken": page["NextToken"]}


def records(client, attribute=None, value=None):
    return [json.loads(event["CloudTrailEvent"]) for event in lookup(client, attribute, value)]


def last(client, name):
    found = records(client, "EventName", name)
    assert found, f"no event of {name}"
    return found[0]


def refused(code, call, **arguments):
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    assert raised.value.response["Error"]["Code"] == code, raised.value
    return raised.value.response["Error"]["Message"]


def policy(bucket, prefix="", account=ACCOUNT):
    service = {"Service": "cloudtrail.amazonaws.com"}
    return json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": service, "Action": "s3:GetBucketAcl", "Resource": f"arn:aws:s3:::{bucket}"},
        {"Effect": "Allow", "Principal": service, "Action": "s3:PutObject",
         "Resource": f"arn:aws:s3:::{bucket}/{prefix}AWSLogs/{account}/*",
         "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control", "aws:SourceAccount": account}}},
    ]})


def log_bucket(server, name, prefix=""):
    s3 = server.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_policy(Bucket=name, Policy=policy(name, prefix))
    return name


def delivered(server, bucket):
    s3, found = server.client("s3"), []
    for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
        body = s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
        # Content-Encoding is gzip, which botocore leaves alone.
        found += json.loads(gzip.decompress(body))["Records"]
    return found


def test_calls_to_every_service_leave_their_events(pond, trail, name):
    kinesis, glue, s3 = pond.client("kinesis"), pond.client("glue"), pond.client("s3")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    kinesis.describe_stream_summary(StreamName=name)
    glue.create_database(DatabaseInput={"Name": name})
    key = pond.client("kms").create_key(Description=name)["KeyMetadata"]["Arn"]
    s3.create_bucket(Bucket=name)
    s3.get_bucket_location(Bucket=name)
    pond.client("athena").list_work_groups()
    pond.client("firehose").list_delivery_streams()
    pond.client("sts").get_caller_identity()
    trail.describe_trails()
    access_key = pond.credentials["aws_access_key_id"]
    for event, source, read_only, parameters, resource in [
        ("CreateStream", "kinesis", False, {"streamName": name, "shardCount": 1}, ("AWS::Kinesis::Stream", name)),
        ("DescribeStreamSummary", "kinesis", True, {"streamName": name}, ("AWS::Kinesis::Stream", name)),
        ("CreateDatabase", "glue", False, {"databaseInput": {"name": name}}, ("AWS::Glue::Database", name)),
        ("CreateKey", "kms", False, {"description": name}, None),
        ("CreateBucket", "s3", False, {"bucketName": name}, ("AWS::S3::Bucket", name)),
        ("GetBucketLocation", "s3", True, {"bucketName": name, "location": ""}, ("AWS::S3::Bucket", name)),
        ("ListWorkGroups", "athena", True, {}, None),
        ("ListDeliveryStreams", "firehose", True, {}, None),
        ("GetCallerIdentity", "sts", True, {}, None),
        ("DescribeTrails", "cloudtrail", True, {}, None),
    ]:
        found = lookup(trail, "EventName", event)
        assert found, event
        shown, record = found[0], json.loads(found[0]["CloudTrailEvent"])
        assert (shown["EventName"], shown["EventSource"]) == (event, f"{source}.amazonaws.com")
        assert (shown["Username"], shown["AccessKeyId"], shown["ReadOnly"]) == ("root", access_key, str(read_only).lower())
        assert abs(shown["EventTime"] - datetime.now(timezone.utc)) < timedelta(minutes=2)
        identity = record["userIdentity"]
        assert identity == {"type": "Root", "principalId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:root",
                            "accountId": ACCOUNT, "accessKeyId": access_key}
        assert record["eventVersion"] == "1.11" and record["eventType"] == "AwsApiCall"
        assert (record["eventSource"], record["eventName"], record["awsRegion"]) == (
            f"{source}.amazonaws.com", event, "us-east-1")
        assert record["sourceIPAddress"] == "127.0.0.1" and "Boto3" in record["userAgent"]
        assert (record["readOnly"], record["managementEvent"], record["eventCategory"]) == (read_only, True, "Management")
        assert record["recipientAccountId"] == ACCOUNT and record["eventID"] == shown["EventId"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", record["eventTime"])
        assert "errorCode" not in record
        told = record["requestParameters"] or {}
        assert parameters.items() <= {k: v for k, v in told.items()}.items() if source != "glue" else told["databaseInput"]["name"] == name
        if resource:
            assert resource in [(r.get("ResourceType"), r["ResourceName"]) for r in shown["Resources"]]
        if read_only:
            assert record["responseElements"] is None
    assert last(trail, "CreateKey")["responseElements"]["keyMetadata"]["arn"] == key


def test_each_attribute_finds_its_events(pond, trail, name):
    pond.client("glue").create_database(DatabaseInput={"Name": name})
    event = lookup(trail, "EventName", "CreateDatabase")[0]
    for attribute, value in [
        ("EventId", event["EventId"]), ("EventName", "CreateDatabase"), ("ReadOnly", "false"), ("Username", "root"),
        ("ResourceType", "AWS::Glue::Database"), ("ResourceName", name), ("EventSource", "glue.amazonaws.com"),
        ("AccessKeyId", pond.credentials["aws_access_key_id"]),
    ]:
        found = lookup(trail, attribute, value)
        assert event["EventId"] in [e["EventId"] for e in found], attribute
        assert lookup(trail, attribute, "nothing like that") == []
    assert len(lookup(trail, "EventId", event["EventId"])) == 1
    times = [e["EventTime"] for e in lookup(trail)]
    assert times == sorted(times, reverse=True)


def test_pages_and_times(pond, trail):
    glue = pond.client("glue")
    for _ in range(5):
        glue.get_databases()
    page = trail.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "GetDatabases"}], MaxResults=2)
    assert len(page["Events"]) == 2 and page["NextToken"]
    all_pages = lookup(trail, "EventName", "GetDatabases", MaxResults=2)
    assert len({event["EventId"] for event in all_pages}) == len(all_pages) >= 5
    refused("InvalidNextTokenException", trail.lookup_events, NextToken=page["NextToken"])
    refused("InvalidNextTokenException", trail.lookup_events, NextToken="nonsense")
    now = datetime.now(timezone.utc)
    assert lookup(trail, StartTime=now + timedelta(hours=1)) == []
    assert lookup(trail, EndTime=now - timedelta(hours=1)) == []
    refused("InvalidTimeRangeException", trail.lookup_events, StartTime=now, EndTime=now - timedelta(hours=1))
    twice = [{"AttributeKey": "EventName", "AttributeValue": n} for n in ("A", "B")]
    refused("InvalidLookupAttributesException", trail.lookup_events, LookupAttributes=twice)
    refused("InvalidEventCategoryException", trail.lookup_events, EventCategory="insight")


def test_denied_and_failed_calls_are_recorded(pond, trail, name):
    kinesis = pond.client("kinesis")
    theirs = f"arn:aws:kinesis:us-east-1:{OTHER}:stream/{name}"
    refused("AccessDeniedException", kinesis.delete_stream, StreamARN=theirs)
    record = last(trail, "DeleteStream")
    assert record["errorCode"] == "AccessDenied" and "not authorized to perform: kinesis:DeleteStream" in record["errorMessage"]
    assert record["requestParameters"]["streamARN"] == theirs and record["responseElements"] is None
    refused("EntityNotFoundException", pond.client("glue").delete_database, Name=name)
    assert last(trail, "DeleteDatabase")["errorCode"] == "EntityNotFoundException"
    refused("NoSuchBucket", pond.client("s3").delete_bucket, Bucket=name)
    assert last(trail, "DeleteBucket")["errorCode"] == "NoSuchBucket"


def test_a_user_is_named_and_what_he_may_not_is_recorded(pond, trail, name):
    iam = pond.client("iam")
    user = iam.create_user(UserName=name)["User"]
    made = iam.create_access_key(UserName=name)["AccessKey"]
    keys = {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"]}
    refused("AccessDeniedException", pond.client("glue", keys=keys).create_database, DatabaseInput={"Name": name})
    record = last(trail, "CreateDatabase")
    assert record["errorCode"] == "AccessDenied" and user["Arn"] in record["errorMessage"]
    assert record["userIdentity"] == {
        "type": "IAMUser", "principalId": user["UserId"], "arn": user["Arn"], "accountId": ACCOUNT,
        "accessKeyId": made["AccessKeyId"], "userName": name}
    assert [e["EventName"] for e in lookup(trail, "Username", name)] == ["CreateDatabase"]
    # He may not look it up either.
    refused("AccessDeniedException", pond.client("cloudtrail", keys=keys).lookup_events)
    created = last(trail, "CreateAccessKey")
    assert created["responseElements"]["accessKey"]["accessKeyId"] == made["AccessKeyId"]
    assert created["responseElements"]["accessKey"]["secretAccessKey"] == "HIDDEN_DUE_TO_SECURITY_REASONS"


def test_a_wrong_signature_with_a_known_key_is_recorded(pond, trail, name):
    keys = {**pond.credentials, "aws_secret_access_key": "x" * 40}
    refused("InvalidSignatureException", pond.client("glue", keys=keys).create_database, DatabaseInput={"Name": name})
    record = last(trail, "CreateDatabase")
    assert record["errorCode"] == "InvalidSignatureException" and record["requestParameters"] is None
    assert record["userIdentity"]["accessKeyId"] == keys["aws_access_key_id"]
    refused("SignatureDoesNotMatch", pond.client("sts", keys=keys).get_caller_identity)
    assert last(trail, "GetCallerIdentity")["errorCode"] == "SignatureDoesNotMatch"


def test_what_services_do_with_keys_is_told_with_the_service(pond, trail, name):
    s3, kms = pond.client("s3"), pond.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    s3.get_object(Bucket=name, Key="k")["Body"].read()

    def uses():
        found = records(trail, "ResourceName", key)
        return {r["eventName"]: r for r in found if "invokedBy" in r["userIdentity"]}

    found = wait_for("the uses of the key", lambda: len(uses()) == 2 and uses())
    assert set(found) == {"GenerateDataKey", "Decrypt"}
    for record in found.values():
        assert record["userIdentity"]["type"] == "Root" and record["userIdentity"]["invokedBy"] == "s3.amazonaws.com"
        assert record["sourceIPAddress"] == "s3.amazonaws.com"
        assert record["requestParameters"]["encryptionContext"] == {"aws:s3:arn": f"arn:aws:s3:::{name}/k"}
    # A call to KMS itself is told once.
    sealed = kms.encrypt(KeyId=key, Plaintext=b"x")
    kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"])
    pond.restart()
    names = [r["eventName"] for r in records(pond.client("cloudtrail"), "ResourceName", key)]
    assert sorted(names) == ["Decrypt", "Decrypt", "Encrypt", "GenerateDataKey"]


def test_an_account_sees_its_own_events_alone(name):
    with Pond("--open") as server:
        keys = lambda account: {"aws_access_key_id": account, "aws_secret_access_key": "any"}
        ours, theirs = keys(ACCOUNT), keys(OTHER)
        server.client("glue", keys=ours).create_database(DatabaseInput={"Name": name})
        server.client("glue", keys=theirs, region="eu-west-1").create_database(DatabaseInput={"Name": name})
        trail = lambda keys, region="us-east-1": server.client("cloudtrail", keys=keys, region=region)
        assert len(lookup(trail(ours), "ResourceName", name)) == 1
        assert lookup(trail(theirs), "ResourceName", name) == []
        assert len(lookup(trail(theirs, "eu-west-1"), "ResourceName", name)) == 1
        assert lookup(trail(ours, "eu-west-1"), "ResourceName", name) == []
        log = log_bucket_of(server, ours, name)
        arn = trail(ours).create_trail(Name="ours", S3BucketName=log)["TrailARN"]
        assert trail(theirs).describe_trails()["trailList"] == [] == trail(theirs).list_trails()["Trails"]
        refused("AccessDeniedException", trail(theirs).get_trail, Name=arn)
        refused("AccessDeniedException", trail(theirs).stop_logging, Name=arn)
        refused("TrailNotFoundException", trail(theirs).get_trail, Name="ours")


def log_bucket_of(server, keys, name):
    s3 = server.client("s3", keys=keys)
    s3.create_bucket(Bucket=name)
    s3.put_bucket_policy(Bucket=name, Policy=policy(name))
    return name


def test_a_trail_from_beginning_to_end(pond, trail, name):
    log_bucket(pond, name, "audit/")
    arn = f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/{name}"
    made = trail.create_trail(Name=name, S3BucketName=name, S3KeyPrefix="audit", TagsList=[{"Key": "team", "Value": "lake"}])
    assert (made["TrailARN"], made["S3KeyPrefix"], made["IsMultiRegionTrail"]) == (arn, "audit", False)
    assert made["IncludeGlobalServiceEvents"] is True and made["LogFileValidationEnabled"] is False
    shown = trail.get_trail(Name=name)["Trail"]
    assert (shown["HomeRegion"], shown["HasCustomEventSelectors"]) == ("us-east-1", False)
    assert trail.get_trail(Name=arn)["Trail"] == shown
    assert shown in trail.describe_trails()["trailList"] and trail.describe_trails(trailNameList=[name])["trailList"] == [shown]
    assert {"TrailARN": arn, "Name": name, "HomeRegion": "us-east-1"} in trail.list_trails()["Trails"]
    assert trail.get_trail_status(Name=name)["IsLogging"] is False
    trail.start_logging(Name=arn)
    status = trail.get_trail_status(Name=name)
    assert status["IsLogging"] is True and "StartLoggingTime" in status
    trail.stop_logging(Name=name)
    assert trail.get_trail_status(Name=name)["IsLogging"] is False
    west = pond.client("cloudtrail", region="eu-west-1")
    assert west.describe_trails()["trailList"] == []
    updated = trail.update_trail(Name=name, IsMultiRegionTrail=True)
    assert updated["IsMultiRegionTrail"] is True and updated["S3KeyPrefix"] == "audit"
    assert [t["TrailARN"] for t in west.describe_trails()["trailList"]] == [arn]
    assert west.describe_trails(includeShadowTrails=False)["trailList"] == []
    refused("InvalidHomeRegionException", west.update_trail, Name=arn)
    refused("TrailNotFoundException", west.get_trail, Name=name)
    trail.add_tags(ResourceId=arn, TagsList=[{"Key": "stage", "Value": "test"}, {"Key": "team", "Value": "pond"}])
    trail.remove_tags(ResourceId=arn, TagsList=[{"Key": "stage"}])
    assert trail.list_tags(ResourceIdList=[arn])["ResourceTagList"] == [
        {"ResourceId": arn, "TagsList": [{"Key": "team", "Value": "pond"}]}]
    trail.delete_trail(Name=name)
    refused("TrailNotFoundException", trail.get_trail_status, Name=name)
    refused("ResourceNotFoundException", trail.list_tags, ResourceIdList=[arn])
    assert trail.describe_trails()["trailList"] == []


def test_trails_that_cannot_be(pond, trail, name):
    create = lambda code, **arguments: refused(code, trail.create_trail, **{"Name": name, "S3BucketName": name, **arguments})
    create("S3BucketDoesNotExistException")
    pond.client("s3").create_bucket(Bucket=name)
    create("InsufficientS3BucketPolicyException")
    pond.client("s3").put_bucket_policy(Bucket=name, Policy=policy(name))
    create("InsufficientS3BucketPolicyException", S3KeyPrefix="elsewhere")
    create("InvalidTrailNameException", Name="a")
    create("InvalidTrailNameException", Name="no spaces")
    create("InvalidS3PrefixException", S3KeyPrefix="x" * 201)
    create("InvalidParameterCombinationException", IsMultiRegionTrail=True, IncludeGlobalServiceEvents=False)
    create("UnsupportedOperationException", EnableLogFileValidation=True)
    create("UnsupportedOperationException", IsOrganizationTrail=True)
    assert "kmsKeyId" in create("ValidationException", KmsKeyId="alias/logs")
    create("InvalidTagParameterException", TagsList=[{"Key": "aws:x", "Value": "y"}])
    trail.create_trail(Name=name, S3BucketName=name)
    create("TrailAlreadyExistsException")
    for n in range(4):
        trail.create_trail(Name=f"{name}-{n}", S3BucketName=name)
    create("MaximumNumberOfTrailsExceededException", Name=f"{name}-5")
    for made in trail.list_trails()["Trails"]:
        trail.delete_trail(Name=made["TrailARN"])
    refused("TrailNotFoundException", trail.start_logging, Name=name)
    refused("CloudTrailARNInvalidException", trail.get_trail, Name="arn:aws:s3:::x")
    refused("NotImplemented", trail.get_insight_selectors, TrailName=name)


def test_event_selectors_are_kept_and_checked(pond, trail, name):
    log_bucket(pond, name)
    trail.create_trail(Name=name, S3BucketName=name)
    default = trail.get_event_selectors(TrailName=name)["EventSelectors"]
    assert default == [{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": [],
                        "ExcludeManagementEventSources": []}]
    basic = [{"ReadWriteType": "WriteOnly", "IncludeManagementEvents": False, "ExcludeManagementEventSources": [],
              "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::lake/"]}]}]
    assert trail.put_event_selectors(TrailName=name, EventSelectors=basic)["EventSelectors"] == basic
    assert trail.get_trail(Name=name)["Trail"]["HasCustomEventSelectors"] is True
    advanced = [{"Name": "puts", "FieldSelectors": [
        {"Field": "eventCategory", "Equals": ["Data"]}, {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
        {"Field": "eventName", "StartsWith": ["Put"]}]}]
    trail.put_event_selectors(TrailName=name, AdvancedEventSelectors=advanced)
    got = trail.get_event_selectors(TrailName=name)
    assert got["AdvancedEventSelectors"] == advanced and "EventSelectors" not in got
    for selectors in [
        {"EventSelectors": []},
        {"EventSelectors": [{"DataResources": [{"Type": "AWS::Lambda::Function", "Values": ["arn:aws:lambda"]}]}]},
        {"EventSelectors": [{"DataResources": [{"Type": "AWS::S3::Object", "Values": ["lake"]}]}]},
        {"AdvancedEventSelectors": [{"FieldSelectors": [{"Field": "colour", "Equals": ["red"]}]}]},
        {"AdvancedEventSelectors": [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Insight"]}]}]},
        {"AdvancedEventSelectors": advanced, "EventSelectors": basic},
        {},
    ]:
        refused("InvalidEventSelectorsException", trail.put_event_selectors, TrailName=name, **selectors)
    assert trail.get_event_selectors(TrailName=name)["AdvancedEventSelectors"] == advanced
    trail.delete_trail(Name=name)


def test_log_files_arrive_in_the_bucket(quick, name):
    trail, glue = quick.client("cloudtrail"), quick.client("glue")
    log_bucket(quick, name)
    trail.create_trail(Name=name, S3BucketName=name, IsMultiRegionTrail=True)
    trail.start_logging(Name=name)
    glue.create_database(DatabaseInput={"Name": name})
    quick.client("glue", region="eu-west-1").get_databases()
    arrived = wait_for("both events", lambda: (found := delivered(quick, name))
                       and {r["eventName"] for r in found} >= {"CreateDatabase", "GetDatabases"} and found)
    event = next(r for r in arrived if r["eventName"] == "CreateDatabase")
    assert event == records(trail, "ResourceName", name)[0]
    keys = [entry["Key"] for entry in quick.client("s3").list_objects_v2(Bucket=name)["Contents"]]
    form = (rf"AWSLogs/{ACCOUNT}/CloudTrail/([a-z0-9-]+)/\d{{4}}/\d\d/\d\d/"
            rf"{ACCOUNT}_CloudTrail_\1_\d{{8}}T\d{{4}}Z_[0-9a-zA-Z]{{16}}\.json\.gz")
    assert {re.fullmatch(form, key).group(1) for key in keys} == {"us-east-1", "eu-west-1"}
    head = quick.client("s3").head_object(Bucket=name, Key=keys[0])
    assert (head["ContentType"], head["ContentEncoding"]) == ("application/json", "gzip")
    status = trail.get_trail_status(Name=name)
    assert "LatestDeliveryTime" in status and "LatestDeliveryError" not in status
    # What was logged before a crash is delivered after it.
    glue.create_database(DatabaseInput={"Name": f"{name}-2"})
    quick.kill()
    quick.start()
    wait_for("the event from before the crash", lambda: f"{name}-2" in json.dumps(delivered(quick, name)))
    # A bucket that is closed is told of, and what it missed is made up for.
    trail, s3 = quick.client("cloudtrail"), quick.client("s3")
    s3.delete_bucket_policy(Bucket=name)
    wait_for("the failure to show",
             lambda: trail.get_trail_status(Name=name).get("LatestDeliveryError") == "AccessDenied")
    s3.put_bucket_policy(Bucket=name, Policy=policy(name))
    wait_for("the delivery of what was missed",
             lambda: "DeleteBucketPolicy" in {r["eventName"] for r in delivered(quick, name)})
    trail.delete_trail(Name=name)


def test_data_events_of_objects_where_a_trail_asks_for_them(quick, name):
    trail, s3 = quick.client("cloudtrail"), quick.client("s3")
    lake = f"{name}-lake"
    log_bucket(quick, name)
    s3.create_bucket(Bucket=lake)
    s3.put_object(Bucket=lake, Key="raw/before", Body=b"x")
    trail.create_trail(Name=name, S3BucketName=name)
    resources = [{"Type": "AWS::S3::Object", "Values": [f"arn:aws:s3:::{lake}/raw/"]}]
    trail.put_event_selectors(TrailName=name, EventSelectors=[{"IncludeManagementEvents": False, "DataResources": resources}])
    trail.start_logging(Name=name)
    s3.put_object(Bucket=lake, Key="raw/a", Body=b"x", ACL="bucket-owner-full-control", ServerSideEncryption="AES256")
    s3.put_object(Bucket=lake, Key="fine/b", Body=b"x")
    refused("NoSuchKey", s3.get_object, Bucket=lake, Key="raw/missing")
    found = wait_for("both events", lambda: len(found := delivered(quick, name)) >= 2 and found)
    put, get = sorted(found, key=lambda r: r["eventName"], reverse=True)
    assert (put["eventName"], put["eventCategory"], put["managementEvent"], put["readOnly"]) == (
        "PutObject", "Data", False, False)
    told = put["requestParameters"]
    assert (told["bucketName"], told["key"], told["x-amz-acl"]) == (lake, "raw/a", "bucket-owner-full-control")
    assert put["responseElements"] == {"x-amz-server-side-encryption": "AES256"}
    assert [r["ARN"] for r in put["resources"]] == [f"arn:aws:s3:::{lake}/raw/a", f"arn:aws:s3:::{lake}"]
    assert (get["eventName"], get["errorCode"], get["readOnly"]) == ("GetObject", "NoSuchKey", True)
    assert records(trail, "EventName", "PutObject") == [], "LookupEvents knows management events alone"
    trail.delete_trail(Name=name)


def test_no_secret_is_in_events_in_log_files_or_in_the_log(quick, name):
    trail, s3, kms = quick.client("cloudtrail"), quick.client("s3"), quick.client("kms")
    log_bucket(quick, name)
    s3.create_bucket(Bucket=f"{name}-lake")
    trail.create_trail(Name=name, S3BucketName=name)
    everything = [
        {"Name": "management", "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]},
        *({"Name": kind, "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]},
                                            {"Field": "resources.type", "Equals": [kind]}]}
          for kind in ("AWS::S3::Object", "AWS::Kinesis::Stream")),
    ]
    trail.put_event_selectors(TrailName=name, AdvancedEventSelectors=everything)
    trail.start_logging(Name=name)
    planted = "planted-secret-7d3f9c1e"
    encoded = base64.b64encode(planted.encode()).decode()
    key = kms.create_key()["KeyMetadata"]["Arn"]
    sealed = kms.encrypt(KeyId=key, Plaintext=planted.encode())["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == planted.encode()
    data_key = kms.generate_data_key(KeyId=key, KeySpec="AES_256")["Plaintext"]
    customer = (planted * 2)[:32]
    for call, more in ((s3.put_object, {"Body": b"x"}), (s3.get_object, {})):
        call(Bucket=f"{name}-lake", Key="c", SSECustomerAlgorithm="AES256", SSECustomerKey=customer, **more)
    signing = quick.client("s3", config=Config(signature_version="s3v4"))
    url = signing.generate_presigned_url("get_object", Params={"Bucket": f"{name}-lake", "Key": "missing"})
    signature = re.search(r"X-Amz-Signature=([0-9a-f]+)", url).group(1)
    with pytest.raises(Exception, match="404"):
        urlopen(Request(url), timeout=30)
    kinesis = quick.client("kinesis")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
    kinesis.put_record(StreamName=name, PartitionKey="p", Data=planted.encode())
    iam = quick.client("iam")
    iam.create_user(UserName=name)
    iam.create_login_profile(UserName=name, Password=planted + "-A1!")
    user_key = iam.create_access_key(UserName=name)["AccessKey"]["SecretAccessKey"]
    athena = quick.client("athena")
    athena.start_query_execution(QueryString=f"SELECT '{planted}'",
                                 ResultConfiguration={"OutputLocation": f"s3://{name}-lake/results/"})
    wait_for("all events", lambda: {"PutRecord", "GetObject", "Decrypt", "CreateAccessKey", "StartQueryExecution"}
             <= {r["eventName"] for r in delivered(quick, name)})
    texts = json.dumps([records(trail), delivered(quick, name)]) + quick.log.read_text(errors="replace")
    customer_encoded = base64.b64encode(customer.encode()).decode()
    for secret in (planted, encoded.rstrip("="), customer_encoded, base64.b64encode(data_key).decode(), signature,
                   quick.credentials["aws_secret_access_key"], user_key):
        assert secret not in texts
    assert "HIDDEN_DUE_TO_SECURITY_REASONS" in texts
    trail.delete_trail(Name=name)


def test_what_was_answered_is_recorded_whatever_happens(fresh_pond, name):
    fresh_pond.client("glue").create_database(DatabaseInput={"Name": name})
    fresh_pond.kill()
    fresh_pond.start()
    assert [r["eventName"] for r in records(fresh_pond.client("cloudtrail"), "ResourceName", name)] == ["CreateDatabase"]
    # Reads wait for a moment, and not past a shutdown.
    fresh_pond.client("glue").get_database(Name=name)
    assert fresh_pond.stop() == 0
    fresh_pond.start()
    names = [r["eventName"] for r in records(fresh_pond.client("cloudtrail"), "ResourceName", name)]
    assert names == ["GetDatabase", "CreateDatabase"]
