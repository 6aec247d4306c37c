//! Passwords of users, and what an account asks of them.

use std::sync::Arc;
use std::time::Duration;

use millpond_core::Timestamp;
use millpond_gateway::{Call, Caller};
use millpond_policy::{Attached, IdentityGrants, Principal};
use millpond_store::Txn;
use millpond_wire::ApiError;

use crate::access::{About, account, find, permit_on};
use crate::api;
use crate::error::IamError;
use crate::model::account::PasswordPolicy;
use crate::model::entity::{Entity, Kind, Login, whole_second};
use crate::model::password;
use crate::ops::user::asked;
use crate::service::Iam;
use crate::store;

const KIND: Kind = Kind::User;

const DAY: Duration = Duration::from_secs(86_400);

fn no_such_login(user: &str) -> IamError {
    IamError::NoSuchEntity(format!("Login Profile for User {user} cannot be found."))
}

fn shown(user: &Entity, login: &Login) -> api::LoginProfile {
    api::LoginProfile {
        user_name: user.name.clone(),
        create_date: login.created,
        password_reset_required: Some(login.reset_required),
    }
}

/// Gives a user a password. It is kept as a slow hash alone.
///
/// Errors: EntityAlreadyExists, NoSuchEntity, PasswordPolicyViolation, ValidationError (no password).
/// Source: AWS IAM API reference, CreateLoginProfile.
pub async fn create_login_profile(
    call: Call<Iam>,
    input: api::CreateLoginProfileInput,
) -> Result<api::CreateLoginProfileOutput, IamError> {
    let name = asked(&call, "iam:CreateLoginProfile", input.user_name)?;
    let user = find(&call, "iam:CreateLoginProfile", KIND, &name, About::default())?;
    let password = input.password.map(zeroize::Zeroizing::new);
    let password = password.ok_or_else(|| IamError::Validation("A password must be given.".to_owned()))?;
    let settings = store::settings(&call.read()?, account(&call))?;
    PasswordPolicy::check(settings.passwords.as_ref(), &password, &user.name)?;
    let now = whole_second(call.now());
    let login = Login {
        created: now,
        changed: now,
        reset_required: input.password_reset_required == Some(true),
        hash: password::hash(&password)?,
        former: Vec::new(),
    };
    call.write(move |txn| {
        store::change_entity(txn, &user, |_, user| {
            if user.login.is_some() {
                let name = &user.name;
                let message = format!("Login Profile for user {name} already exists.");
                return Err(IamError::EntityAlreadyExists(message));
            }
            let output = api::CreateLoginProfileOutput { login_profile: shown(user, &login) };
            user.login = Some(login);
            Ok(output)
        })
    })
    .await
}

/// Whether a user has a password, and since when.
///
/// Errors: NoSuchEntity, ValidationError. Source: AWS IAM API reference, GetLoginProfile.
pub async fn get_login_profile(
    call: Call<Iam>,
    input: api::GetLoginProfileInput,
) -> Result<api::GetLoginProfileOutput, IamError> {
    let name = asked(&call, "iam:GetLoginProfile", input.user_name)?;
    let user = find(&call, "iam:GetLoginProfile", KIND, &name, About::default())?;
    match &user.login {
        Some(login) => Ok(api::GetLoginProfileOutput { login_profile: shown(&user, login) }),
        None => Err(no_such_login(&user.name)),
    }
}

/// Changes a user's password, or whether it has to be changed.
///
/// Errors: NoSuchEntity, PasswordPolicyViolation. Source: AWS IAM API reference, UpdateLoginProfile.
pub async fn update_login_profile(
    call: Call<Iam>,
    input: api::UpdateLoginProfileInput,
) -> Result<(), IamError> {
    let user = find(&call, "iam:UpdateLoginProfile", KIND, &input.user_name, About::default())?;
    if user.login.is_none() {
        return Err(no_such_login(&user.name));
    }
    let new = input.password.map(zeroize::Zeroizing::new);
    let settings = store::settings(&call.read()?, account(&call))?;
    let hash = match &new {
        Some(new) => {
            PasswordPolicy::check(settings.passwords.as_ref(), new, &user.name)?;
            Some(password::hash(new)?)
        }
        None => None,
    };
    let now = whole_second(call.now());
    call.write(move |txn| {
        store::change_entity(txn, &user, |_, user| {
            let login = user.login.as_mut().ok_or_else(|| no_such_login(&user.name))?;
            if let Some(hash) = hash {
                login.put(hash);
                login.changed = now;
            }
            if let Some(required) = input.password_reset_required {
                login.reset_required = required;
            }
            Ok(())
        })
    })
    .await
}

