"""IAM by boto3 and the AWS CLI: users, groups, roles, keys, policies; what each is allowed counts at once."""

import csv
import io
import json
import re

import pytest
from botocore.exceptions import ClientError

from conftest import _pond
from iam_world import ADMIN, S3_FULL, TRUST, calls, document, prepared, snake, text, world
from operations import ACCOUNT
from raw import Request

OTHER = "111122223333"


def fails(code, words, call, status=None, **arguments):
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    error = raised.value.response["Error"]
    assert error["Code"] == code, error
    assert words in error["Message"], error
    statuses = {"NoSuchEntity": 404, "EntityAlreadyExists": 409, "DeleteConflict": 409, "LimitExceeded": 409, "AccessDenied": 403}
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == (status or statuses.get(code, 400))


def pages(call, member, **arguments):
    found, marker = [], {}
    while True:
        page = call(**arguments, **marker)
        found += page[member]
        assert len(page[member]) <= arguments.get("MaxItems", 100)
        if not page["IsTruncated"]:
            assert "Marker" not in page
            return found
        marker = {"Marker": page["Marker"]}


def keys_of(iam, user):
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}


@pytest.fixture
def iam(pond):
    return pond.client("iam")


@pytest.fixture
def user(iam, name):
    iam.create_user(UserName=name)
    return name


# Resources


def test_a_user_is_what_was_asked_for(iam, name):
    tags = [{"Key": "Team", "Value": "lake"}]
    made = iam.create_user(UserName=name, Path="/division/", Tags=tags, PermissionsBoundary=ADMIN)["User"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/division/{name}"
    assert re.fullmatch("AIDA[A-Z2-7]{17}", made["UserId"])
    assert made["PermissionsBoundary"]["PermissionsBoundaryArn"] == ADMIN
    assert (made["Path"], made["UserName"], made["Tags"]) == ("/division/", name, tags)
    assert iam.get_user(UserName=name)["User"] == made
    assert iam.get_user(UserName=name.upper())["User"] == made, "names are told apart without regard to case"
    fails("EntityAlreadyExists", f"User with name {name.upper()} already exists.", iam.create_user, UserName=name.upper())
    [listed] = iam.list_users(PathPrefix="/division/")["Users"]
    assert listed == {k: v for k, v in made.items() if k not in ("Tags", "PermissionsBoundary")}
    iam.update_user(UserName=name, NewPath="/x/", NewUserName=f"{name}-2")
    renamed = iam.get_user(UserName=f"{name}-2")["User"]
    assert renamed == {**made, "UserName": f"{name}-2", "Path": "/x/", "Arn": f"arn:aws:iam::{ACCOUNT}:user/x/{name}-2"}
    fails("NoSuchEntity", f"The user with name {name} cannot be found.", iam.get_user, UserName=name)
    iam.delete_user(UserName=f"{name}-2")
    fails("NoSuchEntity", "cannot be found", iam.delete_user, UserName=f"{name}-2")


def test_what_hangs_on_a_user_keeps_it(iam, user, name):
    group = f"g-{name}"
    iam.create_group(GroupName=group)
    key = iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
    iam.create_login_profile(UserName=user, Password="Mill-Stone-7")
    iam.add_user_to_group(GroupName=group, UserName=user)
    iam.attach_user_policy(UserName=user, PolicyArn=S3_FULL)
    iam.put_user_policy(UserName=user, PolicyName="own", PolicyDocument=text({"Action": "s3:*"}))
    for words, undo in [
        ("must delete login profile first", lambda: iam.delete_login_profile(UserName=user)),
        ("must delete access keys first", lambda: iam.delete_access_key(UserName=user, AccessKeyId=key)),
        ("must remove users from group first", lambda: iam.remove_user_from_group(GroupName=group, UserName=user)),
        ("must detach all policies first", lambda: iam.detach_user_policy(UserName=user, PolicyArn=S3_FULL)),
        ("must delete policies first", lambda: iam.delete_user_policy(UserName=user, PolicyName="own")),
    ]:
        fails("DeleteConflict", words, iam.delete_user, UserName=user)
        undo()
    iam.delete_user(UserName=user)


def test_groups_have_users(iam, user, name):
    group = f"g-{name}"
    made = iam.create_group(GroupName=group, Path="/a/")["Group"]
    assert re.fullmatch("AGPA[A-Z2-7]{17}", made["GroupId"]) and made["Arn"].endswith(f":group/a/{group}")
    for _ in range(2):
        iam.add_user_to_group(GroupName=group, UserName=user)
    got = iam.get_group(GroupName=group)
    assert got["Group"] == made and [one["UserName"] for one in got["Users"]] == [user]
    assert [one["GroupName"] for one in iam.list_groups_for_user(UserName=user)["Groups"]] == [group]
    assert made in pages(iam.list_groups, "Groups", PathPrefix="/a/", MaxItems=1)
    fails("DeleteConflict", "must remove users from group first", iam.delete_group, GroupName=group)
    fails("NoSuchEntity", "The user with name nobody cannot be found.", iam.add_user_to_group, GroupName=group, UserName="nobody")
    fails("NoSuchEntity", "The group with name none cannot be found.", iam.add_user_to_group, GroupName="none", UserName=user)
    iam.update_group(GroupName=group, NewGroupName=f"{group}-2", NewPath="/b/")
    assert iam.get_group(GroupName=f"{group}-2")["Group"]["Arn"].endswith(f":group/b/{group}-2")
    iam.remove_user_from_group(GroupName=f"{group}-2", UserName=user)
    iam.delete_group(GroupName=f"{group}-2")


def test_a_user_is_in_ten_groups(iam, user, name):
    for number in range(10):
        iam.create_group(GroupName=f"{name}-{number}")
        iam.add_user_to_group(GroupName=f"{name}-{number}", UserName=user)
    iam.create_group(GroupName=f"{name}-10")
    fails("LimitExceeded", "GroupsPerUser: 10", iam.add_user_to_group, GroupName=f"{name}-10", UserName=user)


def test_a_role_is_what_was_asked_for(iam, name):
    made = iam.create_role(
        RoleName=name, Path="/jobs/", AssumeRolePolicyDocument=json.dumps(TRUST), Description="delivers",
        MaxSessionDuration=7200, PermissionsBoundary=ADMIN, Tags=[{"Key": "team", "Value": "lake"}],
    )["Role"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/jobs/{name}" and re.fullmatch("AROA[A-Z2-7]{17}", made["RoleId"])
    assert made["AssumeRolePolicyDocument"] == TRUST and made["MaxSessionDuration"] == 7200
    assert iam.get_role(RoleName=name)["Role"] == {**made, "RoleLastUsed": {}}
    [listed] = iam.list_roles(PathPrefix="/jobs/")["Roles"]
    assert listed == {k: v for k, v in made.items() if k not in ("Tags", "PermissionsBoundary")}
    iam.update_role(RoleName=name, Description="d2", MaxSessionDuration=3600)
    assert iam.update_role_description(RoleName=name, Description="d3")["Role"]["Description"] == "d3"
    narrower = {**TRUST, "Statement": [{**TRUST["Statement"][0], "Principal": {"Service": "glue.amazonaws.com"}}]}
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(narrower))
    got = iam.get_role(RoleName=name)["Role"]
    assert (got["AssumeRolePolicyDocument"], got["MaxSessionDuration"]) == (narrower, 3600)
    for bad, words in [
        ("{", "Syntax errors in policy."),
        (json.dumps({**TRUST, "Statement": [{**TRUST["Statement"][0], "Resource": "*"}]}), "Has prohibited field Resource"),
        (json.dumps({**TRUST, "Statement": [{**TRUST["Statement"][0], "Principal": {"AWS": "nobody"}}]}), "Invalid principal"),
    ]:
        fails("MalformedPolicyDocument", words, iam.update_assume_role_policy, RoleName=name, PolicyDocument=bad)
        fails("MalformedPolicyDocument", words, iam.create_role, RoleName=f"{name}-2", AssumeRolePolicyDocument=bad)
    iam.delete_role(RoleName=name)


def test_a_trust_policy_means_who_was_there(iam, user, name):
    arn, id_ = (iam.get_user(UserName=user)["User"][member] for member in ("Arn", "UserId"))
    trust = {**TRUST, "Statement": [{**TRUST["Statement"][0], "Principal": {"AWS": arn}}]}
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))

    def principal():
        return iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["AWS"]

    assert principal() == arn
    iam.update_user(UserName=user, NewPath="/moved/")
    assert principal() == f"arn:aws:iam::{ACCOUNT}:user/moved/{user}"
    iam.delete_user(UserName=user)
    iam.create_user(UserName=user, Path="/moved/")
    assert principal() == id_


