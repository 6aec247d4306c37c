"""S3."""

from datetime import datetime, timedelta, timezone

from permissions.world import TAGS, Ask, allow, arn, document, on


def _bucket(bucket, *actions, code=None, **arguments):
    return Ask({"Bucket": bucket, **arguments}, [(action, on(bucket)) for action in actions], code)


def _object(bucket, *actions, **arguments):
    return Ask({"Bucket": bucket, "Key": "k", **arguments}, [(action, on(bucket, "k")) for action in actions])


def _of(action, **arguments):
    """An operation on a bucket as it was made."""
    return lambda w: _bucket(w.new_bucket(), action, **arguments)


def _configured(action, put, **configuration):
    """An operation on a bucket that has the configuration."""
    def entry(w):
        bucket = w.new_bucket()
        getattr(w.root("s3"), put)(Bucket=bucket, **configuration)
        named = {"Id": configuration["Id"]} if "Id" in configuration else {}
        return _bucket(bucket, action, **named)

    return entry


def _of_object(*actions, **arguments):
    return lambda w: _object(w.new_object(), *actions, **arguments)


def _of_version(*actions, **arguments):
    def entry(w):
        bucket, version = w.new_version()
        return _object(bucket, *actions, VersionId=version, **arguments)

    return entry


def _tagged_version(action, **arguments):
    def entry(w):
        bucket, version = w.new_version(Tagging="a=b")
        return _object(bucket, action, VersionId=version, **arguments)

    return entry


def _written(*actions, **arguments):
    return lambda w: _object(w.new_bucket(), *actions, Body=b"x", **arguments)


def _copied(operation=None):
    def entry(w):
        source, target = w.new_object(), w.new_bucket()
        needs = [("s3:GetObject", on(source, "k")), ("s3:PutObject", on(target, "k"))]
        arguments = {"Bucket": target, "Key": "k", "CopySource": f"{source}/k"}
        if operation:
            upload = w.root("s3").create_multipart_upload(Bucket=target, Key="k")["UploadId"]
            arguments |= {"UploadId": upload, "PartNumber": 1}
        return Ask(arguments, needs)

    return entry


def _copied_version(w):
    source, version = w.new_version()
    target = w.new_bucket()
    needs = [("s3:GetObjectVersion", on(source, "k")), ("s3:PutObject", on(target, "k"))]
    return Ask({"Bucket": target, "Key": "k", "CopySource": f"{source}/k?versionId={version}"}, needs)


def _copied_tags(w):
    source, target = w.new_object(Tagging="a=b"), w.new_bucket()
    needs = [("s3:GetObject", on(source, "k")), ("s3:GetObjectTagging", on(source, "k")),
             ("s3:PutObject", on(target, "k")), ("s3:PutObjectTagging", on(target, "k"))]
    return Ask({"Bucket": target, "Key": "k", "CopySource": f"{source}/k"}, needs)


def _uploaded(*actions, **more):
    """An operation on an upload of one part."""
    def entry(w):
        bucket, upload, tag = w.new_upload()
        parts = {"MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": tag}]}} if more.get("whole") else {}
        arguments = {k: v for k, v in more.items() if k != "whole"}
        return _object(bucket, *actions, UploadId=upload, **parts, **arguments)

    return entry


def _removed(*actions, version=False):
    """DeleteObjects, which refuses each key on its own."""
    def entry(w):
        bucket, versioned = w.new_version() if version else (w.new_object(), None)
        target = {"Key": "k", **({"VersionId": versioned} if version else {})}
        asked = _object(bucket, *actions)
        return Ask(
            {"Bucket": bucket, "Delete": {"Objects": [target]}}, asked.needs,
            refusals=lambda answer: next(iter(answer.get("Errors", ())), None))

    return entry


def _made(*actions, **more):
    return lambda w: _bucket(w.name(), "s3:CreateBucket", *actions, **more)


def _with_lists(w):
    return w.new_bucket(ObjectOwnership="ObjectWriter")


def _lock_bucket(w):
    return w.new_bucket(ObjectLockEnabledForBucket=True)


def _locked(*actions, held=True, **arguments):
    """An operation on an object that is held and retained."""
    def entry(w):
        bucket = w.new_object(_lock_bucket(w))
        if held:
            s3 = w.root("s3")
            s3.put_object_legal_hold(Bucket=bucket, Key="k", LegalHold={"Status": "ON"})
            s3.put_object_retention(Bucket=bucket, Key="k", Retention=retained(days=9))
        return _object(bucket, *actions, **arguments)

    return entry


def retained(days):
    return {"Mode": "GOVERNANCE", "RetainUntilDate": datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=days)}


