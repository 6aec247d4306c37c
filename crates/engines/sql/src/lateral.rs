//! `FROM t CROSS JOIN UNNEST(t.items) AS u (item)`: a relation whose rows come from a column of the one before it.
//!
//! The engine's planner makes it a join with a subquery that refers to its left side, which the engine cannot run. Here such
//! a join becomes what it means: the left side with the arrays beside it, of which each element makes a row.

use datafusion::common::tree_node::{Transformed, TransformedResult as _, TreeNode as _, TreeNodeRecursion};
use datafusion::common::{Column, NullHandling, TableReference};
use datafusion::error::Result as EngineResult;
use datafusion::logical_expr::{
    Expr, Join, JoinType, LogicalPlan, LogicalPlanBuilder, Subquery, SubqueryAlias, Unnest,
};

/// Every such join of a plan, made runnable.
pub(crate) fn unnest_beside(plan: LogicalPlan) -> EngineResult<LogicalPlan> {
    plan.transform_up_with_subqueries(|plan| match plan {
        LogicalPlan::Join(join) => match Side::of(&join) {
            Some(side) => beside(&join, &side).map(Transformed::yes),
            None => Ok(Transformed::no(LogicalPlan::Join(join))),
        },
        other => Ok(Transformed::no(other)),
    })
    .data()
}

/// The right side of such a join, taken apart.
struct Side<'a> {
    alias: Option<&'a TableReference>,
    /// What is made of the elements, the last step first.
    projections: Vec<&'a [Expr]>,
    unnest: &'a Unnest,
    arrays: &'a [Expr],
}

impl<'a> Side<'a> {
    /// `None` for any other join, and for those whose rows without elements would need the join's condition.
    fn of(join: &'a Join) -> Option<Self> {
        let plain = join.on.is_empty() && join.filter.as_ref().is_none_or(is_true);
        if !(join.join_type == JoinType::Inner && join.on.is_empty()
            || join.join_type == JoinType::Left && plain)
        {
            return None;
        }
        let (alias, subquery) = match join.right.as_ref() {
            LogicalPlan::SubqueryAlias(SubqueryAlias { input, alias, .. }) => (Some(alias), input.as_ref()),
            bare => (None, bare),
        };
        let LogicalPlan::Subquery(Subquery { subquery, .. }) = subquery else { return None };
        let mut projections = Vec::new();
        let mut at = subquery.as_ref();
        while let LogicalPlan::Projection(projection) = at {
            projections.push(projection.expr.as_slice());
            at = projection.input.as_ref();
        }
        let LogicalPlan::Unnest(unnest) = at else { return None };
        let LogicalPlan::Projection(arrays) = unnest.input.as_ref() else { return None };
        let LogicalPlan::EmptyRelation(nothing) = arrays.input.as_ref() else { return None };
        nothing.produce_one_row.then_some(Self { alias, projections, unnest, arrays: &arrays.expr })
    }
}

fn beside(join: &Join, side: &Side<'_>) -> EngineResult<LogicalPlan> {
    let left: Vec<Expr> = join.left.schema().columns().into_iter().map(Expr::Column).collect();
    let with_left = |expressions: &[Expr]| -> EngineResult<Vec<Expr>> {
        let own = expressions.iter().cloned().map(here);
        left.iter().cloned().map(Ok).chain(own).collect()
    };
    let mut options = side.unnest.options.clone();
    if join.join_type == JoinType::Left {
        options = options.with_null_handling(NullHandling::PreserveAndExpandEmpty);
    }
    let mut plan = LogicalPlanBuilder::from(join.left.as_ref().clone())
        .project(with_left(side.arrays)?)?
        .unnest_columns_with_options(side.unnest.exec_columns.clone(), options)?;
    let mut elements: Vec<(Column, Expr)> = side
        .unnest
        .schema
        .columns()
        .into_iter()
        .map(|column| (column.clone(), Expr::Column(column)))
        .collect();
    for projection in side.projections.iter().rev() {
        elements = projection
            .iter()
            .map(|expression| composed(expression, &elements))
            .collect::<EngineResult<_>>()?;
    }
    // In one step: between two of them an element would be known by two names.
    let named = elements.into_iter().map(|(column, expression)| {
        let relation = side.alias.cloned().or(column.relation);
        expression.unalias().alias_qualified(relation, column.name)
    });
    plan = plan.project(left.iter().cloned().chain(named))?;
    match &join.filter {
        Some(filter) if !is_true(filter) => plan.filter(filter.clone())?.build(),
        _ => plan.build(),
    }
}

/// An expression over what the step before gave, with its own name.
fn composed(expression: &Expr, before: &[(Column, Expr)]) -> EngineResult<(Column, Expr)> {
    let (relation, name) = expression.qualified_name();
    let whole = here(expression.clone())?.transform(|part| match &part {
        Expr::Column(column) => Ok(match before.iter().find(|(known, _)| known == column) {
            Some((_, made)) => Transformed::new(made.clone().unalias(), true, TreeNodeRecursion::Jump),
            None => Transformed::no(part),
        }),
        _ => Ok(Transformed::no(part)),
    });
    Ok((Column::new(relation, name), whole.data()?))
}

/// The expression where the left side's columns are at hand.
fn here(expression: Expr) -> EngineResult<Expr> {
    expression
        .transform(|expression| match expression {
            Expr::OuterReferenceColumn(_, column) => Ok(Transformed::yes(Expr::Column(column))),
            other => Ok(Transformed::no(other)),
        })
        .data()
}

fn is_true(condition: &Expr) -> bool {
    matches!(condition, Expr::Literal(datafusion::common::ScalarValue::Boolean(Some(true)), _))
}
