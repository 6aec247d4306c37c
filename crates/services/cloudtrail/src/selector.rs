//! Which events a trail takes: basic and advanced event selectors. Pure.

use millpond_wire::text_enum;
use serde::{Deserialize, Serialize};

use crate::record::EventRecord;

text_enum! {
    pub enum ReadWrite { ReadOnly = "ReadOnly", WriteOnly = "WriteOnly", All = "All" }
}

text_enum! {
    /// What a field selector looks at.
    pub enum Field {
        Category = "eventCategory",
        EventName = "eventName",
        EventSource = "eventSource",
        EventType = "eventType",
        ReadOnly = "readOnly",
        ResourceArn = "resources.ARN",
        ResourceType = "resources.type",
        UserArn = "userIdentity.arn",
    }
}

/// The kinds of data events, with the services that they are of.
pub const DATA_TYPES: &[(&str, &str)] = &[("AWS::Kinesis::Stream", "kinesis"), ("AWS::S3::Object", "s3")];

pub const OBJECTS: &str = "AWS::S3::Object";

/// Sources that a basic selector may leave out.
pub const EXCLUDABLE: &[&str] = &["kms.amazonaws.com", "rdsdata.amazonaws.com"];

/// An event is taken when one of them takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Selectors {
    Basic(Vec<Basic>),
    Advanced(Vec<Advanced>),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basic {
    pub read_write: ReadWrite,
    pub management: bool,
    /// ARNs of objects, or what they begin with; of all objects of all buckets it is `arn:aws:s3`.
    pub objects: Vec<String>,
    pub excluded_sources: Vec<String>,
}

impl Default for Basic {
    fn default() -> Self {
        Self {
            read_write: ReadWrite::All,
            management: true,
            objects: Vec::new(),
            excluded_sources: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advanced {
    pub name: Option<String>,
    /// All of them must hold.
    pub fields: Vec<FieldSelector>,
}

/// One of the positive lists must have the value, and none of the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldSelector {
    pub field: Field,
    #[serde(default)]
    pub equals: Vec<String>,
    #[serde(default)]
    pub starts_with: Vec<String>,
    #[serde(default)]
    pub ends_with: Vec<String>,
    #[serde(default)]
    pub not_equals: Vec<String>,
    #[serde(default)]
    pub not_starts_with: Vec<String>,
    #[serde(default)]
    pub not_ends_with: Vec<String>,
}

impl Default for Selectors {
    /// All management events.
    fn default() -> Self {
        Self::Basic(vec![Basic::default()])
    }
}

impl Selectors {
    pub fn take(&self, event: &EventRecord) -> bool {
        match self {
            Self::Basic(selectors) => selectors.iter().any(|selector| selector.takes(event)),
            Self::Advanced(selectors) => selectors.iter().any(|selector| selector.takes(event)),
        }
    }

    /// Whether data events of a service may be taken.
    pub fn ask_for_data_of(&self, service: &str) -> bool {
        match self {
            Self::Basic(selectors) => {
                service == "s3" && selectors.iter().any(|selector| !selector.objects.is_empty())
            }
            Self::Advanced(selectors) => selectors.iter().any(|selector| {
                let fields = selector.fields.iter().filter(|field| field.field == Field::ResourceType);
                fields.flat_map(|field| &field.equals).any(|kind| DATA_TYPES.contains(&(kind, service)))
            }),
        }
    }
}

/// The kind of a data event.
fn data_type(event: &EventRecord) -> Option<&'static str> {
    let service = event.source.strip_suffix(".amazonaws.com")?;
    DATA_TYPES.iter().find(|(_, of)| *of == service).map(|(kind, _)| *kind).filter(|_| event.data)
}

/// The ARN by which a data event is selected; what is about a whole bucket begins as all in it does.
fn data_arn(event: &EventRecord) -> Option<String> {
    let first = event.resources.first()?;
    Some(match first.kind.as_deref() {
        Some("AWS::S3::Bucket") => format!("{}/", first.arn),
        _ => first.arn.clone(),
    })
}

impl Basic {
    fn takes(&self, event: &EventRecord) -> bool {
        let reads_or_writes = match self.read_write {
            ReadWrite::All => true,
            ReadWrite::ReadOnly => event.read_only,
            ReadWrite::WriteOnly => !event.read_only,
        };
        if !reads_or_writes {
            return false;
        }
        if !event.data {
            return self.management && !self.excluded_sources.contains(&event.source);
        }
        let arn = data_arn(event).unwrap_or_default();
        data_type(event) == Some(OBJECTS)
            && self.objects.iter().any(|begins| is_every_bucket(begins) || arn.starts_with(begins.as_str()))
    }
}

fn is_every_bucket(value: &str) -> bool {
    ["arn:aws:s3", "arn:aws:s3:::"].contains(&value)
}

impl Advanced {
    fn takes(&self, event: &EventRecord) -> bool {
        self.fields.iter().all(|field| field.takes(event))
    }
}

impl FieldSelector {
    fn takes(&self, event: &EventRecord) -> bool {
        let value = match self.field {
            Field::Category => Some(if event.data { "Data" } else { "Management" }.to_owned()),
            Field::EventName => Some(event.name.clone()),
            Field::EventSource => Some(event.source.clone()),
            Field::EventType => Some("AwsApiCall".to_owned()),
            Field::ReadOnly => Some(event.read_only.to_string()),
            Field::ResourceArn => data_arn(event),
            Field::ResourceType => data_type(event).map(str::to_owned),
            Field::UserArn => event.user_arn.clone(),
        };
        let value = value.unwrap_or_default();
        let is_asked_for =
            !self.equals.is_empty() || !self.starts_with.is_empty() || !self.ends_with.is_empty();
        let any = |list: &[String], holds: &dyn Fn(&str) -> bool| list.iter().any(|text| holds(text));
        let (is, begins, ends) = (
            |text: &str| value == text,
            |text: &str| value.starts_with(text),
            |text: &str| value.ends_with(text),
        );
        let positive =
            any(&self.equals, &is) || any(&self.starts_with, &begins) || any(&self.ends_with, &ends);
        let negative = any(&self.not_equals, &is)
            || any(&self.not_starts_with, &begins)
            || any(&self.not_ends_with, &ends);
        (positive || !is_asked_for) && !negative
    }

