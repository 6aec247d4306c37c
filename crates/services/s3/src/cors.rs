//! Cross-origin requests: a bucket's rules, what browsers are told by them, and the answer to a preflight. Pure.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use crate::error::S3Error;
use crate::store::{Document, Kind};

const METHODS: [&str; 5] = ["GET", "PUT", "HEAD", "POST", "DELETE"];
const MOST_RULES: usize = 100;
const LONGEST_ID: usize = 255;

/// The rules of a bucket.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BucketCors {
    pub rules: Vec<Rule>,
}

impl Document for BucketCors {
    const KIND: Kind = Kind::Cors;
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Rule {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// With at most one `*`, which stands for anything; so do the headers.
    pub origins: Vec<String>,
    pub methods: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expose: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age_secs: Option<i32>,
}

impl BucketCors {
    /// Errors: MalformedXML, InvalidRequest.
    pub fn check(&self) -> Result<(), S3Error> {
        if self.rules.len() > MOST_RULES {
            return Err(S3Error::invalid_request(format!(
                "The number of CORS rules should not exceed allowed limit of {MOST_RULES} rules."
            )));
        }
        if self.rules.is_empty() {
            return Err(S3Error::MalformedXml);
        }
        self.rules.iter().try_for_each(Rule::check)
    }

    /// The first rule that allows it.
    fn find(&self, origin: &str, method: &str, headers: &[String]) -> Option<(&Rule, &str)> {
        self.rules.iter().find_map(|rule| {
            let pattern = rule.origins.iter().find(|pattern| matches(pattern, origin))?;
            let allows_method = rule.methods.iter().any(|allowed| allowed == method);
            let allows = |header: &String| {
                rule.headers.iter().any(|pattern| matches(&pattern.to_ascii_lowercase(), header))
            };
            (allows_method && headers.iter().all(allows)).then_some((rule, pattern.as_str()))
        })
    }
}

impl Rule {
    fn check(&self) -> Result<(), S3Error> {
        if self.origins.is_empty() || self.methods.is_empty() {
            return Err(S3Error::MalformedXml);
        }
        let invalid = |message: String| Err(S3Error::invalid_request(message));
        if self.id.as_ref().is_some_and(|id| id.chars().count() > LONGEST_ID) {
            return invalid(format!("The ID length should not exceed allowed limit of {LONGEST_ID}."));
        }
        if let Some(method) = self.methods.iter().find(|method| !METHODS.contains(&method.as_str())) {
            return invalid(format!(
                "Found unsupported HTTP method in CORS config. Unsupported method is {method}"
            ));
        }
        let wild = |text: &&String| text.matches('*').count() > 1;
        if let Some(origin) = self.origins.iter().find(wild) {
            return invalid(format!("AllowedOrigin \"{origin}\" can not have more than one wildcard."));
        }
        if let Some(header) = self.headers.iter().find(wild) {
            return invalid(format!("AllowedHeader \"{header}\" can not have more than one wildcard."));
        }
        if let Some(header) = self.expose.iter().find(|header| header.contains('*')) {
            return invalid(format!(
                "ExposeHeader \"{header}\" contains wildcard. We currently do not support wildcard for ExposeHeader."
            ));
        }
        Ok(())
    }
}

/// Whether a text fits a pattern with at most one `*`.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, end)) => {
            text.len() >= start.len() + end.len() && text.starts_with(start) && text.ends_with(end)
        }
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// What a browser asks before it sends a request.
pub struct Preflight<'a> {
    origin: &'a str,
    method: &'a str,
    headers: Vec<String>,
}

impl<'a> Preflight<'a> {
    /// Errors: BadRequest.
    pub fn read(headers: &'a HeaderMap) -> Result<Self, S3Error> {
        let bad = |message: String| S3Error::BadRequest { message };
        let origin = text(headers, ORIGIN)
            .ok_or_else(|| bad("Insufficient information. Origin request header needed.".into()))?;
        let method = text(headers, ACCESS_CONTROL_REQUEST_METHOD);
        let method = method.filter(|method| METHODS.contains(method)).ok_or_else(|| {
            bad(format!("Invalid Access-Control-Request-Method: {}", method.unwrap_or("null")))
        })?;
        let asked = text(headers, ACCESS_CONTROL_REQUEST_HEADERS).unwrap_or_default();
        let names = asked.split(',').map(|name| name.trim().to_ascii_lowercase());
        Ok(Self { origin, method, headers: names.filter(|name| !name.is_empty()).collect() })
    }

    /// `cors` is what the bucket is set to, `None` where there is no such bucket.
    ///
    /// Errors: AccessForbidden.
    pub fn answer(&self, cors: Option<Option<&BucketCors>>, of_key: bool) -> Result<HeaderMap, S3Error> {
        let forbidden = |why: &str, resource| S3Error::AccessForbidden {
            message: format!("CORSResponse: {why}"),
            method: self.method.to_owned(),
            resource,
        };
        let cors = cors.ok_or_else(|| forbidden("Bucket not found", "BUCKET"))?;
        let cors = cors.ok_or_else(|| forbidden("CORS is not enabled for this bucket.", "BUCKET"))?;
        let refused = || {
            forbidden(
                "This CORS request is not allowed. This is usually because the evalution of Origin, request method / \
                 Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the \
                 resource's CORS spec.",
                if of_key { "OBJECT" } else { "BUCKET" },
            )
        };
        let (rule, pattern) = cors.find(self.origin, self.method, &self.headers).ok_or_else(refused)?;
        let mut answer = allowed(rule, pattern, self.origin);
        if !self.headers.is_empty() {
            insert(&mut answer, ACCESS_CONTROL_ALLOW_HEADERS, &self.headers.join(", "));
        }
        if let Some(secs) = rule.max_age_secs {
            insert(&mut answer, ACCESS_CONTROL_MAX_AGE, &secs.to_string());
        }
        Ok(answer)
    }
}

