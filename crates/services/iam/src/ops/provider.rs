//! OpenID Connect providers.

use millpond_gateway::Call;

use crate::access::{About, account, permit, permit_on, permit_tags};
use crate::api;
use crate::error::IamError;
use crate::model::entity::{iam_arn, whole_second};
use crate::model::provider::{Provider, check_thumbprints, checked_url, url_of};
use crate::model::tags::{self, Tags};
use crate::ops::Cut;
use crate::ops::shape;
use crate::ops::tag::{named, page_of};
use crate::service::Iam;
use crate::store;

/// The provider, once the caller was found to be allowed to do this to it.
///
/// Errors: AccessDenied, NoSuchEntity, InvalidInput (no provider's ARN).
fn find(call: &Call<Iam>, action: &str, arn: &str, about: About<'_>) -> Result<Provider, IamError> {
    let parsed = arn.parse().map_err(|_| IamError::InvalidInput(format!("Invalid ARN: {arn}")))?;
    let found = match url_of(account(call), arn) {
        Some(url) => store::provider(&call.read()?, account(call), url)?,
        None => None,
    };
    let tags = found.as_ref().map(|provider| provider.tags.clone()).unwrap_or_default();
    permit(&call.caller, action, &parsed, &tags, about)?;
    found.ok_or_else(|| store::no_such_provider(arn))
}

/// Trusts a provider's tokens about identities.
///
/// Errors: EntityAlreadyExists, LimitExceeded, InvalidInput, ValidationError (the URL).
/// Source: AWS IAM API reference, CreateOpenIDConnectProvider.
/// Differs from AWS: nothing is fetched from the provider, so that there are no thumbprints but those that are given.
pub async fn create_open_id_connect_provider(
    call: Call<Iam>,
    input: api::CreateOpenIDConnectProviderInput,
) -> Result<api::CreateOpenIDConnectProviderOutput, IamError> {
    let tags = tags::of_request(input.tags)?;
    let url = checked_url(&input.url);
    // Somebody who may not is not told what is wrong with the URL.
    let resource = format!("oidc-provider/{}", url.as_ref().map_or("*", |url| *url));
    let arn = iam_arn(account(&call), resource);
    let about = About { request_tags: Some(&tags), ..About::default() };
    permit(&call.caller, "iam:CreateOpenIDConnectProvider", &arn, &Tags::default(), about)?;
    permit_tags(&call.caller, "iam:TagOpenIDConnectProvider", &arn, &tags)?;
    let mut provider = Provider {
        account: account(&call).clone(),
        url: url?.to_owned(),
        clients: Vec::new(),
        thumbprints: input.thumbprint_list.unwrap_or_default(),
        created: whole_second(call.now()),
        tags,
    };
    for client in input.client_id_list.unwrap_or_default() {
        provider.add_client(client)?;
    }
    provider.check()?;
    let output = api::CreateOpenIDConnectProviderOutput {
        open_id_connect_provider_arn: Some(provider.arn().to_string()),
        tags: shape::tags(&provider.tags),
    };
    call.write(move |txn| store::insert_provider(txn, &provider)).await?;
    Ok(output)
}

/// A provider.
///
/// Errors: NoSuchEntity, InvalidInput (the ARN). Source: AWS IAM API reference, GetOpenIDConnectProvider.
pub async fn get_open_id_connect_provider(
    call: Call<Iam>,
    input: api::GetOpenIDConnectProviderInput,
) -> Result<api::GetOpenIDConnectProviderOutput, IamError> {
    let arn = input.open_id_connect_provider_arn;
    let provider = find(&call, "iam:GetOpenIDConnectProvider", &arn, About::default())?;
    Ok(api::GetOpenIDConnectProviderOutput {
        tags: Some(shape::tag_list(&provider.tags)),
        url: Some(provider.url),
        client_id_list: Some(provider.clients),
        thumbprint_list: Some(provider.thumbprints),
        create_date: Some(provider.created),
    })
}

/// Trusts a provider no more. Roles that name it stay, and nobody can assume them through it.
///
/// Errors: NoSuchEntity, InvalidInput (the ARN). Source: AWS IAM API reference, DeleteOpenIDConnectProvider.
pub async fn delete_open_id_connect_provider(
    call: Call<Iam>,
    input: api::DeleteOpenIDConnectProviderInput,
) -> Result<(), IamError> {
    let arn = input.open_id_connect_provider_arn;
    let provider = find(&call, "iam:DeleteOpenIDConnectProvider", &arn, About::default())?;
    call.write(move |txn| Ok(store::remove_provider(txn, &provider)?)).await
}

/// The account's providers by their URLs.
///
/// Source: AWS IAM API reference, ListOpenIDConnectProviders.
pub async fn list_open_id_connect_providers(
    call: Call<Iam>,
    _: api::ListOpenIDConnectProvidersInput,
) -> Result<api::ListOpenIDConnectProvidersOutput, IamError> {
    permit_on(&call, "iam:ListOpenIDConnectProviders", "oidc-provider/*")?;
    let providers = store::providers(&call.read()?, account(&call))?;
    let entry =
        |provider: &Provider| api::OpenIDConnectProviderListEntry { arn: Some(provider.arn().to_string()) };
    Ok(api::ListOpenIDConnectProvidersOutput {
        open_id_connect_provider_list: Some(providers.iter().map(entry).collect()),
    })
}

