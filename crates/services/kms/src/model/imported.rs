//! Material from outside: it comes, may expire, can be deleted, and only the same may come again.

use millpond_core::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::KmsError;
use crate::model::key::{Cause, Key, Material, Origin, State};

/// What is known of the material of a key that was made without.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    pub present: bool,
    /// When it goes by itself.
    pub expires: Option<Timestamp>,
}

/// The version of the one piece of material that a key from outside can have.
pub const VERSION: u32 = 1;

impl Key {
    /// Errors: UnsupportedOperationException, when the material is not from outside.
    pub fn require_external(&self) -> Result<(), KmsError> {
        match self.origin {
            Origin::External => Ok(()),
            Origin::Kms => Err(KmsError::Unsupported(format!(
                "{} origin is AWS_KMS which is not valid for this operation.",
                self.arn()
            ))),
        }
    }

    /// Takes material from outside, and is enabled when it waited for it.
    ///
    /// Errors: IncorrectKeyMaterialException, when the key had other material before.
    pub fn import(&mut self, id: String, expires: Option<Timestamp>, now: Timestamp) -> Result<(), KmsError> {
        match self.materials.first() {
            Some(before) if before.id != id => {
                return Err(KmsError::OtherMaterial { arn: self.arn().into() });
            }
            Some(_) => {}
            None => {
                let first = Material { version: VERSION, id, since: now, cause: Cause::Imported };
                self.materials.push(first);
            }
        }
        self.imported = Imported { present: true, expires };
        if self.state == State::PendingImport {
            self.state = State::Enabled;
        }
        Ok(())
    }

    /// The material is gone; the key waits for it to come again.
    pub fn lose_material(&mut self) {
        self.imported = Imported::default();
        if self.state != State::PendingDeletion {
            self.state = State::PendingImport;
        }
    }

    pub fn has_material(&self) -> bool {
        match self.origin {
            Origin::Kms => true,
            Origin::External => self.imported.present,
        }
    }

    /// The key as time has made it, whether or not a pass has written it down.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        if self.imported.present && self.imported.expires.is_some_and(|expires| expires <= now) {
            self.lose_material();
        }
        self
    }
}
