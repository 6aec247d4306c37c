"""S3: buckets, and each of their configurations."""

import json

from cycles.base import OTHER_TAGS, TAGS, Cycle, pairs, plain, tags_of
from operations import ACCOUNT


class Bucket(Cycle):
    service, gone = "s3", "404"
    asked = {"tags": TAGS, "versioning": "Enabled", "region": "eu-central-1"}
    changed = {"tags": OTHER_TAGS, "versioning": "Suspended"}

    def __init__(self, pond, name):
        super().__init__(pond, name)
        self.client = pond.client("s3", "eu-central-1")

    def make(self):
        self.client.create_bucket(Bucket=self.name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        self.set("Enabled", TAGS)

    def set(self, status, tags):
        self.client.put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": status})
        self.client.put_bucket_tagging(Bucket=self.name, Tagging={"TagSet": pairs(tags)})

    def read(self):
        bucket, s3 = {"Bucket": self.name}, self.client
        region = s3.head_bucket(**bucket)["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"]
        assert s3.get_bucket_location(**bucket)["LocationConstraint"] == region
        return {
            "tags": tags_of(s3.get_bucket_tagging(**bucket)["TagSet"]), "region": region,
            "versioning": s3.get_bucket_versioning(**bucket)["Status"],
        }

    def change(self):
        self.set("Suspended", OTHER_TAGS)

    def drop(self):
        self.client.delete_bucket(Bucket=self.name)


class OfBucket(Cycle):
    """A configuration of a bucket: the operations' name, the member that holds it, and what is said instead of it when it is gone."""

    service = "s3"
    operation = ""
    member = ""
    # Members that are the answer itself, and not within one.
    answered = None
    named = {}
    # A configuration that cannot be deleted is replaced by this.
    nothing = None

    def prepare(self):
        self.client.create_bucket(Bucket=self.name, **self.bucket())

    def bucket(self):
        return {}

    def put(self, configuration):
        getattr(self.client, f"put_bucket_{self.operation}")(Bucket=self.name, **self.named, **{self.member: configuration})

    def get(self):
        return getattr(self.client, f"get_bucket_{self.operation}")

    def read(self):
        answer = plain(self.get()(Bucket=self.name, **self.named))
        return answer if self.answered is None else answer.get(self.answered, {})

    def make(self):
        self.put(self.asked)

    def change(self):
        self.put(self.changed)

    def drop(self):
        if self.nothing is not None:
            self.put(self.nothing)
        else:
            getattr(self.client, f"delete_bucket_{self.operation}")(Bucket=self.name, **self.named)


class Cors(OfBucket):
    operation, member, gone = "cors", "CORSConfiguration", "NoSuchCORSConfiguration"
    asked = {"CORSRules": [
        {"ID": "a", "AllowedHeaders": ["*"], "AllowedMethods": ["GET", "PUT"], "AllowedOrigins": ["https://example.com"],
         "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 3000},
        {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]},
    ]}
    changed = {"CORSRules": [{"AllowedMethods": ["DELETE"], "AllowedOrigins": ["*"]}]}


class Encryption(OfBucket):
    operation, member, answered = "encryption", "ServerSideEncryptionConfiguration", "ServerSideEncryptionConfiguration"
    asked = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}]}
    changed = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]}
    # A bucket always has one.
    gone = changed


class Lifecycle(OfBucket):
    operation, member, gone = "lifecycle_configuration", "LifecycleConfiguration", "NoSuchLifecycleConfiguration"
    asked = {"Rules": [
        {"ID": "old", "Status": "Enabled", "Filter": {"And": {"Prefix": "logs/", "Tags": pairs(TAGS), "ObjectSizeGreaterThan": 10}},
         "Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}, {"Days": 90, "StorageClass": "GLACIER"}],
         "Expiration": {"Days": 365}, "NoncurrentVersionExpiration": {"NoncurrentDays": 7, "NewerNoncurrentVersions": 2}},
        {"ID": "uploads", "Status": "Disabled", "Filter": {"Prefix": ""}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3}},
    ]}
    changed = {"Rules": [{"ID": "tag", "Status": "Enabled", "Filter": {"Tag": {"Key": "a", "Value": "b"}}, "Expiration": {"Days": 1}}]}
    added = {"TransitionDefaultMinimumObjectSize": "all_storage_classes_128K"}

    def drop(self):
        self.client.delete_bucket_lifecycle(Bucket=self.name)


