//! Any serde type as a [`Value`]: absent members of structures are left out, times and bytes keep their kind.

use std::fmt::Display;

use bytes::Bytes;
use millpond_core::Timestamp;
use millpond_core::clock::TIMESTAMP_NAME;
use serde::ser::{self, Serialize, Serializer};

use super::{Key, Value, ValueError};

/// The value that an output type stands for.
pub fn to_value<T: Serialize + ?Sized>(output: &T) -> Result<Value, ValueError> {
    output.serialize(Writer { maps: Maps::AsMembers })
}

/// The same for XML, which tells maps from structures: each entry of a map becomes an element `entry` with `key` and `value`.
pub fn to_xml_value<T: Serialize + ?Sized>(output: &T) -> Result<Value, ValueError> {
    output.serialize(Writer { maps: Maps::AsEntries })
}

/// How the entries of a map are written.
#[derive(Clone, Copy)]
enum Maps {
    /// As a structure's members are.
    AsMembers,
    AsEntries,
}

#[derive(Clone, Copy)]
struct Writer {
    maps: Maps,
}

impl Serializer for Writer {
    type Ok = Value;
    type Error = ValueError;
    type SerializeSeq = List;
    type SerializeTuple = List;
    type SerializeTupleStruct = List;
    type SerializeTupleVariant = Held<List>;
    type SerializeMap = Map;
    type SerializeStruct = Map;
    type SerializeStructVariant = Held<Map>;

    fn serialize_bool(self, flag: bool) -> Result<Value, ValueError> {
        Ok(Value::Bool(flag))
    }

    fn serialize_i8(self, number: i8) -> Result<Value, ValueError> {
        Ok(Value::Long(number.into()))
    }

    fn serialize_i16(self, number: i16) -> Result<Value, ValueError> {
        Ok(Value::Long(number.into()))
    }

    fn serialize_i32(self, number: i32) -> Result<Value, ValueError> {
        Ok(Value::Long(number.into()))
    }

    fn serialize_i64(self, number: i64) -> Result<Value, ValueError> {
        Ok(Value::Long(number))
    }

    fn serialize_u8(self, number: u8) -> Result<Value, ValueError> {
        Ok(Value::Long(number.into()))
    }

    fn serialize_u16(self, number: u16) -> Result<Value, ValueError> {
        Ok(Value::Long(number.into()))
    }

    fn serialize_u32(self, number: u32) -> Result<Value, ValueError> {
        Ok(Value::Long(number.into()))
    }

    fn serialize_u64(self, number: u64) -> Result<Value, ValueError> {
        i64::try_from(number).map(Value::Long).map_err(ser::Error::custom)
    }

    fn serialize_f32(self, number: f32) -> Result<Value, ValueError> {
        Ok(Value::Double(number.into()))
    }

    fn serialize_f64(self, number: f64) -> Result<Value, ValueError> {
        Ok(Value::Double(number))
    }

    fn serialize_char(self, c: char) -> Result<Value, ValueError> {
        Ok(Value::String(c.to_string()))
    }

