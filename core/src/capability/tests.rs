use super::expression::{Expression, Operator};
use super::*;
use crate::bounds::{EXPRESSION_BYTES, EXPRESSION_DEPTH};
use proptest::prelude::*;

fn facts(pairs: &[(&str, &str)]) -> Capabilities {
    Capabilities(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
}

fn farm() -> Capabilities {
    facts(&[
        ("os", "macos"),
        ("arch", "aarch64"),
        ("cores", "12"),
        ("browser.chromium", "156.0.8078.73"),
        ("browser.firefox", "128.1"),
        ("browser.firefox.channel", "esr"),
        ("device.A1", "iPhone 15"),
        ("device.A1.model", "iPhone15,4"),
        ("device.A1.os", "17.2"),
        ("device.B2", ""),
        ("device.B2.os", "16.7.1"),
        ("device.10.0.0.7:5555", "Pixel 9"),
        ("device.10.0.0.7:5555.os", "15"),
        ("simulator.C3", "iPad Pro (11-inch)"),
        ("simulator.C3.os", "18.0"),
        ("label.gpu", ""),
        ("label.site", "Zürich"),
    ])
}

fn needs(text: &str) -> Requirements {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn check(has: &Capabilities, table: &[(&str, bool)]) {
    for (text, met) in table {
        assert_eq!(needs(text).unmet(has).is_none(), *met, "{text}");
    }
}

#[test]
fn simple_conditions_compare_as_people_expect() {
    let table = [
        ("os=MacOS", true),
        ("os == macos", true),
        ("os=linux", false),
        ("os != linux", true),
        ("os != macos", false),
        ("browser.chromium>=99", true),
        ("browser.chromium>=156.0.8078.73", true),
        ("browser.chromium >= 157", false),
        ("browser.chromium > 156", true),
        ("browser.chromium < 156", false),
        ("browser.chromium < 156.0.8078.100", true),
        ("browser.chromium <= 156.0.8078.73", true),
        ("cores >= 8", true),
        ("cores < 8", false),
        ("browser.edge", false),
        ("browser.edge >= 1", false),
        ("browser.edge < 1", false),
        ("browser.edge != 1", true),
        ("label.gpu", true),
        ("label.gpu == \"\"", true),
        ("!label.gpu", false),
        ("absent(label.gpu)", false),
        ("not label.tpu", true),
        ("absent( label.tpu )", true),
        ("arch ^= aarch", true),
        ("arch ^= arch", false),
        ("arch $= 64", true),
        ("arch *= \"RCH\"", true),
        ("arch *= x86", false),
        ("label.site = Zürich", true),
        ("os in (linux, macos)", true),
        ("os in ('linux', \"windows\")", false),
        ("label.none in (linux)", false),
        ("anything", true),
        ("!anything", false),
    ];
    check(&farm(), &table);
}

#[test]
fn conditions_are_joined_with_the_usual_precedence() {
    let table = [
        ("os=linux && label.gpu", false),
        ("os=linux || label.gpu", true),
        ("os=linux && label.none || label.gpu", true),
        ("os=linux && (label.none || label.gpu)", false),
        ("!os=linux && label.gpu", true),
        ("!(os=linux || label.gpu)", false),
        ("not os=linux and label.gpu", true),
        ("!!label.gpu", true),
        ("os=macos and arch=aarch64 or label.none", true),
    ];
    check(&farm(), &table);
}

#[test]
fn one_browser_and_one_device_meet_all_conditions_together() {
    let table = [
        ("browser == firefox && version >= 128", true),
        ("browser == firefox && browser.version >= 128", true),
        ("browser == firefox && version >= 150", false),
        ("version >= 150", true),
        ("browser == chromium && version >= 150 && browser.firefox>=128", true),
        ("browser == firefox && browser == chromium", false),
        ("browser in (edge, Firefox) && version < 129", true),
        ("browser.channel = esr && browser=firefox", true),
        ("browser.channel = esr && browser=chromium", false),
        ("browser != firefox && version < 130", false),
        ("!browser", false),
        ("device.os ^= \"17.\"", true),
        ("device == iPhone 15 && device.os >= 17", true),
        ("device = B2 && device.os < 17", true),
        ("device.id = A1 && device.model = iPhone15,4", true),
        ("device.os >= 17 && device.os < 18 && simulator.os >= 18", true),
        ("device.os >= 18", false),
        ("device == Pixel 9 && device.os == 15", true),
        ("device.10.0.0.7:5555.os = 15", true),
        ("simulator=iPad Pro (11-inch)", true),
        ("(browser == firefox && version >= 150) || device.os ^= 17", true),
        ("(browser == firefox && version >= 150) || device.os ^= 19", false),
        ("browser == firefox && device.os ^= 17 && simulator && version < 129", true),
    ];
    check(&farm(), &table);
    check(&facts(&[("os", "linux")]), &[("browser", false), ("!browser", true), ("version >= 1", false)]);
}

#[test]
fn only_so_many_combinations_are_tried() {
    let many = (0..400).flat_map(|n| {
        [(format!("device.D{n:03}"), "phone".to_owned()), (format!("simulator.S{n:03}"), "tablet".to_owned())]
    });
    let has = Capabilities(many.collect());
    // Apart they are quickly found; together they would be 160,000.
    assert!(needs("device.id = D399 && simulator.id = S399").unmet(&has).is_none());
    assert!(needs("device.id = D399 && simulator.id = S399 || device.id = none").unmet(&has).is_some());
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let table = [
        ("", "a capability is missing, such as `os` in `os = linux` (column 1)"),
        ("=x", "a capability is expected, not `=x` (column 1)"),
        ("os=", "a value is missing after `=`; an empty one is \"\" (column 4)"),
        ("os = ", "a value is missing after `=`; an empty one is \"\" (column 6)"),
        ("os ==", "a value is missing after `==`; an empty one is \"\" (column 6)"),
        ("os>=", "a value is missing after `>=`; an empty one is \"\" (column 5)"),
        ("a b", "a comparison, `&&`, `||` or the end is expected, not `b` (column 3)"),
        ("os ~ linux", "a comparison, `&&`, `||` or the end is expected, not `~` (column 4)"),
        (
            "browser = firefox version >= 128",
            "a comparison, `&&`, `||` or the end is expected, not `>=` (column 27)",
        ),
        ("os=linux && ", "a capability is missing, such as `os` in `os = linux` (column 13)"),
        ("os=linux && && b", "a capability is expected, not `&&` (column 13)"),
        ("(os=linux || x", "this `(` is not closed (column 1)"),
        ("os=linux)", "a comparison, `&&`, `||` or the end is expected, not `)` (column 9)"),
        ("é='x", "a capability is expected, not `é='x` (column 1)"),
        ("a='é' && b='x", "this quotation mark has no second one (column 12)"),
        ("os in linux", "`in` needs a list, such as (a, b) (column 7)"),
        ("os in (linux", "`,` or `)` is expected in the list (column 13)"),
        ("os in ()", "a value is missing after `(`; an empty one is \"\" (column 8)"),
        ("os and or", "a capability is expected, not `or` (column 8)"),
        ("absent(a b)", "`absent` needs one capability, such as absent(label.gpu) (column 10)"),
    ];
    for (text, problem) in table {
        let error = text.parse::<Requirement>().expect_err(text).to_string();
        assert_eq!(error, format!("{text:?} is not a requirement: {problem}"));
    }
}

#[test]
fn long_and_deep_text_is_refused() {
    let long = "a".repeat(EXPRESSION_BYTES + 1).parse::<Requirement>().expect_err("long").to_string();
    assert!(long.len() < 400 && long.contains("it is longer than 1024 bytes"), "{long}");
    // Its canonical text would be longer than what is taken.
    let tight = vec!["a"; EXPRESSION_BYTES / 3].join("||");
    assert!(tight.len() <= EXPRESSION_BYTES && tight.parse::<Requirement>().is_err());
    for (open, close) in [("(", ")"), ("!", ""), ("!(", ")"), ("not ", "")] {
        let nested = |depth: usize| format!("{}a{}", open.repeat(depth), close.repeat(depth));
        assert!(nested(EXPRESSION_DEPTH - 1).parse::<Requirement>().is_ok(), "{open}");
        let error = nested(EXPRESSION_DEPTH).parse::<Requirement>().expect_err(open).to_string();
        assert!(error.contains("nested more than 32 deep"), "{error}");
    }
}

#[test]
fn what_was_understood_before_expressions_still_is() {
    let table = [
        ("device=iPad Pro (11-inch)", r#"device="iPad Pro (11-inch)""#),
        ("device.model = iPhone15,3", r#"device.model="iPhone15,3""#),
        ("label.team=R&D", r#"label.team="R&D""#),
        ("os == linux", "os=linux"),
        ("browser.chromium >= 120", "browser.chromium>=120"),
        (" label.gpu ", "label.gpu"),
    ];
    for (text, canonical) in table {
        assert_eq!(text.parse::<Requirement>().expect(text).to_string(), canonical);
    }
    let stored = r#"[{"key":"browser.chromium","comparison":"at_least","value":"99"},
        {"key":"os","comparison":"equal","value":"linux"},{"key":"label.gpu","comparison":"present","value":""}]"#;
    let read: Requirements = serde_json::from_str(stored).expect("stored before");
    assert_eq!(read, needs("label.gpu && os=linux && browser.chromium >= 99"));
}

#[test]
fn simple_conditions_are_stored_as_before_and_others_as_text() {
    let stored = serde_json::to_string(&needs("os=linux && a<1 && (b || c>=2)")).expect("JSON");
    assert_eq!(stored, r#"["a<1","b || c>=2",{"key":"os","comparison":"equal","value":"linux"}]"#);
    for wrong in [r#"["a <"]"#, r#"[{"key":"a b","comparison":"present","value":""}]"#, "[1]"] {
        assert!(serde_json::from_str::<Requirements>(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn parts_are_kept_apart_and_told_one_by_one() {
    let all = needs("label.gpu && (os=linux && cores >= 4) && label.gpu");
    let parts: Vec<String> = all.iter().map(ToString::to_string).collect();
    assert_eq!(parts, ["cores>=4", "label.gpu", "os=linux"]);
    assert_eq!(all.to_string(), "cores>=4 and label.gpu and os=linux");
    assert_eq!(
        all,
        Requirements::new(vec![
            "os=linux && cores>=4".parse().expect("one"),
            "label.gpu".parse().expect("one")
        ])
    );
    assert_eq!(all.unmet(&farm()).map(ToString::to_string).as_deref(), Some("os=linux"));
    assert_eq!(needs("a || b").to_string(), "a || b");
    assert_eq!(needs("c && (a || b)").to_string(), "(a || b) and c");
    assert_eq!(needs("anything").to_string(), "anything");
    assert!(needs("anything").is_empty());
}

#[test]
fn a_miss_says_which_part_and_what_there_is() {
    let table = [
        ("os=linux", "os=linux", "has os=macos", 1),
        ("label.tpu && os=linux", "label.tpu", "has label.gpu, label.site=Zürich", 2),
        ("pool=a", "pool=a", "has no pool at all", 1),
        (
            "browser == firefox && version >= 150",
            "browser=firefox and version>=150",
            "has browser.chromium=156.0.8078.73, browser.firefox=128.1, browser.firefox.channel=esr",
            1,
        ),
        ("os=linux || pool", "os=linux || pool", "has os=macos and has no pool at all", 1),
    ];
    for (text, part, have, unmet) in table {
        let miss = needs(text).nearest_miss(&farm()).expect(text);
        assert_eq!((miss.part.as_str(), miss.have.as_str(), miss.unmet), (part, have, unmet), "{text}");
    }
    assert_eq!(needs("label.gpu").nearest_miss(&farm()), None);
    let many = Capabilities((0..20).map(|n| (format!("label.l{n:02}"), String::new())).collect());
    let have = needs("label.gpu").nearest_miss(&many).expect("a miss").have;
    assert!(have.ends_with("label.l07 and 12 more of label"), "{have}");
}

#[test]
fn what_no_worker_meets_is_told_first() {
    let (mac, linux) = (farm(), facts(&[("os", "linux"), ("browser.firefox", "120")]));
    let workers = || [("mac", &mac), ("linux", &linux)];
    let miss =
        |text: &str| needs(text).nearest_miss_among(workers()).map(|(worker, miss)| (worker, miss.part));
    assert_eq!(miss("os=linux && label.gpu"), Some(("mac", "os=linux".to_owned())));
    assert_eq!(miss("os=linux && label.tpu"), Some(("linux", "label.tpu".to_owned())));
    assert_eq!(miss("cores && os=linux && version>=150 && pool"), Some(("mac", "pool".to_owned())));
    assert_eq!(miss("os=linux"), None);
    assert_eq!(needs("os=linux").nearest_miss_among(std::iter::empty::<((), _)>()), None);
}

#[test]
fn the_class_leaves_versions_and_labels_out() {
    let table = [
        ("anything", "anything"),
        ("label.gpu && cores>=4", "anything"),
        ("browser.firefox", "browser.firefox"),
        ("browser.firefox>=120", "browser.firefox"),
        ("browser.firefox=120", "browser.firefox"),
        ("browser == Firefox && version >= 128", "browser.firefox"),
        ("browser.version < 130 and browser.name = firefox", "browser.firefox"),
        ("browser.firefox && browser == firefox && label.gpu", "browser.firefox"),
        ("version >= 100", "browser"),
        ("browser in (firefox, chromium) && version > 100", "browser.chromium || browser.firefox"),
        ("os=linux && browser in (firefox, chromium)", "(browser.chromium || browser.firefox) and os=linux"),
        ("browser in (firefox)", "browser.firefox"),
        ("browser != firefox", "browser!=firefox"),
        ("!(browser == firefox)", "browser!=firefox"),
        ("!browser.firefox", "anything"),
        ("browser == firefox || label.gpu", "anything"),
        (
            "(browser == firefox && version>1) || (browser==chromium && version>2)",
            "browser.chromium || browser.firefox",
        ),
        ("os=linux", "os=linux"),
        ("os=Linux && os.version>=12", "os=linux"),
        ("browser.chromium>=120 && os=linux", "browser.chromium and os=linux"),
        ("device.os ^= '17.'", "device"),
        ("device.model = iPhone15,3 && device.os >= 17", "device.model=\"iphone15,3\""),
        ("device == iPhone 15", "device=\"iphone 15\""),
        ("device.A1", "device.A1"),
        ("device.A1.os >= 17", "device.A1"),
        ("simulator", "simulator"),
    ];
    for (text, class) in table {
        assert_eq!(needs(text).target(), class, "{text}");
    }
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("browser".to_owned()),
        Just("version".to_owned()),
        Just("device.os".to_owned()),
        Just("label.gpu".to_owned()),
        "[a-zA-Z0-9._:-]{1,8}".prop_filter("no word of the language", |key| {
            !super::expression::WORDS.contains(&key.as_str())
        }),
    ]
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9.]{1,6}",
        "(and|or|in|not|absent|anything)",
        "\\PC{0,8}",
        "[\"'\\\\ \n\t(),&|=<>!]{0,6}"
    ]
}

fn expression() -> impl Strategy<Value = Expression> {
    let operator = prop::sample::select(Operator::ALL.to_vec());
    let leaf = prop_oneof![
        key().prop_map(Expression::Present),
        (key(), operator, value()).prop_map(|(key, operator, value)| Expression::Compare {
            key,
            operator,
            value
        }),
        (key(), prop::collection::vec(value(), 1..4))
            .prop_map(|(key, values)| Expression::OneOf { key, values }),
        Just(Expression::All(Vec::new())),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Expression::Not(Box::new(inner))),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Expression::all),
            prop::collection::vec(inner, 1..4).prop_map(Expression::any),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(expression in expression()) {
        let text = expression.to_string();
        let read = super::parse::parse(&text, usize::MAX);
        prop_assert_eq!(read.as_ref(), Ok(&expression), "{}", text);
    }

    #[test]
    fn sets_of_conditions_read_back(expressions in prop::collection::vec(expression(), 0..4)) {
        let texts: Vec<String> = expressions.iter().map(ToString::to_string).collect();
        let parsed: Result<Vec<Requirement>, _> = texts.iter().map(|text| text.parse()).collect();
        prop_assume!(parsed.is_ok());
        let set = Requirements::new(parsed.expect("checked"));
        let read = set.to_string().parse::<Requirements>();
        prop_assert_eq!(read.as_ref(), Ok(&set), "{}", set);
        let stored = serde_json::to_string(&set).expect("JSON");
        prop_assert_eq!(&serde_json::from_str::<Requirements>(&stored).expect("stored"), &set, "{}", stored);
        prop_assert!(set.unmet(&farm()).is_none() == set.nearest_miss(&farm()).is_none());
        let _ = set.target();
    }

    #[test]
    fn any_text_is_read_or_refused_with_a_place_in_it(text in "\\PC{0,40}|[a-c.()!&|=<>^*$\"' ]{0,40}") {
        match text.parse::<Requirement>() {
            Ok(requirement) => {
                let again = requirement.to_string().parse::<Requirement>();
                prop_assert_eq!(again.as_ref(), Ok(&requirement));
            }
            Err(error) => prop_assert!((1..=text.chars().count() + 1).contains(&error.column())),
        }
    }
}
