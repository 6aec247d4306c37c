//! Partition keys by a jq expression, compiled once and evaluated for each record by jaq.
//!
//! jaq has no limits of its own. Every step of an evaluation asks the context for the program; [`Budget`] counts
//! there, and leaves an evaluation that takes too many steps or too much stack by unwinding. Functions that would
//! look out of the record (environment, clock, machine's time zone, standard error) are not defined here.
//!
//! What no step shows is the size of a value: an expression that doubles a string or an array again and again, or repeats
//! a string a billion times, takes memory until there is none. To prevent that, jaq would have to be given a value
//! type of our own, with its operators and the functions of `jaq_json` written again.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use bytes::Bytes;
use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::Term;
use jaq_core::load::{Arena, File, Loader};
use jaq_core::native::{Fun, bome, run, v};
use jaq_core::{Compiler, Ctx, DataT, Error, Filter, Lut, Vars, data, unwrap_valr};
use jaq_json::{Map, Num, Val};

use super::json::{Json, documents};

/// Steps that one evaluation may take; a key of a flat record takes some tens.
const MAX_STEPS: u32 = 50_000;
/// Stack that one evaluation may take, a quarter of a thread's.
const MAX_STACK: usize = 512 << 10;
/// Numbers that one `range` may make.
const MAX_RANGE: usize = 10_000;
/// Brackets that may be open at once in an expression.
const MAX_NESTING: usize = 64;
/// A partition key's value may not be longer than this.
const MAX_VALUE: usize = 1024;
/// The parser and the compiler recurse over the expression (at most 5,120 characters), so they get room.
const COMPILER_STACK: usize = 64 << 20;

