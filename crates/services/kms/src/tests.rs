//! The service over a store of its own, with a clock that is turned by hand.

use std::sync::Arc;
use std::time::Duration;

use millpond_core::{Clock, Region, RootKey, Scope, Timestamp};
use millpond_gateway::{Call, Caller};
use millpond_policy::{Principal, User};
use millpond_store::{Store, StoreError, StoreOptions};
use millpond_work::{Pass, Tasks, Worker as _};
use tempfile::TempDir;

use crate::error::KmsError;
use crate::model::key::{Key, State};
use crate::ops::{alias, crypt, grant, key, policy, rotation};
use crate::worker::{DueKeys, TrimTrail};
use crate::{Deps, EncryptionContext, Kms, api, store};

const DAY: Duration = Duration::from_secs(86_400);

struct Pond {
    dir: TempDir,
    clock: Clock,
    kms: Kms,
}

impl Pond {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Timestamp::from_secs(1_795_000_000));
        let kms = open(&dir, &clock);
        Self { dir, clock, kms }
    }

    fn caller(&self, account: &str) -> Caller {
        let account: millpond_core::AccountId = account.parse().unwrap();
        let scope = Scope::new(account.clone(), Region::us_east_1());
        Caller::on_behalf_of(Principal::Root { account }, scope, self.clock.clone())
    }

    fn us(&self) -> Caller {
        self.caller("000000000000")
    }

    fn call(&self) -> Call<Kms> {
        Call { svc: Arc::new(self.kms.clone()), caller: self.us() }
    }

    async fn key(&self) -> String {
        let made = key::create_key(self.call(), api::CreateKeyInput::default()).await.unwrap();
        made.key_metadata.unwrap().arn.unwrap()
    }

    async fn schedule(&self, key: &str, days: i32) {
        let input =
            api::ScheduleKeyDeletionInput { key_id: key.to_owned(), pending_window_in_days: Some(days) };
        key::schedule_key_deletion(self.call(), input).await.unwrap();
    }

    fn uses(&self) -> Vec<(String, Option<String>, Option<String>)> {
        let uses = self.kms.uses_after(None, usize::MAX).unwrap();
        uses.into_iter().map(|(_, key_use)| (key_use.operation, key_use.error, key_use.via)).collect()
    }
}

fn open(dir: &TempDir, clock: &Clock) -> Kms {
    let store = Store::open(&dir.path().join("store"), StoreOptions::default()).unwrap();
    let root_key = RootKey::from_bytes([5; 32]);
    Kms::take_up_work(Deps {
        store,
        root_key: &root_key,
        clock: clock.clone(),
        tasks: &Tasks::new(clock.clone()),
    })
}

fn context(value: &str) -> EncryptionContext {
    [("bucket", value)].into_iter().collect()
}

#[tokio::test]
async fn a_data_key_comes_back_with_its_context_alone_also_after_a_restart() {
    let mut pond = Pond::new();
    let key = pond.key().await;
    let made = pond.kms.generate_data_key(&pond.us(), &key, &context("lake")).await.unwrap();
    assert_eq!(made.key_arn.to_string(), key);
    pond.kms.store().close().await;
    pond.kms = open(&pond.dir, &pond.clock);
    let (plaintext, by) = pond.kms.decrypt(&pond.us(), &made.ciphertext, &context("lake")).await.unwrap();
    assert_eq!((plaintext.as_slice(), by), (made.plaintext.as_slice(), made.key_arn));
    let refused = pond.kms.decrypt(&pond.us(), &made.ciphertext, &context("river")).await;
    assert!(matches!(refused, Err(KmsError::InvalidCiphertext)));
}

#[tokio::test]
async fn another_account_learns_nothing() {
    let pond = Pond::new();
    let key = pond.key().await;
    let made = pond.kms.generate_data_key(&pond.us(), &key, &context("lake")).await.unwrap();
    let them = pond.caller("111111111111");
    let refused = pond.kms.decrypt(&them, &made.ciphertext, &context("lake")).await;
    assert!(matches!(refused, Err(KmsError::UnknownCiphertextKey)));
    let missing = key.replace(&key[key.len() - 4..], "0000");
    for arn in [&key, &missing] {
        let denied = pond.kms.generate_data_key(&them, arn, &context("lake")).await.map(|_| ());
        let Err(KmsError::AccessDenied(denied)) = denied else { panic!("{denied:?}") };
        assert!(denied.message.contains("kms:GenerateDataKey on resource"), "{}", denied.message);
    }
}

