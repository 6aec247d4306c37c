//! Partition keys by a jq expression, compiled once and evaluated for each record by jaq.
//!
//! jaq has no limits of its own. Every step of an evaluation asks the context for the program, and every value is one of ours
//! (`value`): both pay from a [`budget`], for time and memory alike, and an evaluation that has spent it fails its record. `arithmetic` and `access` are
//! what jaq asks of values; `functions` is what an expression may call.

mod access;
mod arithmetic;
mod budget;
mod functions;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeSet;
use std::io;
use std::marker::PhantomData;
use std::panic::resume_unwind;

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::Term;
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, DataT, Filter, Lut, Vars, data, unwrap_valr};
use millpond_work::panic_text;

use super::json::documents;
use budget::{Ended, STEP, pay, refuse, within};
use value::Value;

/// Stack that one evaluation may take of its [`Room`]. What is left is for what the steps leave behind: lists are dropped by recursion, and a
/// step adds one to a list.
const MAX_STACK: usize = 2 << 20;
const ROOM: usize = 64 << 20;
/// Brackets that may be open at once in an expression.
const MAX_NESTING: usize = 64;
/// Dots and brackets in an expression, since the parts of a path are copied for each part that follows.
const MAX_PARTS: usize = 512;
/// A partition key's value may not be longer than this.
const MAX_VALUE: usize = 1024;
/// What an error record tells of an error.
const MAX_ERROR: usize = 512;
/// The parser and the compiler recurse over the expression (at most 5,120 characters), so they get room.
const COMPILER_STACK: usize = 64 << 20;

/// A compiled `MetadataExtractionQuery`: an object whose members are the partition keys.
pub struct KeyQuery {
    names: Vec<String>,
    filter: Filter<Guarded>,
}

/// Why an expression is refused when a delivery stream is made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    #[error(
        "MetadataExtractionQuery must be an object of partition keys, as in {{year:.time.year,day:.time.day}}."
    )]
    NotAnObject,
    #[error("MetadataExtractionQuery names the partition key {0} twice.")]
    Twice(String),
    #[error("MetadataExtractionQuery is nested too deeply, or its paths have too many parts.")]
    TooDeep,
    #[error("MetadataExtractionQuery is not a valid JQ 1.6 expression near {0:?}.")]
    Syntax(String),
    #[error("MetadataExtractionQuery uses the {kind} {name}, which is not available.")]
    Undefined { kind: &'static str, name: String },
}

/// Why a record has no partition keys; the texts go into the error record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("Non JSON record provided")]
    NotJson,
    #[error("partitionKeys values must not be null or empty")]
    NullOrEmpty,
    #[error("partitionKeys values must be strings, numbers or booleans")]
    NotScalar,
    #[error("partitionKeys values must not be longer than {MAX_VALUE} bytes")]
    TooLong,
    #[error("MetadataExtractionQuery must give exactly one object")]
    NotOneObject,
    #[error("MetadataExtractionQuery exceeded its limits of evaluation steps and memory")]
    OutOfBudget,
    #[error("Error parsing JSON record: {0}")]
    Failed(String),
    #[error("MetadataExtractionQuery could not be evaluated")]
    Broken,
}

impl KeyQuery {
    pub fn compile(query: &str) -> Result<Self, QueryError> {
        check_nesting(query)?;
        std::thread::scope(|scope| {
            let builder = std::thread::Builder::new().name("jq-compile".into()).stack_size(COMPILER_STACK);
            let compiler = builder.spawn_scoped(scope, || Self::compile_here(query));
            let joined = compiler.map(std::thread::ScopedJoinHandle::join);
            joined.ok().and_then(Result::ok).unwrap_or(Err(QueryError::Syntax(excerpt(query))))
        })
    }

    fn compile_here(query: &str) -> Result<Self, QueryError> {
        let names = key_names(query)?;
        let arena = Arena::default();
        let modules = Loader::new(functions::definitions())
            .load(&arena, File { path: (), code: query })
            .map_err(|_| QueryError::Syntax(excerpt(query)))?;
        let filter =
            Compiler::default().with_funs(functions::natives()).compile(modules).map_err(|errors| {
                let undefined = errors.into_iter().flat_map(|(_, errors)| errors).next();
                match undefined {
                    Some((name, kind)) => {
                        QueryError::Undefined { kind: kind.as_str(), name: name.to_owned() }
                    }
                    None => QueryError::Syntax(excerpt(query)),
                }
            })?;
        Ok(Self { names, filter })
    }

