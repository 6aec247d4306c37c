"""KMS by boto3 and the AWS CLI: keys and their states, ciphertexts and their context, aliases, tags, what time does to keys."""

import base64
import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest
from botocore.exceptions import ClientError

from pond import binary, wait_for
from raw import json_request

ACCOUNT = "000000000000"
CONTEXT = {"bucket": "lake", "path": "a/ü"}


@pytest.fixture
def kms(pond):
    return pond.client("kms")


def create(client, **more):
    return client.create_key(**more)["KeyMetadata"]


@pytest.fixture
def key(kms):
    return create(kms)["Arn"]


def fails(code, text, call, **arguments):
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    error = raised.value.response["Error"]
    assert error["Code"] == code, error
    assert text in error["Message"], error
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def pages(call, member, **arguments):
    found, marker = [], {}
    while True:
        page = call(**arguments, **marker)
        found += page[member]
        assert len(page[member]) <= arguments.get("Limit", 1000)
        if not page["Truncated"]:
            assert "NextMarker" not in page
            return found
        marker = {"Marker": page["NextMarker"]}


def turn(lab, by):
    subprocess.run([binary(), "clock", "advance", by, "--data", str(lab.data)], check=True, capture_output=True)


def test_a_key_is_described_as_aws_describes_it(kms):
    made = create(kms, Description="orders", Tags=[{"TagKey": "team", "TagValue": "lake"}])
    assert made["Arn"] == f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{made['KeyId']}"
    assert (made["AWSAccountId"], made["Description"], made["Enabled"]) == (ACCOUNT, "orders", True)
    assert (made["KeyState"], made["KeyUsage"], made["KeySpec"]) == ("Enabled", "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT")
    assert (made["Origin"], made["KeyManager"], made["MultiRegion"]) == ("AWS_KMS", "CUSTOMER", False)
    assert made["EncryptionAlgorithms"] == ["SYMMETRIC_DEFAULT"] and len(made["CurrentKeyMaterialId"]) == 64
    assert abs(made["CreationDate"] - datetime.now(timezone.utc)) < timedelta(minutes=1)
    for name in (made["KeyId"], made["Arn"]):
        assert kms.describe_key(KeyId=name)["KeyMetadata"] == made
    kms.update_key_description(KeyId=made["KeyId"], Description="")
    assert kms.describe_key(KeyId=made["KeyId"])["KeyMetadata"]["Description"] == ""


def test_keys_that_are_not_there(kms, key):
    missing = "0c3fa5ba-9d33-4b2a-8b7e-0d8b6a8d3f10"
    arn = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/{missing}"
    fails("NotFoundException", f"Key '{arn}' does not exist", kms.describe_key, KeyId=missing)
    fails("NotFoundException", "does not exist", kms.encrypt, KeyId=arn, Plaintext=b"x")
    fails("NotFoundException", "alias/none is not found", kms.encrypt, KeyId="alias/none", Plaintext=b"x")
    fails("NotFoundException", "Invalid keyId", kms.describe_key, KeyId="orders")
    fails("NotFoundException", "eu-west-1", kms.describe_key, KeyId=arn.replace("us-east-1", "eu-west-1"))
    other = key.replace(ACCOUNT, "111111111111")
    for arn in (other, arn.replace(ACCOUNT, "111111111111")):
        fails("AccessDeniedException", "kms:Encrypt", kms.encrypt, KeyId=arn, Plaintext=b"x")
        fails("AccessDeniedException", "kms:DescribeKey", kms.describe_key, KeyId=arn)


def test_what_is_encrypted_comes_back(kms, key):
    name = key.split("/")[1]
    for plaintext in (b"x", bytes(range(256)) * 16):
        sealed = kms.encrypt(KeyId=name, Plaintext=plaintext, EncryptionContext=CONTEXT)
        assert (sealed["KeyId"], sealed["EncryptionAlgorithm"]) == (key, "SYMMETRIC_DEFAULT")
        blob = sealed["CiphertextBlob"]
        assert plaintext not in blob or len(plaintext) == 1
        for more in ({}, {"KeyId": name}, {"KeyId": key, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}):
            opened = kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT, **more)
            assert (opened["Plaintext"], opened["KeyId"]) == (plaintext, key)
            assert opened["KeyMaterialId"] == kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    again = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=CONTEXT)["CiphertextBlob"]
    assert again != kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=CONTEXT)["CiphertextBlob"]
    fails("ValidationException", "plaintext", kms.encrypt, KeyId=key, Plaintext=bytes(4097))
    fails("DryRunOperationException", "would have succeeded", kms.encrypt, KeyId=key, Plaintext=b"x", DryRun=True)


