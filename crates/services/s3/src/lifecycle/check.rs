//! What AWS holds a bucket's rules against when they are put. Pure.

use std::collections::BTreeSet;

use millpond_core::Timestamp;

use super::{Expiration, Filter, Form, Lifecycle, Rule, Transition, When, last_midnight};
use crate::class::StorageClass;
use crate::error::S3Error;

const MOST_RULES: usize = 1_000;
/// In characters.
const LONGEST_ID: usize = 255;
/// Noncurrent versions that a rule may keep.
const MOST_KEPT: u32 = 100;
/// Days before an object may be in an infrequent-access class, and that it stays there.
const INFREQUENT_DAYS: u32 = 30;

fn argument(message: impl Into<String>) -> S3Error {
    S3Error::invalid_argument(message, "LifecycleConfiguration", "")
}

impl Lifecycle {
    /// Errors: MalformedXML, InvalidArgument, InvalidRequest.
    pub fn check(&self) -> Result<(), S3Error> {
        if self.rules.is_empty() || self.rules.len() > MOST_RULES {
            return Err(S3Error::MalformedXml);
        }
        let mut ids = BTreeSet::new();
        for rule in &self.rules {
            if rule.id.chars().count() > LONGEST_ID {
                return Err(argument("ID length should not exceed allowed limit of 255"));
            }
            if !ids.insert(&rule.id) {
                return Err(argument("Rule ID must be unique. Found same ID for one or more rules"));
            }
            rule.check()?;
        }
        self.check_prefixes()
    }

    /// A directory bucket's objects only go, after days.
    ///
    /// Errors: NotImplemented.
    ///
    /// Source: Amazon S3 API reference, PutBucketLifecycleConfiguration.
    pub fn check_of_directory(&self) -> Result<(), S3Error> {
        let refused = |rule: &Rule| {
            let rules = [
                (!rule.transitions.is_empty(), "Transition"),
                (rule.noncurrent_expiration.is_some(), "NoncurrentVersionExpiration"),
                (!rule.noncurrent_transitions.is_empty(), "NoncurrentVersionTransition"),
                (matches!(rule.expiration, Some(Expiration::Marker)), "ExpiredObjectDeleteMarker"),
                (matches!(rule.expiration, Some(Expiration::Object(When::Date(_)))), "Expiration by date"),
                (!rule.filter.tags.is_empty(), "Filter by tags"),
            ];
            rules.into_iter().find(|(asked, _)| *asked).map(|(_, what)| what)
        };
        match self.rules.iter().find_map(refused) {
            Some(what) => Err(S3Error::NotOfDirectoryBuckets { what: format!("{what} in a lifecycle rule") }),
            None => Ok(()),
        }
    }

    /// What AWS still asks of rules without filters, which are its older form.
    fn check_prefixes(&self) -> Result<(), S3Error> {
        let is_older = |rule: &Rule| rule.filter.form == Form::Prefix;
        if !self.rules.iter().any(is_older) {
            return Ok(());
        }
        if !self.rules.iter().all(is_older) {
            return Err(S3Error::invalid_request(
                "Base level prefix cannot be used in Lifecycle V2, prefixes are only supported in the Filter.",
            ));
        }
        for (at, rule) in self.rules.iter().enumerate() {
            for other in &self.rules[..at] {
                let (one, two) = (other.filter.told_prefix(), rule.filter.told_prefix());
                if one == two {
                    return Err(S3Error::invalid_request(format!(
                        "Found two rules with same prefix '{one}'"
                    )));
                }
                let overlap = one.starts_with(two) || two.starts_with(one);
                let same = other.kinds().into_iter().find(|kind| rule.kinds().contains(kind));
                if let Some(kind) = same.filter(|_| overlap) {
                    return Err(S3Error::invalid_request(format!(
                        "Found overlapping prefixes '{one}' and '{two}' for same action type '{kind}'"
                    )));
                }
            }
        }
        Ok(())
    }
}

