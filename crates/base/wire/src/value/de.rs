//! `Value` as a serde deserializer: what it owns moves into the type.

use std::vec;

use millpond_core::clock::TIMESTAMP_NAME;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, VariantAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::{Key, Value, ValueError};

impl<'de> IntoDeserializer<'de, ValueError> for Value {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

type Entries = MapDeserializer<'static, vec::IntoIter<(Key, Value)>, ValueError>;

impl<'de> Deserializer<'de> for Value {
    type Error = ValueError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self {
            Self::Null => visitor.visit_unit(),
            Self::Bool(flag) => visitor.visit_bool(flag),
            Self::Long(number) => visitor.visit_i64(number),
            Self::Double(number) => visitor.visit_f64(number),
            Self::String(text) => visitor.visit_string(text),
            Self::Blob(bytes) => visitor.visit_byte_buf(bytes.into()),
            Self::Timestamp(at) => visitor.visit_i64(at.as_millis()),
            Self::List(items) => visitor.visit_seq(SeqDeserializer::new(items.into_iter())),
            Self::Map(entries) => {
                let entries: Entries = MapDeserializer::new(entries.into_iter());
                visitor.visit_map(entries)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ValueError> {
        match self {
            Self::Null => visitor.visit_none(),
            value => visitor.visit_some(value),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        match self {
            Self::Timestamp(at) if name == TIMESTAMP_NAME => visitor.visit_i64(at.as_millis()),
            value if name == TIMESTAMP_NAME => {
                Err(de::Error::custom(format_args!("{value:?} is not a timestamp")))
            }
            value => visitor.visit_newtype_struct(value),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        match self {
            Self::String(text) => visitor.visit_enum(Variant { name: text, value: None }),
            Self::Map(mut entries) if entries.len() == 1 => match entries.pop() {
                Some((name, value)) => {
                    visitor.visit_enum(Variant { name: name.into_owned(), value: Some(value) })
                }
                None => Err(de::Error::custom("an empty map names no variant")),
            },
            value => Err(de::Error::custom(format_args!("{value:?} names no variant"))),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// An enum's variant with what it holds: a text alone, or a map of one entry.
struct Variant {
    name: String,
    value: Option<Value>,
}

impl<'de> EnumAccess<'de> for Variant {
    type Error = ValueError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(mut self, seed: S) -> Result<(S::Value, Self), ValueError> {
        let name = std::mem::take(&mut self.name);
        let name = seed.deserialize(IntoDeserializer::<ValueError>::into_deserializer(name))?;
        Ok((name, self))
    }
}

impl<'de> VariantAccess<'de> for Variant {
    type Error = ValueError;

    fn unit_variant(self) -> Result<(), ValueError> {
        match self.value {
            None | Some(Value::Null) => Ok(()),
            Some(value) => Err(de::Error::custom(format_args!("{value:?} where nothing is held"))),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, ValueError> {
        seed.deserialize(self.value.unwrap_or(Value::Null))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, ValueError> {
        self.value.unwrap_or(Value::Null).deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ValueError> {
        self.value.unwrap_or(Value::Null).deserialize_any(visitor)
    }
}
