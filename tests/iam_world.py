"""A small world of IAM, and arguments with which every operation of IAM can be called on it."""

import json

from botocore import xform_name

from operations import ACCOUNT

ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
S3_FULL = "arn:aws:iam::aws:policy/AmazonS3FullAccess"
TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}]}


def document(*statements):
    filled = [{"Effect": "Allow", "Resource": "*", **statement} for statement in statements]
    return {"Version": "2012-10-17", "Statement": filled}


def text(*statements):
    return json.dumps(document(*statements))


def world(iam, name):
    """What the operations below are called on, made anew for each."""
    iam.create_user(UserName=name)
    iam.create_group(GroupName=name)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.create_instance_profile(InstanceProfileName=name)
    found = {
        "policy": iam.create_policy(PolicyName=name, PolicyDocument=text({"Action": "s3:*"}))["Policy"]["Arn"],
        "provider": iam.create_open_id_connect_provider(Url=f"https://{name}.example.com")["OpenIDConnectProviderArn"],
        "key": iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"],
    }
    for kind, argument in (("user", "UserName"), ("group", "GroupName"), ("role", "RoleName")):
        getattr(iam, f"put_{kind}_policy")(**{argument: name}, PolicyName="own", PolicyDocument=text({"Action": "s3:*"}))
        getattr(iam, f"attach_{kind}_policy")(**{argument: name}, PolicyArn=S3_FULL)
    iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=ADMIN)
    iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=ADMIN)
    return found


def calls(name, found):
    """Arguments for every operation, on the world of that name."""
    user, group, role = {"UserName": name}, {"GroupName": name}, {"RoleName": name}
    profile, policy = {"InstanceProfileName": name}, {"PolicyArn": found["policy"]}
    provider, key = {"OpenIDConnectProviderArn": found["provider"]}, {"AccessKeyId": found["key"]}
    own, body = {"PolicyName": "own"}, {"PolicyDocument": text({"Action": "s3:*"})}
    tags, untag, new = {"Tags": [{"Key": "a", "Value": "b"}]}, {"TagKeys": ["a"]}, f"{name}-new"
    trust, password = json.dumps(TRUST), {"Password": "Mill-Stone-7"}
    table = {
        "AddClientIDToOpenIDConnectProvider": {**provider, "ClientID": "c"},
        "AddRoleToInstanceProfile": {**profile, **role},
        "AddUserToGroup": {**group, **user},
        "CreateAccessKey": user,
        "CreateAccountAlias": {"AccountAlias": new},
        "CreateGroup": {"GroupName": new},
        "CreateInstanceProfile": {"InstanceProfileName": new},
        "CreateLoginProfile": {**user, **password},
        "CreateOpenIDConnectProvider": {"Url": f"https://{new}.example.com"},
        "CreatePolicy": {"PolicyName": new, **body},
        "CreatePolicyVersion": {**policy, **body},
        "CreateRole": {"RoleName": new, "AssumeRolePolicyDocument": trust},
        "CreateServiceLinkedRole": {"AWSServiceName": "ops.emr-serverless.amazonaws.com"},
        "CreateUser": {"UserName": new},
        "DeleteAccessKey": {**user, **key},
        "DeleteInstanceProfile": profile,
        "DeleteOpenIDConnectProvider": provider,
        "DeletePolicy": policy,
        "GenerateCredentialReport": {},
        "GetAccessKeyLastUsed": key,
        "GetAccountAuthorizationDetails": {},
        "GetAccountSummary": {},
        "GetContextKeysForCustomPolicy": {"PolicyInputList": [body["PolicyDocument"]]},
        "GetContextKeysForPrincipalPolicy": {"PolicySourceArn": f"arn:aws:iam::{ACCOUNT}:user/{name}"},
        "GetGroup": group,
        "GetInstanceProfile": profile,
        "GetOpenIDConnectProvider": provider,
        "GetPolicy": policy,
        "GetPolicyVersion": {**policy, "VersionId": "v1"},
        "GetRole": role,
        "GetUser": user,
        "ListAccessKeys": user,
        "ListAccountAliases": {},
        "ListEntitiesForPolicy": policy,
        "ListGroups": {},
        "ListGroupsForUser": user,
        "ListInstanceProfileTags": profile,
        "ListInstanceProfiles": {},
        "ListInstanceProfilesForRole": role,
        "ListOpenIDConnectProviderTags": provider,
        "ListOpenIDConnectProviders": {},
        "ListPolicies": {},
        "ListPolicyTags": policy,
        "ListPolicyVersions": policy,
        "ListRoleTags": role,
        "ListRoles": {},
        "ListUserTags": user,
        "ListUsers": {},
        "PutRolePermissionsBoundary": {**role, "PermissionsBoundary": ADMIN},
        "PutUserPermissionsBoundary": {**user, "PermissionsBoundary": ADMIN},
        "DeleteRolePermissionsBoundary": role,
        "DeleteUserPermissionsBoundary": user,
        "RemoveClientIDFromOpenIDConnectProvider": {**provider, "ClientID": "c"},
        "RemoveUserFromGroup": {**group, **user},
        "SetDefaultPolicyVersion": {**policy, "VersionId": "v1"},
        "SimulateCustomPolicy": {"PolicyInputList": [body["PolicyDocument"]], "ActionNames": ["s3:GetObject"]},
        "SimulatePrincipalPolicy": {"PolicySourceArn": f"arn:aws:iam::{ACCOUNT}:role/{name}", "ActionNames": ["s3:GetObject"]},
        "UpdateAccessKey": {**user, **key, "Status": "Inactive"},
        "UpdateAccountPasswordPolicy": {},
        "GetAccountPasswordPolicy": {},
        "DeleteAccountPasswordPolicy": {},
        "UpdateAssumeRolePolicy": {**role, "PolicyDocument": trust},
        "UpdateGroup": {**group, "NewPath": "/x/"},
        "UpdateOpenIDConnectProviderThumbprint": {**provider, "ThumbprintList": ["a" * 40]},
        "UpdateRole": role,
        "UpdateRoleDescription": {**role, "Description": "x"},
        "UpdateUser": {**user, "NewPath": "/x/"},
        "TagInstanceProfile": {**profile, **tags},
        "TagOpenIDConnectProvider": {**provider, **tags},
        "TagPolicy": {**policy, **tags},
        "TagRole": {**role, **tags},
        "TagUser": {**user, **tags},
        "UntagInstanceProfile": {**profile, **untag},
        "UntagOpenIDConnectProvider": {**provider, **untag},
        "UntagPolicy": {**policy, **untag},
        "UntagRole": {**role, **untag},
        "UntagUser": {**user, **untag},
    }
    for kind, target in (("User", user), ("Group", group), ("Role", role)):
        table |= {
            f"Attach{kind}Policy": {**target, **policy},
            f"Detach{kind}Policy": {**target, "PolicyArn": S3_FULL},
            f"ListAttached{kind}Policies": target,
            f"List{kind}Policies": target,
            f"Put{kind}Policy": {**target, **own, **body},
            f"Get{kind}Policy": {**target, **own},
            f"Delete{kind}Policy": {**target, **own},
        }
    return table