def _written_locked(*actions, **arguments):
    return lambda w: _object(_lock_bucket(w), "s3:PutObject", *actions, Body=b"x", ChecksumAlgorithm="CRC32", **arguments)


def _freed(w):
    """Removes for good what is still retained, past its governance."""
    bucket = _lock_bucket(w)
    put = w.root("s3").put_object(Bucket=bucket, Key="k", Body=b"x", ChecksumAlgorithm="CRC32", ObjectLockMode="GOVERNANCE",
                                  ObjectLockRetainUntilDate=retained(days=9)["RetainUntilDate"])
    asked = _object(bucket, "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention",
                    VersionId=put["VersionId"], BypassGovernanceRetention=True)
    asked.silent = True
    return asked


def _shortened(w):
    bucket = w.new_object(_lock_bucket(w))
    w.root("s3").put_object_retention(Bucket=bucket, Key="k", Retention=retained(days=9))
    asked = _object(bucket, "s3:PutObjectRetention", "s3:BypassGovernanceRetention",
                    Retention=retained(days=5), BypassGovernanceRetention=True)
    asked.silent = True
    return asked


def _encrypted(w):
    asked = _object(w.new_bucket(), "s3:PutObject", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=w.key)
    return Ask(asked.arguments, [*asked.needs, ("kms:GenerateDataKey", w.key)])


def _decrypted(w):
    asked = _object(w.new_object(ServerSideEncryption="aws:kms", SSEKMSKeyId=w.key), "s3:GetObject")
    return Ask(asked.arguments, [*asked.needs, ("kms:Decrypt", w.key)])


def _silent(entry):
    """An answer to HEAD has no body, and says nothing."""
    def made(w):
        asked = entry(w)
        asked.silent = True
        return asked

    return made


def _own_list(w):
    bucket = w.new_object(_with_lists(w))
    return _object(bucket, "s3:PutObjectAcl", ACL="private")


def _own_list_of_version(w):
    bucket, version = w.new_version()
    rules = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    w.root("s3").put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=rules)
    return _object(bucket, "s3:PutObjectVersionAcl", VersionId=version, ACL="private")


def _in_directory(w, **arguments):
    """An operation on a directory bucket, whose sessions botocore begins by itself."""
    bucket = w.new_directory()
    return Ask({"Bucket": bucket, **arguments}, [("s3express:CreateSession", arn("s3express", f"bucket/{bucket}"))])


def _renamed(w):
    asked = _in_directory(w, Key="l", RenameSource="k")
    w.root("s3").put_object(Bucket=asked.arguments["Bucket"], Key="k", Body=b"x")
    return asked


def _policy(w, *actions, **more):
    bucket = w.new_bucket()
    policy = document(allow("s3:PutObject", on(bucket, "*"), Principal={"Service": "logging.s3.amazonaws.com"}))
    if not more.get("put"):
        w.root("s3").put_bucket_policy(Bucket=bucket, Policy=policy)
    return _bucket(bucket, *actions, **({"Policy": policy} if more.get("put") else {}))


