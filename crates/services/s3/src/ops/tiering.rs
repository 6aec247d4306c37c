//! A bucket's configurations of intelligent tiering's archive tiers. What they do is in `crate::tiering`.

use millpond_core::PageToken;
use s3s::dto::*;

use super::Call;
use crate::error::S3Error;
use crate::store::Bucket;
use crate::tags::{self, Of};
use crate::tiering::{AccessTier, Configuration, Configurations, Form};

/// Configurations on a page.
const PAGE: usize = 100;

/// Sets the archive tiers of the objects that a filter takes. Of several configurations that take an object, each tier's
/// fewest days count.
///
/// Errors: InvalidArgument (the id, the days, a tier named twice), MalformedXML, TooManyConfigurations.
/// Source: Amazon S3 API reference, PutBucketIntelligentTieringConfiguration.
pub(super) async fn put_bucket_intelligent_tiering_configuration(
    call: Call,
    input: PutBucketIntelligentTieringConfigurationInput,
) -> Result<PutBucketIntelligentTieringConfigurationOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let given = input.intelligent_tiering_configuration;
    if given.id != input.id {
        return Err(S3Error::invalid_argument(
            "The id in the request's query does not match the id in its body.",
            "id",
            input.id,
        ));
    }
    let configuration = configuration(given)?;
    configuration.check(&input.id)?;
    let change = move |all: Option<Configurations>| {
        let mut all = all.unwrap_or_default();
        all.insert(input.id, configuration)?;
        Ok(Some(all))
    };
    call.s3.metadata().change_document(&bucket, change).await?;
    Ok(PutBucketIntelligentTieringConfigurationOutput {})
}

/// Errors: NoSuchConfiguration.
/// Source: Amazon S3 API reference, GetBucketIntelligentTieringConfiguration.
pub(super) async fn get_bucket_intelligent_tiering_configuration(
    call: Call,
    input: GetBucketIntelligentTieringConfigurationInput,
) -> Result<GetBucketIntelligentTieringConfigurationOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let all = current(&call, &bucket)?;
    let found = all.0.get(&input.id).ok_or_else(|| absent(&bucket))?;
    Ok(GetBucketIntelligentTieringConfigurationOutput {
        intelligent_tiering_configuration: Some(shown(&input.id, found)),
    })
}

/// Objects that are archived already stay so until they are restored.
///
/// Errors: NoSuchConfiguration.
/// Source: Amazon S3 API reference, DeleteBucketIntelligentTieringConfiguration.
pub(super) async fn delete_bucket_intelligent_tiering_configuration(
    call: Call,
    input: DeleteBucketIntelligentTieringConfigurationInput,
) -> Result<DeleteBucketIntelligentTieringConfigurationOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let absent = absent(&bucket);
    let change = move |all: Option<Configurations>| {
        let mut all = all.unwrap_or_default();
        all.0.remove(&input.id).ok_or(absent)?;
        Ok((!all.0.is_empty()).then_some(all))
    };
    call.s3.metadata().change_document(&bucket, change).await?;
    Ok(DeleteBucketIntelligentTieringConfigurationOutput {})
}

/// By id, a hundred on a page.
///
/// Errors: InvalidArgument (a continuation token of another request).
/// Source: Amazon S3 API reference, ListBucketIntelligentTieringConfigurations.
pub(super) async fn list_bucket_intelligent_tiering_configurations(
    call: Call,
    input: ListBucketIntelligentTieringConfigurationsInput,
) -> Result<ListBucketIntelligentTieringConfigurationsOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let belongs = format!("ListBucketIntelligentTieringConfigurations\0{}", bucket.record.id);
    let after: Option<String> = match &input.continuation_token {
        None => None,
        Some(token) => Some(PageToken::decode(token, &belongs).map_err(|_| {
            S3Error::invalid_argument(
                "The continuation token provided is incorrect",
                "continuation-token",
                token,
            )
        })?),
    };
    let all = current(&call, &bucket)?;
    let mut rest = all.0.iter().filter(|(id, _)| after.as_ref().is_none_or(|after| *id > after));
    let page: Vec<_> = rest.by_ref().take(PAGE).collect();
    let more = rest.next().is_some();
    let next = page.last().filter(|_| more).map(|(id, _)| PageToken::encode(*id, &belongs));
    Ok(ListBucketIntelligentTieringConfigurationsOutput {
        continuation_token: input.continuation_token,
        intelligent_tiering_configuration_list: Some(
            page.into_iter().map(|(id, configuration)| shown(id, configuration)).collect(),
        ),
        is_truncated: Some(more),
        next_continuation_token: next,
    })
}