/// Takes a user's password away. Its access keys stay.
///
/// Errors: NoSuchEntity, ValidationError. Source: AWS IAM API reference, DeleteLoginProfile.
pub async fn delete_login_profile(
    call: Call<Iam>,
    input: api::DeleteLoginProfileInput,
) -> Result<(), IamError> {
    let name = asked(&call, "iam:DeleteLoginProfile", input.user_name)?;
    let user = find(&call, "iam:DeleteLoginProfile", KIND, &name, About::default())?;
    call.write(move |txn| {
        store::change_entity(txn, &user, |_, user| {
            user.login.take().map(|_login| ()).ok_or_else(|| no_such_login(&user.name))
        })
    })
    .await
}

/// Changes the caller's own password.
///
/// Errors: InvalidUserType (the caller is no user), NoSuchEntity (it has none), AccessDenied (the old one is another),
/// PasswordPolicyViolation. Source: AWS IAM API reference, ChangePassword.
pub async fn change_password(call: Call<Iam>, input: api::ChangePasswordInput) -> Result<(), IamError> {
    let action = "iam:ChangePassword";
    let (old, new) =
        (zeroize::Zeroizing::new(input.old_password), zeroize::Zeroizing::new(input.new_password));
    let settings = store::settings(&call.read()?, account(&call))?;
    let policy = settings.passwords;
    let Principal::User(me) = &call.caller.principal else {
        permit_on(&call, action, "user/*")?;
        return Err(IamError::InvalidUserType("Only IAM Users can change their own password".to_owned()));
    };
    let name = me.name.clone();
    let may_anyway = policy.as_ref().is_some_and(|policy| policy.users_may_change);
    let asking = match may_anyway {
        true => Call { svc: Arc::clone(&call.svc), caller: with_own_password(&call, &call.caller)? },
        false => call.clone(),
    };
    let user = find(&asking, action, KIND, &name, About::default())?;
    let login = user.login.as_ref().ok_or_else(|| no_such_login(&name))?;
    if !password::is(&old, &login.hash) {
        return Err(ApiError::access_denied("The old password is incorrect.").into());
    }
    let expired = policy.as_ref().is_some_and(|policy| is_over(policy, login, call.now()));
    if expired && policy.as_ref().is_some_and(|policy| policy.hard_expiry) {
        let message = "The password has expired, and an administrator has to set a new one.";
        return Err(IamError::PasswordPolicyViolation(message.to_owned()));
    }
    PasswordPolicy::check(policy.as_ref(), &new, &name)?;
    let back = policy.as_ref().and_then(|policy| policy.not_again).unwrap_or(0);
    if login.had(&new, usize::try_from(back).unwrap_or(usize::MAX)) {
        let message = "Policy constraint violation with password reuse prevention during password change.";
        return Err(IamError::PasswordPolicyViolation(message.to_owned()));
    }
    let (before, hash) = (login.hash.clone(), password::hash(&new)?);
    let now = whole_second(call.now());
    call.write(move |txn| change_hash(txn, &user, &before, hash, now)).await
}

/// Once: a password that was changed meanwhile is another old one.
fn change_hash(
    txn: &mut Txn<'_>,
    user: &Entity,
    before: &crate::model::entity::PasswordHash,
    hash: crate::model::entity::PasswordHash,
    now: Timestamp,
) -> Result<(), IamError> {
    store::change_entity(txn, user, |_, user| {
        let login = user.login.as_mut().ok_or_else(|| no_such_login(&user.name))?;
        if login.hash != *before {
            return Err(ApiError::access_denied("The old password is incorrect.").into());
        }
        login.put(hash);
        login.changed = now;
        login.reset_required = false;
        Ok(())
    })
}

/// When a password was to be changed, if it is ever.
pub fn next_rotation(policy: &PasswordPolicy, login: &Login) -> Option<Timestamp> {
    policy.max_age_days.map(|days| login.changed.plus(DAY * days))
}

fn is_over(policy: &PasswordPolicy, login: &Login, now: Timestamp) -> bool {
    next_rotation(policy, login).is_some_and(|at| at <= now)
}

