//! The query protocol: forms in, XML out. `Foo.member.1.Bar=x` becomes a tree; the shape tells lists from structures.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use millpond_core::RequestId;
use quick_xml::escape::escape;

use crate::value::Key;
use crate::{ApiError, MAX_DEPTH, Malformed, Value};

/// How many parameters a form may have.
pub const MAX_PARAMETERS: usize = 10_000;

/// A form: from a request's body, or from its query string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form(Vec<(String, String)>);

impl Form {
    pub fn parse(text: &[u8]) -> Result<Self, Malformed> {
        let mut pairs = Vec::new();
        for (name, value) in form_urlencoded::parse(text) {
            if pairs.len() == MAX_PARAMETERS {
                return Err(Malformed(format!("The request has more than {MAX_PARAMETERS} parameters")));
            }
            pairs.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(pairs))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The operation that the form calls.
    pub fn action(&self) -> Option<&str> {
        self.get("Action")
    }

    /// The parameters as a tree, without `Action` and `Version`.
    pub fn into_value(self) -> Result<Value, Malformed> {
        let mut root = Branch::default();
        for (name, value) in self.0 {
            if name != "Action" && name != "Version" {
                root.put(&name, value)?;
            }
        }
        Ok(root.into_value())
    }
}

/// A tree that grows by dotted names.
#[derive(Default)]
struct Branch {
    text: Option<String>,
    members: BTreeMap<String, Branch>,
}

impl Branch {
    fn put(&mut self, name: &str, value: String) -> Result<(), Malformed> {
        let mut branch = self;
        for (depth, part) in name.split('.').enumerate() {
            if depth == MAX_DEPTH {
                return Err(Malformed(format!("The parameter name nests more than {MAX_DEPTH} levels deep")));
            }
            branch = branch.members.entry(part.to_owned()).or_default();
        }
        branch.text = Some(value);
        Ok(())
    }

