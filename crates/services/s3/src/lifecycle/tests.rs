use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    Timestamp::from_jiff(text.parse().unwrap())
}

fn rule(id: &str) -> Rule {
    Rule {
        id: id.into(),
        enabled: true,
        filter: Filter::default(),
        expiration: None,
        transitions: Vec::new(),
        noncurrent_expiration: None,
        noncurrent_transitions: Vec::new(),
        abort_days: None,
    }
}

fn to(days: u32, class: StorageClass) -> Transition {
    Transition { when: When::Days(days), class }
}

fn expire(days: u32) -> Option<Expiration> {
    Some(Expiration::Object(When::Days(days)))
}

fn rules(rules: Vec<Rule>) -> Lifecycle {
    Lifecycle { rules, smallest: Smallest::AllClasses }
}

const CREATED: &str = "2026-01-15T10:30:00Z";
const LARGE: u64 = 1 << 20;

fn current(class: StorageClass) -> State {
    State::Current { modified: at(CREATED), class }
}

fn noncurrent(newer: u32) -> State {
    State::Noncurrent { since: at(CREATED), newer, class: Some(StorageClass::Standard) }
}

#[test]
fn what_is_due() {
    use StorageClass::{DeepArchive, Glacier, GlacierIr, OnezoneIa, Standard, StandardIa};
    let way = || Rule {
        transitions: vec![to(30, StandardIa), to(60, Glacier)],
        expiration: expire(90),
        ..rule("way")
    };
    let keep = Rule {
        noncurrent_expiration: Some(NoncurrentExpiration { days: 3, keep: Some(2) }),
        expiration: Some(Expiration::Marker),
        ..rule("keep")
    };
    let cheapest = [to(1, GlacierIr), to(1, DeepArchive)]
        .map(|step| Rule { transitions: vec![step], ..rule("cheap") })
        .to_vec();
    let dated = Rule {
        expiration: Some(Expiration::Object(When::Date(at("2026-02-01T00:00:00Z")))),
        ..rule("dated")
    };
    let marker = |alone| State::Marker { modified: at(CREATED), alone };
    for (rules_of, state, size, now, expected) in [
        // Counted from the creation, and rounded up to the next midnight.
        (vec![way()], current(Standard), LARGE, "2026-02-14T23:59:59Z", None),
        (vec![way()], current(Standard), LARGE, "2026-02-15T00:00:00Z", Some(Action::Move(StandardIa))),
        (vec![way()], current(StandardIa), LARGE, "2026-02-15T00:00:00Z", None),
        (vec![way()], current(StandardIa), LARGE, "2026-03-17T00:00:00Z", Some(Action::Move(Glacier))),
        // What slept through a step goes on at the next one.
        (vec![way()], current(Standard), LARGE, "2026-03-17T00:00:00Z", Some(Action::Move(Glacier))),
        (vec![way()], current(Standard), LARGE, "2026-04-16T00:00:00Z", Some(Action::Expire)),
        // Small objects stay where they are, and expire all the same.
        (vec![way()], current(Standard), 100, "2026-03-17T00:00:00Z", None),
        (vec![way()], current(Standard), 100, "2026-04-16T00:00:00Z", Some(Action::Expire)),
        (cheapest, current(Standard), LARGE, "2026-02-01T00:00:00Z", Some(Action::Move(DeepArchive))),
        // Not back, and not out of one zone into several.
        (vec![way()], current(DeepArchive), LARGE, "2026-03-17T00:00:00Z", None),
        (
            vec![Rule { transitions: vec![to(0, GlacierIr)], ..rule("a") }],
            current(OnezoneIa),
            LARGE,
            "2026-03-17T00:00:00Z",
            None,
        ),
        (vec![Rule { enabled: false, ..way() }], current(Standard), LARGE, "2026-04-16T00:00:00Z", None),
        (vec![dated.clone()], current(Standard), LARGE, "2026-01-31T23:00:00Z", None),
        (vec![dated], current(Standard), LARGE, "2026-02-01T00:00:00Z", Some(Action::Expire)),
        (vec![keep.clone()], noncurrent(1), LARGE, "2026-03-01T00:00:00Z", None),
        (vec![keep.clone()], noncurrent(2), LARGE, "2026-01-18T23:00:00Z", None),
        (vec![keep.clone()], noncurrent(2), LARGE, "2026-01-19T00:00:00Z", Some(Action::Remove)),
        (vec![keep.clone()], marker(false), 0, "2026-03-01T00:00:00Z", None),
        (vec![keep], marker(true), 0, "2026-01-15T10:30:00Z", Some(Action::Remove)),
        (vec![way()], marker(true), 0, "2026-04-16T00:00:00Z", Some(Action::Remove)),
    ] {
        let version = Version { key: "logs/a", size, tags: &Tags::new(), state };
        assert_eq!(rules(rules_of).due(&version, at(now)), expected, "{state:?} {now}");
    }
}

