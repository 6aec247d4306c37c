//! RSA and elliptic curves. Private keys are PKCS#8, public ones SubjectPublicKeyInfo, both in DER; signatures on curves are
//! DER as well, as AWS gives them.

use aws_lc_rs::agreement;
use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm, OaepPrivateDecryptingKey,
    OaepPublicEncryptingKey, PrivateDecryptingKey, PublicEncryptingKey,
};
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair as _, RsaKeyPair, RsaSignatureEncoding,
    UnparsedPublicKey, VerificationAlgorithm,
};
use zeroize::Zeroizing;

use crate::error::KmsError;
use crate::model::algorithm::{Encryption, Signing};
use crate::model::key::Spec;

/// A fresh key pair.
pub struct Pair {
    pub private: Zeroizing<Vec<u8>>,
    pub public: Vec<u8>,
}

/// What is signed: a message, or its digest by the algorithm's own hash.
#[derive(Debug, Clone, Copy)]
pub enum Signed<'a> {
    Message(&'a [u8]),
    Digest(&'a [u8]),
}

/// Errors: Unsupported, when the spec is not one of a key pair.
pub fn generate(spec: Spec) -> Result<Pair, KmsError> {
    if let Some(size) = size(spec) {
        let pair = RsaKeyPair::generate(size)?;
        let private: Pkcs8V1Der<'_> = pair.as_der()?;
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
        return Ok(Pair {
            private: Zeroizing::new(private.as_ref().to_vec()),
            public: public.as_ref().to_vec(),
        });
    }
    let pair = EcdsaKeyPair::generate(curve(spec)?)?;
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der()?;
    Ok(Pair {
        private: Zeroizing::new(pair.to_pkcs8v1()?.as_ref().to_vec()),
        public: public.as_ref().to_vec(),
    })
}

/// The public half of a private key in PKCS#8; `None`, when it is not one of this spec.
pub fn public_of(spec: Spec, private: &[u8]) -> Option<Vec<u8>> {
    let public: PublicKeyX509Der<'_> = match size(spec) {
        Some(size) => {
            let pair = RsaKeyPair::from_pkcs8(private).ok()?;
            (pair.public_modulus_len() == size.len()).then(|| pair.public_key().as_der())?.ok()?
        }
        None => EcdsaKeyPair::from_pkcs8(curve(spec).ok()?, private).ok()?.public_key().as_der().ok()?,
    };
    Some(public.as_ref().to_vec())
}

fn size(spec: Spec) -> Option<KeySize> {
    match spec {
        Spec::Rsa2048 => Some(KeySize::Rsa2048),
        Spec::Rsa3072 => Some(KeySize::Rsa3072),
        Spec::Rsa4096 => Some(KeySize::Rsa4096),
        Spec::Symmetric
        | Spec::P256
        | Spec::P384
        | Spec::P521
        | Spec::P256K1
        | Spec::Hmac224
        | Spec::Hmac256
        | Spec::Hmac384
        | Spec::Hmac512 => None,
    }
}

fn curve(spec: Spec) -> Result<&'static EcdsaSigningAlgorithm, KmsError> {
    match spec {
        Spec::P256 => Ok(&signature::ECDSA_P256_SHA256_ASN1_SIGNING),
        Spec::P384 => Ok(&signature::ECDSA_P384_SHA384_ASN1_SIGNING),
        Spec::P521 => Ok(&signature::ECDSA_P521_SHA512_ASN1_SIGNING),
        Spec::P256K1 => Ok(&signature::ECDSA_P256K1_SHA256_ASN1_SIGNING),
        Spec::Symmetric
        | Spec::Rsa2048
        | Spec::Rsa3072
        | Spec::Rsa4096
        | Spec::Hmac224
        | Spec::Hmac256
        | Spec::Hmac384
        | Spec::Hmac512 => Err(KmsError::Unsupported(format!("{spec} is no key pair's spec."))),
    }
}

fn hash(algorithm: Signing) -> &'static digest::Algorithm {
    match algorithm {
        Signing::PssSha256 | Signing::Pkcs1Sha256 | Signing::EcdsaSha256 => &digest::SHA256,
        Signing::PssSha384 | Signing::Pkcs1Sha384 | Signing::EcdsaSha384 => &digest::SHA384,
        Signing::PssSha512 | Signing::Pkcs1Sha512 | Signing::EcdsaSha512 => &digest::SHA512,
    }
}

/// How RSA pads; none for signatures on curves.
fn padding(algorithm: Signing) -> Option<&'static RsaSignatureEncoding> {
    match algorithm {
        Signing::PssSha256 => Some(&signature::RSA_PSS_SHA256),
        Signing::PssSha384 => Some(&signature::RSA_PSS_SHA384),
        Signing::PssSha512 => Some(&signature::RSA_PSS_SHA512),
        Signing::Pkcs1Sha256 => Some(&signature::RSA_PKCS1_SHA256),
        Signing::Pkcs1Sha384 => Some(&signature::RSA_PKCS1_SHA384),
        Signing::Pkcs1Sha512 => Some(&signature::RSA_PKCS1_SHA512),
        Signing::EcdsaSha256 | Signing::EcdsaSha384 | Signing::EcdsaSha512 => None,
    }
}

