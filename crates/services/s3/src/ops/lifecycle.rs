//! A bucket's lifecycle rules: put, shown, removed; and what answers about objects say of them.

use s3s::dto::*;
use uuid::Uuid;

use super::Call;
use super::convert::{encode, from_timestamp, http_date, timestamp};
use crate::class::StorageClass;
use crate::error::S3Error;
use crate::lifecycle::{
    self, Expiration, Filter, Form, Lifecycle, NoncurrentExpiration, Rule, Smallest, State, Version, When,
};
use crate::objects::ObjectInfo;
use crate::service::S3;
use crate::store::Bucket;
use crate::tags::{self, Of, Tags};

/// Replaces the bucket's rules. They are acted on from the next midnight (UTC) on.
///
/// Errors: MalformedXML, InvalidArgument, InvalidRequest (rules that AWS does not take either).
/// Source: Amazon S3 API reference, PutBucketLifecycleConfiguration.
pub(super) async fn put_bucket_lifecycle_configuration(
    call: Call,
    input: PutBucketLifecycleConfigurationInput,
) -> Result<PutBucketLifecycleConfigurationOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let rules = input.lifecycle_configuration.ok_or(S3Error::MalformedXml)?.rules;
    let asked = input.transition_default_minimum_object_size;
    let smallest = match asked.as_ref().map(TransitionDefaultMinimumObjectSize::as_str) {
        None | Some(TransitionDefaultMinimumObjectSize::ALL_STORAGE_CLASSES_128K) => Smallest::AllClasses,
        Some(TransitionDefaultMinimumObjectSize::VARIES_BY_STORAGE_CLASS) => Smallest::VariesByClass,
        Some(other) => {
            return Err(S3Error::invalid_argument(
                "The value provided for x-amz-transition-default-minimum-object-size is not valid",
                "x-amz-transition-default-minimum-object-size",
                other,
            ));
        }
    };
    let lifecycle = read(rules, smallest)?;
    if bucket.record.is_directory() {
        lifecycle.check_of_directory()?;
    }
    call.s3.metadata().set_document(&bucket, Some(&lifecycle), |_| Ok(())).await?;
    Ok(PutBucketLifecycleConfigurationOutput {
        transition_default_minimum_object_size: Some(shown_smallest(smallest)),
    })
}

/// Source: Amazon S3 API reference, GetBucketLifecycleConfiguration. Errors: NoSuchLifecycleConfiguration.
pub(super) async fn get_bucket_lifecycle_configuration(
    call: Call,
    input: GetBucketLifecycleConfigurationInput,
) -> Result<GetBucketLifecycleConfigurationOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    match call.s3.metadata().document::<Lifecycle>(&bucket)? {
        Some(lifecycle) => Ok(GetBucketLifecycleConfigurationOutput {
            rules: Some(show(&lifecycle)),
            transition_default_minimum_object_size: Some(shown_smallest(lifecycle.smallest)),
        }),
        None => Err(S3Error::NoSuchConfiguration {
            code: "NoSuchLifecycleConfiguration",
            message: "The lifecycle configuration does not exist",
            bucket: bucket.name,
        }),
    }
}

/// Source: Amazon S3 API reference, DeleteBucketLifecycle.
pub(super) async fn delete_bucket_lifecycle(
    call: Call,
    input: DeleteBucketLifecycleInput,
) -> Result<DeleteBucketLifecycleOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    call.s3.metadata().set_document::<Lifecycle>(&bucket, None, |_| Ok(())).await?;
    Ok(DeleteBucketLifecycleOutput::default())
}

/// `x-amz-expiration`: when an object that is current goes, and by which rule.
pub(super) fn expiration(
    s3: &S3,
    bucket: &Bucket,
    (key, size): (&str, u64),
    tags: &Tags,
    modified: millpond_core::Timestamp,
) -> Result<Option<String>, S3Error> {
    let Some(rules) = s3.metadata().document::<Lifecycle>(bucket)? else { return Ok(None) };
    let state = State::Current { modified, class: StorageClass::Standard };
    let found = rules.expiration(&Version { key, size, tags, state });
    Ok(found
        .map(|(at, rule)| format!("expiry-date=\"{}\", rule-id=\"{}\"", http_date(at), encode(rule, true))))
}

