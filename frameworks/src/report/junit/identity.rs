//! Which test a `<testcase>` is.

use crate::report::{bounds, ids, text};

/// Who wrote the report, as far as it matters for identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Common,
    Pytest,
    NodeTest,
    WebdriverIo,
}

/// What a `<testcase>` says about its identity.
pub(super) struct Case<'a> {
    pub(super) class: &'a str,
    pub(super) name: &'a str,
    /// Titles of the enclosing suites, joined by ` > `; see [`nested`].
    pub(super) suites: &'a str,
    /// WebdriverIO's property of the suite.
    pub(super) capabilities: &'a str,
    pub(super) spec: &'a str,
}

/// The titles of a suite inside `outer`, for tests that have no class. Suites that only name the spec are left out.
/// Cut to the bound of a name at every level, so that it costs each test below no more than that.
pub(super) fn nested(outer: &str, name: &str, spec: &str) -> String {
    if text::names_spec(name, spec) {
        return outer.to_owned();
    }
    text::clip(&ids::titles(&[outer, name]), bounds::NAME_BYTES)
}

/// Id and name.
pub(super) fn identity(dialect: Dialect, case: &Case<'_>) -> (String, String) {
    match dialect {
        Dialect::Pytest => {
            let classes = pytest_classes(case.class, case.spec);
            let name = case.name.to_owned();
            if classes.is_empty() {
                return (name.clone(), name);
            }
            let id = format!("{}::{name}", classes.replace('.', "::"));
            (id, format!("{} > {name}", classes.replace('.', " > ")))
        }
        Dialect::NodeTest => same(ids::titles(&[case.suites, case.name])),
        Dialect::WebdriverIo => {
            let class = case.class.strip_prefix(case.capabilities).unwrap_or(case.class);
            same(common(&Case { class: class.trim_start_matches('.'), ..*case }))
        }
        Dialect::Common => same(common(case)),
    }
}

fn same(id: String) -> (String, String) {
    (id.clone(), id)
}

fn common(case: &Case<'_>) -> String {
    let Case { class, name, suites, spec, .. } = *case;
    if class.is_empty() {
        return ids::titles(&[suites, name]);
    }
    if name.is_empty() || ends_in_title(class, name) {
        return class.to_owned();
    }
    // xUnit.net's display names hold the class themselves.
    let holds_class = name.strip_prefix(class).is_some_and(|rest| rest.starts_with('.'));
    if holds_class || ends_in_title(name, class) || text::names_spec(class, spec) {
        return name.to_owned();
    }
    ids::titles(&[class, name])
}

/// True when `full` is `title`, or other titles, a space and `title`.
fn ends_in_title(full: &str, title: &str) -> bool {
    full.strip_suffix(title).is_some_and(|rest| rest.is_empty() || rest.ends_with(' '))
}

/// The classes in pytest's `classname`, which is the module's dotted path and then the classes. The module is the
/// spec's path from the folder where pytest has its root, so any end of the spec's path may stand there.
fn pytest_classes<'a>(class: &'a str, spec: &str) -> &'a str {
    let module = spec.strip_suffix(".py").unwrap_or(spec).replace(['/', '\\'], ".");
    let mut module = module.trim_start_matches('.');
    while !module.is_empty() {
        if let Some(rest) = class.strip_prefix(module)
            && (rest.is_empty() || rest.starts_with('.'))
        {
            return rest.trim_start_matches('.');
        }
        module = module.split_once('.').map_or("", |(_, rest)| rest);
    }
    // Another file's test, or no spec given. Classes are capitalised by pytest's own convention, modules are not.
    let upper = |part: &str| part.chars().next().is_some_and(char::is_uppercase);
    match class.split('.').position(upper) {
        Some(0) => class,
        Some(n) => class.match_indices('.').nth(n - 1).map_or("", |(at, _)| &class[at + 1..]),
        None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(dialect: Dialect, class: &str, name: &str, suites: &str, spec: &str) -> String {
        identity(dialect, &Case { class, name, suites, capabilities: "chrome.1", spec }).0
    }

    #[test]
    fn common_ids() {
        for (class, name, suites, spec, expected) in [
            ("shop.CartTest", "adds", "shop.CartTest", "", "shop.CartTest > adds"),
            ("cart.spec.ts", "cart › adds", "cart.spec.ts", "tests/cart.spec.ts", "cart › adds"),
            ("example.com/shop/cart", "TestCart/adds", "x", "./cart", "TestCart/adds"),
            (
                "example.com/shop/cart",
                "TestCart/adds",
                "x",
                "./other",
                "example.com/shop/cart > TestCart/adds",
            ),
            ("shop::api", "tests::adds", "shop::api", "shop::api", "tests::adds"),
            ("cart adds", "cart adds", "cart", "", "cart adds"),
            ("adds", "cart adds", "cart", "", "cart adds"),
            ("cart adds", "adds", "cart", "", "cart adds"),
            ("", "adds", "outer > inner", "", "outer > inner > adds"),
            ("", "adds", "", "", "adds"),
            ("Shop.CartTests", "Adds(n: 1)", "Shop.dll", "", "Shop.CartTests > Adds(n: 1)"),
            ("Shop.CartTests", "Shop.CartTests.Adds(n: 1)", "", "", "Shop.CartTests.Adds(n: 1)"),
            ("class", "", "", "", "class"),
        ] {
            assert_eq!(id(Dialect::Common, class, name, suites, spec), expected, "{class} {name}");
        }
    }

    #[test]
    fn dialects() {
        for (dialect, class, name, suites, spec, expected) in [
            (Dialect::Pytest, "tests.test_cart", "test_a", "", "tests/test_cart.py", "test_a"),
            (
                Dialect::Pytest,
                "tests.test_cart.TestA.TestB",
                "test_a[a.b]",
                "",
                "svc/tests/test_cart.py",
                "TestA::TestB::test_a[a.b]",
            ),
            (Dialect::Pytest, "tests.test_carts", "test_a", "", "tests/test_cart.py", "test_a"),
            (Dialect::Pytest, "tests.test_cart.TestA", "test_a", "", "", "TestA::test_a"),
            (Dialect::Pytest, "TestA", "test_a", "", "", "TestA::test_a"),
            (Dialect::Pytest, "", "tests.test_broken", "", "", "tests.test_broken"),
            (Dialect::NodeTest, "test", "adds", "cart > money", "", "cart > money > adds"),
            (Dialect::WebdriverIo, "chrome.1.cart.money", "adds", "money", "", "cart.money > adds"),
        ] {
            assert_eq!(id(dialect, class, name, suites, spec), expected, "{class} {name}");
        }
    }

    #[test]
    fn suites_that_name_the_spec_are_left_out() {
        assert_eq!(nested("", "cart.spec.ts", "tests/cart.spec.ts"), "");
        assert_eq!(nested("outer", "inner", "x"), "outer > inner");
        assert!(nested(&"x".repeat(5000), "inner", "x").len() <= bounds::NAME_BYTES);
    }
}