impl Rule {
    /// What it does, in AWS's words.
    fn kinds(&self) -> Vec<&'static str> {
        let kinds = [
            (self.expiration.is_some(), "Expiration"),
            (!self.transitions.is_empty(), "Transition"),
            (self.noncurrent_expiration.is_some(), "NoncurrentVersionExpiration"),
            (!self.noncurrent_transitions.is_empty(), "NoncurrentVersionTransition"),
            (self.abort_days.is_some(), "AbortIncompleteMultipartUpload"),
        ];
        kinds.into_iter().filter(|(has, _)| *has).map(|(_, kind)| kind).collect()
    }

    fn check(&self) -> Result<(), S3Error> {
        let acts = self.expiration.is_some()
            || !self.transitions.is_empty()
            || self.noncurrent_expiration.is_some()
            || !self.noncurrent_transitions.is_empty()
            || self.abort_days.is_some();
        if !acts {
            return Err(S3Error::invalid_request("At least one action needs to be specified in a rule."));
        }
        self.filter.check()?;
        self.check_uploads_and_markers()?;
        self.check_current()?;
        self.check_noncurrent()
    }

    fn check_uploads_and_markers(&self) -> Result<(), S3Error> {
        let sized = self.filter.larger_than.is_some() || self.filter.smaller_than.is_some();
        let refused = |action: &str, with: &str| {
            Err(S3Error::invalid_request(format!("{action} cannot be specified with {with}.")))
        };
        if self.abort_days == Some(0) {
            return Err(argument(
                "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer",
            ));
        }
        match (self.abort_days.is_some(), self.expiration) {
            (true, _) if !self.filter.tags.is_empty() => refused("AbortIncompleteMultipartUpload", "Tags"),
            (true, _) if sized => refused("AbortIncompleteMultipartUpload", "Object Size"),
            (_, Some(Expiration::Marker)) if !self.filter.tags.is_empty() => {
                refused("ExpiredObjectDeleteMarker", "Tags")
            }
            (_, Some(Expiration::Marker)) if sized => refused("ExpiredObjectDeleteMarker", "Object Size"),
            _ => Ok(()),
        }
    }

    fn check_current(&self) -> Result<(), S3Error> {
        let expires = match self.expiration {
            Some(Expiration::Object(when)) => Some(when),
            Some(Expiration::Marker) | None => None,
        };
        if expires == Some(When::Days(0)) {
            return Err(argument("'Days' for Expiration action must be a positive integer"));
        }
        let whens = || self.transitions.iter().map(|step| step.when).chain(expires);
        let dated = |when: &When| matches!(when, When::Date(_));
        if whens().any(|when| dated(&when)) && !whens().all(|when| dated(&when)) {
            return Err(S3Error::invalid_request(format!(
                "Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule for {}",
                self.filter.told()
            )));
        }
        for when in whens() {
            if let When::Date(date) = when
                && last_midnight(date) != date
            {
                return Err(argument("'Date' must be at midnight GMT"));
            }
        }
        let steps: Vec<(u32, StorageClass)> = self.transitions.iter().filter_map(in_days).collect();
        check_steps(&self.filter, "Transition", &steps)?;
        let dates: Vec<Timestamp> = self.transitions.iter().filter_map(at_date).collect();
        let late = match expires {
            Some(When::Days(days)) => steps.iter().any(|(moved, _)| *moved >= days),
            Some(When::Date(date)) => dates.iter().any(|moved| *moved >= date),
            None => false,
        };
        if late {
            let unit = if dates.is_empty() { "Days" } else { "Date" };
            return Err(argument(format!(
                "'{unit}' in the Expiration action for {} must be {} than '{unit}' in the Transition action",
                self.filter.told(),
                if dates.is_empty() { "greater" } else { "later" }
            )));
        }
        Ok(())
    }

    fn check_noncurrent(&self) -> Result<(), S3Error> {
        let kept = self.noncurrent_expiration.and_then(|expiration| expiration.keep);
        let kept = kept.into_iter().chain(self.noncurrent_transitions.iter().filter_map(|step| step.keep));
        if kept.into_iter().any(|keep| !(1..=MOST_KEPT).contains(&keep)) {
            return Err(argument(
                "'NewerNoncurrentVersions' for Noncurrent actions must be a positive integer not greater than 100",
            ));
        }
        let steps: Vec<(u32, StorageClass)> =
            self.noncurrent_transitions.iter().map(|step| (step.days, step.class)).collect();
        check_steps(&self.filter, "NoncurrentVersionTransition", &steps)?;
        let Some(expiration) = self.noncurrent_expiration else { return Ok(()) };
        if expiration.days == 0 {
            return Err(argument(
                "'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer",
            ));
        }
        if steps.iter().any(|(moved, _)| *moved >= expiration.days) {
            return Err(argument(format!(
                "'NoncurrentDays' in the NoncurrentVersionExpiration action for {} must be greater than \
                 'NoncurrentDays' in the NoncurrentVersionTransition action",
                self.filter.told()
            )));
        }
        Ok(())
    }
}

