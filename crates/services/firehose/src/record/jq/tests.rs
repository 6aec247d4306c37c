use super::*;

fn keys(query: &str, record: &str) -> Result<Vec<String>, KeyError> {
    let query = KeyQuery::compile(query).unwrap();
    Room::with(|room| query.keys(room, record.as_bytes())).unwrap()
}

#[test]
fn gives_the_keys_in_the_order_of_their_names() {
    let record =
        r#"{"time":"2013-01-07T05:00:00Z","type":{"device":"mobile"},"n":7,"ok":true,"at":1565382027}"#;
    for (query, expected) in [
        ("{day:.time[8:10],Year:.time[0:4]}", vec!["2013", "07"]),
        ("{a: .type.device, b: .n, c: .ok}", vec!["mobile", "7", "true"]),
        (r#"{y:.at|strftime("%Y"),h:(.at|strftime("%H"))}"#, vec!["20", "2019"]),
        (r#"{"k":(.missing // "none")}"#, vec!["none"]),
        (r#"{k:("[1,2]"|fromjson|map(tostring)|join("-"))}"#, vec!["1-2"]),
        ("{k:([range(3)]|add)}", vec!["3"]),
    ] {
        assert_eq!(keys(query, record).unwrap(), expected, "{query}");
    }
}

#[test]
fn records_without_good_keys_say_why() {
    for (query, record, expected) in [
        ("{a:.a}", "not json", KeyError::NotJson),
        ("{a:.a}", "", KeyError::NotJson),
        ("{a:.a}", r#"{"a":1}{"a":2}"#, KeyError::NotJson),
        ("{a:.b}", r#"{"a":1}"#, KeyError::NullOrEmpty),
        ("{a:.a}", r#"{"a":""}"#, KeyError::NullOrEmpty),
        ("{a:.a}", r#"{"a":[1]}"#, KeyError::NotScalar),
        ("{a:(1,2)}", "{}", KeyError::NotOneObject),
        ("{a:empty}", "{}", KeyError::NotOneObject),
    ] {
        assert_eq!(keys(query, record), Err(expected), "{query} {record}");
    }
    assert!(matches!(keys("{a:.a.b}", r#"{"a":1}"#), Err(KeyError::Failed(_))));
    assert_eq!(keys("{a:.a}", &format!(r#"{{"a":"{}"}}"#, "x".repeat(2000))), Err(KeyError::TooLong));
}

/// What must end, whatever it would take: in time, in memory, and on the stack.
const ATTACKS: &[&str] = &[
    // Without end.
    "last(recurse(.))",
    "(def f: f; f)",
    "(def f: 1 + f; f)",
    "([limit(1000000; recurse(.))] | length)",
    "until(false; . + 1)",
    "[limit(1e9; repeat(1))]",
    "last(repeat(1))",
    "[range(1e9)]",
    "[range(0; 1; 0)]",
    "last(range(1e9))",
    "(first(range(1e9) | select(. < 0)))",
    "[range(1e9) | range(1e9)]",
    "([range(10000)] | [.[] + .[]])",
    "([range(10000)] | sort_by(.[], .[]))",
    "([range(3000)] | [.[] as $a | .[] as $b | $a])",
    "(null | last(path(recurse(.[0]?))))",
    "(reduce repeat(1) as $i (0; . + $i))",
    // Values that double.
    r#"(reduce range(60) as $i ("x"; . + .))"#,
    r#"(reduce range(60) as $i ("x"; . * 2))"#,
    r#"("x" * 1e9)"#,
    r#"("x" * 1000000000)"#,
    r#"("x" * 170141183460469231731687303715884105727)"#,
    r#"("xx" * 2000000 * 2000000)"#,
    "(reduce range(60) as $i ([1]; . + .))",
    "(reduce range(60) as $i ([1]; [.[], .[]]))",
    "(reduce range(60) as $i ({a: 1}; {a: ., b: .}) | tojson)",
    "(reduce range(60) as $i (1; [., .]) | tojson)",
    "(reduce range(60) as $i (1; [., .]) | tostring | length)",
    "(reduce range(60) as $i (1; [., .]) | [..] | length)",
    "(reduce range(60) as $i (1; [., .]) | . == .)",
    "(reduce range(60) as $i (1; [., .]) | flatten | length)",
    "(reduce range(60) as $i (1; [., .]) | contains(reduce range(60) as $i (1; [., .])))",
    "(reduce range(60) as $i (1; [., .]) | [., .] | unique)",
    "(reduce range(60) as $i (1; [., .]) | map_values(.[]))",
    "(reduce range(60) as $i (1; [., .]) | walk(. + 1))",
    "(reduce range(60) as $i (1; [., .]) | error)",
    "(reduce range(60) as $i (1; [., .]) | try error catch tojson)",
    "(reduce range(60) as $i (1; [., .]) | ltrimstr(1) | @text)",
    "([range(10000)] | [.[] | [range(10000)]])",
    "(reduce range(10000) as $i (2; . * .))",
    // Deep ones.
    "(reduce range(10000) as $i (0; [.]))",
    "(reduce range(10000) as $i (0; {a: .}) | tojson)",
    "(last(limit(9000; recurse([.]))))",
    r#"("[" * 100000 | fromjson)"#,
    r#"(("[" * 100) + ("]" * 100) | [limit(1000; repeat(fromjson))] | length)"#,
    // Functions that make more than they are given.
    r#"("<" * 4000000 | [limit(99; repeat(@html))] | length)"#,
    r#"([range(9)] | [limit(1e9; repeat(tojson))])"#,
    r#"("a" * 4000000 | [explode, explode, explode] | length)"#,
    r#"("a" * 4000000 / "")"#,
    r#"("a" * 4000000 | [match(""; "g")] | length)"#,
    r#"("a" * 4000000 | gsub("a"; "aaaaaaaa"))"#,
    r#"("a" * 100000 | test("(a{100}){100}b"))"#,
    r#"("a" * 100000 | test("((a{60}){60}){60}"))"#,
    r#"([range(10000)] | map("a" | test("(a{30}){30}")) | length)"#,
    r#"("a" * 3000 | test("(a*)*(a*)*(a*)*(a*)*(a*)*(a*)*(a*)*(a*)*(a*)*(a*)*b" * 60))"#,
    r#"("a" * 1000 | test("(" + ("()" * 500) + "){1000}"))"#,
    "([range(9)] | map(jn(2147483647; 1)))",
    r#"(0 | strftime("%255Y" * 500000))"#,
    r#"("," * 4000000 | split(",") | join(","))"#,
    r#"([range(10000)] | combinations(4))"#,
    r#"([[range(1000)], [range(1000)], [range(1000)]] | combinations)"#,
    r#"([range(5000)] | permutations)"#,
    r#"([range(9000)] | [.[:5000][] = ([range(5000)])] | length)"#,
    r#"([range(9000)] | reduce .[] as $x (.; .[:1] = [., .]))"#,
    r#"([range(3000)] | [paths, paths, paths] | tojson)"#,
    r#"([range(3000)] | transpose)"#,
    r#"("ab" * 100000 | [indices("a", "b", "ab")] | length)"#,
    r#"("a" * 100000 | [indices("a" * 50000)] | length)"#,
    r#"([range(10000)] | . - (. + .) | [limit(99; repeat([range(10000)] - [range(10000)]))])"#,
    r#"([range(2000)] | [limit(2000; repeat(. == [range(2000)]))])"#,
];

/// The most memory that this process ever had.
fn high_water() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
}

#[test]
fn attacks_end_and_take_no_more_than_they_may() {
    for attack in ATTACKS {
        let began = std::time::Instant::now();
        let outcome = KeyQuery::compile(&format!("{{a:{attack}}}"))
            .map(|query| Room::with(|room| query.keys(room, b"{}")).unwrap());
        assert!(!matches!(outcome, Ok(Err(KeyError::Broken))), "{attack}");
        assert!(began.elapsed().as_secs() < 30, "{attack}: {:?}", began.elapsed());
        assert!(high_water() < 256 << 20, "{attack}: {} MiB", high_water() >> 20);
    }
}

#[test]
fn what_ends_an_attack_is_told() {
    for attack in [
        "last(recurse(.))",
        "[range(1e9)]",
        r#"(reduce range(60) as $i ("x"; . + .))"#,
        r#"("x" * 1000000000)"#,
        "[limit(1e9; repeat(1))]",
        "(reduce range(60) as $i (1; [., .]) | tojson)",
        "(reduce range(10000) as $i (0; [.]))",
    ] {
        assert_eq!(keys(&format!("{{a:{attack}}}"), "{}"), Err(KeyError::OutOfBudget), "{attack}");
        // It cannot be caught.
        assert_eq!(
            keys(&format!("{{a:(try {attack} catch 1)}}"), "{}"),
            Err(KeyError::OutOfBudget),
            "{attack}"
        );
    }
    let long =
        keys("{a:(.a|error)}", &format!(r#"{{"a":"{}"}}"#, "é".repeat(5_000))).unwrap_err().to_string();
    assert!(long.ends_with('…') && long.len() < 600, "{long}");
}

/// Large records, and what is done with them.
#[test]
fn large_records_have_their_keys() {
    let items: Vec<String> = (0..20_000).map(|n| format!(r#"{{"id":{n},"name":"item {n}"}}"#)).collect();
    let record = format!(r#"{{"items":[{}],"kind":"large"}}"#, items.join(","));
    for (query, expected) in [
        ("{a:.kind}", "large"),
        ("{a:(.items|length)}", "20000"),
        ("{a:.items[19999].name}", "item 19999"),
        ("{a:(.items|last|.id)}", "19999"),
        ("{a:(.|tojson|length)}", &record.len().to_string()),
        (r#"{a:(.|tojson|fromjson|.kind)}"#, "large"),
    ] {
        assert_eq!(keys(query, &record).unwrap(), [expected], "{query}");
    }
    let flat: Vec<String> = (0..4_000).map(|n| n.to_string()).collect();
    let flat = format!("[{}]", flat.join(","));
    for (query, expected) in [
        ("{a:(map(. + 1)|add)}", "8002000"),
        ("{a:(sort|reverse|.[0])}", "3999"),
        (r#"{a:(map(tostring)|join(",")|length)}"#, "18889"),
        ("{a:(map(select(. % 2 == 0))|length)}", "2000"),
        ("{a:(group_by(. % 10)|length)}", "10"),
        ("{a:(unique|length)}", "4000"),
    ] {
        assert_eq!(keys(query, &flat).unwrap(), [expected], "{query}");
    }
}

#[test]
fn deep_texts_are_no_json() {
    let deep = format!(r#"{{"a":"{}"}}"#, "[".repeat(100_000));
    assert!(matches!(keys("{a:(.a|fromjson)}", &deep), Err(KeyError::Failed(_))));
}

/// jq's language by the rule book.
#[test]
fn expressions_give_what_jq_gives() {
    for (expression, input, expected) in [
        (".[1]", "[1,2]", "[2]"),
        (".[-1], .[2], .[1.7]", "[1,2]", "[2,null,2]"),
        (".[1:], .[:-1], .[:1], .[5:]", "[1,2,3]", "[[2,3],[1,2],[1],[]]"),
        (".[1:], .[:-1], .[-2:]", r#""äbcé""#, r#"["bcé","äbc","cé"]"#),
        (".a[1:]", "{}", "[null]"),
        (".[[1,2]]", "[0,1,2,1,2]", "[[1,3]]"),
        (r#"indices("a"), indices("éa")"#, r#""aéaéa""#, "[[0,2,4],[1,3]]"),
        ("indices(1), index(1), rindex(1)", "[1,0,1]", "[[0,2],0,2]"),
        ("1 + 2, 3 - 5, 2 * 3, 7 % 4, -7 % 4", "null", "[3,-2,6,3,-3]"),
        ("1 / 2, 1 + 0.5", "null", "[0.5,1.5]"),
        ("170141183460469231731687303715884105727 + 1", "null", "[1.7014118346046923e38]"),
        (r#"null + 1, "a" + "b", [1] + [2], {a:1} + {b:2}"#, "null", r#"[1,"ab",[1,2],{"a":1,"b":2}]"#),
        (r#"[1,2,1,3] - [1], "a,b" / ",", "ab" * 2, "ab" * 0"#, "null", r#"[[2,3],["a","b"],"abab",null]"#),
        ("{a:{b:1,c:2}} * {a:{b:3}}", "null", r#"[{"a":{"b":3,"c":2}}]"#),
        (
            "sort",
            r#"[{"b":1},{"a":2},[1],"a",2,1,true,false,null]"#,
            r#"[[null,false,true,1,2,"a",[1],{"a":2},{"b":1}]]"#,
        ),
        (".a = 1, .a += 1, (.b |= 5), del(.a)", r#"{"a":3}"#, r#"[{"a":1},{"a":4},{"a":3,"b":5},{}]"#),
        (".[0] = 9, .[1:] = [7], del(.[0]), (.[] |= . + 1)", "[1,2,3]", "[[9,2,3],[1,7],[2,3],[2,3,4]]"),
        (".a.b = 1, .a |= .x", "{}", r#"[{"a":{"b":1}},{"a":null}]"#),
        (
            "to_entries, with_entries(.value += 1), keys, [paths]",
            r#"{"b":1,"a":2}"#,
            r#"[[{"key":"b","value":1},{"key":"a","value":2}],{"b":2,"a":3},["a","b"],[["b"],["a"]]]"#,
        ),
        (
            "tojson, tostring, (tojson|fromjson)",
            r#"{"a":["x\"y",1.5,null]}"#,
            r#"["{\"a\":[\"x\\\"y\",1.5,null]}","{\"a\":[\"x\\\"y\",1.5,null]}",{"a":["x\"y",1.5,null]}]"#,
        ),
        (
            "length, utf8bytelength, ascii_upcase, explode, (explode|implode)",
            r#""aé""#,
            r#"[2,3,"Aé",[97,233],"aé"]"#,
        ),
        (
            r#"test("b+"), [match("b+").offset], sub("b+";"x"), [scan("b")], split("b+";null)?"#,
            r#""abba""#,
            r#"[true,[1],"axa",["b","b"],["a","a"]]"#,
        ),
        (r#"capture("(?<y>[0-9]{4})-(?<m>[0-9]{2})")"#, r#""on 2013-07""#, r#"[{"y":"2013","m":"07"}]"#),
        (r#"strftime("%Y-%m-%d"), todate"#, "1565382027", r#"["2019-08-09","2019-08-09T20:20:27Z"]"#),
        (
            r#"fromdate, (strptime("%Y-%m-%dT%H:%M:%SZ")|mktime)"#,
            r#""2019-08-09T20:20:27Z""#,
            "[1565382027,1565382027]",
        ),
        (
            "@base64, @uri, @html, @sh, @json",
            r#""<é>""#,
            r#"["PMOpPg==","%3C%C3%A9%3E","&lt;é&gt;","'<é>'","\"<é>\""]"#,
        ),
        (
            r#"has("a"), contains({a:"x"}), (.a|contains("y")), inside({a:"xy",b:1})"#,
            r#"{"a":"xy"}"#,
            "[true,true,true,true]",
        ),
        ("isnan, (nan < nan), ([nan,1,nan]|sort|length), ([nan] == [nan])", "1", "[false,true,3,false]"),
        (
            "[limit(2; .[])], first, last, nth(1), [range(0;7;3)], [range(3;0;-1)]",
            "[1,2,3]",
            "[[1,2],1,3,2,[0,3,6],[3,2,1]]",
        ),
        (
            "group_by(.a), unique_by(.a), min_by(.a), (map(.a)|min,max,add)",
            r#"[{"a":2},{"a":1},{"a":2}]"#,
            r#"[[[{"a":1}],[{"a":2},{"a":2}]],[{"a":1},{"a":2}],{"a":1},1,2,5]"#,
        ),
        ("bsearch(2), bsearch(0)", "[1,2,3]", "[1,-1]"),
        ("try error(\"x\") catch ., (.a? // 7), [.[]?]", "1", r#"["x",7,[]]"#),
        ("18446744073709551615, .", "18446744073709551615", "[18446744073709551615,18446744073709551615]"),
    ] {
        let given = keys(&format!("{{a:([{expression}]|tojson)}}"), input);
        assert_eq!(given, Ok(vec![expected.to_owned()]), "{expression}");
    }
}

#[test]
fn refuses_expressions_when_they_are_given() {
    for query in [
        "",
        ".a",
        "{}",
        "{a:.a} | {b:.a}",
        "{(.a):1}",
        "{a:1,a:2}",
        "{a:nonsense}",
        "{a:env.PATH}",
        "{a:$ENV.PATH}",
        "{a:now}",
        "{a:input}",
        "{a:",
    ] {
        assert!(KeyQuery::compile(query).is_err(), "{query}");
    }
    // Deep, but within the limits of the model: refused or compiled, never a crash.
    for part in ["{a:", "-", "try ", "if ", "[", ".a as $x|"] {
        let deep = KeyQuery::compile(&format!("{{a:({}1)}}", part.repeat(5_000 / part.len())));
        let _evaluated = deep.map(|query| Room::with(|room| query.keys(room, b"1")).unwrap());
    }
    let paths = format!("{{a:{}}}", ".a".repeat(1_000));
    assert!(matches!(KeyQuery::compile(&paths), Err(QueryError::TooDeep)));
}

/// jaq's own values, for what takes no memory to speak of.
mod beside_jaq {
    use jaq_core::data::JustLut;
    use jaq_core::load::{Arena, File, Loader};
    use jaq_core::{Compiler, Ctx, Vars, unwrap_valr};
    use jaq_json::Val;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;

    fn by_jaq(expression: &str, input: &str) -> Option<String> {
        let arena = Arena::default();
        let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        let modules = Loader::new(defs).load(&arena, File { path: (), code: expression }).ok()?;
        let funs = jaq_core::funs::<JustLut<Val>>().chain(jaq_std::funs()).chain(jaq_json::funs());
        let filter = Compiler::default().with_funs(funs).compile(modules).ok()?;
        let input = jaq_json::read::parse_single(input.as_bytes()).ok()?;
        let ctx = Ctx::<JustLut<Val>>::new(&filter.lut, Vars::new([]));
        let first = filter.id.run((ctx, input)).map(unwrap_valr).next()?;
        Some(first.ok()?.to_string())
    }

    fn expression() -> impl Strategy<Value = String> {
        let leaf = prop::sample::select(
            &[
                ".",
                "1",
                "-2",
                "0.5",
                "null",
                "true",
                r#""a""#,
                r#""éb,a""#,
                ".a",
                ".[0]",
                ".[:-1]",
                "[1,2,3]",
                "{a:1}",
                "..",
                ".[]?",
            ][..],
        );
        leaf.prop_map(str::to_owned).prop_recursive(4, 24, 3, |inner| {
            let operator = prop::sample::select(
                &[
                    " + ", " - ", " * ", " / ", " % ", " == ", " < ", " and ", " // ", " | ", ", ", " |= ",
                    " = ", " += ",
                ][..],
            );
            let function = prop::sample::select(
                &[
                    "length",
                    "keys",
                    "add",
                    "sort",
                    "unique",
                    "reverse",
                    "tojson",
                    "tostring",
                    "type",
                    "not",
                    "flatten",
                    "floor",
                    "to_entries",
                    "tonumber",
                    "ascii_upcase",
                    "explode",
                    "paths",
                    "min",
                    "max",
                    "any",
                    "all",
                    "first",
                    "last",
                    "isnan",
                    "transpose",
                    r#"split(",")"#,
                    r#"join("-")"#,
                    r#"test("a")"#,
                    r#"indices("a")"#,
                    "has(0)",
                    r#"contains("a")"#,
                    r#"ltrimstr("a")"#,
                    "map(.)",
                    "map_values(.)",
                    "group_by(.)",
                    "del(.[0])",
                    "walk(.)",
                    "recurse",
                    "[..]",
                    "@base64",
                    "@html",
                    "@uri",
                    "tojson|fromjson",
                    "fromjson",
                ][..],
            );
            prop_oneof![
                (inner.clone(), operator, inner.clone()).prop_map(|(l, o, r)| format!("({l}{o}{r})")),
                (inner.clone(), function).prop_map(|(l, f)| format!("({l} | {f})")),
                inner.clone().prop_map(|e| format!("[{e}]")),
                (inner.clone(), inner.clone()).prop_map(|(l, r)| format!("(if {l} then {r} else . end)")),
                (inner.clone(), inner.clone()).prop_map(|(l, r)| format!("(reduce {l} as $x (.; {r}))")),
                (inner.clone(), inner).prop_map(|(l, r)| format!("({l} as $x | {r}, $x)")),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 3_000,
            failure_persistence: None,
            rng_seed: RngSeed::Fixed(7),
            ..ProptestConfig::default()
        })]

        /// What jaq's own values give, ours give.
        #[test]
        fn values_are_jaqs(
            expression in expression(),
            input in prop::sample::select(&["null", "3", r#""a,b""#, "[1,[2,\"a\"],{\"a\":3}]", r#"{"a":{"b":[1,2]},"c":"x"}"#][..]),
        ) {
            let whole = format!("([{expression}] | tojson)");
            let ours = keys(&format!("{{a:{whole}}}"), input);
            // Keys of objects are texts here, as in jq.
            let refused = |text: &str| ["cannot index {", "cannot index null with", "object key"].iter().any(|part| text.contains(part));
            let differs = match &ours {
                Err(KeyError::TooLong | KeyError::OutOfBudget) => true,
                Err(KeyError::Failed(text)) => refused(text),
                _ => false,
            };
            if let (Some(jaqs), false) = (by_jaq(&whole, input), differs) {
                let jaqs: String = serde_json::from_str(&jaqs).unwrap();
                prop_assert_eq!(ours, Ok(vec![jaqs]), "{} on {}", expression, input);
            }
        }
    }
}
