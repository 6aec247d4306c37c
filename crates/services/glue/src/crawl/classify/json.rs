//! JSON: one object a line, objects one after the other over several lines, or one array of values.
//!
//! Types follow AWS's classifier: `int` while values fit 32 bits, then `bigint`; nested objects are structs. An array
//! at the top becomes the one column `array`, as on AWS. Values are never built: a shape takes them up as they
//! are parsed.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::sample::Sample;
use super::{Format, Found, Unclassified};
use crate::hive::HiveType;

/// More fields in one object than this are data, not columns.
const MAX_FIELDS: usize = 2_000;

/// One line in so many may be broken.
const BROKEN_SHARE: usize = 10;

pub fn classify(sample: &Sample) -> Result<Found, Unclassified> {
    let (shape, records, bytes) = match lines(sample) {
        Some(found) => found,
        None => values(sample)?,
    };
    let columns = match shape {
        Shape::Object(fields) => {
            let fields = fields.into_iter().map(|(name, shape)| (name, shape.into_type()));
            fields.collect()
        }
        array @ Shape::Array(_) => vec![("array".to_owned(), array.into_type())],
        Shape::Unknown | Shape::Scalar(_) => Vec::new(),
    };
    if columns.is_empty() {
        return Err(Unclassified::NotText("it holds no JSON objects".to_owned()));
    }
    Ok(Found { format: Format::Json, columns, records: records as u64, bytes: bytes as u64, complete: true })
}

/// Reads one object a line; `None` when that is not how the file is laid out.
fn lines(sample: &Sample) -> Option<(Shape, usize, usize)> {
    let mut shape = Shape::Unknown;
    let (mut good, mut broken, mut bytes) = (0, 0, 0);
    let mut rest = sample.text.as_str();
    while !rest.is_empty() {
        let end = match rest.find('\n') {
            Some(end) => end + 1,
            None if sample.whole => rest.len(),
            // The last line of a sample is cut short.
            None => break,
        };
        let (line, after) = rest.split_at(end);
        rest = after;
        if line.trim().is_empty() {
            continue;
        }
        let mut one = Shape::Unknown;
        let mut deserializer = serde_json::Deserializer::from_str(line);
        let read = Grow(&mut one).deserialize(&mut deserializer).and_then(|()| deserializer.end());
        if read.is_ok() && matches!(one, Shape::Object(_)) {
            shape.merge(one).ok()?;
            good += 1;
            bytes += line.len();
        } else if good == 0 {
            return None;
        } else {
            broken += 1;
        }
    }
    (good > 0 && broken * BROKEN_SHARE <= good).then_some((shape, good, bytes))
}

/// Reads values one after the other, wherever their lines end.
fn values(sample: &Sample) -> Result<(Shape, usize, usize), Unclassified> {
    let mut shape = Shape::Unknown;
    let mut records = 0;
    let mut deserializer = serde_json::Deserializer::from_str(&sample.text);
    while deserializer.end().is_err() {
        match Grow(&mut shape).deserialize(&mut deserializer) {
            Ok(()) => records += 1,
            // What the end of the sample cuts has told its part already.
            Err(error) if error.is_eof() && !sample.whole => {
                records += 1;
                break;
            }
            Err(error) => return Err(Unclassified::NotText(error.to_string())),
        }
    }
    Ok((shape, records, sample.text.len()))
}

/// What is known of a place in the data.
#[derive(Debug, Clone, PartialEq)]
enum Shape {
    /// Only null was seen.
    Unknown,
    Scalar(HiveType),
    Array(Box<Shape>),
    Object(Vec<(String, Shape)>),
}

impl Shape {
    fn into_type(self) -> HiveType {
        match self {
            Self::Unknown => HiveType::String,
            Self::Scalar(found) => found,
            Self::Array(item) => HiveType::Array(Box::new(item.into_type())),
            Self::Object(fields) if fields.is_empty() => HiveType::String,
            Self::Object(fields) => {
                HiveType::Struct(fields.into_iter().map(|(name, shape)| (name, shape.into_type())).collect())
            }
        }
    }

    fn scalar(&mut self, found: HiveType) {
        *self = match std::mem::replace(self, Self::Unknown) {
            Self::Unknown => Self::Scalar(found),
            Self::Scalar(before) => Self::Scalar(before.widened(found)),
            Self::Array(_) | Self::Object(_) => Self::Scalar(HiveType::String),
        }
    }

    /// The place of an array's items; `None` when other values were seen here, so that it is text by now.
    fn items(&mut self) -> Option<&mut Shape> {
        if matches!(self, Self::Unknown) {
            *self = Self::Array(Box::new(Self::Unknown));
        }
        match self {
            Self::Array(item) => Some(item),
            Self::Unknown | Self::Scalar(_) | Self::Object(_) => {
                self.scalar(HiveType::String);
                None
            }
        }
    }

    fn fields(&mut self) -> Option<&mut Vec<(String, Shape)>> {
        if matches!(self, Self::Unknown) {
            *self = Self::Object(Vec::new());
        }
        match self {
            Self::Object(fields) => Some(fields),
            Self::Unknown | Self::Scalar(_) | Self::Array(_) => {
                self.scalar(HiveType::String);
                None
            }
        }
    }

    fn merge(&mut self, other: Self) -> Result<(), TooManyFields> {
        match other {
            Self::Unknown => {}
            Self::Scalar(found) => self.scalar(found),
            Self::Array(other) => {
                if let Some(item) = self.items() {
                    item.merge(*other)?;
                }
            }
            Self::Object(others) => {
                if let Some(fields) = self.fields() {
                    for (name, other) in others {
                        field(fields, &name)?.merge(other)?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("an object has more than {MAX_FIELDS} fields")]
struct TooManyFields;

/// JSON SerDes compare names without regard to case, and the catalog keeps them in lower case.
fn field<'a>(fields: &'a mut Vec<(String, Shape)>, name: &str) -> Result<&'a mut Shape, TooManyFields> {
    let name = name.to_lowercase();
    let place = match fields.iter().position(|(known, _)| *known == name) {
        Some(place) => place,
        None if fields.len() >= MAX_FIELDS => return Err(TooManyFields),
        None => {
            fields.push((name, Shape::Unknown));
            fields.len() - 1
        }
    };
    Ok(&mut fields[place].1)
}

/// Takes up one value; the parser's own limit bounds its depth.
struct Grow<'a>(&'a mut Shape);

impl<'de> DeserializeSeed<'de> for Grow<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Grow<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.0.scalar(HiveType::Boolean);
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.0.scalar(if i32::try_from(value).is_ok() { HiveType::Int } else { HiveType::BigInt });
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.0.scalar(if i32::try_from(value).is_ok() {
            HiveType::Int
        } else if i64::try_from(value).is_ok() {
            HiveType::BigInt
        } else {
            HiveType::Double
        });
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.0.scalar(HiveType::Double);
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        self.0.scalar(HiveType::String);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        let mut ignored = Shape::Unknown;
        let item = self.0.items().unwrap_or(&mut ignored);
        while values.next_element_seed(Grow(item))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut ignored = Vec::new();
        let fields = self.0.fields().unwrap_or(&mut ignored);
        while let Some(name) = entries.next_key::<String>()? {
            let place = field(fields, &name).map_err(serde::de::Error::custom)?;
            entries.next_value_seed(Grow(place))?;
        }
        Ok(())
    }
}
