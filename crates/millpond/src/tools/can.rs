//! `millpond can`: may somebody do something, and which statement of which policy decides. IAM's own simulator is asked,
//! with the policy of the resource where the resource has one.

use anyhow::{Context as _, bail};
use bytes::Bytes;
use millpond_core::Arn;
use serde::Deserialize;

use crate::cli::{Folder, Question};
use crate::client::{Client, IAM, KMS, Refused};
use crate::tools::{as_root, runtime};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Simulated {
    simulate_principal_policy_result: Simulation,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Simulation {
    evaluation_results: Members<Evaluation>,
}

#[derive(Deserialize)]
struct Members<T> {
    #[serde(default = "Vec::new")]
    member: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Evaluation {
    eval_decision: String,
    #[serde(default)]
    matched_statements: Option<Members<Matched>>,
    #[serde(default)]
    missing_context_values: Option<Members<String>>,
    #[serde(default)]
    permissions_boundary_decision_detail: Option<Boundary>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Matched {
    #[serde(default)]
    source_policy_id: String,
    #[serde(default)]
    source_policy_type: String,
    #[serde(default)]
    start_position: Option<Position>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Position {
    line: u32,
    column: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Boundary {
    allowed_by_permissions_boundary: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FoundUser {
    get_user_result: UserResult,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UserResult {
    user: Named,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FoundRole {
    get_role_result: RoleResult,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RoleResult {
    role: Named,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyPolicy {
    policy: String,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "PascalCase")]
struct KeyId<'a> {
    key_id: &'a str,
}

/// Prints the answer; whether it is yes.
pub fn can(question: &Question, folder: &Folder) -> anyhow::Result<bool> {
    let client = as_root(folder)?;
    let evaluation = runtime()?.block_on(ask(&client, question))?;
    let Question { principal, action, resource } = question;
    let allowed = evaluation.eval_decision == "allowed";
    let (answer, may) = if allowed { ("yes", "may") } else { ("no", "may not") };
    println!("{answer}: {principal} {may} {action} on {resource}");
    for line in reasons(&evaluation) {
        println!("  {line}");
    }
    Ok(allowed)
}

async fn ask(client: &Client, question: &Question) -> anyhow::Result<Evaluation> {
    let Question { principal, action, resource } = question;
    let principal = principal_arn(client, principal).await?;
    let policy = match resource.parse::<Arn>() {
        Ok(arn) => resource_policy(client, &arn).await?,
        Err(_) => None,
    };
    let mut parameters = vec![
        ("PolicySourceArn", principal.as_str()),
        ("ActionNames.member.1", action.as_str()),
        ("ResourceArns.member.1", resource.as_str()),
    ];
    if let Some(policy) = &policy {
        parameters.extend([("ResourcePolicy", policy.as_str()), ("CallerArn", principal.as_str())]);
    }
    let answer = client.query(IAM, "SimulatePrincipalPolicy", &parameters).await?;
    let answer: Simulated = read(&answer)?;
    let mut results = answer.simulate_principal_policy_result.evaluation_results.member;
    results.pop().context("the simulator gave no result")
}

async fn principal_arn(client: &Client, principal: &str) -> anyhow::Result<String> {
    match principal.split_once('/') {
        _ if principal.starts_with("arn:") => Ok(principal.to_owned()),
        Some(("user", name)) => {
            let found: FoundUser = read(&client.query(IAM, "GetUser", &[("UserName", name)]).await?)?;
            Ok(found.get_user_result.user.arn)
        }
        Some(("role", name)) => {
            let found: FoundRole = read(&client.query(IAM, "GetRole", &[("RoleName", name)]).await?)?;
            Ok(found.get_role_result.role.arn)
        }
        _ => bail!("{principal:?} is neither an ARN nor user/NAME nor role/NAME"),
    }
}

/// The policy of a bucket or a key.
async fn resource_policy(client: &Client, arn: &Arn) -> anyhow::Result<Option<String>> {
    match arn.service.as_str() {
        "s3" => {
            let bucket = arn.resource.split('/').next().unwrap_or_default();
            if bucket.is_empty() || bucket.contains(['*', '?']) {
                return Ok(None);
            }
            client.bucket_policy(bucket).await
        }
        "kms" if arn.resource.starts_with("key/") => {
            let input = KeyId { key_id: &arn.to_string() };
            match client.call::<_, KeyPolicy>(KMS, "GetKeyPolicy", &input).await {
                Ok(KeyPolicy { policy }) => Ok(Some(policy)),
                Err(error) if error.downcast_ref::<Refused>().is_some() => Ok(None),
                Err(error) => Err(error),
            }
        }
        _ => Ok(None),
    }
}

fn read<T: serde::de::DeserializeOwned>(answer: &Bytes) -> anyhow::Result<T> {
    quick_xml::de::from_reader(&answer[..]).context("reading the answer")
}

/// Why, a line each.
fn reasons(evaluation: &Evaluation) -> Vec<String> {
    let matched = evaluation.matched_statements.iter().flat_map(|matched| &matched.member);
    let verb = if evaluation.eval_decision == "explicitDeny" { "denied" } else { "allowed" };
    let mut lines: Vec<String> = matched
        .map(|matched| {
            let Matched { source_policy_id, source_policy_type, start_position } = matched;
            let at = start_position.as_ref();
            let at = at.map(|at| format!(" at line {}, column {}", at.line, at.column)).unwrap_or_default();
            format!("{verb} by the statement{at} of {source_policy_id} ({source_policy_type})")
        })
        .collect();
    let boundary = evaluation.permissions_boundary_decision_detail.as_ref();
    if boundary.is_some_and(|boundary| !boundary.allowed_by_permissions_boundary) {
        lines.push("the permissions boundary does not allow it".to_owned());
    }
    if lines.is_empty() {
        lines.push("no statement of any policy allows it".to_owned());
    }
    let missing = evaluation.missing_context_values.iter().flat_map(|missing| &missing.member);
    lines.extend(missing.map(|key| format!("some policy asks for {key}, which is not known here")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_and_told() {
        let answer = |inner: &str| {
            let xml = format!(
                "<SimulatePrincipalPolicyResponse><SimulatePrincipalPolicyResult><EvaluationResults><member>\
                 <EvalActionName>s3:GetObject</EvalActionName>{inner}</member></EvaluationResults>\
                 </SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>"
            );
            let answer: Simulated = read(&Bytes::from(xml)).unwrap();
            reasons(&answer.simulate_principal_policy_result.evaluation_results.member[0]).join("; ")
        };
        for (inner, expected) in [
            (
                "<EvalDecision>allowed</EvalDecision><MatchedStatements><member><SourcePolicyId>read</SourcePolicyId>\
                 <SourcePolicyType>IAM Policy</SourcePolicyType><StartPosition><Line>1</Line><Column>39</Column>\
                 </StartPosition></member></MatchedStatements>",
                "allowed by the statement at line 1, column 39 of read (IAM Policy)",
            ),
            (
                "<EvalDecision>implicitDeny</EvalDecision><MatchedStatements/><MissingContextValues><member>aws:SourceVpce\
                 </member></MissingContextValues>",
                "no statement of any policy allows it; some policy asks for aws:SourceVpce, which is not known here",
            ),
            (
                "<EvalDecision>implicitDeny</EvalDecision><PermissionsBoundaryDecisionDetail>\
                 <AllowedByPermissionsBoundary>false</AllowedByPermissionsBoundary></PermissionsBoundaryDecisionDetail>",
                "the permissions boundary does not allow it",
            ),
        ] {
            assert_eq!(answer(inner), expected);
        }
    }
}
