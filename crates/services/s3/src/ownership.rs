//! Whose objects are, and what closes a bucket to the public whatever its lists and its policy say. Pure.

use http::HeaderMap;
use millpond_core::AccountId;
use millpond_policy::Principal;
use serde::{Deserialize, Serialize};

use crate::acl::{self, Acl, Of, canonical_id};
use crate::error::S3Error;
use crate::store::{BucketRecord, ObjectRecord};

/// Who owns what is put into a bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ownership {
    /// The bucket's account, always; lists mean nothing.
    #[default]
    BucketOwnerEnforced,
    /// The bucket's account, if the writer gives it full control.
    BucketOwnerPreferred,
    ObjectWriter,
    /// The controls were removed, which means what ObjectWriter does.
    Uncontrolled,
}

impl Ownership {
    const ALL: [Self; 3] = [Self::BucketOwnerEnforced, Self::BucketOwnerPreferred, Self::ObjectWriter];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::BucketOwnerEnforced => "BucketOwnerEnforced",
            Self::BucketOwnerPreferred => "BucketOwnerPreferred",
            Self::ObjectWriter | Self::Uncontrolled => "ObjectWriter",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ownership| ownership.as_str() == text)
    }

    pub fn is_enforced(&self) -> bool {
        *self == Self::BucketOwnerEnforced
    }
}

/// What is blocked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicAccessBlock {
    /// No public list can be set.
    pub block_acls: bool,
    /// Public grants of lists count for nothing.
    pub ignore_acls: bool,
    /// No public policy can be set.
    pub block_policy: bool,
    /// A public policy lets in nobody but the bucket's own account.
    pub restrict_buckets: bool,
}

/// What every new bucket begins with, and what each had before it could be set.
pub fn all_blocked() -> Option<PublicAccessBlock> {
    Some(PublicAccessBlock {
        block_acls: true,
        ignore_acls: true,
        block_policy: true,
        restrict_buckets: true,
    })
}

pub fn is_all_blocked(block: &Option<PublicAccessBlock>) -> bool {
    *block == all_blocked()
}

/// Whose an object is and whom it lets in. Nothing of it for what is the bucket's account's alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectAccess {
    /// Another account than the bucket's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<AccountId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acl: Option<Acl>,
}

impl ObjectAccess {
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Of an object that the caller puts with these headers.
    ///
    /// Differs from AWS: what an anonymous caller puts belongs to the bucket's account also where the writer owns objects;
    /// AWS has an account for nobody.
    ///
    /// Errors: AccessControlListNotSupported, AccessDenied (a public list where those are blocked), and those of
    /// [`Acl::of_headers`].
    pub fn of_new_object(
        bucket: &BucketRecord,
        principal: &Principal,
        headers: &HeaderMap,
    ) -> Result<Self, S3Error> {
        if bucket.ownership.is_enforced() && !acl::has_headers(headers) {
            return Ok(Self::default());
        }
        let bucket_owner = canonical_id(&bucket.account);
        let writer = principal.account().filter(|account| **account != bucket.account);
        let gives_all = acl::canned_name(headers) == Some("bucket-owner-full-control");
        let owner = match bucket.ownership {
            Ownership::BucketOwnerEnforced => None,
            Ownership::BucketOwnerPreferred => writer.filter(|_| !gives_all),
            Ownership::ObjectWriter | Ownership::Uncontrolled => writer,
        };
        let own_id = owner.map_or_else(|| bucket_owner.clone(), canonical_id);
        let acl = Acl::of_headers(headers, Of::Object(&bucket_owner), &own_id)?;
        if bucket.ownership.is_enforced() {
            let passes = acl::canned_name(headers).map_or_else(
                || acl.is_some_and(|acl| acl.is_full_control_of(&bucket_owner)),
                |name| name == "bucket-owner-full-control",
            );
            return if passes { Ok(Self::default()) } else { Err(S3Error::AclNotSupported) };
        }
        if bucket.blocked().block_acls && acl.as_ref().is_some_and(Acl::is_public) {
            return Err(S3Error::access_denied());
        }
        Ok(Self { owner: owner.cloned(), acl: acl.filter(|acl| !acl.is_full_control_of(&own_id)) })
    }
}

impl BucketRecord {
    pub fn blocked(&self) -> PublicAccessBlock {
        self.public_access_block.unwrap_or_default()
    }

    /// Whose the object is as long as the bucket is set as it is.
    pub fn owner_of<'a>(&'a self, object: &'a ObjectRecord) -> &'a AccountId {
        self.owner(object.owner.as_ref())
    }

    /// As [`BucketRecord::owner_of`], from what the object's record says.
    pub fn owner<'a>(&'a self, recorded: Option<&'a AccountId>) -> &'a AccountId {
        recorded.filter(|_| !self.ownership.is_enforced()).unwrap_or(&self.account)
    }
}
