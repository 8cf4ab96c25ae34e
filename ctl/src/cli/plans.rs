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
