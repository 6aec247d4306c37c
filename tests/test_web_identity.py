"""AssumeRoleWithWebIdentity: tokens of a configured issuer, made with openssl, and every way to bend one."""

import base64
import json
import re
import subprocess
import time

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

import conformance
from pond import Pond
from test_sts import ACCOUNT, allow, identity, keys_of, make_role, policy

ISSUER = "https://token.example/pool"
AUDIENCE = "the-lake"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.example/pool"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*words, stdin=b""):
    return subprocess.run(["openssl", *words], input=stdin, capture_output=True, check=True).stdout


class Key:
    """A signing key of an issuer."""

    def __init__(self, folder, kid, kind="rsa"):
        self.kid, self.kind, self.path = kid, kind, str(folder / f"{kid}.pem")
        how = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"] if kind == "rsa" else [
            "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
        openssl("genpkey", *how, "-out", self.path)

    @property
    def public_pem(self):
        return openssl("pkey", "-in", self.path, "-pubout")

    def jwk(self, **more):
        if self.kind == "rsa":
            modulus = openssl("rsa", "-in", self.path, "-noout", "-modulus").decode().strip().split("=")[1]
            return {"kty": "RSA", "kid": self.kid, "n": b64(bytes.fromhex(modulus)), "e": "AQAB", **more}
        point = openssl("pkey", "-in", self.path, "-pubout", "-outform", "DER")[-64:]
        return {"kty": "EC", "kid": self.kid, "crv": "P-256", "x": b64(point[:32]), "y": b64(point[32:]), **more}

    def sign(self, message):
        der = openssl("dgst", "-sha256", "-sign", self.path, stdin=message)
        if self.kind == "rsa":
            return der
        numbers = re.findall(r"INTEGER\s*:([0-9A-F]+)", openssl("asn1parse", "-inform", "DER", stdin=der).decode())
        return b"".join(int(number, 16).to_bytes(32, "big") for number in numbers)

    def token(self, claims=None, header=None, signed_by=None, **more):
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "build-42", "iat": now, "exp": now + 300, **(claims or {}), **more}
        claims = {k: v for k, v in claims.items() if v is not None}
        alg = "RS256" if self.kind == "rsa" else "ES256"
        header = {"alg": alg, "typ": "JWT", "kid": self.kid, **(header or {})}
        message = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}"
        return f"{message}.{b64((signed_by or self).sign(message.encode()))}"


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("issuer")
    made = {"rsa": Key(folder, "rsa-1"), "ec": Key(folder, "ec-1", "ec"), "stranger": Key(folder, "rsa-1x")}
    made["file"] = folder / "jwks.json"
    publish(made)
    return made


def publish(keys, *more):
    keys["file"].write_text(json.dumps({"keys": [keys["rsa"].jwk(alg="RS256", use="sig"), keys["ec"].jwk(), *more]}))


@pytest.fixture(scope="module")
def pond(keys):
    with Pond(env={"MILLPOND_STS_ISSUERS": f"{ISSUER}={keys['file']}"}) as pond:
        iam = pond.client("iam")
        for url in (ISSUER, "https://unknown.example"):
            iam.create_open_id_connect_provider(Url=url, ClientIDList=[AUDIENCE, "another"], ThumbprintList=["0" * 40])
        yield pond


@pytest.fixture
def role(pond, name):
    condition = {"StringEquals": {"token.example/pool:aud": AUDIENCE}, "StringLike": {"token.example/pool:sub": "build-*"}}
    trusts = policy({"Effect": "Allow", "Principal": {"Federated": PROVIDER}, "Action": "sts:AssumeRoleWithWebIdentity",
                     "Condition": condition})
    return make_role(pond, name, trusts, allow("s3:ListAllMyBuckets"))


def assume(pond, role, token, **more):
    client = boto3.client("sts", region_name="us-east-1", endpoint_url=pond.endpoint,
                          config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}))
    conformance.watch(client)
    return client.assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="ci", WebIdentityToken=token, **more)


def refused(pond, role, token, **more):
    with pytest.raises(ClientError) as raised:
        assume(pond, role, token, **more)
    return raised.value.response["Error"]["Code"]


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_a_token_gives_a_role(pond, role, keys, kind):
    made = assume(pond, role, keys[kind].token())
    assert (made["SubjectFromWebIdentityToken"], made["Audience"], made["Provider"]) == ("build-42", AUDIENCE, ISSUER)
    temporary = keys_of(made["Credentials"])
    assert identity(pond, temporary) == made["AssumedRoleUser"]["Arn"]
    pond.client("s3", keys=temporary).list_buckets()


