//! The service over a store of its own, with a clock that stands.

use std::sync::Arc;

use millpond_core::{AccountId, Clock, Region, RootKey, Scope, Timestamp};
use millpond_gateway::{Call, Caller};
use millpond_policy::{Decision, Principal, Request, decide};
use millpond_store::{Store, StoreOptions};
use millpond_work::{Pass, Tasks, Worker as _};
use tempfile::TempDir;

use crate::error::IamError;
use crate::model::entity::Kind;
use crate::ops::{attach, boundary, group, inline, key, policy, role, user};
use crate::service::KeepUses;
use crate::{Deps, Iam, api, store};

struct Pond {
    dir: TempDir,
    clock: Clock,
    iam: Iam,
}

impl Pond {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Timestamp::from_secs(1_795_000_000));
        let iam = open(&dir, &clock);
        Self { dir, clock, iam }
    }

    fn call_of(&self, account: &str) -> Call<Iam> {
        let account: AccountId = account.parse().unwrap();
        let scope = Scope::new(account.clone(), Region::us_east_1());
        let caller = Caller::on_behalf_of(Principal::Root { account }, scope, self.clock.clone());
        Call { svc: Arc::new(self.iam.clone()), caller }
    }

    fn call(&self) -> Call<Iam> {
        self.call_of(US)
    }

    async fn user(&self, name: &str) -> api::User {
        let input = api::CreateUserInput { user_name: name.into(), ..Default::default() };
        user::create_user(self.call(), input).await.unwrap().user.unwrap()
    }

    async fn key(&self, name: &str) -> api::AccessKey {
        let input = api::CreateAccessKeyInput { user_name: Some(name.into()) };
        key::create_access_key(self.call(), input).await.unwrap().access_key
    }

    async fn put(&self, name: &str, effect: &str, action: &str) {
        let input = api::PutUserPolicyInput {
            user_name: name.into(),
            policy_name: effect.into(),
            policy_document: document(effect, action),
        };
        inline::put_user_policy(self.call(), input).await.unwrap();
    }

    /// What the key's owner may do now.
    fn may(&self, key: &str, action: &str) -> bool {
        let Some(credential) = self.iam.credential(key).unwrap() else { return false };
        let account: AccountId = US.parse().unwrap();
        let request = Request {
            principal: &credential.principal,
            grants: &credential.grants,
            action,
            resource: &"arn:aws:s3:::lake/key".parse().unwrap(),
            resource_account: &account,
            resource_policy: None,
            resource_must_allow: false,
            acl: None,
            canonical_id: None,
            context: Default::default(),
        };
        matches!(decide(&request), Decision::Allow(_))
    }
}

const US: &str = "000000000000";
const OTHERS: &str = "111111111111";

fn document(effect: &str, action: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"{effect}","Action":"{action}","Resource":"*"}}}}"#
    )
}

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"sts:AssumeRole"}}"#;

fn open(dir: &TempDir, clock: &Clock) -> Iam {
    let store = Store::open(&dir.path().join("store"), StoreOptions::default()).unwrap();
    let root_key = RootKey::from_bytes([5; 32]);
    Iam::without_workers(Deps {
        store,
        root_key: &root_key,
        clock: clock.clone(),
        tasks: &Tasks::new(clock.clone()),
    })
}

