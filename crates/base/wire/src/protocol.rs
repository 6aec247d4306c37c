//! A request's way in and an answer's way out, for each protocol.

use bytes::Bytes;
use millpond_core::RequestId;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::conform::{Form, conform};
use crate::value::Key;
use crate::{ApiError, Shaped, Value, cbor, json, query, to_value, to_xml_value};

/// What a service speaks. The generated `api` of each service holds its own as `PROTOCOL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// JSON, with the operation in `X-Amz-Target` behind the prefix. It also speaks `application/x-amz-cbor-1.1`.
    AwsJson {
        version: &'static str,
        target_prefix: &'static str,
        /// How the service's exceptions name their text: `message` or `Message`.
        message_member: &'static str,
    },
    /// Forms in, XML out, with the operation in `Action`.
    AwsQuery { version: &'static str, xmlns: &'static str },
}

/// How one request is written; its answer is written the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Json { version: &'static str, message_member: &'static str },
    Cbor { message_member: &'static str },
    Query { xmlns: &'static str },
}

/// An answer as it goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub content_type: &'static str,
    /// For the header `x-amzn-ErrorType`.
    pub error_type: Option<String>,
    pub body: Bytes,
}

impl Protocol {
    /// The encoding that a request of this content type uses.
    pub fn encoding(&self, content_type: Option<&str>) -> Encoding {
        match *self {
            Self::AwsJson { message_member, .. }
                if content_type
                    .is_some_and(|kind| kind.trim_start().starts_with("application/x-amz-cbor")) =>
            {
                Encoding::Cbor { message_member }
            }
            Self::AwsJson { version, message_member, .. } => Encoding::Json { version, message_member },
            Self::AwsQuery { xmlns, .. } => Encoding::Query { xmlns },
        }
    }

    /// The operation that an `X-Amz-Target` header names, if it is one of this service.
    pub fn operation_of<'t>(&self, target: &'t str) -> Option<&'t str> {
        match self {
            Self::AwsJson { target_prefix, .. } => target.strip_prefix(target_prefix)?.strip_prefix('.'),
            Self::AwsQuery { .. } => None,
        }
    }
}

impl Encoding {
    fn form(&self) -> Form {
        match self {
            Self::Json { .. } => Form::Json,
            Self::Cbor { .. } => Form::Cbor,
            Self::Query { .. } => Form::Query,
        }
    }

    pub fn content_type(&self) -> &'static str {
        match self {
            Self::Json { version: "1.0", .. } => "application/x-amz-json-1.0",
            Self::Json { .. } => "application/x-amz-json-1.1",
            Self::Cbor { .. } => "application/x-amz-cbor-1.1",
            Self::Query { .. } => "text/xml",
        }
    }

    fn read(&self, body: &[u8]) -> Result<Value, ApiError> {
        let read = match self {
            Self::Json { .. } => json::read(body),
            Self::Cbor { .. } => cbor::read(body),
            Self::Query { .. } => query::Form::parse(body).and_then(query::Form::into_value),
        };
        read.map_err(|malformed| match self {
            Self::Query { .. } => ApiError::new("MalformedQueryString", malformed.0),
            Self::Json { .. } | Self::Cbor { .. } => ApiError::serialization(malformed.0),
        })
    }
}

/// Reads a body as the operation's input, with the model's constraints checked.
///
/// For a query request `body` is the form, from the body or from the query string. `validation_code` is the service's
/// code for a broken constraint.
pub fn decode<I: Shaped + DeserializeOwned>(
    encoding: &Encoding,
    body: &[u8],
    validation_code: &'static str,
) -> Result<I, ApiError> {
    decode_seen(encoding, body, validation_code, |_| ())
}

/// As [`decode`]; `look` is shown the input's tree once it conforms, for those who keep a record of it.
pub fn decode_seen<I: Shaped + DeserializeOwned>(
    encoding: &Encoding,
    body: &[u8],
    validation_code: &'static str,
    look: impl FnOnce(&Value),
) -> Result<I, ApiError> {
    let form = encoding.form();
    let value = encoding.read(body)?;
    if value.is_null() {
        return Err(ApiError::serialization("The request body is null where a structure is expected"));
    }
    let value =
        conform(I::SHAPE, value, form).map_err(|rejected| rejected.into_error(form, validation_code))?;
    look(&value);
    // The type is generated from the same model as the shape: what conforms fits.
    value.into_type().map_err(ApiError::internal)
}

/// Writes an operation's output. `()` stands for an operation whose model has none: an empty body.
pub fn encode<O: Serialize + ?Sized>(
    encoding: &Encoding,
    operation: &str,
    output: &O,
    request_id: RequestId,
) -> Result<Answer, ApiError> {
    encode_seen(encoding, operation, output, request_id, |_| ())
}

/// As [`encode`]; `look` is shown the output's tree.
pub fn encode_seen<O: Serialize + ?Sized>(
    encoding: &Encoding,
    operation: &str,
    output: &O,
    request_id: RequestId,
    look: impl FnOnce(&Value),
) -> Result<Answer, ApiError> {
    let value = match encoding {
        Encoding::Query { .. } => to_xml_value(output),
        Encoding::Json { .. } | Encoding::Cbor { .. } => to_value(output),
    };
    let value = value.map_err(ApiError::internal)?;
    look(&value);
    let body = match encoding {
        Encoding::Query { xmlns } => query::write(operation, xmlns, &value, request_id),
        Encoding::Json { .. } | Encoding::Cbor { .. } if value.is_null() => Vec::new(),
        Encoding::Json { .. } => json::write(&value),
        Encoding::Cbor { .. } => cbor::write(&value),
    };
    let content_type = encoding.content_type();
    Ok(Answer { status: 200, content_type, error_type: None, body: body.into() })
}

/// Writes an error. The source stays inside.
pub fn encode_error(encoding: &Encoding, error: &ApiError, request_id: RequestId) -> Answer {
    let members = |message_member: &'static str| {
        let mut members: Vec<(Key, Value)> = vec![("__type".into(), error.code.as_ref().into())];
        if !error.message.is_empty() {
            members.push((message_member.into(), error.message.as_str().into()));
        }
        members.extend(error.fields.iter().map(|(name, value)| (Key::Borrowed(*name), value.clone())));
        Value::Map(members)
    };
    let body = match encoding {
        Encoding::Json { message_member, .. } => json::write(&members(message_member)),
        Encoding::Cbor { message_member } => cbor::write(&members(message_member)),
        Encoding::Query { xmlns } => query::write_error(error, xmlns, request_id),
    };
    let error_type = match encoding {
        Encoding::Json { .. } | Encoding::Cbor { .. } => Some(error.code.to_string()),
        Encoding::Query { .. } => None,
    };
    let status = match encoding {
        Encoding::Query { .. } => query::status(error),
        Encoding::Json { .. } | Encoding::Cbor { .. } => error.status,
    };
    Answer { status, content_type: encoding.content_type(), error_type, body: body.into() }
}

#[cfg(test)]
mod tests;
