//! Options of `submit` and of what else starts runs.

use super::balance::BalanceArgs;
use super::joining::JoinArgs;
use crate::config::{TimeLimit, parse_duration, parse_time_limit};
use part_core::Millis;
use std::path::PathBuf;

/// Submit groups of specs and follow the run to its end.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct SubmitArgs {
    /// Group of part.toml to run; may be repeated [default: all]
    #[arg(short, long, value_name = "LABEL")]
    pub(crate) group: Vec<String>,

    /// Run only specs that match this glob; may be repeated
    #[arg(short, long, value_name = "GLOB")]
    pub(crate) spec: Vec<String>,

    /// Suite of part.toml that the groups are made of
    #[arg(long, value_name = "NAME")]
    pub(crate) suite: Option<String>,

    /// Browser to run in
    #[arg(long, value_name = "NAME")]
    pub(crate) browser: Option<String>,

    /// Set an environment variable for the specs; may be repeated
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = variable)]
    pub(crate) env: Vec<(String, String)>,

    /// Limit for one attempt of a spec, such as 90s or 5m, or 5x for a multiple of its forecast; 0s for none
    #[arg(long, value_name = "DURATION", value_parser = parse_time_limit)]
    pub(crate) timeout: Option<TimeLimit>,

    /// Limit for silence of an attempt; 0s for none
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) idle_timeout: Option<Millis>,

    /// How often a spec that did not pass is tried again
    #[arg(long, value_name = "N")]
    pub(crate) retries: Option<u32>,

    /// Stop the run once so many specs have failed for good
    #[arg(long, visible_alias = "auto-cancel-after-failures", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_failures: Option<u32>,

    /// What workers must be able to do, such as os=linux or browser.chromium>=120; may be repeated
    #[arg(long, value_name = "REQUIREMENT")]
    pub(crate) require: Vec<String>,

    /// Ask the framework for its tests first, so that missing ones are found
    #[arg(long, overrides_with = "no_list_tests")]
    pub(crate) list_tests: bool,

    /// Do not ask the framework for its tests
    #[arg(long, overrides_with = "list_tests")]
    pub(crate) no_list_tests: bool,

    /// Say what would run, and run nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) join: JoinArgs,

    #[command(flatten)]
    pub(crate) report: ReportArgs,

    #[command(flatten)]
    pub(crate) project: ProjectArgs,

    #[command(flatten)]
    pub(crate) balance: BalanceArgs,
}

/// What becomes of a run's results.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct ReportArgs {
    /// Slots of the local mesh [default: what part.toml says, or one per CPU]
    #[arg(short = 'j', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) workers: Option<u32>,

    /// Slots of the local mesh beyond those, for groups with an aggressive algorithm; 0 for none [default: three for each slot, at most 64]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=4096))]
    pub(crate) extra_slots: Option<u32>,

    /// A spec that passed only on a retry fails the run
    #[arg(long)]
    pub(crate) fail_on_flaky: bool,

    /// Write all results to this file as JUnit XML
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,

    /// Write all artifacts into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) artifacts: Option<PathBuf>,

    /// Print the run's id and return; with --server only
    #[arg(long, conflicts_with_all = ["junit", "artifacts", "fail_on_flaky", "workers", "extra_slots"])]
    pub(crate) detach: bool,
}

/// Where part.toml is.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct ProjectArgs {
    /// The part.toml to use [default: the nearest one from the folder upwards]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Work as if started in this folder
    #[arg(short = 'C', long = "directory", value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
}

impl SubmitArgs {
    /// What was said about listing tests.
    pub(crate) fn listing(&self) -> Option<bool> {
        match (self.list_tests, self.no_list_tests) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        }
    }
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err("write it as NAME=VALUE".to_owned()),
    }
}