def test_a_ciphertext_opens_only_as_it_was_made(pond, kms, key):
    blob = kms.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext=CONTEXT)["CiphertextBlob"]
    invalid = "InvalidCiphertextException"
    for context in ({}, {"bucket": "lake"}, {**CONTEXT, "x": ""}, {**CONTEXT, "bucket": "Lake"}):
        fails(invalid, "", kms.decrypt, CiphertextBlob=blob, EncryptionContext=context)
    reordered = dict(reversed(CONTEXT.items()))
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=reordered)["Plaintext"] == b"secret"

    def bent(at):
        changed = bytes(byte ^ (0x55 if at == n else 0) for n, byte in enumerate(blob))
        fails(invalid, "", kms.decrypt, CiphertextBlob=changed, EncryptionContext=CONTEXT)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(bent, range(len(blob))))
    for other in (blob[:-1], blob[1:], blob + b"\0", b"\1", bytes(200), blob[::-1]):
        fails(invalid, "", kms.decrypt, CiphertextBlob=other, EncryptionContext=CONTEXT)
    other = create(kms)["KeyId"]
    fails("IncorrectKeyException", "key ID", kms.decrypt, CiphertextBlob=blob, EncryptionContext=CONTEXT, KeyId=other)
    elsewhere = pond.client("kms", region="eu-central-1")
    fails("AccessDeniedException", "region", elsewhere.decrypt, CiphertextBlob=blob, EncryptionContext=CONTEXT)


def test_data_keys(kms, key):
    for asked, length in (({"KeySpec": "AES_256"}, 32), ({"KeySpec": "AES_128"}, 16), ({"NumberOfBytes": 1024}, 1024)):
        made = kms.generate_data_key(KeyId=key, EncryptionContext=CONTEXT, **asked)
        assert len(made["Plaintext"]) == length and made["KeyId"] == key and len(made["KeyMaterialId"]) == 64
        opened = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=CONTEXT)
        assert opened["Plaintext"] == made["Plaintext"]
        hidden = kms.generate_data_key_without_plaintext(KeyId=key, EncryptionContext=CONTEXT, **asked)
        assert "Plaintext" not in hidden
        opened = kms.decrypt(CiphertextBlob=hidden["CiphertextBlob"], EncryptionContext=CONTEXT)
        assert len(opened["Plaintext"]) == length
    for asked in ({}, {"KeySpec": "AES_256", "NumberOfBytes": 32}):
        fails("ValidationException", "either number of bytes or key spec", kms.generate_data_key, KeyId=key, **asked)
    fails("ValidationException", "1024", kms.generate_data_key, KeyId=key, NumberOfBytes=1025)
    one, other = (kms.generate_random(NumberOfBytes=32)["Plaintext"] for _ in range(2))
    assert len(one) == len(other) == 32 and one != other
    fails("ValidationException", "NumberOfBytes", kms.generate_random)


def test_reencryption_moves_a_ciphertext_to_another_key(kms, key):
    other = create(kms)["Arn"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"secret", EncryptionContext=CONTEXT)["CiphertextBlob"]
    moved = kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext=CONTEXT, DestinationKeyId=other)
    assert (moved["SourceKeyId"], moved["KeyId"]) == (key, other)
    assert kms.decrypt(CiphertextBlob=moved["CiphertextBlob"], KeyId=other)["Plaintext"] == b"secret"
    fails("InvalidCiphertextException", "", kms.re_encrypt, CiphertextBlob=blob, DestinationKeyId=other)
    kms.disable_key(KeyId=other)
    fails("DisabledException", other, kms.re_encrypt,
          CiphertextBlob=blob, SourceEncryptionContext=CONTEXT, DestinationKeyId=other)


def test_a_disabled_key_does_nothing_until_it_is_enabled(kms, key):
    blob = kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    kms.disable_key(KeyId=key)
    described = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert (described["KeyState"], described["Enabled"]) == ("Disabled", False)
    fails("DisabledException", f"{key} is disabled.", kms.encrypt, KeyId=key, Plaintext=b"x")
    fails("DisabledException", key, kms.decrypt, CiphertextBlob=blob)
    fails("DisabledException", key, kms.generate_data_key, KeyId=key, KeySpec="AES_256")
    kms.enable_key(KeyId=key)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"secret"


