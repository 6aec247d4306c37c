//! Services take on the roles that they were given: in process, by the role's trust policy, with the role's rights of now.

use std::sync::Arc;

use millpond_gateway::{Caller, Errand, RoleError, Roles};
use millpond_policy::{Principal, RoleSession, Token, Value};
use millpond_wire::ApiError;

use crate::error::StsError;
use crate::ops::request::{TrustQuestion, role_arn};
use crate::service::Sts;

/// Differs from AWS: an open pond asks nobody. There a service works as the root of its resource's account, whichever role it
/// was given and whether or not there is one, as sessions of an open pond do.
impl Roles for Sts {
    fn pass(&self, caller: &Caller, role: &str, errand: &Errand<'_>) -> Result<Caller, RoleError> {
        if !self.open {
            let (arn, account, ..) = role_arn(role).map_err(|_| errand.refused(role))?;
            if account != caller.scope.account {
                let message = "Cross-account pass role is not allowed.";
                return Err(RoleError::Denied(ApiError::access_denied(message)));
            }
            let resource = errand.resource.to_string();
            let keys = [
                ("iam:PassedToService", Value::from(errand.service)),
                ("iam:AssociatedResourceArn", Value::from(resource.as_str())),
            ];
            caller.ask("iam:PassRole", &arn).keys(&keys).decide().map_err(RoleError::Denied)?;
        }
        self.assume(role, errand)
    }

    fn assume(&self, role: &str, errand: &Errand<'_>) -> Result<Caller, RoleError> {
        let Errand { service, resource, scope, session, external_id } = *errand;
        let on_behalf_of = |principal| Caller::on_behalf_of(principal, scope.clone(), self.clock.clone());
        if self.open {
            return Ok(on_behalf_of(Principal::Root { account: scope.account.clone() }));
        }
        let refused = || errand.refused(role);
        let (arn, account, path, name) = role_arn(role).map_err(|_| refused())?;
        let found = self.iam.role(&account, &name).map_err(|error| RoleError::Failed(error.into()))?;
        // Roles are not handed to other accounts.
        let found = found.filter(|role| role.path == path && account == scope.account).ok_or_else(refused)?;
        let asking = Caller::service(service, resource, scope.clone(), self.clock.clone());
        let keys = [
            Some(("sts:RoleSessionName", Value::from(session))),
            external_id.map(|id| ("sts:ExternalId", Value::from(id))),
        ];
        let keys: Vec<_> = keys.into_iter().flatten().collect();
        let question = TrustQuestion { caller: &asking, role: &found, arn: &arn, keys: &keys, tags: &[] };
        question.permits("sts:AssumeRole").map_err(|error| match error {
            StsError::AccessDenied(_) => refused(),
            other => RoleError::Failed(other.into()),
        })?;
        // Whatever it does now, it is the service that does it.
        self.iam.role_used(&found.id, service, scope.region.as_str());
        let grants = self.iam.role_grants(&found).map_err(|error| RoleError::Failed(error.into()))?;
        let principal = Principal::AssumedRole(Arc::new(RoleSession {
            account,
            path: found.path,
            role: found.name,
            role_id: found.id,
            session: session.to_owned(),
            tags: found.tags,
            transitive_tags: Vec::new(),
            source_identity: None,
            federated_provider: None,
        }));
        let token = Token { issued: self.clock.now(), mfa: None };
        Ok(on_behalf_of(principal).with_grants(Arc::new(grants), Some(token)))
    }
}
