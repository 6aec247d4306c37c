//! A crawler's `Configuration`: JSON in a string, with a layout of its own.
//!
//! Source: AWS Glue developer guide, "Setting crawler configuration options". What is not acted on is refused by name.

use serde::Deserialize;

use super::group::Grouping;
use crate::error::GlueError;

/// What the configuration decides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Configuration {
    /// Tables gain columns and never lose or change any (MergeNewColumns).
    pub merge_new_columns: bool,
    /// More tables than this fail the run (TableThreshold).
    pub table_threshold: Option<usize>,
    pub combine: bool,
    pub table_level: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Document {
    version: f64,
    crawler_output: Option<Output>,
    grouping: Option<GroupingRules>,
    create_partition_index: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Output {
    partitions: Option<Partitions>,
    tables: Option<Tables>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Partitions {
    add_or_update_behavior: Option<PartitionBehavior>,
}

#[derive(Deserialize)]
enum PartitionBehavior {
    /// What partitions always do here.
    InheritFromTable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct Tables {
    add_or_update_behavior: Option<TableBehavior>,
    table_threshold: Option<usize>,
}

#[derive(Deserialize)]
enum TableBehavior {
    MergeNewColumns,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct GroupingRules {
    table_grouping_policy: Option<Policy>,
    table_level_configuration: Option<usize>,
}

#[derive(Deserialize)]
enum Policy {
    CombineCompatibleSchemas,
}

impl Configuration {
    pub fn read(text: Option<&str>) -> Result<Self, GlueError> {
        let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Ok(Self::default()) };
        let document: Document = serde_json::from_str(text)
            .map_err(|error| GlueError::invalid(format!("Configuration is not valid: {error}")))?;
        if (document.version - 1.0).abs() > f64::EPSILON {
            return Err(GlueError::invalid(format!(
                "Configuration version {} is not supported",
                document.version
            )));
        }
        if document.create_partition_index == Some(true) {
            return Err(GlueError::invalid(
                "Configuration option CreatePartitionIndex is not supported by Millpond",
            ));
        }
        let output = document.crawler_output.unwrap_or(Output { partitions: None, tables: None });
        // The one behaviour that can be asked for is the one that there is.
        let (Some(PartitionBehavior::InheritFromTable) | None) =
            output.partitions.and_then(|partitions| partitions.add_or_update_behavior);
        let tables = output.tables.unwrap_or(Tables { add_or_update_behavior: None, table_threshold: None });
        let grouping = document
            .grouping
            .unwrap_or(GroupingRules { table_grouping_policy: None, table_level_configuration: None });
        if grouping.table_level_configuration == Some(0) {
            return Err(GlueError::invalid("TableLevelConfiguration must be at least 1"));
        }
        Ok(Self {
            merge_new_columns: matches!(tables.add_or_update_behavior, Some(TableBehavior::MergeNewColumns)),
            table_threshold: tables.table_threshold,
            combine: matches!(grouping.table_grouping_policy, Some(Policy::CombineCompatibleSchemas)),
            table_level: grouping.table_level_configuration,
        })
    }

    pub fn grouping(&self) -> Grouping {
        Grouping { combine: self.combine, table_level: self.table_level }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configurations_are_read_or_refused_by_name() {
        let all = r#"{"Version": 1.0, "CrawlerOutput": {"Partitions": {"AddOrUpdateBehavior": "InheritFromTable"},
            "Tables": {"AddOrUpdateBehavior": "MergeNewColumns", "TableThreshold": 5}},
            "Grouping": {"TableGroupingPolicy": "CombineCompatibleSchemas", "TableLevelConfiguration": 2}}"#;
        let wanted = Configuration {
            merge_new_columns: true,
            table_threshold: Some(5),
            combine: true,
            table_level: Some(2),
        };
        assert_eq!(Configuration::read(Some(all)).ok(), Some(wanted));
        assert_eq!(Configuration::read(None).ok(), Some(Configuration::default()));
        for (text, word) in [
            ("{", "Configuration is not valid"),
            ("{}", "Version"),
            (r#"{"Version": 2.0}"#, "version 2"),
            (r#"{"Version": 1.0, "Other": 1}"#, "Other"),
            (r#"{"Version": 1.0, "CreatePartitionIndex": true}"#, "CreatePartitionIndex"),
            (r#"{"Version": 1.0, "Grouping": {"TableLevelConfiguration": 0}}"#, "TableLevelConfiguration"),
        ] {
            let refused = Configuration::read(Some(text)).map_err(|error| error.to_string());
            assert!(refused.as_ref().is_err_and(|message| message.contains(word)), "{text}: {refused:?}");
        }
    }
}
