//! ARNs as patterns: each section between colons by itself, as AWS compares them.

use millpond_core::Arn;

use crate::PolicyError;
use crate::pattern::{Facts, Pattern, Resolved, Syntax};

const PARTITIONS: [&str; 3] = ["aws", "aws-cn", "aws-us-gov"];

/// One entry of `Resource` or `NotResource`.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourcePattern {
    text: Box<str>,
    /// `None` for `*`.
    sections: Option<Box<Sections>>,
}

#[derive(Debug, Clone, PartialEq)]
struct Sections {
    partition: Pattern,
    service: Pattern,
    region: Pattern,
    account: Pattern,
    resource: Pattern,
    /// A section before the resource ends in a star: such a star reaches over colons.
    spans: bool,
}

impl ResourcePattern {
    pub(crate) fn parse(text: &str, variables: bool) -> Result<Self, PolicyError> {
        if text == "*" {
            return Ok(Self { text: text.into(), sections: None });
        }
        let sections = split(text, variables);
        let resource = || text.to_owned();
        if sections[0] != "arn" || sections.len() < 2 {
            return Err(PolicyError::NotAnArn { resource: resource() });
        }
        let partition = sections[1];
        if partition != "*" && !PARTITIONS.contains(&partition) {
            return Err(PolicyError::InvalidPartition {
                partition: partition.to_owned(),
                resource: resource(),
            });
        }
        let service = sections.get(2).copied().unwrap_or_default();
        if service.is_empty() || service.contains(['*', '?']) {
            return Err(PolicyError::WildcardVendor { resource: resource() });
        }
        let syntax = Syntax { wildcards: true, variables, folded: false };
        // An ARN that stops early is taken as if stars followed.
        let section = |index: usize| match sections.get(index) {
            Some(section) => Pattern::parse(section, syntax),
            None => Ok(Pattern::anything()),
        };
        let (partition, service, region, account) = (section(1)?, section(2)?, section(3)?, section(4)?);
        let before = [&partition, &service, &region, &account];
        if before.iter().any(|section| section.has_variables()) {
            return Err(PolicyError::MisplacedVariable { resource: resource() });
        }
        let spans = before.iter().any(|section| section.ends_open());
        let resource = section(5)?;
        let sections = Sections { partition, service, region, account, resource, spans };
        Ok(Self { text: text.into(), sections: Some(Box::new(sections)) })
    }

    /// As it stands in the policy.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// `*`: everything.
    pub fn is_everything(&self) -> bool {
        self.sections.is_none()
    }

    /// The part that names the resource: `bucket/*` of `arn:aws:s3:::bucket/*`. Empty for `*` and for an ARN that stops early.
    pub fn resource_text(&self) -> &str {
        if self.is_everything() { "" } else { self.text.splitn(6, ':').nth(5).unwrap_or_default() }
    }

    /// The service that the ARN names; `None` for `*`.
    pub fn service(&self) -> Option<&str> {
        self.sections.as_ref().and_then(|_| self.text.split(':').nth(2))
    }

    /// The service and the beginning of the resource of every ARN that fits; `None` when there is no telling.
    pub(crate) fn literal_beginning(&self) -> Option<(&str, &str)> {
        let Sections { service, resource, spans, .. } = &**self.sections.as_ref()?;
        let service = Some(service).filter(|service| service.is_fixed())?;
        // What a star swallows before the resource may be of the resource.
        let resource = if *spans { "" } else { resource.literal_beginning() };
        Some((service.literal_beginning(), resource))
    }

    /// The condition keys that its variables name.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.sections.iter().flat_map(|sections| sections.resource.keys())
    }

    pub(crate) fn matches(&self, arn: &Arn, facts: Facts<'_, '_>) -> bool {
        let Some(sections) = &self.sections else { return true };
        let Sections { partition, service, region, account, resource, spans } = &**sections;
        if !service.matches_text(&arn.service) || !partition.matches_text(&arn.partition) {
            return false;
        }
        let each = region.matches_text(&arn.region) && account.matches_text(&arn.account);
        if each && resource.matches(&arn.resource, facts) {
            return true;
        }
        // A star that swallows a colon leaves one too few for the rest, unless the resource itself has some.
        *spans && arn.resource.contains(':') && {
            let text = format!("{}:{}:{}", arn.region, arn.account, arn.resource);
            resource.resolved(facts).is_some_and(|resource| {
                let (region, account) = (region.resolved(facts), account.resolved(facts));
                matches_over_colons(
                    &region.unwrap_or_default(),
                    &account.unwrap_or_default(),
                    &resource,
                    &text,
                )
            })
        }
    }
}

