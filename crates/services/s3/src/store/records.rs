//! What is kept of buckets, objects, versions, uploads and garbage. Each record can gain fields; `tests` holds the byte
//! fixtures of the shapes that were.

use std::collections::BTreeMap;

use millpond_blob::{Placement, WriteOptions};
use millpond_core::{AccountId, Region, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::documents::Kind;
use crate::acl::Acl;
use crate::class::{Restore, StorageClass};
use crate::digest::{Algorithm, Checksum, Coverage};
use crate::encryption::Encryption;
use crate::express::Directory;
use crate::lock::{BucketLock, Lock};
use crate::ownership::{ObjectAccess, Ownership, PublicAccessBlock, all_blocked, is_all_blocked};
use crate::parts::Runs;
use crate::tags::Tags;
use crate::tiering::Tiering;
use crate::version::{VersionId, Versioning};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketRecord {
    pub id: Uuid,
    pub account: AccountId,
    pub region: Region,
    pub created: Timestamp,
    #[serde(default, skip_serializing_if = "Versioning::is_never")]
    pub versioning: Versioning,
    /// The revision of each configuration that the bucket has; the configurations are in `s3.bucket-documents`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub documents: BTreeMap<Kind, Uuid>,
    #[serde(default, skip_serializing_if = "Ownership::is_enforced")]
    pub ownership: Ownership,
    #[serde(default = "all_blocked", skip_serializing_if = "is_all_blocked")]
    pub public_access_block: Option<PublicAccessBlock>,
    /// The bucket's objects can be locked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<BucketLock>,
    /// It is a directory bucket, and where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<Directory>,
}

impl BucketRecord {
    pub fn is_directory(&self) -> bool {
        self.directory.is_some()
    }

    /// How bytes of a class are kept in this bucket.
    pub fn keeping(&self, class: StorageClass) -> WriteOptions<'static> {
        WriteOptions { zone: self.directory.map(|directory| directory.zone), ..class.keeping() }
    }
}

/// A bucket as operations work with it.
#[derive(Clone, Debug)]
pub struct Bucket {
    pub name: String,
    pub record: BucketRecord,
}

/// What a listing shows of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRecord {
    pub content: Uuid,
    pub size: u64,
    /// Without quotes.
    pub etag: String,
    pub modified: Timestamp,
    #[serde(default)]
    pub checksum: Option<(Algorithm, Coverage)>,
    /// Grows with every version of the key.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sequence: u64,
    /// It has a version id of its own; otherwise it is the version "null".
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub versioned: bool,
    /// Another account than the bucket's; see [`BucketRecord::owner_of`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<AccountId>,
    #[serde(default, skip_serializing_if = "StorageClass::is_standard")]
    pub class: StorageClass,
    /// Of an archived object: the readable copy that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<Restore>,
    /// Of an object in intelligent tiering that was read or moved since it came there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tiering: Option<Tiering>,
    /// How it came by its key, if a client may ask again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renamed: Option<Renamed>,
}

/// A rename that was done for a client's token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renamed {
    pub token: String,
    pub from: String,
}

impl ObjectRecord {
    /// Where it is among the tiers; `None` outside that class.
    pub fn tiering(&self) -> Option<Tiering> {
        let tiered = self.class == StorageClass::IntelligentTiering;
        tiered.then(|| self.tiering.unwrap_or(Tiering::frequent(self.modified)))
    }

    /// The class whose placement its bytes have: its own, or its tier's.
    pub fn kept_as(&self) -> StorageClass {
        self.tiering().map_or(self.class, |tiering| tiering.tier.class())
    }

    pub fn version(&self) -> VersionId {
        VersionId { versioned: self.versioned, sequence: self.sequence, id: self.content }
    }
}

/// A version that is not the current object: an older object, or a delete marker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionRecord {
    /// When a newer version took its place; `None` for the delete marker that is the newest version of its key.
    #[serde(default)]
    pub superseded: Option<Timestamp>,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    Object(ObjectRecord),
    Marker(MarkerRecord),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkerRecord {
    pub id: Uuid,
    pub sequence: u64,
    pub versioned: bool,
    pub modified: Timestamp,
}

impl VersionRecord {
    pub fn version(&self) -> VersionId {
        match &self.what {
            What::Object(object) => object.version(),
            What::Marker(marker) => {
                VersionId { versioned: marker.versioned, sequence: marker.sequence, id: marker.id }
            }
        }
    }
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ContentRecord {
    #[serde(default)]
    pub attributes: Attributes,
    #[serde(default)]
    pub checksum: Option<Checksum>,
    pub body: BodyRecord,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: Tags,
    /// Without one the object is its owner's alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acl: Option<Acl>,
    /// What its bytes are pinned under; without it, the content's own id. Bytes that are rewritten get another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Uuid>,
    /// The readable copy of an archived object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<CopyRecord>,
    #[serde(default, skip_serializing_if = "Lock::is_none")]
    pub lock: Lock,
    /// Who holds the key to the bytes; none is the pond alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
    /// When it was found that no copy of its bytes is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<Timestamp>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CopyRecord {
    pub pinned: Uuid,
    pub body: BodyRecord,
}

/// Headers that are kept with an object and given back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attributes {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_disposition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Where a website leads in place of showing it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leads_to: Option<String>,
}

/// Where the bytes are.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum BodyRecord {
    Whole(Placement),
    /// Some parts of an upload, in order.
    Parts {
        upload: Uuid,
        runs: Runs,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UploadRecord {
    pub initiated: Timestamp,
    #[serde(default)]
    pub attributes: Attributes,
    /// What the client asked for; without it the whole gets a CRC64NVME.
    #[serde(default)]
    pub checksum: Option<(Algorithm, Coverage)>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: Tags,
    /// Of the object that it becomes.
    #[serde(default, skip_serializing_if = "ObjectAccess::is_plain")]
    pub access: ObjectAccess,
    /// Who began it, if that was another account than the bucket's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initiator: Option<AccountId>,
    /// What policies may ask of each of its parts: the condition keys of the request that began it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub conditions: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "StorageClass::is_standard")]
    pub class: StorageClass,
    #[serde(default, skip_serializing_if = "Lock::is_none")]
    pub lock: Lock,
    /// Of every part, and of the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
}

impl UploadRecord {
    /// The checksum that every part has.
    pub fn algorithm(&self) -> Algorithm {
        self.checksum.map_or(Algorithm::Crc64Nvme, |(algorithm, _)| algorithm)
    }

    pub fn coverage(&self) -> Coverage {
        self.checksum.map_or(Coverage::FullObject, |(_, coverage)| coverage)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PartRecord {
    pub size: u64,
    /// Or what stands for it in the ETag, when the key to the bytes is not the pond's.
    pub md5: [u8; 16],
    pub checksum: Checksum,
    /// The client's own, of another algorithm than the upload's.
    #[serde(default)]
    pub other: Option<Checksum>,
    pub modified: Timestamp,
    pub placement: Placement,
    /// No copy of its bytes is left.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lost: bool,
}

impl PartRecord {
    pub fn etag(&self) -> String {
        hex::encode(self.md5)
    }
}

/// Bytes that nothing names any more.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Garbage {
    Bytes(Placement),
    /// Every part that is left under this upload.
    Parts(Uuid),
}
