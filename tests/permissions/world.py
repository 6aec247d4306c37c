"""One pond's resources for the calls, and how a call says what it needs."""

import functools
import itertools
import json
from dataclasses import dataclass, field

from botocore.exceptions import ClientError

from iam_world import world as iam_world
from operations import ACCOUNT
from pond import wait_for

TESTER = "tester"
PASSWORD = "Mill-Stone-1"
TAGS = [{"Key": "a", "Value": "b"}]


def arn(service, resource, region="us-east-1", account=ACCOUNT):
    return f"arn:aws:{service}:{region}:{account}:{resource}"


def allow(action, resource, **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def on(bucket, key=None):
    return f"arn:aws:s3:::{bucket}" + (f"/{key}" if key else "")


def columns():
    return {"Columns": [{"Name": "a", "Type": "string"}], "Location": "s3://nowhere/"}


def table(name):
    return {"Name": name, "StorageDescriptor": columns(), "PartitionKeys": [{"Name": "p", "Type": "string"}]}


def partition(value):
    return {"Values": [value], "StorageDescriptor": columns()}


@dataclass
class Ask:
    """A call, and what it needs: pairs of action and resource, all of them."""

    arguments: dict
    needs: list
    # Answered to whoever may: what is asked for cannot be, here.
    code: str | None = None
    # What it needs beside that and whose lack is told in another way: action, resource, and the code of the answer.
    otherwise: tuple = ()
    # Some denials say no more than that.
    silent: bool = False
    # Where the answer of a call that worked tells who was refused.
    refusals: object = field(default=lambda answer: None)


class World:
    """One pond's resources for the calls: shared where a call leaves them as they are."""

    def __init__(self, pond):
        self.pond = pond
        self.numbers = itertools.count(1)
        self.undo = []

    @functools.cache
    def root(self, service):
        return self.pond.client(service)

    def name(self):
        return f"p{next(self.numbers):04}"

    def log(self):
        """A bucket that CloudTrail may write to."""
        name, service = self.name(), {"Service": "cloudtrail.amazonaws.com"}
        self.root("s3").create_bucket(Bucket=name)
        self.root("s3").put_bucket_policy(Bucket=name, Policy=document(
            allow("s3:GetBucketAcl", f"arn:aws:s3:::{name}", Principal=service),
            allow("s3:PutObject", f"arn:aws:s3:::{name}/*", Principal=service),
        ))
        return name

    # Shared.

    @functools.cached_property
    def stream(self):
        return self.new_stream()

    @functools.cached_property
    def key(self):
        return self.root("kms").create_key()["KeyMetadata"]["Arn"]

    @functools.cached_property
    def other_key(self):
        return self.root("kms").create_key()["KeyMetadata"]["Arn"]

    @functools.cached_property
    def signer(self):
        return self.root("kms").create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]

    @functools.cached_property
    def mac(self):
        return self.root("kms").create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["Arn"]

    @functools.cached_property
    def role(self):
        """A role that Firehose and Glue work as, and that this account may assume."""
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {
            "AWS": f"arn:aws:iam::{ACCOUNT}:root", "Service": ["firehose.amazonaws.com", "glue.amazonaws.com"],
        }}
        iam = self.root("iam")
        made = iam.create_role(RoleName="works", AssumeRolePolicyDocument=document(trust))
        iam.put_role_policy(RoleName="works", PolicyName="own", PolicyDocument=document(allow("*", "*")))
        return made["Role"]["Arn"]

    @functools.cached_property
    def tagged_role(self):
        """A role whose sessions may have tags and a source identity."""
        actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
        trust = {"Effect": "Allow", "Action": actions, "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
        return self.root("iam").create_role(RoleName="tagged", AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]

    @functools.cached_property
    def denial(self):
        """The sealed message of a denial."""
        iam = self.root("iam")
        iam.create_user(UserName="nobody")
        key = iam.create_access_key(UserName="nobody")["AccessKey"]
        keys = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
        try:
            self.pond.client("kms", keys=keys).list_keys()
        except ClientError as error:
            return error.response["ResponseMetadata"]["HTTPHeaders"]["x-millpond-authorization-message"]
        raise AssertionError("nobody was let in")

    @functools.cached_property
    def delivery(self):
        return self.new_delivery()

    @functools.cached_property
    def trail(self):
        return self.root("cloudtrail").create_trail(Name="shared", S3BucketName=self.log())["TrailARN"]

    @functools.cached_property
    def results(self):
        name = self.name()
        self.root("s3").create_bucket(Bucket=name)
        return name

    @functools.cached_property
    def query(self):
        """A query of a workgroup of its own, ended: the workgroup and the query."""
        athena, group = self.root("athena"), self.name()
        output = {"ResultConfiguration": {"OutputLocation": f"s3://{self.results}/"}}
        athena.create_work_group(Name=group, Configuration=output)
        query = athena.start_query_execution(QueryString="SELECT 1", WorkGroup=group)["QueryExecutionId"]
        state = lambda: athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]["State"]  # noqa: E731
        wait_for("the query to end", lambda: state() == "SUCCEEDED")
        return group, query

    @functools.cached_property
    def people(self):
        """What IAM's reading operations look at."""
        return "people", iam_world(self.root("iam"), "people")

    # Made anew.

    def new_stream(self):
        name, kinesis = self.name(), self.root("kinesis")
        kinesis.create_stream(StreamName=name, ShardCount=1)
        summary = lambda: kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]  # noqa: E731
        wait_for(f"{name} is ACTIVE", lambda: summary()["StreamStatus"] == "ACTIVE", every=0.01)
        return name

    def destination(self, bucket=None):
        return {"RoleARN": self.role, "BucketARN": f"arn:aws:s3:::{bucket or self.results}"}

    def new_delivery(self):
        name, firehose = self.name(), self.root("firehose")
        firehose.create_delivery_stream(DeliveryStreamName=name, ExtendedS3DestinationConfiguration=self.destination())
        look = lambda: firehose.describe_delivery_stream(DeliveryStreamName=name)["DeliveryStreamDescription"]  # noqa: E731
        wait_for(f"{name} is ACTIVE", lambda: look()["DeliveryStreamStatus"] == "ACTIVE", every=0.01)
        return name

    def new_database(self):
        name = self.name()
        self.root("glue").create_database(DatabaseInput={"Name": name})
        return name

    def new_table(self):
        """A database with a table of two versions and a partition; its name is the table's too."""
        glue, name = self.root("glue"), self.new_database()
        glue.create_table(DatabaseName=name, TableInput=table(name))
        glue.update_table(DatabaseName=name, TableInput={**table(name), "Description": "second"})
        glue.create_partition(DatabaseName=name, TableName=name, PartitionInput=partition("1"))
        return name

    def new_classifier(self):
        name = self.name()
        self.root("glue").create_classifier(CsvClassifier={"Name": name})
        return name

    def crawler(self, name):
        path = f"s3://{self.results}/nothing/"
        return {"Name": name, "Role": self.role, "DatabaseName": "crawled", "Targets": {"S3Targets": [{"Path": path}]}}

    def new_crawler(self):
        name = self.name()
        self.root("glue").create_crawler(**self.crawler(name))
        return name

    def new_key(self, **more):
        return self.root("kms").create_key(**more)["KeyMetadata"]["Arn"]

    def new_alias(self, key):
        name = f"alias/{self.name()}"
        self.root("kms").create_alias(AliasName=name, TargetKeyId=key)
        return name

    def new_grant(self, key):
        grantee = f"arn:aws:iam::{ACCOUNT}:user/{TESTER}"
        return self.root("kms").create_grant(KeyId=key, GranteePrincipal=grantee, Operations=["Decrypt"])

    def encrypted(self, key):
        return self.root("kms").encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]

    def new_trail(self):
        made = self.root("cloudtrail").create_trail(Name=self.name(), S3BucketName=self.log())
        self.drop_trail(made["TrailARN"])
        return made["TrailARN"]

    def drop_trail(self, name):
        """An account has five at most."""
        gone = self.root("cloudtrail").exceptions.TrailNotFoundException

        def drop():
            try:
                self.root("cloudtrail").delete_trail(Name=name)
            except gone:
                pass

        self.undo.append(drop)

    def new_bucket(self, **more):
        name = self.name()
        self.root("s3").create_bucket(Bucket=name, **more)
        return name

    def new_directory(self):
        """A directory bucket."""
        name = f"{self.name()}--use1-az1--x-s3"
        self.root("s3").create_bucket(Bucket=name, CreateBucketConfiguration={
            "Location": {"Type": "AvailabilityZone", "Name": "use1-az1"},
            "Bucket": {"Type": "Directory", "DataRedundancy": "SingleAvailabilityZone"},
        })
        return name

    def new_object(self, bucket=None, **more):
        bucket = bucket or self.new_bucket()
        self.root("s3").put_object(Bucket=bucket, Key="k", Body=b"x", **more)
        return bucket

    def new_version(self, **more):
        bucket = self.new_bucket()
        self.root("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        version = self.root("s3").put_object(Bucket=bucket, Key="k", Body=b"x", **more)["VersionId"]
        return bucket, version

    def new_upload(self):
        """An upload of one part: its bucket, its id and the part's ETag."""
        bucket, s3 = self.new_bucket(), self.root("s3")
        upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
        tag = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
        return bucket, upload, tag


def named(service, resource, member):
    """For the operations of a service that name what they are about in one member."""
    def of(name, action, more=(), **arguments):
        target = arn(service, f"{resource}/{name}")
        return Ask({member: name, **arguments}, [(f"{service}:{action}", target), *more])

    return of
