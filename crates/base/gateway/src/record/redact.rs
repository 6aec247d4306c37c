//! What of a request and of its answer may be told: members by CloudTrail's names, secrets hidden, bytes left out.

use millpond_wire::Value;
use millpond_wire::value::Key;

/// What stands where a secret was.
pub const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// Names, or how they end, of texts that are secrets in whatever service, beside what the models mark; compared without case and
/// without `-` and `_`.
const SECRETS: &[&str] = &[
    "authenticationcode1",
    "authenticationcode2",
    "authorizationcode",
    "base32stringseed",
    "clientsecret",
    "copysourcessecustomerkey",
    "decodedmessage",
    "encodedmessage",
    "encryptedkeymaterial",
    "importtoken",
    "keymaterial",
    "plaintext",
    "privatekey",
    "privatekeyplaintext",
    "querystring",
    "samlassertion",
    "secret",
    "secretaccesskey",
    "secretbinary",
    "secretkey",
    "secretstring",
    "securitytoken",
    "servicecredentialsecret",
    "sessiontoken",
    "signature",
    "ssecustomerkey",
    "tokencode",
    "webidentitytoken",
];

/// Parts of names that are secrets wherever they stand.
const SECRET_PARTS: &[&str] = &["password", "passphrase"];

/// AWS leaves out what is larger.
const MAX_BYTES: usize = 100 * 1024;

/// A tree for the record. `secrets` are the members that the operation's model marks as sensitive.
///
/// Texts under a secret's name are hidden; numbers and flags are none. Bytes are left out wherever they stand, and so is
/// everything when it is too much.
pub fn redact(tree: &Value, secrets: &[&str]) -> Value {
    let mut walk = Walk { secrets, bytes: 0 };
    let told = walk.value(tree).unwrap_or(Value::Null);
    match walk.bytes {
        ..=MAX_BYTES => told,
        bytes => Value::Map(vec![
            (Key::Borrowed("omitted"), Value::Bool(true)),
            (Key::Borrowed("originalSize"), Value::Long(i64::try_from(bytes).unwrap_or(i64::MAX))),
            (Key::Borrowed("reason"), "the value is too large".into()),
        ]),
    }
}

struct Walk<'s> {
    secrets: &'s [&'s str],
    /// What the told values come to, roughly.
    bytes: usize,
}

impl Walk<'_> {
    /// `None` for bytes.
    fn value(&mut self, value: &Value) -> Option<Value> {
        // Past the limit it is only counted.
        let over = self.bytes > MAX_BYTES;
        Some(match value {
            Value::Blob(_) => return None,
            Value::String(text) => {
                self.bytes += text.len() + 2;
                if over { Value::Null } else { Value::String(text.clone()) }
            }
            Value::Timestamp(at) => {
                self.bytes += 26;
                Value::String(at.to_string())
            }
            Value::List(items) => Value::List(items.iter().filter_map(|item| self.value(item)).collect()),
            Value::Map(entries) => Value::Map(
                entries.iter().filter(|(_, value)| !value.is_null()).filter_map(|e| self.member(e)).collect(),
            ),
            simple => {
                self.bytes += 8;
                simple.clone()
            }
        })
    }

    fn member(&mut self, (name, value): &(Key, Value)) -> Option<(Key, Value)> {
        self.bytes += name.len() + 4;
        let told = match self.is_secret(name) && holds_text(value) {
            true => HIDDEN.into(),
            false => self.value(value)?,
        };
        // Only members of shapes have borrowed names: a map's keys are the caller's own.
        let name = match name {
            Key::Borrowed(name) => lower_first(name),
            Key::Owned(_) => name.clone(),
        };
        Some((name, told))
    }

    fn is_secret(&self, name: &str) -> bool {
        if self.secrets.contains(&name) {
            return true;
        }
        let plain: String =
            name.chars().filter(|c| !matches!(c, '-' | '_')).map(|c| c.to_ascii_lowercase()).collect();
        SECRETS.iter().any(|name| plain.ends_with(name))
            || SECRET_PARTS.iter().any(|part| plain.contains(part))
    }
}

/// A flag is no secret, nor is a length.
fn holds_text(value: &Value) -> bool {
    match value {
        Value::String(_) | Value::Blob(_) => true,
        Value::List(items) => items.iter().any(holds_text),
        Value::Map(entries) => entries.iter().any(|(_, value)| holds_text(value)),
        Value::Null | Value::Bool(_) | Value::Long(_) | Value::Double(_) | Value::Timestamp(_) => false,
    }
}

