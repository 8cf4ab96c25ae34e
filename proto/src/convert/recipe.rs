//! Recipes.

use super::error::WireError;
use crate::v1::{self, recipe::ReportPlace as WirePlace};
use part_core::{ExitRule, Millis, Recipe, ReportFormat, ReportPlace, ReportSource, Selection};

/// A recipe for the wire.
pub fn recipe_to_wire(recipe: &Recipe) -> v1::Recipe {
    v1::Recipe {
        framework: recipe.framework.clone(),
        command: recipe.command.clone(),
        folder: recipe.folder.clone(),
        env: recipe.env.clone().into_iter().collect(),
        browser: recipe.browser.clone(),
        report_format: format_to_wire(recipe.report.format).into(),
        report_place: match &recipe.report.place {
            ReportPlace::None => None,
            ReportPlace::Stdout => Some(WirePlace::ReportStdout(true)),
            ReportPlace::File(glob) => Some(WirePlace::ReportFile(glob.clone())),
        },
        exit_no_tests: recipe.exit.no_tests.clone(),
        exit_tests_failed: recipe.exit.tests_failed.clone(),
        artifacts: recipe.artifacts.clone(),
        timeout_ms: recipe.timeout.map(|limit| limit.0),
        idle_timeout_ms: recipe.idle_timeout.map(|limit| limit.0),
        grace_ms: recipe.grace.0,
        copy_workspace: recipe.copy_workspace,
        reproduce: recipe.reproduce.clone(),
        batch: recipe.batch.clone(),
        select: recipe.select.clone().map(|Selection { command, join, each }| v1::Selection {
            command,
            join,
            each,
        }),
    }
}

/// A recipe from the wire.
pub fn recipe_from_wire(wire: v1::Recipe) -> Result<Recipe, WireError> {
    let format = v1::ReportFormat::try_from(wire.report_format).ok().and_then(format_from_wire);
    let format = format.ok_or_else(|| {
        WireError::wrong(
            "recipe.report_format",
            format!("{} is not a format that is known here", wire.report_format),
        )
    })?;
    let place = match wire.report_place {
        None => ReportPlace::None,
        Some(WirePlace::ReportStdout(_)) => ReportPlace::Stdout,
        Some(WirePlace::ReportFile(glob)) => ReportPlace::File(glob),
    };
    Ok(Recipe {
        framework: wire.framework,
        command: wire.command,
        folder: wire.folder,
        env: wire.env.into_iter().collect(),
        browser: wire.browser,
        report: ReportSource { format, place },
        exit: ExitRule { no_tests: wire.exit_no_tests, tests_failed: wire.exit_tests_failed },
        artifacts: wire.artifacts,
        timeout: wire.timeout_ms.map(Millis),
        idle_timeout: wire.idle_timeout_ms.map(Millis),
        grace: Millis(wire.grace_ms),
        copy_workspace: wire.copy_workspace,
        reproduce: wire.reproduce,
        batch: wire.batch,
        select: wire.select.map(|v1::Selection { command, join, each }| Selection { command, join, each }),
    })
}

fn format_to_wire(format: ReportFormat) -> v1::ReportFormat {
    match format {
        ReportFormat::ExitCode => v1::ReportFormat::ExitCode,
        ReportFormat::Junit => v1::ReportFormat::Junit,
        ReportFormat::Trx => v1::ReportFormat::Trx,
        ReportFormat::Ctrf => v1::ReportFormat::Ctrf,
        ReportFormat::Tap => v1::ReportFormat::Tap,
        ReportFormat::NextestJson => v1::ReportFormat::NextestJson,
        ReportFormat::GoJson => v1::ReportFormat::GoJson,
        ReportFormat::PlaywrightJson => v1::ReportFormat::PlaywrightJson,
        ReportFormat::JestJson => v1::ReportFormat::JestJson,
        ReportFormat::MochaJson => v1::ReportFormat::MochaJson,
        ReportFormat::PytestReportLog => v1::ReportFormat::PytestReportLog,
        ReportFormat::XcresultJson => v1::ReportFormat::XcresultJson,
    }
}

fn format_from_wire(wire: v1::ReportFormat) -> Option<ReportFormat> {
    Some(match wire {
        v1::ReportFormat::Unspecified => return None,
        v1::ReportFormat::ExitCode => ReportFormat::ExitCode,
        v1::ReportFormat::Junit => ReportFormat::Junit,
        v1::ReportFormat::Trx => ReportFormat::Trx,
        v1::ReportFormat::Ctrf => ReportFormat::Ctrf,
        v1::ReportFormat::Tap => ReportFormat::Tap,
        v1::ReportFormat::NextestJson => ReportFormat::NextestJson,
        v1::ReportFormat::GoJson => ReportFormat::GoJson,
        v1::ReportFormat::PlaywrightJson => ReportFormat::PlaywrightJson,
        v1::ReportFormat::JestJson => ReportFormat::JestJson,
        v1::ReportFormat::MochaJson => ReportFormat::MochaJson,
        v1::ReportFormat::PytestReportLog => ReportFormat::PytestReportLog,
        v1::ReportFormat::XcresultJson => ReportFormat::XcresultJson,
    })
}