# What these answer to somebody who may: what is asked of them cannot be, in the world above.
EXPECTED = {
    "DeleteAccountAlias": "NoSuchEntity",
    "DeleteGroup": "DeleteConflict",
    "DeletePolicyVersion": "DeleteConflict",
    "DeleteRole": "DeleteConflict",
    "DeleteServiceLinkedRole": "NoSuchEntity",
    "DeleteUser": "DeleteConflict",
    "GetServiceLinkedRoleDeletionStatus": "NoSuchEntity",
}


def prepared(name, found):
    user, role = {"UserName": name}, {"RoleName": name}
    return {
        "ChangePassword": {"OldPassword": "Mill-Stone-1", "NewPassword": "Mill-Stone-2"},
        "DeleteAccountAlias": {"AccountAlias": "none"},
        "DeleteGroup": {"GroupName": name},
        "DeleteLoginProfile": user,
        "DeleteRole": role,
        "DeleteServiceLinkedRole": role,
        "DeletePolicyVersion": {"PolicyArn": found["policy"], "VersionId": "v1"},
        "DeleteUser": user,
        "GetCredentialReport": {},
        "GetLoginProfile": user,
        "GetServiceLinkedRoleDeletionStatus": {"DeletionTaskId": "task/aws-service-role/x/y/z"},
        "RemoveRoleFromInstanceProfile": {"InstanceProfileName": name, **role},
        "UpdateLoginProfile": {**user, "Password": "Mill-Stone-7"},
    }


def snake(operation):
    return xform_name(operation)
