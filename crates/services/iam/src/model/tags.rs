//! Tags: names that differ in case alone are one name.

use std::collections::BTreeMap;

use crate::api;
use crate::error::IamError;

/// By their names as they were given.
pub type Tags = BTreeMap<String, String>;

/// How many a resource may have.
const MAX_TAGS: usize = 50;

/// The tags of a request.
///
/// Errors: InvalidInput, for a name that stands twice or is AWS's.
pub fn of_request(tags: Option<Vec<api::Tag>>) -> Result<Tags, IamError> {
    let mut all = Tags::new();
    for api::Tag { key, value } in tags.unwrap_or_default() {
        if key.len() >= 4 && key[..4].eq_ignore_ascii_case("aws:") {
            let message = "System tags cannot be added/updated/deleted by requester";
            return Err(IamError::InvalidInput(message.to_owned()));
        }
        if spelled(&all, &key).is_some() {
            let message = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
            return Err(IamError::InvalidInput(message.to_owned()));
        }
        all.insert(key, value);
    }
    if all.len() > MAX_TAGS {
        return Err(too_many());
    }
    Ok(all)
}

/// Adds tags, or gives those that are there new values.
///
/// Errors: LimitExceeded.
pub fn put(tags: &mut Tags, more: Tags) -> Result<(), IamError> {
    for (key, value) in more {
        if let Some(before) = spelled(tags, &key) {
            tags.remove(&before);
        }
        tags.insert(key, value);
    }
    if tags.len() > MAX_TAGS { Err(too_many()) } else { Ok(()) }
}

pub fn remove(tags: &mut Tags, keys: &[String]) {
    tags.retain(|name, _| !keys.iter().any(|key| key.eq_ignore_ascii_case(name)));
}

/// As it was written before.
fn spelled(tags: &Tags, key: &str) -> Option<String> {
    tags.keys().find(|name| name.eq_ignore_ascii_case(key)).cloned()
}

fn too_many() -> IamError {
    IamError::LimitExceeded(format!("The number of tags has reached the maximum limit: {MAX_TAGS}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str, value: &str) -> api::Tag {
        api::Tag { key: key.into(), value: value.into() }
    }

    #[test]
    fn names_are_one_in_any_case() {
        for (given, good) in [
            (vec![tag("a", "1"), tag("b", "")], true),
            (vec![tag("a", "1"), tag("A", "2")], false),
            (vec![tag("AWS:x", "1")], false),
        ] {
            assert_eq!(of_request(Some(given.clone())).is_ok(), good, "{given:?}");
        }
        let mut tags = of_request(Some(vec![tag("Team", "a"), tag("b", "1")])).unwrap();
        put(&mut tags, of_request(Some(vec![tag("TEAM", "b")])).unwrap()).unwrap();
        assert_eq!(tags, Tags::from([("TEAM".into(), "b".into()), ("b".into(), "1".into())]));
        remove(&mut tags, &["team".to_owned(), "none".to_owned()]);
        assert_eq!(tags, Tags::from([("b".into(), "1".into())]));
        let many = (0..50).map(|n| tag(&n.to_string(), "")).collect();
        assert!(put(&mut tags, of_request(Some(many)).unwrap()).is_err());
    }
}
