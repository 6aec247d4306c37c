//! Which partitions a query can need: a Glue expression for the catalog, and the exact check on what it gives back.

use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, RecordBatch, StringArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::error::Result as EngineResult;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use crate::catalog::{ColumnDef, PartitionDef, PartitionFilter};
use crate::error::QueryError;

/// Hive's name of the partition whose key is NULL.
const NULL_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";

/// Longer expressions are not sent: the catalog's limit is 2,048 characters.
const MAX_EXPRESSION: usize = 2_048;

/// True where every column of `filter` is a partition key.
pub(crate) fn only_partition_keys(filter: &Expr, keys: &[ColumnDef]) -> bool {
    let columns = filter.column_refs();
    !columns.is_empty()
        && !filter.is_volatile()
        && columns.iter().all(|column| keys.iter().any(|key| key.name.eq_ignore_ascii_case(column.name())))
}

/// What of `filters` can be said in Glue's expressions; each one left out only means more partitions to check here.
pub(crate) fn catalog_filter(filters: &[Expr], keys: &[ColumnDef]) -> PartitionFilter {
    let mut said = String::new();
    for text in filters.iter().filter_map(|filter| say(filter, keys)) {
        if said.len() + text.len() + 5 > MAX_EXPRESSION {
            continue;
        }
        said.push_str(if said.is_empty() { "" } else { " AND " });
        said.push_str(&text);
    }
    PartitionFilter { expression: (!said.is_empty()).then_some(said) }
}

fn say(filter: &Expr, keys: &[ColumnDef]) -> Option<String> {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
            let (left, right) = (say(left, keys), say(right, keys));
            match (op, left, right) {
                (Operator::And, Some(left), Some(right)) => Some(format!("({left} AND {right})")),
                // One side of a conjunction alone is still true for every partition that is needed.
                (Operator::And, left, right) => left.or(right),
                (_, Some(left), Some(right)) => Some(format!("({left} OR {right})")),
                _ => None,
            }
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let (column, value, op) = match (left.as_ref(), right.as_ref()) {
                (Expr::Column(column), Expr::Literal(value, _)) => (column, value, *op),
                (Expr::Literal(value, _), Expr::Column(column)) => (column, value, op.swap()?),
                _ => return None,
            };
            let sign = match op {
                Operator::Eq => "=",
                Operator::NotEq => "<>",
                Operator::Lt => "<",
                Operator::LtEq => "<=",
                Operator::Gt => ">",
                Operator::GtEq => ">=",
                _ => return None,
            };
            Some(format!("{} {sign} {}", key_of(column, keys)?.name, literal(value)?))
        }
        Expr::InList(list) => {
            let Expr::Column(column) = list.expr.as_ref() else { return None };
            let mut values = Vec::new();
            for value in &list.list {
                let Expr::Literal(value, _) = value else { return None };
                values.push(literal(value)?);
            }
            let not = if list.negated { "NOT " } else { "" };
            Some(format!("{} {not}IN ({})", key_of(column, keys)?.name, values.join(", ")))
        }
        Expr::Between(between) if !between.negated => {
            let (Expr::Column(column), Expr::Literal(low, _), Expr::Literal(high, _)) =
                (between.expr.as_ref(), between.low.as_ref(), between.high.as_ref())
            else {
                return None;
            };
            let name = &key_of(column, keys)?.name;
            Some(format!("{name} BETWEEN {} AND {}", literal(low)?, literal(high)?))
        }
        _ => None,
    }
}

fn key_of<'a>(column: &Column, keys: &'a [ColumnDef]) -> Option<&'a ColumnDef> {
    keys.iter().find(|key| key.name.eq_ignore_ascii_case(column.name()))
}

fn literal(value: &ScalarValue) -> Option<String> {
    match value {
        ScalarValue::Utf8(Some(text))
        | ScalarValue::Utf8View(Some(text))
        | ScalarValue::LargeUtf8(Some(text)) => Some(format!("'{}'", text.replace('\'', "''"))),
        ScalarValue::Int8(Some(n)) => Some(n.to_string()),
        ScalarValue::Int16(Some(n)) => Some(n.to_string()),
        ScalarValue::Int32(Some(n)) => Some(n.to_string()),
        ScalarValue::Int64(Some(n)) => Some(n.to_string()),
        ScalarValue::Date32(Some(days)) => {
            let mut text = String::new();
            crate::print::date(*days, &mut text);
            Some(format!("'{text}'"))
        }
        _ => None,
    }
}

