//! How Trino's SQL is tokenized and parsed, where it differs from the parser's defaults.

use datafusion::sql::sqlparser::dialect::{Dialect, GenericDialect};

/// Trino's dialect as Athena takes it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trino;

impl Dialect for Trino {
    // Some of the parser's rules ask for the dialect by its type; UNNEST is read by the generic one's.
    fn dialect(&self) -> std::any::TypeId {
        std::any::TypeId::of::<GenericDialect>()
    }

    fn is_delimited_identifier_start(&self, c: char) -> bool {
        c == '"'
    }

    fn identifier_quote_style(&self, _identifier: &str) -> Option<char> {
        Some('"')
    }

    fn is_identifier_start(&self, c: char) -> bool {
        c.is_alphabetic() || c == '_'
    }

    fn is_identifier_part(&self, c: char) -> bool {
        c.is_alphanumeric() || matches!(c, '_' | '@' | '$')
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_group_by_expr(&self) -> bool {
        true
    }

    fn supports_lambda_functions(&self) -> bool {
        true
    }

    fn supports_unicode_string_literal(&self) -> bool {
        true
    }

    fn supports_window_function_null_treatment_arg(&self) -> bool {
        true
    }

    fn supports_values_as_table_factor(&self) -> bool {
        true
    }

    fn require_interval_qualifier(&self) -> bool {
        true
    }

    fn supports_subquery_as_function_arg(&self) -> bool {
        true
    }

    fn supports_select_expr_star(&self) -> bool {
        true
    }
}

/// Hive's DDL as Athena takes it: names may also be quoted with backquotes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hive;

impl Dialect for Hive {
    fn is_delimited_identifier_start(&self, c: char) -> bool {
        matches!(c, '"' | '`')
    }

    fn is_identifier_start(&self, c: char) -> bool {
        Trino.is_identifier_start(c)
    }

    fn is_identifier_part(&self, c: char) -> bool {
        Trino.is_identifier_part(c)
    }
}
