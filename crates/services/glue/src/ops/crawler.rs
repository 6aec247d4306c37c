//! Crawlers.

use millpond_core::{Scope, Timestamp};
use millpond_gateway::Call;

use super::{after, limit, scope, token};
use crate::api;
use crate::api::{
    BatchGetCrawlersInput, BatchGetCrawlersOutput, CrawlerMetrics, CreateCrawlerInput, CreateCrawlerOutput,
    DeleteCrawlerInput, DeleteCrawlerOutput, GetCrawlerInput, GetCrawlerMetricsInput,
    GetCrawlerMetricsOutput, GetCrawlerOutput, GetCrawlersInput, GetCrawlersOutput, ListCrawlersInput,
    ListCrawlersOutput, StartCrawlerInput, StartCrawlerOutput, StopCrawlerInput, StopCrawlerOutput,
    UpdateCrawlerInput, UpdateCrawlerOutput,
};
use crate::crawl::configuration::Configuration;
use crate::crawl::crawler::{CrawlStatus, Crawler, CrawlerSpec, OnDelete, OnUpdate, S3Target, State};
use crate::crawl::role;
use crate::crawl::survey::{Place, exclusions};
use crate::error::GlueError;
use crate::service::Glue;

/// The most crawlers given at once.
const PAGE: usize = 100;

/// AWS's bounds on SampleSize.
const SAMPLE_SIZES: std::ops::RangeInclusive<i32> = 1..=249;

/// Records a crawler over S3; nothing runs before StartCrawler.
///
/// Errors: AlreadyExistsException, InvalidInputException (also: Glue cannot take the role on), AccessDeniedException (the
/// caller may not pass the role). Source: AWS Glue API reference, CreateCrawler.
/// Differs from AWS: schedules and incremental crawls are refused by name.
pub async fn create_crawler(
    call: Call<Glue>,
    input: CreateCrawlerInput,
) -> Result<CreateCrawlerOutput, GlueError> {
    let scope = scope(&call.caller, input.catalog_id.as_ref())?;
    let (on_update, on_delete) = policy(input.schema_change_policy, OnUpdate::default(), OnDelete::default());
    refuse_incremental(input.recrawl_policy)?;
    let spec = CrawlerSpec {
        name: input.name,
        role: role_name(&input.role),
        database: input.database_name.unwrap_or_default(),
        description: input.description,
        targets: targets(input.targets)?,
        classifiers: input.classifiers.unwrap_or_default(),
        table_prefix: input.table_prefix.unwrap_or_default(),
        on_update,
        on_delete,
        configuration: input.configuration,
    };
    check(&spec)?;
    known_classifiers(&call, &scope, &spec.classifiers)?;
    role::pass(call.roles(), &call.caller, &input.role, &spec.name)?;
    call.crawlers().create(&scope, spec).await?;
    Ok(CreateCrawlerOutput {})
}

/// Errors: EntityNotFoundException. Source: AWS Glue API reference, GetCrawler.
pub async fn get_crawler(call: Call<Glue>, input: GetCrawlerInput) -> Result<GetCrawlerOutput, GlueError> {
    let found = call.crawlers().get(call.scope(), &input.name)?;
    Ok(GetCrawlerOutput { crawler: Some(shown(found, call.clock().now())) })
}

/// Crawlers by name, at most 100 at once. Source: AWS Glue API reference, GetCrawlers.
pub async fn get_crawlers(call: Call<Glue>, input: GetCrawlersInput) -> Result<GetCrawlersOutput, GlueError> {
    let question = "crawlers";
    let after: Option<String> = after(input.next_token.as_ref(), question)?;
    let page = call.crawlers().list(call.scope(), after.as_deref(), limit(input.max_results, PAGE))?;
    let now = call.clock().now();
    Ok(GetCrawlersOutput {
        crawlers: Some(page.items.into_iter().map(|found| shown(found, now)).collect()),
        next_token: token(page.next, question),
    })
}

