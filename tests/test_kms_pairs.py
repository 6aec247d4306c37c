"""KMS key pairs and HMAC keys. OpenSSL and Python's own hmac are the judges: what KMS signs they verify, and the other way round."""

import hashlib
import hmac
import shutil
import subprocess

import pytest

from test_kms import CONTEXT, create, fails

RSA = ("RSA_2048", "RSA_3072", "RSA_4096")
CURVES = {
    "ECC_NIST_P256": ("ECDSA_SHA_256", "P-256"), "ECC_NIST_P384": ("ECDSA_SHA_384", "P-384"),
    "ECC_NIST_P521": ("ECDSA_SHA_512", "P-521"), "ECC_SECG_P256K1": ("ECDSA_SHA_256", "secp256k1"),
}
PSS = ("-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest")


@pytest.fixture
def kms(pond):
    return pond.client("kms")


@pytest.fixture
def openssl(tmp_path):
    assert shutil.which("openssl"), "the tests need the openssl command"

    def run(*words, check=True, **files):
        for name, held in files.items():
            (tmp_path / name).write_bytes(held)
        done = subprocess.run(["openssl", *words], cwd=tmp_path, capture_output=True)
        assert not check or done.returncode == 0, done.stderr
        return done

    return run


def digest(algorithm, message):
    return hashlib.new("sha" + algorithm.rsplit("_", 1)[1], message).digest()


def judge(openssl, algorithm, public, message, signature):
    """Whether OpenSSL finds that the signature holds."""
    options = PSS if "PSS" in algorithm else ()
    done = openssl("dgst", "-sha" + algorithm.rsplit("_", 1)[1], "-verify", "key", "-keyform", "DER", *options,
                   "-signature", "signature", "message", check=False, key=public, message=message, signature=signature)
    return done.returncode == 0


@pytest.mark.parametrize("spec", [*RSA, *CURVES])
def test_signatures_hold_for_openssl(kms, openssl, spec):
    key = create(kms, KeySpec=spec, KeyUsage="SIGN_VERIFY")
    assert (key["KeySpec"], key["CustomerMasterKeySpec"], key["KeyUsage"]) == (spec, spec, "SIGN_VERIFY")
    assert "EncryptionAlgorithms" not in key and "CurrentKeyMaterialId" not in key
    public = kms.get_public_key(KeyId=key["Arn"])
    assert (public["KeySpec"], public["KeyUsage"], public["KeyId"]) == (spec, "SIGN_VERIFY", key["Arn"])
    assert public["SigningAlgorithms"] == key["SigningAlgorithms"]
    assert len(key["SigningAlgorithms"]) == (6 if spec in RSA else 1)
    message = b"a message"
    for algorithm in key["SigningAlgorithms"]:
        for kind, given in (("RAW", message), ("DIGEST", digest(algorithm, message))):
            asked = {"KeyId": key["KeyId"], "MessageType": kind, "Message": given, "SigningAlgorithm": algorithm}
            signed = kms.sign(**asked)
            assert (signed["KeyId"], signed["SigningAlgorithm"]) == (key["Arn"], algorithm)
            signature = signed["Signature"]
            assert judge(openssl, algorithm, public["PublicKey"], message, signature), (algorithm, kind)
            assert not judge(openssl, algorithm, public["PublicKey"], b"another", signature)
            assert kms.verify(**asked, Signature=signature)["SignatureValid"] is True
            bent = signature[:-1] + bytes([signature[-1] ^ 1])
            fails("KMSInvalidSignatureException", "", kms.verify, **asked, Signature=bent)
        fails("ValidationException", "invalid length", kms.sign,
              KeyId=key["KeyId"], MessageType="DIGEST", Message=b"short", SigningAlgorithm=algorithm)
    wrong = "ECDSA_SHA_512" if spec != "ECC_NIST_P521" else "ECDSA_SHA_256"
    fails("InvalidKeyUsageException", wrong, kms.sign, KeyId=key["KeyId"], Message=message, SigningAlgorithm=wrong)
    fails("InvalidKeyUsageException", "Encrypt", kms.encrypt, KeyId=key["KeyId"], Plaintext=b"x")


def test_what_openssl_signs_the_key_verifies(kms, openssl):
    """The other way round: a pair that came out of KMS signs with OpenSSL, and the signature is of the same kind."""
    wrapping = create(kms)["Arn"]
    pair = kms.generate_data_key_pair(KeyId=wrapping, KeyPairSpec="ECC_NIST_P256")
    openssl("dgst", "-sha256", "-sign", "private", "-keyform", "DER", "-out", "signature", "message",
            private=pair["PrivateKeyPlaintext"], message=b"a message")
    openssl("dgst", "-sha256", "-verify", "public", "-keyform", "DER", "-signature", "signature", "message",
            public=pair["PublicKey"])