#[tokio::test]
async fn a_key_goes_for_good_when_its_waiting_period_is_over() {
    let pond = Pond::new();
    let (gone, stays) = (pond.key().await, pond.key().await);
    let input = api::CreateAliasInput { alias_name: "alias/a".to_owned(), target_key_id: gone.clone() };
    alias::create_alias(pond.call(), input).await.unwrap();
    let made = pond.kms.generate_data_key(&pond.us(), &gone, &context("lake")).await.unwrap();
    let (reads, us) = (pond.kms.store().read().unwrap(), pond.us());
    let record: Key = pond.kms.find(&reads, &us, "kms:DescribeKey", &gone).unwrap();
    assert!(store::material(&reads, &record, 1).unwrap().is_some());
    pond.schedule(&gone, 7).await;
    pond.schedule(&stays, 30).await;
    let worker = DueKeys(pond.kms.clone());
    let due = pond.clock.now().plus(7 * DAY);
    assert_eq!(worker.pass().await.unwrap(), Pass::At(due));
    let waits = pond.kms.decrypt(&us, &made.ciphertext, &context("lake")).await;
    assert!(matches!(waits, Err(KmsError::PendingDeletion { .. })));
    // It is gone for everyone from that moment, also before the pass.
    pond.clock.advance(7 * DAY);
    assert!(matches!(pond.kms.resolve(&us, &gone), Err(KmsError::KeyNotFound { .. })));
    let input = api::CancelKeyDeletionInput { key_id: gone.clone() };
    assert!(key::cancel_key_deletion(pond.call(), input).await.is_err());
    assert_eq!(worker.pass().await.unwrap(), Pass::At(due.plus(23 * DAY)));
    let reads = pond.kms.store().read().unwrap();
    assert!(store::key(&reads, &record.scope, record.id).unwrap().is_none());
    assert!(store::material(&reads, &record, 1).unwrap().is_none());
    assert!(store::alias(&reads, &record.scope, "alias/a").unwrap().is_none());
    let lost = pond.kms.decrypt(&us, &made.ciphertext, &context("lake")).await;
    assert!(matches!(lost, Err(KmsError::UnknownCiphertextKey)));
    // The one that was kept after all stays.
    let input = api::CancelKeyDeletionInput { key_id: stays.clone() };
    key::cancel_key_deletion(pond.call(), input).await.unwrap();
    pond.clock.advance(40 * DAY);
    assert_eq!(worker.pass().await.unwrap(), Pass::Idle);
    assert_eq!(pond.kms.resolve(&us, &stays).unwrap().state, State::Disabled);
}

#[tokio::test]
async fn a_services_key_is_made_once_and_used_through_the_service_alone() {
    let pond = Pond::new();
    let us = pond.us();
    let s3 = pond.kms.for_service("s3");
    let (one, other) = tokio::join!(s3.managed_key(&us.scope, "aws/s3"), s3.managed_key(&us.scope, "aws/s3"));
    let arn = one.unwrap();
    assert_eq!(other.unwrap(), arn);
    let made = s3.generate_data_key(&us, "alias/aws/s3", &context("lake")).await.unwrap();
    assert_eq!(made.key_arn, arn);
    assert!(s3.decrypt(&us, &made.ciphertext, &context("lake")).await.is_ok());
    for other in [pond.kms.clone(), pond.kms.for_service("kinesis")] {
        let denied = other.decrypt(&us, &made.ciphertext, &context("lake")).await;
        assert!(matches!(denied, Err(KmsError::AccessDenied(_))));
    }
    let them = pond.caller("111111111111");
    let denied = s3.generate_data_key(&them, &arn.to_string(), &context("lake")).await.map(|_| ());
    assert!(matches!(denied, Err(KmsError::AccessDenied(_))));
    let input = api::ScheduleKeyDeletionInput { key_id: arn.to_string(), pending_window_in_days: None };
    let denied = key::schedule_key_deletion(pond.call(), input).await;
    assert!(matches!(denied, Err(KmsError::AccessDenied(_))));
    assert!(pond.kms.resolve(&us, "alias/aws/s3").is_ok());
}

