"""KMS."""

import subprocess
import tempfile
from pathlib import Path

from operations import ACCOUNT
from permissions.world import Ask, arn

PAIR = {"KeyPairSpec": "ECC_NIST_P256"}
SIGNED = {"Message": b"m", "MessageType": "RAW", "SigningAlgorithm": "ECDSA_SHA_256"}
CODED = {"Message": b"m", "MacAlgorithm": "HMAC_SHA_256"}


def _key(key, action, code=None, **arguments):
    return Ask({"KeyId": key, **arguments}, [(f"kms:{action}", key)], code)


def _any_key(action, **arguments):
    return Ask(arguments, [(f"kms:{action}", "*")])


def _waiting(w):
    key = w.new_key()
    w.root("kms").schedule_key_deletion(KeyId=key)
    return key


def _with_alias(action, alias, *keys, **arguments):
    return Ask({"AliasName": alias, **arguments}, [(f"kms:{action}", target) for target in (arn("kms", alias), *keys)])


def _new_alias(w):
    return _with_alias("CreateAlias", f"alias/{w.name()}", w.key, TargetKeyId=w.key)


def _gone_alias(w):
    key = w.new_key()
    return _with_alias("DeleteAlias", w.new_alias(key), key)


def _moved_alias(w):
    keys = w.new_key(), w.new_key()
    return _with_alias("UpdateAlias", w.new_alias(keys[0]), *keys, TargetKeyId=keys[1])


def _tagged_key(w):
    return Ask({"Tags": [{"TagKey": "a", "TagValue": "b"}]}, [("kms:CreateKey", "*"), ("kms:TagResource", "*")])


def _reencrypted(w):
    needs = [("kms:ReEncryptFrom", w.key), ("kms:ReEncryptTo", w.other_key)]
    return Ask({"CiphertextBlob": w.encrypted(w.key), "DestinationKeyId": w.other_key}, needs)


def _secret(w):
    made = [w.new_key(KeySpec="ECC_NIST_P256", KeyUsage="KEY_AGREEMENT") for _ in range(2)]
    public = w.root("kms").get_public_key(KeyId=made[1])["PublicKey"]
    return _key(made[0], "DeriveSharedSecret", KeyAgreementAlgorithm="ECDH", PublicKey=public)


def _for_import(key, action="GetParametersForImport"):
    return _key(key, action, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048")


def _material(w):
    """What ImportKeyMaterial takes, for a key whose material comes from outside."""
    key = w.new_key(Origin="EXTERNAL")
    given = w.root("kms").get_parameters_for_import(**_for_import(key).arguments)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "public").write_bytes(given["PublicKey"])
        padding = [word for option in ("padding_mode:oaep", "oaep_md:sha256", "mgf1_md:sha256") for word in ("-pkeyopt", f"rsa_{option}")]
        command = ["openssl", "pkeyutl", "-encrypt", "-pubin", "-inkey", "public", "-keyform", "DER", *padding]
        sealed = subprocess.run(command, cwd=folder, input=bytes(32), check=True, capture_output=True).stdout
    return {
        "KeyId": key, "ImportToken": given["ImportToken"], "EncryptedKeyMaterial": sealed,
        "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
    }


def _imported(w):
    material = _material(w)
    return Ask(material, [("kms:ImportKeyMaterial", material["KeyId"])])


def _without_material(w):
    material = _material(w)
    w.root("kms").import_key_material(**material)
    return _key(material["KeyId"], "DeleteImportedKeyMaterial")


def _retired(w):
    key = w.new_key()
    return _key(key, "RetireGrant", GrantId=w.new_grant(key)["GrantId"])


def _revoked(w):
    key = w.new_key()
    return _key(key, "RevokeGrant", GrantId=w.new_grant(key)["GrantId"])


def _verified(w):
    signature = w.root("kms").sign(KeyId=w.signer, **SIGNED)["Signature"]
    return _key(w.signer, "Verify", Signature=signature, **SIGNED)


def _verified_code(w):
    return _key(w.mac, "VerifyMac", Mac=w.root("kms").generate_mac(KeyId=w.mac, **CODED)["Mac"], **CODED)


def _own_policy(w):
    key = w.new_key()
    policy = w.root("kms").get_key_policy(KeyId=key)["Policy"]
    return _key(key, "PutKeyPolicy", Policy=policy)