def test_a_user_has_two_keys(pond, iam, user):
    made = [iam.create_access_key(UserName=user)["AccessKey"] for _ in range(2)]
    assert all(re.fullmatch("AKIA[A-Z2-7]{16}", key["AccessKeyId"]) for key in made)
    assert all(len(key["SecretAccessKey"]) == 40 and key["Status"] == "Active" for key in made)
    fails("LimitExceeded", "AccessKeysPerUser: 2", iam.create_access_key, UserName=user)
    listed = pages(iam.list_access_keys, "AccessKeyMetadata", UserName=user, MaxItems=1)
    assert {key["AccessKeyId"] for key in listed} == {key["AccessKeyId"] for key in made}
    assert all("SecretAccessKey" not in key for key in listed)
    keys = {"aws_access_key_id": made[0]["AccessKeyId"], "aws_secret_access_key": made[0]["SecretAccessKey"]}
    sts = pond.client("sts", keys=keys)
    assert sts.get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/{user}"
    iam.update_access_key(UserName=user, AccessKeyId=made[0]["AccessKeyId"], Status="Inactive")
    fails("InvalidClientTokenId", "", sts.get_caller_identity, status=403)
    iam.update_access_key(UserName=user, AccessKeyId=made[0]["AccessKeyId"], Status="Active")
    sts.get_caller_identity()
    iam.delete_access_key(UserName=user, AccessKeyId=made[0]["AccessKeyId"])
    fails("InvalidClientTokenId", "", sts.get_caller_identity, status=403)
    fails("NoSuchEntity", "The Access Key with id", iam.delete_access_key, UserName=user, AccessKeyId=made[0]["AccessKeyId"])


def test_keys_survive_and_their_secrets_stay_secret(fresh_pond):
    iam = fresh_pond.client("iam")
    iam.create_user(UserName="bob")
    keys = keys_of(iam, "bob")
    iam.create_login_profile(UserName="bob", Password="Planted-Password-1")
    fresh_pond.kill()
    fresh_pond.start()
    assert fresh_pond.client("sts", keys=keys).get_caller_identity()["Arn"].endswith("user/bob")
    for file in (file for file in fresh_pond.folder.rglob("*") if file.is_file()):
        content = file.read_bytes()
        assert keys["aws_secret_access_key"].encode() not in content, file
        assert b"Planted-Password-1" not in content, file


def test_the_last_use_of_a_key_is_known(pond, iam, user):
    keys = keys_of(iam, user)
    used = iam.get_access_key_last_used(AccessKeyId=keys["aws_access_key_id"])
    assert used["UserName"] == user
    assert (used["AccessKeyLastUsed"]["ServiceName"], used["AccessKeyLastUsed"]["Region"]) == ("N/A", "N/A")
    pond.client("sts", "eu-west-1", keys=keys).get_caller_identity()
    used = iam.get_access_key_last_used(AccessKeyId=keys["aws_access_key_id"])["AccessKeyLastUsed"]
    assert (used["ServiceName"], used["Region"]) == ("sts", "eu-west-1") and used["LastUsedDate"]
    with pytest.raises(ClientError):
        pond.client("s3", "us-west-2", keys=keys).list_buckets()
    used = iam.get_access_key_last_used(AccessKeyId=keys["aws_access_key_id"])["AccessKeyLastUsed"]
    assert (used["ServiceName"], used["Region"]) == ("s3", "us-west-2")


