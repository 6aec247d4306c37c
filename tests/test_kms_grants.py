"""KMS key policies and grants: what they say decides, for the account's root too."""

import json

import pytest

from test_kms import ACCOUNT, create, fails, pages

ROOT = f"arn:aws:iam::{ACCOUNT}:root"
BOB, EVE = f"arn:aws:iam::{ACCOUNT}:user/Bob", "arn:aws:iam::111111111111:role/team/Eve"
ALL = {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*"}


@pytest.fixture
def kms(pond):
    return pond.client("kms")


@pytest.fixture
def key(kms):
    return create(kms)["Arn"]


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": [ALL, *statements]})


def test_a_policy_decides_over_the_root_too(kms, key):
    deny = {"Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*",
            "Condition": {"StringEquals": {"kms:EncryptionContext:secret": "yes"}}}
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy(deny))
    assert kms.get_key_policy(KeyId=key)["Policy"] == policy(deny)
    for context, denied in (({}, False), ({"secret": "no"}, False), ({"secret": "yes"}, True)):
        blob = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)["CiphertextBlob"]
        if denied:
            fails("AccessDeniedException", "explicit deny in a resource-based policy", kms.decrypt,
                  CiphertextBlob=blob, EncryptionContext=context)
        else:
            assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"] == b"x"


def test_a_key_is_made_with_its_policy(kms):
    only_describe = {"Effect": "Deny", "Principal": "*", "NotAction": ["kms:DescribeKey", "kms:PutKeyPolicy"], "Resource": "*"}
    key = create(kms, Policy=policy(only_describe))["KeyId"]
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyId"] == key
    fails("AccessDeniedException", "kms:Encrypt", kms.encrypt, KeyId=key, Plaintext=b"x")
    fails("AccessDeniedException", "kms:ScheduleKeyDeletion", kms.schedule_key_deletion, KeyId=key)
    kms.put_key_policy(KeyId=key, Policy=policy())
    assert kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]


def test_policies_that_are_not_right(kms, key):
    malformed = "MalformedPolicyDocumentException"
    locked = {"Effect": "Deny", "Principal": "*", "Action": "kms:PutKeyPolicy", "Resource": "*"}
    bobs = json.dumps({"Version": "2012-10-17", "Statement": [{**ALL, "Principal": {"AWS": BOB}}]})
    for document in ("{", "[]", "{}", '{"Statement":[]}', policy({"Effect": "Maybe"}),
                     policy({**ALL, "Principal": {"AWS": "nobody"}}), policy({**ALL, "Condition": {"Like": {"a": "b"}}})):
        fails(malformed, "", kms.put_key_policy, KeyId=key, Policy=document)
        fails(malformed, "", kms.create_key, Policy=document)
    for document in (policy(locked), bobs):
        fails(malformed, "update the key policy in the future", kms.put_key_policy, KeyId=key, Policy=document)
    big = policy(*({**ALL, "Sid": f"s{n}"} for n in range(300)))
    fails("LimitExceededException", "32768", kms.put_key_policy, KeyId=key, Policy=big)
    fails("UnsupportedOperationException", "default", kms.put_key_policy, KeyId=key, PolicyName="other", Policy=policy())
    kms.put_key_policy(KeyId=key, Policy=bobs, BypassPolicyLockoutSafetyCheck=True)
    fails("AccessDeniedException", "no resource-based policy allows", kms.get_key_policy, KeyId=key)


def grant(kms, key, **more):
    return kms.create_grant(**{"KeyId": key, "GranteePrincipal": BOB, "Operations": ["Decrypt", "Encrypt"], **more})


def test_grants_come_and_go(kms, key):
    constraints = {"EncryptionContextSubset": {"a": "b"}}
    made = grant(kms, key, Name="n", RetiringPrincipal=EVE, Constraints=constraints)
    assert len(made["GrantId"]) == 64 and made["GrantToken"]
    [listed] = kms.list_grants(KeyId=key)["Grants"]
    assert (listed["GrantId"], listed["KeyId"], listed["Name"]) == (made["GrantId"], key, "n")
    assert (listed["GranteePrincipal"], listed["RetiringPrincipal"]) == (BOB, EVE)
    assert (listed["Operations"], listed["Constraints"]) == (["Decrypt", "Encrypt"], constraints)
    assert listed["IssuingAccount"] == ROOT
    # The same request with the same name makes nothing new; without a name, or with another, it does.
    assert grant(kms, key, Name="n", RetiringPrincipal=EVE, Constraints=constraints)["GrantId"] == made["GrantId"]
    other = grant(kms, key)["GrantId"]
    assert grant(kms, key)["GrantId"] != other and grant(kms, key, Name="n")["GrantId"] != made["GrantId"]
    assert len(pages(kms.list_grants, "Grants", KeyId=key, Limit=1)) == 4
    assert len(pages(kms.list_grants, "Grants", KeyId=key, Limit=3, GranteePrincipal=BOB)) == 4
    assert not kms.list_grants(KeyId=key, GranteePrincipal=EVE)["Grants"]
    assert [entry["GrantId"] for entry in kms.list_grants(KeyId=key, GrantId=other)["Grants"]] == [other]
    retirable = pages(kms.list_retirable_grants, "Grants", RetiringPrincipal=EVE, Limit=1)
    assert made["GrantId"] in [entry["GrantId"] for entry in retirable]
    # A token is taken wherever one may stand.
    assert kms.encrypt(KeyId=key, Plaintext=b"x", GrantTokens=[made["GrantToken"]])["CiphertextBlob"]
    fails("DryRunOperationException", "", kms.retire_grant, GrantToken=made["GrantToken"], DryRun=True)
    kms.retire_grant(GrantToken=made["GrantToken"])
    fails("NotFoundException", made["GrantId"], kms.retire_grant, KeyId=key, GrantId=made["GrantId"])
    kms.revoke_grant(KeyId=key, GrantId=other)
    fails("NotFoundException", other, kms.revoke_grant, KeyId=key, GrantId=other)
    assert len(kms.list_grants(KeyId=key)["Grants"]) == 2


def test_grants_that_are_not_right(kms, key):
    for wrong in ("Bob", "arn:aws:s3:::bucket", f"arn:aws:iam::{ACCOUNT}:user/", f"arn:aws:iam::{ACCOUNT}:group/g"):
        for member in ("GranteePrincipal", "RetiringPrincipal"):
            fails("InvalidArnException", wrong, grant, kms=kms, key=key, **{member: wrong})
    fails("ValidationException", "Sign", grant, kms=kms, key=key, Operations=["Sign"])
    fails("ValidationException", "operations", grant, kms=kms, key=key, Operations=["Everything"])
    pair = create(kms, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["Arn"]
    fails("ValidationException", "symmetric", grant, kms=kms, key=pair, Operations=["Sign"],
          Constraints={"EncryptionContextEquals": {"a": "b"}})
    fails("DryRunOperationException", "", grant, kms=kms, key=key, DryRun=True)
    fails("InvalidGrantTokenException", "token", kms.retire_grant, GrantToken="x")
    fails("InvalidGrantTokenException", "token", grant, kms=kms, key=key, GrantTokens=["x"])
    fails("ValidationException", "GrantToken", kms.retire_grant)
    fails("ValidationException", "RetiringPrincipal", kms.list_retirable_grants)
    assert not kms.list_grants(KeyId=key)["Grants"]
    kms.disable_key(KeyId=key)
    fails("DisabledException", key, grant, kms=kms, key=key)
