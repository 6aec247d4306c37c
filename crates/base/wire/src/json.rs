//! JSON bodies: read with bounded depth and size, written with AWS's forms of times and blobs.

use std::cell::Cell;
use std::fmt;

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use crate::value::Key;
use crate::{MAX_DEPTH, MAX_VALUES, Malformed, Value};

/// Reads one JSON document. An empty body is the empty structure, as AWS takes it.
pub fn read(body: &[u8]) -> Result<Value, Malformed> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Value::Map(Vec::new()));
    }
    let values = Cell::new(0);
    let mut source = serde_json::Deserializer::from_slice(body);
    let malformed =
        |error: serde_json::Error| Malformed(format!("The request body is not valid JSON: {error}"));
    let value = Node { depth: 0, values: &values }.deserialize(&mut source).map_err(malformed)?;
    source.end().map_err(malformed)?;
    Ok(value)
}

/// Writes a value as the awsJson protocols do: times as seconds with a fraction, blobs in base64.
pub fn write(value: &Value) -> Vec<u8> {
    serde_json::to_vec(&Form(value)).expect("a Vec takes every write, and every key is a text")
}

/// Reads one value at a depth, and counts it.
#[derive(Clone, Copy)]
struct Node<'c> {
    depth: usize,
    values: &'c Cell<usize>,
}

impl Node<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            return Err(E::custom(format_args!("nested more than {MAX_DEPTH} levels deep")));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.values.set(self.values.get() + 1);
        if self.values.get() > MAX_VALUES {
            return Err(D::Error::custom(format_args!("more than {MAX_VALUES} values")));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Long(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(i64::try_from(number).map_or(Value::Double(number as f64), Value::Long))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Double(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut map = Vec::new();
        while let Some(key) = members.next_key::<String>()? {
            map.push((Key::Owned(key), members.next_value_seed(inner)?));
        }
        Ok(Value::Map(map))
    }
}

/// A value in the JSON protocols' form.
struct Form<'v>(&'v Value);

impl Serialize for Form<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(flag) => serializer.serialize_bool(*flag),
            Value::Long(number) => serializer.serialize_i64(*number),
            Value::Double(number) if number.is_nan() => serializer.serialize_str("NaN"),
            Value::Double(number) if number.is_infinite() => {
                serializer.serialize_str(if *number > 0.0 { "Infinity" } else { "-Infinity" })
            }
            Value::Double(number) => serializer.serialize_f64(*number),
            Value::String(text) => serializer.serialize_str(text),
            Value::Blob(bytes) => serializer.collect_str(&Base64Display::new(bytes, &STANDARD)),
            Value::Timestamp(at) => serializer.serialize_f64(at.as_secs_f64()),
            Value::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(&Form(item))?;
                }
                list.end()
            }
            Value::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key.as_ref(), &Form(value))?;
                }
                map.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use millpond_core::Timestamp;

    use super::*;

    #[test]
    fn writes_aws_forms() {
        let value = Value::Map(vec![
            ("At".into(), Value::Timestamp(Timestamp::from_millis(1_732_182_629_005))),
            ("Data".into(), Value::Blob(Bytes::from_static(b"hi"))),
            ("Rate".into(), Value::Double(f64::NAN)),
            ("List".into(), Value::List(vec![Value::Null, Value::Long(-1)])),
        ]);
        let expected = r#"{"At":1732182629.005,"Data":"aGk=","Rate":"NaN","List":[null,-1]}"#;
        assert_eq!(String::from_utf8(write(&value)).as_deref(), Ok(expected));
    }

    #[test]
    fn reads_within_limits() {
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        let wide = |n: usize| format!("[{}0]", "0,".repeat(n));
        for (body, reads) in [
            ("", true),
            (" \n", true),
            ("{\"a\":[1,2.5,null,true,\"x\\u00e9\"]}", true),
            ("{\"a\":}", false),
            ("{} {}", false),
            ("{\"a\":1e999}", false),
            ("\u{0}", false),
            (deep(64).as_str(), true),
            (deep(65).as_str(), false),
            (deep(100_000).as_str(), false),
            (wide(1_000).as_str(), true),
            (wide(MAX_VALUES).as_str(), false),
        ] {
            assert_eq!(read(body.as_bytes()).is_ok(), reads, "{}", &body[..body.len().min(40)]);
        }
        assert!(read(b"{\"a\":\"\xff\"}").is_err());
    }
}