/// Native functions of jaq that do not exist here, or that [`own_functions`] replaces.
const REMOVED_FUNCTIONS: [&str; 11] = [
    "env",
    "now",
    "input",
    "inputs",
    "halt",
    "debug_empty",
    "stderr_empty",
    "localtime",
    "strflocaltime",
    "range",
    "fromjson",
];
/// Definitions of jaq that stand on them.
const REMOVED_DEFINITIONS: [&str; 4] = ["stderr", "debug", "halt", "halt_error"];

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
    #[error("MetadataExtractionQuery is nested too deeply.")]
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
    #[error("MetadataExtractionQuery exceeded its limit of evaluation steps")]
    OutOfBudget,
    #[error("Error parsing JSON record: {0}")]
    Failed(String),
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
        let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        let modules = Loader::new(defs.filter(|def| !REMOVED_DEFINITIONS.contains(&def.name)))
            .load(&arena, File { path: (), code: query })
            .map_err(|_| QueryError::Syntax(excerpt(query)))?;
        let funs = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
        let funs = funs.filter(|(name, ..)| !REMOVED_FUNCTIONS.contains(name)).chain(own_functions());
        let filter = Compiler::default().with_funs(funs).compile(modules).map_err(|errors| {
            let undefined = errors.into_iter().flat_map(|(_, errors)| errors).next();
            match undefined {
                Some((name, kind)) => QueryError::Undefined { kind: kind.as_str(), name: name.to_owned() },
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
    pub fn keys(&self, record: &[u8]) -> Result<Vec<String>, KeyError> {
        let mut read = documents(record);
        let (Some(Ok(json)), None) = (read.next(), read.next()) else {
            return Err(KeyError::NotJson);
        };
        let steps = Cell::new(MAX_STEPS);
        let marker = 0u8;
        let budget = Budget { lut: &self.filter.lut, steps: &steps, stack: &raw const marker as usize };
        let evaluated = catch_unwind(AssertUnwindSafe(|| {
            let ctx = Ctx::<Guarded>::new(budget, Vars::new([]));
            let mut out = self.filter.id.run((ctx, value(json))).map(unwrap_valr);
            let first = out.next().ok_or(KeyError::NotOneObject)?;
            let first = first.map_err(|error| KeyError::Failed(error.to_string()))?;
            if out.next().is_some() { Err(KeyError::NotOneObject) } else { self.values(first) }
        }));
        evaluated.unwrap_or_else(|payload| {
            if payload.is::<OutOfBudget>() { Err(KeyError::OutOfBudget) } else { resume_unwind(payload) }
        })
    }

    fn values(&self, object: Val) -> Result<Vec<String>, KeyError> {
        let Val::Obj(members) = object else {
            return Err(KeyError::NotOneObject);
        };
        let of_name = |name: &String| {
            let value = members.iter().find_map(|(key, value)| match key {
                Val::TStr(key) if key.as_ref().as_ref() == name.as_bytes() => Some(value),
                _ => None,
            });
            scalar(value.unwrap_or(&Val::Null))
        };
        self.names.iter().map(of_name).collect()
    }
}

fn scalar(value: &Val) -> Result<String, KeyError> {
    let text = match value {
        Val::Null => return Err(KeyError::NullOrEmpty),
        Val::TStr(text) => String::from_utf8(text.to_vec()).map_err(|_| KeyError::NotScalar)?,
        Val::Bool(_) | Val::Num(_) => value.to_string(),
        Val::BStr(_) | Val::Arr(_) | Val::Obj(_) => return Err(KeyError::NotScalar),
    };
    match text.len() {
        0 => Err(KeyError::NullOrEmpty),
        1..=MAX_VALUE => Ok(text),
        _ => Err(KeyError::TooLong),
    }
}

fn value(json: Json<'_>) -> Val {
    let text = |text: &str| Val::utf8_str(Bytes::copy_from_slice(text.as_bytes()));
    match json {
        Json::Null => Val::Null,
        Json::Bool(value) => Val::Bool(value),
        Json::Integer(value) => Val::Num(Num::from_integral(value)),
        Json::Unsigned(value) => Val::Num(Num::from_integral(value)),
        Json::Double(value) => Val::Num(Num::Float(value)),
        Json::Text(value) => text(&value),
        Json::Array(values) => values.into_iter().map(value).collect(),
        Json::Object(members) => {
            let mut map = Map::default();
            map.extend(members.into_iter().map(|(name, member)| (text(&name), value(member))));
            Val::obj(map)
        }
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
    let mut open = 0usize;
    for c in query.chars() {
        match c {
            '(' | '[' | '{' => open += 1,
            ')' | ']' | '}' => open = open.saturating_sub(1),
            _ => {}
        }
        if open > MAX_NESTING {
            return Err(QueryError::TooDeep);
        }
    }
    Ok(())
}

fn excerpt(query: &str) -> String {
    query.chars().take(60).collect()
}

/// `range` with a bound, and `fromjson` that refuses deep nesting, in place of jaq's own.
fn own_functions() -> impl Iterator<Item = Fun<Guarded>> {
    let range: Fun<Guarded> = run(("range", v(3), |mut cv| {
        let by = cv.0.pop_var();
        let to = cv.0.pop_var();
        let mut next = Some(cv.0.pop_var());
        let up = by > Val::from(0isize);
        let numbers = std::iter::from_fn(move || {
            let at = next.take().filter(|at| if up { *at < to } else { *at > to })?;
            next = (at.clone() + by.clone()).ok();
            Some(Ok(at))
        });
        Box::new(numbers.take(MAX_RANGE))
    }));
    let fromjson: Fun<Guarded> = run(("fromjson", v(0), |cv| {
        let Val::TStr(text) = &cv.1 else {
            return bome(Err(Error::str("fromjson input must be a string")));
        };
        let read = serde_json::from_slice::<Json<'_>>(text).map(value);
        bome(read.map_err(|error| Error::str(error.to_string())))
    }));
    [range, fromjson].into_iter()
}

struct OutOfBudget;

/// jaq's type parameter: values are jaq's JSON values, the context is a [`Budget`].
struct Guarded;

impl DataT for Guarded {
    type V<'a> = Val;
    type Data<'a> = Budget<'a>;
}

#[derive(Clone)]
struct Budget<'a> {
    lut: &'a Lut<Guarded>,
    steps: &'a Cell<u32>,
    /// The address of a local variable of the caller.
    stack: usize,
}

impl<'a> data::HasLut<'a, Guarded> for Budget<'a> {
    fn lut(&self) -> &'a Lut<Guarded> {
        let marker = 0u8;
        let deep = self.stack.abs_diff(&raw const marker as usize) > MAX_STACK;
        match self.steps.get().checked_sub(1) {
            Some(left) if !deep => self.steps.set(left),
            // Not a panic: it runs no hook, and `KeyQuery::keys` takes it.
            _ => resume_unwind(Box::new(OutOfBudget)),
        }
        self.lut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(query: &str, record: &str) -> Result<Vec<String>, KeyError> {
        KeyQuery::compile(query).unwrap().keys(record.as_bytes())
    }

    #[test]
    fn gives_the_keys_in_the_order_of_their_names() {
        let record =
            r#"{"time":"2013-01-07T05:00:00Z","type":{"device":"mobile"},"n":7,"ok":true,"at":1565382027}"#;
        for (query, expected) in [
            ("{day:.time[8:10],Year:.time[0:4]}", vec!["2013", "07"]),
            ("{a: .type.device, b: .n, c: .ok}", vec!["mobile", "7", "true"]),
            (r#"{y:.at|strftime("%Y"),h:(.at|strftime("%H"))}"#, vec!["20", "2019"]),
            (r#"{"k":(.missing // "none")}"#, vec!["none"]),
            (r#"{k:("[1,2]"|fromjson|map(tostring)|join("-"))}"#, vec!["1-2"]),
            ("{k:([range(3)]|add)}", vec!["3"]),
        ] {
            assert_eq!(keys(query, record).unwrap(), expected, "{query}");
        }
    }

    #[test]
    fn records_without_good_keys_say_why() {
        for (query, record, expected) in [
            ("{a:.a}", "not json", KeyError::NotJson),
            ("{a:.a}", "", KeyError::NotJson),
            ("{a:.a}", r#"{"a":1}{"a":2}"#, KeyError::NotJson),
            ("{a:.b}", r#"{"a":1}"#, KeyError::NullOrEmpty),
            ("{a:.a}", r#"{"a":""}"#, KeyError::NullOrEmpty),
            ("{a:.a}", r#"{"a":[1]}"#, KeyError::NotScalar),
            ("{a:(1,2)}", "{}", KeyError::NotOneObject),
            ("{a:empty}", "{}", KeyError::NotOneObject),
        ] {
            assert_eq!(keys(query, record), Err(expected), "{query} {record}");
        }
        assert!(matches!(keys("{a:.a.b}", r#"{"a":1}"#), Err(KeyError::Failed(_))));
        assert_eq!(keys("{a:.a}", &format!(r#"{{"a":"{}"}}"#, "x".repeat(2000))), Err(KeyError::TooLong));
    }

    #[test]
    fn endless_and_deep_evaluations_end() {
        for query in [
            "{a:last(recurse(.))}",
            "{a:(def f: f; f)}",
            "{a:(def f: 1 + f; f)}",
            "{a:([limit(1000000; recurse(.))] | length)}",
            "{a:until(false; . + 1)}",
        ] {
            assert_eq!(keys(query, "1"), Err(KeyError::OutOfBudget), "{query}");
        }
        assert_eq!(keys("{a:([range(1000000000)]|length)}", "{}").unwrap(), [MAX_RANGE.to_string()]);
        let deep = format!(r#"{{"a":"{}"}}"#, "[".repeat(100_000));
        assert!(matches!(keys("{a:(.a|fromjson)}", &deep), Err(KeyError::Failed(_))));
    }

    #[test]
    fn refuses_expressions_when_they_are_given() {
        for query in [
            "",
            ".a",
            "{}",
            "{a:.a} | {b:.a}",
            "{(.a):1}",
            "{a:1,a:2}",
            "{a:nonsense}",
            "{a:env.PATH}",
            "{a:$ENV.PATH}",
            "{a:now}",
            "{a:input}",
            "{a:",
        ] {
            assert!(KeyQuery::compile(query).is_err(), "{query}");
        }
        // Deep, but within the limits of the model: refused or compiled, never a crash.
        for part in ["{a:", "-", "try ", "if ", "[", ".a as $x|"] {
            let deep = KeyQuery::compile(&format!("{{a:({}1)}}", part.repeat(5_000 / part.len())));
            let _evaluated = deep.map(|query| query.keys(b"1"));
        }
        let pipes = format!("{{a:(.{})}}", "|.".repeat(2_500));
        assert_eq!(KeyQuery::compile(&pipes).unwrap().keys(b"1"), Err(KeyError::OutOfBudget));
    }
}
