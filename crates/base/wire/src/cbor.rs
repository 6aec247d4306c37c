//! CBOR bodies in the dialect `application/x-amz-cbor-1.1`, which the Java SDK speaks to Kinesis: blobs raw, times as
//! tag 1 over milliseconds (the RFC counts seconds).

use bytes::Bytes;
use ciborium_ll::{Decoder, Encoder, Header, simple, tag};
use millpond_core::Timestamp;

use crate::value::Key;
use crate::{MAX_DEPTH, MAX_VALUES, Malformed, Value};

/// Tag 1: a time.
const TAG_TIME: u64 = 1;

/// Reads one CBOR item, of definite or indefinite length. An empty body is the empty structure.
pub fn read(body: &[u8]) -> Result<Value, Malformed> {
    if body.is_empty() {
        return Ok(Value::Map(Vec::new()));
    }
    let mut reader = Reader { rest: body, whole: body.len(), values: 0 };
    let value = reader.item(0)?;
    if reader.rest.is_empty() { Ok(value) } else { Err(reader.malformed("bytes after its end")) }
}

struct Reader<'b> {
    rest: &'b [u8],
    whole: usize,
    values: usize,
}

impl<'b> Reader<'b> {
    fn malformed(&self, why: impl std::fmt::Display) -> Malformed {
        let at = self.whole - self.rest.len();
        Malformed(format!("The request body is not valid CBOR: {why} at byte {at}"))
    }

    fn header(&mut self) -> Result<Header, Malformed> {
        // A decoder takes exactly the header's bytes and holds nothing back, so that texts and blobs can be sliced.
        Decoder::from(&mut self.rest).pull().map_err(|_| self.malformed("a broken or missing item"))
    }

    fn item(&mut self, depth: usize) -> Result<Value, Malformed> {
        let header = self.header()?;
        self.after(header, depth)
    }

