//! Which versions of etcd several daemons should not trust.

/// Why this version is not to be trusted with several daemons; none for one that is.
pub(super) fn concern(version: &str) -> Option<String> {
    let (major, minor, patch) = parse(version)?;
    let floor = match (major, minor) {
        (3, 4) => 42,
        (3, 5) => 28,
        (3, 6) => 9,
        (3, 0..4) | (0..3, _) => {
            return Some(format!(
                "etcd {version} is too old for several daemons and no longer mended; use 3.6.9 or later"
            ));
        }
        _ => return None,
    };
    (patch < floor).then(|| {
        format!(
            "etcd {version} has known faults that matter to several daemons: it may end leases of daemons that are well, \
             lose events of a watch, answer with stale data and let strangers past its authentication; use 3.6.9, 3.5.28 \
             or 3.4.42 or later"
        )
    })
}

fn parse(version: &str) -> Option<(u32, u32, u32)> {
    let release = version.trim().trim_start_matches('v');
    let release = release.split(['-', '+']).next()?;
    let mut parts = release.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??, parts.next()??))
}

#[cfg(test)]
mod tests {
    use super::concern;

    #[test]
    fn floors() {
        let concerned = ["2.3.7", "3.3.27", "3.4.23", "3.4.41", "3.5.27", "3.6.8", "v3.4.23", "3.5.0-rc.1"];
        let fine = ["3.4.42", "3.5.28", "3.5.40+git", "3.6.9", "3.7.0", "4.0.0", "", "main", "3.4"];
        for version in concerned {
            assert!(concern(version).is_some_and(|why| why.contains("3.6.9")), "{version}");
        }
        for version in fine {
            assert_eq!(concern(version), None, "{version}");
        }
    }
}