/// Names of crawlers, at most 100 at once. Source: AWS Glue API reference, ListCrawlers.
pub async fn list_crawlers(
    call: Call<Glue>,
    input: ListCrawlersInput,
) -> Result<ListCrawlersOutput, GlueError> {
    let question = "crawlers";
    let after: Option<String> = after(input.next_token.as_ref(), question)?;
    let page =
        call.crawlers().list(call.scope(), after.as_deref(), limit(input.max_results, PAGE).min(PAGE))?;
    Ok(ListCrawlersOutput {
        crawler_names: Some(page.items.into_iter().map(|found| found.spec.name).collect()),
        next_token: token(page.next, question),
    })
}

/// The named crawlers, and which of the names are none. Source: AWS Glue API reference, BatchGetCrawlers.
pub async fn batch_get_crawlers(
    call: Call<Glue>,
    input: BatchGetCrawlersInput,
) -> Result<BatchGetCrawlersOutput, GlueError> {
    let now = call.clock().now();
    let (mut crawlers, mut missing) = (Vec::new(), Vec::new());
    for name in input.crawler_names {
        match call.crawlers().get(call.scope(), &name) {
            Ok(found) => crawlers.push(shown(found, now)),
            Err(GlueError::CrawlerNotFound(name)) => missing.push(name),
            Err(error) => return Err(error),
        }
    }
    Ok(BatchGetCrawlersOutput { crawlers: Some(crawlers), crawlers_not_found: Some(missing) })
}

/// Changes what is named and leaves the rest; an empty description removes it.
///
/// Errors: EntityNotFoundException, CrawlerRunningException, InvalidInputException, AccessDeniedException (the caller may not
/// pass the role). Source: AWS Glue API reference, UpdateCrawler.
pub async fn update_crawler(
    call: Call<Glue>,
    input: UpdateCrawlerInput,
) -> Result<UpdateCrawlerOutput, GlueError> {
    let scope = scope(&call.caller, input.catalog_id.as_ref())?;
    refuse_incremental(input.recrawl_policy)?;
    known_classifiers(&call, &scope, input.classifiers.as_deref().unwrap_or_default())?;
    if let Some(role) = &input.role {
        role::pass(call.roles(), &call.caller, role, &input.name)?;
    }
    let targets = input.targets.map(targets).transpose()?;
    let change = move |spec: &mut CrawlerSpec| {
        let (on_update, on_delete) = policy(input.schema_change_policy, spec.on_update, spec.on_delete);
        (spec.on_update, spec.on_delete) = (on_update, on_delete);
        if let Some(role) = input.role {
            spec.role = role_name(&role);
        }
        if let Some(database) = input.database_name {
            spec.database = database;
        }
        if let Some(description) = input.description {
            spec.description = Some(description).filter(|text| !text.is_empty());
        }
        if let Some(targets) = targets {
            spec.targets = targets;
        }
        if let Some(classifiers) = input.classifiers {
            spec.classifiers = classifiers;
        }
        if let Some(prefix) = input.table_prefix {
            spec.table_prefix = prefix;
        }
        if let Some(configuration) = input.configuration {
            spec.configuration = Some(configuration).filter(|text| !text.is_empty());
        }
        check(spec)
    };
    call.crawlers().update(&scope, &input.name, change).await?;
    Ok(UpdateCrawlerOutput {})
}

/// Errors: EntityNotFoundException, CrawlerRunningException. Source: AWS Glue API reference, DeleteCrawler.
pub async fn delete_crawler(
    call: Call<Glue>,
    input: DeleteCrawlerInput,
) -> Result<DeleteCrawlerOutput, GlueError> {
    call.crawlers().delete(call.scope(), &input.name).await?;
    Ok(DeleteCrawlerOutput {})
}

/// Records a run, which a worker takes up at once, or after a crash at the next start.
///
/// Errors: EntityNotFoundException, CrawlerRunningException. Source: AWS Glue API reference, StartCrawler.
pub async fn start_crawler(
    call: Call<Glue>,
    input: StartCrawlerInput,
) -> Result<StartCrawlerOutput, GlueError> {
    call.crawlers().start(call.scope(), &input.name).await?;
    call.wake_crawls();
    Ok(StartCrawlerOutput {})
}