fn verification(spec: Spec, algorithm: Signing) -> &'static dyn VerificationAlgorithm {
    match algorithm {
        Signing::PssSha256 => &signature::RSA_PSS_2048_8192_SHA256,
        Signing::PssSha384 => &signature::RSA_PSS_2048_8192_SHA384,
        Signing::PssSha512 => &signature::RSA_PSS_2048_8192_SHA512,
        Signing::Pkcs1Sha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Signing::Pkcs1Sha384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Signing::Pkcs1Sha512 => &signature::RSA_PKCS1_2048_8192_SHA512,
        Signing::EcdsaSha256 if spec == Spec::P256K1 => &signature::ECDSA_P256K1_SHA256_ASN1,
        Signing::EcdsaSha256 => &signature::ECDSA_P256_SHA256_ASN1,
        Signing::EcdsaSha384 => &signature::ECDSA_P384_SHA384_ASN1,
        Signing::EcdsaSha512 => &signature::ECDSA_P521_SHA512_ASN1,
    }
}

fn digest_of(algorithm: Signing, signed: Signed<'_>) -> Result<Digest, KmsError> {
    match signed {
        Signed::Message(message) => Ok(digest::digest(hash(algorithm), message)),
        Signed::Digest(bytes) => Digest::import_less_safe(bytes, hash(algorithm)).map_err(|_| {
            KmsError::Validation(format!("Digest is invalid length for algorithm {algorithm}."))
        }),
    }
}

/// Errors: ValidationException, when a digest has not its hash's length.
pub fn sign(spec: Spec, private: &[u8], algorithm: Signing, signed: Signed<'_>) -> Result<Vec<u8>, KmsError> {
    let damaged = |_| KmsError::Crypto("a stored private key is none");
    let digest = digest_of(algorithm, signed)?;
    match padding(algorithm) {
        Some(padding) => {
            let pair = RsaKeyPair::from_pkcs8(private).map_err(damaged)?;
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign_digest(padding, &digest, &mut signature)?;
            Ok(signature)
        }
        None => {
            let pair = EcdsaKeyPair::from_pkcs8(curve(spec)?, private).map_err(damaged)?;
            Ok(pair.sign_digest(&digest)?.as_ref().to_vec())
        }
    }
}

/// Errors: KMSInvalidSignatureException; ValidationException, when a digest has not its hash's length.
pub fn verify(
    spec: Spec,
    public: &[u8],
    algorithm: Signing,
    signed: Signed<'_>,
    signature: &[u8],
) -> Result<(), KmsError> {
    let digest = digest_of(algorithm, signed)?;
    UnparsedPublicKey::new(verification(spec, algorithm), public)
        .verify_digest(&digest, signature)
        .map_err(|_| KmsError::InvalidSignature)
}

fn oaep(algorithm: Encryption, spec: Spec) -> Result<&'static OaepAlgorithm, KmsError> {
    match algorithm {
        Encryption::OaepSha1 => Ok(&OAEP_SHA1_MGF1SHA1),
        Encryption::OaepSha256 => Ok(&OAEP_SHA256_MGF1SHA256),
        Encryption::Symmetric => Err(KmsError::Algorithm { algorithm: algorithm.as_str(), spec }),
    }
}

/// Errors: ValidationException, when it is more than the key can take.
pub fn encrypt(
    spec: Spec,
    public: &[u8],
    algorithm: Encryption,
    plaintext: &[u8],
) -> Result<Vec<u8>, KmsError> {
    let oaep = oaep(algorithm, spec)?;
    let key =
        PublicEncryptingKey::from_der(public).map_err(|_| KmsError::Crypto("a stored public key is none"))?;
    let key = OaepPublicEncryptingKey::new(key)?;
    let most = key.max_plaintext_size(oaep);
    if plaintext.len() > most {
        return Err(KmsError::Validation(format!(
            "Algorithm {algorithm} and key spec {spec} cannot encrypt data larger than {most} bytes."
        )));
    }
    let mut out = vec![0; key.ciphertext_size()];
    let len = key.encrypt(oaep, plaintext, &mut out, None)?.len();
    out.truncate(len);
    Ok(out)
}

