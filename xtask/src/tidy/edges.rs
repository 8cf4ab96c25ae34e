//! Which crate may know which: the table of the architecture, checked against what cargo says.

use std::path::PathBuf;

use super::complaint::Complaint;
use crate::json::Value;

/// A crate of the workspace and what it may know.
struct Rule {
    package: &'static str,
    /// Crates of the workspace.
    ours: &'static [&'static str],
    /// Crates of others, where even those are named one by one. Tests may use what they like.
    others: Option<&'static [&'static str]>,
}

const RULES: &[Rule] = &[
    Rule { package: "part-core", ours: &[], others: Some(&["serde", "thiserror"]) },
    Rule { package: "part-proto", ours: &["part-core"], others: None },
    Rule { package: "part-trust", ours: &[], others: None },
    Rule { package: "part-store", ours: &["part-core"], others: None },
    Rule { package: "part-frameworks", ours: &["part-core"], others: None },
    Rule { package: "part-workspace", ours: &[], others: None },
    Rule {
        package: "part-worker",
        ours: &["part-core", "part-proto", "part-trust", "part-frameworks", "part-workspace"],
        others: None,
    },
    Rule {
        package: "partd",
        ours: &["part-core", "part-proto", "part-trust", "part-store", "part-worker", "part-workspace"],
        others: None,
    },
    Rule {
        package: "partctl",
        ours: &["part-core", "part-proto", "part-trust", "part-frameworks", "part-workspace", "partd"],
        others: None,
    },
    Rule { package: "part-sim", ours: &["part-core"], others: None },
    Rule { package: "part-bench", ours: &["part-core"], others: None },
    // It knows the programs only, from outside.
    Rule { package: "part-e2e", ours: &[], others: None },
    Rule { package: "xtask", ours: &[], others: Some(&["xshell"]) },
];

/// Crates of others that only one of ours may use: there is one database layer, in one place.
const RESERVED: &[(&str, &str)] = &[("sqlx", "part-store")];

/// A crate of the workspace, as cargo describes it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Package {
    /// The name of the crate.
    pub(super) name: String,
    /// Its `Cargo.toml`.
    pub(super) manifest: PathBuf,
    /// What it depends on.
    pub(super) dependencies: Vec<Dependency>,
}

/// An edge.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Dependency {
    /// The crate at the other end.
    pub(super) name: String,
    /// Whether only tests use it.
    pub(super) for_tests: bool,
}

/// The crates of the workspace in what `cargo metadata --no-deps` printed.
pub(super) fn packages(metadata: &Value) -> Vec<Package> {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::text).unwrap_or_default().to_owned();
    let dependency = |value: &Value| Dependency {
        name: text(value, "name"),
        for_tests: value.get("kind").and_then(Value::text) == Some("dev"),
    };
    let package = |value: &Value| Package {
        name: text(value, "name"),
        manifest: text(value, "manifest_path").into(),
        dependencies: value
            .get("dependencies")
            .map_or(&[][..], Value::items)
            .iter()
            .map(dependency)
            .collect(),
    };
    metadata.get("packages").map_or(&[][..], Value::items).iter().map(package).collect()
}

/// Complains about every edge that the table does not have, and about crates that it does not know.
pub(super) fn check(packages: &[Package]) -> Vec<Complaint> {
    let is_ours = |name: &str| packages.iter().any(|package| package.name == name);
    let mut complaints = Vec::new();
    for package in packages {
        let Some(rule) = RULES.iter().find(|rule| rule.package == package.name) else {
            complaints.push(Complaint::new(
                &package.name,
                "is in no rule of xtask/src/tidy/edges.rs: say what it may know",
            ));
            continue;
        };
        for dependency in &package.dependencies {
            if let Some(reason) = refusal(rule, dependency, is_ours(&dependency.name)) {
                complaints.push(Complaint::new(
                    &package.name,
                    format!("must not depend on {}: {reason}", dependency.name),
                ));
            }
        }
    }
    complaints
}

fn refusal(rule: &Rule, dependency: &Dependency, is_ours: bool) -> Option<String> {
    let name = dependency.name.as_str();
    if is_ours {
        let known = if rule.ours.is_empty() { "none of our crates".to_owned() } else { rule.ours.join(", ") };
        return (!rule.ours.contains(&name)).then(|| format!("it may know {known}"));
    }
    if let Some((_, owner)) =
        RESERVED.iter().find(|(reserved, owner)| *reserved == name && *owner != rule.package)
    {
        return Some(format!("only {owner} may"));
    }
    let others = rule.others.filter(|others| !dependency.for_tests && !others.contains(&name))?;
    Some(format!("of others it may know {}", others.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    fn complaints(edges: &[(&str, &str, &str)]) -> Vec<String> {
        let listed: Vec<String> = ["part-core", "part-store", "partctl", "partd"]
            .iter()
            .map(|name| {
                let dependencies: Vec<String> = edges
                    .iter()
                    .filter(|(from, _, _)| from == name)
                    .map(|(_, to, kind)| format!(r#"{{"name":"{to}","kind":{kind}}}"#))
                    .collect();
                format!(
                    r#"{{"name":"{name}","manifest_path":"/x/Cargo.toml","dependencies":[{}]}}"#,
                    dependencies.join(",")
                )
            })
            .collect();
        let metadata =
            json::parse(&format!(r#"{{"packages":[{}]}}"#, listed.join(","))).unwrap_or(Value::Null);
        check(&packages(&metadata)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn edges_of_the_table_are_fine() {
        let fine = [
            ("part-core", "serde", "null"),
            ("part-core", "proptest", "\"dev\""),
            ("part-store", "part-core", "null"),
            ("part-store", "sqlx", "null"),
            ("partctl", "partd", "null"),
        ];
        assert_eq!(complaints(&fine), Vec::<String>::new());
    }

    #[test]
    fn other_edges_are_not() {
        for (edge, says) in [
            (
                ("part-core", "tokio", "null"),
                "part-core: must not depend on tokio: of others it may know serde, thiserror",
            ),
            (
                ("part-core", "part-store", "\"dev\""),
                "part-core: must not depend on part-store: it may know none of our crates",
            ),
            (
                ("partctl", "part-store", "null"),
                "partctl: must not depend on part-store: it may know part-core,",
            ),
            (("partd", "sqlx", "null"), "partd: must not depend on sqlx: only part-store may"),
        ] {
            let said = complaints(&[edge]);
            assert!(said.len() == 1 && said[0].starts_with(says), "{said:?}");
        }
    }

    #[test]
    fn a_new_crate_needs_a_rule() {
        let package = Package { name: "part-new".into(), manifest: PathBuf::new(), dependencies: Vec::new() };
        assert_eq!(check(&[package]).len(), 1);
    }
}
