//! What can be done with which kind of key.

use millpond_wire::text_enum;

use crate::model::key::{Spec, Usage};

text_enum! {
    /// How data is encrypted.
    pub enum Encryption {
        Symmetric = "SYMMETRIC_DEFAULT",
        OaepSha1 = "RSAES_OAEP_SHA_1",
        OaepSha256 = "RSAES_OAEP_SHA_256",
    }
}

text_enum! {
    /// How messages are signed.
    pub enum Signing {
        PssSha256 = "RSASSA_PSS_SHA_256",
        PssSha384 = "RSASSA_PSS_SHA_384",
        PssSha512 = "RSASSA_PSS_SHA_512",
        Pkcs1Sha256 = "RSASSA_PKCS1_V1_5_SHA_256",
        Pkcs1Sha384 = "RSASSA_PKCS1_V1_5_SHA_384",
        Pkcs1Sha512 = "RSASSA_PKCS1_V1_5_SHA_512",
        EcdsaSha256 = "ECDSA_SHA_256",
        EcdsaSha384 = "ECDSA_SHA_384",
        EcdsaSha512 = "ECDSA_SHA_512",
    }
}

text_enum! {
    /// How messages get a code that only the key's holders can make.
    pub enum Mac {
        Sha224 = "HMAC_SHA_224",
        Sha256 = "HMAC_SHA_256",
        Sha384 = "HMAC_SHA_384",
        Sha512 = "HMAC_SHA_512",
    }
}

pub fn encryption(spec: Spec, usage: Usage) -> &'static [Encryption] {
    match (spec, usage) {
        (Spec::Symmetric, _) => &[Encryption::Symmetric],
        (Spec::Rsa2048 | Spec::Rsa3072 | Spec::Rsa4096, Usage::EncryptDecrypt) => {
            &[Encryption::OaepSha1, Encryption::OaepSha256]
        }
        _ => &[],
    }
}

pub fn signing(spec: Spec, usage: Usage) -> &'static [Signing] {
    match (spec, usage) {
        (Spec::Rsa2048 | Spec::Rsa3072 | Spec::Rsa4096, Usage::SignVerify) => &[
            Signing::Pkcs1Sha256,
            Signing::Pkcs1Sha384,
            Signing::Pkcs1Sha512,
            Signing::PssSha256,
            Signing::PssSha384,
            Signing::PssSha512,
        ],
        (Spec::P256 | Spec::P256K1, Usage::SignVerify) => &[Signing::EcdsaSha256],
        (Spec::P384, Usage::SignVerify) => &[Signing::EcdsaSha384],
        (Spec::P521, Usage::SignVerify) => &[Signing::EcdsaSha512],
        _ => &[],
    }
}

pub fn mac(spec: Spec) -> Option<Mac> {
    match spec {
        Spec::Hmac224 => Some(Mac::Sha224),
        Spec::Hmac256 => Some(Mac::Sha256),
        Spec::Hmac384 => Some(Mac::Sha384),
        Spec::Hmac512 => Some(Mac::Sha512),
        Spec::Symmetric
        | Spec::Rsa2048
        | Spec::Rsa3072
        | Spec::Rsa4096
        | Spec::P256
        | Spec::P384
        | Spec::P521
        | Spec::P256K1 => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_can_do_what_it_is_for_and_nothing_else() {
        for &spec in Spec::ALL {
            for &usage in spec.usages() {
                let can = [
                    (Usage::EncryptDecrypt, !encryption(spec, usage).is_empty()),
                    (Usage::SignVerify, !signing(spec, usage).is_empty()),
                    (Usage::Mac, mac(spec).is_some()),
                ];
                for (purpose, can) in can {
                    assert_eq!(can, purpose == usage, "{spec} {usage} {purpose}");
                }
            }
        }
    }
}
