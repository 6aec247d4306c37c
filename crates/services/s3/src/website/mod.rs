//! Static websites: what a bucket is set to, and where a request to its website leads. Pure; `endpoint` answers requests,
//! `page` writes what has no object.

mod endpoint;
mod page;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::{Deserialize, Serialize};

pub use endpoint::no_website;

use crate::error::S3Error;
use crate::store::{Document, Kind};

/// What may not stand in a path as it is.
const OF_PATHS: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`').add(b'#').add(b'?').add(b'%');
/// The most routing rules of a website.
const MOST_RULES: usize = 50;
/// The longest address that an object leads to.
const LONGEST_LOCATION: usize = 2 << 10;

/// What a bucket's website is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Website {
    /// Every request goes to another host.
    Redirected {
        host: String,
        protocol: Option<Protocol>,
    },
    Served(Site),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// What stands for a folder.
    pub index: String,
    /// The key of what is shown in place of an error.
    #[serde(default)]
    pub error: Option<String>,
    #[serde(default)]
    pub rules: Vec<Rule>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Protocol {
    Http,
    Https,
}

impl Protocol {
    /// Errors: InvalidRequest.
    pub fn parse(text: &str) -> Result<Self, S3Error> {
        match text {
            "http" => Ok(Self::Http),
            "https" => Ok(Self::Https),
            _ => Err(S3Error::invalid_request(
                "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected automatically.",
            )),
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// A redirection, and when it is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rule {
    pub prefix: Option<String>,
    /// Taken in place of this error.
    pub error: Option<u16>,
    pub host: Option<String>,
    pub protocol: Option<Protocol>,
    pub code: Option<u16>,
    pub replace: Option<Replace>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Replace {
    Key(String),
    Prefix(String),
}

impl Document for Website {
    const KIND: Kind = Kind::Website;
}

impl Website {
    /// Errors: InvalidArgument, InvalidRequest, MalformedXML.
    pub fn check(&self) -> Result<(), S3Error> {
        let Self::Served(site) = self else { return Ok(()) };
        if site.index.is_empty() || site.index.contains('/') {
            return Err(S3Error::invalid_argument(
                "The IndexDocument Suffix is not well formed",
                "IndexDocument",
                site.index.clone(),
            ));
        }
        if site.error.as_ref().is_some_and(String::is_empty) {
            return Err(S3Error::MalformedXml);
        }
        if site.rules.len() > MOST_RULES {
            return Err(S3Error::invalid_request(format!(
                "The number of routing rules must not exceed the allowed limit of {MOST_RULES}. The provided number is {}.",
                site.rules.len()
            )));
        }
        site.rules.iter().try_for_each(Rule::check)
    }
}

impl Rule {
    fn check(&self) -> Result<(), S3Error> {
        if let Some(code) = self.error.filter(|code| !(400..600).contains(code)) {
            return Err(S3Error::invalid_request(format!(
                "The provided HTTP error code ({code}) is not valid. Valid codes are 4XX or 5XX."
            )));
        }
        if let Some(code) = self.code.filter(|code| !(301..400).contains(code)) {
            return Err(S3Error::invalid_request(format!(
                "The provided HTTP redirect code ({code}) is not valid. Valid codes are 3XX except 300."
            )));
        }
        Ok(())
    }

    fn fits(&self, key: &str, error: Option<u16>) -> bool {
        self.error == error && self.prefix.as_ref().is_none_or(|prefix| key.starts_with(prefix.as_str()))
    }

    fn redirect(&self, key: &str, own: (Protocol, &str)) -> Redirect {
        let key = match &self.replace {
            None => key.to_owned(),
            Some(Replace::Key(new)) => new.clone(),
            Some(Replace::Prefix(new)) => {
                let prefix = self.prefix.as_deref().unwrap_or_default();
                format!("{new}{}", key.strip_prefix(prefix).unwrap_or(key))
            }
        };
        let (protocol, host) = (self.protocol.unwrap_or(own.0), self.host.as_deref().unwrap_or(own.1));
        Redirect { status: self.code.unwrap_or(301), location: location(protocol, host, &key) }
    }
}

fn location(protocol: Protocol, host: &str, key: &str) -> String {
    format!("{}://{host}/{}", protocol.as_str(), utf8_percent_encode(key, OF_PATHS))
}

/// Where a browser is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    pub status: u16,
    pub location: String,
}

impl Website {
    /// Where a request leads before any object is looked at. `own` is how the website was reached.
    pub fn redirected(&self, key: &str, own: (Protocol, &str)) -> Option<Redirect> {
        match self {
            Self::Redirected { host, protocol } => {
                Some(Redirect { status: 301, location: location(protocol.unwrap_or(own.0), host, key) })
            }
            Self::Served(site) => site.redirected(key, None, own),
        }
    }
}

impl Site {
    /// Where the routing rules send a request; with `error`, in its place.
    pub fn redirected(&self, key: &str, error: Option<u16>, own: (Protocol, &str)) -> Option<Redirect> {
        let rule = self.rules.iter().find(|rule| rule.fits(key, error));
        rule.map(|rule| rule.redirect(key, own))
    }

    /// The object that a path stands for.
    pub fn object(&self, key: &str) -> String {
        match key.is_empty() || key.ends_with('/') {
            true => format!("{key}{}", self.index),
            false => key.to_owned(),
        }
    }

    /// What it would be, were the path a folder's.
    pub fn index_of(&self, key: &str) -> Option<String> {
        (!key.is_empty() && !key.ends_with('/')).then(|| format!("{key}/{}", self.index))
    }
}

/// Where an object leads in place of being shown.
///
/// Errors: InvalidRedirectLocation.
pub fn check_location(location: Option<&String>) -> Result<Option<String>, S3Error> {
    let Some(location) = location else { return Ok(None) };
    if !["/", "http://", "https://"].iter().any(|start| location.starts_with(start)) {
        return Err(S3Error::Misconfigured {
            code: "InvalidRedirectLocation",
            message: "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.",
        });
    }
    if location.len() > LONGEST_LOCATION {
        return Err(S3Error::Misconfigured {
            code: "InvalidRedirectLocation",
            message: "The length of website redirect location cannot exceed 2,048 characters.",
        });
    }
    Ok(Some(location.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(rules: Vec<Rule>) -> Site {
        Site { index: "index.html".into(), error: None, rules }
    }

    fn rule() -> Rule {
        Rule::default()
    }

    #[test]
    fn configurations_are_checked() {
        let checked = |site: Site| Website::Served(site).check().map_err(|error| error.code());
        assert_eq!(checked(site(vec![rule()])), Ok(()));
        for index in ["", "a/b", "/index.html"] {
            assert_eq!(
                checked(Site { index: index.into(), ..site(vec![]) }),
                Err("InvalidArgument"),
                "{index}"
            );
        }
        for (code, error, fine) in [
            (Some(301), Some(404), true),
            (Some(399), Some(599), true),
            (Some(300), None, false),
            (Some(200), None, false),
            (None, Some(399), false),
            (None, Some(600), false),
        ] {
            assert_eq!(
                checked(site(vec![Rule { code, error, ..rule() }])).is_ok(),
                fine,
                "{code:?} {error:?}"
            );
        }
        assert!(checked(site(vec![rule(); 51])).is_err());
        assert!(Protocol::parse("ftp").is_err());
    }

    #[test]
    fn paths_lead_to_objects() {
        let site = site(vec![]);
        for (path, object, index) in [
            ("", "index.html", None),
            ("a/", "a/index.html", None),
            ("a", "a", Some("a/index.html")),
            ("a/b.txt", "a/b.txt", Some("a/b.txt/index.html")),
        ] {
            assert_eq!(
                (site.object(path).as_str(), site.index_of(path).as_deref()),
                (object, index),
                "{path}"
            );
        }
    }

    #[test]
    fn rules_redirect() {
        let text = |text: &str| Some(text.to_owned());
        let prefix = |new: &str| Some(Replace::Prefix(new.to_owned()));
        let own = (Protocol::Http, "b.s3-website.localhost:4566");
        let at = |path: &str| format!("http://b.s3-website.localhost:4566/{path}");
        for (rule, key, error, expected) in [
            (
                Rule { prefix: text("docs/"), replace: prefix("documents/"), ..rule() },
                "docs/a",
                None,
                Some((301, at("documents/a"))),
            ),
            (Rule { prefix: text("docs/"), replace: prefix("documents/"), ..rule() }, "doc", None, None),
            (Rule { replace: prefix("new/"), ..rule() }, "a b", None, Some((301, at("new/a%20b")))),
            (
                Rule { replace: Some(Replace::Key("gone.html".into())), code: Some(302), ..rule() },
                "a",
                None,
                Some((302, at("gone.html"))),
            ),
            (Rule { error: Some(404), host: text("other"), ..rule() }, "a", None, None),
            (Rule { error: Some(404), host: text("other"), ..rule() }, "a", Some(403), None),
            (
                Rule { error: Some(404), host: text("other"), protocol: Some(Protocol::Https), ..rule() },
                "a",
                Some(404),
                Some((301, "https://other/a".into())),
            ),
            // A rule without an error is not asked again when there is one.
            (rule(), "a", Some(404), None),
        ] {
            let found = site(vec![rule.clone()]).redirected(key, error, own);
            let found = found.map(|redirect| (redirect.status, redirect.location));
            assert_eq!(found, expected, "{rule:?} {key} {error:?}");
        }
        let all = Website::Redirected { host: "example.com".into(), protocol: None };
        assert_eq!(all.redirected("a", own).unwrap().location, "http://example.com/a");
    }

    #[test]
    fn records_of_earlier_versions_are_read() {
        crate::tests::check(
            &Website::Redirected { host: "h".into(), protocol: Some(Protocol::Https) },
            "81aa5265646972656374656482a4686f7374a168a870726f746f636f6ca54874747073",
        );
        let all = Rule {
            prefix: Some("p".into()),
            error: Some(404),
            host: Some("h".into()),
            protocol: Some(Protocol::Http),
            code: Some(302),
            replace: Some(Replace::Key("k".into())),
        };
        let prefix = Rule { replace: Some(Replace::Prefix("n".into())), ..rule() };
        crate::tests::check(
            &Website::Served(Site { error: Some("e".into()), ..site(vec![all, prefix]) }),
            "81a653657276656483a5696e646578aa696e6465782e68746d6ca56572726f72a165a572756c65739286a670\
             7265666978a170a56572726f72cd0194a4686f7374a168a870726f746f636f6ca448747470a4636f6465cd01\
             2ea77265706c61636581a34b6579a16b86a6707265666978c0a56572726f72c0a4686f7374c0a870726f746f\
             636f6cc0a4636f6465c0a77265706c61636581a6507265666978a16e",
        );
    }

    #[test]
    fn locations_are_checked() {
        for (location, fine) in [
            ("/a", true),
            ("https://example.com/", true),
            ("http://example.com/", true),
            ("example.com", false),
            ("ftp://example.com", false),
            ("", false),
        ] {
            assert_eq!(check_location(Some(&location.to_owned())).is_ok(), fine, "{location}");
        }
        assert!(check_location(Some(&format!("/{}", "a".repeat(2_048)))).is_err());
    }
}