def test_a_key_that_waits_for_its_deletion(kms, key):
    blob = kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    for days in (1, 6, 31, 365):
        fails("ValidationException", "pendingWindowInDays", kms.schedule_key_deletion, KeyId=key, PendingWindowInDays=days)
    waits = kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert (waits["KeyId"], waits["KeyState"], waits["PendingWindowInDays"]) == (key, "PendingDeletion", 7)
    assert abs(waits["DeletionDate"] - datetime.now(timezone.utc) - timedelta(days=7)) < timedelta(minutes=1)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["DeletionDate"] == waits["DeletionDate"]
    state = "KMSInvalidStateException"
    for call, arguments in (
        (kms.encrypt, {"KeyId": key, "Plaintext": b"x"}),
        (kms.decrypt, {"CiphertextBlob": blob}),
        (kms.enable_key, {"KeyId": key}),
        (kms.disable_key, {"KeyId": key}),
        (kms.schedule_key_deletion, {"KeyId": key}),
        (kms.update_key_description, {"KeyId": key, "Description": "x"}),
        (kms.tag_resource, {"KeyId": key, "Tags": [{"TagKey": "a", "TagValue": "b"}]}),
        (kms.create_alias, {"AliasName": "alias/too-late", "TargetKeyId": key}),
    ):
        fails(state, f"{key} is pending deletion.", call, **arguments)
    assert kms.cancel_key_deletion(KeyId=key)["KeyId"] == key
    fails(state, "is not pending deletion", kms.cancel_key_deletion, KeyId=key)
    fails("DisabledException", key, kms.decrypt, CiphertextBlob=blob)
    kms.enable_key(KeyId=key)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"secret"


def test_after_the_waiting_period_the_key_is_gone_for_good(lab):
    kms = lab.client("kms")
    key, other = create(kms)["Arn"], create(kms)["Arn"]
    kms.create_alias(AliasName="alias/going", TargetKeyId=key)
    blob = kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    turn(lab, "6d")
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    turn(lab, "1d")
    fails("NotFoundException", "does not exist", kms.describe_key, KeyId=key)
    fails("NotFoundException", "does not exist", kms.cancel_key_deletion, KeyId=key)
    fails("NotFoundException", "does not exist", kms.decrypt, CiphertextBlob=blob, KeyId=key)
    fails("AccessDeniedException", "does not exist", kms.decrypt, CiphertextBlob=blob)
    wait_for("the alias went with its key", lambda: not kms.list_aliases()["Aliases"])
    assert [entry["KeyArn"] for entry in kms.list_keys()["Keys"]] == [other]
    lab.restart()
    kms = lab.client("kms")
    fails("AccessDeniedException", "does not exist", kms.decrypt, CiphertextBlob=blob)


def test_rotation_keeps_what_was_encrypted_before(lab):
    kms = lab.client("kms")
    key = create(kms)["Arn"]
    first = kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    old = kms.encrypt(KeyId=key, Plaintext=b"old")["CiphertextBlob"]
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False
    kms.enable_key_rotation(KeyId=key)
    status = kms.get_key_rotation_status(KeyId=key)
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"], status["KeyId"]) == (True, 365, key)
    assert abs(status["NextRotationDate"] - datetime.now(timezone.utc) - timedelta(days=365)) < timedelta(minutes=1)
    turn(lab, "364d")
    assert not kms.list_key_rotations(KeyId=key)["Rotations"]
    turn(lab, "2d")
    [rotation] = wait_for("the key rotated", lambda: kms.list_key_rotations(KeyId=key)["Rotations"])
    assert (rotation["RotationType"], rotation["KeyMaterialState"]) == ("AUTOMATIC", "CURRENT")
    second = kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    assert second == rotation["KeyMaterialId"] != first
    opened = kms.decrypt(CiphertextBlob=old)
    assert (opened["Plaintext"], opened["KeyMaterialId"]) == (b"old", first)
    new = kms.encrypt(KeyId=key, Plaintext=b"new")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=new)["KeyMaterialId"] == second
    assert kms.rotate_key_on_demand(KeyId=key)["KeyId"] == key
    kinds = [entry["RotationType"] for entry in pages(kms.list_key_rotations, "Rotations", KeyId=key, Limit=1)]
    assert kinds == ["AUTOMATIC", "ON_DEMAND"]
    every = kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
    assert [entry["KeyMaterialState"] for entry in every] == ["NON_CURRENT", "NON_CURRENT", "CURRENT"]
    assert every[0]["KeyMaterialId"] == first and "RotationDate" not in every[0]
    kms.disable_key_rotation(KeyId=key)
    assert "NextRotationDate" not in kms.get_key_rotation_status(KeyId=key)
    turn(lab, "800d")
    lab.restart()
    kms = lab.client("kms")
    assert len(kms.list_key_rotations(KeyId=key)["Rotations"]) == 2
    for blob, plaintext in ((old, b"old"), (new, b"new")):
        assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == plaintext


