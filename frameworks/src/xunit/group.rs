//! One group of several assemblies: what holds for all of them.

use super::settings::{Mode, Said, Warning, XunitSettings};
use part_core::{Algorithm, Parallel, Threads};

/// What a group is to do. Nothing where no assembly says anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupSettings {
    /// What runs at the same time.
    pub parallel: Option<Parallel>,
    /// How many specs one worker runs at a time.
    pub threads: Option<Threads>,
    /// What that limits.
    pub algorithm: Option<Algorithm>,
}

/// What the settings of a group's assemblies come to. Assemblies run beside each other only where all agree to, as in
/// xUnit.net. A group has one set of rules: where its assemblies differ otherwise, the most careful one holds for all,
/// with a warning.
pub fn agreed(assemblies: &[(&str, &XunitSettings)]) -> (GroupSettings, Vec<Warning>) {
    let mut warnings = Vec::new();
    let any = assemblies.iter().any(|(_, settings)| settings.mode.is_some() || settings.assemblies.is_some());
    let beside =
        assemblies.iter().all(|(_, settings)| settings.assemblies.as_ref().is_some_and(|said| said.value));
    let modes: Vec<_> = assemblies.iter().map(|(name, settings)| (*name, settings.mode.as_ref())).collect();
    let careful = |modes: &[Mode]| if modes.contains(&Mode::None) { Mode::None } else { Mode::Collections };
    let mode = same(&modes, Mode::default(), careful, &mut warnings);
    let threads: Vec<_> =
        assemblies.iter().map(|(name, settings)| (*name, settings.threads.as_ref())).collect();
    let threads = same(&threads, Threads::Default, fewest, &mut warnings);
    let algorithms: Vec<_> =
        assemblies.iter().map(|(name, settings)| (*name, settings.algorithm.as_ref())).collect();
    let algorithm = same(&algorithms, Algorithm::default(), |_| Algorithm::Conservative, &mut warnings);
    let parallel = any.then(|| mode.unwrap_or_default().level(beside));
    (GroupSettings { parallel, threads, algorithm }, warnings)
}

/// The value that all have, or the most careful one. None where nobody says anything.
fn same<T: Copy + PartialEq>(
    all: &[(&str, Option<&Said<T>>)],
    default: T,
    careful: impl Fn(&[T]) -> T,
    warnings: &mut Vec<Warning>,
) -> Option<T> {
    let values: Vec<T> = all.iter().map(|(_, said)| said.map_or(default, |said| said.value)).collect();
    let (name, first) = all.iter().find_map(|(name, said)| said.map(|said| (*name, said)))?;
    if values.iter().all(|value| *value == first.value) {
        return Some(first.value);
    }
    let others: Vec<&str> = all.iter().map(|(other, _)| *other).filter(|other| *other != name).collect();
    let what = format!(
        "{name} differs in this from other assemblies of its group ({}); the most careful setting holds for all. Make \
         suites of their own for them",
        others.join(", ")
    );
    warnings.push(Warning::new(&first.by.file, &first.by.key, what));
    Some(careful(&values))
}

/// The fewest of numbers that can be compared at all, else the default.
fn fewest(threads: &[Threads]) -> Threads {
    let counts = threads.iter().filter_map(|threads| match threads {
        Threads::Count(count) => Some(*count),
        Threads::Default | Threads::Unlimited | Threads::PerHundredCpus(_) => None,
    });
    counts.min().map_or(Threads::Default, Threads::Count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xunit::Origin;

    fn said<T>(value: T, key: &str) -> Option<Said<T>> {
        Some(Said { value, by: Origin { file: "f".to_owned(), key: key.to_owned() } })
    }

    #[test]
    fn assemblies_run_beside_each_other_only_if_all_agree() {
        let yes = XunitSettings { assemblies: said(true, "a"), ..XunitSettings::default() };
        let no = XunitSettings { assemblies: said(false, "a"), ..XunitSettings::default() };
        let nothing = XunitSettings::default();
        let table = [
            (vec![&yes, &yes], Some(Parallel::All)),
            (vec![&yes, &no], Some(Parallel::Collections)),
            (vec![&yes, &nothing], Some(Parallel::Collections)),
            (vec![&nothing, &nothing], None),
            (vec![], None),
        ];
        for (settings, level) in table {
            let named: Vec<(&str, &XunitSettings)> =
                settings.iter().map(|settings| ("x", *settings)).collect();
            let (group, warnings) = agreed(&named);
            assert_eq!((group.parallel, warnings.len()), (level, 0), "{settings:?}");
        }
    }

    #[test]
    fn the_most_careful_setting_holds_and_says_so() {
        let one = XunitSettings {
            mode: said(Mode::None, "parallelMode"),
            threads: said(Threads::Count(2), "maxParallelThreads"),
            algorithm: said(Algorithm::Aggressive, "parallelAlgorithm"),
            ..XunitSettings::default()
        };
        let other = XunitSettings { threads: said(Threads::Count(8), "t"), ..XunitSettings::default() };
        let (group, warnings) = agreed(&[("One", &one), ("Other", &other)]);
        let wanted = GroupSettings {
            parallel: Some(Parallel::None),
            threads: Some(Threads::Count(2)),
            algorithm: Some(Algorithm::Conservative),
        };
        assert_eq!(group, wanted);
        let keys: Vec<&str> = warnings.iter().map(|warning| warning.key.as_str()).collect();
        assert_eq!(keys, ["parallelMode", "maxParallelThreads", "parallelAlgorithm"]);
        let (alone, warnings) = agreed(&[("One", &one)]);
        assert_eq!((alone.algorithm, warnings.len()), (Some(Algorithm::Aggressive), 0));
        assert_eq!(fewest(&[Threads::Unlimited, Threads::PerHundredCpus(50)]), Threads::Default);
    }
}
