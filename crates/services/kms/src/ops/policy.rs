//! Key policies. Every key has one, named `default`.

use millpond_gateway::Call;

use crate::Kms;
use crate::api;
use crate::error::KmsError;
use crate::model::key::{Key, Manager};
use crate::ops::own_key;
use crate::policies;
use crate::store;

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
        None | Some(NAME) => Ok(api::GetKeyPolicyOutput {
            policy: Some(key.policy.clone().unwrap_or_else(|| document(&key))),
            policy_name: Some(NAME.to_owned()),
        }),
        Some(_) => Err(KmsError::NoSuchPolicy),
    }
}

/// The largest policy of a key.
const MAX_BYTES: usize = 32_768;

/// A policy that a key may be given: in order, and not one that locks the caller out.
///
/// Errors: MalformedPolicyDocumentException, LimitExceededException.
pub fn check(call: &Call<Kms>, key: &Key, document: &str, bypass: bool) -> Result<(), KmsError> {
    if document.len() > MAX_BYTES {
        return Err(KmsError::Limit(format!("A key policy can have at most {MAX_BYTES} bytes.")));
    }
    let policy = policies::parse(document)?;
    let arn = key.arn();
    let ask = call.caller.ask("kms:PutKeyPolicy", &arn).resource_policy(Some(&policy)).resource_must_allow();
    match bypass || ask.is_allowed() {
        true => Ok(()),
        false => Err(KmsError::MalformedPolicy(
            "The new key policy will not allow you to update the key policy in the future.".to_owned(),
        )),
    }
}

/// Gives the key another policy.
///
/// Errors: NotFoundException, MalformedPolicyDocumentException, LimitExceededException (32 KiB), KMSInvalidStateException (pending
/// deletion), UnsupportedOperationException (another name than `default`). Source: AWS KMS API reference, PutKeyPolicy.
pub async fn put_key_policy(call: Call<Kms>, input: api::PutKeyPolicyInput) -> Result<(), KmsError> {
    let key = own_key(&call, "kms:PutKeyPolicy", &input.key_id)?;
    if input.policy_name.as_deref().is_some_and(|name| name != NAME) {
        return Err(KmsError::Unsupported(format!("The only policy of a key is named {NAME}.")));
    }
    check(&call, &key, &input.policy, input.bypass_policy_lockout_safety_check == Some(true))?;
    let change = move |key: &mut Key| {
        key.require_staying()?;
        key.policy = Some(input.policy);
        Ok(())
    };
    store::update_key(call.store(), &key, call.clock().now(), change).await
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
