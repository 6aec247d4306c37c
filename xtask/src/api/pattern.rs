//! Java's regular expressions in the syntax of the `regex` crate.
//!
//! What differs: `\uXXXX` and surrogate pairs, classes like `\w` that are ASCII in Java, the line ends that a dot leaves
//! out, set operators inside classes, and lookahead, of which a leading negative one can be told apart.

use std::iter::Peekable;
use std::str::Chars;

use anyhow::{Context, Result, bail, ensure};
use millpond_wire::shape::{compile_start, compile_whole};

#[derive(Debug, PartialEq, Eq)]
pub struct Translated {
    /// Has to match the whole text.
    pub whole: String,
    /// Must not match at the text's start.
    pub not: Option<String>,
}

pub fn translate(java: &str) -> Result<Translated> {
    let body = java.strip_prefix('^').unwrap_or(java);
    let translated = match body.strip_prefix("(?!") {
        None => Translated { whole: rewrite(java)?, not: None },
        Some(inner) => {
            let end = closing(inner).context("an open lookahead")?;
            let (not, rest) = (&inner[..end], &inner[end + 1..]);
            ensure!(!has_branches(rest), "a lookahead in one branch of several");
            Translated { whole: rewrite(rest)?, not: Some(rewrite(not)?) }
        }
    };
    compile_whole(&translated.whole)?;
    if let Some(not) = &translated.not {
        compile_start(not)?;
    }
    Ok(translated)
}

/// Walks over a pattern outside of its classes and escapes: calls with each place, character and depth of groups.
fn walk(pattern: &str, mut stop: impl FnMut(char, usize) -> bool) -> Option<usize> {
    let (mut depth, mut in_class, mut escaped) = (0_usize, false, false);
    for (at, c) in pattern.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            _ if in_class => {}
            c if stop(c, depth) => return Some(at),
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// Where the group that is open at the start closes.
fn closing(pattern: &str) -> Option<usize> {
    walk(pattern, |c, depth| c == ')' && depth == 0)
}

fn has_branches(pattern: &str) -> bool {
    walk(pattern, |c, depth| c == '|' && depth == 0).is_some()
}

fn rewrite(java: &str) -> Result<String> {
    let mut out = String::new();
    let mut in_class = 0_usize;
    let mut chars = java.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => escape(&mut chars, in_class > 0, &mut out)?,
            '[' => {
                in_class += 1;
                out.push('[');
            }
            ']' => {
                in_class = in_class.saturating_sub(1);
                out.push(']');
            }
            '.' if in_class == 0 => out.push_str(r"[^\n\r\x{85}\x{2028}\x{2029}]"),
            '~' if in_class > 0 => out.push_str(r"\~"),
            '-' if in_class > 0 && chars.peek() == Some(&'-') => out.push_str(r"\-"),
            other => out.push(other),
        }
    }
    Ok(out)
}

fn escape(chars: &mut Peekable<Chars<'_>>, in_class: bool, out: &mut String) -> Result<()> {
    let class = |out: &mut String, negated: bool, members: &str| match (in_class, negated) {
        (true, false) => out.push_str(members),
        (_, negated) => {
            out.push_str(if negated { "[^" } else { "[" });
            out.push_str(members);
            out.push(']');
        }
    };
    match chars.next().context("a backslash at the end")? {
        'u' => out.push_str(&format!(r"\x{{{:X}}}", code_point(chars)?)),
        c @ ('d' | 'D') => class(out, c == 'D', "0-9"),
        c @ ('w' | 'W') => class(out, c == 'W', "0-9A-Za-z_"),
        c @ ('s' | 'S') => class(out, c == 'S', r" \t\n\x0B\f\r"),
        other => out.extend(['\\', other]),
    }
    Ok(())
}

/// The code point of `\uXXXX`, or of two that are a surrogate pair.
fn code_point(chars: &mut Peekable<Chars<'_>>) -> Result<u32> {
    let high = four_digits(chars)?;
    if !(0xD800..0xDC00).contains(&high) {
        return Ok(high);
    }
    ensure!(chars.next() == Some('\\') && chars.next() == Some('u'), "half a surrogate pair");
    let low = four_digits(chars)?;
    if !(0xDC00..0xE000).contains(&low) {
        bail!("half a surrogate pair");
    }
    Ok(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
}

fn four_digits(chars: &mut Peekable<Chars<'_>>) -> Result<u32> {
    let digits: String = chars.by_ref().take(4).collect();
    ensure!(digits.len() == 4, r"\u{digits} is cut off");
    u32::from_str_radix(&digits, 16).with_context(|| format!(r"\u{digits}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(java: &str, text: &str) -> bool {
        let Translated { whole, not } = translate(java).unwrap();
        let not = not.is_some_and(|not| compile_start(&not).unwrap().is_match(text));
        compile_whole(&whole).unwrap().is_match(text) && !not
    }

    #[test]
    fn means_what_java_means() {
        let single_line = r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*";
        for (java, text, expected) in [
            (r"[a-zA-Z0-9_.-]+", "a.b-c", true),
            (r"[a-zA-Z0-9_.-]+", "a b", false),
            (single_line, "tab\tand 🦆", true),
            (single_line, "two\nlines", false),
            (r"^(?!aws:)[\p{L}\p{Z}\p{N}_.:\/=+\-@%]*$", "owner", true),
            (r"^(?!aws:)[\p{L}\p{Z}\p{N}_.:\/=+\-@%]*$", "aws:owner", false),
            (r"^(?!(.*[.\/\\]|aws:)).*$", "a.b", false),
            (r"^(?!(.*[.\/\\]|aws:)).*$", "ab", true),
            (r"^(?!\s*$).+", "  ", false),
            (r"\d+", "٣", false),
            (r"\w+", "é", false),
            (
                r"arn:aws.*:kinesis:.*:\d{12}:.*stream/\S+",
                "arn:aws:kinesis:us-east-1:000000000000:stream/a",
                true,
            ),
            (r"(\w+\.)*\w+|auto", "a.b", true),
        ] {
            assert_eq!(matches(java, text), expected, "{java} on {text:?}");
        }
    }

    #[test]
    fn what_cannot_be_said_fails() {
        for java in [r"^(?![0-9_])\w+$|^_\w*$", r"a(?=b)", r"(?<!a)b", r"\uD800x", r"\u12"] {
            assert!(translate(java).is_err(), "{java}");
        }
    }
}