/// The headers of the answer to a request that is sent; none where no rule allows it, and the browser keeps the answer back.
pub fn of_request(cors: &BucketCors, method: &str, origin: &str) -> Option<HeaderMap> {
    let (rule, pattern) = cors.find(origin, method, &[])?;
    Some(allowed(rule, pattern, origin))
}

fn allowed(rule: &Rule, pattern: &str, origin: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if pattern == "*" {
        insert(&mut headers, ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    } else {
        insert(&mut headers, ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        insert(&mut headers, ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
    }
    insert(&mut headers, ACCESS_CONTROL_ALLOW_METHODS, &rule.methods.join(", "));
    if !rule.expose.is_empty() {
        insert(&mut headers, ACCESS_CONTROL_EXPOSE_HEADERS, &rule.expose.join(", "));
    }
    insert(&mut headers, VARY, "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
    headers
}

/// What cannot stand in a header is left out.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(origins: &[&str], methods: &[&str], headers: &[&str]) -> Rule {
        let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        Rule { origins: owned(origins), methods: owned(methods), headers: owned(headers), ..Rule::default() }
    }

    #[test]
    fn rules_are_checked() {
        let check = |rule: Rule| BucketCors { rules: vec![rule] }.check().map_err(|error| error.code());
        assert_eq!(check(rule(&["*"], &["GET"], &["*"])), Ok(()));
        assert_eq!(check(rule(&["http://*.a"], &["GET", "HEAD"], &["x-*"])), Ok(()));
        assert_eq!(check(rule(&[], &["GET"], &[])), Err("MalformedXML"));
        assert_eq!(check(rule(&["*"], &[], &[])), Err("MalformedXML"));
        assert_eq!(check(rule(&["*"], &["OPTIONS"], &[])), Err("InvalidRequest"));
        assert_eq!(check(rule(&["*.*"], &["GET"], &[])), Err("InvalidRequest"));
        assert_eq!(check(rule(&["*"], &["GET"], &["*x*"])), Err("InvalidRequest"));
        let exposed = Rule { expose: vec!["x-*".into()], ..rule(&["*"], &["GET"], &[]) };
        assert_eq!(check(exposed), Err("InvalidRequest"));
        let long = Rule { id: Some("i".repeat(256)), ..rule(&["*"], &["GET"], &[]) };
        assert_eq!(check(long), Err("InvalidRequest"));
        let many = BucketCors { rules: vec![rule(&["*"], &["GET"], &[]); 101] };
        assert_eq!(many.check().map_err(|error| error.code()), Err("InvalidRequest"));
        assert!(BucketCors { rules: Vec::new() }.check().is_err());
    }

    #[test]
    fn rules_are_found() {
        let cors = BucketCors {
            rules: vec![
                rule(&["http://a.example", "http://*.b.example"], &["PUT"], &["X-*", "content-type"]),
                rule(&["*"], &["GET"], &[]),
            ],
        };
        let find = |origin, method, headers: &[&str]| {
            let headers: Vec<_> = headers.iter().map(|&name| name.to_owned()).collect();
            cors.find(origin, method, &headers).map(|(_, pattern)| pattern.to_owned())
        };
        for (origin, method, headers, expected) in [
            ("http://a.example", "PUT", &["x-amz-date", "content-type"][..], Some("http://a.example")),
            ("http://x.b.example", "PUT", &[], Some("http://*.b.example")),
            ("http://b.example", "PUT", &[], None),
            ("http://a.example", "PUT", &["authorization"], None),
            ("http://c.example", "GET", &[], Some("*")),
            ("http://c.example", "GET", &["x-a"], None),
            ("http://c.example", "DELETE", &[], None),
        ] {
            assert_eq!(find(origin, method, headers).as_deref(), expected, "{origin} {method} {headers:?}");
        }
        let any = of_request(&cors, "GET", "http://c.example").unwrap();
        assert_eq!(any[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert!(!any.contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS));
        let one = of_request(&cors, "PUT", "http://x.b.example").unwrap();
        assert_eq!(one[ACCESS_CONTROL_ALLOW_ORIGIN], "http://x.b.example");
        assert_eq!(one[ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
    }

    #[test]
    fn preflights_are_read() {
        let read = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().unwrap());
            }
            Preflight::read(&headers).map(|preflight| preflight.headers).map_err(|error| error.to_string())
        };
        let (origin, method) = (("origin", "http://a"), ("access-control-request-method", "GET"));
        assert!(read(&[]).is_err() && read(&[method]).is_err());
        assert_eq!(read(&[origin]), Err("Invalid Access-Control-Request-Method: null".into()));
        assert_eq!(read(&[origin, method]), Ok(vec![]));
        let names = ("access-control-request-headers", "X-A, ,b");
        assert_eq!(read(&[origin, method, names]), Ok(vec!["x-a".into(), "b".into()]));
    }
}
