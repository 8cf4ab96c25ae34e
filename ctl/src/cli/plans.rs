//! Options of the verbs about balance: `plan` and `report`.

use super::submit::SubmitArgs;

/// Options of `plan`: those of `submit`, but for what is done with results.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(mut_arg("detach", |arg| arg.hide(true)))]
#[command(mut_arg("junit", |arg| arg.hide(true)))]
#[command(mut_arg("artifacts", |arg| arg.hide(true)))]
#[command(mut_arg("fail_on_flaky", |arg| arg.hide(true)))]
#[command(mut_arg("dry_run", |arg| arg.hide(true)))]
pub(crate) struct PlanArgs {
    /// Plan for so many slots that can run everything [default: for the workers that are there]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) slots: Option<u32>,

    #[command(flatten)]
    pub(crate) submit: SubmitArgs,
}

/// Options of `report`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RunReportArgs {
    /// The run: its id, a unique prefix of it, or `latest`
    #[arg(default_value = "latest")]
    pub(crate) run: String,
}

#[cfg(test)]
mod tests {
    use super::super::{Cli, Command};
    use clap::Parser;

    fn parse(line: &str) -> Result<Command, clap::Error> {
        Cli::try_parse_from(std::iter::once("partctl").chain(line.split_whitespace())).map(|cli| cli.command)
    }

    #[test]
    fn a_plan_takes_what_a_submit_takes() {
        let Ok(Command::Plan(args)) = parse("plan --group a --spec b/** --slots 4 --max-threads 2 --all")
        else {
            panic!("not plan")
        };
        assert_eq!(
            (args.slots, args.submit.group.as_slice(), args.submit.join.all),
            (Some(4), &["a".to_owned()][..], true)
        );
        let Ok(Command::Report(args)) = parse("report") else { panic!("not report") };
        assert_eq!(args.run, "latest");
        for line in ["plan --slots 0", "plan --slots many", "report a b"] {
            assert_eq!(parse(line).err().map(|error| error.exit_code()), Some(2), "{line}");
        }
    }
}