/// The partitions that pass all of `filters`, each with its values in the types of the keys.
///
/// Errors: HIVE_INVALID_PARTITION_VALUE (a value that is not of its key's type).
pub(crate) fn matching(
    session: &dyn Session,
    partitions: Vec<PartitionDef>,
    filters: &[Expr],
    key_schema: &SchemaRef,
) -> EngineResult<Vec<(PartitionDef, Vec<ScalarValue>)>> {
    let batch = values_of(&partitions, key_schema)?;
    let kept = match conjunction(filters.iter().map(unqualified).collect::<EngineResult<Vec<_>>>()?) {
        None => vec![true; partitions.len()],
        Some(filter) => {
            let schema = DFSchema::try_from(Schema::clone(key_schema))?;
            let check = session.create_physical_expr(filter, &schema)?;
            let verdicts = check.evaluate(&batch)?.into_array(batch.num_rows())?;
            let verdicts = verdicts.as_boolean();
            (0..verdicts.len()).map(|i| verdicts.is_valid(i) && verdicts.value(i)).collect()
        }
    };
    let mut matching = Vec::new();
    for (i, (partition, kept)) in partitions.into_iter().zip(kept).enumerate() {
        if kept {
            let values = batch.columns().iter().map(|column| ScalarValue::try_from_array(column, i));
            matching.push((partition, values.collect::<EngineResult<Vec<_>>>()?));
        }
    }
    Ok(matching)
}

/// The filter with bare column names: the keys stand in a schema of their own.
fn unqualified(filter: &Expr) -> EngineResult<Expr> {
    use datafusion::common::tree_node::{Transformed, TreeNode as _};
    filter
        .clone()
        .transform(|expr| {
            Ok(match expr {
                Expr::Column(column) if column.relation.is_some() => {
                    Transformed::yes(Expr::Column(Column::new_unqualified(column.name)))
                }
                other => Transformed::no(other),
            })
        })
        .map(|done| done.data)
}

fn values_of(partitions: &[PartitionDef], key_schema: &SchemaRef) -> EngineResult<RecordBatch> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let mut columns = Vec::with_capacity(key_schema.fields().len());
    for (k, field) in key_schema.fields().iter().enumerate() {
        let mut texts = Vec::with_capacity(partitions.len());
        for partition in partitions {
            let value = partition.values.get(k).ok_or_else(|| {
                QueryError::user(
                    "HIVE_INVALID_METADATA",
                    format!("Partition {} has too few values", partition.storage.location),
                )
            })?;
            texts.push((value != NULL_PARTITION).then_some(value.as_str()));
        }
        let texts = StringArray::from(texts);
        let typed = cast_with_options(&texts, field.data_type(), &strict).map_err(|error| {
            let expected = crate::types::trino_name(field.data_type());
            QueryError::user(
                "HIVE_INVALID_PARTITION_VALUE",
                format!("Invalid partition value for {expected} partition key: {} ({error})", field.name()),
            )
        })?;
        columns.push(typed);
    }
    let rows = arrow::array::RecordBatchOptions::new().with_row_count(Some(partitions.len()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(key_schema), columns, &rows)?)
}

/// A key's type that values of partitions can have; nested types cannot.
pub(crate) fn is_key_type(data_type: &DataType) -> bool {
    !data_type.is_nested() && !matches!(data_type, DataType::Binary)
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::{col, lit};

    use super::*;

    fn key(name: &str, hive_type: &str) -> ColumnDef {
        ColumnDef { name: name.to_owned(), hive_type: hive_type.to_owned(), comment: None }
    }

    #[test]
    fn filters_are_said_as_far_as_glue_understands_them() {
        let keys = [key("year", "string"), key("month", "int")];
        let year = || col("year").eq(lit("2013"));
        for (filter, expected) in [
            (year(), Some("year = '2013'")),
            (lit(3).lt(col("month")), Some("month > 3")),
            (
                year().and(col("month").in_list(vec![lit(1), lit(2)], false)),
                Some("(year = '2013' AND month IN (1, 2))"),
            ),
            (year().and(col("x").eq(lit(1))), Some("year = '2013'")),
            (year().or(col("x").eq(lit(1))), None),
            (col("month").between(lit(1), lit(3)), Some("month BETWEEN 1 AND 3")),
            (col("year").eq(lit("it's")), Some("year = 'it''s'")),
            ((col("month") + lit(1)).eq(lit(3)), None),
        ] {
            assert_eq!(
                catalog_filter(std::slice::from_ref(&filter), &keys).expression.as_deref(),
                expected,
                "{filter}"
            );
        }
    }
}