@pytest.mark.parametrize("spec", ["RSA_2048", "RSA_4096", *CURVES])
def test_data_key_pairs(kms, openssl, spec):
    key = create(kms)["Arn"]
    pair = kms.generate_data_key_pair(KeyId=key, KeyPairSpec=spec, EncryptionContext=CONTEXT)
    assert (pair["KeyId"], pair["KeyPairSpec"]) == (key, spec) and len(pair["KeyMaterialId"]) == 64
    opened = kms.decrypt(CiphertextBlob=pair["PrivateKeyCiphertextBlob"], EncryptionContext=CONTEXT)
    assert opened["Plaintext"] == pair["PrivateKeyPlaintext"]
    public = openssl("pkey", "-in", "private", "-inform", "DER", "-pubout", "-outform", "DER", private=opened["Plaintext"])
    assert public.stdout == pair["PublicKey"]
    hidden = kms.generate_data_key_pair_without_plaintext(KeyId=key, KeyPairSpec=spec)
    assert "PrivateKeyPlaintext" not in hidden and hidden["PublicKey"] != pair["PublicKey"]
    opened = kms.decrypt(CiphertextBlob=hidden["PrivateKeyCiphertextBlob"])["Plaintext"]
    public = openssl("pkey", "-in", "private", "-inform", "DER", "-pubout", "-outform", "DER", private=opened)
    assert public.stdout == hidden["PublicKey"]
    fails("UnsupportedOperationException", "SM2", kms.generate_data_key_pair, KeyId=key, KeyPairSpec="SM2")


