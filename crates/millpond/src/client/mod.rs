//! A small AWS client: signed requests over HTTP or TLS with connections that are kept, as an SDK would send them.
//!
//! A server over TLS is known by the very certificate that the data folder says it shows (`known`).

mod known;

use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use millpond_core::Clock;
use millpond_gateway::ADMIN_SIGNING_NAME;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::credentials::RootCredentials;
use crate::data::Endpoint;

/// Connections that are kept for the next request.
const MAX_IDLE: usize = 16;
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const PATH: &AsciiSet = &QUERY.remove(b'/');

/// A service of the JSON protocol: how it is signed and how its operations are named.
#[derive(Debug, Clone, Copy)]
pub struct JsonService {
    signing_name: &'static str,
    target: &'static str,
}

pub const KINESIS: JsonService = JsonService { signing_name: "kinesis", target: "Kinesis_20131202" };
pub const FIREHOSE: JsonService = JsonService { signing_name: "firehose", target: "Firehose_20150804" };
pub const GLUE: JsonService = JsonService { signing_name: "glue", target: "AWSGlue" };
pub const ATHENA: JsonService = JsonService { signing_name: "athena", target: "AmazonAthena" };
pub const KMS: JsonService = JsonService { signing_name: "kms", target: "TrentService" };

/// A service of the query protocol: how it is signed, and the version of its API.
#[derive(Debug, Clone, Copy)]
pub struct QueryService {
    signing_name: &'static str,
    version: &'static str,
}

pub const IAM: QueryService = QueryService { signing_name: "iam", version: "2010-05-08" };
pub const STS: QueryService = QueryService { signing_name: "sts", version: "2011-06-15" };

type Http = HttpClient<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Cheap to clone; the connections are shared.
#[derive(Clone)]
pub struct Client {
    http: Http,
    /// `http://127.0.0.1:4566`
    endpoint: String,
    region: String,
    credentials: Credentials,
    clock: Clock,
}

/// An answer that is an error.
#[derive(Debug, thiserror::Error)]
#[error("{operation}: {code}: {message}")]
pub struct Refused {
    operation: String,
    code: String,
    message: String,
}

/// An object of a listing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ObjectEntry {
    pub key: String,
    pub size: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ObjectPage {
    is_truncated: bool,
    #[serde(default)]
    contents: Vec<ObjectEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct S3Error {
    code: String,
    message: String,
}

/// The error of a query service, which S3's is without a wrapping.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct QueryError {
    error: S3Error,
}

/// What the pond's own routes say when they refuse.
#[derive(Deserialize)]
struct AdminError {
    message: String,
}

#[derive(Deserialize)]
struct ErrorBody {
    #[serde(rename = "__type")]
    code: String,
    #[serde(alias = "Message", default)]
    message: String,
}

impl S3Error {
    fn unreadable(status: http::StatusCode, body: &[u8]) -> Self {
        Self { code: status.to_string(), message: String::from_utf8_lossy(body).into_owned() }
    }
}

/// A client that knows this server.
pub fn http(endpoint: &Endpoint) -> anyhow::Result<Http> {
    let tls = known::config(endpoint)?;
    let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
    Ok(HttpClient::builder(TokioExecutor::new()).pool_max_idle_per_host(MAX_IDLE).build(connector))
}

impl Client {
    pub fn new(
        endpoint: &Endpoint,
        region: &str,
        keys: &RootCredentials,
        clock: Clock,
    ) -> anyhow::Result<Self> {
        let credentials = Credentials::new(&keys.access_key_id, keys.secret.expose(), None, None, "millpond");
        Self::with(endpoint, region, credentials, clock)
    }

    /// With the credentials of anybody.
    pub fn with(
        endpoint: &Endpoint,
        region: &str,
        credentials: Credentials,
        clock: Clock,
    ) -> anyhow::Result<Self> {
        let (http, endpoint) = (http(endpoint)?, endpoint.url.clone());
        Ok(Self { http, endpoint, region: region.to_owned(), credentials, clock })
    }