def test_a_policy_has_versions(iam, name):
    made = iam.create_policy(
        PolicyName=name, Path="/team/", PolicyDocument=text({"Action": "s3:*"}), Description="d", Tags=[{"Key": "k", "Value": "v"}]
    )["Policy"]
    arn = made["Arn"]
    assert arn == f"arn:aws:iam::{ACCOUNT}:policy/team/{name}" and re.fullmatch("ANPA[A-Z2-7]{17}", made["PolicyId"])
    got = iam.get_policy(PolicyArn=arn)["Policy"]
    assert got == {**made, "Description": "d"}
    assert (got["DefaultVersionId"], got["AttachmentCount"], got["IsAttachable"]) == ("v1", 0, True)
    for number in range(2, 6):
        version = iam.create_policy_version(
            PolicyArn=arn, PolicyDocument=text({"Action": f"s3:Get{number}"}), SetAsDefault=number == 3
        )["PolicyVersion"]
        assert (version["VersionId"], version["IsDefaultVersion"]) == (f"v{number}", number == 3)
    fails("LimitExceeded", "up to 5 versions", iam.create_policy_version, PolicyArn=arn, PolicyDocument=text({"Action": "*"}))
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v3")["PolicyVersion"]["Document"] == document({"Action": "s3:Get3"})
    versions = pages(iam.list_policy_versions, "Versions", PolicyArn=arn, MaxItems=2)
    assert [one["VersionId"] for one in versions] == ["v5", "v4", "v3", "v2", "v1"]
    fails("DeleteConflict", "default version", iam.delete_policy_version, PolicyArn=arn, VersionId="v3")
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v1"
    fails("DeleteConflict", "more than one version", iam.delete_policy, PolicyArn=arn)
    for number in range(2, 6):
        iam.delete_policy_version(PolicyArn=arn, VersionId=f"v{number}")
    fails("NoSuchEntity", "v2", iam.get_policy_version, PolicyArn=arn, VersionId="v2")
    iam.delete_policy(PolicyArn=arn)
    fails("NoSuchEntity", "was not found", iam.get_policy, PolicyArn=arn)