def test_rsa_decrypts_what_openssl_encrypts(kms, openssl):
    key = create(kms, KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    assert key["EncryptionAlgorithms"] == ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"]
    public = kms.get_public_key(KeyId=key["KeyId"])
    assert public["EncryptionAlgorithms"] == key["EncryptionAlgorithms"]
    for algorithm, md, most in (("RSAES_OAEP_SHA_1", "sha1", 214), ("RSAES_OAEP_SHA_256", "sha256", 190)):
        sealed = openssl("pkeyutl", "-encrypt", "-pubin", "-inkey", "key", "-keyform", "DER", "-in", "text",
                         "-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", f"rsa_oaep_md:{md}",
                         "-pkeyopt", f"rsa_mgf1_md:{md}", key=public["PublicKey"], text=b"secret").stdout
        asked = {"KeyId": key["KeyId"], "EncryptionAlgorithm": algorithm}
        opened = kms.decrypt(CiphertextBlob=sealed, **asked)
        assert (opened["Plaintext"], opened["KeyId"], opened["EncryptionAlgorithm"]) == (b"secret", key["Arn"], algorithm)
        own = kms.encrypt(Plaintext=bytes(most), **asked)
        assert kms.decrypt(CiphertextBlob=own["CiphertextBlob"], **asked)["Plaintext"] == bytes(most)
        fails("ValidationException", str(most), kms.encrypt, Plaintext=bytes(most + 1), **asked)
        fails("InvalidCiphertextException", "", kms.decrypt, CiphertextBlob=sealed[:-1] + bytes([sealed[-1] ^ 1]), **asked)
        fails("InvalidCiphertextException", "", kms.decrypt, CiphertextBlob=b"short", **asked)
        fails("ValidationException", "EncryptionContext", kms.encrypt, Plaintext=b"x", EncryptionContext=CONTEXT, **asked)
        fails("ValidationException", "KeyId", kms.decrypt, CiphertextBlob=sealed, EncryptionAlgorithm=algorithm)
    fails("InvalidKeyUsageException", "SYMMETRIC_DEFAULT", kms.encrypt, KeyId=key["KeyId"], Plaintext=b"x")
    moved = kms.re_encrypt(CiphertextBlob=sealed, SourceKeyId=key["KeyId"], SourceEncryptionAlgorithm=algorithm,
                           DestinationKeyId=create(kms)["KeyId"])
    assert kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])["Plaintext"] == b"secret"
    assert moved["DestinationEncryptionAlgorithm"] == "SYMMETRIC_DEFAULT" and "SourceKeyMaterialId" not in moved
    fails("InvalidKeyUsageException", "GenerateDataKey", kms.generate_data_key,
          KeyId=create(kms, KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyId"], KeySpec="AES_256")


@pytest.mark.parametrize("bits", [224, 256, 384, 512])
def test_codes(kms, bits):
    key, algorithm = create(kms, KeySpec=f"HMAC_{bits}", KeyUsage="GENERATE_VERIFY_MAC"), f"HMAC_SHA_{bits}"
    assert key["MacAlgorithms"] == [algorithm] and "EncryptionAlgorithms" not in key
    asked = {"KeyId": key["KeyId"], "Message": b"a message", "MacAlgorithm": algorithm}
    made = kms.generate_mac(**asked)
    assert (len(made["Mac"]), made["MacAlgorithm"], made["KeyId"]) == (bits // 8, algorithm, key["Arn"])
    assert kms.generate_mac(**asked)["Mac"] == made["Mac"]
    assert kms.verify_mac(**asked, Mac=made["Mac"])["MacValid"] is True
    fails("KMSInvalidMacException", "", kms.verify_mac, **asked, Mac=made["Mac"][:-1])
    fails("KMSInvalidMacException", "", kms.verify_mac, **{**asked, "Message": b"another"}, Mac=made["Mac"])
    other = "HMAC_SHA_256" if bits != 256 else "HMAC_SHA_512"
    fails("InvalidKeyUsageException", other, kms.generate_mac, **{**asked, "MacAlgorithm": other})
    fails("UnsupportedOperationException", "asymmetric", kms.get_public_key, KeyId=key["KeyId"])
    # No key of ours ever leaves: all that can be shown is that it is none that is easily guessed.
    assert made["Mac"] != hmac.new(b"", b"a message", f"sha{bits}").digest()


@pytest.mark.parametrize("spec", ["ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521"])
def test_a_shared_secret_is_the_one_that_openssl_derives(kms, openssl, spec):
    key = create(kms, KeySpec=spec, KeyUsage="KEY_AGREEMENT")
    assert key["KeyAgreementAlgorithms"] == ["ECDH"]
    own = kms.get_public_key(KeyId=key["KeyId"])
    assert own["KeyAgreementAlgorithms"] == ["ECDH"]
    curve = CURVES[spec][1]
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}", "-out", "theirs")
    public = openssl("pkey", "-in", "theirs", "-pubout", "-outform", "DER").stdout
    shared = kms.derive_shared_secret(KeyId=key["KeyId"], KeyAgreementAlgorithm="ECDH", PublicKey=public)
    openssl("pkey", "-pubin", "-inform", "DER", "-in", "ours", "-out", "ours.pem", ours=own["PublicKey"])
    expected = openssl("pkeyutl", "-derive", "-inkey", "theirs", "-peerkey", "ours.pem").stdout
    assert (shared["SharedSecret"], shared["KeyOrigin"]) == (expected, "AWS_KMS")
    elsewhere = kms.generate_data_key_pair_without_plaintext(KeyId=create(kms)["KeyId"], KeyPairSpec="ECC_SECG_P256K1")
    for wrong in (b"x", elsewhere["PublicKey"], public[:-1]):
        fails("ValidationException", "PublicKey", kms.derive_shared_secret,
              KeyId=key["KeyId"], KeyAgreementAlgorithm="ECDH", PublicKey=wrong)
    fails("InvalidKeyUsageException", "Sign", kms.sign, KeyId=key["KeyId"], Message=b"x", SigningAlgorithm="ECDSA_SHA_256")


def test_a_keys_use_is_chosen_when_it_is_made(kms):
    for spec, usage in (("RSA_2048", "GENERATE_VERIFY_MAC"), ("ECC_NIST_P256", "ENCRYPT_DECRYPT"),
                        ("ECC_SECG_P256K1", "KEY_AGREEMENT"), ("HMAC_256", "SIGN_VERIFY"),
                        ("SYMMETRIC_DEFAULT", "SIGN_VERIFY")):
        fails("ValidationException", "not compatible", kms.create_key, KeySpec=spec, KeyUsage=usage)
    for spec in ("RSA_2048", "ECC_NIST_P256", "HMAC_256"):
        fails("ValidationException", "KeyUsage", kms.create_key, KeySpec=spec)
    for spec in ("SM2", "ML_DSA_65", "ECC_NIST_EDWARDS25519"):
        fails("UnsupportedOperationException", spec, kms.create_key, KeySpec=spec, KeyUsage="SIGN_VERIFY")


def test_a_pair_that_is_disabled_or_waits_for_its_deletion_does_nothing(kms):
    key = create(kms, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["Arn"]
    asked = {"KeyId": key, "Message": b"x", "SigningAlgorithm": "ECDSA_SHA_256"}
    signature = kms.sign(**asked)["Signature"]
    kms.disable_key(KeyId=key)
    fails("DisabledException", key, kms.sign, **asked)
    fails("DisabledException", key, kms.verify, **asked, Signature=signature)
    fails("DisabledException", key, kms.get_public_key, KeyId=key)
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    fails("KMSInvalidStateException", key, kms.sign, **asked)
    kms.cancel_key_deletion(KeyId=key)
    kms.enable_key(KeyId=key)
    assert kms.verify(**asked, Signature=signature)["SignatureValid"]
