//! Directory buckets (S3 Express One Zone): all that such a bucket holds is in one zone, and is worked on in sessions.
//!
//! - Here: their names and zones, pure. `limits`: what they do not have, pure. `session`: a session's credentials, which
//!   nothing is kept of. `decide`: who may do what.

mod decide;
mod limits;
mod session;

use millpond_core::{AccountId, Arn, Region};
use serde::{Deserialize, Serialize};

pub use decide::{Grant, authorize_absent, bucket_arn};
pub use limits::{check as check_request, check_listing, check_parts};
pub use session::{Holder, LIFETIME, Session, Sessions};

use crate::error::S3Error;
use crate::names;

/// The service that requests to directory buckets are signed for, and whose actions policies name.
pub const SERVICE: &str = "s3express";
const SUFFIX: &str = "--x-s3";

/// Whether a bucket of that name is a directory bucket.
pub fn is_directory(bucket: &str) -> bool {
    bucket.ends_with(SUFFIX)
}

/// What is kept of a directory bucket beside other buckets' record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directory {
    /// The zone's number: 0 is the first that the storage is set up with.
    pub zone: u8,
}

impl Directory {
    /// The zone as AWS names it.
    pub fn zone_id(self, region: &Region) -> String {
        zone_id(region, self.zone)
    }

    /// A new bucket of that name, in the zone that the name says, of the `zones` that there are.
    ///
    /// Errors: InvalidBucketName; InvalidRequest (a zone that is not there).
    ///
    /// Source: Amazon S3 user guide, directory bucket naming rules.
    pub fn of_new_bucket(name: &str, region: &Region, zones: usize) -> Result<Self, S3Error> {
        let invalid = || S3Error::InvalidBucketName { bucket: name.to_owned() };
        let (base, asked) =
            name.strip_suffix(SUFFIX).and_then(|rest| rest.rsplit_once("--")).ok_or_else(invalid)?;
        if base.is_empty()
            || name.contains('.')
            || !names::is_well_formed(name)
            || names::begins_reserved(name)
        {
            return Err(invalid());
        }
        let there = || (0_u8..).take(zones);
        there().find(|zone| zone_id(region, *zone) == asked).map(|zone| Self { zone }).ok_or_else(|| {
            let ids: Vec<String> = there().map(|zone| zone_id(region, zone)).collect();
            S3Error::invalid_request(format!(
                "The zone {asked} is none of {region}'s, which are here: {}",
                ids.join(", ")
            ))
        })
    }
}

/// `use1-az1` is the first zone of us-east-1.
fn zone_id(region: &Region, zone: u8) -> String {
    let short: String = region.as_str().split('-').map(short).collect();
    format!("{short}-az{}", u32::from(zone) + 1)
}

/// A region's parts as the ids of its zones have them: `eu-north-1` is `eun1`.
fn short(part: &str) -> &str {
    match part {
        "north" => "n",
        "south" => "s",
        "east" => "e",
        "west" => "w",
        "central" => "c",
        "northeast" => "ne",
        "northwest" => "nw",
        "southeast" => "se",
        "southwest" => "sw",
        "gov" => "g",
        other => other,
    }
}

/// `resource` is `bucket/NAME`, or `*` for all of the account's.
pub fn arn(region: &Region, account: &AccountId, resource: impl Into<String>) -> Arn {
    Arn {
        partition: region.partition().to_owned(),
        service: SERVICE.to_owned(),
        region: region.to_string(),
        account: account.to_string(),
        resource: resource.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_have_ids() {
        for (region, zone, expected) in [
            ("us-east-1", 0, "use1-az1"),
            ("us-west-2", 2, "usw2-az3"),
            ("eu-north-1", 0, "eun1-az1"),
            ("ap-northeast-1", 1, "apne1-az2"),
            ("us-gov-west-1", 0, "usgw1-az1"),
        ] {
            assert_eq!(zone_id(&region.parse().unwrap(), zone), expected);
        }
    }

    #[test]
    fn names_say_the_zone() {
        let region = Region::us_east_1();
        let long = format!("{}--use1-az1--x-s3", "a".repeat(48));
        for (name, zones, expected) in [
            ("lake--use1-az1--x-s3", 1, Ok(0)),
            ("lake--use1-az3--x-s3", 3, Ok(2)),
            ("a--b--use1-az2--x-s3", 3, Ok(1)),
            ("lake--use1-az2--x-s3", 1, Err("InvalidRequest")),
            ("lake--euw1-az1--x-s3", 3, Err("InvalidRequest")),
            ("lake--use1-az0--x-s3", 3, Err("InvalidRequest")),
            ("lake--x-s3", 3, Err("InvalidBucketName")),
            ("--use1-az1--x-s3", 3, Err("InvalidBucketName")),
            ("-lake--use1-az1--x-s3", 3, Err("InvalidBucketName")),
            ("my.lake--use1-az1--x-s3", 3, Err("InvalidBucketName")),
            ("Lake--use1-az1--x-s3", 3, Err("InvalidBucketName")),
            ("xn--lake--use1-az1--x-s3", 3, Err("InvalidBucketName")),
            ("lake", 3, Err("InvalidBucketName")),
            (&long, 3, Err("InvalidBucketName")),
        ] {
            let found = Directory::of_new_bucket(name, &region, zones).map(|directory| directory.zone);
            assert_eq!(found.map_err(|error| error.code()), expected, "{name}");
        }
    }
}