pub(super) fn expiration_of(s3: &S3, bucket: &Bucket, info: &ObjectInfo) -> Result<Option<String>, S3Error> {
    expiration(s3, bucket, (&info.key, info.size), &info.tags, info.last_modified)
}

/// `x-amz-abort-date` and `x-amz-abort-rule-id` of an upload.
pub(super) fn abort(
    s3: &S3,
    bucket: &Bucket,
    key: &str,
    initiated: millpond_core::Timestamp,
) -> Result<(Option<AbortDate>, Option<AbortRuleId>), S3Error> {
    let rules = s3.metadata().document::<Lifecycle>(bucket)?;
    let found = rules.as_ref().and_then(|rules| rules.abort(key, initiated));
    Ok(found.map(|(at, rule)| (timestamp(at), rule.to_owned())).unzip())
}

fn shown_smallest(smallest: Smallest) -> TransitionDefaultMinimumObjectSize {
    TransitionDefaultMinimumObjectSize::from_static(match smallest {
        Smallest::AllClasses => TransitionDefaultMinimumObjectSize::ALL_STORAGE_CLASSES_128K,
        Smallest::VariesByClass => TransitionDefaultMinimumObjectSize::VARIES_BY_STORAGE_CLASS,
    })
}

/// Rules as a client gives them, checked.
pub(crate) fn read(rules: LifecycleRules, smallest: Smallest) -> Result<Lifecycle, S3Error> {
    let rules = rules.into_iter().map(rule).collect::<Result<_, _>>()?;
    let lifecycle = Lifecycle { rules, smallest };
    lifecycle.check()?;
    Ok(lifecycle)
}

pub(crate) fn show(lifecycle: &Lifecycle) -> LifecycleRules {
    lifecycle.rules.iter().map(shown).collect()
}

/// A rule as it is kept. A number below zero is told apart by `check`'s rules for zero.
fn rule(rule: LifecycleRule) -> Result<Rule, S3Error> {
    let enabled = match rule.status.as_str() {
        ExpirationStatus::ENABLED => true,
        ExpirationStatus::DISABLED => false,
        _ => return Err(S3Error::MalformedXml),
    };
    let filter = match (rule.filter, rule.prefix) {
        (Some(of), None) => filter(of)?,
        (None, Some(prefix)) => Filter { form: Form::Prefix, prefix: Some(prefix), ..Filter::default() },
        (Some(_), Some(_)) | (None, None) => return Err(S3Error::MalformedXml),
    };
    let abort = rule.abort_incomplete_multipart_upload;
    Ok(Rule {
        id: rule.id.filter(|id| !id.is_empty()).unwrap_or_else(|| Uuid::new_v4().simple().to_string()),
        enabled,
        filter,
        expiration: rule.expiration.map(expiration_rule).transpose()?,
        transitions: rule
            .transitions
            .unwrap_or_default()
            .into_iter()
            .map(transition)
            .collect::<Result<_, _>>()?,
        noncurrent_expiration: rule.noncurrent_version_expiration.map(noncurrent_expiration).transpose()?,
        noncurrent_transitions: rule
            .noncurrent_version_transitions
            .unwrap_or_default()
            .into_iter()
            .map(noncurrent_transition)
            .collect::<Result<_, _>>()?,
        abort_days: abort.map(|abort| abort.days_after_initiation.map(count)).map(required).transpose()?,
    })
}

/// What is below zero is as wrong as zero, where that is not taken.
fn count(days: i32) -> u32 {
    u32::try_from(days).unwrap_or(0)
}

fn required<T>(given: Option<T>) -> Result<T, S3Error> {
    given.ok_or(S3Error::MalformedXml)
}