#[tokio::test]
async fn every_use_leaves_its_record() {
    let pond = Pond::new();
    let key = pond.key().await;
    let s3 = pond.kms.for_service("s3");
    let us = pond.us();
    let made = s3.generate_data_key(&us, &key, &context("lake")).await.unwrap();
    assert!(pond.kms.decrypt(&us, &made.ciphertext, &context("river")).await.is_err());
    let input = api::EncryptInput {
        key_id: key.clone(),
        plaintext: bytes::Bytes::from_static(b"x"),
        dry_run: Some(true),
        ..Default::default()
    };
    assert!(matches!(crypt::encrypt(pond.call(), input).await, Err(KmsError::DryRun)));
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        pond.uses(),
        [
            ("GenerateDataKey".to_owned(), None, text("s3")),
            ("Decrypt".to_owned(), text("InvalidCiphertextException"), None),
            ("Encrypt".to_owned(), text("DryRunOperationException"), None),
        ]
    );
    let (number, first) = pond.kms.uses_after(None, 1).unwrap().remove(0);
    assert_eq!((number, first.key.to_string(), &first.context), (0, key, context("lake").pairs()));
    assert_eq!(first.principal.as_deref(), Some("arn:aws:iam::000000000000:root"));
    assert_eq!(first.request_id, us.request_id.to_string());
    assert_eq!(pond.kms.uses_after(Some(0), 9).unwrap().len(), 2);
}

#[tokio::test]
async fn a_record_rides_along_in_the_callers_transaction() {
    let pond = Pond::new();
    let key = pond.key().await;
    let us = pond.us();
    let (_, unrecorded) = pond.kms.generate_data_key_unrecorded(&us, &key, &context("lake")).await.unwrap();
    assert!(pond.uses().is_empty());
    let before = pond.kms.store().stats().transactions;
    pond.kms.store().write(move |txn| unrecorded.record(txn)).await.map_err(|_: StoreError| ()).unwrap();
    assert_eq!(pond.kms.store().stats().transactions, before + 1);
    assert_eq!(pond.uses(), [("GenerateDataKey".to_owned(), None, None)]);
    // What fails has no such transaction, and is recorded at once.
    pond.schedule(&key, 7).await;
    let failed = pond.kms.generate_data_key_unrecorded(&us, &key, &context("lake")).await.map(|_| ());
    assert!(matches!(failed, Err(KmsError::PendingDeletion { .. })));
    assert_eq!(pond.uses().len(), 2);
}

#[tokio::test]
async fn records_stay_for_90_days_and_their_numbers_only_grow() {
    let pond = Pond::new();
    let key = pond.key().await;
    for _ in 0..3 {
        pond.kms.generate_data_key(&pond.us(), &key, &context("lake")).await.unwrap();
    }
    let worker = TrimTrail(pond.kms.clone());
    pond.clock.advance(90 * DAY);
    assert_eq!(worker.pass().await.unwrap(), Pass::Idle);
    assert_eq!(pond.uses().len(), 3);
    pond.clock.advance(Duration::from_secs(1));
    assert_eq!(worker.pass().await.unwrap(), Pass::Idle);
    let numbers = |pond: &Pond| -> Vec<u64> {
        pond.kms.uses_after(None, 9).unwrap().into_iter().map(|(number, _)| number).collect()
    };
    assert_eq!(numbers(&pond), [2]);
    pond.kms.generate_data_key(&pond.us(), &key, &context("lake")).await.unwrap();
    assert_eq!(numbers(&pond), [2, 3]);
}

#[tokio::test]
async fn a_rotated_key_opens_what_it_encrypted_before() {
    let pond = Pond::new();
    let (key, us) = (pond.key().await, pond.us());
    let old = pond.kms.generate_data_key(&us, &key, &context("lake")).await.unwrap();
    let input = api::EnableKeyRotationInput { key_id: key.clone(), rotation_period_in_days: Some(90) };
    rotation::enable_key_rotation(pond.call(), input).await.unwrap();
    let worker = DueKeys(pond.kms.clone());
    let start = pond.clock.now();
    assert_eq!(worker.pass().await.unwrap(), Pass::At(start.plus(90 * DAY)));
    // A clock that leaps over several periods rotates once.
    pond.clock.advance(200 * DAY);
    assert_eq!(worker.pass().await.unwrap(), Pass::At(start.plus(270 * DAY)));
    let reads = pond.kms.store().read().unwrap();
    let record = pond.kms.find(&reads, &us, "kms:DescribeKey", &key).unwrap();
    let versions: Vec<u32> = record.materials.iter().map(|material| material.version).collect();
    assert_eq!(versions, [1, 2]);
    let new = pond.kms.generate_data_key(&us, &key, &context("lake")).await.unwrap();
    for made in [old, new] {
        let (plaintext, _) = pond.kms.decrypt(&us, &made.ciphertext, &context("lake")).await.unwrap();
        assert_eq!(plaintext.as_slice(), made.plaintext.as_slice());
    }
    // Both versions go with the key.
    pond.schedule(&key, 7).await;
    pond.clock.advance(7 * DAY);
    assert_eq!(worker.pass().await.unwrap(), Pass::Idle);
    let reads = pond.kms.store().read().unwrap();
    for version in versions {
        assert!(store::material(&reads, &record, version).unwrap().is_none());
    }
}

