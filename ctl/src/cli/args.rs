//! The verbs.

use super::global::GlobalArgs;
use super::plans::{PlanArgs, RunReportArgs};
use super::submit::{ProjectArgs, ReportArgs, SubmitArgs};
use crate::exit::Exit;
use clap::{Parser, Subcommand};
use clap_complete::Shell;
use std::path::PathBuf;

/// Runs test suites on a mesh: grouped, balanced over slots, live, recorded.
#[derive(Debug, Parser)]
#[command(name = "partctl", version, propagate_version = true)]
#[command(after_help = Exit::help(), after_long_help = format!("{}\n{}", Exit::help(), crate::env::help()))]
#[command(arg_required_else_help = true, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Submit groups of specs and follow the run to its end
    #[command(visible_alias = "run", after_help = Exit::help())]
    Submit(Box<SubmitArgs>),
    /// Say how a submission would run: its schedule, how long it would take and why; nothing runs
    Plan(Box<PlanArgs>),
    /// List runs, the newest first
    #[command(visible_alias = "ls")]
    Runs(RunsArgs),
    /// Show one run: its specs, attempts, failures and artifacts
    Show(ShowArgs),
    /// Follow a run to its end; Ctrl-C stops watching, not the run
    Watch(WatchArgs),
    /// Print what specs wrote, as it was written
    Logs(LogsArgs),
    /// Write the artifacts of a run into a folder
    Artifacts(ArtifactsArgs),
    /// Run a finished run again and follow it
    Rerun(RerunArgs),
    /// Stop a run
    Cancel(CancelArgs),
    /// List workers, what they can do and what they run
    Workers,
    /// Let a worker take no new work; what runs on it goes on
    Drain(DrainArgs),
    /// Let a drained worker take work again
    Undrain(UndrainArgs),
    /// Say why specs of a run are where they are, or are not running
    Explain(ExplainArgs),
    /// Say where a run's time went, and what limited it
    Report(RunReportArgs),
    /// Show how specs did in earlier runs, and what the next one is told
    History(HistoryArgs),
    /// Check configuration, surroundings and the mesh
    Doctor(DoctorArgs),
    /// Write a first part.toml for this folder
    Init(InitArgs),
    /// Print a completion script
    Completions(CompletionsArgs),
    /// Print the manual page, or write all of them into a folder
    Man(ManArgs),
    /// Print the version
    Version,
}

/// Options of `runs`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RunsArgs {
    /// At most so many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,

    /// Only runs of this project
    #[arg(long, value_name = "NAME")]
    pub(crate) project: Option<String>,
}

/// Options of `show`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The run: its id, a unique prefix of it, or `latest`
    #[arg(default_value = "latest")]
    pub(crate) run: String,

    /// Only specs whose name contains this
    #[arg(long, value_name = "TEXT")]
    pub(crate) spec: Option<String>,
}

/// Options of `watch`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct WatchArgs {
    /// The run: its id, a unique prefix of it, or `latest`
    #[arg(default_value = "latest", conflicts_with = "ci_build_id")]
    pub(crate) run: String,

    /// The newest attempt of this CI build, in place of a run, with all its groups
    #[arg(long, value_name = "ID")]
    pub(crate) ci_build_id: Option<String>,

    /// Only a build of this project [default: that of part.toml, where there is one]
    #[arg(long, value_name = "NAME", requires = "ci_build_id")]
    pub(crate) project: Option<String>,

    /// This attempt of the build, from 1
    #[arg(long, value_name = "N", requires = "ci_build_id", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) attempt: Option<u32>,

    /// A spec that passed only on a retry fails the run
    #[arg(long)]
    pub(crate) fail_on_flaky: bool,

    /// Write all results to this file as JUnit XML
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,

    /// Write all artifacts into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) artifacts: Option<PathBuf>,
}

/// Options of `logs`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct LogsArgs {
    /// The run: its id, a unique prefix of it, or `latest`
    pub(crate) run: String,

    /// The spec's name, or a part of the names of several [default: all]
    pub(crate) spec: Option<String>,

    /// The attempt, from 1 [default: the newest that ended]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) attempt: Option<u32>,

    /// Show what one spec writes while it runs, from attempt to attempt, until it is decided
    #[arg(short, long, requires = "spec", conflicts_with = "attempt")]
    pub(crate) follow: bool,
}

/// Options of `drain`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DrainArgs {
    /// The worker's name, as `partctl workers` shows it: that of its host
    pub(crate) host: String,

    /// Return only when nothing runs on it any more
    #[arg(long)]
    pub(crate) wait: bool,
}

/// Options of `undrain`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct UndrainArgs {
    /// The worker's name
    pub(crate) host: String,
}

/// Options of `artifacts`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ArtifactsArgs {
    /// The run: its id, a unique prefix of it, or `latest`
    pub(crate) run: String,

    /// The folder to write into
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: PathBuf,

    /// Only specs whose name contains this
    #[arg(long, value_name = "TEXT")]
    pub(crate) spec: Option<String>,
}

/// Options of `rerun`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RerunArgs {
    /// The run: its id, a unique prefix of it, or `latest`
    pub(crate) run: String,

    /// Only what failed or is missing; earlier passes are carried forward
    #[arg(long)]
    pub(crate) failed: bool,

    /// The CI build that the new run belongs to [default: that of the old one]
    #[arg(long, value_name = "ID")]
    pub(crate) ci_build_id: Option<String>,

    #[command(flatten)]
    pub(crate) report: ReportArgs,
}

