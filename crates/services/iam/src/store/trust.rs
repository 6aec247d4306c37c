//! Whom trust policies name. A user or role is named by its ARN and meant by its id, as on AWS: the policy follows another name,
//! and whoever is made anew under the name of one that is gone is not trusted.

use millpond_store::{Reads as _, Table, Txn};

use super::{by_id, entity, put_entity};
use crate::error::IamError;
use crate::model::entity::Entity;
use crate::model::trust;

/// The roles whose trust policies name an entity, by the ids of both.
const TRUSTED_BY: Table<(String, String), ()> = Table::new("iam.trusted-by");

/// Gives a role its trust policy; `role` is changed, and still has to be put.
pub fn set_trust(txn: &mut Txn<'_>, role: &mut Entity, document: String) -> Result<(), IamError> {
    unpin(txn, role)?;
    let mut pins = std::collections::BTreeMap::new();
    for named in trust::identities(&document)? {
        let found = entity(txn, &named.account, named.kind, &named.name)?;
        if let Some(found) = found.filter(|found| found.arn().to_string() == named.arn) {
            txn.put(&TRUSTED_BY, &(found.id.as_str(), role.id.as_str()), &())?;
            pins.insert(named.arn, found.id);
        }
    }
    let part = role.role.as_mut().ok_or(IamError::Inconsistent("a role without a trust policy"))?;
    (part.trust, part.pins) = (document, pins);
    Ok(())
}

/// Forgets whom a role's trust policy names.
pub fn unpin(txn: &mut Txn<'_>, role: &Entity) -> Result<(), IamError> {
    for id in role.role.iter().flat_map(|part| part.pins.values()) {
        txn.delete(&TRUSTED_BY, &(id.as_str(), role.id.as_str()))?;
    }
    Ok(())
}

/// Names an entity by its new ARN wherever it is trusted; by its id when it is gone.
pub fn rename_in_trusts(
    txn: &mut Txn<'_>,
    id: &str,
    before: &str,
    after: Option<&str>,
) -> Result<(), IamError> {
    if after == Some(before) {
        return Ok(());
    }
    let rows = txn.prefix(&TRUSTED_BY, &(id,)).map(|entry| entry.map(|((_, role), ())| role));
    let roles: Vec<String> = rows.collect::<Result<_, _>>()?;
    for role_id in roles {
        if after.is_none() {
            txn.delete(&TRUSTED_BY, &(id, role_id.as_str()))?;
        }
        let Some(mut role) = by_id(txn, &role_id)? else { continue };
        let Some(part) = &mut role.role else { continue };
        part.trust = trust::renamed(&part.trust, before, after.unwrap_or(id));
        part.pins.remove(before);
        if let Some(after) = after {
            part.pins.insert(after.to_owned(), id.to_owned());
        }
        put_entity(txn, &role)?;
    }
    Ok(())
}