/// Takes tokens that a provider made for this client; one that is there stays.
///
/// Errors: NoSuchEntity, LimitExceeded (100), InvalidInput (the ARN).
/// Source: AWS IAM API reference, AddClientIDToOpenIDConnectProvider.
pub async fn add_client_id_to_open_id_connect_provider(
    call: Call<Iam>,
    input: api::AddClientIDToOpenIDConnectProviderInput,
) -> Result<(), IamError> {
    let arn = input.open_id_connect_provider_arn;
    let provider = find(&call, "iam:AddClientIDToOpenIDConnectProvider", &arn, About::default())?;
    call.write(move |txn| {
        store::change_provider(txn, &provider, |provider| provider.add_client(input.client_id))
    })
    .await
}

/// Takes tokens for this client no more; one that is not there stays away.
///
/// Errors: NoSuchEntity, InvalidInput (the ARN). Source: AWS IAM API reference, RemoveClientIDFromOpenIDConnectProvider.
pub async fn remove_client_id_from_open_id_connect_provider(
    call: Call<Iam>,
    input: api::RemoveClientIDFromOpenIDConnectProviderInput,
) -> Result<(), IamError> {
    let arn = input.open_id_connect_provider_arn;
    let provider = find(&call, "iam:RemoveClientIDFromOpenIDConnectProvider", &arn, About::default())?;
    call.write(move |txn| {
        store::change_provider(txn, &provider, |provider| {
            provider.clients.retain(|client| *client != input.client_id);
            Ok(())
        })
    })
    .await
}

/// Puts other thumbprints in the place of a provider's.
///
/// Errors: NoSuchEntity, InvalidInput. Source: AWS IAM API reference, UpdateOpenIDConnectProviderThumbprint.
pub async fn update_open_id_connect_provider_thumbprint(
    call: Call<Iam>,
    input: api::UpdateOpenIDConnectProviderThumbprintInput,
) -> Result<(), IamError> {
    let arn = input.open_id_connect_provider_arn;
    let provider = find(&call, "iam:UpdateOpenIDConnectProviderThumbprint", &arn, About::default())?;
    check_thumbprints(&input.thumbprint_list)?;
    call.write(move |txn| {
        store::change_provider(txn, &provider, |provider| {
            provider.thumbprints = input.thumbprint_list;
            Ok(())
        })
    })
    .await
}

/// Adds tags to a provider, or gives those that are there new values.
///
/// Errors: NoSuchEntity, InvalidInput, LimitExceeded (50). Source: AWS IAM API reference, TagOpenIDConnectProvider.
pub async fn tag_open_id_connect_provider(
    call: Call<Iam>,
    input: api::TagOpenIDConnectProviderInput,
) -> Result<(), IamError> {
    let more = tags::of_request(Some(input.tags))?;
    let about = About { request_tags: Some(&more), ..About::default() };
    let arn = input.open_id_connect_provider_arn;
    let provider = find(&call, "iam:TagOpenIDConnectProvider", &arn, about)?;
    call.write(move |txn| {
        store::change_provider(txn, &provider, |provider| tags::put(&mut provider.tags, more))
    })
    .await
}

/// Removes a provider's tags with these names, as far as they are there.
///
/// Errors: NoSuchEntity, InvalidInput (the ARN). Source: AWS IAM API reference, UntagOpenIDConnectProvider.
pub async fn untag_open_id_connect_provider(
    call: Call<Iam>,
    input: api::UntagOpenIDConnectProviderInput,
) -> Result<(), IamError> {
    let keys = named(&input.tag_keys);
    let about = About { request_tags: Some(&keys), ..About::default() };
    let arn = input.open_id_connect_provider_arn;
    let provider = find(&call, "iam:UntagOpenIDConnectProvider", &arn, about)?;
    call.write(move |txn| {
        store::change_provider(txn, &provider, |provider| {
            tags::remove(&mut provider.tags, &input.tag_keys);
            Ok(())
        })
    })
    .await
}

/// A provider's tags by their names.
///
/// Errors: NoSuchEntity, InvalidInput (the ARN). Source: AWS IAM API reference, ListOpenIDConnectProviderTags.
pub async fn list_open_id_connect_provider_tags(
    call: Call<Iam>,
    input: api::ListOpenIDConnectProviderTagsInput,
) -> Result<api::ListOpenIDConnectProviderTagsOutput, IamError> {
    let arn = input.open_id_connect_provider_arn;
    let provider = find(&call, "iam:ListOpenIDConnectProviderTags", &arn, About::default())?;
    let question = format!("iam.ListOpenIDConnectProviderTags {arn}");
    let Cut { items: tags, is_truncated, marker } =
        page_of(&provider.tags, question, input.marker, input.max_items)?;
    Ok(api::ListOpenIDConnectProviderTagsOutput { tags, is_truncated, marker })
}
