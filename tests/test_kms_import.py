"""KMS keys whose material comes from outside: OpenSSL wraps it, as its owner would."""

import hmac
import shutil
import subprocess
from datetime import datetime, timedelta, timezone

import pytest

from pond import wait_for
from test_kms import create, fails, turn

MATERIAL = bytes(range(32))
KEEPS = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}


@pytest.fixture
def kms(pond):
    return pond.client("kms")


@pytest.fixture
def wrap(tmp_path):
    """Encrypts material under the public key that goes with an import token."""
    assert shutil.which("openssl"), "the tests need the openssl command"

    def oaep(public, secret, md):
        (tmp_path / "public").write_bytes(public)
        (tmp_path / "secret").write_bytes(secret)
        command = ["openssl", "pkeyutl", "-encrypt", "-pubin", "-inkey", "public", "-keyform", "DER", "-in", "secret",
                   "-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", f"rsa_oaep_md:{md}", "-pkeyopt", f"rsa_mgf1_md:{md}"]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True).stdout

    def run(public, material, algorithm="RSAES_OAEP_SHA_256"):
        md = "sha1" if algorithm.endswith("SHA_1") else "sha256"
        if "KEY_WRAP" not in algorithm:
            return oaep(public, material, md)
        (tmp_path / "material").write_bytes(material)
        inner = bytes(reversed(range(32)))
        command = ["openssl", "enc", "-id-aes256-wrap-pad", "-e", "-K", inner.hex(), "-iv", "A65959A6", "-in", "material"]
        return oaep(public, inner, md) + subprocess.run(command, cwd=tmp_path, check=True, capture_output=True).stdout

    return run


def parameters(kms, key, algorithm="RSAES_OAEP_SHA_256", spec="RSA_2048"):
    return kms.get_parameters_for_import(KeyId=key, WrappingAlgorithm=algorithm, WrappingKeySpec=spec)


def bring(kms, wrap, key, material=MATERIAL, **more):
    given = parameters(kms, key)
    encrypted = wrap(given["PublicKey"], material)
    return kms.import_key_material(KeyId=key, ImportToken=given["ImportToken"], EncryptedKeyMaterial=encrypted, **(more or KEEPS))


