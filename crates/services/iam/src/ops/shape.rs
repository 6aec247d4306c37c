//! From what is stored to the wire's shapes.

use crate::api;
use crate::model::document::encoded;
use crate::model::entity::Entity;
use crate::model::policy::{ManagedPolicy, Version};
use crate::model::tags::Tags;

/// `None` when there are none: AWS leaves the element out.
pub fn tags(tags: &Tags) -> Option<Vec<api::Tag>> {
    (!tags.is_empty()).then(|| tag_list(tags))
}

pub fn tag_list(tags: &Tags) -> Vec<api::Tag> {
    tags.iter().map(|(key, value)| api::Tag { key: key.clone(), value: value.clone() }).collect()
}

pub fn boundary(arn: Option<&String>) -> Option<api::AttachedPermissionsBoundary> {
    arn.map(|arn| api::AttachedPermissionsBoundary {
        permissions_boundary_type: Some(api::PermissionsBoundaryAttachmentType::PermissionsBoundaryPolicy),
        permissions_boundary_arn: Some(arn.clone()),
    })
}

/// A user with all its attributes.
pub fn user(entity: &Entity) -> api::User {
    api::User {
        permissions_boundary: boundary(entity.boundary.as_ref()),
        tags: tags(&entity.tags),
        ..listed_user(entity)
    }
}

/// A user as listings show it.
pub fn listed_user(entity: &Entity) -> api::User {
    api::User {
        path: entity.path.clone(),
        user_name: entity.name.clone(),
        user_id: entity.id.clone(),
        arn: entity.arn().to_string(),
        create_date: entity.created,
        password_last_used: None,
        permissions_boundary: None,
        tags: None,
    }
}

pub fn group(entity: &Entity) -> api::Group {
    api::Group {
        path: entity.path.clone(),
        group_name: entity.name.clone(),
        group_id: entity.id.clone(),
        arn: entity.arn().to_string(),
        create_date: entity.created,
    }
}

/// A role with all its attributes.
pub fn role(entity: &Entity) -> api::Role {
    api::Role {
        permissions_boundary: boundary(entity.boundary.as_ref()),
        tags: tags(&entity.tags),
        ..listed_role(entity)
    }
}

/// A role as listings show it.
pub fn listed_role(entity: &Entity) -> api::Role {
    let part = entity.role.as_ref();
    api::Role {
        path: entity.path.clone(),
        role_name: entity.name.clone(),
        role_id: entity.id.clone(),
        arn: entity.arn().to_string(),
        create_date: entity.created,
        assume_role_policy_document: part.map(|role| encoded(&role.trust)),
        description: part.and_then(|role| role.description.clone()),
        max_session_duration: part.and_then(|role| i32::try_from(role.max_session_secs).ok()),
        permissions_boundary: None,
        tags: None,
        role_last_used: None,
    }
}

/// How often a policy is attached, and how often it is a boundary.
#[derive(Debug, Clone, Copy)]
pub struct Counts {
    pub attached: usize,
    pub boundary: usize,
}

fn count(number: usize) -> Option<i32> {
    Some(i32::try_from(number).unwrap_or(i32::MAX))
}

/// A policy with all its attributes.
pub fn policy(policy: &ManagedPolicy, counts: Counts) -> api::Policy {
    api::Policy {
        description: policy.description.clone(),
        tags: Some(tag_list(&policy.tags)),
        ..listed_policy(policy, counts)
    }
}

/// A policy as listings show it.
pub fn listed_policy(policy: &ManagedPolicy, counts: Counts) -> api::Policy {
    api::Policy {
        policy_name: Some(policy.name.clone()),
        policy_id: Some(policy.id.clone()),
        arn: Some(policy.arn().to_string()),
        path: Some(policy.path.clone()),
        default_version_id: Some(version_id(policy.default_version)),
        attachment_count: count(counts.attached),
        permissions_boundary_usage_count: count(counts.boundary),
        is_attachable: Some(true),
        description: None,
        create_date: Some(policy.created),
        update_date: Some(policy.updated),
        tags: None,
    }
}

pub fn version_id(number: u32) -> String {
    format!("v{number}")
}

/// A version as listings show it: without its document.
pub fn version(policy: &ManagedPolicy, number: u32, version: &Version) -> api::PolicyVersion {
    api::PolicyVersion {
        document: None,
        version_id: Some(version_id(number)),
        is_default_version: Some(number == policy.default_version),
        create_date: Some(version.created),
    }
}