fn filter(filter: LifecycleRuleFilter) -> Result<Filter, S3Error> {
    let size = |size: Option<i64>| {
        size.map(|size| u64::try_from(size).map_err(|_| S3Error::MalformedXml)).transpose()
    };
    let LifecycleRuleFilter {
        and,
        object_size_greater_than: larger,
        object_size_less_than: smaller,
        prefix,
        tag,
        ..
    } = filter;
    let single = [larger.is_some(), smaller.is_some(), prefix.is_some(), tag.is_some()];
    let given = single.into_iter().filter(|given| *given).count();
    match and {
        Some(_) if given > 0 => Err(S3Error::MalformedXml),
        None if given > 1 => Err(S3Error::MalformedXml),
        None => Ok(Filter {
            form: Form::Filter,
            prefix,
            tags: checked_tags(tag.into_iter().collect())?,
            larger_than: size(larger)?,
            smaller_than: size(smaller)?,
        }),
        Some(and) => {
            let several = and.tags.as_ref().map_or(0, Vec::len)
                + usize::from(and.prefix.is_some())
                + usize::from(and.object_size_greater_than.is_some())
                + usize::from(and.object_size_less_than.is_some());
            if several < 2 {
                return Err(S3Error::MalformedXml);
            }
            Ok(Filter {
                form: Form::And,
                prefix: and.prefix,
                tags: checked_tags(and.tags.unwrap_or_default())?,
                larger_than: size(and.object_size_greater_than)?,
                smaller_than: size(and.object_size_less_than)?,
            })
        }
    }
}

fn checked_tags(tags: Vec<Tag>) -> Result<Tags, S3Error> {
    let pairs = tags.into_iter().map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default()));
    tags::check(Of::Object, pairs)
}

fn when(days: Option<i32>, date: Option<Timestamp>) -> Result<When, S3Error> {
    match (days, date) {
        (Some(days), None) => Ok(When::Days(count(days))),
        (None, Some(date)) => from_timestamp(&date).map(When::Date).ok_or(S3Error::MalformedXml),
        (Some(_), Some(_)) | (None, None) => Err(S3Error::MalformedXml),
    }
}

fn expiration_rule(expiration: LifecycleExpiration) -> Result<Expiration, S3Error> {
    match expiration.expired_object_delete_marker {
        Some(true) if expiration.days.is_none() && expiration.date.is_none() => Ok(Expiration::Marker),
        Some(true) => Err(S3Error::MalformedXml),
        Some(false) | None => when(expiration.days, expiration.date).map(Expiration::Object),
    }
}

/// The classes that objects can be moved to by a rule.
fn class(class: Option<TransitionStorageClass>) -> Result<StorageClass, S3Error> {
    let class = StorageClass::parse(required(class)?.as_str()).map_err(|_| S3Error::MalformedXml)?;
    match class {
        StorageClass::Standard | StorageClass::ReducedRedundancy => Err(S3Error::MalformedXml),
        other => Ok(other),
    }
}

fn transition(step: Transition) -> Result<lifecycle::Transition, S3Error> {
    if step.days.is_some_and(i32::is_negative) {
        return Err(negative("'Days' in Transition action must be nonnegative"));
    }
    Ok(lifecycle::Transition { when: when(step.days, step.date)?, class: class(step.storage_class)? })
}

fn noncurrent_transition(
    step: NoncurrentVersionTransition,
) -> Result<lifecycle::NoncurrentTransition, S3Error> {
    let days = required(step.noncurrent_days)?;
    if days < 0 {
        return Err(negative("'NoncurrentDays' in NoncurrentVersionTransition action must be nonnegative"));
    }
    let keep = step.newer_noncurrent_versions.map(count);
    Ok(lifecycle::NoncurrentTransition { days: count(days), keep, class: class(step.storage_class)? })
}

