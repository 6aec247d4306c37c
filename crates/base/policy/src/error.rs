//! What can be wrong with a policy document, once; and the two families of words that AWS has for it.

/// Why a text is not a policy of its kind. [`std::fmt::Display`] is IAM's sentence (MalformedPolicyDocument, and STS's
/// MalformedPolicyDocumentException); [`PolicyError::in_s3s_words`] is S3's (MalformedPolicy), which other services with
/// resource policies use too.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    #[error("Syntax errors in policy.")]
    TooLarge { limit: usize },
    /// Not JSON, not an object, or something before its first brace.
    #[error("Syntax errors in policy.")]
    NotJson,
    #[error("Syntax errors in policy.")]
    Unknown { element: String },
    #[error("Syntax errors in policy.")]
    Duplicate { element: String },
    #[error("Syntax errors in policy.")]
    WrongType { element: String },
    #[error("{}", match *element {
        "Action" => "Policy statement must contain actions.",
        "Resource" => "Policy statement must contain resources.",
        _ => "Syntax errors in policy.",
    })]
    Missing { element: &'static str },
    /// An element that this kind of policy does not have: a principal in an identity policy, a resource in a trust policy.
    #[error("{}", match *element {
        "Principal" => "Policy document should not specify a principal.",
        _ => "Has prohibited field Resource",
    })]
    Prohibited { element: &'static str },
    /// An element beside its negation.
    #[error("Syntax errors in policy.")]
    Both { element: &'static str },
    #[error("Syntax errors in policy.")]
    InvalidVersion { version: String },
    #[error("Policy document must be version 2012-10-17 or greater.")]
    OldVersion,
    #[error("Syntax errors in policy.")]
    InvalidEffect { effect: String },
    #[error(
        "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression \
         [0-9A-Za-z]*"
    )]
    InvalidSid { sid: String },
    #[error("Statement IDs (SID) in a single policy must be unique.")]
    DuplicateSid { sid: String },
    #[error("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")]
    NoVendor { name: String },
    #[error("Vendor {vendor} is not valid")]
    InvalidVendor { vendor: String },
    #[error("Actions/Condition can contain only one colon.")]
    TooManyColons { action: String },
    #[error("Resource {resource} must be in ARN format or \"*\".")]
    NotAnArn { resource: String },
    #[error("Partition \"{partition}\" is not valid for resource \"{resource}\".")]
    InvalidPartition { partition: String, resource: String },
    #[error("Resource vendor must be fully qualified and cannot contain regexes.")]
    WildcardVendor { resource: String },
    /// A policy variable before the part of an ARN that names the resource.
    #[error("The policy failed legacy parsing")]
    MisplacedVariable { resource: String },
    #[error("The policy failed legacy parsing")]
    InvalidVariable { text: String },
    #[error("Invalid principal in policy: {principal}")]
    InvalidPrincipal { principal: String },
    #[error("Allow with NotPrincipal is not allowed.")]
    AllowNotPrincipal,
    #[error("Syntax errors in policy.")]
    InvalidOperator { operator: String },
    #[error("The policy failed legacy parsing")]
    InvalidConditionValue { operator: String, value: String },

    // What only a service can find: it knows its own actions, resources and condition keys.
    /// No action of the service is meant.
    #[error("The policy contains an action that does not exist: {action}")]
    UnknownAction { action: String },
    /// Not a resource that the policy is attached to.
    #[error("The policy contains a resource that is not its own: {resource}")]
    ForeignResource { resource: String },
    #[error("The policy contains actions that do not apply to any resource in their statement.")]
    ActionsWithoutResource,
    #[error("The policy contains a condition key that does not exist: {key}")]
    UnknownConditionKey { key: String },
    #[error(
        "The policy contains conditions that do not apply to the actions and resources in their statement."
    )]
    ConditionsDoNotApply,
}

impl PolicyError {
    /// The message of S3's MalformedPolicy.
    pub fn in_s3s_words(&self) -> String {
        match self {
            Self::TooLarge { .. } => "Policy exceeds the maximum allowed document size.".to_owned(),
            Self::NotJson => "Policies must be valid JSON and the first byte must be '{'".to_owned(),
            Self::Unknown { element } => format!("Unknown field {element}"),
            Self::Duplicate { element } => format!("Duplicate field {element}"),
            Self::WrongType { element } => format!("Invalid value for field {element}"),
            Self::Missing { element } => format!("Missing required field {element}"),
            Self::Prohibited { element } => format!("Has prohibited field {element}"),
            Self::Both { element } => {
                format!("Policy statement cannot contain both {element} and Not{element}")
            }
            Self::InvalidVersion { .. } | Self::OldVersion => {
                "The policy must contain a valid version string".to_owned()
            }
            Self::InvalidEffect { effect } => format!("Invalid effect : {effect}"),
            Self::InvalidSid { sid } => format!("Invalid statement id : {sid}"),
            Self::DuplicateSid { .. } => "Statement ids must be unique in a policy".to_owned(),
            Self::NoVendor { .. }
            | Self::InvalidVendor { .. }
            | Self::TooManyColons { .. }
            | Self::UnknownAction { .. } => "Policy has invalid action".to_owned(),
            Self::NotAnArn { .. }
            | Self::InvalidPartition { .. }
            | Self::WildcardVendor { .. }
            | Self::MisplacedVariable { .. }
            | Self::InvalidVariable { .. }
            | Self::ForeignResource { .. } => "Policy has invalid resource".to_owned(),
            Self::InvalidPrincipal { .. } => "Invalid principal in policy".to_owned(),
            Self::AllowNotPrincipal => "Allow with NotPrincipal is not allowed.".to_owned(),
            Self::InvalidOperator { operator } => format!("Invalid Condition type : {operator}"),
            Self::InvalidConditionValue { value, .. } => format!("Invalid value in Condition : {value}"),
            Self::UnknownConditionKey { .. } => "Policy has an invalid condition key".to_owned(),
            Self::ActionsWithoutResource => {
                "Action does not apply to any resource(s) in statement".to_owned()
            }
            Self::ConditionsDoNotApply => {
                "Conditions do not apply to combination of actions and resources in statement".to_owned()
            }
        }
    }
}