/// Asks a run to end; it is STOPPING until it has. What it did to the catalog stays.
///
/// Errors: EntityNotFoundException, CrawlerNotRunningException, CrawlerStoppingException.
/// Source: AWS Glue API reference, StopCrawler.
pub async fn stop_crawler(call: Call<Glue>, input: StopCrawlerInput) -> Result<StopCrawlerOutput, GlueError> {
    call.crawlers().stop(call.scope(), &input.name).await?;
    call.wake_crawls();
    Ok(StopCrawlerOutput {})
}

/// Times and counts of the named crawlers, or of all.
///
/// Source: AWS Glue API reference, GetCrawlerMetrics. Differs from AWS: the time left of a run is never estimated.
pub async fn get_crawler_metrics(
    call: Call<Glue>,
    input: GetCrawlerMetricsInput,
) -> Result<GetCrawlerMetricsOutput, GlueError> {
    let named = input.crawler_name_list.filter(|names| !names.is_empty());
    if let Some(names) = named {
        let found = names.iter().map(|name| call.crawlers().get(call.scope(), name).map(metrics));
        let list = found.collect::<Result<_, _>>()?;
        return Ok(GetCrawlerMetricsOutput { crawler_metrics_list: Some(list), next_token: None });
    }
    let question = "crawler metrics";
    let after: Option<String> = after(input.next_token.as_ref(), question)?;
    let page = call.crawlers().list(call.scope(), after.as_deref(), limit(input.max_results, PAGE))?;
    Ok(GetCrawlerMetricsOutput {
        crawler_metrics_list: Some(page.items.into_iter().map(metrics).collect()),
        next_token: token(page.next, question),
    })
}

/// What the model cannot say, and what a run would otherwise stumble over.
fn check(spec: &CrawlerSpec) -> Result<(), GlueError> {
    if spec.role.is_empty() {
        return Err(GlueError::invalid("Role must not be empty"));
    }
    if spec.database.is_empty() {
        return Err(GlueError::invalid("DatabaseName is required for S3 targets"));
    }
    if spec.targets.is_empty() {
        return Err(GlueError::invalid("At least one S3 target is required"));
    }
    for target in &spec.targets {
        Place::read(&target.path)?;
        exclusions(&target.exclusions)?;
    }
    Configuration::read(spec.configuration.as_deref()).map(|_| ())
}

fn targets(targets: api::CrawlerTargets) -> Result<Vec<S3Target>, GlueError> {
    let target = |target: api::S3Target| {
        let sample_size = match target.sample_size {
            None => None,
            Some(size) if SAMPLE_SIZES.contains(&size) => u32::try_from(size).ok(),
            Some(size) => {
                return Err(GlueError::invalid(format!("SampleSize is not between 1 and 249: {size}")));
            }
        };
        Ok(S3Target {
            path: target.path.unwrap_or_default(),
            exclusions: target.exclusions.unwrap_or_default(),
            sample_size,
        })
    };
    targets.s3_targets.unwrap_or_default().into_iter().map(target).collect()
}

fn policy(
    asked: Option<api::SchemaChangePolicy>,
    on_update: OnUpdate,
    on_delete: OnDelete,
) -> (OnUpdate, OnDelete) {
    let Some(asked) = asked else { return (on_update, on_delete) };
    let update = match asked.update_behavior {
        None => on_update,
        Some(api::UpdateBehavior::Log) => OnUpdate::Log,
        Some(api::UpdateBehavior::UpdateInDatabase) => OnUpdate::UpdateInDatabase,
    };
    let delete = match asked.delete_behavior {
        None => on_delete,
        Some(api::DeleteBehavior::Log) => OnDelete::Log,
        Some(api::DeleteBehavior::DeleteFromDatabase) => OnDelete::DeleteFromDatabase,
        Some(api::DeleteBehavior::DeprecateInDatabase) => OnDelete::DeprecateInDatabase,
    };
    (update, delete)
}

/// A crawler may only name classifiers that there are.
fn known_classifiers(call: &Call<Glue>, scope: &Scope, names: &[String]) -> Result<(), GlueError> {
    match call.classifiers().rules(scope, names) {
        Err(error @ GlueError::ClassifierNotFound(_)) => Err(GlueError::invalid(error.to_string())),
        other => other.map(|_| ()),
    }
}

