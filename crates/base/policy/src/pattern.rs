//! Patterns: `*` and `?`, and policy variables. Taken apart when the policy is read, so that matching does not look at
//! the pattern's text again.

use std::borrow::Cow;

use crate::PolicyError;
use crate::context::{Context, Key};
use crate::principal::Principal;

/// What a text in a policy may contain beside itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Syntax {
    pub(crate) wildcards: bool,
    /// Version 2012-10-17 has policy variables; before it, `${aws:username}` is just a text.
    pub(crate) variables: bool,
    /// Compared without regard to case.
    pub(crate) folded: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Part {
    Literal(Box<str>),
    /// `*`: any characters, also none.
    Any,
    /// `?`: one character.
    One,
    Variable(Variable),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Variable {
    key: Key,
    default: Option<Box<str>>,
}

/// A text with wildcards and variables.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    parts: Box<[Part]>,
    has_variables: bool,
    folded: bool,
}

/// Where variables get their values: a request.
#[derive(Clone, Copy)]
pub(crate) struct Facts<'r, 'a> {
    pub(crate) principal: &'r Principal,
    pub(crate) context: &'r Context<'a>,
}

impl Pattern {
    pub(crate) fn parse(text: &str, syntax: Syntax) -> Result<Self, PolicyError> {
        let mut parts = Parts { done: Vec::new(), literal: String::new(), folded: syntax.folded };
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            if syntax.variables && rest.starts_with("${") {
                let invalid = || PolicyError::InvalidVariable { text: text.to_owned() };
                let (inside, after) = rest[2..].split_once('}').ok_or_else(invalid)?;
                match inside {
                    "*" | "?" | "$" => parts.literal.push_str(inside),
                    _ => parts.push(Part::Variable(Variable::parse(inside).ok_or_else(invalid)?)),
                }
                rest = after;
                continue;
            }
            match next {
                '*' if syntax.wildcards => parts.push(Part::Any),
                '?' if syntax.wildcards => parts.push(Part::One),
                _ => parts.literal.push(next),
            }
            rest = &rest[next.len_utf8()..];
        }
        parts.flush();
        let has_variables = parts.done.iter().any(|part| matches!(part, Part::Variable(_)));
        Ok(Self { parts: parts.done.into(), has_variables, folded: syntax.folded })
    }

    /// Everything but texts that have no part: `*`.
    pub(crate) fn anything() -> Self {
        Self { parts: Box::new([Part::Any]), has_variables: false, folded: false }
    }

    pub(crate) fn has_variables(&self) -> bool {
        self.has_variables
    }

    /// Says one thing alone: no wildcard, no variable.
    pub(crate) fn is_fixed(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Literal(_)))
    }

    /// What every text that fits begins with.
    pub(crate) fn literal_beginning(&self) -> &str {
        match self.parts.first() {
            Some(Part::Literal(literal)) => literal,
            _ => "",
        }
    }

    /// The condition keys that its variables name.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable(variable) => Some(variable.key.name()),
            Part::Literal(_) | Part::Any | Part::One => None,
        })
    }

    pub(crate) fn ends_open(&self) -> bool {
        matches!(self.parts.last(), Some(Part::Any))
    }

    pub(crate) fn matches(&self, text: &str, facts: Facts<'_, '_>) -> bool {
        if self.folded {
            return self.matches_as_is(&text.to_lowercase(), facts);
        }
        self.matches_as_is(text, facts)
    }

    /// For patterns without variables.
    pub(crate) fn matches_text(&self, text: &str) -> bool {
        match &*self.parts {
            [] => text.is_empty(),
            [Part::Any] => true,
            [Part::Literal(literal)] => **literal == *text,
            [Part::Literal(literal), Part::Any] => text.starts_with(&**literal),
            parts => glob(parts, text),
        }
    }

    fn matches_as_is(&self, text: &str, facts: Facts<'_, '_>) -> bool {
        if !self.has_variables {
            return self.matches_text(text);
        }
        // Most texts fail at the literal beginning, before a variable is looked up.
        if let Some(Part::Literal(literal)) = self.parts.first()
            && !text.starts_with(&**literal)
        {
            return false;
        }
        self.resolved(facts).is_some_and(|parts| glob(&parts, text))
    }

    /// With values in the place of variables; `None` when one has none, and then nothing matches. What a variable says is
    /// taken as it is: a `*` in it is a star.
    pub(crate) fn resolved(&self, facts: Facts<'_, '_>) -> Option<Vec<Resolved<'_>>> {
        let resolve = |part| match part {
            &Part::Any => Some(Resolved::Any),
            &Part::One => Some(Resolved::One),
            Part::Literal(literal) => Some(Resolved::Literal(Cow::Borrowed(&**literal))),
            Part::Variable(variable) => {
                let value = variable.value(facts)?;
                Some(Resolved::Literal(Cow::Owned(if self.folded { value.to_lowercase() } else { value })))
            }
        };
        self.parts.iter().map(resolve).collect()
    }
}