    fn is_empty(&self) -> bool {
        let lists = [
            &self.equals,
            &self.starts_with,
            &self.ends_with,
            &self.not_equals,
            &self.not_starts_with,
            &self.not_ends_with,
        ];
        lists.into_iter().all(Vec::is_empty)
    }
}

/// AWS allows as many in a trail.
const MAX_BASIC: usize = 5;
const MAX_OBJECTS: usize = 250;
const MAX_CONDITIONS: usize = 500;

/// What the shapes cannot say, in AWS's sense.
pub fn check(selectors: &Selectors) -> Result<(), String> {
    match selectors {
        Selectors::Basic(selectors) => check_basic(selectors),
        Selectors::Advanced(selectors) => {
            let conditions: usize = selectors.iter().map(conditions).sum();
            if conditions > MAX_CONDITIONS {
                return Err(format!("A trail can have at most {MAX_CONDITIONS} conditions."));
            }
            selectors.iter().try_for_each(check_advanced)
        }
    }
}

fn conditions(selector: &Advanced) -> usize {
    let count = |field: &FieldSelector| {
        field.equals.len()
            + field.starts_with.len()
            + field.ends_with.len()
            + field.not_equals.len()
            + field.not_starts_with.len()
            + field.not_ends_with.len()
    };
    selector.fields.iter().map(count).sum()
}

fn check_basic(selectors: &[Basic]) -> Result<(), String> {
    if selectors.is_empty() || selectors.len() > MAX_BASIC {
        return Err(format!("A trail has between 1 and {MAX_BASIC} event selectors."));
    }
    if selectors.iter().map(|selector| selector.objects.len()).sum::<usize>() > MAX_OBJECTS {
        return Err(format!("A trail can have at most {MAX_OBJECTS} data resources."));
    }
    for selector in selectors {
        if let Some(source) =
            selector.excluded_sources.iter().find(|text| !EXCLUDABLE.contains(&text.as_str()))
        {
            return Err(format!("ExcludeManagementEventSources cannot name {source}."));
        }
        // A bucket is named with the slash behind it, lest another one begin with its name.
        let is_named = |value: &&String| is_every_bucket(value) || names_objects(value);
        if let Some(value) = selector.objects.iter().find(|value| !is_named(value)) {
            return Err(format!("Value {value} for DataResources.Values is invalid."));
        }
    }
    Ok(())
}

fn names_objects(value: &str) -> bool {
    value
        .strip_prefix("arn:aws:s3:::")
        .and_then(|rest| rest.split_once('/'))
        .is_some_and(|(bucket, _)| !bucket.is_empty() && !bucket.contains('*'))
}

fn check_advanced(selector: &Advanced) -> Result<(), String> {
    let mut fields = selector.fields.iter();
    let of = |field| selector.fields.iter().find(|selector| selector.field == field);
    if fields
        .clone()
        .enumerate()
        .any(|(at, one)| selector.fields[..at].iter().any(|other| other.field == one.field))
    {
        return Err("A field can be selected by only once in a selector.".into());
    }
    if let Some(empty) = fields.find(|field| field.is_empty()) {
        return Err(format!("The field selector of {} has no operator.", empty.field));
    }
    let category = of(Field::Category).map(|field| field.equals.as_slice());
    match category {
        Some([category]) if category == "Management" => {
            match [Field::ResourceType, Field::ResourceArn].into_iter().find(|field| of(*field).is_some()) {
                Some(field) => Err(format!("Management events cannot be selected by {field}.")),
                None => Ok(()),
            }
        }
        Some([category]) if category == "Data" => {
            let kinds = of(Field::ResourceType).map(|field| field.equals.as_slice()).unwrap_or_default();
            match kinds {
                [kind] if DATA_TYPES.iter().any(|(known, _)| known == kind) => Ok(()),
                [kind] => Err(format!("Millpond records no data events of {kind}.")),
                _ => Err("Data events need the field resources.type with one value of Equals.".into()),
            }
        }
        _ => Err("A selector needs the field eventCategory, Equals Management or Data.".into()),
    }
}

#[cfg(test)]
mod tests {
    use millpond_core::{Region, Timestamp};