#[tokio::test]
async fn a_key_stands_for_its_user_until_it_does_not() {
    let pond = Pond::new();
    let bob = pond.user("Bob").await;
    let key = pond.key("Bob").await;
    let credential = pond.iam.credential(&key.access_key_id).unwrap().unwrap();
    assert_eq!(credential.secret.expose(), key.secret_access_key);
    assert_eq!(credential.principal.to_string(), bob.arn);
    assert_eq!(credential.principal.user_id(), bob.user_id);
    assert!(pond.iam.credential("AKIANOBODY").unwrap().is_none());

    let set = async |status| {
        let input = api::UpdateAccessKeyInput {
            user_name: Some("Bob".into()),
            access_key_id: key.access_key_id.clone(),
            status,
        };
        key::update_access_key(pond.call(), input).await.unwrap();
        pond.iam.credential(&key.access_key_id).unwrap().is_some()
    };
    assert!(!set(api::StatusType::Inactive).await);
    assert!(set(api::StatusType::Active).await);
    assert_eq!(pond.iam.account_of_key(&key.access_key_id).unwrap().unwrap().as_str(), US);

    let input =
        api::DeleteAccessKeyInput { user_name: Some("Bob".into()), access_key_id: key.access_key_id.clone() };
    key::delete_access_key(pond.call(), input).await.unwrap();
    assert!(pond.iam.credential(&key.access_key_id).unwrap().is_none());
}