/// Splits at the first five colons, those in `${…}` aside.
fn split(text: &str, variables: bool) -> Vec<&str> {
    let (mut sections, mut from, mut inside) = (Vec::with_capacity(6), 0, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' if variables && at > 0 && text.as_bytes()[at - 1] == b'$' => inside = true,
            b'}' => inside = false,
            b':' if !inside && sections.len() < 5 => {
                sections.push(&text[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    sections.push(&text[from..]);
    sections
}

/// One character's worth of a pattern over a whole ARN.
#[derive(Clone, Copy)]
enum Token {
    Literal(char),
    One { colons: bool },
    Any { colons: bool },
}

/// The rare case of a star that reaches over colons, by keeping the set of places in the pattern that the text so far
/// leads to. Time is the product of the lengths.
fn matches_over_colons(
    region: &[Resolved<'_>],
    account: &[Resolved<'_>],
    resource: &[Resolved<'_>],
    text: &str,
) -> bool {
    let mut tokens = Vec::new();
    for (index, section) in [region, account, resource].into_iter().enumerate() {
        if index > 0 {
            tokens.push(Token::Literal(':'));
        }
        for (at, part) in section.iter().enumerate() {
            match part {
                Resolved::Literal(literal) => tokens.extend(literal.chars().map(Token::Literal)),
                Resolved::One => tokens.push(Token::One { colons: index == 2 }),
                Resolved::Any => tokens.push(Token::Any { colons: index == 2 || at + 1 == section.len() }),
            }
        }
    }
    let mut here = vec![false; tokens.len() + 1];
    let mut next = here.clone();
    here[0] = true;
    skip_stars(&tokens, &mut here);
    for character in text.chars() {
        next.fill(false);
        for (at, token) in tokens.iter().enumerate().filter(|(at, _)| here[*at]) {
            match token {
                Token::Literal(wanted) => next[at + 1] |= *wanted == character,
                Token::One { colons } => next[at + 1] |= *colons || character != ':',
                Token::Any { colons } => next[at] |= *colons || character != ':',
            }
        }
        skip_stars(&tokens, &mut next);
        std::mem::swap(&mut here, &mut next);
    }
    here[tokens.len()]
}

/// A star may also take nothing.
fn skip_stars(tokens: &[Token], places: &mut [bool]) {
    for (at, token) in tokens.iter().enumerate() {
        if places[at] && matches!(token, Token::Any { .. }) {
            places[at + 1] = true;
        }
    }
}

/// A value of ArnEquals, ArnLike and their negations, which are two names for one comparison.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ArnPattern(Box<[Pattern]>);

impl ArnPattern {
    pub(crate) fn parse(text: &str, variables: bool) -> Result<Self, PolicyError> {
        let syntax = Syntax { wildcards: true, variables, folded: false };
        let sections = split(text, variables).into_iter().map(|section| Pattern::parse(section, syntax));
        let mut sections = sections.collect::<Result<Vec<_>, _>>()?;
        sections.resize_with(6, Pattern::anything);
        Ok(Self(sections.into()))
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(Pattern::keys)
    }

    pub(crate) fn is_fixed(&self) -> bool {
        self.0.iter().all(Pattern::is_fixed)
    }

    pub(crate) fn matches(&self, text: &str, facts: Facts<'_, '_>) -> bool {
        let mut sections = text.splitn(6, ':');
        let each = self
            .0
            .iter()
            .all(|pattern| sections.next().is_some_and(|section| pattern.matches(section, facts)));
        each && text.starts_with("arn:")
    }
}