fn user(pond: &Pond, account: &str, name: &str) -> Caller {
    let scope = pond.caller(account).scope;
    let user = User {
        account: scope.account.clone(),
        path: "/".to_owned(),
        name: name.to_owned(),
        id: format!("AIDA{name:A>12}"),
        tags: Vec::new(),
    };
    Caller::on_behalf_of(Principal::User(Arc::new(user)), scope, pond.clock.clone())
}

fn call_of(pond: &Pond, caller: &Caller) -> Call<Kms> {
    Call { svc: Arc::new(pond.kms.clone()), caller: caller.clone() }
}

async fn may_encrypt(pond: &Pond, caller: &Caller, key: &str, context: &EncryptionContext) -> bool {
    match pond.kms.generate_data_key(caller, key, context).await {
        Ok(_) => true,
        Err(KmsError::AccessDenied(_)) => false,
        Err(other) => panic!("{other}"),
    }
}

async fn put_policy(pond: &Pond, key: &str, statements: &str) -> Result<(), KmsError> {
    let root = r#"{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"kms:*","Resource":"*"}"#;
    let input = api::PutKeyPolicyInput {
        key_id: key.to_owned(),
        policy: format!(r#"{{"Version":"2012-10-17","Statement":[{root},{statements}]}}"#),
        ..Default::default()
    };
    policy::put_key_policy(pond.call(), input).await
}

#[tokio::test]
async fn a_keys_policy_decides() {
    let pond = Pond::new();
    let key = pond.key().await;
    let (bob, eve) = (user(&pond, "000000000000", "Bob"), user(&pond, "000000000000", "Eve"));
    let them = pond.caller("111111111111");
    for caller in [&bob, &eve, &them] {
        assert!(!may_encrypt(&pond, caller, &key, &context("lake")).await);
    }
    let bobs = r#"{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::000000000000:user/Bob","111111111111"]},
        "Action":"kms:GenerateDataKey","Resource":"*",
        "Condition":{"StringEquals":{"kms:EncryptionContext:bucket":"lake"}}}"#;
    put_policy(&pond, &key, bobs).await.unwrap();
    for (caller, allowed) in [(&bob, true), (&eve, false), (&them, true), (&pond.us(), true)] {
        assert_eq!(may_encrypt(&pond, caller, &key, &context("lake")).await, allowed, "{}", caller.principal);
    }
    for caller in [&bob, &them] {
        assert!(!may_encrypt(&pond, caller, &key, &context("river")).await);
    }
    let nobody = r#"{"Effect":"Deny","Principal":"*","Action":"kms:GenerateDataKey","Resource":"*"}"#;
    put_policy(&pond, &key, nobody).await.unwrap();
    for caller in [&bob, &them, &pond.us()] {
        assert!(!may_encrypt(&pond, caller, &key, &context("lake")).await);
    }
    let locked = r#"{"Effect":"Deny","Principal":"*","Action":"kms:PutKeyPolicy","Resource":"*"}"#;
    for refused in [put_policy(&pond, &key, locked).await, put_policy(&pond, &key, "{}").await] {
        assert!(matches!(refused, Err(KmsError::MalformedPolicy(_))));
    }
}

async fn give(pond: &Pond, by: &Caller, input: api::CreateGrantInput) -> Result<String, KmsError> {
    Ok(grant::create_grant(call_of(pond, by), input).await?.grant_id.unwrap())
}