    fn into_value(self) -> Value {
        match self.text {
            Some(text) if self.members.is_empty() => Value::String(text),
            _ => {
                let members = self.members.into_iter();
                Value::Map(members.map(|(name, branch)| (Key::Owned(name), branch.into_value())).collect())
            }
        }
    }
}

/// A list's members as the form numbers them: `member.1`, `member.2`, or the numbers alone.
/// `None` when the value is no list.
pub(crate) fn list_of(value: Value) -> Option<Vec<Value>> {
    let entries = match value {
        // `Names=` sends the empty list.
        Value::String(text) => return text.is_empty().then(Vec::new),
        Value::Map(entries) => entries,
        _ => return None,
    };
    let entries = match <[_; 1]>::try_from(entries) {
        Ok([(name, Value::Map(members))]) if name == "member" => members,
        Ok(entry) => entry.into(),
        Err(entries) => entries,
    };
    let numbered = entries.into_iter().map(|(name, value)| Some((name.parse::<u32>().ok()?, value)));
    let mut numbered: Vec<_> = numbered.collect::<Option<_>>()?;
    numbered.sort_by_key(|(number, _)| *number);
    Some(numbered.into_iter().map(|(_, value)| value).collect())
}

/// A map's entries: `entry.1.key` with `entry.1.value`, or without `entry`.
pub(crate) fn entries_of(value: Value) -> Option<Vec<(Key, Value)>> {
    let value = match value {
        Value::Map(entries) => match <[_; 1]>::try_from(entries) {
            Ok([(name, inner)]) if name == "entry" => inner,
            Ok(entry) => Value::Map(entry.into()),
            Err(entries) => Value::Map(entries),
        },
        other => other,
    };
    let entry = |entry: Value| match entry {
        Value::Map(parts) => {
            let (mut key, mut value) = (None, Value::Null);
            for (name, part) in parts {
                match (name.as_ref(), part) {
                    ("key", Value::String(text)) => key = Some(Key::Owned(text)),
                    ("value", part) => value = part,
                    _ => return None,
                }
            }
            Some((key?, value))
        }
        _ => None,
    };
    list_of(value)?.into_iter().map(entry).collect()
}

/// A successful answer's document.
pub fn write(operation: &str, xmlns: &str, output: &Value, request_id: RequestId) -> Vec<u8> {
    let mut xml = format!("<{operation}Response xmlns=\"{}\">\n", escape(xmlns));
    if !output.is_null() {
        element(&mut xml, &format!("{operation}Result"), output);
        xml.push('\n');
    }
    let id =
        format_args!("<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>").to_string();
    xml.push_str(&id);
    write!(xml, "\n</{operation}Response>\n").expect("a String takes every write");
    xml.into_bytes()
}

/// A refusal's code and status in the JSON protocols, and in this one.
const DENIED: (&str, &str, u16) = ("AccessDeniedException", "AccessDenied", 403);

fn code(error: &ApiError) -> &str {
    if error.code == DENIED.0 { DENIED.1 } else { &error.code }
}

/// The HTTP status of an error.
pub fn status(error: &ApiError) -> u16 {
    if error.code == DENIED.0 { DENIED.2 } else { error.status }
}

/// An error's document.
pub fn write_error(error: &ApiError, xmlns: &str, request_id: RequestId) -> Vec<u8> {
    let mut xml = format!("<ErrorResponse xmlns=\"{}\">\n<Error>", escape(xmlns));
    let blame = if error.is_server_fault() { "Receiver" } else { "Sender" };
    element(&mut xml, "Type", &Value::from(blame));
    element(&mut xml, "Code", &Value::from(code(error)));
    element(&mut xml, "Message", &Value::from(error.message.as_str()));
    for (name, value) in &error.fields {
        element(&mut xml, name, value);
    }
    xml.push_str("</Error>\n");
    element(&mut xml, "RequestId", &Value::String(request_id.to_string()));
    xml.push_str("\n</ErrorResponse>\n");
    xml.into_bytes()
}

fn element(xml: &mut String, name: &str, value: &Value) {
    if value.is_null() {
        return;
    }
    xml.push('<');
    xml.push_str(name);
    xml.push('>');
    match value {
        Value::Null => {}
        Value::Bool(flag) => xml.push_str(if *flag { "true" } else { "false" }),
        Value::Long(number) => xml.push_str(&number.to_string()),
        Value::Double(number) => xml.push_str(&number.to_string()),
        Value::String(text) => xml.push_str(&escape(xml_text(text))),
        Value::Blob(bytes) => STANDARD.encode_string(bytes, xml),
        Value::Timestamp(at) => xml.push_str(&at.to_string()),
        Value::List(items) => items.iter().for_each(|item| element(xml, "member", item)),
        Value::Map(members) => members.iter().for_each(|(name, value)| element(xml, name, value)),
    }
    xml.push_str("</");
    xml.push_str(name);
    xml.push('>');
}

/// XML 1.0 has no form for most control characters, not even an escaped one.
fn xml_text(text: &str) -> String {
    let printable = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    text.chars().map(|c| if printable(c) { c } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(form: &str) -> Value {
        Form::parse(form.as_bytes()).unwrap().into_value().unwrap()
    }

    #[test]
    fn forms_become_trees() {
        let value = tree("Action=A&Version=1&Names.member.2=b&Names.member.1=a%20b&Policy.Deep.X=1&Empty=");
        assert_eq!(value.get("Policy").and_then(|v| v.get("Deep")?.get("X")?.as_str()), Some("1"));
        assert_eq!(value.get("Action"), None);
        let names = list_of(value.get("Names").unwrap().clone());
        assert_eq!(names, Some(vec!["a b".into(), "b".into()]));
        assert_eq!(list_of(value.get("Empty").unwrap().clone()), Some(vec![]));
        let map = tree("T.entry.1.key=k&T.entry.1.value=v&T.entry.2.key=l&T.entry.2.value=w");
        let entries = entries_of(map.get("T").unwrap().clone());
        assert_eq!(entries, Some(vec![("k".into(), "v".into()), ("l".into(), "w".into())]));
        assert_eq!(list_of(tree("L.member.x=1").get("L").unwrap().clone()), None);
    }

    #[test]
    fn huge_forms_meet_a_limit() {
        assert!(Form::parse("a=1&".repeat(MAX_PARAMETERS + 1).as_bytes()).is_err());
        assert!(Form::parse("a.".repeat(1_000).as_bytes()).unwrap().into_value().is_err());
    }

    #[test]
    fn answers_are_escaped() {
        let id = RequestId::random();
        let output = Value::Map(vec![
            ("Name".into(), "a<b & \u{1}".into()),
            ("List".into(), Value::List(vec![Value::Long(1)])),
        ]);
        let xml = String::from_utf8(write("Get", "urn:x", &output, id)).unwrap();
        let expected = format!(
            "<GetResponse xmlns=\"urn:x\">\n<GetResult><Name>a&lt;b &amp; \u{fffd}</Name><List><member>1</member></List>\
             </GetResult>\n<ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata>\n</GetResponse>\n"
        );
        assert_eq!(xml, expected);
    }
}