#[tokio::test]
async fn what_is_kept_opens_again_and_the_secret_is_not_in_the_file() {
    let pond = Pond::new();
    pond.user("Bob").await;
    let key = pond.key("Bob").await;
    let Pond { dir, clock, iam } = pond;
    iam.read().unwrap();
    drop(iam);
    let bytes = std::fs::read(dir.path().join("store")).unwrap();
    let secret = key.secret_access_key.as_bytes();
    assert!(!bytes.windows(secret.len()).any(|window| window == secret));
    // The store's threads let go of the file when the last handle is gone.
    for _ in 0..500 {
        if Store::open(&dir.path().join("store"), StoreOptions::default()).is_ok() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let iam = open(&dir, &clock);
    assert_eq!(iam.credential(&key.access_key_id).unwrap().unwrap().secret.expose(), key.secret_access_key);
}

#[tokio::test]
async fn policies_count_at_once_whichever_way_they_come() {
    let pond = Pond::new();
    pond.user("Bob").await;
    let key = pond.key("Bob").await.access_key_id;
    assert!(!pond.may(&key, "s3:GetObject"));
    pond.put("Bob", "Allow", "s3:Get*").await;
    assert!(pond.may(&key, "s3:GetObject"));
    pond.put("Bob", "Deny", "s3:GetObject").await;
    assert!(!pond.may(&key, "s3:GetObject"));
    assert!(pond.may(&key, "s3:GetObjectAcl"));

    // By a group.
    let readers = api::CreateGroupInput { group_name: "Readers".into(), ..Default::default() };
    group::create_group(pond.call(), readers).await.unwrap();
    let input = api::AttachGroupPolicyInput {
        group_name: "Readers".into(),
        policy_arn: "arn:aws:iam::aws:policy/AdministratorAccess".into(),
    };
    attach::attach_group_policy(pond.call(), input).await.unwrap();
    assert!(!pond.may(&key, "s3:PutObject"));
    let join = api::AddUserToGroupInput { group_name: "readers".into(), user_name: "bob".into() };
    group::add_user_to_group(pond.call(), join).await.unwrap();
    assert!(pond.may(&key, "s3:PutObject"));

    // A boundary, and a new version of it.
    let input = api::CreatePolicyInput {
        policy_name: "Fence".into(),
        path: Some("/team/".into()),
        policy_document: document("Allow", "s3:Put*"),
        ..Default::default()
    };
    let fence = policy::create_policy(pond.call(), input).await.unwrap().policy.unwrap().arn.unwrap();
    let input =
        api::PutUserPermissionsBoundaryInput { user_name: "Bob".into(), permissions_boundary: fence.clone() };
    boundary::put_user_permissions_boundary(pond.call(), input).await.unwrap();
    assert!(pond.may(&key, "s3:PutObject"));
    assert!(!pond.may(&key, "s3:GetObjectAcl"));
    let input = api::CreatePolicyVersionInput {
        policy_arn: fence.clone(),
        policy_document: document("Allow", "s3:GetObjectAcl"),
        set_as_default: Some(true),
    };
    policy::create_policy_version(pond.call(), input).await.unwrap();
    assert!(!pond.may(&key, "s3:PutObject"));
    assert!(pond.may(&key, "s3:GetObjectAcl"));
    let gone = policy::delete_policy(pond.call(), api::DeletePolicyInput { policy_arn: fence }).await;
    assert!(matches!(gone, Err(IamError::DeleteConflict(_))));
}

#[tokio::test]
async fn roles_are_shown_to_who_lets_them_be_assumed() {
    let pond = Pond::new();
    let account: AccountId = US.parse().unwrap();
    let make = async || {
        let input = api::CreateRoleInput {
            role_name: "Deliver".into(),
            path: Some("/jobs/".into()),
            assume_role_policy_document: TRUST.into(),
            max_session_duration: Some(7_200),
            tags: Some(vec![api::Tag { key: "team".into(), value: "mill".into() }]),
            ..Default::default()
        };
        role::create_role(pond.call(), input).await.unwrap();
        pond.iam.role(&account, "deliver").unwrap().unwrap()
    };
    let old = make().await;
    assert_eq!(old.arn().to_string(), "arn:aws:iam::000000000000:role/jobs/Deliver");
    assert_eq!((old.max_session.as_secs(), old.tags.len()), (7_200, 1));
    let grant = async || {
        let input = api::PutRolePolicyInput {
            role_name: "Deliver".into(),
            policy_name: "own".into(),
            policy_document: document("Allow", "s3:*"),
        };
        inline::put_role_policy(pond.call(), input).await.unwrap();
    };
    grant().await;
    let grants = pond.iam.role_grants(&old).unwrap();
    assert_eq!(grants.identity.iter().map(|one| &*one.name).collect::<Vec<_>>(), ["role_Deliver_own"]);

    // Another role of the same name is another role.
    let conflict = role::delete_role(pond.call(), api::DeleteRoleInput { role_name: "Deliver".into() }).await;
    assert!(matches!(conflict, Err(IamError::DeleteConflict(_))));
    let input = api::DeleteRolePolicyInput { role_name: "Deliver".into(), policy_name: "own".into() };
    inline::delete_role_policy(pond.call(), input).await.unwrap();
    role::delete_role(pond.call(), api::DeleteRoleInput { role_name: "Deliver".into() }).await.unwrap();
    assert!(pond.iam.role(&account, "Deliver").unwrap().is_none());
    let new = make().await;
    grant().await;
    assert_ne!(new.id, old.id);
    assert!(pond.iam.role_grants(&old).unwrap().identity.is_empty());
    assert_eq!(pond.iam.role_grants(&new).unwrap().identity.len(), 1);
    assert!(pond.iam.role(&OTHERS.parse().unwrap(), "Deliver").unwrap().is_none());
}

#[tokio::test]
async fn a_user_keeps_everything_under_another_name() {
    let pond = Pond::new();
    let bob = pond.user("Bob").await;
    pond.user("Eve").await;
    let key = pond.key("Bob").await.access_key_id;
    pond.put("Bob", "Allow", "s3:*").await;
    let rename = async |name: &str| {
        let input = api::UpdateUserInput {
            user_name: "Bob".into(),
            new_path: Some("/x/".into()),
            new_user_name: Some(name.into()),
        };
        user::update_user(pond.call(), input).await
    };
    assert!(matches!(rename("EVE").await, Err(IamError::EntityAlreadyExists(_))));
    rename("Robert").await.unwrap();
    let credential = pond.iam.credential(&key).unwrap().unwrap();
    assert_eq!(credential.principal.to_string(), "arn:aws:iam::000000000000:user/x/Robert");
    assert_eq!(credential.principal.user_id(), bob.user_id);
    assert!(pond.may(&key, "s3:GetObject"));
    let gone = user::get_user(pond.call(), api::GetUserInput { user_name: Some("Bob".into()) }).await;
    assert!(matches!(gone, Err(IamError::NoSuchEntity(_))));
}

/// Whoever hung up does not keep what it asked for from counting.
#[tokio::test]
async fn what_is_committed_counts_also_when_nobody_waits_for_it() {
    let pond = Pond::new();
    pond.user("Bob").await;
    let key = pond.key("Bob").await.access_key_id;
    pond.put("Bob", "Allow", "s3:*").await;
    assert!(pond.may(&key, "s3:GetObject"));
    let hung_up = tokio::time::timeout(std::time::Duration::ZERO, pond.put("Bob", "Deny", "s3:*")).await;
    let bob = || store::entity(&pond.iam.read().unwrap(), &US.parse().unwrap(), Kind::User, "Bob").unwrap();
    while !bob().unwrap().inline.contains_key("Deny") {
        tokio::task::yield_now().await;
    }
    assert!(!pond.may(&key, "s3:GetObject"), "{hung_up:?}");
}

#[tokio::test]
async fn a_trust_policy_means_who_was_there() {
    let pond = Pond::new();
    let account: AccountId = US.parse().unwrap();
    let bob = pond.user("Bob").await;
    let trust = TRUST.replace(r#""000000000000""#, &format!("{:?}", bob.arn));
    let input = api::CreateRoleInput {
        role_name: "Deliver".into(),
        assume_role_policy_document: trust,
        ..Default::default()
    };
    role::create_role(pond.call(), input).await.unwrap();
    let trusts = |name: &str| {
        let user = pond.iam.user(&account, name).unwrap().unwrap();
        let role = pond.iam.role(&account, "Deliver").unwrap().unwrap();
        let request = Request {
            principal: &Principal::User(user),
            grants: &millpond_policy::IdentityGrants::NONE,
            action: "sts:AssumeRole",
            resource: &role.arn(),
            resource_account: &account,
            resource_policy: Some(&role.trust),
            resource_must_allow: true,
            acl: None,
            canonical_id: None,
            context: Default::default(),
        };
        decide(&request).is_allowed()
    };
    assert!(trusts("Bob"));
    // The policy follows the user to another name, and nobody else to his old one.
    let rename = |from: &str, to: &str| api::UpdateUserInput {
        user_name: from.into(),
        new_path: None,
        new_user_name: Some(to.into()),
    };
    user::update_user(pond.call(), rename("Bob", "Robert")).await.unwrap();
    pond.user("Bob").await;
    assert!(trusts("Robert") && !trusts("Bob"));
    user::delete_user(pond.call(), api::DeleteUserInput { user_name: "Robert".into() }).await.unwrap();
    pond.user("Robert").await;
    assert!(!trusts("Robert"));
    let shown = role::get_role(pond.call(), api::GetRoleInput { role_name: "Deliver".into() }).await.unwrap();
    assert!(shown.role.assume_role_policy_document.unwrap().contains(&bob.user_id));
}

#[tokio::test]
async fn accounts_do_not_meet() {
    let pond = Pond::new();
    pond.user("Bob").await;
    let theirs = || pond.call_of(OTHERS);
    let get = user::get_user(theirs(), api::GetUserInput { user_name: Some("Bob".into()) }).await;
    assert!(matches!(get, Err(IamError::NoSuchEntity(_))));
    let input = api::CreateUserInput { user_name: "Bob".into(), ..Default::default() };
    user::create_user(theirs(), input).await.unwrap();
    let input = api::CreatePolicyInput {
        policy_name: "P".into(),
        policy_document: document("Allow", "*"),
        ..Default::default()
    };
    let arn = policy::create_policy(pond.call(), input).await.unwrap().policy.unwrap().arn.unwrap();
    let input = api::AttachUserPolicyInput { user_name: "Bob".into(), policy_arn: arn.clone() };
    let attached = attach::attach_user_policy(theirs(), input).await;
    assert!(matches!(attached, Err(IamError::NoSuchEntity(_))));
    let got = policy::get_policy(theirs(), api::GetPolicyInput { policy_arn: arn }).await;
    assert!(matches!(got, Err(IamError::AccessDenied(_))), "another account's ARN");
    let users = user::list_users(theirs(), api::ListUsersInput::default()).await.unwrap().users;
    assert_eq!(users.len(), 1);
}

#[tokio::test]
async fn uses_of_keys_are_shown_at_once_and_written_down() {
    let pond = Pond::new();
    pond.user("Bob").await;
    let id = pond.key("Bob").await.access_key_id;
    let last = async |iam: &Iam| {
        let call = Call { svc: Arc::new(iam.clone()), ..pond.call() };
        let input = api::GetAccessKeyLastUsedInput { access_key_id: id.clone() };
        key::get_access_key_last_used(call, input).await.unwrap().access_key_last_used.unwrap()
    };
    assert_eq!(last(&pond.iam).await.service_name, "N/A");
    pond.clock.advance(std::time::Duration::from_secs(100));
    pond.iam.key_used(&id, "s3", "eu-west-1");
    assert_eq!(last(&pond.iam).await.region, "eu-west-1");
    assert_eq!(KeepUses(pond.iam.clone()).pass().await.unwrap(), Pass::Idle);
    assert!(pond.iam.remembered_use(&id).is_none());
    let written = last(&pond.iam).await;
    assert_eq!(written.service_name, "s3");
    assert_eq!(written.last_used_date, Some(Timestamp::from_secs(1_795_000_100)));
}

#[tokio::test]
async fn uses_of_roles_are_shown_at_once_written_down_and_go_with_the_role() {
    let pond = Pond::new();
    let make = async || {
        let trust = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}}"#;
        let input = api::CreateRoleInput {
            role_name: "Deliver".into(),
            assume_role_policy_document: trust.into(),
            ..Default::default()
        };
        role::create_role(pond.call(), input).await.unwrap().role.role_id
    };
    let region = async || {
        let got =
            role::get_role(pond.call(), api::GetRoleInput { role_name: "Deliver".into() }).await.unwrap();
        got.role.role_last_used.unwrap().region
    };
    let id = make().await;
    assert_eq!(region().await, None);
    pond.iam.role_used(&id, "s3", "eu-west-1");
    assert_eq!(region().await.as_deref(), Some("eu-west-1"));
    assert_eq!(KeepUses(pond.iam.clone()).pass().await.unwrap(), Pass::Idle);
    assert!(pond.iam.remembered_use(&id).is_none());
    assert_eq!(region().await.as_deref(), Some("eu-west-1"));
    pond.clock.advance(std::time::Duration::from_secs(401 * 86_400));
    assert_eq!(region().await, None, "too long ago");
    role::delete_role(pond.call(), api::DeleteRoleInput { role_name: "Deliver".into() }).await.unwrap();
    assert!(crate::store::role_use(&pond.iam.read().unwrap(), &id).unwrap().is_none());
    assert_ne!(make().await, id);
    pond.iam.role_used(&id, "s3", "eu-west-1");
    assert_eq!(KeepUses(pond.iam.clone()).pass().await.unwrap(), Pass::Idle);
    assert_eq!(region().await, None, "the use was another's");
}

#[tokio::test]
async fn pages_go_on_where_they_ended() {
    let pond = Pond::new();
    for name in ["b", "C", "a", "e", "D"] {
        pond.user(name).await;
    }
    let (mut marker, mut names) = (None, Vec::new());
    loop {
        let input = api::ListUsersInput { marker, max_items: Some(2), ..Default::default() };
        let page = user::list_users(pond.call(), input).await.unwrap();
        assert_eq!(page.is_truncated, Some(page.marker.is_some()));
        names.extend(page.users.into_iter().map(|user| user.user_name));
        marker = page.marker;
        if marker.is_none() {
            break;
        }
    }
    assert_eq!(names, ["a", "b", "C", "D", "e"]);
    let input = api::ListUsersInput { marker: Some("nonsense".into()), ..Default::default() };
    assert!(matches!(user::list_users(pond.call(), input).await, Err(IamError::Validation(_))));
}