fn grant_to(key: &str, caller: &Caller, operations: &[api::GrantOperation]) -> api::CreateGrantInput {
    api::CreateGrantInput {
        key_id: key.to_owned(),
        grantee_principal: caller.principal.arn().map(|arn| arn.to_string()),
        operations: operations.to_vec(),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_grant_lets_its_grantee_in_as_far_as_it_goes() {
    let pond = Pond::new();
    let key = pond.key().await;
    let (us, bob, eve) = (pond.us(), user(&pond, "000000000000", "Bob"), user(&pond, "000000000000", "Eve"));
    let subset = context("lake").pairs().clone();
    let constraints = Some(api::GrantConstraints {
        encryption_context_subset: Some(subset),
        encryption_context_equals: None,
    });
    let operations = [api::GrantOperation::GenerateDataKey, api::GrantOperation::CreateGrant];
    let input = api::CreateGrantInput { constraints, ..grant_to(&key, &bob, &operations) };
    let id = give(&pond, &us, input.clone()).await.unwrap();
    assert!(may_encrypt(&pond, &bob, &key, &context("lake")).await);
    assert!(!may_encrypt(&pond, &bob, &key, &context("river")).await);
    assert!(!may_encrypt(&pond, &eve, &key, &context("lake")).await);
    // Bob may give on what he has, and no more.
    let more = grant_to(&key, &eve, &[api::GrantOperation::Decrypt]);
    let wider = grant_to(&key, &eve, &[api::GrantOperation::GenerateDataKey]);
    for refused in [give(&pond, &bob, more).await, give(&pond, &bob, wider).await] {
        assert!(matches!(refused, Err(KmsError::AccessDenied(_))));
    }
    let same = api::CreateGrantInput {
        grantee_principal: eve.principal.arn().map(|arn| arn.to_string()),
        operations: vec![api::GrantOperation::GenerateDataKey],
        ..input
    };
    give(&pond, &bob, same).await.unwrap();
    assert!(may_encrypt(&pond, &eve, &key, &context("lake")).await);
    // What a statement denies, no grant allows.
    let deny = r#"{"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::000000000000:user/Bob"},"Action":"kms:GenerateDataKey",
        "Resource":"*"}"#;
    put_policy(&pond, &key, deny).await.unwrap();
    assert!(!may_encrypt(&pond, &bob, &key, &context("lake")).await);
    assert!(may_encrypt(&pond, &eve, &key, &context("lake")).await);
    put_policy(&pond, &key, deny.replace("Bob", "Nobody").as_str()).await.unwrap();
    let input = api::RevokeGrantInput { key_id: key.clone(), grant_id: id.clone(), dry_run: None };
    grant::revoke_grant(pond.call(), input.clone()).await.unwrap();
    assert!(!may_encrypt(&pond, &bob, &key, &context("lake")).await);
    assert!(matches!(grant::revoke_grant(pond.call(), input).await, Err(KmsError::GrantNotFound(_))));
}

#[tokio::test]
async fn a_grant_is_retired_by_those_whom_it_names() {
    let pond = Pond::new();
    let key = pond.key().await;
    let (us, bob, eve) = (pond.us(), user(&pond, "000000000000", "Bob"), user(&pond, "000000000000", "Eve"));
    let retire = |id: String| api::RetireGrantInput {
        key_id: Some(key.clone()),
        grant_id: Some(id),
        ..Default::default()
    };
    let retiring = eve.principal.arn().map(|arn| arn.to_string());
    let input = grant_to(&key, &bob, &[api::GrantOperation::Decrypt]);
    let first =
        give(&pond, &us, api::CreateGrantInput { retiring_principal: retiring, ..input }).await.unwrap();
    let input = grant_to(&key, &bob, &[api::GrantOperation::Decrypt, api::GrantOperation::RetireGrant]);
    let second = give(&pond, &us, input).await.unwrap();
    // Bob holds a RetireGrant, which is about its own grant alone.
    let denied = grant::retire_grant(call_of(&pond, &bob), retire(first.clone())).await;
    assert!(matches!(denied, Err(KmsError::GrantNotFound(_))));
    let denied = grant::retire_grant(call_of(&pond, &eve), retire(second.clone())).await;
    assert!(matches!(denied, Err(KmsError::AccessDenied(_))));
    grant::retire_grant(call_of(&pond, &eve), retire(first)).await.unwrap();
    grant::retire_grant(call_of(&pond, &bob), retire(second)).await.unwrap();
    let left =
        grant::list_grants(pond.call(), api::ListGrantsInput { key_id: key.clone(), ..Default::default() });
    assert!(left.await.unwrap().grants.unwrap().is_empty());
}
