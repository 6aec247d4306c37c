//! A bucket's website. What it does is in `crate::website`.

use s3s::dto::*;

use super::Call;
use crate::error::S3Error;
use crate::website::{Replace, Rule, Site, Website, no_website};

/// Source: Amazon S3 API reference, GetBucketWebsite. Errors: NoSuchWebsiteConfiguration.
pub(super) async fn get_bucket_website(
    call: Call,
    input: GetBucketWebsiteInput,
) -> Result<GetBucketWebsiteOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let website = call.s3.metadata().document::<Website>(&bucket)?;
    let website = website.ok_or_else(|| no_website(&bucket.name))?;
    Ok(match &*website {
        Website::Redirected { host, protocol } => GetBucketWebsiteOutput {
            redirect_all_requests_to: Some(RedirectAllRequestsTo {
                host_name: host.clone(),
                protocol: protocol.map(|protocol| Protocol::from_static(protocol.as_str())),
            }),
            ..GetBucketWebsiteOutput::default()
        },
        Website::Served(site) => GetBucketWebsiteOutput {
            index_document: Some(IndexDocument { suffix: site.index.clone() }),
            error_document: site.error.clone().map(|key| ErrorDocument { key }),
            routing_rules: (!site.rules.is_empty()).then(|| site.rules.iter().map(shown).collect()),
            ..GetBucketWebsiteOutput::default()
        },
    })
}

fn shown(rule: &Rule) -> RoutingRule {
    let condition = (rule.prefix.is_some() || rule.error.is_some()).then(|| Condition {
        http_error_code_returned_equals: rule.error.map(|code| code.to_string()),
        key_prefix_equals: rule.prefix.clone(),
    });
    let (key, prefix) = match &rule.replace {
        None => (None, None),
        Some(Replace::Key(key)) => (Some(key.clone()), None),
        Some(Replace::Prefix(prefix)) => (None, Some(prefix.clone())),
    };
    let redirect = Redirect {
        host_name: rule.host.clone(),
        http_redirect_code: rule.code.map(|code| code.to_string()),
        protocol: rule.protocol.map(|protocol| Protocol::from_static(protocol.as_str())),
        replace_key_prefix_with: prefix,
        replace_key_with: key,
    };
    RoutingRule { condition, redirect }
}

/// Makes the bucket a website, or another one.
///
/// Errors: InvalidArgument (the index document; a redirection of everything beside rules), InvalidRequest (a rule),
/// MalformedXML.
/// Source: Amazon S3 API reference, PutBucketWebsite.
pub(super) async fn put_bucket_website(
    call: Call,
    input: PutBucketWebsiteInput,
) -> Result<PutBucketWebsiteOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    let website = read(input.website_configuration)?;
    website.check()?;
    call.s3.metadata().set_document(&bucket, Some(&website), |_| Ok(())).await?;
    Ok(PutBucketWebsiteOutput::default())
}

/// Source: Amazon S3 API reference, DeleteBucketWebsite.
pub(super) async fn delete_bucket_website(
    call: Call,
    input: DeleteBucketWebsiteInput,
) -> Result<DeleteBucketWebsiteOutput, S3Error> {
    let bucket = call.bucket(&input.bucket)?;
    call.s3.metadata().set_document::<Website>(&bucket, None, |_| Ok(())).await?;
    Ok(DeleteBucketWebsiteOutput::default())
}

fn protocol(given: Option<&Protocol>) -> Result<Option<crate::website::Protocol>, S3Error> {
    given.map(|protocol| crate::website::Protocol::parse(protocol.as_str())).transpose()
}

fn read(wanted: WebsiteConfiguration) -> Result<Website, S3Error> {
    let WebsiteConfiguration { error_document, index_document, redirect_all_requests_to, routing_rules } =
        wanted;
    if let Some(all) = redirect_all_requests_to {
        if error_document.is_some() || index_document.is_some() || routing_rules.is_some() {
            return Err(S3Error::invalid_argument(
                "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.",
                "RedirectAllRequestsTo",
                "not null",
            ));
        }
        if all.host_name.is_empty() {
            return Err(S3Error::MalformedXml);
        }
        return Ok(Website::Redirected { host: all.host_name, protocol: protocol(all.protocol.as_ref())? });
    }
    let index = index_document.ok_or_else(|| {
        S3Error::invalid_argument(
            "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty",
            "IndexDocument",
            "null",
        )
    })?;
    let rules = match routing_rules {
        Some(rules) if rules.is_empty() => return Err(S3Error::MalformedXml),
        rules => rules.unwrap_or_default().into_iter().map(rule).collect::<Result<_, _>>()?,
    };
    Ok(Website::Served(Site { index: index.suffix, error: error_document.map(|error| error.key), rules }))
}

fn rule(wanted: RoutingRule) -> Result<Rule, S3Error> {
    let Redirect {
        host_name,
        http_redirect_code,
        protocol: given,
        replace_key_prefix_with,
        replace_key_with,
    } = wanted.redirect;
    let replace = match (replace_key_with, replace_key_prefix_with) {
        (None, None) => None,
        (Some(key), None) => Some(Replace::Key(key)),
        (None, Some(prefix)) => Some(Replace::Prefix(prefix)),
        (Some(_), Some(_)) => {
            return Err(S3Error::invalid_request(
                "You can only define ReplaceKeyPrefix or ReplaceKey but not both.",
            ));
        }
    };
    let (prefix, error) = match wanted.condition {
        None => (None, None),
        Some(Condition { http_error_code_returned_equals: None, key_prefix_equals: None }) => {
            return Err(S3Error::invalid_request(
                "Condition cannot be empty. To redirect all requests without a condition, the condition element \
                 shouldn't be present.",
            ));
        }
        Some(condition) => (condition.key_prefix_equals, condition.http_error_code_returned_equals),
    };
    let number = |text: Option<String>, what: &str, valid: &str| {
        let number = text.map(|text| {
            text.parse::<u16>().map_err(|_| {
                S3Error::invalid_request(format!(
                    "The provided HTTP {what} code ({text}) is not valid. Valid codes are {valid}."
                ))
            })
        });
        number.transpose()
    };
    Ok(Rule {
        prefix,
        error: number(error, "error", "4XX or 5XX")?,
        host: host_name,
        protocol: protocol(given.as_ref())?,
        code: number(http_redirect_code, "redirect", "3XX except 300")?,
        replace,
    })
}
