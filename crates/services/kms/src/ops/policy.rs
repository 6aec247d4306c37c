//! Key policies. Every key has one, named `default`.

use millpond_gateway::Call;

use crate::Kms;
use crate::api;
use crate::error::KmsError;
use crate::model::key::{Key, Manager};

const NAME: &str = "default";

/// The policy that a key has unless its owner gave it another: the account decides by its own policies.
fn document(key: &Key) -> String {
    let (account, region) = (&key.scope.account, &key.scope.region);
    let partition = region.partition();
    let root = format!(
        r#""Principal" : {{
      "AWS" : "arn:{partition}:iam::{account}:root"
    }}"#
    );
    match &key.manager {
        Manager::Customer => format!(
            r#"{{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {{
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    {root},
    "Action" : "kms:*",
    "Resource" : "*"
  }} ]
}}"#
        ),
        Manager::Aws { service } => format!(
            r#"{{
  "Version" : "2012-10-17",
  "Id" : "auto-{service}-1",
  "Statement" : [ {{
    "Sid" : "Allow use through the service by all principals of the account",
    "Effect" : "Allow",
    "Principal" : {{
      "AWS" : "*"
    }},
    "Action" : [ "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey" ],
    "Resource" : "*",
    "Condition" : {{
      "StringEquals" : {{
        "kms:CallerAccount" : "{account}",
        "kms:ViaService" : "{service}.{region}.amazonaws.com"
      }}
    }}
  }}, {{
    "Sid" : "Allow direct access to key metadata to the account",
    "Effect" : "Allow",
    {root},
    "Action" : [ "kms:Describe*", "kms:Get*", "kms:List*" ],
    "Resource" : "*"
  }} ]
}}"#
        ),
    }
}

/// The key's policy.
///
/// Errors: NotFoundException (the key, or another name than `default`). Source: AWS KMS API reference, GetKeyPolicy.
pub async fn get_key_policy(
    call: Call<Kms>,
    input: api::GetKeyPolicyInput,
) -> Result<api::GetKeyPolicyOutput, KmsError> {
    let key = call.find_own(&call.store().read()?, &call.caller, "kms:GetKeyPolicy", &input.key_id)?;
    match input.policy_name.as_deref() {
        None | Some(NAME) => {
            Ok(api::GetKeyPolicyOutput { policy: Some(document(&key)), policy_name: Some(NAME.to_owned()) })
        }
        Some(_) => Err(KmsError::NoSuchPolicy),
    }
}

/// The names of the key's policies: `default`.
///
/// Errors: NotFoundException. Source: AWS KMS API reference, ListKeyPolicies.
pub async fn list_key_policies(
    call: Call<Kms>,
    input: api::ListKeyPoliciesInput,
) -> Result<api::ListKeyPoliciesOutput, KmsError> {
    call.find_own(&call.store().read()?, &call.caller, "kms:ListKeyPolicies", &input.key_id)?;
    // One name fills no page, so that no marker was ever given.
    match input.marker {
        Some(_) => Err(KmsError::InvalidMarker),
        None => Ok(api::ListKeyPoliciesOutput {
            policy_names: Some(vec![NAME.to_owned()]),
            next_marker: None,
            truncated: Some(false),
        }),
    }
}
