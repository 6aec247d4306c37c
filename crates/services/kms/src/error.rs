//! What KMS answers when it does not do what was asked, in AWS's codes and words.

use aws_lc_rs::error::Unspecified;
use millpond_core::Arn;
use millpond_store::StoreError;
use millpond_wire::{ApiError, ServiceError};

use crate::model::key::{Spec, Usage};

#[derive(Debug, thiserror::Error)]
pub enum KmsError {
    #[error("Key '{arn}' does not exist")]
    KeyNotFound { arn: Box<Arn> },
    #[error("Alias {arn} is not found.")]
    AliasNotFound { arn: Box<Arn> },
    #[error("Invalid keyId '{0}'")]
    InvalidKeyId(String),
    #[error("Invalid arn {0}")]
    InvalidArn(String),
    #[error("No such policy exists")]
    NoSuchPolicy,
    #[error("{arn} is disabled.")]
    Disabled { arn: Box<Arn> },
    #[error("{arn} is pending deletion.")]
    PendingDeletion { arn: Box<Arn> },
    #[error("{arn} is pending import.")]
    PendingImport { arn: Box<Arn> },
    #[error("{arn} is not pending deletion.")]
    NotPendingDeletion { arn: Box<Arn> },
    /// Altered, made by someone else, or with another context: which of them is nobody's business.
    #[error(
        "The ciphertext was not made by this key with this encryption context, or it was altered or cut since."
    )]
    InvalidCiphertext,
    #[error("The key ID in the request does not identify a CMK that can perform this operation.")]
    IncorrectKey,
    /// The key in a ciphertext is gone, elsewhere, or another's: AWS does not say which.
    #[error(
        "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are \
         not allowed to access."
    )]
    UnknownCiphertextKey,
    #[error("{arn} key usage is {usage} which is not valid for {operation}.")]
    KeyUsage { arn: Box<Arn>, usage: Usage, operation: &'static str },
    #[error("Algorithm {algorithm} is incompatible with key spec {spec}.")]
    Algorithm { algorithm: &'static str, spec: Spec },
    #[error("An alias with the name {arn} already exists")]
    AliasExists { arn: Box<Arn> },
    #[error("{0}")]
    InvalidAliasName(String),
    #[error("{0}")]
    Limit(String),
    #[error("{0}")]
    Tag(String),
    #[error("{0}")]
    Unsupported(String),
    #[error("{0}")]
    Validation(String),
    #[error("The marker is not one that was given for this request.")]
    InvalidMarker,
    #[error("{0}")]
    MalformedPolicy(String),
    #[error("Grant ID {0} not found")]
    GrantNotFound(String),
    #[error("{principal} is no principal that a grant can be about.")]
    InvalidPrincipal { principal: String },
    #[error("A grant token of the request is not valid.")]
    InvalidGrantToken,
    #[error("The key material is not the one that was imported into {arn} before.")]
    OtherMaterial { arn: Box<Arn> },
    /// It imports nothing that this key could have, in length or form.
    #[error("The imported material is no key material for key spec {spec}.")]
    WrongMaterial { spec: Spec },
    #[error("The import token is not one that was given for this key.")]
    InvalidImportToken,
    #[error("The import token has expired.")]
    ExpiredImportToken,
    #[error("The request would have succeeded, but the DryRun option is set.")]
    DryRun,
    #[error("The signature is not one of this message by this key.")]
    InvalidSignature,
    #[error("The code is not one of this message by this key.")]
    InvalidMac,
    /// The gateway's refusal, as it is.
    #[error(transparent)]
    AccessDenied(Box<ApiError>),
    #[error("the store")]
    Store(#[from] StoreError),
    /// The cryptography library failed, or what it was given is not what was stored.
    #[error("cryptography: {0}")]
    Crypto(&'static str),
    #[error("a background task ended early")]
    Join(#[from] tokio::task::JoinError),
}

impl From<ApiError> for KmsError {
    fn from(error: ApiError) -> Self {
        Self::AccessDenied(Box::new(error))
    }
}

impl From<Unspecified> for KmsError {
    fn from(_: Unspecified) -> Self {
        Self::Crypto("the library")
    }
}

impl ServiceError for KmsError {
    fn code(&self) -> &'static str {
        match self {
            Self::KeyNotFound { .. }
            | Self::AliasNotFound { .. }
            | Self::InvalidKeyId(_)
            | Self::InvalidArn(_)
            | Self::NoSuchPolicy
            | Self::GrantNotFound(_) => "NotFoundException",
            Self::MalformedPolicy(_) => "MalformedPolicyDocumentException",
            Self::InvalidPrincipal { .. } => "InvalidArnException",
            Self::Disabled { .. } => "DisabledException",
            Self::PendingDeletion { .. } | Self::PendingImport { .. } | Self::NotPendingDeletion { .. } => {
                "KMSInvalidStateException"
            }
            Self::InvalidCiphertext => "InvalidCiphertextException",
            Self::IncorrectKey => "IncorrectKeyException",
            Self::UnknownCiphertextKey | Self::AccessDenied(_) => "AccessDeniedException",
            Self::KeyUsage { .. } | Self::Algorithm { .. } => "InvalidKeyUsageException",
            Self::AliasExists { .. } => "AlreadyExistsException",
            Self::InvalidAliasName(_) => "InvalidAliasNameException",
            Self::Limit(_) => "LimitExceededException",
            Self::Tag(_) => "TagException",
            Self::Unsupported(_) => "UnsupportedOperationException",
            Self::Validation(_) => "ValidationException",
            Self::InvalidMarker => "InvalidMarkerException",
            Self::InvalidGrantToken => "InvalidGrantTokenException",
            Self::OtherMaterial { .. } | Self::WrongMaterial { .. } => "IncorrectKeyMaterialException",
            Self::InvalidImportToken => "InvalidImportTokenException",
            Self::ExpiredImportToken => "ExpiredImportTokenException",
            Self::DryRun => "DryRunOperationException",
            Self::InvalidSignature => "KMSInvalidSignatureException",
            Self::InvalidMac => "KMSInvalidMacException",
            Self::Store(_) | Self::Crypto(_) | Self::Join(_) => "KMSInternalException",
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::Store(_) | Self::Crypto(_) | Self::Join(_) => 500,
            _ => 400,
        }
    }

    fn into_carried(self) -> Result<ApiError, Self> {
        match self {
            Self::AccessDenied(error) => Ok(*error),
            own => Err(own),
        }
    }
}