fn in_days(step: &Transition) -> Option<(u32, StorageClass)> {
    match step.when {
        When::Days(days) => Some((days, step.class)),
        When::Date(_) => None,
    }
}

fn at_date(step: &Transition) -> Option<Timestamp> {
    match step.when {
        When::Days(_) => None,
        When::Date(date) => Some(date),
    }
}

/// Classes once each, in the order in which objects can move, and long enough in those for infrequent access.
fn check_steps(filter: &Filter, action: &str, steps: &[(u32, StorageClass)]) -> Result<(), S3Error> {
    let infrequent = |class| matches!(class, StorageClass::StandardIa | StorageClass::OnezoneIa);
    let unit = if action == "Transition" { "Days" } else { "NoncurrentDays" };
    for (at, (days, class)) in steps.iter().enumerate() {
        if steps[..at].iter().any(|(_, other)| other == class) {
            return Err(S3Error::invalid_request(format!(
                "'StorageClass' must be different for '{action}' actions in same 'Rule' with {}",
                filter.told()
            )));
        }
        if infrequent(*class) && *days < INFREQUENT_DAYS {
            return Err(argument(format!(
                "'{unit}' in {action} action must be greater than or equal to 30 for storageClass '{class}'"
            )));
        }
    }
    for (days, class) in steps {
        for (later, cheaper) in steps.iter().filter(|(_, other)| super::cost(*other) < super::cost(*class)) {
            let between = if infrequent(*class) { INFREQUENT_DAYS } else { 1 };
            if *later < days.saturating_add(between) {
                let distance =
                    if between == 1 { "greater".to_owned() } else { format!("{between} days more") };
                return Err(argument(format!(
                    "'{unit}' in the '{action}' action for StorageClass '{cheaper}' for {} must be {distance} than \
                     '{unit}' in the '{action}' action for StorageClass '{class}'",
                    filter.told()
                )));
            }
        }
    }
    Ok(())
}

impl Filter {
    fn check(&self) -> Result<(), S3Error> {
        if let (Some(larger), Some(smaller)) = (self.larger_than, self.smaller_than)
            && smaller <= larger.saturating_add(1)
        {
            return Err(S3Error::invalid_request(
                "'ObjectSizeLessThan' should be greater than 'ObjectSizeGreaterThan' by more than 1 byte.",
            ));
        }
        Ok(())
    }

    fn told_prefix(&self) -> &str {
        self.prefix.as_deref().unwrap_or_default()
    }

    /// As AWS's messages tell it.
    fn told(&self) -> String {
        match self.prefix.as_deref() {
            Some(prefix) => format!("filter '(prefix={prefix})'"),
            None => "filter '()'".to_owned(),
        }
    }
}
