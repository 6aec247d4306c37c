//! What the columns of an answer are called: the engine wants each name once, Athena numbers what has no name.

use std::collections::HashSet;

use datafusion::sql::sqlparser::ast::{Expr, Ident, Select, SelectItem};

use super::{Rewriter, lower};

/// The alias of a column that the statement leaves unnamed begins so.
const UNNAMED: &str = "__unnamed";

/// What the query's answer calls its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OutputName {
    Named(String),
    Unnamed,
    /// A wildcard, which stands for as many columns as its tables have.
    Many,
}

impl Rewriter<'_> {
    pub(super) fn name_outputs(&mut self, select: &mut Select) {
        let mut outputs = Vec::with_capacity(select.projection.len());
        let mut seen = HashSet::new();
        let has_wildcard = select
            .projection
            .iter()
            .any(|item| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)));
        for item in &mut select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    let name = column_name(expr).map(|name| name.value.clone());
                    // The engine wants each column once; a second one is renamed, and named back in the answer.
                    let again =
                        !seen.insert(expr.to_string().to_lowercase()) || (has_wildcard && self.depth == 1);
                    let column = column_name(expr).is_some();
                    outputs.push(name.map_or(OutputName::Unnamed, OutputName::Named));
                    if !column || again {
                        let alias = Ident::new(format!("{UNNAMED}{}", self.unnamed));
                        self.unnamed += 1;
                        *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
                    }
                }
                SelectItem::ExprWithAlias { alias, .. } => {
                    outputs.push(OutputName::Named(alias.value.clone()));
                    lower(alias);
                    if !seen.insert(format!("as {}", alias.value)) {
                        *alias = Ident::new(format!("{UNNAMED}{}", self.unnamed));
                        self.unnamed += 1;
                    }
                }
                SelectItem::ExprWithAliases { aliases, .. } => {
                    outputs.extend(aliases.iter().map(|alias| OutputName::Named(alias.value.clone())));
                    aliases.iter_mut().for_each(lower);
                }
                SelectItem::QualifiedWildcard(..) | SelectItem::Wildcard(_) => outputs.push(OutputName::Many),
            }
        }
        if self.depth == 1 && self.outputs.is_none() {
            self.outputs = Some(outputs);
        }
    }
}

fn column_name(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::Identifier(name) => Some(name),
        Expr::CompoundIdentifier(parts) => parts.last(),
        _ => None,
    }
}

/// The names of an answer's columns, given how many columns it has and what the engine calls them.
pub(crate) fn output_names(outputs: &[OutputName], engine_names: &[String]) -> Vec<String> {
    let wildcards = outputs.iter().filter(|output| **output == OutputName::Many).count();
    let others = outputs.len() - wildcards;
    let fits = match wildcards {
        0 => others == engine_names.len(),
        _ => others <= engine_names.len(),
    };
    let per_wildcard = match wildcards {
        0 => 0,
        _ => (engine_names.len().saturating_sub(others)) / wildcards,
    };
    let unnamed = |i: usize, name: &str| {
        if name.starts_with(UNNAMED) || name.starts_with("column") && outputs.is_empty() {
            format!("_col{i}")
        } else {
            name.to_owned()
        }
    };
    if !fits || (wildcards > 1 && others > 0) {
        return engine_names.iter().enumerate().map(|(i, name)| unnamed(i, name)).collect();
    }
    let mut names = Vec::with_capacity(engine_names.len());
    for output in outputs {
        match output {
            OutputName::Named(name) => names.push(name.clone()),
            OutputName::Unnamed => names.push(format!("_col{}", names.len())),
            OutputName::Many => {
                let from = names.len();
                names.extend(
                    engine_names.iter().enumerate().skip(from).take(per_wildcard).map(|(i, n)| unnamed(i, n)),
                );
            }
        }
    }
    let rest = names.len();
    names.extend(engine_names.iter().enumerate().skip(rest).map(|(i, name)| unnamed(i, name)));
    names
}
