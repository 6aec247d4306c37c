//! What a request addresses, before anything of it is trusted: the bucket and the key of its host and path. Pure.

use http::request::Parts;
use percent_encoding::percent_decode_str;
use s3s::S3Result;
use s3s::host::{S3Host, VirtualHost};

/// A bucket and a key in it, as far as the request names them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Address {
    pub bucket: Option<String>,
    pub key: Option<String>,
}

impl Address {
    /// What a request to a website addresses: its host is `BUCKET.s3-website.ANYTHING` or `BUCKET.s3-website-REGION.ANYTHING`.
    pub fn of_website(parts: &Parts) -> Option<Self> {
        let host = host(parts);
        let name = host.rsplit_once(':').map_or(host, |(name, _port)| name).to_ascii_lowercase();
        let (bucket, rest) = name.rsplit_once(".s3-website")?;
        let (region, domain) = rest.split_once('.')?;
        if bucket.is_empty() || domain.is_empty() || !(region.is_empty() || region.starts_with('-')) {
            return None;
        }
        let path = percent_decode_str(parts.uri.path()).decode_utf8_lossy();
        let key = path.strip_prefix('/').unwrap_or(&path);
        Some(Self { bucket: Some(bucket.to_owned()), key: (!key.is_empty()).then(|| key.to_owned()) })
    }

    pub fn of(domains: &Domains, parts: &Parts) -> Self {
        let path = percent_decode_str(parts.uri.path()).decode_utf8_lossy();
        let path = path.strip_prefix('/').unwrap_or(&path);
        let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        if let Some(bucket) = domains.bucket(host(parts)) {
            return Self { bucket: Some(bucket.to_owned()), key: filled(path) };
        }
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        Self { bucket: filled(bucket), key: filled(key) }
    }
}

/// The host that a request is for, with its port.
pub fn host(parts: &Parts) -> &str {
    let header = parts.headers.get(http::header::HOST).and_then(|value| value.to_str().ok());
    header.or_else(|| parts.uri.authority().map(|authority| authority.as_str())).unwrap_or_default()
}

/// `bucket.DOMAIN` is a bucket; every other host, an address too, is no more than where the server is.
#[derive(Clone)]
pub struct Domains(pub Vec<String>);

impl Domains {
    fn bucket<'a>(&self, host: &'a str) -> Option<&'a str> {
        let bucket = self.below(host)?;
        // `s3.DOMAIN` is the service, as on AWS.
        let bucket = Some(bucket).filter(|bucket| *bucket != "s3" && !bucket.is_empty())?;
        Some(bucket.strip_suffix(".s3").unwrap_or(bucket))
    }

    /// What stands before one of the domains.
    pub fn below<'a>(&self, host: &'a str) -> Option<&'a str> {
        let name = host.rsplit_once(':').map_or(host, |(name, _port)| name);
        self.0.iter().find_map(|domain| name.strip_suffix(domain.as_str())?.strip_suffix('.'))
    }
}

impl S3Host for Domains {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        Ok(match self.bucket(host) {
            Some(bucket) => VirtualHost::new(host).with_bucket(bucket),
            None => VirtualHost::new(host),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn websites() {
        for (host, path, bucket, key) in [
            ("b.s3-website.localhost:4566", "/", Some("b"), None),
            ("B.S3-Website-us-east-1.amazonaws.com", "/a%20b/", Some("b"), Some("a b/")),
            (
                "www.example.com.s3-website.eu-central-1.amazonaws.com",
                "/x",
                Some("www.example.com"),
                Some("x"),
            ),
            ("s3-website.localhost", "/", None, None),
            ("b.s3-website", "/", None, None),
            ("b.s3-websites.localhost", "/", None, None),
            ("b.s3.localhost", "/", None, None),
        ] {
            let request = http::Request::builder().uri(path).header("host", host).body(()).unwrap();
            let found = Address::of_website(&request.into_parts().0);
            let found = found.as_ref().map(|found| (found.bucket.as_deref(), found.key.as_deref()));
            assert_eq!(found, bucket.map(|bucket| (Some(bucket), key)), "{host}{path}");
        }
    }

    #[test]
    fn addresses() {
        let domains = Domains(vec!["localhost".into(), "s3.example.com".into()]);
        for (host, path, bucket, key) in [
            ("localhost:4566", "/", None, None),
            ("localhost:4566", "/b", Some("b"), None),
            ("127.0.0.1:4566", "/b/", Some("b"), None),
            ("127.0.0.1:4566", "/b/a%2Fb/c", Some("b"), Some("a/b/c")),
            ("my.bucket.localhost:4566", "/k/l", Some("my.bucket"), Some("k/l")),
            ("s3.localhost", "/", None, None),
            ("b.s3.localhost", "/", Some("b"), None),
            ("b.s3.example.com", "/k", Some("b"), Some("k")),
            ("pond.internal", "/", None, None),
        ] {
            let request = http::Request::builder().uri(path).header("host", host).body(()).unwrap();
            let found = Address::of(&domains, &request.into_parts().0);
            assert_eq!((found.bucket.as_deref(), found.key.as_deref()), (bucket, key), "{host}{path}");
        }
    }
}
