//! Classifiers of one's own, for CSV.

use millpond_gateway::Call;

use super::{after, limit, token};
use crate::api::{
    self, CreateClassifierInput, CreateClassifierOutput, CsvClassifier, CsvHeaderOption,
    DeleteClassifierInput, DeleteClassifierOutput, GetClassifierInput, GetClassifierOutput,
    GetClassifiersInput, GetClassifiersOutput, UpdateClassifierInput, UpdateClassifierOutput,
};
use crate::crawl::classify::{CsvRules, Header};
use crate::crawl::own::Classifier;
use crate::error::GlueError;
use crate::service::Glue;

/// The most classifiers given at once.
const PAGE: usize = 100;

/// Records a classifier for CSV, which crawlers name.
///
/// Errors: AlreadyExistsException, InvalidInputException. Source: AWS Glue API reference, CreateClassifier.
/// Differs from AWS: classifiers for grok, XML and JSON, and custom data types, are refused by name.
pub async fn create_classifier(
    call: Call<Glue>,
    input: CreateClassifierInput,
) -> Result<CreateClassifierOutput, GlueError> {
    let asked = input.csv_classifier.ok_or_else(nothing_asked)?;
    let mut rules = CsvRules { names: asked.header.unwrap_or_default(), ..CsvRules::default() };
    rules.delimiter = asked.delimiter.as_deref().map(|text| symbol("Delimiter", text)).transpose()?;
    let quote = asked.quote_symbol.as_deref().map(|text| symbol("QuoteSymbol", text)).transpose()?;
    rules.quote = quote.unwrap_or(rules.quote);
    rules.header = header(asked.contains_header);
    rules.single_column = asked.allow_single_column.unwrap_or_default();
    check(&rules)?;
    call.classifiers().create(call.scope(), asked.name, rules, quote.is_some()).await?;
    Ok(CreateClassifierOutput {})
}

/// Errors: EntityNotFoundException. Source: AWS Glue API reference, GetClassifier.
pub async fn get_classifier(
    call: Call<Glue>,
    input: GetClassifierInput,
) -> Result<GetClassifierOutput, GlueError> {
    let found = call.classifiers().get(call.scope(), &input.name)?;
    Ok(GetClassifierOutput { classifier: Some(shown(found)) })
}

/// Classifiers by name, at most 100 at once. Source: AWS Glue API reference, GetClassifiers.
pub async fn get_classifiers(
    call: Call<Glue>,
    input: GetClassifiersInput,
) -> Result<GetClassifiersOutput, GlueError> {
    let question = "classifiers";
    let after: Option<String> = after(input.next_token.as_ref(), question)?;
    let page = call.classifiers().list(call.scope(), after.as_deref(), limit(input.max_results, PAGE))?;
    Ok(GetClassifiersOutput {
        classifiers: Some(page.items.into_iter().map(shown).collect()),
        next_token: token(page.next, question),
    })
}

/// Changes what is named and leaves the rest.
///
/// Errors: EntityNotFoundException, InvalidInputException. Source: AWS Glue API reference, UpdateClassifier.
pub async fn update_classifier(
    call: Call<Glue>,
    input: UpdateClassifierInput,
) -> Result<UpdateClassifierOutput, GlueError> {
    let asked = input.csv_classifier.ok_or_else(nothing_asked)?;
    let delimiter = asked.delimiter.as_deref().map(|text| symbol("Delimiter", text)).transpose()?;
    let quote = asked.quote_symbol.as_deref().map(|text| symbol("QuoteSymbol", text)).transpose()?;
    let change = move |classifier: &mut Classifier| {
        let rules = &mut classifier.rules;
        rules.delimiter = delimiter.or(rules.delimiter);
        if let Some(quote) = quote {
            rules.quote = quote;
            classifier.quote_named = true;
        }
        if asked.contains_header.is_some() {
            rules.header = header(asked.contains_header);
        }
        if let Some(names) = asked.header {
            rules.names = names;
        }
        if let Some(allowed) = asked.allow_single_column {
            rules.single_column = allowed;
        }
        check(rules)
    };
    call.classifiers().update(call.scope(), &asked.name, change).await?;
    Ok(UpdateClassifierOutput {})
}

/// Errors: EntityNotFoundException. Source: AWS Glue API reference, DeleteClassifier.
pub async fn delete_classifier(
    call: Call<Glue>,
    input: DeleteClassifierInput,
) -> Result<DeleteClassifierOutput, GlueError> {
    call.classifiers().delete(call.scope(), &input.name).await?;
    Ok(DeleteClassifierOutput {})
}

fn nothing_asked() -> GlueError {
    GlueError::invalid("CsvClassifier must not be null")
}

fn check(rules: &CsvRules) -> Result<(), GlueError> {
    match rules.delimiter == Some(rules.quote) {
        true => Err(GlueError::invalid("QuoteSymbol must be different from Delimiter")),
        false => Ok(()),
    }
}

/// The model allows any one character; rows are split at bytes.
fn symbol(member: &str, text: &str) -> Result<u8, GlueError> {
    match text.as_bytes() {
        [byte] if byte.is_ascii() => Ok(*byte),
        _ => Err(GlueError::invalid(format!("{member} is not an ASCII character: {text}"))),
    }
}

fn header(asked: Option<CsvHeaderOption>) -> Header {
    match asked {
        None | Some(CsvHeaderOption::Unknown) => Header::Detected,
        Some(CsvHeaderOption::Present) => Header::Present,
        Some(CsvHeaderOption::Absent) => Header::Absent,
    }
}

fn shown(found: Classifier) -> api::Classifier {
    let rules = found.rules;
    let text = |byte: u8| char::from(byte).to_string();
    api::Classifier {
        csv_classifier: Some(CsvClassifier {
            name: found.name,
            creation_time: Some(found.created),
            last_updated: Some(found.updated),
            version: Some(found.version),
            delimiter: rules.delimiter.map(text),
            quote_symbol: found.quote_named.then(|| text(rules.quote)),
            contains_header: Some(match rules.header {
                Header::Detected => CsvHeaderOption::Unknown,
                Header::Present => CsvHeaderOption::Present,
                Header::Absent => CsvHeaderOption::Absent,
            }),
            header: Some(rules.names).filter(|names| !names.is_empty()),
            allow_single_column: Some(rules.single_column),
        }),
    }
}
