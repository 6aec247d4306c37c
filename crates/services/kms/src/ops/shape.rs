//! From domain values to the wire's shapes.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::api;
use crate::error::KmsError;
use crate::model::algorithm::{self, Encryption, Signing};
use crate::model::key::{Key, Manager, Spec, State, Usage};

/// A word of ours in the API's enum of the same words.
pub fn word<T: FromStr>(text: &str) -> T {
    text.parse().ok().expect("our words are among AWS's")
}

/// Absent where there are none.
fn words<O: Copy, T: FromStr>(ours: &[O], text: fn(O) -> &'static str) -> Option<Vec<T>> {
    (!ours.is_empty()).then(|| ours.iter().map(|one| word(text(*one))).collect())
}

pub fn state(state: State) -> api::KeyState {
    match state {
        State::Enabled => api::KeyState::Enabled,
        State::Disabled => api::KeyState::Disabled,
        State::PendingImport => api::KeyState::PendingImport,
        State::PendingDeletion => api::KeyState::PendingDeletion,
    }
}

pub fn metadata(key: &Key) -> api::KeyMetadata {
    let symmetric = key.spec == Spec::Symmetric;
    api::KeyMetadata {
        aws_account_id: Some(key.scope.account.to_string()),
        key_id: key.id.to_string(),
        arn: Some(key.arn().to_string()),
        creation_date: Some(key.created),
        enabled: Some(key.state == State::Enabled),
        description: Some(key.description.clone()),
        key_usage: Some(word(key.usage.as_str())),
        key_state: Some(state(key.state)),
        deletion_date: key.deletion.map(|deletion| deletion.at),
        valid_to: key.imported.expires,
        origin: Some(word(key.origin.as_str())),
        expiration_model: key.imported.present.then_some(match key.imported.expires {
            Some(_) => api::ExpirationModelType::KeyMaterialExpires,
            None => api::ExpirationModelType::KeyMaterialDoesNotExpire,
        }),
        key_manager: Some(match key.manager {
            Manager::Customer => api::KeyManagerType::Customer,
            Manager::Aws { .. } => api::KeyManagerType::Aws,
        }),
        customer_master_key_spec: Some(word(key.spec.as_str())),
        key_spec: Some(word(key.spec.as_str())),
        encryption_algorithms: words(algorithm::encryption(key.spec, key.usage), Encryption::as_str),
        signing_algorithms: words(algorithm::signing(key.spec, key.usage), Signing::as_str),
        key_agreement_algorithms: (key.usage == Usage::KeyAgreement)
            .then(|| vec![api::KeyAgreementAlgorithmSpec::Ecdh]),
        multi_region: Some(false),
        // AWS shows the window only while the key waits for replicas.
        pending_deletion_window_in_days: None,
        mac_algorithms: algorithm::mac(key.spec).map(|mac| vec![word(mac.as_str())]),
        current_key_material_id: material_id(key).filter(|_| symmetric),
    }
}

/// The id of the current material, if it is there.
pub fn material_id(key: &Key) -> Option<String> {
    key.materials.last().filter(|_| key.has_material()).map(|material| material.id.clone())
}

/// Errors: TagException, when a name comes twice.
pub fn tags(tags: Vec<api::Tag>) -> Result<BTreeMap<String, String>, KmsError> {
    let mut found = BTreeMap::new();
    for api::Tag { tag_key, tag_value } in tags {
        if found.insert(tag_key, tag_value).is_some() {
            return Err(KmsError::Tag("Duplicate tag keys".to_owned()));
        }
    }
    Ok(found)
}
