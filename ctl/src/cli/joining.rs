//! Options about the build that a run belongs to, and about the run as a whole.

use crate::bounds::{LONGEST_WAIT, PRIORITY, RETRY_BUDGET, WEIGHT};
use crate::config::{check_name, parse_duration};
use part_core::{Bounds, Expect, Millis};
use std::collections::BTreeSet;

/// Options about the build that a run belongs to, and about the run as a whole.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct JoinArgs {
    /// The CI build that this run belongs to: submits with the same one join [env: PART_CI_BUILD_ID] [default: found in the CI system's environment]
    #[arg(long, value_name = "ID")]
    pub(crate) ci_build_id: Option<String>,

    /// The attempt of that build, from 1 [default: what the CI system says, else the unfinished or next one]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) attempt: Option<u32>,

    /// Run everything, also what passed in an earlier attempt of the build
    #[arg(long)]
    pub(crate) all: bool,

    /// The groups that the run waits for: how many, or their labels
    #[arg(long, value_name = "N|LABEL,...", value_parser = expected)]
    pub(crate) expect_groups: Option<Expect>,

    /// How long a quiet run stays open for more groups [default: 60s where the build is known, 0s with --local]
    #[arg(long, value_name = "DURATION", value_parser = wait)]
    pub(crate) completion_delay: Option<Millis>,

    /// The run's share of the mesh beside other projects' runs [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(WEIGHT)))]
    pub(crate) weight: Option<u32>,

    /// Runs of a higher priority go first, but for the share that everybody is guaranteed [default: 0]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(i32).range(-i64::from(PRIORITY)..=i64::from(PRIORITY)))]
    pub(crate) priority: Option<i32>,

    /// How long specs that no worker can run wait for one that can, instead of being refused
    #[arg(long, value_name = "DURATION", value_parser = wait)]
    pub(crate) wait_for_workers: Option<Millis>,

    /// Start with the specs that failed in the run before
    #[arg(long, overrides_with = "no_failed_first")]
    pub(crate) failed_first: bool,

    /// Do not, although part.toml says so
    #[arg(long, overrides_with = "failed_first", hide = true)]
    pub(crate) no_failed_first: bool,

    /// Retries of all specs of the run together
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=i64::from(RETRY_BUDGET)))]
    pub(crate) retry_budget: Option<u32>,
}

impl JoinArgs {
    /// What was said about the order.
    pub(crate) fn failed_first(&self) -> Option<bool> {
        match (self.failed_first, self.no_failed_first) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        }
    }
}

/// A number of groups, or their labels.
fn expected(text: &str) -> Result<Expect, String> {
    let most = Bounds::DEFAULT.groups_per_run;
    if let Ok(count) = text.parse::<u32>() {
        let fits = count >= 1 && count as usize <= most;
        return if fits { Ok(Expect::Count(count)) } else { Err(format!("a run has 1 to {most} groups")) };
    }
    let mut labels = BTreeSet::new();
    for label in text.split(',').map(str::trim) {
        check_name("group label", label).map_err(|error| error.to_string())?;
        if !labels.insert(label.to_owned()) {
            return Err(format!("group {label:?} is named twice"));
        }
    }
    if labels.len() > most {
        return Err(format!("a run has at most {most} groups"));
    }
    Ok(Expect::Labels(labels.into_iter().collect()))
}

fn wait(text: &str) -> Result<Millis, String> {
    let length = parse_duration(text).map_err(|error| error.to_string())?;
    if length > LONGEST_WAIT { Err("at most 24 hours".to_owned()) } else { Ok(length) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_expected_by_number_or_by_label() {
        let labels =
            |labels: &[&str]| Some(Expect::Labels(labels.iter().map(|label| (*label).to_owned()).collect()));
        let table = [
            ("3", Some(Expect::Count(3))),
            ("b, a", labels(&["a", "b"])),
            ("package/admin", labels(&["package/admin"])),
            ("2,3", labels(&["2", "3"])),
            ("0", None),
            ("1000000", None),
            ("a,,b", None),
            ("a,a", None),
            ("", None),
        ];
        for (text, expect) in table {
            assert_eq!(expected(text).ok(), expect, "{text:?}");
        }
    }
}
