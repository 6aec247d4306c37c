//! Which partitions a question is about: the expressions of GetPartitions, and the same questions asked by
//! other services in structured form.
//!
//! A [`Predicate`] is as asked: names and literals as text. [`Predicate::bind`] gives every literal the type of its
//! partition key and yields a [`Filter`], which is evaluated over stored partition values. Values are text in
//! storage, so that comparing them needs the key's type; Hive's default partition is NULL.
//!
//! Source: AWS Glue API reference, GetPartitions (operators and supported key types).

mod bind;
mod parse;
mod scalar;
#[cfg(test)]
mod tests;

pub use bind::{Filter, Seek};

/// The directory value by which Hive and Athena write a NULL partition value.
pub const NULL_VALUE: &str = "__HIVE_DEFAULT_PARTITION__";

/// A condition on partition keys, as asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Predicate {
    /// True when all are; `And(vec![])` is every partition.
    And(Vec<Predicate>),
    Or(Vec<Predicate>),
    Not(Box<Predicate>),
    Compare {
        key: String,
        op: Comparison,
        value: String,
    },
    In {
        key: String,
        values: Vec<String>,
    },
    Between {
        key: String,
        low: String,
        high: String,
    },
    /// `%` stands for any text, `_` for any one character.
    Like {
        key: String,
        pattern: String,
    },
    IsNull {
        key: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Why an expression is refused, in AWS's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    #[error("Unsupported expression '{0}'")]
    Unsupported(String),
    #[error("Unknown column '{0}'")]
    UnknownColumn(String),
    #[error("Unknown type : '{0}'")]
    UnknownType(String),
    #[error("{kind} data type doesn't support operation 'LIKE'")]
    NoLike { kind: &'static str },
    /// A literal that its key's type cannot hold.
    #[error("{0}")]
    Literal(String),
    /// A stored partition value that its key's type cannot hold: the catalog is wrong, not the question.
    #[error("{0}")]
    Stored(String),
}

impl Predicate {
    /// Every partition.
    pub fn all() -> Self {
        Self::And(Vec::new())
    }
}