fn refuse_incremental(policy: Option<api::RecrawlPolicy>) -> Result<(), GlueError> {
    match policy.and_then(|policy| policy.recrawl_behavior) {
        None | Some(api::RecrawlBehavior::CrawlEverything) => Ok(()),
        Some(other @ (api::RecrawlBehavior::CrawlNewFoldersOnly | api::RecrawlBehavior::CrawlEventMode)) => {
            Err(GlueError::invalid(format!(
                "RecrawlBehavior {} is not supported by Millpond",
                other.as_str()
            )))
        }
    }
}

/// A role's ARN is shown by the role's name.
fn role_name(role: &str) -> String {
    match role.split_once(":role/") {
        Some((arn, name)) if arn.starts_with("arn:") => name.to_owned(),
        _ => role.to_owned(),
    }
}

fn shown(crawler: Crawler, now: Timestamp) -> api::Crawler {
    let elapsed = i64::try_from(crawler.elapsed(now).as_millis()).unwrap_or(i64::MAX);
    let spec = crawler.spec;
    let target = |target: S3Target| api::S3Target {
        path: Some(target.path),
        exclusions: Some(target.exclusions),
        sample_size: target.sample_size.and_then(|size| i32::try_from(size).ok()),
    };
    api::Crawler {
        name: Some(spec.name),
        role: Some(spec.role),
        targets: Some(api::CrawlerTargets {
            s3_targets: Some(spec.targets.into_iter().map(target).collect()),
        }),
        database_name: Some(spec.database),
        description: spec.description,
        classifiers: Some(spec.classifiers),
        recrawl_policy: Some(api::RecrawlPolicy {
            recrawl_behavior: Some(api::RecrawlBehavior::CrawlEverything),
        }),
        schema_change_policy: Some(api::SchemaChangePolicy {
            update_behavior: Some(match spec.on_update {
                OnUpdate::Log => api::UpdateBehavior::Log,
                OnUpdate::UpdateInDatabase => api::UpdateBehavior::UpdateInDatabase,
            }),
            delete_behavior: Some(match spec.on_delete {
                OnDelete::Log => api::DeleteBehavior::Log,
                OnDelete::DeleteFromDatabase => api::DeleteBehavior::DeleteFromDatabase,
                OnDelete::DeprecateInDatabase => api::DeleteBehavior::DeprecateInDatabase,
            }),
        }),
        state: Some(match crawler.state {
            State::Ready => api::CrawlerState::Ready,
            State::Running { .. } => api::CrawlerState::Running,
            State::Stopping { .. } => api::CrawlerState::Stopping,
        }),
        table_prefix: Some(spec.table_prefix).filter(|prefix| !prefix.is_empty()),
        crawl_elapsed_time: Some(elapsed),
        creation_time: Some(crawler.created),
        last_updated: Some(crawler.updated),
        last_crawl: crawler.last_crawl.map(|last| api::LastCrawlInfo {
            status: Some(match last.status {
                CrawlStatus::Succeeded => api::LastCrawlStatus::Succeeded,
                CrawlStatus::Cancelled => api::LastCrawlStatus::Cancelled,
                CrawlStatus::Failed => api::LastCrawlStatus::Failed,
            }),
            error_message: last.error,
            start_time: Some(last.started),
            ..api::LastCrawlInfo::default()
        }),
        version: Some(crawler.version),
        configuration: spec.configuration,
        ..api::Crawler::default()
    }
}

fn metrics(crawler: Crawler) -> CrawlerMetrics {
    let count = |number: u32| Some(i32::try_from(number).unwrap_or(i32::MAX));
    CrawlerMetrics {
        time_left_seconds: Some(0.0),
        still_estimating: Some(!matches!(crawler.state, State::Ready)),
        last_runtime_seconds: Some(crawler.last_runtime_seconds()),
        median_runtime_seconds: Some(crawler.median_runtime_seconds()),
        tables_created: count(crawler.changes.tables_created),
        tables_updated: count(crawler.changes.tables_updated),
        tables_deleted: count(crawler.changes.tables_deleted),
        crawler_name: Some(crawler.spec.name),
    }
}
