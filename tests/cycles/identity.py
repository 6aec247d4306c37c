"""IAM."""

import json

from cycles.base import OTHER_TAGS, TAGS, Cycle, pairs, plain, tags_of
from iam_world import ADMIN, S3_FULL, TRUST
from iam_world import text as policy_text
from operations import ACCOUNT


class Identity(Cycle):
    service, gone = "iam", "NoSuchEntity"

    def arn(self, kind, path="/team/"):
        return f"arn:aws:iam::{ACCOUNT}:{kind}{path}{self.name}"


class User(Identity):
    asked = {"Path": "/team/", "Tags": TAGS, "PermissionsBoundary": ADMIN, "attached": [S3_FULL], "own": policy_text({"Action": "s3:*"})}
    changed = {"Tags": OTHER_TAGS, "Path": "/", "attached": [], "PermissionsBoundary": None, "own": policy_text({"Action": "kms:*"})}

    def make(self):
        self.client.create_user(UserName=self.name, Path="/team/", Tags=pairs(TAGS), PermissionsBoundary=ADMIN)
        self.client.attach_user_policy(UserName=self.name, PolicyArn=S3_FULL)
        self.client.put_user_policy(UserName=self.name, PolicyName="own", PolicyDocument=self.asked["own"])

    def read(self):
        found = self.client.get_user(UserName=self.name)["User"]
        attached = self.client.list_attached_user_policies(UserName=self.name)["AttachedPolicies"]
        own = self.client.get_user_policy(UserName=self.name, PolicyName="own")["PolicyDocument"]
        assert found["Arn"] == self.arn("user", found["Path"])
        return {
            "Path": found["Path"], "Tags": tags_of(found["Tags"]), "attached": [one["PolicyArn"] for one in attached],
            "own": json.dumps(own), "PermissionsBoundary": found.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        }

    def change(self):
        self.client.untag_user(UserName=self.name, TagKeys=list(TAGS))
        self.client.tag_user(UserName=self.name, Tags=pairs(OTHER_TAGS))
        self.client.delete_user_permissions_boundary(UserName=self.name)
        self.client.detach_user_policy(UserName=self.name, PolicyArn=S3_FULL)
        self.client.put_user_policy(UserName=self.name, PolicyName="own", PolicyDocument=self.changed["own"])
        self.client.update_user(UserName=self.name, NewPath="/")

    def drop(self):
        self.client.delete_user_policy(UserName=self.name, PolicyName="own")
        self.client.delete_user(UserName=self.name)


class UserGroup(Identity):
    asked = {"Path": "/team/", "users": True, "attached": [S3_FULL]}
    changed = {"Path": "/", "users": False, "attached": []}

    def prepare(self):
        self.client.create_user(UserName=self.name)

    def make(self):
        self.client.create_group(GroupName=self.name, Path="/team/")
        self.client.add_user_to_group(GroupName=self.name, UserName=self.name)
        self.client.attach_group_policy(GroupName=self.name, PolicyArn=S3_FULL)

    def read(self):
        found = self.client.get_group(GroupName=self.name)
        attached = self.client.list_attached_group_policies(GroupName=self.name)["AttachedPolicies"]
        assert found["Group"]["Arn"] == self.arn("group", found["Group"]["Path"])
        return {"Path": found["Group"]["Path"], "users": bool(found["Users"]), "attached": [one["PolicyArn"] for one in attached]}

    def change(self):
        self.client.remove_user_from_group(GroupName=self.name, UserName=self.name)
        self.client.detach_group_policy(GroupName=self.name, PolicyArn=S3_FULL)
        self.client.update_group(GroupName=self.name, NewPath="/")

    def drop(self):
        self.client.delete_group(GroupName=self.name)


class Role(Identity):
    asked = {
        "Path": "/team/", "Description": "d", "MaxSessionDuration": 7200, "Tags": TAGS, "AssumeRolePolicyDocument": TRUST,
        "PermissionsBoundary": {"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": ADMIN},
    }
    narrower = {**TRUST, "Statement": [{**TRUST["Statement"][0], "Principal": {"Service": "glue.amazonaws.com"}}]}
    changed = {"Description": "e", "MaxSessionDuration": 3600, "Tags": OTHER_TAGS, "AssumeRolePolicyDocument": narrower,
               "PermissionsBoundary": None}

    def make(self):
        self.client.create_role(
            RoleName=self.name, Path="/team/", Description="d", MaxSessionDuration=7200, Tags=pairs(TAGS), PermissionsBoundary=ADMIN,
            AssumeRolePolicyDocument=json.dumps(TRUST))

    def read(self):
        found = plain(self.client.get_role(RoleName=self.name)["Role"], "RoleId", "RoleName")
        assert found.pop("Arn") == self.arn("role")
        return {**found, "Tags": tags_of(found["Tags"])}

    def change(self):
        self.client.update_role(RoleName=self.name, Description="e", MaxSessionDuration=3600)
        self.client.update_assume_role_policy(RoleName=self.name, PolicyDocument=json.dumps(self.narrower))
        self.client.delete_role_permissions_boundary(RoleName=self.name)
        self.client.untag_role(RoleName=self.name, TagKeys=list(TAGS))
        self.client.tag_role(RoleName=self.name, Tags=pairs(OTHER_TAGS))

    def drop(self):
        self.client.delete_role(RoleName=self.name)


