//! Where names stand in the statement, so that errors can name the place.

use std::collections::HashMap;

use datafusion::sql::sqlparser::tokenizer::Span;

use crate::error::Place;

/// Where names stand in the statement; the first place of each.
#[derive(Debug, Default)]
pub(crate) struct Places {
    names: HashMap<String, Place>,
    pub(super) relations: HashMap<String, Place>,
}

impl Places {
    pub(super) fn note(&mut self, name: String, span: Span) {
        if let Some(place) = place_of(span) {
            self.names.entry(name).or_insert(place);
        }
    }

    /// The place of a column's or a function's name.
    pub(crate) fn of(&self, name: &str) -> Place {
        self.names.get(&name.to_lowercase()).copied().unwrap_or(Place::START)
    }

    /// The place of a table, by its last name.
    pub(crate) fn of_relation(&self, name: &str) -> Place {
        self.relations.get(&name.to_lowercase()).copied().unwrap_or(Place::START)
    }
}

pub(super) fn place_of(span: Span) -> Option<Place> {
    (span.start.line > 0).then_some(Place { line: span.start.line, column: span.start.column })
}
