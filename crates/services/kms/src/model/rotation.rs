//! Rotation: a key gets new material, and keeps the old for what was encrypted with it.

use millpond_core::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::KmsError;
use crate::model::key::{Cause, Key, Material, Origin, Spec, days};

pub const DEFAULT_PERIOD_DAYS: u32 = 365;
/// How often an owner may ask for new material at once.
const MAX_ON_DEMAND: usize = 25;

/// A key's material is renewed by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    pub period_days: u32,
    pub next: Timestamp,
}

impl Rotation {
    pub fn starting(now: Timestamp, period_days: u32) -> Self {
        Self { period_days, next: now.plus(days(period_days)) }
    }
}

impl Key {
    /// Only symmetric keys with material of our own rotate.
    pub fn rotates(&self) -> bool {
        self.spec == Spec::Symmetric && self.origin == Origin::Kms
    }

    /// Errors: UnsupportedOperationException.
    pub fn require_rotating(&self) -> Result<(), KmsError> {
        match self.rotates() {
            true => Ok(()),
            false => Err(KmsError::Unsupported(format!(
                "{} cannot be rotated: only symmetric keys with AWS_KMS material can.",
                self.arn()
            ))),
        }
    }

    /// Errors: LimitExceededException, after 25 rotations on demand.
    pub fn require_rotation_left(&self) -> Result<(), KmsError> {
        let asked = self.materials.iter().filter(|material| material.cause == Cause::OnDemand).count();
        match asked < MAX_ON_DEMAND {
            true => Ok(()),
            false => {
                Err(KmsError::Limit(format!("A key can be rotated on demand at most {MAX_ON_DEMAND} times.")))
            }
        }
    }

    /// The version that new material gets.
    pub fn next_version(&self) -> u32 {
        self.materials.last().map_or(1, |material| material.version + 1)
    }

    /// Takes new material as the current one. A rotation that was due is done with it, however many periods have passed.
    pub fn renew(&mut self, material: Material, now: Timestamp) {
        if material.cause == Cause::Automatic
            && let Some(rotation) = &mut self.rotation
        {
            while rotation.next <= now {
                rotation.next = rotation.next.plus(days(rotation.period_days.max(1)));
            }
        }
        self.materials.push(material);
    }
}