struct Parts {
    done: Vec<Part>,
    literal: String,
    folded: bool,
}

impl Parts {
    fn flush(&mut self) {
        if !self.literal.is_empty() {
            let literal = std::mem::take(&mut self.literal);
            let literal = if self.folded { literal.to_lowercase() } else { literal };
            self.done.push(Part::Literal(literal.into()));
        }
    }

    fn push(&mut self, part: Part) {
        self.flush();
        // Two stars say what one says.
        if !(part == Part::Any && self.done.last() == Some(&Part::Any)) {
            self.done.push(part);
        }
    }
}

impl Variable {
    /// `aws:username`, or `aws:PrincipalTag/team, 'company-wide'`.
    fn parse(inside: &str) -> Option<Self> {
        let (key, default) = match inside.split_once(',') {
            None => (inside, None),
            Some((key, default)) => {
                let default = default.trim().strip_prefix('\'')?.strip_suffix('\'')?;
                (key, Some(default.into()))
            }
        };
        let key = key.trim();
        let named = key.split_once(':').is_some_and(|(vendor, name)| !vendor.is_empty() && !name.is_empty());
        (named && !key.contains(['$', '{', '\''])).then(|| Self { key: Key::new(key), default })
    }

    fn value(&self, facts: Facts<'_, '_>) -> Option<String> {
        let value = facts.context.lookup(&self.key, facts.principal);
        let single = value.as_ref().and_then(|value| value.single());
        single.map(|one| one.text().into_owned()).or_else(|| self.default.as_deref().map(str::to_owned))
    }
}

pub(crate) enum Resolved<'p> {
    Literal(Cow<'p, str>),
    Any,
    One,
}

pub(crate) enum Step<'p> {
    Literal(&'p str),
    Any,
    One,
}

pub(crate) trait AsStep {
    fn step(&self) -> Step<'_>;
}

impl AsStep for Part {
    fn step(&self) -> Step<'_> {
        match self {
            Self::Literal(literal) => Step::Literal(literal),
            Self::Any => Step::Any,
            Self::One => Step::One,
            // Patterns with variables are resolved first.
            Self::Variable(_) => unreachable!("only patterns without variables are matched as they are"),
        }
    }
}

impl AsStep for Resolved<'_> {
    fn step(&self) -> Step<'_> {
        match self {
            Self::Literal(literal) => Step::Literal(literal),
            Self::Any => Step::Any,
            Self::One => Step::One,
        }
    }
}

/// Matches from left to right. Only the last star is ever gone back to (an earlier one can gain nothing by taking more), so
/// that the time is bounded by the product of the lengths, and is near to their sum for what people write.
pub(crate) fn glob<P: AsStep>(parts: &[P], text: &str) -> bool {
    let (mut part, mut at) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        let went_on = match parts.get(part).map(AsStep::step) {
            None if at == text.len() => return true,
            None => false,
            Some(Step::Any) => {
                part += 1;
                if part == parts.len() {
                    return true;
                }
                star = Some((part, at));
                continue;
            }
            Some(Step::One) => match text[at..].chars().next() {
                Some(one) => {
                    at += one.len_utf8();
                    true
                }
                None => false,
            },
            Some(Step::Literal(literal)) => {
                let found = text[at..].starts_with(literal);
                at += if found { literal.len() } else { 0 };
                found
            }
        };
        if went_on {
            part += 1;
            continue;
        }
        // The star takes at least one character more; up to where what follows it can begin.
        let Some((after, from)) = star else { return false };
        let Some(taken) = text[from..].chars().next() else { return false };
        let mut next = from + taken.len_utf8();
        if let Some(Step::Literal(literal)) = parts.get(after).map(AsStep::step) {
            match text[next..].find(literal) {
                Some(offset) => next += offset,
                None => return false,
            }
        }
        star = Some((after, next));
        (part, at) = (after, next);
    }
}