@pytest.mark.parametrize("algorithm", ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "RSA_AES_KEY_WRAP_SHA_1", "RSA_AES_KEY_WRAP_SHA_256"])
def test_material_comes_in_every_wrapping(kms, wrap, algorithm):
    made = create(kms, Origin="EXTERNAL")
    assert (made["KeyState"], made["Origin"], made["Enabled"]) == ("PendingImport", "EXTERNAL", False)
    key = made["Arn"]
    fails("KMSInvalidStateException", f"{key} is pending import.", kms.encrypt, KeyId=key, Plaintext=b"x")
    given = parameters(kms, key, algorithm, "RSA_4096" if "256" in algorithm else "RSA_2048")
    assert given["KeyId"] == key
    assert abs(given["ParametersValidTo"] - datetime.now(timezone.utc) - timedelta(days=1)) < timedelta(minutes=1)
    encrypted = wrap(given["PublicKey"], MATERIAL, algorithm)
    came = kms.import_key_material(KeyId=key, ImportToken=given["ImportToken"], EncryptedKeyMaterial=encrypted, **KEEPS)
    described = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert (described["KeyState"], described["ExpirationModel"]) == ("Enabled", KEEPS["ExpirationModel"])
    assert came["KeyMaterialId"] == described["CurrentKeyMaterialId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"secret"


def test_only_the_same_material_comes_again(kms, wrap):
    key = create(kms, Origin="EXTERNAL")["Arn"]
    first = bring(kms, wrap, key)["KeyMaterialId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    gone = kms.delete_imported_key_material(KeyId=key)
    assert (gone["KeyId"], gone["KeyMaterialId"]) == (key, first)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingImport"
    fails("KMSInvalidStateException", "pending import", kms.decrypt, CiphertextBlob=blob)
    with pytest.raises(kms.exceptions.IncorrectKeyMaterialException):
        bring(kms, wrap, key, bytes(32))
    assert bring(kms, wrap, key)["KeyMaterialId"] == first
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"secret"


def test_material_expires(lab, wrap):
    kms = lab.client("kms")
    key = create(kms, Origin="EXTERNAL")["Arn"]
    until = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=10)
    bring(kms, wrap, key, ValidTo=until)
    described = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert (described["ValidTo"], described["ExpirationModel"]) == (until, "KEY_MATERIAL_EXPIRES")
    blob = kms.encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    turn(lab, "11d")
    fails("KMSInvalidStateException", "pending import", kms.decrypt, CiphertextBlob=blob)
    wait_for("it waits", lambda: kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingImport")
    lab.restart()
    kms = lab.client("kms")
    bring(kms, wrap, key)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"secret"


def test_tokens_and_material_that_are_not_right(kms, wrap, lab):
    key, other = (create(kms, Origin="EXTERNAL")["Arn"] for _ in range(2))
    given = parameters(kms, key)
    encrypted = wrap(given["PublicKey"], MATERIAL)
    asked = {"KeyId": key, "ImportToken": given["ImportToken"], "EncryptedKeyMaterial": encrypted, **KEEPS}
    call = kms.import_key_material
    fails("InvalidImportTokenException", "token", call, **{**asked, "KeyId": other})
    fails("InvalidImportTokenException", "token", call, **{**asked, "ImportToken": b"x"})
    bent = given["ImportToken"][:-1] + bytes([given["ImportToken"][-1] ^ 1])
    fails("InvalidImportTokenException", "token", call, **{**asked, "ImportToken": bent})
    fails("InvalidCiphertextException", "", call, **{**asked, "EncryptedKeyMaterial": encrypted[:-1]})
    fails("InvalidCiphertextException", "", call, **{**asked, "EncryptedKeyMaterial": bytes(256)})
    short = wrap(given["PublicKey"], b"short")
    fails("IncorrectKeyMaterialException", "SYMMETRIC_DEFAULT", call, **{**asked, "EncryptedKeyMaterial": short})
    fails("ValidationException", "validTo", call, **{**asked, "ExpirationModel": "KEY_MATERIAL_EXPIRES"})
    now = datetime.now(timezone.utc)
    fails("ValidationException", "validTo", call, **{**asked, "ValidTo": now + timedelta(days=1)})
    for at in (now - timedelta(days=1), now + timedelta(days=400)):
        fails("ValidationException", "validTo", call, **{**asked, "ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": at})
    ours = create(kms)["Arn"]
    fails("UnsupportedOperationException", "AWS_KMS", call, **{**asked, "KeyId": ours})
    fails("UnsupportedOperationException", "AWS_KMS", kms.delete_imported_key_material, KeyId=ours)
    for algorithm in ("RSAES_PKCS1_V1_5", "SM2PKE"):
        fails("UnsupportedOperationException", algorithm, kms.get_parameters_for_import,
              KeyId=key, WrappingAlgorithm=algorithm, WrappingKeySpec="RSA_2048")
    fails("UnsupportedOperationException", "rotated", kms.enable_key_rotation, KeyId=key)
    client = lab.client("kms")
    key = create(client, Origin="EXTERNAL")["Arn"]
    given = parameters(client, key)
    turn(lab, "24h")
    fails("ExpiredImportTokenException", "expired", client.import_key_material, KeyId=key, ImportToken=given["ImportToken"],
          EncryptedKeyMaterial=wrap(given["PublicKey"], MATERIAL), **KEEPS)


def test_pairs_and_codes_from_outside(kms, wrap, tmp_path):
    command = ["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-outform", "DER"]
    private = subprocess.run(command, check=True, capture_output=True).stdout
    (tmp_path / "private").write_bytes(subprocess.run(
        ["openssl", "pkcs8", "-topk8", "-nocrypt", "-inform", "DER", "-outform", "DER"],
        input=private, check=True, capture_output=True).stdout)
    key = create(kms, Origin="EXTERNAL", KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["Arn"]
    bring(kms, wrap, key, (tmp_path / "private").read_bytes())
    public = subprocess.run(["openssl", "pkey", "-inform", "DER", "-in", tmp_path / "private", "-pubout", "-outform", "DER"],
                            check=True, capture_output=True).stdout
    assert kms.get_public_key(KeyId=key)["PublicKey"] == public
    asked = {"KeyId": key, "Message": b"x", "SigningAlgorithm": "ECDSA_SHA_256"}
    assert kms.verify(**asked, Signature=kms.sign(**asked)["Signature"])["SignatureValid"]
    key = create(kms, Origin="EXTERNAL", KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["Arn"]
    bring(kms, wrap, key)
    code = kms.generate_mac(KeyId=key, Message=b"x", MacAlgorithm="HMAC_SHA_256")["Mac"]
    assert code == hmac.new(MATERIAL, b"x", "sha256").digest()