    use super::*;
    use crate::resource::resource;

    fn event(source: &str, name: &str, read_only: bool, data: bool, arn: &str) -> EventRecord {
        EventRecord {
            id: uuid::Uuid::nil(),
            at: Timestamp::EPOCH,
            account: "000000000000".parse().unwrap(),
            region: Region::us_east_1(),
            source: source.into(),
            name: name.into(),
            read_only,
            data,
            user: None,
            user_arn: Some("arn:aws:iam::000000000000:user/Bob".into()),
            access_key: None,
            request_id: "r".into(),
            resources: arn.parse().ok().and_then(|arn| resource(&arn, "0")).into_iter().collect(),
            text: "{}".into(),
        }
    }

    /// A create, a read, a use of a key; a put and a get of an object, a listing, a put of a record.
    fn events() -> [EventRecord; 7] {
        [
            event("glue.amazonaws.com", "CreateTable", false, false, ""),
            event("glue.amazonaws.com", "GetTable", true, false, ""),
            event("kms.amazonaws.com", "Decrypt", true, false, ""),
            event("s3.amazonaws.com", "PutObject", false, true, "arn:aws:s3:::lake/raw/a"),
            event("s3.amazonaws.com", "GetObject", true, true, "arn:aws:s3:::lake/fine/a"),
            event("s3.amazonaws.com", "ListObjects", true, true, "arn:aws:s3:::lake"),
            event("kinesis.amazonaws.com", "PutRecord", false, true, "arn:aws:kinesis:r:0:stream/s"),
        ]
    }

