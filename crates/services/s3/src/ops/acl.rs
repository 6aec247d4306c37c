//! Access control lists of buckets and objects.

use millpond_core::AccountId;
use s3s::dto::*;

use super::Call;
use super::convert::owner;
use crate::acl::{self, Acl, Of, canonical_id};
use crate::decide::acl_of;
use crate::error::S3Error;
use crate::events::EventName;
use crate::ownership::ObjectAccess;
use crate::store::{Bucket, BucketRecord};

/// A bucket whose owner owns all in it shows its owner, and nobody else.
///
/// Source: Amazon S3 API reference, GetBucketAcl.
pub(super) async fn get_bucket_acl(
    call: Call,
    input: GetBucketAclInput,
) -> Result<GetBucketAclOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let list = call.s3.metadata().document::<Acl>(&bucket)?;
    let acl = list.filter(|_| !bucket.record.ownership.is_enforced()).map(|list| (*list).clone());
    let access = ObjectAccess { owner: None, acl };
    let (account, acl) = acl_of(&bucket, &access);
    Ok(GetBucketAclOutput { grants: Some(shown(&acl)), owner: Some(owner(&account)) })
}

/// Source: Amazon S3 API reference, GetObjectAcl. Errors: NoSuchKey, NoSuchVersion.
pub(super) async fn get_object_acl(
    call: Call,
    input: GetObjectAclInput,
) -> Result<GetObjectAclOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let object = call.s3.open_object(&bucket, &input.key, Call::wanted(input.version_id.as_ref())?)?;
    let (account, acl) = acl_of(&bucket, &object.info().access);
    let grants = Some(shown(&acl));
    Ok(GetObjectAclOutput { grants, owner: Some(owner(&account)), ..GetObjectAclOutput::default() })
}

/// Replaces the bucket's list.
///
/// Errors: AccessControlListNotSupported (the bucket's owner owns all in it), AccessDenied (a public list where those are
/// blocked; another owner), MalformedACLError, InvalidArgument, MissingSecurityHeader (no list), UnexpectedContent (two).
/// Source: Amazon S3 API reference, PutBucketAcl.
pub(super) async fn put_bucket_acl(
    call: Call,
    input: PutBucketAclInput,
) -> Result<PutBucketAclOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let account = bucket.record.account.clone();
    let acl = wanted(&call, &bucket, Of::Bucket, &account, input.access_control_policy)?;
    let public = acl.is_public();
    let kept = (!acl.is_full_control_of(&canonical_id(&account))).then_some(acl);
    let check = move |record: &mut BucketRecord| check(record, public);
    call.s3.metadata().set_document(&bucket, kept.as_ref(), check).await?;
    Ok(PutBucketAclOutput::default())
}

/// Replaces the list of an object, or of one version of it.
///
/// Errors: as PutBucketAcl's, NoSuchKey, NoSuchVersion.
/// Source: Amazon S3 API reference, PutObjectAcl.
pub(super) async fn put_object_acl(
    call: Call,
    input: PutObjectAclInput,
) -> Result<PutObjectAclOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let version = Call::wanted(input.version_id.as_ref())?;
    let object = call.s3.open_object(&bucket, &input.key, version)?;
    let account = bucket.record.owner(object.info().access.owner.as_ref()).clone();
    let bucket_owner = canonical_id(&bucket.record.account);
    let acl = wanted(&call, &bucket, Of::Object(&bucket_owner), &account, input.access_control_policy)?;
    check(&bucket.record, acl.is_public())?;
    let kept = (!acl.is_full_control_of(&canonical_id(&account))).then_some(acl);
    let change = move |_: &mut _, content: &mut crate::store::ContentRecord| {
        content.acl = kept;
        Ok(())
    };
    let teller = call.teller(EventName::AclPut);
    call.s3.metadata().update_object(&bucket, &input.key, version, teller, change).await?;
    Ok(PutObjectAclOutput::default())
}

fn check(record: &BucketRecord, public: bool) -> Result<(), S3Error> {
    match () {
        () if record.ownership.is_enforced() => Err(S3Error::AclNotSupported),
        () if public && record.blocked().block_acls => Err(S3Error::access_denied()),
        () => Ok(()),
    }
}

/// The list that the request brings, in its headers or in its body.
fn wanted(
    call: &Call,
    bucket: &Bucket,
    of: Of<'_>,
    account: &AccountId,
    document: Option<AccessControlPolicy>,
) -> Result<Acl, S3Error> {
    if bucket.record.ownership.is_enforced() {
        return Err(S3Error::AclNotSupported);
    }
    let id = canonical_id(account);
    match (Acl::of_headers(&call.context.headers, of, &id)?, document) {
        (Some(_), Some(_)) => Err(S3Error::UnexpectedContent),
        (Some(acl), None) => Ok(acl),
        (None, Some(document)) => of_document(document, &id),
        (None, None) => Err(S3Error::MissingSecurityHeader { header: "x-amz-acl" }),
    }
}

/// The owner that it names must be the one that there is.
fn of_document(document: AccessControlPolicy, owner: &str) -> Result<Acl, S3Error> {
    let named = document.owner.and_then(|owner| owner.id).ok_or(S3Error::MalformedAcl)?;
    if named != owner {
        return Err(S3Error::access_denied());
    }
    let grants = document.grants.ok_or(S3Error::MalformedAcl)?.into_iter().map(grant);
    Acl::checked(grants.collect::<Result<_, _>>()?)
}

fn grant(grant: Grant) -> Result<acl::Grant, S3Error> {
    let (Some(grantee), Some(permission)) = (grant.grantee, grant.permission) else {
        return Err(S3Error::MalformedAcl);
    };
    let permission = acl::Permission::parse(permission.as_str()).ok_or(S3Error::MalformedAcl)?;
    Ok(acl::Grant { grantee: read_grantee(&grantee)?, permission })
}

/// Errors: MalformedACLError, InvalidArgument.
pub(super) fn read_grantee(grantee: &Grantee) -> Result<acl::Grantee, S3Error> {
    match (grantee.type_.as_str(), &grantee.id, &grantee.uri) {
        (Type::CANONICAL_USER, Some(id), _) => acl::Grantee::of_id(id),
        (Type::GROUP, _, Some(uri)) => acl::Grantee::of_uri(uri),
        (Type::AMAZON_CUSTOMER_BY_EMAIL, ..) => Err(acl::Grantee::of_email()),
        _ => Err(S3Error::MalformedAcl),
    }
}

fn shown(acl: &Acl) -> Grants {
    let grants = acl.grants.iter().map(|grant| Grant {
        grantee: Some(shown_grantee(&grant.grantee)),
        permission: Some(Permission::from_static(grant.permission.as_str())),
    });
    grants.collect()
}

pub(super) fn shown_grantee(grantee: &acl::Grantee) -> Grantee {
    Grantee {
        display_name: None,
        email_address: None,
        id: match grantee {
            acl::Grantee::Account(id) => Some(id.clone()),
            acl::Grantee::AllUsers | acl::Grantee::AuthenticatedUsers | acl::Grantee::LogDelivery => None,
        },
        type_: Type::from_static(if grantee.uri().is_some() { Type::GROUP } else { Type::CANONICAL_USER }),
        uri: grantee.uri().map(str::to_owned),
    }
}