#[test]
fn what_rules_are_about() {
    let tags = Tags::from([("keep".to_owned(), "no".to_owned())]);
    let of = |filter: Filter| rules(vec![Rule { filter, expiration: expire(1), ..rule("r") }]);
    let prefix = |prefix: &str| Filter { prefix: Some(prefix.into()), ..Filter::default() };
    let tag = |value: &str| Filter {
        tags: Tags::from([("keep".to_owned(), value.to_owned())]),
        ..Filter::default()
    };
    for (filter, expected) in [
        (Filter::default(), true),
        (prefix("logs/"), true),
        (prefix("log/"), false),
        (tag("no"), true),
        (tag("yes"), false),
        (Filter { larger_than: Some(99), smaller_than: Some(101), ..Filter::default() }, true),
        (Filter { larger_than: Some(100), ..Filter::default() }, false),
        (Filter { smaller_than: Some(100), ..Filter::default() }, false),
    ] {
        let state = current(StorageClass::Standard);
        let version = Version { key: "logs/a", size: 100, tags: &tags, state };
        assert_eq!(of(filter.clone()).expiration(&version).is_some(), expected, "{filter:?}");
    }
    let abort = rules(vec![Rule { abort_days: Some(7), ..rule("abort") }]);
    assert_eq!(abort.abort("k", at(CREATED)), Some((at("2026-01-23T00:00:00Z"), "abort")));
}

#[test]
fn sizes_that_move() {
    let archive = vec![Rule { transitions: vec![to(0, StorageClass::Glacier)], ..rule("a") }];
    let sized = Filter { larger_than: Some(1), ..Filter::default() };
    let named = vec![Rule { filter: sized, ..archive[0].clone() }];
    for (rules, smallest, moves) in [
        (archive.clone(), Smallest::AllClasses, false),
        (archive, Smallest::VariesByClass, true),
        (named, Smallest::AllClasses, true),
    ] {
        let state = current(StorageClass::Standard);
        let version = Version { key: "k", size: 100, tags: &Tags::new(), state };
        let due = Lifecycle { rules, smallest }.due(&version, at("2026-02-01T00:00:00Z"));
        assert_eq!(due.is_some(), moves, "{smallest:?}");
    }
}

fn older(id: &str, prefix: &str, expiration: Option<Expiration>, abort_days: Option<u32>) -> Rule {
    let filter = Filter { form: Form::Prefix, prefix: Some(prefix.to_owned()), ..Filter::default() };
    Rule { filter, expiration, abort_days, ..rule(id) }
}