    fn taken(selectors: &Selectors) -> Vec<usize> {
        let events = events();
        (0..events.len()).filter(|at| selectors.take(&events[*at])).collect()
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn basic_selectors_take_what_they_say() {
        for (read_write, management, objects, excluded, expected) in [
            (ReadWrite::All, true, &[][..], &[][..], &[0, 1, 2][..]),
            (ReadWrite::ReadOnly, true, &[], &[], &[1, 2]),
            (ReadWrite::WriteOnly, true, &[], &[], &[0]),
            (ReadWrite::All, true, &[], &["kms.amazonaws.com"], &[0, 1]),
            (ReadWrite::All, false, &["arn:aws:s3:::lake/"], &[], &[3, 4, 5]),
            (ReadWrite::All, false, &["arn:aws:s3"], &[], &[3, 4, 5]),
            (ReadWrite::All, false, &["arn:aws:s3:::lake/raw"], &[], &[3]),
            (ReadWrite::WriteOnly, false, &["arn:aws:s3:::lake/"], &[], &[3]),
            (ReadWrite::All, false, &["arn:aws:s3:::other/"], &[], &[]),
        ] {
            let (objects, excluded_sources) = (texts(objects), texts(excluded));
            let selectors =
                Selectors::Basic(vec![Basic { read_write, management, objects, excluded_sources }]);
            assert_eq!(taken(&selectors), expected, "{selectors:?}");
        }
    }

    fn field(field: Field, operator: &str, values: &[&str]) -> FieldSelector {
        let of = |name: &str| if name == operator { texts(values) } else { Vec::new() };
        FieldSelector {
            field,
            equals: of("Equals"),
            starts_with: of("StartsWith"),
            ends_with: of("EndsWith"),
            not_equals: of("NotEquals"),
            not_starts_with: of("NotStartsWith"),
            not_ends_with: of("NotEndsWith"),
        }
    }

    #[test]
    fn advanced_selectors_take_what_all_their_fields_take() {
        let data = || field(Field::Category, "Equals", &["Data"]);
        let management = || field(Field::Category, "Equals", &["Management"]);
        let objects = || field(Field::ResourceType, "Equals", &[OBJECTS]);
        for (fields, expected, is_good) in [
            (vec![management()], &[0, 1, 2][..], true),
            (vec![management(), field(Field::EventName, "StartsWith", &["Get", "Dec"])], &[1, 2], true),
            (
                vec![management(), field(Field::EventSource, "NotEquals", &["kms.amazonaws.com"])],
                &[0, 1],
                true,
            ),
            (vec![management(), field(Field::ReadOnly, "Equals", &["false"])], &[0], true),
            (vec![data(), objects()], &[3, 4, 5], true),
            (
                vec![data(), objects(), field(Field::ResourceArn, "StartsWith", &["arn:aws:s3:::lake/raw"])],
                &[3],
                true,
            ),
            (
                vec![
                    data(),
                    objects(),
                    field(Field::ResourceArn, "NotStartsWith", &["arn:aws:s3:::lake/raw"]),
                ],
                &[4, 5],
                true,
            ),
            (vec![data(), field(Field::ResourceType, "Equals", &["AWS::Kinesis::Stream"])], &[6], true),
            (vec![data(), objects(), field(Field::UserArn, "EndsWith", &["/Eve"])], &[], true),
            (vec![data()], &[3, 4, 5, 6], false),
            (vec![objects()], &[3, 4, 5], false),
            (vec![management(), objects()], &[], false),
            (vec![management(), management()], &[0, 1, 2], false),
            (vec![data(), field(Field::ResourceType, "Equals", &["AWS::Lambda::Function"])], &[], false),
            (vec![management(), field(Field::EventName, "Equals", &[])], &[0, 1, 2], false),
        ] {
            let selectors = Selectors::Advanced(vec![Advanced { name: None, fields }]);
            assert_eq!(taken(&selectors), expected, "{selectors:?}");
            assert_eq!(check(&selectors).is_ok(), is_good, "{selectors:?}");
        }
    }

    #[test]
    fn selectors_that_cannot_be_meant_are_refused() {
        for (objects, excluded, is_good) in [
            (&["arn:aws:s3:::lake/"][..], &[][..], true),
            (&["arn:aws:s3"], &["kms.amazonaws.com"], true),
            (&["arn:aws:s3:::lake"], &[], false),
            (&["arn:aws:s3:::*/"], &[], false),
            (&["lake"], &[], false),
            (&[], &["glue.amazonaws.com"], false),
        ] {
            let basic =
                Basic { objects: texts(objects), excluded_sources: texts(excluded), ..Basic::default() };
            assert_eq!(check(&Selectors::Basic(vec![basic])).is_ok(), is_good, "{objects:?} {excluded:?}");
        }
        assert!(check(&Selectors::Basic(Vec::new())).is_err());
        assert!(check(&Selectors::Basic(vec![Basic::default(); 6])).is_err());
    }

    #[test]
    fn services_are_watched_where_their_data_is_asked_for() {
        let objects = Selectors::Basic(vec![Basic { objects: texts(&["arn:aws:s3"]), ..Basic::default() }]);
        let records = Selectors::Advanced(vec![Advanced {
            name: None,
            fields: vec![field(Field::ResourceType, "Equals", &["AWS::Kinesis::Stream"])],
        }]);
        for (selectors, s3, kinesis) in
            [(Selectors::default(), false, false), (objects, true, false), (records, false, true)]
        {
            assert_eq!(selectors.ask_for_data_of("s3"), s3, "{selectors:?}");
            assert_eq!(selectors.ask_for_data_of("kinesis"), kinesis, "{selectors:?}");
        }
    }
}
