//! The credential report: who has which credentials, as a table.

use std::time::Duration;

use millpond_core::Timestamp;
use millpond_gateway::Call;
use millpond_store::Reads;

use crate::access::{account, permit_on};
use crate::api;
use crate::error::IamError;
use crate::model::account::{PasswordPolicy, Report};
use crate::model::entity::{Entity, Kind, iam_arn, whole_second};
use crate::ops::login::next_rotation;
use crate::service::Iam;
use crate::store;

/// How long a report is the report.
const GOOD_FOR: Duration = Duration::from_secs(4 * 3_600);

const COLUMNS: [&str; 22] = [
    "user",
    "arn",
    "user_creation_time",
    "password_enabled",
    "password_last_used",
    "password_last_changed",
    "password_next_rotation",
    "mfa_active",
    "access_key_1_active",
    "access_key_1_last_rotated",
    "access_key_1_last_used_date",
    "access_key_1_last_used_region",
    "access_key_1_last_used_service",
    "access_key_2_active",
    "access_key_2_last_rotated",
    "access_key_2_last_used_date",
    "access_key_2_last_used_region",
    "access_key_2_last_used_service",
    "cert_1_active",
    "cert_1_last_rotated",
    "cert_2_active",
    "cert_2_last_rotated",
];

/// What is unknown or does not apply.
const NONE: &str = "N/A";

/// Makes a report, unless there is one of the last four hours.
///
/// Source: AWS IAM API reference, GenerateCredentialReport.
/// Differs from AWS: it is there as soon as this is answered.
pub async fn generate_credential_report(
    call: Call<Iam>,
    _: api::GenerateCredentialReportInput,
) -> Result<api::GenerateCredentialReportOutput, IamError> {
    permit_on(&call, "iam:GenerateCredentialReport", "*")?;
    let (reads, owner, now) = (call.read()?, account(&call).clone(), whole_second(call.now()));
    if store::report(&reads, &owner)?.is_some_and(|report| report.at.plus(GOOD_FOR) > now) {
        let state = Some(api::ReportStateType::Complete);
        return Ok(api::GenerateCredentialReportOutput { state, description: None });
    }
    let report = Report { at: now, content: content(&call, &reads)? };
    call.write(move |txn| Ok(store::put_report(txn, &owner, &report)?)).await?;
    Ok(api::GenerateCredentialReportOutput {
        state: Some(api::ReportStateType::Started),
        description: Some("No report exists. Starting a new report generation task".to_owned()),
    })
}

/// The report that was made last.
///
/// Errors: ReportNotPresent, ReportExpired (after four hours). Source: AWS IAM API reference, GetCredentialReport.
pub async fn get_credential_report(
    call: Call<Iam>,
    _: api::GetCredentialReportInput,
) -> Result<api::GetCredentialReportOutput, IamError> {
    permit_on(&call, "iam:GetCredentialReport", "*")?;
    let report = store::report(&call.read()?, account(&call))?.ok_or(IamError::ReportNotPresent)?;
    if report.at.plus(GOOD_FOR) <= call.now() {
        return Err(IamError::ReportExpired);
    }
    Ok(api::GetCredentialReportOutput {
        content: Some(report.content.into()),
        report_format: Some(api::ReportFormatType::TextCsv),
        generated_time: Some(report.at),
    })
}

fn content(call: &Call<Iam>, reads: &impl Reads) -> Result<Vec<u8>, IamError> {
    let policy = store::settings(reads, account(call))?.passwords;
    let mut table = csv::Writer::from_writer(Vec::new());
    let wrote = |done: csv::Result<()>| done.map_err(|_| IamError::Inconsistent("a report's row"));
    wrote(table.write_record(COLUMNS))?;
    wrote(table.write_record(root(call)))?;
    for entry in store::entities(reads, account(call), Kind::User, None) {
        wrote(table.write_record(row(call, reads, policy.as_ref(), &entry?.1)?))?;
    }
    table.into_inner().map_err(|_| IamError::Inconsistent("a report"))
}

/// Of the root user IAM knows nothing but that it is there.
fn root(call: &Call<Iam>) -> Vec<String> {
    let arn = iam_arn(account(call), "root".to_owned()).to_string();
    let mut row = vec!["<root_account>".to_owned(), arn];
    row.resize(COLUMNS.len(), NONE.to_owned());
    row[7] = "false".to_owned();
    row
}

fn row(
    call: &Call<Iam>,
    reads: &impl Reads,
    policy: Option<&PasswordPolicy>,
    user: &Entity,
) -> Result<Vec<String>, IamError> {
    let mut row = vec![user.name.clone(), user.arn().to_string(), time(user.created)];
    match &user.login {
        Some(login) => {
            let next = policy.and_then(|policy| next_rotation(policy, login));
            let next = next.map_or_else(none, time);
            row.extend(["true".to_owned(), "no_information".to_owned(), time(login.changed), next]);
        }
        None => row.extend(["false".to_owned(), none(), none(), none()]),
    }
    row.push("false".to_owned());
    let mut keys = Vec::new();
    for id in &user.keys {
        keys.extend(store::key(reads, id)?.map(|key| (id, key)));
    }
    keys.sort_by_key(|(_, key)| key.created);
    for index in 0..2 {
        let Some((id, key)) = keys.get(index) else {
            row.extend(["false".to_owned(), none(), none(), none(), none()]);
            continue;
        };
        row.extend([key.active.to_string(), time(key.created)]);
        match call.remembered_use(id).or(store::key_use(reads, id)?) {
            Some(last) => row.extend([time(whole_second(last.at)), last.region, last.service]),
            None => row.extend([none(), none(), none()]),
        }
    }
    row.extend(["false".to_owned(), none(), "false".to_owned(), none()]);
    Ok(row)
}

fn none() -> String {
    NONE.to_owned()
}

fn time(at: Timestamp) -> String {
    at.to_jiff().strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}
