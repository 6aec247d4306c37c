//! Which functions an expression may call: jq's, without those that look out of the record, and with those of jaq replaced that
//! could not be paid for as they are.

use bytes::Bytes;
use jaq_core::load::parse::{self, Def};
use jaq_core::native::{Fun, bome, run, unary, v};
use jaq_core::{Error, ValR};

use super::Guarded;
use super::access::places;
use super::arithmetic::{characters, found};
use super::budget::{pay, refuse};
use super::value::{LOOK, Value};
use crate::record::json::Json;

/// Natives that there is no such thing as here, that [`natives`] has its own of, or (`jn`, `yn`) that take as long as a number says.
const REMOVED: [&str; 13] = [
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
    "jn",
    "yn",
];
/// Definitions that stand on them.
const REMOVED_DEFINITIONS: [&str; 4] = ["stderr", "debug", "halt", "halt_error"];

/// What a pattern makes of its text is known when it is there, and so it is paid for before.
const RENAMED: [(&str, &str); 4] = [
    ("matches", "matches_"),
    ("split_matches", "split_matches_"),
    ("split_", "split__"),
    ("strftime", "strftime_"),
];
const WRAPPERS: &str = "
def matches($re; $flags): pay_pattern($re; $flags) | matches_($re; $flags);
def split_matches($re; $flags): pay_pattern($re; $flags) | split_matches_($re; $flags);
def split_($re; $flags): pay_pattern($re; $flags) | split__($re; $flags);
def strftime($format): pay_format($format) | strftime_($format);
";

/// What a directive of strftime may be widened to.
const WIDEST: usize = 256;

/// The definitions in jq's own language.
pub fn definitions() -> impl Iterator<Item = Def<&'static str>> {
    let wrappers = jaq_core::load::parse(WRAPPERS, |parser: &mut parse::Parser<'_, '_>| parser.defs());
    let wrappers = wrappers.expect("the text above is jq").into_iter();
    let all = wrappers.chain(jaq_core::defs()).chain(jaq_std::defs()).chain(jaq_json::defs());
    all.filter(|def| !REMOVED_DEFINITIONS.contains(&def.name))
}

pub fn natives() -> impl Iterator<Item = Fun<Guarded>> {
    let jaqs = jaq_core::funs::<Guarded>().chain(jaq_std::funs::<Guarded>());
    let jaqs = jaqs.filter(|(name, ..)| !REMOVED.contains(name)).map(|(name, arity, native)| {
        let renamed = RENAMED.iter().find(|(old, _)| *old == name);
        (renamed.map_or(name, |(_, new)| *new), arity, native)
    });
    jaqs.chain(own())
}

fn own() -> impl Iterator<Item = Fun<Guarded>> {
    let values: [Fun<Guarded>; 7] = [
        run(("tojson", v(0), |cv| bome(Ok(Value::Text(cv.1.json()))))),
        run(("fromjson", v(0), |cv| bome(from_json(&cv.1)))),
        run(("length", v(0), |cv| bome(length(cv.1)))),
        run(("contains", v(1), |cv| unary(cv, |l, r| Ok(Value::Bool(contains(&l, &r)))))),
        run(("has", v(1), |cv| unary(cv, has))),
        run(("indices", v(1), |cv| unary(cv, indices))),
        run(("bsearch", v(1), |cv| unary(cv, search))),
    ];
    let paid: [Fun<Guarded>; 3] = [
        run(("range", v(3), |mut cv| {
            let (by, to, from) = (cv.0.pop_var(), cv.0.pop_var(), cv.0.pop_var());
            Box::new(range(from, to, by).map(Ok))
        })),
        run(("pay_pattern", v(2), |mut cv| {
            let (flags, pattern) = (cv.0.pop_var(), cv.0.pop_var());
            pay_pattern(&cv.1, &pattern, &flags);
            bome(Ok(cv.1))
        })),
        run(("pay_format", v(1), |mut cv| {
            pay(text_length(&cv.0.pop_var()).saturating_mul(WIDEST));
            bome(Ok(cv.1))
        })),
    ];
    values.into_iter().chain(paid)
}