def test_policies_are_attached(iam, user, name):
    iam.create_group(GroupName=name)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    arn = iam.create_policy(PolicyName=name, PolicyDocument=text({"Action": "s3:*"}))["Policy"]["Arn"]
    for kind, argument in (("user", "UserName"), ("group", "GroupName"), ("role", "RoleName")):
        target = {argument: name}
        attach, detach = getattr(iam, f"attach_{kind}_policy"), getattr(iam, f"detach_{kind}_policy")
        listing = getattr(iam, f"list_attached_{kind}_policies")
        for policy in (arn, arn, S3_FULL):
            attach(**target, PolicyArn=policy)
        listed = pages(listing, "AttachedPolicies", **target, MaxItems=1)
        assert sorted(one["PolicyName"] for one in listed) == sorted([name, "AmazonS3FullAccess"])
        assert pages(listing, "AttachedPolicies", **target, PathPrefix="/nowhere/") == []
        fails("NoSuchEntity", "does not exist or is not attachable", attach, **target, PolicyArn=arn + "x")
        detach(**target, PolicyArn=S3_FULL)
        fails("NoSuchEntity", "was not found", detach, **target, PolicyArn=S3_FULL)
    iam.put_user_permissions_boundary(UserName=user, PermissionsBoundary=arn)
    got = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (got["AttachmentCount"], got["PermissionsBoundaryUsageCount"]) == (3, 1)
    entities = iam.list_entities_for_policy(PolicyArn=arn)
    assert [one["UserName"] for one in entities["PolicyUsers"]] == [user]
    assert [one["GroupName"] for one in entities["PolicyGroups"]] == [name]
    assert [one["RoleName"] for one in entities["PolicyRoles"]] == [name]
    only = iam.list_entities_for_policy(PolicyArn=arn, EntityFilter="User", PolicyUsageFilter="PermissionsBoundary")
    assert (len(only["PolicyUsers"]), only["PolicyGroups"], only["PolicyRoles"]) == (1, [], [])
    fails("DeleteConflict", "attached to entities", iam.delete_policy, PolicyArn=arn)
    listed = {one["PolicyName"] for one in pages(iam.list_policies, "Policies", OnlyAttached=True, Scope="Local", MaxItems=1)}
    assert name in listed
    iam.delete_user_permissions_boundary(UserName=user)
    iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=arn)
    assert iam.get_role(RoleName=name)["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn
    iam.delete_role_permissions_boundary(RoleName=name)
    assert "PermissionsBoundary" not in iam.get_role(RoleName=name)["Role"]


def test_inline_policies_belong_to_one(iam, user, name):
    iam.create_group(GroupName=name)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    for kind, argument, limit in (("user", "UserName", 2048), ("group", "GroupName", 5120), ("role", "RoleName", 10240)):
        target = {argument: name}
        put, get = getattr(iam, f"put_{kind}_policy"), getattr(iam, f"get_{kind}_policy")
        for policy in ("a", "b"):
            put(**target, PolicyName=policy, PolicyDocument=text({"Action": f"s3:{policy}*"}))
        got = get(**target, PolicyName="a")
        assert (got[argument], got["PolicyName"], got["PolicyDocument"]) == (name, "a", document({"Action": "s3:a*"}))
        assert pages(getattr(iam, f"list_{kind}_policies"), "PolicyNames", **target, MaxItems=1) == ["a", "b"]
        big = text({"Action": ["s3:" + "x" * 100] * (limit // 100)})
        fails("LimitExceeded", f"Maximum policy size of {limit} bytes exceeded for {kind} {name}", put, **target,
              PolicyName="c", PolicyDocument=big)
        fails("MalformedPolicyDocument", "should not specify a principal", put, **target, PolicyName="c",
              PolicyDocument=text({"Action": "*", "Principal": "*"}))
        getattr(iam, f"delete_{kind}_policy")(**target, PolicyName="a")
        fails("NoSuchEntity", f"The {kind} policy with name a cannot be found.", get, **target, PolicyName="a")


def test_documents_that_are_not_right(iam, name):
    for bad, words in [
        ("{", "Syntax errors in policy."),
        (json.dumps({"Version": "2008-10-17", "Statement": []}), ""),
        (text({"Action": "nothing"}), "must be prefaced by a vendor"),
        (text({"Action": "s3:*", "Resource": "lake"}), 'must be in ARN format or "*"'),
        (text({"Action": []}), "must contain actions"),
        (text({"Action": "*", "Sid": "a b"}), "SID"),
    ]:
        fails("MalformedPolicyDocument", words, iam.create_policy, PolicyName=name, PolicyDocument=bad)
    many = text({"Action": [f"s3:{number:0100}" for number in range(70)]})
    fails("LimitExceeded", "PolicySize: 6144", iam.create_policy, PolicyName=name, PolicyDocument=many)
    fails("InvalidInput", "is not valid", iam.get_policy, PolicyArn="arn:aws:s3:::not-a-policy")
    fails("ValidationError", "policyName", iam.create_policy, PolicyName="a b", PolicyDocument=text({"Action": "*"}))


def test_the_policies_that_aws_brings_along(iam):
    listed = pages(iam.list_policies, "Policies", Scope="AWS", MaxItems=7)
    names = [one["PolicyName"] for one in listed]
    assert names == sorted(names) and len(set(names)) == len(names)
    for wanted in (
        "AdministratorAccess", "PowerUserAccess", "ReadOnlyAccess", "SecurityAudit", "ViewOnlyAccess", "AmazonS3FullAccess",
        "AmazonS3ReadOnlyAccess", "AmazonKinesisFullAccess", "AmazonKinesisReadOnlyAccess", "AmazonKinesisFirehoseFullAccess",
        "AmazonKinesisFirehoseReadOnlyAccess", "AWSGlueServiceRole", "AWSGlueConsoleFullAccess", "AmazonAthenaFullAccess",
        "AWSLakeFormationDataAdmin", "AmazonSageMakerFullAccess", "AmazonSageMakerReadOnly", "AWSLambdaBasicExecutionRole",
        "AWSLambda_FullAccess", "AWSStepFunctionsFullAccess", "AWSKeyManagementServicePowerUser", "CloudWatchLogsFullAccess",
        "IAMFullAccess", "IAMReadOnlyAccess", "IAMUserChangePassword",
    ):
        assert wanted in names
    for one in listed:
        got = iam.get_policy(PolicyArn=one["Arn"])["Policy"]
        assert got["PolicyId"] == one["PolicyId"] and got["Description"]
        version = iam.get_policy_version(PolicyArn=one["Arn"], VersionId=got["DefaultVersionId"])["PolicyVersion"]
        assert version["Document"]["Version"] == "2012-10-17"
    fails("AccessDenied", "AWS managed policy", iam.delete_policy, PolicyArn=ADMIN)
    fails("AccessDenied", "AWS managed policy", iam.create_policy_version, PolicyArn=ADMIN, PolicyDocument=text({"Action": "*"}))
    assert iam.list_policy_versions(PolicyArn=ADMIN)["Versions"][0]["VersionId"] == "v1"
    assert iam.list_policy_tags(PolicyArn=ADMIN)["Tags"] == []


def test_instance_profiles_hold_a_role(iam, name):
    made = iam.create_instance_profile(InstanceProfileName=name, Path="/p/", Tags=[{"Key": "k", "Value": "v"}])["InstanceProfile"]
    assert made["Arn"].endswith(f":instance-profile/p/{name}") and re.fullmatch("AIPA[A-Z2-7]{17}", made["InstanceProfileId"])
    for role in (name, f"{name}-2"):
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    got = iam.get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
    assert [role["RoleName"] for role in got["Roles"]] == [name] and got["Tags"] == made["Tags"]
    fails("LimitExceeded", "1", iam.add_role_to_instance_profile, InstanceProfileName=name, RoleName=f"{name}-2")
    assert [one["InstanceProfileName"] for one in iam.list_instance_profiles_for_role(RoleName=name)["InstanceProfiles"]] == [name]
    assert name in [one["InstanceProfileName"] for one in pages(iam.list_instance_profiles, "InstanceProfiles", MaxItems=1)]
    fails("DeleteConflict", "must remove roles from instance profile first", iam.delete_role, RoleName=name)
    fails("DeleteConflict", "must remove roles from instance profile first", iam.delete_instance_profile, InstanceProfileName=name)
    iam.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=name)
    fails("NoSuchEntity", "", iam.remove_role_from_instance_profile, InstanceProfileName=name, RoleName=name)
    iam.delete_instance_profile(InstanceProfileName=name)
    iam.delete_role(RoleName=name)


def test_tags_come_and_go(iam, name):
    iam.create_user(UserName=name)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.create_instance_profile(InstanceProfileName=name)
    policy = iam.create_policy(PolicyName=name, PolicyDocument=text({"Action": "*"}))["Policy"]["Arn"]
    provider = iam.create_open_id_connect_provider(Url=f"https://{name}.example.com")["OpenIDConnectProviderArn"]
    for kind, target in (
        ("user", {"UserName": name}), ("role", {"RoleName": name}), ("instance_profile", {"InstanceProfileName": name}),
        ("policy", {"PolicyArn": policy}), ("open_id_connect_provider", {"OpenIDConnectProviderArn": provider}),
    ):
        tag, untag = getattr(iam, f"tag_{kind}"), getattr(iam, f"untag_{kind}")
        listing = getattr(iam, f"list_{kind}_tags")
        tag(**target, Tags=[{"Key": "Team", "Value": "a"}, {"Key": "b", "Value": ""}])
        tag(**target, Tags=[{"Key": "TEAM", "Value": "c"}])
        assert pages(listing, "Tags", **target, MaxItems=1) == [{"Key": "TEAM", "Value": "c"}, {"Key": "b", "Value": ""}]
        fails("InvalidInput", "Duplicate tag keys", tag, **target, Tags=[{"Key": "x", "Value": ""}, {"Key": "X", "Value": ""}])
        fails("LimitExceeded", "50", tag, **target, Tags=[{"Key": str(n), "Value": ""} for n in range(49)])
        untag(**target, TagKeys=["team", "none"])
        assert listing(**target)["Tags"] == [{"Key": "b", "Value": ""}]


def test_passwords(pond, iam, user):
    keys = keys_of(iam, user)
    mine = pond.client("iam", keys=keys)
    fails("PasswordPolicyViolation", "does not conform", iam.create_login_profile, UserName=user, Password="short")
    made = iam.create_login_profile(UserName=user, Password="Mill-Stone-7", PasswordResetRequired=True)["LoginProfile"]
    assert iam.get_login_profile(UserName=user)["LoginProfile"] == made and made["PasswordResetRequired"]
    fails("EntityAlreadyExists", "already exists", iam.create_login_profile, UserName=user, Password="Mill-Stone-7")
    change = {"OldPassword": "Mill-Stone-7", "NewPassword": "Mill-Stone-8"}
    fails("AccessDenied", "iam:ChangePassword", mine.change_password, **change)
    iam.update_account_password_policy(AllowUsersToChangePassword=True, PasswordReusePrevention=2, MinimumPasswordLength=10)
    policy = iam.get_account_password_policy()["PasswordPolicy"]
    assert (policy["MinimumPasswordLength"], policy["PasswordReusePrevention"], policy["ExpirePasswords"]) == (10, 2, False)
    fails("AccessDenied", "old password", mine.change_password, OldPassword="wrong", NewPassword="Mill-Stone-8")
    mine.change_password(**change)
    assert not iam.get_login_profile(UserName=user)["LoginProfile"]["PasswordResetRequired"]
    fails("PasswordPolicyViolation", "reuse", mine.change_password, OldPassword="Mill-Stone-8", NewPassword="Mill-Stone-7")
    fails("InvalidUserType", "Only IAM Users", iam.change_password, **change)
    iam.update_login_profile(UserName=user, Password="Mill-Stone-9", PasswordResetRequired=False)
    iam.delete_account_password_policy()
    fails("NoSuchEntity", "Password Policy with domain name", iam.get_account_password_policy)
    fails("NoSuchEntity", "Password Policy with domain name", iam.delete_account_password_policy)
    iam.delete_login_profile(UserName=user)
    fails("NoSuchEntity", f"Login Profile for User {user} cannot be found.", iam.get_login_profile, UserName=user)


def test_the_accounts_alias(iam, name):
    iam.create_account_alias(AccountAlias=name)
    assert iam.list_account_aliases()["AccountAliases"] == [name]
    fails("EntityAlreadyExists", "already exists", iam.create_account_alias, AccountAlias=name)
    iam.create_account_alias(AccountAlias=f"{name}-2")
    assert iam.list_account_aliases()["AccountAliases"] == [f"{name}-2"]
    for bad in ("a--b", "Ab1", "-ab"):
        fails("ValidationError", "accountAlias", iam.create_account_alias, AccountAlias=bad)
    fails("NoSuchEntity", "cannot be found", iam.delete_account_alias, AccountAlias=name)
    iam.delete_account_alias(AccountAlias=f"{name}-2")
    assert iam.list_account_aliases()["AccountAliases"] == []


def test_reports_and_summaries(iam, user):
    key = iam.create_access_key(UserName=user)["AccessKey"]["AccessKeyId"]
    iam.update_access_key(UserName=user, AccessKeyId=key, Status="Inactive")
    assert iam.generate_credential_report()["State"] == "STARTED"
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    report = iam.get_credential_report()
    assert report["ReportFormat"] == "text/csv"
    rows = {row["user"]: row for row in csv.DictReader(io.StringIO(report["Content"].decode()))}
    row = rows[user]
    assert (row["password_enabled"], row["access_key_1_active"], row["access_key_2_active"]) == ("false", "false", "false")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", row["access_key_1_last_rotated"])
    assert "<root_account>" in rows
    summary = iam.get_account_summary()["SummaryMap"]
    assert summary["Users"] == len(iam.list_users(MaxItems=1000)["Users"]) and summary["UsersQuota"] == 5000


def test_a_report_is_one_for_four_hours(lab):
    iam = lab.client("iam")
    fails("ReportNotPresent", "No report is present", iam.get_credential_report, status=410)
    iam.generate_credential_report()
    iam.get_credential_report()
    from test_kms import turn
    turn(lab, "5h")
    fails("ReportExpired", "expired", iam.get_credential_report, status=410)
    assert iam.generate_credential_report()["State"] == "STARTED"


def test_everything_at_once(iam, user, name):
    iam.create_group(GroupName=name)
    iam.add_user_to_group(GroupName=name, UserName=user)
    iam.put_user_policy(UserName=user, PolicyName="own", PolicyDocument=text({"Action": "s3:*"}))
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.attach_role_policy(RoleName=name, PolicyArn=ADMIN)
    iam.create_policy(PolicyName=name, PolicyDocument=text({"Action": "*"}))
    found, marker = {"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": [], "Policies": []}, {}
    while True:
        page = iam.get_account_authorization_details(MaxItems=5, **marker)
        for member in found:
            found[member] += page[member]
        if not page["IsTruncated"]:
            break
        marker = {"Marker": page["Marker"]}
    [mine] = [one for one in found["UserDetailList"] if one["UserName"] == user]
    assert mine["GroupList"] == [name]
    assert mine["UserPolicyList"] == [{"PolicyName": "own", "PolicyDocument": document({"Action": "s3:*"})}]
    [role] = [one for one in found["RoleDetailList"] if one["RoleName"] == name]
    assert role["AttachedManagedPolicies"] == [{"PolicyName": "AdministratorAccess", "PolicyArn": ADMIN}]
    assert [one["GroupName"] for one in found["GroupDetailList"]].count(name) == 1
    [policy] = [one for one in found["Policies"] if one["PolicyName"] == name]
    assert policy["PolicyVersionList"][0]["Document"] == document({"Action": "*"})
    only = iam.get_account_authorization_details(Filter=["Group"], MaxItems=1000)
    assert only["GroupDetailList"] and not (only["UserDetailList"] or only["RoleDetailList"] or only["Policies"])


def test_providers_of_identities(iam, name):
    url, print_ = f"https://{name}.example.com/realm", "a" * 40
    made = iam.create_open_id_connect_provider(Url=url, ClientIDList=["mill"], ThumbprintList=[print_])
    arn = made["OpenIDConnectProviderArn"]
    assert arn == f"arn:aws:iam::{ACCOUNT}:oidc-provider/{name}.example.com/realm"
    fails("EntityAlreadyExists", f"Provider with url {url} already exists.", iam.create_open_id_connect_provider, Url=url)
    fails("ValidationError", "URL", iam.create_open_id_connect_provider, Url="http://example.com")
    for client in ("other", "other"):
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID=client)
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="mill")
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=["b" * 40])
    got = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert (got["Url"], got["ClientIDList"], got["ThumbprintList"]) == (url[8:], ["other"], ["b" * 40])
    assert {"Arn": arn} in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    fails("NoSuchEntity", "not found for arn", iam.get_open_id_connect_provider, OpenIDConnectProviderArn=arn)