/// What the account's password policy gives its users: the permission for their own password alone.
fn with_own_password(iam: &Iam, caller: &Caller) -> Result<Caller, IamError> {
    const OWN_PASSWORD: &str = r#"{
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Action": "iam:ChangePassword",
            "Resource": "arn:aws:iam::*:user/*${aws:username}"
        }
    }"#;
    let policy = iam.identity_documents().read(OWN_PASSWORD)?;
    let mut grants = IdentityGrants::clone(&caller.grants);
    grants.identity.push(Attached { name: "the account's password policy".into(), policy });
    Ok(caller.clone().with_grants(Arc::new(grants), caller.token))
}

/// What the account asks of passwords.
///
/// Errors: NoSuchEntity, when nothing was set. Source: AWS IAM API reference, GetAccountPasswordPolicy.
pub async fn get_account_password_policy(
    call: Call<Iam>,
    _: api::GetAccountPasswordPolicyInput,
) -> Result<api::GetAccountPasswordPolicyOutput, IamError> {
    permit_on(&call, "iam:GetAccountPasswordPolicy", "account-password-policy")?;
    let settings = store::settings(&call.read()?, account(&call))?;
    let policy = settings.passwords.ok_or_else(|| no_policy(&call))?;
    let number = |number: u32| i32::try_from(number).ok();
    let password_policy = api::PasswordPolicy {
        minimum_password_length: number(policy.min_length),
        require_symbols: Some(policy.symbols),
        require_numbers: Some(policy.numbers),
        require_uppercase_characters: Some(policy.uppercase),
        require_lowercase_characters: Some(policy.lowercase),
        allow_users_to_change_password: Some(policy.users_may_change),
        expire_passwords: Some(policy.max_age_days.is_some()),
        max_password_age: policy.max_age_days.and_then(number),
        password_reuse_prevention: policy.not_again.and_then(number),
        hard_expiry: policy.max_age_days.is_some().then_some(policy.hard_expiry),
    };
    Ok(api::GetAccountPasswordPolicyOutput { password_policy })
}

fn no_policy(call: &Call<Iam>) -> IamError {
    let account = account(call);
    IamError::NoSuchEntity(format!("The Password Policy with domain name {account} cannot be found."))
}

/// Sets what the account asks of passwords from now on; what is not said is not asked for.
///
/// Source: AWS IAM API reference, UpdateAccountPasswordPolicy.
pub async fn update_account_password_policy(
    call: Call<Iam>,
    input: api::UpdateAccountPasswordPolicyInput,
) -> Result<(), IamError> {
    permit_on(&call, "iam:UpdateAccountPasswordPolicy", "account-password-policy")?;
    let number = |number: Option<i32>| number.and_then(|number| u32::try_from(number).ok());
    let policy = PasswordPolicy {
        min_length: number(input.minimum_password_length).unwrap_or(6),
        symbols: input.require_symbols == Some(true),
        numbers: input.require_numbers == Some(true),
        uppercase: input.require_uppercase_characters == Some(true),
        lowercase: input.require_lowercase_characters == Some(true),
        users_may_change: input.allow_users_to_change_password == Some(true),
        max_age_days: number(input.max_password_age),
        not_again: number(input.password_reuse_prevention),
        hard_expiry: input.hard_expiry == Some(true),
    };
    let owner = account(&call).clone();
    call.write(move |txn| {
        let mut settings = store::settings(txn, &owner)?;
        settings.passwords = Some(policy);
        Ok(store::put_settings(txn, &owner, &settings)?)
    })
    .await
}

/// Takes back what the account asks of passwords.
///
/// Errors: NoSuchEntity. Source: AWS IAM API reference, DeleteAccountPasswordPolicy.
pub async fn delete_account_password_policy(
    call: Call<Iam>,
    _: api::DeleteAccountPasswordPolicyInput,
) -> Result<(), IamError> {
    permit_on(&call, "iam:DeleteAccountPasswordPolicy", "account-password-policy")?;
    let (owner, missing) = (account(&call).clone(), no_policy(&call));
    call.write(move |txn| {
        let mut settings = store::settings(txn, &owner)?;
        if settings.passwords.take().is_none() {
            return Err(missing);
        }
        Ok(store::put_settings(txn, &owner, &settings)?)
    })
    .await
}