def test_a_disabled_key_rotates_when_it_is_enabled_again(lab):
    kms = lab.client("kms")
    key = create(kms)["Arn"]
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    kms.disable_key(KeyId=key)
    turn(lab, "200d")
    kms.enable_key(KeyId=key)
    wait_for("the key rotated", lambda: len(kms.list_key_rotations(KeyId=key)["Rotations"]) == 1)
    assert kms.get_key_rotation_status(KeyId=key)["RotationPeriodInDays"] == 90


def test_what_cannot_rotate(kms, key):
    pair = create(kms, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["Arn"]
    for call in (kms.enable_key_rotation, kms.disable_key_rotation, kms.rotate_key_on_demand, kms.list_key_rotations):
        fails("UnsupportedOperationException", pair, call, KeyId=pair)
    assert kms.get_key_rotation_status(KeyId=pair)["KeyRotationEnabled"] is False
    fails("ValidationException", "rotationPeriodInDays", kms.enable_key_rotation, KeyId=key, RotationPeriodInDays=2561)
    for _ in range(25):
        kms.rotate_key_on_demand(KeyId=key)
    fails("LimitExceededException", "25", kms.rotate_key_on_demand, KeyId=key)
    kms.disable_key(KeyId=key)
    for call in (kms.enable_key_rotation, kms.disable_key_rotation, kms.rotate_key_on_demand):
        fails("DisabledException", key, call, KeyId=key)
    kms.schedule_key_deletion(KeyId=key)
    fails("KMSInvalidStateException", key, kms.get_key_rotation_status, KeyId=key)


def test_aliases(kms, key, name):
    alias, other = f"alias/{name}", create(kms)["Arn"]
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    fails("AlreadyExistsException", alias, kms.create_alias, AliasName=alias, TargetKeyId=other)
    blob = kms.encrypt(KeyId=alias, Plaintext=b"secret")["CiphertextBlob"]
    arn = f"arn:aws:kms:us-east-1:{ACCOUNT}:{alias}"
    assert kms.decrypt(CiphertextBlob=blob, KeyId=arn)["KeyId"] == key
    assert kms.describe_key(KeyId=alias)["KeyMetadata"]["Arn"] == key
    [listed] = kms.list_aliases(KeyId=key)["Aliases"]
    assert (listed["AliasName"], listed["AliasArn"], listed["TargetKeyId"]) == (alias, arn, key.split("/")[1])
    kms.update_alias(AliasName=alias, TargetKeyId=other)
    assert kms.describe_key(KeyId=alias)["KeyMetadata"]["Arn"] == other
    assert not kms.list_aliases(KeyId=key)["Aliases"] and kms.list_aliases(KeyId=other)["Aliases"]
    fails("IncorrectKeyException", "", kms.decrypt, CiphertextBlob=blob, KeyId=alias)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"secret"
    kms.delete_alias(AliasName=alias)
    fails("NotFoundException", f"Alias {arn} is not found.", kms.delete_alias, AliasName=alias)
    fails("NotFoundException", alias, kms.update_alias, AliasName=alias, TargetKeyId=key)
    fails("NotFoundException", alias, kms.encrypt, KeyId=alias, Plaintext=b"x")
    invalid = "InvalidAliasNameException"
    fails(invalid, "reserved", kms.create_alias, AliasName="alias/aws/s3", TargetKeyId=key)
    fails(invalid, "prefix", kms.create_alias, AliasName=name, TargetKeyId=key)
    fails("ValidationException", "aliasName", kms.create_alias, AliasName="alias/a b", TargetKeyId=key)
    # What changes a key takes no alias.
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    fails("NotFoundException", "Invalid keyId", kms.schedule_key_deletion, KeyId=alias)
    fails("NotFoundException", "Invalid keyId", kms.create_alias, AliasName=f"{alias}-2", TargetKeyId=alias)


def test_a_key_has_at_most_fifty_aliases_and_they_page(kms, key, name):
    names = [f"alias/{name}-{n:02}" for n in range(50)]
    for each in reversed(names):
        kms.create_alias(AliasName=each, TargetKeyId=key)
    fails("LimitExceededException", "50", kms.create_alias, AliasName=f"alias/{name}", TargetKeyId=key)
    listed = pages(kms.list_aliases, "Aliases", KeyId=key, Limit=7)
    assert [entry["AliasName"] for entry in listed] == names
    listed = [entry["AliasName"] for entry in pages(kms.list_aliases, "Aliases", Limit=9)]
    assert listed == sorted(listed) and set(names) <= set(listed)
    fails("InvalidMarkerException", "marker", kms.list_aliases, Marker="nonsense")


def test_keys_page_within_their_region(pond):
    kms = pond.client("kms", region="eu-west-3")
    made = sorted(create(kms)["KeyId"] for _ in range(5))
    assert [entry["KeyId"] for entry in pages(kms.list_keys, "Keys", Limit=2)] == made
    fails("InvalidMarkerException", "marker", kms.list_keys, Marker="nonsense")


def test_tags(kms):
    key = create(kms, Tags=[{"TagKey": "team", "TagValue": "lake"}])["KeyId"]
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "team", "TagValue": "pond"}, {"TagKey": "a", "TagValue": ""}])
    expected = [{"TagKey": "a", "TagValue": ""}, {"TagKey": "team", "TagValue": "pond"}]
    assert kms.list_resource_tags(KeyId=key)["Tags"] == expected
    assert pages(kms.list_resource_tags, "Tags", KeyId=key, Limit=1) == expected
    kms.untag_resource(KeyId=key, TagKeys=["a", "none"])
    assert kms.list_resource_tags(KeyId=key)["Tags"] == expected[1:]
    many = [{"TagKey": str(n), "TagValue": ""} for n in range(50)]
    fails("LimitExceededException", "50", kms.tag_resource, KeyId=key, Tags=many)
    fails("TagException", "reserved", kms.tag_resource, KeyId=key, Tags=[{"TagKey": "aws:x", "TagValue": ""}])
    fails("TagException", "Duplicate", kms.create_key, Tags=2 * expected[:1])
    assert len(create(kms, Tags=many)["KeyId"]) == 36


