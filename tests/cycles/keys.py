"""KMS."""

import json

from cycles.base import OTHER_TAGS, TAGS, Cycle, pairs, plain, tags_of
from operations import ACCOUNT


class Key(Cycle):
    """A key is gone when it waits for its deletion; the next one is another."""

    service = "kms"
    asked = {"Description": "d", "Tags": TAGS, "rotates": False}
    changed = {"Description": "e", "Tags": OTHER_TAGS, "rotates": True, "Enabled": True}
    added = {
        "Enabled": True, "KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "SYMMETRIC_DEFAULT", "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "KeyState": "Enabled", "Origin": "AWS_KMS", "KeyManager": "CUSTOMER", "MultiRegion": False, "AWSAccountId": ACCOUNT,
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
    }

    def prepare(self):
        statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}
        self.policy = {"Version": "2012-10-17", "Statement": [statement]}
        self.asked = {**self.asked, "policy": self.policy}
        narrower = {**statement, "Sid": "narrower"}
        self.changed = {**self.changed, "policy": {**self.policy, "Statement": [statement, narrower]}}
        self.gone = {**self.added, **self.changed, "KeyState": "PendingDeletion", "Enabled": False, "rotates": None}

    def make(self):
        tags = pairs(TAGS, "TagKey", "TagValue")
        self.key = self.client.create_key(Description="d", Policy=json.dumps(self.policy), Tags=tags)["KeyMetadata"]["KeyId"]

    def read(self):
        of = {"KeyId": self.key}
        found = plain(self.client.describe_key(**of)["KeyMetadata"], "KeyId", "Arn", "DeletionDate", "CurrentKeyMaterialId")
        waits = found["KeyState"] == "PendingDeletion"
        return {
            **found, "Tags": tags_of(self.client.list_resource_tags(**of)["Tags"], "TagKey", "TagValue"),
            "policy": json.loads(self.client.get_key_policy(**of)["Policy"]),
            "rotates": None if waits else self.client.get_key_rotation_status(**of)["KeyRotationEnabled"],
        }

    def change(self):
        of = {"KeyId": self.key}
        self.client.update_key_description(**of, Description="e")
        self.client.untag_resource(**of, TagKeys=list(TAGS))
        self.client.tag_resource(**of, Tags=pairs(OTHER_TAGS, "TagKey", "TagValue"))
        self.client.put_key_policy(**of, Policy=json.dumps(self.changed["policy"]))
        self.client.enable_key_rotation(**of)
        self.client.disable_key(**of)
        self.client.enable_key(**of)

    def drop(self):
        self.client.schedule_key_deletion(KeyId=self.key, PendingWindowInDays=7)


class OfKey(Cycle):
    service, gone = "kms", None

    def prepare(self):
        self.keys = [self.client.create_key()["KeyMetadata"]["KeyId"] for _ in range(2)]


class Alias(OfKey):
    asked, changed = {"key": 0}, {"key": 1}

    def make(self):
        self.client.create_alias(AliasName=f"alias/{self.name}", TargetKeyId=self.keys[0])

    def read(self):
        pages = self.client.get_paginator("list_aliases").paginate()
        found = [one for page in pages for one in page["Aliases"] if one["AliasName"] == f"alias/{self.name}"]
        return {"key": self.keys.index(found[0]["TargetKeyId"])} if found else None

    def change(self):
        self.client.update_alias(AliasName=f"alias/{self.name}", TargetKeyId=self.keys[1])

    def drop(self):
        self.client.delete_alias(AliasName=f"alias/{self.name}")


class KeyGrant(OfKey):
    """A grant cannot be changed."""

    def prepare(self):
        super().prepare()
        user = self.pond.client("iam").create_user(UserName=self.name)["User"]["Arn"]
        self.asked = {
            "KeyId": self.client.describe_key(KeyId=self.keys[0])["KeyMetadata"]["Arn"], "Name": self.name, "GranteePrincipal": user,
            "RetiringPrincipal": user, "Operations": ["Decrypt", "Encrypt"],
            "Constraints": {"EncryptionContextSubset": {"department": "lake"}},
        }
        self.added = {"IssuingAccount": f"arn:aws:iam::{ACCOUNT}:root"}

    def make(self):
        self.grant = self.client.create_grant(**self.asked)["GrantId"]

    def read(self):
        found = self.client.list_grants(KeyId=self.keys[0])["Grants"]
        found = [plain(one, "GrantId") for one in found if one["GrantId"] == self.grant]
        return found[0] if found else None

    def change(self):
        """There is no such operation."""

    def drop(self):
        self.client.revoke_grant(KeyId=self.keys[0], GrantId=self.grant)