KMS = {
    "CancelKeyDeletion": lambda w: _key(_waiting(w), "CancelKeyDeletion"),
    "CreateAlias": _new_alias,
    "CreateGrant": lambda w: _key(
        w.new_key(), "CreateGrant", GranteePrincipal=f"arn:aws:iam::{ACCOUNT}:root", Operations=["Decrypt"]),
    "CreateKey": lambda w: _any_key("CreateKey"),
    "CreateKey with tags": _tagged_key,
    "Decrypt": lambda w: Ask({"CiphertextBlob": w.encrypted(w.key)}, [("kms:Decrypt", w.key)]),
    "DeleteAlias": _gone_alias,
    "DeleteImportedKeyMaterial": _without_material,
    "DeriveSharedSecret": _secret,
    "DescribeKey": lambda w: _key(w.key, "DescribeKey"),
    "DisableKey": lambda w: _key(w.new_key(), "DisableKey"),
    "DisableKeyRotation": lambda w: _key(w.new_key(), "DisableKeyRotation"),
    "EnableKey": lambda w: _key(w.new_key(), "EnableKey"),
    "EnableKeyRotation": lambda w: _key(w.new_key(), "EnableKeyRotation"),
    "Encrypt": lambda w: _key(w.key, "Encrypt", Plaintext=b"x"),
    "GenerateDataKey": lambda w: _key(w.key, "GenerateDataKey", KeySpec="AES_256"),
    "GenerateDataKeyPair": lambda w: _key(w.key, "GenerateDataKeyPair", **PAIR),
    "GenerateDataKeyPairWithoutPlaintext": lambda w: _key(w.key, "GenerateDataKeyPairWithoutPlaintext", **PAIR),
    "GenerateDataKeyWithoutPlaintext": lambda w: _key(w.key, "GenerateDataKeyWithoutPlaintext", KeySpec="AES_256"),
    "GenerateMac": lambda w: _key(w.mac, "GenerateMac", **CODED),
    "GenerateRandom": lambda w: _any_key("GenerateRandom", NumberOfBytes=1),
    "GetKeyLastUsage": lambda w: _key(w.key, "GetKeyLastUsage"),
    "GetKeyPolicy": lambda w: _key(w.key, "GetKeyPolicy"),
    "GetKeyRotationStatus": lambda w: _key(w.key, "GetKeyRotationStatus"),
    "GetParametersForImport": lambda w: _for_import(w.new_key(Origin="EXTERNAL")),
    "GetPublicKey": lambda w: _key(w.signer, "GetPublicKey"),
    "ImportKeyMaterial": _imported,
    "ListAliases": lambda w: _any_key("ListAliases"),
    "ListGrants": lambda w: _key(w.key, "ListGrants"),
    "ListKeyPolicies": lambda w: _key(w.key, "ListKeyPolicies"),
    "ListKeyRotations": lambda w: _key(w.key, "ListKeyRotations"),
    "ListKeys": lambda w: _any_key("ListKeys"),
    "ListResourceTags": lambda w: _key(w.key, "ListResourceTags"),
    "ListRetirableGrants": lambda w: _any_key("ListRetirableGrants", RetiringPrincipal=f"arn:aws:iam::{ACCOUNT}:root"),
    "PutKeyPolicy": _own_policy,
    "ReEncrypt": _reencrypted,
    "RetireGrant": _retired,
    "RevokeGrant": _revoked,
    "RotateKeyOnDemand": lambda w: _key(w.new_key(), "RotateKeyOnDemand"),
    "ScheduleKeyDeletion": lambda w: _key(w.new_key(), "ScheduleKeyDeletion"),
    "Sign": lambda w: _key(w.signer, "Sign", **SIGNED),
    "TagResource": lambda w: _key(w.key, "TagResource", Tags=[{"TagKey": "a", "TagValue": "b"}]),
    "UntagResource": lambda w: _key(w.key, "UntagResource", TagKeys=["a"]),
    "UpdateAlias": _moved_alias,
    "UpdateKeyDescription": lambda w: _key(w.key, "UpdateKeyDescription", Description="x"),
    "Verify": _verified,
    "VerifyMac": _verified_code,
}