def test_every_key_has_its_policy(kms, key):
    assert kms.list_key_policies(KeyId=key)["PolicyNames"] == ["default"]
    answer = kms.get_key_policy(KeyId=key, PolicyName="default")
    [statement] = json.loads(answer["Policy"])["Statement"]
    assert statement["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"} and statement["Action"] == "kms:*"
    fails("NotFoundException", "No such policy", kms.get_key_policy, KeyId=key, PolicyName="other")


def test_the_last_use_of_a_key_is_known(kms, key):
    fresh = kms.get_key_last_usage(KeyId=key)
    assert "KeyLastUsage" not in fresh and fresh["TrackingStartDate"] == fresh["KeyCreationDate"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")
    used = kms.get_key_last_usage(KeyId=key)["KeyLastUsage"]
    assert used["Operation"] == "Encrypt" and used["KmsRequestId"] == blob["ResponseMetadata"]["RequestId"]
    kms.decrypt(CiphertextBlob=blob["CiphertextBlob"])
    # An attempt that failed is on record, and is no use.
    fails("InvalidCiphertextException", "", kms.decrypt, CiphertextBlob=blob["CiphertextBlob"], EncryptionContext=CONTEXT)
    assert kms.get_key_last_usage(KeyId=key)["KeyLastUsage"]["Operation"] == "Decrypt"


def test_what_is_not_acted_on_is_refused_by_name(kms, key):
    unsupported = "UnsupportedOperationException"
    fails(unsupported, "MultiRegion", kms.create_key, MultiRegion=True)
    fails(unsupported, "SM2", kms.create_key, KeySpec="SM2")
    fails(unsupported, "ML_DSA_44", kms.create_key, KeySpec="ML_DSA_44", KeyUsage="SIGN_VERIFY")
    fails(unsupported, "AWS_CLOUDHSM", kms.create_key, Origin="AWS_CLOUDHSM")
    fails("ValidationException", "customKeyStoreId", kms.create_key, CustomKeyStoreId="cks-1234567890abcdef0")
    fails("ValidationException", "KeySpec", kms.create_key, KeySpec="SYMMETRIC_DEFAULT", CustomerMasterKeySpec="RSA_2048")
    fails("InvalidGrantTokenException", "grant", kms.encrypt, KeyId=key, Plaintext=b"x", GrantTokens=["x"])
    fails("ValidationException", "recipient", kms.decrypt, CiphertextBlob=b"x", Recipient={"AttestationDocument": b"x"})


def test_the_command_line_encrypts_and_decrypts(pond, tmp_path):
    key = json.loads(pond.cli("kms", "create-key", "--description", "by cli").stdout)["KeyMetadata"]["KeyId"]
    (tmp_path / "secret").write_bytes(b"by the command line")
    sealed = pond.cli("kms", "encrypt", "--key-id", key, "--plaintext", f"fileb://{tmp_path}/secret",
                      "--encryption-context", "a=b", "--query", "CiphertextBlob", "--output", "text").stdout
    (tmp_path / "sealed").write_bytes(base64.b64decode(sealed))
    opened = pond.cli("kms", "decrypt", "--ciphertext-blob", f"fileb://{tmp_path}/sealed",
                      "--encryption-context", "a=b", "--query", "Plaintext", "--output", "text").stdout
    assert base64.b64decode(opened) == b"by the command line"
    refused = pond.cli("kms", "decrypt", "--ciphertext-blob", f"fileb://{tmp_path}/sealed", check=False)
    assert refused.returncode != 0 and "InvalidCiphertextException" in refused.stderr


def test_keys_survive_a_kill(fresh_pond):
    kms = fresh_pond.client("kms")
    keys = [create(kms)["Arn"] for _ in range(3)]
    blobs = [kms.encrypt(KeyId=key, Plaintext=key.encode(), EncryptionContext=CONTEXT)["CiphertextBlob"] for key in keys]
    fresh_pond.kill()
    fresh_pond.start()
    kms = fresh_pond.client("kms")
    for key, blob in zip(keys, blobs):
        assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)["Plaintext"] == key.encode()
        assert kms.get_key_last_usage(KeyId=key)["KeyLastUsage"]["Operation"] == "Decrypt"