    fn serialize_str(self, text: &str) -> Result<Value, ValueError> {
        Ok(Value::String(text.to_owned()))
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<Value, ValueError> {
        Ok(Value::Blob(Bytes::copy_from_slice(bytes)))
    }

    fn serialize_none(self) -> Result<Value, ValueError> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, ValueError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, ValueError> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<Value, ValueError> {
        Ok(Value::Map(Vec::new()))
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<Value, ValueError> {
        Ok(Value::String(variant.to_owned()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Value, ValueError> {
        match value.serialize(self)? {
            Value::Long(millis) if name == TIMESTAMP_NAME => {
                Ok(Value::Timestamp(Timestamp::from_millis(millis)))
            }
            value => Ok(value),
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value, ValueError> {
        Ok(Value::Map(vec![(Key::Borrowed(variant), value.serialize(self)?)]))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<List, ValueError> {
        // The length is the type's own claim: it is a hint, not a promise of memory.
        Ok(List { items: Vec::with_capacity(len.unwrap_or(0).min(10_000)), writer: self })
    }

    fn serialize_tuple(self, len: usize) -> Result<List, ValueError> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_struct(self, _name: &'static str, len: usize) -> Result<List, ValueError> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Held<List>, ValueError> {
        Ok(Held { variant, inner: self.serialize_seq(Some(len))? })
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Map, ValueError> {
        let entries = Vec::with_capacity(len.unwrap_or(0).min(10_000));
        Ok(Map { entries, key: Key::Borrowed(""), writer: self })
    }

    fn serialize_struct(self, _name: &'static str, len: usize) -> Result<Map, ValueError> {
        self.serialize_map(Some(len))
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Held<Map>, ValueError> {
        Ok(Held { variant, inner: self.serialize_map(Some(len))? })
    }

    fn collect_str<T: Display + ?Sized>(self, text: &T) -> Result<Value, ValueError> {
        Ok(Value::String(text.to_string()))
    }
}

struct List {
    items: Vec<Value>,
    writer: Writer,
}

impl ser::SerializeSeq for List {
    type Ok = Value;
    type Error = ValueError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        self.items.push(value.serialize(self.writer)?);
        Ok(())
    }

    fn end(self) -> Result<Value, ValueError> {
        Ok(Value::List(self.items))
    }
}

impl ser::SerializeTuple for List {
    type Ok = Value;
    type Error = ValueError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        ser::SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<Value, ValueError> {
        ser::SerializeSeq::end(self)
    }
}

impl ser::SerializeTupleStruct for List {
    type Ok = Value;
    type Error = ValueError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        ser::SerializeSeq::serialize_element(self, value)
    }

    fn end(self) -> Result<Value, ValueError> {
        ser::SerializeSeq::end(self)
    }
}

struct Map {
    entries: Vec<(Key, Value)>,
    key: Key,
    writer: Writer,
}

impl ser::SerializeMap for Map {
    type Ok = Value;
    type Error = ValueError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), ValueError> {
        self.key = match key.serialize(self.writer)? {
            Value::String(text) => Key::Owned(text),
            Value::Long(number) => Key::Owned(number.to_string()),
            Value::Bool(flag) => Key::Borrowed(if flag { "true" } else { "false" }),
            other => return Err(ser::Error::custom(format_args!("{other:?} cannot be a key"))),
        };
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        let key = std::mem::take(&mut self.key);
        let value = value.serialize(self.writer)?;
        self.entries.push(match self.writer.maps {
            Maps::AsMembers => (key, value),
            Maps::AsEntries => {
                let key = Value::String(key.into_owned());
                let entry = vec![(Key::Borrowed("key"), key), (Key::Borrowed("value"), value)];
                (Key::Borrowed("entry"), Value::Map(entry))
            }
        });
        Ok(())
    }

    fn end(self) -> Result<Value, ValueError> {
        Ok(Value::Map(self.entries))
    }
}

impl ser::SerializeStruct for Map {
    type Ok = Value;
    type Error = ValueError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), ValueError> {
        match value.serialize(self.writer)? {
            Value::Null => {}
            value => self.entries.push((Key::Borrowed(name), value)),
        }
        Ok(())
    }

    fn end(self) -> Result<Value, ValueError> {
        Ok(Value::Map(self.entries))
    }
}

/// What a variant holds, under the variant's name.
struct Held<T> {
    variant: &'static str,
    inner: T,
}

impl ser::SerializeTupleVariant for Held<List> {
    type Ok = Value;
    type Error = ValueError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), ValueError> {
        ser::SerializeSeq::serialize_element(&mut self.inner, value)
    }

    fn end(self) -> Result<Value, ValueError> {
        Ok(Value::Map(vec![(Key::Borrowed(self.variant), ser::SerializeSeq::end(self.inner)?)]))
    }
}

impl ser::SerializeStructVariant for Held<Map> {
    type Ok = Value;
    type Error = ValueError;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), ValueError> {
        ser::SerializeStruct::serialize_field(&mut self.inner, name, value)
    }

    fn end(self) -> Result<Value, ValueError> {
        Ok(Value::Map(vec![(Key::Borrowed(self.variant), ser::SerializeStruct::end(self.inner)?)]))
    }
}
