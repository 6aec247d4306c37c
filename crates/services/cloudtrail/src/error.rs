//! What CloudTrail answers when it does not do what was asked, in AWS's codes and words.

use millpond_core::{AccountId, Region, Scope};
use millpond_s3::S3Error;
use millpond_store::StoreError;
use millpond_wire::{ApiError, ServiceError};

#[derive(Debug, thiserror::Error)]
pub enum CloudTrailError {
    #[error("{0}")]
    InvalidLookupAttributes(&'static str),
    #[error("The start time must be before the end time.")]
    InvalidTimeRange,
    #[error("Invalid NextToken.")]
    InvalidNextToken,
    #[error("Millpond records no Insights events.")]
    InvalidEventCategory,
    /// In AWS's words, of the rules for names.
    #[error("{0}")]
    InvalidTrailName(String),
    #[error("The ARN {arn} is not that of a trail.")]
    InvalidArn { arn: String },
    #[error("Unknown trail: {arn} for the user: {account}")]
    TrailNotFound { arn: String, account: AccountId },
    #[error("Trail {name} already exists for customer: {account}")]
    TrailExists { name: String, account: AccountId },
    #[error("User: {} already has {limit} trails in {}.", scope.account, scope.region)]
    TooManyTrails { scope: Scope, limit: usize },
    #[error("The trail {arn} can be changed in its home region {home} alone.")]
    NotAtHome { arn: String, home: Region },
    #[error("S3 bucket {bucket} does not exist!")]
    NoBucket { bucket: String },
    #[error("Incorrect S3 bucket policy is detected for bucket: {bucket}")]
    InsufficientBucketPolicy { bucket: String },
    #[error(
        "The S3 key prefix {prefix:?} is not valid: at most 200 characters, and no slash at its beginning."
    )]
    InvalidPrefix { prefix: String },
    #[error("{0}")]
    InvalidParameterCombination(&'static str),
    #[error("{0}")]
    InvalidEventSelectors(String),
    #[error("Millpond does not support the parameter '{0}' of this operation.")]
    Unsupported(&'static str),
    #[error("{0}")]
    InvalidTag(String),
    #[error("A trail can have at most {limit} tags.")]
    TooManyTags { limit: usize },
    #[error("The resource {arn} was not found.")]
    ResourceNotFound { arn: String },
    #[error("The NextToken is not valid.")]
    InvalidToken,
    #[error("the bucket of log files")]
    S3(#[source] Box<S3Error>),
    #[error(transparent)]
    Carried(Box<ApiError>),
    #[error("the store")]
    Store(#[from] StoreError),
}

impl From<ApiError> for CloudTrailError {
    fn from(error: ApiError) -> Self {
        Self::Carried(Box::new(error))
    }
}

impl CloudTrailError {
    pub fn selectors(message: impl Into<String>) -> Self {
        Self::InvalidEventSelectors(message.into())
    }
}

impl ServiceError for CloudTrailError {
    fn code(&self) -> &'static str {
        match self {
            Self::InvalidLookupAttributes(_) => "InvalidLookupAttributesException",
            Self::InvalidTimeRange => "InvalidTimeRangeException",
            Self::InvalidNextToken => "InvalidNextTokenException",
            Self::InvalidEventCategory => "InvalidEventCategoryException",
            Self::InvalidTrailName(_) => "InvalidTrailNameException",
            Self::InvalidArn { .. } => "CloudTrailARNInvalidException",
            Self::TrailNotFound { .. } => "TrailNotFoundException",
            Self::TrailExists { .. } => "TrailAlreadyExistsException",
            Self::TooManyTrails { .. } => "MaximumNumberOfTrailsExceededException",
            Self::NotAtHome { .. } => "InvalidHomeRegionException",
            Self::NoBucket { .. } => "S3BucketDoesNotExistException",
            Self::InsufficientBucketPolicy { .. } => "InsufficientS3BucketPolicyException",
            Self::InvalidPrefix { .. } => "InvalidS3PrefixException",
            Self::InvalidParameterCombination(_) => "InvalidParameterCombinationException",
            Self::InvalidEventSelectors(_) => "InvalidEventSelectorsException",
            Self::Unsupported(_) => "UnsupportedOperationException",
            Self::InvalidTag(_) => "InvalidTagParameterException",
            Self::TooManyTags { .. } => "TagsLimitExceededException",
            Self::ResourceNotFound { .. } => "ResourceNotFoundException",
            Self::InvalidToken => "InvalidTokenException",
            Self::S3(_) | Self::Carried(_) | Self::Store(_) => "InternalFailure",
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::InvalidLookupAttributes(_)
            | Self::InvalidTimeRange
            | Self::InvalidNextToken
            | Self::InvalidEventCategory
            | Self::InvalidTrailName(_)
            | Self::InvalidArn { .. }
            | Self::TrailNotFound { .. }
            | Self::TrailExists { .. }
            | Self::TooManyTrails { .. }
            | Self::NotAtHome { .. }
            | Self::NoBucket { .. }
            | Self::InsufficientBucketPolicy { .. }
            | Self::InvalidPrefix { .. }
            | Self::InvalidParameterCombination(_)
            | Self::InvalidEventSelectors(_)
            | Self::Unsupported(_)
            | Self::InvalidTag(_)
            | Self::TooManyTags { .. }
            | Self::ResourceNotFound { .. }
            | Self::InvalidToken => 400,
            Self::S3(_) | Self::Carried(_) | Self::Store(_) => 500,
        }
    }

    fn into_carried(self) -> Result<ApiError, Self> {
        match self {
            Self::Carried(error) => Ok(*error),
            own => Err(own),
        }
    }
}