def test_no_plaintext_is_in_the_log_or_on_the_disk(fresh_pond):
    kms = fresh_pond.client("kms")
    key = create(kms)["Arn"]
    planted = b"planted-secret-0123456789abcdef"
    blob = kms.encrypt(KeyId=key, Plaintext=planted)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == planted
    fails("InvalidCiphertextException", "", kms.decrypt, CiphertextBlob=planted)
    fails("ValidationException", "plaintext", kms.encrypt, KeyId=key, Plaintext=planted * 200)
    data_key = kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    secrets = [planted, data_key["Plaintext"]]
    fresh_pond.stop()
    files = [path for path in fresh_pond.folder.rglob("*") if path.is_file()]
    assert any(path.name == "server.log" for path in files) and len(files) > 3
    for path in files:
        held = path.read_bytes()
        for secret in secrets:
            for form in (secret, base64.b64encode(secret), secret.hex().encode()):
                assert form not in held, path


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"KeyId":5,"Plaintext":"eA=="}', b'{"KeyId":"a","Plaintext":"!"}',
                                  b'{"KeyId":"a","Plaintext":null}', b'{"KeyId":{}}', b"\xff"])
def test_malformed_requests_are_refused(pond, body):
    answer = json_request(pond, "kms", "Encrypt", body).sign(pond.credentials, "kms").send(pond)
    assert answer.status == 400 and answer.code in ("SerializationException", "ValidationException"), answer


def test_many_callers_at_once(kms, key):
    def round_trip(n):
        plaintext = str(n).encode()
        blob = kms.encrypt(KeyId=key, Plaintext=plaintext)["CiphertextBlob"]
        return kms.decrypt(CiphertextBlob=blob)["Plaintext"] == plaintext

    began = time.monotonic()
    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(round_trip, range(200)))
    assert time.monotonic() - began < 60