    fn after(&mut self, header: Header, depth: usize) -> Result<Value, Malformed> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(self.malformed(format_args!("more than {MAX_VALUES} values")));
        }
        if depth > MAX_DEPTH {
            return Err(self.malformed(format_args!("nested more than {MAX_DEPTH} levels deep")));
        }
        Ok(match header {
            Header::Positive(number) => {
                i64::try_from(number).map_or(Value::Double(number as f64), Value::Long)
            }
            // CBOR holds -1 - n.
            Header::Negative(n) => {
                i64::try_from(n).map_or(Value::Double(-1.0 - n as f64), |n| Value::Long(-1 - n))
            }
            Header::Float(number) => Value::Double(number),
            Header::Simple(simple::FALSE) => Value::Bool(false),
            Header::Simple(simple::TRUE) => Value::Bool(true),
            Header::Simple(simple::NULL | simple::UNDEFINED) => Value::Null,
            Header::Simple(other) => return Err(self.malformed(format_args!("simple value {other}"))),
            Header::Break => return Err(self.malformed("a break outside of an indefinite item")),
            Header::Bytes(len) => Value::Blob(self.bytes(len)?),
            Header::Text(len) => Value::String(self.text(len)?),
            Header::Array(len) => Value::List(self.list(len, depth)?),
            Header::Map(len) => Value::Map(self.map(len, depth)?),
            Header::Tag(TAG_TIME) => self.time(depth)?,
            Header::Tag(tag::BIGPOS | tag::BIGNEG) => {
                return Err(self.malformed("a number of more than 64 bits"));
            }
            // Other tags annotate a value that stands for itself.
            Header::Tag(_) => self.item(depth + 1)?,
        })
    }

    fn time(&mut self, depth: usize) -> Result<Value, Malformed> {
        match self.item(depth + 1)? {
            Value::Long(millis) => Ok(Value::Timestamp(Timestamp::from_millis(millis))),
            Value::Double(millis) => Timestamp::from_secs_f64(millis / 1_000.0)
                .map(Value::Timestamp)
                .ok_or_else(|| self.malformed("a time out of range")),
            _ => Err(self.malformed("a time that is no number")),
        }
    }

    fn take(&mut self, len: usize) -> Result<&'b [u8], Malformed> {
        let (taken, rest) =
            self.rest.split_at_checked(len).ok_or_else(|| self.malformed("a cut-off item"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn bytes(&mut self, len: Option<usize>) -> Result<Bytes, Malformed> {
        if let Some(len) = len {
            return Ok(Bytes::copy_from_slice(self.take(len)?));
        }
        let mut joined = Vec::new();
        loop {
            match self.header()? {
                Header::Break => return Ok(joined.into()),
                Header::Bytes(Some(len)) => joined.extend_from_slice(self.take(len)?),
                _ => return Err(self.malformed("a piece of another kind in a byte string")),
            }
        }
    }

    fn text(&mut self, len: Option<usize>) -> Result<String, Malformed> {
        let mut joined = String::new();
        if let Some(len) = len {
            self.piece(len, &mut joined)?;
            return Ok(joined);
        }
        loop {
            match self.header()? {
                Header::Break => return Ok(joined),
                Header::Text(Some(len)) => self.piece(len, &mut joined)?,
                _ => return Err(self.malformed("a piece of another kind in a text")),
            }
        }
    }

    fn piece(&mut self, len: usize, text: &mut String) -> Result<(), Malformed> {
        let bytes = self.take(len)?;
        text.push_str(std::str::from_utf8(bytes).map_err(|_| self.malformed("a text that is not UTF-8"))?);
        Ok(())
    }

    fn list(&mut self, len: Option<usize>, depth: usize) -> Result<Vec<Value>, Malformed> {
        let mut list = Vec::new();
        // A length of billions costs nothing here: each member has to be there to be read.
        while len.is_none_or(|len| list.len() < len) {
            match self.header()? {
                Header::Break if len.is_none() => break,
                header => list.push(self.after(header, depth + 1)?),
            }
        }
        Ok(list)
    }

    fn map(&mut self, len: Option<usize>, depth: usize) -> Result<Vec<(Key, Value)>, Malformed> {
        let mut map = Vec::new();
        while len.is_none_or(|len| map.len() < len) {
            let key = match self.header()? {
                Header::Break if len.is_none() => break,
                Header::Text(len) => self.text(len)?,
                _ => return Err(self.malformed("a key that is no text")),
            };
            map.push((Key::Owned(key), self.item(depth + 1)?));
        }
        Ok(map)
    }
}

/// Writes a value in the same dialect.
pub fn write(value: &Value) -> Vec<u8> {
    let mut body = Vec::new();
    put(&mut body, value).expect("a Vec takes every write");
    body
}

fn put(body: &mut Vec<u8>, value: &Value) -> Result<(), std::io::Error> {
    let mut out = Encoder::from(&mut *body);
    match value {
        Value::Null => out.push(Header::Simple(simple::NULL)),
        Value::Bool(flag) => out.push(Header::Simple(if *flag { simple::TRUE } else { simple::FALSE })),
        Value::Long(number) => out.push(long(*number)),
        Value::Double(number) => out.push(Header::Float(*number)),
        Value::String(text) => out.text(text, None),
        Value::Blob(bytes) => out.bytes(bytes, None),
        Value::Timestamp(at) => {
            out.push(Header::Tag(TAG_TIME))?;
            out.push(long(at.as_millis()))
        }
        Value::List(items) => {
            out.push(Header::Array(Some(items.len())))?;
            items.iter().try_for_each(|item| put(body, item))
        }
        Value::Map(entries) => {
            out.push(Header::Map(Some(entries.len())))?;
            entries.iter().try_for_each(|(key, value)| {
                Encoder::from(&mut *body).text(key, None)?;
                put(body, value)
            })
        }
    }
}

fn long(number: i64) -> Header {
    match u64::try_from(number) {
        Ok(positive) => Header::Positive(positive),
        Err(_) => Header::Negative(!number as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_java_sdks_forms() {
        let check = |body: &[u8], expected: Value| assert_eq!(read(body), Ok(expected), "{body:02x?}");
        check(&[], Value::Map(vec![]));
        // {_ "Data": h'6869', "At": 1(1000)}
        let body = b"\xbf\x64Data\x42hi\x62At\xc1\x19\x03\xe8\xff";
        let at = Value::Timestamp(Timestamp::from_millis(1_000));
        check(body, Value::Map(vec![("Data".into(), Value::Blob("hi".into())), ("At".into(), at)]));
        // A text and a list of indefinite length, and a negative number.
        check(b"\x9f\x7f\x62ab\x61c\xff\x38\x63\xff", Value::List(vec!["abc".into(), Value::Long(-100)]));
        check(b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff", Value::Double(u64::MAX as f64));
        check(b"\x3b\x7f\xff\xff\xff\xff\xff\xff\xff", Value::Long(i64::MIN));
    }

    #[test]
    fn refuses_what_is_broken() {
        let deep = vec![0x81; 100_000];
        let wide = [&[0x9f][..], &vec![0xf6; MAX_VALUES + 1], &[0xff]].concat();
        for body in [
            &b"\x64Da"[..],
            b"\xff",
            b"\x82\x01",
            b"\x01\x01",
            b"\xa1\x01\x01",
            b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x62\xff\xfe",
            b"\xc1\x61a",
            &deep,
            &wide,
        ] {
            assert!(read(body).is_err(), "{:02x?}", &body[..body.len().min(16)]);
        }
    }
}