RULES = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}
SSE = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
LIFECYCLE = {"Rules": [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]}
TIERING = {"Id": "t", "Status": "Enabled", "Tierings": [{"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}]}
SITE = {"IndexDocument": {"Suffix": "index.html"}}
CONTROLS = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
BLOCK = {"BlockPublicAcls": True}
LOCK = {"ObjectLockEnabled": "Enabled"}

S3 = {
    "AbortMultipartUpload": _uploaded("s3:AbortMultipartUpload"),
    "CompleteMultipartUpload": _uploaded("s3:PutObject", whole=True),
    "CopyObject": _copied(),
    "CopyObject of a version": _copied_version,
    "CopyObject with its tags": _copied_tags,
    "CreateBucket": _made(),
    "CreateBucket with an ACL": _made("s3:PutBucketAcl", "s3:PutBucketOwnershipControls", ACL="private", ObjectOwnership="ObjectWriter"),
    "CreateBucket with object lock": _made(
        "s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning", ObjectLockEnabledForBucket=True),
    "CreateBucket with an ownership": _made("s3:PutBucketOwnershipControls", ObjectOwnership="ObjectWriter"),
    "CreateMultipartUpload": lambda w: _object(w.new_bucket(), "s3:PutObject"),
    "CreateSession": _in_directory,
    "DeleteBucket": _of("s3:DeleteBucket"),
    "DeleteBucketCors": _configured("s3:PutBucketCORS", "put_bucket_cors", CORSConfiguration=RULES),
    "DeleteBucketEncryption": _configured(
        "s3:PutEncryptionConfiguration", "put_bucket_encryption", ServerSideEncryptionConfiguration=SSE),
    "DeleteBucketIntelligentTieringConfiguration": _configured(
        "s3:PutIntelligentTieringConfiguration", "put_bucket_intelligent_tiering_configuration",
        Id="t", IntelligentTieringConfiguration=TIERING),
    "DeleteBucketLifecycle": _configured(
        "s3:PutLifecycleConfiguration", "put_bucket_lifecycle_configuration", LifecycleConfiguration=LIFECYCLE),
    "DeleteBucketOwnershipControls": _configured(
        "s3:PutBucketOwnershipControls", "put_bucket_ownership_controls", OwnershipControls=CONTROLS),
    "DeleteBucketPolicy": lambda w: _policy(w, "s3:DeleteBucketPolicy"),
    "DeleteBucketTagging": _configured("s3:PutBucketTagging", "put_bucket_tagging", Tagging={"TagSet": TAGS}),
    "DeleteBucketWebsite": _configured("s3:DeleteBucketWebsite", "put_bucket_website", WebsiteConfiguration=SITE),
    "DeleteObject": _of_object("s3:DeleteObject"),
    "DeleteObject of a version": _of_version("s3:DeleteObjectVersion"),
    "DeleteObject past its retention": _freed,
    "DeleteObjectTagging": _of_object("s3:DeleteObjectTagging"),
    "DeleteObjectTagging of a version": _tagged_version("s3:DeleteObjectVersionTagging"),
    "DeleteObjects": _removed("s3:DeleteObject"),
    "DeleteObjects of a version": _removed("s3:DeleteObjectVersion", version=True),
    "DeletePublicAccessBlock": _of("s3:PutBucketPublicAccessBlock"),
    "GetBucketAccelerateConfiguration": _of("s3:GetAccelerateConfiguration"),
    "GetBucketAcl": _of("s3:GetBucketAcl"),
    "GetBucketCors": _configured("s3:GetBucketCORS", "put_bucket_cors", CORSConfiguration=RULES),
    "GetBucketEncryption": _of("s3:GetEncryptionConfiguration"),
    "GetBucketIntelligentTieringConfiguration": _configured(
        "s3:GetIntelligentTieringConfiguration", "put_bucket_intelligent_tiering_configuration",
        Id="t", IntelligentTieringConfiguration=TIERING),
    "GetBucketLifecycleConfiguration": _configured(
        "s3:GetLifecycleConfiguration", "put_bucket_lifecycle_configuration", LifecycleConfiguration=LIFECYCLE),
    "GetBucketLocation": _of("s3:GetBucketLocation"),
    "GetBucketLogging": _of("s3:GetBucketLogging"),
    "GetBucketNotificationConfiguration": _of("s3:GetBucketNotification"),
    "GetBucketOwnershipControls": _of("s3:GetBucketOwnershipControls"),
    "GetBucketPolicy": lambda w: _policy(w, "s3:GetBucketPolicy"),
    "GetBucketPolicyStatus": lambda w: _policy(w, "s3:GetBucketPolicyStatus"),
    "GetBucketReplication": _of("s3:GetReplicationConfiguration", code="ReplicationConfigurationNotFoundError"),
    "GetBucketRequestPayment": _of("s3:GetBucketRequestPayment"),
    "GetBucketTagging": _configured("s3:GetBucketTagging", "put_bucket_tagging", Tagging={"TagSet": TAGS}),
    "GetBucketVersioning": _of("s3:GetBucketVersioning"),
    "GetBucketWebsite": _configured("s3:GetBucketWebsite", "put_bucket_website", WebsiteConfiguration=SITE),
    "GetObject": _of_object("s3:GetObject"),
    "GetObject of a version": _of_version("s3:GetObjectVersion"),
    "GetObject under a key of KMS": _decrypted,
    "GetObjectAcl": _of_object("s3:GetObjectAcl"),
    "GetObjectAcl of a version": _of_version("s3:GetObjectVersionAcl"),
    "GetObjectAttributes": _of_object("s3:GetObject", "s3:GetObjectAttributes", ObjectAttributes=["ETag"]),
    "GetObjectAttributes of a version": _of_version(
        "s3:GetObjectVersion", "s3:GetObjectVersionAttributes", ObjectAttributes=["ETag"]),
    "GetObjectLegalHold": _locked("s3:GetObjectLegalHold"),
    "GetObjectLockConfiguration": lambda w: _bucket(_lock_bucket(w), "s3:GetBucketObjectLockConfiguration"),
    "GetObjectRetention": _locked("s3:GetObjectRetention"),
    "GetObjectTagging": _of_object("s3:GetObjectTagging"),
    "GetObjectTagging of a version": _tagged_version("s3:GetObjectVersionTagging"),
    "GetPublicAccessBlock": _of("s3:GetBucketPublicAccessBlock"),
    "HeadBucket": _silent(_of("s3:ListBucket")),
    "HeadObject": _silent(_of_object("s3:GetObject")),
    "HeadObject of a version": _silent(_of_version("s3:GetObjectVersion")),
    "ListBucketIntelligentTieringConfigurations": _of("s3:GetIntelligentTieringConfiguration"),
    "ListBuckets": lambda w: Ask({}, [("s3:ListAllMyBuckets", "*")]),
    "ListDirectoryBuckets": lambda w: Ask({}, [("s3express:ListAllMyDirectoryBuckets", "*")]),
    "ListMultipartUploads": _of("s3:ListBucketMultipartUploads"),
    "ListObjectVersions": _of("s3:ListBucketVersions"),
    "ListObjects": _of("s3:ListBucket"),
    "ListObjectsV2": _of("s3:ListBucket"),
    "ListParts": _uploaded("s3:ListMultipartUploadParts"),
    "PutBucketAcl": lambda w: _bucket(_with_lists(w), "s3:PutBucketAcl", ACL="private"),
    "PutBucketCors": _of("s3:PutBucketCORS", CORSConfiguration=RULES),
    "PutBucketEncryption": _of("s3:PutEncryptionConfiguration", ServerSideEncryptionConfiguration=SSE),
    "PutBucketIntelligentTieringConfiguration": _of(
        "s3:PutIntelligentTieringConfiguration", Id="t", IntelligentTieringConfiguration=TIERING),
    "PutBucketLifecycleConfiguration": _of("s3:PutLifecycleConfiguration", LifecycleConfiguration=LIFECYCLE),
    "PutBucketLogging": _of("s3:PutBucketLogging", BucketLoggingStatus={}),
    "PutBucketNotificationConfiguration": _of("s3:PutBucketNotification", NotificationConfiguration={}),
    "PutBucketOwnershipControls": _of("s3:PutBucketOwnershipControls", OwnershipControls=CONTROLS),
    "PutBucketPolicy": lambda w: _policy(w, "s3:PutBucketPolicy", put=True),
    "PutBucketRequestPayment": _of(
        "s3:PutBucketRequestPayment", RequestPaymentConfiguration={"Payer": "Requester"}),
    "PutBucketTagging": _of("s3:PutBucketTagging", Tagging={"TagSet": TAGS}),
    "PutBucketVersioning": _of("s3:PutBucketVersioning", VersioningConfiguration={"Status": "Enabled"}),
    "PutBucketWebsite": _of("s3:PutBucketWebsite", WebsiteConfiguration=SITE),
    "PutObject": _written("s3:PutObject"),
    "PutObject under a key of KMS": _encrypted,
    "PutObject with a legal hold": _written_locked("s3:PutObjectLegalHold", ObjectLockLegalHoldStatus="ON"),
    "PutObject with a retention": lambda w: _written_locked(
        "s3:PutObjectRetention", ObjectLockMode="GOVERNANCE",
        ObjectLockRetainUntilDate=retained(days=1)["RetainUntilDate"])(w),
    "PutObject with an ACL": lambda w: _object(
        _with_lists(w), "s3:PutObject", "s3:PutObjectAcl", Body=b"x", ACL="private"),
    "PutObject with tags": _written("s3:PutObject", "s3:PutObjectTagging", Tagging="a=b"),
    "PutObjectAcl": _own_list,
    "PutObjectAcl of a version": _own_list_of_version,
    "PutObjectLegalHold": _locked("s3:PutObjectLegalHold", LegalHold={"Status": "OFF"}),
    "PutObjectLockConfiguration": lambda w: _bucket(
        _lock_bucket(w), "s3:PutBucketObjectLockConfiguration", ObjectLockConfiguration=LOCK),
    "PutObjectRetention": lambda w: _locked("s3:PutObjectRetention", held=False, Retention=retained(days=1))(w),
    "PutObjectRetention that is shortened": _shortened,
    "PutObjectTagging": _of_object("s3:PutObjectTagging", Tagging={"TagSet": TAGS}),
    "PutObjectTagging of a version": _tagged_version("s3:PutObjectVersionTagging", Tagging={"TagSet": TAGS}),
    "PutPublicAccessBlock": _of("s3:PutBucketPublicAccessBlock", PublicAccessBlockConfiguration=BLOCK),
    "RenameObject": _renamed,
    "RestoreObject": lambda w: _object(
        w.new_object(StorageClass="GLACIER"), "s3:RestoreObject", RestoreRequest={"Days": 1}),
    "UploadPart": _uploaded("s3:PutObject", PartNumber=2, Body=b"y"),
    "UploadPartCopy": _copied("UploadPartCopy"),
}