fn range(from: Value, to: Value, by: Value) -> impl Iterator<Item = Value> {
    let (zero, mut next) = (Value::Int(0), Some(from));
    std::iter::from_fn(move || {
        let at = next.take().filter(|at| match by.cmp(&zero) {
            std::cmp::Ordering::Greater => *at < to,
            std::cmp::Ordering::Less => *at > to,
            std::cmp::Ordering::Equal => *at != to,
        })?;
        // Whoever collects them pays for what is kept; this is for each being there.
        pay(64);
        next = (at.clone() + by.clone()).ok();
        Some(at)
    })
}

fn text_length(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        _ => 0,
    }
}

fn from_json(value: &Value) -> ValR<Value> {
    let Value::Text(text) = value else {
        return Err(Error::typ(value.clone(), "string"));
    };
    // The smallest values take two bytes there, and some fifty here.
    pay(text.len().saturating_mul(24));
    let read = serde_json::from_slice::<Json<'_>>(text);
    read.map(Value::of).map_err(|error| Error::str(format_args!("cannot parse as JSON: {error}")))
}

fn length(value: Value) -> ValR<Value> {
    Ok(match value {
        Value::Null => Value::Int(0),
        Value::Bool(_) => return Err(Error::typ(value, "something with a length")),
        Value::Int(number) => number.checked_abs().map_or(Value::Float(-(number as f64)), Value::Int),
        Value::Float(number) => Value::Float(number.abs()),
        Value::Text(text) => {
            pay(text.len());
            characters(&text).count().into()
        }
        Value::Array(array) => array.items.len().into(),
        Value::Object(object) => object.members.len().into(),
    })
}

fn contains(whole: &Value, part: &Value) -> bool {
    pay(LOOK);
    match (whole, part) {
        (Value::Text(l), Value::Text(r)) => {
            r.is_empty() || {
                pay(l.len());
                found(l, r).next().is_some()
            }
        }
        (Value::Array(l), Value::Array(r)) => r.items.iter().all(|r| l.items.iter().any(|l| contains(l, r))),
        (Value::Object(l), Value::Object(r)) => {
            let holds = |(key, r): (&Bytes, &Value)| l.members.get(key).is_some_and(|l| contains(l, r));
            r.members.iter().all(holds)
        }
        (l, r) => l == r,
    }
}

fn has(value: Value, key: Value) -> ValR<Value> {
    Ok(Value::Bool(match (&value, &key) {
        (Value::Object(object), Value::Text(key)) => object.members.contains_key(key),
        (Value::Array(array), Value::Int(index)) => {
            usize::try_from(*index).is_ok_and(|index| index < array.items.len())
        }
        _ => return Err(Error::index(value, key)),
    }))
}

/// Where the one is in the other; in a text, by characters.
fn indices(value: Value, wanted: Value) -> ValR<Value> {
    Ok(match (&value, &wanted) {
        (Value::Null, _) => Value::Null,
        (Value::Text(text), Value::Text(wanted)) => {
            pay(text.len());
            let (mut at, mut character) = (0, 0);
            let by_character = |found: usize| {
                character += characters(&text[at..found]).count();
                at = found;
                Value::from(character)
            };
            found(text, wanted).map(by_character).collect()
        }
        (Value::Array(array), Value::Array(wanted)) => places(&array.items, &wanted.items),
        (Value::Array(array), wanted) => {
            let same = |(at, item): (usize, &Value)| (item == wanted).then(|| Value::from(at));
            array.items.iter().enumerate().filter_map(same).collect()
        }
        _ => return Err(Error::index(value, wanted)),
    })
}

/// Where it is in a sorted array, or -1 less where it would be.
fn search(value: Value, wanted: Value) -> ValR<Value> {
    let Value::Array(array) = &value else { return Err(Error::typ(value, "array")) };
    let place = |at: usize| isize::try_from(at).unwrap_or(isize::MAX);
    Ok(match array.items.binary_search(&wanted) {
        Ok(at) => Value::from(place(at)),
        Err(at) => Value::from(-1 - place(at)),
    })
}