fn current(call: &Call, bucket: &Bucket) -> Result<Configurations, S3Error> {
    let all = call.s3.metadata().document::<Configurations>(bucket)?;
    Ok(all.map(|all| (*all).clone()).unwrap_or_default())
}

fn absent(bucket: &Bucket) -> S3Error {
    S3Error::NoSuchConfiguration {
        code: "NoSuchConfiguration",
        message: "The specified configuration does not exist.",
        bucket: bucket.name.clone(),
    }
}

fn configuration(given: IntelligentTieringConfiguration) -> Result<Configuration, S3Error> {
    let enabled = match given.status.as_str() {
        IntelligentTieringStatus::ENABLED => true,
        IntelligentTieringStatus::DISABLED => false,
        _ => return Err(S3Error::MalformedXml),
    };
    let (form, prefix, tags) = match given.filter {
        None => (Form::None, None, Vec::new()),
        Some(IntelligentTieringFilter { and: Some(and), prefix: None, tag: None }) => {
            let tags = and.tags.unwrap_or_default();
            if usize::from(and.prefix.is_some()) + tags.len() < 2 {
                return Err(S3Error::MalformedXml);
            }
            (Form::And, and.prefix, tags)
        }
        Some(IntelligentTieringFilter { and: None, prefix, tag }) if prefix.is_none() || tag.is_none() => {
            (Form::One, prefix, tag.into_iter().collect())
        }
        Some(_) => return Err(S3Error::MalformedXml),
    };
    let pairs = tags.into_iter().map(|tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default()));
    let tier = |tiering: Tiering| {
        let tier: AccessTier = tiering.access_tier.as_str().parse().map_err(|_| S3Error::MalformedXml)?;
        // What is below zero is as wrong as zero.
        Ok((tier, u32::try_from(tiering.days).unwrap_or(0)))
    };
    Ok(Configuration {
        enabled,
        form,
        prefix,
        tags: tags::check(Of::Object, pairs)?,
        tiers: given.tierings.into_iter().map(tier).collect::<Result<_, S3Error>>()?,
    })
}

fn shown(id: &str, configuration: &Configuration) -> IntelligentTieringConfiguration {
    let Configuration { enabled, form, prefix, tags, tiers } = configuration;
    let mut tags = tags.iter().map(|(key, value)| Tag { key: Some(key.clone()), value: Some(value.clone()) });
    let filter = match form {
        Form::None => None,
        Form::One => Some(IntelligentTieringFilter { and: None, prefix: prefix.clone(), tag: tags.next() }),
        Form::And => {
            let tags: Vec<Tag> = tags.collect();
            let and = IntelligentTieringAndOperator {
                prefix: prefix.clone(),
                tags: (!tags.is_empty()).then_some(tags),
            };
            Some(IntelligentTieringFilter { and: Some(and), prefix: None, tag: None })
        }
    };
    let status =
        if *enabled { IntelligentTieringStatus::ENABLED } else { IntelligentTieringStatus::DISABLED };
    IntelligentTieringConfiguration {
        filter,
        id: id.to_owned(),
        status: IntelligentTieringStatus::from_static(status),
        tierings: tiers
            .iter()
            .map(|(tier, days)| Tiering {
                access_tier: IntelligentTieringAccessTier::from_static(tier.as_str()),
                days: i32::try_from(*days).unwrap_or(i32::MAX),
            })
            .collect(),
    }
}