#[test]
fn what_is_refused() {
    use StorageClass::{Glacier, OnezoneIa, StandardIa};
    let tagged = Filter { tags: Tags::from([("a".to_owned(), "b".to_owned())]), ..Filter::default() };
    let date = |text: &str| When::Date(at(text));
    let noncurrent = |days, keep| Some(NoncurrentExpiration { days, keep });
    for (rules_of, expected) in [
        (vec![], Err("MalformedXML")),
        (vec![rule("none")], Err("InvalidRequest")),
        (vec![Rule { expiration: expire(1), ..rule("a") }], Ok(())),
        (vec![Rule { expiration: expire(0), ..rule("a") }], Err("InvalidArgument")),
        // The older form, without filters.
        (vec![older("a", "x/", expire(1), None), older("b", "y/", expire(1), None)], Ok(())),
        (vec![older("a", "x/", expire(1), None), older("b", "x/", None, Some(1))], Err("InvalidRequest")),
        (vec![older("a", "", expire(1), None), older("b", "x/", expire(2), None)], Err("InvalidRequest")),
        (vec![older("a", "", expire(1), None), older("b", "x/", None, Some(1))], Ok(())),
        (
            vec![older("a", "x/", expire(1), None), Rule { expiration: expire(1), ..rule("b") }],
            Err("InvalidRequest"),
        ),
        (vec![Rule { expiration: expire(1), ..rule("a") }; 2], Err("InvalidArgument")),
        (vec![Rule { expiration: expire(1), ..rule(&"i".repeat(256)) }], Err("InvalidArgument")),
        (vec![Rule { transitions: vec![to(29, StandardIa)], ..rule("a") }], Err("InvalidArgument")),
        (vec![Rule { transitions: vec![to(30, StandardIa)], ..rule("a") }], Ok(())),
        (vec![Rule { transitions: vec![to(0, Glacier)], ..rule("a") }], Ok(())),
        (
            vec![Rule { transitions: vec![to(30, OnezoneIa), to(59, Glacier)], ..rule("a") }],
            Err("InvalidArgument"),
        ),
        (vec![Rule { transitions: vec![to(30, StandardIa), to(60, Glacier)], ..rule("a") }], Ok(())),
        (
            vec![Rule { transitions: vec![to(5, Glacier), to(9, Glacier)], ..rule("a") }],
            Err("InvalidRequest"),
        ),
        (
            vec![Rule { transitions: vec![to(5, Glacier)], expiration: expire(5), ..rule("a") }],
            Err("InvalidArgument"),
        ),
        (
            vec![Rule {
                transitions: vec![to(5, Glacier)],
                expiration: Some(Expiration::Object(date("2026-02-01T00:00:00Z"))),
                ..rule("a")
            }],
            Err("InvalidRequest"),
        ),
        (
            vec![Rule { expiration: Some(Expiration::Object(date("2026-02-01T01:00:00Z"))), ..rule("a") }],
            Err("InvalidArgument"),
        ),
        (vec![Rule { abort_days: Some(1), filter: tagged.clone(), ..rule("a") }], Err("InvalidRequest")),
        (
            vec![Rule { expiration: Some(Expiration::Marker), filter: tagged, ..rule("a") }],
            Err("InvalidRequest"),
        ),
        (vec![Rule { abort_days: Some(0), ..rule("a") }], Err("InvalidArgument")),
        (vec![Rule { noncurrent_expiration: noncurrent(0, None), ..rule("a") }], Err("InvalidArgument")),
        (vec![Rule { noncurrent_expiration: noncurrent(1, Some(101)), ..rule("a") }], Err("InvalidArgument")),
        (vec![Rule { noncurrent_expiration: noncurrent(1, Some(100)), ..rule("a") }], Ok(())),
    ] {
        let found = rules(rules_of.clone()).check().map_err(|error| error.code());
        assert_eq!(found, expected, "{rules_of:?}");
    }
}

proptest! {
    /// Time only ever moves an object on: once something is due, it stays due or gives way to what is final.
    #[test]
    fn what_is_due_stays_due(
        moves in proptest::collection::vec((0..400_u32, 0..6_usize), 0..4),
        expires in proptest::option::of(1..400_u32),
        earlier in 0..500_i64,
        later in 0..500_i64,
    ) {
        let classes = [
            StorageClass::StandardIa, StorageClass::IntelligentTiering, StorageClass::OnezoneIa,
            StorageClass::GlacierIr, StorageClass::Glacier, StorageClass::DeepArchive,
        ];
        let transitions = moves.into_iter().map(|(days, class)| to(days, classes[class])).collect();
        let rules = rules(vec![Rule { transitions, expiration: expires.map(|days| Expiration::Object(When::Days(days))), ..rule("r") }]);
        let on = |day: i64| {
            let now = Timestamp::from_secs(at(CREATED).as_secs() + day * 86_400);
            let state = current(StorageClass::Standard);
            rules.due(&Version { key: "k", size: LARGE, tags: &Tags::new(), state }, now)
        };
        let rank = |action: Option<Action>| match action {
            None => 0,
            Some(Action::Move(class)) => 10 - cost(class),
            Some(Action::Expire | Action::Remove) => 20,
        };
        let (first, second) = (earlier.min(later), earlier.max(later));
        prop_assert!(rank(on(first)) <= rank(on(second)));
    }
}
