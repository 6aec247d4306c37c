//! Shapes: what AWS's model says of a type, as constant tables. `cargo xtask api` writes them; `conform` reads them.

use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};

/// A generated input type knows its shape.
pub trait Shaped {
    const SHAPE: &'static Shape;
    /// The members, of the input and of the operation's output, that the model marks as sensitive, at any depth.
    const SECRETS: &'static [&'static str] = &[];
}

/// A type of the model with its constraints.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    Structure(&'static [Member]),
    List { member: &'static Shape, length: Length },
    Map { key: &'static Shape, value: &'static Shape, length: Length },
    String(Text),
    Blob(Length),
    Integer(Bounds<i32>),
    Long(Bounds<i64>),
    Float(Bounds<f64>),
    Double(Bounds<f64>),
    Boolean,
    Timestamp,
    Document,
}

impl Shape {
    pub const STRING: Self = Self::String(Text::ANY);
    pub const BLOB: Self = Self::Blob(Length::ANY);
    pub const INTEGER: Self = Self::Integer(Bounds::ANY);
    pub const LONG: Self = Self::Long(Bounds::ANY);
    pub const FLOAT: Self = Self::Float(Bounds::ANY);
    pub const DOUBLE: Self = Self::Double(Bounds::ANY);

    /// Whether values of this shape hold other values.
    pub const fn is_simple(&self) -> bool {
        !matches!(self, Self::Structure(_) | Self::List { .. } | Self::Map { .. } | Self::Document)
    }
}

/// A member of a structure.
#[derive(Debug, Clone, Copy)]
pub struct Member {
    pub name: &'static str,
    pub shape: &'static Shape,
    pub presence: Presence,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    Optional,
    Required,
    /// The model knows the member and Millpond does not act on it: a request that sends it is refused.
    Refused,
}

impl Member {
    pub const fn optional(name: &'static str, shape: &'static Shape) -> Self {
        Self { name, shape, presence: Presence::Optional }
    }

    pub const fn required(name: &'static str, shape: &'static Shape) -> Self {
        Self { name, shape, presence: Presence::Required }
    }

    pub const fn refused(name: &'static str) -> Self {
        Self { name, shape: &Shape::Document, presence: Presence::Refused }
    }
}

/// How many characters, bytes or members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length {
    pub min: usize,
    pub max: usize,
}

impl Length {
    pub const ANY: Self = Self { min: 0, max: usize::MAX };

    pub const fn new(min: usize, max: usize) -> Self {
        Self { min, max }
    }
}

/// Which numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds<N> {
    pub min: Option<N>,
    pub max: Option<N>,
}

impl<N> Bounds<N> {
    pub const ANY: Self = Self { min: None, max: None };

    pub const fn new(min: Option<N>, max: Option<N>) -> Self
    where
        N: Copy,
    {
        Self { min, max }
    }
}

/// What a string may be.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    pub length: Length,
    pub pattern: Option<&'static Pattern>,
    /// The values of an enum; empty for a free text.
    pub values: &'static [&'static str],
    /// A secret: its value is left out of error messages.
    pub sensitive: bool,
}

impl Text {
    pub const ANY: Self = Self { length: Length::ANY, pattern: None, values: &[], sensitive: false };
}

/// A pattern of the model. AWS's servers match the whole text, as Java's `matches` does.
#[derive(Debug)]
pub struct Pattern {
    /// As the model writes it, for error messages.
    pub text: &'static str,
    /// The same in the syntax of the `regex` crate.
    rust: &'static str,
    /// What a leading negative lookahead forbids at the start; the `regex` crate has no lookaround.
    not: Option<&'static str>,
    compiled: OnceLock<(Regex, Option<Regex>)>,
}

/// Unicode classes repeated a thousand times make automata of some megabytes.
const MAX_REGEX_BYTES: usize = 256 << 20;

impl Pattern {
    pub const fn new(text: &'static str, rust: &'static str, not: Option<&'static str>) -> Self {
        Self { text, rust, not, compiled: OnceLock::new() }
    }

    pub fn matches(&self, text: &str) -> bool {
        let (whole, not) = self.compiled.get_or_init(|| {
            let compile = |regex: Result<Regex, regex::Error>| {
                regex.expect("the generator compiled every pattern that it wrote")
            };
            (compile(compile_whole(self.rust)), self.not.map(|not| compile(compile_start(not))))
        });
        whole.is_match(text) && !not.as_ref().is_some_and(|not| not.is_match(text))
    }
}

/// Compiles a pattern that has to match the whole text.
pub fn compile_whole(rust: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(&format!(r"\A(?:{rust})\z")).size_limit(MAX_REGEX_BYTES).build()
}

/// Compiles a pattern that has to match at the start of the text.
pub fn compile_start(rust: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(&format!(r"\A(?:{rust})")).size_limit(MAX_REGEX_BYTES).build()
}

/// A text that is none of an enum's values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what}")]
pub struct UnknownText {
    pub what: &'static str,
    pub text: String,
}

/// Declares an enum whose values are texts: `as_str`, `ALL`, `TEXTS`, `FromStr`, `Display` and serde, all over one list.
#[macro_export]
macro_rules! text_enum {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($variant:ident = $text:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $name { $($variant),* }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            pub const TEXTS: &'static [&'static str] = &[$($text),*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::shape::UnknownText;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    _ => Err($crate::shape::UnknownText { what: stringify!($name), text: text.to_owned() }),
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::__serde::Serialize for $name {
            fn serialize<S: $crate::__serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> $crate::__serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::__serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <::std::string::String as $crate::__serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err($crate::__serde::de::Error::custom)
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    text_enum! {
        enum Colour { Red = "RED", DarkBlue = "dark-blue" }
    }

    #[test]
    fn enums_read_what_they_print() {
        for colour in Colour::ALL {
            assert_eq!(colour.as_str().parse(), Ok(*colour));
        }
        assert_eq!(Colour::TEXTS, ["RED", "dark-blue"]);
        assert_eq!("red".parse::<Colour>().unwrap_err().to_string(), "\"red\" is no Colour");
        assert_eq!(Colour::DarkBlue.to_string(), "dark-blue");
    }

    #[test]
    fn patterns_match_whole_texts() {
        static NAME: Pattern = Pattern::new("[a-z]+", "[a-z]+", None);
        static KEY: Pattern = Pattern::new("^(?!aws:).*$", "^.*$", Some("aws:"));
        for (pattern, text, matches) in [
            (&NAME, "abc", true),
            (&NAME, "abc ", false),
            (&NAME, "", false),
            (&KEY, "owner", true),
            (&KEY, "aws:owner", false),
            (&KEY, "xaws:", true),
        ] {
            assert_eq!(pattern.matches(text), matches, "{text}");
        }
    }
}