/// Options of `cancel`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CancelArgs {
    /// The run: its id, a unique prefix of it, or `latest`
    pub(crate) run: String,

    /// Kill at once what runs, instead of asking it to end
    #[arg(long)]
    pub(crate) kill: bool,
}

/// Options of `explain`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ExplainArgs {
    /// The run: its id, a unique prefix of it, or `latest`
    #[arg(default_value = "latest")]
    pub(crate) run: String,

    /// Only specs whose name contains this [default: those that are not decided]
    pub(crate) spec: Option<String>,

    /// At most so many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
}

/// Options of `history`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct HistoryArgs {
    /// Only specs whose name contains this
    pub(crate) spec: String,

    /// Only this project
    #[arg(long, value_name = "NAME")]
    pub(crate) project: Option<String>,

    /// At most so many attempts
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
}

/// Options of `doctor`.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) project: ProjectArgs,
}

/// Options of `init`.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct InitArgs {
    /// The folder [default: the present one]
    #[arg(short = 'C', long = "directory", value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,

    /// Replace a part.toml that is there
    #[arg(long)]
    pub(crate) force: bool,

    /// Print it instead of writing it
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Options of `completions`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: Shell,
}

/// Options of `man`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ManArgs {
    /// Write one page for each verb into this folder
    #[arg(short, long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TimeLimit;
    use clap::CommandFactory;
    use part_core::Millis;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(std::iter::once("partctl").chain(line.split_whitespace()))
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn submit_takes_what_is_documented() {
        let line = "submit --group package/admin --group b --spec e2e/**/*.js --suite e2e --browser chromium \
                    --env A=1 -e B=x=y --timeout 90s --idle-timeout 0s --retries 2 --max-failures 3 --workers 4 \
                    --ci-build-id 41 --require os=linux --fail-on-flaky --no-list-tests --junit r.xml --artifacts out \
                    --config other.toml -C web --output json";
        let cli = parse(line).expect("it parses");
        assert_eq!(cli.global.output, crate::out::Format::Json);
        let Command::Submit(args) = cli.command else { panic!("not submit") };
        assert_eq!(args.group, ["package/admin", "b"]);
        assert_eq!(args.env, [("A".to_owned(), "1".to_owned()), ("B".to_owned(), "x=y".to_owned())]);
        assert_eq!(
            (args.timeout, args.idle_timeout),
            (Some(TimeLimit::Length(Millis(90_000))), Some(Millis(0)))
        );
        assert_eq!(args.listing(), Some(false));
        assert_eq!(args.report.workers, Some(4));
        assert_eq!(args.require, ["os=linux"]);
    }

    #[test]
    fn builds_and_runs_are_named_in_their_own_options() {
        let line = "submit --ci-build-id x --attempt 2 --all --expect-groups a,b --completion-delay 90s --weight 3 \
                    --priority -5 --wait-for-workers 5m --failed-first --no-failed-first --retry-budget 0";
        let Command::Submit(args) = parse(line).expect("it parses").command else { panic!("not submit") };
        assert_eq!((args.join.ci_build_id.as_deref(), args.join.attempt), (Some("x"), Some(2)));
        assert_eq!((args.join.all, args.join.failed_first()), (true, Some(false)));
        assert_eq!(
            (args.join.weight, args.join.priority, args.join.retry_budget),
            (Some(3), Some(-5), Some(0))
        );
        assert_eq!(args.join.completion_delay, Some(Millis(90_000)));
        let Command::Watch(args) =
            parse("watch --ci-build-id x --project p --attempt 2").expect("it parses").command
        else {
            panic!("not watch")
        };
        assert_eq!(
            (args.ci_build_id.as_deref(), args.project.as_deref(), args.attempt),
            (Some("x"), Some("p"), Some(2))
        );
        assert_eq!(args.run, "latest");
    }

    #[test]
    fn the_alias_and_the_defaults_work() {
        let Command::Submit(args) = parse("run --group a").expect("it parses").command else {
            panic!("not submit")
        };
        assert_eq!(args.listing(), None);
        let Command::Show(args) = parse("show").expect("it parses").command else { panic!("not show") };
        assert_eq!(args.run, "latest");
        let last = parse("submit --list-tests --no-list-tests --list-tests").expect("it parses");
        let Command::Submit(args) = last.command else { panic!("not submit") };
        assert_eq!(args.listing(), Some(true));
    }

    #[test]
    fn nonsense_is_a_usage_error() {
        let lines = [
            "",
            "nonsense",
            "submit --timeout soon",
            "submit --env novalue",
            "submit --env =x",
            "submit --max-failures 0",
            "submit --workers 0",
            "submit --attempt 0",
            "submit --expect-groups 0",
            "submit --expect-groups a,a",
            "submit --completion-delay 25h",
            "submit --weight 0",
            "submit --priority 1001",
            "submit --retry-budget -1",
            "watch run_1 --ci-build-id x",
            "watch --attempt 2",
            "submit --detach --junit x",
            "runs --limit 0",
            "runs --server a:1 --local",
            "runs --server a:1 --home x",
            "runs -q -v",
            "runs --output yaml",
            "logs",
            "logs run --attempt 0",
            "completions cmd",
        ];
        for line in lines {
            let error = parse(line).err();
            assert_eq!(error.as_ref().map(clap::Error::exit_code), Some(2), "{line}: {error:?}");
        }
    }
}
