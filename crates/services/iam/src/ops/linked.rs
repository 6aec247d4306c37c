//! Service-linked roles: those that services make for themselves.

use std::collections::{BTreeMap, BTreeSet};

use millpond_gateway::Call;
use uuid::Uuid;

use crate::access::{About, account, find, permit, permit_on};
use crate::api;
use crate::error::IamError;
use crate::model::entity::{Entity, Kind, RolePart, iam_arn};
use crate::model::tags::Tags;
use crate::ops::shape;
use crate::service::Iam;
use crate::store::{self, Usage};

const KIND: Kind = Kind::Role;

/// A service's own role.
struct Linked {
    service: &'static str,
    role: &'static str,
    description: &'static str,
    /// The name of its policy below `/aws-service-role/`.
    policy: &'static str,
}

/// The services that have one here.
const LINKED: &[Linked] = &[
    Linked {
        service: "lakeformation.amazonaws.com",
        role: "AWSServiceRoleForLakeFormationDataAccess",
        description: "Lake Formation reads and writes the data locations that are registered with it.",
        policy: "LakeFormationDataAccessServiceRolePolicy",
    },
    Linked {
        service: "ops.emr-serverless.amazonaws.com",
        role: "AWSServiceRoleForAmazonEMRServerless",
        description: "EMR Serverless writes its metrics.",
        policy: "AmazonEMRServerlessServiceRolePolicy",
    },
];

const PATH: &str = "/aws-service-role/";

/// Makes the role that a service works as; only the service assumes it, and nobody changes what it may do.
///
/// Errors: InvalidInput (a service without one, a suffix, a role that is there already), LimitExceeded.
/// Source: AWS IAM API reference, CreateServiceLinkedRole.
/// Differs from AWS: the services that have such a role are those of `LINKED`.
pub async fn create_service_linked_role(
    call: Call<Iam>,
    input: api::CreateServiceLinkedRoleInput,
) -> Result<api::CreateServiceLinkedRoleOutput, IamError> {
    let service = input.aws_service_name;
    let linked = LINKED.iter().find(|linked| linked.service == service);
    let name = linked.map_or("*", |linked| linked.role);
    let arn = iam_arn(account(&call), format!("role{PATH}{service}/{name}"));
    let about = About { service: Some(&service), ..About::default() };
    permit(&call.caller, "iam:CreateServiceLinkedRole", &arn, &Tags::default(), about)?;
    let linked = linked.ok_or_else(|| {
        IamError::InvalidInput(format!("The service {service} has no service-linked role."))
    })?;
    if input.custom_suffix.is_some() {
        return Err(IamError::InvalidInput(format!("Custom suffix is not allowed for {service}")));
    }
    let path = Some(format!("{PATH}{service}/"));
    let mut role = Entity::new(KIND, account(&call).clone(), path, linked.role.to_owned(), call.now())?;
    role.role = Some(RolePart {
        trust: trust(&service),
        description: Some(input.description.unwrap_or_else(|| linked.description.to_owned())),
        max_session_secs: 3_600,
        service: Some(service),
        profiles: BTreeSet::new(),
        pins: BTreeMap::new(),
    });
    let policy = format!("arn:aws:iam::aws:policy{PATH}{}", linked.policy);
    role.attached.insert(policy.clone());
    call.write(move |txn| {
        store::insert_entity(txn, &role).map_err(|error| match error {
            IamError::EntityAlreadyExists(_) => IamError::InvalidInput(format!(
                "Service role name {} has been taken in this account, please try a different suffix.",
                role.name
            )),
            other => other,
        })?;
        store::attach(txn, &role, &policy, Usage::Permissions)?;
        Ok(api::CreateServiceLinkedRoleOutput { role: Some(shape::role(&role)) })
    })
    .await
}

fn trust(service: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Service":"{service}"}},"Action":"sts:AssumeRole"}}]}}"#
    )
}

/// Removes a service's own role, at once.
///
/// Errors: NoSuchEntity, also for a role that is no service's. Source: AWS IAM API reference, DeleteServiceLinkedRole.
pub async fn delete_service_linked_role(
    call: Call<Iam>,
    input: api::DeleteServiceLinkedRoleInput,
) -> Result<api::DeleteServiceLinkedRoleOutput, IamError> {
    let role = find(&call, "iam:DeleteServiceLinkedRole", KIND, &input.role_name, About::default())?;
    let service = role.service_linked().ok_or_else(|| IamError::no_such(KIND, &role.name))?;
    let task = format!("task{PATH}{service}/{}/{}", role.name, Uuid::new_v4());
    call.write(move |txn| {
        let role = store::by_id(txn, &role.id)?.ok_or_else(|| IamError::no_such(KIND, &role.name))?;
        for policy in &role.attached {
            store::detach(txn, &role, policy, Usage::Permissions)?;
        }
        store::put_deletion(txn, &role.account, &task)?;
        store::remove_entity(txn, &role)?;
        Ok(api::DeleteServiceLinkedRoleOutput { deletion_task_id: task })
    })
    .await
}

/// How far a deletion has come: it is done when it is answered.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, GetServiceLinkedRoleDeletionStatus.
pub async fn get_service_linked_role_deletion_status(
    call: Call<Iam>,
    input: api::GetServiceLinkedRoleDeletionStatusInput,
) -> Result<api::GetServiceLinkedRoleDeletionStatusOutput, IamError> {
    let task = input.deletion_task_id;
    let role = task.strip_prefix("task").and_then(|rest| rest.rsplit_once('/')).map(|(role, _)| role);
    let resource = format!("role{}", role.unwrap_or("/*"));
    permit_on(&call, "iam:GetServiceLinkedRoleDeletionStatus", resource)?;
    match store::was_deleted(&call.read()?, account(&call), &task)? {
        true => Ok(api::GetServiceLinkedRoleDeletionStatusOutput {
            status: api::DeletionTaskStatusType::Succeeded,
            reason: None,
        }),
        false => Err(IamError::NoSuchEntity(format!("Deletion task {task} cannot be found."))),
    }
}