/// Errors: InvalidCiphertextException.
pub fn decrypt(
    spec: Spec,
    private: &[u8],
    algorithm: Encryption,
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, KmsError> {
    let oaep = oaep(algorithm, spec)?;
    let key = PrivateDecryptingKey::from_pkcs8(private)
        .map_err(|_| KmsError::Crypto("a stored private key is none"))?;
    let key = OaepPrivateDecryptingKey::new(key)?;
    let mut out = Zeroizing::new(vec![0; key.min_output_size()]);
    let opened = key.decrypt(oaep, ciphertext, &mut out, None);
    let len = opened.map_err(|_| KmsError::InvalidCiphertext)?.len();
    out.truncate(len);
    Ok(out)
}

/// The secret that two key pairs share: the x coordinate, as AWS gives it.
///
/// Errors: ValidationException, when the other's public key is none of the same curve.
pub fn agree(spec: Spec, private: &[u8], peer: &[u8]) -> Result<Zeroizing<Vec<u8>>, KmsError> {
    let algorithm = match spec {
        Spec::P256 => &agreement::ECDH_P256,
        Spec::P384 => &agreement::ECDH_P384,
        Spec::P521 => &agreement::ECDH_P521,
        Spec::Symmetric
        | Spec::Rsa2048
        | Spec::Rsa3072
        | Spec::Rsa4096
        | Spec::P256K1
        | Spec::Hmac224
        | Spec::Hmac256
        | Spec::Hmac384
        | Spec::Hmac512 => return Err(KmsError::Algorithm { algorithm: "ECDH", spec }),
    };
    let own = agreement::PrivateKey::from_private_key_der(algorithm, private)
        .map_err(|_| KmsError::Crypto("a stored private key is none"))?;
    let invalid = || KmsError::Validation(format!("PublicKey is not a public key of {spec} in DER."));
    let peer = agreement::UnparsedPublicKey::new(algorithm, peer);
    let peer = agreement::ParsedPublicKey::try_from(peer).map_err(|_| invalid())?;
    if peer.format() != agreement::ParsedPublicKeyFormat::X509 {
        return Err(invalid());
    }
    agreement::agree(&own, peer, invalid(), |secret| Ok(Zeroizing::new(secret.to_vec())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::algorithm::signing;
    use crate::model::key::Usage;

    const SPECS: [Spec; 5] = [Spec::Rsa2048, Spec::P256, Spec::P384, Spec::P521, Spec::P256K1];

    #[test]
    fn a_signature_holds_for_its_message_alone_by_every_algorithm() {
        for spec in SPECS {
            let pair = generate(spec).unwrap();
            for &algorithm in signing(spec, Usage::SignVerify) {
                let message = Signed::Message(b"message");
                let signature = sign(spec, &pair.private, algorithm, message).unwrap();
                let hashed = digest::digest(hash(algorithm), b"message");
                let verify = |signed, signature: &[u8]| {
                    verify(spec, &pair.public, algorithm, signed, signature).is_ok()
                };
                assert!(verify(message, &signature), "{spec} {algorithm}");
                assert!(verify(Signed::Digest(hashed.as_ref()), &signature), "{spec} {algorithm}");
                assert!(!verify(Signed::Message(b"massage"), &signature), "{spec} {algorithm}");
                let mut bent = signature.clone();
                *bent.last_mut().unwrap() ^= 1;
                assert!(!verify(message, &bent) && !verify(message, &[]), "{spec} {algorithm}");
                let of_digest =
                    sign(spec, &pair.private, algorithm, Signed::Digest(hashed.as_ref())).unwrap();
                assert!(verify(message, &of_digest), "{spec} {algorithm}");
                let short = sign(spec, &pair.private, algorithm, Signed::Digest(b"short"));
                assert!(matches!(short, Err(KmsError::Validation(_))), "{spec} {algorithm}");
            }
        }
    }

    #[test]
    fn rsa_takes_as_much_as_its_padding_leaves() {
        let pair = generate(Spec::Rsa2048).unwrap();
        for (algorithm, most) in [(Encryption::OaepSha1, 214), (Encryption::OaepSha256, 190)] {
            let plaintext = vec![7; most];
            let sealed = encrypt(Spec::Rsa2048, &pair.public, algorithm, &plaintext).unwrap();
            let opened = decrypt(Spec::Rsa2048, &pair.private, algorithm, &sealed).unwrap();
            assert_eq!(opened.as_slice(), plaintext);
            let more = encrypt(Spec::Rsa2048, &pair.public, algorithm, &vec![7; most + 1]);
            assert!(matches!(more, Err(KmsError::Validation(_))));
            for at in [0, 100, sealed.len() - 1] {
                let mut bent = sealed.clone();
                bent[at] ^= 1;
                let refused = decrypt(Spec::Rsa2048, &pair.private, algorithm, &bent);
                assert!(matches!(refused, Err(KmsError::InvalidCiphertext)));
            }
            assert!(decrypt(Spec::Rsa2048, &pair.private, algorithm, b"short").is_err());
        }
    }

    #[test]
    fn two_pairs_share_one_secret() {
        for spec in [Spec::P256, Spec::P384, Spec::P521] {
            let (one, other) = (generate(spec).unwrap(), generate(spec).unwrap());
            let secret = agree(spec, &one.private, &other.public).unwrap();
            assert_eq!(secret, agree(spec, &other.private, &one.public).unwrap());
            let elsewhere = generate(Spec::P256K1).unwrap();
            for peer in [elsewhere.public.as_slice(), b"", b"\x30\x00", &one.public[1..]] {
                assert!(matches!(agree(spec, &one.private, peer), Err(KmsError::Validation(_))), "{spec}");
            }
        }
    }
}