/// A regular expression is compiled into states, of which each knows where the groups are, and goes through its text with as many of
/// them as there are; a match tells where each group was.
fn pay_pattern(text: &Value, pattern: &Value, flags: &Value) {
    const STATE: usize = 64;
    const PLACE: usize = 16;
    const MATCH: usize = 128;
    let Value::Text(pattern) = pattern else { return };
    let flagged = |flag: u8| matches!(flags, Value::Text(flags) if flags.contains(&flag));
    let (states, groups) = states(pattern, flagged(b'x'));
    let length = text_length(text);
    pay(states.saturating_mul(STATE + groups * PLACE));
    pay(states.saturating_mul(length).saturating_mul(groups) / 2);
    let matches = if flagged(b'g') { length + 1 } else { 1 };
    pay(length.saturating_add(matches.saturating_mul(groups).saturating_mul(MATCH)));
}

/// How many states, at most, and of how many groups each knows the places. A number in braces repeats what is before it, which is one
/// character, or a class, unless it follows what is itself repeated or in brackets.
fn states(pattern: &[u8], spaced: bool) -> (usize, usize) {
    let spaced = spaced || pattern.contains(&b'x') && pattern.windows(2).any(|pair| pair == b"(?");
    let (mut once, mut times) = (pattern.len().saturating_mul(2).max(1), 1usize);
    let mut rest = pattern;
    let mut before = 0;
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'{' {
            let numbers = after.split(|byte| !byte.is_ascii_digit() && !b", ".contains(byte)).next();
            let largest = numbers.unwrap_or_default().split(|byte| !byte.is_ascii_digit());
            let largest =
                largest.filter_map(|digits| str::from_utf8(digits).ok()?.parse::<usize>().ok()).max();
            // More digits than a number has are refused by the compiler, and by this.
            let repeated = largest.unwrap_or(1).saturating_add(1);
            if !spaced
                && (before == b']' || before.is_ascii_alphanumeric() || before >= 0x80 || before == b'.')
            {
                once = once.saturating_add(repeated.saturating_mul(4));
            } else {
                times = times.saturating_mul(repeated);
            }
        }
        before = byte;
        rest = after;
    }
    let groups = pattern.iter().filter(|byte| **byte == b'(').count() + 1;
    if pattern.len() > 4_096 {
        refuse();
    }
    (once.saturating_mul(times), groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cost_what_they_are_compiled_into() {
        for (pattern, at_least, at_most) in [
            ("", 1, 1),
            ("abc", 3, 6),
            (r"\d{4}-\d{2}", 15, 64),
            ("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", 32, 400),
            ("(ab{3}){5}", 20, 500),
            ("a{100}{100}", 10_000, 200_000),
            ("(a{100}){100}", 10_000, 200_000),
            ("(?x)a{100} {100}", 10_000, 500_000),
            ("(a*){99999999999999999999999}", 1, 200),
        ] {
            let (states, _) = states(pattern.as_bytes(), false);
            assert!((at_least..=at_most).contains(&states), "{pattern}: {states}");
        }
        assert!(states(b"a{100} {100}", true).0 >= 10_000);
    }

    /// An update of jaq that brings others has them looked at.
    #[test]
    fn the_functions_are_those_that_were_looked_at() {
        let mut names: Vec<&str> = natives().map(|(name, ..)| name).collect();
        names.sort_unstable();
        assert_eq!(
            names.join(" "),
            "acos acosh ascii_downcase ascii_upcase asin asinh atan atan2 atanh bsearch cbrt ceil contains \
             copysign cos cosh decode_base64 decode_uri encode_base64 encode_uri endswith erf erfc error_empty \
             escape_html escape_sh exp exp10 exp2 explode expm1 fabs fdim first floor fma fmax fmin fmod frexp \
             fromdateiso8601 fromjson gmtime group_by has hypot ilogb implode indices j0 j1 key_values \
             keys_unsorted last ldexp length lgamma limit log log10 log1p log2 ltrim ltrimstr matches_ \
             max_by_or_empty min_by_or_empty mktime modf nearbyint nextafter path path_value pay_format \
             pay_pattern pow range remainder reverse rint round rtrim rtrimstr scalbln sin sinh skip sort sort_by \
             split__ split_matches_ sqrt startswith strftime_ strptime tan tanh tgamma todateiso8601 tojson trim \
             trunc unescape_html utf8bytelength y0 y1"
        );
    }
}