class ManagedPolicy(Identity):
    asked = {"Path": "/team/", "Description": "d", "Tags": TAGS, "document": policy_text({"Action": "s3:*"}), "DefaultVersionId": "v1"}
    changed = {"document": policy_text({"Action": "kms:*"}), "Tags": OTHER_TAGS, "DefaultVersionId": "v2"}
    added = {"AttachmentCount": 0, "PermissionsBoundaryUsageCount": 0, "IsAttachable": True}

    def prepare(self):
        self.of = {"PolicyArn": self.arn("policy")}

    def make(self):
        self.client.create_policy(
            PolicyName=self.name, Path="/team/", Description="d", Tags=pairs(TAGS), PolicyDocument=self.asked["document"])

    def read(self):
        found = plain(self.client.get_policy(**self.of)["Policy"], "PolicyId", "PolicyName", "Arn")
        version = self.client.get_policy_version(**self.of, VersionId=found["DefaultVersionId"])["PolicyVersion"]
        return {**found, "Tags": tags_of(found["Tags"]), "document": json.dumps(version["Document"])}

    def change(self):
        self.client.create_policy_version(**self.of, PolicyDocument=self.changed["document"], SetAsDefault=True)
        self.client.delete_policy_version(**self.of, VersionId="v1")
        self.client.untag_policy(**self.of, TagKeys=list(TAGS))
        self.client.tag_policy(**self.of, Tags=pairs(OTHER_TAGS))

    def drop(self):
        self.client.delete_policy(**self.of)


class Profile(Identity):
    asked = {"Path": "/team/", "Tags": TAGS, "roles": []}
    changed = {"Tags": OTHER_TAGS, "roles": [True]}

    def prepare(self):
        self.client.create_role(RoleName=self.name, AssumeRolePolicyDocument=json.dumps(TRUST))
        self.of = {"InstanceProfileName": self.name}

    def make(self):
        self.client.create_instance_profile(**self.of, Path="/team/", Tags=pairs(TAGS))

    def read(self):
        found = self.client.get_instance_profile(**self.of)["InstanceProfile"]
        assert found["Arn"] == self.arn("instance-profile")
        return {"Path": found["Path"], "Tags": tags_of(found["Tags"]), "roles": [one["RoleName"] == self.name for one in found["Roles"]]}

    def change(self):
        self.client.add_role_to_instance_profile(**self.of, RoleName=self.name)
        self.client.untag_instance_profile(**self.of, TagKeys=list(TAGS))
        self.client.tag_instance_profile(**self.of, Tags=pairs(OTHER_TAGS))

    def drop(self):
        self.client.remove_role_from_instance_profile(**self.of, RoleName=self.name)
        self.client.delete_instance_profile(**self.of)


class Provider(Identity):
    asked = {"ClientIDList": ["a", "b"], "ThumbprintList": ["a" * 40], "Tags": TAGS}
    changed = {"ClientIDList": ["b", "c"], "ThumbprintList": ["b" * 40], "Tags": OTHER_TAGS}

    def prepare(self):
        self.url = f"{self.name}.example.com/path"
        self.of = {"OpenIDConnectProviderArn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{self.url}"}
        self.added = {"Url": self.url}

    def make(self):
        self.client.create_open_id_connect_provider(
            Url=f"https://{self.url}", ClientIDList=["a", "b"], ThumbprintList=["a" * 40], Tags=pairs(TAGS))

    def read(self):
        found = plain(self.client.get_open_id_connect_provider(**self.of))
        return {**found, "Tags": tags_of(found["Tags"]), "ClientIDList": sorted(found["ClientIDList"])}

    def change(self):
        self.client.remove_client_id_from_open_id_connect_provider(**self.of, ClientID="a")
        self.client.add_client_id_to_open_id_connect_provider(**self.of, ClientID="c")
        self.client.update_open_id_connect_provider_thumbprint(**self.of, ThumbprintList=["b" * 40])
        self.client.untag_open_id_connect_provider(**self.of, TagKeys=list(TAGS))
        self.client.tag_open_id_connect_provider(**self.of, Tags=pairs(OTHER_TAGS))

    def drop(self):
        self.client.delete_open_id_connect_provider(**self.of)
