//! A test's identity inside its spec, per framework. The report readers and the readers of listings must agree on
//! these, or a test that ran would count as missing: both call the functions here.
//!
//! | Framework | Id | Example |
//! |---|---|---|
//! | pytest | node id after the file | `TestCart::test_total[1,50]` |
//! | Playwright | project in brackets where it has a name, then the titles, joined by ` › ` | `[phone] › cart › adds` |
//! | Jest, Vitest | titles joined by ` > ` | `cart > adds` |
//! | Mocha | full title of the parents, then the title, joined by ` > ` | `cart money > adds` |
//! | node:test (TAP, JUnit) | titles joined by ` > ` | `cart > adds` |
//! | nextest | the test's path inside its binary | `tests::cart::adds` |
//! | Go | test and subtests as Go writes them | `TestCart/adds` |
//! | TRX (.NET) | the test's display name | `Shop.CartTests.Adds(n: 1)` |
//! | XCTest | target, class and method without `()` | `ShopTests/CartTests/testAdds` |
//! | CTRF | suites and name joined by ` > ` | `cart > adds` |
//! | JUnit | see the `junit` reader | `CartTest > adds` |

/// Titles joined by ` > `: the id for Jest, Vitest and node:test, and everybody's display name.
pub fn titles<S: AsRef<str>>(titles: &[S]) -> String {
    join(titles, " > ")
}

/// A pytest node id without its file: what follows the first `::`. A node id that has none (a module that was
/// skipped as a whole) stays as it is.
pub fn pytest(node_id: &str) -> &str {
    node_id.split_once("::").map_or(node_id, |(_, test)| test)
}

/// Playwright's titles, below the file, with the project in front where it has a name.
pub fn playwright<S: AsRef<str>>(project: &str, titles: &[S]) -> String {
    let titles = join(titles, " › ");
    if project.is_empty() { titles } else { format!("[{project}] › {titles}") }
}

/// Mocha's JSON gives a test's title and its full title, in which all titles are joined by spaces: where one
/// parent ends and the next begins cannot be told any more.
pub fn mocha(full_title: &str, title: &str) -> String {
    match full_title.strip_suffix(title).map(str::trim_end) {
        Some(parents) if !parents.is_empty() => format!("{parents} > {title}"),
        Some(_) | None => full_title.to_owned(),
    }
}

/// The id of an XCTest or Swift Testing test from the identifier that `xcodebuild -enumerate-tests` prints
/// (`Target/Class/method()`): Objective-C methods come without the parentheses, Swift ones with, so they go.
pub fn xcode(identifier: &str) -> &str {
    identifier.strip_suffix("()").unwrap_or(identifier)
}

fn join<S: AsRef<str>>(titles: &[S], separator: &str) -> String {
    titles.iter().map(AsRef::as_ref).filter(|title| !title.is_empty()).collect::<Vec<_>>().join(separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        assert_eq!(pytest("tests/test_a.py::TestX::test_y[a::b]"), "TestX::test_y[a::b]");
        assert_eq!(pytest("tests/test_a.py"), "tests/test_a.py");
        assert_eq!(playwright("", &["cart", "adds"]), "cart › adds");
        assert_eq!(playwright("phone", &["adds"]), "[phone] › adds");
        assert_eq!(mocha("cart money adds", "adds"), "cart money > adds");
        assert_eq!(mocha("adds", "adds"), "adds");
        assert_eq!(mocha("odd", "adds"), "odd");
        assert_eq!(xcode("ShopTests/Cart/testAdds()"), "ShopTests/Cart/testAdds");
        assert_eq!(xcode("ShopTests/Cart/adds(_:)"), "ShopTests/Cart/adds(_:)");
        assert_eq!(titles(&["", "cart", "adds"]), "cart > adds");
    }
}