    /// The names of the partition keys, sorted.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The values of the partition keys of a record, in the order of [`Self::names`].
    pub fn keys(&self, room: &Room, record: &[u8]) -> Result<Vec<String>, KeyError> {
        let mut read = documents(record);
        let (Some(Ok(json)), None) = (read.next(), read.next()) else {
            return Err(KeyError::NotJson);
        };
        let evaluated = within(record.len(), || {
            let program = Program { lut: &self.filter.lut, stack: room.stack };
            let ctx = Ctx::<Guarded>::new(program, Vars::new([]));
            let mut out = self.filter.id.run((ctx, Value::of(json))).map(unwrap_valr);
            let first = out.next().ok_or(KeyError::NotOneObject)?;
            let first = first.map_err(|error| KeyError::Failed(told(&error.to_string())))?;
            if out.next().is_some() { Err(KeyError::NotOneObject) } else { self.values(&first) }
        });
        match evaluated {
            Ok(keys) => keys,
            Err(Ended::OutOfBudget) => Err(KeyError::OutOfBudget),
            Err(Ended::Panicked(payload)) => {
                tracing::error!(
                    panic = panic_text(payload.as_ref()),
                    "a jq expression broke its interpreter"
                );
                Err(KeyError::Broken)
            }
        }
    }

    fn values(&self, object: &Value) -> Result<Vec<String>, KeyError> {
        let Value::Object(object) = object else {
            return Err(KeyError::NotOneObject);
        };
        let of_name = |name: &String| scalar(object.members.get(name.as_bytes()).unwrap_or(&Value::Null));
        self.names.iter().map(of_name).collect()
    }
}

/// A thread that is wide enough for evaluations.
pub struct Room {
    /// The address of a local variable at its beginning.
    stack: usize,
    /// Of this thread alone.
    _here: PhantomData<*const ()>,
}

impl Room {
    /// Runs `work` on such a thread, and waits for it.
    pub fn with<T: Send>(work: impl FnOnce(&Room) -> T + Send) -> io::Result<T> {
        std::thread::scope(|scope| {
            let builder = std::thread::Builder::new().name("jq".into()).stack_size(ROOM);
            let running = builder.spawn_scoped(scope, || {
                let marker = 0u8;
                work(&Self { stack: &raw const marker as usize, _here: PhantomData })
            })?;
            Ok(running.join().unwrap_or_else(|payload| resume_unwind(payload)))
        })
    }
}

fn told(error: &str) -> String {
    let end = error.floor_char_boundary(MAX_ERROR);
    if end < error.len() { format!("{}…", &error[..end]) } else { error.to_owned() }
}

fn scalar(value: &Value) -> Result<String, KeyError> {
    let text = match value {
        Value::Null => return Err(KeyError::NullOrEmpty),
        Value::Text(text) if text.len() > MAX_VALUE => return Err(KeyError::TooLong),
        Value::Text(text) => String::from_utf8(text.to_vec()).map_err(|_| KeyError::NotScalar)?,
        Value::Bool(_) | Value::Int(_) | Value::Float(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) => return Err(KeyError::NotScalar),
    };
    match text.len() {
        0 => Err(KeyError::NullOrEmpty),
        1..=MAX_VALUE => Ok(text),
        _ => Err(KeyError::TooLong),
    }
}

/// The members of the object that the expression constructs; they must be written out, not computed.
fn key_names(query: &str) -> Result<Vec<String>, QueryError> {
    let parsed = jaq_core::load::parse(query, |parser| parser.term());
    let Some(Term::Obj(members)) = parsed else {
        return Err(if parsed.is_some() {
            QueryError::NotAnObject
        } else {
            QueryError::Syntax(excerpt(query))
        });
    };
    let mut names = BTreeSet::new();
    for (key, _) in &members {
        let Term::Str(None, parts) = key else { return Err(QueryError::NotAnObject) };
        let [StrPart::Str(name)] = parts.as_slice() else { return Err(QueryError::NotAnObject) };
        if !names.insert((*name).to_owned()) {
            return Err(QueryError::Twice((*name).to_owned()));
        }
    }
    if names.is_empty() { Err(QueryError::NotAnObject) } else { Ok(names.into_iter().collect()) }
}

fn check_nesting(query: &str) -> Result<(), QueryError> {
    let (mut open, mut parts) = (0usize, 0usize);
    for c in query.chars() {
        match c {
            '(' | '[' | '{' => open += 1,
            ')' | ']' | '}' => open = open.saturating_sub(1),
            _ => {}
        }
        if matches!(c, '.' | '[') {
            parts += 1;
        }
        if open > MAX_NESTING || parts > MAX_PARTS {
            return Err(QueryError::TooDeep);
        }
    }
    Ok(())
}

fn excerpt(query: &str) -> String {
    query.chars().take(60).collect()
}

/// jaq's type parameter: values are [`Value`]s, the context is the [`Program`].
pub struct Guarded;

impl DataT for Guarded {
    type V<'a> = Value;
    type Data<'a> = Program<'a>;
}

#[derive(Clone)]
pub struct Program<'a> {
    lut: &'a Lut<Guarded>,
    stack: usize,
}

impl<'a> data::HasLut<'a, Guarded> for Program<'a> {
    fn lut(&self) -> &'a Lut<Guarded> {
        let marker = 0u8;
        if self.stack.abs_diff(&raw const marker as usize) > MAX_STACK {
            refuse();
        }
        pay(STEP);
        self.lut
    }
}