fn noncurrent_expiration(expiration: NoncurrentVersionExpiration) -> Result<NoncurrentExpiration, S3Error> {
    let days = required(expiration.noncurrent_days.map(count))?;
    Ok(NoncurrentExpiration { days, keep: expiration.newer_noncurrent_versions.map(count) })
}

fn negative(message: &str) -> S3Error {
    S3Error::invalid_argument(message, "LifecycleConfiguration", "")
}

fn shown(rule: &Rule) -> LifecycleRule {
    let status = if rule.enabled { ExpirationStatus::ENABLED } else { ExpirationStatus::DISABLED };
    let by_prefix = rule.filter.form == Form::Prefix;
    LifecycleRule {
        id: Some(rule.id.clone()),
        status: ExpirationStatus::from_static(status),
        prefix: rule.filter.prefix.clone().filter(|_| by_prefix),
        filter: (!by_prefix).then(|| shown_filter(&rule.filter)),
        expiration: rule.expiration.map(|expiration| match expiration {
            Expiration::Marker => LifecycleExpiration {
                expired_object_delete_marker: Some(true),
                ..LifecycleExpiration::default()
            },
            Expiration::Object(when) => {
                let (days, date) = shown_when(when);
                LifecycleExpiration { days, date, ..LifecycleExpiration::default() }
            }
        }),
        transitions: shown_list(&rule.transitions, |step| {
            let (days, date) = shown_when(step.when);
            Transition { days, date, storage_class: Some(shown_class(step.class)) }
        }),
        noncurrent_version_expiration: rule.noncurrent_expiration.map(|expiration| {
            NoncurrentVersionExpiration {
                noncurrent_days: i32::try_from(expiration.days).ok(),
                newer_noncurrent_versions: shown_count(expiration.keep),
            }
        }),
        noncurrent_version_transitions: shown_list(&rule.noncurrent_transitions, |step| {
            NoncurrentVersionTransition {
                noncurrent_days: i32::try_from(step.days).ok(),
                newer_noncurrent_versions: shown_count(step.keep),
                storage_class: Some(shown_class(step.class)),
            }
        }),
        abort_incomplete_multipart_upload: rule
            .abort_days
            .map(|days| AbortIncompleteMultipartUpload { days_after_initiation: i32::try_from(days).ok() }),
    }
}

fn shown_filter(filter: &Filter) -> LifecycleRuleFilter {
    let mut tags =
        filter.tags.iter().map(|(key, value)| Tag { key: Some(key.clone()), value: Some(value.clone()) });
    let size = |size: Option<u64>| size.and_then(|size| i64::try_from(size).ok());
    let (larger, smaller) = (size(filter.larger_than), size(filter.smaller_than));
    match filter.form {
        Form::Prefix | Form::Filter => LifecycleRuleFilter {
            prefix: filter.prefix.clone(),
            tag: tags.next(),
            object_size_greater_than: larger,
            object_size_less_than: smaller,
            ..LifecycleRuleFilter::default()
        },
        Form::And => LifecycleRuleFilter {
            and: Some(LifecycleRuleAndOperator {
                prefix: filter.prefix.clone(),
                tags: (!filter.tags.is_empty()).then(|| tags.collect()),
                object_size_greater_than: larger,
                object_size_less_than: smaller,
            }),
            ..LifecycleRuleFilter::default()
        },
    }
}

fn shown_list<T, U>(steps: &[T], show: impl Fn(&T) -> U) -> Option<Vec<U>> {
    (!steps.is_empty()).then(|| steps.iter().map(show).collect())
}

fn shown_when(when: When) -> (Option<i32>, Option<Timestamp>) {
    match when {
        When::Days(days) => (i32::try_from(days).ok(), None),
        When::Date(date) => (None, Some(timestamp(date))),
    }
}

fn shown_count(count: Option<u32>) -> Option<i32> {
    count.and_then(|count| i32::try_from(count).ok())
}

fn shown_class(class: StorageClass) -> TransitionStorageClass {
    TransitionStorageClass::from_static(class.as_str())
}