def test_a_services_own_role(iam):
    service = "lakeformation.amazonaws.com"
    role = iam.create_service_linked_role(AWSServiceName=service)["Role"]
    name = role["RoleName"]
    assert role["Path"] == f"/aws-service-role/{service}/"
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": service}
    fails("InvalidInput", "has been taken", iam.create_service_linked_role, AWSServiceName=service)
    fails("InvalidInput", "has no service-linked role", iam.create_service_linked_role, AWSServiceName="none.amazonaws.com")
    for call, more in (
        (iam.delete_role, {}), (iam.attach_role_policy, {"PolicyArn": ADMIN}), (iam.update_role, {"Description": "x"}),
        (iam.put_role_policy, {"PolicyName": "p", "PolicyDocument": text({"Action": "*"})}),
    ):
        fails("UnmodifiableEntity", "protected role", call, RoleName=name, **more)
    task = iam.delete_service_linked_role(RoleName=name)["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    fails("NoSuchEntity", "cannot be found", iam.get_role, RoleName=name)
    fails("NoSuchEntity", "cannot be found", iam.get_service_linked_role_deletion_status, DeletionTaskId="task/aws-service-role/x/y/z")


# What counts


def test_a_deny_and_a_boundary_count_at_once(pond, iam, user, name):
    keys = keys_of(iam, user)
    s3 = pond.client("s3", keys=keys)
    fails("AccessDenied", "no identity-based policy allows", s3.create_bucket, Bucket=name)
    iam.attach_user_policy(UserName=user, PolicyArn=S3_FULL)
    s3.create_bucket(Bucket=name)
    iam.put_user_policy(UserName=user, PolicyName="no", PolicyDocument=text({"Effect": "Deny", "Action": "s3:PutObject"}))
    fails("AccessDenied", "explicit deny in an identity-based policy", s3.put_object, Bucket=name, Key="k", Body=b"x")
    iam.delete_user_policy(UserName=user, PolicyName="no")
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    fence = iam.create_policy(PolicyName=name, PolicyDocument=text({"Action": "s3:GetObject"}))["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName=user, PermissionsBoundary=fence)
    s3.get_object(Bucket=name, Key="k")
    fails("AccessDenied", "no permissions boundary allows", s3.put_object, Bucket=name, Key="k", Body=b"x")
    iam.create_policy_version(PolicyArn=fence, PolicyDocument=text({"Action": "s3:*"}), SetAsDefault=True)
    s3.put_object(Bucket=name, Key="k", Body=b"y")
    iam.delete_user_permissions_boundary(UserName=user)
    iam.create_group(GroupName=name)
    iam.put_group_policy(GroupName=name, PolicyName="no", PolicyDocument=text({"Effect": "Deny", "Action": "*"}))
    iam.add_user_to_group(GroupName=name, UserName=user)
    fails("AccessDenied", "explicit deny", s3.get_object, Bucket=name, Key="k")
    iam.remove_user_from_group(GroupName=name, UserName=user)
    s3.get_object(Bucket=name, Key="k")


def test_paths_tags_and_policies_are_conditions(pond, iam, user, name):
    keys = keys_of(iam, user)
    mine = pond.client("iam", keys=keys)

    def may(*statements):
        iam.put_user_policy(UserName=user, PolicyName="own", PolicyDocument=text(*statements))

    may({"Action": "iam:CreateUser", "Resource": f"arn:aws:iam::{ACCOUNT}:user/team/*",
         "Condition": {"StringEquals": {"iam:PermissionsBoundary": S3_FULL, "aws:RequestTag/team": "lake"}}},
        {"Action": "iam:TagUser", "Condition": {"StringEquals": {"aws:RequestTag/team": "lake"}}})
    wanted = {"UserName": f"{name}-a", "Path": "/team/", "PermissionsBoundary": S3_FULL, "Tags": [{"Key": "team", "Value": "lake"}]}
    for change in ({"Path": "/other/"}, {"PermissionsBoundary": ADMIN}, {"Tags": [{"Key": "team", "Value": "x"}]}):
        fails("AccessDenied", "iam:CreateUser", mine.create_user, **{**wanted, **change})
    mine.create_user(**wanted)
    may({"Action": "iam:AttachUserPolicy", "Condition": {"ArnEquals": {"iam:PolicyARN": S3_FULL}}})
    fails("AccessDenied", "iam:AttachUserPolicy", mine.attach_user_policy, UserName=user, PolicyArn=ADMIN)
    mine.attach_user_policy(UserName=f"{name}-a", PolicyArn=S3_FULL)
    may({"Action": "iam:GetUser", "Condition": {"StringEquals": {"iam:ResourceTag/team": "lake"}}})
    fails("AccessDenied", "iam:GetUser", mine.get_user, UserName=user)
    mine.get_user(UserName=f"{name}-a")
    may({"Action": "iam:GetUser", "Resource": "arn:aws:iam::*:user/${aws:username}"})
    assert mine.get_user()["User"]["UserName"] == user
    fails("AccessDenied", f"user/team/{name}-a", mine.get_user, UserName=f"{name}-a")
    # Who may not see a user does not learn whether there is one.
    fails("AccessDenied", "iam:GetUser", mine.get_user, UserName="nobody-at-all")


def test_the_simulator_decides_as_requests_are_decided(iam, user):
    fence = text({"Action": ["s3:*", "kms:*"]})
    iam.put_user_policy(UserName=user, PolicyName="own", PolicyDocument=text(
        {"Action": "s3:*", "Resource": "arn:aws:s3:::lake/*"},
        {"Effect": "Deny", "Action": "s3:DeleteObject"},
        {"Action": "sqs:*", "Condition": {"StringEquals": {"aws:RequestTag/team": "lake"}}},
    ))
    arn = iam.get_user(UserName=user)["User"]["Arn"]

    def verdicts(**more):
        results = iam.simulate_principal_policy(PolicySourceArn=arn, **more)["EvaluationResults"]
        return [(one["EvalActionName"], one["EvalResourceName"], one["EvalDecision"]) for one in results], results

    lake, other = "arn:aws:s3:::lake/k", "arn:aws:s3:::other/k"
    got, results = verdicts(ActionNames=["s3:GetObject", "s3:DeleteObject"], ResourceArns=[lake, other])
    assert got == [
        ("s3:GetObject", lake, "allowed"), ("s3:GetObject", other, "implicitDeny"),
        ("s3:DeleteObject", lake, "explicitDeny"), ("s3:DeleteObject", other, "explicitDeny"),
    ]
    [statement] = results[0]["MatchedStatements"]
    assert (statement["SourcePolicyId"], statement["SourcePolicyType"]) == (f"user_{user}_own", "user")
    assert statement["StartPosition"]["Line"] == 1 and statement["StartPosition"]["Column"] > 20
    assert verdicts(ActionNames=["s3:GetObject"])[0] == [("s3:GetObject", "*", "implicitDeny")]
    assert verdicts(ActionNames=["sqs:SendMessage"])[1][0]["MissingContextValues"] == ["aws:RequestTag/team"]
    entry = {"ContextKeyName": "aws:RequestTag/team", "ContextKeyValues": ["lake"], "ContextKeyType": "string"}
    assert verdicts(ActionNames=["sqs:SendMessage"], ContextEntries=[entry])[0][0][2] == "allowed"
    _, [fenced] = verdicts(ActionNames=["sqs:SendMessage"], ContextEntries=[entry], PermissionsBoundaryPolicyInputList=[fence])
    assert (fenced["EvalDecision"], fenced["PermissionsBoundaryDecisionDetail"]) == (
        "implicitDeny", {"AllowedByPermissionsBoundary": False})
    assert verdicts(ActionNames=["sns:Publish"], PolicyInputList=[text({"Action": "sns:*"})])[0][0][2] == "allowed"
    assert iam.get_context_keys_for_principal_policy(PolicySourceArn=arn)["ContextKeyNames"] == ["aws:RequestTag/team"]
    fails("InvalidInput", "does not clearly define", iam.simulate_principal_policy, PolicySourceArn=ADMIN, ActionNames=["s3:GetObject"])
    fails("NoSuchEntity", "cannot be found", iam.simulate_principal_policy, PolicySourceArn=arn + "x", ActionNames=["s3:GetObject"])
    fails("ValidationError", "policyExclusionList", iam.simulate_principal_policy, PolicySourceArn=arn, ActionNames=["s3:GetObject"],
          PolicyExclusionList=[{"PolicyArn": ADMIN}])


def test_the_simulator_takes_any_policies(iam):
    policies = [text({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::home/${aws:username}/*"})]
    keys = iam.get_context_keys_for_custom_policy(PolicyInputList=policies)["ContextKeyNames"]
    assert keys == ["aws:username"]
    asked = {"PolicyInputList": policies, "ActionNames": ["s3:GetObject", "s3:PutObject"], "ResourceArns": ["arn:aws:s3:::home/bob/k"]}
    caller = f"arn:aws:iam::{ACCOUNT}:user/bob"
    results = pages(iam.simulate_custom_policy, "EvaluationResults", **asked, CallerArn=caller, MaxItems=1)
    assert [one["EvalDecision"] for one in results] == ["allowed", "implicitDeny"]
    assert results[0]["MatchedStatements"][0]["SourcePolicyId"] == "PolicyInputList.1"
    bucket = {"Effect": "Deny", "Principal": "*", "Action": "s3:*"}
    denied = iam.simulate_custom_policy(**asked, CallerArn=caller, ResourcePolicy=text(bucket), ResourceOwner=caller)
    assert [one["EvalDecision"] for one in denied["EvaluationResults"]] == ["explicitDeny"] * 2
    fails("InvalidInput", "Syntax errors", iam.simulate_custom_policy, PolicyInputList=["{"], ActionNames=["s3:GetObject"])
    fails("InvalidInput", "Invalid Action Name", iam.simulate_custom_policy, PolicyInputList=policies, ActionNames=["nothing"])


def test_two_accounts_do_not_see_each_other():
    for pond in _pond("--open"):
        def of(account):
            return pond.client("iam", keys={"aws_access_key_id": account, "aws_secret_access_key": "x"})

        ours, theirs = of(ACCOUNT), of(OTHER)
        found = world(ours, "same")
        assert theirs.list_users()["Users"] == theirs.list_roles()["Roles"] == theirs.list_groups()["Groups"] == []
        assert theirs.list_policies(Scope="Local")["Policies"] == []
        assert theirs.get_account_summary()["SummaryMap"]["Users"] == 0
        for operation, arguments in {**calls("same", found), **prepared("same", found)}.items():
            if not arguments or any(str(value).startswith(("same-new", "https://same-new")) for value in arguments.values()):
                continue
            if operation in ("CreateServiceLinkedRole", "GetContextKeysForCustomPolicy", "SimulateCustomPolicy", "ChangePassword"):
                continue
            with pytest.raises(ClientError) as raised:
                getattr(theirs, snake(operation))(**arguments)
            code = raised.value.response["Error"]["Code"]
            assert code in ("NoSuchEntity", "AccessDenied", "InvalidInput"), (operation, code)
        assert ours.get_user(UserName="same")["User"]["UserName"] == "same"
        theirs.create_user(UserName="same")
        assert theirs.get_user(UserName="same")["User"]["Arn"] == f"arn:aws:iam::{OTHER}:user/same"
        theirs.create_account_alias(AccountAlias="taken")
        fails("EntityAlreadyExists", "already exists", ours.create_account_alias, AccountAlias="taken")


def test_cycles_leave_no_difference(fresh_pond):
    iam = fresh_pond.client("iam")

    def everything():
        details = iam.get_account_authorization_details(MaxItems=1000)
        summary = iam.get_account_summary()["SummaryMap"]
        providers = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
        profiles = iam.list_instance_profiles()["InstanceProfiles"]
        return {k: v for k, v in details.items() if k != "ResponseMetadata"}, summary, providers, profiles

    before = everything()
    for _ in range(2):
        name = "cycle"
        found = world(iam, name)
        assert everything() != before
        read = iam.get_role(RoleName=name)["Role"]
        iam.update_role(RoleName=name, Description="x", MaxSessionDuration=7200)
        iam.update_role(RoleName=name, Description="")
        assert {**iam.get_role(RoleName=name)["Role"], "Description": None} == {**read, "Description": None}
        for kind, argument in (("user", "UserName"), ("group", "GroupName"), ("role", "RoleName")):
            target = {argument: name}
            getattr(iam, f"delete_{kind}_policy")(**target, PolicyName="own")
            getattr(iam, f"detach_{kind}_policy")(**target, PolicyArn=S3_FULL)
        iam.delete_access_key(UserName=name, AccessKeyId=found["key"])
        iam.delete_user(UserName=name)
        iam.delete_group(GroupName=name)
        iam.delete_role(RoleName=name)
        iam.delete_instance_profile(InstanceProfileName=name)
        iam.delete_policy(PolicyArn=found["policy"])
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=found["provider"])
        assert everything() == before


def test_the_command_line_speaks_it_too(pond, name):
    pond.cli("iam", "create-user", "--user-name", name, "--tags", "Key=team,Value=lake", "Key=b,Value=c")
    pond.cli("iam", "attach-user-policy", "--user-name", name, "--policy-arn", ADMIN)
    got = json.loads(pond.cli("iam", "get-user", "--user-name", name, "--output", "json").stdout)
    assert got["User"]["Tags"] == [{"Key": "b", "Value": "c"}, {"Key": "team", "Value": "lake"}]
    summary = json.loads(pond.cli("iam", "get-account-summary", "--output", "json").stdout)
    assert summary["SummaryMap"]["AccessKeysPerUserQuota"] == 2
    refused = pond.cli("iam", "get-user", "--user-name", "nobody", check=False)
    assert "(NoSuchEntity)" in refused.stderr


def test_malformed_forms_are_told_so(pond, iam, user):
    def send(**form):
        from urllib.parse import urlencode
        body = urlencode({"Version": "2010-05-08", **form}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        return Request("POST", f"{pond.endpoint}/", headers, body).sign(pond.credentials, "iam").send(pond)

    for form, code in (
        ({"Action": "GetUser", "UserName.member.1": "x"}, "MalformedInput"),
        ({"Action": "TagUser", "UserName": user, "Tags.member.x.Key": "a"}, "MalformedInput"),
        ({"Action": "TagUser", "UserName": user, "Tags.member.1.Key": "a"}, "ValidationError"),
        ({"Action": "ListUsers", "MaxItems": "many"}, "MalformedInput"),
        ({"Action": "ListUsers", "Marker": "x"}, "ValidationError"),
        ({"Action": "NoSuchThing"}, "InvalidAction"),
        ({"Action": "CreateVirtualMFADevice"}, "NotImplemented"),
    ):
        answer = send(**form)
        assert answer.code == code, (form, answer.status, answer.body)