    /// Calls an operation of a JSON service.
    pub async fn call<I: Serialize, O: DeserializeOwned>(
        &self,
        service: JsonService,
        operation: &str,
        input: &I,
    ) -> anyhow::Result<O> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}/", self.endpoint))
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("{}.{operation}", service.target))
            .body(Bytes::from(serde_json::to_vec(input)?))?;
        let (status, body) =
            self.send(service.signing_name, request).await.with_context(|| operation.to_owned())?;
        if status.is_success() {
            // An operation without an output answers with nothing or with {}.
            let body = if body.is_empty() { &b"{}"[..] } else { &body };
            return serde_json::from_slice(body)
                .with_context(|| format!("reading the answer of {operation}"));
        }
        let ErrorBody { code, message } = serde_json::from_slice(&body).unwrap_or_else(|_| ErrorBody {
            code: status.to_string(),
            message: String::from_utf8_lossy(&body).into(),
        });
        bail!(Refused { operation: operation.to_owned(), code, message })
    }

    /// Calls an operation of a query service; the parameters are as they stand on the wire. The answer is its XML.
    pub async fn query(
        &self,
        service: QueryService,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> anyhow::Result<Bytes> {
        let mut form = format!("Action={action}&Version={}", service.version);
        for (name, value) in parameters {
            form.push_str(&format!("&{name}={}", encoded(value, QUERY)));
        }
        let request = Request::post(format!("{}/", self.endpoint))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(form))?;
        let (status, body) =
            self.send(service.signing_name, request).await.with_context(|| action.to_owned())?;
        if status.is_success() {
            return Ok(body);
        }
        let QueryError { error } = quick_xml::de::from_reader(&body[..])
            .unwrap_or_else(|_| QueryError { error: S3Error::unreadable(status, &body) });
        bail!(Refused { operation: action.to_owned(), code: error.code, message: error.message })
    }

    /// Asks one of the pond's own routes, as `accounts`.
    pub async fn admin<O: DeserializeOwned>(
        &self,
        method: Method,
        route: &str,
        body: Vec<u8>,
    ) -> anyhow::Result<O> {
        let request = Request::builder().method(method).uri(format!("{}/_millpond/{route}", self.endpoint));
        let (status, body) = self.send(ADMIN_SIGNING_NAME, request.body(Bytes::from(body))?).await?;
        if status.is_success() {
            return serde_json::from_slice(&body).context("reading the server's answer");
        }
        let refused: AdminError =
            serde_json::from_slice(&body).with_context(|| format!("the server answered {status}"))?;
        bail!("{}", refused.message)
    }

    /// A bucket's policy, if it has one.
    pub async fn bucket_policy(&self, bucket: &str) -> anyhow::Result<Option<String>> {
        let request = Request::get(format!("{}?policy", self.uri(bucket, ""))).body(Bytes::new())?;
        match self.s3("GetBucketPolicy", request).await {
            Ok(body) => Ok(Some(String::from_utf8(body.into()).context("reading a bucket's policy")?)),
            Err(error) => match error.downcast_ref::<Refused>() {
                Some(refused) if refused.code == "NoSuchBucketPolicy" || refused.code == "NoSuchBucket" => {
                    Ok(None)
                }
                _ => Err(error),
            },
        }
    }

    pub async fn create_bucket(&self, bucket: &str) -> anyhow::Result<()> {
        self.s3("CreateBucket", Request::put(self.uri(bucket, "")).body(Bytes::new())?).await.map(drop)
    }

    pub async fn put_object(&self, bucket: &str, key: &str, body: Bytes) -> anyhow::Result<()> {
        self.s3("PutObject", Request::put(self.uri(bucket, key)).body(body)?).await.map(drop)
    }

    /// The last bytes of an object, at most `length`.
    pub async fn get_tail(&self, bucket: &str, key: &str, length: u64) -> anyhow::Result<Bytes> {
        let request = Request::get(self.uri(bucket, key)).header("range", format!("bytes=-{length}"));
        self.s3("GetObject", request.body(Bytes::new())?).await
    }

    /// All objects under a prefix, page by page.
    pub async fn list(&self, bucket: &str, prefix: &str) -> anyhow::Result<Vec<ObjectEntry>> {
        let mut found: Vec<ObjectEntry> = Vec::new();
        loop {
            let after = found.last().map_or("", |entry| entry.key.as_str());
            let (prefix, after) = (encoded(prefix, QUERY), encoded(after, QUERY));
            let uri = format!("{}?list-type=2&prefix={prefix}&start-after={after}", self.uri(bucket, ""));
            let body = self.s3("ListObjectsV2", Request::get(uri).body(Bytes::new())?).await?;
            let page: ObjectPage =
                quick_xml::de::from_reader(&body[..]).context("reading the answer of ListObjectsV2")?;
            found.extend(page.contents);
            if !page.is_truncated {
                return Ok(found);
            }
        }
    }

    fn uri(&self, bucket: &str, key: &str) -> String {
        match key {
            "" => format!("{}/{bucket}", self.endpoint),
            key => format!("{}/{bucket}/{}", self.endpoint, encoded(key, PATH)),
        }
    }

    async fn s3(&self, operation: &str, request: Request<Bytes>) -> anyhow::Result<Bytes> {
        let (status, body) = self.send("s3", request).await.with_context(|| operation.to_owned())?;
        if status.is_success() {
            return Ok(body);
        }
        let error =
            quick_xml::de::from_reader(&body[..]).unwrap_or_else(|_| S3Error::unreadable(status, &body));
        bail!(Refused { operation: operation.to_owned(), code: error.code, message: error.message })
    }

    async fn send(
        &self,
        service: &str,
        request: Request<Bytes>,
    ) -> anyhow::Result<(http::StatusCode, Bytes)> {
        let request = self.signed(service, request)?;
        let answer = self.http.request(request.map(Full::new)).await?;
        let status = answer.status();
        Ok((status, answer.into_body().collect().await?.to_bytes()))
    }

    fn signed(&self, service: &str, mut request: Request<Bytes>) -> anyhow::Result<Request<Bytes>> {
        let identity = self.credentials.clone().into();
        let now = Duration::from_millis(self.clock.now().as_millis().max(0).unsigned_abs());
        let mut settings = SigningSettings::default();
        if service == "s3" {
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        }
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(service)
            .time(UNIX_EPOCH + now)
            .settings(settings)
            .build()?
            .into();
        let authority = request.uri().authority().context("the endpoint has no host")?.to_string();
        request.headers_mut().insert("host", authority.parse()?);
        let uri = request.uri().to_string();
        let headers =
            request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap_or("")));
        let signable = SignableRequest::new(
            request.method().as_str(),
            &uri,
            headers,
            SignableBody::Bytes(request.body()),
        )?;
        let (instructions, _) = sign(signable, &params)?.into_parts();
        instructions.apply_to_request_http1x(&mut request);
        Ok(request)
    }
}

fn encoded(text: &str, keep: &'static AsciiSet) -> String {
    utf8_percent_encode(text, keep).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_encoded_as_awss_clients_do() {
        assert_eq!(encoded("a/b c=1~", QUERY), "a%2Fb%20c%3D1~");
        assert_eq!(encoded("a/b c=1~", PATH), "a/b%20c%3D1~");
    }

    #[test]
    fn listings_are_read() {
        let page = "<?xml version=\"1.0\"?><ListBucketResult><Name>b</Name><IsTruncated>true</IsTruncated>\
                    <Contents><Key>a&amp;b</Key><Size>7</Size><ETag>x</ETag></Contents>\
                    <Contents><Key>c</Key><Size>8</Size></Contents></ListBucketResult>";
        let page: ObjectPage = quick_xml::de::from_str(page).unwrap();
        let found: Vec<_> = page.contents.iter().map(|entry| (entry.key.as_str(), entry.size)).collect();
        assert_eq!((page.is_truncated, found), (true, vec![("a&b", 7), ("c", 8)]));
        let empty: ObjectPage =
            quick_xml::de::from_str("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
                .unwrap();
        assert!(empty.contents.is_empty() && !empty.is_truncated);
    }
}