def test_what_a_token_may_not_be(pond, role, keys):
    rsa, ec, stranger, now = keys["rsa"], keys["ec"], keys["stranger"], int(time.time())
    good = rsa.token()
    head, body, signature = good.split(".")
    none = b64(json.dumps({"alg": "none", "typ": "JWT", "kid": rsa.kid}).encode())
    # The public key as the secret of an HMAC.
    import hashlib
    import hmac

    confused = b64(json.dumps({"alg": "HS256", "typ": "JWT", "kid": rsa.kid}).encode())
    by_public_key = [
        f"{confused}.{body}." + b64(hmac.new(secret, f"{confused}.{body}".encode(), hashlib.sha256).digest())
        for secret in (rsa.public_pem, json.dumps(rsa.jwk()).encode(), base64.urlsafe_b64decode(rsa.jwk()["n"] + "=="))
    ]
    other_body = b64(json.dumps({"iss": ISSUER, "aud": AUDIENCE, "sub": "build-43", "exp": now + 300}).encode())
    embedded = {"jwk": stranger.jwk(), "kid": stranger.kid}
    for token, code in [
        (f"{none}.{body}.", "InvalidIdentityToken"),
        (f"{none}.{body}.{signature}", "InvalidIdentityToken"),
        *((token, "InvalidIdentityToken") for token in by_public_key),
        (f"{head}.{other_body}.{signature}", "InvalidIdentityToken"),
        (good[:-8], "InvalidIdentityToken"),
        (f"{head}.{body}", "InvalidIdentityToken"),
        ("a.b.c", "InvalidIdentityToken"),
        (rsa.token(signed_by=stranger), "InvalidIdentityToken"),
        (stranger.token(header=embedded), "InvalidIdentityToken"),
        (stranger.token(), "InvalidIdentityToken"),
        (ec.token(header={"kid": rsa.kid}), "InvalidIdentityToken"),
        (rsa.token(header={"alg": "RS512"}), "InvalidIdentityToken"),
        (rsa.token(header={"crit": ["b64"]}), "InvalidIdentityToken"),
        (rsa.token(iss="https://evil.example"), "InvalidIdentityToken"),
        (rsa.token(iss="https://unknown.example"), "InvalidIdentityToken"),
        (rsa.token(iss="http://token.example/pool"), "InvalidIdentityToken"),
        (rsa.token(aud="somebody-else"), "InvalidIdentityToken"),
        (rsa.token(aud=["x", "y"]), "InvalidIdentityToken"),
        (rsa.token(exp=now - 1), "ExpiredTokenException"),
        (rsa.token(exp=None), "InvalidIdentityToken"),
        (rsa.token(sub=None), "InvalidIdentityToken"),
        (rsa.token(nbf=now + 600), "IDPRejectedClaim"),
        (rsa.token(iat=now + 600), "IDPRejectedClaim"),
        (rsa.token(sub="deploy-1"), "AccessDenied"),
        (rsa.token(aud="another"), "AccessDenied"),
    ]:
        assert refused(pond, role, token) == code, token
    assume(pond, role, good)
    assert refused(pond, f"{role}-2", good) == "AccessDenied"
    assert refused(pond, role, good, DurationSeconds=7_200) == "ValidationError"


def test_a_role_that_does_not_trust_the_provider(pond, name, keys):
    account = make_role(pond, name, policy({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}))
    assert refused(pond, account, keys["rsa"].token()) == "AccessDenied"


def test_tags_and_a_source_identity_of_a_token(pond, name, keys):
    federated = {"Effect": "Allow", "Principal": {"Federated": PROVIDER}}
    actions = ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"]
    reads = allow("s3:ListAllMyBuckets", Condition={
        "StringEquals": {"aws:PrincipalTag/team": "lake", "aws:SourceIdentity": "ana", "aws:FederatedProvider": PROVIDER}})
    role = make_role(pond, name, policy({**federated, "Action": actions}), reads)
    closed = make_role(pond, f"{name}-2", policy({**federated, "Action": actions[0]}), reads)
    token = keys["rsa"].token({
        "https://aws.amazon.com/tags": {"principal_tags": {"team": ["lake"]}, "transitive_tag_keys": ["team"]},
        "https://aws.amazon.com/source_identity": "ana",
    })
    made = assume(pond, role, token)
    assert made["SourceIdentity"] == "ana"
    pond.client("s3", keys=keys_of(made["Credentials"])).list_buckets()
    assert refused(pond, closed, token) == "AccessDenied"


def test_keys_are_read_again_when_they_change(pond, role, keys, tmp_path):
    new = Key(tmp_path, "rsa-2")
    assert refused(pond, role, new.token()) == "InvalidIdentityToken"
    publish(keys, new.jwk())
    assume(pond, role, new.token())
    publish(keys)
    assert refused(pond, role, new.token()) == "InvalidIdentityToken"


def test_a_wrong_setting_is_told_at_the_start(tmp_path):
    with pytest.raises(AssertionError, match="nowhere.json"):
        Pond(env={"MILLPOND_STS_ISSUERS": f"{ISSUER}={tmp_path / 'nowhere.json'}"})