/// `KeyId` as `keyId`.
fn lower_first(name: &str) -> Key {
    let mut letters = name.chars();
    match letters.next() {
        Some(first) => Key::Owned(format!("{}{}", first.to_ascii_lowercase(), letters.as_str())),
        None => Key::Borrowed(""),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use millpond_core::Timestamp;
    use millpond_wire::json;

    use super::*;

    fn map(entries: Vec<(&'static str, Value)>) -> Value {
        Value::Map(entries.into_iter().map(|(name, value)| (Key::Borrowed(name), value)).collect())
    }

    fn told(tree: &Value, secrets: &[&str]) -> String {
        String::from_utf8(json::write(&redact(tree, secrets))).unwrap()
    }

    #[test]
    fn names_are_cloudtrails_and_keys_are_the_callers() {
        let tags = Value::Map(vec![(Key::Owned("Owner".to_owned()), "me".into())]);
        let tree = map(vec![
            ("StreamName", "orders".into()),
            ("AWSServiceName", "x".into()),
            ("Tags", tags),
            ("At", Value::Timestamp(Timestamp::EPOCH)),
            ("Absent", Value::Null),
        ]);
        assert_eq!(
            told(&tree, &[]),
            r#"{"streamName":"orders","aWSServiceName":"x","tags":{"Owner":"me"},"at":"1970-01-01T00:00:00.000Z"}"#
        );
    }

    #[test]
    fn secrets_are_hidden_and_bytes_left_out() {
        let secret = || Value::from("hunter2");
        for (name, value, secrets, expected) in [
            ("Password", secret(), &[][..], r#"{"password":"HIDDEN"}"#),
            ("NewPassword", secret(), &[], r#"{"newPassword":"HIDDEN"}"#),
            ("PasswordResetRequired", true.into(), &[], r#"{"passwordResetRequired":true}"#),
            ("MinimumPasswordLength", Value::Long(8), &[], r#"{"minimumPasswordLength":8}"#),
            ("SecretAccessKey", secret(), &[], r#"{"secretAccessKey":"HIDDEN"}"#),
            ("SessionToken", secret(), &[], r#"{"sessionToken":"HIDDEN"}"#),
            ("SSECustomerKey", secret(), &[], r#"{"sSECustomerKey":"HIDDEN"}"#),
            ("x-amz-security-token", secret(), &[], r#"{"x-amz-security-token":"HIDDEN"}"#),
            ("QueryString", secret(), &[], r#"{"queryString":"HIDDEN"}"#),
            ("Plaintext", Value::Blob(Bytes::from_static(b"hunter2")), &[], r#"{"plaintext":"HIDDEN"}"#),
            ("Data", Value::Blob(Bytes::from_static(b"hunter2")), &[], "{}"),
            ("Colour", secret(), &["Colour"], r#"{"colour":"HIDDEN"}"#),
            ("Colours", Value::List(vec![secret()]), &["Colours"], r#"{"colours":"HIDDEN"}"#),
            ("Colour", secret(), &["Shape"], r#"{"colour":"hunter2"}"#),
        ] {
            let expected = expected.replace("HIDDEN", HIDDEN);
            for (tree, expected) in [
                (map(vec![(name, value.clone())]), expected.clone()),
                (
                    map(vec![("In", Value::List(vec![map(vec![(name, value.clone())])]))]),
                    format!(r#"{{"in":[{expected}]}}"#),
                ),
            ] {
                assert_eq!(told(&tree, secrets), expected, "{name}");
            }
        }
        // A map's own keys count too, as connection properties have them.
        let properties = Value::Map(vec![(Key::Owned("PASSWORD".to_owned()), secret())]);
        assert_eq!(told(&properties, &[]), format!(r#"{{"PASSWORD":"{HIDDEN}"}}"#));
    }

    #[test]
    fn what_is_too_much_is_left_out() {
        let tree = map(vec![("Text", Value::String("x".repeat(MAX_BYTES + 1)))]);
        let told = told(&tree, &[]);
        assert!(told.starts_with(r#"{"omitted":true,"originalSize":102"#), "{told}");
        assert!(told.len() < 200);
    }
}