class Policy(OfBucket):
    operation, gone = "policy", "NoSuchBucketPolicy"

    def document(self, action):
        statement = {"Sid": "a", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": action,
                     "Resource": f"arn:aws:s3:::{self.name}/*"}
        return {"Version": "2012-10-17", "Statement": [statement]}

    def prepare(self):
        super().prepare()
        self.asked, self.changed = self.document("s3:GetObject"), self.document(["s3:GetObject", "s3:PutObject"])

    def put(self, configuration):
        self.client.put_bucket_policy(Bucket=self.name, Policy=json.dumps(configuration))

    def read(self):
        return json.loads(self.client.get_bucket_policy(Bucket=self.name)["Policy"])


class Website(OfBucket):
    operation, member, gone = "website", "WebsiteConfiguration", "NoSuchWebsiteConfiguration"
    asked = {
        "IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "error.html"},
        "RoutingRules": [{"Condition": {"KeyPrefixEquals": "a/"}, "Redirect": {"ReplaceKeyPrefixWith": "b/", "HttpRedirectCode": "301"}}],
    }
    changed = {"RedirectAllRequestsTo": {"HostName": "example.com", "Protocol": "https"}}


class Ownership(OfBucket):
    operation, member, answered = "ownership_controls", "OwnershipControls", "OwnershipControls"
    asked = {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
    changed = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    gone = "OwnershipControlsNotFoundError"


class AccessBlock(OfBucket):
    asked = {"BlockPublicAcls": True, "IgnorePublicAcls": False, "BlockPublicPolicy": True, "RestrictPublicBuckets": False}
    changed = {"BlockPublicAcls": False, "IgnorePublicAcls": True, "BlockPublicPolicy": False, "RestrictPublicBuckets": True}
    gone = "NoSuchPublicAccessBlockConfiguration"

    def put(self, configuration):
        self.client.put_public_access_block(Bucket=self.name, PublicAccessBlockConfiguration=configuration)

    def read(self):
        return self.client.get_public_access_block(Bucket=self.name)["PublicAccessBlockConfiguration"]

    def drop(self):
        self.client.delete_public_access_block(Bucket=self.name)


class Tiering(OfBucket):
    operation, member, answered = "intelligent_tiering_configuration", "IntelligentTieringConfiguration", "IntelligentTieringConfiguration"
    named = {"Id": "cold"}
    asked = {"Id": "cold", "Status": "Enabled", "Filter": {"Prefix": "a/"}, "Tierings": [
        {"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}, {"Days": 180, "AccessTier": "DEEP_ARCHIVE_ACCESS"}]}
    changed = {"Id": "cold", "Status": "Disabled", "Tierings": [{"Days": 180, "AccessTier": "DEEP_ARCHIVE_ACCESS"}]}
    gone = "NoSuchConfiguration"


class Payment(OfBucket):
    operation, member = "request_payment", "RequestPaymentConfiguration"
    asked, changed = {"Payer": "Requester"}, {"Payer": "BucketOwner"}
    nothing = gone = {"Payer": "BucketOwner"}


class Logging(OfBucket):
    operation, member = "logging", "BucketLoggingStatus"
    nothing = gone = {}

    def prepare(self):
        super().prepare()
        self.client.create_bucket(Bucket=f"{self.name}-logs")
        dated = {"PartitionedPrefix": {"PartitionDateSource": "EventTime"}}
        target = {"TargetBucket": f"{self.name}-logs"}
        self.asked = {"LoggingEnabled": {**target, "TargetPrefix": "a/"}}
        self.changed = {"LoggingEnabled": {**target, "TargetPrefix": "", "TargetObjectKeyFormat": dated}}


class Lists(OfBucket):
    """A bucket's list is there as long as the bucket is."""

    operation, member = "acl", "AccessControlPolicy"
    everyone = {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/s3/LogDelivery"}

    def bucket(self):
        return {"ObjectOwnership": "ObjectWriter"}

    def prepare(self):
        super().prepare()
        me = self.client.list_buckets()["Owner"]["ID"]
        own = {"Grantee": {"Type": "CanonicalUser", "ID": me}, "Permission": "FULL_CONTROL"}
        owner = {"Owner": {"ID": me}}
        self.asked = {**owner, "Grants": [own, {"Grantee": self.everyone, "Permission": "WRITE"}]}
        self.changed = {**owner, "Grants": [{"Grantee": self.everyone, "Permission": "READ_ACP"}, own]}
        self.nothing = self.gone = {**owner, "Grants": [own]}


class Lock(OfBucket):
    """Object lock itself stays; its default comes and goes."""

    asked = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 7}}}
    changed = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Years": 1}}}
    nothing = gone = {"ObjectLockEnabled": "Enabled"}

    def bucket(self):
        return {"ObjectLockEnabledForBucket": True}

    def put(self, configuration):
        self.client.put_object_lock_configuration(Bucket=self.name, ObjectLockConfiguration=configuration)

    def read(self):
        return self.client.get_object_lock_configuration(Bucket=self.name)["ObjectLockConfiguration"]
